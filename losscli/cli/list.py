"""`losscli list`: the losses."""

from collections.abc import Callable
from typing import Annotated

import typer

from losscli.cli.options import Layout, chosen_format
from losscli.cli.streams import deliver
from losscli.errors import UsageError
from losscli.literals import near
from losscli.registry import Definition, definitions
from losscli.render import cards
from losscli.render.json import to_json
from losscli.render.plain import tab_separated
from losscli.results import SCHEMA


def list_command(
    task: Annotated[str | None, typer.Option(help="Only the losses of this task.", metavar="TASK")] = None,
    format: Layout = None,
) -> Callable[[], int]:
    """The losses, with their parameters and defaults."""
    chosen = chosen_format(format)
    return lambda: deliver(_text(_of_task(task), chosen), None, chosen)


def _of_task(task: str | None) -> list[Definition]:
    found = [d for d in definitions().values() if task in (None, d.task)]
    if not found:
        tasks = list(dict.fromkeys(d.task for d in definitions().values()))
        raise UsageError(f"no task '{task}'{near(str(task), tasks)}; tasks: {', '.join(tasks)}")
    return found


def _text(found: list[Definition], format: str) -> str:
    if format == "json":
        return to_json({"schema": SCHEMA, "losses": [cards.facts(d) for d in found]})
    if format == "plain":
        return tab_separated([list(cards.HEADER), *(list(cards.row(d)) for d in found)])
    from losscli.render.table import grid

    return grid(list(cards.HEADER), [list(cards.row(d)) for d in found], prose=cards.PROSE)
