"""The Typer application, put together for one command line, and run."""

import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
from typing import Annotated

import typer

from losscli.cli.defaults import NO_DEFAULTS, Defaults, defaults_for, refuse_repeated, with_defaults
from losscli.cli.parameters import Action, load_plugins, with_parameters, with_plugins
from losscli.cli.streams import guarded, say, show, write_out
from losscli.errors import UsageError
from losscli.version import VERSION

_WITH_PARAMETERS = ("eval", "gradcheck", "step")  # the commands that take the options of losses
_WITH_PLUGINS = ("eval", "check", "list", "explain", "gradcheck", "step")
COMMANDS = ("eval", "check", "list", "explain", "inspect", "gradcheck", "step")


def build(arguments: Sequence[str], defaults: Defaults = NO_DEFAULTS) -> typer.Typer:
    """The application, of one command where the arguments begin with it: the others need not be imported.

    The options of the losses that the arguments name are shown in its help. `defaults` are of eval.
    """
    app = typer.Typer(
        name="losscli",
        help="Given these predictions and these targets, what is the loss?",
        epilog="Start with: losscli eval --loss mse preds.csv targets.csv",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings={
            "help_option_names": ["-h", "--help"],
            "max_content_width": 110,
            "default_map": {"eval": defaults.by_name},
            **_narrow(arguments),
        },
    )
    words = [*arguments, *defaults.words]
    for name in arguments[:1] if arguments[:1] and arguments[0] in COMMANDS else COMMANDS:
        function = command_of(name)
        function = with_parameters(function, words) if name in _WITH_PARAMETERS else function
        function = with_defaults(function, defaults) if defaults.path else function
        app.command(name)(with_plugins(function, name == "eval") if name in _WITH_PLUGINS else function)
    app.callback()(_top)
    return app


def command_of(name: str) -> Callable[..., Action]:
    """What a command does, given its options."""
    found: Callable[..., Action] = getattr(import_module(f"losscli.cli.{name}"), f"{name}_command")
    return found


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
    code = guarded(lambda: _run(arguments), "--debug" in arguments, "--github" in arguments)
    if not _is_quiet(arguments):
        say("warning", getattr(sys.modules.get("losscli.registry"), "problems", []))
    return code


def _run(arguments: Sequence[str]) -> int:
    load_plugins(arguments)
    command = next((word for word in arguments if word != "--"), "")
    defaults = defaults_for(command_of("eval"), arguments) if command == "eval" else NO_DEFAULTS
    if command in COMMANDS:
        refuse_repeated(command_of(command), arguments)
    try:
        action = parsed(arguments, defaults)
        if not getattr(action, "quiet", False):
            say("note", defaults.note)
        return action()
    except UsageError as error:
        raise UsageError(f"{error}{defaults.told(arguments)}") from None


def _is_quiet(arguments: Sequence[str]) -> bool:
    return bool({"-q", "--quiet"} & set(arguments))


def parsed(arguments: Sequence[str], defaults: Defaults = NO_DEFAULTS) -> Action:
    """What the arguments ask for. Help and completion are texts to be written like any other result.

    Raises UsageError.
    """
    printed = StringIO()
    try:
        with redirect_stdout(printed):
            action = build(arguments, defaults)(
                list(arguments) or ["--help"], prog_name="losscli", standalone_mode=False
            )
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
