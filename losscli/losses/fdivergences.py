"""Divergences without a logarithm: a value a row."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from losscli.kinds import CATEGORICAL
from losscli.lazy import np
from losscli.losses.cross_entropies import Form
from losscli.losses.separable import over_classes
from losscli.losses.stable import over, times
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

_FORMS_OF = ":form=logits", ":form=log_probs"


def _symmetric_in_probs(*, form: str, **_: Any) -> str:
    return "symmetric" if form == "probs" else ""


@loss(
    CATEGORICAL,
    task="divergence",
    aliases=("hellinger_distance",),
    also=tuple(f"hellinger{form}" for form in _FORMS_OF),
    properties=_symmetric_in_probs,
    bounds=(0.0, 1.0),
)
def hellinger(pred: "Array", target: "Array", *, form: Form = "probs") -> Yields:
    """Hellinger distance: √(½ Σ_j (√p_j - √t_j)²) over the classes = √(1 - Σ √(p_j t_j)); from 0 to 1.

    With form=logits p = softmax(pred), with form=log_probs p = exp(pred). Targets are class indices or names, or rows t
    that sum to 1. One value a row. With H the distance, gradient with form=probs (1 - √(t/p)) / (4H), curvature
    √(t/p) / (8 p H) less the squared gradient over H; with the other forms by the chain rule.

    Use it when distributions are compared as equals by a distance that is finite where a class is missing from one.
    Not when confident errors should cost without limit: the most it says is 1.
    Assumes roots of probabilities as points on a sphere, whose lengths are 1: the chord between them, squared, is
    1 + 1 - 2 Σ √(p t), and half of that is the square of this.
    Good: symmetric, keeps the triangle inequality, at most 1; exact where p is near t.
    Beware: its slope does not vanish on the way to p = t, as that of any distance; not convex.
    Kinks: at p = t, with slope 0.
    Related: its square is alpha_divergence:alpha=0.5 divided by 4, and 1 - exp(-½ renyi:order=0.5); between
    total_variation / √2 and √total_variation.
    Elsewhere: some leave out the ½, or the root.
    Reference: Hellinger (1909), doi:10.1515/crll.1909.136.210.

    >>> losscli.evaluate("hellinger", pred=[[1, 0]], target=[[0, 1]]).value
    1.0
    """
    halved = over_classes(form, pred, target, _hellinger_parts)
    distance = np.sqrt(next(halved))
    yield distance
    column, is_same = distance[:, None], (distance == 0)[:, None]
    slope = np.where(is_same, 0.0, next(halved) / (2 * column))
    yield slope
    yield np.where(is_same, 0.0, next(halved) / (2 * column) - slope * (slope / column))


def _hellinger_parts(t: "Array", p: "Array", log_p: "Array", lacking: "Array") -> Iterator[Any]:
    """Of half the squared distance of the roots, whose difference is that of the shares over their sum."""
    root, roots = np.sqrt(p), np.sqrt(p) + np.sqrt(t)
    apart = np.where(roots > 0, (p - t) / roots, 0.0)
    yield apart * apart / 2
    yield np.where(roots > 0, apart / root, 1.0) / 2, apart * root / 2
    yield over(over(np.sqrt(t), root), p) / 4, np.sqrt(t) * root / 4


@loss(
    CATEGORICAL,
    task="divergence",
    aliases=("tv", "total_variation_distance"),
    also=tuple(f"total_variation{form}" for form in _FORMS_OF),
    properties=lambda *, form: "convex symmetric" if form == "probs" else "",
    bounds=(0.0, 1.0),
)
def total_variation(pred: "Array", target: "Array", *, form: Form = "probs") -> Yields:
    """Total variation: ½ Σ_j |p_j - t_j| over the classes; from 0 to 1.

    With form=logits p = softmax(pred), with form=log_probs p = exp(pred). Targets are class indices or names, or rows t
    that sum to 1. One value a row. Gradient with form=probs s/2, with s = sign(p - t), with form=log_probs p s/2, with
    form=logits p (s - Σ p s)/2; curvature with form=probs 0.

    Use it when the question is by how much any event's probability can differ: that is the value.
    Not when probabilities are to be fitted by gradients: the slope is the same however small the difference.
    Assumes nothing; it is the largest of P(A) - T(A) over all sets A of classes, which is where p exceeds t.
    Good: symmetric, a distance, at most 1, easily told to others.
    Beware: a class of 1e-9 that is predicted as 0 costs 5e-10; no proper score on outcomes.
    Kinks: where some p_j = t_j, with slope 0 for that class.
    Related: half the sum of absolute errors of a row; at most √(½ kl).
    Elsewhere: without the ½ it is the L1 distance, from 0 to 2.
    Reference: Gibbs and Su (2002), doi:10.1111/j.1751-5823.2002.tb00178.x.

    >>> losscli.evaluate("total_variation", pred=[[0.5, 0.5, 0]], target=[[0.25, 0.5, 0.25]]).value
    0.25
    """
    yield from over_classes(form, pred, target, _variation_parts)


def _variation_parts(t: "Array", p: "Array", log_p: "Array", lacking: "Array") -> Iterator[Any]:
    difference = p - t
    yield np.abs(difference) / 2
    yield np.sign(difference) / 2, p * np.sign(difference) / 2
    yield np.zeros_like(p), np.zeros_like(p)


@loss(
    CATEGORICAL,
    task="divergence",
    aliases=("chi2", "pearson_chi_squared", "chi_square"),
    also=tuple(f"chi_squared{form}" for form in _FORMS_OF),
    properties="convex differentiable",
)
def chi_squared(pred: "Array", target: "Array", *, form: Form = "probs") -> Yields:
    """Pearson's chi-squared divergence: Σ_j (t_j - p_j)² / p_j over the classes, with 0²/0 = 0.

    With form=logits p = softmax(pred), with form=log_probs p = exp(pred). Targets are class indices or names, or rows t
    that sum to 1. One value a row. Gradient with form=probs 1 - t²/p², with form=log_probs p - t²/p; curvature with
    form=probs 2t²/p³, with form=log_probs p + t²/p; with form=logits by the chain rule.

    Use it when observed shares t are held against expected ones p, and rare classes should count by their rarity.
    Not when expected shares come near 0: one class then decides.
    Assumes counts about their means n p with variances n p, as a Poisson count has: squared standard errors add up to
    n Σ (t - p)²/p.
    Good: convex in probabilities, log-probabilities and logits; exact where p is near t; n times it is the statistic of
    Pearson's test.
    Beware: infinite where p is 0 and t is not, and near that very large; asymmetric.
    Related: alpha_divergence:alpha=2 is half of it; near p = t twice kl; exp(renyi:order=2) - 1.
    Elsewhere: scipy's chisquare takes counts and expects n p; Neyman's divides by t instead.
    Reference: Pearson (1900), doi:10.1080/14786440009463897.

    >>> losscli.evaluate("chi_squared", pred=[[0.25, 0.75]], target=[[0.5, 0.5]]).value
    0.3333333333333333
    """
    yield from over_classes(form, pred, target, _chi_parts)


def _chi_parts(t: "Array", p: "Array", log_p: "Array", lacking: "Array") -> Iterator[Any]:
    difference = p - t
    is_lost = (t > 0) & (p < 1e-307)  # a p that was computed has few digits left there, or none
    square = np.where(is_lost, np.exp(2 * np.log(t) - log_p), times(t, t / p))
    yield np.where(is_lost, square, np.where(difference == 0, 0.0, difference * (difference / p)))
    ratio = over(t, p)
    slope = np.where(p == t, 0.0, difference / p * (1 + ratio))
    yield slope, np.where(is_lost, 0 - square, difference * (1 + ratio))
    yield 2 * over(ratio * ratio, p), 2 * square
