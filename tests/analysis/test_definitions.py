"""Definitions expanded to leaves and reductions, and refused where they reach outside themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import einprop as ep
from einprop.analysis.definitions import collect_definitions
from einprop.analysis.indices import free_indices
from einprop.analysis.resolve import resolve
from einprop.errors import IndexScopeError
from einprop.notation.functions import FUNCTIONS, REDUCTIONS
from einprop.notation.parser import parse, parse_expression
from einprop.notation.prelude import prelude
from einprop.notation.printer import to_text
from einprop.notation.tree import Access, Call, Equation, Index, walk


def expanded(text: str) -> str:
    """The last equation of a program, definitions expanded and sums explicit."""
    return to_text(resolve(parse(text)).equations[-1])


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("y[b] = logsumexp[k](s[b,k])", "y[b] = log(sum[k](exp(s[b,k])))"),
        ("y[b] = mean[k](s[b,k])", "y[b] = sum[k](s[b,k]) / sum[k](1)"),
        ("m = mean[b,k](s[b,k])", "m = sum[b,k](s[b,k]) / sum[b,k](1)"),
        ("p[b,k] = softmax[k](s[b,k])", "p[b,k] = exp(s[b,k]) / sum[k'](exp(s[b,k']))"),
        ("p[b,k] = softmax[b,k](s[b,k])", "p[b,k] = exp(s[b,k]) / sum[b',k'](exp(s[b',k']))"),
        ("y[i] = silu(x[i])", "y[i] = x[i] sigmoid(x[i])"),
        ("def twice(a) = 2 a; y[i] = twice(twice(x[i]))", "y[i] = 2 (2 x[i])"),
        ("def f(a, b) = a - b; y = f(x z, z)", "y = x z - z"),
        # what is passed goes in whole
        ("def square(a) = a^2; y = square(x + 1)", "y = (x + 1)^2"),
        # an argument's sum is placed before it goes in
        ("def square(a) = a^2; y = square(x[i] w[i])", "y = sum[i](x[i] w[i])^2"),
        # bound indices of the definition do not capture those of the argument
        ("def total[k](s) = 3 sum[k](s); y[k] = total[i](x[i,k])", "y[k] = 3 sum[i](x[i,k])"),
        # two index parameters stand for one index each
        (
            "def above[i,j](a) = sum[i,j](a * [i > j]); y = above[p,q](A[p,q])",
            "y = sum[p,q](A[p,q] [p > q])",
        ),
        # a parameter is read at another position, or explicitly where it stands
        (
            "def after[t](x) = sum[t']([t' > t] x[t']); y[b,t] = after[t](x[b,t])",
            "y[b,t] = sum[t']([t' > t] x[b,t'])",
        ),
        ("def self[t](x) = x[t] x; y[i] = self[i](x[i])", "y[i] = x[i] x[i]"),
        (
            "def flip[i,j](x) = x[j,i] - x; y[p,q] = flip[p,q](A[p,q])",
            "y[p,q] = A[q,p] - A[p,q]",
        ),
        (
            "def rest[i](x) = sum[i'](x[i']) - x; y[p,q] = rest[p,q](A[p,q])",
            "y[p,q] = sum[p',q'](A[p',q']) - A[p,q]",
        ),
        # its own index is called like the caller's, and steps aside
        (
            "def spread[i](x) = sum[j](abs(x - x[j])); y[j] = spread[j](x[j])",
            "y[j] = sum[j'](abs(x[j] - x[j']))",
        ),
        (
            "def all[t](x) = sum[t'](x[t']); y[t] = x[t,t'] all[t](z[t,t'])",
            "y[t] = sum[t'](x[t,t'] sum[t''](z[t'',t']))",
        ),
        (
            "def all[t](x) = sum[t'](x[t']); y[s'] = all[s](z[s,s'])",
            "y[s'] = sum[s''](z[s'',s'])",
        ),
        # a definition inside a definition reads the parameter at its own positions
        (
            "def all[t](x) = sum[t'](x[t']); def two[q](x) = all[q](all[q](x) - x); y = two[i](x[i])",
            "y = sum[i'](sum[i](x[i]) - x[i'])",
        ),
        # one index parameter stays free, the other does not
        (
            "def f[i,j](x) = sum[i](softmax[j](x)); y[q] = f[p,q](A[p,q])",
            "y[q] = sum[p](exp(A[p,q]) / sum[q'](exp(A[p,q'])))",
        ),
        # an index parameter that stays free counts as an occurrence, also where no argument has it
        (
            "index t: time < 3; def ramp[t](x) = sum[t']([t' < t] x[t']); y[t] = ramp[t](1)",
            "y[t] = sum[t']([t' < t] * 1)",
        ),
        # a definition stands before one of the prelude; those of the prelude go on using their own
        (
            "def logsumexp[k](s) = max[k](s); y[k] = logsumexp[k](s[k]) + log_softmax[k](s[k])",
            "y[k] = max[k'](s[k']) + (s[k] - log(sum[k'](exp(s[k']))))",
        ),
        # optional trailing arguments are written out
        ("y[i] = leaky_relu(x[i])", "y[i] = leaky_relu(x[i], 0.01)"),
        ("y[i] = elu(x[i], 2)", "y[i] = elu(x[i], 2)"),
    ],
)
def test_calls_become_bodies(text: str, meaning: str) -> None:
    assert expanded(text) == meaning


@pytest.mark.parametrize("name", prelude())
def test_the_prelude_ends_in_leaves_and_reductions(name: str) -> None:
    known = {*FUNCTIONS, *REDUCTIONS}
    body = collect_definitions(()).bodies[name].definition.body
    assert {node.function for node in walk(body) if isinstance(node, Call)} <= known


@pytest.mark.parametrize(
    ("call", "kept"),
    [
        ("mean[k](s)", ()),
        ("softmax[k](s)", ("k",)),
        ("softmax[p,q](s)", ("p", "q")),
        ("max[k](s)", ()),
    ],
)
def test_softmax_keeps_its_indices_and_mean_does_not(call: str, kept: tuple[str, ...]) -> None:
    node = parse_expression(call)
    assert isinstance(node, Call)
    assert collect_definitions(()).kept(node) == kept


def test_definitions_may_come_in_any_order() -> None:
    text = "def f(x) = g(x) + 1; def g(x) = 2 x; y = f(a)"
    assert expanded(text) == "y = 2 a + 1"


def test_definitions_that_nobody_uses_are_checked_too() -> None:
    with pytest.raises(IndexScopeError):
        resolve(parse("def f(x) = x + w; y = a"))


def test_expanding_leaves_other_calls_alone() -> None:
    (line,) = parse("y = max[i](exp(x[i]))")
    assert isinstance(line, Equation)
    assert collect_definitions(()).expand(line.expression) == line.expression


REFUSED = {
    "def f(x) = x + w; y = f(a)": """\
