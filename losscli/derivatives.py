"""From the derivatives of the terms to those of the reported value: the chain rule, in one place."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from losscli.exact import ZERO, Exact, root
from losscli.lazy import np
from losscli.registry import Loss
from losscli.states import Moments

if TYPE_CHECKING:
    from losscli.registry import Array


@dataclass(frozen=True)
class Chain:
    """What turns a sample's derivatives into those of the value that `state` reads under `reduction`.

    Under mean w·g/(D·Σw), under sum w·g, under none each sample's own g/D; for an aggregate the slopes of its value in
    its sums, and their curvature: a list of (c, u, v) that stand for c · (Σ u_k g_k) (Σ v_k g_k).
    """

    loss: Loss
    divisor: float
    weighs: bool
    slopes: tuple[float, ...]
    curvature: Sequence[tuple[float, tuple[float, ...], tuple[float, ...]]] = ()

    @staticmethod
    def of(loss: Loss, state: Moments, reduction: str) -> "Chain":
        if loss.finish:
            _, slopes, curvature = state.finished(loss)
            return Chain(loss, 1.0, True, slopes, curvature)
        divisor = {"mean": float(state.divisor), "sum": 1.0, "none": float(state.outputs)}[reduction]
        return Chain(loss, divisor, reduction != "none", (1.0,))

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
        chained = [weight * _dot(self.slopes, gradients) / self.divisor]
        if len(terms) > 1:
            second = _dot(self.slopes, terms[1])
            for scale, u, v in self.curvature:
                second = second + weight * scale * _dot(u, gradients) * _dot(v, gradients)
            chained.append(weight * second / self.divisor)
        return chained


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
    """Derivatives of one loss, batch by batch, in the rows' order; a row that is absent has derivative 0.

    `sizes` and `values` are keyed by role and order; `values` are kept only where `keep` says so.
    """

    orders: tuple[int, ...]
    keep: bool
    sizes: dict[tuple[str, int], Size] = field(default_factory=dict)
    values: "dict[tuple[str, int], list[Array]]" = field(default_factory=dict)
    written: int = 0

    def add(self, chain: Chain, arrays: "Sequence[Array]", batch: Any, sinks: "dict[tuple[str, int], Any]") -> None:
        """Take the derivatives of a batch: measure, keep and write them."""
        found = chain.apply(arrays, batch.weight, max(self.orders))
        start, self.written = self.written, batch.stop
        for role, derivatives in found.items():
            for order in self.orders:
                full = _in_place(derivatives[order - 1], batch.rows, start, batch.stop)
                self._take((role, order), full, sinks)

    def _take(self, key: tuple[str, int], full: "Array", sinks: "dict[tuple[str, int], Any]") -> None:
        self.sizes[key] = self.sizes.get(key, Size()).merge(Size.of(full))
        if self.keep:
            self.values.setdefault(key, []).append(full)
        if key in sinks:
            sinks[key].write(full)


def _in_place(values: "Array", rows: Sequence[int], start: int, stop: int) -> "Array":
    """The values at their rows among start … stop-1, 0 elsewhere."""
    if len(rows) == stop - start:
        return values
    full = np.zeros((stop - start, *values.shape[1:]))
    full[np.asarray(rows) - start] = values
    return full
