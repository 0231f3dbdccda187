"""The job summary of GitHub Actions, in Markdown."""

from collections.abc import Iterator, Sequence

from losscli.render.outcomes import Outcome
from losscli.render.sheets import blocks, gate_rows, in_markdown, table
from losscli.results import Report

MOST = 1 << 20  # bytes: GitHub shows no summary of a step that is longer
_ROWS = 100  # of a table: whoever wants all of them takes another format
_CUT = "\n… and more, which a summary has no room for\n"


def summary(outcomes: Sequence[Outcome], room: int = MOST) -> str:
    """Each evaluation under a heading that says whether it passed; no samples. It takes `room` bytes at most."""
    text = "\n".join(part for outcome in outcomes for part in _parts(outcome))
    return text if _size(text) <= room else _cut(text, room - _size(_CUT))


def _parts(outcome: Outcome) -> Iterator[str]:
    called = f"losscli {in_markdown(outcome.name)}".rstrip()
    yield f"## {called}: {'failed' if outcome.failed else 'passed'}\n"
    yield from _listed("error", outcome.errors)
    if outcome.report:
        yield from _tables(outcome.report)


def _tables(report: Report) -> Iterator[str]:
    if report.gates:
        header, rows = gate_rows(sorted(report.gates, key=lambda verdict: verdict.passed))  # the failed ones first
        yield _shortened(header, rows)
    for header, rows in blocks(report):
        yield _shortened(header, rows)
    yield table((["loss", "signature"], [[result.called, result.signature] for result in report.results]))
    yield from _listed("note", report.notes)


def _listed(what: str, texts: Sequence[str]) -> Iterator[str]:
    """Lines as a table of one column: whatever a text begins with, it is no heading and no list there."""
    if texts:
        yield _shortened([what], [[text] for text in texts])


def _shortened(header: list[str], rows: list[list[str]]) -> str:
    more = len(rows) - _ROWS
    return table((header, rows[:_ROWS])) + (f"\n… and {more} more\n" if more > 0 else "")


def _cut(text: str, room: int) -> str:
    """The lines that there is room for."""
    kept = ""
    for line in text.splitlines(keepends=True):
        room -= _size(line)
        if room < 0:
            break
        kept += line
    return kept + _CUT if kept else ""


def _size(text: str) -> int:
    return len(text.encode("utf8", "backslashreplace"))
