"""Metrics on logits, with one-hot and numbered targets."""

import numpy as np
import numpy.typing as npt
import pytest

from einprop.errors import InputError, ShapeError
from einprop.training import (
    accuracy,
    confusion_matrix,
    count_errors,
    error_rate,
    negative_log_likelihood,
    perplexity,
)

SCORES = np.array([[3.0, 1.0, 0.0], [0.0, -1.0, -2.0], [0.0, 0.0, 5.0], [1.0, 2.0, 0.0]])
LABELS = np.array([0, 2, 2, 1])


@pytest.mark.parametrize("targets", [LABELS, np.eye(3)[LABELS], LABELS.tolist()])
def test_one_of_four_is_wrong(targets: npt.ArrayLike) -> None:
    assert count_errors(SCORES, targets) == 1
    assert error_rate(SCORES, targets) == 0.25
    assert accuracy(SCORES, targets) == 0.75


@pytest.mark.parametrize("targets", [np.zeros(0, int), np.zeros((0, 3))])
def test_no_examples_have_no_errors_and_no_rate(targets: npt.ArrayLike) -> None:
    none = np.zeros((0, 3))
    assert count_errors(none, targets) == 0
    for rate in (error_rate, accuracy, negative_log_likelihood, perplexity):
        assert np.isnan(rate(none, targets))


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError) as caught:
        count_errors(SCORES, LABELS[:3])
    assert str(caught.value) == (
        "scores of shape (4, 3) do not fit targets of shape (3,)\n"
        "scores have one row an example and one column a class; targets as many rows"
    )


def sequences() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(4, 6, 3)), rng.integers(0, 3, (4, 6))


def test_sequences_count_every_position() -> None:
    scores, labels = sequences()
    wrong = sum(scores[b, t].argmax() != labels[b, t] for b in range(4) for t in range(6))
    for targets in (labels, np.eye(3)[labels]):
        assert count_errors(scores, targets) == wrong
        assert error_rate(scores, targets) == wrong / 24
        assert accuracy(scores, targets) == 1 - wrong / 24


def test_one_row_too_few_in_a_sequence_is_refused() -> None:
    scores, labels = sequences()
    with pytest.raises(ShapeError, match=r"\(4, 6, 3\) do not fit targets of shape \(4, 5\)"):
        error_rate(scores, labels[:, :5])


@pytest.mark.parametrize("targets", [LABELS, np.eye(3)[LABELS]])
def test_confusion_matrix_has_targets_in_rows(targets: npt.ArrayLike) -> None:
    assert confusion_matrix(SCORES, targets).tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 1]]


def test_confusion_matrix_of_sequences_adds_up() -> None:
    scores, labels = sequences()
    counts = confusion_matrix(scores, labels)
    assert counts.sum() == labels.size
    assert counts.sum() - counts.trace() == count_errors(scores, labels)
    assert counts.sum(axis=1).tolist() == np.bincount(labels.ravel(), minlength=3).tolist()


@pytest.mark.parametrize("stray", [-1, 3])
def test_a_target_that_names_no_class_is_refused(stray: int) -> None:
    with pytest.raises(InputError) as caught:
        confusion_matrix(SCORES, [0, 1, 2, stray])
    assert str(caught.value) == (
        f"target {stray} names none of 3 classes\nclasses are numbered from 0 to 2"
    )


def test_likelihood_and_perplexity() -> None:
    scores, labels = sequences()
    exponentials = np.exp(scores)
    p = exponentials / exponentials.sum(axis=-1, keepdims=True)
    expected = -np.log(np.take_along_axis(p, labels[..., None], axis=-1)).mean()
    for targets in (labels, np.eye(3)[labels]):
        assert negative_log_likelihood(scores, targets) == pytest.approx(expected, rel=1e-12)
        assert perplexity(scores, targets) == pytest.approx(np.exp(expected), rel=1e-12)


def test_likelihood_of_large_logits_is_finite() -> None:
    assert negative_log_likelihood([[1e4, 0.0]], [1]) == 1e4


def test_likelihood_of_targets_that_do_not_fit_is_refused() -> None:
    with pytest.raises(ShapeError, match="do not fit"):
        negative_log_likelihood(SCORES, LABELS[:2])


def test_numbers_of_classes_are_integers() -> None:
    with pytest.raises(InputError) as caught:
        count_errors(SCORES, LABELS.astype(float))
    assert str(caught.value) == (
        "targets that number the classes are integers, not float64\n"
        "pass integers, as in targets.astype(int), or one-hot rows"
    )
