"""How far a float64 lies from an exact number, in units of the last place, and whether that is near enough."""

from math import inf, isinf, isnan
from sys import float_info
from typing import Any

from mpmath import isinf as is_infinite
from mpmath import isnan as is_undefined
from mpmath import ldexp, mag, mp, mpf

DIGITS = 150
BOUND = 4.0  # ulp: what is promised of values, gradients and Hessians


def spacing(size: Any) -> Any:
    """The distance of float64 numbers of that size, as an exact number; that of the subnormal ones below them."""
    return ldexp(mpf(1), max(int(mag(size)) - 53, -1074)) if size else ldexp(mpf(1), -1074)


def ulps(found: float, exact: Any, size: Any = None) -> float:
    """|found - exact| in units of the last place of `size`, which is the exact number's unless it is given.

    Beyond the largest float64 the nearest one is infinite, as it is where the number itself is infinite.
    """
    with mp.workdps(DIGITS):
        if is_undefined(exact) or isnan(found):
            return 0.0 if is_undefined(exact) and isnan(found) else inf
        largest = mpf(float_info.max) + spacing(mpf(float_info.max)) / 2
        if is_infinite(exact) or abs(exact) >= largest:
            return 0.0 if isinf(found) and (found > 0) == (exact > 0) else inf
        if isinf(found):
            return inf
        unit = spacing(abs(exact) if size is None or is_infinite(size) else max(size, abs(exact)))
        return float(abs(mpf(found) - exact) / unit)
