"""Accepted text beside its tree or an equal spelling, refused text beside its message."""

from __future__ import annotations

import math

import pytest

from einprop.errors import EquationSyntaxError
from einprop.notation.lexer import DEPTH_LIMIT
from einprop.notation.parser import parse, parse_expression
from einprop.notation.tree import (
    Access,
    Add,
    Affine,
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
    TensorDeclaration,
)

A, B, C, D = (Access(name) for name in "abcd")
ROW, COLUMN = Index("i"), Index("j")


def _expression(text: str) -> Expression:
    (equation,) = parse(text)
    assert isinstance(equation, Equation)
    return equation.expression


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("2", Number(2)),
        (".5", Number(0.5)),
        ("a", A),
        ("a[]", A),
        ("a b c", Multiply((A, B, C))),
        ("(a b) c", Multiply((Multiply((A, B)), C))),
        ("a + b + c", Add((A, B, C))),
        ("(a + b) + c", Add((Add((A, B)), C))),
        ("a - b c", Add((A, Negate(Multiply((B, C)))))),
        ("a + -b", Add((A, Negate(B)))),
        ("a - -b", Add((A, Negate(Negate(B))))),
        ("-a b", Negate(Multiply((A, B)))),
        ("-a + b", Add((Negate(A), B))),
        ("-2", Negate(Number(2))),
        ("-a^2", Negate(Power(A, Number(2)))),
        ("a b / c * d", Multiply((Divide(Multiply((A, B)), C), D))),
        ("(a b / c) d", Multiply((Divide(Multiply((A, B)), C), D))),
        ("a / b / c", Divide(Divide(A, B), C)),
        ("a / (b / c)", Divide(A, Divide(B, C))),
        ("a^b^c", Power(A, Power(B, C))),
        ("a^-b^c", Power(A, Negate(Power(B, C)))),
        ("(a^b)^c", Power(Power(A, B), C)),
        ("a^b c", Multiply((Power(A, B), C))),
        ("pow(a, b)", Power(A, B)),
        ("exp(a) b", Multiply((Call("exp", (A,)), B))),
        ("a * (b + c)", Multiply((A, Add((B, C))))),
        ("a (b + a)", Multiply((A, Add((B, A))))),
        ("a[] (b + c)", Multiply((A, Add((B, C))))),
        ("y.grad (b + c)", Multiply((Access("y.grad"), Add((B, C))))),
        ("2 pi a", Multiply((Number(2), Number(math.pi), A))),
        ("π (a)", Multiply((Number(math.pi), A))),
        ("[a < pi]", Iverson(A, "<", Number(math.pi))),
        ("pi[] a", Multiply((Access("pi"), A))),
        ("pi[i] a", Multiply((Access("pi", (ROW,)), A))),
        ("e^a", Power(Access("e"), A)),
        ("foo[i](a)", Multiply((Access("foo", (ROW,)), A))),
        ("sum[i,j](a)", Call("sum", (A,), ("i", "j"))),
        ("softmax[i,j](a)", Call("softmax", (A,), ("i", "j"))),
        ("leaky_relu(a)", Call("leaky_relu", (A, Number(0.01)))),
        ("where(a, b, c)", Call("where", (A, B, C))),
        ("2 where(a, b, c)", Multiply((Number(2), Call("where", (A, B, C))))),
        ("[a < b]", Iverson(A, "<", B)),
        ("2 [a < b]", Multiply((Number(2), Iverson(A, "<", B)))),
        ("[[a > b] == 1]", Iverson(Iverson(A, ">", B), "==", Number(1))),
        ("input index", Multiply((Access("input"), Access("index")))),
    ],
)
def test_expressions(text: str, tree: Expression) -> None:
    assert _expression(f"y = {text}") == tree


