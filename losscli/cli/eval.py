"""`losscli eval`: options in, a request to the engine, its report out."""

from collections.abc import Sequence
from math import isfinite, isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from losscli.cli import options
from losscli.cli.complete import complete_column, complete_loss
from losscli.cli.judging import Asked, Gating, gating_of, judge, publish
from losscli.cli.streams import annotate, deliver, on_terminal, say, wants_colour
from losscli.errors import InputError, UsageError
from losscli.literals import canonical
from losscli.objectives import Objective, parse
from losscli.render import SHORT, SPREAD, Format, render

if TYPE_CHECKING:
    from losscli.results import Report, Result

_ROWS_SHOWN = 20  # by default, in formats that people read


class Request(NamedTuple):
    """What was asked for, as plain values; `evaluation` goes to the engine as it is, with each of the
    `systems` in turn. `inputs` are all the files among them.
    """

    objectives: list[Objective]
    evaluation: dict[str, Any]
    systems: list[str]
    inputs: "list[str | list[Path]]"
    gating: Gating
    allow_nonfinite: bool
    format: str
    output: str | None
    quiet: bool

    def __call__(self) -> int:
        """Do it, print it; the exit code."""
        return _act(self)


def eval_command(
    files: Annotated[
        list[str] | None, typer.Argument(help="Predictions, then targets; or one file with both.", metavar="FILES...")
    ] = None,
    *,
    loss: Annotated[
        list[str],
        typer.Option(
            "--loss",
            "-l",
            help="NAME[:key=value,…] or 'A + 0.5 * B'; repeat.",
            metavar="SPEC",
            autocompletion=complete_loss,
        ),
    ],
    pred: Annotated[
        list[str] | None,
        typer.Option("--pred", help="Predictions; repeat to rank systems: lr=0.1.csv.", metavar="FILE"),
    ] = None,
    pred_col: options.PredCol = None,
    target_col: options.TargetCol = None,
    weight_col: options.WeightCol = None,
    mask_col: Annotated[
        str | None,
        typer.Option(help="Rows that count: 1 or true, else 0.", metavar="COL", autocompletion=complete_column),
    ] = None,
    col: options.Col = None,
    input: options.Input = None,
    where: Annotated[
        list[str] | None,
        typer.Option(help="COL=VALUE, or !=, <, <=, >, >=; repeat: rows that meet all.", metavar="COL=VALUE"),
    ] = None,
    missing: Annotated[
        Literal["error", "drop"], typer.Option(help="Refuse missing values, or leave out their rows.")
    ] = "error",
    id: Annotated[
        str | None,
        typer.Option(
            help="Pair rows by these columns; --ids intersect: those in all files.",
            metavar="COL[,COL]",
            autocompletion=complete_column,
        ),
    ] = None,
    ids: Annotated[
        Literal["error", "intersect"],
        typer.Option(help="Refuse rows without a partner, or leave them out.", hidden=True),
    ] = "error",
    by: Annotated[
        list[str] | None,
        typer.Option(
            help="A value for each value of these columns; --bins N: numbers.",
            metavar="COLS",
            autocompletion=complete_column,
        ),
    ] = None,
    bins: Annotated[
        str | None, typer.Option(help="Numbers of --by in N equally full bins.", metavar="N", hidden=True)
    ] = None,
    min_group: Annotated[str | None, typer.Option(help="Smaller groups in one line.", metavar="N")] = None,
    per_output: Annotated[bool, typer.Option("--per-output", help="A value for each output, or true class.")] = False,
    group_col: Annotated[
        str | None,
        typer.Option(help="The groups of ranking and batch losses.", metavar="COL", autocompletion=complete_column),
    ] = None,
    find_slices: Annotated[
        bool, typer.Option("--find-slices", help="Groups whose losses are high beyond chance.")
    ] = False,
    expect_rows: Annotated[str | None, typer.Option(help="Refuse any other number of rows.", metavar="N")] = None,
    classes: Annotated[
        str | None, typer.Option(help="Class names, in the order of the columns.", metavar="A,B,C")
    ] = None,
    labels: Annotated[
        Literal["text", "int", "01"] | None,
        typer.Option(help="Names; indices; or 0/1 for -1/+1. --label-base N: the first index."),
    ] = None,
    label_base: Annotated[
        str | None, typer.Option(help="The label of the first class.", metavar="N", hidden=True)
    ] = None,
    ignore_index: Annotated[str | None, typer.Option(help="Leave out rows of this label.", metavar="N")] = None,
    class_weight: Annotated[
        str | None, typer.Option(help="'A=1,B=3', a FILE (class, weight) or balanced.", metavar="WEIGHTS")
    ] = None,
    normalize: Annotated[bool, typer.Option("--normalize", help="Divide rows of probabilities by their sum.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse what looks wrong.")] = False,
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
        str | None,
        typer.Option(help="All samples to FILE (csv, parquet, npy); --probs-out FILE likewise.", metavar="FILE"),
    ] = None,
    probs_out: Annotated[
        str | None, typer.Option(help="The samples' probabilities to FILE.", metavar="FILE", hidden=True)
    ] = None,
    grad: Annotated[bool, typer.Option("--grad", help="The gradient of the value in each prediction.")] = False,
    hess: Annotated[bool, typer.Option("--hess", help="The Hessian diagonal.")] = False,
    grad_out: Annotated[
        str | None,
        typer.Option(help="The gradient to FILE (npy, npz, csv, parquet); --hess-out likewise.", metavar="FILE"),
    ] = None,
    hess_out: Annotated[
        str | None, typer.Option(help="The Hessian diagonal to FILE.", metavar="FILE", hidden=True)
    ] = None,
    penalty: Annotated[
        str | None,
        typer.Option(help="l2:strength=0.1 of --parameters FILE; --penalty-grad-out FILE.", metavar="SPEC"),
    ] = None,
    parameters: Annotated[
        str | None, typer.Option("--parameters", help="What --penalty is of.", metavar="FILE", hidden=True)
    ] = None,
    penalty_grad_out: Annotated[
        str | None, typer.Option(help="The penalty's gradient to FILE (npz).", metavar="FILE", hidden=True)
    ] = None,
    max: Annotated[
        str | None, typer.Option("--max", help="Exit 1 if the value is above X; --min X: below.", metavar="X")
    ] = None,
    min: Annotated[
        str | None, typer.Option("--min", help="Exit 1 if the value is below X.", metavar="X", hidden=True)
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(help="Exit 1 if 'mae > 0.3', 'mae[col=a] > 1.1 * baseline' …; repeat.", metavar="GATE"),
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="Values to compare with, of --save-baseline.", metavar="FILE")
    ] = None,
    max_regress: Annotated[
        str | None,
        typer.Option(help="Exit 1 if worse than those by more than X or X%, and --min-abs X.", metavar="X[%]"),
    ] = None,
    min_abs: Annotated[
        str | None, typer.Option(help="A smaller change is no regression.", metavar="X", hidden=True)
    ] = None,
    save_baseline: Annotated[
        str | None, typer.Option(help="Values and how they were made to FILE, on exit 0.", metavar="FILE")
    ] = None,
    junit: Annotated[
        str | None,
        typer.Option(help="Gates as JUnit XML to FILE; --github: as GitHub Actions show them.", metavar="FILE"),
    ] = None,
    github: Annotated[
        bool, typer.Option("--github", help="Failed gates as annotations, and a job summary.", hidden=True)
    ] = False,
    format: Annotated[
        Format | None,
        typer.Option(help="table, plain, json (--json), jsonl, csv, markdown, value.", metavar="FORMAT"),
    ] = None,
    json: options.HiddenJson = False,
    output: options.Output = None,
    header: options.Header = None,
    delimiter: options.Delimiter = None,
    decimal: options.Decimal = ".",
    thousands: options.Thousands = None,
    encoding: options.Encoding = None,
    comment: options.Comment = None,
    skip_blank: options.SkipBlank = False,
    max_bytes: options.MaxBytes = None,
    allow_inf: options.AllowInf = False,
    allow_nonfinite: Annotated[
        bool, typer.Option("--allow-nonfinite", help="Exit 0, not 4, for an infinite or NaN value.")
    ] = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
    of_losses: dict[str, str],
) -> Request:
    """The loss of predictions against targets.

    \b
    Examples:
      losscli eval --loss huber --delta 1.0 preds.csv targets.csv
      losscli eval -l mse -l mae both.parquet --pred-col model_a --target-col y
      losscli eval -l cross_entropy:form=logits logits.npy labels.csv --worst 10
      losscli eval -l huber preds.npy targets.npy --grad-out grad.npy
      cat preds.csv | losscli eval -l huber - targets.csv --format value --max 0.3

    CSV, JSON lines (also .gz, .zst), NPY, NPZ, safetensors, Parquet, Arrow, told apart by content;
    - is standard input. --max-bytes caps what is held of a file: 8GiB. losscli.toml keeps options.
    Columns are found by their usual names (y_pred, pred, yhat …; y, y_true, target, label …).
    CSV: --header/--no-header, --delimiter, --decimal, --thousands, --encoding, --comment, --skip-blank.

    Exit codes: 0 fine, 1 a gate failed, 2 usage, 3 input refused, 4 the value is infinite or NaN.
    A loss's own parameters (--delta …): losscli eval --loss NAME --help; more losses: --plugin FILE.
    """  # noqa: D301 - \b, a backspace, keeps the lines that follow as they are
    chosen = options.chosen_format(format, json, output)
    if not files and not pred:
        raise UsageError("missing argument 'FILES...'.")
    objectives = parse(loss, of_losses)
    systems = pred or []
    inputs = options.files_by_role(objectives[0].losses[0], files or [], input, systems[:1])
    if len(systems) > 1:
        from losscli.systems import check

        held = {"--grad-out": grad_out, "--hess-out": hess_out, "--per-sample-out": per_sample_out}
        held |= {"--probs-out": probs_out, "--save-baseline": save_baseline}
        check(systems, objectives, reduction, {**inputs, "class weights": class_weight}, held)
    written = [output, grad_out, hess_out, per_sample_out, probs_out, penalty_grad_out, junit, save_baseline]
    options.refuse_overwriting(written, [*inputs.values(), *systems, *filter(None, [class_weight, parameters])])
    if baseline:  # which --save-baseline may make anew
        options.refuse_overwriting([path for path in written if path != save_baseline], [baseline])
    groups = inputs.pop("group", None)
    evaluation: dict[str, Any] = {
        **inputs,
        "columns": options.columns_by_role(pred_col, target_col, weight_col, col, mask_col),
        "where": where or [],
        "missing": missing,
        "id": [id] if id else [],
        "ids": ids,
        "by": [name for names in by or [] for name in names.split(",")],
        "bins": options.count("--bins", bins),
        "min_group": options.count("--min-group", min_group),
        "per_output": per_output,
        "find_slices": find_slices,
        "group": _groups_of(group_col, groups),
        "expect_rows": options.count("--expect-rows", expect_rows),
        "classes": classes if classes is not None else (),
        "labels": labels,
        "label_base": options.whole("--label-base", label_base),
        "ignore_index": options.whole("--ignore-index", ignore_index),
        "class_weight": class_weight,
        "normalize": normalize,
        "strict": strict,
        "reduction": reduction,
        **options.reading(
            header=header,
            delimiter=delimiter,
            decimal=decimal,
            thousands=thousands,
            encoding=encoding,
            comment=comment,
            skip_blank=skip_blank,
            max_bytes=max_bytes,
        ),
        "allow_inf": allow_inf,
        "grad": grad,
        "hess": hess,
        "grad_out": grad_out,
        "hess_out": hess_out,
        "per_sample": per_sample,
        "worst": options.count("--worst", worst) or 0,
        "limit": _limit_of(limit, chosen),
        "show": [name for names in show or [] for name in names.split(",")],
        "per_sample_out": per_sample_out,
        "probs_out": probs_out,
        "penalty": penalty,
        "parameters": parameters,
        "penalty_grad_out": penalty_grad_out,
        "spread": chosen in SPREAD,
        "distribution": chosen in SPREAD,
        "histogram": chosen == "table" and on_terminal(),
        "sizes": chosen != "value",
        "values": chosen in ("json", "jsonl") and (grad or hess),
    }
    asked = Asked(max, min, fail_if or [], baseline, max_regress, min_abs, save_baseline, junit, github)
    gating = gating_of(objectives, reduction, asked)
    if gating.gates:
        gating, evaluation["by"] = gating.sliced(evaluation["by"], per_output)
    if reduction == "none" and chosen == "value":
        raise UsageError("--format value needs a value, and --reduction none has none")
    is_listed = bool(per_sample or worst or reduction == "none")
    _check_listing(is_listed, worst, limit, show, per_sample_out)
    if penalty:
        _check_penalty(chosen, is_listed, bool(by or per_output))
        if len(systems) > 1:
            raise UsageError("--penalty is of the parameters of one system; evaluate the systems one by one")
        if [*inputs.values(), parameters].count("-") > 1:
            raise UsageError("'-' is standard input, which can be one file only")
    if by or per_output:
        _check_groups("--by" if by else "--per-output", is_listed, chosen)
    read: list[str | list[Path]] = [*inputs.values(), *systems, *([groups] if groups else [])]
    read += [path for path in (class_weight, parameters) if path]
    return Request(objectives, evaluation, systems, read, gating, allow_nonfinite, chosen, output, quiet)


