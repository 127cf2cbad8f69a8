"""Trees: lists, tuples and dicts of parameters, nested at will, as a program's named tensors and back.

A program names its tensors. A tree of arrays has paths: ``params["layers"][0]["W"]`` is the tensor
``layers_0_W``. Trees keep their arrays when they are flattened, so an optimiser that changes the flat
dict in place changes the tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from einprop.arguments import as_mapping
from einprop.errors import InputError
from einprop.program import Program
from einprop.value_and_grad import ValueAndGrad

__all__ = ["TreeGradient", "flatten", "map_leaves", "names", "unflatten", "value_and_grad"]

_Path = tuple[str | int, ...]
Tree = Any
"""An array or number, or a list, tuple or dict of trees."""


def flatten(tree: Tree, prefix: str = "p") -> dict[str, Any]:
    """The leaves of a tree by name, uncopied.

    A name is the path, joined by ``_``. What does not begin at a dict begins with the prefix.

    Args:
        tree: Lists, tuples and dicts (with text as keys), nested; all else is a leaf.
        prefix: What names begin with unless the tree is a dict.

    Raises:
        InputError: Two leaves would have one name, or a key is no part of a name.

    >>> flatten({"layers": [{"W": 1, "B": 2}, {"W": 3, "B": 4}], "scale": 5})
    {'layers_0_W': 1, 'layers_0_B': 2, 'layers_1_W': 3, 'layers_1_B': 4, 'scale': 5}
    >>> flatten([(1, 2), 3])
    {'p0_0': 1, 'p0_1': 2, 'p1': 3}
    """
    found: dict[str, Any] = {}
    for path, leaf in _leaves(tree, ()):
        name = _name(path, prefix)
        if name in found:
            raise InputError(
                f"two leaves of the tree have the name {name}",
                hint="a name is the path joined by _: rename a key",
            )
        found[name] = leaf
    return found


def names(tree: Tree, prefix: str = "p") -> Tree:
    """The same tree with the name of its tensor at each leaf, to write equations with.

    >>> names([(1, 2), {"W": 3}])
    [('p0_0', 'p0_1'), {'W': 'p1_W'}]
    """
    flat = flatten(tree, prefix)
    return unflatten({name: name for name in flat}, tree, prefix)


def unflatten(leaves: Mapping[str, Any], like: Tree, prefix: str = "p") -> Tree:
    """The tree whose leaves are these, nested as another.

    Args:
        leaves: By name, as `flatten` gives them; further names are left aside.
        like: A tree of the wanted nesting.
        prefix: As for `flatten`.

    Raises:
        InputError: A leaf is missing.

    >>> unflatten({"p0": 10, "p1_W": 20}, like=(1, {"W": 2}))
    (10, {'W': 20})
    """
    missing = [name for name in flatten(like, prefix) if name not in leaves]
    if missing:
        raise InputError(f"no leaf is called {', '.join(missing)}")
    return _rebuilt(like, (), lambda path, _: leaves[_name(path, prefix)])


def map_leaves(function: Callable[..., Any], tree: Tree, *others: Tree) -> Tree:
    """The tree of ``function(leaf, …)`` over trees of the same nesting.

    Raises:
        InputError: The trees are nested in different ways.

    >>> map_leaves(lambda p, g: p - 0.5 * g, [1.0, {"w": 2.0}], [2.0, {"w": 2.0}])
    [0.0, {'w': 1.0}]
    """
    flat = [dict(_leaves(other, ())) for other in others]
    paths = [path for path, _ in _leaves(tree, ())]
    if any(list(other) != paths for other in flat):
        raise InputError("the trees are nested in different ways")
    return _rebuilt(tree, (), lambda path, leaf: function(leaf, *(f[path] for f in flat)))


@dataclass(frozen=True)
class TreeGradient:
    """A scalar and its gradient as a function of a tree; made by `value_and_grad`.

    Attributes:
        program: Computes the scalar.
        of: The scalar; None is the one output.
        prefix: What names begin with unless the tree is a dict.
    """

    program: Program
    of: str | None
    prefix: str
    _derived: dict[tuple[str, ...], ValueAndGrad] = field(
        default_factory=dict, compare=False, repr=False
    )

    def __call__(
        self, tree: Tree, tensors: Mapping[str, Any] | None = None, /, **named: Any
    ) -> tuple[Any, Tree]:
        """The value, and a tree of gradients nested as the parameters.

        Args:
            tree: The parameters; one that the program does not read has the gradient 0.
            tensors: Data by name.
            **named: Data by name.

        Raises:
            InputError: A tensor is missing, unknown, or given twice.
            ShapeError: Shapes disagree.
        """
        leaves = flatten(tree, self.prefix)
        read = {name: leaf for name, leaf in leaves.items() if name in self.program.inputs}
        wrt = tuple(read)
        if wrt not in self._derived:
            self._derived[wrt] = self.program.value_and_grad(self.of, wrt)
        data = as_mapping(tensors, named, "tensors")
        value, gradients = self._derived[wrt](read, **data)
        found = {
            name: gradients[name] if name in gradients else np.zeros(np.shape(leaf))
            for name, leaf in leaves.items()
        }
        return value, unflatten(found, tree, self.prefix)


def value_and_grad(
    program: Program | str, of: str | None = None, *, prefix: str = "p"
) -> TreeGradient:
    """A function from a tree of parameters to the value of a scalar and its tree of gradients.

    Args:
        program: Reads the leaves of the tree under the names that `flatten` gives them.
        of: The scalar; by default the one output.
        prefix: What names begin with unless the tree is a dict.

    >>> loss = value_and_grad("loss = (a_0 x + a_1 - b_shift)^2")
    >>> value, gradient = loss({"a": (2.0, 1.0), "b": {"shift": 3.0}}, x=2.0)
    >>> float(value), map_leaves(float, gradient)
    (4.0, {'a': (8.0, 4.0), 'b': {'shift': -4.0}})
    """
    return TreeGradient(program if isinstance(program, Program) else Program(program), of, prefix)


def _items(tree: Tree) -> list[tuple[str | int, Tree]] | None:
    """What is nested one level down; None for a leaf."""
    if isinstance(tree, Mapping):
        return list(tree.items())
    return list(enumerate(tree)) if isinstance(tree, list | tuple) else None


def _leaves(tree: Tree, path: _Path) -> Iterator[tuple[_Path, Any]]:
    items = _items(tree)
    if items is None:
        yield path, tree
    else:
        for key, child in items:
            yield from _leaves(child, (*path, key))


def _rebuilt(tree: Tree, path: _Path, leaf: Callable[[_Path, Any], Any]) -> Tree:
    """The tree with another value at each leaf."""
    items = _items(tree)
    if items is None:
        return leaf(path, tree)
    built = [_rebuilt(child, (*path, key), leaf) for key, child in items]
    if isinstance(tree, Mapping):
        return dict(zip(tree, built, strict=True))
    # A named tuple takes its fields one by one.
    return type(tree)(*built) if hasattr(tree, "_fields") else type(tree)(built)


def _name(path: _Path, prefix: str) -> str:
    """The path as the name of a tensor."""
    first = path[0] if path else ""
    joined = "_".join(map(str, path))
    name = joined if isinstance(first, str) and path else f"{prefix}{joined}"
    if not name.isidentifier():
        raise InputError(
            f"{name!r} is no name of a tensor", hint="keys are made of letters, digits and _"
        )
    return name
