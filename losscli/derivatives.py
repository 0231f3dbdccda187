"""From the derivatives of the terms to those of the reported value: the chain rule, in one place."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.exact import ZERO, Exact, root, to_float
from losscli.lazy import np
from losscli.registry import Loss
from losscli.states import Moments

if TYPE_CHECKING:
    from losscli.registry import Array


ORDERS = {1: "gradient", 2: "hessian"}


class Scaled(NamedTuple):
    """A number as mantissa · 2^exponent, which neither overflows nor underflows."""

    mantissa: float
    exponent: int

    @staticmethod
    def of(value: Fraction | float) -> "Scaled":
        """The nearest; infinite and NaN values as they are."""
        if isinstance(value, float) and not isfinite(value):
            return Scaled(value, 0)
        exact = Fraction(value)
        exponent = exact.numerator.bit_length() - exact.denominator.bit_length() if exact else 0
        return Scaled(to_float(exact / Fraction(2) ** exponent), exponent)


class Chain(NamedTuple):
    """What turns a sample's derivatives into those of the value that a state reads under a reduction.

    Under mean w·g/(D·Σw), under sum w·g, under none each sample's own g/D; for an aggregate the slopes of its value in
    its sums, and their curvature: a list of (c, u, v) that stand for c · (Σ u_k g_k) (Σ v_k g_k).
    """

    factor: float
    loss: Loss
    divisor: Scaled
    weighs: bool
    slopes: tuple[Scaled, ...] = ()
    curvature: Sequence[tuple[Scaled, tuple[Scaled, ...], tuple[Scaled, ...]]] = ()

    @staticmethod
    def of(factor: float, loss: Loss, state: Moments, reduction: str, weight: Fraction) -> "Chain":
        """The chain of a term of an objective; `weight` is Σw, and for an aggregate the state has seen all samples."""
        if loss.finish:
            _, slopes, curvature = state.finished(loss)
            bent = [(Scaled.of(c), _scaled(u), _scaled(v)) for c, u, v in curvature]
            return Chain(factor, loss, Scaled(1.0, 0), True, _scaled(slopes), bent)
        if loss.scope == "whole":
            return Chain(factor, loss, Scaled(1.0, 0), weighs=False)
        divisor = {"mean": state.outputs * weight, "sum": Fraction(1), "none": Fraction(state.outputs)}[reduction]
        return Chain(factor, loss, Scaled.of(divisor), reduction != "none")

    def apply(self, arrays: "Sequence[Array]", weight: "Array | None", order: int) -> "dict[str, list[Array]]":
        """For each prediction role the gradient, and with order 2 the Hessian diagonal, in the shape of the arrays."""
        return self.chained(self.loss.derivatives(arrays, order), weight)

    def chained(
        self, found: "Mapping[str, list[tuple[Array, ...]]]", weight: "Array | None"
    ) -> "dict[str, list[Array]]":
        """The same from the derivatives of the loss's terms."""
        with np.errstate(all="ignore"):  # an infinite derivative is an answer, and is counted as one
            return {role: self._of_role(terms, self._weight(weight, terms[0][0])) for role, terms in found.items()}

    def _weight(self, weight: "Array | None", like: "Array") -> "Array | None":
        if weight is None or not self.weighs:
            return None
        return weight.reshape(-1, *[1] * (like.ndim - 1))

    def _of_role(self, terms: "list[tuple[Array, ...]]", weight: "Array | None") -> "list[Array]":
        if not self.slopes:
            return [self._times_factor(_divided(order[0], weight, self.divisor)) for order in terms]
        chained = [_dot(self.slopes, terms[0], weight)]
        if len(terms) > 1:
            chained.append(_dot(self.slopes, terms[1], weight) + self._bent(terms[0], weight))
        return [self._times_factor(values) for values in chained]

    def _bent(self, gradients: "Sequence[Array]", weight: "Array | None") -> "Array":
        total: Array = np.zeros_like(gradients[0])
        for c, u, v in self.curvature:
            half = c.exponent // 2  # shared out, so that neither factor leaves the range
            first, second = _dot(u, gradients, weight, half), _dot(v, gradients, weight, c.exponent - half)
            total = total + first * (c.mantissa * second)
        return total

    def _times_factor(self, values: "Array") -> "Array":
        return values if self.factor == 1 else self.factor * values


