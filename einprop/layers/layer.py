"""Layers and networks: immutable values that join by ``>>`` into one program, compiled whole."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from einprop.analysis.resolve import resolve
from einprop.backward_check import check_backward
from einprop.errors import InputError
from einprop.layers.compose import Composition, at_some_index, compose
from einprop.layers.init import Array, Initializer
from einprop.notation.parser import parse
from einprop.notation.prelude import parse_backward
from einprop.notation.printer import program_text
from einprop.notation.tree import Access, Equation, Statement, walk
from einprop.program import Program

__all__ = ["Layer", "Loss", "Network"]


class Network:
    """Layers in a chain: what leaves one as ``y`` enters the next as ``x``.

    Write it ``Affine(200) >> Tanh() >> Affine(10)``. Underneath it is one `Program`.

    >>> from einprop.layers import Affine, Tanh
    >>> network = Affine(200) >> Tanh() >> Affine(10)
    >>> for line in str(network.program).splitlines()[-2:]:
    ...     print(line)
    h1[b,j] = tanh(x[b,i] W1[i,j] + B1[j])
    y[b,k] = h1[b,j] W2[j,k] + B2[k]
    >>> parameters = network.init(np.random.default_rng(0), x=(100, 784))
    >>> {name: array.shape for name, array in parameters.items()}
    {'W1': (784, 200), 'B1': (200,), 'W2': (200, 10), 'B2': (10,)}
    >>> network(parameters, x=np.zeros((5, 784))).shape
    (5, 10)
    """

    layers: tuple[Layer, ...]

    def __init__(self, *layers: Layer) -> None:
        if not layers:
            raise InputError("a network needs at least one layer")
        for layer in layers[:-1]:
            if isinstance(layer, Loss):
                raise InputError(
                    f"{layer!r} gives a scalar, so no layer can follow it",
                    hint="put the loss last: network >> loss",
                )
        self._set(layers=layers)

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a {type(self).__name__} is immutable; make a new one")

    @cached_property
    def _composition(self) -> Composition:
        return compose(self.layers)

    @cached_property
    def program(self) -> Program:
        """The whole chain as one program."""
        composition = self._composition
        return Program.from_statements(
            parse(program_text(composition.statements)),
            params=[parameter.name for parameter in composition.parameters],
        )

    @property
    def predictor(self) -> Network:
        """The network without the loss at its end: it computes ``y``."""
        if isinstance(self.layers[-1], Loss) and len(self.layers) > 1:
            return Network(*self.layers[:-1])
        return self

    def init(
        self,
        rng: np.random.Generator,
        *,
        dtype: npt.DTypeLike | None = None,
        **data: tuple[int, ...] | npt.ArrayLike,
    ) -> dict[str, Array]:
        """Draw first values of all parameters.

        Args:
            rng: Where the draws come from.
            dtype: Of the parameters; by default that of ``x`` if it is an array of floats, else
                float64.
            **data: Shapes of inputs, or arrays that have them: ``x=(100, 784)``. They and the sizes
                that layers fix determine the parameters' shapes.

        Raises:
            InputError: The shape of a parameter does not follow from the data.
        """
        kind = _dtype(data.get("x")) if dtype is None else np.dtype(dtype)
        shapes = self.program.shapes(**{name: _shape(given) for name, given in data.items()})
        drawn = {}
        for parameter in self._composition.parameters:
            shape = shapes.get(parameter.name)
            if shape is None:
                raise InputError(
                    f"the shape of {parameter.name} does not follow from what was given",
                    hint=f"pass the shapes of {', '.join(self._data_names())}",
                )
            fan_in, fan_out = parameter.fans(shape)
            drawn[parameter.name] = parameter.initialize(rng, shape, fan_in, fan_out, kind)
        return drawn

    def _data_names(self) -> list[str]:
        return [name for name in self.program.inputs if name not in self.program.params]

    def __call__(self, parameters: Mapping[str, Array], /, **tensors: npt.ArrayLike) -> Array:
        """The network's output for these parameters and inputs."""
        output: Array = self.program({**parameters, **tensors})
        return output

    def __rshift__(self, other: Network) -> Network:
        if not isinstance(other, Network):
            return NotImplemented
        return Network(*self.layers, *other.layers)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other) or not isinstance(other, Network):
            return NotImplemented
        return self.layers == other.layers

    def __hash__(self) -> int:
        return hash(self.layers)

    def __repr__(self) -> str:
        return " >> ".join(map(repr, self.layers))


