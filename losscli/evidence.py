"""Gates: limits that a value must keep, and what to say where it does not."""

from fractions import Fraction
from math import isfinite
from typing import NamedTuple

from losscli.exact import to_float
from losscli.literals import format_number
from losscli.results import Report, Result


class Gate(NamedTuple):
    """`--max X` or `--min X`: the value may be X, and not beyond. What is infinite or NaN fails every gate."""

    option: str
    limit: float

    def fails(self, result: Result) -> bool:
        """Whether the value lies beyond the limit, or is infinite or NaN."""
        if result.value is None or not isfinite(result.value):
            return True
        return not (result.value <= self.limit if self.option == "--max" else result.value >= self.limit)

    def said(self, result: Result) -> str:
        """One line: the value, the limit and how far apart they are."""
        if result.value is None:
            return f"{result.loss} has no value"
        value, limit = format_number(result.value), format_number(self.limit)
        if not (isfinite(result.value) and isfinite(self.limit)):
            return f"{result.loss} is {value}, which fails {self.option} {limit}"
        beyond = format_number(to_float(abs(Fraction(result.value) - Fraction(self.limit))))
        side = "above" if self.option == "--max" else "below"
        return f"{result.loss} is {value}, {side} {self.option} {limit} by {beyond}"


def failures(report: Report, gates: list[Gate]) -> list[str]:
    """A line for each gate that fails."""
    return [gate.said(result) for gate in gates for result in report.results if gate.fails(result)]


def exit_code(report: Report, failed: bool, allow_nonfinite: bool) -> int:
    """0 where all is well, 1 for a failed gate, 4 for a value that is infinite or NaN unless that is allowed."""
    if not report.is_finite and not allow_nonfinite:
        return 4
    return int(failed)
