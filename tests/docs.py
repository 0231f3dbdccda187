"""Writes docs/losses.md: `python -m tests.docs`. What it says is what `losscli explain` says."""

from pathlib import Path

from losscli.registry import defined, own_names
from losscli.render.cards import document

FILE = Path(__file__).parents[1] / "docs" / "losses.md"


def text() -> str:
    """The document, of the losses as they are now."""
    return document([defined(name) for name in own_names()])


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text(), "utf8")
