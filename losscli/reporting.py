"""The report of an evaluation, and its notes: what a careful reader would want to know."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from losscli.columns import Binding
from losscli.doctor import Doctor, is_same_column, swapped
from losscli.errors import InputError
from losscli.formats import Reader
from losscli.results import Input, Report, Result
from losscli.selection import IGNORED, WEIGHTLESS, Account
from losscli.tables import Table
from losscli.version import VERSION

if TYPE_CHECKING:
    from losscli.weak import WeakSlices


class Said(NamedTuple):
    """What looks wrong, and what is worth knowing without being so."""

    doubts: Sequence[str]
    notes: Sequence[str]

    @staticmethod
    def of(table: Table, doctor: Doctor) -> "Said":
        """All that is to be said of columns and values, when all rows are known."""
        played = [b for b in table.bindings if b.plays and not b.beside]
        by_role = {b.role: b for b in played}
        wrong_way = swapped(by_role)
        named = [wrong_way] if wrong_way else [b.note for b in table.bindings if b.note]
        ignored = table.account.absent.get(IGNORED, 0)
        doubts = [*named, *table.labels.notes, *_same(played), *doctor.doubts(by_role, table.classes, ignored)]
        divided = [note for one in table.normalizing.values() for note in one.notes]
        return Said(doubts, [*divided, *doctor.notes(by_role)])

    def refuse(self) -> None:
        """Raise InputError for the first doubt, with the number of the others."""
        if self.doubts:
            others = f"; and {len(self.doubts) - 1} more" if self.doubts[1:] else ""
            raise InputError(f"{self.doubts[0]} (--strict refuses what looks wrong{others})")


def report_of(
    results: Sequence[Result],
    table: Table,
    readers: Sequence[Reader],
    searches: "Sequence[WeakSlices]",
    said: Said,
) -> Report:
    played = [b for b in table.bindings if b.plays and not b.beside]
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
            *said.doubts,
            *said.notes,
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
        if is_same_column(other, first) and first.reader.format != "array"
    ]
