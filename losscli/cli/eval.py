"""`losscli eval`: options in, a request to the engine, its report out."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter as Argument
from inspect import signature
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from losscli.cli.complete import complete_loss
from losscli.cli.streams import on_terminal, say, write_file, write_out
from losscli.errors import UsageError
from losscli.literals import canonical, parse_limit
from losscli.parameters import Parameter
from losscli.registry import Loss, definitions, get_all
from losscli.render import SPREAD, Format, render

if TYPE_CHECKING:
    from losscli.evidence import Gate
    from losscli.results import Report


@dataclass(frozen=True)
class Request:
    """What was asked for, as plain values."""

    losses: list[Loss]
    files: dict[str, Any]
    columns: dict[str, list[str]]
    reduction: str
    header: bool | None
    allow_inf: bool
    allow_nonfinite: bool
    gates: "list[Gate]"
    format: str
    output: str | None
    quiet: bool


def eval_command(arguments: Sequence[str]) -> Callable[..., Callable[[], int]]:
    """The command, with an option for every parameter of every loss; those of the losses in `arguments` are shown in
    its help.
    """
    shown = _named_losses(arguments)
    base = signature(_eval)
    options = [_option(p, owners, shown) for p, owners in _all_parameters().items()]
    command: Any = lambda **given: _eval(**_gathered(given, _eval))  # noqa: E731
    command.__signature__ = base.replace(
        parameters=[p for p in base.parameters.values() if p.name != "parameters"] + options
    )
    command.__doc__ = _eval.__doc__
    command.__annotations__ = {name: p.annotation for name, p in command.__signature__.parameters.items()}
    return command  # type: ignore[no-any-return]


def _named_losses(arguments: Sequence[str]) -> set[str]:
    """The words of the command line that may name a loss, without their parameters."""
    return {a.removeprefix("--loss=").removeprefix("-l").partition(":")[0].lower() for a in arguments}


def _all_parameters() -> dict[str, list[tuple[Any, Parameter]]]:
    found: dict[str, list[tuple[Any, Parameter]]] = {}
    for definition in definitions().values():
        for parameter in definition.params.values():
            found.setdefault(parameter.name, []).append((definition, parameter))
    return found


def _option(name: str, owners: list[tuple[Any, Parameter]], shown: set[str]) -> Argument:
    visible = any({d.name, *(a.lower() for a in d.aliases)} & shown for d, _ in owners)
    parameter = owners[0][1]
    allowed = "|".join(parameter.choices) or parameter.rule.limits
    help_text = f"{parameter.rule.help}. [{allowed}; default {canonical(parameter.default)}]"
    flag = "--" + name.replace("_", "-")
    option = typer.Option(flag, help=help_text, hidden=not visible, metavar="WORD" if parameter.choices else "X")
    return Argument(name, Argument.KEYWORD_ONLY, default=None, annotation=Annotated[str | None, option])


def _gathered(given: Mapping[str, Any], function: Callable[..., Any]) -> dict[str, Any]:
    """The function's own arguments, and the options of the losses' parameters in one dictionary."""
    own = set(signature(function).parameters)
    extra = {key: value for key, value in given.items() if key not in own and value is not None}
    return {**{key: value for key, value in given.items() if key in own}, "parameters": extra}


def _eval(
    files: Annotated[
        list[str], typer.Argument(help="Predictions, then targets; or one file with both.", metavar="FILES...")
    ],
    *,
    loss: Annotated[
        list[str],
        typer.Option(
            "--loss",
            "-l",
            help="NAME or NAME:key=value,key=value; may be repeated.",
            metavar="SPEC",
            autocompletion=complete_loss,
        ),
    ],
    pred_col: Annotated[
        list[str] | None, typer.Option(help="Column(s) of the predictions: name, 'p_*' or position.", metavar="COLS")
    ] = None,
    target_col: Annotated[list[str] | None, typer.Option(help="Column(s) of the targets.", metavar="COLS")] = None,
    weight_col: Annotated[
        str | None, typer.Option(help="Column of weights; target:NAME where both files have it.", metavar="COL")
    ] = None,
    reduction: Annotated[Literal["mean", "sum"], typer.Option(help="mean is Σwℓ/Σw; sum adds every element.")] = "mean",
    max: Annotated[str | None, typer.Option("--max", help="Exit 1 if the value is above X.", metavar="X")] = None,
    min: Annotated[str | None, typer.Option("--min", help="Exit 1 if the value is below X.", metavar="X")] = None,
    format: Annotated[Format | None, typer.Option(help="table on a terminal, plain in a pipe.")] = None,
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
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No notes and warnings.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the trace of an internal error.")] = False,
    parameters: dict[str, str],
) -> Callable[[], int]:
    """The loss of predictions against targets.

    \b
    Examples:
      losscli eval --loss huber --delta 1.0 preds.csv targets.csv
      losscli eval -l mse -l mae both.parquet --pred-col model_a --target-col y
      losscli eval -l cross_entropy:form=logits logits.npy labels.csv --max 0.35
      cat preds.csv | losscli eval -l huber - targets.csv --format value

    CSV, NPY and Parquet, in any mix, told apart by content; - is standard input.
    Columns are found by their usual names (y_pred, pred, yhat …; y, y_true, target, label …).

    Exit codes: 0 fine, 1 a gate failed, 2 usage, 3 input refused, 4 the value is infinite or NaN.
    A loss's own parameters (--delta, --form, --clip …): losscli eval --loss NAME --help.
    """  # noqa: D301 - \b, a backspace, keeps the lines that follow as they are
    if json and format not in (None, "json"):
        raise UsageError(f"--json and --format {format} exclude one another")
    _refuse_input_as_output(output, files)
    losses = get_all(loss, parameters)
    columns = {"pred": pred_col, "target": target_col, "weight": [weight_col] if weight_col is not None else None}
    request = Request(
        losses,
        _files(losses[0], files),
        {role: names for role, names in columns.items() if names},
        reduction,
        header,
        allow_inf,
        allow_nonfinite,
        _gates(losses, max, min),
        "json" if json else format or ("plain" if output or not on_terminal() else "table"),
        output,
        quiet,
    )
    return lambda: _act(request)


def _files(loss: Loss, files: Sequence[str]) -> dict[str, str]:
    roles = loss.kind.role_names
    if len(files) > len(roles):
        raise UsageError(f"{loss.name} takes {len(roles)} files ({', '.join(roles)}), {len(files)} are given")
    return dict(zip(roles, files, strict=False))


def _refuse_input_as_output(output: str | None, files: Sequence[str]) -> None:
    for path in files:
        if output and os.path.exists(output) and os.path.exists(path) and os.path.samefile(output, path):
            raise UsageError(f"-o {output} is an input file; name another")


def _gates(losses: Sequence[Loss], max: str | None, min: str | None) -> "list[Gate]":
    from losscli.evidence import Gate

    gates = [
        Gate(option, _limit(option, text)) for option, text in (("--max", max), ("--min", min)) if text is not None
    ]
    if gates and len(losses) > 1:
        raise UsageError(f"{gates[0].option} is for one loss; {len(losses)} are given")
    return gates


def _limit(option: str, text: str) -> float:
    value = parse_limit(text)
    if value is None:
        raise UsageError(f"{option}: '{text}' is not a number")
    return value


def _act(request: Request) -> int:
    from losscli.engine import evaluate
    from losscli.evidence import exit_code, failures

    report = evaluate(
        request.losses,
        columns=request.columns,
        reduction=request.reduction,
        header=request.header,
        allow_inf=request.allow_inf,
        spread=request.format in SPREAD,
        **request.files,
    )
    failed = failures(report, request.gates)
    _deliver(request, render(report, request.format, _wants_colour(request)))
    if not request.quiet:
        say("note", report.notes)
    say("error", [*([] if request.allow_nonfinite else _nonfinite(report, request.losses)), *failed])
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


def _nonfinite(report: "Report", losses: Sequence[Loss]) -> list[str]:
    """Why a value is infinite or NaN, and what can be done."""
    messages = []
    for result, loss in zip(report.results, losses, strict=True):
        if abs(result.value) < float("inf"):
            continue
        if result.infinite:
            first = f"the first in data row {result.first_infinite} (counted from 0)"
            why = f"{result.infinite} of {result.n} samples have such a loss, {first}"
        else:
            why = "it is beyond the range of a float64"
        clips = "clip" in loss.params and loss.params["form"] == "probs" and not loss.params["clip"]
        messages.append(
            f"{result.loss} is {canonical(result.value)}: {why}" + ("; --clip 1e-15 bounds it" if clips else "")
        )
    return messages
