"""The Typer application, put together for one command line, and run."""

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
from typing import Annotated

import typer

from losscli.cli.parameters import Action, load_plugins, with_parameters, with_plugins
from losscli.cli.streams import guarded, say, show, write_out
from losscli.errors import UsageError
from losscli.version import VERSION

_WITH_PARAMETERS = ("eval", "gradcheck", "step")  # the commands that take the options of losses
_WITH_PLUGINS = ("eval", "list", "explain", "gradcheck", "step")
COMMANDS = ("eval", "list", "explain", "inspect", "gradcheck", "step")


def build(arguments: Sequence[str]) -> typer.Typer:
    """The application, of one command where the arguments begin with it: the others need not be imported.

    The options of the losses that the arguments name are shown in its help.
    """
    load_plugins(arguments)
    app = typer.Typer(
        name="losscli",
        help="Given these predictions and these targets, what is the loss?",
        epilog="Start with: losscli eval --loss mse preds.csv targets.csv",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110, **_narrow(arguments)},
    )
    for name in arguments[:1] if arguments[:1] and arguments[0] in COMMANDS else COMMANDS:
        function = getattr(import_module(f"losscli.cli.{name}"), f"{name}_command")
        function = with_parameters(function, arguments) if name in _WITH_PARAMETERS else function
        app.command(name)(with_plugins(function, name == "eval") if name in _WITH_PLUGINS else function)
    app.callback()(_top)
    return app


def _narrow(arguments: Sequence[str]) -> dict[str, int]:
    """The width of help on a terminal of fewer columns than Typer reckons with, which are 50 and a border."""
    if not {"-h", "--help"} & set(arguments) and arguments:
        return {}
    from shutil import get_terminal_size

    columns = get_terminal_size().columns
    return {"terminal_width": columns - 2} if 20 < columns < 52 else {}


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"losscli {VERSION}")
        raise typer.Exit


def _top(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def run(arguments: Sequence[str]) -> int:
    """Parse and act; returns the exit code."""
    code = guarded(lambda: _parse(arguments)(), debug="--debug" in arguments)  # noqa: PLW0108 - parsing is guarded too
    if not {"-q", "--quiet"} & set(arguments):
        say("warning", getattr(sys.modules.get("losscli.registry"), "problems", []))
    return code


def _parse(arguments: Sequence[str]) -> Action:
    """What the arguments ask for. Help and completion are texts to be written like any other result."""
    printed = StringIO()
    try:
        with redirect_stdout(printed):
            action = build(arguments)(list(arguments) or ["--help"], prog_name="losscli", standalone_mode=False)
    except typer.TyperException as error:
        raise UsageError(_in_a_line(error.format_message())) from None
    except SystemExit as stop:  # completion
        action = stop.code or 0
    if callable(action):
        return action  # type: ignore[no-any-return]
    if action == 130:
        raise KeyboardInterrupt
    text = printed.getvalue()
    return lambda: (show if text.startswith("Usage:") else write_out)(text) or int(action or 0)


def _in_a_line(message: str) -> str:
    return message[:1].lower() + " ".join(message[1:].split())
