"""Several systems: the same losses of several predictions, ranked, with the settings that their files' names tell."""

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from math import isinf, isnan
from typing import Any, NamedTuple

from losscli.errors import InputError, UsageError
from losscli.formats.paths import listed, split_member
from losscli.gates import direction
from losscli.literals import format_number
from losscli.objectives import Objective
from losscli.results import Input, Report, Result
from losscli.selection import MASKED, MISSING, WEIGHTLESS, Account

_PACKED = (".gz", ".zst")
_SUFFIXES = (  # of files with predictions, so that 0.1 stays whole in lr=0.1.csv
    *(".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".npy", ".npz"),
    *(".parquet", ".pq", ".arrow", ".feather", ".safetensors"),
)
_BETWEEN = r"[,; _-]"
_KEY = r"[^\W\d_]\w*"  # a letter, then letters, digits, underscores
_SETTING = re.compile(rf"(?:^|{_BETWEEN})(?P<key>{_KEY})=(?P<value>.*?)(?={_BETWEEN}+{_KEY}=|$)", re.DOTALL)


def settings_of(path: str) -> dict[str, str]:
    """The settings that a path tells: every `key=value` in a folder's name, in the file's name less its suffixes, or in
    that of a member, where a key is as long as it can be, stands first or after `,` `;` `-` `_` or a space, and a value
    goes on to the next key or to the end; of one key the last counts.
    """
    file, member = split_member(path)
    folder, name = os.path.split(file.rstrip(os.sep))
    found = [
        (match["key"], match["value"])
        for part in (*folder.split(os.sep), _stem(name), member or "")
        for match in _SETTING.finditer(part)
    ]
    return {key: value for key, value in found if value}


def _stem(name: str) -> str:
    for suffixes in (_PACKED, _SUFFIXES):
        ending = os.path.splitext(name)[1]
        name = name.removesuffix(ending) if ending.lower() in suffixes else name
    return name


def check(
    systems: Sequence[str],
    objectives: Sequence[Objective],
    reduction: str,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, str | None],
) -> None:
    """Refuse what cannot be done for several: `inputs` are what the first reads, by role, `outputs` the files that hold
    one run, by option. Raises UsageError.
    """
    _check_inputs(systems, inputs)
    for option, path in outputs.items():
        if path:
            raise UsageError(f"{option} {path} holds one run, and --pred names {len(systems)}: write it run by run")
    if reduction == "none":
        raise UsageError("several --pred are ranked by their values, and --reduction none has none")
    for objective in objectives:
        _direction(objective)


def _check_inputs(systems: Sequence[str], inputs: Mapping[str, Any]) -> None:
    seen: dict[tuple[str, str | None], str] = {}
    for path in systems:
        file, member = split_member(path)
        other = seen.setdefault((os.path.realpath(file), member), path)
        if other is not path:
            twice = f"--pred {path} is given twice" if other == path else f"--pred {path} and {other} are the same file"
            raise UsageError(f"{twice}: give each system once")
    if not isinstance(inputs["pred"], str):
        raise UsageError("--input pred=FILE adds a part to one --pred; of several, give each as a folder of its parts")
    shared = [path for role, data in inputs.items() if role != "pred" for path in listed(data) or []]
    for path in (*systems, *shared):
        if path == "-" or (path in shared and _is_read_once(path)):
            raise UsageError(f"'{path}' can be read once, and --pred names {len(systems)} systems: give it as a file")


