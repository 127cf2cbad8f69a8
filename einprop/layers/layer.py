"""Layers: what one computes is its equations; it is also a network of one."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from reprlib import repr as shortened
from typing import TYPE_CHECKING, Any

import numpy as np

from einprop.errors import InputError
from einprop.layers.init import Initializer
from einprop.layers.network import Network
from einprop.layers.noise import Noise
from einprop.layers.parts import LOSS, NEXT, OUTPUT, Names, check_lines, check_names
from einprop.notation.tree import Equation, IndexDeclaration, IndexGroup, Statement

__all__ = ["Layer", "Loss"]


class Layer(Network):
    """A layer: index string, parameters' initialisers, docstring. Also a network of one.

    A subclass says what the layer computes. The tensor that enters is ``x``, the one that leaves is
    ``y``; other tensors that no equation defines are parameters, state, noise or further inputs of
    the network. Written without subscripts (``y = tanh(x)``) the layer applies to tensors of any
    rank; applied to a tensor of more axes than its ``x`` has, it takes the others for batch axes
    behind the first. No layer needs a derivative by hand; one may have one.

    The attributes are class attributes, or properties where they depend on options: a layer with
    options has an ``__init__`` of its own, which ends in ``self._configure(slope=slope, …)``. That
    makes them attributes, and lets layers print and compare.

    Attributes:
        forward: The equations. Declarations among them (``index p: window < 3``) are the layer's
            own: letters and types are renamed where they meet others.
        backward: Lines of the backward pass, such as ``x.grad[b,i] += y.grad[b,j] W[i,j]``. They are
            compared with what is derived, and used in its place. None: all is derived.
        override: Whether ``backward`` may differ from what would be derived.
        evaluate: The equations in evaluation mode, where they differ from ``forward``. None: they
            are the same, but for those of new state.
        params: Initialisers by parameter. Any is replaced by keyword: ``Affine(10, W=init.zeros)``.
        state: Initialisers of arrays that have no gradient, such as running means. ``forward``
            defines ``next_mean`` if a training step replaces ``mean``.
        noise: Inputs that every training step draws anew, and how.
        units: Name of its type for every index whose size the constructor fixes, in order.

    >>> import einprop as ep
    >>> class Gated(Layer):
    ...     '''A linear map times a gate.'''
    ...     forward = "y[b,j] = (x[b,i] W[i,j]) sigmoid(x[b,c] V[c,j])"
    ...     params = {"W": ep.init.glorot_normal, "V": ep.init.glorot_normal}
    ...     units = {"j": "feature"}
    >>> Gated(3), Gated(3) == Gated(j=3), Gated(3, V=ep.init.zeros)
    (Gated(3), True, Gated(3, V=zeros))
    >>> Gated(3).init(np.random.default_rng(0), x=(8, 5))["V"].shape
    (5, 3)
    >>> class Power(Layer):
    ...     '''The entries to a power.'''
    ...     def __init__(self, exponent=2):
    ...         self._configure(exponent=exponent)
    ...     @property
    ...     def forward(self):
    ...         return f"y = x^{self.exponent}"
    >>> Power(), Power(3), Power(3)({}, x=[1.0, 2.0])
    (Power(), Power(exponent=3), array([1., 8.]))
    """

    backward: str | None = None
    override: bool = False
    output: str = OUTPUT
    units: Mapping[str, str] = {}
    sizes: Mapping[str, tuple[str, int]]
    options: Mapping[str, Any]
    initial: Mapping[str, Initializer]

    def __init__(self, *sizes: int, **named: int | Initializer) -> None:
        initial = {n: v for n, v in named.items() if callable(v) and n in self.params}
        given = dict(zip(self.units, sizes, strict=False)) | {
            n: v for n, v in named.items() if n not in initial
        }
        if len(sizes) > len(self.units) or set(given) != set(self.units):
            raise self._refuse_units()
        fixed: dict[str, tuple[str, int]] = {}
        for index, kind in self.units.items():
            size = given[index]
            if not isinstance(size, int | np.integer) or isinstance(size, bool) or size < 1:
                raise InputError(
                    f"the size of index {index} of {type(self).__name__} is {size!r}",
                    hint="a size is an integer, 1 or more",
                )
            fixed[index] = (kind, int(size))
        self._configure(initial)
        self._set(sizes=fixed)

    def _configure(
        self, initial: Mapping[str, Initializer] | None = None, /, **options: Any
    ) -> None:
        """Keep the options that the layer is made with, as attributes too.

        Args:
            initial: Initialisers that stand in place of those in ``params``.
            **options: The options by name.

        Raises:
            InputError: There is no such parameter, or what is given for it is no initialiser.
        """
        chosen = dict(initial or {})
        self._set(layers=(self,), sizes={}, options=options, initial=chosen, **options)
        for name in chosen:
            if name not in self.params:
                raise InputError(
                    f"{type(self).__name__} has no option {name}",
                    hint=f"it has {', '.join([*options, *self.params]) or 'none'}",
                )
        for name, value in {**self.initializers, **self.state}.items():
            if not callable(value):
                raise InputError(
                    f"{shortened(value)} is no initialiser of {name}",
                    hint=f"as in {name}=init.he_normal",
                )

    def __setattr__(self, name: str, value: object) -> None:
        if "layers" not in vars(self):
            raise InputError(
                f"{type(self).__name__} cannot set {name} by itself",
                hint=f"end __init__ in self._configure({name}={name}), which makes it an attribute",
            )
        super().__setattr__(name, value)

    def _refuse_units(self) -> InputError:
        name = type(self).__name__
        if not self.units:
            return InputError(f"{name} fixes no size", hint=f"write {name}()")
        wanted = ", ".join(f"{index} ({kind})" for index, kind in self.units.items())
        example = ", ".join(["10"] * len(self.units))
        plural = "indices" if len(self.units) > 1 else "index"
        return InputError(
            f"{name} takes the size of {plural} {wanted}", hint=f"as in {name}({example})"
        )

    # What a subclass says

    if TYPE_CHECKING:
        # Text and tables of a class, or properties of it: only Any lets a subclass write either.
        forward: Any
        params: Any
        state: Any
        noise: Any
        evaluate: Any
    else:

        @property
        def forward(self) -> str:
            """The equations."""
            raise InputError(
                f"{type(self).__name__} has no forward", hint='as in forward = "y = 2 x"'
            )

        @property
        def params(self) -> Mapping[str, Initializer]:
            """Initialisers by parameter."""
            return {}

        @property
        def state(self) -> Mapping[str, Initializer]:
            """Initialisers by array that has no gradient."""
            return {}

        @property
        def noise(self) -> Mapping[str, Noise]:
            """Distributions by input that every training step draws."""
            return {}

        @property
        def evaluate(self) -> str | None:
            """The equations in evaluation mode; None if they are the same but for new state."""
            return None

    def fitted(self, axes: int) -> Layer:
        """The layer for a tensor of that many axes, where its equations depend on their number."""
        return self

    # What composing reads

    @property
    def initializers(self) -> Mapping[str, Initializer]:
        """Initialisers by parameter, those that were given in place of the layer's own too."""
        return {**self.params, **self.initial}

    @property
    def branch(self) -> tuple[Layer, ...]:
        """The layers that what enters goes through before it is added to itself: none."""
        return ()

    @property
    def statements(self) -> tuple[Statement, ...]:
        """The layer's own equations, as written in ``forward`` and ``backward``."""
        forward = (*self._declared_sizes(), *check_names(self.forward, self._names))
        if self.backward is None:
            return forward
        return forward + check_lines(forward, self.backward, override=self.override)

    @property
    def evaluated(self) -> tuple[Statement, ...]:
        """The layer's own equations in evaluation mode."""
        if self.evaluate is not None:
            text = check_names(self.evaluate, self._names, evaluation=True)
            return (*self._declared_sizes(), *text)
        if not self.state and not self.noise:
            return self.statements
        if self.noise:
            check_names(self.forward, self._names, evaluation=True)
        news = {f"{NEXT}{name}" for name in self.state}
        return tuple(
            s for s in self.statements if not (isinstance(s, Equation) and s.target.name in news)
        )

    @property
    def _names(self) -> Names:
        return Names(
            type(self).__name__,
            self.output,
            tuple(self.params),
            tuple(self.state),
            tuple(self.noise),
        )

    def _declared_sizes(self) -> tuple[IndexDeclaration, ...]:
        groups = [IndexGroup((i,), name, (size,)) for i, (name, size) in self.sizes.items()]
        return (IndexDeclaration(tuple(groups)),) if groups else ()

    # As a value

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other) or not isinstance(other, Layer):
            return NotImplemented
        return self._made == other._made

    def __hash__(self) -> int:
        return hash((type(self), *(tuple(sorted(made.items())) for made in self._made[:2])))

    @property
    def _made(self) -> tuple[Mapping[str, Any], ...]:
        return self.sizes, self.options, self.initial

    def __repr__(self) -> str:
        known = inspect.signature(type(self).__init__).parameters
        shown = [str(size) for _, size in self.sizes.values()]
        for name, value in self.options.items():
            parameter = known[name]
            if parameter.default is parameter.empty and parameter.kind != parameter.KEYWORD_ONLY:
                shown.append(repr(value))
            elif value != parameter.default:
                shown.append(f"{name}={value!r}")
        shown += [f"{name}={value!r}" for name, value in self.initial.items()]
        return f"{type(self).__name__}({', '.join(shown)})"


class Loss(Layer):
    """A layer that ends a network in the scalar ``loss``; it reads targets ``t`` besides ``x``."""

    output = LOSS