def _groups_of(column: str | None, file: "str | list[Path] | None") -> "str | Path | list[Path]":
    """A column of the files, or a file of one column: `--input group=FILE`."""
    if column and file:
        raise UsageError("--group-col and --input group=FILE exclude one another")
    return Path(file) if isinstance(file, str) else file or column or ""


def _limit_of(text: str | None, format: str) -> int | None:
    return options.count("--limit", text) or (_ROWS_SHOWN if format in SHORT else None)


def _check_listing(
    is_listed: bool, worst: str | None, limit: str | None, show: Sequence[str] | None, per_sample_out: str | None
) -> None:
    """What is said of a listing needs one: left without effect, it would look as if it had been heeded."""
    if worst and limit:
        raise UsageError(f"--limit {limit} and --worst {worst} exclude one another; --worst {limit} lists {limit}")
    if limit and not is_listed:
        raise UsageError("--limit needs a listing of samples; add --per-sample")
    if show and not is_listed and not per_sample_out:
        raise UsageError("--show needs a listing of samples; add --per-sample, --worst K or --per-sample-out FILE")


def _check_groups(option: str, is_listed: bool, format: str) -> None:
    """A format that would leave the groups out is refused."""
    if format == "value":
        raise UsageError(f"{option} needs a format that shows groups; --format value shows none")
    if is_listed and format in ("csv", "jsonl"):
        raise UsageError(f"--format {format} holds groups or samples, not both: leave out {option}, or take json")


