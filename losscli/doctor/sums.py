"""Rows of probabilities that do not add up to 1 by more than rounding to the digits of the other rows explains.

A row may be off by what its own digits allow, of which a single row shows few: 0.5 and 0.4 may be two rounded numbers.
Among rows of six digits they are not.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.kinds import as_rows
from losscli.kinds.checks import floats
from losscli.kinds.classes import decimals
from losscli.lazy import np
from losscli.literals import format_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from losscli.selection import At

    Array = NDArray[Any]

LOOKED = 1 << 14  # probabilities that are looked at
_SINGLE = 2.0**-22  # a probability's share of what float32 may be off by


class _Row(NamedTuple):
    """A row that is off by `excess`; rounding to k significant digits moves its sum by `spread` · 10^-k at most."""

    place: str
    total: float
    excess: float
    spread: float
    classes: int


class Sums(NamedTuple):
    """Of the first rows: how many, the most decimals and significant digits of any, and those that are off."""

    rows: int = 0
    decimals: int = 0
    digits: int = 0
    off: tuple[_Row, ...] = ()

    def is_full(self, classes: int) -> bool:
        """Whether as many rows were seen as are looked at."""
        return self.rows * classes >= LOOKED

    def see(self, given: "Array", at: "At") -> "Sums":
        """With these rows added, up to the first `LOOKED` probabilities of all."""
        if given.ndim != 2 or self.is_full(given.shape[1]):
            return self
        classes = given.shape[1]
        rows = floats(as_rows(given[: -(-LOOKED // classes) - self.rows]))
        places, sizes = decimals(rows), np.floor(np.log10(np.where(rows == 0, 1.0, np.abs(rows))))
        digits = np.where(rows == 0, 0, places + sizes + 1)
        totals = rows.sum(axis=1)
        spread = np.where(rows == 0, 0.0, 0.5 * 10.0 ** (sizes + 1)).sum(axis=1)
        off = tuple(
            _Row(at("pred", k, None), float(totals[k]), abs(float(totals[k]) - 1), float(spread[k]), classes)
            for k in np.flatnonzero(np.abs(totals - 1) > classes * _SINGLE).tolist()
        )
        return self.merge(Sums(len(rows), int(places.max()), int(digits.max()), off))

    def merge(self, other: "Sums") -> "Sums":
        """Both, `other` being of later rows."""
        return Sums(
            self.rows + other.rows,
            max(self.decimals, other.decimals),
            max(self.digits, other.digits),
            self.off + other.off,
        )

    def said(self) -> str:
        """The first row that is off by more than the digits of all rows allow; or nothing."""
        for row in self.off:
            allowed = max(row.classes * 0.5 * 10.0**-self.decimals, row.spread * 10.0**-self.digits)
            if row.excess > allowed * (1 + 1e-9):
                return (
                    f"{row.place}: the row's probabilities add up to {format_number(row.total)}, which is no rounding: "
                    f"other rows have {self.digits} digits; --normalize divides rows by their sum"
                )
        return ""
