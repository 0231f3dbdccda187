"""The distribution of the samples' losses: exact quantiles and a histogram, holding a bounded number of losses in
memory.

Up to a million losses are held; beyond that they go to an unlinked temporary file (8 bytes a sample, 16 with
weights), and a quantile is found in passes over it: count by the leading bits of the losses, then look at the one
interval it lies in.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import inf, isnan, nan
from typing import IO, TYPE_CHECKING

from losscli.exact import Exact, sums_by_group, to_float
from losscli.lazy import np, tempfile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Keys = NDArray[np.uint64]

HELD = 1 << 20  # losses held in memory before they go to a file
_CHUNK = 1 << 17  # losses read back at a time
_BITS = 16  # leading bits that a pass counts by
LEVELS = (0.5, 0.9, 0.99)


class Distribution:
    """The losses of the samples with their weights, to be added batch by batch and then read any number of times."""

    def __init__(self, held: int = HELD) -> None:
        self._limit = held
        self._losses: list[Floats] = []
        self._weights: list[Floats] = []
        self._total: int | Fraction = 0  # of the weights
        self._has_nan = False
        self._weighted = False
        self._counted: dict[tuple[int, int], list[Fraction]] = {}
        self._file: IO[bytes] | None = None

    def add(self, losses: "Floats", weight: "Floats | None") -> None:
        """Take the losses of a batch."""
        self._weighted = weight is not None
        self._has_nan = self._has_nan or bool(np.isnan(losses).any())
        self._total += len(losses) if weight is None else Exact.of(weight).fraction
        self._counted.clear()
        self._losses.append(losses)
        if weight is not None:
            self._weights.append(weight)
        if sum(map(len, self._losses)) > self._limit:
            self._spill()

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile()
        for k, losses in enumerate(self._losses):
            rows = np.column_stack([losses, self._weights[k]]) if self._weighted else losses
            self._file.write(np.ascontiguousarray(rows).tobytes())
        self._losses, self._weights = [], []

    def _chunks(self) -> "Iterator[tuple[Floats, Floats | None]]":
        if self._file is not None:
            self._file.flush()
            self._file.seek(0)
            width = 2 if self._weighted else 1
            while data := self._file.read(_CHUNK * 8 * width):
                rows = np.frombuffer(data).reshape(-1, width)
                yield rows[:, 0], rows[:, 1] if self._weighted else None
            self._file.seek(0, 2)
        for k, losses in enumerate(self._losses):
            yield losses, self._weights[k] if self._weighted else None

    def quantiles(self, levels: Sequence[float] = LEVELS) -> list[float]:
        """For each level q the least loss such that the samples with no larger loss have at least q of the weight.

        This is the inverse of the distribution function (type 1 of Hyndman and Fan 1996, doi:10.2307/2684934): a loss
        that occurs, never one between two. NaN where a loss is NaN.
        """
        if self._has_nan:
            return [nan] * len(levels)
        shares = [Fraction(repr(level)) for level in levels]  # 0.9 is nine tenths
        return [self._select(share * self._total) + 0.0 for share in shares]  # and -0.0 is 0.0

    def nth(self, index: int) -> float:
        """The loss that `index` others lie before, in their order, without weights."""
        return self._select(Fraction(index + 1)) + 0.0

    def _select(self, wanted: Fraction) -> float:
        """The least loss at which the cumulative weight reaches `wanted`."""
        low, bits, below = 0, 64, Fraction(0)
        while (chosen := self._gather(low, bits)) is None and bits:
            bits -= _BITS
            step, skipped = self._step(low, bits, wanted - below)
            low, below = low + (step << bits), below + skipped
        if chosen is None:  # one loss, more often than are held
            return float(_losses(np.array([low], np.uint64))[0])
        return self._among(*chosen, wanted - below)

    def _gather(self, low: int, bits: int) -> "tuple[Floats, Floats | None] | None":
        """The losses whose keys lie in the 2^bits from `low` on, with their weights; None where they are too many."""
        parts, count = [], 0
        for losses, weight in self._chunks():
            parts.append(_within(losses, weight, low, bits))
            count += len(parts[-1][0])
            if count > self._limit:
                return None
        weights = [w for _, w in parts if w is not None]
        return np.concatenate([part for part, _ in parts]), np.concatenate(weights) if weights else None

    def _among(self, losses: "Floats", weight: "Floats | None", wanted: Fraction) -> float:
        order = np.argsort(losses, kind="stable")
        if weight is None:
            return float(losses[order[max(-(-wanted.numerator // wanted.denominator), 1) - 1]])
        weight = weight[order]
        shift = -int(np.frexp(weight.max())[1])  # the sum of huge weights may overflow
        scaled = to_float(wanted * Fraction(2) ** shift)
        at = min(int(np.searchsorted(np.cumsum(np.ldexp(weight, shift)), scaled)), len(weight) - 1)
        while at > 0 and Exact.of(weight[:at]).fraction >= wanted:  # the float sum may be off by a rounding
            at -= 1
        while at < len(weight) - 1 and Exact.of(weight[: at + 1]).fraction < wanted:
            at += 1
        return float(losses[order[at]])

    def _step(self, low: int, bits: int, wanted: Fraction) -> tuple[int, Fraction]:
        """Of the 2^16 intervals of 2^bits keys from `low` on, the one `wanted` lies in, and the weight before it."""
        if (low, bits) not in self._counted:
            self._counted[low, bits] = self._count(low, bits)
        before = Fraction(0)
        last = (0, before)
        for step, here in enumerate(self._counted[low, bits]):
            if here:
                last = (step, before)
                before += here
                if before >= wanted:
                    break
        return last

    def _count(self, low: int, bits: int) -> list[Fraction]:
        """The weight in each of the 2^16 intervals."""
        totals = [Fraction(0)] * (1 << _BITS)
        for losses, weight in self._chunks():
            kept, kept_weight = _within(losses, weight, low, bits + _BITS)
            codes = ((_keys(kept) - np.uint64(low)) >> np.uint64(bits)).astype(np.int64)
            _add_by_code(totals, codes, kept_weight)
        return totals

    def histogram(self, low: float, high: float, bins: int) -> list[int]:
        """How many losses lie in each of `bins` intervals of equal width from `low` to `high`."""
        counts = np.zeros(bins, np.int64)
        width = high / 2 - low / 2  # halved, since it may overflow
        for losses, _ in self._chunks():
            where = (losses / 2 - low / 2) / width if width else np.full(len(losses), 0.5)
            counts += np.bincount(np.clip((where * bins).astype(np.int64), 0, bins - 1), minlength=bins)
        return [int(c) for c in counts]

    def close(self) -> None:
        """Give the temporary file back."""
        if self._file is not None:
            self._file.close()


def _add_by_code(totals: list[Fraction], codes: "NDArray[np.int64]", weight: "Floats | None") -> None:
    if weight is None:
        counts = np.bincount(codes, minlength=len(totals))
        for code in np.flatnonzero(counts).tolist():
            totals[code] += int(counts[code])
        return
    for code, total in sums_by_group(codes, weight).items():
        totals[code] += total


def _within(losses: "Floats", weight: "Floats | None", low: int, bits: int) -> "tuple[Floats, Floats | None]":
    """The losses whose keys lie in the 2^bits keys from `low` on."""
    if bits == 64:
        return losses, weight
    inside = (losses >= _bound(low)) & (losses <= _bound(low + (1 << bits) - 1))  # a tenth of what keys would cost
    return losses[inside], None if weight is None else weight[inside]


def _bound(key: int) -> float:
    """The loss of a key; where no loss has it (NaN, -0.0), the end of the losses on its side."""
    loss = float(_losses(np.array([key], np.uint64))[0])
    if isnan(loss):
        return inf if key >> 63 else -inf
    return -5e-324 if key == (1 << 63) - 1 else loss


def _keys(losses: "Floats") -> "Keys":
    """Integers in the order of the losses: the bits of a float64, turned round where it is negative; -0.0 is 0.0."""
    raw = (losses + 0.0).view(np.uint64)
    flip = np.where(raw >> np.uint64(63), np.uint64(0xFFFFFFFFFFFFFFFF), np.uint64(1) << np.uint64(63))
    keys: Keys = raw ^ flip
    return keys


def _losses(keys: "Keys") -> "Floats":
    flip = np.where(keys >> np.uint64(63), np.uint64(1) << np.uint64(63), np.uint64(0xFFFFFFFFFFFFFFFF))
    losses: Floats = (keys ^ flip).view(np.float64)
    return losses
