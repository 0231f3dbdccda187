"""From bytes to whole rows of text: line ends, quotes, NUL bytes and UTF-8, whatever decodes it later."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from losscli.errors import InputError
from losscli.formats.base import Reading
from losscli.formats.cells import printable
from losscli.formats.recoded import Bytes, Decoder, Lines, Recoded, encoding_of, newline_of
from losscli.formats.source import Stream
from losscli.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BOM = b"\xef\xbb\xbf"
LONGEST = (1 << 24) + (1 << 16)  # bytes a row may have; an open quote would otherwise swallow the file
_FIRST = 1 << 12  # bytes looked at for the first two rows, more where they are longer
_QUOTE = b'"'
_SEP = re.compile(rb'"?sep=([\t !#-*./:;<=>?@\[-`{-~|,])"?(\r\n|\r|\n)', re.IGNORECASE)  # Excel's first line
_NO_TABLES = (  # how what is no table begins
    (rb"<<<<<<< ", "a merge conflict of git; resolve it first"),
    (rb"<", "an HTML page (of a login, or of an error?); fetch the file itself"),
    (rb"version https://git-lfs", "a Git LFS pointer, not the file it stands for; fetch that: git lfs pull"),
    (rb'\{|\[\s*[\[{"\d-]', "JSON, not a table; write it as CSV, NPY or Parquet"),
)


class Text(NamedTuple):
    """Whole rows of a file: their bytes, the line they start at, and whether there are quotes among them.

    `original` is the line in the file that a line is, where lines before it were left out.
    """

    data: bytes
    line: int = 1
    quoted: bool = False
    original: Callable[[int], int] = int

    @property
    def has_long_rows(self) -> bool:
        """Whether a row may take several lines: whether a quoted cell has a line end in it."""
        if not self.quoted:
            return False
        raw = np.frombuffer(self.data, np.uint8)
        ends = np.flatnonzero((raw == ord("\n")) | (raw == ord("\r")))
        return bool((np.searchsorted(np.flatnonzero(raw == _QUOTE[0]), ends) % 2).any())


def row_text(source: Stream, reading: Reading) -> "RowText":
    """The text of a file, in UTF-8 and without the lines that are to be left out."""
    stream: Bytes = source
    encoding = encoding_of(source.name, source.head, reading.encoding)
    notes = [f"{source.name}: is read as {encoding.upper()}"] if encoding and not reading.encoding else []
    if encoding:
        stream = Recoded(stream, Decoder(source.name, encoding))
    if reading.comment is None and not reading.skip_blank:
        return RowText(stream, notes)
    lines = Lines(source.name, reading.comment, reading.skip_blank, reading.delimiter)
    return RowText(Recoded(stream, lines), notes, lines)


class RowText:
    """The text of a file, cut after whole rows. `separator` is what an Excel file's first line says it is."""

    def __init__(self, source: Bytes, notes: Sequence[str], lines: Lines | None = None) -> None:
        self.name, self._source = source.name, source
        self._notes, self._lines = list(notes), lines
        self.original: Callable[[int], int] = lines.original if lines else int
        self.newline, self._blank = newline_of(source.head), b" \r\n"  # not a tab, which may separate cells
        start = len(BOM) if source.head.startswith(BOM) else 0
        self._refuse_no_table(source.head[start:])
        said = _SEP.match(source.head, start)
        self.separator = said[1].decode() if said else None
        self.first_line = 2 if said else 1
        source.read(said.end() if said else start)
        self._pending, self._ended = b"", False

    @property
    def notes(self) -> list[str]:
        """What a careful reader would want to know."""
        return [*self._notes, *(self._lines.notes if self._lines else ())]

    def _refuse_no_table(self, head: bytes) -> None:
        if not head.strip():
            raise InputError(f"{self.name}: the file is empty")
        for pattern, what in _NO_TABLES:
            if re.match(rb"\s*(" + pattern + rb")", head):
                raise InputError(f"{self.name}:1: looks like {what}")

    def first_rows(self) -> tuple[bytes, bytes]:
        """The first two rows, which stay to be read again; the second may be empty."""
        while not self._ended and not self._has_two_rows():
            first = self._pending.count(self.newline, 0, self._first_end(self._pending))
            self._refuse_long(self.first_line + first)
            self._more(_FIRST)
        end = self._first_end(self._pending) or len(self._pending)
        if self._pending[:end].count(_QUOTE) % 2:
            self._refuse_open_quote(self.first_line)
        rest = self._pending[end:]
        if not (length := self._first_end(rest)) and rest.count(_QUOTE) % 2 == 0:
            length = len(rest)  # the last row, without a line end
        return self._pending[:end].removesuffix(self.newline), rest[:length].removesuffix(self.newline)

    def _has_two_rows(self) -> bool:
        end = self._first_end(self._pending)
        return bool(end and self._first_end(self._pending[end:]))

    def _more(self, size: int) -> None:
        """Read on: more where a row is long, but never more than a row may have."""
        size = min(max(size, len(self._pending)), LONGEST + 1 - len(self._pending))
        part = self._source.read(size)
        self._ended = len(part) < size
        self._pending += part

    def texts(self, size: int, delimiter: bytes, skip_first: bool) -> Iterator[Text]:
        """Texts of about `size` bytes, checked; blank lines at the end are left out, and the first row if asked."""
        line = self.first_line
        self._blank = self._blank.replace(delimiter, b"")
        if skip_first:
            first, _ = self.first_rows()
            line += first.count(self.newline) + 1
            self._pending = self._pending[len(first) + len(self.newline) :]
        while True:
            data = self._whole_rows()
            if data:
                self.check(data, line, delimiter)
                yield Text(data, line, _QUOTE in data, self.original)
                line += int(np.count_nonzero(np.frombuffer(data, np.uint8) == self.newline[0]))  # bytes.count is slow
            if self._ended and not self._pending.strip(self._blank):
                return
            if self._ended:
                self._complete_last_row(line)
            else:
                self._refuse_long(line)
                self._more(size)

    def _whole_rows(self) -> bytes:
        """What is pending up to the last row end; blank lines wait until more follows, since they may end the file."""
        data = self._pending[: self._last_end(self._pending)]
        kept = data.rstrip(self._blank)
        end = data.find(self.newline, len(kept)) + 1 if kept else 0
        self._pending = self._pending[end:]
        return data[:end]

    def _row_ends(self, data: bytes) -> "NDArray[np.int64]":
        """Positions of the line ends outside quotes."""
        raw = np.frombuffer(data, np.uint8)
        ends = np.flatnonzero(raw == self.newline[0])
        outside: NDArray[np.int64] = ends[np.searchsorted(np.flatnonzero(raw == _QUOTE[0]), ends) % 2 == 0]
        return outside

    def _last_end(self, data: bytes) -> int:
        if _QUOTE not in data:
            return data.rfind(self.newline) + 1
        ends = self._row_ends(data)
        return int(ends[-1]) + 1 if ends.size else 0

    def _first_end(self, data: bytes) -> int:
        if _QUOTE not in data:
            return data.find(self.newline) + 1
        ends = self._row_ends(data)
        return int(ends[0]) + 1 if ends.size else 0

    def _complete_last_row(self, line: int) -> None:
        if self._pending.count(_QUOTE) % 2:
            self._refuse_open_quote(line)
        self._pending += self.newline
        self._notes.append(f"{self.name}: the last line has no line end; is the file complete?")

    def _refuse_open_quote(self, line: int) -> None:
        start = self._pending.rfind(_QUOTE)
        shown = printable(self._pending[start : start + 80].splitlines()[0])
        raise InputError(f"{self._at(self._pending, start, line)}: a quote is opened and never closed: {shown}")

    def _refuse_long(self, line: int) -> None:
        if len(self._pending) <= LONGEST:
            return
        if self._pending.count(_QUOTE) % 2:
            raise InputError(f"{self.place(line)}: a quote opened here or later is not closed within 16 MiB")
        raise InputError(f"{self.place(line)}: a row longer than 16 MiB; is it text?")

    def check(self, data: bytes, line: int, delimiter: bytes) -> None:
        """Refuse NUL bytes, what is not UTF-8, and quotes that do not enclose whole cells."""
        if b"\0" in data:
            raise InputError(f"{self._at(data, data.index(0), line)}: NUL byte; {_why_nul(data)}")
        if not data.isascii():
            self._check_utf8(data, line)
        if _QUOTE in data:
            self._check_quotes(data, line, delimiter)
        if b"\r" in data:
            self._check_line_ends(data, line)

    def _check_line_ends(self, data: bytes, line: int) -> None:
        """One kind of line end outside quotes: another would hide a row from whoever counts lines."""
        raw = np.frombuffer(data + b"\n", np.uint8)
        other = raw[:-1] == ord("\n") if self.newline == b"\r" else (raw[:-1] == ord("\r")) & (raw[1:] != ord("\n"))
        quotes = np.flatnonzero(raw == _QUOTE[0])
        wrong = [at for at in np.flatnonzero(other) if np.searchsorted(quotes, at) % 2 == 0]
        if wrong:
            found = "a line feed" if self.newline == b"\r" else "a lone carriage return"
            raise InputError(
                f"{self._at(data, int(wrong[0]), line)}: {found} among other line ends; write one kind only"
            )

    def _check_utf8(self, data: bytes, line: int) -> None:
        try:
            data.decode("utf8")
        except UnicodeDecodeError as error:
            place = self._at(data, error.start, line)
            found = f"byte 0x{data[error.start]:02X} is not UTF-8"
            raise InputError(f"{place}: {found}; --encoding latin-1 (or what it is), or save it as UTF-8") from None

    def _check_quotes(self, data: bytes, line: int, delimiter: bytes) -> None:
        """Every quote opens at the start of a cell, closes at its end, or is doubled inside one."""
        raw = np.frombuffer(b"\n" + data + b"\n", np.uint8)
        quotes = np.flatnonzero(raw == _QUOTE[0])
        borders = np.frombuffer(delimiter + b'\r\n"', np.uint8)
        opened, closed = quotes[::2], quotes[1::2]
        wrong = [*opened[~np.isin(raw[opened - 1], borders)], *closed[~np.isin(raw[closed + 1], borders)]]
        if wrong:
            at = int(min(wrong)) - 1
            start = max(data.rfind(self.newline, 0, at) + 1, at - 20)
            cell = printable(data[start : at + 20].splitlines()[0])
            raise InputError(
                f"{self._at(data, at, line)}: a quote inside a cell: {cell}; "
                "quote whole cells and double the quotes in them"
            )

    def _at(self, data: bytes, position: int, line: int) -> str:
        return self.place(line + data.count(self.newline, 0, position))

    def place(self, line: int) -> str:
        """`preds.csv:3`, for the so-manieth line of those that are read."""
        return f"{self.name}:{self.original(line)}"


def _why_nul(data: bytes) -> str:
    """Every other byte of UTF-16 is NUL, where it is of letters and digits."""
    for start, order in ((1, "le"), (0, "be")):
        if data[start::2].count(0) > len(data) // 4 and 0 not in data[1 - start :: 2]:
            return f"is it UTF-16? --encoding utf-16-{order}"
    return "is the file truncated, or not text?"
