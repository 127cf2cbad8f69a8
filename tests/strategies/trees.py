"""Random canonical trees over the whole grammar: everything that the printer must print."""

from __future__ import annotations

from hypothesis import strategies as st

from einprop.notation.functions import FUNCTIONS
from einprop.notation.prelude import prelude
from einprop.notation.tree import (
    Access,
    Add,
    Affine,
    Backward,
    Boundary,
    Call,
    Definition,
    Divide,
    Equation,
    Expression,
    Group,
    Index,
    IndexDeclaration,
    IndexGroup,
    IndexValue,
    Iverson,
    Multiply,
    Negate,
    Number,
    Power,
    Range,
    Statement,
    Subscript,
    TensorDeclaration,
)

INDICES = ("i", "j", "k", "i'", "β", "tok", "e2", "in")
TENSORS = (
    *("x", "W", "e", "e3", "E", "ŷ", "Δx", "h.grad", "x.dot.grad", "_1", "__import__", "пример"),
    *("sigmod", "cost", "sofmax", "index", "def", "input", "value", "pad", "x̂", "in"),
)
TYPES = ("pixel", "n", "where", "exp", "def", "end")
PARAMETERS = ("u", "v", "slope")
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")

indices = st.sampled_from(INDICES)
tensor_names = st.sampled_from(TENSORS)
numbers = st.one_of(
    st.integers(0, 10**20),
    st.floats(0, 1e300, allow_subnormal=True),
    st.sampled_from([1e16, 5e-324]),
).map(Number)


def _index_lists(minimum: int, maximum: int = 3) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(indices, min_size=minimum, max_size=maximum, unique=True).map(tuple)


@st.composite
def affines(draw: st.DrawFn) -> Index | Affine:
    """An index or an integer combination."""
    names = draw(_index_lists(0))
    factors = st.integers(-4, 4).filter(bool)
    terms = tuple((draw(factors), name) for name in names)
    constant, end = draw(st.integers(-9, 9)), draw(st.integers(-2, 2))
    if len(terms) == 1 and terms[0][0] == 1 and not constant and not end:
        return Index(terms[0][1])
    return Affine(terms, constant, end)


subscripts: st.SearchStrategy[Subscript] = st.recursive(
    st.one_of(
        indices.map(Index),
        affines(),
        _index_lists(2).map(Group),
        st.builds(Boundary, st.sampled_from(["pad", "wrap", "clamp"]), affines()),
    ),
    lambda inner: st.builds(Access, tensor_names, st.lists(inner, max_size=2).map(tuple)),
    max_leaves=4,
)
accesses = st.builds(Access, tensor_names, st.lists(subscripts, max_size=3).map(tuple))


def _calls(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    signatures = [(row.name, len(row.parameters), 0) for row in FUNCTIONS.values()]
    signatures += [(name, len(d.parameters), len(d.indices)) for name, d in prelude().items()]
    signatures += [(name, 1, 1) for name in ("sum", "prod", "max", "min")]

    def call(signature: tuple[str, int, int]) -> st.SearchStrategy[Expression]:
        name, arguments, bound = signature
        lists = _index_lists(1) if bound else st.just(())
        return st.builds(Call, st.just(name), st.tuples(*[inner] * arguments), lists)

    return st.sampled_from(signatures).flatmap(call)


def expressions(
    leaves: st.SearchStrategy[Expression], positions: st.SearchStrategy[Expression]
) -> st.SearchStrategy[Expression]:
    """Trees with these leaves; ``positions`` are further leaves inside Iverson brackets."""

    def grow(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
        several = st.lists(inner, min_size=2, max_size=4).map(tuple)
        return st.one_of(
            inner.map(Negate),
            several.map(Add),
            several.map(Multiply),
            st.builds(Divide, inner, inner),
            st.builds(Power, inner, inner),
            _calls(inner),
        )

    inside = st.recursive(st.one_of(leaves, positions), grow, max_leaves=4)
    iversons = st.builds(Iverson, inside, st.sampled_from(COMPARISONS), inside)
    nested = st.builds(Iverson, st.one_of(inside, iversons), st.sampled_from(COMPARISONS), inside)
    return st.recursive(st.one_of(leaves, leaves, iversons, nested), grow, max_leaves=10)


_sizes = st.lists(
    st.one_of(st.sampled_from(TYPES), st.integers(-9, 99)), min_size=1, max_size=3
).map(tuple)
_ranges = st.lists(
    st.builds(Range, indices, _sizes, _sizes), max_size=2, unique_by=lambda r: r.index
).map(tuple)


@st.composite
def equations(draw: st.DrawFn) -> Equation:
    """An equation; the positions in its Iverson brackets are indices of its left side."""
    used = draw(_index_lists(1))
    shape = [*map(Index, used), *draw(st.lists(subscripts, max_size=2))]
    target = Access(draw(tensor_names), tuple(draw(st.permutations(shape))))
    positions = st.sampled_from([*used, "i''"]).map(IndexValue)
    operator = draw(st.sampled_from(["=", "+=", "max=", "min="]))
    body = draw(expressions(st.one_of(numbers, accesses), positions))
    return Equation(target, operator, body, draw(_ranges))


@st.composite
def scalar_equations(draw: st.DrawFn) -> Equation:
    """An equation for a scalar, whose left side might be taken for a keyword."""
    operator = draw(st.sampled_from(["=", "+=", "max=", "min="]))
    return Equation(Access(draw(tensor_names)), operator, draw(st.one_of(numbers, accesses)))


@st.composite
def definitions(draw: st.DrawFn) -> Definition:
    """A definition, over its parameters and other tensors."""
    bound = draw(_index_lists(0))
    parameters = draw(st.lists(st.sampled_from(PARAMETERS), min_size=1, max_size=3, unique=True))
    leaves = st.one_of(numbers, accesses, st.sampled_from(parameters).map(Access))
    positions = st.sampled_from([*bound, "k'"]).map(IndexValue)
    return Definition("attend", bound, tuple(parameters), draw(expressions(leaves, positions)))


@st.composite
def index_declarations(draw: st.DrawFn) -> IndexDeclaration:
    """``index q, k: position < 128, i: pixel``."""
    names = draw(_index_lists(1, 4))
    cut = draw(st.integers(1, len(names)))
    groups = [part for part in (names[:cut], names[cut:]) if part]
    sizes, types = st.one_of(st.none(), _sizes), st.sampled_from(TYPES)
    return IndexDeclaration(tuple(IndexGroup(g, draw(types), draw(sizes)) for g in groups))


_declared = st.builds(Access, tensor_names, st.lists(indices.map(Index), max_size=3).map(tuple))
tensor_declarations = st.builds(
    TensorDeclaration,
    st.sampled_from(["input", "param", "output"]),
    st.lists(_declared, min_size=1, max_size=3, unique_by=lambda a: a.name).map(tuple),
)

backward_lines = st.builds(Backward, st.one_of(equations(), scalar_equations()), st.booleans())

statements: st.SearchStrategy[Statement] = st.one_of(
    equations(),
    scalar_equations(),
    definitions(),
    index_declarations(),
    tensor_declarations,
    backward_lines,
)

programs = st.tuples(
    st.lists(index_declarations(), max_size=1),
    st.lists(definitions(), max_size=1),
    st.lists(tensor_declarations, max_size=1),
    st.lists(st.one_of(equations(), scalar_equations(), backward_lines), max_size=4),
).map(lambda parts: tuple(statement for part in parts for statement in part))
