"""NPY, read in blocks into memory of our own: never mapped, never unpickled, checked against the file's length
first.
"""

from collections.abc import Iterator, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple
from warnings import catch_warnings, simplefilter

from losscli.errors import InputError
from losscli.formats.array import text_labels
from losscli.formats.base import Block, Column, Labels, Pick
from losscli.formats.source import Stream
from losscli.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAGIC = b"\x93NUMPY"
_HEADERS = {(1, 0): (2, "latin1"), (2, 0): (4, "latin1"), (3, 0): (4, "utf8")}  # length field in bytes, encoding


class Layout(NamedTuple):
    """How an array lies in its file: from byte `offset` on. `bf16`: the integers are the upper halves of float32."""

    offset: int
    dtype: "np.dtype[Any]"
    fortran: bool
    shape: tuple[int, ...]
    bf16: bool = False


class NpyReader:
    """An array, row by row, in either memory order; `layout` where it has no NPY header. A row of several dimensions is
    read as it lies in memory, the last one fastest.
    """

    doubtful: frozenset[int] = frozenset()
    headed = False

    def __init__(self, source: Stream, layout: Layout | None = None, format: str = "npy") -> None:
        self.name, self._source, self.format = source.name, source, format
        self.is_long = source.is_long
        self.notes: list[str] = []
        self._offset, self._dtype, self._fortran, shape, self._bf16 = layout or _header(source)
        self._is_fresh = True
        self._check_dtype()
        self.rows, self._width = (shape[0], prod(shape[1:])) if shape else (1, 1)
        if self.rows == 0 or self._width == 0:
            raise InputError(f"{self.name}: has shape {shape}: no data rows")
        self.is_matrix, self.row_shape = len(shape) > 1, shape[1:] if len(shape) > 2 else ()
        self._check_length(source.size)  # before a width that no file can have takes memory
        is_text, said = self._dtype.kind in "SU", str(self._dtype)  # once: a row may have a million numbers
        self.columns = tuple(Column(str(j), text=is_text, dtype=said) for j in range(self._width))

    @property
    def _row_bytes(self) -> int:
        return int(self._width * self._dtype.itemsize)

    def _check_dtype(self) -> None:
        if self._dtype.hasobject:
            raise InputError(f"{self.name}: holds pickled objects, which are never loaded; save numbers instead")
        if self._dtype.kind not in "biufSU" or self._dtype.subdtype or not self._dtype.itemsize:
            raise InputError(f"{self.name}: dtype {self._dtype} is not numeric")

    def _check_length(self, size: int | None) -> None:
        """Before memory is taken where the size is known, at the end of the stream otherwise."""
        if size is None:
            return
        found, promised = size - self._offset, self.rows * self._row_bytes
        if found < promised:
            raise InputError(f"{self.name}: truncated: its header promises {promised} bytes of data, {found} are there")
        if found > promised:
            raise InputError(f"{self.name}: {found - promised} bytes after the array; is it two arrays in one file?")

    def read(self, picks: Sequence[Pick], size: int) -> Iterator[Block]:
        """Blocks of rows; a Fortran-ordered matrix is gathered column by column."""
        columns = self._fortran and self.is_matrix and self._width > 1
        step = max(1, min(size, (1 << 22) // self._row_bytes))
        parts = self._by_columns(step) if columns else self._by_rows(step)
        start = 0
        for part in parts:
            self._check_values(part, start)
            yield Block(tuple(self._values(part, pick) for pick in picks), self._place, start)
            start += len(part)

    def _place(self, row: int) -> str:
        return f"{self.name}: row {row}"

    def _values(self, part: "NDArray[Any]", pick: Pick) -> "NDArray[Any] | Labels":
        chosen = part[:, 0] if len(pick.columns) == 1 else part
        if pick.columns != tuple(range(self._width)) and len(pick.columns) > 1:
            chosen = part[:, list(pick.columns)]
        elif len(pick.columns) == 1:
            chosen = part[:, pick.columns[0]]
        if self._dtype.kind not in "SU":
            if self._dtype.kind == "f" and self._dtype.itemsize > 8:  # whose values are those of float64, or NaN
                with np.errstate(invalid="ignore"):
                    return chosen.astype(np.float64)
            return chosen.astype(part.dtype.newbyteorder("="), copy=False)
        if not pick.labels or chosen.ndim != 1:
            raise InputError(f"{self.name}: dtype {self._dtype} is not numeric")
        try:
            texts = np.strings.decode(chosen, "utf8") if self._dtype.kind == "S" else chosen
            labels = text_labels(texts.tolist())
            "".join(labels.names).encode("utf8").decode("utf8")  # NumPy hands on what no text may hold
            return labels
        except (ValueError, SystemError):  # as NumPy and Python say it of bytes that no text has
            raise InputError(f"{self.name}: column {pick.columns[0]} holds text that is not Unicode") from None

    def _check_values(self, part: "NDArray[Any]", start: int) -> None:
        if self._dtype.kind == "b" and (part.view(np.uint8) > 1).any():
            row = start + int(np.argmax((part.view(np.uint8) > 1).any(axis=1)))
            raise InputError(f"{self._place(row)}: a boolean that is neither 0 nor 1; is the file damaged?")
        if self._dtype.kind == "f" and self._dtype.itemsize > 8:
            with np.errstate(over="ignore", invalid="ignore"):  # what overflows differs, and is refused
                narrow = part.astype(np.float64)
            differs = (narrow != part) & ~np.isnan(part)
            if differs.any():
                row = start + int(np.argmax(differs.any(axis=1)))
                raise InputError(f"{self._place(row)}: {self._dtype} value that no float64 holds; save float64")

    def _by_rows(self, step: int) -> "Iterator[NDArray[Any]]":
        if not self._is_fresh:
            self._source.restart()
        self._is_fresh = False
        self._source.read(self._offset)
        for start in range(0, self.rows, step):
            count = min(step, self.rows - start)
            yield self._array(self._source.read(count * self._row_bytes), count, start)
        if extra := self._source.read(1):
            more = len(extra) + sum(iter(lambda: len(self._source.read(1 << 20)), 0))
            raise InputError(f"{self.name}: {more} bytes after the array; is it two arrays in one file?")

    def _array(self, data: bytes, count: int, start: int) -> "NDArray[Any]":
        if len(data) < count * self._row_bytes:
            self._source.check_unchanged()
            raise InputError(f"{self.name}: truncated: ends at row {start + len(data) // self._row_bytes}")
        part = np.frombuffer(data, self._dtype).reshape(count, self._width)
        return (part.astype(np.uint32) << 16).view(np.float32) if self._bf16 else part

    def _by_columns(self, step: int) -> "Iterator[NDArray[Any]]":
        file = self._source.seekable()
        self._check_length(self._source.size)
        for start in range(0, self.rows, step):
            count = min(step, self.rows - start)
            part = np.empty((count, self._width), self._dtype)
            for j, column in enumerate(self._stored.tolist()):
                part[:, j] = self._array_at(file, column * self.rows + start, count)
            yield part
        self._source.check_unchanged()

    @property
    def _stored(self) -> "NDArray[Any]":
        """Which column of a Fortran-ordered file is the one of each entry of a row: there the first dimension of a row
        runs fastest, here the last.
        """
        columns = np.arange(self._width).reshape(self.row_shape[::-1] or (self._width,))
        return columns.T.ravel()

    def _array_at(self, file: BinaryIO, first: int, count: int) -> "NDArray[Any]":
        file.seek(self._offset + first * self._dtype.itemsize)
        data = file.read(count * self._dtype.itemsize)
        if len(data) < count * self._dtype.itemsize:
            self._source.check_unchanged()
            raise InputError(f"{self.name}: truncated while it was read")
        return np.frombuffer(data, self._dtype)

    def close(self) -> None:
        self._source.close()


def _header(source: Stream) -> Layout:
    version = tuple(source.head[6:8])
    if version not in _HEADERS:
        raise InputError(f"{source.name}: bad NPY header: unknown version {'.'.join(map(str, version))}")
    width, encoding = _HEADERS[version]
    length = int.from_bytes(source.head[8 : 8 + width], "little")
    offset = 8 + width + length
    if offset > len(source.head):
        raise InputError(f"{source.name}: bad NPY header: {length} bytes long, the file is cut or damaged")
    return Layout(offset, *_parse(source.name, source.head[8 + width : offset], encoding))


def _parse(name: str, raw: bytes, encoding: str) -> "tuple[np.dtype[Any], bool, tuple[int, ...]]":
    import ast

    try:
        with catch_warnings():
            simplefilter("error")  # of `1if`, which Python would print
            header = ast.literal_eval(raw.decode(encoding))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError, Warning):
        raise InputError(f"{name}: bad NPY header: it is not a plain dictionary") from None
    try:
        with catch_warnings():
            simplefilter("error")  # a name of a type that NumPy has given up is no type
            return _fields(header)
    except (ValueError, TypeError, KeyError, IndexError, SyntaxError, Warning) as error:
        raise InputError(f"{name}: bad NPY header: {error}") from None


def _fields(header: Any) -> "tuple[np.dtype[Any], bool, tuple[int, ...]]":
    if not isinstance(header, dict) or set(header) != {"descr", "fortran_order", "shape"}:
        raise ValueError("its keys are not descr, fortran_order and shape")
    shape, fortran = header["shape"], header["fortran_order"]
    if not isinstance(shape, tuple) or not all(type(k) is int and k >= 0 for k in shape):
        raise ValueError(f"shape {shape!r}")
    if type(fortran) is not bool or prod(shape) > 2**62 or len(shape) > 64:
        raise ValueError(f"shape {shape!r}, fortran_order {fortran!r}")
    return np.lib.format.descr_to_dtype(header["descr"]), fortran, shape
