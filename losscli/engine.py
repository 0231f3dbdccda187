"""evaluate(): open, scan, reduce, scan again where a derivative or a share needs the total, finish."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from os.path import realpath
from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.columns import (
    BY,
    FIND,
    MASK,
    USUAL,
    USUAL_VECTORS,
    WEIGHT,
    WHERE,
    Binding,
    bind,
    bind_by,
    bind_keys,
    bind_once,
    bind_others,
    bind_shown,
)
from losscli.distribution import Distribution
from losscli.errors import InputError, UsageError
from losscli.finals import Final, Request, Wanted
from losscli.formats import BLOCK, Reader, open_reader
from losscli.lazy import np
from losscli.meaning import Meaning
from losscli.objectives import Objective, parse
from losscli.pairing import Pairing
from losscli.registry import Loss
from losscli.results import Input, Report, Result
from losscli.samples import Collector
from losscli.scan import Computed, Tally
from losscli.selection import WEIGHTLESS, Account, Condition
from losscli.tables import Rules, Table, readers_of
from losscli.version import VERSION

if TYPE_CHECKING:
    from losscli.slices import Slices, Slicing
    from losscli.weak import WeakSlices

    Groups = tuple[Slices | None, Sequence[WeakSlices]]

REDUCTIONS = ("mean", "sum", "none")
_MISSING = ("error", "drop")
_IDS = ("error", "intersect")


class Keyed(NamedTuple):
    """The columns that say which rows belong together, and whether rows without a partner are left out."""

    names: Sequence[str]
    intersect: bool

    def pairing(self, bindings: Sequence[Binding]) -> Pairing | None:
        """How rows are paired; None for by position."""
        if not self.names:
            if self.intersect:
                raise UsageError("--ids intersect needs --id: the column whose values say which rows belong together")
            return None
        from losscli.align import ByKey  # most rows are paired by position

        readers = readers_of(bindings)
        columns = bind_keys(self.names, bindings, readers)
        names = [readers[0].columns[j].name for j in columns[0]]
        return ByKey(readers, columns, names, self.intersect)


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
    id: "str | int | Sequence[str | int]" = (),
    ids: str = "error",
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
    by: "str | Sequence[str] | Mapping[str, Any]" = (),
    bins: int | None = None,
    min_group: int | None = None,
    per_output: bool = False,
    find_slices: bool = False,
    **roles: Any,
) -> Report:
    """The losses of predictions against targets, in one scan, or two where derivatives or samples need the totals.

    Parameters
    ----------
    loss : a SPEC such as ``"huber:delta=0.5"``, a sum such as ``"dice + 0.5 * bce"``, a `Loss`, or several of them,
        which take the same roles.
    **roles : what the losses take, mostly ``pred=`` and ``target=``: a path (CSV, NPY, Parquet, ``"x.npz:member"``;
        ``"-"`` is standard input), a folder or a list of paths, which are parts of one table, an array of shape (n,) or
        (n, d), a list of numbers, a Series or a DataFrame; paired by position, never by index,
        unless `id` names columns to pair them by.
        A role that is left out is a column of the first role's file or frame.
    weight, mask : weights >= 0, and whether rows count, shape (n,); a sample of weight 0 or of a false mask is absent.
    columns : role -> column names, globs or 0-based positions, ``"weight"`` and ``"mask"`` among the roles.
    reduction : ``"mean"`` is Σwℓ/Σw over samples, ``"sum"`` adds every weighted element, ``"none"`` has no value and
        lists the samples.
    header : whether a CSV file's first row is its header; None lets the row decide.
    allow_inf : let infinite inputs in.
    where : conditions such as ``"split=test"`` or ``"age >= 30"`` that rows have to meet.
    missing : ``"error"`` refuses missing values, ``"drop"`` leaves out the rows that have one, and counts them.
    id : columns that every file has, and whose values say which rows belong together; in the first file's order.
    ids : ``"error"`` refuses a key that stands in one file only, ``"intersect"`` leaves out its row.
    expect_rows : how many rows there have to be, matched with one another, before any is left out.
    classes : names of the classes in the order of the prediction's columns; headers that are these names in another
        order are matched by name.
    labels : ``"text"``: labels are names even if they look like numbers; ``"int"``: they are indices even if all
        headers are integers; ``"01"``: targets 0 and 1 mean -1 and 1. None lets the labels and the headers decide.
    label_base : the label of the first class; labels are then indices.
    ignore_index : samples with this label, as it is written, are absent.
    class_weight : class -> weight, as a mapping, as ``"a=1,b=3"`` or as a file with the columns class and weight; or
        ``"balanced"``, which reads the rows once more. It multiplies the sample's own weight.
    find_slices : look through the files' other columns for groups whose losses are high beyond chance.
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
    by, bins, min_group : group the samples by columns, named, or given as name -> values; those of numbers in `bins`
        intervals that hold equally many rows; groups of fewer than `min_group` samples in one. See `Result.groups`.
    per_output : a group for each output column, or for each true class of a classification loss.

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
    for name, said, known in (("missing", missing, _MISSING), ("ids", ids, _IDS)):
        if said not in known:
            raise UsageError(f"{name} '{said}': it is one of {', '.join(known)}")
    keys = Keyed(_names(id), ids == "intersect")
    meaning = Meaning.of(classes, labels, label_base, ignore_index, class_weight)
    for one in (loss for objective in objectives for loss in objective.losses):
        meaning.check(one)
    rules = Rules(tuple(Condition.parse(text) for text in where), missing == "drop", expect_rows, meaning)
    request = Request(objectives, wanted, reduction, allow_inf, progress)
    slicing = _slicing((by,) if isinstance(by, str) else tuple(by), bins, min_group, per_output, reduction)
    _check_search(find_slices, objectives, reduction)
    keep = wanted.twice or bins is not None or meaning.counts
    with ExitStack() as stack:
        readers = {role: opened(stack, role, data, header, keep) for role, data in given.items()}
        grouped = {name: opened(stack, name, data, header, keep) for name, data in _given_by(by).items()}
        asked = _Asked(wanted.show, rules, keys, slicing.by if slicing else (), grouped, find_slices)
        table = _table(objectives[0], readers, chosen, asked, block)
        slices = _slices(slicing, objectives, table, stack)
        searches = _searches(objectives, table) if find_slices else []
        finals = _scan(stack, request, table, (slices, searches))
        results = [final.result() for final in finals]
        if slices:
            results = [replace(result, groups=slices.groups(k, reduction)) for k, result in enumerate(results)]
        for k, search in enumerate(searches):
            results[k] = replace(results[k], weak_slices=tuple(search.found()))
        return _report(results, table, list(readers.values()), searches)


