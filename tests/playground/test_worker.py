"""A process of the playground: lines in, lines out, and nothing makes it fall."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from einprop.playground import worker
from einprop.playground.worker import answered


def test_a_question_is_answered() -> None:
    found = json.loads(answered(b'{"text": "y = 2 x", "panels": ["backward"]}'))
    assert found["panels"]["backward"]["text"] == "x.grad += 2 y.grad"


@pytest.mark.parametrize("line", [b'{"more": 1}', b'{"text": "y = x", "panels": ["nothing"]}'])
def test_what_is_no_question_is_refused(line: bytes) -> None:
    assert list(json.loads(answered(line))) == ["refused"]


@pytest.mark.parametrize("fault", [RecursionError("deep"), MemoryError(), KeyError("x")])
def test_a_fault_of_ours_is_told(monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    def fail(_: object) -> None:
        raise fault

    monkeypatch.setattr(worker, "answer", fail)
    found = json.loads(answered(b'{"text": "y = x"}'))
    assert found["failed"].startswith(type(fault).__name__)


def test_it_ends_with_its_input_whatever_it_does() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "einprop.playground.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.curdir},
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"{}\n"
        text = "y = prod[i](x[i])" + " prod[i](x[i])" * 600
        process.stdin.write(json.dumps({"text": text, "panels": ["hessian"]}).encode() + b"\n")
        process.stdin.flush()
        time.sleep(0.3)
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(20) == 0
        assert process.stdout.read() == b""
