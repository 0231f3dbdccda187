"""One cell of text: is it a number, a missing value, or what else; and what to tell its author."""

import re
import unicodedata
from functools import cache
from math import inf, isinf, nan
from typing import NamedTuple

from losscli.literals import parse_number

MISSING = frozenset({"", "nan", "-nan", "+nan", "na", "n/a", "#n/a", "<na>", "null", "none"})
BOOLEANS = {"true": 1.0, "false": 0.0}
SPACE = " \t\r\n"  # around a cell; other white space, such as U+00A0, is seen by nobody and belongs to no number
_NUMBERLIKE = re.compile(r"[0-9.,%+\-][0-9.,_eExX%+\- ]*", re.ASCII)  # x0 and e1 are names
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?", re.ASCII)
_BOTH = re.compile(r"[+-]?[0-9]{1,3}(\.[0-9]{3})+,[0-9]*", re.ASCII)
_VALUES = (  # what is no number, but what somebody wrote for one: its form, and what to do
    (r"[+-]?0x[0-9a-f]+", "hexadecimal? write it in decimal"),
    (r"[+-]?[0-9]+_[0-9._]*", "digits grouped by '_'? write them without"),
    (r"[+-]?[0-9]+(\.[0-9]*)?d[+-]?[0-9]+", "Fortran's exponent? write e for d"),
    (r"[+-]?(nan\(.*\)|[0-9]\.[0-9]*#\w*)", "NaN or infinity as a C program wrote it? write nan or inf"),
    (r"[+-]?[0-9.,]+ ?%", "a percentage? write the number it is, 0.5 for 50%"),
    (r"[+-]?[0-9.]+([+-][0-9.]*)?[ij]|\([0-9.+-]+[ij]\)", "a complex number? losses are of real ones"),
    (r"[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}([t ].*)?|[0-9]{1,2}([-/.])[0-9]{1,2}\2[0-9]{2,4}", "a date"),
    (r"[0-9]{1,2}:[0-9]{2}(:[0-9.]+)?( ?[ap]m)?", "a time"),
    (r"'[0-9.+-].*'", "in single quotes? take them out, or write double ones"),
    (r"\[[\s0-9.+-].*", "a vector in a cell? use a column an entry, Parquet or NPY"),
)
_MARKS = (  # the same, of what may be a column's name too
    (r"yes|no|y|n", "a truth value? write 1 and 0, or true and false"),
    (r"[-?.]+|missing|unknown", "a missing value? leave the cell empty"),
    (r"(#|//|%).*", "a comment? --comment '#' skips whole lines that begin so"),
    ("\x1a.*", "Ctrl-Z, which ended files in DOS; take it out"),
)
_MONEY = r"(?:\$|USD|EUR|GBP|CHF|JPY|CNY|INR)"
_LONG = 200  # characters


@cache
def _shapes() -> list[tuple[re.Pattern[str], str]]:
    """Compiled where a cell is not what it should be: most files have none."""
    return [(re.compile(form, re.ASCII | re.DOTALL), what) for form, what in (*_VALUES, *_MARKS)]


class Notation(NamedTuple):
    """How numbers are written: the decimal separator, and what parts groups of three digits before it, if anything."""

    decimal: str = "."
    thousands: str | None = None

    def standard(self, text: str) -> str | None:
        """The text with a decimal point and no groups; None where it is not written as is said."""
        if self.thousands and self.thousands in text:
            mark, point = re.escape(self.thousands), re.escape(self.decimal)
            if not re.fullmatch(rf"[+-]?[0-9]{{1,3}}({mark}[0-9]{{3}})+({point}[0-9]*)?", text, re.ASCII):
                return None
            text = text.replace(self.thousands, "")
        if self.decimal == ".":
            return text
        return None if "." in text else text.replace(self.decimal, ".")

    def text(self, cell: str) -> str:
        """A cell of text; one that is a number, as conditions, bins and labels may take it, in the usual notation."""
        text = cell.strip(SPACE)
        if self == POINT:
            return text
        written = self.standard(text)
        return text if written is None or parse_number(written) is None else written


POINT = Notation()


def number(cell: str, notation: Notation = POINT) -> tuple[float | int, str]:
    """The number in a cell (NaN for a missing value, an int where float64 does not hold it), and what is wrong, if
    anything.
    """
    text = cell.strip(SPACE)
    if notation is POINT and (plain := parse_number(text)) is not None and abs(plain) < inf:
        return plain, ""
    lowered = text.lower()
    if lowered in MISSING:
        return nan, ""
    if lowered in BOOLEANS:
        return BOOLEANS[lowered], ""
    written = text if notation is POINT else notation.standard(text)
    value = None if written is None else parse_number(written)
    if value is None:
        return nan, _why(text, notation)
    if isinstance(value, float) and isinf(value) and "inf" not in lowered:
        return inf, f"{printable(text.encode())} is out of the range of a float64"
    return value, ""


