"""Networks: layers in a chain, joined by ``>>`` into one program that is compiled whole."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from reprlib import repr as shortened
from typing import TYPE_CHECKING, Any, Never

import numpy as np
import numpy.typing as npt

from einprop.arguments import as_array, has_dtype, refuse_positions, shape_of
from einprop.errors import InputError, ShapeError
from einprop.layers.compose import Composition, compose
from einprop.layers.init import Array
from einprop.layers.model import Model
from einprop.layers.parts import LOSS
from einprop.layers.shown import network_html
from einprop.layers.ties import parse_ties
from einprop.notation.parser import parse
from einprop.notation.printer import program_text, to_text
from einprop.notation.tree import Equation
from einprop.options import check_generator, dtype_of, integer
from einprop.program import Program

if TYPE_CHECKING:
    from einprop.layers.layer import Layer

__all__ = ["Network"]


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
    axes: int | None = None
    ties: tuple[Equation, ...] = ()

    def __init__(self, *layers: Layer) -> None:
        if not layers:
            raise InputError("a network needs at least one layer")
        for layer in layers[:-1]:
            if layer.output == LOSS:
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

    # The programs

    @cached_property
    def _composition(self) -> Composition:
        return compose(self.layers, axes=self.axes, ties=self.ties)

    @cached_property
    def program(self) -> Program:
        """The whole chain as one program, as a step of training runs it.

        Its inputs are data, parameters, state and noise; its outputs are ``y`` or ``loss``, and
        then the new value ``next_…`` of every state that a step replaces.
        """
        return _as_program(self._composition)

    @cached_property
    def evaluation(self) -> Program:
        """The whole chain as one program in evaluation mode: no noise, and state stays as it is.

        >>> from einprop.layers import BatchNorm
        >>> BatchNorm().evaluation.outputs, BatchNorm().program.outputs
        (('y',), ('y', 'next_running_mean', 'next_running_variance'))
        """
        evaluated = compose(self.layers, evaluation=True, axes=self.axes, ties=self.ties)
        if evaluated.statements == self._composition.statements:
            return self.program
        return _as_program(evaluated)

    @cached_property
    def predictor(self) -> Network:
        """The network without the loss at its end: it computes ``y``."""
        if self.layers[-1].output == LOSS and len(self.layers) > 1:
            return self._of(self.layers[:-1])
        return self

    def with_axes(self, axes: int | None) -> Network:
        """The network for inputs ``x`` of that many axes; the further ones are batch axes.

        Without this ``x`` has as many axes as the layers need. A call and `init` see how many
        there are; a program, as training runs it, has to be told.

        >>> from einprop.layers import Affine
        >>> print(str(Affine(3).with_axes(3).program).splitlines()[-1])
        y[b,s,j] = x[b,s,i] W[i,j] + B[j]
        """
        axes = None if axes is None else integer("axes", axes)
        if axes == self.axes:
            return self
        network = self._of(self.layers)
        network._set(axes=axes)
        return network

    def tied(self, equations: str) -> Network:
        """The network in which parameters are defined by others, and learn with them as one.

        Names are those of `program`. The gradient of a parameter to which others are tied is the sum
        over all its uses; `init`, files and optimisers see that one alone. Join all layers first.

        Args:
            equations: ``W2[i,v] = E1[v,i]``, one a line: on the left a parameter, on the right others.

        Raises:
            EquationSyntaxError: The text is no program.
            InputError: A line is no such equation, or names something that is no parameter.
            IndexTypeError: A parameter has another number of axes.
            ShapeError: Sizes disagree.

        Source: Press and Wolf, EACL 2017 (the table that reads symbols also writes them).

        >>> from einprop.layers import Affine, Embedding
        >>> network = (Embedding(65, 8) >> Affine(65)).tied("W2[i,v] = E1[v,i]")
        >>> print(network.program)
        index v, j: feature1 < 65, i: feature2 < 8
        input x[b,t]
        param E1[v,i], B2[j]
        W2[i,j] = E1[j,i]
        h1[b,t,i] = E1[x[b,t],i]
        y[b,t,j] = h1[b,t,i] W2[i,j] + B2[j]
        >>> list(network.init(np.random.default_rng(0), x=(1, 5)))
        ['E1', 'B2']
        """
        network = self._of(self.layers)
        network._set(ties=(*self.ties, *parse_ties(equations)))
        network.program  # noqa: B018 - which refuses what is no parameter
        return network

    def _of(self, layers: Sequence[Layer]) -> Network:
        """A network of other layers in the same form."""
        network = Network(*layers)
        network._set(axes=self.axes, ties=self.ties)
        return network

    def for_axes(self, axes: int | None) -> Network:
        """The network for an input ``x`` of that many axes, as a call finds it; compiled once.

        It is this one where the layers fit as they are, where `with_axes` has settled how many axes
        there are, and for None, when nobody knows yet.

        >>> from einprop.layers import Affine
        >>> layer = Affine(3)
        >>> layer.for_axes(2) is layer, layer.for_axes(3) == layer.with_axes(3)
        (True, True)
        """
        if axes is None or self.axes is not None or axes == self.program.resolved.types.rank("x"):
            return self
        if axes not in self._lifted:
            self._lifted[axes] = self.with_axes(axes)
        return self._lifted[axes]

    @cached_property
    def _lifted(self) -> dict[int, Network]:
        return {}

    @cached_property
    def model(self) -> Model:
        """What training needs and a file holds: the programs, state and noise."""
        composition = self._composition
        predicts = self.layers[-1].output != LOSS or len(self.layers) > 1
        return Model(
            program=self.program,
            evaluation=self.evaluation,
            predictor=self.predictor.evaluation if predicts else None,
            state=composition.news,
            noise=composition.noise,
            dotted=self._dotted,
        )

    # Parameters and state: one dictionary, by name

    def init(
        self,
        rng: np.random.Generator,
        *,
        dtype: npt.DTypeLike | None = None,
        **data: tuple[int, ...] | npt.ArrayLike,
    ) -> dict[str, Array]:
        """Draw first values of all parameters, and of the state behind them.

        Args:
            rng: Where the draws come from.
            dtype: Of the parameters; by default that of ``x`` if it is an array of floats, else
                float64.
            **data: Shapes of inputs, or arrays that have them: ``x=(100, 784)``. They and the sizes
                that layers fix determine the parameters' shapes.

        Raises:
            InputError: The shape of a parameter does not follow from the data.
            ShapeError: The data do not fit the layers: a window is larger than what it slides over.
        """
        network = self.for_axes(len(_shape(data["x"])) if "x" in data else None)
        if network is not self:
            return network.init(rng, dtype=dtype, **data)
        check_generator(rng)
        kind = _dtype(data.get("x")) if dtype is None else dtype_of(dtype)
        given = {name: _shape(value) for name, value in data.items()}
        shapes = self.program.shapes(**given)
        _refuse_empty(shapes, given)
        drawn = {}
        for parameter in (*self._composition.parameters, *self._composition.state):
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
        composition = self._composition
        own = {p.name for p in (*composition.parameters, *composition.state)}
        return [n for n in self.program.inputs if n not in own and n not in composition.noise]

    @property
    def _dotted(self) -> dict[str, str]:
        composition = self._composition
        return {p.name: p.dotted for p in (*composition.parameters, *composition.state)}

    def state_dict(self, parameters: Mapping[str, Array]) -> dict[str, Array]:
        """Parameters and state under dotted names: the layer's position in the chain, then its own.

        Positions count from 0 and count every layer, as in torch.nn.Sequential; a layer inside of
        another has both positions, as in ``1.0.W``. The arrays are the same, not copies.

        Raises:
            InputError: An array is missing.

        >>> from einprop.layers import Affine, Tanh
        >>> network = Affine(4) >> Tanh() >> Affine(2)
        >>> list(network.state_dict(network.init(np.random.default_rng(0), x=(1, 3))))
        ['0.W', '0.B', '2.W', '2.B']
        """
        missing = [name for name in self._dotted if name not in parameters]
        if missing:
            raise InputError(f"no array for {', '.join(missing)}", hint=_wants(self._dotted))
        return {dotted: parameters[name] for name, dotted in self._dotted.items()}

    def load_state_dict(
        self, arrays: Mapping[str, npt.ArrayLike], *, strict: bool = True
    ) -> dict[str, Array]:
        """Parameters and state by their names in the program, from arrays under dotted names.

        Args:
            arrays: As `state_dict` gives them. They are copied.
            strict: Whether every array must be there and have its place. Otherwise those that are
                and have are taken; join them with others as in ``parameters | loaded``.

        Raises:
            InputError: An array is missing or has no place.
            ShapeError: The arrays' shapes do not fit the layers, or each other.

        >>> from einprop.layers import Affine
        >>> Affine(2).load_state_dict({"0.W": np.ones((3, 2)), "0.B": np.zeros(2)})["B"]
        array([0., 0.])
        """
        dotted = self._dotted
        missing = [name for name in dotted.values() if name not in arrays]
        unknown = [str(name) for name in arrays if name not in dotted.values()]
        if strict and missing:
            raise InputError(f"no array for {', '.join(missing)}", hint=_wants(dotted.values()))
        if strict and unknown:
            raise InputError(f"no place for {', '.join(unknown)}", hint=_wants(dotted.values()))
        loaded = {n: np.array(arrays[d]) for n, d in dotted.items() if d in arrays}
        self.program.shapes({name: array.shape for name, array in loaded.items()})
        return loaded

    def __call__(
        self, parameters: Mapping[str, Array], /, *more: Never, **tensors: npt.ArrayLike
    ) -> Array:
        """The network's output, in evaluation mode, for these parameters, state and inputs.

        Raises:
            InputError: The parameters are not given by name, or an input is missing or unknown.
            ShapeError: Shapes disagree.
        """
        refuse_positions("network", more)
        if not isinstance(parameters, Mapping):
            raise InputError(
                f"a network is called with its parameters by name first, not {shortened(parameters)}",
                hint="as in network(parameters, x=x), with parameters = network.init(rng, x=x)",
            )
        program = self.for_axes(
            len(shape_of("x", tensors["x"])) if "x" in tensors else None
        ).evaluation
        own = self._dotted
        read = {n: a for n, a in parameters.items() if n in program.inputs or n not in own}
        self._refuse_targetless(program, {*read, *tensors})
        output: Array = program({**read, **tensors})
        if not np.size(output):
            given = {name: shape_of(name, a) for name, a in {**read, **tensors}.items()}
            _refuse_empty(program.shapes(given), given)
        return output

    def _refuse_targetless(self, program: Program, given: Collection[str]) -> None:
        """Say what predicts, where nothing is missing but what the loss alone reads."""
        missing = [name for name in program.inputs if name not in given]
        if not missing or self.predictor is self:
            return
        if not {*missing} & {*self.predictor.evaluation.inputs}:
            raise InputError(
                f"no array for {', '.join(missing)}, which the loss reads",
                hint="network.predictor(parameters, x=x) gives what the network says without it",
            )

    # As a value

    def __rshift__(self, other: Network) -> Network:
        if not isinstance(other, Network):
            return NotImplemented
        other.refuse_ties("behind another network")
        return self._of((*self.layers, *other.layers))

    def refuse_ties(self, where: str) -> None:
        """Refuse to be a part of something where names of parameters change.

        Raises:
            InputError: Parameters are tied.
        """
        if self.ties:
            raise InputError(
                f"{self!r} has tied parameters, so it cannot stand {where}",
                hint="join all layers first, then tie parameters of the whole network",
            )

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other) or not isinstance(other, Network):
            return NotImplemented
        return (self.layers, self.axes, self.ties) == (other.layers, other.axes, other.ties)

    def __hash__(self) -> int:
        return hash((self.layers, self.axes))

    def __repr__(self) -> str:
        chain = " >> ".join(map(repr, self.layers))
        return f"({chain}).tied({'; '.join(map(to_text, self.ties))!r})" if self.ties else chain

    def _repr_html_(self) -> str:
        return network_html(repr(self), self.program, self._composition)


def _as_program(composition: Composition) -> Program:
    return Program.from_statements(
        parse(program_text(composition.statements)),
        params=[parameter.name for parameter in composition.parameters],
        outputs=composition.outputs,
    )


def _wants(names: Sequence[str] | Mapping[str, str] | Any) -> str:
    return f"the network has {', '.join(names) or 'none'}"


def _refuse_empty(
    shapes: Mapping[str, tuple[int, ...]], given: Mapping[str, tuple[int, ...]]
) -> None:
    """Refuse what computes nothing from something."""
    if any(0 in shape for shape in given.values()):
        return
    for name, shape in shapes.items():
        if 0 in shape:
            raise ShapeError(
                f"{name} has the shape {shape}: at axis {shape.index(0)} no window fits into what "
                "it slides over",
                (),
                "pass larger inputs, or choose a smaller window or more padding",
            )


def _shape(given: Any) -> tuple[int, ...]:
    if isinstance(given, tuple) and all(isinstance(size, int) for size in given):
        return tuple(size for size in given if isinstance(size, int))
    return shape_of("an input", given)


def _dtype(given: object) -> np.dtype[Any]:
    """That of an array of floats, of whatever library; float64 for a shape or numbers without one."""
    if given is not None and has_dtype(given):
        kind = as_array("x", given).dtype
        if kind.kind == "f":
            return kind
    return np.dtype(np.float64)
