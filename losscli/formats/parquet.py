"""Parquet, batch by batch, with page checksums verified where the file has them; list columns are vectors."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from losscli.errors import InputError
from losscli.formats.array import text_labels
from losscli.formats.base import Block, Column, Labels, Pick, matrix
from losscli.formats.source import Source
from losscli.formats.texts import Texts
from losscli.lazy import np, pa, pq

if TYPE_CHECKING:
    from numpy.typing import NDArray

    _Columns = dict[tuple[int, bool], NDArray[Any] | Labels]  # by position, and whether labels are wanted

MAGIC = b"PAR1"
_PEEK = 1 << 12  # rows that tell whether text repeats


class ParquetReader:
    """The columns of a Parquet file. Only those asked for are decoded, a few pages at a time."""

    format = "parquet"
    doubtful: frozenset[int] = frozenset()
    headed = True
    is_matrix = False

    def __init__(self, source: Source) -> None:
        self.name, self._source = source.name, source
        self.is_long = source.is_long
        self.notes: Sequence[str] = ()
        try:
            self._file = _open(source)
            schema = self._file.schema_arrow
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise self._refusal(error) from None
        self._types = list(schema.types)
        self._is_reopened = False
        self._widths: dict[int, int] = {}  # of list columns, from their first row
        self.columns = tuple(
            Column(n, _is_list(t), _is_text(t), not (_is_list(t) or _is_text(t) or _is_number(t)))
            for n, t in zip(schema.names, self._types, strict=True)
        )
        self.rows = self._file.metadata.num_rows
        self._check_columns(schema.names)

    def _refusal(self, error: Exception) -> InputError:
        what = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return InputError(f"{self.name}: not a Parquet file that can be read: {what}")

    def _check_columns(self, names: list[str]) -> None:
        if not names or not self.rows:
            raise InputError(f"{self.name}: no data rows")
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"{self.name}: column '{name}' appears twice")

    def read(self, picks: Sequence[Pick], size: int) -> Iterator[Block]:
        """Batches of rows, each column as an array; nulls are NaN, or missing labels."""
        wanted = sorted({j for pick in picks for j in pick.columns})
        for j, labels in sorted({(j, pick.labels) for pick in picks for j in pick.columns}):
            self._check_type(j, labels)
        self._reopen([self.columns[j].name for j in wanted if _is_text(self._types[j])])
        start, names = 0, [self.columns[j].name for j in wanted]
        for batch in self._batches(names, size):
            place = partial(self._place, start)
            texts = {j: _text_of(batch.column(wanted.index(j))) for p in picks if p.key for j in p.columns}
            others = {(j, p.labels) for p in picks if not p.key or texts[p.columns[0]] is None for j in p.columns}
            arrays = {
                (j, labels): self._column(batch.column(wanted.index(j)), j, place, labels) for j, labels in others
            }
            yield Block(tuple(self._pick(arrays, texts, pick) for pick in picks), place)
            start += batch.num_rows
        self._check_rows(start, names)

    def _reopen(self, texts: list[str]) -> None:
        """Text that repeats is read as a dictionary and codes, as it is mostly written: no cell is a text of its own.
        Whether it does, the first rows tell; the metadata are not to be trusted so far.
        """
        if texts and not self._is_reopened:
            head = next(self._batches(texts, _PEEK), None)
            repeated = [] if head is None else [n for n in texts if _repeats(head.column(n))]
            self._file, self._is_reopened = _open(self._source, repeated) if repeated else self._file, True

    def _check_rows(self, read: int, names: Sequence[str]) -> None:
        """The footer has no checksum: its counts must agree with one another and with what was read."""
        metadata = self._file.metadata
        groups = [metadata.row_group(k) for k in range(metadata.num_row_groups)]
        counts = {sum(group.num_rows for group in groups), read}
        counts |= {sum(group.column(j).num_values for group in groups) for j in self._flat_columns(metadata, names)}
        if counts != {self.rows}:
            said = " or ".join(str(count) for count in sorted(counts | {self.rows}))
            raise InputError(f"{self.name}: damaged Parquet file: it has {said} rows, depending on who counts")

    def _flat_columns(self, metadata: Any, names: Sequence[str]) -> list[int]:
        """Columns that were read and whose values are counted one a row. To ask for the counts of another may abort
        the process, where they are damaged: pyarrow catches no exception there.
        """
        columns = [metadata.schema.column(j) for j in range(metadata.num_columns)]
        return [j for j, c in enumerate(columns) if c.max_repetition_level == 0 and c.path in names]

    def _place(self, start: int, row: int) -> str:
        return f"{self.name}: row {start + row}"

    def _batches(self, names: list[str], size: int) -> "Iterator[pa.RecordBatch]":
        try:
            for batch in self._file.iter_batches(size, columns=names, use_threads=False):
                if batch.num_rows:
                    for column in batch.columns:
                        if _is_text(column.type):
                            column.validate(full=True)  # that it is UTF-8, which is not looked at before
                    yield batch.select(names)
        except (pa.ArrowException, OSError) as error:
            raise self._refusal(error) from None

    def _check_type(self, j: int, labels: bool) -> None:
        kind = self._types[j].value_type if _is_list(self._types[j]) else self._types[j]
        if not (_is_number(kind) or (labels and self.columns[j].text)):
            hint = "; save it as text" if pa.types.is_temporal(kind) else ""
            raise InputError(f"{self.name}: column '{self.columns[j].name}' is of type {kind}, not numbers{hint}")

    def _column(self, array: "pa.Array", j: int, place: Any, labels: bool) -> "NDArray[Any] | Labels":
        if _is_list(array.type):
            return self._vectors(array, j, place)
        if _is_text(array.type):
            return _labels(array)
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        if labels and array.null_count and pa.types.is_integer(array.type):
            return np.array(array.to_pylist(), dtype=object)  # integers, and None
        return _numbers(array)

    def _vectors(self, array: "pa.Array", j: int, place: Any) -> "NDArray[Any]":
        """Lists of one length, as a matrix."""
        called = f"column '{self.columns[j].name}'"
        if array.null_count:
            row = next(i for i, valid in enumerate(array.is_valid().to_pylist()) if not valid)
            raise InputError(f"{place(row)}: {called}: missing value where a list is needed")
        values = array.flatten()
        lengths = _list_lengths(array)
        if (lengths != lengths[0]).any():
            row = int(np.argmax(lengths != lengths[0]))
            raise InputError(
                f"{place(row)}: {called}: a list of {lengths[row]} where the rows before have {lengths[0]}"
            )
        width = self._widths.setdefault(j, int(lengths[0]))
        if width != lengths[0] or width == 0:
            raise InputError(f"{place(0)}: {called}: a list of {lengths[0]} where the rows before have {width}")
        return _numbers(values).reshape(len(array), width)

    def _pick(self, arrays: "_Columns", texts: dict[int, Texts | None], pick: Pick) -> Any:
        if pick.key and texts[pick.columns[0]] is not None:
            return texts[pick.columns[0]]
        chosen = [arrays[j, pick.labels] for j in pick.columns]
        if isinstance(chosen[0], Labels):
            return chosen[0]
        return matrix([c for c in chosen if not isinstance(c, Labels)])

    def close(self) -> None:
        self._file.close()
        self._source.close()


def _open(source: Source, repeated: Sequence[str] = ()) -> "pq.ParquetFile":
    """The file, some of its columns as dictionaries. Small buffers and no read-ahead: memory must not grow with the
    row groups.
    """
    return pq.ParquetFile(
        source.seekable(),
        read_dictionary=list(repeated) or None,
        pre_buffer=False,
        buffer_size=1 << 20,
        page_checksum_verification=True,
    )


def _repeats(array: "pa.Array") -> bool:
    return not pa.types.is_dictionary(array.type) and len(set(array.to_pylist())) * 4 < len(array)


def _labels(array: "pa.Array") -> Labels:
    """Text by its distinct values, stripped; empty text is a missing value."""
    if not pa.types.is_dictionary(array.type):
        if len(array) <= _PEEK:  # what encodes takes longer to import
            return text_labels([None if t is None else t.strip() or None for t in array.to_pylist()])
        array = array.dictionary_encode()
    codes, texts = _flat(array.indices), array.dictionary
    valid = _valid(array.indices)
    used = np.flatnonzero(np.bincount(codes if valid is None else codes[valid])).tolist()  # of a whole row group's
    listed = texts.to_pylist() if 2 * len(used) > len(texts) else {code: texts[code].as_py() for code in used}
    names = text_labels([(listed[code] or "").strip() or None for code in used])
    numbers = np.full(len(texts) + 1, -1)
    numbers[used] = names.codes
    return Labels(numbers[codes if valid is None else np.where(valid, codes, len(texts))], names.names)


def _valid(array: "pa.Array") -> "NDArray[np.bool_] | None":
    """Which entries are there, where some are not."""
    if not array.null_count:
        return None
    bits = np.unpackbits(np.frombuffer(array.buffers()[0], np.uint8), bitorder="little")
    return bits[array.offset : array.offset + len(array)].astype(bool)


def _is_list(kind: "pa.DataType") -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _is_text(kind: "pa.DataType") -> bool:
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(plain) or pa.types.is_large_string(plain) or pa.types.is_string_view(plain))


def _text_of(array: "pa.Array") -> Texts | None:
    """A column of text as plain text; None for another."""
    if not _is_text(array.type):
        return None
    plain = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
    return Texts(plain.cast(pa.string()))


def _is_number(kind: "pa.DataType") -> bool:
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind)
    )


def _list_lengths(array: "pa.Array") -> "NDArray[Any]":
    if pa.types.is_fixed_size_list(array.type):
        return np.full(len(array), array.type.list_size)
    wide = np.int64 if pa.types.is_large_list(array.type) else np.int32
    offsets = np.frombuffer(array.buffers()[1], wide)[array.offset : array.offset + len(array) + 1]
    return np.diff(offsets)


def _numbers(array: "pa.Array") -> "NDArray[Any]":
    """An Arrow array as NumPy, by its buffer: `to_numpy` would import pandas. Nulls become NaN without a detour for
    integers.
    """
    kind = array.type
    if pa.types.is_decimal(kind) or (array.null_count and pa.types.is_integer(kind)):
        return _by_value(array.to_pylist())
    if pa.types.is_boolean(kind):
        return np.array([np.nan if v is None else float(v) for v in array.to_pylist()])
    values, valid = _flat(array), _valid(array)
    return values if valid is None else np.where(valid, values, np.array(np.nan, values.dtype))


def _flat(array: "pa.Array") -> "NDArray[Any]":
    """The numbers of an array as they lie in its buffer; of a null, any number."""
    kind = array.type
    dtype = np.dtype(
        f"{'f' if pa.types.is_floating(kind) else 'u' if 'uint' in str(kind) else 'i'}{kind.bit_width // 8}"
    )
    return np.frombuffer(array.buffers()[1], dtype)[array.offset : array.offset + len(array)]


def _by_value(values: list[Any]) -> "NDArray[Any]":
    """Decimals rounded once, integers kept, None as NaN."""
    numbers = [np.nan if v is None else _number(v) for v in values]
    wide = any(isinstance(v, int) and abs(v) > 2**53 for v in numbers)
    return np.array(numbers, dtype=object if wide else np.float64)


def _number(value: Any) -> float | int:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return int(value)
