"""`losscli gradcheck`: a loss's derivatives against numbers, or a user's gradient against ours."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import typer

from losscli.cli.complete import complete_column, complete_loss
from losscli.cli.streams import on_terminal, say, write_file, write_out
from losscli.errors import UsageError
from losscli.literals import parse_number
from losscli.registry import Loss


@dataclass(frozen=True)
class Request:
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
    pred_col: Annotated[
        list[str] | None,
        typer.Option(
            help="Predictions: column name, 'p_*' or position.", metavar="COLS", autocompletion=complete_column
        ),
    ] = None,
    target_col: Annotated[
        list[str] | None, typer.Option(help="Targets.", metavar="COLS", autocompletion=complete_column)
    ] = None,
    weight_col: Annotated[
        str | None,
        typer.Option(help="Weights; target:NAME if both have it.", metavar="COL", autocompletion=complete_column),
    ] = None,
    col: Annotated[
        list[str] | None, typer.Option("--col", help="Columns of any role, such as variance=var.", metavar="ROLE=COLS")
    ] = None,
    input: Annotated[
        list[str] | None, typer.Option("--input", help="The file of a role beyond FILES.", metavar="ROLE=FILE")
    ] = None,
    format: Annotated[
        Literal["table", "plain", "json"] | None, typer.Option(help="table on a terminal, plain in a pipe.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="Write the result to FILE, nothing to stdout.", metavar="FILE")
    ] = None,
    header: Annotated[
        bool | None,
        typer.Option("--header/--no-header", help="Whether a CSV's first row is a header.", show_default=False),
    ] = None,
    allow_inf: Annotated[bool, typer.Option("--allow-inf", help="Let infinite inputs in.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No notes.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the trace of an internal error.")] = False,
    parameters: dict[str, str],
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

    Exit codes: 0 every law kept or the gradient equal, 1 not so, 2 usage, 3 input refused.
    """  # noqa: D301 - the backspace keeps the lines of the examples apart
    from losscli.gradcheck import subjects

    if json and format not in (None, "json"):
        raise UsageError(f"--json and --format {format} exclude one another")
    chosen = "json" if json else format or ("plain" if output or not on_terminal() else "table")
    columns = {
        "grad": grad_col,
        "pred": pred_col,
        "target": target_col,
        "weight": [weight_col] if weight_col is not None else None,
        **_by_role("--col", col),
    }
    named = {role: names for role, names in columns.items() if names}
    losses = subjects(loss, parameters)
    given = {**_files(losses[0], files or []), **{r: paths[-1] for r, paths in _by_role("--input", input).items()}}
    comparison = None
    if against is not None:
        more = {"of": of, "columns": named, "header": header, "allow_inf": allow_inf, "rtol": _number("--rtol", rtol)}
        comparison = {"grad": against, **more, **given}
    elif given or named or of or rtol:
        raise UsageError("files and their options are for --against GRAD; without it the laws are tried on samples")
    return lambda: _act(Request(losses, comparison, chosen, output, quiet))


def _files(loss: Loss, files: Sequence[str]) -> dict[str, str]:
    roles = [r.name for r in loss.kind.roles if r.ordered]
    if len(files) > len(roles):
        raise UsageError(f"{loss.name} takes {len(roles)} files ({', '.join(roles)}), {len(files)} are given")
    return dict(zip(roles, files, strict=False))


def _by_role(option: str, given: Sequence[str] | None) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for text in given or []:
        role, equals, value = text.partition("=")
        if not equals or not role or not value:
            raise UsageError(f"{option} '{text}': write {option} ROLE={'FILE' if option == '--input' else 'COLS'}")
        found.setdefault(role, []).append(value)
    return found


def _number(option: str, text: str | None) -> float | None:
    value = None if text is None else parse_number(text.strip())
    if text is not None and value is None:
        raise UsageError(f"{option}: '{text}' is not a number")
    return None if value is None else float(value)


def _act(request: Request) -> int:
    return _try_laws(request) if request.comparison is None else _compare(request, request.comparison)


def _try_laws(request: Request) -> int:
    from losscli.gradcheck import check
    from losscli.render.gradcheck import laws_text

    laws = [law for loss in request.losses for law in check(loss)]
    _deliver(request, laws_text(laws, request.format, _wants_colour(request)))
    failed = [law.message for law in laws if not law.passed]
    say("error", failed)
    return 1 if failed else 0


def _compare(request: Request, comparison: Mapping[str, Any]) -> int:
    from losscli.gradcheck import compare
    from losscli.render.gradcheck import comparison_text

    found = compare(request.losses[0], **comparison)
    _deliver(request, comparison_text(found, request.format, _wants_colour(request)))
    if not request.quiet:
        say("note", found.notes)
    if not found.equal:
        say("error", [f"{found.against} against the gradient of {found.loss}: {found.verdict}"])
    return 0 if found.equal else 1


def _deliver(request: Request, text: str) -> None:
    if request.output is None:
        write_out(text)
    else:
        write_file(request.output, text)


def _wants_colour(request: Request) -> bool:
    """Colour on a terminal that has it; NO_COLOR and FORCE_COLOR decide where they are set."""
    if os.environ.get("NO_COLOR") or request.output:
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (on_terminal() and os.environ.get("TERM") != "dumb")
