"""JSON lines: an object a line, whose names are the columns; or an array of numbers, a row of a matrix; or a number."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from math import nan
from typing import TYPE_CHECKING, Any

from losscli.errors import InputError
from losscli.formats.array import text_labels
from losscli.formats.base import Block, Column, Form, Labels, Pick, as_sequences, matrix
from losscli.formats.cells import printable
from losscli.formats.jsonlists import EXACT, NUMBERS, Entries, no_number
from losscli.formats.jsontext import KINDS, Lines, Part, first_value, how, kind_of, values_of
from losscli.formats.source import HEAD, Stream
from losscli.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROW_BYTES = 16  # bytes read for a row asked for: a guess that sets the size of blocks, nothing else
_LINES = (".jsonl", ".ndjson")  # whose single line is a row, not a document
_TEXTS = {str, type(None)}


@dataclass
class _Seen:
    """What the rows before have shown of a column: the length of its vectors, whether its labels are text, where an
    integer stood that float64 does not hold, and where a fraction, of which one excludes the other.
    """

    width: int = 0
    text: str = ""
    number: str = ""
    integer: str = ""
    fraction: str = ""


class JsonlReader:
    """Rows of one kind, read in blocks. Columns are those of the first 64 KiB; another that turns up is refused."""

    format = "jsonl"
    rows = None
    row_shape: tuple[int, ...] = ()
    doubtful: frozenset[int] = frozenset()

    def __init__(self, source: Stream) -> None:
        self.name, self._source = source.name, source
        self.is_long = source.is_long
        self.notes: list[str] = []
        self._lines, self._is_fresh = Lines(source), True
        self._first = self._lines.next(HEAD)
        if self._first is None:
            raise InputError(f"{self.name}: the file is empty")
        first = first_value(self._first, self.name)
        self._kind = kind_of(first)
        self.headed, self.is_matrix = self._kind is dict, self._kind is list
        rows = values_of(self._first, self._kind, self.name)
        names = [str(j) for j in range(len(first))] if self.is_matrix else ["0"]
        self._names = list(dict.fromkeys(key for row in rows for key in row)) if self.headed else names
        self.columns = tuple(map(_column, self._names, self._cells(rows, self._first.line)))
        self._refuse_document(rows)

    def _refuse_document(self, rows: Sequence[Any]) -> None:
        """A single line with a list in it may be a whole document, whose lists are columns; the name breaks the tie."""
        stem = self.name.lower().removesuffix(".gz").removesuffix(".zst")
        is_single = len(rows) == 1 and self._lines.ended and not stem.endswith(_LINES)
        if is_single and (self.is_matrix or any(column.vector for column in self.columns)):
            what = "an array: a row" if self.is_matrix else "an object with arrays: a row"
            raise InputError(
                f"{self.name}:1: is this line {what}, or a column? name the file x.jsonl, or: {how(self.name)}"
            )

    def read(self, picks: Sequence[Pick], size: int) -> Iterator[Block]:
        """Blocks of columns; numbers are float64, or Python integers where float64 does not hold them."""
        if not self._is_fresh:
            self._lines = Lines(self._source.restart())
            self._first = self._lines.next(HEAD)
        self._is_fresh = False
        seen: dict[tuple[int, Form], _Seen] = {}
        part = self._first
        while part is not None:
            yield self._block(part, picks, seen)
            part = self._lines.next(size * _ROW_BYTES)

    def _block(self, part: Part, picks: Sequence[Pick], seen: "dict[tuple[int, Form], _Seen]") -> Block:
        cells = self._cells(values_of(part, self._kind, self.name), part.line)
        arrays: dict[tuple[int, Form], Any] = {}
        for j, form in {(j, pick.form) for pick in picks for j in pick.columns}:
            column = _Cells(cells[j], _Places(self.name, part.line, self._names[j] if self.headed else ""))
            known = seen.setdefault((j, form), _Seen(text="x" if self.columns[j].text else ""))
            arrays[j, form] = _READ[form](column, known)
        values = [[arrays[j, pick.form] for j in pick.columns] for pick in picks]
        return Block(
            tuple(matrix(v) if pick.form == "numbers" else v[0] for v, pick in zip(values, picks, strict=True)),
            _Places(self.name, part.line, "").line_of,
        )

    def _cells(self, rows: list[Any], line: int) -> list[Sequence[Any]]:
        """The columns of some rows; a name that an object does not have is a missing value."""
        if self.headed:
            names = frozenset(self._names)
            if not all(map(names.issuperset, rows)):
                row = next(i for i, found in enumerate(rows) if not names.issuperset(found))
                new = next(key for key in rows[row] if key not in names)
                raise InputError(
                    f"{self.name}:{line + row}: the name {printable(new.encode('utf8', 'replace'))}, which none of the "
                    "first lines has; write it as null there"
                )
            return [[row.get(name) for row in rows] for name in self._names]
        if not self.is_matrix:
            return [rows]
        width = len(self._names)
        if {*map(len, rows)} != {width}:
            row = next(i for i, found in enumerate(rows) if len(found) != width)
            raise InputError(f"{self.name}:{line + row}: an array of {len(rows[row])}, the first line has {width}")
        return list(zip(*rows, strict=True))

    def close(self) -> None:
        self._source.close()


@dataclass(frozen=True)
class _Places:
    """Where the rows of a block stand."""

    name: str
    line: int
    column: str

    def line_of(self, row: int) -> str:
        return f"{self.name}:{self.line + row}"

    def __call__(self, row: int) -> str:
        return self.line_of(row) + (f":{self.column}" if self.column else "")


@dataclass(frozen=True)
class _Cells:
    """The cells of a column in a block."""

    values: Sequence[Any]
    place: _Places

    def numbers(self, seen: _Seen) -> "NDArray[Any]":
        kinds = {*map(type, self.values)}
        if list in kinds:
            return self._vectors(seen)
        self._refuse_unless(NUMBERS, kinds)
        return self._array(self.values, kinds, seen, 1)

    def labels(self, seen: _Seen) -> "NDArray[Any] | Labels":
        """Labels of a column of text, else numbers: a column is one or the other."""
        kinds = {*map(type, self.values)} - {type(None)}
        if kinds <= _TEXTS and (kinds or not seen.number):
            self._settle(seen, "text" if kinds else "", "number")
            return text_labels([(text or "").strip() or None for text in self.values])
        self._refuse_unless(_TEXTS if str is type(next(v for v in self.values if v is not None)) else NUMBERS, kinds)
        self._settle(seen, "number" if kinds else "", "text")
        if kinds <= {int}:
            self._array(self.values, {*kinds, type(None)}, seen, 1)  # which sees what is out of range
            return _integers(self.values)
        return self._array(self.values, kinds, seen, 1)

    def sequences(self, _: _Seen) -> "NDArray[Any]":
        """Lists of numbers, or of lists of numbers that are all of one length, each row with as many as it has."""
        return as_sequences([Entries(cell, self.place(row)).array for row, cell in enumerate(self.values)])

    def _settle(self, seen: _Seen, found: str, other: str) -> None:
        """Refuse text where there were numbers before, and the other way round."""
        if found and getattr(seen, other) not in ("", "x"):
            raise InputError(
                f"{self.place(0)}: {KINDS[str if found == 'text' else float]} in a column that holds "
                f"{KINDS[float if found == 'text' else str]} in {getattr(seen, other)}; write one kind only"
            )
        if found and getattr(seen, found) in ("", "x"):
            setattr(seen, found, self.place(0))

    def _refuse_unless(self, wanted: set[Any], kinds: set[Any]) -> None:
        if kinds <= wanted:
            return
        row = next(i for i, v in enumerate(self.values) if type(v) not in wanted)
        raise InputError(f"{self.place(row)}: {_shown(self.values[row], wanted)}")

    def _vectors(self, seen: _Seen) -> "NDArray[Any]":
        """Lists of one length, as a matrix."""
        for row, found in enumerate(self.values):
            if type(found) is not list:
                what = "missing value" if found is None else KINDS[kind_of(found)]
                raise InputError(f"{self.place(row)}: {what} where a list is needed")
            seen.width = seen.width or len(found)
            if len(found) != seen.width or not found:
                raise InputError(f"{self.place(row)}: a list of {len(found)} where the rows before have {seen.width}")
        flat = list(chain.from_iterable(self.values))
        kinds = {*map(type, flat)}
        if not kinds <= NUMBERS:
            at = next(i for i, v in enumerate(flat) if type(v) not in NUMBERS)
            raise InputError(f"{self.place(at // seen.width)}: {no_number(flat[at])}")
        return self._array(flat, kinds, seen, seen.width).reshape(len(self.values), seen.width)

    def _array(self, values: Sequence[Any], kinds: set[Any], seen: _Seen, width: int) -> "NDArray[Any]":
        if type(None) in kinds or None in kinds:
            values = [nan if v is None else v for v in values]
        wide = int in kinds and any(type(v) is int and not -EXACT <= v <= EXACT for v in values)
        try:
            values = [float(v) if type(v) is int and int(float(v)) == v else v for v in values] if wide else values
            floats = np.array(values, np.float64)
        except OverflowError:
            floats = np.array(
                [np.inf if type(v) is int and abs(v) > 2**1024 - 2**970 else v for v in values], np.float64
            )
        if np.isinf(floats).any():
            row = int(np.argmax(np.isinf(floats))) // width
            raise InputError(f"{self.place(row)}: a number out of the range of a float64")
        wide = wide and any(type(v) is int for v in values)
        self._watch_width(values, floats, seen, width, wide)
        return np.array(values, dtype=object) if wide else floats

    def _watch_width(self, values: Sequence[Any], floats: "NDArray[Any]", seen: _Seen, width: int, wide: bool) -> None:
        if wide and not seen.integer:
            seen.integer = self.place(next(i for i, v in enumerate(values) if type(v) is int) // width)
        if not seen.fraction and (fractions := floats != np.floor(floats)).any():
            fractions &= ~np.isnan(floats)
            seen.fraction = self.place(int(np.argmax(fractions)) // width) if fractions.any() else ""
        if seen.integer and seen.fraction:
            raise InputError(
                f"{seen.integer}: an integer that no float64 holds, in a column that has fractions too "
                f"({seen.fraction}); write it as a decimal (with a point) to have it rounded"
            )


_READ: "dict[str, Callable[[_Cells, _Seen], NDArray[Any] | Labels]]" = {
    "numbers": _Cells.numbers,
    "text": _Cells.labels,
    "key": _Cells.labels,
    "sequences": _Cells.sequences,
}


def _integers(values: Sequence[Any]) -> "NDArray[Any]":
    """Integers as they are, whatever their size, and None: they may be keys."""
    is_wide = any(v is None or not -(2**63) <= v < 2**63 for v in values)
    return np.array(values, dtype=object if is_wide else np.int64)


def _shown(value: Any, wanted: set[Any]) -> str:
    if wanted is _TEXTS:
        return f"{KINDS[kind_of(value)]} in a column of text; write one kind only"
    return no_number(value)


def _column(name: str, cells: Sequence[Any]) -> Column:
    kinds = {*map(type, cells)} - {type(None)}
    is_vector = kinds == {list} and not any(isinstance(v, (dict, list)) for cell in cells for v in cell or ())
    is_text, is_other = kinds == {str}, not (is_vector or kinds <= NUMBERS)
    return Column(name, is_vector, is_text, is_other and not is_text, ragged=kinds == {list} and not is_vector)