def _scaled(values: Sequence[Any]) -> tuple[Scaled, ...]:
    return tuple(Scaled.of(value) for value in values)


def _divided(values: "Array", weight: "Array | None", divisor: Scaled) -> "Array":
    """The values times their weight, over the divisor; a weight is brought to the size of the divisor first."""
    if weight is None:
        plain: Array = values / np.ldexp(divisor.mantissa, divisor.exponent)
        return plain
    share: Array = np.ldexp(weight, -divisor.exponent) * values / divisor.mantissa
    return share


_NO_SIZE = -(1 << 20)  # the exponent of a 0, which is larger than nothing: a factor of 2^1200 makes it no larger


def _dot(factors: Sequence[Scaled], arrays: "Sequence[Array]", weight: "Array | None", exponent: int = 0) -> "Array":
    """2^exponent · w · Σ factor_k · array_k, element by element with the powers of two put in at the end."""
    total, parts = np.zeros_like(arrays[0]), []
    for factor, array in zip(factors, arrays, strict=True):
        mantissa, power = np.frexp(array)
        product = factor.mantissa * mantissa
        parts.append((product, np.where(product == 0, _NO_SIZE, power + factor.exponent)))
    top = np.maximum.reduce([power for _, power in parts])
    for product, power in parts:
        total = total + np.ldexp(product, power - top)
    if weight is not None:
        size, power = np.frexp(weight)
        total, top = size * total, power + top
    result: Array = np.ldexp(total, top + exponent)
    return result


def apply(
    chains: Sequence[Chain],
    derivatives: "Sequence[Mapping[str, list[tuple[Array, ...]]]]",
    weight: "Array | None",
) -> "dict[str, list[Array]]":
    """The derivatives of a weighted sum of losses, from those of each: they add."""
    total: dict[str, list[Array]] = {}
    for chain, of_terms in zip(chains, derivatives, strict=True):
        for role, found in chain.chained(of_terms, weight).items():
            with np.errstate(all="ignore"):  # infinite derivatives may cancel to NaN
                total[role] = [a + b for a, b in zip(total[role], found, strict=True)] if role in total else found
    return total


class Size(NamedTuple):
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

    `sizes` and `values` are keyed by role and order; sizes are found only where `measure` says so, `values` kept only
    where `keep` does. `write` takes each block of a role and order as it comes.
    """

    orders: Sequence[int]
    measure: bool
    keep: bool
    write: "Callable[[str, int, Array], None]"
    sizes: dict[tuple[str, int], Size] = field(default_factory=dict)
    values: "dict[tuple[str, int], list[Array]]" = field(default_factory=dict)
    stop: int = 0

    def add(self, found: "Mapping[str, Sequence[Array]]", rows: Sequence[int], stop: int) -> None:
        """Take the derivatives of the rows that are there of those up to `stop`."""
        for role, derivatives in found.items():
            for order in self.orders:
                self._take(role, order, in_place(derivatives[order - 1], rows, self.stop, stop))
        self.stop = stop

    def finish(self, stop: int) -> None:
        """Rows that are absent at the end have derivative 0 too."""
        for role, order in list(self.sizes) if stop > self.stop else []:
            self._take(role, order, np.zeros((stop - self.stop, *self._shape)))
        self.stop = stop

    _shape: tuple[int, ...] = ()

    def _take(self, role: str, order: int, full: "Array") -> None:
        self._shape = full.shape[1:]
        new = Size.of(full) if self.measure else Size()
        self.sizes[role, order] = self.sizes.get((role, order), Size()).merge(new)
        if self.keep:
            self.values.setdefault((role, order), []).append(full)
        self.write(role, order, full)


def in_place(values: "Array", rows: Sequence[int], start: int, stop: int, absent: float = 0.0) -> "Array":
    """The values at their rows among start … stop-1, `absent` elsewhere."""
    if len(rows) == stop - start:
        return values
    full = np.full((stop - start, *values.shape[1:]), absent)
    full[np.asarray(rows) - start] = values
    return full
