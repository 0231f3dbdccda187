"""Which rows count: conditions, a mask, weights, missing values; and an account of those that do not."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.errors import InputError, UsageError
from losscli.formats import Labels
from losscli.lazy import np
from losscli.literals import format_number, parse_number

if TYPE_CHECKING:
    from losscli.registry import Array

Values = Any  # an array, or Labels
At = Callable[[str, int, "int | None"], str]  # where a role's row stands in its file
_CONDITION = re.compile(r"(?P<column>.+?)(?P<operator>!=|<=|>=|==|=|<|>)(?P<value>.*)", re.DOTALL)
_TRUTH = {"true": 1.0, "false": 0.0}


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
        operator = "=" if match["operator"] == "==" else match["operator"]
        return Condition(match["column"].strip(), operator, match["value"].strip())

    def __str__(self) -> str:
        return f"{self.column}{self.operator}{self.value}"

    def holds(self, values: Values, place: str) -> "Array":
        """For which values it holds; text is compared as text, and as numbers where all of it is numbers."""
        if not isinstance(values, Labels):
            return self._holds_of_numbers(values, place)
        numbers = [parse_number(name) for name in values.names]
        known = np.append([n is not None for n in numbers], False)  # a code of -1 is a missing value
        if self._number is not None and known[:-1].all():
            return self._holds_of_numbers(np.array([*numbers, np.nan], np.float64)[values.codes], place)
        if self.operator not in ("=", "!="):
            raise InputError(f"{place}: --where {self} compares numbers, and there is text")
        equal = np.array([*(name == self.value for name in values.names), False])
        chosen = equal if self.operator == "=" else ~equal
        chosen[-1] = False
        met: Array = chosen[values.codes]
        return met

    @property
    def _number(self) -> float | int | None:
        return _TRUTH.get(self.value.lower(), parse_number(self.value))

    def _holds_of_numbers(self, values: "Array", place: str) -> "Array":
        number = self._number
        if number is None:
            raise InputError(f"{place}: --where {self}: the column holds numbers, and '{self.value}' is none")
        met: Array = {
            "=": np.equal,
            "!=": np.not_equal,
            "<": np.less,
            "<=": np.less_equal,
            ">": np.greater,
            ">=": np.greater_equal,
        }[self.operator](values, number)
        known: Array = met & ~np.isnan(values.astype(np.float64))
        return known


class Rule(NamedTuple):
    """Why rows may be absent: `absent` says which, of the values of a role that are still there."""

    role: str
    reason: str
    absent: "Callable[[Values, At], Array]"


@dataclass
class Account:
    """What became of the rows: how many each file has, how many were matched, and why some of those do not count."""

    read: dict[str, int] = field(default_factory=dict)
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
            **others,
            "read": self.read,
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
    if isinstance(values, Labels):
        truth = [_TRUTH.get(name.lower(), parse_number(name)) for name in values.names]
        values = np.array([*(np.nan if t is None else t for t in truth), np.nan], np.float64)[values.codes]
    wrong = ~((values == 0) | (values == 1))
    if wrong.any():
        row = int(np.argmax(wrong))
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
        what = "missing weight" if np.isnan(found[row]) else f"weight {format_number(found[row])}"
        raise InputError(f"{at('weight', row, None)}: {what}; a weight is a finite number >= 0")
    return found


def is_missing(values: Values) -> "Array":
    """Which rows have a missing value in some column."""
    if isinstance(values, Labels):
        missing: Array = values.codes < 0
        return missing
    absent: Any = np.not_equal(values, values)  # NaN is not itself
    by_row: Array = absent if absent.ndim == 1 else absent.any(axis=1)
    return by_row


MASK = Rule("mask", MASKED, _is_off)
NO_WEIGHT = Rule("weight", WEIGHTLESS, lambda values, at: weights(values, at) == 0)


def missing(role: str) -> Rule:
    """Rows with a missing value in a role."""
    return Rule(role, MISSING + role, lambda values, at: is_missing(values))
