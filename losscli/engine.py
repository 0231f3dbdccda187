"""evaluate(): open, scan, reduce, scan again where a derivative or a share needs the total, finish."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from losscli.columns import Binding, bind, bind_once
from losscli.derivatives import ORDERS, Chain, Gathered, apply
from losscli.distribution import LEVELS, Distribution
from losscli.errors import InputError, UsageError
from losscli.formats import BLOCK, Reader, open_reader
from losscli.lazy import np
from losscli.objectives import Objective, parse
from losscli.registry import Loss
from losscli.results import Derivative, Input, Report, Result, Term
from losscli.samples import Collector, Describer, Samples, probabilities
from losscli.scan import Tally, checked_arrays
from losscli.tables import Batch, Table, show_role
from losscli.version import VERSION
from losscli.writers import ArrayWriter, TableWriter

if TYPE_CHECKING:
    from losscli.registry import Array

REDUCTIONS = ("mean", "sum", "none")
BINS = 32  # of the histogram of the samples' losses


@dataclass(frozen=True)
class Wanted:
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
    values: bool = True

    @property
    def orders(self) -> tuple[int, ...]:
        """Which derivatives: 1 the gradient, 2 the Hessian diagonal."""
        first, second = self.grad or self.grad_out is not None, self.hess or self.hess_out is not None
        return tuple(order for order, is_wanted in ((1, first), (2, second)) if is_wanted)

    @property
    def outputs(self) -> list[str]:
        return [p for p in (self.grad_out, self.hess_out, self.per_sample_out, self.probs_out) if p is not None]

    @property
    def twice(self) -> bool:
        """Whether the rows have to be read a second time, when the totals are known."""
        return bool(self.orders or self.outputs)


def evaluate(
    loss: "str | Loss | Objective | Sequence[str | Loss | Objective]",
    *,
    weight: Any = None,
    columns: "Mapping[str, str | Sequence[str]] | None" = None,
    reduction: str = "mean",
    header: bool | None = None,
    allow_inf: bool = False,
    block: int = BLOCK,
    progress: Callable[[int, int | None], None] | None = None,
    grad: bool = False,
    hess: bool = False,
    grad_out: str | None = None,
    hess_out: str | None = None,
    per_sample: bool = False,
    worst: int = 0,
    limit: int | None = None,
    show: Sequence[str] = (),
    per_sample_out: str | None = None,
    probs_out: str | None = None,
    spread: bool = True,
    distribution: bool = False,
    histogram: bool = False,
    values: bool = True,
    **roles: Any,
) -> Report:
    """The losses of predictions against targets, in one scan, or two where derivatives or samples need the totals.

    Parameters
    ----------
    loss : a SPEC such as ``"huber:delta=0.5"``, a sum such as ``"dice + 0.5 * bce"``, a `Loss`, or several of them,
        which take the same roles.
    **roles : what the losses take, mostly ``pred=`` and ``target=``: a path (CSV, NPY, Parquet; ``"-"`` is standard
        input), an array of shape (n,) or (n, d), a list, a Series or a DataFrame; paired by position, never by index.
        A role that is left out is a column of the first role's file or frame.
    weight : weights >= 0, shape (n,); a sample of weight 0 is absent.
    columns : role -> column names, globs or 0-based positions, ``"weight"`` among the roles.
    reduction : ``"mean"`` is Σwℓ/Σw over samples, ``"sum"`` adds every weighted element, ``"none"`` has no value and
        lists the samples.
    header : whether a CSV file's first row is its header; None lets the row decide.
    allow_inf : let infinite inputs in.
    block : rows taken at a time; results do not depend on it.
    progress : called now and then with the rows done and the rows there are, where that is known.
    grad, hess : the gradient and Hessian diagonal of the value with respect to each prediction, in its shape.
    grad_out, hess_out : files for them (.npy, .npz, .csv, .parquet).
    per_sample, worst, limit, show : list the samples: all, or the `worst` ones by weighted loss, or the first `limit`;
        `show` names columns to put beside them.
    per_sample_out, probs_out : files for all samples (.csv, .parquet, .npy) and for their probabilities.
    spread, distribution, histogram : std, min and max; quantiles; and a histogram of the samples' losses.
    values : keep the derivatives themselves, not only their size.

    Raises
    ------
    UsageError, InputError, OutputError : with the message that the command line prints.
    """
    wanted = Wanted(
        *(grad, hess, grad_out, hess_out, per_sample or reduction == "none", worst, limit, tuple(show)),
        *(per_sample_out, probs_out, spread, distribution or histogram, histogram, values),
    )
    objectives = _objectives(loss)
    _check_request(objectives, reduction, wanted, block)
    given = {role: data for role, data in {**roles, "weight": weight}.items() if data is not None}
    _check_roles(objectives[0].losses[0], given)
    chosen = {role: [names] if isinstance(names, str) else list(names) for role, names in (columns or {}).items()}
    request = _Request(objectives, wanted, reduction, allow_inf, progress)
    with ExitStack() as stack:
        readers = {role: _open(stack, role, data, header, wanted.twice) for role, data in given.items()}
        table = _table(objectives, readers, chosen, wanted, block)
        results = [final.result() for final in _scan(stack, request, table)]
        return _report(results, table, list(readers.values()))


@dataclass(frozen=True)
class _Request:
    objectives: Sequence[Objective]
    wanted: Wanted
    reduction: str
    allow_inf: bool
    progress: Callable[[int, int | None], None] | None

    def needs_totals(self, table: Table) -> bool:
        """Whether what is wanted has to wait for the totals: unless it is derivatives alone, and Σw is known."""
        wanted, weighted = self.wanted, any(b.role == "weight" for b in table.bindings)
        knows_weight = self.reduction != "mean" or (table.known_rows is not None and not weighted)
        aggregate = any(objective.is_aggregate for objective in self.objectives)
        return not wanted.twice or aggregate or not knows_weight or wanted.per_sample_out is not None


def _objectives(loss: Any) -> list[Objective]:
    several = [loss] if isinstance(loss, (str, Loss, Objective)) else list(loss)
    if not several:
        raise UsageError("no loss is given")
    return [_objective(one) for one in several]


def _objective(one: "str | Loss | Objective") -> Objective:
    if isinstance(one, Loss):
        return Objective(((1.0, one),))
    return parse([one])[0] if isinstance(one, str) else one


def _check_request(objectives: Sequence[Objective], reduction: str, wanted: Wanted, block: int) -> None:
    first = objectives[0].losses[0]
    if reduction not in REDUCTIONS:
        raise UsageError(f"reduction '{reduction}': it is one of {', '.join(REDUCTIONS)}")
    for objective in objectives:
        for loss in objective.losses:
            if loss.kind.role_names != first.kind.role_names:
                raise UsageError(f"{first.name} and {loss.name} take different files: evaluate them one by one")
        if objectives.count(objective) > 1:
            raise UsageError(f"{objective} is asked for twice")
        if reduction != "mean" and objective.is_aggregate:
            raise UsageError(f"{objective} is an aggregate: it has one value, of --reduction mean only")
    if len(objectives) > 1 and wanted.outputs:
        raise UsageError(f"{wanted.outputs[0]} can hold one loss only; {len(objectives)} are given")
    if len(set(wanted.outputs)) < len(wanted.outputs):
        raise UsageError(f"{wanted.outputs[0]} is named for two outputs")
    if block < 1 or wanted.worst < 0 or (wanted.limit or 0) < 0:
        raise UsageError("block must be at least 1, worst and limit at least 0")


def _check_roles(loss: Loss, given: Mapping[str, Any]) -> None:
    names = loss.kind.role_names
    for role in given:
        if role not in (*names, "weight"):
            raise UsageError(f"{loss.name} takes {', '.join(names)}, not {role}")
    if names[0] not in given:
        raise UsageError(f"{loss.name} needs {names[0]}")
    if sum(isinstance(data, str) and data == "-" for data in given.values()) > 1:
        raise UsageError("'-' is standard input, which can be one file only")


def _open(stack: ExitStack, role: str, data: Any, header: bool | None, keep: bool) -> Reader:
    reader = open_reader(role, data, header, keep)
    stack.callback(reader.close)
    return reader


def _table(
    objectives: Sequence[Objective],
    readers: Mapping[str, Reader],
    chosen: Mapping[str, Sequence[str]],
    wanted: Wanted,
    block: int,
) -> Table:
    bindings = bind(objectives[0].losses[0].kind.roles, readers, chosen, "weight" in chosen)
    by_role = {b.role: b.reader for b in bindings}
    shown = [bind_once(show_role(name), by_role, [name], labels=True) for name in wanted.show]
    return Table([*bindings, *shown], block)


def _scan(stack: ExitStack, request: "_Request", table: Table) -> "list[_Final]":
    """Tally every batch. Where the divisor is known beforehand, derivatives come in the same scan."""
    tallies = [_tally(objective, request.wanted) for objective in request.objectives]
    finals: list[_Final] = []
    for batch in table.batches():
        for tally in tallies:
            tally.add(batch, request.allow_inf)
        if request.progress:
            request.progress(batch.stop, table.known_rows)
        if not request.needs_totals(table):
            finals = finals or _finals(stack, tallies, table, request, Fraction(table.known_rows or 0))
            for final in finals:
                final.add(batch)
    if not tallies[0].state.n:
        raise InputError("every row has weight 0; a mean needs some weight")
    return finals or _scan_again(stack, tallies, table, request)


def _scan_again(stack: ExitStack, tallies: Sequence[Tally], table: Table, request: "_Request") -> "list[_Final]":
    """The second scan, for what needs the totals of the first."""
    rows = table.rows
    finals = _finals(stack, tallies, table, request, tallies[0].state.weight.fraction)
    if request.wanted.twice:
        for batch in table.batches():
            for final in finals:
                final.add(batch)
        if table.rows != rows:
            raise InputError(f"the files changed while they were read: {rows} rows, then {table.rows}")
    return finals


def _finals(
    stack: ExitStack, tallies: Sequence[Tally], table: Table, request: "_Request", weight: Fraction
) -> "list[_Final]":
    return [_Final(stack, tally, table, request, weight) for tally in tallies]


def _tally(objective: Objective, wanted: Wanted) -> Tally:
    has_losses = wanted.distribution and not objective.is_aggregate
    listed = wanted.per_sample or wanted.worst
    return Tally(
        objective,
        wanted.spread,
        Distribution() if has_losses else None,
        Collector(wanted.worst, wanted.limit) if listed else None,
    )


class _Final:
    """What is found of one objective once its divisor is known: derivatives, samples and files."""

    def __init__(self, stack: ExitStack, tally: Tally, table: Table, request: "_Request", weight: Fraction) -> None:
        self._tally, self._table, self._request, self._wanted = tally, table, request, request.wanted
        terms = zip(tally.objective.terms, tally.states, strict=True)
        self._chains = [
            Chain.of(factor, loss, state, request.reduction, weight)
            for (factor, loss), state in terms
            if request.wanted.orders
        ]
        self._gathered = Gathered(request.wanted.orders, request.wanted.values, self._write)
        self._writers: dict[int, ArrayWriter] = {}
        self._samples_out: TableWriter | None = None
        self._probs_out: TableWriter | None = None
        self._open(stack)

    def _open(self, stack: ExitStack) -> None:
        """The files asked for; they vanish unless `commit` is reached."""
        wanted, roles = self._wanted, self._tally.objective.predictions
        for order, path in ((1, wanted.grad_out), (2, wanted.hess_out)):
            if path is not None:
                self._writers[order] = ArrayWriter(path, ORDERS[order], roles)
                stack.callback(self._writers[order].abort)
        if wanted.per_sample_out is not None:
            self._samples_out = TableWriter(wanted.per_sample_out)
            stack.callback(self._samples_out.abort)
        if wanted.probs_out is not None:
            self._probs_out = TableWriter(wanted.probs_out)
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
        )

    def _write(self, role: str, order: int, values: "Array") -> None:
        if order in self._writers:
            self._writers[order].write(role, values)

    def add(self, batch: Batch) -> None:
        """Take a batch."""
        objective = self._tally.objective
        checked = checked_arrays(objective, batch, self._request.allow_inf)
        if self._chains:
            found = apply(self._chains, checked, batch.weight, max(self._wanted.orders))
            self._gathered.add(found, batch.rows, batch.stop)
        if self._samples_out:
            samples = Samples.of(objective.sample_losses(checked), batch)
            self._samples_out.write(self._describer.columns(samples))
        if self._probs_out:
            self._probs_out.write({"p": self._probabilities(objective.losses, checked)})

    def _probabilities(self, losses: Sequence[Loss], checked: "Sequence[Sequence[Array]]") -> "Array":
        for loss, arrays in zip(losses, checked, strict=True):
            probs = probabilities(loss, arrays[0])
            if probs is not None:
                return probs
        raise UsageError(f"{self._tally.objective} has no probabilities for --probs-out")

    def result(self) -> Result:
        """The result; output files are put in their places."""
        tally, state, reduction = self._tally, self._tally.state, self._request.reduction
        self._gathered.finish(self._table.rows)
        for writer in [*self._writers.values(), self._samples_out, self._probs_out]:
            if writer:
                writer.commit()
        objective, loss = tally.objective, tally.objective.losses[0]
        weight = next((b for b in self._table.bindings if b.role == "weight"), None)
        spread = state.spread
        return Result(
            loss=str(objective),
            name=str(objective) if objective.is_sum else loss.name,
            params={} if objective.is_sum else loss.params,
            reduction=reduction,
            value=None if reduction == "none" else tally.value(reduction),
            n=state.n,
            weight=state.total_weight,
            outputs=state.outputs,
            std=state.std if spread else None,
            min=spread.low if spread else None,
            max=spread.high if spread else None,
            signature=f"{objective}|{reduction}|w:{_weight_name(weight)}|missing:error|n:{state.n}|v:{VERSION}",
            infinite=state.infinite,
            first_infinite=state.first,
            terms=self._terms(),
            quantiles=self._quantiles(),
            histogram=self._histogram(),
            gradients=self._derivatives(1),
            hessians=self._derivatives(2),
            samples=self._samples(),
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
        sizes = {role: size for (role, o), size in self._gathered.sizes.items() if o == order}
        blocks = {role: found for (role, o), found in self._gathered.values.items() if o == order}
        return {
            role: Derivative(role, size.norm, size.max_abs, size.nonfinite, self._whole(role, blocks.get(role)))
            for role, size in sizes.items()
        }

    def _whole(self, role: str, blocks: "list[Array] | None") -> "Array | None":
        if blocks is None:
            return None
        whole = np.concatenate(blocks)
        binding = next(b for b in self._table.bindings if b.role == role)
        return whole[:, None] if binding.is_matrix and whole.ndim == 1 else whole

    def _samples(self) -> dict[str, Any] | None:
        collector = self._tally.collector
        return None if collector is None or collector.kept is None else self._describer.columns(collector.kept)


def _report(results: Sequence[Result], table: Table, readers: Sequence[Reader]) -> Report:
    played = [b for b in table.bindings if b.plays]
    return Report(
        VERSION,
        tuple(Input(b.role, b.reader.name, b.reader.format, table.rows, tuple(b.names)) for b in played),
        table.rows,
        0,
        tuple(results),
        tuple(note for reader in dict.fromkeys(readers) for note in reader.notes),
    )


def _weight_name(binding: Binding | None) -> str:
    if binding is None:
        return "none"
    return binding.names[0] if binding.reader.headed else "given"
