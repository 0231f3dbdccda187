"""Every row of a group against every other: in blocks of bounded size, by sums and products that depend on no order."""

from collections.abc import Iterator
from math import ceil, log2
from typing import TYPE_CHECKING

from losscli.lazy import np
from losscli.losses.stable import row_sum

if TYPE_CHECKING:
    from losscli.registry import Array

_AT_ONCE = 1 << 20  # pairs: of a group of 20,000 rows they would take 3 GB an array


def blocks(groups: int, rows: int) -> Iterator[tuple[slice, slice]]:
    """Groups, and of each the rows, to be taken at a time beside all rows of their groups.

    A group's rows are cut by their number alone, so that its bits do not depend on what other groups there are.
    """
    together, height = max(1, _AT_ONCE // rows**2), max(1, _AT_ONCE // rows)
    for group in range(0, groups, together):
        for row in range(0, rows, height):
            yield slice(group, group + together), slice(row, row + height)


def sums(terms: "Array") -> "Array":
    """Σ over the last axis, as `row_sum`."""
    found: Array = row_sum(terms.reshape(-1, terms.shape[-1])).reshape(terms.shape[:-1])
    return found


def column_sums(terms: "Array") -> "Array":
    """Σ over the last axis but one."""
    return sums(np.swapaxes(terms, -1, -2))


def difference(a: "Array", b: "Array") -> "tuple[Array, Array]":
    """The rounded a - b, and what the rounding lost (Knuth's TwoSum); nothing where it is infinite."""
    rounded = a - b
    back = rounded - a
    lost = (a - (rounded - back)) - (b + back)
    return rounded, np.where(np.isfinite(rounded), lost, 0.0)


def exp_difference(a: "Array", b: "Array") -> "Array":
    """The exponential of a - b, of which the rounding of the difference, which exp would magnify, is made good."""
    rounded, lost = difference(a, b)
    power = np.exp(rounded)
    mended: Array = power + np.where(power > 0, power * lost, 0.0)
    return mended


def normalised(others: "Array", top: "Array", share: "Array | float" = 1.0) -> "tuple[Array, Array, Array]":
    """Of exponentials relative to the largest of a row, which stands as 0 at `top` and counts `share`: the logarithm of
    their sum, what each is of it, and what it lacks to 1, each from the small side.
    """
    rest = sums(others)[..., None]
    whole = share + rest
    p = others / whole
    np.put_along_axis(p, top, share / whole, axis=-1)
    q = 1 - p
    np.put_along_axis(q, top, rest / whole, axis=-1)
    return np.log1p(rest + (share - 1))[..., 0], p, q


def product(left: "Array", right: "Array") -> "Array":
    """The matrix product of (…, r, k) and (…, k, c), whose bits depend on no library's order of additions.

    Both are cut into slices of so few bits that the products of two slices add up exactly, in any order (Ozaki, Ogita,
    Oishi and Rump 2012, Error-free transformations of matrix multiplication); what is left out is below 2^-53 of the
    largest entry of the row times that of the column.
    """
    bits = (53 - ceil(log2(left.shape[-1] + 1))) // 2
    count = ceil(55 / bits)
    (rows, row_shift), (columns, column_shift) = _slices(left, bits, count, -1), _slices(right, bits, count, -2)
    total = np.zeros(1)
    for order in reversed(range(count)):  # the least first
        for k in range(order + 1):
            total = total + rows[k] @ columns[order - k]
    scaled_back: Array = np.ldexp(total, row_shift + column_shift)
    return scaled_back


def _slices(matrix: "Array", bits: int, count: int, axis: int) -> "tuple[list[Array], Array]":
    """What a matrix is the sum of, each of so many bits, relative to a power of two of each of its rows or columns."""
    shift = np.frexp(np.abs(matrix).max(axis=axis, keepdims=True))[1]
    rest, found = np.ldexp(matrix, -shift), []
    for k in range(1, count + 1):
        part = np.rint(rest * 2.0 ** (k * bits)) * 2.0 ** (-k * bits)
        found.append(part)
        rest = rest - part
    return found, shift
