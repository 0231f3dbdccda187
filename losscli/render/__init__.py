"""Renderers: a Report -> text. Nothing else formats, and a renderer computes nothing."""

from typing import Literal, get_args

from losscli.render.json import json
from losscli.render.plain import plain, value
from losscli.results import Report

Format = Literal["table", "plain", "json", "value"]
FORMATS: tuple[str, ...] = get_args(Format)
SPREAD = ("table", "json")  # the formats that show std, min and max


def render(report: Report, format: str, colour: bool = False) -> str:
    """The report as text in one of the formats; only a table takes colour."""
    if format == "table":
        from losscli.render.table import table  # Rich is for terminals only

        return table(report, colour)
    return {"plain": plain, "json": json, "value": value}[format](report)


__all__ = ["FORMATS", "SPREAD", "Format", "render"]
