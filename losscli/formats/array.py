"""Arrays in memory, Series and DataFrames: the same interface as a file, by position, never by index."""

import sys
from collections.abc import Iterator, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from losscli.errors import InputError
from losscli.formats.base import Block, Column, Labels, Pick, as_sequences, lists_of, matrix
from losscli.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ENTRIES = 1 << 19  # of a block, where a row has several dimensions


class ArrayReader:
    """What was handed to `evaluate` in place of a file."""

    format = "array"
    doubtful: frozenset[int] = frozenset()
    is_long = False

    def __init__(self, name: str, data: Any) -> None:
        self.name = name
        self.notes: list[str] = []
        self.headed = _is_frame(data)
        self._is_texts = isinstance(data, (list, tuple)) and any(isinstance(one, str) for one in data[:1])
        self._lists = [] if self.headed else _lists(data)
        self._refusal: InputError | None = None
        try:
            self._arrays = _columns(name, data, self.headed)
        except InputError as error:
            if not self._lists:
                raise
            self._refusal = error  # they may be sequences
            self._arrays = [("0", np.empty(len(data), object))]
        shape = () if self.headed or self._refusal else np.shape(data)
        self.is_matrix, self.row_shape = len(shape) > 1, shape[1:] if len(shape) > 2 else ()
        self.columns = tuple(
            Column(
                str(label),
                text=array.dtype.kind in "USOT" and not (self._lists or _is_numeric(array)),
                other=array.dtype.kind not in "biufUSOT",
                vector=bool(self.row_shape),
                ragged=bool(self._lists),
            )
            for label, array in self._arrays
        )
        self.rows = len(self._arrays[0][1])
        if self.rows == 0:
            raise InputError(f"{name}: no data rows")

    def read(self, picks: Sequence[Pick], size: int) -> Iterator[Block]:
        """Slices of the arrays; the arrays themselves are never written to."""
        wanted = [self._values(pick) for pick in picks]
        step = max(1, min(size, _ENTRIES // prod(self.row_shape)))
        for start in range(0, self.rows, step):
            yield Block(tuple(v[start : start + step] for v in wanted), lambda i: f"{self.name}: row {i}", start)

    def _values(self, pick: Pick) -> "NDArray[Any] | Labels":
        if pick.sequence:
            return as_sequences([_row(self.name, k, row) for k, row in enumerate(self._lists)])
        if self._refusal:
            raise self._refusal
        arrays = [self._arrays[i][1] for i in pick.columns]
        text = [self.columns[i].text for i in pick.columns]
        if pick.labels and text == [True]:
            return text_labels(arrays[0].tolist())
        for array, is_text in zip(arrays, text, strict=True):
            if is_text or array.dtype.kind not in "biufO":
                hint = "; nor is any of its texts a file" if self._is_texts else ""
                raise InputError(f"{self.name}: dtype {array.dtype} is not numeric{hint}")
        return matrix(arrays)

    def close(self) -> None:
        """Nothing to close."""


def text_labels(values: Sequence[Any]) -> Labels:
    """A column of text, with its distinct values numbered; what is no text (None, NaN, NA) is a missing value."""
    numbers: dict[str, int] = {}
    codes = [numbers.setdefault(v, len(numbers)) if isinstance(v, str) else -1 for v in values]
    return Labels(np.array(codes, dtype=np.int64), tuple(numbers))


def _is_frame(data: Any) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(data, pandas.DataFrame)


def _lists(data: Any) -> Sequence[Any]:
    """The rows of a list of lists or of arrays, or of an array of arrays: each may have a length of its own."""
    if isinstance(data, np.ndarray):
        return [] if lists_of(data) is None else list(data)
    is_list = isinstance(data, (list, tuple)) and all(isinstance(row, (list, tuple)) or np.ndim(row) for row in data)
    return data if is_list else []


def _row(name: str, k: int, row: Any) -> "NDArray[Any]":
    try:
        found = _array(row)
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(f"{name}: row {k}: not an array of numbers: {' '.join(str(error).split())}") from None
    if found.dtype.kind not in "biuf":
        raise InputError(f"{name}: row {k}: dtype {found.dtype} is not numeric")
    return found


def _is_numeric(array: "NDArray[Any]") -> bool:
    return array.dtype == object and all(isinstance(v, (int, float)) for v in array.ravel().tolist())


def _array(values: Any) -> "NDArray[Any]":
    """An array; among numbers None and pandas.NA are NaN, and integers that float64 does not hold stay as they are."""
    array = np.asarray(values)
    if isinstance(values, (list, tuple)) and any(isinstance(v, str) and v.endswith("\0") for v in values):
        return np.array([str(v) for v in values], dtype=object)  # an array of text forgets a NUL at the end
    if array.dtype != object:
        return array
    cells = [np.nan if v is None or type(v).__name__ == "NAType" else v for v in array.ravel().tolist()]
    if not all(isinstance(v, (int, float)) for v in cells):
        return array
    wide = any(isinstance(v, int) and abs(v) > 2**53 for v in cells)
    return np.array(cells, dtype=object if wide else np.float64).reshape(array.shape)


def _columns(name: str, data: Any, frame: bool) -> "list[tuple[Any, NDArray[Any]]]":
    if frame:
        labels = list(data.columns)
        if len(set(labels)) < len(labels):
            raise InputError(f"{name}: a column name appears twice")
        return [(label, _array(data[label])) for label in labels]
    if isinstance(data, np.ma.MaskedArray) and np.ma.is_masked(data):
        raise InputError(f"{name}: has masked entries; fill them in, or give those rows weight 0")
    try:
        array = np.atleast_1d(_array(data))
    except (ValueError, TypeError, RuntimeError) as error:  # tensors say so, too, where NumPy cannot have their values
        raise InputError(f"{name}: not an array of numbers: {' '.join(str(error).split())}") from None
    if array.size == 0 and array.ndim > 1 and len(array):
        raise InputError(f"{name}: has no columns")
    if array.ndim > 2:  # a row is a vector of its numbers, the last dimension fastest
        return [("0", array.reshape(len(array), -1))]
    return [("0", array)] if array.ndim == 1 else [(str(j), array[:, j]) for j in range(array.shape[1])]
