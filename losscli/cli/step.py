"""`losscli step`: gradient descent on a linear head, step by step."""

from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import typer

from losscli.cli import options
from losscli.cli.complete import complete_loss
from losscli.cli.streams import deliver, say, wants_colour
from losscli.errors import UsageError


class Request(NamedTuple):
    """What was asked for, as plain values; `descent` goes to the library as it is."""

    descent: dict[str, Any]
    parameters_out: str | None
    format: str
    output: str | None
    quiet: bool


def step_command(
    target: Annotated[str, typer.Argument(help="The targets.", metavar="TARGETS")],
    *,
    loss: Annotated[
        str,
        typer.Option("--loss", "-l", help="NAME[:key=value,…].", metavar="SPEC", autocompletion=complete_loss),
    ],
    features: Annotated[str, typer.Option(help="X, a row a sample, a column a feature.", metavar="FILE")],
    parameters: Annotated[
        str, typer.Option("--parameters", help="W, and b if any (npz, npy, safetensors).", metavar="FILE")
    ],
    rate: Annotated[str, typer.Option(help="What the gradient is multiplied by.", metavar="R")],
    steps: Annotated[str, typer.Option(help="How many steps.", metavar="N")] = "1",
    penalty: Annotated[
        str | None, typer.Option(help="Such as l2:strength=0.01,skip=b, of the parameters.", metavar="SPEC")
    ] = None,
    parameters_out: Annotated[
        str | None, typer.Option(help="The parameters after the last step to FILE (npz).", metavar="FILE")
    ] = None,
    target_col: options.TargetCol = None,
    weight_col: options.WeightCol = None,
    col: Annotated[
        list[str] | None, typer.Option("--col", help="Columns of X, such as features='x_*'.", metavar="ROLE=COLS")
    ] = None,
    missing: Annotated[
        Literal["error", "drop"], typer.Option(help="Refuse missing targets, or leave out their rows.")
    ] = "error",
    classes: Annotated[
        str | None, typer.Option(help="Class names, in the order of the outputs.", metavar="A,B,C")
    ] = None,
    labels: Annotated[
        Literal["text", "int", "01"] | None, typer.Option(help="Names; indices; or 0/1 for -1/+1.")
    ] = None,
    label_base: Annotated[str | None, typer.Option(help="The label of the first class.", metavar="N")] = None,
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
    of_losses: dict[str, str],
) -> Callable[[], int]:
    """Gradient descent on a linear head, step by step.

    \b
    Examples:
      losscli step --features X.npy --parameters W.npz -l cross_entropy --rate 0.1 --steps 20 labels.csv
      losscli step --features X.csv --parameters w.npy -l mse --rate 0.01 --penalty l2:strength=0.1 y.csv
      losscli step --features X.npy --parameters W.npz -l huber --rate 0.1 --parameters-out W1.npz y.csv

    Predictions are X W + b, with W (features,) or (features, outputs); rows are paired by position. A step is
    W - rate · (Xᵀg + the penalty's gradient), with g the gradient of the mean loss in the predictions.
    Of every step: loss, penalty and total before it, the norm of the total's gradient, the change that it predicts,
    -rate · norm², and the change that came. The last line is what is left after the last step.
    Where a loss takes forms and none is said, predictions are logits or log-rates.
    CSV as written: --header/--no-header, --delimiter, --decimal, --thousands, --encoding, --comment, --skip-blank.

    Exit codes: 0 fine, 2 usage, 3 input refused, 4 the loss became infinite or NaN: take a smaller rate.
    """  # noqa: D301 - the backspace keeps the lines of the examples apart
    from losscli.formats.dialect import reading_of

    chosen = options.chosen_format(format, json, output)
    inputs = [features, parameters, target]
    if inputs.count("-") > 1:
        raise UsageError("'-' is standard input, which can be one file only")
    options.refuse_overwriting([output, parameters_out], inputs)
    if parameters_out and not parameters_out.lower().endswith(".npz"):
        raise UsageError(f"{parameters_out}: holds an array a member; the name must end in .npz")
    csv = options.reading(
        header=header,
        delimiter=delimiter,
        decimal=decimal,
        thousands=thousands,
        encoding=encoding,
        comment=comment,
        skip_blank=skip_blank,
        max_bytes=max_bytes,
    )
    descent = {
        "loss": loss,
        "params": of_losses,
        "features": features,
        "target": target,
        "parameters": parameters,
        "rate": _rate(rate),
        "steps": options.count("--steps", steps),
        "penalty": penalty,
        "columns": options.columns_by_role(None, target_col, weight_col, col),
        "reading": reading_of(**csv),
        "missing": missing,
        "classes": classes if classes is not None else (),
        "labels": labels,
        "label_base": options.whole("--label-base", label_base),
    }
    return lambda: _act(Request(descent, parameters_out, chosen, output, quiet))


def _rate(text: str) -> float:
    rate = options.number("--rate", text)
    if not 0 < rate < float("inf"):
        raise UsageError(f"--rate {text}: a finite number above 0 is needed; steps go against the gradient")
    return rate


def _act(request: Request) -> int:
    from losscli.descent import descend
    from losscli.render.descent import text_of

    found = descend(**request.descent)
    if request.parameters_out and found.is_finite:
        from losscli.writers import write_members

        write_members(request.parameters_out, found.head.arrays)
    deliver(text_of(found, request.format, wants_colour(request.output)), request.output, request.format)
    if not request.quiet:
        say("note", [*found.notes, *([found.rose] if found.rose else [])])
    if found.is_finite:
        return 0
    unwritten = f"; {request.parameters_out} is not written" if request.parameters_out else ""
    say("error", [f"{found.diverged}{unwritten}"])
    return 4
