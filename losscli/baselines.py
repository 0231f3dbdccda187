"""Baselines: values kept in a file with how they were made, and compared with those of another evaluation."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from losscli.errors import InputError
from losscli.fingerprints import Fingerprint
from losscli.objectives import Objective
from losscli.results import Report, Result, jsonable

SCHEMA = 1
_ANEW = "make it anew: --save-baseline, or losscli check --save-baselines"
_WORDS = {"w": "weight", "missing": "missing", "mask": "mask", "where": "where", "group": "group"}
_NUMBERS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def kept(report: Report, prints: Mapping[str, Sequence[Fingerprint]]) -> dict[str, Any]:
    """What is written to a baseline: in JSON's terms, a line a fact, and the same for the same evaluation."""
    return {
        "baseline": SCHEMA,
        "losscli": report.losscli,
        "inputs": [
            {
                "role": one.role,
                "rows": one.rows,
                "columns": list(one.columns),
                "files": [
                    {key: value for key, value in p._asdict().items() if value} for p in prints.get(one.role, ())
                ],
            }
            for one in report.inputs
        ],
        "results": [_kept(result) for result in report.results],
    }


def _kept(result: Result) -> dict[str, Any]:
    groups = [
        {key: value for key, value in group.to_dict().items() if key in ("by", "value", "n", "weight")}
        for group in result.groups
        if not group.smaller_than
    ]
    fields = {
        "loss": result.loss,
        "reduction": result.reduction,
        "value": result.value,
        "n": result.n,
        "weight": result.weight,
        "signature": result.signature,
        **({"groups": groups} if groups else {}),
    }
    return {key: jsonable(value) for key, value in fields.items()}


class Baseline(NamedTuple):
    """A baseline as it was read: its results by loss and reduction, and for each role its columns and its files."""

    path: str
    losscli: str
    results: Mapping[tuple[str, str], Mapping[str, Any]]
    columns: Mapping[str, Sequence[str]]
    files: Mapping[str, Sequence[Fingerprint]]

    @staticmethod
    def read(path: str) -> "Baseline":
        """Raises InputError for a file that is none."""
        try:
            with open(path, encoding="utf8") as file:
                data = json.load(file)
        except OSError as error:
            made = f"; --save-baseline {path} makes it" if isinstance(error, FileNotFoundError) else ""
            raise InputError(f"{path}: cannot be opened: {error.strerror}{made}") from None
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: is no baseline: not JSON: {' '.join(str(error).split())}; {_ANEW}") from None
        return _parsed(path, data)

    def check(self, objectives: Sequence[Objective], reduction: str) -> None:
        """Raises InputError for a loss or a reduction that it does not have."""
        there = [f"{loss} ({how})" for loss, how in self.results]
        for objective in objectives:
            if (str(objective), reduction) not in self.results:
                has = ", ".join(there)
                raise InputError(f"{self.path}: has no {objective} ({reduction}); it has {has}; {_ANEW}")

    def compared(self, report: Report) -> Report:
        """The report with the baseline's values beside its own. Raises InputError where they are not comparable."""
        notes: list[str] = []
        results = tuple(self._beside(result, notes) for result in report.results)
        if report.losscli != self.losscli:
            notes.append(f"{self.path}: was made by losscli {self.losscli}, this is {report.losscli}")
        return replace(report, results=results, notes=(*report.notes, *dict.fromkeys(notes)))

    def doubts(
        self, report: Report, prints: Mapping[str, Sequence[Fingerprint]], predictions: Sequence[str]
    ) -> list[str]:
        """What makes a comparison one of data, not of predictions: other samples, another file."""
        said = [
            f"{self.path}: was made of {there['n']} samples of {result.called}, this is of {result.n}"
            for result in report.results
            if (there := self.results[result.loss, result.reduction])["n"] != result.n
        ]
        for one in report.inputs:
            then, now = self.columns.get(one.role), list(one.columns)
            are_named = not any(name.isdigit() for name in [*(then or ()), *now])  # positions, of files without names
            if one.role not in predictions and are_named and then not in (None, now):
                said.append(f"{self.path}: was made with {one.role} {_some(then)}, this is with {_some(now)}")
        for role, files in prints.items():
            then = [one.sha256 for one in self.files.get(role, ())]
            if role not in predictions and then and all(then) and then != [one.sha256 for one in files]:
                named = ", ".join(one.path for one in files)
                said.append(f"{self.path}: was made with another {role}: {named} is not that file, or has changed")
        return list(dict.fromkeys(said))

    def _beside(self, result: Result, notes: list[str]) -> Result:
        there = self.results[result.loss, result.reduction]
        self._refuse_other(there["signature"], result.signature)
        if not result.groups:
            return replace(result, baseline=_number(there["value"]))
        values = {_key(group["by"]): _number(group["value"]) for group in there.get("groups", ())}
        names = [set(dict(key)) for key in values]
        if not any(set(group.by) in names for group in result.groups):
            by = ",".join(result.groups[0].by)
            raise InputError(f"{self.path}: has no groups by {by}; {_ANEW}")
        groups = tuple(replace_group(group, values.get(_key(group.by))) for group in result.groups)
        notes += self._unpaired(groups, values)
        return replace(result, baseline=_number(there["value"]), groups=groups)

    def _unpaired(self, groups: Sequence[Any], values: Mapping[Any, float]) -> list[str]:
        here = {_key(group.by) for group in groups if not group.smaller_than}
        told = (("new", [k for k in here if k not in values]), ("gone", [k for k in values if k not in here]))
        return [
            f"{self.path}: groups that are {what}, and are not compared: {_listed(keys)}" for what, keys in told if keys
        ]

    def _refuse_other(self, then: str, now: str) -> None:
        """Signatures end in the number of samples and the version: what comes before them must be the same."""
        was, is_now = (text.rsplit("|", 2)[0].split("|") for text in (then, now))
        lost, added = [p for p in was if p not in is_now], [p for p in is_now if p not in was]
        if was != is_now:
            made, here = (", ".join(map(_worded, pieces)) or "nothing of the kind" for pieces in (lost, added))
            raise InputError(f"{self.path}: was made with {made}, this run is with {here}; {_ANEW}")


