"""Gates: limits that values must keep, and what to say where they do not. What is infinite or NaN fails every gate."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import isfinite
from operator import ge, gt, le, lt
from typing import Literal, NamedTuple

from losscli.errors import UsageError
from losscli.exact import to_float
from losscli.literals import format_number, near, parse_limit, parse_number
from losscli.objectives import Objective, parse
from losscli.results import Group, Report, Result, Verdict, keys_text

ANY = "*"  # the value of a column that stands for each of its values
_SHOWN = 10  # groups in a message
OUTPUTS = ("output", "class")  # what --per-output groups by
_FAILS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    ">": (gt, "above"),
    ">=": (ge, "at or above"),
    "<": (lt, "below"),
    "<=": (le, "at or below"),
}
_EXPRESSION = re.compile(r"(?P<of>.+)(?P<sign>>=|<=|>|<)(?P<limit>[^<>]+)")
_SLICED = re.compile(r"(?P<loss>[^\[]+?)\s*\[(?P<where>.*)\]")
_LIMIT = re.compile(
    r"(?:(?P<before>\S+) ?\* ?)?baseline(?: ?\* ?(?P<after>\S+?))?(?: ?(?P<sign>[+-]) ?(?P<offset>\S+))?"
)
_HOW = "write it as 'mae > 0.3', 'mae[country=DE] > 0.3' or 'mae > 1.1 * baseline'"


class Limit(NamedTuple):
    """`factor` times the baseline, plus `offset`; without a factor the offset alone, which may be infinite."""

    factor: Fraction | None
    offset: Fraction | float

    @staticmethod
    def parse(text: str) -> "Limit | None":
        """`0.3`, `1.1 * baseline`, `baseline + 0.01`; None for anything else."""
        alone = parse_limit(text)
        if alone is not None:
            return Limit(None, alone)
        match = _LIMIT.fullmatch(" ".join(text.split()))
        if match is None or (match["before"] and match["after"]):
            return None
        factor, offset = _exact(match["before"] or match["after"] or "1"), _exact(match["offset"] or "0")
        return None if factor is None or offset is None else Limit(factor, -offset if match["sign"] == "-" else offset)

    def of(self, baseline: float | None) -> float | None:
        """The limit as a float64, rounded once; None where it needs a baseline and there is no finite one."""
        if self.factor is None:
            return float(self.offset)
        if baseline is None or not isfinite(baseline):
            return None
        return to_float(self.factor * Fraction(baseline) + Fraction(self.offset))


def _exact(text: str) -> Fraction | None:
    """The number as it is written, not the float64 next to it."""
    value = parse_limit(text)
    return None if value is None or not isfinite(value) else Fraction(text)


class Gate(NamedTuple):
    """`text` as it was given; `loss`, canonical, or any where it is empty; `where`, the slices by column, none for the
    whole; `sign`, which side of the limit fails.
    """

    text: str
    loss: str
    where: Mapping[str, str]
    sign: str
    limit: Limit

    @property
    def needs_baseline(self) -> bool:
        return self.limit.factor is not None

    def verdicts(self, report: Report, shown: Report) -> Iterator[Verdict]:
        """What becomes of it at each value that it speaks of."""
        for result in report.results:
            if not self.loss or result.loss == self.loss:
                yield from self._of_groups(result) if self.where else [self._of(result.called, result)]

    def _of(self, called: str, found: Result | Group) -> Verdict:
        limit, told = self.limit.of(found.baseline), self._told()
        if limit is None:
            return _unlimited(self.text, called, found)
        return _judged(self.text, called, found.value, Line(self.sign, limit, f"{told} {format_number(limit)}"))

    def _told(self) -> str:
        option = self.text.partition(" ")[0]
        return option if not self.needs_baseline else f"{self.text.rpartition(self.sign)[2].strip().strip(_QUOTE)} ="

    def _of_groups(self, result: Result) -> Iterator[Verdict]:
        """All that it names; of every one those too that are gathered for being small."""
        groups = [g for g in result.groups if not g.smaller_than]
        found = [g for g in groups if set(g.by) == set(self.where) and _is_at(g.by, self.where)]
        is_any = set(self.where.values()) == {ANY}
        found += [g for g in result.groups if g.smaller_than and is_any]
        for group in found:
            yield self._of(_called(result, group), group)
        if not found:
            called = result.called_at(f"[{keys_text(self.where)}]")
            small = any(g.smaller_than for g in result.groups)
            known = [keys_text(group.by) for group in groups]
            meant = near(keys_text(self.where), known) if len(known) > _SHOWN else ""
            there = meant or (f"; there are {'; '.join(known[:_SHOWN])}" if known else "")
            what = "no such group, or one too small for --min-group" if small else "no such group"
            yield Verdict(self.text, called, None, None, None, False, f"{called} has no value: {what}{there}")


_QUOTE = "'"


class Regress(NamedTuple):
    """`--max-regress`: by how much a value may be worse than its baseline; by `share` of the baseline's size, or by
    `amount`, whichever is more.
    """

    text: str
    share: Fraction
    amount: Fraction
    better: Mapping[str, str]

    @staticmethod
    def of(text: str, least: str | None, objectives: Sequence[Objective]) -> "Regress":
        """From what `--max-regress` and `--min-abs` say. Raises UsageError."""
        is_share = text.endswith("%")
        number = _exact(text.removesuffix("%").strip())
        if number is None or number < 0:
            raise UsageError(f"--max-regress: '{text}' is neither a share such as 1% nor a number of at least 0")
        if least is not None and not is_share:
            raise UsageError(
                f"--min-abs {least} goes with a share, such as --max-regress 1%; {text} is absolute itself"
            )
        floor = _exact(least or "0")
        if floor is None or floor < 0:
            raise UsageError(f"--min-abs: '{least}' is not a number of at least 0")
        better = {str(objective): direction(objective) for objective in objectives}
        said = f"--max-regress {text}" + (f" --min-abs {least}" if least else "")
        return Regress(said, number / 100 if is_share else Fraction(0), floor if is_share else number, better)

    def verdicts(self, report: Report, shown: Report) -> Iterator[Verdict]:
        """What becomes of it at each value, and at each group that is shown and that the baseline has."""
        for result in shown.results:
            yield self._of(result.called, result, self.better[result.loss])
            for group in result.groups:
                if group.baseline is not None:
                    yield self._of(_called(result, group), group, self.better[result.loss])

    def _of(self, called: str, found: Result | Group, better: str) -> Verdict:
        value, baseline = found.value, found.baseline
        if baseline is None or not isfinite(baseline):
            return _unlimited(self.text, called, found)
        if better == "zero":
            called, value, baseline = f"|{called}|", None if value is None else abs(value), abs(baseline)
        room = max(self.share * abs(Fraction(baseline)), self.amount)
        limit = to_float(Fraction(baseline) + (-room if better == "higher" else room))
        sign = "<" if better == "higher" else ">"
        why = f" (baseline {format_number(baseline)}, {self.text})"
        return _judged(self.text, called, value, Line(sign, limit, format_number(limit), why))


def direction(objective: Objective) -> Literal["lower", "zero", "higher"]:
    """Which values are better. Raises UsageError for a sum of losses of which that is not known."""
    found = {loss.definition.better for loss in objective.losses}
    if len(found) == 1 and (not objective.is_sum or (found != {"zero"} and all(f > 0 for f, _ in objective.terms))):
        return found.pop()
    raise UsageError(f"'{objective}': which values are better is not known, as its terms pull apart")


class Line(NamedTuple):
    """A limit, which side of it fails, what it is called, and why it is there."""

    sign: str
    limit: float
    words: str
    why: str = ""


def _judged(gate: str, called: str, value: float | None, line: Line) -> Verdict:
    shown, limit = f"{called} is {_shown(value)}", line.limit
    if value is None or not isfinite(value):
        return Verdict(gate, called, value, limit, None, False, f"{shown}, which fails {gate}")
    passed = not _FAILS[line.sign][0](value, limit)
    said = f"{shown}, which {'passes' if passed else 'fails'} {gate}"
    if not isfinite(limit):
        return Verdict(gate, called, value, limit, None, passed, said)
    difference = to_float(Fraction(value) - Fraction(limit))
    by = f"{shown}, {_FAILS[line.sign][1]} {line.words} by {format_number(abs(difference))}{line.why}"
    return Verdict(gate, called, value, limit, difference, passed, said if passed else by)


def _unlimited(gate: str, called: str, found: Result | Group) -> Verdict:
    said = f"{called} is {_shown(found.value)}, and its baseline is {_shown(found.baseline)}: {gate} has no limit"
    return Verdict(gate, called, found.value, None, None, False, said)


def _shown(value: float | None) -> str:
    return "missing" if value is None else format_number(value)


def _called(result: Result, group: Group) -> str:
    """A group as messages name it."""
    gathered = f"groups smaller than {group.smaller_than}"
    return result.called_at(f"[{gathered if group.smaller_than else keys_text(group.by)}]")


def _is_at(by: Mapping[str, object], where: Mapping[str, str]) -> bool:
    return all(_is(by[name], value) for name, value in where.items())


def _is(key: object, said: str) -> bool:
    """Whether a group's key is what a gate calls it: numbers as numbers, a missing value as nothing."""
    if said == ANY:
        return True
    shown, number = "" if key is None else str(key), parse_number(said)
    return shown == said or (number is not None and not isinstance(key, str) and parse_number(shown) == number)


