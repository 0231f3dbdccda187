"""`losscli explain`: all there is to know of a loss."""

from collections.abc import Callable
from typing import Annotated

import typer

from losscli.cli.complete import complete_loss
from losscli.cli.streams import show
from losscli.registry import definition
from losscli.render.cards import card


def explain_command(
    loss: Annotated[str, typer.Argument(help="Name or alias of a loss.", autocompletion=complete_loss)],
) -> Callable[[], int]:
    """What a loss is, when to use it, its parameters and its other names."""
    return lambda: show(card(definition(loss.partition(":")[0])))
