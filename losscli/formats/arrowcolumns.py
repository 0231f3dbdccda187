"""Columns as Arrow has them, of Parquet and of Arrow files, as arrays and labels: no number changes, no row is lost."""

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import TYPE_CHECKING, Any

from losscli.errors import InputError
from losscli.formats.array import text_labels
from losscli.formats.base import Block, Column, Labels, Pick, as_sequences, matrix
from losscli.formats.texts import Texts
from losscli.lazy import np, pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

    _Columns = dict[tuple[int, bool], NDArray[Any] | Labels]  # by position, and whether labels are wanted

_PEEK = 1 << 12  # cells of text that are numbered by hand


class Decoder:
    """What the columns of a schema are, and their record batches as blocks."""

    def __init__(self, name: str, schema: "pa.Schema") -> None:
        self.name = name
        self._types = list(schema.types)
        self._widths: dict[int, int] = {}  # of list columns, from their first row
        self.columns = tuple(
            Column(n, _is_list(t), is_text(t) or _is_date(t), not _is_known(t), dtype=str(t))
            for n, t in zip(schema.names, self._types, strict=True)
        )
        for n in schema.names:
            if schema.names.count(n) > 1:
                raise InputError(f"{name}: column '{n}' appears twice")

    def wanted(self, picks: Sequence[Pick]) -> list[int]:
        """The columns that are picked. Raises InputError for one that is not of a type that it is picked as."""
        for j, labels, nested in sorted({(j, pick.labels, pick.sequence) for pick in picks for j in pick.columns}):
            self._check_type(j, labels, nested)
        return sorted({j for pick in picks for j in pick.columns})

    def block(self, batch: "pa.RecordBatch", wanted: Sequence[int], picks: Sequence[Pick], start: int) -> Block:
        """A batch of the wanted columns, whose first row is row `start` of the file."""
        place = partial(self._place, start)
        found = {j: _dated(batch.column(k)) for k, j in enumerate(wanted)}
        texts = {j: _text_of(found[j]) for p in picks if p.key for j in p.columns}
        others = {(j, p.labels) for p in picks if not p.key or texts[p.columns[0]] is None for j in p.columns}
        nested = {j for p in picks if p.sequence for j in p.columns}
        arrays = {
            (j, labels): self._sequences(found[j], j, place)
            if j in nested
            else self._column(found[j], j, place, labels)
            for j, labels in sorted(others)
        }
        return Block(tuple(_pick(arrays, texts, pick) for pick in picks), place)

    def _place(self, start: int, row: int) -> str:
        return f"{self.name}: row {start + row}"

    def _check_type(self, j: int, labels: bool, nested: bool) -> None:
        kind = self._types[j].value_type if _is_list(self._types[j]) else self._types[j]
        kind = kind.value_type if nested and _is_list(self._types[j]) and _is_list(kind) else kind
        is_label = labels and not _is_list(self._types[j]) and (is_text(kind) or _is_date(kind))
        if not (_is_number(kind) or is_label):
            hint = "; save it as a number" if pa.types.is_temporal(kind) else ""
            raise InputError(f"{self.name}: column '{self.columns[j].name}' is of type {kind}, not numbers{hint}")

    def _column(self, array: "pa.Array", j: int, place: Callable[[int], str], labels: bool) -> "NDArray[Any] | Labels":
        try:
            return self._values(array, j, place, labels)
        except InvalidOperation:  # a scale that no writer gives, whose integers would fill the memory
            raise InputError(f"{place(0)}: column '{self.columns[j].name}': damaged decimals; write it again") from None

    def _values(self, array: "pa.Array", j: int, place: Callable[[int], str], labels: bool) -> "NDArray[Any] | Labels":
        if _is_list(array.type):
            return self._vectors(array, j, place)
        if is_text(array.type):
            return _labels(array)
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        if labels and array.null_count and pa.types.is_integer(array.type):
            return np.array(array.to_pylist(), dtype=object)  # integers, and None
        return _numbers(array)

    def _refuse_null(self, array: "pa.Array", j: int, place: Any) -> None:
        """A row without a list."""
        if array.null_count:
            row = next(i for i, valid in enumerate(array.is_valid().to_pylist()) if not valid)
            raise InputError(f"{place(row)}: column '{self.columns[j].name}': missing value where a list is needed")

    def _sequences(self, array: "pa.Array", j: int, place: Any) -> "NDArray[Any]":
        """Lists of numbers, or of lists that are all of one length in a row, each row with as many as it has."""
        if not _is_list(array.type):
            return _numbers(array)
        self._refuse_null(array, j, place)
        ends, entries = np.cumsum(_list_lengths(array))[:-1], array.flatten()
        if not _is_list(entries.type):
            return as_sequences(np.split(_numbers(entries), ends))
        widths = np.split(_list_lengths(entries), ends)
        odd = [
            row for row, of_row in enumerate(widths) if len(of_row) and ((of_row != of_row[0]).any() or not of_row[0])
        ]
        if odd or entries.null_count:
            where = f"{place(odd[0])}: " if odd else f"{self.name}: "
            raise InputError(
                f"{where}column '{self.columns[j].name}': a list whose entries are not lists of one length"
            )
        sizes = np.cumsum([of_row.sum() for of_row in widths])[:-1]
        rows = np.split(_numbers(entries.flatten()), sizes)
        return as_sequences([row.reshape(len(w), -1) if len(w) else row for row, w in zip(rows, widths, strict=True)])

    def _vectors(self, array: "pa.Array", j: int, place: Any) -> "NDArray[Any]":
        """Lists of one length, as a matrix."""
        called = f"column '{self.columns[j].name}'"
        self._refuse_null(array, j, place)
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


