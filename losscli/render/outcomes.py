"""What reports for machines are made of: evaluations that were judged."""

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

from losscli.results import Report, Result


class Outcome(NamedTuple):
    """What became of an evaluation: its `name`, empty where it is the only one; its report, with the verdicts on its
    gates; and `errors`: a line for each value that is infinite or NaN, in the order of the results, none where such
    values are allowed; or without a report the one line that says why there is none.
    """

    name: str
    report: Report | None
    errors: Sequence[str]

    @property
    def failed(self) -> list[str]:
        """All that is wrong, a line each; nothing where all is well."""
        gates = self.report.gates if self.report else ()
        return [*self.errors, *(verdict.message for verdict in gates if not verdict.passed)]

    @property
    def finite(self) -> list[tuple[Result, str]]:
        """Each result that has a value, and why that, or its total, is not as it should be; nothing where it is."""
        errors = iter(self.errors)  # of values, then of totals
        results = [result for result in self.report.results if result.value is not None] if self.report else []
        values = ["" if isfinite(result.value or 0) else next(errors, "") for result in results]
        totals = [0.0 if result.penalty is None else result.penalty.total for result in results]
        found = zip(results, values, totals, strict=True)
        return [(result, why or ("" if isfinite(total) else next(errors, ""))) for result, why, total in found]
