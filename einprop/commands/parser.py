"""The parser of the command line, and the notation on one screen."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from einprop.backends.calibration import calibrate, calibration_file
from einprop.commands import check, derive, execute, explain
from einprop.commands.given import read_count

__all__ = ["parser"]

NOTATION = """\
the notation, a line each (or ";" between them, or a file of them):
  y[b,j] = x[b,i] W[i,j] + B[j]        i repeats in a product and is not on the left: it is summed
  y[b,j] += B[j]                       adds to y
  p[b,k] = softmax[k](s[b,k])          a function over an index names it; sum[k](...) always sums
  loss = -mean[b](sum[k](t[b,k] log(p[b,k])))
  y[i,f] = x[i+p,c] K[p,c,f]           subscripts compute: shifts, strides x[2*i], pad(i+p-1), E[n[i],e]
  h[t,j] = tanh(x[t,j] + h[t-1,k] U[k,j])   a recurrence; before the first position there is 0
  y[i] = [x[i] > 0] x[i]               a comparison in brackets is 1 or 0
  def swish(x) = x sigmoid(x)          a function of your own
  index b: batch, p: window < 3        types and sizes of indices; input, param, output declare tensors
  backward x.grad[i] += y.grad[i] w[i] a gradient by hand, which is checked
Names that no equation defines are inputs. x.grad is the gradient of x.
"""

_COMMANDS = {
    "derive": (derive, "print the backward equations of a program, or its Hessian"),
    "check": (check, "print types and sums of a program, its declared gradients verified"),
    "explain": (explain, "print what a call does at given sizes, step by step, and what it costs"),
    "run": (execute, "run a program on arrays from files"),
}


def parser() -> argparse.ArgumentParser:
    """The parser; what it finds has ``run``, which gives text and plain data, or does all itself."""
    top = argparse.ArgumentParser(
        prog="python -m einprop",
        description="Write a layer as index notation, get the backward pass in the same notation.",
        epilog=NOTATION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (command, says) in _COMMANDS.items():
        made = commands.add_parser(
            name,
            help=says,
            epilog=NOTATION,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add(made)
        made.add_argument("--json", action="store_true", help="print JSON, of an error too")
        made.set_defaults(run=command.run)
    _add_demo(commands.add_parser("demo", help="train a two-layer network on handwritten digits"))
    _add_playground(
        commands.add_parser(
            "playground", help="a page on this computer that shows what a program means as you type"
        )
    )
    measure = commands.add_parser(
        "calibrate", help="measure this machine, so that plans are made for it"
    )
    measure.set_defaults(run=_calibrate)
    return top


def _add_demo(demo: argparse.ArgumentParser) -> None:
    demo.add_argument(
        "--output",
        type=Path,
        default=Path("learning_curve.png"),
        help="where to write the learning curve (text instead where matplotlib is absent)",
    )
    demo.add_argument(
        "--epochs", type=read_count(1), default=30, help="passes over the training set"
    )
    demo.add_argument(
        "--seed", type=read_count(0), default=0, help="of initial parameters and minibatches"
    )
    demo.set_defaults(run=_demo)


def _demo(arguments: argparse.Namespace) -> None:
    # The demo needs layers, data and training; deriving an equation should not wait for them.
    from einprop.training.demo import run  # noqa: PLC0415

    run(output=arguments.output, epochs=arguments.epochs, seed=arguments.seed)


def _add_playground(playground: argparse.ArgumentParser) -> None:
    playground.add_argument(
        "--port",
        type=read_count(0, 65535),
        default=8765,
        help="of the page's address (0 takes one that is free)",
    )
    playground.add_argument("--no-browser", action="store_true", help="do not open the page")
    playground.set_defaults(run=_playground)


def _playground(arguments: argparse.Namespace) -> None:
    from einprop.playground.server import serve  # noqa: PLC0415

    serve(arguments.port, open_browser=not arguments.no_browser)


def _calibrate(_: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    found = asdict(calibrate())
    lines = []
    for name, figure in found.items():
        parts = figure.items() if isinstance(figure, dict) else [("", figure)]
        for part, amount in parts:
            shown = f"{int(amount):10,} bytes" if name == "cache" else f"{amount * 1e9:10.3f} ns"
            lines.append(f"{name:13}{part:9}{shown}")
    return "\n".join([*lines, f"kept in {calibration_file()}"]), found
