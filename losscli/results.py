"""Results: frozen data that renderers format and Python callers read."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from losscli.errors import UsageError
from losscli.literals import format_number

SCHEMA = 1


@dataclass(frozen=True)
class Input:
    """Where a role's values came from."""

    role: str
    path: str
    format: str
    rows: int
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """One loss of one table.

    `n` counts the samples of weight > 0, `weight` is their total weight, `outputs` the elements of a sample. `std`,
    `min` and `max` are over the samples' losses; None for an aggregate loss, or where they were not asked for.
    `infinite` counts the samples whose loss is infinite or NaN, `first_infinite` is the row of the first.
    """

    loss: str
    name: str
    params: Mapping[str, Any]
    reduction: str
    value: float
    n: int
    weight: float
    outputs: int
    std: float | None
    min: float | None
    max: float | None
    signature: str
    infinite: int = 0
    first_infinite: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON holds it."""
        spread = {key: getattr(self, key) for key in ("std", "min", "max") if getattr(self, key) is not None}
        fields = {
            "loss": self.loss,
            "name": self.name,
            "params": dict(self.params),
            "reduction": self.reduction,
            "value": self.value,
            "n": self.n,
            "weight": self.weight,
            "outputs": self.outputs,
            **spread,
            "signature": self.signature,
        }
        return {key: _plain(value) for key, value in fields.items()}


@dataclass(frozen=True)
class Report:
    """What `evaluate` returns: the inputs, how many rows were matched, a result a loss, and notes on what was read."""

    losscli: str
    inputs: tuple[Input, ...]
    matched: int
    dropped: int
    results: tuple[Result, ...]
    notes: tuple[str, ...] = ()

    @property
    def value(self) -> float:
        """The value, where one loss was asked for; a UsageError otherwise."""
        if len(self.results) != 1:
            raise UsageError(f"{len(self.results)} losses were asked for: read .results")
        return self.results[0].value

    @property
    def is_finite(self) -> bool:
        """Whether every value is a finite number."""
        return all(isfinite(result.value) for result in self.results)

    def to_dict(self) -> dict[str, Any]:
        """The report in JSON's terms, schema 1: numbers that JSON cannot hold are strings."""
        return {
            "schema": SCHEMA,
            "losscli": self.losscli,
            "inputs": [
                {"role": i.role, "path": i.path, "format": i.format, "rows": i.rows, "columns": list(i.columns)}
                for i in self.inputs
            ],
            "rows": {"matched": self.matched, "dropped": self.dropped},
            "results": [result.to_dict() for result in self.results],
        }


_WORDS = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, float) and not isfinite(value):
        return _WORDS[format_number(value)]
    return str(value) if type(value) is int and abs(value) > 2**53 else value
