"""Models in files: equations beside their parameters, so that a file runs without its author's code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

from einprop.errors import EinpropError, InputError, UnsupportedError
from einprop.layers import Network
from einprop.layers.model import Model
from einprop.layers.noise import Noise
from einprop.notation.functions import FUNCTIONS
from einprop.notation.parser import parse
from einprop.notation.tree import Backward, Call, Definition, Equation, Statement, walk
from einprop.options import mapping
from einprop.program import Program
from einprop.training.safetensors import read_safetensors, write_safetensors
from einprop.training.step import as_model
from einprop.training.strict_json import parse_object, print_object

__all__ = [
    "check_parameters",
    "describe_model",
    "load_model",
    "model_metadata",
    "model_of",
    "naming_damage",
    "rebuild_model",
    "save_model",
    "tensors_of",
]

Array = npt.NDArray[Any]

_KEY = "einprop.model"
_LAYOUT = 1
# The language bounds what a character of text can cost; a thousand layers take half of this.
_LONGEST_TEXT = 100_000


def save_model(
    path: str | PathLike[str],
    model: Network | Program | Model,
    parameters: Mapping[str, Array],
    *,
    floats: str | None = None,
) -> None:
    """Write a model and its parameters to one safetensors file, whole or not at all.

    The file holds the text of the programs that train, evaluate and predict. Other software reads
    the parameters alone, under their dotted names (``0.W``) where the model has such.

    Args:
        path: The file; one that is there is replaced.
        model: A network, a program or a model.
        parameters: Arrays by name, the model's state among them; of the dtypes that
            `write_safetensors` knows.
        floats: How arrays of floats are stored, as ``"F16"`` or ``"BF16"``; by default as they are.

    Raises:
        InputError: The parameters are not those of the model, there is no such type, or the file
            cannot be written.

    >>> import tempfile
    >>> import einprop as ep
    >>> network = ep.layers.Affine(2) >> ep.layers.Tanh()
    >>> parameters = network.init(np.random.default_rng(0), x=(1, 3))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(f"{folder}/tanh.safetensors", network, parameters)
    ...     model, read = load_model(f"{folder}/tanh.safetensors")
    >>> print(str(model.program).splitlines()[-1])
    y[b,j] = tanh(x[b,i] W[i,j] + B[j])
    >>> bool(np.all(read["W"] == parameters["W"]))
    True
    """
    held = as_model(model)
    check_parameters(held, parameters)
    write_safetensors(path, tensors_of(held, parameters), model_metadata(held), floats=floats)


def load_model(path: str | PathLike[str]) -> tuple[Model, dict[str, Array]]:
    """The model and the parameters that a file holds, without the code that made them.

    Nothing of the file runs while it is read. Its equations are compiled when they are called.

    Args:
        path: A file that `save_model` wrote.

    Returns:
        The model, and arrays by the names that its programs have for them.

    Raises:
        InputError: There is no such file, it is damaged, or it holds no model of einprop's.
        UnsupportedError: The model calls a function that was registered where it was made, and is
            not here; the message says which.
    """
    arrays, metadata = read_safetensors(path)
    if _KEY not in metadata:
        raise InputError(
            f"{path} holds arrays, but no model",
            hint="read them by einprop.training.read_safetensors",
        )
    with naming_damage(f"the model in {path}"):
        return model_of(arrays, metadata)


@contextmanager
def naming_damage(what: str) -> Iterator[None]:
    """Say of what a file's contents are refused, unless only a registered function is missing.

    Raises:
        InputError: What is read inside is refused.
    """
    try:
        yield
    except UnsupportedError:
        raise
    except EinpropError as error:
        raise InputError(f"{what} is damaged: {error}") from error


def tensors_of(model: Model, parameters: Mapping[str, Array]) -> dict[str, Array]:
    """The parameters under the names that they have in a file."""
    return {model.dotted.get(name, name): array for name, array in parameters.items()}


def model_metadata(model: Model) -> dict[str, str]:
    """What a file says of a model beside its parameters.

    Raises:
        InputError: A program is too long.
    """
    return {_KEY: print_object(describe_model(model))}


def model_of(
    arrays: Mapping[str, Array], metadata: Mapping[str, str]
) -> tuple[Model, dict[str, Array]]:
    """The model and the parameters that a file holds, maybe among other things.

    Raises:
        EinpropError: It holds none.
    """
    model = rebuild_model(parse_object(metadata.get(_KEY, "")))
    # What else a file holds has a slash in its name, as no tensor of a program has.
    parameters = _undotted(model, {n: array for n, array in arrays.items() if "/" not in n})
    check_parameters(model, parameters)
    return model, parameters


def describe_model(model: Model) -> dict[str, Any]:
    """A model as values of JSON; `rebuild_model` takes them.

    Raises:
        InputError: A program is too long.
    """
    programs = [model.program, model.evaluation, *([model.predictor] if model.predictor else [])]
    texts = [str(program) for program in programs]
    for text in texts:
        _check_length(text)
    return {
        "layout": _LAYOUT,
        "program": texts[0],
        "evaluation": texts[1] if texts[1] != texts[0] else None,
        "predictor": texts[2] if model.predictor else None,
        "state": dict(model.state),
        "noise": {name: [noise.kind, noise.parameter] for name, noise in model.noise.items()},
        "dotted": dict(model.dotted),
        "functions": {
            name: {
                "parameters": FUNCTIONS[name].parameters,
                "derivatives": FUNCTIONS[name].derivatives,
            }
            for program in programs
            for name in _registered(program.statements)
        },
    }


def rebuild_model(description: Mapping[str, Any]) -> Model:
    """The model that `describe_model` describes.

    Raises:
        EinpropError: It describes none.
        UnsupportedError: A registered function is missing.
    """
    if description.get("layout") != _LAYOUT:
        raise InputError(
            f"its layout is {description.get('layout')!r}, and this version reads {_LAYOUT}",
            hint="a newer version of einprop wrote it, or something else did",
        )
    _check_functions(_table(description, "functions", dict))
    program = _program(description, "program")
    evaluation, predictor = (
        None if description.get(name) is None else _program(description, name)
        for name in ("evaluation", "predictor")
    )
    model = Model(
        program,
        program if evaluation is None else evaluation,
        predictor,
        _table(description, "state", str),
        {name: _noise(name, row) for name, row in _table(description, "noise", list).items()},
        _table(description, "dotted", str),
    )
    _check_names(model)
    return model


def check_parameters(model: Model, parameters: Mapping[str, Array]) -> None:
    """Refuse arrays that are not the parameters and the state of a model.

    Raises:
        InputError: One is missing, unknown or not of numbers that a parameter can have.
        ShapeError: Their shapes do not go together.
    """
    mapping("parameters", parameters, "as init gives them")
    missing = [n for n in (*model.program.params, *model.state) if n not in parameters]
    if missing:
        raise InputError(
            f"there is no array for {', '.join(missing)}",
            hint=f"the parameters are {', '.join((*model.program.params, *model.state))}",
        )
    for name, array in parameters.items():
        if name not in model.program.inputs:
            raise InputError(
                f"{name} is no input of the model",
                hint=f"the model reads {', '.join(model.program.inputs)}",
            )
        kind = np.asarray(array).dtype
        if name not in model.state and not np.issubdtype(kind, np.floating):
            raise InputError(f"parameter {name} is {kind}", hint="parameters are arrays of floats")
    model.program.shapes({name: np.shape(array) for name, array in parameters.items()})


def _undotted(model: Model, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays under the names that the programs have for them, in the programs' order."""
    names = {model.dotted.get(name, name): name for name in model.program.inputs}
    for name in arrays:
        if name not in names:
            raise InputError(f"{name} is no input of the model", hint=f"its inputs: {list(names)}")
    return {name: arrays[dotted] for dotted, name in names.items() if dotted in arrays}


