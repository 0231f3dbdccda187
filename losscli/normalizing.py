"""Rows of probabilities divided by their sum, where that is asked for, and what is to be said of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from losscli.errors import InputError, UsageError
from losscli.kinds import UNIT, rounding_of_sums
from losscli.kinds.checks import floats
from losscli.lazy import np
from losscli.literals import format_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

At = Callable[[str, int, "int | None"], str]


@dataclass
class Normalizing:
    """The rows of one role, batch by batch: how many did not add up to 1, and which was the furthest from it."""

    role: str
    rows: int = 0
    off: int = 0
    furthest: float = 0.0
    place: str = ""

    def divided(self, values: "Array", at: At) -> "Array":
        """Each row over its sum; labels, and what the loss is about to refuse by itself, as they are.

        Raises InputError for a row of zeros, UsageError where predictions are one number a row.
        """
        if values.ndim != 2 or values.shape[1] < 2:
            if self.role == "pred":
                raise UsageError("--normalize divides rows of a column a class; one column has nothing to add up")
            return values
        probs = UNIT.settled(floats(values), values.dtype)
        if not UNIT.admits(probs, allow_inf=False):
            return values
        totals = probs.sum(axis=1)
        if not totals.all():
            place = at(self.role, int(np.argmax(totals == 0)), None)
            raise InputError(f"{place}: the row's probabilities are all 0, and --normalize cannot divide by that")
        self._see(totals, rounding_of_sums(values.dtype, values.shape[1]), at)
        quotients: Array = probs / totals[:, None]
        return quotients

    def _see(self, totals: "Array", rounding: float, at: At) -> None:
        excess = np.abs(totals - 1)
        row = int(np.argmax(excess))
        self.rows += len(totals)
        self.off += int((excess > rounding).sum())
        if excess[row] > max(self.furthest, rounding):
            self.furthest = float(excess[row])
            self.place = f"{at(self.role, row, None)} adds up to {format_number(float(totals[row]))}"

    @property
    def notes(self) -> list[str]:
        """How much the division has changed, when all rows are known."""
        if not self.off:
            return []
        plural = "" if self.off == 1 else "s"
        return [
            f"{self.off} row{plural} of {self.rows} of {self.role} divided by the sum of the row's probabilities, "
            f"which was not 1; the furthest: {self.place}"
        ]
