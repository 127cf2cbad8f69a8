"""Programs as text of the language."""

from __future__ import annotations

from tests.strategies.drawn.model import (
    DEFINITIONS,
    Affine,
    Apply,
    Compare,
    Equation,
    Expression,
    Joined,
    Letter,
    Loop,
    Number,
    Over,
    Program,
    Read,
)

_INFIX = {"+": " + ", "*": " ", "/": " / ", "^": "^"}


def program_text(program: Program) -> str:
    """The program, a statement a line."""
    lines = [DEFINITIONS[name] for name in program.definitions]
    for name, kind, size in program.indices:
        lines.append(f"index {name}: {kind}" + ("" if size is None else f" < {size}"))
    for kind, name, places in program.declared:
        lines.append(f"{kind} {name}[{','.join(places)}]" if places else f"{kind} {name}")
    for part in program.parts:
        equations = (*part.before, *part.body) if isinstance(part, Loop) else (part,)
        lines += map(equation_text, equations)
    return "\n".join(lines)


def equation_text(equation: Equation) -> str:
    clauses = ", ".join(f"{x.name} in {x.start}:{x.stop}" for x in equation.clauses)
    where = f" where {clauses}" if clauses else ""
    return f"{_read(equation.target)} {equation.operator} {expression_text(equation.expression)}{where}"


def expression_text(node: Expression) -> str:
    match node:
        case Number(value):
            return f"{value:g}"
        case Read():
            return _read(node)
        case Compare(left, operator, right):
            return f"[{_side(left)} {operator} {_side(right)}]"
        case Over(_, _, body, silent=True):
            return expression_text(body)
        case Over(function, indices, body):
            return f"{function}[{_names(indices)}]({expression_text(body)})"
        case Apply("-", (operand,)):
            return f"-{_factor(operand)}"
        case Apply("+", terms):
            return " + ".join(_term(t) for t in terms)
        case Apply("*", factors):
            return _product([_factor(f) for f in factors])
        case Apply("/" | "^" as operator, (left, right)):
            return _INFIX[operator].join((_factor(left), _factor(right)))
        case Apply(function, arguments):
            return f"{function}({', '.join(map(expression_text, arguments))})"
    raise AssertionError(node)


def _product(factors: list[str]) -> str:
    """Factors side by side; after a name a parenthesis or a bracket would belong to it."""
    text = factors[0]
    for factor in factors[1:]:
        text += f" * {factor}" if factor[0] in "([" else f" {factor}"
    return text


def _operator(node: Expression) -> str:
    """The operator that stands outermost in the text of a node, if one does."""
    while isinstance(node, Over) and node.silent:
        node = node.body
    return (
        node.function
        if isinstance(node, Apply) and node.function in ("+", "*", "/", "^", "-")
        else ""
    )


def _factor(node: Expression) -> str:
    text = expression_text(node)
    return f"({text})" if _operator(node) else text


def _term(node: Expression) -> str:
    text = expression_text(node)
    return f"({text})" if _operator(node) in ("+", "-") else text


def _names(indices: tuple[Letter, ...]) -> str:
    return ",".join(x.name for x in indices)


def _side(side: Affine | Expression) -> str:
    return _affine(side) if isinstance(side, Affine) else expression_text(side)


def _read(read: Read) -> str:
    if not read.subscripts:
        return read.name
    return f"{read.name}[{','.join(map(_subscript, read.subscripts))}]"


def _subscript(subscript: Affine | Joined | Read) -> str:
    match subscript:
        case Joined(indices):
            return f"({' '.join(x.name for x in indices)})"
        case Read(name, ()):
            return f"{name}[]"
        case Read():
            return _read(subscript)
        case Affine(mode=""):
            return _affine(subscript)
        case Affine(mode=mode):
            return f"{mode}({_affine(subscript)})"


def _affine(affine: Affine) -> str:
    parts = [(factor, x.name) for factor, x in affine.terms]
    if affine.end:
        parts.insert(0, (affine.end, "end"))
    text = ""
    for factor, name in parts:
        sign = "-" if factor < 0 else "+" if text else ""
        text += sign + (name if abs(factor) == 1 else f"{abs(factor)}*{name}")
    if affine.constant or not text:
        sign = "-" if affine.constant < 0 else "+" if text else ""
        text += f"{sign}{abs(affine.constant)}"
    return text
