"""Options that the repository's configuration says, as defaults of the command line library: its parser checks them as
it checks those of the command line, which win.
"""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from inspect import Parameter as Argument
from inspect import signature
from typing import Annotated, Any, NamedTuple, get_args, get_origin

import typer

from losscli.cli.options import refuse_overwriting
from losscli.cli.parameters import Action, remade
from losscli.configuration import OUTPUTS, Configuration, Kind, Options, Value, find
from losscli.errors import UsageError
from losscli.registry import definitions


class Defaults(NamedTuple):
    """`values` by the names of their options, `path` the file that says them; `taken`, once the command line is parsed,
    those that it leaves in force.
    """

    path: str
    values: Mapping[str, Value]
    options: Options
    taken: dict[str, Value]

    @property
    def words(self) -> list[str]:
        """What a command line would say instead, as far as it tells which losses and parameters there are."""
        losses = self.values.get("loss", [])
        named = [f"--loss={spec}" for spec in losses] if isinstance(losses, list) else []
        return [*named, *(f"--{key}" for key in self.values if key not in self.options.kinds)]

    @property
    def by_name(self) -> dict[str, Any]:
        """The same as the library takes it; a parameter may be given several times, which is refused where it is."""
        return {_name(key): value if key in self.options.kinds else [value] for key, value in self.values.items()}

    def told(self, arguments: Sequence[str]) -> str:
        """What is added to an error of usage: some option at fault may not be on the command line."""
        given = {argument.partition("=")[0] for argument in arguments}
        keys = [key for key in self.taken or self.values if f"--{key}" not in given]
        return f" ({self.path} says {', '.join(keys)})" if keys else ""

    @property
    def note(self) -> list[str]:
        """What is said of those that are in force."""
        said = ", ".join(f"{key} = {_shown(value)}" for key, value in self.taken.items())
        return [f"{self.path}: {said}"] if said else []

    def without_replaced(self, context: typer.Context, given: Mapping[str, Any]) -> dict[str, Any]:
        """The options, without those of the file that others of the command line take the place of."""
        sources = {key: context.get_parameter_source(_name(key)) for key in [*self.values, "json", "loss"]}
        names = {key: source.name if source else "" for key, source in sources.items()}
        left = {key: value for key, value in self.values.items() if names[key] == "DEFAULT_MAP"}
        if names["json"] == "COMMANDLINE":
            left.pop("format", None)
        if names["loss"] == "COMMANDLINE" and "loss" in self.values:
            left = {key: value for key, value in left.items() if key in self.options.kinds}
        self.taken.update(left)
        replaced = [key for key in self.values if names[key] == "DEFAULT_MAP" and key not in left]
        return {**given, **dict.fromkeys(map(_name, replaced))}


NO_DEFAULTS = Defaults("", {}, Options({}, tuple), {})


def defaults_for(function: Callable[..., Action], arguments: Sequence[str]) -> Defaults:
    """What the configuration says of an evaluation; nothing where only help or completion is asked for, which no
    mistake in a file may keep from showing. Raises UsageError.
    """
    is_run = not {"-h", "--help"} & set(arguments) and "_LOSSCLI_COMPLETE" not in os.environ
    found: Configuration | None = find() if is_run else None
    if found is None:
        return NO_DEFAULTS
    options = options_of(function)
    return Defaults(found.path, found.eval(options), options, {})


def options_of(function: Callable[..., Action]) -> Options:
    """The options of a command by what they take."""
    parameters = [p for p in signature(function).parameters.values() if get_origin(p.annotation) is Annotated]
    kinds = {_key(p.name): _kind(get_args(p.annotation)[0]) for p in parameters}
    return Options(kinds, _parameters)


_SHORT = {"-l": "--loss", "-o": "--output"}


def refuse_repeated(function: Callable[..., Action], arguments: Sequence[str]) -> None:
    """An option that takes one value is given once: of two, the library would take the last without a word."""
    words = [_SHORT.get(word[:2], word.partition("=")[0]) for word in arguments if word.startswith("-")]
    repeated = {word for word in words if words.count(word) > 1}
    kinds = options_of(function).kinds if repeated else {}
    for word in words:
        if word in repeated and kinds.get(word.removeprefix("--")) == "one":
            raise UsageError(f"{word} is given {words.count(word)} times, and takes one value")


def _kind(annotation: Any) -> Kind:
    """What an option takes, by the type of its values."""
    types = [annotation, *get_args(annotation)]
    return "flag" if bool in types else "many" if list[str] in types else "one"


def _parameters() -> Collection[str]:
    return list(dict.fromkeys(_key(name) for d in definitions().values() for name in d.params))


def with_defaults(function: Callable[..., Action], defaults: Defaults) -> Callable[..., Action]:
    """The command, which takes options of the file where the command line has none in their place."""
    base = signature(function)
    own = [_deniable(p) if defaults.values.get(_key(p.name)) is True else p for p in base.parameters.values()]
    context = Argument("context", Argument.KEYWORD_ONLY, annotation=typer.Context)

    def command(**given: Any) -> Action:
        refuse_overwriting([None, *(given[_name(key)] for key in OUTPUTS)], [defaults.path])
        return function(**defaults.without_replaced(given.pop("context"), given))

    return remade(command, function, [*own, context])


def _deniable(argument: Argument) -> Argument:
    """A flag that the file sets: --no-FLAG of the command line wins over it."""
    kind, option = get_args(argument.annotation)
    if kind is not bool:  # --header has its --no-header
        return argument
    flag = _key(argument.name)
    both = typer.Option(f"--{flag}/--no-{flag}", help=option.help, hidden=option.hidden)
    return argument.replace(annotation=Annotated[kind, both])


def _name(key: str) -> str:
    return key.replace("-", "_")


def _key(name: str) -> str:
    return name.replace("_", "-")


def _shown(value: Value) -> str:
    if isinstance(value, list):
        return value[0] if len(value) == 1 else f"[{', '.join(value)}]"
    return str(value).lower() if isinstance(value, bool) else value
