"""Renderers: a Report -> text. Nothing else formats, and a renderer computes nothing."""

from importlib import import_module
from typing import Any, Literal, get_args

from losscli.results import Report

Format = Literal["table", "plain", "json", "jsonl", "csv", "markdown", "value"]
FORMATS: tuple[str, ...] = get_args(Format)
SPREAD = ("table", "json", "jsonl")  # the formats that show std, min, max and quantiles
SHORT = ("table", "markdown")  # the formats that list 20 samples unless told otherwise

_MODULES = {"value": "plain", "jsonl": "json", "csv": "sheets", "markdown": "sheets"}  # others are called as the format


def render(report: Report, format: str, colour: bool = False) -> str:
    """The report as text in one of the formats; only a table takes colour."""
    module = import_module(f"losscli.render.{_MODULES.get(format, format)}")  # Rich is for terminals only
    renderer: Any = getattr(module, format)
    return str(renderer(report, colour) if format == "table" else renderer(report))


__all__ = ["FORMATS", "SHORT", "SPREAD", "Format", "render"]
