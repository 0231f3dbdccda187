"""Numbers as text, and the one loss that is asked for, from their rules alone: nothing of losscli is imported."""

import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from math import copysign, inf, isinf, isnan, nan

SPACE = " \t\r\n"
MISSING = ("", "nan", "-nan", "+nan", "na", "n/a", "#n/a", "<na>", "null", "none")
TRUTH = {"true": 1.0, "false": 0.0}
INFINITE = {
    f"{sign}{word}": value for word in ("inf", "infinity") for sign, value in [("", inf), ("+", inf), ("-", -inf)]
}
DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
WHOLE = re.compile(r"[+-]?[0-9]+")

Number = float | int


class RefusedError(Exception):
    """The file is not to be read."""


def number(cell: str, decimal: str = ".", thousands: str | None = None) -> Number:
    """The float64 nearest to what a cell says; an integer that no float64 holds as it is; NaN for a missing value."""
    lowered = cell.strip(SPACE).lower()
    if lowered in MISSING:
        return nan
    if lowered in TRUTH:
        return TRUTH[lowered]
    if lowered in INFINITE:
        return INFINITE[lowered]
    text = in_points(cell.strip(SPACE), decimal, thousands)
    if not DECIMAL.fullmatch(text):
        raise RefusedError(f"not a number: {text!r}")
    value = nearest_of(text)
    if isinf(value):
        raise RefusedError("out of range")
    if WHOLE.fullmatch(text) and int(Decimal(text)) != int(value):
        return int(Decimal(text))
    return value


def in_points(text: str, decimal: str, thousands: str | None) -> str:
    """A number as it is written with a decimal point and without groups. Raises RefusedError where it is not written
    as is said.
    """
    if thousands and thousands in text:
        whole, _, fraction = text.partition(decimal)
        first, *groups = whole.lstrip("+-").split(thousands)
        is_grouped = 1 <= len(first) <= 3 and all(len(group) == 3 for group in groups)
        if not is_grouped or not set("".join((first, *groups, fraction))) <= set("0123456789"):
            raise RefusedError("not in groups of three")
        text = text.replace(thousands, "")
    if decimal == "." or not text:
        return text
    if "." in text:
        raise RefusedError("a point, where commas are decimal")
    return text.replace(decimal, ".")


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
