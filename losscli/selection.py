"""Which rows count: conditions, a mask, weights, missing values; and an account of those that do not."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.errors import InputError, UsageError
from losscli.formats import Labels, lists_of
from losscli.formats.cells import BOOLEANS
from losscli.lazy import np
from losscli.literals import format_number, parse_measure, parse_number

if TYPE_CHECKING:
    from losscli.registry import Array

Values = Any  # an array, or Labels
At = Callable[[str, int, "int | None"], str]  # where a role's row stands in its file
_CONDITION = re.compile(r"(?P<column>.+?)(?P<operator>!=|<=|>=|==|=|<|>)(?P<value>.*)", re.DOTALL)
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
LEAVE_OUT = "fill it in, or leave such rows out: --missing drop"
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9:.]+))?(Z)?")  # ISO 8601, of one time zone or UTC


def _number(text: str) -> float | int | None:
    return BOOLEANS.get(text.lower(), parse_measure(text))


class Condition(NamedTuple):
    """`COL=VALUE` and its like. A missing cell meets no condition, not even `!=`."""

    column: str
    operator: str
    value: str

    @staticmethod
    def parse(text: str) -> "Condition":
        """The condition that a text stands for. Raises UsageError."""
        match = _CONDITION.fullmatch(text)
        if match is None or not match["column"].strip():
            raise UsageError(f"--where '{text}': write COL=VALUE, or with !=, <, <=, > or >=")
        sign = "=" if match["operator"] == "==" else match["operator"]
        return Condition(match["column"].strip(), sign, match["value"].strip())

    def __str__(self) -> str:
        return f"{self.column}{self.operator}{self.value}"

    def holds(self, values: Values, place: str) -> "Array":
        """For which values it holds; a cell of text is compared as a number where both are numbers, else as text."""
        if not isinstance(values, Labels):
            return self._holds_of_numbers(values, place)
        met = [self._holds_of_text(name, place) for name in values.names]
        chosen: Array = np.array([*met, False])[values.codes]  # a code of -1 is a missing value
        return chosen

    @property
    def _number(self) -> float | int | None:
        return _number(self.value)

    def _holds_of_text(self, cell: str, place: str) -> bool:
        """Cell by cell, so that it does not depend on what else is in the column."""
        number, wanted = _number(cell), self._number
        if number is not None and wanted is not None:
            return bool(_OPERATORS[self.operator](number, wanted))
        date, other = _DATE.fullmatch(cell), _DATE.fullmatch(self.value)
        if date and other and date[3] == other[3]:
            return bool(_OPERATORS[self.operator](_moment(date), _moment(other)))
        if self.operator not in ("=", "!="):
            raise InputError(f"{place}: --where {self} compares numbers or dates, and there is text: '{cell[:40]}'")
        return (cell == self.value) == (self.operator == "=")

    def _holds_of_numbers(self, values: "Array", place: str) -> "Array":
        number = self._number
        if number is None:
            raise InputError(f"{place}: --where {self}: the column holds numbers, and '{self.value}' is none")
        if values.dtype == object:  # integers, and None
            values = np.where(is_missing(values), np.nan, values)
        with np.errstate(invalid="ignore"):  # of a NaN among integers
            met: Array = _OPERATORS[self.operator](values, number)
        known: Array = met & ~np.isnan(values.astype(np.float64))
        return known


def _moment(date: "re.Match[str]") -> str:
    """A date and a time as text that sorts, whichever way they were joined."""
    return f"{date[1]} {date[2]}" if date[2] else date[1]


class Rule(NamedTuple):
    """Why rows may be absent: `absent` says which, of the values of a role that are still there."""

    role: str
    reason: str
    absent: "Callable[[Values, At], Array]"


@dataclass
class Account:
    """What became of the rows: how many each file has, how many of them have no partner where rows are paired by key,
    how many were matched, and why some of those do not count.
    """

    read: dict[str, int] = field(default_factory=dict)
    unmatched: dict[str, int] = field(default_factory=dict)
    matched: int = 0
    absent: dict[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The account as JSON holds it: `dropped` are the rows with missing values."""
        dropped = {reason: count for reason, count in self.absent.items() if reason.startswith(MISSING)}
        others = {reason: count for reason, count in self.absent.items() if reason not in dropped}
        return {
            "matched": self.matched,
            "dropped": sum(dropped.values()),
            **({"dropped_by": dropped} if dropped else {}),
            **({"unmatched": self.unmatched} if self.unmatched else {}),
            **others,
        }

    def __str__(self) -> str:
        """`3 filtered, 2 missing target`, or nothing."""
        return ", ".join(
            f"{count} {reason.replace(WEIGHTLESS, 'of weight 0')}" for reason, count in self.absent.items()
        )


