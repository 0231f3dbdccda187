"""Kinds of losses that compare embeddings: a vector a row, two or three of them side by side."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from losscli.errors import InputError
from losscli.kinds.checks import as_rows, check_same_shape, floats, within
from losscli.kinds.domains import Kind, Params, Role, Values
from losscli.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def check_vectors(roles: Sequence[Role], arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    """Arrays (n, d) of one shape; (n,) is (n, 1)."""
    dtypes = [a.dtype for a in arrays]
    arrays = [floats(np.atleast_1d(a)) for a in arrays]
    arrays = [a[:, None] if a.ndim == 1 else a for a in arrays]
    check_same_shape(roles, arrays)
    if arrays[0].shape[1] == 0:
        raise InputError(f"{roles[0].name} has no columns")
    return [within(*given, params, allow_inf) for given in zip(roles, arrays, dtypes, strict=True)]


def near_by(rng: "np.random.Generator", vectors: "Array", reach: float) -> "Array":
    """Vectors at distances of up to about `reach` from the given ones."""
    n, d = vectors.shape
    near: Array = vectors + rng.normal(size=(n, d)) * rng.uniform(0.1, 1.5, size=(n, 1)) * (reach / d**0.5)
    return near


def _check_pairs(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    pair = check_vectors(_PAIR, arrays[:2], params, allow_inf)
    label = floats(as_rows(arrays[2]))
    if label.shape != (len(pair[0]),):
        raise InputError(f"left has {len(pair[0])} rows, label has shape {label.shape}; one label a pair is needed")
    return [*pair, within(_LABEL, label, label.dtype, params, allow_inf)]


def _sample_pairs(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    left = rng.normal(size=(n, max(outputs, 2)))
    return [left, near_by(rng, left, params["margin"]), rng.integers(0, 2, n).astype(np.float64)]


_PAIR = (Role("left", vector=True), Role("right", vector=True))
_LABEL = Role("label", Values((0.0, 1.0)), hint="; 0 says similar, 1 dissimilar")
PAIRS = Kind(
    "pairs",
    "left and right: (n, d), a vector a row; label: (n,), 0 for a similar pair, 1 for a dissimilar one",
    (*_PAIR, _LABEL),
    _check_pairs,
    _sample_pairs,
    ("left", "right"),
)


def _check_triplets(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    return check_vectors(_TRIPLET, arrays, params, allow_inf)


def _sample_triplets(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    anchor = rng.normal(size=(n, max(outputs, 2)))
    return [anchor, near_by(rng, anchor, params["margin"]), near_by(rng, anchor, 2 * params["margin"])]


_TRIPLET = tuple(Role(name, vector=True) for name in ("anchor", "positive", "negative"))
TRIPLETS = Kind(
    "triplets",
    "anchor, positive and negative: (n, d), a vector a row",
    _TRIPLET,
    _check_triplets,
    _sample_triplets,
    ("anchor", "positive", "negative"),
)
