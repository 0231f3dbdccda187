"""CSV: a strict scan of our own in front of pyarrow's decoder, and a strict reading of any block the decoder cannot
be trusted with.

pyarrow decodes fast and rounds correctly, but reads `"1"2` as 12, takes an open quote's rows for text, and lets inf,
NaN and integers beyond 2^53 through in spellings that we refuse or keep exact. So quotes, NUL bytes and UTF-8 are
checked block by block first, and a block that pyarrow refuses, or whose numbers are infinite, NaN or at least 2^53 in
size, is read again cell by cell. A short file is read cell by cell at once: to import the decoder takes longer.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from losscli.errors import InputError
from losscli.formats.base import Block, Column, Form, Labels, Pick, matrix
from losscli.formats.cells import breaks_pattern, is_decimal_comma, is_header, number
from losscli.formats.source import Source
from losscli.formats.text import BOM, LONGEST, RowText, Text
from losscli.formats.texts import Texts
from losscli.lazy import np, pa, pacsv
from losscli.literals import parse_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    _Columns = dict[tuple[int, Form], Any]  # by position, and how they are read

_ROW_BYTES = 16  # bytes read for a row asked for: a guess that sets the size of blocks, nothing else
_DELIMITERS = (",", ";", "\t", "|")
SHORT = 1 << 15  # bytes of a file that is read without the decoder


@dataclass
class _Wide:
    """Where a column of numbers held an integer that float64 does not hold, and where a fraction: one excludes the
    other.
    """

    integer: str = ""
    fraction: str = ""


class CsvReader:
    """Text with one row a line (or more, where a cell is quoted), read in blocks."""

    format = "csv"
    rows = None
    is_matrix = False

    def __init__(self, source: Source, header: bool | None) -> None:
        self.name, self._source = source.name, source
        self.is_long = source.is_long
        self._text, self._is_fresh = RowText(source), True
        self.notes = self._text.notes
        first, second = self._text.first_rows()
        self._delimiter = self._sniff(first, second)
        names = [cell.strip() for cell in self._cells(first, 1)]
        self.headed = self._has_header(names, second) if header is None else header
        self._set_columns(names)
        is_guess = self.headed and header is None
        self.doubtful = frozenset(j for j, n in enumerate(names) if is_guess and parse_number(n) is not None)

    def _sniff(self, first: bytes, second: bytes) -> str:
        """The separator that the first two rows hold equally often; a comma where none does."""
        other = second if second.strip(b" \r") else first  # a blank line at the end has no separators
        counts = {d: (_outside_quotes(first, d), _outside_quotes(other, d)) for d in _DELIMITERS}
        found = [d for d, (a, b) in counts.items() if a and a == b]
        if "," in found or not found:
            rivals = [d for d in found if d != ","]
            if rivals and all(is_decimal_comma(c) for c in second.decode("utf8", "replace").split(rivals[0])):
                raise InputError(
                    f"{self.name}:1: separated by ',' or by '{rivals[0]}'? write numbers with a decimal point"
                )
            return ","
        if len(found) > 1:
            raise InputError(f"{self.name}:1: separated by {' or by '.join(map(repr, found))}? separate columns by ','")
        self.notes.append(f"{self.name}: columns are separated by {found[0]!r}")
        return found[0]

    def _has_header(self, names: list[str], second: bytes) -> bool:
        if is_header(names):
            return True
        below = [cell.strip() for cell in self._cells(second, 2)] if second.strip() else []
        if breaks_pattern(names, below):
            raise InputError(f"{self.name}:1: is this row a header or numbers? say --header or --no-header")
        return False

    def _set_columns(self, names: list[str]) -> None:
        if not self.headed:
            self.columns = tuple(Column(str(k)) for k in range(len(names)))
            return
        for name in names:
            if name and names.count(name) > 1:
                raise InputError(f"{self.name}:1: column '{name}' appears twice")
        self.columns = tuple(Column(name) for name in names)

    def read(self, picks: Sequence[Pick], size: int) -> Iterator[Block]:
        """Blocks of columns; the numbers of a pick are float64, or Python integers where float64 does not hold them."""
        wide = {j: _Wide() for pick in picks if pick.form == "numbers" for j in pick.columns}
        if not self._is_fresh:
            self._text = RowText(self._source.restart())
        self._is_fresh, empty = False, True
        for text in self._text.texts(size * _ROW_BYTES, self._delimiter.encode(), self.headed):
            columns = self._decode(text, picks) or self._read_cells(text, picks)
            for j, state in wide.items():
                self._watch_width(j, columns[j, "numbers"], text, state)
            values = tuple(_pick(columns, pick) for pick in picks)
            yield Block(values, _Place(self, text))
            empty = False
        if empty:
            raise InputError(f"{self.name}: no data rows")

    def line(self, text: Text, row: int) -> int:
        """The line at which a row of a text starts."""
        if not text.quoted:
            return text.line + row
        for k, (line, _) in enumerate(self._rows(text)):
            if k == row:
                return line
        return text.line

    def lines(self, text: Text) -> "NDArray[np.int64]":
        """The lines at which all rows of a text start."""
        return np.array([line for line, _ in self._rows(text)], np.int64)

    def _decode(self, text: Text, picks: Sequence[Pick]) -> "_Columns | None":
        """The columns as pyarrow decodes them, or None where the block has to be read cell by cell."""
        if len(self._source.head) <= SHORT or text.data.startswith(BOM):  # which pyarrow would take for a file's start
            return None
        columns: _Columns = {}
        wanted = {(j, pick.form) for pick in picks for j in pick.columns}
        while wanted:  # a column may be wanted as numbers and as text
            part = dict(sorted(wanted))
            if not self._decode_into(columns, text, part):
                return None
            wanted -= set(part.items())
        return columns if all(_is_plain(c) for c in columns.values()) else None

    def _decode_into(self, columns: "_Columns", text: Text, wanted: dict[int, Form]) -> bool:
        as_type = {"numbers": pa.float64(), "text": pa.dictionary(pa.int32(), pa.string()), "key": pa.string()}
        types = {str(j): as_type[form] for j, form in wanted.items()}
        try:
            table = pacsv.read_csv(pa.BufferReader(text.data), *self._options(text, types))
        except pa.ArrowInvalid:
            return False
        columns.update({(j, form): _from_arrow(table.column(str(j)).chunk(0)) for j, form in wanted.items()})
        return True

    def _options(self, text: Text, types: "dict[str, pa.DataType]") -> "tuple[Any, Any, Any]":
        return (
            pacsv.ReadOptions(
                use_threads=False,
                block_size=len(text.data) + 1,
                column_names=[str(j) for j in range(len(self.columns))],
            ),
            pacsv.ParseOptions(delimiter=self._delimiter, ignore_empty_lines=False, newlines_in_values=text.quoted),
            pacsv.ConvertOptions(
                column_types=types, include_columns=list(types), null_values=[], strings_can_be_null=False
            ),
        )

    def _read_cells(self, text: Text, picks: Sequence[Pick]) -> "_Columns":
        """The columns cell by cell, strictly: the first fault is named with its line and column."""
        cells: dict[tuple[int, Form], list[Any]] = {(j, pick.form): [] for pick in picks for j in pick.columns}
        for line, row in self._rows(text):
            self._check_row(row, line)
            for (j, form), column in cells.items():
                column.append(self._number(row[j], line, j) if form == "numbers" else row[j])
        return {
            (j, form): _to_numbers(column) if form == "numbers" else _to_labels(column)
            for (j, form), column in cells.items()
        }

    def _check_row(self, row: list[str], line: int) -> None:
        if not any(cell.strip() for cell in row) and len(row) <= 1:
            raise InputError(f"{self.name}:{line}: blank row; take it out, or write the value that is missing")
        if len(row) != len(self.columns):
            what = "the header has" if self.headed else "the first row has"
            hint = "; is it a decimal comma?" if len(row) > len(self.columns) and self._delimiter == "," else ""
            raise InputError(f"{self.name}:{line}: the row has {_fields(len(row))}, {what} {len(self.columns)}{hint}")

    def _number(self, cell: str, line: int, column: int) -> float | int:
        value, why = number(cell)
        if why:
            raise InputError(f"{self.name}:{line}:{self._called(column)}: {why}")
        return value

    def _called(self, column: int) -> str:
        return self.columns[column].name if self.headed else f"column {column}"

    def _watch_width(self, column: int, values: "NDArray[Any]", text: Text, state: _Wide) -> None:
        if values.dtype == object and not state.integer:
            state.integer = self._first_place(text, [isinstance(v, int) for v in values], column)
        if not state.fraction:
            floats = values.astype(np.float64)
            fractions = floats != np.floor(floats)
            fractions &= np.isfinite(floats)
            if fractions.any():
                state.fraction = self._first_place(text, fractions.tolist(), column)
        if state.integer and state.fraction:
            raise InputError(
                f"{state.integer}: an integer that no float64 holds, in a column that has fractions too "
                f"({state.fraction}); write it as a decimal (with a point) to have it rounded"
            )

    def _first_place(self, text: Text, flags: list[bool], column: int) -> str:
        return f"{self.name}:{self.line(text, flags.index(True))}:{self._called(column)}"

    def _rows(self, text: Text) -> Iterator[tuple[int, list[str]]]:
        """Lines at which rows start, and their cells."""
        before = text.line
        stream = io.StringIO(text.data.decode("utf8"), newline="")
        csv.field_size_limit(max(csv.field_size_limit(), LONGEST))  # of all threads, so it is not put back
        reader = csv.reader(stream, delimiter=self._delimiter, strict=True)
        for row in reader:
            yield before, row
            before = text.line + reader.line_num

    def _cells(self, row: bytes, line: int) -> list[str]:
        self._text.check(row + self._text.newline, line, self._delimiter.encode())
        if not row.strip():
            raise InputError(f"{self.name}:{line}: blank row before the data; take it out")
        return next(iter(self._rows(Text(row, line))))[1]

    def close(self) -> None:
        self._source.close()


@dataclass(frozen=True)
class _Place:
    """Where the rows of a text stand."""

    reader: CsvReader
    text: Text

    def __call__(self, row: int) -> str:
        return f"{self.reader.name}:{self.reader.line(self.text, row)}"

    @property
    def without_text(self) -> Callable[[int], str]:
        name, text = self.reader.name, self.text
        lines = self.reader.lines(text) if text.has_long_rows else None
        return _Place(self.reader, Text(b"", text.line)) if lines is None else lambda row: f"{name}:{lines[row]}"


def _fields(count: int) -> str:
    return f"{count} field" if count == 1 else f"{count} fields"


def _outside_quotes(row: bytes, delimiter: str) -> int:
    return sum(part.count(delimiter.encode()) for part in row.split(b'"')[::2])


def _is_plain(column: Any) -> bool:
    """Whether pyarrow's reading stands: numbers finite and below 2^53 in size."""
    if not isinstance(column, np.ndarray):
        return True
    return bool(column.max() < 2.0**53 and column.min() > -(2.0**53))  # false for NaN too


