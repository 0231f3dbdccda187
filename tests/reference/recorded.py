"""The values that the record*.py have written: which library gave what, for which arrays."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from losscli.registry import get

_FILES = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(Path(__file__).parent.glob("values*.json"))]

VERSIONS: list[dict[str, str]] = [file["versions"] for file in _FILES]
BY_FILE: list[list[dict[str, Any]]] = [[*file["cases"], *file.get("differences", [])] for file in _FILES]
CASES: list[dict[str, Any]] = [case for file in _FILES for case in file["cases"]]
DIFFERENCES: list[dict[str, Any]] = [case for file in _FILES for case in file.get("differences", [])]


def array(found: dict[str, Any]) -> Any:
    """A recorded array in its own type."""
    return np.array(found["values"], found["dtype"])


def roles_of(case: dict[str, Any]) -> dict[str, Any]:
    """The arrays of a case by role."""
    arrays = {role: array(case[role]) for role in get(case["loss"]).kind.role_names}
    return {role: a for role, a in arrays.items() if a.shape[1:] != (0,)}  # an optional role that is not there


def weight_of(case: dict[str, Any]) -> Any:
    """The weights of a case; None where it has none."""
    return array(case["weight"]) if "weight" in case else None


def derivative_of(case: dict[str, Any], key: str) -> dict[str, Any]:
    """A recorded derivative by prediction; of several predictions it may be recorded for some."""
    found, first = case[key], get(case["loss"]).kind.predictions[0]
    return {role: array(one) for role, one in ({first: found} if "values" in found else found).items()}


def number(case: dict[str, Any], key: str = "value") -> float:
    """A number of a case; `inf` and `nan` are words in the file."""
    return float(case[key])


def label(case: dict[str, Any]) -> str:
    """What pytest calls the case."""
    first = next(iter(roles_of(case).values()))
    shape = "x".join(str(n) for n in first.shape)
    weighted = "-weighted" if "weight" in case else ""
    return f"{case['loss']}-{case['by']}-{first.dtype}[{shape}]{weighted}"
