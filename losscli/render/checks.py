"""What became of the checks of a repository, as text: one table, a row a gate."""

from collections.abc import Sequence

from losscli.render.lines import Rows
from losscli.render.outcomes import Outcome
from losscli.render.sheets import comma_separated, gate_rows, table
from losscli.results import SCHEMA
from losscli.version import VERSION

_NUMBERS = ("value", "limit", "difference")


def checks_text(checks: Sequence[Outcome], format: str, colour: bool = False) -> str:
    """All checks, each with its report, in one of the formats; only a table takes colour."""
    if format == "json":
        return _json(checks)
    header, rows = _rows(checks)
    if format == "table":
        from losscli.render.table import sparing  # Rich is for terminals only

        return sparing(header, rows, (("difference",), ("limit",)), numbers=_NUMBERS, prose=("gate",), colour=colour)
    if format == "plain":
        from losscli.render.plain import tab_separated

        return tab_separated([header, *rows])
    return comma_separated((header, rows)) if format == "csv" else table((header, rows))


def _rows(checks: Sequence[Outcome]) -> Rows:
    rows = [[one.name, *row] for one in checks if one.report for row in gate_rows(one.report.gates)[1]]
    return ["check", *gate_rows(())[0]], rows


def _json(checks: Sequence[Outcome]) -> str:
    from losscli.render.json import to_json

    found = [
        {"check": one.name, "passed": not one.failed, "report": one.report.to_dict()} for one in checks if one.report
    ]
    return to_json({"schema": SCHEMA, "losscli": VERSION, "checks": found})