def _check_penalty(format: str, is_listed: bool, is_grouped: bool) -> None:
    """A format that would leave the penalty out is refused."""
    holds_samples = is_listed and format in ("csv", "jsonl")
    if format == "value" or holds_samples or (is_grouped and format == "csv"):
        raise UsageError(f"--penalty needs a format that shows it; --format {format} would leave it out here")


def _act(request: Request) -> int:
    try:
        report, code = outcome(request)
    except InputError as error:  # else a report would go on to show an earlier run
        from losscli.render.outcomes import Outcome

        publish([Outcome("", None, [str(error)])], request.gating.junit, request.gating.github)
        raise
    deliver(render(report, request.format, wants_colour(request.output)), request.output, request.format)
    if not request.quiet:
        say("note", report.notes)
    failed = [*nonfinite(request, report), *(verdict.message for verdict in report.gates if not verdict.passed)]
    say("error", failed)
    if request.gating.github:
        annotate(failed)
    return code


def outcome(request: Request) -> "tuple[Report, int]":
    """The report with what became of the gates, and the exit code. Raises LossError."""
    gating = request.gating.opened(request.objectives, request.evaluation["reduction"])
    report = _evaluated(request)
    return judge(report, gating, request.evaluation, nonfinite(request, report))


def _evaluated(request: Request) -> "Report":
    if len(request.systems) < 2:
        return _evaluation(request, {})
    from losscli.systems import ranked

    reports = {path: _evaluation(request, {"pred": path}) for path in request.systems}
    return ranked(request.objectives, reports, request.evaluation["strict"])


