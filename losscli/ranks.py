"""The one-sided rank test of Wilcoxon, Mann and Whitney of many groups at once, each against the rest of its pool
(Mann and Whitney 1947, doi:10.1214/aoms/1177730491).

It is a permutation test given the ties. Its p-value is exact for up to 64 rows, group and rest together. Beyond, the
normal approximation does where p is large; it is wrong by orders of magnitude in the tail where ties make ranks skewed
(a 0-1 loss with few errors, groups of hundreds), so there it gives way to the double saddlepoint approximation
(Robinson 1982, J. R. Stat. Soc. B 44, 91; Skovgaard 1987, J. Appl. Probab. 24, 875), whose relative error stays small
however far the tail.
"""

from math import erfc, gcd, pi, sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Floats = NDArray[np.float64]

_EXACT = 64  # rows, group and rest together, up to which the distribution is counted out
PLAIN = 0.16  # the p-value down to which the normal approximation does: that of one standard deviation
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
        untied = size**2 - 1 - sums_by_code(pool, ties**3 - ties, count) / size
        variance = np.where(step > 0, np.maximum(untied, 0.0), 0.0) / 12  # exactly 0 where all are tied
        at = pool * _ATOMS + ((midranks - 0.5) * _ATOMS / size[pool]).astype(np.int64)
        counts, sums = (sums_by_code(at, terms, count * _ATOMS) for terms in (ties, ties * midranks))
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
        far = np.flatnonzero(~small & (p < PLAIN))
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


def sums_by_code(codes: "Array", terms: "Floats | None", count: int) -> "Floats":
    """The sum of the terms of each code below `count`, or how often it occurs."""
    sums: Floats = np.bincount(codes, terms, count).astype(np.float64, copy=False)
    return sums