@pytest.mark.parametrize(
    ("text", "subscript"),
    [
        ("i", ROW),
        ("i'", Index("i'")),
        ("7", Affine((), 7)),
        ("-1", Affine((), -1)),
        ("end", Affine((), 0, 1)),
        ("end-i", Affine(((-1, "i"),), 0, 1)),
        ("2*i+p-1", Affine(((2, "i"), (1, "p")), -1)),
        ("2 i", Affine(((2, "i"),))),
        ("i*2", Affine(((2, "i"),))),
        ("i + i", Affine(((2, "i"),))),
        ("i+j-i", COLUMN),
        ("i-i", Affine(())),
        ("-i+3", Affine(((-1, "i"),), 3)),
        ("(h d)", Group(("h", "d"))),
        ("pad(i+1)", Boundary("pad", Affine(((1, "i"),), 1))),
        ("clamp(i)", Boundary("clamp", ROW)),
        ("pad", Index("pad")),
        ("wrap[i]", Access("wrap", (ROW,))),
        ("tok[i,j]", Access("tok", (ROW, COLUMN))),
        ("n[]", Access("n")),
    ],
)
def test_subscripts(text: str, subscript: object) -> None:
    assert _expression(f"y = x[{text}]") == Access("x", (subscript,))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("h[-1,i] = a", Equation(Access("h", (Affine((), -1), ROW)), "=", A)),
        ("a += b", Equation(A, "+=", B)),
        ("a max= b", Equation(A, "max=", B)),
        ("input min = b", Equation(Access("input"), "min=", B)),
        ("index[i] = a", Equation(Access("index", (ROW,)), "=", A)),
        (
            "a = b where i in 0:3, j in -1:n+2-1",
            Equation(A, "=", B, (Range("i", (0,), (3,)), Range("j", (-1,), ("n", 2, -1)))),
        ),
        (
            "index q, k: position < 128, i: pixel",
            IndexDeclaration(
                (IndexGroup(("q", "k"), "position", (128,)), IndexGroup(("i",), "pixel"))
            ),
        ),
        ("input a, x[i,i]", TensorDeclaration("input", (A, Access("x", (ROW, ROW))))),
        ("output x.grad[i]", TensorDeclaration("output", (Access("x.grad", (ROW,)),))),
        (
            "def f[i](a, b) = sum[i](a) c",
            Definition("f", ("i",), ("a", "b"), Multiply((Call("sum", (A,), ("i",)), C))),
        ),
    ],
)
def test_statements(text: str, tree: object) -> None:
    assert parse(text) == (tree,)


@pytest.mark.parametrize(
    "spellings",
    [
        ("y[b,j]=x[b,i]W[i,j]", "y[b,j] = x[b,i] * W[i,j]", "y [ b , j ] = x[b,i]·W[i,j]"),
        ("y.value[i] += x.value[i]", "y[i] += x[i]"),
        ("x.value.grad = 1", "x.grad.value = 1"),
        ("y = x^2", "y = x**2", "y = pow(x, 2)", "y = (x)^(2)"),
        ("y = sum[i](x[i'])", "y = Σ[i](x[i′])", "y = ∑[i](x[i'])"),
        ("y = prod[i](x)", "y = Π[i](x)", "y = ∏[i](x)"),
        ("y = [a <= b] - 1", "y = [a ≤ b] − 1"),
        ("ŷ = 1", "y\u0302 = 1"),
        ("a = b; c = d", "a = b\n\n# comment\nc =\n  d", "a = b;;c = (\nd)\n"),
        ("y = elu(x)", "y = elu(x, 1)"),
    ],
)
def test_spellings_that_mean_the_same(spellings: tuple[str, ...]) -> None:
    assert len({parse(text) for text in spellings}) == 1


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("y[i] = [i > 1]", IndexValue("i")),
        ("y = x[i] [i > 1]", IndexValue("i")),
        ("y = [i > 1] x[2*i]", IndexValue("i")),
        ("y = sum[i]([i > 1])", IndexValue("i")),
        ("y = [i > 1] where i in 0:3", IndexValue("i")),
        ("index i: pixel; y = [i > 1]", IndexValue("i")),
        ("y = [i > 1]; index i: pixel", IndexValue("i")),
        ("y = [i' > 1]", IndexValue("i'")),
        ("y = [i > 1]", Access("i")),
        ("z[i] = 1; y = [i > 1]", Access("i")),
        ("y[i] = [i[] > 1]", Access("i")),
        ("y[i] = [i.grad > 1]", Access("i.grad")),
        ("def f[i](x) = [i > 1]", IndexValue("i")),
        ("def f(i) = [i > 1]", Access("i")),
        ("index i: pixel; def f(i) = [i > 1]", Access("i")),
    ],
)
def test_a_bare_name_in_an_iverson_bracket(text: str, left: Expression) -> None:
    found: list[Expression] = []
    for statement in parse(text):
        stack = [getattr(statement, "expression", getattr(statement, "body", None))]
        while stack:
            node = stack.pop()
            if isinstance(node, Iverson):
                found.append(node.left)
            elif isinstance(node, Multiply):
                stack += node.factors
            elif isinstance(node, Call):
                stack += node.arguments
    assert found == [left]


