"""Metrics on logits, with one-hot and numbered targets."""

import numpy as np
import numpy.typing as npt
import pytest

from einprop.errors import ShapeError
from einprop.training import accuracy, count_errors, error_rate

SCORES = np.array([[3.0, 1.0, 0.0], [0.0, -1.0, -2.0], [0.0, 0.0, 5.0], [1.0, 2.0, 0.0]])
LABELS = np.array([0, 2, 2, 1])


@pytest.mark.parametrize("targets", [LABELS, np.eye(3)[LABELS], LABELS.tolist()])
def test_one_of_four_is_wrong(targets: npt.ArrayLike) -> None:
    assert count_errors(SCORES, targets) == 1
    assert error_rate(SCORES, targets) == 0.25
    assert accuracy(SCORES, targets) == 0.75


def test_no_examples_have_no_errors() -> None:
    assert error_rate(np.zeros((0, 3)), np.zeros(0, int)) == 0.0


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError) as caught:
        count_errors(SCORES, LABELS[:3])
    assert str(caught.value) == (
        "scores of shape (4, 3) do not fit targets of shape (3,)\n"
        "scores have one row an example and one column a class; targets as many rows"
    )
