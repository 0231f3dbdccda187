"""How a CSV file is written: what is said of it, and what its first two rows tell. Rather refused than guessed."""

import codecs
from collections.abc import Sequence
from typing import NamedTuple

from losscli.errors import InputError, UsageError
from losscli.formats.base import MAX_BYTES, PLAIN, Reading
from losscli.formats.cells import MISSING, SPACE, Notation, breaks_pattern, is_decimal_comma, is_header

DELIMITERS = (",", ";", "\t", "|")
_OF_CSV = ("header", "delimiter", "decimal", "thousands", "encoding", "comment", "skip_blank")  # fields of a Reading
_SPELT = {"\\t": "\t", "tab": "\t"}  # what a command line can say of a tab


def reading_of(
    *,
    header: bool | None = None,
    delimiter: str | None = None,
    decimal: str = ".",
    thousands: str | None = None,
    encoding: str | None = None,
    comment: str | None = None,
    skip_blank: bool = False,
    max_bytes: int = MAX_BYTES,
) -> Reading:
    """What is said of how files are to be read. Raises UsageError for what none can be."""
    reading = Reading(
        header,
        _SPELT.get(delimiter or "", delimiter),
        decimal,
        thousands,
        encoding,
        comment,
        bool(skip_blank),
        max_bytes,
    )
    if reading != PLAIN:
        _check(reading)
    return reading


def _check(reading: Reading) -> None:
    if reading.decimal not in (".", ","):
        raise UsageError(f"--decimal '{reading.decimal}': it is . or ,")
    _check_mark("--delimiter", reading.delimiter, reading.decimal, "a character such as ; or | or \\t")
    _check_mark("--thousands", reading.thousands, reading.decimal, "a character such as , or . or '")
    if reading.delimiter is not None and not reading.delimiter.isascii():
        raise UsageError(f"--delimiter '{reading.delimiter}': it is a character of ASCII")
    _check_comment(reading.comment, reading.delimiter)
    if reading.encoding is not None:
        _check_encoding(reading.encoding)


def _check_mark(option: str, mark: str | None, decimal: str, what: str) -> None:
    """A character that can stand between digits and is no part of a number."""
    if mark is None:
        return
    if len(mark) != 1 or mark.isalnum() or mark in '"+-\r\n\0':
        raise UsageError(f"{option} '{mark}': it is {what}")
    if mark == decimal:
        raise UsageError(f"{option} '{mark}': is the decimal separator too (--decimal)")


def _check_comment(comment: str | None, delimiter: str | None) -> None:
    if comment is None:
        return
    first = comment[:1]
    if not first or first.isalnum() or first.isspace() or first in '"+-.,' or set(comment) & set("\r\n\0"):
        raise UsageError(f"--comment '{comment}': it is what comment lines begin with, such as # or //; no row does")
    if first == delimiter:
        raise UsageError(f"--comment '{comment}': begins as --delimiter '{delimiter}', as a row with an empty cell may")


def _check_encoding(name: str) -> None:
    """It is one of text, and can be decoded part by part."""
    sample, found = "a,1\n", ""
    try:
        decoder = codecs.getincrementaldecoder(name)()
        for byte in sample.encode(name):
            found += decoder.decode(bytes([byte]))
    except (LookupError, ValueError):
        found = ""
    if found != sample:
        raise UsageError(f"--encoding '{name}': no such encoding of text; latin-1, cp1252, utf-16 are some")


def refuse_unused(reading: Reading, formats: Sequence[str]) -> None:
    """An option for CSV files where no file is one would look as if it had been heeded."""
    given = [field for field in _OF_CSV if getattr(reading, field) != getattr(PLAIN, field)]
    if given and not any("csv" in found for found in formats):
        option = "no-header" if reading.header is False else given[0].replace("_", "-")
        raise UsageError(f"--{option} is for CSV files, and none is given")


def said_of(reading: Reading) -> tuple[str, ...]:
    """What is said of how CSV files are written, as options without their dashes."""
    given = {field: getattr(reading, field) for field in _OF_CSV if getattr(reading, field) != getattr(PLAIN, field)}
    named = {("no-" if value is False else "") + field.replace("_", "-"): value for field, value in given.items()}
    return tuple(name if isinstance(value, bool) else f"{name}={value}" for name, value in named.items())


