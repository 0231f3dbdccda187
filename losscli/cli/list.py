"""`losscli list`: the losses."""

from collections.abc import Callable
from typing import Annotated

import typer

from losscli.cards import facts_of
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
    """The losses by task, with their parameters and defaults."""
    chosen = chosen_format(format)
    return lambda: deliver(_text(_of_task(task), chosen), None, chosen)


def _of_task(task: str | None) -> list[Definition]:
    tasks = [*dict.fromkeys(d.task for d in definitions().values())]
    found = [d for t in tasks for d in definitions().values() if d.task == t and task in (None, t)]
    if not found:
        raise UsageError(f"no task '{task}'{near(str(task), tasks)}; tasks: {', '.join(tasks)}")
    return found


def _text(found: list[Definition], format: str) -> str:
    if format == "json":
        return to_json({"schema": SCHEMA, "losses": [facts_of(d) for d in found]})
    if format == "plain":
        return tab_separated([list(cards.HEADER), *(list(cards.row(d)) for d in found)])
    tasks = list(dict.fromkeys(d.task for d in found))
    return "\n".join(f"{task}\n{_grid([d for d in found if d.task == task])}" for task in tasks)


def _grid(found: list[Definition]) -> str:
    from losscli.render.table import grid

    kept = [k for k, name in enumerate(cards.HEADER) if name != "task"]
    rows = [[cards.row(d)[k] for k in kept] for d in found]
    return grid([cards.HEADER[k] for k in kept], rows, prose=cards.PROSE)
