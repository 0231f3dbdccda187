"""evaluate(): open, scan, reduce, finish."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from losscli.columns import Binding, bind
from losscli.errors import BadValueError, InputError, UsageError
from losscli.formats import BLOCK, Reader, open_reader
from losscli.registry import Loss, get
from losscli.results import Input, Report, Result
from losscli.states import Moments
from losscli.tables import Batch, Table, refused_at
from losscli.version import VERSION

REDUCTIONS = ("mean", "sum")


def evaluate(
    loss: "str | Loss | Sequence[str | Loss]",
    *,
    weight: Any = None,
    columns: "Mapping[str, str | int | Sequence[str | int]] | None" = None,
    reduction: str = "mean",
    header: bool | None = None,
    allow_inf: bool = False,
    spread: bool = True,
    block: int = BLOCK,
    **roles: Any,
) -> Report:
    """The losses of predictions against targets, in one scan.

    Parameters
    ----------
    loss : a SPEC such as ``"huber:delta=0.5"``, a `Loss`, or several of them, which take the same roles.
    **roles : what the losses take, mostly ``pred=`` and ``target=``: a path (CSV, NPY, Parquet; ``"-"`` is standard
        input), an array of shape (n,) or (n, d), a list, a Series or a DataFrame; paired by position, never by index.
        A role that is left out is a column of the first role's file or frame.
    weight : weights >= 0, shape (n,); a sample of weight 0 is absent.
    columns : role -> column names, globs or 0-based positions, ``"weight"`` among the roles.
    reduction : ``"mean"`` is Σwℓ/Σw over samples, ``"sum"`` adds every weighted element.
    header : whether a CSV file's first row is its header; None lets the row decide.
    allow_inf : let infinite inputs in.
    spread : compute std, min and max of the samples' losses too.
    block : rows taken at a time; results do not depend on it.

    Raises
    ------
    UsageError, InputError : with the message that the command line prints.
    """
    losses = _losses(loss)
    _check_request(losses, reduction, roles, block)
    kind_roles = losses[0].kind.roles
    chosen = {role: _names(names) for role, names in (columns or {}).items()}
    for role in chosen:
        if role not in (*losses[0].kind.role_names, "weight"):
            raise UsageError(f"columns: {losses[0].name} has no role '{role}'")
    given = {role: data for role, data in {**roles, "weight": weight}.items() if data is not None}
    if sum(isinstance(data, str) and data == "-" for data in given.values()) > 1:
        raise UsageError("'-' is standard input, which can be one file only")
    with ExitStack() as stack:
        readers = {role: _open(stack, role, data, header) for role, data in given.items()}
        table = Table(bind(kind_roles, readers, chosen, "weight" in chosen), block)
        states = _reduce(losses, table, allow_inf, spread)
    return _report(losses, reduction, table, states, list(readers.values()))


def _names(names: "str | int | Sequence[str | int]") -> list[str]:
    return [str(names)] if isinstance(names, (str, int)) else [str(name) for name in names]


def _losses(loss: "str | Loss | Sequence[str | Loss]") -> list[Loss]:
    several = [loss] if isinstance(loss, (str, Loss)) else list(loss)
    if not several:
        raise UsageError("no loss is given")
    return [get(one) if isinstance(one, str) else one for one in several]


def _check_request(losses: Sequence[Loss], reduction: str, roles: Mapping[str, Any], block: int) -> None:
    first = losses[0]
    for other in losses:
        if other.kind.role_names != first.kind.role_names:
            raise UsageError(f"{first.name} and {other.name} take different files: evaluate them one by one")
        if losses.count(other) > 1:
            raise UsageError(f"{other} is asked for twice")
        if reduction == "sum" and other.definition.finish:
            raise UsageError(f"{other.name} is an aggregate: it has no sum over samples, only --reduction mean")
    if reduction not in REDUCTIONS:
        raise UsageError(f"reduction '{reduction}': it is one of {', '.join(REDUCTIONS)}")
    if block < 1:
        raise UsageError("block must be at least 1")
    for role in roles:
        if role not in first.kind.role_names:
            hint = f"; say it in the SPEC: '{first.name}:{role}=…'" if role in first.params else ""
            raise UsageError(f"{first.name} takes {', '.join(first.kind.role_names)}, not {role}{hint}")
    if roles.get(first.kind.role_names[0]) is None:
        raise UsageError(f"{first.name} needs {first.kind.role_names[0]}")


def _open(stack: ExitStack, role: str, data: Any, header: bool | None) -> Reader:
    reader = open_reader(role, data, header)
    stack.callback(reader.close)
    return reader


def _reduce(losses: Sequence[Loss], table: Table, allow_inf: bool, spread: bool) -> list[Moments]:
    states = [Moments() for _ in losses]
    for batch in table.batches():
        states = [state.merge(new) for state, new in zip(states, _of(losses, batch, allow_inf, spread), strict=True)]
    if not states[0].n:
        raise InputError("every row has weight 0; a mean needs some weight")
    return states


def _of(losses: Sequence[Loss], batch: Batch, allow_inf: bool, spread: bool) -> Iterator[Moments]:
    arrays = list(batch.arrays.values())
    for loss in losses:
        try:
            checked = loss.check(arrays, allow_inf)
        except BadValueError as error:
            raise refused_at(error, batch) from None
        yield Moments.of(loss, checked, batch.weight, batch.rows, spread and not loss.definition.finish)


def _report(
    losses: Sequence[Loss], reduction: str, table: Table, states: Sequence[Moments], readers: Sequence[Reader]
) -> Report:
    weight = next((b for b in table.bindings if b.role == "weight"), None)
    results = [
        _result(loss, reduction, state, _weight_name(weight)) for loss, state in zip(losses, states, strict=True)
    ]
    notes = [note for reader in dict.fromkeys(readers) for note in reader.notes]
    notes += [b.note for b in table.bindings if b.note] + _same(table.bindings)
    return Report(
        VERSION,
        tuple(Input(b.role, b.reader.name, b.reader.format, table.rows, tuple(b.names)) for b in table.bindings),
        table.rows,
        0,
        tuple(results),
        tuple(notes),
    )


def _same(bindings: Sequence[Binding]) -> list[str]:
    """Two roles that read the same values: right for a test, most often a slip."""
    first, *others = (b for b in bindings if b.role != "weight")
    return [
        f"{first.role} and {other.role} are the same column of {first.reader.name}"
        for other in others
        if (other.reader.name, other.columns) == (first.reader.name, first.columns) and first.reader.format != "array"
    ]


def _weight_name(binding: Binding | None) -> str:
    if binding is None:
        return "none"
    return binding.names[0] if binding.reader.headed else "given"


def _result(loss: Loss, reduction: str, state: Moments, weight: str) -> Result:
    spread = state.spread
    return Result(
        str(loss),
        loss.name,
        loss.params,
        reduction,
        state.value(loss, reduction),
        state.n,
        state.total_weight,
        state.outputs,
        state.std if spread else None,
        spread.low if spread else None,
        spread.high if spread else None,
        f"{loss}|{reduction}|w:{weight}|missing:error|n:{state.n}|v:{VERSION}",
        state.infinite,
        state.first,
    )
