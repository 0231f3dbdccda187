"""A column of text as Arrow has it: no Python string a cell until one is asked for."""

from typing import TYPE_CHECKING, Any

from losscli.formats.cells import SPACE
from losscli.lazy import np, pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EXACT = 2.0**53


class Texts:
    """Cells as they stand in the file; None for a null."""

    def __init__(self, array: "pa.Array") -> None:
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, rows: slice) -> "Texts":
        return Texts(self.array[rows])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Texts) and bool(self.array.equals(other.array))

    __hash__ = None  # type: ignore[assignment]

    def tolist(self) -> list[Any]:
        """The cells without space around them, None for those that are empty."""
        return [(text or "").strip(SPACE) or None for text in self.array.to_pylist()]

    def integers(self) -> "NDArray[np.int64] | None":
        """The cells as integers of 64 bits, where each is the text of one: `7`, not `007`."""
        if not (self.array[0].as_py() or "")[-1:].isdigit():  # an attempt at a whole block takes long to fail
            return None
        try:
            ints = self.array.cast(pa.int64())
        except pa.ArrowInvalid:
            return None
        if self.array.null_count or not ints.cast(self.array.type).equals(self.array):
            return None
        return np.frombuffer(ints.buffers()[1], np.int64)[ints.offset : ints.offset + len(ints)]

    def floats(self) -> "NDArray[np.float64] | None":
        """The cells as numbers, where each is the text of one that is finite and below 2^53 in size."""
        if self.array.null_count or not len(self.array):
            return None
        try:
            numbers = self.array.cast(pa.float64())
        except pa.ArrowInvalid:
            return None
        found = np.frombuffer(numbers.buffers()[1], np.float64)[numbers.offset : numbers.offset + len(numbers)]
        return found if found.max() < _EXACT and found.min() > -_EXACT else None