def _why(text: str, notation: Notation) -> str:
    guess = _guess(text, notation)
    return f"{printable(text.encode())} is not a number" + (f": {guess}" if guess else "")


def _guess(text: str, notation: Notation) -> str:
    """What somebody may have meant, and how to write it."""
    if len(text) > _LONG:  # patterns may take long over such a text, which is none of these but a vector
        text = text[:2] if text.startswith("[") else ""
    if guess := _of_separators(text, notation):
        return guess
    if len(text.split()) > 1 and all(parse_number(part) is not None for part in text.split()):
        return "columns separated by spaces? --delimiter ' ', or write commas"
    if odd := next((c for c in text if not c.isascii()), None):
        return f"it holds U+{ord(odd):04X}{_meant(odd)}"
    if _is_money(text):
        return "an amount of money? write the number alone"
    return next((what for form, what in _shapes() if form.fullmatch(text.lower())), "")


def _of_separators(text: str, notation: Notation) -> str:
    mark = notation.thousands
    if notation.decimal == "." and is_decimal_comma(text) and not (mark or _THOUSANDS.fullmatch(text)):
        return f"a decimal comma? --decimal , reads it, or write {text.replace(',', '.')}"
    if mark and mark in text:
        return f"its digits are not in groups of three, parted by '{mark}'"
    if _BOTH.fullmatch(text):
        return "--decimal , --thousands . reads it"
    if notation.decimal == "." and _THOUSANDS.fullmatch(text):
        return f"a thousands separator? --thousands , reads it, or write {text.replace(',', '')}"
    if notation.decimal == "," and "." in text and parse_number(text) is not None:
        return "it has a decimal point, and --decimal ',' holds for all files; write them alike"
    return ""


def _meant(odd: str) -> str:
    """What is to be written for a character that only looks right."""
    if odd.isdecimal():
        return f"; write the digit {unicodedata.decimal(odd)}"
    if unicodedata.category(odd) == "Sc":
        return ", an amount of money? write the number alone"
    if odd.isspace():
        return ", a space that is none of ASCII; take it out"
    return "; write the hyphen-minus of ASCII" if odd in "\u2212\u2010\u2011\u2013\u2014" else ""


def _is_money(text: str) -> bool:
    """`$1`, `1 EUR`."""
    bare = re.sub(rf"^([+-]?){_MONEY} ?| ?{_MONEY}$", r"\1", text)
    return bare != text and re.fullmatch(r"[+-]?[0-9][0-9.,]*", bare) is not None


def is_decimal_comma(cell: str) -> bool:
    """Whether a cell looks like a number written with a decimal comma."""
    return _DECIMAL_COMMA.fullmatch(cell.strip(SPACE)) is not None


def is_header(cells: list[str], notation: Notation = POINT) -> bool:
    """Whether some cell is text that nobody would write for a number, so that a first row of numbers is never lost."""
    return any(_is_name(cell.strip(), notation) for cell in cells)


def _is_name(cell: str, notation: Notation) -> bool:
    lowered = cell.lower()
    if lowered in MISSING or lowered in BOOLEANS or lowered.lstrip("+-") in ("inf", "infinity"):
        return False
    if _NUMBERLIKE.fullmatch(cell) or _is_money(cell) or not any(c.isalpha() for c in cell):
        return False
    is_value = not cell.isidentifier() and any(form.fullmatch(lowered) for form, _ in _shapes()[: len(_VALUES)])
    return not is_value and bool(number(cell, notation)[1])


def breaks_pattern(first: list[str], second: list[str]) -> bool:
    """Whether a first row without a name may be a header all the same: numbers of columns or classes over other values.

    pandas writes such headers for frames without names: `0,1,2`, `,0`, `0` over decimals, `False,True`, and for any a
    first cell that is empty over an index.
    """
    if len(first) > 1 and first[0] == "" and second[:1] == ["0"]:
        return True
    filled = first[1:] if first[:1] == [""] else first
    counted = [str(k) for k in range(len(filled))], [str(k + 1) for k in range(len(filled))]
    if filled in counted and (len(first) > 1 or first == ["0"]):
        below = second[len(first) - len(filled) :]
        return first != filled or any(not cell.isdigit() for cell in below)
    booleans = [cell.lower() in BOOLEANS for cell in first]
    return all(booleans) and len(first) > 1 and any(cell.lower() not in BOOLEANS for cell in second)


def printable(raw: bytes) -> str:
    """A piece of a file in quotes, short and on one line; control characters are escaped when it is printed."""
    text = raw.decode("utf8", "replace")
    return f"'{text[:40]}…'" if len(text) > 40 else f"'{text}'"
