"""One pass over the rows, or two where a derivative or a share needs the total."""

from collections.abc import Sequence
from contextlib import ExitStack
from fractions import Fraction
from typing import TYPE_CHECKING

from losscli.columns import FIND, GROUP
from losscli.distribution import Distribution
from losscli.doctor import Doctor
from losscli.errors import InputError, UsageError
from losscli.finals import Final, Request
from losscli.lazy import np
from losscli.objectives import Objective
from losscli.registry import Loss
from losscli.samples import Collector
from losscli.scan import Computed, Tally
from losscli.selection import WEIGHTLESS, Account
from losscli.tables import Table

if TYPE_CHECKING:
    from losscli.holding import Grouping, Holding
    from losscli.registry import Array
    from losscli.slices import Slices, Slicing
    from losscli.weak import WeakSlices

    Groups = tuple[Slices | None, Sequence[WeakSlices]]


def slicing_of(
    by: Sequence[str], bins: int | None, min_group: int | None, per_output: bool, reduction: str
) -> "Slicing | None":
    if not by and bins is None and min_group is None and not per_output:
        return None
    from losscli.slices import Slicing  # most evaluations have no groups

    slicing = Slicing(by, bins, min_group, per_output)
    slicing.check(reduction)
    return slicing


def slices_of(
    slicing: "Slicing | None", objectives: Sequence[Objective], table: Table, stack: ExitStack
) -> "Slices | None":
    if slicing is None:
        return None
    from losscli.slices import Slices

    slices = Slices(slicing, objectives, table)
    slices.prepare(stack)
    return slices


def searches_of(objectives: Sequence[Objective], table: Table) -> "list[WeakSlices]":
    """A search for each objective, in all columns that play no other part."""
    from losscli.weak import WeakSlices

    names = [b.role.removeprefix(FIND) for b in table.bindings if b.role.startswith(FIND)]
    if not names:
        raise UsageError("--find-slices looks through other columns of the files, and there are none")
    return [WeakSlices(names) for _ in objectives]


def scan_table(stack: ExitStack, request: Request, table: Table, groups: "Groups", doctor: Doctor) -> list[Final]:
    """Tally every batch, and show it to the doctor. Where the divisor is known beforehand, derivatives come in the same
    scan.
    """
    slices, searches = groups
    _keep_memory()
    order = max(request.wanted.orders, default=0)
    grouping = _grouping(request, table)
    tallies = [_tally(objective, request, grouping) for objective in request.objectives]
    for tally in tallies:
        if tally.distribution:
            stack.callback(tally.distribution.close)
    finals: list[Final] = []
    at_once = not request.needs_totals(table)
    for batch in table.batches():
        checked: dict[Loss, Sequence[Array]] = {}
        for k, tally in enumerate(tallies):
            computed = Computed.of(tally.objective, batch, request.allow_inf, order if at_once else 0)
            tally.add(computed, slices.add(k, computed) if slices else None)
            if searches:
                searches[k].add(computed.losses, batch.weight, batch.others)
            if at_once:
                if len(finals) == k:  # how many outputs there are is known since the first batch
                    finals.append(Final(stack, tally, table, request, Fraction(table.known_rows or 0)))
                finals[k].add(computed)
            checked.update(zip(tally.objective.losses, computed.checked, strict=True))
        doctor.see(batch.arrays, checked, batch.at)
        if request.progress:
            request.progress(batch.stop, table.known_rows)
    _close(tallies, table)
    return finals or _scan_again(stack, tallies, table, request)


def _close(tallies: Sequence[Tally], table: Table) -> None:
    """All rows are there."""
    for tally in tallies:
        tally.close()
    if not tallies[0].state.n:
        _refuse_nothing(table.account)


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
    finals = [Final(stack, tally, table, request, tally.state.weight.fraction) for tally in tallies]
    if request.wanted.twice:
        order = max(request.wanted.orders, default=0)
        for batch in table.batches():
            for final, tally in zip(finals, tallies, strict=True):
                final.add(Computed.of(tally.objective, batch, request.allow_inf, order))
        if table.rows != rows:
            raise InputError(f"the files changed while they were read: {rows} rows, then {table.rows}")
    return finals


def _grouping(request: Request, table: Table) -> "Grouping | None":
    """Which rows have one loss; None where each has its own."""
    if not any(objective.is_gathered for objective in request.objectives):
        return None
    from losscli.holding import Grouping  # most losses are of rows

    return Grouping(next((b.role.removeprefix(GROUP) for b in table.bindings if b.role.startswith(GROUP)), ""))


def _tally(objective: Objective, request: Request, grouping: "Grouping | None") -> Tally:
    wanted = request.wanted
    has_losses = wanted.distribution and not (objective.is_aggregate or objective.is_gathered)
    listed = wanted.per_sample or wanted.worst
    return Tally(
        objective,
        wanted.spread,
        Distribution() if has_losses else None,
        Collector(wanted.worst, wanted.limit) if listed else None,
        _holdings(objective, request, grouping) if grouping else {},
    )


def _holdings(objective: Objective, request: Request, grouping: "Grouping") -> "dict[int, Holding]":
    """The rows of the terms that have no losses of rows, by the number of the term."""
    from losscli.holding import Holding

    order = max(request.wanted.orders, default=0)
    return {
        k: Holding(loss, grouping, request.max_bytes, order)
        for k, loss in enumerate(objective.losses)
        if loss.scope != "row"
    }
