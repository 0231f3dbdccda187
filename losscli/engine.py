"""evaluate(): open, scan, reduce, scan again where a derivative or a share needs the total, finish."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from fractions import Fraction
from os.path import realpath
from typing import Any

from losscli.columns import MASK, WEIGHT, WHERE, Binding, bind, bind_once, bind_shown
from losscli.distribution import Distribution
from losscli.errors import InputError, UsageError
from losscli.finals import Final, Request, Wanted
from losscli.formats import BLOCK, Reader, open_reader
from losscli.lazy import np
from losscli.meaning import Meaning
from losscli.objectives import Objective, parse
from losscli.registry import Loss
from losscli.results import Input, Report, Result
from losscli.samples import Collector
from losscli.scan import Computed, Tally
from losscli.selection import WEIGHTLESS, Account, Condition
from losscli.tables import Rules, Table
from losscli.version import VERSION

REDUCTIONS = ("mean", "sum", "none")
_MISSING = ("error", "drop")


def evaluate(
    loss: "str | Loss | Objective | Sequence[str | Loss | Objective]",
    *,
    weight: Any = None,
    mask: Any = None,
    columns: "Mapping[str, str | int | Sequence[str | int]] | None" = None,
    reduction: str = "mean",
    header: bool | None = None,
    allow_inf: bool = False,
    where: Sequence[str] = (),
    missing: str = "error",
    expect_rows: int | None = None,
    classes: Sequence[str] | str = (),
    labels: str | None = None,
    label_base: int | None = None,
    ignore_index: int | None = None,
    class_weight: "Mapping[Any, Any] | str | None" = None,
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
    distribution: bool = True,
    histogram: bool = False,
    sizes: bool = True,
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
    weight, mask : weights >= 0, and whether rows count, shape (n,); a sample of weight 0 or of a false mask is absent.
    columns : role -> column names, globs or 0-based positions, ``"weight"`` and ``"mask"`` among the roles.
    reduction : ``"mean"`` is Σwℓ/Σw over samples, ``"sum"`` adds every weighted element, ``"none"`` has no value and
        lists the samples.
    header : whether a CSV file's first row is its header; None lets the row decide.
    allow_inf : let infinite inputs in.
    where : conditions such as ``"split=test"`` or ``"age >= 30"`` that rows have to meet.
    missing : ``"error"`` refuses missing values, ``"drop"`` leaves out the rows that have one, and counts them.
    expect_rows : how many rows there have to be, matched with one another, before any is left out.
    classes : names of the classes in the order of the prediction's columns; headers that are these names in another
        order are matched by name.
    labels : ``"text"``: labels are names even if they look like numbers; ``"int"``: they are indices even if all
        headers are integers; ``"01"``: targets 0 and 1 mean -1 and 1. None lets the labels and the headers decide.
    label_base : the label of the first class; labels are then indices.
    ignore_index : samples with this label, as it is written, are absent.
    class_weight : class -> weight, as a mapping, as ``"a=1,b=3"`` or as a file with the columns class and weight; or
        ``"balanced"``, which reads the rows once more. It multiplies the sample's own weight.
    block : rows taken at a time; results do not depend on it.
    progress : called now and then with the rows done and the rows there are, where that is known.
    grad, hess : the gradient and Hessian diagonal of the value with respect to each prediction, in its shape.
    grad_out, hess_out : files for them (.npy, .npz, .csv, .parquet).
    per_sample, worst, limit, show : list the samples: all, or the `worst` ones by weighted loss, or the first `limit`;
        `show` names columns to put beside them.
    per_sample_out, probs_out : files for all samples (.csv, .parquet, .npy) and for their probabilities.
    spread, distribution, histogram : std, min and max; quantiles; and a histogram of the samples' losses.
    sizes, values : find the sizes of derivatives, and keep the derivatives themselves; without sizes they go to their
        files only.

    Raises
    ------
    UsageError, InputError, OutputError : with the message that the command line prints.
    """
    wanted = Wanted(
        *(grad, hess, grad_out, hess_out, per_sample or reduction == "none", worst, limit, tuple(show)),
        *(per_sample_out, probs_out, spread, distribution or histogram, histogram, sizes, values),
    )
    objectives = _objectives(loss)
    _check_request(objectives, reduction, wanted, block)
    given = {role: data for role, data in {**roles, WEIGHT: weight, MASK: mask}.items() if data is not None}
    _check_roles(objectives[0].losses[0], given)
    chosen = {role: _names(names) for role, names in (columns or {}).items()}
    for role in chosen:
        if role not in (*objectives[0].losses[0].kind.role_names, WEIGHT, MASK):
            raise UsageError(f"columns: {objectives[0].losses[0].name} has no role '{role}'")
    if missing not in _MISSING:
        raise UsageError(f"missing '{missing}': it is one of {', '.join(_MISSING)}")
    meaning = Meaning.of(classes, labels, label_base, ignore_index, class_weight)
    for one in (loss for objective in objectives for loss in objective.losses):
        meaning.check(one)
    rules = Rules(tuple(Condition.parse(text) for text in where), missing == "drop", expect_rows, meaning)
    request = Request(objectives, wanted, reduction, allow_inf, progress)
    keep = wanted.twice or (meaning.weights is not None and meaning.weights.is_balanced)
    with ExitStack() as stack:
        readers = {role: _open(stack, role, data, header, keep) for role, data in given.items()}
        table = _table(objectives[0], readers, chosen, (wanted.show, rules), block)
        results = [final.result() for final in _scan(stack, request, table)]
        return _report(results, table, list(readers.values()))


