"""For pipes: tab-separated with a header line, and the bare number."""

from losscli.escape import escape
from losscli.literals import format_number
from losscli.results import Report

COLUMNS = ("loss", "reduction", "value", "n", "weight")


def plain(report: Report) -> str:
    """A line a loss, full digits, no boxes, no colour."""
    rows = [(r.loss, r.reduction, format_number(r.value), str(r.n), format_number(r.weight)) for r in report.results]
    return tab_separated([COLUMNS, *rows])


def tab_separated(rows: "list[tuple[str, ...]]") -> str:
    """Lines of cells between tabs; control characters in a cell are escaped."""
    return "".join("\t".join(escape(cell) for cell in row) + "\n" for row in rows)


def value(report: Report) -> str:
    """The bare number, a line a loss."""
    return "".join(format_number(result.value) + "\n" for result in report.results)
