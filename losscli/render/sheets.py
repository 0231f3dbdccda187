"""CSV and Markdown: the columns of `plain`, or a row a sample or a group where those were asked for."""

import csv as csv_module
import re
from collections.abc import Sequence
from io import StringIO

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
    unlisted,
    weak_rows,
)
from losscli.results import Report, Verdict, cell


def csv(report: Report) -> str:
    """Comma-separated with a header line; text that a spreadsheet takes for a formula gets a leading quote mark."""
    rows_of = sample_rows if has_samples(report) else group_rows if has_groups(report) else result_rows
    header, rows = rows_of(report)
    text = StringIO()
    writer = csv_module.writer(text, lineterminator="\n")
    writer.writerows([[cell(escape(text)) for text in row] for row in [header, *rows]])
    return text.getvalue()


def markdown(report: Report) -> str:
    """Tables as GitHub renders them."""
    parts = [*blocks(report), *([sample_rows(report)] if has_samples(report) else [])]
    more = unlisted(report)
    gates = f"\n{table(gate_rows(report.gates))}" if report.gates else ""
    return "\n".join(map(table, parts)) + (f"\n{more}" if more else "") + gates


def blocks(report: Report) -> list[Rows]:
    """The tables but those of samples and gates."""
    found = [result_rows(report)] if has_value(report) else []
    found += [group_rows(report, "(missing)")] if has_groups(report) else []
    return [*found, weak_rows(report)] if has_weak(report) else found


def gate_rows(verdicts: Sequence[Verdict]) -> Rows:
    """A row for each gate at each value."""
    header = ["gate", "of", "value", "limit", "difference", "result"]
    return header, [
        [v.gate, v.of, number(v.value), number(v.limit), number(v.difference), "passed" if v.passed else "failed"]
        for v in verdicts
    ]


def table(rows: Rows) -> str:
    """A table in Markdown."""
    header, body = rows
    lines = [header, ["---"] * len(header), *body]
    return "".join(f"| {' | '.join(map(in_markdown, line))} |\n" for line in lines)


_LINKED = re.compile(  # the first part of what GitHub makes a link, a person or a picture of
    r"@(?=\w) | \#(?=\w) | \bGH-(?=\d) | :(?=[\w+-]+:) | (?:https?|ftp):(?=//) | \bwww(?=\.)",
    re.IGNORECASE | re.VERBOSE,
)
_BREAK = "\0"  # in no text that is escaped


def in_markdown(text: str) -> str:
    """What GitHub shows as this text. A backslash keeps a sign from being markup; names of people and of issues,
    emoji and addresses are looked for without regard to that, and only a comment within breaks them up.
    """
    shown = _LINKED.sub(lambda match: match[0] + _BREAK, escape(text))
    return "".join(f"\\{c}" if c in "\\|`*_~<>[]&$" else c for c in shown).replace(_BREAK, "<!-- -->")
