"""How code for all sizes finds each size in the shapes of its arguments, and what it refuses."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator
from functools import partial

from einprop.analysis.declare import axis_letters
from einprop.analysis.indices import numbered
from einprop.analysis.sizes import Sizes, unknown_letters
from einprop.backends.source_code import Line
from einprop.backends.source_format import WIDTH
from einprop.backends.source_names import python_names
from einprop.backends.source_sizes import Form, numbers, with_forms
from einprop.compiled import Compiled
from einprop.errors import ShapeError
from einprop.portable import DiffersError, Template, template
from einprop.varied import Slack, Varied

__all__ = ["portable_source"]

_Axis = tuple[str, int]


class Found:
    """The sizes of code, each from the arguments.

    Attributes:
        lines: The body.
        missing: Variables that no argument tells.
    """

    def __init__(self, varied: Varied, template: Template) -> None:
        self.varied = varied
        self.template = template
        self.code = template.code
        self.arguments = [n for n in self.code.plan.inputs if n not in self.code.lengths]
        self.axes = {a: f for a, f in template.axes.items() if a[0] in self.arguments}
        self.holders: dict[object, _Axis] = {}
        self.derived: dict[object, tuple[_Axis, str, bool]] = {}
        self.names = self.named()
        self.forms = [self.by_length(form) for form in template.forms]
        self.lines = with_forms(self.code.lines, self.forms, self.names)
        self.solve()

    # What each size is called, and where it is found.

    def named(self) -> dict[object, str]:
        """A Python variable for each variable size."""
        varied, resolved = self.varied, self.varied.resolved
        inputs = resolved.names.inputs
        by_key: dict[object, str] = {
            resolved.types.axis(*axis): letter
            for axis, letter in axis_letters(resolved, inputs).items()
        }
        wanted: dict[object, str] = {}
        for variable in varied.variables:
            letter = by_key.get(varied.key(variable)) or varied.letters.get(variable, "axis")
            wanted[variable] = numbered(f"{letter}_size", set(wanted.values()).__contains__)
        taken = {*self.code.names.values(), *self.code.author.variables.values()}
        lengths = {axis: self.code.names[n] for n, axis in self.code.lengths.items()}
        names = python_names(wanted.values(), taken)
        found = {variable: names[name] for variable, name in wanted.items()}
        for axis, form in self.axes.items():
            if axis in lengths:
                variable = self.alone(form)
                if variable is not None:
                    found[variable] = lengths[axis]
                    self.holders[variable] = axis
        return found

    def alone(self, form: Form) -> object | None:
        """The variable that a form is, of an axis: its size, or how much longer it is."""
        slack = [v for v in form.variables if isinstance(v, Slack)]
        if slack:
            return slack[0]
        if form.constant == 0 and list(form.terms.values()) == [1]:
            ((variables),) = form.terms
            return variables[0] if len(variables) == 1 else None
        return None

    def needed(self, key: Slack) -> Form:
        """How long an axis has to be."""
        form = self.template.axes[key.tensor, key.axis]
        return Form(form.constant, {v: c for v, c in form.terms.items() if v != (key,)})

    def by_length(self, form: Form) -> Form:
        """A form with lengths of axes for how much longer they are than needed."""
        for key in [k for k in form.variables if isinstance(k, Slack)]:
            form = form.plus(self.needed(key), -form.terms[key,])
        return form

    def solve(self) -> None:
        """Find where each variable is told."""
        for axis, form in self.axes.items():
            variable = self.alone(form)
            if variable is not None:
                self.holders.setdefault(variable, axis)
        self.missing = self.wanted() - self.holders.keys()
        progress = True
        while self.missing and progress:
            progress = False
            for axis, form in self.axes.items():
                progress |= self.derive(axis, form)
            self.missing -= self.derived.keys()

    def wanted(self) -> set[object]:
        """The variables that the code or its checks need."""
        found = {v for form in self.forms for v in form.variables}
        for form in self.axes.values():
            if self.alone(form) is None or any(isinstance(v, Slack) for v in form.variables):
                found |= form.variables
        least = self.template.least
        return found | {v for v in self.varied.variables if least.get(v, 0) > 0 and self.told(v)}

    def told(self, variable: object) -> bool:
        """Whether an argument has to do with a variable."""
        return any(variable in form.variables for form in self.axes.values())

    def holder(self) -> str | None:
        """An input that is no argument yet and tells a variable that is missing, if there is one."""
        for axis, form in self.template.axes.items():
            if axis[0] not in self.arguments and self.missing & form.variables:
                return axis[0]
        return None

    def derive(self, axis: _Axis, form: Form) -> bool:
        """Solve the form of an axis for the one variable of it that is not known, if it is one."""
        known = self.holders.keys() | self.derived.keys()
        unknown = [v for v in form.variables if v not in known]
        slack = next((v for v in form.variables if isinstance(v, Slack)), None)
        if len(unknown) != 1 or isinstance(unknown[0], Slack):
            return False
        (variable,) = unknown
        ((product, factor),) = [(p, c) for p, c in form.terms.items() if variable in p]
        if factor < 1 or (slack is not None and factor == 1):
            return False
        others = [self.names[v] for v in product if v != variable]
        rest = {p: -c for p, c in form.terms.items() if p not in (product, (slack,))}
        whole = Form(-form.constant, {(axis,): 1, **rest})
        length = f"{self.code.names[axis[0]]}.shape[{axis[1]}]"
        text = whole.text({**self.names, axis: length})
        divisor = " * ".join([*([str(factor)] if factor > 1 else []), *others])
        if divisor:
            text = f"({text})" if len(whole.terms) > 1 or whole.constant else text
            text = f"{text} // ({divisor})" if " " in divisor else f"{text} // {divisor}"
        self.derived[variable] = (axis, text, bool(divisor) and slack is None)
        return True

    # The lines.

    def head(self) -> list[Line]:
        """Checks, definitions and conditions before the body."""
        guards = [*self.guards()] if self.code.checked else []
        used = "\n".join(line.text for line in (*self.lines, *guards) if not line.comment)
        definitions: list[Line] = []
        for variable, text in reversed(list(self.definitions())):
            name = self.names[variable]
            if re.search(rf"\b{re.escape(name)}\b", used):
                definitions.insert(0, Line(1, f"{name} = {text}"))
                used += text
        usual = self.code.head([*self.lines, *guards, *definitions])
        return [*usual, *definitions, *guards]

    def definitions(self) -> Iterator[tuple[object, str]]:
        """The variables with what they are."""
        names = self.code.names
        lengths = {*self.code.lengths.values()}
        for variable, (tensor, axis) in self.holders.items():
            if (tensor, axis) not in lengths:
                yield variable, f"{names[tensor]}.shape[{axis}]"
        for variable, (_, text, _) in self.derived.items():
            yield variable, text

    def guards(self) -> Iterator[Line]:
        """The conditions under which the code is right."""
        least = self.template.least
        for variable, name in self.names.items():
            low = least.get(variable, 0)
            known = variable in self.holders or variable in self.derived
            if isinstance(variable, Slack) or not known or not (low or variable in self.derived):
                continue
            letter = name.removesuffix("_size")
            yield from _unless(
                f"{name} < {low}",
                f"index {letter} has size {{{name}}}: this code is for {low} or more",
            )
        for axis, form in self.axes.items():
            yield from self.axis_guard(axis, form)
        for text in dict.fromkeys(form.text(self.names) for form in self.negative()):
            yield from _unless(f"{text} < 0", f"these sizes are too small: {text} is {{{text}}}")

    def axis_guard(self, axis: _Axis, form: Form) -> Iterator[Line]:
        """The condition that the length of one axis has to fulfil."""
        slack = next((v for v in form.variables if isinstance(v, Slack)), None)
        told = [exact for at, _, exact in self.derived.values() if at == axis]
        least = self.template.least.get(slack, 0)
        if not form.terms or (told and not told[0] and not least):
            return
        if self.alone(form) not in (None, slack):
            return
        name = self.code.names[axis[0]]
        length = self.names[slack] if slack else f"{name}.shape[{axis[1]}]"
        wanted = self.needed(slack).plus(Form(least, {})) if slack else form
        needed = wanted.text(self.names)
        shown = f"{{{needed}}}" if wanted.terms else needed
        words = f"but {shown} or more are read" if slack else f"not {shown}"
        yield from _unless(
            f"{length} {'<' if slack else '!='} {needed}",
            f"axis {axis[1]} of {name} has size {{{length}}}, {words}",
        )

    def negative(self) -> Iterator[Form]:
        """The sizes in the code that may be less than nothing."""
        least, forms = self.template.least, iter(self.template.forms)
        for line in self.code.lines:
            for form in itertools.islice(forms, len(numbers([line]))):
                low = {v: least.get(v, 0) for v in form.variables}
                rising = all(c > 0 for c in form.terms.values())
                if form.terms and not line.comment and not (rising and form.at(low) >= 0):
                    found = self.by_length(form)
                    if found.constant or len(found.terms) > 1 or -1 in found.terms.values():
                        yield found


def _unless(condition: str, message: str) -> Iterator[Line]:
    yield Line(1, f"if {condition}:")
    raised = f'raise ValueError(f"{message}")'
    if len(raised) + 8 <= WIDTH:
        yield Line(2, raised)
    else:
        yield from (Line(2, "raise ValueError("), Line(3, f'f"{message}"'), Line(2, ")"))


def portable_source(
    bound: Sizes, given: Collection[str], compiled: Compiled, backend: str, *, check: bool
) -> str:
    """Code for all sizes but those that are given.

    Args:
        bound: The sizes that are given, and what follows.
        given: The letters that they are given for.
        compiled: The program.
        backend: The library.
        check: Whether the code checks the sizes of its arguments.

    Raises:
        ShapeError: It would be another at other sizes.
    """
    try:
        varied = Varied(bound, given)
        start = varied.at(varied.variables)
        weights = compiled.weights(start)
        free = start.known.keys() - bound.known.keys() | {*map(varied.key, varied.variables)}
        more: set[str] = set()
        while True:
            draft = partial(
                compiled.draft, backend=backend, free=free, check=check, more=more, weights=weights
            )
            found = Found(varied, template(varied, draft))
            if not found.missing:
                return found.code.text(found.lines, found.head())
            another = found.holder()
            if another is None:
                raise DiffersError(found.missing)
            more = {*more, another}
    except DiffersError as error:
        raise _refused(varied, error.keys) from None
    except ShapeError:
        # Sizes that nobody gave may not fit together; those that do decide the code.
        letters = unknown_letters(bound)
        if not letters:
            raise
        raise _wanted(letters.values()) from None


def _refused(varied: Varied, keys: Collection[object]) -> ShapeError:
    """The error where code differs between sizes of some variables."""
    letters = [varied.letters[key] for key in varied.letters if key in keys]
    if letters or not keys:
        return _wanted(letters or varied.letters.values())
    name, axis = varied.axes[varied.key(next(iter(keys)))]
    indices = ",".join(f"k{n}" for n in range(varied.resolved.types.rank(name)))
    return ShapeError(
        f"the code depends on the size of axis {axis} of {name}, which no index has",
        (),
        f"declare it, as in: index k{axis}: name < 8; input {name}[{indices}]",
    )


def _wanted(letters: Collection[str]) -> ShapeError:
    wanted = list(dict.fromkeys(letters))
    return ShapeError(
        f"the code depends on the sizes of {', '.join(wanted)}",
        (),
        f"give them, as in source({wanted[0]}=8)",
    )
