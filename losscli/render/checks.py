"""What became of the checks of a repository, as text: one table, a row a gate."""

from collections.abc import Sequence
from typing import NamedTuple

from losscli.render.lines import Rows, number
from losscli.results import SCHEMA, Report, Verdict
from losscli.version import VERSION

COLUMNS = ("check", "gate", "of", "value", "limit", "difference", "result")
_NUMBERS = ("value", "limit", "difference")


class Checked(NamedTuple):
    """A check by its name: what its evaluation found, and whether nothing is wrong with that."""

    name: str
    passed: bool
    report: Report


def checks_text(checks: Sequence[Checked], format: str, colour: bool = False) -> str:
    """All checks in one of the formats; only a table takes colour."""
    if format == "json":
        return _json(checks)
    rows = _rows(checks)
    if format == "table":
        from losscli.render.table import grid  # Rich is for terminals only

        return grid(*rows, _NUMBERS, colour=colour)
    if format == "plain":
        from losscli.render.plain import tab_separated

        return tab_separated([rows[0], *rows[1]])
    from losscli.render import sheets

    return sheets.comma_separated(rows) if format == "csv" else sheets.marked_down(rows)


def _rows(checks: Sequence[Checked]) -> Rows:
    return [*COLUMNS], [_row(check.name, verdict) for check in checks for verdict in check.report.gates]


def _row(name: str, verdict: Verdict) -> list[str]:
    numbers = (verdict.value, verdict.limit, verdict.difference)
    return [name, verdict.gate, verdict.of, *map(number, numbers), "passed" if verdict.passed else "failed"]


def _json(checks: Sequence[Checked]) -> str:
    from losscli.render.json import to_json

    found = [{"check": c.name, "passed": c.passed, "report": c.report.to_dict()} for c in checks]
    return to_json({"schema": SCHEMA, "losscli": VERSION, "checks": found})
