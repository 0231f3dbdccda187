"""CSV read character by character, from its rules alone: RFC 4180, and what losscli adds and takes away.

Slow and plain on purpose, and nothing of losscli is imported: what losscli accepts must be what is read here, and what
is refused here it must refuse.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from math import copysign, inf, isfinite, isinf, isnan, nan
from typing import NamedTuple

SEPARATORS = (",", ";", "\t", "|")
MISSING = ("", "nan", "-nan", "+nan", "na", "n/a", "#n/a", "<na>", "null", "none")
TRUTH = {"true": 1.0, "false": 0.0}
INFINITE = {
    f"{sign}{word}": value for word in ("inf", "infinity") for sign, value in [("", inf), ("+", inf), ("-", -inf)]
}
DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
WHOLE = re.compile(r"[+-]?[0-9]+")
NUMBERLIKE = frozenset("0123456789.,_eExX%+- ")

Number = float | int


class RefusedError(Exception):
    """The file is not to be read."""


class AskedError(RefusedError):
    """The columns that are asked for are not there, or it is unclear what they are."""


class Table(NamedTuple):
    """Rows of cells under names, which are the first row's where that is a header; `guessed` if nobody said so."""

    names: list[str]
    headed: bool
    guessed: bool
    rows: list[list[str]]

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
        values = [number(row[column]) for row in self.rows]
        is_wide = any(isinstance(value, int) for value in values)
        if is_wide and any(isinstance(v, float) and isfinite(v) and not v.is_integer() for v in values):
            raise RefusedError("an integer that no float64 holds beside a fraction")
        return values

    def texts(self, column: int) -> list[str]:
        return [row[column].strip() for row in self.rows]


def table(data: bytes, header: bool | None = None) -> Table:
    """The table that a file holds. Raises RefusedError."""
    rows = _without_blank_end(_rows_of(_text(data)))
    separator = _separator(rows)
    cells = [_cells(row, separator) for row in rows]
    names = [cell.strip() for cell in cells[0]]
    headed = any(_is_name(name) for name in names) if header is None else header
    if headed and len({n for n in names if n}) < len([n for n in names if n]):
        raise RefusedError("a column name twice")
    if not cells[headed:]:
        raise RefusedError("no data rows")
    for row in cells:
        if len(row) != len(names) or (len(row) == 1 and not row[0].strip()):
            raise RefusedError("a row that is blank, or of another length")
    return Table(names, headed, header is None, cells[headed:])


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise RefusedError("UTF-16")
    try:
        text = data.decode("utf8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise RefusedError("not UTF-8") from None
    if "\0" in text or not text.strip():
        raise RefusedError("NUL, or nothing")
    if re.match(r'[ \t-\r]*(<|\{|\[[ \t-\r]*[\[{"0-9-])', data.decode("utf8")):  # a mark in front hides it
        raise RefusedError("HTML or JSON")
    return text


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


def _without_blank_end(rows: list[str]) -> list[str]:
    while rows and not rows[-1].strip(" \r\n"):
        rows.pop()
    return rows


def _separator(rows: Sequence[str]) -> str:
    """That of the first two rows; a comma where none, or more than one, has the same count in both."""
    if not rows[0].strip():
        raise RefusedError("a blank first row")
    outside = ["".join(row.split('"')[::2]) for row in rows[:2]]
    counts = {s: [row.count(s) for row in outside] for s in SEPARATORS}
    fit = [s for s in SEPARATORS if counts[s][0] and counts[s][0] == counts[s][-1]]
    if "," in fit or not fit:
        return ","
    if len(fit) > 1:
        raise RefusedError("several separators")
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


def _is_name(cell: str) -> bool:
    """Whether nobody would write this for a number."""
    lowered = cell.lower()
    if lowered in MISSING or lowered in TRUTH or lowered.lstrip("+-") in ("inf", "infinity"):
        return False
    return not set(cell) <= NUMBERLIKE or cell[0] in "_eExX"


def number(cell: str) -> Number:
    """The float64 nearest to what a cell says; an integer that no float64 holds as it is; NaN for a missing value."""
    text = cell.strip()
    lowered = text.lower()
    if lowered in MISSING:
        return nan
    if lowered in TRUTH:
        return TRUTH[lowered]
    if lowered in INFINITE:
        return INFINITE[lowered]
    if not DECIMAL.fullmatch(text):
        raise RefusedError(f"not a number: {text!r}")
    value = nearest_of(text)
    if isinf(value):
        raise RefusedError("out of range")
    if WHOLE.fullmatch(text) and int(Decimal(text)) != int(value):
        return int(Decimal(text))
    return value


def nearest_of(text: str) -> float:
    """The float64 nearest to a decimal number, by division of integers; infinite where it is out of range."""
    mantissa, _, exponent = text.lower().partition("e")
    sign, digits = -1.0 if text.startswith("-") else 1.0, Decimal(mantissa)
    places = exponent.lstrip("+-").lstrip("0") or "0"
    power = min(int(places[:6]), 99_999) * (-1 if exponent.startswith("-") else 1)
    if not digits or digits.adjusted() + power < -400:
        return sign * 0.0
    if digits.adjusted() + power > 400:
        return sign * inf
    return copysign(nearest(abs(Fraction(digits) * Fraction(10) ** power)), sign)


def nearest(value: Fraction) -> float:
    try:
        return value.numerator / value.denominator
    except OverflowError:
        return inf if value > 0 else -inf


def mean_absolute_error(pred: Sequence[Number], target: Sequence[Number], drop: bool, allow_inf: bool) -> float:
    """The mean of the samples' absolute errors, each rounded once, the mean rounded once. Raises RefusedError."""
    pairs = list(zip(pred, target, strict=True))
    kept = [pair for pair in pairs if not any(isnan(value) for value in pair)]
    if (len(kept) < len(pairs) and not drop) or not kept:
        raise RefusedError("missing values")
    if any(isinf(value) for pair in kept for value in pair):
        if not allow_inf:
            raise RefusedError("infinite values")
        return nan if any(p == t and isinf(p) for p, t in kept) else inf
    losses = [_rounded(abs(Fraction(p) - Fraction(t))) for p, t in kept]
    return nearest(sum(losses, Fraction()) / len(losses))


def _rounded(value: Fraction) -> Fraction:
    """To 53 bits, also where that is beyond the largest float64: a mean may come back from there."""
    return 4 * Fraction(nearest(value / 4)) if value > 2**1022 else Fraction(nearest(value))