def _evaluation(request: Request, system: dict[str, str]) -> "Report":
    """One of them, with progress of its own."""
    from losscli.cli.progress import progress
    from losscli.engine import evaluate

    with progress(request.quiet) as step:
        return evaluate(request.objectives, progress=step, **{**request.evaluation, **system})


def nonfinite(request: Request, report: "Report") -> list[str]:
    """Why a value is infinite or NaN, and what can be done; nothing where that is allowed."""
    by_loss = {str(objective): objective for objective in request.objectives}
    return [
        _why(result, result.value, by_loss[result.loss])
        for result in report.results
        if result.value is not None and not isfinite(result.value) and not request.allow_nonfinite
    ] + [
        f"{result.called} and {result.penalty.spec} add up to {canonical(result.penalty.total)}: "
        "a parameter is infinite, or the sum is beyond the range of a float64"
        for result in report.results
        if result.penalty and isfinite(result.value or 0.0) and not isfinite(result.penalty.total)
        if not request.allow_nonfinite
    ]


def _why(result: "Result", value: float, objective: Objective) -> str:
    why = "it is not defined for these inputs" if isnan(value) else "it is beyond the range of a float64"
    if result.infinite:
        first = f"the first in {result.first_spot or f'data row {result.first_infinite}'} (counted from 0)"
        why = f"{result.infinite} of {result.n} samples have such a loss, {first}"
        why += f": {result.why_infinite}" if result.why_infinite else ""
        if any(loss.scope == "group" for loss in objective.losses):
            first = f"the first with data row {result.first_infinite} (counted from 0)"
            why = f"{result.infinite} of {result.n} groups have no finite loss, {first}; --where leaves groups out"
    params = [loss.params for loss in objective.losses]
    clips = any("clip" in p and p["form"] == "probs" and not p["clip"] for p in params)
    if isnan(value) and any(p.get("empty") == "undefined" and not p["smooth"] for p in params):
        why = f"{why}; where both masks are empty" if result.infinite else "undefined: both masks are empty"
        return f"{result.called} is nan: {why}; --empty 0 or --empty 1 says what it is then"
    hint = "; --clip 1e-15 bounds it" if clips else ""
    return f"{result.called} is {canonical(value)}: {why}{hint}"