definition f reads w, which is not its parameter
    def f(x) = x + w; y = f(a)
                   ^
a definition sees its parameters alone: x; pass the tensor as another one""",
    "def f(x) = x W[i,j]; y = f(a)": """\
definition f reads W[i,j], which is not its parameter
    def f(x) = x W[i,j]; y = f(a)
                 ^^^^^^
a definition sees its parameters alone: x; pass the tensor as another one""",
    "def f(x) = sum[i](x); y = f(a[i])": """\
definition f binds index i, which is not its index parameter
    def f(x) = sum[i](x); y = f(a[i])
               ^^^^^^^^^
name it in the head: def f[i](…)""",
    "def f[i](x) = sum[i,j](x)\ny = f[p](a[p])": """\
definition f binds index j, which is not its index parameter
    def f[i](x) = sum[i,j](x)
                  ^^^^^^^^^^^
name it in the head: def f[i,j](…), or write i' for another position along the axis of i""",
    "def f[t](x) = x[t'] - x\ny[t] = f[t](a[t])": """\
index t' of definition f is bound by nothing
    def f[t](x) = x[t'] - x
                  ^^^^^
write sum[t'](…) around what is to be summed: no sum is implied in a definition""",
    "def f[t](x) = x * [t' <= t]\ny[t] = f[t](a[t])": """\
index t' of definition f is bound by nothing
    def f[t](x) = x * [t' <= t]
                       ^^
write sum[t'](…) around what is to be summed: no sum is implied in a definition""",
    "def f[t](x) = softmax[q](x[q])\ny[t] = f[t](a[t])": """\
index q of definition f is bound by nothing
    def f[t](x) = softmax[q](x[q])
                  ^^^^^^^^^^^^^^^^
write sum[q](…) around what is to be summed: no sum is implied in a definition""",
    "def f[t](x) = x - x[t-1]\ny[t] = f[t](a[t])": """\
parameter x of definition f cannot be read as x[t-1]
    def f[t](x) = x - x[t-1]
                      ^^^^^^
write x alone, or an index for each index parameter [t], as in x[t']""",
    "def f[i,j](x) = sum[i'](x[i'])\ny = f[i,j](a[i,j])": """\
parameter x of definition f cannot be read as x[i']
    def f[i,j](x) = sum[i'](x[i'])
                            ^^^^^
write x alone, or an index for each index parameter [i,j], as in x[i',j']""",
    "def f(x, y) = g(x) + y\ndef g(x) = h(x)\ndef h(x) = f(x, 1)\nz = f(a, b)": """\
definition f uses itself: f -> g -> h -> f
    def f(x, y) = g(x) + y
    ^^^^^^^^^^^^^^^^^^^^^^
a definition may use leaf functions, reductions and other definitions, not itself""",
    "def f(x) = f(x); y = f(a)": """\
definition f uses itself: f -> f
    def f(x) = f(x); y = f(a)
    ^^^^^^^^^^^^^^^
a definition may use leaf functions, reductions and other definitions, not itself""",
    "def f(x) = g(x)\ndef g(x) = 2 f(x)\ny = g(a)": """\
definition f uses itself: f -> g -> f
    def f(x) = g(x)
    ^^^^^^^^^^^^^^^
a definition may use leaf functions, reductions and other definitions, not itself""",
}


