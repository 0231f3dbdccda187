"""What `gradcheck` found, as text: the laws of a loss, or a comparison with a user's gradient."""

from collections.abc import Sequence
from typing import Any

from losscli.gradcheck import Comparison, Deviation, Law
from losscli.literals import format_number
from losscli.render.json import to_json
from losscli.render.plain import tab_separated
from losscli.results import SCHEMA
from losscli.version import VERSION

_LAW = ("loss", "law", "of", "result", "checked", "skipped", "deviation")
_COMPARISON = ("loss", "of", "result", "factor", "entries", "differing", "correlation", "deviation")
_PLACE = ("row", "column", "found", "expected")


def laws_text(laws: Sequence[Law], format: str, colour: bool = False) -> str:
    """A line a law; where one fails, the place of its largest deviation too."""
    if format == "json":
        return to_json({**_head(), "passed": all(law.passed for law in laws), "laws": [_law(law) for law in laws]})
    rows = [_law_row(law) for law in laws]
    if format == "plain":
        return tab_separated([[*_LAW, *_PLACE], *rows])
    shown = len(_LAW) if all(law.passed for law in laws) else len(_LAW) + len(_PLACE)
    return _grid([*_LAW, *_PLACE][:shown], [row[:shown] for row in rows], colour)


def comparison_text(found: Comparison, format: str, colour: bool = False) -> str:
    """One line, and the place of the largest deviation from ours; on a terminal the verdict in words too."""
    if format == "json":
        return to_json({**_head(), **_comparison(found)})
    row = [*_comparison_row(found), *_place(found.largest)]
    if format == "plain":
        return tab_separated([[*_COMPARISON, *_PLACE], row])
    words = "".join(f"  {finding.text}\n" for finding in found.findings)
    return _grid([*_COMPARISON, *_PLACE], [row], colour) + words


def _grid(header: list[str], rows: list[list[str]], colour: bool) -> str:
    from losscli.render.table import grid  # Rich is for terminals only

    return grid(header, rows, tuple(name for name in header if name not in ("loss", "law", "of", "result")), (), colour)


def _head() -> dict[str, Any]:
    return {"schema": SCHEMA, "losscli": VERSION}


def _law_row(law: Law) -> list[str]:
    size = format_number(law.deviation.size)
    words = [law.loss, law.name, law.of, "passed" if law.passed else "failed", str(law.checked), str(law.skipped), size]
    return [*words, *([""] * len(_PLACE) if law.passed else _place(law.deviation))]


def _law(law: Law) -> dict[str, Any]:
    return {
        "loss": law.loss,
        "law": law.name,
        **({"of": law.of} if law.of else {}),
        "passed": law.passed,
        "checked": law.checked,
        "skipped": law.skipped,
        "deviation": law.deviation.size,
        **({} if law.passed else _at(law.deviation)),
        **({"note": law.note} if law.note else {}),
    }


def _comparison_row(found: Comparison) -> list[str]:
    causes = "+".join(finding.cause for finding in found.findings) or "equal"
    factor = "" if found.factor is None else format_number(found.factor)
    counts = [str(found.entries), str(found.differing)]
    return [found.loss, found.of, causes, factor, *counts, *map(format_number, (found.correlation, found.largest.size))]


def _comparison(found: Comparison) -> dict[str, Any]:
    return {
        "loss": found.loss,
        "of": found.of,
        "against": found.against,
        "shape": list(found.shape),
        "rtol": found.rtol,
        "equal": found.equal,
        "findings": [{"cause": finding.cause, "text": finding.text} for finding in found.findings],
        "factor": found.factor,
        "entries": found.entries,
        "differing": found.differing,
        "correlation": found.correlation,
        "largest": {"deviation": found.largest.size, **_at(found.largest)},
    }


def _place(at: Deviation) -> list[str]:
    where = ["" if i is None else str(i) for i in (at.row, at.column)]
    return [*where, format_number(at.found), format_number(at.expected)]


def _at(at: Deviation) -> dict[str, Any]:
    place = {name: i for name, i in (("row", at.row), ("column", at.column)) if i is not None}
    return {**place, "found": at.found, "expected": at.expected}
