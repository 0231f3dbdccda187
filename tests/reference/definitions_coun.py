"""Counts, amounts and forecasts from their mathematical definitions: nothing here knows how losscli computes."""

from collections.abc import Mapping, Sequence

from mpmath import erf, exp, isinf, log, log1p, loggamma, mpf, pi, sqrt

from tests.reference.exact import Definition, Kink, Number

Row = Sequence[Number]


def _times(weight: Number, cost: Number) -> Number:
    """0 · ∞ is 0: what does not happen costs nothing."""
    return weight * cost if weight else mpf(0)


def _ln(x: Number) -> Number:
    return log(x) if x > 0 else mpf("-inf")


# Counts and amounts


def _poisson_nll(pred: Number, target: Number, *, form: str, full: bool) -> list[Number]:
    rate, log_rate = (pred, _ln(pred)) if form == "rate" else (exp(pred), pred)
    return [rate, -_times(target, log_rate), loggamma(target + 1) if full else mpf(0)]


def _poisson_nll_size(pred: Number, target: Number, *, form: str, full: bool) -> Number:
    """Of a rate nothing may be lost beside ln t!: minus the logarithm of a probability is never negative."""
    terms = _poisson_nll(pred, target, form=form, full=full)
    return abs(sum(terms)) if full and form == "rate" else sum(abs(term) for term in terms)


def _poisson_deviance(pred: Number, target: Number) -> list[Number]:
    return [2 * (_times(target, log(target / pred) if target and pred else mpf("inf")) - target + pred)]


def _gamma_nll(pred: Number, target: Number) -> list[Number]:
    return [target / pred, log(pred)]


def _gamma_deviance(pred: Number, target: Number) -> list[Number]:
    return [2 * (log(pred / target) + target / pred - 1)]


def _tweedie_terms(pred: Number, target: Number, power: Number) -> list[Number]:
    a, b = 1 - power, 2 - power
    return [2 * target**b / (a * b), -2 * target * pred**a / a, 2 * pred**b / b]


def _tweedie_deviance(pred: Number, target: Number, *, power: Number) -> list[Number]:
    if power == 0:
        return [(pred - target) ** 2]
    if power == 1:
        return _poisson_deviance(pred, target)
    if power == 2:
        return _gamma_deviance(pred, target)
    if pred == 0:
        return [_times(target, mpf("inf"))]
    if pred == target:
        return [mpf(0)]
    return [sum(_tweedie_terms(pred, target, power))]


def _tweedie_curvature_size(pred: Number, target: Number, role: int, k: int | None, *, power: Number) -> Number:
    return 2 * pred**-power * (abs(1 - power) + power * target / pred) if power else mpf(2)


# Of a place and a scale


def _laplace_nll(pred: Number, target: Number, scale: Number, *, full: bool) -> list[Number]:
    return [abs(pred - target) / scale, log(scale), log(mpf(2)) if full else mpf(0)]


def _laplace_kinks(*, full: bool) -> list[Kink]:
    return [Kink((2.5, 2.5, 0.5), (0.0,), (0.0,))]


def _laplace_curvature_size(
    pred: Number, target: Number, scale: Number, role: int, k: int | None, *, full: bool
) -> Number:
    """It is 0, of which a difference of quotients leaves its last digits."""
    return 1 / (scale * min(scale, abs(pred - target) or scale))


def _student_t_nll(pred: Number, target: Number, scale: Number, *, df: Number) -> list[Number]:
    z = (pred - target) / scale
    if isinf(df):
        return [z**2 / 2, log(scale), log(2 * pi) / 2]
    constant = loggamma(df / 2) - loggamma((df + 1) / 2) + log(df * pi) / 2
    return [(df + 1) / 2 * log1p(z**2 / df), log(scale), constant]


def _student_t_curvature_size(
    pred: Number, target: Number, scale: Number, role: int, k: int | None, *, df: Number
) -> Number:
    """The curvature is ν - z² over what is never negative."""
    z = (pred - target) / scale
    return scale**-2 if isinf(df) else (df + 1) / (df + z**2) / scale**2


