"""Ours with rows or columns in other places: reversed, shifted, permuted, transposed."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from losscli.gradcheck.case import Case, Claim
from losscli.lazy import np

if TYPE_CHECKING:
    from losscli.registry import Array

_SEED = 0  # the same keys each time


def other_columns(case: Case) -> Iterator[Claim]:
    """Columns in another order; in a square matrix, columns for rows."""
    rows, columns = case.user.shape
    if columns == 1:
        return
    if rows == columns:
        text = "it is transposed"
        yield replace(case.ours, cause="transposed", text=text, values=case.ours.values.T, exposed=case.ours.exposed.T)
    yield case.ours.moved("columns_reversed", "its columns are in reverse order", np.s_[:, ::-1])
    for order in _orders(*_keys(case, axis=0)):
        listed = ", ".join(map(str, order[:20].tolist())) + (" …" if columns > 20 else "")
        text = f"its columns are in another order: they are ours of {listed}"
        yield case.ours.moved("columns_permuted", text, np.s_[:, order])


def other_rows(case: Case) -> Iterator[Claim]:
    """Rows in another order, or all moved on by a few."""
    rows = len(case.user)
    yield case.ours.moved("rows_reversed", "its rows are in reverse order", np.s_[::-1])
    mine, theirs = _keys(case, axis=1)
    by = _shift(mine, theirs)
    if by:
        source = (np.arange(rows) - by) % rows
        text = f"its rows are shifted by {by}: row {max(by, 0)} holds our row {max(-by, 0)}"
        yield case.ours.moved("rows_rotated", f"{text}, and those pushed out come back at the other end", source)
        wrapped = np.arange(rows) - by != source
        yield case.ours.moved("rows_shifted", text, source, np.broadcast_to(wrapped[:, None], case.user.shape))
    if len(np.unique(theirs)) > 0.9 * rows:  # rows that are alike would fit in many orders
        for order in _orders(mine, theirs):
            text = f"its rows are in another order: row 0 holds our row {order[0]}"
            yield case.ours.moved("rows_permuted", text, order)


def _keys(case: Case, axis: int) -> "tuple[Array, Array]":
    """A number for each row (axis 1) or column (axis 0) of the gradient and of ours, alike where those are."""
    factors = np.random.default_rng(_SEED).normal(size=case.user.shape[axis])
    finite = [np.nan_to_num(values, posinf=0.0, neginf=0.0) for values in (case.user, case.ours.values)]
    mine, theirs = (np.tensordot(values, factors, axes=(axis, 0)) for values in finite)
    return mine, theirs


def _orders(mine: "Array", theirs: "Array") -> "Iterator[Array]":
    """The orders of theirs that may be mine, up to a factor of either sign."""
    for sign in (1, -1):
        order = np.empty(len(mine), dtype=np.intp)
        order[np.argsort(mine, kind="stable")] = np.argsort(sign * theirs, kind="stable")
        yield order


def _shift(mine: "Array", theirs: "Array") -> int:
    """By how many rows mine lies behind theirs, where their ranks go together best."""
    ranks = [np.unique(keys, return_inverse=True)[1].astype(np.float64) for keys in (mine, theirs)]
    first, second = (np.fft.rfft(r - r.mean()) for r in ranks)
    spectrum = first * np.conj(second)
    by = int(np.argmax(np.abs(np.fft.irfft(spectrum, len(mine)))))
    return by - len(mine) if 2 * by > len(mine) else by
