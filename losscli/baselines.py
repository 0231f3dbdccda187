"""Baselines: values kept in a file with how they were made, and compared with those of another evaluation."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from losscli.errors import InputError
from losscli.fingerprints import Fingerprint
from losscli.literals import format_number
from losscli.objectives import Objective
from losscli.results import Group, Report, Result, jsonable, keys_text

SCHEMA = 1
Key = tuple[tuple[str, Any], ...]
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
    said = ("by", "smaller_than", "groups", "value", "n", "weight")
    groups = [{key: value for key, value in group.to_dict().items() if key in said} for group in result.groups]
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
                data = json.load(file, object_pairs_hook=_once)
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

    def compared(self, report: Report, wants_groups: bool) -> Report:
        """The report with the baseline's values beside its own. Raises InputError where they are not comparable, and
        where there are no groups to compare though that is wanted.
        """
        results = tuple(self._beside(result, wants_groups) for result in report.results)
        made = f"{self.path}: was made by losscli {self.losscli}, this is {report.losscli}"
        return replace(
            report, results=results, notes=(*report.notes, *([made] if report.losscli != self.losscli else []))
        )

    def doubts(
        self, report: Report, prints: Mapping[str, Sequence[Fingerprint]], predictions: Sequence[str]
    ) -> list[str]:
        """What makes a comparison one of data, not of predictions, of a report that is `compared`: other samples,
        weights or groups, another file.
        """
        said = []
        for result in report.results:
            there = self.results[result.loss, result.reduction]
            if there["n"] != result.n:
                said.append(f"{self.path}: was made of {there['n']} samples of {result.called}, this is of {result.n}")
            elif (weight := _number(there["weight"])) != result.weight:
                weights = format_number(weight), format_number(result.weight)
                said.append(f"{self.path}: was made with a total weight of {weights[0]}, this is with {weights[1]}")
            said += self._unpaired(result.groups, there)
        for one in report.inputs:
            then, now = list(self.columns.get(one.role, one.columns)), list(one.columns)
            are_named = not any(name.isdigit() for name in [*then, *now])  # positions, of files without names
            if one.role not in predictions and are_named and then != now:
                said.append(f"{self.path}: was made with {one.role} {_some(then)}, this is with {_some(now)}")
        for role, files in prints.items():
            sums = [one.sha256 for one in self.files.get(role, ())]
            if role not in predictions and sums and all(sums) and sums != [one.sha256 for one in files]:
                named = ", ".join(one.path for one in files)
                said.append(f"{self.path}: was made with another {role}: {named} is not that file, or has changed")
        return list(dict.fromkeys(said))

    def _beside(self, result: Result, wants_groups: bool) -> Result:
        there = self.results[result.loss, result.reduction]
        self._refuse_other(there["signature"], result.signature)
        values = _groups_of(there)
        groups = tuple(group._replace(baseline=values.get(_key(group.to_dict()))) for group in result.groups)
        if wants_groups and groups and all(group.baseline is None for group in groups):
            by = ",".join(next((group.by for group in groups if group.by), {}))
            raise InputError(f"{self.path}: has none of these groups{f' by {by}' if by else ''}; {_ANEW}")
        return replace(result, baseline=_number(there["value"]), groups=groups)

    def _unpaired(self, groups: Sequence[Group], there: Mapping[str, Any]) -> list[str]:
        """Groups that are in one of the two alone, where any are in both."""
        here, then = {_key(group.to_dict()) for group in groups}, set(_groups_of(there))
        told = (("new", here - then), ("gone", then - here)) if here & then else ()
        return [
            f"{self.path}: groups that are {what}, and are not compared: {_listed(keys)}" for what, keys in told if keys
        ]

    def _refuse_other(self, then: str, now: str) -> None:
        """Signatures end in the number of samples and the version: what comes before them must be the same."""
        was, is_now = (text.rsplit("|", 2)[0].split("|") for text in (then, now))
        lost, added = [p for p in was if p not in is_now], [p for p in is_now if p not in was]
        if was != is_now:
            made, here = (", ".join(map(_worded, pieces)) for pieces in (lost, added))
            how = f"with {made}, this run is {f'with {here}' if here else 'not'}" if made else f"without {here}"
            raise InputError(f"{self.path}: was made {how}; {_ANEW}")


def _groups_of(result: Mapping[str, Any]) -> dict[Key, float]:
    return {_key(group): _number(group["value"]) for group in result.get("groups", ())}


def _key(group: Mapping[str, Any]) -> Key:
    """What tells a group from others, as JSON holds it: its keys, or how small those are that it gathers."""
    if "smaller_than" in group:
        return (("smaller than", group["smaller_than"]),)
    return tuple((name, jsonable(value)) for name, value in group["by"].items())


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(
            f"'{next(name for k, (name, _) in enumerate(pairs) if name in dict(pairs[:k]))}' appears twice"
        )
    return found


def _listed(keys: Collection[Key]) -> str:
    shown = sorted(keys_text(dict(key)) for key in keys)
    return "; ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")


def _some(columns: Sequence[str]) -> str:
    return ",".join(columns[:5]) + (" …" if len(columns) > 5 else "")


def _worded(piece: str) -> str:
    name, colon, rest = piece.partition(":")
    return f"{_WORDS[name]} {rest}" if colon and name in _WORDS else piece


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError
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
            _groups_of(result)
            _number(result["value"]), _number(result["weight"])
            if not isinstance(result["n"], int) or not isinstance(result["signature"], str):
                raise TypeError
        inputs = {i["role"]: i for i in data["inputs"]}
        columns = {role: [str(name) for name in i["columns"]] for role, i in inputs.items()}
        files = {role: [Fingerprint(f["path"], f.get("sha256", "")) for f in i["files"]] for role, i in inputs.items()}
        return Baseline(path, str(data["losscli"]), results, columns, files)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError(f"{path}: is no baseline, or a damaged one; {_ANEW}") from None