def limits(option: str, text: str, limit: float) -> Gate:
    """`--max X` or `--min X`: the value may be X, and not beyond."""
    return Gate(f"{option} {text}", "", {}, ">" if option == "--max" else "<", Limit(None, limit))


def fail_if(text: str, objectives: Sequence[Objective]) -> Gate:
    """`--fail-if 'LOSS[COL=VALUE,…] > LIMIT'`: fails where that holds. Raises UsageError."""
    said = f"--fail-if '{text}'"
    match = _EXPRESSION.fullmatch(text.strip())
    limit = match and Limit.parse(match["limit"].strip())
    if match is None or limit is None:
        raise UsageError(f"{said}: {_HOW}")
    sliced = _SLICED.fullmatch(match["of"].strip())
    loss = _asked_for((sliced["loss"] if sliced else match["of"]).strip(), objectives, said)
    return Gate(said, loss, _where(sliced["where"], said) if sliced else {}, match["sign"], limit)


def _asked_for(text: str, objectives: Sequence[Objective], said: str) -> str:
    """The canonical text of the loss that is meant. Raises UsageError where none is, or more than one."""
    asked = [str(objective) for objective in objectives]
    named = [str(o) for o in objectives if not o.is_sum and text == o.losses[0].name]
    found = named if len(set(named)) > 1 else [one for one in asked if one == text][:1] or named or _parsed(text, asked)
    if len(found) != 1:
        hint = near(text, asked) or f"; there is {', '.join(asked)}"
        if text in ("total", "penalty"):
            hint = f": gates are of the data loss; there is {', '.join(asked)}"
        which = (
            f"which of {', '.join(found)} is meant? say its parameters, {text}:…"
            if found
            else f"no --loss is '{text}'{hint}"
        )
        raise UsageError(f"{said}: {which}")
    return found[0]