def _pick(arrays: "_Columns", texts: dict[int, Texts | None], pick: Pick) -> Any:
    if pick.key and texts[pick.columns[0]] is not None:
        return texts[pick.columns[0]]
    chosen = [arrays[j, pick.labels] for j in pick.columns]
    if isinstance(chosen[0], Labels):
        return chosen[0]
    return matrix([c for c in chosen if not isinstance(c, Labels)])


def repeats(array: "pa.Array") -> bool:
    """Whether text repeats so that a dictionary and codes are fewer."""
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


def _is_known(kind: "pa.DataType") -> bool:
    return _is_list(kind) or is_text(kind) or _is_number(kind) or _is_date(kind)


def _is_date(kind: "pa.DataType") -> bool:
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def _dated(array: "pa.Array") -> "pa.Array":
    """Dates and times as text, as ISO 8601 writes them and CSV files have them: `2024-01-02 03:04:05.25`, of a time
    zone in UTC, with a Z behind. Other columns as they are.
    """
    if pa.types.is_date(array.type):
        return array.cast(pa.date32()).cast(pa.string())
    if not pa.types.is_timestamp(array.type):
        return array
    import pyarrow.compute as pc

    texts = array.view(pa.timestamp(array.type.unit)).cast(pa.string())
    if array.type.unit != "s":
        texts = pc.utf8_rtrim(pc.utf8_rtrim(texts, "0"), ".")
    return pc.binary_join_element_wise(texts, "", "Z") if array.type.tz else texts


def _is_list(kind: "pa.DataType") -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def is_text(kind: "pa.DataType") -> bool:
    """Whether a column holds text, each cell or by a dictionary."""
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(plain) or pa.types.is_large_string(plain) or pa.types.is_string_view(plain))


def _text_of(array: "pa.Array") -> Texts | None:
    """A column of text as plain text; None for another."""
    if not is_text(array.type):
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
    offsets = np.frombuffer(array.buffers()[1], wide, array.offset + len(array) + 1)[array.offset :]
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
    stop = array.offset + len(array)
    return np.frombuffer(array.buffers()[1], dtype, stop)[array.offset :]  # a buffer may be longer


_EXPONENT = 1000  # of a decimal: those of 256 bits have 76 digits


def _by_value(values: list[Any]) -> "NDArray[Any]":
    """Decimals rounded once, integers kept, None as NaN."""
    numbers = [np.nan if v is None else _number(v) for v in values]
    wide = any(isinstance(v, int) and abs(v) > 2**53 for v in numbers)
    return np.array(numbers, dtype=object if wide else np.float64)


def _number(value: Any) -> float | int:
    if isinstance(value, Decimal):
        if value.adjusted() > _EXPONENT:
            raise InvalidOperation
        return int(value) if value == value.to_integral_value() else float(value)
    return int(value)
