"""Completion of what the registry and the files named know; NumPy is not imported for names of losses."""

from contextlib import suppress

import typer

from losscli.errors import LossError
from losscli.registry import definitions
from losscli.topics import TOPICS


def complete_loss(incomplete: str) -> list[tuple[str, str]]:
    """Names of losses that begin as what is typed, with what they are."""
    return [(name, d.summary) for name, d in definitions().items() if name.startswith(incomplete)]


def complete_explained(incomplete: str) -> list[tuple[str, str]]:
    """The same, and topics."""
    topics = [(name, "an idea that losses share") for name in TOPICS if name.startswith(incomplete)]
    return [*complete_loss(incomplete), *topics]


def complete_column(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of columns of the files on the command line that begin as what is typed."""
    found: list[str] = []
    given = [*(ctx.params.get("files") or []), *(ctx.params.get("pred") or [])]
    for path in [*given, *ctx.args]:  # words are args until all are parsed
        if path != "-":
            with suppress(LossError):
                found += _columns(path)
    return [name for name in dict.fromkeys(found) if name.startswith(incomplete)]


def _columns(path: str) -> list[str]:
    from losscli.formats import open_reader

    reader = open_reader(path, path)
    try:
        return [c.name for c in reader.columns if reader.headed]
    finally:
        reader.close()
