"""One pass over the batches: what is tallied of each objective."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.distribution import Distribution
from losscli.errors import BadValueError
from losscli.exact import Exact, to_float
from losscli.floors import Floor, has_floor
from losscli.objectives import Objective
from losscli.samples import Collector
from losscli.states import Moments
from losscli.tables import Batch, refused_at

if TYPE_CHECKING:
    from losscli.holding import Holding
    from losscli.registry import Array


def checked_arrays(objective: Objective, batch: Batch, allow_inf: bool) -> "list[list[Array]]":
    """The arrays of a batch as each term's function takes them. Raises InputError with the place in the file."""
    arrays = list(batch.arrays.values())
    try:
        return [loss.check(arrays, allow_inf) for loss in objective.losses]
    except BadValueError as error:
        raise refused_at(error, batch) from None


class Computed(NamedTuple):
    """A batch as an objective sees it: the arrays checked, and of each loss value and derivatives up to `order`; of a
    loss of groups or of the whole nothing.
    """

    objective: Objective
    batch: Batch
    checked: "Sequence[Sequence[Array]]"
    results: Sequence[Sequence[Any]]

    @staticmethod
    def of(objective: Objective, batch: Batch, allow_inf: bool, order: int) -> "Computed":
        checked = checked_arrays(objective, batch, allow_inf)
        results = [
            loss.compute(arrays, order) if loss.scope == "row" else ()
            for loss, arrays in zip(objective.losses, checked, strict=True)
        ]
        return Computed(objective, batch, checked, results)

    @property
    def terms(self) -> "list[tuple[Array, ...]]":
        """The terms of each loss."""
        found = zip(self.objective.losses, self.results, strict=True)
        return [loss.as_terms(result[0]) if result else () for loss, result in found]

    @property
    def losses(self) -> "Array":
        """Each sample's loss."""
        return self.objective.combined(self.terms)


@dataclass
class Tally:
    """Of one objective: a state for each term, the state of the whole, and what was asked for of its samples. Of terms
    that are not losses of rows, by their number, the rows are held. `why`: what is known of the first infinite loss.
    """

    objective: Objective
    spread: bool
    distribution: Distribution | None = None
    collector: Collector | None = None
    holdings: "Mapping[int, Holding]" = field(default_factory=dict)
    states: list[Moments] = field(default_factory=list)
    whole: Moments = field(default_factory=Moments)
    floor: Floor | None = None
    why: str = ""

    def __post_init__(self) -> None:
        self.states = [Moments() for _ in self.objective.terms]
        if self.spread and not self.objective.is_sum and has_floor(self.objective.losses[0]):
            self.floor = Floor()

    def add(self, computed: Computed, totals: Sequence[tuple[Exact, ...]] | None = None) -> None:
        """Take a batch; `totals` are the sums of each loss's terms, where they are at hand."""
        batch = computed.batch
        spread = self.spread and not self.objective.is_aggregate and not self.objective.is_sum
        for k, (loss, arrays, terms) in enumerate(
            zip(self.objective.losses, computed.checked, computed.terms, strict=True)
        ):
            if k in self.holdings:
                self.holdings[k].add(arrays, batch)
                continue
            new = Moments.of(
                loss, arrays, batch.weight, batch.rows, spread, terms=terms, totals=totals[k] if totals else None
            )
            if new.first is not None and not self.why and loss.kind.why:
                row = list(batch.rows).index(new.first)
                self.why = loss.kind.why([a[row : row + 1] for a in arrays])
            self.states[k] = self.states[k].merge(new)
            if self.floor is not None:
                self.floor = self.floor.merge(Floor.of(loss, arrays, batch.weight, new.totals[0]))
        if not self.holdings and (self.objective.is_sum or self.distribution or self.collector):
            self._add_samples(computed.losses, batch)

    def _add_samples(self, losses: "Array", batch: Batch) -> None:
        if self.objective.is_sum:
            spread = self.spread and not self.objective.is_aggregate
            self.whole = self.whole.merge(Moments.of_samples(losses, batch.weight, batch.rows, spread))
        if self.distribution:
            self.distribution.add(losses, batch.weight)
        if self.collector:
            self.collector.add(losses, batch)

    def close(self) -> None:
        """All rows are there."""
        for k, holding in self.holdings.items():
            self.states[k] = holding.state(self.spread and not self.objective.is_aggregate)

    def derivatives(self, computed: Computed) -> "list[Mapping[str, list[tuple[Array, ...]]]]":
        """The derivatives of each loss's terms, of the rows of a batch."""
        count = len(computed.batch.rows)
        return [
            self.holdings[k].derivatives(count) if k in self.holdings else loss.by_role(found)
            for k, (loss, found) in enumerate(zip(self.objective.losses, computed.results, strict=True))
        ]

    @property
    def state(self) -> Moments:
        """The state that counts the samples: of the whole where it has one, else of the first term of rows."""
        of_rows = next((k for k in range(len(self.states)) if k not in self.holdings), 0)
        return self.whole if self.whole.n else self.states[of_rows]

    def value(self, reduction: str) -> float:
        """The value of the objective."""
        terms = self.objective.terms
        if not self.objective.is_sum:
            return self.states[0].value(terms[0][1], reduction)
        if reduction == "mean" and not self.objective.is_aggregate:
            return self.whole.mean
        return _weighted([(factor, v) for (factor, _), v in zip(terms, self.term_values(reduction), strict=True)])

    def floors(self, reduction: str) -> tuple[float | None, float | None]:
        """The least value that soft targets allow, and the excess over it; None each where there is no such value."""
        if self.floor is None or reduction == "none":
            return None, None
        return self.floor.over(self.states[0].divisor if reduction == "mean" else Fraction(1)) or (None, None)

    def term_values(self, reduction: str) -> list[float]:
        """The value of each term, without its factor."""
        return [s.value(loss, reduction) for s, loss in zip(self.states, self.objective.losses, strict=True)]


def _weighted(parts: Sequence[tuple[float, float]]) -> float:
    if all(isfinite(value) for _, value in parts):
        return to_float(sum((Fraction(factor) * Fraction(value) for factor, value in parts), Fraction(0)))
    return sum(factor * value for factor, value in parts)
