"""CSV read character by character, from its rules alone: RFC 4180, and what losscli adds and takes away.

Slow and plain on purpose, and nothing of losscli is imported: what losscli accepts must be what is read here, and what
is refused here it must refuse.
"""

import codecs
import re
from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

from tests.fuzz.numerals import DECIMAL, INFINITE, MISSING, SPACE, TRUTH, Number, RefusedError, in_points, number

SEPARATORS = (",", ";", "\t", "|")
MARKS = (
    *((codecs.BOM_UTF8, ("utf-8",)), (codecs.BOM_UTF32_LE, ("utf-32", "utf-32-le"))),
    *((codecs.BOM_UTF32_BE, ("utf-32", "utf-32-be")), (codecs.BOM_UTF16_LE, ("utf-16", "utf-16-le"))),
    (codecs.BOM_UTF16_BE, ("utf-16", "utf-16-be")),
)
NUMBERLIKE = frozenset("0123456789.,_eExX%+- ")
VALUES = (  # forms, with letters in them, in which people write values
    *(r"[+-]?0x[0-9a-f]+", r"[+-]?\d+_[\d._]*", r"[+-]?\d+(\.\d*)?d[+-]?\d+", r"[+-]?(nan\(.*\)|\d\.\d*#\w*)"),
    *(r"[+-]?[\d.]+([+-][\d.]*)?[ij]", r"\([\d.+-]+[ij]\)", r"\d{4}([-/.])\d\d?\1\d\d?([t ].*)?", r"'[\d.+-].*'"),
    *(r"\d\d?:\d\d(:[\d.]+)?( ?[ap]m)?", r"\[[\s\d.+-].*"),
    *(r"(\$|usd|eur|gbp|chf|jpy|cny|inr) ?[+-]?\d[\d.,]*", r"[+-]?\d[\d.,]* ?(usd|eur|gbp|chf|jpy|cny|inr)"),
)
CONFLICT = re.compile(r"<<<<<<< .*|=======|>>>>>>> .*")
SEP_LINE = re.compile(r'"?sep=([^\w"+\-\x00-\x08\n-\x1f\x7f-\U0010ffff]|_)"?(\r\n|\r|\n)', re.IGNORECASE)


class AskedError(RefusedError):
    """The columns that are asked for are not there, or it is unclear what they are."""


class Said(NamedTuple):
    """What is said of how a file is written."""

    header: bool | None = None
    delimiter: str | None = None
    decimal: str = "."
    thousands: str | None = None
    encoding: str | None = None
    comment: str | None = None
    skip_blank: bool = False


class Table(NamedTuple):
    """Rows of cells under names, which are the first row's where that is a header; `guessed` if nobody said so."""

    names: list[str]
    headed: bool
    guessed: bool
    rows: list[list[str]]
    said: Said = Said()

    def find(self, column: str) -> int:
        """The position of a column that is asked for by its name or by its position."""
        at = self.names.index(column) if self.headed and column in self.names else int(column)
        if at >= len(self.names):
            raise AskedError(f"no column {column}")
        if self.guessed and self.headed and (DECIMAL.fullmatch(self.names[at]) or self.names[at].lower() in INFINITE):
            raise AskedError("a name that may be a value")
        return at

    def numbers(self, column: int) -> list[Number]:
        """A column of numbers. Raises RefusedError for what is none, and for digits that would be lost."""
        values = [number(row[column], self.said.decimal, self.said.thousands) for row in self.rows]
        is_wide = any(isinstance(value, int) for value in values)
        if is_wide and any(isinstance(v, float) and isfinite(v) and not v.is_integer() for v in values):
            raise RefusedError("an integer that no float64 holds beside a fraction")
        return values

    def keys(self, column: int) -> list[str | None]:
        """Cells as they stand, without the space around them."""
        return [row[column].strip(SPACE) or None for row in self.rows]

    def texts(self, column: int) -> list[str | None]:
        """The same, but numbers as they are written with a decimal point."""
        return [cell and self._pointed(cell) for cell in self.keys(column)]

    def _pointed(self, cell: str) -> str:
        try:
            written = in_points(cell, self.said.decimal, self.said.thousands)
        except RefusedError:
            return cell
        return written if DECIMAL.fullmatch(written) or written.lower() in INFINITE else cell


