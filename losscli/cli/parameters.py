"""Options made from the registry: one for every parameter of every loss."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import Parameter as Argument
from inspect import signature
from itertools import pairwise
from typing import Annotated, Any

import typer

from losscli.errors import UsageError
from losscli.literals import canonical
from losscli.parameters import Parameter
from losscli.registry import Definition, defined, definition, definitions, own_names

Action = Callable[[], int]
_BARE_HELP = 2  # words: a command and --help


def with_parameters(function: Callable[..., Action], arguments: Sequence[str]) -> Callable[..., Action]:
    """The command, with an option for every parameter; help shows those of the losses that the arguments name.

    `function` takes them in one dictionary, `of_losses`, of those that were given.
    """
    base = signature(function)
    own = [p for p in base.parameters.values() if p.name != "of_losses"]
    arguments = [*arguments, *_being_completed()]
    shown = _named_losses(arguments)
    owners_of = _all_parameters(_needed(arguments, shown, {"--" + p.name.replace("_", "-") for p in own}))
    options = [_option(name, owners, shown) for name, owners in owners_of.items()]

    def command(**given: Any) -> Action:
        return function(**_gathered(given, {p.name for p in own}))

    return remade(command, function, own + options)


def remade(
    command: Callable[..., Action], function: Callable[..., Action], parameters: Sequence[Argument]
) -> Callable[..., Action]:
    """`command` in the place of `function`, as what reads signatures sees it, with these parameters."""
    made: Any = command
    made.__signature__ = signature(function).replace(parameters=parameters)
    made.__doc__ = function.__doc__
    made.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def with_plugins(function: Callable[..., Action], hidden: bool) -> Callable[..., Action]:
    """The command, with the option for plug-ins, which are loaded before it is made."""
    text = "More losses, from a Python file; repeat."
    option = typer.Option("--plugin", help=text, metavar="FILE", hidden=hidden)
    annotation = Annotated[list[str] | None, option]
    argument = Argument("plugin", Argument.KEYWORD_ONLY, default=None, annotation=annotation)

    def command(**given: Any) -> Action:
        del given["plugin"]
        return function(**given)

    return remade(command, function, [*signature(function).parameters.values(), argument])


def load_plugins(arguments: Sequence[str]) -> None:
    """Load the files that the arguments name. Raises UsageError for one that cannot be loaded."""
    followed = [value for key, value in pairwise(arguments) if key == "--plugin"]
    joined = [a.removeprefix("--plugin=") for a in arguments if a.startswith("--plugin=")]
    if followed or joined:
        from losscli.plugins import load_file

        for path in [*followed, *joined]:
            load_file(path)


def _being_completed() -> list[str]:
    """The words of a line that a shell asks to complete: bash's, or as typer hands on those of others."""
    line = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or ""
    return line.split()[1:] if "_LOSSCLI_COMPLETE" in os.environ else []


def _named_losses(arguments: Sequence[str]) -> set[str]:
    """The words of the command line that may name a loss, without their parameters."""
    words = " ".join(a.removeprefix("--loss=").removeprefix("-l") for a in arguments).split()
    return {word.partition(":")[0].lower() for word in words}


def _needed(arguments: Sequence[str], shown: set[str], own: set[str]) -> Iterable[Definition]:
    """The losses whose parameters may be meant: those named, if the options are theirs, or all. Help of a loss by
    another name shows its own.
    """
    named = [defined(name) for name in own_names() if name in shown]
    given = {a.partition("=")[0] for a in arguments if a.startswith("--")} - {"--help"}
    theirs = {"--" + name.replace("_", "-") for d in named for name in d.params}
    is_help_of_a_loss = {"-h", "--help"} & set(arguments) and len(arguments) > _BARE_HELP and not named
    return definitions().values() if given - own - theirs or is_help_of_a_loss else named


def _all_parameters(losses: Iterable[Definition]) -> dict[str, list[tuple[str, Parameter]]]:
    found: dict[str, list[tuple[str, Parameter]]] = {}
    for d in losses:
        for parameter in d.params.values():
            found.setdefault(parameter.name, []).append((d.name, parameter))
    return found


def _option(name: str, owners: list[tuple[str, Parameter]], shown: set[str]) -> Argument:
    asked = [p for loss, p in owners if {loss, *(a.lower() for a in definition(loss).aliases)} & shown]
    parameter = (asked or [p for _, p in owners])[0]
    allowed = "|".join(parameter.choices) or parameter.rule.limits
    limits = f"{allowed}; " if allowed else ""
    help_text = f"{parameter.rule.help}. [{limits}default {canonical(parameter.default)}]"
    flag = "--" + name.replace("_", "-")
    option = typer.Option(flag, help=help_text, hidden=not asked, metavar="WORD" if parameter.choices else "X")
    return Argument(name, Argument.KEYWORD_ONLY, default=None, annotation=Annotated[list[str] | None, option])


def _gathered(given: Mapping[str, Any], own: set[str]) -> dict[str, Any]:
    extra = {key: _once(key, values) for key, values in given.items() if key not in own and values}
    return {**{key: value for key, value in given.items() if key in own}, "of_losses": extra}


def _once(name: str, values: Sequence[str]) -> str:
    """What was given for a parameter; typer would take the last of several without a word."""
    if len(values) > 1:
        raise UsageError(f"--{name.replace('_', '-')} is given {len(values)} times")
    return values[0]