def test_definitions_are_known_before_and_after_their_line() -> None:
    first, _, last = parse("y[i] = f(x[i]); def f(x) = x^2; z[i] = f(y[i])")
    assert isinstance(first, Equation)
    assert isinstance(last, Equation)
    assert first.expression == Call("f", (Access("x", (ROW,)),))
    assert last.expression == Call("f", (Access("y", (ROW,)),))


def test_every_node_keeps_its_place() -> None:
    text = "y[b] = 2 (a + x[b,i]) c[i] - exp(-z[b])"
    (equation,) = parse(text)
    assert isinstance(equation, Equation)
    assert isinstance(equation.expression, Add)
    product, difference = equation.expression.terms
    assert isinstance(product, Multiply)
    snippets = [
        n.place and n.place.snippet for n in (equation, equation.target, product, difference)
    ]
    assert snippets == [text, "y[b]", "2 (a + x[b,i]) c[i]", "- exp(-z[b])"]
    assert [f.place and f.place.snippet for f in product.factors] == ["2", "a + x[b,i]", "c[i]"]
    read = product.factors[2]
    assert isinstance(read, Access)
    assert read.subscripts[0].place is not None
    assert read.subscripts[0].place.start == text.index("i] -")


def test_an_expression_alone() -> None:
    assert parse_expression("[x > 0] y", ("x",)) == Multiply(
        (Iverson(Access("x"), ">", Number(0)), Access("y"))
    )
    assert parse_expression("-sin(x)") == Negate(Call("sin", (Access("x"),)))
    assert parse_expression("x\n") == Access("x")
    for text in ("", "x = 2", "x; y", "sigmod(x)"):
        with pytest.raises(EquationSyntaxError):
            parse_expression(text)


