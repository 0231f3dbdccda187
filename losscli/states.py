"""States: a batch becomes one, or one for each group of its samples; states merge, and a merged state is read. The
weighted mean is written here and nowhere else.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import inf, nan
from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.exact import ZERO, Exact, GroupSums, root, to_float
from losscli.lazy import np
from losscli.registry import Loss, outputs_of, per_sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


class Spread(NamedTuple):
    """What std, min and max of the samples' losses need: Σwℓ, Σwℓ² and the ends."""

    total: Exact = ZERO
    squares: Exact = ZERO
    low: float = inf
    high: float = -inf

    @staticmethod
    def of(losses: "Array", weight: "Array | None") -> "Spread":
        factors = () if weight is None else (weight,)
        return Spread(
            Exact.of(losses, *factors),
            Exact.of(losses, losses, *factors),
            float(losses.min(initial=inf)) + 0.0,  # NaN, if there is one; 0.0 for -0.0, which is no smaller
            float(losses.max(initial=-inf)) + 0.0,
        )

    def merge(self, other: "Spread") -> "Spread":
        low, high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        return Spread(self.total + other.total, self.squares + other.squares, float(low), float(high))

    def std(self, weight: Fraction) -> float:
        """√(Σwℓ²/Σw - (Σwℓ/Σw)²), from exact sums, rounded once; NaN where a loss is infinite or NaN."""
        if not (self.total.is_finite and self.squares.is_finite):
            return nan
        mean = self.total.fraction / weight
        return root(self.squares.fraction / weight - mean * mean)


class Moments(NamedTuple):
    """The exact sums of a loss over samples of weight > 0. `Moments()` is the state of no samples.

    `totals` holds Σwℓ over all elements (for an aggregate, one such sum for each of its terms; for a loss of the whole,
    its value), `outputs` the elements a sample has; `infinite` counts the samples whose loss is
    infinite or NaN, and `first` is the row of the first.
    """

    n: int = 0
    weight: Exact = ZERO
    totals: tuple[Exact, ...] = ()
    outputs: int = 1
    infinite: int = 0
    first: int | None = None
    spread: Spread | None = None

    @staticmethod
    def of(
        loss: Loss,
        arrays: "Sequence[Array]",
        weight: "Array | None",
        rows: Sequence[int],
        spread: bool,
        *,
        terms: "tuple[Array, ...] | None" = None,
        totals: tuple[Exact, ...] | None = None,
    ) -> "Moments":
        """The state of a batch: `arrays` as `loss.check` gives them, `rows` the row number of each sample.

        `terms` are the loss's and `totals` their sums, where they are at hand.
        """
        terms = loss.terms(arrays) if terms is None else terms
        samples = _counted(per_sample(terms[0]), weight, rows, spread)
        totals = _totals(loss, arrays, terms, weight) if totals is None else totals
        return samples._replace(totals=totals, outputs=outputs_of(terms[0]))

    @staticmethod
    def of_samples(losses: "Array", weight: "Array | None", rows: Sequence[int], spread: bool) -> "Moments":
        """The state of samples whose losses are known, each one value."""
        total = Exact.of(losses, *([] if weight is None else [weight]))
        return _counted(losses, weight, rows, spread)._replace(totals=(total,))

    def merge(self, other: "Moments") -> "Moments":
        if not (self.n and other.n):
            return self if self.n else other
        firsts = [first for first in (self.first, other.first) if first is not None]
        spread = self.spread.merge(other.spread) if self.spread and other.spread else None
        return Moments(
            self.n + other.n,
            self.weight + other.weight,
            tuple(a + b for a, b in zip(self.totals, other.totals, strict=True)),
            self.outputs,
            self.infinite + other.infinite,
            min(firsts, default=None),
            spread,
        )

    def value(self, loss: Loss, reduction: str) -> float:
        """The loss: Σwℓ over the elements, divided by D·Σw under mean; for an aggregate a function of its sums."""
        if reduction == "sum" or loss.scope == "whole":
            return float(self.totals[0])
        if loss.finish is None:
            return self.mean
        special = sum(total.special for total in self.totals)
        return special or next(self.finished(loss))

    def finished(self, loss: Loss) -> Iterator[Any]:
        """An aggregate loss's value, its slope in each sum, and its curvature in each pair of sums."""
        if loss.finish is None:
            raise TypeError(f"{loss} is no aggregate")
        return loss.finish([total.fraction for total in self.totals], self.divisor, **loss.params)

    @property
    def mean(self) -> float:
        """Σwℓ/Σw of the first sum."""
        return self.totals[0].over(self.divisor)

    @property
    def divisor(self) -> Fraction:
        """D·Σw: what the sum over all elements is divided by under mean."""
        return self.outputs * self.weight.fraction

    @property
    def total_weight(self) -> float:
        return to_float(self.weight.fraction)

    @property
    def std(self) -> float:
        return self.spread.std(self.weight.fraction) if self.spread else nan


def _counted(losses: "Array", weight: "Array | None", rows: Sequence[int], spread: bool) -> Moments:
    """All of a state but its sums."""
    strange = np.flatnonzero(~np.isfinite(losses))
    return Moments(
        n=len(losses),
        weight=Exact.count(len(losses)) if weight is None else Exact.of(weight),
        infinite=len(strange),
        first=int(rows[int(strange[0])]) if len(strange) else None,
        spread=Spread.of(losses, weight) if spread else None,
    )


