"""Rows that are sequences: in the shape that they had before a file laid them flat, and how many entries of each count.

Sequences lie in an array, (n, T) or (n, T, C), beside their lengths (n,), or they are an array of arrays, one a row.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from losscli.columns import Binding
from losscli.formats import lists_of
from losscli.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

CELLS = 1 << 19  # numbers of sequences that are looked at together: a block of 4 MiB


def rows_at_once(bindings: Sequence[Binding], most: int) -> int:
    """How many rows a batch has, so that sequences do not fill the memory; others are as many as they may."""
    widths = [len(b.columns) for b in bindings if b.sequence and b.reader.row_shape]
    return max(1, min(most, CELLS // max(widths, default=1)))


def unfolded(values: Mapping[str, Any], bindings: Sequence[Binding]) -> dict[str, Any]:
    """The values of all roles, sequences in their shape, and their lengths where no column has them. What lies behind
    the end of a sequence is no value, and not missing either.
    """
    found = dict(values)
    for b in bindings:
        is_whole = bool(b.reader.row_shape) and len(b.columns) == len(b.reader.columns)
        if b.sequence and is_whole and lists_of(found[b.role]) is None:
            found[b.role] = found[b.role].reshape(-1, *b.reader.row_shape)
    for b in bindings:
        if b.lengths_of:
            found[b.role] = own_lengths(found[b.lengths_of])
    for role in [b.role for b in bindings if b.sequence and f"{b.role}_lengths" in found]:
        found[role] = _without_padding(found[role], found[f"{role}_lengths"])
    return found


def own_lengths(values: "Array") -> "Array":
    """How many entries each row has."""
    if lists_of(values) is not None:
        return np.array([len(row) for row in values], np.int64)
    return np.full(len(values), values.shape[1] if values.ndim > 1 else 1, np.int64)


def _without_padding(values: "Array", lengths: Any) -> "Array":
    """Zeros in place of NaN behind the ends."""
    if lists_of(values) is not None or values.dtype.kind != "f" or not np.isnan(values.min(initial=0.0)):
        return values
    if getattr(lengths, "shape", ()) != values.shape[:1] or values.ndim < 2:
        return values  # which is refused
    behind = np.arange(values.shape[1]) >= lengths[:, None]
    return np.where(behind.reshape(*behind.shape, *[1] * (values.ndim - 2)), 0.0, values)


def cut(values: "Array", lengths: "Array") -> "Array":
    """An array of arrays: the entries of each row that count."""
    found = np.empty(len(values), object)
    for k, length in enumerate(lengths.tolist()):
        found[k] = values[k, :length]
    return found
