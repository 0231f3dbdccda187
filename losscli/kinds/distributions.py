"""Kinds of losses that compare distributions as such: rows of probabilities, histograms, measures, samples."""

from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any

from losscli.errors import InputError
from losscli.kinds.checks import as_rows, check_elements
from losscli.kinds.classes import CATEGORICAL, PROBABILITIES
from losscli.kinds.domains import FORMS, UNIT, Interval, Kind, Params, Role
from losscli.kinds.elements import shape_of
from losscli.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def _check_distributions(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    """Rows of probabilities on both sides: no labels, which would be rows that are 0 almost everywhere."""
    pred, target = arrays
    if np.ndim(pred) == 2 and np.ndim(target) < 2:
        raise InputError(
            f"target has shape {np.shape(target)}; a distribution a row is needed, a column a class, not labels"
        )
    return CATEGORICAL.check([pred, target], params, allow_inf)


def _sample_distributions(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    pred, _ = CATEGORICAL.sample(rng, params, n, outputs)
    return [pred, rng.dirichlet(np.full(pred.shape[1], 0.5), n)]


_PRED = Role("pred", FORMS, vector=True)
DISTRIBUTIONS = Kind(
    "distributions",
    "pred: (n, C), a column a class; target: (n, C), rows that sum to 1",
    (_PRED, Role("target", UNIT, vector=True)),
    _check_distributions,
    _sample_distributions,
)


def _check_distribution(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    """The prediction alone, as if its first class had always come true, which all rows allow."""
    never_asked = np.zeros(len(np.atleast_1d(arrays[0])), np.intp)
    return CATEGORICAL.check([arrays[0], never_asked], params, allow_inf)[:1]


def _sample_distribution(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    return CATEGORICAL.sample(rng, params, n, outputs)[:1]


DISTRIBUTION = Kind(
    "distribution",
    "pred: (n, C), a column a class; no target",
    (_PRED,),
    _check_distribution,
    _sample_distribution,
)


def _check_histograms(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    """Probabilities of a column a bin, and the numbers that the bins stand for."""
    shape = np.shape(arrays[0])
    if len(shape) != 2 or shape[1] < 2:
        raise InputError(f"pred has shape {shape}; a column a bin is needed: (n, C) with C at least 2")
    support = params["support"]
    if support is not None:
        _check_support(np.atleast_1d(support), shape[1])
    return PROBABILITIES.check(arrays, params, allow_inf)


def _check_support(support: "Array", bins: int) -> None:
    if len(support) != bins:
        raise InputError(
            f"shapes differ: pred has {bins} columns, support {len(support)}; one number a column is needed"
        )
    if not (np.isfinite(support).all() and (np.diff(support) > 0).all()):
        raise InputError("support must rise from column to column, by finite numbers: put the columns in that order")


def _sample_histograms(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    """As many bins as the support has numbers; where it has none, any number."""
    given = params["support"]
    return PROBABILITIES.sample(rng, params, n, max(outputs, 2) if given is None else len(given))


HISTOGRAMS = Kind(
    "histograms",
    "pred: (n, C), a column a bin; target: (n,) bin indices or names, or (n, C) rows that sum to 1",
    PROBABILITIES.roles,
    _check_histograms,
    _sample_histograms,
)


def _check_samples(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    """One column of numbers each; a row of one has nothing to do with the same row of the other but its weight."""
    if params.get("support") is not None:
        raise InputError("support is for mode=histogram: samples are numbers themselves")
    for role, array in zip(_SAMPLES, arrays, strict=True):
        if np.ndim(as_rows(array)) > 1:
            raise InputError(f"{role.name} has shape {np.shape(array)}; a sample is one column: (n,)")
    return check_elements(_SAMPLES, arrays, params, allow_inf)


def _sample_samples(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    return [rng.normal(size=n) * 3, rng.normal(size=n) * 2 + 1]


_SAMPLES = (Role("pred"), Role("target"))
SAMPLES = Kind(
    "samples",
    "pred and target: (n,), two samples whose rows are not paired",
    _SAMPLES,
    _check_samples,
    _sample_samples,
)


def _sample_measures(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    target = rng.gamma(0.7, 3.0, shape_of(n, outputs))
    near = target * np.exp(rng.normal(size=target.shape) * rng.choice([1e-3, 1.0], size=target.shape))
    return [near, np.where(rng.random(target.shape) < 0.1, 0.0, target)]


_MASS = Interval(0.0, inf)
_MEASURES = tuple(Role(name, _MASS, hint="; a measure holds no negative mass") for name in ("pred", "target"))
MEASURES = Kind(
    "measures",
    "pred and target: (n, d), a measure over d cells a row; (n,) has one cell a row",
    _MEASURES,
    partial(check_elements, _MEASURES),
    _sample_measures,
)
