"""For pipes: tab-separated with a header line, and the bare number."""

from losscli.escape import escape
from losscli.render.lines import (
    Rows,
    group_rows,
    has_groups,
    has_samples,
    has_value,
    has_weak,
    number,
    result_rows,
    sample_rows,
    weak_rows,
)
from losscli.results import Report


def plain(report: Report) -> str:
    """A line a loss, full digits, no boxes, no colour; then, each if asked for and after an empty line, a line a group
    and a line a sample.
    """
    blocks = [result_rows(report)] if has_value(report) else []
    blocks += [group_rows(report)] if has_groups(report) else []
    blocks += [weak_rows(report)] if has_weak(report) else []
    blocks += [sample_rows(report)] if has_samples(report) else []
    return "\n".join(map(_block, blocks))


def _block(rows: Rows) -> str:
    return tab_separated([rows[0], *rows[1]])


def tab_separated(rows: "list[list[str]]") -> str:
    """Lines of cells between tabs; control characters in a cell are escaped."""
    return "".join("\t".join(escape(cell) for cell in row) + "\n" for row in rows)


def value(report: Report) -> str:
    """The bare number, a line a loss."""
    return "".join(number(result.value) + "\n" for result in report.results)
