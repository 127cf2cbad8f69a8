"""Optimisers as plain values: every one comes back; what is made up is refused."""

from dataclasses import dataclass
from typing import Any

import pytest

from einprop.errors import EinpropError, InputError
from einprop.training import (
    SGD,
    AdaGrad,
    Adam,
    AdamW,
    ClipNorm,
    ClipValue,
    CosineDecay,
    Groups,
    PerStep,
    RMSProp,
    StepDecay,
    WarmUp,
    exponential_decay,
)
from einprop.training.plain import describe, name_of, rebuild
from einprop.training.schedules import Scaled
from einprop.training.strict_json import parse_object, print_object
from einprop.training.training import Options

VALUES = [
    SGD(0.1, momentum=0.9, nesterov=True),
    SGD(exponential_decay(0.1, 1 / 3)),
    Adam(PerStep(WarmUp(100, then=CosineDecay(3e-4, length=5000)))),
    AdamW(Scaled(StepDecay(0.1, every=3), 0.1), weight_decay=1e-300),
    RMSProp(centred=True),
    AdaGrad(),
    Groups(AdamW(0.1), {"B*": AdamW(0.1, weight_decay=0.0), "é": SGD(1)}),
    ClipNorm(0.1),
    ClipValue(float("inf")),
    Options(ClipNorm(1.0), 0.1, 32),
    (1, 2.5, None, True, "text"),
]


@pytest.mark.parametrize("value", VALUES, ids=map(str, range(len(VALUES))))
def test_it_comes_back_from_json(value: Any) -> None:
    text = print_object({"value": describe(value)})
    assert rebuild(parse_object(text)["value"]) == value


def test_a_class_of_the_users() -> None:
    @dataclass(frozen=True)
    class Sawtooth:
        period: int

        def __call__(self, epoch: int) -> float:
            return float(epoch % self.period)

    described = describe(SGD(Sawtooth(3)))
    assert rebuild(described, [Sawtooth]) == SGD(Sawtooth(3))
    assert name_of(described["fields"]["learning_rate"]) == "Sawtooth"
    with pytest.raises(InputError, match="the class Sawtooth is not known here\nknown are AdaGrad"):
        rebuild(described)


REFUSED: dict[str, tuple[Any, str]] = {
    "a function": (describe(print), "print is written by its name alone: a file holds no functions"),
    "a module's": ({"class": "os.system", "fields": {}}, "the class os.system is not known here"),
    "other fields": (
        {"class": "SGD", "fields": {"rate": 1}}, "SGD cannot be made of what the file says: "),
    "a rate of text": (
        {"class": "SGD", "fields": {"learning_rate": "fast"}}, "the learning rate is 'fast'"),
    "no number": ({"float": "0xg"}, "'0xg' is no number"),
    "too large a number": ({"float": "0x1p+99999"}, "'0x1p+99999' is no number"),
    "nothing": ({"kind": 1}, "{'kind': 1} describes nothing"),
    "a bare number": (1.5, "1.5 describes nothing"),
}  # fmt: skip


@pytest.mark.parametrize(("described", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_made_up_is_refused(described: Any, message: str) -> None:
    with pytest.raises(EinpropError) as caught:
        rebuild(described)
    assert str(caught.value).startswith(message)
