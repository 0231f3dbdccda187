"""What is found of an objective once its divisor is known: derivatives, samples, files, and the result itself."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from fractions import Fraction
from math import nan
from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.columns import GROUP, IMAGE, MASK, WEIGHT, Binding
from losscli.derivatives import ORDERS, Chain, Gathered, apply, in_place
from losscli.distribution import LEVELS
from losscli.errors import UsageError
from losscli.formats import BLOCK
from losscli.lazy import np
from losscli.objectives import Objective
from losscli.registry import Loss
from losscli.results import Derivative, Result, Term
from losscli.samples import Describer, Samples, probabilities
from losscli.scan import Computed, Tally
from losscli.tables import Batch, Table
from losscli.version import VERSION

if TYPE_CHECKING:
    from losscli.registry import Array
    from losscli.sequences import Ends
    from losscli.writers import ArrayWriter, TableWriter

BINS = 32  # of the histogram of the samples' losses


class Wanted(NamedTuple):
    """What an evaluation is to find besides the values."""

    grad: bool = False
    hess: bool = False
    grad_out: str | None = None
    hess_out: str | None = None
    per_sample: bool = False
    worst: int = 0
    limit: int | None = None
    show: Sequence[str] = ()
    per_sample_out: str | None = None
    probs_out: str | None = None
    spread: bool = True
    distribution: bool = False
    histogram: bool = False
    sizes: bool = True
    values: bool = True

    @property
    def orders(self) -> tuple[int, ...]:
        """Which derivatives: 1 the gradient, 2 the Hessian diagonal."""
        first, second = self.grad or self.grad_out is not None, self.hess or self.hess_out is not None
        return tuple(order for order, is_wanted in ((1, first), (2, second)) if is_wanted)

    @property
    def lists(self) -> bool:
        """Whether samples are listed."""
        return self.per_sample or self.worst > 0 or self.per_sample_out is not None

    @property
    def outputs(self) -> list[str]:
        return [p for p in (self.grad_out, self.hess_out, self.per_sample_out, self.probs_out) if p is not None]

    @property
    def twice(self) -> bool:
        """Whether the rows have to be read a second time, when the totals are known."""
        return bool(self.orders or self.outputs)


class Request(NamedTuple):
    """What an evaluation is asked for, and how."""

    objectives: Sequence[Objective]
    wanted: Wanted
    reduction: str
    allow_inf: bool
    progress: Callable[[int, int | None], None] | None
    max_bytes: int

    def needs_totals(self, table: Table) -> bool:
        """Whether what is wanted has to wait for the totals: unless it is derivatives alone, and Σw is known."""
        wanted = self.wanted
        knows_weight = self.reduction != "mean" or (table.known_rows is not None and not table.selects)
        aggregate = any(o.is_aggregate or o.is_gathered for o in self.objectives)
        return not wanted.twice or aggregate or not knows_weight or wanted.per_sample_out is not None


class Final:
    """What is found of one objective once its divisor is known: derivatives, samples and files."""

    def __init__(self, stack: ExitStack, tally: Tally, table: Table, request: Request, weight: Fraction) -> None:
        self._tally, self._table, self._request, self._wanted = tally, table, request, request.wanted
        terms = zip(tally.objective.terms, tally.states, strict=True)
        self._chains = [
            Chain.of(factor, loss, state, request.reduction, weight)
            for (factor, loss), state in terms
            if request.wanted.orders
        ]
        self._gathered = Gathered(request.wanted.orders, request.wanted.sizes, request.wanted.values, self._write)
        self._writers: dict[int, ArrayWriter] = {}
        self._samples_out: TableWriter | None = None
        self._probs_out: TableWriter | None = None
        self._stop = 0
        self._ends: Sequence[Ends] = []
        if request.wanted.orders and any(b.sequence for b in table.bindings):
            from losscli.sequences import ends_of  # rows are seldom sequences

            predictions = [b for b in table.bindings if b.role in tally.objective.predictions]
            self._ends = ends_of(predictions, request.wanted.grad_out)
        if request.wanted.outputs:
            self._open(stack)

    def _open(self, stack: ExitStack) -> None:
        """The files asked for; they vanish unless `commit` is reached."""
        from losscli.output import undisturbed  # most evaluations write no files
        from losscli.writers import ArrayWriter, TableWriter

        wanted, roles = self._wanted, self._tally.objective.predictions
        grid = self._table.grid
        with undisturbed():
            for order, path in ((1, wanted.grad_out), (2, wanted.hess_out)):
                if path is not None:
                    self._writers[order] = ArrayWriter(path, ORDERS[order], roles, grid)
                    stack.callback(self._writers[order].abort)
            if wanted.per_sample_out is not None:
                self._samples_out = TableWriter(wanted.per_sample_out, grid and grid._replace(channels=0))
                stack.callback(self._samples_out.abort)
            if wanted.probs_out is not None:
                self._probs_out = TableWriter(wanted.probs_out, grid)
                stack.callback(self._probs_out.abort)

    @property
    def _describer(self) -> Describer:
        state = self._tally.state
        return Describer(
            self._tally.objective,
            state.totals[0],
            self._table.classes,
            state.outputs,
            self._chains,
            self._wanted.orders,
            {b.role: b.reader.row_shape for b in self._table.bindings},
        )

    def _write(self, role: str, order: int, values: "Array") -> None:
        if order in self._writers:
            self._writers[order].write(role, self._shaped(role, values))

    def add(self, computed: Computed) -> None:
        """Take a batch."""
        batch = computed.batch
        if self._chains:
            found = apply(self._chains, self._tally.derivatives(computed), batch.weight)
            for ends in self._ends:
                ends.add(batch.arrays[ends.role], batch.rows, self._gathered.stop, batch.stop)
            self._gathered.add(found, batch.rows, batch.stop)
        if self._samples_out:
            self._samples_out.write(self._sample_columns(Samples.of(computed.losses, batch), batch))
        if self._probs_out:
            probs = self._probabilities(computed.objective.losses, computed.checked)
            self._probs_out.write(self._named(in_place(probs, batch.rows, self._stop, batch.stop, nan)))
        self._stop = batch.stop

    def _sample_columns(self, samples: Samples, batch: Batch) -> dict[str, Any]:
        """All that is said of the samples; an array has no row numbers, so that absent rows have a place in it, as
        NaN.
        """
        if not str(self._wanted.per_sample_out).lower().endswith(".npy"):
            return self._describer.columns(samples)
        return {"loss": in_place(samples.losses, batch.rows, self._stop, batch.stop, nan)}

    def _fill_up(self, rows: int) -> None:
        """Rows that are absent at the end."""
        for start in range(self._stop, rows, BLOCK):
            count = min(BLOCK, rows - start)
            if self._samples_out and str(self._wanted.per_sample_out).lower().endswith(".npy"):
                self._samples_out.write({"loss": np.full(count, nan)})
            if self._probs_out:
                self._probs_out.write(self._named(np.full((count, *self._probs_shape), nan)))

    def _named(self, probs: "Array") -> "dict[str, Array]":
        """The probabilities as the columns of a table, by class where classes have names; an array has no columns."""
        classes = self._table.classes
        if not classes or probs.ndim == 1 or str(self._wanted.probs_out).lower().endswith(".npy"):
            return {"p": probs}
        return {f"p_{name}": probs[:, k] for k, name in enumerate(classes)}

    _probs_shape: tuple[int, ...] = ()

    def _probabilities(self, losses: Sequence[Loss], checked: "Sequence[Sequence[Array]]") -> "Array":
        for loss, arrays in zip(losses, checked, strict=True):
            probs = probabilities(loss, arrays[0])
            if probs is not None:
                probs = self._unrolled(self._binding(loss.kind.predictions[0]), probs)
                self._probs_shape = probs.shape[1:]
                return probs
        raise UsageError(f"{self._tally.objective} has no probabilities for --probs-out")

    def result(self) -> Result:
        """The result; output files are put in their places."""
        tally, state, reduction = self._tally, self._tally.state, self._request.reduction
        if self._wanted.twice:
            self._gathered.finish(self._table.rows)
            self._fill_up(self._table.rows)
        for writer in [*self._writers.values(), self._samples_out, self._probs_out]:
            if writer:
                writer.commit()
        objective, loss = tally.objective, tally.objective.losses[0]
        spread, (floor, excess) = state.spread, tally.floors(reduction)
        return Result(
            loss=str(objective),
            name=str(objective) if objective.is_sum else loss.name,
            params={} if objective.is_sum else loss.params,
            reduction=reduction,
            value=None if reduction == "none" else tally.value(reduction),
            n=state.n,
            weight=state.total_weight,
            outputs=max(s.outputs for s in tally.states),
            std=state.std if spread else None,
            min=spread.low if spread else None,
            max=spread.high if spread else None,
            floor=floor,
            excess=excess,
            signature=self._signature(),
            infinite=state.infinite,
            first_infinite=state.first,
            first_spot=self._spot(state.first),
            why_infinite=tally.why,
            terms=self._terms(),
            quantiles=self._quantiles(),
            histogram=self._histogram(),
            gradients=self._derivatives(1),
            hessians=self._derivatives(2),
            samples=self._samples(),
            unlisted=self._unlisted(),
        )

    def _spot(self, row: int | None) -> str:
        """Where a row is, of pixels."""
        grid = self._table.grid
        return "" if row is None or grid is None else f"{IMAGE} {row // grid.pixels}{grid.spot(row % grid.pixels)}"

    def _signature(self) -> str:
        """How the number was made: equal signatures, comparable numbers."""
        by_role, rules = {b.role: b for b in self._table.bindings}, self._table.rules
        return "|".join(
            [
                str(self._tally.objective),
                self._request.reduction,
                f"w:{_called(by_role.get(WEIGHT))}",
                *([f"mask:{_called(by_role[MASK])}"] if MASK in by_role else []),
                *(f"group:{_called(b)}" for b in self._table.bindings if b.role.startswith(GROUP)),
                *(f"where:{condition}" for condition in rules.conditions),
                *self._table.pairing.signature,
                *rules.meaning.signature,
                f"missing:{'drop' if rules.drops_missing else 'error'}",
                f"n:{self._tally.state.n}",
                f"v:{VERSION}",
            ]
        )

    def _terms(self) -> tuple[Term, ...]:
        tally = self._tally
        if not tally.objective.is_sum or self._request.reduction == "none":
            return ()
        values = tally.term_values(self._request.reduction)
        return tuple(Term(str(loss), f, v) for (f, loss), v in zip(tally.objective.terms, values, strict=True))

    def _quantiles(self) -> dict[str, float]:
        if self._tally.distribution is None:
            return {}
        found = self._tally.distribution.quantiles(LEVELS)
        return {f"p{level * 100:g}": value for level, value in zip(LEVELS, found, strict=True)}

    def _histogram(self) -> tuple[int, ...]:
        spread = self._tally.state.spread
        is_finite = spread is not None and np.isfinite([spread.low, spread.high]).all()
        if not self._wanted.histogram or self._tally.distribution is None or spread is None or not is_finite:
            return ()
        return tuple(self._tally.distribution.histogram(spread.low, spread.high, BINS))

    def _derivatives(self, order: int) -> dict[str, Derivative]:
        if not self._wanted.sizes:
            return {}
        sizes = {role: size for (role, o), size in self._gathered.sizes.items() if o == order}
        blocks = {role: found for (role, o), found in self._gathered.values.items() if o == order}
        return {
            role: Derivative(role, size.norm, size.max_abs, size.nonfinite, self._whole(role, blocks.get(role)))
            for role, size in sizes.items()
        }

    def _whole(self, role: str, blocks: "list[Array] | None") -> "Array | None":
        if blocks is None:
            return None
        ends = next((ends for ends in self._ends if ends.role == role), None)
        if ends:
            return ends.cut(blocks)
        values, grid = np.concatenate(blocks), self._table.grid
        return grid.images(values) if grid else self._shaped(role, values)

    def _shaped(self, role: str, values: "Array") -> "Array":
        """As the prediction was given: (n, 1) or (n,), or in more dimensions; rows of pixels as rows."""
        binding = self._binding(role)
        if binding.reader.row_shape:
            return self._unrolled(binding, values)
        is_matrix = binding.is_matrix
        if is_matrix and values.ndim == 1:
            return values[:, None]
        return values[:, 0] if not is_matrix and values.ndim == 2 and values.shape[1] == 1 else values

    def _binding(self, role: str) -> Binding:
        return next(b for b in self._table.bindings if b.role == role)

    @staticmethod
    def _unrolled(binding: Binding, values: "Array") -> "Array":
        """Rows that are arrays of several dimensions in their own shape."""
        shape = binding.reader.row_shape
        return values.reshape(len(values), *shape) if shape else values

    def _samples(self) -> dict[str, Any] | None:
        collector = self._tally.collector
        return None if collector is None or collector.kept is None else self._describer.columns(collector.kept)

    def _unlisted(self) -> int:
        """The samples that a limit has left out."""
        collector = self._tally.collector
        if collector is None or collector.kept is None or collector.worst:
            return 0
        return self._tally.state.n - len(collector.kept.rows)


def _called(binding: Binding | None) -> str:
    if binding is None:
        return "none"
    return binding.names[0] if binding.reader.headed else "given"