def _from_arrow(chunk: "pa.Array") -> Any:
    if pa.types.is_string(chunk.type):
        return Texts(chunk)
    if pa.types.is_dictionary(chunk.type):
        codes = np.frombuffer(chunk.indices.buffers()[1], np.int32)[chunk.offset : chunk.offset + len(chunk)]
        return _named(codes, chunk.dictionary.to_pylist())
    return np.frombuffer(chunk.buffers()[1], np.float64)[chunk.offset : chunk.offset + len(chunk)]


def _named(codes: "NDArray[Any]", texts: list[str]) -> Labels:
    """Labels by their stripped text; an empty cell is a missing value."""
    names: dict[str, int] = {}
    new = [names.setdefault(t.strip(), len(names)) if t.strip() else -1 for t in texts]
    return Labels(np.array(new, np.int64)[codes], tuple(names))


def _to_labels(cells: list[str]) -> Labels:
    texts = list(dict.fromkeys(cells))
    index = {text: k for k, text in enumerate(texts)}
    return _named(np.array([index[cell] for cell in cells]), texts)


def _to_numbers(cells: list[float | int]) -> "NDArray[Any]":
    wide = any(isinstance(cell, int) for cell in cells)
    return np.array(cells, dtype=object if wide else np.float64)


def _pick(columns: "_Columns", pick: Pick) -> Any:
    chosen = [columns[j, pick.form] for j in pick.columns]
    return matrix(chosen) if pick.form == "numbers" else chosen[0]