def _given_by(by: Any) -> Mapping[str, Any]:
    return by if isinstance(by, Mapping) else {}


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


def opened(stack: ExitStack, role: str, data: Any, header: bool | None, keep: bool) -> Reader:
    """A reader of what is given for a role, which the stack closes."""
    usual = (*USUAL.get(role, ()), *USUAL_VECTORS.get(role, ()))  # of columns, and of members of archives
    reader = open_reader(role, data, header, keep, usual)
    stack.callback(reader.close)
    return reader


class _Asked(NamedTuple):
    """What is asked of the table: columns to show, rules for rows, keys to pair them by, groups and their values, and
    whether weak slices are looked for.
    """

    show: Sequence[str]
    rules: Rules
    keys: Keyed
    by: Sequence[str]
    given: Mapping[str, Reader]
    searches: bool


def _table(
    objective: Objective,
    readers: Mapping[str, Reader],
    chosen: Mapping[str, Sequence[str]],
    asked: "_Asked",
    block: int,
) -> Table:
    bindings = bind(objective.losses[0].kind.roles, readers, chosen)
    by_role, rules = {b.role: b.reader for b in bindings}, asked.rules
    shown = [binding for spec in asked.show for binding in bind_shown(spec, by_role)]
    tested = [bind_once(WHERE + str(c), by_role, [c.column], labels=True) for c in dict.fromkeys(rules.conditions)]
    others = bind_others(bindings) if asked.searches else []
    everything = [*bindings, *shown, *tested, *_grouped(by_role, asked.by, asked.given), *others]
    return Table(everything, block, rules, asked.keys.pairing(everything))