def table(data: bytes, said: Said = Said()) -> Table:  # noqa: B008 - nothing can change it
    """The table that a file holds. Raises RefusedError."""
    text = _kept(_text(data, said.encoding), said)
    _refuse_no_table(text)
    line = SEP_LINE.match(text)
    if line and said.delimiter not in (None, line[1]):
        raise RefusedError("two separators said")
    separator = line[1] if line else said.delimiter
    rows = _without_blank_end(_rows_of(text[line.end() :] if line else text), separator)
    if not rows or not rows[0].strip():
        raise RefusedError("a blank first row")
    separator = separator or _separator(rows, said)
    return _of_cells([_cells(row, separator) for row in rows], [row == '""' for row in rows], said)


def _of_cells(cells: list[list[str]], quoted: list[bool], said: Said) -> Table:
    """`quoted`: which rows are a quoted cell of nothing, which is a missing value and no blank row."""
    names = [cell.strip() for cell in cells[0]]
    headed = any(_is_name(name, said) for name in names) if said.header is None else said.header
    if headed and len({n for n in names if n}) < len([n for n in names if n]):
        raise RefusedError("a column name twice")
    if not cells[headed:]:
        raise RefusedError("no data rows")
    for k, row in enumerate(cells):
        if len(row) != len(names) or (len(row) == 1 and k >= headed and not row[0].strip() and not quoted[k]):
            raise RefusedError("a row that is blank, or of another length")
    for row in cells[1:]:
        if row[0].startswith("\x1a") or (len(row) == 1 and CONFLICT.fullmatch(row[0])):
            raise RefusedError("no row of a table")
        if headed and any(map(_is_name, names)) and [cell.strip() for cell in row] == names:
            raise RefusedError("the header again")
    if not headed and cells[0][0].startswith("\x1a"):
        raise RefusedError("Ctrl-Z")
    return _narrowed(names, cells, headed, said)


def _narrowed(names: list[str], cells: list[list[str]], headed: bool, said: Said) -> Table:
    """Without the columns that separators at the end of every row make."""
    if not headed:
        return Table([str(j) for j in range(len(names))], headed, said.header is None, cells, said)
    width = len(names)
    while width and not names[width - 1].strip(SPACE) and not cells[1][width - 1].strip(SPACE):
        width -= 1
    width = width or len(names)
    if any(cell.strip(SPACE) for row in cells[1:] for cell in row[width:]):
        raise RefusedError("a value under no name")
    return Table(names[:width], headed, said.header is None, [row[:width] for row in cells[1:]], said)


def _text(data: bytes, encoding: str | None) -> str:
    marked = next((names for mark, names in MARKS if data.startswith(mark)), ())
    name = codecs.lookup(encoding or (marked or ("utf-8",))[0]).name.removesuffix("-sig")
    if (marked and name not in marked) or (not marked and name in ("utf-16", "utf-32")):
        raise RefusedError("a byte order mark of another encoding, or none")
    try:
        text = data.decode(name, "surrogateescape" if name == "utf-8" else "strict").removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise RefusedError(f"not {name}") from None
    if not text.strip():
        raise RefusedError("nothing")
    return text


def _kept(text: str, said: Said) -> str:
    """The text without comment lines and blank lines, where those are to be left out."""
    if said.comment is None and not said.skip_blank:
        return text
    end = "\n" if "\n" in text or "\r" not in text else "\r"
    *lines, rest = text.split(end)
    blank = " \r" if said.delimiter is None else " \t\r".replace(said.delimiter, "")
    kept, quoted, is_first = "", False, said.delimiter is None
    for line in [*(line + end for line in lines), *([rest] if rest else [])]:
        bare = line.removesuffix(end).lstrip(blank)
        if not quoted and ((said.comment and bare.startswith(said.comment)) or (said.skip_blank and not bare)):
            continue
        if is_first:
            is_first, blank = False, blank + ("" if "\t" in line else "\t")
        kept, quoted = kept + line, quoted ^ (line.count('"') % 2 == 1)
    return kept if text.startswith("\ufeff") else kept.removeprefix("\ufeff")  # a mark is one after lines left out too