REFUSED = [
    (
        "y = sigmod(x)",
        "unknown function sigmod: did you mean sigmoid?",
        "    ^^^^^^",
        "for a product write sigmod * (...)",
    ),
    (
        "y[i] = np.exp(x[i])",
        "unknown function np.exp: did you mean exp?",
        "       ^^^^^^",
        "for a product write np.exp * (...)",
    ),
    (
        "y = sofmax[k](s[k])",
        "unknown function sofmax: did you mean softmax?",
        "    ^^^^^^^^^",
        "for a product write sofmax[k] * (...)",
    ),
    (
        "y = foo(a, b)",
        "unknown function foo",
        "    ^^^",
        "only functions take several arguments; def adds a function",
    ),
    (
        "y = maximun(a, b)",
        "unknown function maximun: did you mean maximum?",
        "    ^^^^^^^",
        "only functions take several arguments; def adds a function",
    ),
    (
        "y = (a, b)",
        "a comma between parentheses",
        "      ^",
        "only functions take several arguments",
    ),
    (
        "y[i] = a [i == j]",
        "the bracket after a holds a comparison, not subscripts",
        "       ^^^",
        "for a product with an Iverson bracket write a[] [i == j] or a * [i == j]",
    ),
    (
        "y = a / b c",
        "a / b c can be read in two ways",
        "    ^^^^^^^",
        "write (a / b) c or a / (b c)",
    ),
    ("y = a * -b", "a minus sign cannot follow *", "      ^^^", "write parentheses: * (-b)"),
    ("y = --b", "a minus sign cannot follow -", "    ^^", "write parentheses: -(-b)"),
    (
        "y = a +",
        "an operand is expected here, not the end of the text",
        "       ^",
        "an operand is a number, a tensor, a call or an expression in parentheses",
    ),
    (
        "y = ()",
        "an operand is expected here, not )",
        "     ^",
        "an operand is a number, a tensor, a call or an expression in parentheses",
    ),
    (
        "y = exp x",
        "exp is a function and needs its argument in parentheses",
        "    ^^^",
        "write exp(x)",
    ),
    ("y = sum(x)", "sum needs the indices that it runs over", "    ^^^", "write sum[i](x)"),
    ("y = exp[i](x)", "exp takes no indices", "    ^^^^^^", "write exp(x)"),
    (
        "y = f[i](x); def f[a,b](x) = x",
        "f takes 2 indices, not 1",
        "    ^^^^",
        "write f[a,b](x)",
    ),
    (
        "y = clip(x, 1)",
        "clip is called with 2 arguments",
        "    ^^^^^^^^^^",
        "write clip(x, lower, upper)",
    ),
    ("y = exp(a, b)", "exp is called with 2 arguments", "    ^^^^^^^^^", "write exp(x)"),
    ("y = sum[i,i](x)", "i occurs twice in an index list", "        ^ ^", "write i once"),
    ("y = sum[](x)", "an index is expected here, not ]", "        ^", "write the name of an index"),
    (
        "y[i] = x[i] [i]",
        "this bracket follows no name and holds no comparison",
        "            ^",
        "subscripts follow a tensor, x[i]; an Iverson bracket compares, [i == j]",
    ),
    (
        "y[i] = [1 < i < 3]",
        "two comparisons in one bracket",
        "              ^",
        "write a product of two, [a < b] [b < c]",
    ),
    (
        "y[i] = x[i j]",
        "] is expected here, not j",
        "           ^",
        "write a comma between two axes, (i j) for one axis that joins two indices",
    ),
    (
        "y[i] = x[i/2]",
        "] is expected here, not /",
        "          ^",
        "a subscript is an integer combination of indices, such as 2*i+p-1, 7 or end-i",
    ),
    ("y[i] = x[1.5]", "1.5 is not an integer", "         ^^^", "write an integer here"),
    (
        "y[i] = x[(i)]",
        "parentheses in a subscript join two or more indices",
        "         ^^^",
        "write (h d) for an axis that is h and d joined, i+1 without parentheses",
    ),
    (
        "y = x[exp]",
        "exp is the name of a function and cannot be an index",
        "      ^^^",
        "choose another name",
    ),
    (
        "max = 2",
        "max is the name of a reduction and cannot be a tensor",
        "^^^",
        "choose another name",
    ),
    (
        "end = 2",
        "end is the last position of an axis and cannot be a tensor",
        "^^^",
        "choose another name",
    ),
    ("y' = 2", "y' cannot be a tensor", "^^", "only indices carry primes"),
    (
        "x.grad",
        "= or += or max= or min= is expected here, not the end of the text",
        "      ^",
        "an equation names what it defines: y[b,j] = x[b,i] W[i,j]",
    ),
    (
        "y -= x",
        "= or += or max= or min= is expected here, not -",
        "  ^",
        "the operators are = += max= min=; to subtract write += -(...)",
    ),
    (
        "y = a < b",
        "the end of the line is expected here, not <",
        "      ^",
        "a comparison stands between brackets: [i == j]",
    ),
    (
        "y = a = b",
        "the end of the line is expected here, not =",
        "      ^",
        "write one equation a line; to compare write [i == j]",
    ),
    (
        "= 2",
        "a statement is expected here, not =",
        "^",
        "a line goes on only inside brackets or after a sign: end the line before with it",
    ),
    (
        "y = 2 where i = 3",
        "in is expected here, not =",
        "              ^",
        "a range is written where i in 0:5",
    ),
    (
        "y = 2 where i in 0:m*2",
        "the end of the line is expected here, not *",
        "                    ^",
        "end the line here, or write an operator",
    ),
    (
        "y = 2 where i in 0:3, i in 0:4",
        "index i has two ranges",
        "            ^^^^^^^^  ^^^^^^^^",
        "write one range for i",
    ),
    ("index i: a, i: b", "index i is declared twice", "      ^^^^  ^^^^", "declare i once"),
    (
        "index i",
        ": is expected here, not the end of the text",
        "       ^",
        "write the type of i: index i: position",
    ),
    ("input x[i], x", "x is declared twice", "      ^^^^  ^", "declare x once"),
    (
        "input x[i+1]",
        "the declaration of x has a subscript that is not an index",
        "        ^^^",
        "name each axis by an index: input x[i,j]",
    ),
    (
        "def exp(x) = x",
        "exp is reserved: it is already the name of a function",
        "    ^^^",
        "choose another name",
    ),
    (
        "def f(x) = x; def f(x) = x",
        "f is reserved: it is already the name of a definition",
        "                  ^",
        "choose another name",
    ),
    (
        "def f(x) = x[i]",
        "x is a parameter and stands for an expression, which has no subscripts",
        "           ^^",
        "write x alone",
    ),
    *(
        (
            f"y = {name}(x)",
            f"unknown function {name}",
            f"    {'^' * len(name)}",
            f"def or einprop.register_function adds a function; for a product write {name} * (...)",
        )
        for name in ("lgamma", "det", "arctan", "conj", "foo", "β", "np.lgamma", "layer.W")
    ),
    (
        "y = tr(A)",
        "unknown function tr",
        "    ^^",
        "a trace is written A[i,i]; for a product write tr * (...)",
    ),
    (
        "y = σ(u)",
        "unknown function σ: did you mean sigmoid?",
        "    ^",
        "for a product write σ * (...)",
    ),
    (
        "y = x^n (a + b)",
        "unknown function n",
        "      ^",
        "def or einprop.register_function adds a function; for a product write n * (...)",
    ),
    (
        "y = [f(a) > 0]",
        "unknown function f",
        "     ^",
        "def or einprop.register_function adds a function; for a product write f * (...)",
    ),
    (
        "y[i] = sort[i](x[i])",
        "unknown function sort",
        "       ^^^^^^^",
        "def or einprop.register_function adds a function; for a product write sort[i] * (...)",
    ),
    (
        "y = x.T z",
        "x.T would be a tensor of its own: nothing transposes x",
        "    ^^^",
        "a transpose is written by its indices, x[j,i] beside x[i,j]; for a scalar write x.T[]",
    ),
    ("y = 0x10 x", "the number 0x10 is malformed", "    ^^^^", "numbers are decimal: 16, not 0x10"),
    ("y = 0b1", "the number 0b1 is malformed", "    ^^^", "numbers are decimal: 16, not 0x10"),
    (
        "y = 1e999",
        "the number is beyond the range of a 64-bit float",
        "    ^^^^^",
        "numbers lie between 5e-324 and 1.7976931348623157e308",
    ),
    (
        "y = x[99999999999999999999]",
        "the integer is too large",
        "      ^^^^^^^^^^^^^^^^^^^^",
        "positions and sizes are at most 9223372036854775807",
    ),
]


