"""Weak slices: groups of rows, found in the other columns of a table, whose losses are higher than the rest's.

A group is a cell of one column (a category, or a bin of numbers) or of two. Its losses are compared with the rest's by
a one-sided rank test (`ranks.py`), a cell of two columns also with the rest of either parent, and the p-values of all
the tests done are adjusted together, so that the expected share of groups reported in error is at most the level.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.formats import Labels
from losscli.lazy import np
from losscli.literals import canonical, parse_measure
from losscli.ranks import PLAIN, Pools, adjusted, sums_by_code
from losscli.states import Moments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Floats = NDArray[np.float64]

LOOKED_AT = 1_000_000  # samples held; of more, as many are drawn
CATEGORIES = 50  # a column of more texts is not of categories
DISTINCT = 12  # numbers of more distinct values are binned
BINS = 5
PAIRED = 16  # columns of which all pairs are looked at: the first, which does not depend on the losses
LEAST = 20  # rows of the smallest group looked at,
SHARE = 500  # or one in so many rows, if that is more
MISSING = "missing"
_MIXED = "numbers in some rows, text in others"


class Slice(NamedTuple):
    """A group whose losses are higher than the rest's beyond chance.

    `where` holds its columns and cells; `mean` and `rest_mean` are weighted means of the losses, `share` is its share
    of the total loss. `effect` is the probability that a row of the group has a larger loss than one of the rest, ties
    half (Vargha and Delaney 2000, doi:10.3102/10769986025002101); `p` is the test's p-value (of a pair the largest of
    its three tests'), and `q` the least level at which the group is reported.
    """

    where: tuple[tuple[str, str], ...]
    n: int
    weight: float
    mean: float
    share: float
    rest_mean: float
    effect: float
    p: float
    q: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {**self._asdict(), "where": dict(self.where)}


# Rows, held up to a limit


class _Rows(NamedTuple):
    """Samples in the order of the table: their keys, losses, weights, and codes or numbers by column."""

    keys: "Array"
    losses: "Floats"
    weight: "Floats | None"
    columns: "Mapping[str, Array]"

    def take(self, index: "Array") -> "_Rows":
        weight = None if self.weight is None else self.weight[index]
        return _Rows(self.keys[index], self.losses[index], weight, {k: v[index] for k, v in self.columns.items()})

    @staticmethod
    def join(parts: "Sequence[_Rows]", names: Sequence[str]) -> "_Rows":
        weights = [part.weight for part in parts if part.weight is not None]
        return _Rows(
            np.concatenate([part.keys for part in parts]),
            np.concatenate([part.losses for part in parts]),
            np.concatenate(weights) if weights else None,
            {name: np.concatenate([part.columns[name] for part in parts]) for name in names},
        )


def _keys(start: int, count: int) -> "Array":
    """A pseudo-random 64-bit number for each row number: SplitMix64 (Steele, Lea and Flood 2014,
    doi:10.1145/2660193.2660195), which mixes a counter, so a row's key depends on nothing but its number.
    """
    key = np.arange(start + 1, start + count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Array = key ^ (key >> np.uint64(31))
    return mixed


class WeakSlices:
    """Samples with the columns of their rows, to be added batch by batch and then searched for weak slices.

    Of more than `looked_at` samples those with the smallest keys are held, a uniform sample without replacement that
    depends on the order of the rows but not on how they were cut into batches; every number in a `Slice` is then the
    sample's. `seen` counts the samples added, `looked` those held. Samples of weight 0 are left out.
    A group and its rest have at least `min_size` rows: 20, or one in 500 rows if that is more, unless given.
    """

    def __init__(self, names: Sequence[str], *, looked_at: int = LOOKED_AT, min_size: int | None = None) -> None:
        self._limit = looked_at
        self._min_size = min_size
        self._bar = np.uint64(0xFFFFFFFFFFFFFFFF)  # the largest key that may still be held
        self._parts: list[_Rows] = []
        self._texts: dict[str, dict[str, int]] = {}  # of a column of text: each category's code
        self._names = list(names)
        self.seen = 0
        self.skipped: dict[str, str] = {}  # columns that are no candidates, and why

    def add(self, losses: "Floats", weight: "Floats | None", columns: "Mapping[str, Array | Labels]") -> None:
        """Take a batch: `losses` (n,), `weight` (n,) ≥ 0 or None, and `columns` by name, each of n rows."""
        if weight is not None and not weight.all():
            counted = np.flatnonzero(weight)
            losses, weight = losses[counted], weight[counted]
            columns = {name: columns[name][counted] for name in self._names if name not in self.skipped}
        keys = _keys(self.seen, len(losses))
        self.seen += len(losses)
        taken = {name: self._take(name, columns[name]) for name in self._names if name not in self.skipped}
        rows = _Rows(keys, losses, weight, {name: v for name, v in taken.items() if v is not None})
        near = keys <= self._bar
        self._parts.append(rows if near.all() else rows.take(np.flatnonzero(near)))
        if sum(len(part.keys) for part in self._parts) > self._limit + self._limit // 4:
            self._parts = [self._held()]
            self._bar = self._parts[0].keys.max()

    @property
    def looked(self) -> int:
        return min(self.seen, self._limit)

    def _held(self) -> _Rows:
        rows = _Rows.join(self._parts, [name for name in self._names if name not in self.skipped])
        if len(rows.keys) <= self._limit:
            return rows
        bar = np.partition(rows.keys, self._limit - 1)[self._limit - 1]
        return rows.take(np.flatnonzero(rows.keys <= bar))

    def _take(self, name: str, values: "Array | Labels") -> "Array | None":
        """The numbers of a column, or its codes by our own list of categories; None from when it is no candidate."""
        if isinstance(values, Labels):
            values = _numbers_of(values)
        if isinstance(values, Labels):
            return self._recode(name, values)
        if name in self._texts:
            self.skipped[name] = _MIXED
            return None
        if values.ndim != 1 or values.dtype.kind not in "biuf":
            self.skipped[name] = "not one number a row"
            return None
        return values

    def _recode(self, name: str, labels: Labels) -> "Array | None":
        if name not in self._texts and any(name in part.columns for part in self._parts):
            self.skipped[name] = _MIXED
            return None
        known = self._texts.setdefault(name, {})
        present = np.flatnonzero(np.bincount(labels.codes + 1, minlength=1)[1:])
        new = np.full(len(labels.names) + 1, -1, np.int8)  # the last is for -1
        for k in present[: CATEGORIES + 1].tolist():
            new[k] = known.setdefault(labels.names[k], len(known))
        if len(known) > CATEGORIES:
            self.skipped[name] = f"more than {CATEGORIES} categories"
            return None
        codes: Array = new[labels.codes]
        return codes

    def found(self, level: float = 0.05, limit: int = 20) -> list[Slice]:
        """The weak slices, largest mean loss first, `limit` at most.

        `level` bounds the false discovery rate: the expected share, among the groups reported, of those that are no
        worse than the rest (a pair: than the rest of a parent). The p-values are adjusted as by Benjamini and
        Yekutieli (2001, doi:10.1214/aos/1013699998), whatever the dependence: groups share rows, and where one group
        of a column has the high ranks the others cannot, which is not the positive dependence that Benjamini and
        Hochberg's procedure needs. The ranks know no weights. A group is reported only if its weighted mean is higher
        than that of all it was compared with, so a difference in ranks alone is no weak slice.
        """
        if not self.seen:
            return []
        rows = self._held()
        search = _Search(rows, self._coded(rows), self._min_size or max(LEAST, -(-len(rows.losses) // SHARE)))
        return search.found(level, limit)

    def _coded(self, rows: _Rows) -> "list[_Column]":
        coded = []
        for name, values in rows.columns.items():
            texts = self._texts.get(name)
            if texts is not None and 2 * len(texts) > self.seen:
                self.skipped[name] = "more than half of the rows distinct"
                continue
            coded.append(_categories(name, values, list(texts)) if texts is not None else _numbers(name, values))
        return coded


def _numbers_of(labels: Labels) -> "Array | Labels":
    """Text whose every cell is a number, as in a CSV file, as numbers; other text as it is."""
    cells = [parse_measure(name) for name in labels.names]
    known = [cell for cell in cells if cell is not None]
    if len(known) < len(cells):
        return labels
    numbers: Array = np.array([*known, np.nan], np.float64)[labels.codes]  # a code of -1 is a missing value
    return numbers


# Columns, cut into cells


class _Column(NamedTuple):
    """A column as cells: `texts[codes[i]]` is the cell of row i."""

    name: str
    codes: "Array"
    texts: tuple[str, ...]


def _categories(name: str, codes: "Array", texts: list[str]) -> _Column:
    if (missing := codes < 0).any():
        codes = np.where(missing, len(texts), codes)
        texts = [*texts, f"({MISSING})" if MISSING in texts else MISSING]  # which may be a category's own name
    return _Column(name, codes.astype(np.uint8), tuple(texts))


def _numbers(name: str, values: "Array") -> _Column:
    """Each value a cell where there are few, otherwise bins with about as many rows each."""
    present = values[~np.isnan(values)] if values.dtype.kind == "f" else values
    ordered = np.sort(present)
    firsts = np.flatnonzero(_is_first(ordered))
    if len(firsts) <= DISTINCT:
        edges = ordered[firsts]
        texts = [_text(value) for value in edges]
    else:
        edges = ordered[_cuts(ordered)]
        ends = [*map(_text, edges), _text(ordered[-1])]
        texts = [f"[{low}, {high})" for low, high in pairwise(ends)]
        texts[-1] = texts[-1][:-1] + "]"
    codes = np.searchsorted(edges, values, side="right") - 1
    return _categories(name, np.where(np.isnan(values), -1, codes) if len(present) < len(values) else codes, texts)


def _cuts(ordered: "Array") -> list[int]:
    """Where bins start: of the two ends of the ties at each quantile, the nearer that leaves no bin empty."""
    starts, n = {0}, len(ordered)
    for k in range(1, BINS):
        at = k * n // BINS
        ends = [int(np.searchsorted(ordered, ordered[at], side)) for side in ("left", "right")]
        starts.add(min((end for end in ends if 0 < end < n), key=lambda end: abs(end - at)))
    return sorted(starts)


def _text(value: Any) -> str:
    """The shortest text that reads back as the same number of its type; 0 for -0.0."""
    if value.dtype.kind != "f":
        return canonical(value.item())
    return str(value + value.dtype.type(0)).replace("e+", "e").removesuffix(".0")


# The search


class _Cells(NamedTuple):
    """The cells of one column or of two that are tested: their codes, rows, rank sums among all rows, and p-values."""

    columns: tuple[_Column, ...]
    codes: "Array"
    rows: "Floats"
    ranks: "Floats"
    p: "Floats"

    def take(self, index: "Array") -> "_Cells":
        return _Cells(self.columns, *(a[index] for a in self[1:]))


class _Found(NamedTuple):
    """A weak slice: its mean loss in units of the largest, infinite where a loss is; one cell; and its q."""

    mean: float
    cell: _Cells
    q: float

    @property
    def where(self) -> tuple[tuple[str, str], ...]:
        columns, code = self.cell.columns, int(self.cell.codes[0])
        codes = divmod(code, len(columns[-1].texts))[-len(columns) :]
        return tuple((column.name, column.texts[k]) for column, k in zip(columns, codes, strict=True))


class _Search:
    """All that is compared, with the rows in the order of their losses."""

    def __init__(self, rows: _Rows, columns: list[_Column], min_size: int) -> None:
        losses = np.where(np.isnan(rows.losses), np.inf, rows.losses)  # a NaN is as bad as can be
        # ties by weight, so that sums are added up in one order whatever the order of the rows
        order = np.argsort(losses, kind="stable") if rows.weight is None else np.lexsort([rows.weight, losses])
        self.losses = rows.losses[order]
        self.weight = None if rows.weight is None else rows.weight[order]
        self.columns = [c._replace(codes=c.codes[order]) for c in columns if len(c.texts) > 1]
        self.least = max(min_size, 1)
        self.runs = np.cumsum(_is_first(losses[order]), dtype=np.int64)
        self.all = Pools.of(np.zeros(len(losses), np.uint8), 1, self.runs)

    def found(self, level: float, limit: int) -> list[Slice]:
        tested = [*self._singles(), *self._pairs()]
        p = np.concatenate([cells.p for cells in tested]) if tested else np.zeros(0)
        q = adjusted(p)
        ends = np.cumsum([0, *(len(cells.p) for cells in tested)]).tolist()
        weak = [
            found
            for cells, (start, end) in zip(tested, pairwise(ends), strict=True)
            for found in self._weak(cells, q[start:end], level)
        ]
        weak.sort(key=lambda found: (-found.mean, -found.cell.rows[0], found.where))
        return sorted((self._slice(found) for found in weak[:limit]), key=_by_mean)

    def _singles(self) -> Iterator[_Cells]:
        for column in self.columns:
            n = sums_by_code(column.codes, None, len(column.texts))
            ranks = sums_by_code(column.codes, self.all.ranks, len(column.texts))
            tested = np.flatnonzero((n >= self.least) & (len(self.runs) - n >= self.least))
            p = self.all.tails(np.zeros(len(tested), np.int64), n[tested], ranks[tested])
            yield _Cells((column,), tested, n[tested], ranks[tested], p)

    def _pairs(self) -> Iterator[_Cells]:
        columns = self.columns[:PAIRED]
        pools = [Pools.of(c.codes, len(c.texts), self.runs) for c in columns] if len(columns) > 1 else []
        for j, second in enumerate(columns):
            for i, first in enumerate(columns[:j]):
                yield self._pair(first, second, pools[i], pools[j])

    def _pair(self, first: _Column, second: _Column, within_first: "Pools", within_second: "Pools") -> _Cells:
        """The cells of two columns. Its p-value is the largest of three, against the rest of all rows and of either
        parent's: an intersection-union test (Berger 1982, doi:10.1080/00401706.1982.10487790).
        """
        width = len(second.texts)
        both, count = _codes((first, second)), len(first.texts) * width
        n = sums_by_code(both, None, count)
        a, b = np.divmod(np.arange(count), width)
        largest = np.minimum(within_first.rows[a], within_second.rows[b]) - self.least
        tested = np.flatnonzero((n >= self.least) & (n <= largest))
        n, ranks = n[tested], sums_by_code(both, self.all.ranks, count)[tested]
        p = self.all.tails(np.zeros(len(tested), np.int64), n, ranks)
        for pools, parent in ((within_first, a), (within_second, b)):
            open_ = np.flatnonzero(p < PLAIN)  # the rest cannot become small again
            if len(open_):
                sums = sums_by_code(both, pools.ranks, count)[tested[open_]]
                p[open_] = np.maximum(p[open_], pools.tails(parent[tested[open_]], n[open_], sums))
        return _Cells((first, second), tested, n, ranks, p)

    def _weak(self, cells: _Cells, q: "Floats", level: float) -> "Iterator[_Found]":
        """The cells with q up to the level and a higher mean."""
        chosen = np.flatnonzero(q <= level)
        if not len(chosen):
            return
        count = prod(len(column.texts) for column in cells.columns)
        sums = self._sums(_codes(cells.columns), count)[:, cells.codes[chosen]]
        higher = np.ones(len(chosen), np.bool_)
        for around in self._around(cells.columns, cells.codes[chosen]):
            higher &= _is_higher(sums, around - sums)
        for k in np.flatnonzero(higher).tolist():
            weight, finite, total = sums[:, k].tolist()
            mean = total / finite if finite == weight else np.inf
            yield _Found(mean, cells.take(chosen[k : k + 1]), float(q[chosen[k]]))

    def _around(self, columns: Sequence[_Column], codes: "Array") -> "Iterator[Floats]":
        """The sums of all rows, and of each parent of the cells."""
        yield self._sums(np.zeros(len(self.losses), np.uint8), 1)
        if len(columns) == 2:
            for column, parents in zip(columns, np.divmod(codes, len(columns[1].texts)), strict=True):
                yield self._sums(column.codes, len(column.texts))[:, parents]

    def _sums(self, codes: "Array", count: int) -> "Floats":
        """Of each cell: the weight, the weight with a finite loss, and the sum of these losses; to compare only."""
        finite = np.isfinite(self.losses)
        weight = np.ones(len(finite)) if self.weight is None else _tamed(self.weight)
        counted = weight * finite
        terms = (weight, counted, counted * _tamed(np.where(finite, self.losses, 0.0)))
        return np.array([sums_by_code(codes, term, count) for term in terms])

    def _slice(self, found: _Found) -> Slice:
        cell = found.cell
        inside = _codes(cell.columns) == cell.codes[0]
        group, rest = (self._moments(rows) for rows in (inside, ~inside))
        n, ranks = float(cell.rows[0]), float(cell.ranks[0])
        with np.errstate(all="ignore"):
            share = np.float64(float(group.totals[0])) / float(group.merge(rest).totals[0])
        return Slice(
            found.where,
            *(group.n, group.total_weight, group.mean, float(share), rest.mean),
            effect=(ranks - n * (n + 1) / 2) / (n * (len(inside) - n)),
            p=float(cell.p[0]),
            q=found.q,
        )

    def _moments(self, rows: "Array") -> Moments:
        weight = None if self.weight is None else self.weight[rows]
        losses = self.losses[rows]
        return Moments.of_samples(losses, weight, range(len(losses)), spread=False)


def _is_first(ordered: "Array") -> "Array":
    """Whether each of some ordered values is unlike the one before."""
    first = np.ones(len(ordered), np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    return first


def _codes(columns: Sequence[_Column]) -> "Array":
    """The code of each row's cell."""
    if len(columns) == 1:
        return columns[0].codes
    first, second = columns
    codes: Array = first.codes.astype(np.int64) * len(second.texts) + second.codes
    return codes


def _tamed(values: "Floats") -> "Floats":
    """Values times a power of two that brings the largest to 1: their sums and products do not overflow."""
    tamed: Floats = np.ldexp(values, -int(np.frexp(np.abs(values).max())[1]))
    return tamed


def _is_higher(group: "Floats", rest: "Floats") -> "Array":
    """Whether the mean of the finite losses is higher, or the share of the infinite ones: one infinite loss in the rest
    must not hide everything.
    """
    with np.errstate(all="ignore"):
        higher: Array = group[2] / group[1] > rest[2] / rest[1]
        more: Array = 1 - group[1] / group[0] > 1 - rest[1] / rest[0]
    return higher | more


def _by_mean(found: Slice) -> tuple[bool, float, int, tuple[tuple[str, str], ...]]:
    is_nan = found.mean != found.mean
    return not is_nan, 0.0 if is_nan else -found.mean, -found.n, found.where
