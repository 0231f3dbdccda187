"""Deviances: twice what a log-likelihood loses against its best, which a prediction of the target itself has."""

from math import inf
from typing import TYPE_CHECKING, Annotated

from losscli.exact import two_product
from losscli.kinds import AMOUNTS, RATES, TWEEDIE
from losscli.lazy import np
from losscli.losses.regression import mse
from losscli.losses.stable import divergence, over, row_sum, times
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

_ORDINARY = 690.0  # e^690 and e^-690 are far from the ends of the range


def ln_ratio(t: "Array", p: "Array") -> "Array":
    """The logarithm of t/p: of the quotient where that is an ordinary number."""
    apart = np.log(t) - np.log(p)
    return np.where(np.abs(apart) < _ORDINARY, np.log(t / p), apart)


def _scaled(t: "Array", p: "Array") -> "tuple[Array, Array, Array]":
    """Both 2^shift times as large, the larger near 1, and the shift; a smaller one that loses digits does not count."""
    shift = -np.frexp(np.maximum(t, p))[1]
    return np.ldexp(t, shift), np.ldexp(p, shift), shift


def excess(t: "Array", p: "Array", log_ratio: "Array") -> "Array":
    """T ln(t/p) + p - t, also of the largest and of the smallest numbers: it is s times as large when both are."""
    t, p, shift = _scaled(t, p)
    found: Array = np.ldexp(_divergence(t, p, log_ratio), -shift)
    return found


def _divergence(t: "Array", p: "Array", log_ratio: "Array") -> "Array":
    """`divergence`, and where p is not near t with what the quotient, the product and the differences lose: they are
    several times as large as what they add up to.
    """
    value, ratio = divergence(t, p, log_ratio), t / p
    far = (np.abs(np.log2(ratio)) > 1) & (np.abs(log_ratio) < _ORDINARY)
    if far.any():
        t, p, ratio, log_ratio = t[far], p[far], ratio[far], log_ratio[far]
        (back, lost), (high, low) = two_product(ratio, p), two_product(t, log_ratio)
        value[far] = row_sum(np.stack([p, -t, high, low, (t - back) - lost], axis=1))
    return value


def short(p: "Array", t: "Array") -> "Array":
    """1 - t/p as one rounding of the difference has it; 1 where both are 0, as it is wherever t is 0."""
    return np.where(t == 0, 1.0, (p - t) / p)


def _poisson(pred: "Array", target: "Array") -> "Array":
    return 2 * excess(target, pred, ln_ratio(target, pred))


def _gamma(pred: "Array", target: "Array") -> "Array":
    """With target and prediction in each other's place it is p times half the deviance."""
    p, t, _ = _scaled(pred, target)
    return 2 * (_divergence(p, t, ln_ratio(pred, target)) / p)


@loss(
    RATES,
    task="distribution",
    aliases=("mean_poisson_deviance",),
    properties="convex differentiable",
)
def poisson_deviance(pred: "Array", target: "Array") -> Yields:
    """Poisson deviance: 2 (t ln(t/p) - t + p), with p the predicted rate and t the count; 2p where t is 0.

    Gradient 2 (1 - t/p), curvature 2t/p². On (n, d) a sample's loss is the mean over its d outputs.

    Use it when targets are counts or rates and models are compared: it is 0 for a perfect prediction, never negative.
    Not when targets may be negative, or when amounts rather than counts scatter in proportion to their size: then
    gamma_deviance.
    Assumes a variance that is proportional to the mean. For Poisson counts -ln P(t) = p - t ln p + ln t! is least at
    p = t; the deviance is twice what a prediction has above that least value.
    Good: exact where p is near t; the mean is its minimiser; twice as large when rates and counts are, so linear in the
    unit.
    Beware: a rate of 0 where a count is not 0 is an infinite loss; a count of 0 costs 2p, however small the rate.
    Related: tweedie_deviance with power=1; twice poisson_nll up to terms of t; twice the generalised Kullback-Leibler
    divergence of a rate from a count.
    Elsewhere: scikit-learn's mean_poisson_deviance refuses a rate of 0; its d2_tweedie_score with power=1 is 1 minus
    this over that of the mean.
    Reference: Nelder and Wedderburn (1972), Generalized linear models, doi:10.2307/2344614.

    >>> losscli.evaluate("poisson_deviance", pred=[2.0, 1.0, 3.0], target=[0, 1, 3]).value
    1.3333333333333333
    """
    yield _poisson(pred, target)
    yield 2 * short(pred, target)
    yield 2 * over(over(target, pred), pred)