def _parsed(text: str, asked: Sequence[str]) -> list[str]:
    """Another way to write a loss that is asked for: an alias, a default that is said."""
    try:
        canonical = str(parse([text])[0])
    except UsageError:
        return []
    return [one for one in asked if one == canonical] or [one for one in asked if one.partition(":")[0] == canonical]


def _where(text: str, said: str) -> dict[str, str]:
    """Columns and their values; a comma in a value is no separator unless a column's name follows."""
    pairs: list[str] = []
    for piece in text.split(","):
        if "=" in piece or not pairs:
            pairs.append(piece)
        else:
            pairs[-1] += "," + piece
    split = [pair.partition("=") for pair in pairs]
    if not all(name.strip() and sign for name, sign, _ in split):
        raise UsageError(f"{said}: write a slice as [COL=VALUE], or several columns as [COL=VALUE,COL=VALUE]")
    return {name.strip(): value.strip() for name, _, value in split}


def sliced_by(gates: Sequence[Gate], by: Sequence[str], per_output: bool) -> Sequence[str]:
    """The columns to group by: those of `--by`, or of the gates' slices where nothing is said. Raises UsageError."""
    for gate in gates:
        named = [name for name in gate.where if not (per_output and name in OUTPUTS)]
        by = by or named
        if gate.where and set(named) != set(by):
            what = f"a slice names every column that groups are made by, which are {', '.join(by)}"
            raise UsageError(f"{gate.text}: {what}; slices by other columns want a run of their own")
    return by


def judged(report: Report, gates: "Sequence[Gate | Regress]", shown: Report | None = None) -> tuple[Verdict, ...]:
    """What becomes of every gate, whichever have failed before; `shown` has the groups that were asked for alone."""
    return tuple(verdict for gate in gates for verdict in gate.verdicts(report, shown or report))


def exit_code(report: Report, allow_nonfinite: bool) -> int:
    """0 where all is well, 1 for a failed gate, 4 for a value that is infinite or NaN unless that is allowed."""
    if not report.is_finite and not allow_nonfinite:
        return 4
    return int(not all(verdict.passed for verdict in report.gates))
