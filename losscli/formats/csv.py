"""CSV: a strict scan of our own in front of pyarrow's decoder, and a strict reading of any block the decoder cannot
be trusted with.

pyarrow decodes fast and rounds correctly, but reads `"1"2` as 12, takes an open quote's rows for text, and lets inf,
NaN and integers beyond 2^53 through in spellings that we refuse or keep exact. So quotes, NUL bytes and UTF-8 are
checked block by block first, and a block that pyarrow refuses, or whose numbers are infinite, NaN or at least 2^53 in
size, is read again cell by cell. A short file is read cell by cell at once: to import the decoder takes longer.
"""

import csv
import io
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from losscli.errors import InputError
from losscli.formats import decode
from losscli.formats.base import Block, Column, Form, Pick, Reading, matrix
from losscli.formats.cells import POINT, Notation, is_header, number
from losscli.formats.dialect import Rows, empty_at_end
from losscli.formats.source import Stream
from losscli.formats.text import BOM, LONGEST, Text, row_text
from losscli.formats.widths import Widths
from losscli.lazy import np
from losscli.literals import parse_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from losscli.formats.decode import Columns
    from losscli.formats.strays import Strays

_ROW_BYTES = 16  # bytes read for a row asked for: a guess that sets the size of blocks, nothing else
SHORT = 1 << 15  # bytes of a file that is read without the decoder
_ODD = "<=>\x1a"  # what rows begin with that are none


