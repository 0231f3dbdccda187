"""`losscli inspect`: what is in these files, which losses fit."""

from collections.abc import Callable
from typing import Annotated, Any

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
    delimiter: options.Delimiter = None,
    decimal: options.Decimal = ".",
    thousands: options.Thousands = None,
    encoding: options.Encoding = None,
    comment: options.Comment = None,
    skip_blank: options.SkipBlank = False,
    max_bytes: options.MaxBytes = None,
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
    CSV as written: --header/--no-header, --delimiter, --decimal, --thousands, --encoding, --comment, --skip-blank.

    Exit codes: 0 read, whether a loss fits or not, 2 usage, 3 a file is no table.
    """  # noqa: D301 - the backspace keeps the lines of the examples apart
    chosen = options.chosen_format(format, json, output)
    options.refuse_overwriting([output], files)
    reading = options.reading(
        header=header,
        delimiter=delimiter,
        decimal=decimal,
        thousands=thousands,
        encoding=encoding,
        comment=comment,
        skip_blank=skip_blank,
        max_bytes=max_bytes,
    )
    return lambda: _act(files, reading, chosen, output, quiet)


def _act(files: list[str], reading: dict[str, Any], format: str, output: str | None, quiet: bool) -> int:
    from losscli.formats.dialect import reading_of
    from losscli.inspection import inspect
    from losscli.render.inspect import text_of

    found = inspect(files, reading_of(**reading))
    deliver(text_of(found, format, wants_colour(output)), output, format)
    if not quiet:
        say("note", found.notes)
    return 0
