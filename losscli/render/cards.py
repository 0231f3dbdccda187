"""What `list` and `explain` print of the registry."""

from typing import Any

from losscli.literals import canonical
from losscli.parameters import Parameter
from losscli.registry import Definition


def facts(definition: Definition) -> dict[str, Any]:
    """A loss as `list --format json` holds it."""
    return {
        "name": definition.name,
        "task": definition.task,
        "aliases": list(definition.aliases),
        "params": {
            p.name: {
                "default": p.default,
                "choices": list(p.choices) or None,
                "limits": p.rule.limits or None,
                "help": p.rule.help,
            }
            for p in definition.params.values()
        },
        "roles": list(definition.kind.role_names),
        "shape": _shape(definition),
        "summary": definition.summary,
    }


def row(definition: Definition) -> tuple[str, ...]:
    """A loss as a line of `list`: name, task, parameters with defaults, what it is."""
    params = ", ".join(f"{p.name}={_default(p)}" for p in definition.params.values())
    return definition.name, definition.task, params, definition.summary.removesuffix(".")


HEADER = ("loss", "task", "parameters", "what it is")
PROSE = HEADER[2:]


def card(definition: Definition) -> str:
    """All there is to know of a loss, as text."""
    kind = definition.kind
    ordered = [_file(role.name) for role in kind.roles if role.ordered]
    named = [role.name for role in kind.roles if not role.ordered]
    files = [*(f"{file.lower()}.csv" for file in ordered), *(f"--input {name}={name}.csv" for name in named)]
    lines = [
        definition.name,
        "",
        definition.doc,
        "",
        f"Files: {' '.join(ordered)}" + "".join(f", and --input {n}=FILE or --col {n}=COL" for n in named),
        f"Arrays: {kind.shapes}.",
        f"Reduction: {_SHAPES[_shape(definition)]}",
        *_parameters(definition),
        *_aliases(definition),
        "",
        f"Example: losscli eval --loss {definition.name} {' '.join(files)}",
    ]
    return "\n".join(lines) + "\n"


_SHAPES = {
    "row": "a value a sample; their weighted mean, or with --reduction sum the weighted sum of all elements.",
    "aggregate": "an aggregate: one value of the weighted mean of the samples' terms; it has no sum over samples.",
}


def _shape(definition: Definition) -> str:
    return "aggregate" if definition.finish else "row"


def _file(role: str) -> str:
    return {"pred": "PREDS", "target": "TARGETS"}.get(role, role.upper())


def _default(parameter: Parameter) -> str:
    return canonical(parameter.default)


def _parameters(definition: Definition) -> list[str]:
    if not definition.params:
        return []
    lines = ["", "Parameters, in the SPEC or as options:"]
    for p in definition.params.values():
        allowed = " | ".join(p.choices) or p.rule.limits
        note = f"; {allowed}" if allowed else ""
        lines.append(f"  {option(p.name)}: {p.rule.help} (default {_default(p)}{note})")
    return lines


def _aliases(definition: Definition) -> list[str]:
    names = [f"{alias} ({binding})" if binding else alias for alias, binding in definition.aliases.items()]
    return ["", f"Also called: {', '.join(names)}"] if names else []


def option(name: str) -> str:
    """The command-line option of a parameter."""
    return "--" + name.replace("_", "-")