def _check_names(model: Model) -> None:
    """Refuse state, noise and dotted names that the program does not have."""
    program = model.program
    for what, names in (("state", model.state), ("noise", model.noise), ("dotted", model.dotted)):
        for name in names:
            if name not in program.inputs:
                raise InputError(f"{what} names {name}, which is no input of the program")
    for name, new in model.state.items():
        if new != name and new not in program.outputs:
            raise InputError(f"the new value of {name} should be {new}, which is no output")
    dotted = [model.dotted.get(name, name) for name in program.inputs]
    if len(set(dotted)) < len(dotted):
        raise InputError(f"two of the dotted names {', '.join(dotted)} are the same")


def _registered(statements: Sequence[Statement]) -> Iterator[str]:
    """The functions of a user's that a program calls, each as often as it does."""
    defined = {s.name for s in statements if isinstance(s, Definition)}
    for statement in statements:
        match statement:
            case Definition(body=expression) | Equation(expression=expression):
                pass
            case Backward(equation=Equation(expression=expression)):
                pass
            case _:
                continue
        for node in walk(expression):
            if isinstance(node, Call) and node.function not in defined:
                row = FUNCTIONS.get(node.function)
                if row is not None and row.own:
                    yield node.function


def _check_functions(functions: Mapping[str, dict[str, Any]]) -> None:
    """Refuse a model that calls functions which are not registered here."""
    for name, row in functions.items():
        if name in FUNCTIONS and FUNCTIONS[name].own:
            continue
        derivatives = [str(text)[:200] for text in row.get("derivatives", ())]
        raise UnsupportedError(
            f"the model calls {name[:80]}, a function that was registered where the file was written",
            hint=f"register it here before: einprop.register_function({name[:80]!r}, function, "
            f"{derivatives!r})",
        )


def _program(description: Mapping[str, Any], name: str) -> Program:
    text = description.get(name)
    if not isinstance(text, str):
        raise InputError(f"its {name} is no text")
    _check_length(text)
    # Lines of a backward pass were checked where the file was written; that would compute here.
    return Program.from_statements(parse(text))


def _check_length(text: str) -> None:
    if len(text) > _LONGEST_TEXT:
        raise InputError(
            f"a program of {len(text)} characters is too long for a file",
            hint=f"at most {_LONGEST_TEXT} are read",
        )


def _table(description: Mapping[str, Any], name: str, kind: type) -> dict[str, Any]:
    table = description.get(name, {})
    if not isinstance(table, dict) or not all(isinstance(v, kind) for v in table.values()):
        raise InputError(f"its {name} is not a {kind.__name__} by name")
    return table


def _noise(name: str, row: Sequence[Any]) -> Noise:
    match row:
        case [str(kind), int() | float() as parameter] if not isinstance(parameter, bool):
            return Noise(kind, parameter)
        case _:
            raise InputError(f"its noise {name} is no distribution")
