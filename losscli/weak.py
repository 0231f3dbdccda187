"""Weak slices: groups of rows, found in the other columns of a table, whose losses are higher than the rest's.

A group is a cell of one column (a category, or a bin of numbers) or of two. Its losses are compared with the rest's by
the one-sided rank test of Wilcoxon, Mann and Whitney (Mann and Whitney 1947, doi:10.1214/aoms/1177730491), a cell of
two columns also with the rest of either parent, and the p-values of all the tests done are adjusted together, so that
the expected share of groups reported in error is at most the level.

The test is a permutation test given the ties. Its p-value is exact for up to 64 rows, group and rest together. Beyond,
the normal approximation does where p is large; it is wrong by orders of magnitude in the tail where ties make ranks
skewed (a 0-1 loss with few errors, groups of hundreds), so there it gives way to the double saddlepoint approximation
(Robinson 1982, J. R. Stat. Soc. B 44, 91-101; Skovgaard 1987, J. Appl. Probab. 24, 875-887), whose relative error
stays small however far the tail.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import erfc, gcd, pi, prod, sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.formats import Labels
from losscli.lazy import np
from losscli.literals import canonical
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
            return self._recode(name, values)
        if name in self._texts:
            raise ValueError(f"column {name!r} has text in one batch and numbers in another")
        if values.ndim != 1 or values.dtype.kind not in "biuf":
            self.skipped[name] = "not one number a row"
            return None
        return values

    def _recode(self, name: str, labels: Labels) -> "Array | None":
        if name not in self._texts and any(name in part.columns for part in self._parts):
            raise ValueError(f"column {name!r} has text in one batch and numbers in another")
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
            n = _sums(column.codes, None, len(column.texts))
            ranks = _sums(column.codes, self.all.ranks, len(column.texts))
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
        n = _sums(both, None, count)
        a, b = np.divmod(np.arange(count), width)
        largest = np.minimum(within_first.rows[a], within_second.rows[b]) - self.least
        tested = np.flatnonzero((n >= self.least) & (n <= largest))
        n, ranks = n[tested], _sums(both, self.all.ranks, count)[tested]
        p = self.all.tails(np.zeros(len(tested), np.int64), n, ranks)
        for pools, parent in ((within_first, a), (within_second, b)):
            open_ = np.flatnonzero(p < _PLAIN)  # the rest cannot become small again
            if len(open_):
                sums = _sums(both, pools.ranks, count)[tested[open_]]
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
        return np.array([_sums(codes, term, count) for term in terms])

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


def _sums(codes: "Array", terms: "Floats | None", count: int) -> "Floats":
    """The sum of the terms of each code below `count`, or how often it occurs."""
    sums: Floats = np.bincount(codes, terms, count).astype(np.float64, copy=False)
    return sums


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


def adjusted(p: "Floats") -> "Floats":
    """P-values adjusted for their number m under any dependence: the least of p·m·(1 + 1/2 + … + 1/m)/rank over the
    p-values that are no smaller (Benjamini and Yekutieli 2001, doi:10.1214/aos/1013699998).
    """
    m = len(p)
    order = np.argsort(p, kind="stable")
    ranks = np.arange(1, m + 1)
    scaled = p[order] * (m * np.sum(1 / ranks)) / ranks
    q = np.empty(m)
    q[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return q


# The rank test

_EXACT = 64  # rows, group and rest together, up to which the distribution is counted out
_PLAIN = 0.16  # the p-value down to which the normal approximation does: that of one standard deviation
_ATOMS = 256  # values that stand for the ranks of a pool in the saddlepoint approximation
_CHUNK = 1024  # tests approximated at once
_STEPS = 100  # of Newton's method


class Pools(NamedTuple):
    """Rows within which groups are compared with their rest, several pools side by side.

    `ranks` (n,) is each row's midrank among those of its pool. Of each pool: its `rows`, the population `variance` of
    its ranks, and the largest `step` between neighbouring ranks. `starts` and `order` list the rows pool by pool.
    `counts` and `values` (pools, atoms) are the ranks, put together in 256 intervals: how many and their mean.
    """

    ranks: "Floats"
    rows: "Floats"
    variance: "Floats"
    step: "Floats"
    starts: "Array"
    order: "Array"
    counts: "Floats"
    values: "Floats"

    @staticmethod
    def of(codes: "Array", count: int, runs: "Array") -> "Pools":
        """Pools by the code of each row; rows are in the order of their losses, `runs` numbers the distinct ones."""
        order = np.argsort(codes, kind="stable")
        pool, run = codes[order].astype(np.int64), runs[order]
        rows = np.bincount(pool, minlength=count)
        starts = np.cumsum(rows) - rows
        is_head = np.ones(len(order), np.bool_)
        is_head[1:] = (pool[1:] != pool[:-1]) | (run[1:] != run[:-1])
        heads = np.flatnonzero(is_head)
        ties = np.diff(np.append(heads, len(order))).astype(np.float64)
        pool = pool[heads]
        midranks = heads - starts[pool] + (ties + 1) / 2
        ranks = np.empty(len(order))
        ranks[order] = np.repeat(midranks, ties.astype(np.int64))
        size = np.maximum(rows, 1).astype(np.float64)
        step = np.zeros(count)
        same = np.flatnonzero(pool[1:] == pool[:-1])
        np.maximum.at(step, pool[same], np.diff(midranks)[same])
        untied = size**2 - 1 - _sums(pool, ties**3 - ties, count) / size
        variance = np.where(step > 0, np.maximum(untied, 0.0), 0.0) / 12  # exactly 0 where all are tied
        at = pool * _ATOMS + ((midranks - 0.5) * _ATOMS / size[pool]).astype(np.int64)
        counts, sums = (_sums(at, terms, count * _ATOMS) for terms in (ties, ties * midranks))
        values = np.where(counts > 0, sums / np.maximum(counts, 1), np.repeat((size + 1) / 2, _ATOMS))
        shape = (count, _ATOMS)
        return Pools(
            ranks, rows.astype(np.float64), variance, step, starts, order, counts.reshape(shape), values.reshape(shape)
        )

    def tails(self, pool: "Array", n: "Floats", ranks: "Floats") -> "Floats":
        """The p-value of each group of `n` rows of `pool` whose ranks add up to `ranks`: the probability that as many
        rows, drawn from the pool at random, have at least that rank sum.
        """
        p = normal(*self.standard(pool, n, ranks, self.step[pool] / 2))
        small = self.rows[pool] <= _EXACT
        for k in np.unique(pool[small]).tolist():
            its = np.flatnonzero(pool == k)
            p[its] = self._exact(k, n[its], ranks[its])
        far = np.flatnonzero(~small & (p < _PLAIN))
        for start in range(0, len(far), _CHUNK):
            some = far[start : start + _CHUNK]
            p[some] = self._saddlepoint(pool[some], n[some], ranks[some])
        return p

    def standard(
        self, pool: "Array", n: "Floats", ranks: "Floats", correction: "Floats | float"
    ) -> "tuple[Floats, Floats]":
        """How far the rank sum lies above its mean, less the continuity correction, and its standard deviation,
        corrected for ties.

        The correction is half of the largest step between neighbouring ranks: the usual half where nothing is tied,
        half of what one more error adds where losses are 0 or 1.
        """
        rows = self.rows[pool]
        variance = n * (rows - n) / np.maximum(rows - 1, 1) * self.variance[pool]
        return ranks - n * (rows + 1) / 2 - correction, np.sqrt(variance)

    def _exact(self, pool: int, n: "Floats", ranks: "Floats") -> "Floats":
        """The tails by counting how many subsets of each size have each rank sum, one row of the pool after another."""
        start, size = int(self.starts[pool]), int(self.rows[pool])
        doubled = (2 * self.ranks[self.order[start : start + size]]).astype(np.int64)
        least = int(doubled[0])
        unit = max(gcd(*(doubled - least).tolist()), 1)
        scores = ((doubled - least) // unit).tolist()
        ways = np.zeros((size + 1, sum(scores) + 1))
        ways[0, 0] = 1
        for k, score in enumerate(scores):
            ways[1 : k + 2, score:] += ways[: k + 1, : ways.shape[1] - score].copy()
        counts = n.astype(np.int64)
        reached = ((2 * ranks).astype(np.int64) - counts * least) // unit
        tails = np.cumsum(ways[:, ::-1], axis=1)[:, ::-1]
        shares: Floats = tails[counts, reached] / tails[counts, 0]
        return shares

    def _saddlepoint(self, pool: "Array", n: "Floats", ranks: "Floats") -> "Floats":
        """The tails as of a sum over independent rows, given how many are drawn.

        Row i is drawn with odds exp(u + t·a_i), a_i its rank. K(t, u) = Σ log(1 + exp(u + t·a_i)), minimised less
        t·sum + u·n, gives w from the minimum and v from the curvature; the tail is Φ(-w) + φ(w)(1/v - 1/w).
        """
        scale = np.sqrt(self.variance[pool])
        rows = self.rows[pool]
        values = (self.values[pool] - (rows + 1)[:, None] / 2) / scale[:, None]
        step = self.step[pool] / scale
        wanted = self.standard(pool, n, ranks, self.step[pool] / 2)[0] / scale
        counts = self.counts[pool]
        t, u = _minimum(counts, values, n, wanted)
        odds = u[:, None] + t[:, None] * values
        height = (counts * np.logaddexp(0, odds)).sum(axis=1) - t * wanted - u * n
        flat = rows * np.log(rows / (rows - n)) - n * np.log(n / (rows - n))
        w = np.sqrt(2 * np.maximum(flat - height, 0.0))
        _, curvature, spread = _curvature(counts, values, odds)[2:]
        lattice = 2 / step * np.sinh(np.minimum(step * t / 2, 300.0))
        v = lattice * np.sqrt(curvature * spread / (n * (rows - n) / rows))
        with np.errstate(all="ignore"):
            p = normal(w, np.ones(len(w))) + np.exp(-w * w / 2) / sqrt(2 * pi) * (1 / v - 1 / w)
        return np.where((p > 0) & (p < 1), p, normal(w, np.ones(len(w))))


def normal(excess: "Floats", deviation: "Floats") -> "Floats":
    """The upper tail of the normal distribution; 1 where there is no deviation, since nothing can be told then."""
    with np.errstate(all="ignore"):
        z = np.where(deviation > 0, excess / deviation, -np.inf)
    return np.array([erfc(x / sqrt(2)) / 2 for x in z.tolist()])


def _curvature(counts: "Floats", values: "Floats", odds: "Floats") -> "tuple[Floats, ...]":
    """Σp, Σp·a, the mean of a where the weights are p(1-p), Σp(1-p), and the variance of a about that mean, summed."""
    p = 1 / (1 + np.exp(-odds))
    drawn = counts * p
    weight = drawn * (1 - p)
    total = weight.sum(axis=1)
    mean = (weight * values).sum(axis=1) / total
    spread = (weight * (values - mean[:, None]) ** 2).sum(axis=1)
    return drawn.sum(axis=1), (drawn * values).sum(axis=1), mean, total, spread


def _minimum(counts: "Floats", values: "Floats", n: "Floats", wanted: "Floats") -> "tuple[Floats, Floats]":
    """Where K(t, u) - t·wanted - u·n is least: Newton's method, no step changing the log-odds of any row by more than
    1, which a sum of logistic terms cannot fail to descend by (Bach 2010, doi:10.1214/09-EJS521).

    A rank sum that only the limit reaches is not waited for: short of the minimum w is too small, and p too large.
    """
    t, u = np.zeros(len(n)), np.log(n / (counts.sum(axis=1) - n))
    low, high = values.min(axis=1), values.max(axis=1)
    moving = np.arange(len(n))
    for _ in range(_STEPS):
        c, a = counts[moving], values[moving]
        drawn, total, mean, weight, spread = _curvature(c, a, u[moving, None] + t[moving, None] * a)
        lacking, short = n[moving] - drawn, wanted[moving] - total
        by_t = (short - mean * lacking) / spread
        by_u = lacking / weight - mean * by_t
        most = np.maximum(np.abs(by_u + by_t * low[moving]), np.abs(by_u + by_t * high[moving]))
        scale = 1 / np.maximum(most, 1.0)
        t[moving] += by_t * scale
        u[moving] += by_u * scale
        moving = moving[most > 1e-8]
        if not len(moving):
            break
    return t, u
