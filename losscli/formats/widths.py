"""Columns that hold integers beyond 2^53 and fractions too: which of them was rounded before it was written?"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from losscli.errors import InputError
from losscli.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass
class Widths:
    """By column, where an integer stood that float64 does not hold, and where a fraction: one excludes the other."""

    _integers: dict[int, str] = field(default_factory=dict)
    _fractions: dict[int, str] = field(default_factory=dict)

    def watch(self, column: int, values: "NDArray[Any]", at: Callable[[int], str], called: str) -> None:
        """Look at more of a column's values. Raises InputError where both have been found."""
        if values.dtype == object and column not in self._integers:
            wide = [k for k, value in enumerate(values.tolist()) if isinstance(value, int)]
            self._integers.update({column: f"{at(wide[0])}:{called}"} if wide else {})
        if column not in self._fractions:
            floats = values.astype(np.float64, copy=False)
            fractions = floats != np.floor(floats)
            fractions &= np.isfinite(floats)
            if fractions.any():
                self._fractions[column] = f"{at(int(np.argmax(fractions)))}:{called}"
        if column in self._integers and column in self._fractions:
            raise InputError(
                f"{self._integers[column]}: an integer that no float64 holds, in a column that has fractions too "
                f"({self._fractions[column]}); write it as a decimal (with a point) to have it rounded"
            )