@loss(AMOUNTS, task="distribution", aliases=("mean_gamma_deviance", "gamma-deviance"), properties="differentiable")
def gamma_deviance(pred: "Array", target: "Array") -> Yields:
    """Gamma deviance: 2 (ln(p/t) + t/p - 1), with p the predicted mean and t the amount.

    Gradient 2 (p - t)/p², curvature 2 (2t - p)/p³. On (n, d) a sample's loss is the mean over its d outputs.

    Use it when targets are positive amounts over several sizes, and what counts is the error as a share.
    Not when targets may be 0: there is no finite value; take tweedie_deviance with a power between 1 and 2.
    Assumes a standard deviation that is proportional to the mean. Minus the gamma log-likelihood per unit of shape,
    t/p + ln p, is least at p = t; the deviance is twice what a prediction has above that least value.
    Good: the same in every unit; 0 for a perfect prediction and never negative, exact where p is near t.
    Beware: too small a prediction costs t/p, too large a one only its logarithm; not convex in p beyond 2t.
    Related: tweedie_deviance with power=2; twice gamma_nll up to terms of t; the Itakura-Saito distance, twice.
    Elsewhere: scikit-learn's mean_gamma_deviance. XGBoost's gamma-deviance adds 1e-6 to both; LightGBM's
    gamma_deviance is the sum over the rows, not the mean.
    Reference: McCullagh and Nelder (1989), Generalized Linear Models, doi:10.1201/9780203753736.

    >>> losscli.evaluate("gamma_deviance", pred=[4, 4], target=[4, 8]).value
    0.30685281944005466
    """
    yield _gamma(pred, target)
    yield 2 * (short(pred, target) / pred)
    yield 4 * ((target - pred / 2) / pred) / pred / pred


_NEAR = 0.125  # |p - t| / p, times the size of 2 - power, up to which the series is taken
_TERMS = 18  # of the series: each is an eighth of the one before at most


def _mean_series(x: "Array", b: float) -> "Array":
    """∫ (r - m) m^(b-2) dm from 1 to r = 1 + x: the binomial series of (1 + x)^b without its first two terms, over
    b (b - 1).
    """
    series = np.zeros_like(x)
    for k in reversed(range(2, 2 + _TERMS)):
        series = (series * x * (b - k)) / (k + 1) + 1.0
    return x * x / 2 * series


def _tweedie(pred: "Array", target: "Array", power: float) -> "Array":
    """2 p^(2-ρ) times ∫ (r - m) m^-ρ dm from 1 to r = t/p, for ρ > 1 and not 2; far from r = 1 with what is largest
    taken out, p^(2-ρ), t p^(1-ρ) or t^(2-ρ), and through expm1(a ln r)/a, which has a limit at a = 0.
    """
    a, b = 1 - power, 2 - power
    r = target / pred
    x = (target - pred) / pred
    near = np.abs(x) * max(1.0, abs(b)) < _NEAR
    log_r = ln_ratio(target, pred)
    above = np.expm1(np.where(r > 1, -log_r, 0.0))  # 1/r - 1
    below = np.where(r < 1, log_r, 0.0)
    if abs(b) >= 0.5:
        up = (np.expm1(a * log_r) / a + above) / b
        down = (times(r, np.expm1(a * below) / a) - (r - 1)) / b
    else:
        up = (np.exp(-log_r) * np.expm1(b * log_r) / b + above) / a
        down = (np.expm1(b * below) / b - (r - 1)) / a
    if b < 0:
        down = (-np.expm1(-b * below) / b - np.exp(-b * below) * (r - 1)) / a
    part = np.where(near, _mean_series(np.where(near, x, 0.0), b), np.where(r > 1, up, down))
    above, base = ~near & (r > 1), np.where(near | (b > 0), pred, target)
    root = np.where(above, pred ** (a / 2), base ** (b / 2))
    value = 2 * times(times(part, np.where(above, target * root, root)), root)
    return np.where(pred == 0, np.where(target == 0, 0.0, inf), value)


