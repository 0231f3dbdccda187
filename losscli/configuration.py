"""What a repository says in losscli.toml, or in [tool.losscli] of pyproject.toml: options of eval, and checks.

Nothing that is said there writes a file or runs a program: it is found, not asked for.
"""

import os
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal, NamedTuple

from losscli.errors import UsageError
from losscli.literals import near

Value = str | bool | list[str]
Kind = Literal["flag", "one", "many"]
OWN, SHARED = "losscli.toml", "pyproject.toml"

OUTPUTS = (
    "output",
    "junit",
    "save-baseline",
    "grad-out",
    "hess-out",
    "per-sample-out",
    "probs-out",
    "penalty-grad-out",
)
_WRITES = "writes a file, which is asked for where it is run"
_FORBIDDEN = {
    "json": 'is said as format = "json"',
    "no-header": "is said as header = false",
    "plugin": "is a program, which no file found in a folder may start: give --plugin on the command line",
    "help": "is for the command line",
    "debug": "is for the command line",
    "github": "is for the command line, of a build",
    "quiet": "would keep quiet about these very options: give -q on the command line",
    **dict.fromkeys(OUTPUTS, _WRITES),
    "save-baseline": f"{_WRITES}: losscli check --save-baselines writes what baseline names",
}
_OF_A_RUN = dict.fromkeys(("files", "pred"), "belongs to one run: give it there, or to a check, [check.NAME]")
_OF_THE_TABLE = {"format": "is said to losscli check, which shows all checks in one table"}
_PATHS = ("files", "pred", "baseline", "parameters")
HOW = f"write [check.NAME] in {OWN} with files, loss and a gate, such as max = 0.3"


class Options(NamedTuple):
    """What may be said: the options of eval and what they take, and the parameters of losses, found when needed."""

    kinds: Mapping[str, Kind]
    parameters: Callable[[], Collection[str]]


class Configuration(NamedTuple):
    """A file as it was found: `path` as it is shown, `before` what its relative paths begin with, `prefix` the tables
    that ours are in, and the tables.
    """

    path: str
    before: str
    prefix: str
    tables: Mapping[str, Any]

    def eval(self, options: Options) -> dict[str, Value]:
        """What is said of every evaluation. Raises UsageError."""
        return self._said("eval", self.tables.get("eval", {}), options, _OF_A_RUN)

    def checks(self, options: Options) -> dict[str, dict[str, Value]]:
        """The checks in their order, each with what is said of every evaluation. Raises UsageError."""
        usual = {key: value for key, value in self.eval(options).items() if key not in _OF_THE_TABLE}
        found = {}
        for name, table in self.tables.get("check", {}).items():
            own = self._said(f"check.{name}", table, options, _OF_THE_TABLE)
            found[name] = {**_without_loss(usual, own, options), **own}
        if not found:
            raise UsageError(f"{self.path}: has no checks: {HOW}")
        return found

    def called(self, table: str) -> str:
        """A table as messages name it."""
        return f"{self.path}: [{self.prefix}{table}]"

    def _said(self, name: str, table: Any, options: Options, refused: Mapping[str, str]) -> dict[str, Value]:
        called = self.called(name)
        for key in table:
            why = {**_FORBIDDEN, **refused}.get(key)
            if why:
                raise UsageError(f"{called}: '{key}' {why}")
            if key not in options.kinds and key not in options.parameters():
                known = [*options.kinds, *options.parameters()]
                raise UsageError(f"{called} has no option '{key}'{near(key, known)}")
        said = {key: _value(f"{called}: '{key}'", value, options.kinds.get(key)) for key, value in table.items()}
        return {key: self._located(f"{called}: '{key}'", key, value) for key, value in said.items()}

    def _located(self, called: str, key: str, value: Value) -> Value:
        """The same with the paths in it as the current folder sees them."""
        if key == "class-weight":  # weights, a word or a file
            return value if "=" in str(value) or value == "balanced" else self._path(called, "", str(value))
        if key == "input" and isinstance(value, list):
            return [self._path(called, *_of_role(text)) for text in value]
        if key not in _PATHS or isinstance(value, bool):
            return value
        return (
            [self._path(called, "", one) for one in value] if isinstance(value, list) else self._path(called, "", value)
        )

    def _path(self, called: str, role: str, path: str) -> str:
        if path == "-":
            raise UsageError(f"{called} is standard input (-), which is another in every run: name a file")
        return role + os.path.join(self.before, path)


