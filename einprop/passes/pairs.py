"""Products of many operands become pairwise ones, along trees that are chosen for all of them together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from einprop.analysis.dependence import is_contribution, operands, reached, readers
from einprop.analysis.indices import free_indices
from einprop.notation.tree import Access, Call, Equation, Expression, Multiply
from einprop.passes.builder import Builder, letters, tensor
from einprop.passes.decisions import ContractionPath, Decision, in_words
from einprop.passes.networks import Key, Network, Tree, members
from einprop.passes.sized import SizedProgram
from einprop.passes.trees import choose_trees, related

__all__ = ["Differentiated", "pair_up"]


@dataclass(frozen=True)
class Differentiated:
    """What a program is going to be differentiated by: its trees should be cheap both ways.

    Attributes:
        of: The tensors that are differentiated.
        wrt: The inputs that they are differentiated by.
    """

    of: Collection[str]
    wrt: Collection[str]


def pair_up(program: SizedProgram, derivative: Differentiated | None = None) -> SizedProgram:
    """The flat program with products of two operands only.

    Args:
        program: Flat, but for products of any number of tensors.
        derivative: What is derived from the program afterwards, if anything is.

    >>> from einprop.notation.parser import parse
    >>> from einprop.notation.printer import to_text
    >>> text = "y[a] = sum[b,c](A[a,b] B[b,c] v[c]); z = sum[b,c](u[b] B[b,c] v[c])"
    >>> for equation in pair_up(SizedProgram(parse(text), dict.fromkeys("abc", 9), "yz")).equations:
    ...     print(to_text(equation))
    _1[b] = sum[c](B[b,c] v[c])
    y[a] = sum[b](A[a,b] _1[b])
    z = sum[b](u[b] _1[b])
    """
    products = [factors(e) for e in program.equations]
    if not any(len(found) > 2 for found in products):
        return program
    active = _active(program, derivative)
    networks = {
        number: Network(
            found, letters(equation.target), program.weighed, _part(equation, found, active)
        )
        for number, (equation, found) in enumerate(zip(program.equations, products, strict=True))
        if found
    }
    trees: dict[int, Tree] = {}
    for group in related(networks):
        if any(len(network.operands) > 2 for network in group.values()):
            trees |= choose_trees(group).trees
    writer = _Writer(program)
    for number, equation in enumerate(program.equations):
        if number in trees:
            writer.product(equation, networks[number], trees[number])
        else:
            writer.builder.keep(equation)
    temporaries = program.temporaries | writer.builder.created
    return replace(
        program,
        equations=tuple(writer.builder.equations),
        temporaries=temporaries,
        decisions=(*program.decisions, *writer.decisions),
        paths=(*program.paths, *writer.paths),
    )


def factors(equation: Equation) -> tuple[Access, ...]:
    """The operands of an equation that is a product of tensors, summed or not; else none."""
    expression = equation.expression
    if isinstance(expression, Call) and expression.function == "sum" and expression.indices:
        (expression,) = expression.arguments
    if not isinstance(expression, Multiply) or is_contribution(equation):
        return ()
    found = tuple([f for f in expression.factors if isinstance(f, Access)])
    held = {i for access in found for i in letters(access)}
    whole = len(found) == len(expression.factors) and held.issuperset(letters(equation.target))
    return found if whole else ()


def _active(program: SizedProgram, derivative: Differentiated | None) -> Collection[str]:
    """The tensors through which the derivative goes."""
    if derivative is None:
        return ()
    below = reached(readers(program.equations), derivative.wrt)
    above = reached(operands(program.equations), derivative.of)
    return below & above


def _part(equation: Equation, found: tuple[Access, ...], active: Collection[str]) -> int:
    """The operands of a product that the derivative goes through."""
    if equation.target.name not in active:
        return 0
    return sum(1 << n for n, access in enumerate(found) if access.name in active)


class _Writer:
    """The equations so far, and the tensors that hold the parts of products."""

    def __init__(self, program: SizedProgram) -> None:
        self.builder = Builder(program.sizes, program.names, generic=program.generic)
        self.temporaries = program.temporaries
        self.decisions: list[Decision] = []
        self.paths: list[ContractionPath] = []
        self.held: dict[Key, tuple[str, tuple[int, ...]]] = {}

    def product(self, equation: Equation, network: Network, tree: Tree) -> None:
        """The equation of a product after those of the parts that it needs and nothing holds."""
        if len(network.operands) > 2:
            self.paths.append(self.path(equation, network, tree))
        half = tree[network.whole]
        needed, pending = {network.whole}, [half, network.whole ^ half]
        while pending:
            part = pending.pop()
            if not part & (part - 1):
                continue
            if self.known(network, part) is not None:
                self.note(network, tree, part)
            else:
                needed.add(part)
                pending += [tree[part], part ^ tree[part]]
        found: dict[int, Access] = {}
        for part in sorted(needed):
            known = self.known(network, part)  # It may be a part of this very product, twice.
            if part == network.whole:
                root = known or self.pair(network, tree, part, found)
                self.builder.add(replace(equation, expression=root))
                found[part] = equation.target
            elif known is None:
                order = network.letters_left(part)
                found[part] = self.builder.define(self.pair(network, tree, part, found), order)
            else:
                found[part] = known
                self.note(network, tree, part)
            self.remember(network, part, found[part])

    def path(self, equation: Equation, network: Network, tree: Tree) -> ContractionPath:
        """The order of a product, for a reader."""
        count = len(network.operands)
        so_far = [(1 << n) - 1 for n in range(1, count)]
        return ContractionPath(
            product=self.words(equation.expression),
            order=self.ordered(network, tree, network.whole),
            at_once=network.cells((1 << len(network.names)) - 1) * (count - 1),
            left_to_right=sum(network.cells_of(part, 1 << n + 1) for n, part in enumerate(so_far)),
            multiply_adds=sum(
                network.cells_of(tree[p], p ^ tree[p]) for p in network.reached(tree, network.whole)
            ),
        )

    def ordered(self, network: Network, tree: Tree, part: int) -> str:
        """A part as the names of its operands in pairs."""
        if not part & (part - 1):
            operand = network.operands[part.bit_length() - 1]
            return self.words(operand) if operand.name in self.temporaries else operand.name
        halves = sorted((tree[part], part ^ tree[part]), key=lambda half: half & -half)
        inner = [self.ordered(network, tree, half) for half in halves]
        return " ".join(
            f"({text})" if half & (half - 1) else text
            for half, text in zip(halves, inner, strict=True)
        )

    def words(self, expression: Expression) -> str:
        """An expression as text without made-up names."""
        return in_words(expression, self.builder.defined, self.temporaries)

    def pair(
        self, network: Network, tree: Tree, part: int, found: Mapping[int, Access]
    ) -> Expression:
        """The product of the two halves of a part, summed over what nothing else needs."""
        first, second = sorted((tree[part], part ^ tree[part]), key=lambda half: half & -half)
        both = tuple([self.half(network, half, found) for half in (first, second)])
        left = set(network.letters_left(part))
        summed = [i for access in both for i in letters(access) if i not in left]
        product = Multiply(both)
        return Call("sum", (product,), tuple(dict.fromkeys(summed))) if summed else product

    def half(self, network: Network, part: int, found: Mapping[int, Access]) -> Access:
        """The tensor that holds a part."""
        if not part & (part - 1):
            return network.operands[part.bit_length() - 1]
        access = found.get(part) or self.known(network, part)
        assert access is not None
        return access

    def known(self, network: Network, part: int) -> Access | None:
        """The tensor that holds a value already, if one does."""
        if network.key(part) not in self.held:
            return None
        name, places = self.held[network.key(part)]
        own = network.key_letters(part)
        return tensor(name, [own[place] for place in places])

    def remember(self, network: Network, part: int, access: Access) -> None:
        own = network.key_letters(part)
        places = tuple([own.index(i) for i in letters(access)])
        self.held.setdefault(network.key(part), (access.name, places))

    def note(self, network: Network, tree: Tree, part: int) -> None:
        """Remember that a part was there already."""
        product: Expression = Multiply(tuple([network.operands[n] for n in members(part)]))
        left = network.letters_left(part)
        summed = tuple([i for i in free_indices(product) if i not in left])
        value = Call("sum", (product,), summed) if summed else product
        text = self.words(value)
        saved = sum(network.cells_of(tree[p], p ^ tree[p]) for p in network.reached(tree, part))
        self.decisions.append(Decision("shared", text, saved, "multiply-adds"))
