"""Tied parameters: an equation defines a parameter of a chain by others, so that they learn as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from einprop.analysis.indices import is_plain
from einprop.errors import IndexTypeError, InputError
from einprop.layers.chain import Chain, fresh_letter
from einprop.layers.rename import Renaming, letters_of
from einprop.notation.parser import parse
from einprop.notation.printer import to_text
from einprop.notation.tree import Access, Equation, Index, reads

__all__ = ["parse_ties", "tie"]


def parse_ties(text: str) -> tuple[Equation, ...]:
    """Equations that define parameters, ``W3[i,v] = E1[v,i]``.

    Raises:
        EquationSyntaxError: The text is no program.
        InputError: A line is something else.
    """
    found = []
    for statement in parse(text):
        match statement:
            case Equation(target, "=", ranges=(), inside=()) if is_plain(target):
                found.append(statement)
            case _:
                raise InputError(
                    f"{to_text(statement)} ties no parameter",
                    hint="as in W3[i,v] = E1[v,i], at plain indices",
                )
    return tuple(found)


def tie(chain: Chain, ties: Sequence[Equation]) -> list[Equation]:
    """The equations in the chain's letters; what they define is no parameter of the chain any more.

    Index types of axes that meet become one.

    Raises:
        InputError: What is defined, or read, is no parameter of the chain.
        IndexTypeError: A parameter has another number of axes.
        ShapeError: Two sizes meet.
    """
    shown = _shown(chain)
    tied = {equation.target.name for equation in ties}
    free = [name for name in chain.parameters if name not in tied]
    found = []
    for equation in ties:
        _check(equation, list(chain.parameters), free)
        for access in (equation.target, *reads(equation)):
            _check_rank(access, shown[access.name])
        written = _lettered(chain, equation, shown[equation.target.name])
        for read in reads(written):
            for one, other in zip(read.subscripts, shown[read.name].subscripts, strict=True):
                if isinstance(one, Index) and isinstance(other, Index):
                    chain.types.join(one.name, other.name)
        found.append(written)
    for name in tied:
        del chain.parameters[name]
    return found


def _shown(chain: Chain) -> Mapping[str, Access]:
    """An access to each tensor, at plain indices where there is one."""
    found: dict[str, Access] = {}
    everywhere = (a for equation in chain.equations for a in reads(equation))
    for access in (*chain.declared, *everywhere):
        if access.name not in found or not is_plain(found[access.name]):
            found[access.name] = access
    return found


def _check(equation: Equation, parameters: Sequence[str], free: Sequence[str]) -> None:
    name = equation.target.name
    if name not in parameters:
        raise InputError(
            f"there is no parameter {name} to tie", hint=f"there are {', '.join(parameters)}"
        )
    for read in reads(equation):
        if read.name not in free:
            raise InputError(
                f"{name} cannot be tied to {read.name}, which is no parameter with a value of its own",
                hint=f"those are {', '.join(free) or 'none'}",
            )


def _check_rank(access: Access, shown: Access) -> None:
    if len(access.subscripts) != len(shown.subscripts):
        raise IndexTypeError(
            f"{to_text(access)} has not as many indices as {to_text(shown)}",
            hint=f"write all indices of {access.name}",
        )


def _lettered(chain: Chain, equation: Equation, shown: Access) -> Equation:
    """The equation at the letters that the chain has for the parameter, others fresh."""
    letters = {
        own.name: given.name
        for own, given in zip(equation.target.subscripts, shown.subscripts, strict=True)
        if isinstance(own, Index) and isinstance(given, Index)
    }
    for letter in letters_of(equation):
        if letter not in letters:
            taken = {*chain.letters, *letters.values(), *chain.tensors}
            letters[letter] = fresh_letter(letter, taken, chain.tensors)
    chain.letters.update(letters.values())
    return replace(Renaming({}, letters).equation(equation), place=None)
