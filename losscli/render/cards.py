"""Cards of losses and lists of them, as text and as Markdown."""

from collections.abc import Sequence
from functools import partial
from textwrap import fill, wrap

from losscli.cards import Card, card_of, default_of
from losscli.parameters import Parameter
from losscli.registry import Definition

HEADER = ("loss", "task", "parameters", "what it is")
PROSE = HEADER[2:]
_WIDTH, _LABEL = 100, 12  # columns of text, and of what stands before it
_NARROW = 60  # columns below which nothing stands before it: a DOI has to fit into a line
_wrapped = partial(wrap, break_long_words=False, break_on_hyphens=False)
_filled = partial(fill, break_long_words=False, break_on_hyphens=False)


def row(definition: Definition) -> tuple[str, ...]:
    """A loss as a line of `list`: name, task, parameters with defaults, what it is."""
    params = ", ".join(f"{p.name}={default_of(p)}" for p in definition.params.values())
    return definition.name, definition.task, params, definition.summary.removesuffix(".")


def card(definition: Definition, width: int = _WIDTH, curve: str = "") -> str:
    """All there is to know of a loss, as text of so many columns, with a drawing of it where there is one."""
    found = card_of(definition)
    width = min(width, _WIDTH)
    parts = [
        f"{definition.name} ({definition.task})\n\n" + _filled(found.formula, width),
        curve.rstrip("\n"),
        _filled(found.text, width),
        "\n".join(_labelled(name, text, width) for name, text in found.sections.items()),
        "\n".join(_labelled(name, text, width) for name, text in _facts(found)),
        _parameters(definition, width),
        _example(found),
        f"Command: losscli eval --loss {definition.name} {_files(definition)}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _labelled(name: str, text: str, width: int) -> str:
    if width < _NARROW:
        return _filled(f"{name}: {text}", width)
    first, *others = _wrapped(text, width - _LABEL) or [""]
    return "\n".join([f"{name:<{_LABEL}}{first}", *(" " * _LABEL + line for line in others)])


def _facts(found: Card) -> list[tuple[str, str]]:
    kind, aliases = found.definition.kind, found.definition.aliases
    names = [f"{alias} ({binding})" if binding else alias for alias, binding in aliases.items()]
    ordered = [_file(role.name) for role in kind.roles if role.ordered]
    named = [role.name for role in kind.roles if not role.ordered]
    files = " ".join(ordered) + "".join(f", and --input {n}=FILE or --col {n}=COL" for n in named)
    return [
        ("Properties", found.facts),
        *([("Derivatives", f"none: {found.definition.underived}")] if found.definition.underived else []),
        *([("Hessian", f"none: {found.definition.uncurved}")] if found.definition.uncurved else []),
        ("Files", files),
        ("Arrays", kind.shapes),
        ("Reduction", found.reduction),
        *([("Aliases", ", ".join(names))] if names else []),
    ]


def _file(role: str) -> str:
    return {"pred": "PREDS", "target": "TARGETS"}.get(role, role.upper())


def _files(definition: Definition) -> str:
    """The files of an example, which bear the names of their roles; of sequences an archive, whose members do."""
    roles = definition.kind.roles
    if definition.kind.is_sequential:
        return "run.npz"
    ordered = [f"{_file(role.name).lower()}.csv" for role in roles if role.ordered]
    return " ".join([*ordered, *(f"--input {r.name}={r.name}.csv" for r in roles if not r.ordered)])


def _parameters(definition: Definition, width: int) -> str:
    if not definition.params:
        return ""
    lines = [_filled(_parameter(p), width, subsequent_indent="    ") for p in definition.params.values()]
    return "\n".join(["Parameters, in the SPEC or as options:", *lines])


def _parameter(parameter: Parameter) -> str:
    allowed = " | ".join(parameter.choices) or parameter.rule.limits
    note = f"; {allowed}" if allowed else ""
    return f"  {option(parameter.name)}: {parameter.rule.help} (default {default_of(parameter)}{note})"


def _example(found: Card) -> str:
    return f"Example:\n    {found.example.code}\n    {found.example.value}" if found.example else ""


def option(name: str) -> str:
    """The command-line option of a parameter."""
    return "--" + name.replace("_", "-")


# Markdown


def markdown(definition: Definition) -> str:
    """A card as GitHub renders it."""
    found = card_of(definition)
    lines = [f"### {definition.name}", "", _plain(found.formula) + ".", "", _plain(found.text), ""]
    lines += [f"- **{name}**: {_plain(text)}" for name, text in [*found.sections.items(), *_facts(found)] if text]
    lines += [f"- `{option(p.name)}`:{_plain(_parameter(p).partition(':')[2])}" for p in definition.params.values()]
    if found.example:
        lines += ["", "```python", f">>> {found.example.code}", found.example.value, "```"]
    lines += ["", "```", f"losscli eval --loss {definition.name} {_files(definition)}", "```"]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Text whose signs are no markup."""
    return "".join(f"\\{c}" if c in "\\`*_<>[]|~$" else c for c in text)


def document(definitions: Sequence[Definition]) -> str:
    """The cards of all losses by task, with a table in front."""
    tasks = list(dict.fromkeys(d.task for d in definitions))
    lines = ["# The losses", "", "Made from what `losscli explain` says. By task:", ""]
    for task in tasks:
        names = [d.name for d in definitions if d.task == task]
        lines.append(f"- {task}: " + ", ".join(f"[{name}](#{name})" for name in names))
    for task in tasks:
        lines += ["", f"## {task.capitalize()}", ""]
        lines.append("\n".join(markdown(d) for d in definitions if d.task == task))
    return "\n".join(lines)
