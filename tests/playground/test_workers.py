"""Processes that answer: in time, again after one was ended or died, and not too many at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from einprop.errors import EinpropError, InputError
from einprop.playground.question import Question
from einprop.playground.workers import BusyError, LostError, TooLongError, Workers

SLOW = Question("y = prod[i](x[i])" + " prod[i](x[i])" * 600, panels=("hessian",))
QUICK = Question("y = 2 x", panels=("backward",))


@pytest.fixture
def workers() -> Iterator[Workers]:
    with Workers(60, count=1) as found:
        yield found


def answers(workers: Workers) -> bool:
    return workers.ask(QUICK)["panels"]["backward"]["text"] == "x.grad += 2 y.grad"


def test_one_process_answers_many(workers: Workers) -> None:
    assert answers(workers)
    first = workers._idle.queue[0]
    assert answers(workers)
    assert workers._idle.queue == [first]


def test_a_question_that_takes_too_long_is_stopped(workers: Workers) -> None:
    assert answers(workers)
    process = workers._idle.queue[0]._process
    workers.seconds = 0.3
    with pytest.raises(TooLongError, match=r"more than 0\.3 seconds"):
        workers.ask(SLOW)
    assert process.poll() is not None
    workers.seconds = 60
    assert answers(workers)


def test_a_process_that_dies_is_replaced(workers: Workers) -> None:
    assert answers(workers)
    workers._idle.queue[0]._process.kill()
    with pytest.raises(LostError, match="has ended"):
        answers(workers)
    assert answers(workers)


def test_what_there_is_not_is_refused_and_ends_nothing(workers: Workers) -> None:
    assert answers(workers)
    process = workers._idle.queue[0]
    with pytest.raises(InputError, match="there is no panel nothing"):
        workers.ask(Question("y = x", panels=("nothing",)))
    assert workers._idle.queue == [process]
    assert answers(workers)


def test_a_fault_ends_the_process(workers: Workers) -> None:
    # A question that the server would refuse reaches the process, where it is no question.
    with pytest.raises(InputError):
        workers.ask(Question("y = x", sizes={"i": 0.5}))  # type: ignore[dict-item]
    assert answers(workers)


def test_too_many_at_once_are_told_so(workers: Workers) -> None:
    assert answers(workers)
    workers.seconds = 0.1
    held = workers._idle.get()
    with pytest.raises(BusyError, match="too many questions"):
        workers.ask(QUICK)
    workers._idle.put(held)


def test_two_answer_at_once() -> None:
    with Workers(60, count=2) as workers:
        assert answers(workers)
        first = workers._idle.queue[-1]
        failed: list[EinpropError] = []

        def ask() -> None:
            with pytest.raises(LostError) as error:
                workers.ask(SLOW)
            failed.append(error.value)

        slow = threading.Thread(target=ask)
        slow.start()
        while first in workers._idle.queue:
            time.sleep(0.01)
        assert answers(workers)
        assert slow.is_alive()
        first._process.kill()
        slow.join()
        assert failed


def test_they_are_gone_when_closed() -> None:
    with Workers(60) as workers:
        workers.warm()
        process = workers._idle.queue[-1]._process
        assert process.poll() is None
    assert process.poll() is not None