def _without_loss(usual: Mapping[str, Value], own: Collection[str], options: Options) -> dict[str, Value]:
    """What is said, without the parameters that belong to its loss where another loss is asked for."""
    if not {"loss"} & set(usual) & set(own):
        return dict(usual)
    return {key: value for key, value in usual.items() if key in options.kinds}


def _of_role(text: str) -> tuple[str, str]:
    """`weight=w.csv` as what stands before the path, and the path; what is not so is refused elsewhere."""
    role, equals, path = text.partition("=")
    return (role + equals, path) if path else ("", text)


def find() -> Configuration | None:
    """The nearest configuration from the current folder upward to the repository's root. Raises UsageError."""
    try:
        here = os.getcwd()
    except OSError:  # it was deleted
        return None
    return next((found for folder in _searched(here) if (found := _in(folder, here))), None)


def _searched(here: str) -> list[str]:
    """The folders up to the one that holds .git. Outside a repository the current one alone: a stray file somewhere
    above, as in a home folder, must not change numbers.
    """
    folders = [here]
    while not os.path.lexists(os.path.join(folders[-1], ".git")):
        parent = os.path.dirname(folders[-1])
        if parent == folders[-1]:
            return [here]
        folders.append(parent)
    return folders


def _in(folder: str, here: str) -> Configuration | None:
    paths = [os.path.join(folder, name) for name in (OWN, SHARED)]
    own, shared = (path if os.path.lexists(path) and not os.path.isdir(path) else None for path in paths)
    if not own and not shared:
        return None
    before = "" if folder == here else min(os.path.relpath(folder, here), folder, key=len)
    found = [
        Configuration(shown, before, prefix, _checked(shown, prefix, tables))
        for path, prefix in ((own, ""), (shared, "tool.losscli."))
        if path
        for shown in [os.path.join(before, os.path.basename(path))]
        if (tables := _tables(path, shown, prefix)) is not None
    ]
    if len(found) > 1:
        raise UsageError(f"{found[0].path}: and {found[1].path} has [tool.losscli] too: keep one of them")
    return found[0] if found else None


def _tables(path: str, shown: str, prefix: str) -> Any:
    """What is said in the file; None for a pyproject.toml that says nothing of us, whatever else is wrong with it."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise UsageError(f"{shown}: cannot be opened: {error.strerror}") from None
    if prefix and b"losscli" not in data:
        return None
    from tomllib import loads  # only where there is something to parse

    try:
        found: Any = loads(data.decode("utf-8-sig"), parse_float=lambda text: text.replace("_", ""))  # as it is written
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{shown}: is not TOML: {' '.join(str(error).split())}") from None
    for name in prefix.split(".")[:-1]:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _checked(path: str, prefix: str, tables: Any) -> Mapping[str, Any]:
    """The tables, once they are tables. Raises UsageError."""
    if not isinstance(tables, dict):
        raise UsageError(f"{path}: [{prefix.rstrip('.')}] is not a table, but {_what(tables)}")
    for name, table in tables.items():
        if name not in ("eval", "check"):
            raise UsageError(f"{path}: {_stray(prefix, name, table)}")
        for inner, one in {name: table, **(table if name == "check" and isinstance(table, dict) else {})}.items():
            if not isinstance(one, dict):
                where = f"[{prefix}{name}]" if inner == name else f"'{inner}' in [{prefix}check]"
                hint = f": {HOW}" if name == "check" else ""
                raise UsageError(f"{path}: {where} is not a table, but {_what(one)}{hint}")
    return tables


def _stray(prefix: str, name: str, value: Any) -> str:
    if isinstance(value, dict):
        return f"there is no table [{prefix}{name}]{near(name, ['eval', 'check'])}"
    return f"'{name}' stands in no table: write it under [{prefix}eval] or [{prefix}check.NAME]"


def _value(called: str, value: Any, kind: Kind | None) -> Value:
    """A value as the command line has it; without a kind it is a loss's parameter, which may be true or false too."""
    if kind == "flag":
        if isinstance(value, bool):
            return value
        raise UsageError(f"{called} wants true or false, not {_what(value)}")
    if kind == "many" and isinstance(value, list):
        return [_text(called, one, "a list of texts or numbers") for one in value]
    if kind is None and isinstance(value, bool):
        return str(value).lower()
    text = _text(called, value, "a text or a number" + (", or a list of them" if kind == "many" else ""))
    return [text] if kind == "many" else text


def _text(called: str, value: Any, wanted: str) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise UsageError(f"{called} wants {wanted}, not {_what(value)}")
    return str(value)


def _what(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    words = {dict: "a table", list: "a list", str: f"'{value}'", int: str(value)}
    return words.get(type(value), "a date or a time")
