"""Divergences made of powers of the shares, t^α p^(1-α): a value a row."""

from collections.abc import Iterator
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from losscli.kinds import CATEGORICAL, DISTRIBUTIONS
from losscli.lazy import np
from losscli.losses.cross_entropies import Form, one_hot, softmax
from losscli.losses.separable import lacking_of_softmax, log_ratio, over_classes
from losscli.losses.stable import others_of, over, row_sum, times
from losscli.losses.units import Units, in_units
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array


@loss(
    DISTRIBUTIONS,
    task="divergence",
    aliases=("alpha",),
    also=(
        "alpha_divergence:alpha=0",
        "alpha_divergence:form=logits,alpha=0.25",
        "alpha_divergence:form=log_probs,alpha=1",
        "alpha_divergence:alpha=2",
        "alpha_divergence:alpha=-0.5",
    ),
    properties=lambda *, form, alpha: (
        ("symmetric " if alpha == 0.5 and form == "probs" else "")
        + ("convex differentiable" if form == "probs" or alpha >= 1 else "differentiable")
    ),
)
def alpha_divergence(
    pred: "Array",
    target: "Array",
    *,
    form: Form = "probs",
    alpha: Annotated[float, Param("1 is kl, 0 reverse_kl, 0.5 their symmetric middle", gt=-inf, lt=inf)] = 0.5,
) -> Yields:
    """Alpha divergence: Σ_j (α t_j + (1-α) p_j - t_j^α p_j^(1-α)) / (α (1-α)) over the classes, with α = alpha.

    For rows that sum to 1 it is (1 - Σ t^α p^(1-α)) / (α (1-α)).
    With form=logits p = softmax(pred), with form=log_probs p = exp(pred). Targets are rows t that sum to 1. One value a
    row. Gradient with form=probs (1 - (t/p)^α) / α, curvature (t/p)^α / p; with the other forms by the chain rule.

    Use it when the choice between covering all of t (α from 1 on) and keeping to its modes (α up to 0) is to be tried.
    Not when targets are 0 for some class and α <= 0, or predictions where the target is not and α >= 1: infinite.
    Assumes nothing; of the divergences that stay the same when classes are split in proportion it is the one family
    that, between masses, is also a Bregman divergence.
    Good: never negative, each class by itself, so exact where p is near t; convex in p and in t.
    Beware: the value's scale changes with α, its order of models too.
    Ends: at α = 1 kl, at α = 0 reverse_kl, each as generalised to masses: with Σ (p - t) or its opposite added, which
    is 0 for distributions.
    Related: alpha=0.5 is 4 hellinger², alpha=2 half of chi_squared, alpha=-1 half of Neyman's.
    Elsewhere: Amari's own α is 1 - 2α of this one, or its opposite.
    Reference: Cichocki and Amari (2010), doi:10.3390/e12061532; Minka (2005), MSR-TR-2005-173.

    >>> losscli.evaluate("alpha_divergence", pred=[[0, 1]], target=[[1, 0]]).value
    4.0
    """
    yield from over_classes(form, pred, target, partial(_alpha_parts, alpha))


def _alpha_parts(alpha: float, t: "Array", p: "Array", log_p: "Array", lacking: "Array") -> Iterator[Any]:
    shares = Shares.of(t, p, log_p)
    r = shares.r
    yield _alpha_terms(shares, alpha)
    slope = (0 - np.expm1(alpha * r)) / alpha if alpha else 0 - r
    slope = np.where((t == 0) & (p == 0), 0.0, slope)
    yield slope, times(p, slope)
    power = np.where((t == 0) & (p == 0), 0.0, np.exp(alpha * r))
    yield over(power, p), times(p, power)


_SMALL = 0.5  # sizes of r and α r up to which the series is taken
_TERMS = 18  # of the series


class Shares(NamedTuple):
    """Two shares, their logarithms, and the logarithm of the quotient of the first and the second."""

    t: "Array"
    p: "Array"
    log_t: "Array"
    log_p: "Array"
    r: "Array"

    @staticmethod
    def of(t: "Array", p: "Array", log_p: "Array") -> "Shares":
        return Shares(t, p, np.log(t), log_p, log_ratio(t, p, log_p))

    @property
    def swapped(self) -> "Shares":
        return Shares(self.p, self.t, self.log_p, self.log_t, 0 - self.r)


def _alpha_terms(shares: Shares, alpha: float) -> "Array":
    """(α t + β p - t^α p^β) / (α β) with β = 1 - α; below α = ½ with t and p in each other's place.

    Near t = p it is p Σ c_k r^k/k! from k = 2 on, with c_k = 1 + α + … + α^(k-2). Elsewhere (p - t + y) / α with
    y = (t - t^α p^β) / β = t r (exp(-β r) - 1) / (-β r), which has the limit t r for β = 0.
    """
    if alpha < 0.5:
        return _alpha_terms(shares.swapped, 1 - alpha)
    t, p, _, _, r = shares
    beta = 1 - alpha
    is_near = np.abs(r) * max(alpha, 1.0) < _SMALL
    x, series, weights = np.where(is_near, r, 0.0), np.zeros_like(r), [1.0]
    for _ in range(_TERMS):
        weights.append(1 + alpha * weights[-1])
    for k in range(_TERMS, -1, -1):
        series = series * x / (k + 3) + weights[k]
    near = p * (x * x / 2) * series
    shift = 0 - beta * r if beta else np.zeros_like(r)
    direct = np.where(shift == 0, times(t, r), times(t, r) * (np.expm1(shift) / shift))
    y = np.where(np.abs(shift) > 1, (t - _power(shares, alpha)) / (beta or 1.0), direct)
    return np.where(is_near, near, (p - t + np.where(t == 0, 0.0, y)) / alpha)


