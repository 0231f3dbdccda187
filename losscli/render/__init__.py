"""Renderers: a Report -> text. Nothing else formats, and a renderer computes nothing."""

from typing import Literal, get_args

from losscli.render.json import json, jsonl
from losscli.render.plain import plain, value
from losscli.render.sheets import csv, markdown
from losscli.results import Report

Format = Literal["table", "plain", "json", "jsonl", "csv", "markdown", "value"]
FORMATS: tuple[str, ...] = get_args(Format)
SPREAD = ("table", "json", "jsonl")  # the formats that show std, min, max and quantiles
SHORT = ("table", "markdown")  # the formats that list 20 samples unless told otherwise

_RENDERERS = {"plain": plain, "json": json, "jsonl": jsonl, "csv": csv, "markdown": markdown, "value": value}


def render(report: Report, format: str, colour: bool = False) -> str:
    """The report as text in one of the formats; only a table takes colour."""
    if format == "table":
        from losscli.render.table import table  # Rich is for terminals only

        return table(report, colour)
    return _RENDERERS[format](report)


__all__ = ["FORMATS", "SHORT", "SPREAD", "Format", "render"]
