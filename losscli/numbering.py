"""Distinct values of a column, each with its number."""

from collections.abc import Iterable
from math import isnan
from typing import TYPE_CHECKING, Any

from losscli.formats import Labels
from losscli.lazy import np

if TYPE_CHECKING:
    from losscli.registry import Array

Key = Any  # text, a number, an interval, or None for a missing value
_SMALL_RANGE = 1 << 16


class Numbered:
    """Distinct keys in the order they were met, each with its number."""

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self._numbers: dict[Key, int] = {}

    def number(self, key: Key) -> int:
        """The number of a key."""
        found = self._numbers.setdefault(key, len(self.keys))
        if found == len(self.keys):
            self.keys.append(key)
        return found

    def numbers(self, keys: "Iterable[Key]") -> "Array":
        """The number of each key."""
        return np.array([self.number(key) for key in keys], np.int64)

    def keyed(self, values: "Array | Labels") -> "Array":
        """The number of each row's key; a missing value has one too, the key None."""
        if isinstance(values, Labels):
            found: Array = self.numbers([*values.names, None])[values.codes]  # a code of -1 is a missing value
            return found
        if values.dtype == object:
            return self.numbers(None if v is None or v != v else v for v in values.tolist())  # noqa: PLR0124 - NaN
        keys, inverse = distinct(values)
        numbered: Array = self.numbers(map(_key, keys))[inverse]
        return numbered


def _key(value: float | int) -> Key:
    """A number of a column; whole floats are integers, and NaN is a missing value."""
    if isinstance(value, float) and isnan(value):
        return None
    return int(value) if isinstance(value, float) and value.is_integer() else value


def distinct(values: "Array") -> "tuple[list[Any], Array]":
    """The distinct values, and for each row which of them it has; integers of a small range without sorting."""
    if values.dtype.kind in "iu" and (low := int(values.min())) + _SMALL_RANGE > int(values.max()):
        wide = values if values.dtype.itemsize == 8 else values.astype(np.int64)
        offsets = (wide - wide.dtype.type(low)).astype(np.int64)
        present = np.flatnonzero(np.bincount(offsets))
        ranks = np.empty(int(present[-1]) + 1, np.int64)
        ranks[present] = np.arange(len(present))
        return [low + offset for offset in present.tolist()], ranks[offsets]
    found, inverse = np.unique(values, return_inverse=True)
    return found.tolist(), inverse