def _names(names: "str | int | Sequence[str | int]") -> list[str]:
    return [str(names)] if isinstance(names, (str, int)) else [str(name) for name in names]


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
        _check_objective(objective, first, reduction, wanted)
        if objectives.count(objective) > 1:
            raise UsageError(f"{objective} is asked for twice")
    if len(objectives) > 1 and wanted.outputs:
        raise UsageError(f"{wanted.outputs[0]} can hold one loss only; {len(objectives)} are given")
    if len({realpath(path) for path in wanted.outputs}) < len(wanted.outputs):
        raise UsageError(f"{wanted.outputs[0]} is named for two outputs")
    if block < 1 or wanted.worst < 0 or (wanted.limit or 0) < 0:
        raise UsageError("block must be at least 1, worst and limit at least 0")


def _check_objective(objective: Objective, first: Loss, reduction: str, wanted: Wanted) -> None:
    for loss in objective.losses:
        if loss.kind.role_names != first.kind.role_names:
            raise UsageError(f"{first.name} and {loss.name} take different files: evaluate them one by one")
    if reduction != "mean" and objective.is_aggregate:
        raise UsageError(f"{objective} is an aggregate: it has one value, of --reduction mean only")
    if len(objective.terms) > 1 and objective.is_aggregate and wanted.lists:
        raise UsageError(f"{objective} has no losses of samples, as it has an aggregate term: list each by itself")


def _check_roles(loss: Loss, given: Mapping[str, Any]) -> None:
    names = loss.kind.role_names
    for role in given:
        if role not in (*names, WEIGHT, MASK):
            hint = f"; say it in the SPEC: '{loss.name}:{role}=…'" if role in loss.params else ""
            raise UsageError(f"{loss.name} takes {', '.join(names)}, not {role}{hint}")
    if names[0] not in given:
        raise UsageError(f"{loss.name} needs {names[0]}")
    if sum(isinstance(data, str) and data == "-" for data in given.values()) > 1:
        raise UsageError("'-' is standard input, which can be one file only")


def _open(stack: ExitStack, role: str, data: Any, header: bool | None, keep: bool) -> Reader:
    reader = open_reader(role, data, header, keep)
    stack.callback(reader.close)
    return reader


