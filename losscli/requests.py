"""What is asked for in one evaluation, and what of it goes together."""

from collections.abc import Mapping, Sequence
from os.path import realpath
from typing import Any

from losscli.columns import MASK, WEIGHT
from losscli.errors import UsageError
from losscli.finals import Wanted
from losscli.objectives import Objective, parse
from losscli.registry import Loss

_CHOICES = {"reduction": ("mean", "sum", "none"), "missing": ("error", "drop"), "ids": ("error", "intersect")}


def objectives_of(loss: Any) -> list[Objective]:
    several = [loss] if isinstance(loss, (str, Loss, Objective)) else list(loss)
    if not several:
        raise UsageError("no loss is given")
    return [_objective(one) for one in several]


def _objective(one: "str | Loss | Objective") -> Objective:
    if isinstance(one, Loss):
        return Objective(((1.0, one),))
    return parse([one])[0] if isinstance(one, str) else one


def names_of(names: "str | int | Sequence[str | int]") -> list[str]:
    return [str(names)] if isinstance(names, (str, int)) else [str(name) for name in names]


def check_choices(**said: str) -> None:
    """Refuse a word that is not one of those an argument takes."""
    for name, word in said.items():
        if word not in _CHOICES[name]:
            raise UsageError(f"{name} '{word}': it is one of {', '.join(_CHOICES[name])}")


def columns_of(loss: Loss, columns: "Mapping[str, Any] | None") -> dict[str, list[str]]:
    """The columns that are named, by role."""
    for role in columns or {}:
        if role not in (*loss.kind.role_names, WEIGHT, MASK):
            raise UsageError(f"columns: {loss.name} has no role '{role}'")
    return {role: names_of(names) for role, names in (columns or {}).items()}


def check_request(objectives: Sequence[Objective], reduction: str, wanted: Wanted, block: int) -> None:
    first = objectives[0].losses[0]
    for objective in objectives:
        _check_objective(objective, first, reduction, wanted)
        if objectives.count(objective) > 1:
            raise UsageError(f"{objective} is asked for twice")
    if len(objectives) > 1 and wanted.outputs:
        raise UsageError(f"{wanted.outputs[0]} can hold one loss only; {len(objectives)} are given")
    if len({realpath(path) for path in wanted.outputs}) < len(wanted.outputs):
        raise UsageError(f"{wanted.outputs[0]} is named for two outputs")
    if block < 1 or wanted.worst < 0 or (wanted.limit or 0) < 0:
        raise UsageError("block must be at least 1, worst and limit at least 0")


def _check_objective(objective: Objective, first: Loss, reduction: str, wanted: Wanted) -> None:
    for loss in objective.losses:
        if loss.kind.role_names != first.kind.role_names:
            raise UsageError(_other_roles(first, loss))
    if reduction != "mean" and objective.is_aggregate:
        raise UsageError(f"{objective} is an aggregate: it has one value, of --reduction mean only")
    if objective.is_gathered:
        _check_gathered(objective, reduction, wanted)
    for loss in objective.losses:
        if lack := loss.definition.lacks(max(wanted.orders, default=0)):
            raise UsageError(lack)
    if len(objective.terms) > 1 and objective.is_aggregate and wanted.lists:
        raise UsageError(f"{objective} has no losses of samples, as it has an aggregate term: list each by itself")


def _other_roles(first: Loss, other: Loss) -> str:
    """Why two losses are not evaluated side by side: what each of them takes."""
    one, another = first.kind.role_names, other.kind.role_names
    more = [role for role in another if role not in one] if {*one} < {*another} else []
    takes = f"also takes {', '.join(more)}" if more else f"takes {', '.join(another)}"
    return f"{first.name} takes {', '.join(one)}; {other.name} {takes}: evaluate them one by one"


def _check_gathered(objective: Objective, reduction: str, wanted: Wanted) -> None:
    is_grouped = any(loss.scope == "group" for loss in objective.losses)
    of = "of its groups" if is_grouped else "of the whole"
    if objective.is_sum and is_grouped:
        raise UsageError(f"{objective}: a sum takes losses of rows and of the whole: evaluate the one {of} by itself")
    if wanted.lists or reduction == "none":
        raise UsageError(f"{objective} has a value {of}, and none of single rows to list")


def check_groups(group: str, sliced: bool, objectives: Sequence[Objective]) -> None:
    """A column of groups is for losses that have them; slices are of losses of rows."""
    losses = [loss for objective in objectives for loss in objective.losses]
    if group and not any(loss.scope == "group" for loss in losses):
        raise UsageError(f"--group-col is for losses that have a value a group, and {losses[0].name} has none")
    for loss in losses:
        if sliced and loss.scope != "row":
            raise UsageError(f"--by compares the losses of rows, and {loss.name} has none; take --where for one slice")


def check_roles(loss: Loss, given: Mapping[str, Any]) -> None:
    names = loss.kind.role_names
    for role in given:
        if role not in (*names, WEIGHT, MASK):
            hint = f"; say it in the SPEC: '{loss.name}:{role}=…'" if role in loss.params else ""
            raise UsageError(f"{loss.name} takes {', '.join(names)}, not {role}{hint}")
    if names[0] not in given:
        raise UsageError(f"{loss.name} needs {names[0]}{loss.kind.roles[0].instead}")
    if sum(isinstance(data, str) and data == "-" for data in given.values()) > 1:
        raise UsageError("'-' is standard input, which can be one file only")


def check_search(find_slices: bool, objectives: Sequence[Objective], reduction: str) -> None:
    if find_slices and reduction == "none":
        raise UsageError("--find-slices needs a value, and --reduction none has none")
    for objective in objectives:
        if find_slices and (objective.is_aggregate or objective.is_gathered):
            raise UsageError(f"--find-slices compares the losses of samples, and {objective} has an aggregate term")


def check_normalize(normalize: bool, wanted: Wanted) -> None:
    """The chain rule through the division needs more than the diagonal of a Hessian, and is not gone through."""
    if normalize and wanted.orders:
        raise UsageError(
            "--normalize and derivatives exclude one another: they are with respect to the predictions as given, "
            "before the division; divide the rows in the file"
        )
