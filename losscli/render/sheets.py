"""CSV and Markdown: the columns of `plain`, or a row a sample or a group where those were asked for."""

import csv as csv_module
from io import StringIO

from losscli.escape import escape
from losscli.render.lines import (
    Rows,
    group_rows,
    has_groups,
    has_samples,
    has_value,
    has_weak,
    result_rows,
    sample_rows,
    unlisted,
    weak_rows,
)
from losscli.results import Report, cell


def csv(report: Report) -> str:
    """Comma-separated with a header line; text that a spreadsheet takes for a formula gets a leading quote mark."""
    rows_of = sample_rows if has_samples(report) else group_rows if has_groups(report) else result_rows
    return comma_separated(rows_of(report))


def comma_separated(rows: Rows) -> str:
    """Lines of cells between commas, of text that no spreadsheet takes for a formula."""
    header, body = rows
    text = StringIO()
    writer = csv_module.writer(text, lineterminator="\n")
    writer.writerows([[cell(escape(text)) for text in row] for row in [header, *body]])
    return text.getvalue()


def markdown(report: Report) -> str:
    """Tables as GitHub renders them."""
    blocks = [result_rows(report)] if has_value(report) else []
    blocks += [group_rows(report, "(missing)")] if has_groups(report) else []
    blocks += [weak_rows(report)] if has_weak(report) else []
    blocks += [sample_rows(report)] if has_samples(report) else []
    more = unlisted(report)
    return "\n".join(map(marked_down, blocks)) + (f"\n{more}" if more else "")


def marked_down(rows: Rows) -> str:
    """A table as GitHub renders it."""
    header, body = rows
    lines = [header, ["---"] * len(header), *body]
    return "".join(f"| {' | '.join(map(_markdown, line))} |\n" for line in lines)


def _markdown(text: str) -> str:
    """A cell whose text is shown as it is."""
    shown = escape(text).replace("\\", "\\\\").replace("|", "\\|")
    return "".join(f"\\{c}" if c in "`*_~<>[]&$" else c for c in shown)
