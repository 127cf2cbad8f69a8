"""The command line: `python -m einprop derive …`, `… demo` and `… calibrate`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from einprop.backends.calibration import calibrate, calibration_file
from einprop.errors import EinpropError
from einprop.program import Program

_NOTATION = """\
the notation:
  y[b,j] = x[b,i] W[i,j] + B[j]        i repeats in a product and is not on the left: it is summed
  y[b,j] += B[j]                       adds to y
  p[b,k] = softmax[k](s[b,k])          a reduction names its index
  loss = -mean[b](sum[k](t[b,k] log(p[b,k])))
  write several equations with ";" between them, or put them in a file
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m einprop",
        description="Write a layer as index notation, get the backward pass in the same notation.",
        epilog=_NOTATION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    derive = commands.add_parser(
        "derive",
        help="print the backward equations of a program",
        epilog=_NOTATION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    derive.add_argument(
        "program", help="equations, a file that holds them, or - for standard input"
    )
    derive.add_argument("--wrt", metavar="NAMES", help="inputs to differentiate for (default: all)")
    derive.add_argument("--of", metavar="NAMES", help="tensors to differentiate (default: outputs)")
    form = derive.add_mutually_exclusive_group()
    form.add_argument("--latex", action="store_true", help="print LaTeX")
    form.add_argument(
        "--source",
        choices=["numpy"],
        help="print code of forward and backward",
    )
    form.add_argument(
        "--explain",
        metavar="SIZES",
        type=_sizes,
        help="print the steps of forward and backward with their cost, as in b=32,i=784,j=10",
    )
    derive.add_argument(
        "--sizes",
        metavar="SIZES",
        type=_sizes,
        default={},
        help="for --source, where the code depends on them, as in b=32,i=784",
    )
    derive.set_defaults(run=_derive)
    demo = commands.add_parser("demo", help="train a two-layer network on handwritten digits")
    demo.add_argument(
        "--output",
        type=Path,
        default=Path("learning_curve.png"),
        help="where to write the learning curve (text instead where matplotlib is absent)",
    )
    demo.add_argument("--epochs", type=int, default=30, help="passes over the training set")
    demo.add_argument("--seed", type=int, default=0, help="of initial parameters and minibatches")
    demo.set_defaults(run=_demo)
    measure = commands.add_parser(
        "calibrate", help="measure this machine, so that plans are made for it"
    )
    measure.set_defaults(run=_calibrate)
    return parser


def _sizes(text: str) -> dict[str, int]:
    """``b=32,i=784`` as a dict."""
    try:
        pairs = [item.split("=") for item in text.split(",") if item]
        return {letter.strip(): int(size) for letter, size in pairs}
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form b=32,i=784") from None


def _read(source: str) -> str:
    """The program's text: an argument, a file or standard input."""
    if source == "-":
        return sys.stdin.read()
    if "=" not in source:
        path = Path(source)
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise EinpropError(
                f"{source!r} is neither an equation nor a file that can be read: {error}"
            ) from None
    return source


def _derive(arguments: argparse.Namespace) -> None:
    program = Program(_read(arguments.program))
    if arguments.source:
        gradient = program.vjp(of=arguments.of, wrt=arguments.wrt)
        print(gradient.source(arguments.source, **arguments.sizes), end="")
    elif arguments.explain is not None:
        print(program.vjp(of=arguments.of, wrt=arguments.wrt).explain(**arguments.explain))
    else:
        backward = program.backward(of=arguments.of, wrt=arguments.wrt)
        print(backward.latex() if arguments.latex else backward)


def _demo(arguments: argparse.Namespace) -> None:
    # The demo needs layers, data and training; deriving an equation should not wait for them.
    from einprop.training.demo import run  # noqa: PLC0415

    run(output=arguments.output, epochs=arguments.epochs, seed=arguments.seed)


def _calibrate(_: argparse.Namespace) -> None:
    for name, figure in asdict(calibrate()).items():
        parts = figure.items() if isinstance(figure, dict) else [("", figure)]
        for part, seconds in parts:
            print(f"{name:13}{part:9}{seconds * 1e9:10.3f} ns")
    print(f"kept in {calibration_file()}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit code: 0, or 1 for an error in what was given."""
    parsed = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], None] = parsed.run
    try:
        command(parsed)
    except EinpropError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
