"""Ensembles: forecasts that are a set of equally likely values, or vectors, of what may come."""

from math import inf
from typing import TYPE_CHECKING, Annotated, Literal

from losscli.kinds import ENSEMBLE, VECTOR_ENSEMBLE
from losscli.lazy import np
from losscli.losses.stable import others_of, row_sum
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

_LARGE = 2.0**1000  # from where on the distance of two numbers may be larger than any
_Estimator = Annotated[
    Literal["biased", "fair"], Param("of the members as they are, or fair to the distribution they are drawn from")
]


@loss(
    ENSEMBLE,
    task="distribution",
    aliases=("ContinuousRankedProbabilityScore",),
    also=("crps_ensemble:estimator=fair",),
    degree=1,
)
def crps_ensemble(
    pred: "Array",
    target: "Array",
    *,
    estimator: _Estimator = "biased",
) -> Yields:
    """CRPS of an ensemble: mean_i |x_i - t| - ½ mean_ij |x_i - x_j|, with x the members, t what came.

    A column of predictions is a member, of m. With estimator=fair the second mean is over pairs of different members:
    their sum over m (m-1), not m².
    Gradient in x_i: sign(x_i - t)/m - (members below less members above)/m², or /(m (m-1)) if fair; curvature 0.

    Use it when a forecast is a set of equally likely values, such as runs of a weather model or draws of a posterior.
    Not when the members are quantiles at given levels: then the mean of quantile over the levels.
    Assumes nothing of the errors: it is ∫ (F(x) - [x ≥ t])² dx for the members' distribution function F. estimator=fair
    is what that is expected to be for infinitely many members.
    Good: in the target's unit; of one member it is mae; never negative, and summed here over the gaps between sorted
    members, so without cancelling.
    Beware: biased scores are lower for more members drawn from one distribution: compare ensembles of different sizes
    with estimator=fair, which needs two members at least. Not convex in the members together.
    Kinks: where a member is the outcome, or two members are equal; each such pair counts 0 there.
    Related: mae with one member; half the square of energy_distance between the members and the outcome.
    Elsewhere: biased is scoringrules' estimators nrg, qd and int, properscoring's crps_ensemble and torchmetrics'
    ContinuousRankedProbabilityScore; fair is scoringrules' fair and pwm.
    Reference: Gneiting and Raftery (2007), doi:10.1198/016214506000001437; Ferro (2014), Fair scores for ensemble
    forecasts, doi:10.1002/qj.2270.

    >>> losscli.evaluate("crps_ensemble", pred=[[1.0, 2.0, 4.0]], target=[2.5]).value
    0.5
    """
    m = pred.shape[1]
    pairs = m * (m - 1) if estimator == "fair" else m * m
    yield _gaps(pred, target, estimator == "fair")
    below = np.stack([(pred < pred[:, [i]]).sum(axis=1) for i in range(m)], axis=1)
    above = np.stack([(pred > pred[:, [i]]).sum(axis=1) for i in range(m)], axis=1)
    yield ((pairs // m) * np.sign(pred - target[:, None]) - (below - above)) / pairs
    yield np.zeros_like(pred)


def _gaps(pred: "Array", target: "Array", is_fair: bool) -> "Array":
    """∫ (F(x) - [x ≥ t])² dx, gap by gap between the sorted members.

    With k of m members below it, what of a gap is below the outcome counts (k/m)² times, what is above it (1 - k/m)²
    times; fair are k (k-1) / (m (m-1)) and (m-k) (m-k-1) / (m (m-1)).
    """
    top = np.maximum(np.abs(pred).max(axis=1), np.abs(target))
    shift = np.where(top > _LARGE, -8, 0)[:, None]
    x, t = np.ldexp(np.sort(pred, axis=1), shift), np.ldexp(target[:, None], shift)
    m, inside = pred.shape[1], np.clip(t, x[:, :-1], x[:, 1:])
    k = np.arange(1, m)
    lower, upper = (k * (k - 1), (m - k) * (m - k - 1)) if is_fair else (k * k, (m - k) ** 2)
    pairs = m * (m - 1) if is_fair else m * m
    parts = [np.maximum(x[:, :1] - t, 0), np.maximum(t - x[:, -1:], 0)]
    parts += [(inside - x[:, :-1]) * (lower / pairs), (x[:, 1:] - inside) * (upper / pairs)]
    summed: Array = np.ldexp(row_sum(np.concatenate(parts, axis=1)), -shift[:, 0])
    return summed


@loss(
    VECTOR_ENSEMBLE,
    task="distribution",
    aliases=("es_ensemble",),
    also=("energy_score:estimator=fair",),
    degree=1,
    bounds=lambda estimator: (-inf if estimator == "fair" else 0.0, inf),
)
def energy_score(pred: "Array", target: "Array", *, estimator: _Estimator = "biased") -> Yields:
    """Energy score: mean_i |x_i - t| - ½ mean_ij |x_i - x_j|, with members x and outcome t, vectors.

    |v| is the length of a vector. A row of predictions holds member after member, each with as many columns as the
    target has: the m members are as many as the prediction's columns over the target's.
    With estimator=fair the second mean is over pairs of different members.
    Gradient in x_i: u(x_i - t)/m - Σ_j u(x_i - x_j)/m², or over m (m-1) if fair, with u(v) = v/|v|; curvature likewise
    with (1 - u²)/|v|.

    Use it when a forecast is a set of equally likely vectors, such as weather at several places, and how their entries
    go together counts.
    Not when the entries are in different units: the largest decide; divide by their deviations first.
    Assumes nothing of the errors: it is E|X - t| - ½ E|X - X'| for vectors drawn from the members. estimator=fair is
    what that is expected to be for infinitely many members.
    Good: a proper score of several quantities at once, in their unit; with one entry it is crps_ensemble.
    Beware: less sensitive to wrong correlations than to wrong places; biased scores are lower for more members drawn
    from one distribution. With estimator=fair, which needs two members at least, it may be a little below 0.
    Kinks: where a member is the outcome, or two members are equal: such a pair has slope and curvature 0.
    Related: crps_ensemble, of one entry; with one member the length of its error.
    Elsewhere: scoringrules' es_ensemble, whose estimator nrg is biased here.
    Reference: Gneiting and Raftery (2007), Strictly proper scoring rules, doi:10.1198/016214506000001437.

    >>> losscli.evaluate("energy_score", pred=[[3.0, 4.0, 0.0, 0.0]], target=[[0.0, 0.0]]).value
    1.25
    """
    n, size = target.shape
    shift = np.where(np.maximum(np.abs(pred).max(axis=1), np.abs(target).max(axis=1)) > _LARGE, -8, 0)[:, None]
    x, t = np.ldexp(pred, shift).reshape(n, -1, size), np.ldexp(target, shift)
    m = x.shape[1]
    pairs = m * (m - 1) if estimator == "fair" else m * m
    lengths = [_length(x - t[:, None])[..., 0] / m]
    lengths += [-_length(x[:, i + 1 :] - x[:, [i]])[..., 0] / pairs for i in range(m - 1)]
    yield np.ldexp(row_sum(np.concatenate(lengths, axis=1)), -shift[:, 0])
    units, bends = np.zeros_like(x), np.zeros_like(x)
    for other, share in [(t, 1 / m), *((x[:, i], -1 / pairs) for i in range(m))]:
        apart = x - other[:, None]
        length = _length(apart)
        unit = np.where(length == 0, 0.0, apart / length)
        across = others_of((unit * unit).reshape(-1, size)).reshape(x.shape)  # 1 - u²
        units += share * unit
        bends += share * np.where(length == 0, 0.0, across / length)
    yield units.reshape(pred.shape)
    yield np.ldexp(bends.reshape(pred.shape), shift)


def _length(vectors: "Array") -> "Array":
    """(…, 1): the length of each vector, scaled so that no square leaves the range."""
    shift = np.frexp(np.abs(vectors).max(axis=-1, keepdims=True))[1]
    scaled = np.ldexp(vectors, -shift)
    length: Array = np.ldexp(np.sqrt((scaled * scaled).sum(axis=-1, keepdims=True)), shift)
    return length