def _power(shares: Shares, alpha: float) -> "Array":
    """t^α p^(1-α); by logarithms where a share that was computed may have lost its digits."""
    t, p, log_t, log_p, _ = shares
    plain = t**alpha * p ** (1 - alpha)
    is_plain = (p > 1e-300) & (t > 1e-300) & (plain > 1e-300) & (plain < 1e300)
    by_logs = np.exp(alpha * log_t + ((1 - alpha) * log_p if alpha != 1 else 0.0))
    return np.where(is_plain, plain, by_logs)


@loss(
    CATEGORICAL,
    task="divergence",
    aliases=("renyi_divergence",),
    also=("renyi:order=2", "renyi:form=logits,order=1", "renyi:form=log_probs,order=3", "renyi:order=0.9,units=bits"),
    properties=lambda *, form, order, **_: (
        ("symmetric " if order == 0.5 and form == "probs" else "")
        + ("convex differentiable" if form == "probs" or order >= 1 else "differentiable")
    ),
)
def renyi(
    pred: "Array",
    target: "Array",
    *,
    form: Form = "probs",
    order: Annotated[float, Param("the power α of t; 1 is kl, 0.5 symmetric", gt=0, lt=inf)] = 0.5,
    units: Units = "nats",
) -> Yields:
    """Rényi divergence: ln(Σ_j t_j^α p_j^(1-α) / Σ_j t_j) / (α - 1) over the classes, with α = order.

    With form=logits p = softmax(pred), with form=log_probs p = exp(pred). Targets are class indices or names, or rows t
    that sum to 1. One value a row; units=bits divides by ln 2. With w the shares t^α p^(1-α) divided by their sum,
    gradient with form=probs -w/p, with form=log_probs -w, with form=logits p - w; curvature with form=probs
    (α w - (α-1) w²) / p², with form=log_probs (α-1) w (1-w).

    Use it when the worst ratios t/p should count more (α > 1) or less (α < 1) than in kl.
    Not when contributions of classes are wanted: it is no sum over classes.
    Assumes nothing but that information of independent parts adds up: of the mean of (t/p)^(α-1) under t, in which kl
    takes the logarithm first, it is the logarithm, divided by α - 1.
    Good: never falls with α; independent distributions add up; finite below α = 1 unless no class is shared.
    Beware: infinite from α = 1 on where p is 0 and t is not; for one class that is certain it is -ln p, whatever α.
    Ends: at α = 1 kl; at α → 0 minus the logarithm of what p gives to classes that t holds possible.
    Related: order=0.5 is -2 ln(1 - hellinger²), order=2 is ln(1 + chi_squared).
    Elsewhere: with p and t in each other's place where the first argument is the model.
    Reference: van Erven and Harremoës (2014), doi:10.1109/TIT.2014.2320500.

    >>> losscli.evaluate("renyi:order=2,units=bits", pred=[[0.5, 0.5]], target=[[1, 0]]).value
    1.0
    """
    yield from in_units(_RENYI[form](pred, one_hot(target, pred.shape[1]), order), units)


def _renyi_of_probs(p: "Array", t: "Array", order: float) -> Yields:
    p = np.abs(p)  # -0.0 is 0.0 too
    value, w = _renyi(t, p, np.log(p), t - p, order)
    yield value
    yield np.where((p == 0) & (t > 0), -np.inf, 0 - over(w, p))
    curvature = over(over(w * (order - (order - 1) * w), p), p)
    yield np.where((p == 0) & (t > 0), np.inf, curvature)


def _renyi_of_log_probs(log_p: "Array", t: "Array", order: float) -> Yields:
    value, w = _renyi(t, np.exp(log_p), log_p, t - np.exp(log_p), order)
    yield value
    yield 0 - w
    yield (order - 1) * w * others_of(w)


def _renyi_of_logits(z: "Array", t: "Array", order: float) -> Yields:
    p, log_p = softmax(z)
    value, w = _renyi(t, p, log_p, lacking_of_softmax(t), order)
    yield value
    p_not, w_not = others_of(p), others_of(w)
    yield p * w_not - w * p_not
    yield (order - 1) * w * w_not + p * p_not


_RENYI = {"probs": _renyi_of_probs, "logits": _renyi_of_logits, "log_probs": _renyi_of_log_probs}


def _renyi(t: "Array", p: "Array", log_p: "Array", lacking: "Array", order: float) -> "tuple[Array, Array]":
    """The divergence, and the shares w that its derivatives are made of.

    Σ t^α p^β / Σt is 1 + (α-1) E with E = (Σ α D_j + Σ (t - p)) / Σt and D_j the terms of the alpha divergence, which
    are never negative; where that is far from 1, the logarithm of the sum is taken from logarithms.
    """
    shares, total = Shares.of(t, p, log_p), row_sum(t)
    terms, r, log_t = _alpha_terms(shares, order), shares.r, shares.log_t
    excess = row_sum(np.concatenate([order * terms, lacking], axis=1)) / total
    exponents = np.where(t == 0, -np.inf, log_t + (order - 1) * r if order != 1 else log_t)
    top = exponents.max(axis=1, keepdims=True)
    parts = np.where(exponents == top, 1.0, np.exp(exponents - top))
    logarithm = top[:, 0] + np.log(row_sum(parts)) - np.log(total)
    weights = parts / row_sum(parts)[:, None]
    if order == 1:
        return excess, weights
    grown = (order - 1) * excess
    near = np.log1p(grown) / (order - 1)
    return np.where(np.abs(grown) < 0.5, near, logarithm / (order - 1)), weights
