"""`losscli gradcheck`: a loss's derivatives against numbers, or a user's gradient against ours."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple

import typer

from losscli.cli import options
from losscli.cli.complete import complete_loss
from losscli.cli.streams import deliver, say, wants_colour
from losscli.errors import UsageError
from losscli.registry import Loss


class Request(NamedTuple):
    """What was asked for, as plain values; `comparison` goes to the library as it is, and is None for the laws."""

    losses: list[Loss]
    comparison: dict[str, Any] | None
    format: str
    output: str | None
    quiet: bool


def gradcheck_command(
    loss: Annotated[
        str, typer.Argument(help="NAME or NAME:key=value,key=value.", metavar="LOSS", autocompletion=complete_loss)
    ],
    files: Annotated[
        list[str] | None,
        typer.Argument(help="Predictions, then targets; or one file with both.", metavar="[FILES]..."),
    ] = None,
    *,
    against: Annotated[
        str | None, typer.Option("--against", help="Your gradient of the mean (npy, csv, parquet).", metavar="GRAD")
    ] = None,
    grad_col: Annotated[list[str] | None, typer.Option(help="Its column(s) in GRAD.", metavar="COLS")] = None,
    of: Annotated[
        str | None, typer.Option("--of", help="The prediction it is with respect to, of several.", metavar="ROLE")
    ] = None,
    rtol: Annotated[str | None, typer.Option(help="Relative tolerance; 1e-6, 1e-4 for float32.", metavar="X")] = None,
    pred_col: options.PredCol = None,
    target_col: options.TargetCol = None,
    weight_col: options.WeightCol = None,
    col: options.Col = None,
    input: options.Input = None,
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
    allow_inf: options.AllowInf = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
    of_losses: dict[str, str],
) -> Callable[[], int]:
    """A loss's derivatives against numeric ones, or your gradient against ours.

    \b
    Examples:
      losscli gradcheck huber
      losscli gradcheck huber:delta=0.3 --json
      losscli gradcheck mse --against grad.npy preds.csv targets.csv
      losscli gradcheck cross_entropy --form logits --against grad.npy logits.npy labels.csv

    Without --against: the laws that a loss must keep, on samples; a bare NAME is tried with other parameters too.
    With --against: GRAD is compared with the gradient of the mean, and the likely cause of a difference is named:
    sign, factor, order, form, target, kinks, clipping, weights.
    CSV as written: --header/--no-header, --delimiter, --decimal, --thousands, --encoding, --comment, --skip-blank.

    Exit codes: 0 every law kept or the gradient equal, 1 not so, 2 usage, 3 input refused.
    """  # noqa: D301 - the backspace keeps the lines of the examples apart
    from losscli.gradcheck import subjects

    chosen = options.chosen_format(format, json, output)
    columns = {
        **({"grad": grad_col} if grad_col else {}),
        **options.columns_by_role(pred_col, target_col, weight_col, col),
    }
    losses = subjects(loss, of_losses)
    given = options.files_by_role(losses[0], files or [], input)
    options.refuse_overwriting([output], [*given.values(), *([against] if against else [])])
    csv = options.reading(
        header=header,
        delimiter=delimiter,
        decimal=decimal,
        thousands=thousands,
        encoding=encoding,
        comment=comment,
        skip_blank=skip_blank,
    )
    comparison = None
    if against is not None and not given:
        needed = ", ".join(role.name for role in losses[0].kind.roles)
        raise UsageError(f"--against {against} needs the files that it is the gradient for: {needed}")
    if against is not None:
        from losscli.formats.dialect import reading_of  # the laws read no files

        tolerance = None if rtol is None else options.number("--rtol", rtol)
        more = {"of": of, "columns": columns, "reading": reading_of(**csv), "allow_inf": allow_inf, "rtol": tolerance}
        comparison = {"grad": against, **more, **given}
    elif given or columns or of or rtol or csv:
        raise UsageError("files and their options are for --against GRAD; without it the laws are tried on samples")
    return lambda: _act(Request(losses, comparison, chosen, output, quiet))


def _act(request: Request) -> int:
    return _try_laws(request) if request.comparison is None else _compare(request, request.comparison)


def _try_laws(request: Request) -> int:
    from losscli.gradcheck import check
    from losscli.render.gradcheck import laws_text

    laws = [law for loss in request.losses for law in check(loss)]
    deliver(laws_text(laws, request.format, wants_colour(request.output)), request.output, request.format)
    failed = [law.message for law in laws if not law.passed]
    say("error", failed)
    return 1 if failed else 0


def _compare(request: Request, comparison: Mapping[str, Any]) -> int:
    from losscli.gradcheck import compare
    from losscli.render.gradcheck import comparison_text

    found = compare(request.losses[0], **comparison)
    deliver(comparison_text(found, request.format, wants_colour(request.output)), request.output, request.format)
    if not request.quiet:
        say("note", found.notes)
    if not found.equal:
        say("error", [f"{found.against} against the gradient of {found.loss}: {found.verdict}"])
    return 0 if found.equal else 1
