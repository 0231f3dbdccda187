"""Exact values and derivatives of definitions, to any precision: nothing here knows how losscli computes.

A definition is a loss of one element (its roles are numbers) or of one row (lists; a target may be a class index), as
the terms that it adds up. The terms' sizes bound the error that a sum of both signs may have; `size` and `slope_size`
stand for them where they do not show what cancels, or where nothing may be lost though terms cancel.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mpmath import mp, mpf

from tests.reference.accuracy import BOUND

DIGITS = 450  # so many that what two differences cancel leaves more than a float64 has, at 1e-323 and at 1e308
ENOUGH = 1500  # where entries of a vector differ in size by as much as float64 numbers can
STEP = mpf(10) ** -30  # of a difference quotient, as a share of what is moved

Number = Any  # an mpf; mpmath has no types


@dataclass(frozen=True)
class Kink:
    """Roles at which a derivative jumps, and what is declared there for each prediction: slopes, and where they are
    more than finite numbers curvatures. `jumps`: the value itself does, or comes near it by a slope without limit.
    """

    roles: tuple[Any, ...]
    slopes: tuple[Any, ...]
    curvatures: tuple[Any, ...] | None = None
    jumps: bool = False


@dataclass(frozen=True)
class Aggregate:
    """A loss that is a function of sums over all elements: the terms that each of them adds up, and the function, of
    the weighted sums and of the number of elements by their weights.
    """

    sums: "tuple[Definition, ...]"
    finish: Callable[..., Number]


@dataclass(frozen=True)
class Definition:
    """`terms` of the roles, and with respect to which of them derivatives are (`moved`). `alone`: a prediction's scale
    is its own, not the target's, so that a small one is moved by a share of itself. `aggregate`: what the loss is where
    it has no value of its own for a row. `ulps`: what is promised, where that is not the 4 ulp of the losses that
    people train with, and `curvature_ulps` of second derivatives. A loss of a group or of the whole takes a list of
    rows a role, and of the whole their weights last; it is `rowwise`, of one row that is the group; parameters may say
    so.
    """

    terms: Callable[..., "list[Number]"]
    rowwise: bool | Callable[..., bool] = False
    moved: tuple[int, ...] = (0,)
    alone: bool = False
    size: Callable[..., Number] | None = None
    slope_size: Callable[..., Number] | None = None
    curvature_size: Callable[..., Number] | None = None
    kinks: Callable[..., list[Kink]] = lambda **_: []
    aggregate: Aggregate | None = None
    ulps: float = BOUND
    curvature_ulps: float = BOUND


@dataclass(frozen=True)
class Sum:
    """An exact number and the sum of the sizes of its terms."""

    value: Number
    size: Number


def _added(terms: Sequence[Number]) -> Sum:
    return Sum(sum(terms, mpf(0)), sum((abs(term) for term in terms), mpf(0)))


def exactly(value: Any) -> Any:
    """The number, list or class index that a value of an array is."""
    if isinstance(value, list):
        return [exactly(v) for v in value]
    return value if isinstance(value, int) else mpf(value)


@dataclass(frozen=True)
class Reference:
    """A loss with its parameters, to be asked for exact values and derivatives of one element or row.

    `roles` are the values of all roles; derivatives are with respect to one of them, and to entry k of a row.
    """

    definition: Definition
    params: Mapping[str, Any]
    digits: int = DIGITS

    def kinks(self) -> list[Kink]:
        """Where a derivative jumps, at these parameters."""
        return self.definition.kinks(**{key: float(v) if isinstance(v, mpf) else v for key, v in self.params.items()})

    def value(self, roles: Sequence[Any]) -> Sum:
        """The loss."""
        with mp.workdps(self.digits):
            found = _added(self.definition.terms(*roles, **self.params))
            size = self.definition.size
            return Sum(found.value, size(*roles, **self.params)) if size else found

    def derivatives(self, roles: Sequence[Any], role: int = 0, k: int | None = None) -> tuple[Sum, Sum]:
        """The slope and the curvature, by central differences."""
        with mp.workdps(self.digits):
            step, found = self._step(roles, role, k), self.definition
            rows = list(zip(*(self._terms(roles, role, k, s) for s in (-step, 0, step)), strict=True))
            slope = _added([(high - low) / (2 * step) for low, _, high in rows])
            curvature = _added([(low - 2 * here + high) / step**2 for low, here, high in rows])
            sizes = [size and size(*roles, role, k, **self.params) for size in (found.slope_size, found.curvature_size)]
            return Sum(slope.value, sizes[0] or slope.size), Sum(curvature.value, sizes[1] or curvature.size)

    def items(self, arrays: Sequence[Any]) -> Iterator[list[Any]]:
        """The roles of each element of float64 arrays in C order, or of each row, as exact numbers."""
        rowwise = self.definition.rowwise
        by_row = rowwise(**self.params) if callable(rowwise) else rowwise
        rows = arrays if by_row else [a.ravel() for a in arrays]
        for roles in zip(*(a.tolist() for a in rows), strict=True):
            yield [exactly(role) for role in roles]

    def _terms(self, roles: Sequence[Any], role: int, k: int | None, step: Number) -> "list[Number]":
        moved = list(roles)
        moved[role] = _moved(roles[role], k, step)
        return self.definition.terms(*moved, **self.params)

    def _step(self, roles: Sequence[Any], role: int, k: int | None) -> Number:
        """Small beside the length over which the loss changes: 1 at least for logits and log-rates; for vectors any of
        their sizes and distances; for an error its parts.
        """
        here = abs(roles[role] if k is None else roles[role][k])
        if self.params.get("form") in ("logits", "log_rate"):
            return STEP * max(here, mpf(1))
        if self.definition.alone:
            return STEP * (here or mpf(1))
        if len(self.definition.moved) > 1:
            at, own = (k or 0), _entries(roles[role])
            vectors = [_entries(roles[other]) for other in self.definition.moved]
            lengths = [abs(vector[at] - own[at]) for vector in vectors] + [abs(x) for x in own]
            return STEP * min((length for length in lengths if length), default=mpf(1))
        others = [other[k] if isinstance(other, list) else other for other in roles]
        return STEP * (max(abs(other) for other in others) or mpf(1))


def _entries(role: Any) -> Sequence[Number]:
    return role if isinstance(role, list) else [role]


def _moved(role: Any, k: int | None, step: Number) -> Any:
    if k is None:
        return role + step
    return [x + step if j == k else x for j, x in enumerate(role)]
