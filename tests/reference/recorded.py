"""The values that record.py has written: which library gave what, for which arrays."""

import json
from pathlib import Path
from typing import Any

import numpy as np

_FILE = json.loads(Path(__file__).with_name("values.json").read_text(encoding="utf-8"))

VERSIONS: dict[str, str] = _FILE["versions"]
CASES: list[dict[str, Any]] = _FILE["cases"]
DIFFERENCES: list[dict[str, Any]] = _FILE["differences"]


def array(case: dict[str, Any], key: str) -> Any:
    """An array of a case in its own type, such as pred or gradient; None where the case has none."""
    return np.array(case[key]["values"], case[key]["dtype"]) if key in case else None


def number(case: dict[str, Any], key: str = "value") -> float:
    """A number of a case; `inf` and `nan` are words in the file."""
    return float(case[key])


def label(case: dict[str, Any]) -> str:
    """What pytest calls the case."""
    shape = "x".join(str(n) for n in array(case, "pred").shape)
    weighted = "-weighted" if "weight" in case else ""
    return f"{case['loss']}-{case['by']}-{case['pred']['dtype']}[{shape}]{weighted}"
