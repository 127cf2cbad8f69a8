"""Figures: learning curves, weights as images, signals and gradients by layer; they need matplotlib.

Every function returns a ``matplotlib.figure.Figure`` that belongs to nobody else, to be changed or
saved; ``path=`` writes it too, in the format that the suffix names. Colours are those of Okabe and
Ito, which the colour-blind tell apart, and what differs in colour differs in line or marker as well.
"""

from einprop.plots.curves import learning_curves
from einprop.plots.gradients import gradient_norms, histograms, signals
from einprop.plots.weights import weight_images

__all__ = ["gradient_norms", "histograms", "learning_curves", "signals", "weight_images"]
