"""Numbers as text: one strict grammar for cells and for parameters, and one way to write them."""

import re
from math import inf, isinf, isnan

_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)
_CODE = re.compile(r"[+-]?0[0-9].*")  # 007
_INFINITE = {"inf": inf, "+inf": inf, "-inf": -inf, "infinity": inf, "+infinity": inf, "-infinity": -inf}


def parse_measure(text: str) -> float | int | None:
    """The number that a cell of a column is: as `parse_number`, but 007 is a name, not a number."""
    return None if _CODE.fullmatch(text) else parse_number(text)


def is_integer(text: str) -> bool:
    """Whether the text is an integer written with digits alone."""
    return _INTEGER.fullmatch(text) is not None


def parse_number(text: str) -> float | int | None:
    """The number a text stands for, or None: ASCII decimal only, no hex, no underscores, no separators.

    An integer that no float64 holds stays an int; everything else is the nearest float64 (1e400 is infinite).
    """
    if _NUMBER.fullmatch(text) is None:
        return _INFINITE.get(text.lower())
    value = float(text)
    if abs(value) >= 2.0**53 and not isinf(value) and is_integer(text):
        whole = int(text.lstrip("+-").lstrip("0")) * (-1 if value < 0 else 1)
        return value if whole == value else whole
    return value


def parse_limit(text: str) -> float | None:
    """The float64 a parameter's text stands for; None for what is no number, or is too large without saying `inf`."""
    value = parse_number(text.strip())
    if value is None or (isinf(value) and "inf" not in text.lower()):
        return None
    return float(value)


def format_number(value: float) -> str:
    """The shortest text that reads back as the same float64; `inf`, `-inf`, `nan`."""
    return "nan" if isnan(value) else repr(float(value))


def canonical(value: object) -> str:
    """A parameter's value in a SPEC: as short as it can be, without a plus sign or a trailing `.0`."""
    if value is None:
        return "none"
    if isinstance(value, (tuple, list)):
        return "/".join(canonical(item) for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return format_number(value).replace("e+", "e").removesuffix(".0")
    return str(value)


def near(word: str, known: "list[str] | tuple[str, ...]") -> str:
    """` - did you mean 'huber'?`, or nothing where no known word is near."""
    from difflib import get_close_matches  # a slow import that only a mistake needs

    lowered = {name.lower(): name for name in known}
    matches = get_close_matches(word.lower(), list(lowered), n=1, cutoff=0.6)
    return f"; did you mean '{lowered[matches[0]]}'?" if matches else ""