def _grouped(by_role: Mapping[str, Reader], names: Sequence[str], given: Mapping[str, Reader]) -> list[Binding]:
    """The columns that rows are grouped by, each of the files or given by itself."""
    found = [
        Binding(BY + name, given[name], (0,), labels=True) if name in given else bind_by(name, by_role)
        for name in names
    ]
    for binding in found:
        called = binding.role.removeprefix(BY)
        if binding.is_matrix or (called in given and len(binding.reader.columns) > 1):
            raise UsageError(f"--by {called}: one value a row is needed")
        if [b.role for b in found].count(binding.role) > 1:
            raise UsageError(f"--by {called} is given twice")
    return found


def _slicing(
    by: Sequence[str], bins: int | None, min_group: int | None, per_output: bool, reduction: str
) -> "Slicing | None":
    if not by and bins is None and min_group is None and not per_output:
        return None
    from losscli.slices import Slicing  # most evaluations have no groups

    slicing = Slicing(by, bins, min_group, per_output)
    slicing.check(reduction)
    return slicing


def _slices(
    slicing: "Slicing | None", objectives: Sequence[Objective], table: Table, stack: ExitStack
) -> "Slices | None":
    if slicing is None:
        return None
    from losscli.slices import Slices

    slices = Slices(slicing, objectives, table)
    slices.prepare(stack)
    return slices


def _check_search(find_slices: bool, objectives: Sequence[Objective], reduction: str) -> None:
    if find_slices and reduction == "none":
        raise UsageError("--find-slices needs a value, and --reduction none has none")
    for objective in objectives:
        if find_slices and objective.is_aggregate:
            raise UsageError(f"--find-slices compares the losses of samples, and {objective} has an aggregate term")


def _searches(objectives: Sequence[Objective], table: Table) -> "list[WeakSlices]":
    """A search for each objective, in all columns that play no other part."""
    from losscli.weak import WeakSlices

    names = [b.role.removeprefix(FIND) for b in table.bindings if b.role.startswith(FIND)]
    if not names:
        raise UsageError("--find-slices looks through other columns of the files, and there are none")
    return [WeakSlices(names) for _ in objectives]


def _scan(stack: ExitStack, request: Request, table: Table, groups: "Groups") -> list[Final]:
    """Tally every batch. Where the divisor is known beforehand, derivatives come in the same scan."""
    slices, searches = groups
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
            tally.add(computed, slices.add(k, computed) if slices else None)
            if searches:
                searches[k].add(computed.losses, batch.weight, batch.others)
            if at_once:
                if len(finals) == k:  # how many outputs there are is known since the first batch
                    finals.append(Final(stack, tally, table, request, Fraction(table.known_rows or 0)))
                finals[k].add(computed)
        if request.progress:
            request.progress(batch.stop, table.known_rows)
    if not tallies[0].state.n:
        _refuse_nothing(table.account)
    return finals or _scan_again(stack, tallies, table, request)


def _refuse_nothing(account: Account) -> None:
    if set(account.absent) == {WEIGHTLESS}:
        raise InputError("every row has weight 0; a mean needs some weight")
    raise InputError(f"no row is left of {account.matched}: {account}")


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


def _report(
    results: Sequence[Result], table: Table, readers: Sequence[Reader], searches: "Sequence[WeakSlices]"
) -> Report:
    played = [b for b in table.bindings if b.plays]
    return Report(
        VERSION,
        tuple(
            Input(b.role, b.reader.name, b.reader.format, table.account.read[b.reader.name], tuple(b.names))
            for b in played
        ),
        table.account,
        tuple(results),
        (
            *(note for reader in dict.fromkeys(readers) for note in reader.notes),
            *(b.note for b in played if b.note),
            *table.labels.notes,
            *_same(played),
            *_unmatched(table.account),
            *_absent(table.account),
            *_unsearched(searches),
        ),
    )


def _unmatched(account: Account) -> list[str]:
    """Rows without a partner, where those are left out."""
    said = [f"{count} of {account.read[name]} rows of {name}" for name, count in account.unmatched.items() if count]
    return [f"left out for want of a partner: {', '.join(said)}"] if said else []


def _unsearched(searches: "Sequence[WeakSlices]") -> list[str]:
    """Where weak slices were not looked for."""
    if not searches:
        return []
    search = searches[0]
    skipped = "; ".join(f"{name} ({why})" for name, why in search.skipped.items())
    some = f"slices are looked for in {search.looked} of {search.seen} samples, drawn at random from a fixed seed"
    return [
        *([f"slices are not looked for in {skipped}"] if skipped else []),
        *([some] if search.looked < search.seen else []),
    ]


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
