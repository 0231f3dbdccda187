"""Kinds of losses of a pair and a sign: two scores, two vectors, or the distance of the two, with a label 1 or -1."""

from functools import partial
from typing import TYPE_CHECKING

from losscli.errors import InputError
from losscli.kinds.checks import as_rows, check_elements, check_same_shape, floats, within
from losscli.kinds.domains import Kind, Params, Role, Values
from losscli.kinds.elements import check_residual, shape_of
from losscli.kinds.vectors import check_vectors, near_by
from losscli.lazy import np

if TYPE_CHECKING:
    from losscli.kinds.domains import Array

_SIGNS = Values((-1.0, 1.0))


def _check_ranks(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    left, right, label = (as_rows(a) for a in arrays)
    label = floats(label)
    check_same_shape(_RANKS, [left, right, label])
    signs = within(_RANKS[2], label, label.dtype, params, allow_inf)
    return [*check_residual(_RANKS[:2], [left, right], params, allow_inf), signs]


def _sample_ranks(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    shape = shape_of(n, outputs)
    left, right = rng.normal(size=(2, *shape)) * 2
    return [left, right, rng.choice([-1.0, 1.0], size=shape)]


_RANKS = (
    Role("left"),
    Role("right"),
    Role("label", _SIGNS, hint="; 1 says that left is to be the higher, -1 that right is"),
)
RANKED_PAIRS = Kind(
    "ranked_pairs",
    "left, right and label: (n,) or (n, d), two scores and which is to be the higher: 1 left, -1 right; depends on "
    "left - right alone",
    _RANKS,
    _check_ranks,
    _sample_ranks,
    ("left", "right"),
)


def _check_directions(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    left, right = check_vectors(_DIRECTIONS[:2], arrays[:2], params, allow_inf)
    label = floats(as_rows(arrays[2]))
    if label.shape != (len(left),):
        raise InputError(f"left has {len(left)} rows, label has shape {label.shape}; one label a pair is needed")
    return [left, right, within(_DIRECTIONS[2], label, label.dtype, params, allow_inf)]


def _sample_directions(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    left = rng.normal(size=(n, max(outputs, 2)))
    return [left, near_by(rng, left, 2.0), rng.choice([-1.0, 1.0], size=n)]


_SIMILAR = "; 1 says similar, -1 dissimilar, so that 0/1 labels must be written as -1/1"
_DIRECTIONS = (Role("left", vector=True), Role("right", vector=True), Role("label", _SIGNS, hint=_SIMILAR))
SIGNED_PAIRS = Kind(
    "signed_pairs",
    "left and right: (n, d), a vector a row; label: (n,), 1 for a similar pair, -1 for a dissimilar one",
    _DIRECTIONS,
    _check_directions,
    _sample_directions,
    ("left", "right"),
)


def _sample_distances(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    shape = shape_of(n, outputs)
    return [np.exp(rng.normal(size=shape)), rng.choice([-1.0, 1.0], size=shape)]


_DISTANCES = (Role("pred"), Role("label", _SIGNS, hint=_SIMILAR))
SIGNED_DISTANCES = Kind(
    "signed_distances",
    "pred and label: (n,) or (n, d), the distance of a pair, and 1 for a similar pair, -1 for a dissimilar one",
    _DISTANCES,
    partial(check_elements, _DISTANCES),
    _sample_distances,
)
