"""Kinds of losses of a distribution that is predicted: by a place and a scale, or by the members of an ensemble."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from losscli.errors import InputError
from losscli.kinds.checks import as_rows, floats, within
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
    """Members (n, m), one a column, and outcomes (n,); (n,) is one member."""
    members, target = (floats(np.atleast_1d(a)) for a in arrays)
    members, target = members[:, None] if members.ndim == 1 else members, as_rows(target)
    if members.ndim != 2 or target.shape != (len(members),):
        found = f"pred {members.shape}, target {target.shape}"
        raise InputError(f"shapes differ: {found}; a column a member and one outcome a row are needed")
    least = 2 if params["estimator"] == "fair" else 1
    if members.shape[1] < least:
        raise InputError("estimator=fair compares members with one another: two columns of pred are needed, or more")
    dtypes = [np.asarray(a).dtype for a in arrays]
    return [within(*g, params, allow_inf) for g in zip(roles, (members, target), dtypes, strict=True)]


def _sample_ensemble(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    center, spread = rng.normal(size=n) * 3, np.exp(rng.normal(size=n))
    members = center[:, None] + spread[:, None] * rng.normal(size=(n, max(outputs, 2)))
    return [members, center + spread * rng.normal(size=n)]


_ENSEMBLE = (Role("pred", vector=True), Role("target"))
ENSEMBLE = Kind(
    "ensemble",
    "pred: (n, m), a column a member; target: (n,), what came",
    _ENSEMBLE,
    partial(_check_ensemble, _ENSEMBLE),
    _sample_ensemble,
)
