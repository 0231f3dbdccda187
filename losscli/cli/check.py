"""`losscli check`: every gate that the repository's configuration has, in one table."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from losscli.cli import options
from losscli.cli.streams import deliver, say, wants_colour
from losscli.configuration import HOW, OWN, SHARED, Configuration, Value, find
from losscli.errors import InputError, LossError, OutputError, UsageError

if TYPE_CHECKING:
    from losscli.cli.eval import Request
    from losscli.results import Report

_ORDER = [
    *(error.exit_code for error in (OutputError, LossError, UsageError, InputError)),
    4,
    1,
    0,
]  # which code counts


class Asked(NamedTuple):
    """What the command line says, as plain values."""

    format: str
    output: str | None
    save_baselines: bool
    quiet: bool


class Outcome(NamedTuple):
    """What became of a check: the report, or none where it was refused; what is to be said, and the exit code."""

    name: str
    report: "Report | None"
    code: int
    notes: Sequence[str] = ()
    faults: Sequence[str] = ()


def check_command(
    *,
    save_baselines: Annotated[
        bool, typer.Option("--save-baselines", help="Write the baselines anew that checks name; keep other gates.")
    ] = False,
    format: Annotated[
        Literal["table", "plain", "json", "csv", "markdown"] | None,
        typer.Option(help="table on a terminal, plain in a pipe."),
    ] = None,
    json: options.Json = False,
    output: options.Output = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> Callable[[], int]:
    """Every gate of the repository, in one table.

    \b
    In losscli.toml, or under [tool.losscli] in pyproject.toml, found upward to the repository's root:
      [eval]                      # what holds for every losscli eval, and for every check
      missing = "drop"
      [check.validation]          # a check: files, options of eval, and at least one gate
      files = ["preds.csv", "targets.csv"]
      loss = "huber:delta=30"
      max = 950
      baseline = "baselines/validation.json"
      max-regress = "1%"

    Options have their long names, without dashes; the command line wins. Paths are relative to the file. Outputs,
    and plug-ins, are for the command line alone. Every check is run and every gate judged, whichever fail.

    Exit codes: 0 every gate passed, 1 one failed, 2 usage, 3 input refused, 4 a value is infinite or NaN.
    """  # noqa: D301 - the backspace keeps the lines of the example apart
    asked = Asked(options.chosen_format(format, json, output), output, save_baselines, quiet)
    return lambda: _act(asked)


def _act(asked: Asked) -> int:
    configuration = find()
    if configuration is None:
        raise UsageError(f"there is no {OWN}, nor [tool.losscli] in a {SHARED}, up to the repository's root: {HOW}")
    requests = _requests(configuration, asked)
    _refuse_overwriting(configuration, requests, asked)
    found = [_outcome(configuration, name, request) for name, request in requests.items()]
    code = next(code for code in _ORDER if code in {outcome.code for outcome in found})
    _deliver(found, asked)
    if not asked.quiet:
        say("note", [note for outcome in found for note in outcome.notes])
    say("error", [fault for outcome in found for fault in outcome.faults])
    return code


def _requests(configuration: Configuration, asked: Asked) -> "dict[str, Request]":
    """The checks by name, as the parser of `losscli eval` understands them. Raises UsageError for what it refuses."""
    from losscli.cli.app import command_of
    from losscli.cli.defaults import options_of

    said = configuration.checks(options_of(command_of("eval")))
    requests = {name: _request(configuration, name, values, asked) for name, values in said.items()}
    if not asked.save_baselines:
        return requests
    if not any(request.gating.baseline_file for request in requests.values()):
        raise UsageError(f"--save-baselines: no check of {configuration.path} names a baseline")
    return {
        name: request._replace(gating=request.gating.anew()) if request.gating.baseline_file else request
        for name, request in requests.items()
    }


def _request(configuration: Configuration, name: str, values: Mapping[str, Value], asked: Asked) -> "Request":
    from losscli.cli.app import command_of, parsed
    from losscli.cli.defaults import Defaults, options_of
    from losscli.cli.eval import Request

    called = configuration.called(f"check.{name}")
    more: dict[str, Value] = {"format": "json" if asked.format == "json" else "plain", "quiet": asked.quiet}
    try:
        request = parsed(["eval"], Defaults("", {**values, **more}, options_of(command_of("eval")), {}))
    except UsageError as error:
        raise UsageError(f"{called}: {error}") from None
    if not isinstance(request, Request):
        raise TypeError(request)
    if not request.gating.gates:
        raise UsageError(f"{called} has no gate: add max, min, fail-if, or baseline with max-regress")
    return request


def _refuse_overwriting(configuration: Configuration, requests: "Mapping[str, Request]", asked: Asked) -> None:
    """No output may take the place of an input, nor a baseline that of another check."""
    saved = [r.gating.save_baseline for r in requests.values() if r.gating.save_baseline]
    if len({os.path.realpath(path) for path in saved}) < len(saved):
        raise UsageError(f"{', '.join(saved)}: a baseline of two checks would be written by each: give each its own")
    read = [path for request in requests.values() for path in [*request.inputs, request.gating.baseline_file] if path]
    options.refuse_overwriting([asked.output, *saved], [*read, configuration.path])


def _outcome(configuration: Configuration, name: str, request: "Request") -> Outcome:
    from losscli.cli.eval import faults, outcome

    baseline = request.gating.baseline_file
    if baseline and not os.path.exists(baseline):
        missing = f"{name}: {baseline}: is not there yet; losscli check --save-baselines makes it"
        return Outcome(name, None, InputError.exit_code, faults=[missing])
    try:
        report, code = outcome(request)
    except UsageError as error:
        return Outcome(name, None, error.exit_code, faults=[f"{configuration.called(f'check.{name}')}: {error}"])
    except LossError as error:
        return Outcome(name, None, error.exit_code, faults=[f"{name}: {error}"])
    saved = request.gating.save_baseline
    anew = [f"{saved}: is written anew; gates that need it are not judged"] if saved and not code else []
    notes, wrong = [
        [f"{name}: {text}" for text in texts] for texts in ([*anew, *report.notes], faults(request, report))
    ]
    return Outcome(name, report, code, notes, wrong)


def _deliver(found: Sequence[Outcome], asked: Asked) -> None:
    """The table, unless some check has nothing to show in it."""
    from losscli.render.checks import Checked, checks_text

    checks = [Checked(outcome.name, not outcome.code, outcome.report) for outcome in found if outcome.report]
    if len(checks) == len(found):
        deliver(checks_text(checks, asked.format, wants_colour(asked.output)), asked.output, asked.format)
