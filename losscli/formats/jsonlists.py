"""Lists in lines of JSON that differ in length: numbers, or lists of numbers that are all of one length in a row."""

from dataclasses import dataclass
from itertools import chain
from math import nan
from typing import TYPE_CHECKING, Any

from losscli.errors import InputError
from losscli.formats.cells import printable
from losscli.formats.jsontext import KINDS, kind_of
from losscli.lazy import np
from losscli.literals import parse_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUMBERS = {float, int, bool, type(None)}  # what is read as a number; None is a missing value
EXACT = 2**53


def no_number(value: Any) -> str:
    """What is found in place of a number, and what to do."""
    if not isinstance(value, str):
        return f"{KINDS[kind_of(value)]} where a number is needed; columns are not nested"
    hint = "; write it without quotes" if parse_number(value.strip()) is not None else ""
    return f"{printable(value.encode('utf8', 'replace'))} is not a number{hint}"


@dataclass(frozen=True)
class Entries:
    """A cell that holds a sequence, and where it stands."""

    cell: Any
    place: str

    @property
    def array(self) -> "NDArray[np.float64]":
        """(T,) or (T, C); NaN for null."""
        if type(self.cell) is not list:
            what = "missing value" if self.cell is None else KINDS[kind_of(self.cell)]
            raise InputError(f"{self.place}: {what} where a list is needed")
        if list not in {*map(type, self.cell)}:
            return self._numbers(self.cell)
        widths = {len(entry) if type(entry) is list else -1 for entry in self.cell}
        if len(widths) > 1 or widths == {0}:
            raise InputError(f"{self.place}: a list whose entries are not lists of one length")
        return self._numbers(list(chain.from_iterable(self.cell))).reshape(len(self.cell), -1)

    def _numbers(self, entries: list[Any]) -> "NDArray[np.float64]":
        kinds = {*map(type, entries)}
        if not kinds <= NUMBERS:
            raise InputError(f"{self.place}: {no_number(next(v for v in entries if type(v) not in NUMBERS))}")
        if int in kinds and any(type(v) is int and not -EXACT <= v <= EXACT for v in entries):
            raise InputError(f"{self.place}: an integer that no float64 holds, in a list; write it with a point")
        found = np.array([nan if v is None else v for v in entries] if type(None) in kinds else entries, np.float64)
        if np.isinf(found).any():
            raise InputError(f"{self.place}: a number out of the range of a float64")
        return found
