"""Counts and positive amounts: minus the log-likelihood of their distributions."""

from math import exp, factorial, inf, log, pi
from typing import TYPE_CHECKING, Annotated, Literal

from losscli.kinds import AMOUNTS, COUNTS
from losscli.lazy import np
from losscli.losses.deviances import excess, ln_ratio, short
from losscli.losses.stable import over, times
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

# ln n! - (n ln n - n): what remains of Stirling's formula, for small n from the factorials
_REMAINDERS = [log(factorial(n) / n**n * exp(n)) for n in range(16)]
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188)


def _remainder(t: "Array") -> "Array":
    """Ln t! - (t ln t - t) of whole numbers, which is never negative: for large ones ½ ln 2πt and Stirling's series."""
    large = np.maximum(t, len(_REMAINDERS))
    series, square = np.zeros_like(large), 1 / (large * large)
    for coefficient in reversed(_STIRLING):
        series = series * square + coefficient
    known = np.array(_REMAINDERS)[np.minimum(t, len(_REMAINDERS) - 1).astype(np.intp)]
    return np.where(t < large, known, np.log(large) / 2 + log(2 * pi) / 2 + series / large)


@loss(
    COUNTS,
    task="distribution",
    aliases=(
        *("PoissonNLLLoss:form=log_rate", "poisson_nll_loss:form=log_rate"),
        *("HalfPoissonLoss:form=log_rate", "HalfPoissonLossArrayAPI:form=log_rate"),
    ),
    also=("poisson_nll:form=log_rate", "poisson_nll:full=true", "poisson_nll:form=log_rate,full=true"),
    properties="convex differentiable proper",
    bounds=lambda full, **_: (0.0 if full else -inf, inf),
)
def poisson_nll(
    pred: "Array",
    target: "Array",
    *,
    form: Annotated[Literal["rate", "log_rate"], Param("what the numbers of the prediction are")] = "rate",
    full: Annotated[bool, Param("add the terms that do not depend on the prediction")] = False,
) -> Yields:
    """Poisson negative log-likelihood: p - t ln p, with p the predicted rate and t the count; 0 · ln 0 = 0.

    With form=log_rate the prediction is s = ln p: e^s - t s. full=true adds ln t!, the term that no prediction changes.
    Gradient 1 - t/p, with form=log_rate e^s - t; curvature t/p², with form=log_rate e^s.
    On (n, d) a sample's loss is the mean over its d outputs.

    Use it when targets count events, such as visits, claims or defects, and the prediction is their expected number.
    Not when counts scatter much more than their mean does; then its minimiser is still the mean, but its value is no
    likelihood. Compare models on data of their own by poisson_deviance, whose least value is 0.
    Assumes counts of independent events: P(t) = p^t e^-p / t!, so -ln P = p - t ln p + ln t!.
    Good: convex in p and in ln p; the mean is its minimiser whatever the distribution; a proper score.
    Beware: without ln t! it may be negative, and is no likelihood to compare with that of another family. A rate of 0
    where a count is not 0 is an infinite loss. Targets need not be whole, except with full=true.
    Ends: form=log_rate at s → -∞ costs -t s, so a count of 0 has no finite minimiser.
    Related: half of poisson_deviance up to terms of t; with form=log_rate the gradient is prediction minus target, as
    with half_mse and with bce on logits.
    Elsewhere: torch's PoissonNLLLoss takes log-rates unless told otherwise (its name means form=log_rate here), adds
    1e-8 to rates, and its full=True has Stirling's approximation for t > 1 in place of ln t!. Keras takes rates and
    adds 1e-7 in the logarithm. XGBoost's poisson-nloglik is full=true.
    Reference: Nelder and Wedderburn (1972), Generalized linear models, doi:10.2307/2344614.

    >>> losscli.evaluate("poisson_nll", pred=[1.0, 2.0], target=[3, 0]).value
    1.5
    """
    is_rate = form == "rate"
    rate, log_rate = (pred, np.log(pred)) if is_rate else (np.exp(pred), pred)
    if full:
        apart = np.where(rate >= 1e-300, ln_ratio(target, rate), np.log(target) - log_rate)
        value = excess(target, rate, apart) + _remainder(target)
    else:
        value = rate - times(target, log_rate)
    yield np.where(rate == inf, inf, value)
    yield short(pred, target) if is_rate else rate - target
    yield over(over(target, pred), pred) if is_rate else rate


@loss(AMOUNTS, task="distribution", aliases=("gamma-nloglik",), properties="differentiable proper", bounds=(-inf, inf))
def gamma_nll(pred: "Array", target: "Array") -> Yields:
    """Gamma negative log-likelihood: t/p + ln p, with p the predicted mean and t the amount.

    Gradient (p - t)/p², curvature (2t - p)/p³. On (n, d) a sample's loss is the mean over its d outputs.

    Use it when targets are positive amounts whose scatter grows in proportion to their mean, such as costs, waiting
    times or rainfall on wet days.
    Not when targets may be 0: then tweedie_deviance with a power between 1 and 2.
    Assumes a gamma distribution of mean p and of one shape k for all: -ln f = k (t/p + ln p) + terms of t and k. With
    k = 1, the exponential distribution, those terms are 0.
    Good: an error counts by its share of the prediction; the mean is its minimiser.
    Beware: not convex in p beyond 2t, where its slope falls; the value may be negative and depends on the unit by ln.
    Related: half of gamma_deviance up to terms of t.
    Elsewhere: XGBoost's gamma-nloglik and LightGBM's metric gamma; scikit-learn's HalfGammaLoss is this of ln p.
    Reference: McCullagh and Nelder (1989), Generalized Linear Models, doi:10.1201/9780203753736.

    >>> losscli.evaluate("gamma_nll", pred=[1.0, 1.0], target=[0.5, 2.5]).value
    1.5
    """
    yield target / pred + np.log(pred)
    yield short(pred, target) / pred
    yield 2 * ((target - pred / 2) / pred) / pred / pred
