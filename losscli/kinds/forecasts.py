"""Kinds of losses of a distribution that is predicted: by a place and a scale, or by the members of an ensemble."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from losscli.errors import InputError
from losscli.kinds.checks import floats, within
from losscli.kinds.domains import POSITIVE, Kind, Params, Role
from losscli.kinds.elements import check_residual, sample_residual, shape_of
from losscli.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def _sample_scaled(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    return [*sample_residual(rng, params, n, outputs), np.exp(rng.normal(size=shape_of(n, outputs)))]


_SCALED = (Role("pred"), Role("target"), Role("scale", POSITIVE, ordered=False))
SCALED = Kind(
    "scaled",
    "pred, target and scale: (n,) or (n, d), all of one shape; depends on pred - target and the scale",
    _SCALED,
    partial(check_residual, _SCALED),
    _sample_scaled,
)


def _check_ensemble(roles: Sequence[Role], arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    """Members (n, m · d), the d numbers of one side by side, and outcomes, (n, d) or for d = 1 (n,).

    An array of one dimension is a column.
    """
    is_vector = roles[1].vector
    pred, target = (floats(np.atleast_1d(a)) for a in arrays)
    pred, wide = (a[:, None] if a.ndim == 1 else a for a in (pred, target))
    size = wide.shape[1] if wide.ndim == 2 else 0
    if pred.ndim != 2 or len(pred) != len(wide) or not size or pred.shape[1] % size or (size > 1 and not is_vector):
        needed = "as many columns a member as target has" if is_vector else "a column a member and one outcome a row"
        raise InputError(f"shapes differ: pred {pred.shape}, target {target.shape}; {needed}")
    if pred.shape[1] < (2 * size if params["estimator"] == "fair" else 1):
        raise InputError(f"estimator=fair compares members: two at least are needed, {2 * size} columns of pred")
    checked = (pred, wide if is_vector else wide[:, 0])
    dtypes = [np.asarray(a).dtype for a in arrays]
    return [within(*given, params, allow_inf) for given in zip(roles, checked, dtypes, strict=True)]


def _sample_ensemble(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    center, spread = rng.normal(size=n) * 3, np.exp(rng.normal(size=n))
    members = center[:, None] + spread[:, None] * rng.normal(size=(n, max(outputs, 2)))
    return [members, center + spread * rng.normal(size=n)]


_MEMBERS = Role("pred", vector=True, entries="the members")
_ENSEMBLE = (_MEMBERS, Role("target"))
ENSEMBLE = Kind(
    "ensemble",
    "pred: (n, m), a column a member; target: (n,), what came",
    _ENSEMBLE,
    partial(_check_ensemble, _ENSEMBLE),
    _sample_ensemble,
)


def _sample_vectors(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    size = max(outputs, 2)
    center, spread = rng.normal(size=(n, 1, size)) * 3, np.exp(rng.normal(size=(n, 1, 1)))
    vectors = center + spread * rng.normal(size=(n, 4, size))
    return [np.ascontiguousarray(vectors[:, :3]).reshape(n, -1), vectors[:, 3].copy()]


_VECTORS = (_MEMBERS, Role("target", vector=True, entries="what came"))
VECTOR_ENSEMBLE = Kind(
    "vector ensemble",
    "pred: (n, m * d), member after member, the d columns of each side by side; target: (n, d), what came",
    _VECTORS,
    partial(_check_ensemble, _VECTORS),
    _sample_vectors,
)