def _is_read_once(path: str) -> bool:
    """Whether it is a pipe or the like."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def _direction(objective: Objective) -> str:
    try:
        return direction(objective)
    except UsageError as error:
        raise UsageError(f"several --pred are ranked, but of {error}") from None


def ranked(objectives: Sequence[Objective], reports: Mapping[str, Report], strict: bool = False) -> Report:
    """One report of several, each of the same losses of the system that is its key: for each loss the best first, rank
    1; equal values share a rank, as given, and what is infinite or NaN comes last.

    Raises InputError where they are not of the same rows; with `strict` also where that is doubtful.
    """
    first = next(iter(reports.values()))
    _refuse_other_rows(reports)
    doubts = _doubts(reports)
    if doubts and strict:
        raise InputError(f"{doubts[0]} (--strict refuses what looks wrong)")
    return replace(
        first,
        inputs=_inputs(reports.values()),
        account=_account([report.account for report in reports.values()]),
        results=tuple(one for k, objective in enumerate(objectives) for one in _ranking(objective, reports, k)),
        notes=(*doubts, *_unshared(reports), *_notes(reports)),
    )


def _ranking(objective: Objective, reports: Mapping[str, Report], k: int) -> list[Result]:
    """The results of loss k, the best first."""
    order = _order(_direction(objective))
    found = sorted(((order(report.results[k].value), path) for path, report in reports.items()), key=lambda p: p[0])
    keys = [key for key, _ in found]
    return [
        replace(reports[path].results[k], pred=path, rank=keys.index(key) + 1, settings=settings_of(path))
        for key, path in found
    ]


def _order(better: str) -> Callable[[float | None], tuple[int, float]]:
    """What a value is sorted by, and equal for equal values."""

    def key(value: float | None) -> tuple[int, float]:
        if value is None or isnan(value):
            return 2, 0.0
        size = abs(value) if better == "zero" else -value if better == "higher" else value
        return int(isinf(value)), size

    return key


class _Rows(NamedTuple):
    """What has to be the same of two systems."""

    matched: int
    absent: Mapping[str, int]
    counts: Sequence[tuple[int, float]]

    @staticmethod
    def of(report: Report) -> "_Rows":
        counts = [(result.n, result.weight) for result in report.results]
        return _Rows(report.account.matched, report.account.absent, counts)

    def told(self, k: int) -> str:
        """With the samples of loss k, and their weight."""
        n, weight = self.counts[k]
        absent = str(Account(absent=dict(self.absent)))
        return f"{self.matched} rows matched{f' ({absent})' if absent else ''}, n {n}, weight {format_number(weight)}"


def _refuse_other_rows(reports: Mapping[str, Report]) -> None:
    (one, report), *others = reports.items()
    rows = _Rows.of(report)
    for path, other in others:
        there = _Rows.of(other)
        if there != rows:
            pairs = zip(rows.counts, there.counts, strict=True)
            k = next((k for k, (here, away) in enumerate(pairs) if here != away), 0)
            raise InputError(
                f"{one} has {rows.told(k)}, {path} has {there.told(k)}: systems are compared on the same rows; mend "
                "the files, choose rows that all have with --where, or pair them with --id COL"
            )


def _doubts(reports: Mapping[str, Report]) -> list[str]:
    """Where as many rows are left out of each, by what its own file holds: they need not be the same ones."""
    found = []
    for path, report in reports.items():
        account, own = report.account, _own(report, path)
        missing = sum(account.absent.get(reason, 0) for reason in _reasons(own))
        unpaired = sum(count for name, count in account.unmatched.items() if name != path)
        found += [(path, missing or unpaired)] if missing or unpaired else []
    if not found:
        return []
    path, count = found[0]
    rows = "1 row is" if count == 1 else f"{count} rows are"
    return [f"{rows} left out for {path}, as many for others: nobody has checked that these are the same of all"]


def _reasons(roles: Iterable[str]) -> set[str]:
    """Why rows of a system's own file may be absent."""
    special = {"mask": MASKED, "weight": WEIGHTLESS}
    return {MISSING + role for role in roles} | {special[role] for role in roles if role in special}


def _own(report: Report, path: str) -> list[str]:
    """The roles that are read from the system's own file."""
    return [one.role for one in report.inputs if one.path == path]


def _unshared(reports: Mapping[str, Report]) -> list[str]:
    roles = dict.fromkeys(role for path, report in reports.items() for role in _own(report, path) if role != "pred")
    if not roles:
        return []
    verb, same = ("is", "it is") if len(roles) == 1 else ("are", "they are")
    return [f"{' and '.join(roles)} {verb} read from each file, and nobody has checked that {same} the same in all"]


def _notes(reports: Mapping[str, Report]) -> list[str]:
    """Each once; what is not said of all says of which it is."""
    said = [set(report.notes) for report in reports.values()]
    common = set.intersection(*said)
    return list(
        dict.fromkeys(
            note if note in common or path in note else f"{path}: {note}"
            for path, report in reports.items()
            for note in report.notes
        )
    )


def _inputs(reports: Iterable[Report]) -> tuple[Input, ...]:
    """Each once, role by role."""
    found = dict.fromkeys(one for report in reports for one in report.inputs)
    roles = list(dict.fromkeys(one.role for one in found))
    return tuple(sorted(found, key=lambda one: roles.index(one.role)))


def _account(accounts: Sequence[Account]) -> Account:
    """That of all, which are of the same rows."""
    read = {name: count for account in accounts for name, count in account.read.items()}
    unmatched = {name: count for account in accounts for name, count in account.unmatched.items()}
    return replace(accounts[0], read=read, unmatched=unmatched)
