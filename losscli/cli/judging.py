"""The gates and baselines of a run: what the options ask for, and what is done once the values are known."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.cli import options
from losscli.cli.streams import append_file, write_file
from losscli.errors import InputError, UsageError
from losscli.literals import format_number
from losscli.objectives import Objective

if TYPE_CHECKING:
    from losscli.baselines import Baseline
    from losscli.fingerprints import Fingerprint
    from losscli.gates import Gate, Regress
    from losscli.render.outcomes import Outcome
    from losscli.results import Report


class Gating(NamedTuple):
    """What values must keep, what they are compared with, and where else that is told. The baseline is a file until it
    is `opened`.
    """

    gates: "Sequence[Gate | Regress]" = ()
    predictions: Sequence[str] = ()
    baseline_file: str | None = None
    baseline: "Baseline | None" = None
    save_baseline: str | None = None
    junit: str | None = None
    github: bool = False
    keeps_groups: bool = True

    def sliced(self, by: Sequence[str], per_output: bool) -> "tuple[Gating, Sequence[str]]":
        """The columns to group by, given those of `--by`. Groups that gates alone need are not shown."""
        from losscli.gates import Gate, sliced_by

        gates = [gate for gate in self.gates if isinstance(gate, Gate)]
        columns = sliced_by(gates, by, per_output)
        return self._replace(keeps_groups=bool(by or per_output or not columns)), columns

    def shown(self, report: "Report") -> "Report":
        """The report without the groups that gates alone need."""
        if self.keeps_groups:
            return report
        return replace(report, results=tuple(replace(result, groups=()) for result in report.results))

    def opened(self, objectives: Sequence[Objective], reduction: str) -> "Gating":
        """The same with the baseline as it is read. Raises InputError."""
        return self._replace(baseline=_read(self.baseline_file, objectives, reduction))

    def anew(self) -> "Gating":
        """The same for making the baseline anew: what needs the old one is not judged."""
        from losscli.gates import Gate

        gates = [gate for gate in self.gates if isinstance(gate, Gate) and not gate.needs_baseline]
        return self._replace(gates=gates, baseline_file=None, save_baseline=self.baseline_file)


class Asked(NamedTuple):
    """What the options say, as texts."""

    max: str | None
    min: str | None
    fail_if: Sequence[str]
    baseline: str | None
    max_regress: str | None
    min_abs: str | None
    save_baseline: str | None
    junit: str | None
    github: bool

    @property
    def options(self) -> list[str]:
        """Those that are given."""
        given = [name for name, text in self._asdict().items() if text not in (None, [], False)]
        return ["--" + name.replace("_", "-") for name in given]


def gating_of(objectives: Sequence[Objective], reduction: str, asked: Asked) -> Gating:
    """What the options ask for. Raises UsageError."""
    if not asked.options:
        return Gating()
    if reduction == "none":
        raise UsageError(f"{asked.options[0]} needs a value, and --reduction none has none")
    if asked.max_regress is not None and asked.baseline is None:
        raise UsageError(f"--max-regress {asked.max_regress} needs a baseline; add --baseline FILE")
    if asked.min_abs is not None and asked.max_regress is None:
        raise UsageError(f"--min-abs {asked.min_abs} needs --max-regress")
    return Gating(
        _gates(objectives, asked),
        objectives[0].predictions,
        baseline_file=asked.baseline,
        save_baseline=asked.save_baseline,
        junit=asked.junit,
        github=asked.github,
    )


def _gates(objectives: Sequence[Objective], asked: Asked) -> "list[Gate | Regress]":
    from losscli import gates

    bounds = [(option, text) for option, text in (("--max", asked.max), ("--min", asked.min)) if text is not None]
    if bounds and len(objectives) > 1:
        raise UsageError(f"{bounds[0][0]} is for one loss; {len(objectives)} are given: --fail-if can say which")
    found = [gates.limits(option, text, options.number(option, text)) for option, text in bounds]
    found += [gates.fail_if(text, objectives) for text in asked.fail_if]
    for gate in found:
        if gate.needs_baseline and asked.baseline is None:
            raise UsageError(f"{gate.text} needs a baseline; add --baseline FILE")
    if asked.max_regress is None:
        return [*found]
    return [*found, gates.Regress.of(asked.max_regress, asked.min_abs, objectives)]


def _read(path: str | None, objectives: Sequence[Objective], reduction: str) -> "Baseline | None":
    if path is None:
        return None
    from losscli.baselines import Baseline

    baseline = Baseline.read(path)
    baseline.check(objectives, reduction)
    return baseline


def judge(
    report: "Report", gating: Gating, evaluation: Mapping[str, Any], nonfinite: Sequence[str]
) -> "tuple[Report, int]":
    """The report with what became of the gates, and the exit code. Files for others are written. `nonfinite` has a line
    for each value that is infinite or NaN, none where that is allowed.
    """
    if gating == Gating():  # as of most evaluations
        return report, 4 if nonfinite else 0
    from losscli.gates import exit_code, judged
    from losscli.render.outcomes import Outcome

    prints = _fingerprints(gating, report, evaluation)
    if gating.baseline:
        report = _compared(gating.baseline, report, gating, prints, evaluation["strict"])
    shown = gating.shown(report)
    verdicts = judged(report, gating.gates, shown)
    report, shown = replace(report, gates=verdicts), replace(shown, gates=verdicts)
    code = exit_code(report, allow_nonfinite=not nonfinite)
    if gating.save_baseline and code:
        unsaved = f"{gating.save_baseline}: is not written, as a gate failed or a value is not finite"
        shown = replace(shown, notes=(unsaved, *shown.notes))
    told = publish([Outcome("", shown, nonfinite)], gating.junit, gating.github)
    if gating.save_baseline and not code:  # last: what could not be told is no success
        from losscli.baselines import kept
        from losscli.render.json import to_json

        write_file(gating.save_baseline, to_json(kept(report, prints)))
        shown = replace(shown, notes=(*_unusable(report, gating.save_baseline), *shown.notes))
    return replace(shown, notes=(*told, *shown.notes)), code


def _unusable(report: "Report", path: str) -> list[str]:
    """Groups in a baseline that nothing can be compared with."""
    from losscli.results import keys_text

    groups = [(result, group) for result in report.results for group in result.groups if not isfinite(group.value)]
    if not groups:
        return []
    result, group = groups[0]
    more = f", and of {len(groups) - 1} more" if groups[1:] else ""
    called = result.called_at(f"[{keys_text(group.by)}]")
    return [f"{path}: {called} is {format_number(group.value)}{more}, which fails every comparison with it"]


def publish(outcomes: "Sequence[Outcome]", junit: str | None, github: bool) -> Sequence[str]:
    """Write the file for `--junit` and the job summary of `--github`, where they are asked for; returns notes."""
    if junit:
        from losscli.render.junit import junit as to_xml

        write_file(junit, to_xml(outcomes))
    if not github:
        return []
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return ["--github: GITHUB_STEP_SUMMARY names no file that a job summary could be written to"]
    from losscli.render.github import MOST, summary

    taken = os.path.getsize(path) + 2 if os.path.exists(path) else 0
    text = summary(outcomes, MOST - taken)
    if not text:
        return [f"--github: {path} has no room for a job summary"]
    append_file(path, text)
    return []


def _fingerprints(
    gating: Gating, report: "Report", evaluation: Mapping[str, Any]
) -> "Mapping[str, Sequence[Fingerprint]]":
    """Those of the files of every role that has some; nothing where no baseline asks for them."""
    if not gating.baseline and not gating.save_baseline:
        return {}
    from losscli.fingerprints import fingerprints

    roles = dict.fromkeys(one.role for one in report.inputs)
    return fingerprints({role: evaluation[role] for role in roles if evaluation.get(role) is not None})


def _compared(
    baseline: "Baseline",
    report: "Report",
    gating: Gating,
    prints: "Mapping[str, Sequence[Fingerprint]]",
    strict: bool,
) -> "Report":
    report = baseline.compared(report, gating.keeps_groups)
    doubts = baseline.doubts(gating.shown(report), prints, gating.predictions)
    if doubts and strict:
        raise InputError(f"{doubts[0]} (--strict refuses what looks wrong)")
    return replace(report, notes=(*doubts, *report.notes))