def _table(
    objective: Objective,
    readers: Mapping[str, Reader],
    chosen: Mapping[str, Sequence[str]],
    asked: tuple[Sequence[str], Rules],
    block: int,
) -> Table:
    bindings = bind(objective.losses[0].kind.roles, readers, chosen)
    by_role, (show, rules) = {b.role: b.reader for b in bindings}, asked
    shown = [binding for spec in show for binding in bind_shown(spec, by_role)]
    tested = [bind_once(WHERE + str(c), by_role, [c.column], labels=True) for c in dict.fromkeys(rules.conditions)]
    return Table([*bindings, *shown, *tested], block, rules)


def _scan(stack: ExitStack, request: Request, table: Table) -> list[Final]:
    """Tally every batch. Where the divisor is known beforehand, derivatives come in the same scan."""
    _keep_memory()
    tallies = [_tally(objective, request.wanted) for objective in request.objectives]
    for tally in tallies:
        if tally.distribution:
            stack.callback(tally.distribution.close)
    finals: list[Final] = []
    at_once = not request.needs_totals(table)
    order = max(request.wanted.orders, default=0)
    for batch in table.batches():
        for k, tally in enumerate(tallies):
            computed = Computed.of(tally.objective, batch, request.allow_inf, order if at_once else 0)
            tally.add(computed)
            if at_once:
                if len(finals) == k:  # how many outputs there are is known since the first batch
                    finals.append(Final(stack, tally, table, request, Fraction(table.known_rows or 0)))
                finals[k].add(computed)
        if request.progress:
            request.progress(batch.stop, table.known_rows)
    if not tallies[0].state.n:
        raise InputError(f"no row is left of {table.account.matched}: {table.account}")
    return finals or _scan_again(stack, tallies, table, request)


def _keep_memory() -> None:
    """Blocks of arrays come and go by the thousand. A C library gives each back to the system and asks for it again,
    page by page, until it has seen a larger one go (the threshold of glibc's malloc moves, mallopt(3)): half the time
    of a scan.
    """
    np.empty(16 << 20, np.uint8)


def _scan_again(stack: ExitStack, tallies: Sequence[Tally], table: Table, request: Request) -> list[Final]:
    """The second scan, for what needs the totals of the first."""
    rows = table.rows
    weight = tallies[0].state.weight.fraction
    finals = [Final(stack, tally, table, request, weight) for tally in tallies]
    if request.wanted.twice:
        order = max(request.wanted.orders, default=0)
        for batch in table.batches():
            for final, tally in zip(finals, tallies, strict=True):
                final.add(Computed.of(tally.objective, batch, request.allow_inf, order))
        if table.rows != rows:
            raise InputError(f"the files changed while they were read: {rows} rows, then {table.rows}")
    return finals


def _tally(objective: Objective, wanted: Wanted) -> Tally:
    has_losses = wanted.distribution and not objective.is_aggregate
    listed = wanted.per_sample or wanted.worst
    return Tally(
        objective,
        wanted.spread,
        Distribution() if has_losses else None,
        Collector(wanted.worst, wanted.limit) if listed else None,
    )


def _report(results: Sequence[Result], table: Table, readers: Sequence[Reader]) -> Report:
    played = [b for b in table.bindings if b.plays]
    return Report(
        VERSION,
        tuple(Input(b.role, b.reader.name, b.reader.format, table.rows, tuple(b.names)) for b in played),
        table.account,
        tuple(results),
        (
            *(note for reader in dict.fromkeys(readers) for note in reader.notes),
            *(b.note for b in played if b.note),
            *table.labels.notes,
            *_same(played),
            *_absent(table.account),
        ),
    )


def _absent(account: Account) -> list[str]:
    """Rows that are left out by what was asked; those of weight 0 are what a weight is for."""
    count = sum(n for reason, n in account.absent.items() if reason != WEIGHTLESS)
    return [f"{count} of {account.matched} rows are left out: {account}"] if count else []


def _same(bindings: Sequence[Binding]) -> list[str]:
    """Two roles that read the same values: right for a test, most often a slip."""
    first, *others = (b for b in bindings if b.role != "weight")
    return [
        f"{first.role} and {other.role} are the same column of {first.reader.name}"
        for other in others
        if (other.reader.name, other.columns) == (first.reader.name, first.columns) and first.reader.format != "array"
    ]