def _refuse_no_table(text: str) -> None:
    if "\0" in text or not text.strip() or any("\ud800" <= c <= "\udfff" for c in text):
        raise RefusedError("NUL, what is not UTF-8, or nothing")
    if re.match(r'[ \t-\r]*(<|version https://git-lfs|\{|\[[ \t-\r]*[\[{"0-9-])', text):
        raise RefusedError("HTML, JSON, a merge conflict or a pointer")


def _rows_of(text: str) -> list[str]:
    """The text cut at line ends outside quotes, of one kind: CR alone, or LF with or without CR in front."""
    ends_in_cr = "\n" not in text
    rows, start, inside = [], 0, False
    for at, c in enumerate(text):
        inside ^= c == '"'
        if inside or c not in "\r\n" or (c == "\r" and text[at + 1 : at + 2] == "\n"):
            continue
        if c == "\r" and not ends_in_cr:
            if not text[at:].strip(" \r\n"):
                continue  # among blank lines at the end
            raise RefusedError("a lone CR")
        rows.append(text[start:at] if c == "\r" else text[start:at].removesuffix("\r"))
        start = at + 1
    if inside:
        raise RefusedError("an open quote")
    return rows + [text[start:].removesuffix("\r")] * (start < len(text))


def _without_blank_end(rows: list[str], separator: str | None) -> list[str]:
    while rows and not rows[-1].strip(" \r\n".replace(separator or "\0", "")):
        rows.pop()
    return rows


def _separator(rows: Sequence[str], said: Said) -> str:
    """That of the first two rows; a comma where none, or more than one, has the same count in both."""
    below = rows[1] if rows[1:] and rows[1].strip(" \r") else rows[0]
    counts = {s: ["".join(row.split('"')[::2]).count(s) for row in (rows[0], below)] for s in SEPARATORS}
    fit = [s for s in SEPARATORS if counts[s][0] and counts[s][0] == counts[s][1]]
    others = [s for s in fit if s != ","]
    if said.decimal == ",":
        is_comma = "," in fit and any(_is_name(cell.strip(), said) for cell in rows[0].split(","))
        fit = others or [","] * is_comma or [";"]
    if "," in fit or not fit:
        return ","
    if len(fit) > 1 or (said.comment and fit[0] == said.comment[0]):
        raise RefusedError("several separators, or one that begins a comment")
    return fit[0]


def _cells(row: str, separator: str) -> list[str]:
    """The cells of a row: as they stand, or in quotes, which are doubled inside."""
    cells, at = [], 0
    while True:
        if row[at : at + 1] == '"':
            cell, at = _quoted(row, at + 1)
        else:
            end = row.find(separator, at)
            end = len(row) if end < 0 else end
            cell, at = row[at:end], end
            if '"' in cell:
                raise RefusedError("a quote inside a cell")
        cells.append(cell)
        if at == len(row):
            return cells
        if row[at] != separator:
            raise RefusedError("text after a quote")
        at += 1


def _quoted(row: str, at: int) -> tuple[str, int]:
    """A cell whose quote was opened just before `at`, and the position after the one that closes it."""
    cell = ""
    while True:
        close = row.find('"', at)
        if close < 0:
            raise RefusedError("an open quote")
        cell += row[at:close]
        if row[close + 1 : close + 2] != '"':
            return cell, close + 1
        cell, at = cell + '"', close + 2


def _is_name(cell: str, said: Said = Said()) -> bool:  # noqa: B008 - nothing can change it
    """Whether nobody would write this for a number."""
    lowered = cell.lower()
    if lowered in MISSING or lowered in TRUTH or lowered.lstrip("+-") in ("inf", "infinity"):
        return False
    if not any(c.isalpha() for c in cell) or (set(cell) <= NUMBERLIKE and cell[0] not in "_eExX "):
        return False
    if any(re.fullmatch(form, lowered, re.ASCII | re.DOTALL) for form in VALUES):
        return False
    try:
        number(cell, said.decimal, said.thousands)
    except RefusedError:
        return True
    return False