def replace_group(group: Any, baseline: float | None) -> Any:
    """The group with its baseline; what is gathered of many small ones has none."""
    return group if group.smaller_than else group._replace(baseline=baseline)


def _key(by: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((name, jsonable(value)) for name, value in by.items())


def _listed(keys: Sequence[tuple[tuple[str, Any], ...]]) -> str:
    shown = sorted(",".join(f"{name}={'' if value is None else value}" for name, value in key) for key in keys)
    return "; ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")


def _some(columns: Sequence[str]) -> str:
    return ",".join(columns[:5]) + (" …" if len(columns) > 5 else "")


def _worded(piece: str) -> str:
    name, colon, rest = piece.partition(":")
    return f"{_WORDS[name]} {rest}" if colon and name in _WORDS else piece


def _number(value: Any) -> float:
    return _NUMBERS[value] if isinstance(value, str) else float(value)


def _parsed(path: str, data: Any) -> Baseline:
    """Raises InputError for JSON that is no baseline, whatever else it is."""
    try:
        if data["baseline"] != SCHEMA:
            raise InputError(
                f"{path}: is a baseline of schema {data['baseline']}, this losscli reads {SCHEMA}; {_ANEW}"
            )
        results = {(str(r["loss"]), str(r["reduction"])): r for r in data["results"]}
        for result in results.values():
            for one in (result, *result.get("groups", ())):
                _number(one["value"])
            for group in result.get("groups", ()):
                _key(group["by"])
            if not isinstance(result["n"], int) or not isinstance(result["signature"], str):
                raise TypeError
        inputs = {i["role"]: i for i in data["inputs"]}
        columns = {role: [str(name) for name in i["columns"]] for role, i in inputs.items()}
        files = {role: [Fingerprint(f["path"], f.get("sha256", "")) for f in i["files"]] for role, i in inputs.items()}
        return Baseline(path, str(data["losscli"]), results, columns, files)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError(f"{path}: is no baseline, or a damaged one; {_ANEW}") from None