def _crps_normal(pred: Number, target: Number, scale: Number) -> list[Number]:
    u = (target - pred) / scale
    return [scale * u * erf(u / sqrt(mpf(2))), scale * exp(-(u**2) / 2) * sqrt(2 / pi), -scale / sqrt(pi)]


def _crps_normal_curvature_size(pred: Number, target: Number, scale: Number, role: int, k: int | None) -> Number:
    """Far out a difference leaves its last digits."""
    return (exp(-(((pred - target) / scale) ** 2) / 2) + mpf(10) ** -70) / scale


# Of members


def _crps_ensemble(pred: Row, target: Number, *, estimator: str) -> list[Number]:
    m = len(pred)
    pairs = m * (m - 1) if estimator == "fair" else m * m
    apart = sum(abs(x - y) for x in pred for y in pred)
    return [sum(abs(x - target) for x in pred) / m - apart / (2 * pairs)]


def _crps_ensemble_slope_size(pred: Row, target: Number, role: int, k: int | None, *, estimator: str) -> Number:
    """Slopes are whole multiples of this, or 0; so are curvatures, which are 0."""
    return mpf(1) / len(pred) ** 2


def _crps_ensemble_kinks(*, estimator: str) -> list[Kink]:
    """A member that is the outcome, and members that are equal."""
    if estimator == "fair":
        return [Kink(([2.5, 3.0], 2.5), ([0.5, 0.0],)), Kink(([2.5, 2.5], 1.0), ([0.5, 0.5],))]
    return [Kink(([2.5, 3.0], 2.5), ([0.25, 0.25],)), Kink(([2.5, 2.5], 1.0), ([0.5, 0.5],))]


def _apart(x: Row, y: Row) -> Number:
    return sqrt(sum((a - b) ** 2 for a, b in zip(x, y, strict=True)))


def _energy_score(pred: Row, target: Row, *, estimator: str) -> list[Number]:
    size = len(target)
    members = [pred[k : k + size] for k in range(0, len(pred), size)]
    m = len(members)
    pairs = m * (m - 1) if estimator == "fair" else m * m
    return [_apart(x, target) / m for x in members] + [-_apart(x, y) / (2 * pairs) for x in members for y in members]


def _energy_score_kinks(*, estimator: str) -> list[Kink]:
    """Members that are equal, and one that is the outcome; the pair has neither slope nor curvature."""
    both = Kink(([0.0, 0.0, 0.0, 0.0], [3.0, 4.0]), ([-0.3, -0.4, -0.3, -0.4],))
    return [both, Kink(([3.0, 4.0], [3.0, 4.0]), ([0.0, 0.0],))] if estimator == "biased" else [both]


TWEEDIE = 100.0  # powers, and near p = t a difference of terms ten times as large: still 1e-13
BELL = 3000.0  # exp(-u²/2) multiplies the rounding of u by u², which is 1400 where the density underflows

DEFINITIONS: Mapping[str, Definition] = {
    "poisson_nll": Definition(_poisson_nll, alone=True, size=_poisson_nll_size),
    "poisson_deviance": Definition(_poisson_deviance, alone=True),
    "gamma_nll": Definition(_gamma_nll, alone=True),
    "gamma_deviance": Definition(_gamma_deviance, alone=True),
    "tweedie_deviance": Definition(_tweedie_deviance, alone=True, curvature_size=_tweedie_curvature_size, ulps=TWEEDIE),
    "laplace_nll": Definition(_laplace_nll, alone=True, curvature_size=_laplace_curvature_size, kinks=_laplace_kinks),
    "student_t_nll": Definition(_student_t_nll, curvature_size=_student_t_curvature_size, ulps=8.0),
    "crps_normal": Definition(_crps_normal, curvature_size=_crps_normal_curvature_size, ulps=BELL),
    "crps_ensemble": Definition(
        _crps_ensemble,
        rowwise=True,
        slope_size=_crps_ensemble_slope_size,
        curvature_size=_crps_ensemble_slope_size,
        kinks=_crps_ensemble_kinks,
    ),
    "energy_score": Definition(_energy_score, rowwise=True, alone=True, kinks=_energy_score_kinks, ulps=8.0),
}
