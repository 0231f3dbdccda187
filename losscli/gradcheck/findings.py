"""What was found, as data for the renderers: laws kept or broken, and how a user's gradient differs from ours."""

from dataclasses import dataclass, replace
from math import nan

from losscli.literals import format_number


@dataclass(frozen=True)
class Deviation:
    """How far two numbers lie apart, and where: row and column count from 0, `column` is None in an array (n,)."""

    size: float
    row: int | None = None
    column: int | None = None
    found: float = nan
    expected: float = nan

    @property
    def place(self) -> str:
        """`[3]` or `[3, 1]`; empty where there is none."""
        where = [str(i) for i in (self.row, self.column) if i is not None]
        return f"[{', '.join(where)}]" if where else ""

    def __str__(self) -> str:
        where = f" at {self.place}" if self.place else ""
        return f"{format_number(self.found)}{where}, expected {format_number(self.expected)}"


@dataclass(frozen=True)
class Law:
    """Whether a loss keeps a law. `checked` entries were looked at; `skipped` ones lie too near a kink for that.

    `deviation` is the largest one of the entries that fail, or of all where none does; `note` says what else is wrong.
    """

    loss: str
    name: str
    of: str
    passed: bool
    checked: int
    skipped: int
    deviation: Deviation
    note: str = ""

    @property
    def message(self) -> str:
        """What is wrong, in one line."""
        of = f" of {self.of}" if self.of else ""
        return f"{self.loss}: {self.name}{of}: {self.note or self.deviation}"

    def merge(self, other: "Law") -> "Law":
        """The law on two samples: what fails counts first, then what deviates most."""
        worst = min(self, other, key=lambda law: (law.passed, -law.deviation.size))
        return replace(worst, checked=self.checked + other.checked, skipped=self.skipped + other.skipped)


@dataclass(frozen=True)
class Finding:
    """What a gradient differs in: a word for programs, and a line for people."""

    cause: str
    text: str


@dataclass(frozen=True)
class Comparison:
    """A gradient `against` ours of the mean with respect to one prediction; equal where there are no findings.

    `factor`: what it is to be divided by before it is what the findings say; None where no relation was found.
    `differing` of `entries` deviate from ours as it stands.
    """

    loss: str
    of: str
    against: str
    shape: tuple[int, ...]
    rtol: float
    findings: tuple[Finding, ...]
    factor: float | None
    entries: int
    differing: int
    correlation: float
    largest: Deviation
    notes: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        return not self.findings

    @property
    def verdict(self) -> str:
        """The causes in one line, and the factor where there is one."""
        if self.equal:
            return f"equal within a relative {format_number(self.rtol)}"
        scaled = self.factor is not None and self.factor != 1
        times = f" (factor {format_number(self.factor)})" if scaled and self.factor is not None else ""
        return "; ".join(finding.text for finding in self.findings) + times
