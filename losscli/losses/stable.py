"""Formulas that several losses share, in the form that neither cancels nor overflows."""

from typing import TYPE_CHECKING

from losscli.lazy import np

if TYPE_CHECKING:
    from losscli.registry import Array


def times(weight: "Array", value: "Array") -> "Array":
    """Weight times value, with 0 · inf = 0: an outcome that does not happen costs nothing."""
    return np.where(weight == 0, 0.0, weight * value)


def over(weight: "Array", p: "Array") -> "Array":
    """Weight divided by p, with 0 / 0 = 0; dividing by p twice does not overflow where dividing by p² would."""
    return np.where(weight == 0, 0.0, weight / p)


def row_sum(terms: "Array") -> "Array":
    """Σ over each row with a rounding error of about one addition: a tree of additions that keeps what each loses
    (Knuth's TwoSum). The order depends on the number of columns alone, so the bits depend on nothing else.
    """
    parts = np.ascontiguousarray(terms.T)  # a column's entries side by side: the rows are added up at once
    lost = np.zeros_like(parts)
    while len(parts) > 1:
        half = len(parts) // 2
        a, b = parts[:half], parts[half : 2 * half]
        total = a + b
        back = total - a
        error = lost[:half] + lost[half : 2 * half] + ((a - (total - back)) + (b - back))
        parts, lost = (np.concatenate([x, y[2 * half :]]) for x, y in ((total, parts), (error, lost)))
    summed: Array = np.where(np.isfinite(parts[0]), parts[0] + lost[0], parts[0])
    return summed


def others_of(terms: "Array") -> "Array":
    """For each entry of a row the sum of the others; for the largest in size from themselves, as a difference would
    cancel there.
    """
    top = np.argmax(np.abs(terms), axis=1)[:, None]
    rest = terms.copy()
    np.put_along_axis(rest, top, 0.0, axis=1)
    others: Array = row_sum(terms)[:, None] - terms
    np.put_along_axis(others, top, row_sum(rest)[:, None], axis=1)
    return others


_NEAR = 0.5  # |p - t| / (p + t) up to which the series is taken
_TERMS = 25  # of the series: the next is below 2^-53 of the first


def divergence(t: "Array", p: "Array", log_ratio: "Array", difference: "Array | None" = None) -> "Array":
    """T ln(t/p) + p - t, which is never negative, to a few ulp, also for p near t; `log_ratio` is ln(t/p), and
    `difference` p - t, where that is known better than from the two.

    With u = (p-t)/(p+t) it is (p-t) u - 2 t u³ (1/3 + u²/5 + u⁴/7 + …), from ln(p/t) = 2 artanh u: Loader's form of the
    saddle-point deviance (Loader 2000, Fast and accurate computation of binomial probabilities).
    """
    difference = p - t if difference is None else difference
    u = difference / (p + t)
    near = np.abs(u) < _NEAR
    u = np.where(near, u, 0.0)
    square, series = u * u, np.zeros_like(u)
    for k in reversed(range(_TERMS)):
        series *= square
        series += 1 / (2 * k + 3)
    close = difference * u - 2 * t * u * square * series
    return np.where(near, close, difference + times(t, log_ratio))
