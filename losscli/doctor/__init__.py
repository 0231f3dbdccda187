"""The doctor: what looks wrong in predictions and targets, seen in the scan that computes the loss.

`facts` are what may be true of all rows so far, `findings` what is said where they are; of the first rows, `scales`
compares orders of magnitude and `sums` adds up probabilities. All of it follows from the roles, domains and forms that
a loss declares, not from its name.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from losscli.columns import Binding
from losscli.doctor.facts import Fact
from losscli.doctor.findings import Finding, Seen, findings_of, is_same_column, place, swapped
from losscli.doctor.scales import Scales, are_of_one_unit
from losscli.kinds import UNIT, Interval, Role, as_rows
from losscli.kinds.checks import floats
from losscli.lazy import np
from losscli.registry import Loss

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from losscli.doctor.sums import Sums
    from losscli.selection import At

    Array = NDArray[Any]

__all__ = ["Doctor", "is_same_column", "swapped"]


@dataclass
class Doctor:
    """`see` takes the rows batch by batch, `merge` what another doctor saw of later rows; `doubts` and `notes` are what
    is to be said when all rows are known.

    `compares`: orders of magnitude are compared; `rounds`: some domain has ends that a rounding may have gone beyond.
    """

    findings: tuple[Finding, ...]
    compares: bool
    rounds: bool
    facts: set[Fact]
    firsts: "dict[str, Array]" = field(default_factory=dict)
    rows: int = 0
    scales: Scales = field(default_factory=Scales)
    sums: "Sums | None" = None
    settled: dict[str, tuple[int, str]] = field(default_factory=dict)

    @staticmethod
    def of(losses: Iterable[Loss], bindings: Mapping[str, Binding], is_filtered: bool = False) -> "Doctor":
        """Ready to look at rows of these losses, whose roles lie in these columns."""
        distinct = [loss for loss in dict.fromkeys(losses) if not loss.kind.is_sequential]
        found: dict[frozenset[Fact], Finding] = {}
        for loss in sorted(distinct, key=_takes_masks):  # of a mask less is said, which others say in any case
            for finding in findings_of(loss, bindings, is_filtered):
                found.setdefault(finding.needs, finding)
        facts = {fact for finding in found.values() for fact in finding.facts}
        rounds = any(_end_of(role, loss) for loss in distinct for role in loss.kind.roles)
        sums = None
        if any(map(_takes_rows_of_probabilities, distinct)):
            from losscli.doctor.sums import Sums

            sums = Sums()
        return Doctor(tuple(found.values()), any(map(are_of_one_unit, distinct)), rounds, facts, sums=sums)

    def see(self, arrays: "Mapping[str, Array]", checked: "Mapping[Loss, Sequence[Array]]", at: "At") -> None:
        """Take the rows of a batch: the arrays of the roles as read, and as each loss takes them."""
        self.rows += len(next(iter(arrays.values())))
        if not (self.findings or self.compares or self.rounds or self.sums):
            return  # nothing is looked for
        if self.firsts and not (self.facts or self.rounds or self._looks_at_rows(arrays)):
            return  # nothing is left to be found
        rows = {role: _as_numbers(values) for role, values in arrays.items()}
        if not self.firsts:
            self.firsts = {role: values[:1].copy() for role, values in rows.items()}
        self._doubt(rows)
        if self.compares:
            self.scales = self.scales.see(rows)
        if self.sums is not None:
            self.sums = self.sums.see(rows["pred"], at)
        self._find_settled(rows, checked, at)

    def _looks_at_rows(self, arrays: "Mapping[str, Array]") -> bool:
        """Whether first rows are looked at, and more of them are wanted."""
        classes = arrays["pred"].shape[-1] if self.sums is not None else 0
        return (self.compares and not self.scales.is_full) or (self.sums is not None and not self.sums.is_full(classes))

    def _doubt(self, rows: "Mapping[str, Array]") -> None:
        """Forget the facts that these rows contradict, and those that no finding needs any more."""
        if self.facts:
            self.facts = {fact for fact in self.facts if fact.holds(rows, self.firsts)}
            live = [finding for finding in self.findings if finding.needs <= self.facts]
            self.facts &= {fact for finding in live for fact in finding.facts}

    def _find_settled(self, rows: "Mapping[str, Array]", checked: "Mapping[Loss, Sequence[Array]]", at: "At") -> None:
        """Count the values that a rounding had put outside their domain, and that count as its end."""
        found = {role: where for loss, taken in checked.items() for role, where in _settled(loss, rows, taken)}
        for role, outside in found.items():
            index = np.unravel_index(int(np.argmax(outside)), outside.shape)
            count, first = self.settled.get(role, (0, ""))
            first = first or at(role, int(index[0]), int(index[1]) if outside.ndim == 2 else None)
            self.settled[role] = count + int(outside.sum()), first

    def merge(self, other: "Doctor") -> "Doctor":
        """What both saw, `other` of later rows."""
        if not (self.rows and other.rows):
            return self if self.rows else other
        facts = {fact for fact in self.facts & other.facts if fact.holds(other.firsts, self.firsts)}
        settled = {
            role: (sum(d.settled.get(role, (0, ""))[0] for d in (self, other)), first)
            for role, (_, first) in {**other.settled, **self.settled}.items()
        }
        rows, scales = self.rows + other.rows, self.scales.merge(other.scales)
        sums = self.sums.merge(other.sums) if self.sums is not None and other.sums is not None else None
        return Doctor(self.findings, self.compares, self.rounds, facts, self.firsts, rows, scales, sums, settled)

    def doubts(self, bindings: Mapping[str, Binding], classes: Sequence[str], ignored: int = 0) -> list[str]:
        """What looks wrong, in a fixed order, where so many rows were left out for their label."""
        seen = Seen(bindings, classes, self.firsts, self.facts, ignored)
        said = [f.says(seen) for f in self.findings if f.is_said(self.rows, self.facts)]
        said += [self.scales.said(seen)] if self.compares else []
        said += [self.sums.said()] if self.sums is not None else []
        return [text for text in said if text]

    def notes(self, bindings: Mapping[str, Binding]) -> list[str]:
        """What was done without harm."""
        return [
            f"{place(bindings[role])}: {count} value{'s' if count != 1 else ''} outside its limits by a rounding "
            f"counted as the limit, the first at {first}"
            for role, (count, first) in self.settled.items()
        ]


def _takes_masks(loss: Loss) -> bool:
    """Whether nothing but 0 or 1 is usual for some role."""
    return any(role.mask for role in loss.kind.roles)


def _takes_rows_of_probabilities(loss: Loss) -> bool:
    """Whether a prediction is a row of probabilities, a class each."""
    role = loss.kind.roles[0]
    return role.vector and role.name == "pred" and role.allowed(loss.params) == UNIT


def _as_numbers(values: "Array") -> "Array":
    rows = as_rows(values)
    return floats(rows) if rows.dtype == object else rows


def _end_of(role: Role, loss: Loss) -> Interval | None:
    """The domain of a role, where what lies beyond it by a rounding counts as its end."""
    allowed = role.allowed(loss.params)
    return allowed if isinstance(allowed, Interval) and allowed.ulps else None


def _settled(loss: Loss, rows: "Mapping[str, Array]", taken: "Sequence[Array]") -> "Iterator[tuple[str, Array]]":
    """For each role that has some, which of its values a loss takes as the end of their domain."""
    for role, values in zip(loss.kind.roles, taken, strict=True):
        read, allowed = rows[role.name], _end_of(role, loss)
        if not allowed or values.dtype.kind != "f" or np.may_share_memory(read, values):
            continue  # labels have become indices, or all values are taken as they are
        if not allowed.admits(read, allow_inf=True):
            yield role.name, allowed.refuses(read)
