"""What there is to know of a loss, as data: its docstring taken apart, its parameters, names and shape."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from losscli.literals import canonical
from losscli.parameters import Parameter
from losscli.registry import PROPERTIES, Definition, get

# How a paragraph of a docstring begins, and what it is called on a card. The first that has no such beginning tells of
# the derivatives.
SECTIONS = {
    "Use it ": "Use",
    "Not ": "Not",
    "Assumes ": "Assumes",
    "Good:": "Good",
    "Beware:": "Beware",
    "Ends:": "Ends",
    "Kinks:": "Kinks",
    "Related:": "Related",
    "Elsewhere:": "Elsewhere",
    "Reference:": "Reference",
}
_BEGINNING = re.compile("|".join(map(re.escape, SECTIONS)))
_SCOPES = {
    "row": "a value a sample; their weighted mean, or with --reduction sum the weighted sum of all elements",
    "aggregate": "an aggregate: one value of the weighted sums of the samples' terms; it has no sum over samples",
    "group": "a value a complete group of rows, which --group-col names (all rows where it does not); their weighted "
    "mean or sum, where a group's weight is that of each of its rows. The rows are held, up to --max-bytes",
    "whole": "one value of all rows, which are held, up to --max-bytes; it has no sum over samples",
}
_BETTER = {"lower": "lower", "zero": "nearer to zero", "higher": "higher"}


class Example(NamedTuple):
    """A call of `losscli.evaluate`, and the value it gives."""

    code: str
    value: str


class Card(NamedTuple):
    """A loss: `formula` is its first line, `text` what follows it, `sections` by the names of SECTIONS."""

    definition: Definition
    formula: str
    text: str
    sections: Mapping[str, str]
    example: Example | None

    @property
    def shape(self) -> str:
        """row, aggregate, group or whole."""
        return "aggregate" if self.definition.finish else self.definition.scope

    @property
    def reduction(self) -> str:
        """How values of samples become one."""
        switch = self.definition.row_when
        also = f"; with {switch[0]}={switch[1]} a value a sample" if switch else ""
        return _SCOPES[self.shape] + also

    @property
    def facts(self) -> str:
        """Properties at the default parameters, the least and the largest value, and which is better."""
        loss = get(self.definition.name)
        low, high = (canonical(float(end)) for end in loss.bounds)
        kept = [word for word in PROPERTIES if word in loss.properties]
        ends = [f"at least {low}"] * (low != "-inf") + [f"at most {high}"] * (high != "inf")
        better = f"{_BETTER[self.definition.better]} is better"
        return "; ".join(filter(None, [", ".join(kept), " and ".join(ends), better]))


def card_of(definition: Definition) -> Card:
    """The card of a loss."""
    formula, *rest = definition.doc.split("\n")
    lines, example = _without_example(rest)
    found = dict(_sections(lines))
    return Card(definition, formula.removesuffix("."), found.pop(""), found, example)


def _without_example(lines: list[str]) -> tuple[list[str], Example | None]:
    starts = [k for k, line in enumerate(lines) if line.startswith(">>> ")]
    if not starts:
        return lines, None
    at = starts[0]
    code = [line[4:] for line in lines[at:] if line.startswith((">>> ", "... "))]
    value = [line for line in lines[at:] if line and not line.startswith((">>> ", "... "))]
    return lines[:at], Example(" ".join(part.strip() for part in code), "\n".join(value))


def _sections(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Paragraphs by what they are called, each in one line; what has no name of its own is called ""."""
    name, parts = "", list[str]()
    for line in lines:
        if match := _BEGINNING.match(line):
            yield name, " ".join(parts)
            name, parts = SECTIONS[match[0]], [line.removeprefix(match[0]).strip()]
        elif line.strip():
            parts.append(line.strip())
    yield name, " ".join(parts)


def default_of(parameter: Parameter) -> str:
    return canonical(parameter.default)


def facts_of(definition: Definition) -> dict[str, Any]:
    """A loss as JSON holds it: in a list, and with `sections` and `example` where it is explained."""
    loss = get(definition.name)
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
        "shape": card_of(definition).shape,
        "summary": definition.summary,
        "properties": [word for word in PROPERTIES if word in loss.properties],
        "bounds": list(loss.bounds),
        "better": definition.better,
        "derivatives": not definition.underived,
    }


def explained(definition: Definition) -> dict[str, Any]:
    """All there is to know of a loss, as JSON holds it."""
    card = card_of(definition)
    return {
        **facts_of(definition),
        "bound": dict(definition.aliases),
        "text": card.text,
        "sections": {name.lower(): text for name, text in card.sections.items()},
        "arrays": definition.kind.shapes,
        "reduction": card.reduction,
        "example": card.example._asdict() if card.example else None,
    }