class CsvReader:
    """Text with one row a line (or more, where a cell is quoted), read in blocks."""

    format = "csv"
    rows = None
    is_matrix = False
    row_shape: tuple[int, ...] = ()

    def __init__(self, source: Stream, reading: Reading) -> None:
        self.name, self._source, self._reading = source.name, source, reading
        self.is_long = source.is_long
        self._notation = Notation(reading.decimal, reading.thousands)
        self._text, self._is_fresh = row_text(source, reading), True
        rows = Rows(self.name, *self._text.first_rows(), self._text.original(self._text.first_line))
        self._delimiter, note = rows.separator(reading, self._text.separator)
        self.notes = [note] if note else []
        names = [cell.strip() for cell in self._cells(rows.first, 0)]
        below = [cell.strip() for cell in self._cells(rows.second, 1)] if rows.second.strip(b" \r\n") else []
        header = reading.header
        self.headed = rows.has_header(names, below, self._notation) if header is None else header
        self._width = len(names)
        self._header = names if self.headed and is_header(names) else []
        self._strays: Strays | None = None  # of long files
        self.columns = self._named(names, below) if self.headed else tuple(Column(str(k)) for k in range(len(names)))
        is_guess = self.headed and header is None
        self.doubtful = frozenset(j for j, n in enumerate(names) if is_guess and parse_number(n) is not None)
        self._note(self._text.notes)
        if not self.headed and header is None and [n.strip() for n in names] == [str(k) for k in range(len(names))]:
            self._note(
                [f"{rows.place}: {rows.first.decode().strip()} is taken for a row, not for names; --header, if not"]
            )

    def _named(self, names: list[str], below: list[str]) -> tuple[Column, ...]:
        """The columns of a header, but not those that separators at the end of every row make."""
        for name in names:
            if name and names.count(name) > 1:
                place = self._text.place(self._text.first_line)
                raise InputError(f"{place}: column '{name}' appears twice")
        kept = names[: len(names) - empty_at_end(names, below)] if below else names
        counts = len(kept) > 1 and kept[0] == "" and below[:1] == ["0"]
        return tuple(Column(name, is_index=counts and j == 0) for j, name in enumerate(kept))

    def read(self, picks: Sequence[Pick], size: int) -> Iterator[Block]:
        """Blocks of columns; the numbers of a pick are float64, or Python integers where float64 does not hold them."""
        widths = Widths()
        numbers = {j for pick in picks if pick.form == "numbers" for j in pick.columns}
        checked = [*picks, *self._to_be_checked(picks)]
        if not self._is_fresh:
            self._text = row_text(self._source.restart(), self._reading)
        self._is_fresh, rows = False, 0
        self._note_index(picks)
        for text in self._text.texts(size * _ROW_BYTES, self._delimiter.encode(), self.headed):
            place = _Place(self, text)
            columns = self._decode(text, checked) or self._read_cells(text, checked)
            for j in numbers:
                widths.watch(j, columns[j, "numbers"], place, self._called(j))
            self._check(columns, picks, rows, place)
            values = tuple(_pick(columns, pick) for pick in picks)
            yield Block(values, place)
            rows += len(values[0])
        self._note(self._text.notes)
        if not rows:
            raise InputError(f"{self.name}: no data rows")

    def _note(self, found: Sequence[str]) -> None:
        """Take what the text tells as far as it has been read, each once: it is read more than once."""
        self.notes += [note for note in found if note not in self.notes]

    def _note_index(self, picks: Sequence[Pick]) -> None:
        note = f"{self.name}: its first column, which has no name, is taken for an index"
        is_read = any(0 in pick.columns and not pick.key for pick in picks)
        if self.columns[0].is_index and not is_read:
            self._note([note])

    def _to_be_checked(self, picks: Sequence[Pick]) -> list[Pick]:
        """Columns that are not taken because of what they hold, which is looked at to the end."""
        index = [Pick((j,)) for j in dict.fromkeys(j for pick in picks for j in pick.aside)]
        return index + [Pick((j,), labels=True) for j in range(len(self.columns), self._width)]

    def _check(self, columns: "Columns", picks: Sequence[Pick], rows: int, place: Callable[[int], str]) -> None:
        for j in {j for pick in picks for j in pick.aside}:
            values = columns[j, "numbers"]
            wrong = np.flatnonzero(values != np.arange(rows, rows + len(values)))
            if wrong.size:
                raise self._refusal_of_index(place(int(wrong[0])), f"{rows + int(wrong[0])} is due")
        for j in range(len(self.columns), self._width):
            filled = np.flatnonzero(columns[j, "text"].codes >= 0)
            if filled.size:
                raise InputError(f"{place(int(filled[0]))}: a value in column {j}, which has no name; name it")

    def _refusal_of_index(self, place: str, why: str) -> InputError:
        hint = "is it no index? say which columns are read, with --pred-col or its like"
        return InputError(f"{place}: the first column has no name and does not count the rows ({why}); {hint}")

    def line(self, text: Text, row: int) -> int:
        """The line at which a row of a text starts."""
        if not text.quoted:
            return text.original(text.line + row)
        for k, (line, _) in enumerate(self._rows(text)):
            if k == row:
                return line
        return text.original(text.line)

    def lines(self, text: Text) -> "NDArray[np.int64]":
        """The lines at which all rows of a text start."""
        return np.array([line for line, _ in self._rows(text)], np.int64)

    def _decode(self, text: Text, picks: Sequence[Pick]) -> "Columns | None":
        """The columns as pyarrow decodes them, or None where the block has to be read cell by cell."""
        if len(self._source.head) <= SHORT or text.data.startswith(BOM):  # which pyarrow would take for a file's start
            return None
        numbers = {j for pick in picks if pick.form == "numbers" for j in pick.columns}
        if self._notation.thousands or self._may_have_strays(text.data, numbers):
            return None
        wanted = {(j, pick.form) for pick in picks for j in pick.columns}
        return decode.columns(text, wanted, self._width, self._delimiter, self._notation)

    def _may_have_strays(self, data: bytes, numbers: Collection[int]) -> bool:
        from losscli.formats.strays import Strays

        self._strays = self._strays or Strays(self._header, self._width, self._delimiter, self._notation)
        return self._strays.may_be_in(data, numbers)

    def _read_cells(self, text: Text, picks: Sequence[Pick]) -> "Columns":
        """The columns cell by cell, strictly: the first fault is named with its line and column."""
        cells: dict[tuple[int, Form], list[Any]] = {(j, pick.form): [] for pick in picks for j in pick.columns}
        index = {j for pick in picks for j in pick.aside}
        for line, row in self._rows(text):
            self._check_row(row, line)
            for (j, form), column in cells.items():
                column.append(self._number(row[j], line, j, j in index) if form == "numbers" else row[j])
        return {
            (j, form): decode.to_numbers(column)
            if form == "numbers"
            else decode.to_labels(column, POINT if form == "key" else self._notation)
            for (j, form), column in cells.items()
        }

    def _check_row(self, row: list[str], line: int) -> None:
        if len(row) <= 1 and row != [""] and not any(cell.strip() for cell in row):  # a cell of "" is a missing value
            hint = "write the value that is missing, or drop the line, if it stands for no row: --skip-blank"
            raise InputError(f"{self.name}:{line}: blank row; {hint}")
        if row[0][:1] in _ODD or row[0].strip() in self._header[:1]:
            self._check_odd_row(row, line)
        if len(row) != self._width:
            raise InputError(f"{self.name}:{line}: {self._of_width(row)}")

    def _of_width(self, row: list[str]) -> str:
        what = "the header has" if self.headed else "the first row has"
        hint = ""
        if len(row) == self._width + 1 and not row[-1].strip():
            hint = "; it ends with a separator: so must the header, or no row"
        elif len(row) > self._width and self._delimiter == "," and all(_may_be_digits(cell) for cell in row):
            hint = "; is it a decimal comma? --decimal , reads it between other separators"
        elif row[0].lstrip().startswith("#"):
            hint = "; is it a comment? --comment '#' skips it"
        return f"the row has {_fields(len(row))}, {what} {self._width}{hint}"

    def _check_odd_row(self, row: list[str], line: int) -> None:
        """What is no row of this table, named for what it is."""
        from losscli.formats.strays import MERGE

        if MERGE.fullmatch(row[0]) and len(row) == 1:
            raise InputError(f"{self.name}:{line}: looks like a merge conflict of git; resolve it first")
        if row[0].startswith("\x1a"):
            raise InputError(f"{self.name}:{line}: Ctrl-Z, which ended files in DOS; take it out")
        if self._header and [cell.strip() for cell in row] == self._header:
            hint = "take it out, or give the parts apart: the first in its place, each other by --input ROLE=FILE"
            raise InputError(f"{self.name}:{line}: the header again; were files put together? {hint}")

    def _number(self, cell: str, line: int, column: int, is_index: bool = False) -> float | int:
        value, why = number(cell, self._notation)
        if why and is_index:
            raise self._refusal_of_index(f"{self.name}:{line}", why)
        if why:
            raise InputError(f"{self.name}:{line}:{self._called(column)}: {why}")
        return value

    def _called(self, column: int) -> str:
        return (self.headed and self.columns[column].name) or f"column {column}"

    def _rows(self, text: Text) -> Iterator[tuple[int, list[str]]]:
        """Lines at which rows start, and their cells."""
        before = text.line
        stream = io.StringIO(text.data.decode("utf8"), newline="")
        csv.field_size_limit(max(csv.field_size_limit(), LONGEST))  # of all threads, so it is not put back
        reader = csv.reader(stream, delimiter=self._delimiter, strict=True)
        for row in reader:
            yield text.original(before), row
            before = text.line + reader.line_num

    def _cells(self, row: bytes, lines_before: int) -> list[str]:
        line = self._text.first_line + lines_before
        self._text.check(row + self._text.newline, line, self._delimiter.encode())
        if not (row.strip(b" \r\n") if lines_before else row.strip()):  # below the first row tabs may be cells
            raise InputError(f"{self._text.place(line)}: blank row before the data; --skip-blank drops it")
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
        if lines is None:
            return _Place(self.reader, text._replace(data=b"", quoted=False))
        return lambda row: f"{name}:{lines[row]}"


def _may_be_digits(cell: str) -> bool:
    """Whether it may be a side of a decimal comma."""
    return cell.strip().removeprefix("-").isdigit()


def _fields(count: int) -> str:
    return f"{count} field" if count == 1 else f"{count} fields"


def _pick(columns: "Columns", pick: Pick) -> Any:
    chosen = [columns[j, pick.form] for j in pick.columns]
    return matrix(chosen) if pick.form == "numbers" else chosen[0]
