"""`losscli explain`: all there is to know of a loss, or of an idea that losses share."""

from collections.abc import Callable
from typing import Annotated, Literal

import typer

from losscli.cards import explained
from losscli.cli.complete import complete_explained
from losscli.cli.streams import deliver, on_terminal, show
from losscli.registry import Definition, definition, get
from losscli.render import cards
from losscli.topics import TOPICS

Page = Literal["text", "json", "markdown"]


def explain_command(
    loss: Annotated[
        str,
        typer.Argument(
            help=f"Name or alias of a loss; or {', '.join(TOPICS)}.",
            metavar="LOSS|TOPIC",
            autocompletion=complete_explained,
        ),
    ],
    format: Annotated[Page, typer.Option(help="How the page is written.")] = "text",
) -> Callable[[], int]:
    """What a loss is, when to use it, its parameters and its other names; or a topic."""
    if loss.lower() in TOPICS:
        return lambda: _topic(loss.lower(), format)
    found = definition(loss)
    if format == "text":
        return lambda: show(_text(found))
    return lambda: deliver(_page(found, format), None, format)


def _text(found: Definition) -> str:
    if not on_terminal():
        return cards.card(found)
    from shutil import get_terminal_size

    from losscli.render.curve import curve
    from losscli.render.table import is_ascii

    columns = get_terminal_size().columns
    return cards.card(found, columns, curve(get(found.name), columns, is_ascii()))


def _page(found: Definition, format: str) -> str:
    if format == "markdown":
        return cards.markdown(found)
    from losscli.render.json import to_json
    from losscli.results import SCHEMA

    return to_json({"schema": SCHEMA, **explained(found)})


def _topic(name: str, format: str) -> int:
    if format == "text":
        return show(f"{name}\n\n{TOPICS[name]}")
    if format == "markdown":
        return deliver(f"## {name.capitalize()}\n\n{TOPICS[name]}", None, format)
    from losscli.render.json import to_json
    from losscli.results import SCHEMA

    return deliver(to_json({"schema": SCHEMA, "topic": name, "text": TOPICS[name]}), None, format)
