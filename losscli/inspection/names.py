"""What names of columns tell: keys, weights, parts of the data, forms of predictions, and what belongs together."""

import re
from collections.abc import Sequence

from losscli.columns import USUAL, USUAL_VECTORS
from losscli.formats import Reader
from losscli.literals import is_integer

_KEYS = ("", "id", "ids", "index", "idx", "key", "uuid", "guid", "row")
_WEIGHTS = ("weight", "weights", "w", "sample_weight", "sample_weights")
_MASKS = ("mask", "valid", "is_valid")
_PARTS = ("split", "fold", "group", "subset", "partition", "cohort", "segment", "set")
_DATES = ("date", "time", "timestamp", "datetime")
VARIANCES = ("variance", "var", "pred_var", "y_var", "pred_variance")
_WORD = re.compile(r"[^a-z0-9]+|(?<=[a-z])(?=[0-9])")


def is_key(name: str) -> bool:
    """Whether a column is called like one that says which row is which."""
    return name.lower() in _KEYS or name.lower().endswith("_id")


def is_weight(name: str) -> bool:
    return name.lower() in _WEIGHTS or name.lower().endswith("_weight")


def is_mask(name: str) -> bool:
    return name.lower() in _MASKS


def is_part(name: str) -> bool:
    return name.lower() in _PARTS or name.lower().endswith(("_group", "_split", "_fold"))


def is_date(name: str) -> bool:
    return name.lower() in _DATES


def is_usual(name: str, role: str) -> bool:
    """Whether it is found for the role without being named."""
    return name.lower() in USUAL.get(role, (role,))


def form_said(name: str) -> str:
    """The form that the name of a prediction tells: `logits`, `log_probs`, `percent`, `probs` or nothing."""
    words = set(_WORD.split(name.lower()))
    if words & {"logprob", "logprobs", "logp"} or ("log" in words and words & {"prob", "probs", "proba", "p"}):
        return "log_probs"
    if words & {"logit", "logits"}:
        return "logits"
    if words & {"pct", "percent", "percentage"} or "%" in name:
        return "percent"
    return "probs" if words & {"prob", "probs", "proba", "probability"} else ""


def stem_of(name: str) -> str:
    """`p` of `p_cat`; nothing for a name of its own."""
    return name.rpartition("_")[0]


def is_aside(name: str) -> bool:
    """Whether a column is told by its name to be neither a prediction nor a target."""
    return is_key(name) or is_weight(name) or is_mask(name) or is_part(name) or is_date(name) or name in VARIANCES


def groups_of(reader: Reader, numeric: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Columns of numbers that belong together, by their name: `p_cat`, `p_dog`; `0`, `1`; all of a file without names;
    and in a file with names those that are called like nothing else, if they are several.
    """
    names = [column.name for column in reader.columns]
    if not reader.headed:
        return {"": tuple(numeric)} if len(numeric) > 1 and len(numeric) == len(names) else {}
    free = [j for j in numeric if not (is_aside(names[j]) or any(is_usual(names[j], role) for role in USUAL))]
    found: dict[str, list[int]] = {}
    for j in free:
        found.setdefault("0" if is_integer(names[j]) else stem_of(names[j]), []).append(j)
    groups = {stem: tuple(several) for stem, several in found.items() if stem and len(several) > 1}
    grouped = {j for several in groups.values() for j in several}
    rest = tuple(j for j in free if j not in grouped)
    return groups | ({"*": rest} if len(rest) > 1 else {})


def is_usual_stem(stem: str, role: str) -> bool:
    """Whether a group of columns is found for the role without being named."""
    return stem.lower() in USUAL_VECTORS.get(role, (role,)) or (stem == "0" and role == "pred")
