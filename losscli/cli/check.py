"""`losscli check`: every gate that the repository's configuration has, in one table."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from losscli.cli import options
from losscli.cli.judging import publish
from losscli.cli.streams import annotate, deliver, say, wants_colour
from losscli.configuration import HOW, OWN, SHARED, Configuration, Value, find
from losscli.errors import InputError, LossError, OutputError, UsageError

if TYPE_CHECKING:
    from losscli.cli.eval import Request
    from losscli.render.outcomes import Outcome

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
    junit: str | None
    github: bool
    quiet: bool


class Ended(NamedTuple):
    """What became of a check, the exit code that it would have alone, and its notes."""

    outcome: "Outcome"
    code: int
    notes: Sequence[str] = ()

    @property
    def faults(self) -> list[str]:
        """What is wrong, a line each, which names the check; what refuses it does so itself."""
        named = f"{self.outcome.name}: " if self.code != UsageError.exit_code else ""
        return [f"{named}{fault}" for fault in self.outcome.failed]


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
    junit: Annotated[
        str | None,
        typer.Option(help="Gates as JUnit XML to FILE.", metavar="FILE"),
    ] = None,
    github: Annotated[bool, typer.Option("--github", help="Failed gates as annotations, and a job summary.")] = False,
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
    asked = Asked(options.chosen_format(format, json, output), output, save_baselines, junit, github, quiet)
    return lambda: _act(asked)


def _act(asked: Asked) -> int:
    configuration = find()
    if configuration is None:
        raise UsageError(f"there is no {OWN}, nor [tool.losscli] in a {SHARED}, up to the repository's root: {HOW}")
    requests = _requests(configuration, asked)
    _refuse_overwriting(configuration, requests, asked)
    found = [_ended(configuration, name, request) for name, request in requests.items()]
    told = publish([one.outcome for one in found], asked.junit, asked.github)
    _deliver([one.outcome for one in found], asked)
    if not asked.quiet:
        say("note", [*told, *(note for one in found for note in one.notes)])
    faults = [fault for one in found for fault in one.faults]
    say("error", faults)
    if asked.github:
        annotate(faults)
    return next(code for code in _ORDER if code in {one.code for one in found})


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
    return {name: _anew(configuration, name, request) for name, request in requests.items()}


def _anew(configuration: Configuration, name: str, request: "Request") -> "Request":
    """The same, which writes the baseline that it names. Raises UsageError."""
    baseline = request.gating.baseline_file
    if baseline and len(request.systems) > 1:
        called = configuration.called(f"check.{name}")
        raise UsageError(
            f"{called}: {baseline} holds one run, and pred names {len(request.systems)}: let losscli eval save one"
        )
    return request._replace(gating=request.gating.anew()) if baseline else request


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
    options.refuse_overwriting([asked.output, asked.junit, *saved], [*read, configuration.path])


def _ended(configuration: Configuration, name: str, request: "Request") -> Ended:
    from losscli.cli.eval import nonfinite, outcome
    from losscli.render.outcomes import Outcome

    baseline = request.gating.baseline_file
    if baseline and not os.path.exists(baseline):
        missing = f"{baseline}: is not there yet; losscli check --save-baselines makes it"
        return Ended(Outcome(name, None, [missing]), InputError.exit_code)
    try:
        report, code = outcome(request)
    except UsageError as error:
        return Ended(Outcome(name, None, [f"{configuration.called(f'check.{name}')}: {error}"]), error.exit_code)
    except LossError as error:
        return Ended(Outcome(name, None, [str(error)]), error.exit_code)
    saved = request.gating.save_baseline
    anew = [f"{saved}: is written anew; gates that need it are not judged"] if saved and not code else []
    notes = [f"{name}: {note}" for note in [*anew, *report.notes]]
    return Ended(Outcome(name, report, nonfinite(request, report)), code, notes)


def _deliver(outcomes: "Sequence[Outcome]", asked: Asked) -> None:
    """The table, unless some check has nothing to show in it."""
    from losscli.render.checks import checks_text

    if all(outcome.report for outcome in outcomes):
        deliver(checks_text(outcomes, asked.format, wants_colour(asked.output)), asked.output, asked.format)
