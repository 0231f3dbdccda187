"""What numbers look like that a role does not allow: the likely meaning, for the hint behind a refusal."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from losscli.kinds.domains import UNIT, Params, Role
from losscli.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

_NEAR = 0.005  # how far from 1 each number may take a row's sum for it to look like probabilities: two decimals
_FURTHEST = 0.1
_LEAST_PERCENTAGE = 20.0  # logits without a negative one among them are hardly ever as large
_LOGITS = "; if these are logits, say --form logits"
_PERCENTAGES = "; these look like percentages: divide them by 100"
_DIVIDE = "; --normalize divides each row by its sum"
_TWO = "; only classes 0 and 1 are told apart here: more need predictions of a column a class"
_VOID = 255.0
_IGNORED = "; if that is for what nobody knows, --ignore-index 255 leaves it out"
_CODINGS = {  # of targets that are to lie in [0, 1]
    (-1.0, 1.0): "; targets of -1 and 1 must be written as 0 and 1",
    (1.0, 2.0): "; targets of 1 and 2 must be written as 0 and 1",
    (0.0, 255.0): "; masks of 0 and 255 must be divided by 255",
}


def add_up(rows: "Array", total: float = 1.0) -> bool:
    """Whether each row's numbers add up to the total, roughly."""
    near = min(_NEAR * rows.shape[1] * 1.000001, _FURTHEST)
    return bool((np.abs(rows.sum(axis=1) - total) <= near * total).all())


def are_probabilities(values: "Array") -> bool:
    """Whether all lie in [0, 1], and where a row is a distribution add up to 1."""
    inside = bool((values >= 0).all() and (values <= 1).all())
    return inside and (values.ndim == 1 or add_up(values))


def are_log_probabilities(rows: "Array") -> bool:
    """Whether no value is positive and the exponentials of each row add up to 1."""
    return bool((rows <= 0).all()) and add_up(np.exp(rows))


def _are_percentages(values: "Array") -> bool:
    inside = bool((values >= 0).all() and (values <= 101).all())
    return inside and (add_up(values, 100.0) if values.ndim == 2 else bool((values > _LEAST_PERCENTAGE).any()))


def hint_at(role: Role, params: Params, values: "Array") -> str:
    """What to do about values of a role of which some lie outside its domain."""
    if isinstance(role.domain, Mapping):
        return _HINTS.get(params["form"], _no_hint)(role, values)
    if role.allowed(params) != UNIT:
        return role.hint
    if role.name == "target":
        return (
            _coded(values)
            or _void(values)
            or (_TWO if (values == np.rint(values)).all() and (values >= 0).all() else role.hint)
        )
    return _coded(values) or (_PERCENTAGES if _are_percentages(values) else role.hint)


def _void(values: "Array") -> str:
    """Targets that say of some pixels that nobody knows what they are."""
    is_void = values == _VOID
    return _IGNORED if is_void.any() and ((values <= 1) | is_void).all() else ""


def _no_hint(role: Role, values: "Array") -> str:
    return role.hint


def _for_probs(role: Role, values: "Array") -> str:
    rows = values if role.vector else values.ravel()
    if _are_percentages(rows):
        return _PERCENTAGES if rows.ndim == 2 else f"{_LOGITS}, if percentages, divide them by 100"
    if role.vector and are_log_probabilities(rows):
        return "; these look like log-probabilities: say --form log_probs"
    return _LOGITS + (", if log-probabilities, --form log_probs" if (rows <= 0).all() else "")


def _for_log_probs(role: Role, values: "Array") -> str:
    begin = ", so it is no log-probability"
    if "probs" not in role.domain:  # type: ignore[operator]
        are_likely = are_probabilities(values if role.vector else values.ravel())
        return begin + ("; these look like probabilities: take their logarithm" if are_likely else role.hint)
    if are_probabilities(values if role.vector else values.ravel()):
        return f"{begin}; these look like probabilities: say --form probs"
    return f"{begin}; if these are probabilities, say --form probs, if logits, --form logits"


_HINTS = {"probs": _for_probs, "log_probs": _for_log_probs}


def _coded(values: "Array") -> str:
    """Targets of two values that are written in another way."""
    ends = float(values.min()), float(values.max())
    return _CODINGS.get(ends, "") if ((values == ends[0]) | (values == ends[1])).all() else ""


def hint_at_sums(role: Role, form: str, rows: "Array") -> str:
    """What to do about rows of which some do not add up to 1, each number by itself being a probability."""
    if form != "probs":
        return role.hint or _LOGITS
    if (rows == np.rint(rows)).all() and role.name == "target":
        return "; a one-hot row holds a single 1"
    return _DIVIDE
