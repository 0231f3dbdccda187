"""Results: frozen data that renderers format and Python callers read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NamedTuple

from losscli.errors import UsageError
from losscli.literals import format_number, parse_number
from losscli.selection import Account

SCHEMA = 1
EXTRAS = ("std", "min", "max", "floor", "excess")  # numbers that a result may have besides its value


class Input(NamedTuple):
    """Where a role's values came from."""

    role: str
    path: str
    format: str
    rows: int
    columns: tuple[str, ...]


class Term(NamedTuple):
    """A term of a sum of losses: its value, without its factor."""

    loss: str
    factor: float
    value: float


class Derivative(NamedTuple):
    """The gradient or Hessian diagonal with respect to one prediction: the Euclidean norm and the largest size of its
    finite entries, how many are infinite or NaN, and the entries themselves in the shape of the prediction, if kept: of
    lists, an array of arrays.
    """

    of: str
    norm: float
    max_abs: float
    nonfinite: int
    values: Any = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        size = {"of": self.of, "norm": self.norm, "max_abs": self.max_abs, "nonfinite": self.nonfinite}
        if self.values is None:
            return size
        is_ragged = self.values.dtype == object
        return {**size, "values": [row.tolist() for row in self.values] if is_ragged else self.values.tolist()}


def keys_text(by: Mapping[str, Any]) -> str:
    """The keys of a group in a line, `country=DE,fold=1`; nothing behind the sign for a missing value."""
    return ",".join(f"{name}={'' if value is None else value}" for name, value in by.items())


class Group(NamedTuple):
    """The value of a group of samples: `by` has its keys, None for a missing value, and `share` its part of the total
    loss; for an aggregate, of the sum of its first term, as for single samples. None where there is no such sum.

    With `smaller_than` it is not one group but all the `groups` with fewer samples than that. `baseline` is the value
    that it had when the baseline was made; None where there is none.
    """

    by: Mapping[str, Any]
    value: float
    n: int
    weight: float
    share: float | None
    smaller_than: int = 0
    groups: int = 1
    baseline: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        gathered = {"smaller_than": self.smaller_than, "groups": self.groups} if self.smaller_than else {}
        share = {} if self.share is None else {"share": self.share}
        counts = {"n": self.n, "weight": self.weight, **share}
        return {"by": dict(self.by), **gathered, "value": self.value, **counts, **_compared(self)}


class Penalised(NamedTuple):
    """What a penalty adds to a data loss: its SPEC, its value, both together, and how many numbers of which members of
    the parameters count.
    """

    spec: str
    value: float
    total: float
    members: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        members = dict(self.members)
        penalty = {"spec": self.spec, "value": self.value, "parameters": sum(members.values()), "members": members}
        return {"penalty": penalty, "total": self.total}


@dataclass(frozen=True)
class Result:
    """One loss of one table.

    `n` counts the samples of weight > 0, `weight` is their total weight, `outputs` the elements of a sample. `std`,
    `min` and `max` are over the samples' losses; None for an aggregate loss, or where they were not asked for.
    `infinite` counts the samples whose loss is infinite or NaN, `first_infinite` is the row of the first, and
    `first_spot` where that is, of pixels, and `why_infinite` why, where that is known; `unlisted` counts those that a
    limit keeps from being listed. `floor` is the least value that soft targets allow a cross-entropy, their entropy,
    and `excess` what the predictions add; None for other losses and for certain targets.
    `baseline` is the value that the baseline has. Of several systems `pred` is the file with one's predictions, `rank`
    counts them from the best, 1, and `settings` are those that the file's name tells. `penalty` is what is added to
    the value, which is the data loss alone.
    """

    loss: str
    name: str
    params: Mapping[str, Any]
    reduction: str
    value: float | None
    n: int
    weight: float
    outputs: int
    std: float | None
    min: float | None
    max: float | None
    signature: str
    infinite: int = 0
    first_infinite: int | None = None
    first_spot: str = ""
    why_infinite: str = ""
    floor: float | None = None
    excess: float | None = None
    terms: tuple[Term, ...] = ()
    quantiles: Mapping[str, float] = field(default_factory=dict)
    histogram: tuple[int, ...] = ()
    gradients: Mapping[str, Derivative] = field(default_factory=dict)
    hessians: Mapping[str, Derivative] = field(default_factory=dict)
    samples: Mapping[str, Any] | None = None
    unlisted: int = 0
    groups: tuple[Group, ...] = ()
    weak_slices: tuple[Any, ...] | None = None
    baseline: float | None = None
    pred: str = ""
    rank: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)
    penalty: Penalised | None = None

    @property
    def called(self) -> str:
        """The loss, and of several systems whose it is."""
        return self.called_at("")

    def called_at(self, slice: str) -> str:
        """The same of a slice, `[country=DE]`."""
        return f"{self.loss}{slice}{f' of {self.pred}' if self.pred else ''}"

    @property
    def gradient(self) -> Any:
        """The gradient as an array in the shape of the prediction; with several predictions, one a role by name."""
        return _arrays(self.gradients)

    @property
    def hessian(self) -> Any:
        """The Hessian diagonal, as `gradient`."""
        return _arrays(self.hessians)

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON holds it."""
        spread = {key: getattr(self, key) for key in EXTRAS if getattr(self, key) is not None}
        fields = {
            **self._of_system(),
            "loss": self.loss,
            "name": self.name,
            "params": dict(self.params),
            "reduction": self.reduction,
            **({} if self.value is None else {"value": self.value}),
            **(self.penalty.to_dict() if self.penalty else {}),
            **_compared(self),
            "n": self.n,
            "weight": self.weight,
            "outputs": self.outputs,
            **spread,
            **self.quantiles,
            "signature": self.signature,
            **self._asked_for(),
        }
        return {key: jsonable(value) for key, value in fields.items()}

    def _of_system(self) -> dict[str, Any]:
        """Which of several systems it is."""
        return {"pred": self.pred, "rank": self.rank, "settings": dict(self.settings)} if self.pred else {}

    def _asked_for(self) -> dict[str, Any]:
        """What is there only where it was asked for."""
        found: dict[str, Any] = {}
        if self.terms:
            found["terms"] = [{"loss": t.loss, "factor": t.factor, "value": t.value} for t in self.terms]
        for key, by_role in (("gradient", self.gradients), ("hessian", self.hessians)):
            dicts = {role: derivative.to_dict() for role, derivative in by_role.items()}
            if dicts:
                found[key] = dicts if len(dicts) > 1 else next(iter(dicts.values()))
        if self.samples is not None:
            found["samples"] = rows_of(self.samples)
        if self.groups:
            found["groups"] = [group.to_dict() for group in self.groups]
        if self.weak_slices is not None:
            found["weak_slices"] = [found_slice.to_dict() for found_slice in self.weak_slices]
        return found


def _compared(found: Result | Group) -> dict[str, Any]:
    """The value of the baseline, and by how much that has changed; nothing where there is no baseline."""
    change = change_of(found)
    return {} if change is None else {"baseline": found.baseline, "change": change}


def change_of(found: Result | Group) -> float | None:
    """The value less that of the baseline, where there are both."""
    return None if found.value is None or found.baseline is None else found.value - found.baseline


def _arrays(by_role: Mapping[str, Derivative]) -> Any:
    arrays = {role: derivative.values for role, derivative in by_role.items()}
    return arrays if len(arrays) != 1 else next(iter(arrays.values()))


def rows_of(columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Columns as one dictionary a row."""
    lists = {name: values if isinstance(values, list) else values.tolist() for name, values in columns.items()}
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


