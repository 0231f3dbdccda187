"""Losses of groups and of the whole: their rows are held until all are there, and then computed at once.

Rows of a group are put in an order that their values alone decide, so that no bit depends on the order of the file.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from losscli.errors import InputError
from losscli.exact import Exact
from losscli.lazy import np
from losscli.literals import canonical
from losscli.numbering import Numbered
from losscli.registry import Loss
from losscli.states import Moments
from losscli.tables import Batch

if TYPE_CHECKING:
    from losscli.registry import Array

_AT_ONCE = 1 << 20  # numbers that are computed with at once
_FEW = 4  # columns that are sorted one by one; more are sorted as bytes


class Part(NamedTuple):
    """What is held of a batch: the arrays of the roles, weights, row numbers, and the number of each row's group."""

    arrays: "Sequence[Array]"
    weight: "Array | None"
    rows: "Array"
    codes: "Array"


class Grouping:
    """Which rows are one group: those with one value in a column, or where none is named all."""

    def __init__(self, name: str = "") -> None:
        self.name, self._numbered = name, Numbered()
        self._last: tuple[Batch, Array] | None = None

    def codes(self, batch: Batch) -> "Array":
        """The number of each row's group. Raises InputError where the column has no value."""
        if self._last is None or self._last[0] is not batch:  # several losses ask for the same
            self._last = batch, self._found(batch)
        return self._last[1]

    def _found(self, batch: Batch) -> "Array":
        if batch.group is None:
            return np.zeros(len(batch.rows), np.int64)
        codes = self._numbered.keyed(batch.group)
        if None in self._numbered.keys and (codes == self._numbered.keys.index(None)).any():
            row = int(np.argmax(codes == self._numbered.keys.index(None)))
            place = batch.at(f"group:{self.name}", row, None)
            raise InputError(f"{place}: missing group; fill in, or leave such rows out: --missing drop")
        return codes

    def called(self, code: int) -> str:
        """A group, as it is named in a message."""
        return f"{self.name} {canonical(self._numbered.keys[code])}" if self._numbered.keys else "the rows"


class Holding:
    """The rows of one loss, up to `cap` bytes; what they come to when all are there."""

    def __init__(self, loss: Loss, grouping: Grouping, cap: int, order: int) -> None:
        self.loss, self._grouping, self._cap, self._order = loss, grouping, cap, order
        self._parts: list[Part] = []
        self._held = self._given = 0
        self._derivatives: dict[str, list[Array]] = {}

    def add(self, arrays: "Sequence[Array]", batch: Batch) -> None:
        """Take a batch. Raises InputError where more than `cap` bytes would be held."""
        rows, codes = np.asarray(batch.rows), self._grouping.codes(batch)
        part = Part([a.copy() for a in arrays], batch.weight, rows, codes)
        self._held += sum(a.nbytes for a in (*part.arrays, rows, codes)) + (batch.weight is not None) * rows.nbytes
        if self._held > self._cap:
            raise InputError(
                f"{self.loss.name} needs {'complete groups' if self.loss.scope == 'group' else 'all rows at once'}, "
                f"and more than {self._cap} bytes would be held: say --max-bytes N, or take fewer rows"
            )
        self._parts.append(part)

    def state(self, spread: bool) -> Moments:
        """The state of all rows; their derivatives are kept for `derivatives`."""
        if not self._parts:
            return Moments()
        held, self._parts = _joined(self._parts), []
        order = _by_values(held)
        return self._of_whole(held, order) if self.loss.scope == "whole" else self._of_groups(held, order, spread)

    def _of_whole(self, held: Part, order: "Array") -> Moments:
        weight = np.ones(len(order)) if held.weight is None else held.weight
        places = order[None]
        value = self._computed(held, places, [weight[places]])
        return Moments(len(order), Exact.of(weight), (Exact.of(value),))

    def _of_groups(self, held: Part, order: "Array", spread: bool) -> Moments:
        order = order[np.argsort(held.codes[order], kind="stable")]
        codes = held.codes[order]
        starts = np.flatnonzero(np.append(True, codes[1:] != codes[:-1]))
        sizes = np.diff(np.append(starts, len(codes)))
        values = np.empty(len(starts))
        for size in np.unique(sizes).tolist():
            for some in self._chunks(np.flatnonzero(sizes == size), size, held):
                values[some] = self._computed(held, order[starts[some][:, None] + np.arange(size)], [])
        first = np.minimum.reduceat(held.rows[order], starts)
        weight = self._weights(held, order, starts)
        return Moments.of_samples(values, weight, first.tolist(), spread)

    @staticmethod
    def _chunks(groups: "Array", size: int, held: Part) -> "Iterator[Array]":
        """So many groups of one size that memory does not grow with their number."""
        width = size * sum(a[:1].size for a in held.arrays)
        step = max(_AT_ONCE // max(width, size * size), 1)
        return (groups[k : k + step] for k in range(0, len(groups), step))

    def _computed(self, held: Part, places: "Array", more: "list[Array]") -> "Array":
        """The values of groups of one size, (g,); the derivatives go to the places of their rows."""
        value, *derivatives = self.loss.yielded([*(a[places] for a in held.arrays), *more], self._order)
        roles = self.loss.kind.predictions
        for k, derivative in enumerate(derivatives):
            several = derivative if len(roles) > 1 else (derivative,)
            for role, found in zip(roles, several, strict=True):
                like = held.arrays[self.loss.kind.role_names.index(role)]
                orders = self._derivatives.setdefault(role, [np.empty(like.shape) for _ in range(self._order)])
                orders[k][places] = found
        computed: Array = value
        return computed

    def _weights(self, held: Part, order: "Array", starts: "Array") -> "Array | None":
        """The weight of each group, which is that of each of its rows. Raises InputError where they differ."""
        if held.weight is None:
            return None
        weight = held.weight[order]
        low, high = np.minimum.reduceat(weight, starts), np.maximum.reduceat(weight, starts)
        if (low != high).any():
            k = int(np.argmax(low != high))
            group = self._grouping.called(int(held.codes[order][starts[k]]))
            raise InputError(
                f"{group} has rows of weight {canonical(float(low[k]))} and of weight {canonical(float(high[k]))}; "
                f"{self.loss.name} has a value a group, and a group one weight"
            )
        first: Array = weight[starts]
        return first

    def derivatives(self, count: int) -> "Mapping[str, list[tuple[Array, ...]]]":
        """Those of the next so many rows, in the order they came in."""
        start, self._given = self._given, self._given + count
        some = slice(start, self._given)
        found: dict[str, list[tuple[Array, ...]]] = {}
        for role, orders in self._derivatives.items():
            found[role] = [(derivative[some],) for derivative in orders]
        return found


def _joined(parts: Sequence[Part]) -> Part:
    weights = [part.weight for part in parts if part.weight is not None]
    return Part(
        [np.concatenate(several) for several in zip(*(part.arrays for part in parts), strict=True)],
        np.concatenate(weights) if weights else None,
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.codes for part in parts]),
    )


def _by_values(held: Part) -> "Array":
    """An order of the rows that their values and weights alone decide."""
    columns = [c for a in held.arrays for c in (a.T if a.ndim == 2 else a[None])]
    columns += [] if held.weight is None else [held.weight]
    if len(columns) <= _FEW:
        return np.lexsort(columns[::-1])
    table = np.ascontiguousarray(np.stack(columns, axis=1, dtype=np.float64))
    return np.argsort(table.view(f"V{table.shape[1] * 8}")[:, 0], kind="stable")


__all__ = ["Grouping", "Holding"]