class Layer(Network):
    """A layer: index string, parameters' initialisers, docstring. Also a network of one.

    A subclass says what the layer computes. The tensor that enters is ``x``, the one that leaves is
    ``y``; other tensors that no equation defines are parameters or further inputs. Written without
    subscripts (``y = tanh(x)``) the layer applies to tensors of any rank. No layer needs a derivative
    by hand; one may have one.

    Attributes:
        forward: The equations.
        backward: Lines of the backward pass, such as ``x.grad[b,i] += y.grad[b,j] W[i,j]``. They are
            compared with what is derived, and used in its place. None: all is derived.
        override: Whether ``backward`` may differ from what would be derived.
        params: Initialisers by parameter.
        units: Name of its type for every index whose size the constructor fixes, in order.

    >>> import einprop as ep
    >>> class Gated(Layer):
    ...     '''A linear map times a gate.'''
    ...     forward = "y[b,j] = (x[b,i] W[i,j]) sigmoid(x[b,c] V[c,j])"
    ...     params = {"W": ep.init.glorot_normal, "V": ep.init.glorot_normal}
    ...     units = {"j": "feature"}
    >>> Gated(3), Gated(3) == Gated(j=3)
    (Gated(3), True)
    >>> Gated(3).init(np.random.default_rng(0), x=(8, 5))["V"].shape
    (5, 3)
    """

    forward: ClassVar[str]
    backward: ClassVar[str | None] = None
    override: ClassVar[bool] = False
    params: ClassVar[Mapping[str, Initializer]] = {}
    units: ClassVar[Mapping[str, str]] = {}
    output: ClassVar[str] = "y"
    sizes: Mapping[str, tuple[str, int]]

    def __init__(self, *sizes: int, **named: int) -> None:
        given = dict(zip(self.units, sizes, strict=False)) | named
        if len(sizes) > len(self.units) or set(given) != set(self.units):
            raise self._refuse_units()
        for index, size in given.items():
            if not isinstance(size, int | np.integer) or isinstance(size, bool) or size < 1:
                raise InputError(
                    f"the size of index {index} of {type(self).__name__} is {size!r}",
                    hint="a size is an integer, 1 or more",
                )
        self._set(
            layers=(self,), sizes={i: (name, int(given[i])) for i, name in self.units.items()}
        )

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

    @property
    def statements(self) -> tuple[Statement, ...]:
        """The layer's own equations, as written in ``forward`` and ``backward``."""
        cls = type(self)
        forward = _parsed(cls.__name__, cls.forward, cls.output, tuple(cls.params))
        return forward + _declared(forward, cls.backward, override=cls.override)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other) or not isinstance(other, Layer):
            return NotImplemented
        return self.sizes == other.sizes

    def __hash__(self) -> int:
        return hash((type(self), tuple(self.sizes.items())))

    def __repr__(self) -> str:
        sizes = ", ".join(str(size) for _, size in self.sizes.values())
        return f"{type(self).__name__}({sizes})"


class Loss(Layer):
    """A layer that ends a network in the scalar ``loss``; it reads targets ``t`` besides ``x``."""

    output: ClassVar[str] = "loss"


@cache
def _parsed(name: str, forward: str, output: str, params: tuple[str, ...]) -> tuple[Statement, ...]:
    """The statements of ``forward``, once it is known that they keep the contract of names."""
    statements = parse(forward)
    equations = [s for s in statements if isinstance(s, Equation)]
    defined = {equation.target.name for equation in equations}
    read = {
        node.name
        for equation in equations
        for node in walk(equation.expression)
        if isinstance(node, Access)
    }
    if not equations or equations[-1].target.name != output:
        raise InputError(f"the last equation of {name} must define {output}")
    for tensor in ("x", *params):
        if tensor in defined:
            raise InputError(f"{tensor} enters {name}, so no equation of it may define {tensor}")
        if tensor not in read:
            raise InputError(f"no equation of {name} reads {tensor}")
    return statements


@cache
def _declared(
    forward: tuple[Statement, ...], backward: str | None, *, override: bool
) -> tuple[Statement, ...]:
    """The lines of ``backward``, once it is known that they are what is derived."""
    if backward is None:
        return ()
    lines = parse_backward(backward, forward, override=override)
    check_backward(resolve(at_some_index((*forward, *lines))))
    return lines


def _shape(given: tuple[int, ...] | npt.ArrayLike) -> tuple[int, ...]:
    if isinstance(given, tuple) and all(isinstance(size, int) for size in given):
        return tuple(size for size in given if isinstance(size, int))
    return np.shape(given)


def _dtype(given: object) -> np.dtype[Any]:
    kind = getattr(given, "dtype", None)
    if isinstance(kind, np.dtype) and np.issubdtype(kind, np.floating):
        return kind
    return np.dtype(np.float64)
