"""`losscli inspect`: what is in these files, which losses fit."""

from collections.abc import Callable
from typing import Annotated

import typer

from losscli.cli import options
from losscli.cli.streams import deliver, say, wants_colour


def inspect_command(
    files: Annotated[
        list[str], typer.Argument(help="Predictions, then targets; or one file with both.", metavar="FILES...")
    ],
    *,
    format: options.Layout = None,
    json: options.Json = False,
    output: options.Output = None,
    header: options.Header = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> Callable[[], int]:
    """What is in these files, which losses fit.

    \b
    Examples:
      losscli inspect preds.csv targets.csv
      losscli inspect run.npz
      losscli inspect both.parquet --json

    Of every column: its type, range, distinct and missing values, and what it looks like. Of several files: whether
    their rows belong together. Then commands, ready to run, for the losses that fit; where two readings are possible,
    both. Each was tried; of large files on the first rows, which is said.

    Exit codes: 0 read, whether a loss fits or not, 2 usage, 3 a file is no table.
    """  # noqa: D301 - the backspace keeps the lines of the examples apart
    chosen = options.chosen_format(format, json, output)
    options.refuse_overwriting([output], files)
    return lambda: _act(files, header, chosen, output, quiet)


def _act(files: list[str], header: bool | None, format: str, output: str | None, quiet: bool) -> int:
    from losscli.inspection import inspect
    from losscli.render.inspect import text_of

    found = inspect(files, header)
    deliver(text_of(found, format, wants_colour(output)), output)
    if not quiet:
        say("note", found.notes)
    return 0