FILTERED, MASKED, WEIGHTLESS, IGNORED, MISSING = "filtered", "masked", "zero_weight", "ignored", "missing "


@dataclass
class Selection:
    """The rules in the order they are tried in, and the account of what they found."""

    rules: Sequence[Rule]
    account: Account = field(default_factory=Account)

    def kept(self, values: Mapping[str, Values], rows: int, at: At) -> "Array | None":
        """The positions of the rows that count; None for all of them. A rule looks only at rows that are left."""
        index: Array | None = None
        for rule in self.rules:
            if index is not None and not len(index):
                break
            found = values[rule.role]
            left = found if index is None else found[index]
            absent = rule.absent(left, _shifted(at, index))
            count = int(np.count_nonzero(absent))
            if count:
                self.account.absent[rule.reason] = self.account.absent.get(rule.reason, 0) + count
                index = np.flatnonzero(~absent) if index is None else index[~absent]
        self.account.matched += rows
        return index


def _shifted(at: At, index: "Array | None") -> At:
    return at if index is None else lambda role, row, column: at(role, int(index[row]), column)


def where(role: str, condition: Condition) -> Rule:
    """Rows that do not meet a condition."""
    return Rule(role, FILTERED, lambda values, at: ~condition.holds(values, at(role, 0, None)))


def _is_off(values: Values, at: At) -> "Array":
    """Which rows a mask leaves out: it is 1 or true where a row counts, 0 or false where it does not."""
    labels = values if isinstance(values, Labels) else None
    if isinstance(values, Labels):
        truth = [BOOLEANS.get(name.lower(), parse_number(name)) for name in values.names]
        values = np.array([*(np.nan if t is None else t for t in truth), np.nan], np.float64)[values.codes]
    wrong = ~((values == 0) | (values == 1))
    if wrong.any():
        row = int(np.argmax(wrong))
        if labels and labels.codes[row] >= 0:
            found = labels.names[int(labels.codes[row])]
            raise InputError(
                f"{at('mask', row, None)}: '{found}' is no mask: 1 or true where a row counts, else 0 or false"
            )
        if is_missing(values)[row]:  # an integer that float64 does not hold is not asked whether it is NaN
            raise InputError(f"{at('mask', row, None)}: missing mask; {LEAVE_OUT}")
        raise InputError(f"{at('mask', row, None)}: a mask is 1 or true where a row counts, else 0 or false")
    off: Array = values == 0
    return off


def weights(values: Values, at: At) -> "Array":
    """Weights as float64. Raises InputError for the first that is missing, negative or infinite."""
    if isinstance(values, Labels) or values.ndim != 1:
        raise InputError(f"{at('weight', 0, None)}: the weight is one column of numbers")
    found = np.ascontiguousarray(values, np.float64)
    wrong = ~((found >= 0) & np.isfinite(found))
    if wrong.any():
        row = int(np.argmax(wrong))
        if np.isnan(found[row]):
            raise InputError(f"{at('weight', row, None)}: missing weight; {LEAVE_OUT}")
        said = format_number(found[row])
        raise InputError(f"{at('weight', row, None)}: weight {said}; a weight is a finite number >= 0")
    return found


def is_missing(values: Values) -> "Array":
    """Which rows have a missing value in some column."""
    if isinstance(values, Labels):
        missing: Array = values.codes < 0
        return missing
    values = values if lists_of(values) is None else lacking(values)
    absent: Any = np.not_equal(values, values)  # NaN is not itself
    if values.dtype == object:
        absent = absent | np.array([v is None for v in values.ravel().tolist()]).reshape(values.shape)
    by_row: Array = absent if absent.ndim == 1 else absent.reshape(len(absent), -1).any(axis=1)
    return by_row


def lacking(rows: "Array") -> "Array":
    """Of an array of arrays: NaN for a row that has one, else 0."""
    return np.array([np.nan if np.isnan(row).any() else 0.0 for row in rows])


MASK = Rule("mask", MASKED, _is_off)
NO_WEIGHT = Rule("weight", WEIGHTLESS, lambda values, at: weights(values, at) == 0)


def missing(role: str) -> Rule:
    """Rows with a missing value in a role."""
    return Rule(role, MISSING + role, lambda values, at: is_missing(values))
