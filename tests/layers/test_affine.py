"""The affine layer against numpy, forward and backward."""

import numpy as np

from einprop.layers import Affine


def test_gradients_are_the_lecture_lines() -> None:
    rng = np.random.default_rng(0)
    x, seed = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    layer = Affine(2)
    parameters = layer.init(rng, x=x)
    forward = layer(parameters, x=x)
    np.testing.assert_allclose(forward, x @ parameters["W"] + parameters["B"])
    backward = layer.program.backward()
    tensors = {"x": x, **parameters, "y.grad": seed}
    gradients = backward({name: tensors[name] for name in backward.inputs})
    np.testing.assert_allclose(gradients["x.grad"], seed @ parameters["W"].T)
    np.testing.assert_allclose(gradients["W.grad"], x.T @ seed)
    np.testing.assert_allclose(gradients["B.grad"], seed.sum(axis=0))
