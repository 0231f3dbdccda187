"""One cell of text: is it a number, a missing value, or what else; and what to tell its author."""

import re
from math import inf, isinf, nan

from losscli.literals import parse_number

MISSING = frozenset({"", "nan", "-nan", "+nan", "na", "n/a", "#n/a", "<na>", "null", "none"})
BOOLEANS = {"true": 1.0, "false": 0.0}
_NUMBERLIKE = re.compile(r"[0-9.,%+\-][0-9.,_eExX%+\- ]*", re.ASCII)  # x0 and e1 are names
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?", re.ASCII)


def number(cell: str) -> tuple[float | int, str]:
    """The number in a cell (NaN for a missing value, an int where float64 does not hold it), and what is wrong, if
    anything.
    """
    text = cell.strip()
    lowered = text.lower()
    if lowered in MISSING:
        return nan, ""
    if lowered in BOOLEANS:
        return BOOLEANS[lowered], ""
    value = parse_number(text)
    if value is None:
        return nan, _why(text)
    if isinstance(value, float) and isinf(value) and "inf" not in lowered:
        return inf, f"{printable(text.encode())} is out of the range of a float64"
    return value, ""


def _why(text: str) -> str:
    shown = printable(text.encode())
    if _THOUSANDS.fullmatch(text):
        return f"{shown} is not a number: a thousands separator? write {text.replace(',', '')}"
    if is_decimal_comma(text):
        return f"{shown} is not a number: a decimal comma? write {text.replace(',', '.')}"
    if len(text.split()) > 1 and all(parse_number(part) is not None for part in text.split()):
        return f"{shown} is not a number: columns separated by spaces? write commas"
    if text.startswith("["):
        return f"{shown} is not a number: a vector in a cell? use a column an entry, Parquet or NPY"
    odd = next((c for c in text if ord(c) > 126), None)
    return f"{shown} is not a number" + (f" (it holds U+{ord(odd):04X})" if odd else "")


def is_decimal_comma(cell: str) -> bool:
    """Whether a cell looks like a number written with a decimal comma."""
    return _DECIMAL_COMMA.fullmatch(cell.strip()) is not None


def is_header(cells: list[str]) -> bool:
    """Whether some cell is text that nobody would write for a number, so that a first row of numbers is never lost."""
    return any(_is_name(cell.strip()) for cell in cells)


def _is_name(cell: str) -> bool:
    lowered = cell.lower()
    if lowered in MISSING or lowered in BOOLEANS or lowered.lstrip("+-") in ("inf", "infinity"):
        return False
    return _NUMBERLIKE.fullmatch(cell) is None


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
