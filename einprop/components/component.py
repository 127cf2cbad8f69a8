"""Components: nodes of a graph of Python objects, collected from its loss into one program.

A network so written reads as the educational framework of the lectures does: inputs, parameters,
``L1 = Relu(Affine(Phi1, x))``. A component knows its operands and its equations and nothing more; the
loss reaches the rest through them, so there is no list of all components anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from einprop.components.collected import Collected, collect
from einprop.errors import InputError
from einprop.notation.parser import parse
from einprop.notation.tree import Statement
from einprop.program import Program

__all__ = ["Component", "Computed", "Formula", "Input", "Parameter"]

Array = npt.NDArray[Any]


class Component:
    """A node of the graph; it holds its value and its gradient once they are computed.

    Arithmetic makes components: ``a + b``, ``a - b``, ``a * b``, ``a / b``, ``-a`` and ``a ** 2``.

    Attributes:
        value: An array; of what is computed since the last `forward`.
        grad: Of what `backward` started from, by this component; None before, and where no
            parameter lies below.
        operands: What it is computed from, by the name that its equations give it.

    >>> x, y = Parameter(3.0), Parameter(4.0)
    >>> z = Formula("sqrt(a)", a=x * x + y * y)
    >>> float(z.forward())
    5.0
    >>> z.backward()
    >>> round(float(x.grad), 3), round(float(y.grad), 3)
    (0.6, 0.8)
    """

    operands: Mapping[str, Component] = MappingProxyType({})
    name: str | None = None
    kind: ClassVar[str] = "local"

    def __init__(self) -> None:
        self.value: Any = None
        self.grad: Any = None
        self._found: Collected | None = None

    def statements(self, axes: Mapping[str, int]) -> tuple[Statement, ...]:
        """The equations in local names; the last one defines ``y`` (or ``loss``).

        Args:
            axes: How many axes each operand has, by local name.
        """
        return ()

    @property
    def program(self) -> Program:
        """All that this component is computed from, as one program.

        Raises:
            InputError: An input has no value yet, so that nobody knows its number of axes.
        """
        return self._collected().program

    def forward(self) -> Array:
        """Compute this component and all below it; each keeps its ``value``.

        Raises:
            InputError: An input has no value.
            ShapeError: Shapes disagree.
        """
        found = self._collected()
        value = found.propagation.fprop({n: found.leaves[n].value for n in found.program.inputs})
        for component, name in found.names.items():
            if component.operands:
                component.value = found.propagation.kept[name]
        return value

    def backward(self, seed: npt.ArrayLike | None = None) -> None:
        """Compute the gradients of this component by all below it; each keeps its ``grad``.

        A component that several read gets the sum of what comes back from each.

        Args:
            seed: The gradient that this one starts with; by default 1 for a scalar, and 1/N in each
                of N entries for the losses of N examples, so that their mean is differentiated.

        Raises:
            InputError: `forward` was not called, or this is no scalar and no row of losses.
            DerivativeError: It depends on no parameter.
            ShapeError: The seed has another shape.
        """
        found = self._collected()
        if not found.propagation.kept:
            raise InputError("backward before forward: there are no values", (), "call forward()")
        start = self._seed() if seed is None else seed
        gradients = found.propagation.bprop(start)
        for component, name in found.names.items():
            component.grad = gradients.get(name)
        self.grad = start

    def parameters(self) -> dict[str, Parameter]:
        """The parameters that this component depends on, by their names in the program."""
        leaves = self._collected().leaves
        return {name: leaf for name, leaf in leaves.items() if isinstance(leaf, Parameter)}

    def _seed(self) -> Array:
        shape = np.shape(self.value)
        if len(shape) > 1:
            raise InputError(
                f"backward starts at a scalar or at one loss an example, not at shape {shape}",
                (),
                "pass a seed of that shape",
            )
        return np.full(shape, 1 / max(shape[0], 1) if shape else 1.0)

    def _collected(self) -> Collected:
        if self._found is None or self._found.is_stale():
            self._found = collect(self)
        return self._found

    def __add__(self, other: Component | float) -> Component:
        return _formula("a + b", self, other)

    def __radd__(self, other: float) -> Component:
        return _formula("b + a", self, other)

    def __sub__(self, other: Component | float) -> Component:
        return _formula("a - b", self, other)

    def __rsub__(self, other: float) -> Component:
        return _formula("b - a", self, other)

    def __mul__(self, other: Component | float) -> Component:
        return _formula("a b", self, other)

    def __rmul__(self, other: float) -> Component:
        return _formula("b a", self, other)

    def __truediv__(self, other: Component | float) -> Component:
        return _formula("a / b", self, other)

    def __rtruediv__(self, other: float) -> Component:
        return _formula("b / a", self, other)

    def __neg__(self) -> Component:
        return Formula("-a", a=self)

    def __pow__(self, other: Component | float) -> Component:
        return _formula("a^b", self, other)


class Input(Component):
    """What comes from outside: set its ``value`` before `forward`.

    Args:
        value: An array, of integers where it stands in a subscript; it may come later.
        name: What the program calls it.

    >>> x = Input(name="x")
    >>> x.value = np.array([[0.5, -0.5]])
    >>> Formula("relu(x)", x=x).forward().tolist()
    [[0.5, 0.0]]
    """

    kind = "input"

    def __init__(self, value: npt.ArrayLike | None = None, name: str | None = None) -> None:
        super().__init__()
        self.value = None if value is None else np.asarray(value)
        self.name = name


class Parameter(Component):
    """What is learnt: its ``value`` changes in place, its ``grad`` is computed by `backward`.

    Args:
        value: The first value; an array of floats is kept, not copied.
        name: What the program calls it.

    >>> Parameter([1, 2]).value
    array([1., 2.])
    """

    kind = "param"

    def __init__(self, value: npt.ArrayLike, name: str | None = None) -> None:
        super().__init__()
        array = np.asarray(value)
        self.value = array if array.dtype.kind == "f" else array.astype(np.float64)
        self.name = name


class Computed(Component):
    """A component of equations; a subclass writes them, and its constructor names the operands.

    Attributes:
        text: The equations in local names; the last one defines ``y`` or ``loss``.

    Args:
        **operands: By local name.

    >>> class Square(Computed):
    ...     text = "y = x^2"
    >>> Square(x=Input([1.0, 3.0])).forward().tolist()
    [1.0, 9.0]
    """

    text: ClassVar[str]

    def __init__(self, **operands: Component) -> None:
        super().__init__()
        self.operands = operands

    def statements(self, axes: Mapping[str, int]) -> tuple[Statement, ...]:
        """The equations in local names."""
        return parse(self.text)


class Formula(Computed):
    """An expression of the language in components of any shape.

    Args:
        expression: What is computed, such as ``"sqrt(a^2 + b^2)"``. Written without subscripts it
            applies to entries; with them it is an equation, ``"y[b] = a[b,i] w[i]"``.
        **operands: By the names that the expression gives them.

    Raises:
        EquationSyntaxError: It is no expression.
        InputError: The expression reads another name than the operands'.

    >>> float(Formula("a[i] b[i]", a=Input([1.0, 2.0]), b=Input([3.0, 4.0])).forward())
    11.0
    """

    def __init__(self, expression: str, **operands: Component) -> None:
        super().__init__(**operands)
        self._text = expression if "=" in expression else f"y = {expression}"
        read = set(Program(self._text).inputs)
        if read != set(operands):
            raise InputError(
                f"the expression reads {', '.join(sorted(read)) or 'nothing'}, "
                f"the operands are {', '.join(sorted(operands)) or 'none'}"
            )

    def statements(self, axes: Mapping[str, int]) -> tuple[Statement, ...]:
        """The expression as an equation."""
        return parse(self._text)


def _formula(expression: str, a: Component, b: Component | float) -> Formula:
    """The expression of two operands; a number is written into it."""
    if isinstance(b, Component):
        return Formula(expression, a=a, b=b)
    number = repr(int(b) if b == int(b) else float(b))
    return Formula(expression.replace("b", f"({number})" if b < 0 else number), a=a)
