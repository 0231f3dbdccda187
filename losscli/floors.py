"""The least value that soft targets allow, and by how much a loss exceeds it: of a cross-entropy the entropy of the
targets, which no prediction changes, and the Kullback-Leibler divergence, which counts.
"""

from fractions import Fraction
from importlib import import_module
from math import log
from typing import TYPE_CHECKING, NamedTuple

from losscli.exact import ZERO, Exact
from losscli.lazy import np
from losscli.registry import Loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from losscli.registry import Array

_KNOWN = {"cross_entropy": "of_classes", "nll": "of_classes", "bce": "of_outcomes"}
_NATS = {"nats": 1.0, "bits": log(2)}  # of a unit


def has_floor(loss: Loss) -> bool:
    """Whether the least value is known; what is clipped may not reach it."""
    return loss.name in _KNOWN and not loss.params.get("clip")


class Floor(NamedTuple):
    """Σw of the least values and of the excesses over all elements: exact sums, which merge."""

    least: Exact = ZERO
    excess: Exact = ZERO

    @staticmethod
    def of(loss: Loss, arrays: "Sequence[Array]", weight: "Array | None", total: Exact) -> "Floor":
        """The state of a batch whose losses add up to `total`: all of it excess where every target is certain."""
        of_terms = getattr(import_module("losscli.losses.excess"), _KNOWN[loss.name])  # with the first such loss
        with np.errstate(all="ignore"):
            found = of_terms(*arrays, **loss.params)
            if found is None:
                return Floor(ZERO, total)
            terms = [term / _NATS[loss.params.get("units", "nats")] for term in found]
        least, excess = (Exact.of(term, *_factors(weight, term)) for term in terms)
        return Floor(least, excess)

    def merge(self, other: "Floor") -> "Floor":
        return Floor(self.least + other.least, self.excess + other.excess)

    def over(self, divisor: Fraction) -> tuple[float, float] | None:
        """Both divided by it, each rounded once; None where no target is soft."""
        return (self.least.over(divisor), self.excess.over(divisor)) if self.least != ZERO else None


def _factors(weight: "Array | None", terms: "Array") -> "list[Array]":
    if weight is None:
        return []
    return [np.broadcast_to(weight if terms.ndim == 1 else weight[:, None], terms.shape)]