class GroupMoments:
    """What `Moments` holds of each of many groups, taken from whole batches: the work hardly depends on their number.

    Samples are told by codes: `codes[i] >= 0` is the group of sample i.
    """

    def __init__(self) -> None:
        self._counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self._weight: GroupSums | None = None
        self._totals: dict[int, list[GroupSums]] = {}  # of terms computed at a scale, by the shift that undoes it
        self._outputs = 1

    def add(
        self,
        codes: "Array",
        loss: Loss,
        arrays: "Sequence[Array]",
        weight: "Array | None",
        terms: "tuple[Array, ...]",
    ) -> tuple[Exact, ...]:
        """Take a batch as `Moments.of` does; the sums over all groups are found on the way."""
        self._count(codes, weight)
        degree, self._outputs = loss.definition.degree, outputs_of(terms[0])
        factors = [] if weight is None else [_like(weight, terms[0])]
        if terms[0].ndim > 1:  # element by element
            codes = np.repeat(codes, self._outputs)
            terms, factors = tuple(t.ravel() for t in terms), [f.ravel() for f in factors]
            arrays = arrays if degree is None else [a.ravel() for a in arrays]
        if degree is None or not _is_extreme(arrays):
            return self._sum(0, codes, terms, factors)
        totals = (ZERO,) * len(terms)
        for shift, rows in _scales(arrays):
            scaled = loss.terms([np.ldexp(a[rows], shift) for a in arrays])
            parts = self._sum(-shift * degree, codes[rows], scaled, [f[rows] for f in factors])
            totals = tuple(total + part for total, part in zip(totals, parts, strict=True))
        return totals

    def add_samples(self, codes: "Array", losses: "Array", weight: "Array | None") -> None:
        """Take samples whose losses are known, as `Moments.of_samples` does."""
        self._count(codes, weight)
        self._sum(0, codes, [losses], [] if weight is None else [weight])

    def _count(self, codes: "Array", weight: "Array | None") -> None:
        counts = np.bincount(codes, minlength=len(self._counts))
        counts[: len(self._counts)] += self._counts
        self._counts = counts
        if weight is not None:
            self._weight = self._weight or GroupSums()
            self._weight.add(codes, weight)

    def _sum(self, shift: int, codes: "Array", terms: "Sequence[Array]", factors: "list[Array]") -> tuple[Exact, ...]:
        sums = self._totals.setdefault(shift, [GroupSums() for _ in terms])
        return tuple(s.add(codes, term, *factors).scaled(shift) for s, term in zip(sums, terms, strict=True))

    def of(self, code: int) -> Moments:
        """The state of a group."""
        n = int(self._counts[code]) if code < len(self._counts) else 0
        weight = Exact.count(n) if self._weight is None else self._weight.of(code)
        scaled = [[total.of(code).scaled(shift) for total in sums] for shift, sums in self._totals.items()]
        totals = tuple(sum(parts, ZERO) for parts in zip(*scaled, strict=True))
        return Moments(n, weight, totals, self._outputs)


# A loss of degree d is s^d times as large when its inputs are s times as large. Rows whose inputs are so large or so
# small that the loss may leave the range of float64 are computed at another scale, which the exact sum takes back.
_LARGE, _SMALL, _SHIFT = 2.0**480, 2.0**-450, 600


def _totals(
    loss: Loss, arrays: "Sequence[Array]", terms: "Sequence[Array]", weight: "Array | None"
) -> tuple[Exact, ...]:
    degree = loss.definition.degree
    factors = [] if weight is None else [_like(weight, terms[0])]
    if degree is None or not _is_extreme(arrays):
        return tuple(Exact.of(term, *factors) for term in terms)
    if terms[0].ndim > 1:  # each element has a scale of its own
        arrays, factors = ([a.ravel() for a in several] for several in (arrays, factors))
    totals = [ZERO] * len(terms)
    for shift, rows in _scales(arrays):
        scaled = loss.terms([np.ldexp(a[rows], shift) for a in arrays])
        parts = [Exact.of(term, *(f[rows] for f in factors)).scaled(-shift * degree) for term in scaled]
        totals = [total + part for total, part in zip(totals, parts, strict=True)]
    return tuple(totals)


def _like(weight: "Array", values: "Array") -> "Array":
    return np.broadcast_to(weight if values.ndim == 1 else weight[:, None], values.shape)


def _size(array: "Array") -> "Array":
    return np.abs(array) if array.ndim == 1 else np.abs(array).max(axis=1)


def _is_extreme(arrays: "Sequence[Array]") -> bool:
    return any(_has_extreme(np.abs(a)) for a in arrays)


def _has_extreme(sizes: "Array") -> bool:
    if sizes.max() >= _LARGE:
        return True
    return bool(sizes.min() < _SMALL and ((sizes < _SMALL) & (sizes > 0)).any())


def _scales(arrays: "Sequence[Array]") -> "Iterator[tuple[int, Array]]":
    """Shifts, and the rows each is for: by the row's own size, so that the sum does not depend on its neighbours."""
    size = np.maximum.reduce([_size(a) for a in arrays])
    small = (size < _SMALL) & (size > 0)
    for shift, mask in ((-_SHIFT, size >= _LARGE), (_SHIFT, small), (0, ~(small | (size >= _LARGE)))):
        if mask.any():
            yield shift, mask