class Rows(NamedTuple):
    """The first two rows of a file as bytes, the second perhaps empty, and the line of the first."""

    name: str
    first: bytes
    second: bytes
    line: int

    @property
    def place(self) -> str:
        return f"{self.name}:{self.line}"

    def separator(self, reading: Reading, said: str | None) -> tuple[str, str]:
        """The separator as the user or the file says, or else the one that both rows hold equally often, and a comma
        where none does; and a note, where it was found so and is not what the file's name tells.
        """
        if said and reading.delimiter not in (None, said):
            raise InputError(f"{self.place}: the file says sep={said}, and --delimiter '{reading.delimiter}'")
        self._refuse_comment(reading)
        if reading.delimiter or said:
            return reading.delimiter or said or "", ""
        found = self._candidates()
        if reading.decimal == ",":
            found = self._beside_decimal_commas(found, reading)
        self._refuse_rivals(found)
        if "," in found or not found:
            return (";" if reading.decimal == "," and not found else ","), ""
        is_told = found[0] == "\t" and self.name.lower().endswith((".tsv", ".tab"))
        if reading.comment and found[0] == reading.comment[0]:
            raise UsageError(f"--comment '{reading.comment}': columns of {self.name} are separated by '{found[0]}'")
        return found[0], "" if is_told else f"{self.name}: columns are separated by {found[0]!r}"

    def _candidates(self) -> list[str]:
        other = self.second if self.second.strip(b" \r") else self.first  # a blank line has no separators
        counts = {d: (_outside_quotes(self.first, d), _outside_quotes(other, d)) for d in DELIMITERS}
        return [d for d, (a, b) in counts.items() if a and a == b]

    def _beside_decimal_commas(self, found: list[str], reading: Reading) -> list[str]:
        """A comma separates where the names of a header are separated by it; numbers are then in quotes."""
        others = [d for d in found if d != ","]
        names = self.first.decode("utf8", "replace").split(",")
        return others or [d for d in found if is_header(names, Notation(reading.decimal, reading.thousands))]

    def _refuse_rivals(self, found: list[str]) -> None:
        rivals = [d for d in found if d != ","]
        if "," in found:
            if not rivals or not all(
                is_decimal_comma(c) for c in self.second.decode("utf8", "replace").split(rivals[0])
            ):
                return
            hint = f"--decimal , reads decimal commas, --delimiter '{rivals[0]}' or ',' decides"
            raise InputError(f"{self.place}: separated by ',' or by '{rivals[0]}'? {hint}")
        if len(found) > 1:
            said = " or by ".join(map(repr, found))
            raise InputError(f"{self.place}: separated by {said}? --delimiter decides")

    def _refuse_comment(self, reading: Reading) -> None:
        """A first line that begins with # is a header only if it looks like one: as wide as the row below it, which
        holds numbers.
        """
        if reading.header is not None or not self.first.lstrip().startswith(b"#"):
            return
        cells = self.second.decode("utf8", "replace").replace('"', "").split(next(iter(self._candidates()), ","))
        widths = [[_outside_quotes(row, d) for d in DELIMITERS] for row in (self.first, self.second)]
        if widths[0] != widths[1] or all(is_header([c]) and c.strip().lower() not in MISSING for c in cells):
            raise InputError(
                f"{self.place}: a comment, or the header? --comment '#' skips such lines, --header takes it for one"
            )

    def has_header(self, names: list[str], below: list[str], notation: Notation) -> bool:
        """Whether the first row is a header. Raises InputError where it may be one or numbers."""
        if is_header(names, notation):
            return True
        if breaks_pattern(names, below):
            raise InputError(f"{self.place}: is this row a header or numbers? say --header or --no-header")
        return False


def _outside_quotes(row: bytes, delimiter: str) -> int:
    return sum(part.count(delimiter.encode()) for part in row.split(b'"')[::2])


def empty_at_end(*rows: Sequence[str]) -> int:
    """How many cells at the end of all rows are empty: what a separator at the end of every row makes."""
    width = min(map(len, rows))
    if len({len(row) for row in rows}) > 1:
        return 0
    count = next((k for k in range(width) if any(row[-1 - k].strip(SPACE) for row in rows)), width)
    return count if count < width else 0