def _undefined(power: float) -> str | None:
    between = 0 < power < 1
    return f"power={power:g}: there is no such distribution; power is 0, or from 1 on" if between else None


@loss(
    TWEEDIE,
    task="distribution",
    also=("tweedie_deviance:power=0", "tweedie_deviance:power=1", "tweedie_deviance:power=2.75"),
    conflicts=_undefined,
    properties=lambda power: "convex differentiable" + " symmetric" * (power == 0) if power <= 1 else "differentiable",
)
def tweedie_deviance(
    pred: "Array",
    target: "Array",
    *,
    power: Annotated[
        float, Param("power of the mean that the variance is proportional to: 0, or from 1 on", ge=0, le=10)
    ] = 1.5,
) -> Yields:
    """Tweedie deviance: 2 (t^(2-ρ)/((1-ρ)(2-ρ)) - t p^(1-ρ)/(1-ρ) + p^(2-ρ)/(2-ρ)), with p the mean, t the amount.

    Gradient 2 (p - t) p^-ρ, curvature 2 p^-ρ (1 - ρ + ρ t/p). power=ρ is 0, or from 1 to 10; between 0 and 1 no such
    distribution exists. From 1 up to 2 targets may be 0, which costs 2 p^(2-ρ)/(2-ρ).
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when many targets are exactly 0 and the rest positive amounts, such as claims per policy or rainfall per day:
    ρ between 1 and 2.
    Not when you only have counts (poisson_deviance) or no zeros (gamma_deviance).
    Assumes a variance proportional to the mean to the power ρ: 2 ∫ (t - m) m^-ρ dm from p to t, which is twice what the
    log-likelihood of such an exponential family loses against its best, at p = t. Between 1 and 2 that is the sum of a
    Poisson number of gamma amounts.
    Good: exact where p is near t; the mean is its minimiser for every power; 0 for a perfect prediction and never
    negative.
    Beware: values for different powers are in different units, the target's to the power 2 - ρ, and cannot be compared;
    choose ρ by likelihood or from the scatter. For ρ > 1 not convex in p beyond t ρ/(ρ-1). A prediction of 0 with a
    target that is not is an infinite loss.
    Ends: ρ = 0 is mse, 1 poisson_deviance, 2 gamma_deviance, 3 the inverse Gaussian's (p - t)²/(t p²); the value runs
    through them without a jump.
    Related: mse, poisson_deviance and gamma_deviance, for one ρ each; d2 has them as a share of the best constant's.
    Elsewhere: scikit-learn's mean_tweedie_deviance has power=0 unless told otherwise, and refuses predictions of 0 from
    power 1 on. LightGBM and XGBoost have 1.5, and leave out the term of t alone: their values may be negative.
    Reference: Jørgensen (1987), Exponential dispersion models, doi:10.1111/j.2517-6161.1987.tb01685.x.

    >>> losscli.evaluate("tweedie_deviance", pred=[4.0, 1.0], target=[1.0, 0.0]).value
    3.0
    """
    if power in _NAMED:
        yield from _NAMED[power](pred, target)
        return
    yield _tweedie(pred, target, power)
    half, share = pred ** ((1 - power) / 2), over(target, pred)
    yield 2 * times(times(short(pred, target), half), half)
    yield 2 * (times(times(1 - power + power * share, half), half) / pred)


_NAMED = {0.0: mse, 1.0: poisson_deviance, 2.0: gamma_deviance}