@pytest.mark.parametrize("text", REFUSED)
def test_refused_definitions(text: str) -> None:
    with pytest.raises(IndexScopeError) as error:
        resolve(parse(text))
    assert str(error.value) == REFUSED[text]


def test_the_position_of_an_index_list_is_no_number() -> None:
    text = "def head[i](x) = sum[i](x * [i == 0])\ny = head[p,q](A[p,q])"
    with pytest.raises(IndexScopeError) as error:
        resolve(parse(text))
    assert (
        str(error.value)
        == """\
head uses the position of its index, which 2 indices do not have
    y = head[p,q](A[p,q])
        ^^^^^^^^^^^^^^^^^
write head with one index instead of p,q"""
    )


# Hygiene: a definition and its caller with names that collide mean what they mean with names apart.

CALLER = ("i", "i'", "j", "k''")
APART = {"i": "ca", "i'": "cb", "j": "cc", "k''": "cd"}
# An own index of a definition that leaked into the caller would have another type.
TYPES = "index i, j, k, ca, cb, cc, cd: caller < 2\nindex p, q, u, v: definition < 2\n"


@dataclass
class _Drawn:
    """A definition's body and a call, as functions of the names that they use."""

    draw: st.DrawFn

    def choose(self, options):
        return self.draw(st.sampled_from(tuple(options)))

    def body(self, scope: tuple[str, ...], depth: int) -> str:
        """An expression of parameters x and z, indices written as {0}, {0'}, {1}, …"""
        kinds = ("bare", "bare", "at", "at", "compare")
        if depth:
            kinds += ("sum", "sum", "max", "softmax", "add", "multiply", "sum")
        kind = self.choose(kinds)
        if kind == "bare":
            return self.choose("xz")
        if kind == "at":
            return f"{self.choose('xz')}[{self.choose(scope)},{self.choose(scope)}]"
        if kind == "compare":
            comparison = self.choose(("<", "<=", "=="))
            return f"(0.5 + [{self.choose(scope)} {comparison} {self.choose(scope)}])"
        if kind in ("add", "multiply"):
            sides = [self.body(scope, depth - 1) for _ in range(2)]
            return f"({' + '.join(sides)})" if kind == "add" else f"({sides[0]} * {sides[1]})"
        index = self.choose(scope if kind == "softmax" else ("{0}", "{0}'", "{1}", "{1}''"))
        inner = self.body(tuple(dict.fromkeys((*scope, index))), depth - 1)
        return f"{kind}[{index}]({inner})"

    def argument(self, depth: int) -> str:
        """An expression of the caller's, indices written as {i}, {i'}, …"""
        names = [self.choose(CALLER) for _ in range(2)]
        read = f"{self.choose('AB')}[{', '.join('{' + n + '}' for n in names)}]"
        if not depth or self.draw(st.booleans()):
            return read
        bound = self.choose(CALLER)
        return f"(sum[{{{bound}}}]({self.argument(depth - 1)}) + {read})"