class Nested(list[Any]):
    """A column of lists, one a sample, of as many numbers as the sample has: JSON holds it, a row of cells does not."""


def flattened(columns: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Columns of single values: `gradient` (n, k) becomes gradient_0 … gradient_{k-1}, as it lies in memory where it
    has more dimensions. Nested columns are left out.
    """
    flat: dict[str, list[Any]] = {}
    for name, values in columns.items():
        if isinstance(values, Nested):
            continue
        if getattr(values, "ndim", 1) == 1:
            flat[name] = values if isinstance(values, list) else values.tolist()
        else:
            rows = values.reshape(len(values), -1)
            flat.update({f"{name}_{k}": rows[:, k].tolist() for k in range(rows.shape[1])})
    return flat


class Verdict(NamedTuple):
    """What became of a gate at one value: `of` says whose, `limit` is what it may be, `difference` the value (for a
    loss that should be near zero, its size) less the limit, and `message` tells all of it in a line. None stands for
    what there is not, such as the value of a group that has no samples.
    """

    gate: str
    of: str
    value: float | None
    limit: float | None
    difference: float | None
    passed: bool
    message: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {key: jsonable(value) for key, value in self._asdict().items() if value is not None}


@dataclass(frozen=True)
class Report:
    """What `evaluate` returns: the inputs, what became of the rows, a result a loss, and notes on what was read. The
    command line adds what became of its gates.
    """

    losscli: str
    inputs: tuple[Input, ...]
    account: Account
    results: tuple[Result, ...]
    notes: tuple[str, ...] = ()
    gates: tuple[Verdict, ...] = ()

    @property
    def value(self) -> float:
        """The value, where one loss was asked for; a UsageError otherwise."""
        if len(self.results) != 1:
            raise UsageError(f"{len(self.results)} losses were asked for: read .results")
        if self.results[0].value is None:
            raise UsageError("reduction none has no single value: read .results[0].samples")
        return self.results[0].value

    @property
    def matched(self) -> int:
        """How many rows belong together, those among them that do not count included."""
        return self.account.matched

    @property
    def is_finite(self) -> bool:
        """Whether every value is a finite number, and with a penalty every total."""
        totals = [result.penalty.total for result in self.results if result.penalty]
        return all(value is None or isfinite(value) for value in [*(result.value for result in self.results), *totals])

    def to_dict(self) -> dict[str, Any]:
        """The report in JSON's terms, schema 1: numbers that JSON cannot hold are strings."""
        return {
            "schema": SCHEMA,
            "losscli": self.losscli,
            "inputs": [
                {"role": i.role, "path": i.path, "format": i.format, "rows": i.rows, "columns": list(i.columns)}
                for i in self.inputs
            ],
            "rows": self.account.to_dict(),
            **({"notes": list(self.notes)} if self.notes else {}),
            "results": [result.to_dict() for result in self.results],
            **({"gates": [verdict.to_dict() for verdict in self.gates]} if self.gates else {}),
        }


_WORDS = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}


def jsonable(value: Any) -> Any:
    """The same in JSON's terms: numbers that it cannot hold, or that its readers would round, are strings."""
    if isinstance(value, Mapping):
        return {key: jsonable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [jsonable(item) for item in value]
    if isinstance(value, float) and not isfinite(value):
        return _WORDS[format_number(value)]
    return str(value) if type(value) is int and abs(value) > 2**53 else value


def cell(value: Any) -> str:
    """A cell of CSV: a number in full, or text that no spreadsheet takes for a formula."""
    if isinstance(value, float):
        return format_number(value)
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") and parse_number(value) is None:
        return "'" + value
    return "" if value is None else str(value)
