"""Kinds of losses of scores that are no probabilities: a column a class, or a column a label of a set."""

from functools import partial
from typing import TYPE_CHECKING, Any

from losscli.errors import InputError
from losscli.kinds.checks import check_elements
from losscli.kinds.classes import CATEGORICAL
from losscli.kinds.domains import Kind, Params, Role, Values
from losscli.kinds.elements import shape_of
from losscli.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

_AS_LOGITS = {"form": "logits"}  # any number is a score, and they need not add up to anything
_SCORES = (Role("pred", vector=True), CATEGORICAL.roles[1])
_TARGETS = CATEGORICAL.shapes.partition("; ")[2]


def _check_scores(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    return CATEGORICAL.check(arrays, _AS_LOGITS, allow_inf)


def _sample_scores(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    return CATEGORICAL.sample(rng, _AS_LOGITS, n, outputs)


SCORES = Kind(
    "scores",
    f"pred: (n, C), a column of scores a class, the largest wins; {_TARGETS}",
    _SCORES,
    _check_scores,
    _sample_scores,
)


def _check_ranked(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    """More classes than the k of which one has to be right: of fewer it always is."""
    checked = _check_scores(arrays, params, allow_inf)
    classes, k = checked[0].shape[1], params["k"]
    if classes <= k:
        raise InputError(
            f"pred has {classes} classes, and the target is always among the best {k} of them; "
            f"say k={classes - 1} or less"
        )
    return checked


def _sample_ranked(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    return _sample_scores(rng, params, n, max(outputs, params["k"] + 1))


RANKED = Kind(
    "ranked",
    f"pred: (n, C) with C > k, a column of scores a class in any form, the largest wins; {_TARGETS}",
    _SCORES,
    _check_ranked,
    _sample_ranked,
)


def _sample_label_sets(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    shape = shape_of(n, outputs)
    return [rng.normal(size=shape) * 2, rng.integers(0, 2, shape).astype(np.float64)]


_LABEL_SETS = (
    Role("pred"),
    Role("target", Values((0.0, 1.0)), hint="; 1 says that the label holds, 0 that it does not, a column a label"),
)
LABEL_SETS = Kind(
    "label_sets",
    "pred: (n, C), a score a label, or (n,) for a single one; target: 0 or 1, in the same shape",
    _LABEL_SETS,
    partial(check_elements, _LABEL_SETS),
    _sample_label_sets,
)