@st.composite
def collisions(draw: st.DrawFn) -> tuple[str, str]:
    """A definition's body, and an expression that calls it."""
    drawn = _Drawn(draw)
    body = drawn.body(("{0}", "{1}"), 4)
    indices = draw(st.permutations(CALLER))[:2]
    call = f"f[{{{indices[0]}}},{{{indices[1]}}}]({drawn.argument(1)}, {drawn.argument(2)})"
    return body, call


def _value(body: str, call: str, own: tuple[str, str], names: dict[str, str]) -> np.ndarray:
    definition = f"def f[{own[0]},{own[1]}](x, z) = {body.format(*own)}"
    statements = parse(f"{TYPES}{definition}\ny = {call.format_map(names)}")
    equation = statements[-1]
    assert isinstance(equation, Equation)
    expression = collect_definitions(statements).expand(equation.expression, names.values())
    free = set(free_indices(expression))
    ordered = tuple(Index(n) for n in names.values() if n in free)
    target = replace(equation, target=Access("y", ordered), expression=expression)
    program = ep.Program.from_statements([*statements[:2], target])
    tensors = {"A": np.array([[0.5, -1.0], [2.0, 0.25]]), "B": np.array([[1.0, 3.0], [-2.0, 0.75]])}
    return ep.reference.evaluate(program, {n: tensors[n] for n in program.inputs})["y"]


@given(case=collisions())
def test_names_that_collide_mean_what_names_apart_mean(case: tuple[str, str]) -> None:
    body, call = case
    apart = _value(body, call, ("p", "q"), APART)
    same = dict(zip(CALLER, CALLER, strict=True))
    for own in (("i", "j"), ("j", "i"), ("k", "i"), ("u", "v")):
        np.testing.assert_allclose(_value(body, call, own, same), apart, rtol=1e-12)


def test_all_calls_of_a_program_together_are_bounded() -> None:
    """Each is below the bound of one call; there are enough of them to keep a machine busy."""
    long = "def f(x) = " + " + ".join(["x"] * 1000)
    calls = "\n".join(f"y{n} = f(x{n})" for n in range(300))
    with pytest.raises(IndexScopeError) as caught:
        ep.Program(f"{long}\n{calls}")
    assert str(caught.value) == (
        "the definitions of the program expand to more than 200000 operations\n"
        "    y199 = f(x199)\n"
        "           ^^^^^^^\n"
        "this is the first call beyond that; write the program in several, or call less"
    )