@pytest.mark.parametrize(
    ("text", "message", "carets", "hint"), REFUSED, ids=[r[0] for r in REFUSED]
)
def test_refused_text(text: str, message: str, carets: str, hint: str) -> None:
    with pytest.raises(EquationSyntaxError) as caught:
        parse(text)
    assert str(caught.value) == f"{message}\n    {text}\n    {carets}\n{hint}"


@pytest.mark.parametrize(
    "text",
    [
        "sigmod = 2; y = sigmod(x)",
        "input sigmod; y = sigmod(x)",
        "y = sigmod * (x)",
        "def f(sigmod) = sigmod(x)",
        "input β; y = β(a + b)",
        "β = 2 a; y = β(a + b)",
        "y = β(a + b) - β",
        "y = β(a + b); z = exp(β)",
        "y = β * (a + b)",
        "y = β[](a + b)",
        "output β; β = 2; y = β(a + b)",
        "def f(β) = β(1 + β)",
        "y[i] = β[i](a[i] + b[i])",
        "y[i] = x[i]^n * (a[i] + b[i])",
        "z = y.grad(a + b)",
        "y[j] = W.T[j,i] x[i] + x.T[]",
        "x.T = 2 x; y = x.T",
        "input median[i]; y = median[i](x[i])",
    ],
)
def test_a_defined_scalar_before_a_parenthesis_is_a_factor(text: str) -> None:
    parse(text)


@pytest.mark.parametrize(
    "piece", ["({})", "exp({})", "-({})", "[{} > 1]", "x[{}]", "a^({})", "sum[i](2 {})"]
)
def test_the_deepest_nesting_parses_and_one_more_is_refused(piece: str) -> None:
    head, tail = piece.split("{}")
    levels = DEPTH_LIMIT - 2 if piece != "sum[i](2 {})" else DEPTH_LIMIT // 2 - 2
    core = "a[]" if piece == "x[{}]" else "a"
    parse(f"y = {head * levels}{core}{tail * levels}")
    with pytest.raises(EquationSyntaxError, match="nested too deeply"):
        parse(f"y = {head * (DEPTH_LIMIT + 1)}{core}{tail * (DEPTH_LIMIT + 1)}")


@pytest.mark.parametrize("operator", ["/", "^", "^-"])
def test_long_chains_of_quotients_and_powers_are_refused(operator: str) -> None:
    parse("y = a" + f"{operator}a" * (DEPTH_LIMIT // 2 - 2))
    for length in (DEPTH_LIMIT + 1, 20_000):
        with pytest.raises(EquationSyntaxError, match="nested too deeply"):
            parse("y = a" + f"{operator}a" * length)


def test_long_sums_and_products_are_flat() -> None:
    assert len(_expression("y = a" + " + a" * 5000).terms) == 5001  # type: ignore[union-attr]
    assert len(_expression("y = a" + " a" * 5000).factors) == 5001  # type: ignore[union-attr]
