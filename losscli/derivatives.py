"""From the derivatives of the terms to those of the reported value: the chain rule, in one place."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from losscli.exact import ZERO, Exact, root
from losscli.lazy import np
from losscli.registry import Loss
from losscli.states import Moments

if TYPE_CHECKING:
    from losscli.registry import Array


ORDERS = {1: "gradient", 2: "hessian"}


@dataclass(frozen=True)
class Chain:
    """What turns a sample's derivatives into those of the value that a state reads under a reduction.

    Under mean w·g/(D·Σw), under sum w·g, under none each sample's own g/D; for an aggregate the slopes of its value in
    its sums, and their curvature: a list of (c, u, v) that stand for c · (Σ u_k g_k) (Σ v_k g_k).
    """

    factor: float
    loss: Loss
    divisor: float
    weighs: bool
    slopes: tuple[float, ...]
    curvature: Sequence[tuple[float, tuple[float, ...], tuple[float, ...]]] = ()

    @staticmethod
    def of(factor: float, loss: Loss, state: Moments, reduction: str, weight: Fraction) -> "Chain":
        """The chain of a term of an objective; `weight` is Σw, and for an aggregate the state has seen all samples."""
        if loss.finish:
            _, slopes, curvature = state.finished(loss)
            return Chain(factor, loss, 1.0, True, slopes, curvature)
        divisor = {"mean": float(state.outputs * weight), "sum": 1.0, "none": float(state.outputs)}[reduction]
        return Chain(factor, loss, divisor, reduction != "none", (1.0,))

    def apply(self, arrays: "Sequence[Array]", weight: "Array | None", order: int) -> "dict[str, list[Array]]":
        """For each prediction role the gradient, and with order 2 the Hessian diagonal, in the shape of the arrays."""
        found = self.loss.derivatives(arrays, order)
        with np.errstate(all="ignore"):  # an infinite derivative is an answer, and is counted as one
            return {role: self._chained(terms, self._weight(weight, terms[0][0])) for role, terms in found.items()}

    def _weight(self, weight: "Array | None", like: "Array") -> "Array | float":
        if weight is None or not self.weighs:
            return 1.0
        return weight if like.ndim == 1 else weight[:, None]

    def _chained(self, terms: "list[tuple[Array, ...]]", weight: "Array | float") -> "list[Array]":
        gradients = terms[0]
        chained = [self._scaled(weight * _dot(self.slopes, gradients))]
        if len(terms) > 1:
            second = _dot(self.slopes, terms[1])
            for scale, u, v in self.curvature:
                second = second + weight * scale * _dot(u, gradients) * _dot(v, gradients)
            chained.append(self._scaled(weight * second))
        return chained

    def _scaled(self, values: "Array") -> "Array":
        values = values / self.divisor
        return values if self.factor == 1 else self.factor * values


def apply(
    chains: Sequence[Chain], checked: "Sequence[Sequence[Array]]", weight: "Array | None", order: int
) -> "dict[str, list[Array]]":
    """The derivatives of a weighted sum of losses: those of its terms add."""
    total: dict[str, list[Array]] = {}
    for chain, arrays in zip(chains, checked, strict=True):
        for role, found in chain.apply(arrays, weight, order).items():
            total[role] = [a + b for a, b in zip(total[role], found, strict=True)] if role in total else found
    return total


def _dot(factors: Sequence[float], arrays: "Sequence[Array]") -> "Array":
    total = factors[0] * arrays[0] if factors[0] != 1.0 else arrays[0]
    for factor, array in zip(factors[1:], arrays[1:], strict=True):
        total = total + factor * array
    return total


@dataclass(frozen=True)
class Size:
    """How large a derivative is: Σg² exactly, the largest entry, and how many entries are infinite or NaN."""

    squares: Exact = ZERO
    max_abs: float = 0.0
    nonfinite: int = 0

    @staticmethod
    def of(values: "Array") -> "Size":
        finite = np.isfinite(values)
        known = values if finite.all() else values[finite]
        largest = float(np.abs(known).max(initial=0.0))
        return Size(Exact.of(known, known), largest, int(finite.size - finite.sum()))

    def merge(self, other: "Size") -> "Size":
        return Size(self.squares + other.squares, max(self.max_abs, other.max_abs), self.nonfinite + other.nonfinite)

    @property
    def norm(self) -> float:
        """The Euclidean norm of the finite entries, rounded once."""
        return root(self.squares.fraction)


@dataclass
class Gathered:
    """Derivatives of one objective, batch by batch, in the rows' order; a row that is absent has derivative 0.

    `sizes` and `values` are keyed by role and order; `values` are kept only where `keep` says so. `write` takes each
    block of a role and order as it comes.
    """

    orders: Sequence[int]
    keep: bool
    write: "Callable[[str, int, Array], None]"
    sizes: dict[tuple[str, int], Size] = field(default_factory=dict)
    values: "dict[tuple[str, int], list[Array]]" = field(default_factory=dict)
    stop: int = 0

    def add(self, found: "Mapping[str, Sequence[Array]]", rows: Sequence[int], stop: int) -> None:
        """Take the derivatives of the rows that are there of those up to `stop`."""
        for role, derivatives in found.items():
            for order in self.orders:
                self._take(role, order, _in_place(derivatives[order - 1], rows, self.stop, stop))
        self.stop = stop

    def finish(self, stop: int) -> None:
        """Rows that are absent at the end have derivative 0 too."""
        if stop > self.stop:
            for role, order in list(self.sizes):
                self._take(role, order, np.zeros((stop - self.stop, *self._shape)))
            self.stop = stop

    _shape: tuple[int, ...] = ()

    def _take(self, role: str, order: int, full: "Array") -> None:
        self._shape = full.shape[1:]
        self.sizes[role, order] = self.sizes.get((role, order), Size()).merge(Size.of(full))
        if self.keep:
            self.values.setdefault((role, order), []).append(full)
        self.write(role, order, full)


def _in_place(values: "Array", rows: Sequence[int], start: int, stop: int) -> "Array":
    """The values at their rows among start … stop-1, 0 elsewhere."""
    if len(rows) == stop - start:
        return values
    full = np.zeros((stop - start, *values.shape[1:]))
    full[np.asarray(rows) - start] = values
    return full
