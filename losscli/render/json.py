"""JSON, schema 1: strict, keys in order, numbers as the shortest text that reads back the same."""

from json import dumps
from typing import Any

from losscli.results import Report, jsonable


def json(report: Report) -> str:
    """The report as one object."""
    return _indented(report.to_dict())  # which is in JSON's terms, and may be long


def jsonl(report: Report) -> str:
    """An object a line: a result, or where samples were asked for a sample, with the loss it is `of`."""
    lines: list[Any] = []
    for one, result in zip(report.results, report.to_dict()["results"], strict=True):
        samples = result.get("samples")
        lines += [result] if samples is None else [{"of": one.called, **sample} for sample in samples]
    return "".join(_text(line) + "\n" for line in lines)


def to_json(data: Any) -> str:
    """Strict JSON, indented, in ASCII: neither a bare NaN nor a control character from a file slips through."""
    return _indented(jsonable(data))


def _indented(data: Any) -> str:
    return _text(data, indent=2) + "\n"


def _text(data: Any, indent: int | None = None) -> str:
    """Without `##[`, which GitHub's runner takes for a command wherever it stands in a log."""
    return dumps(data, indent=indent, allow_nan=False).replace("##[", "#\\u0023[")
