"""`losscli eval`: options in, a request to the engine, its report out."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from losscli.cli.complete import complete_column, complete_loss
from losscli.cli.streams import on_terminal, say, write_file, write_out
from losscli.errors import UsageError
from losscli.literals import canonical, is_integer, parse_limit
from losscli.objectives import Objective, parse
from losscli.render import SHORT, SPREAD, Format, render

if TYPE_CHECKING:
    from losscli.evidence import Gate
    from losscli.results import Report, Result

_ROWS_SHOWN = 20  # by default, in formats that people read


@dataclass(frozen=True)
class Request:
    """What was asked for, as plain values; `evaluation` goes to the engine as it is."""

    objectives: list[Objective]
    evaluation: dict[str, Any]
    gates: "list[Gate]"
    allow_nonfinite: bool
    format: str
    output: str | None
    quiet: bool


def eval_command(
    files: Annotated[
        list[str], typer.Argument(help="Predictions, then targets; or one file with both.", metavar="FILES...")
    ],
    *,
    loss: Annotated[
        list[str],
        typer.Option(
            "--loss",
            "-l",
            help="NAME, NAME:key=value,key=value or 'A + 0.5 * B'; repeat.",
            metavar="SPEC",
            autocompletion=complete_loss,
        ),
    ],
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
        list[str] | None,
        typer.Option("--input", help="The file of a role beyond FILES.", metavar="ROLE=FILE"),
    ] = None,
    reduction: Annotated[
        Literal["mean", "sum", "none"], typer.Option(help="Σwℓ/Σw; all elements added; or every sample.")
    ] = "mean",
    per_sample: Annotated[bool, typer.Option("--per-sample", help="List the samples.")] = False,
    worst: Annotated[str | None, typer.Option(help="List the K largest weighted losses.", metavar="K")] = None,
    show: Annotated[
        list[str] | None,
        typer.Option(help="Columns to list beside them.", metavar="COLS", autocompletion=complete_column),
    ] = None,
    limit: Annotated[str | None, typer.Option(help="List N at most; 20 in tables.", metavar="N")] = None,
    per_sample_out: Annotated[
        str | None, typer.Option(help="All samples to FILE (csv, parquet, npy).", metavar="FILE")
    ] = None,
    probs_out: Annotated[str | None, typer.Option(help="Their probabilities to FILE.", metavar="FILE")] = None,
    grad: Annotated[bool, typer.Option("--grad", help="The gradient of the value in each prediction.")] = False,
    hess: Annotated[bool, typer.Option("--hess", help="The Hessian diagonal.")] = False,
    grad_out: Annotated[
        str | None, typer.Option(help="The gradient to FILE (npy, npz, csv, parquet).", metavar="FILE")
    ] = None,
    hess_out: Annotated[str | None, typer.Option(help="The Hessian diagonal to FILE.", metavar="FILE")] = None,
    max: Annotated[str | None, typer.Option("--max", help="Exit 1 if the value is above X.", metavar="X")] = None,
    min: Annotated[str | None, typer.Option("--min", help="Exit 1 if the value is below X.", metavar="X")] = None,
    format: Annotated[
        Format | None, typer.Option(help="table on a terminal, plain in a pipe.", metavar="FORMAT")
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
    allow_nonfinite: Annotated[
        bool, typer.Option("--allow-nonfinite", help="Exit 0, not 4, for an infinite or NaN value.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No notes, no progress.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the trace of an internal error.")] = False,
    parameters: dict[str, str],
) -> Callable[[], int]:
    """The loss of predictions against targets.

    \b
    Examples:
      losscli eval --loss huber --delta 1.0 preds.csv targets.csv
      losscli eval -l mse -l mae both.parquet --pred-col model_a --target-col y
      losscli eval -l cross_entropy:form=logits logits.npy labels.csv --worst 10
      losscli eval -l huber preds.npy targets.npy --grad-out grad.npy
      cat preds.csv | losscli eval -l huber - targets.csv --format value --max 0.3

    CSV, NPY and Parquet, in any mix, told apart by content; - is standard input.
    Columns are found by their usual names (y_pred, pred, yhat …; y, y_true, target, label …).
    Formats: table, plain, json, jsonl, csv, markdown, value.

    Exit codes: 0 fine, 1 a gate failed, 2 usage, 3 input refused, 4 the value is infinite or NaN.
    A loss's own parameters (--delta, --form, --clip …): losscli eval --loss NAME --help.
    """  # noqa: D301 - \b, a backspace, keeps the lines that follow as they are
    if json and format not in (None, "json"):
        raise UsageError(f"--json and --format {format} exclude one another")
    chosen = "json" if json else format or ("plain" if output or not on_terminal() else "table")
    objectives = parse(loss, parameters)
    _refuse_input_as_output([output, grad_out, hess_out, per_sample_out, probs_out], files)
    columns = {"pred": pred_col, "target": target_col, "weight": [weight_col] if weight_col is not None else None}
    evaluation: dict[str, Any] = {
        **_files(objectives[0], files),
        **{role: names[-1] for role, names in _by_role("--input", input).items()},
        "columns": {**{role: names for role, names in columns.items() if names}, **_by_role("--col", col)},
        "reduction": reduction,
        "header": header,
        "allow_inf": allow_inf,
        "grad": grad,
        "hess": hess,
        "grad_out": grad_out,
        "hess_out": hess_out,
        "per_sample": per_sample,
        "worst": _count("--worst", worst) or 0,
        "limit": _limit_of(limit, chosen),
        "show": [name for names in show or [] for name in names.split(",")],
        "per_sample_out": per_sample_out,
        "probs_out": probs_out,
        "spread": chosen in SPREAD,
        "distribution": chosen in SPREAD,
        "histogram": chosen == "table" and on_terminal(),
        "sizes": chosen != "value",
        "values": chosen in ("json", "jsonl") and (grad or hess),
    }
    gates = _gates(objectives, max, min)
    _check_reduction(reduction, gates, chosen, worst)
    return lambda: _act(Request(objectives, evaluation, gates, allow_nonfinite, chosen, output, quiet))


def _files(objective: Objective, files: Sequence[str]) -> dict[str, str]:
    name, roles = objective.losses[0].name, [r.name for r in objective.losses[0].kind.roles if r.ordered]
    if len(files) > len(roles):
        raise UsageError(f"{name} takes {len(roles)} files ({', '.join(roles)}), {len(files)} are given")
    return dict(zip(roles, files, strict=False))


def _by_role(option: str, given: Sequence[str] | None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for text in given or []:
        role, equals, value = text.partition("=")
        if not equals or not role or not value:
            raise UsageError(f"{option} '{text}': write {option} ROLE={'FILE' if option == '--input' else 'COLS'}")
        found.setdefault(role, []).append(value)
    return found


def _count(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not is_integer(text) or int(text) < 1:
        raise UsageError(f"{option}: '{text}' is not a whole number of at least 1")
    return int(text)


def _limit_of(text: str | None, format: str) -> int | None:
    return _count("--limit", text) or (_ROWS_SHOWN if format in SHORT else None)


def _refuse_input_as_output(outputs: Sequence[str | None], files: Sequence[str]) -> None:
    """No output may take the place of an input, nor of the result that `-o` (the first) names."""
    result, *others = outputs
    taken = {os.path.realpath(path) for path in files}
    for output in outputs:
        if output and os.path.realpath(output) in taken:
            raise UsageError(f"{output} is an input file; name another for the output")
    if result and os.path.realpath(result) in {os.path.realpath(other) for other in others if other}:
        raise UsageError(f"{result} is named for two outputs")


def _gates(objectives: Sequence[Objective], max: str | None, min: str | None) -> "list[Gate]":
    from losscli.evidence import Gate

    given = (("--max", max), ("--min", min))
    gates = [Gate(option, _limit(option, text)) for option, text in given if text is not None]
    if gates and len(objectives) > 1:
        raise UsageError(f"{gates[0].option} is for one loss; {len(objectives)} are given")
    return gates


def _limit(option: str, text: str) -> float:
    value = parse_limit(text)
    if value is None:
        raise UsageError(f"{option}: '{text}' is not a number")
    return value


def _check_reduction(reduction: str, gates: "Sequence[Gate]", format: str, worst: str | None) -> None:
    if reduction != "none":
        return
    if gates or format == "value":
        what = gates[0].option if gates else "--format value"
        raise UsageError(f"{what} needs a value, and --reduction none has none")


def _act(request: Request) -> int:
    from losscli.cli.progress import progress
    from losscli.engine import evaluate
    from losscli.evidence import exit_code, failures

    with progress(request.quiet) as step:
        report = evaluate(request.objectives, progress=step, **request.evaluation)
    failed = failures(report, request.gates)
    _deliver(request, render(report, request.format, _wants_colour(request)))
    if not request.quiet:
        say("note", report.notes)
    say("error", [*([] if request.allow_nonfinite else _nonfinite(report, request.objectives)), *failed])
    return exit_code(report, bool(failed), request.allow_nonfinite)


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


def _nonfinite(report: "Report", objectives: Sequence[Objective]) -> list[str]:
    """Why a value is infinite or NaN, and what can be done."""
    return [
        _why(result, objective)
        for result, objective in zip(report.results, objectives, strict=True)
        if result.value is not None and not isfinite(result.value)
    ]


def _why(result: "Result", objective: Objective) -> str:
    why = "it is beyond the range of a float64"
    if result.infinite:
        first = f"the first in data row {result.first_infinite} (counted from 0)"
        why = f"{result.infinite} of {result.n} samples have such a loss, {first}"
    params = [loss.params for loss in objective.losses]
    clips = any("clip" in p and p["form"] == "probs" and not p["clip"] for p in params)
    return f"{result.loss} is {canonical(result.value)}: {why}" + ("; --clip 1e-15 bounds it" if clips else "")
