"""Relativistic adversarial losses: how much more real than a generated sample a real one looks."""

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from losscli.exact import Exact, to_float
from losscli.kinds import COMPARISONS
from losscli.lazy import np
from losscli.losses.adversarial import Part
from losscli.losses.all_pairs import difference
from losscli.losses.overall import of_elements
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array


def _softplus(x: "Array", lost: "Array") -> "Iterator[Array]":
    """ln(1 + exp x), σ(x) and σ(x) σ(-x) of x + lost, which is x but for a rounding that exp would magnify."""
    rises = x > 0
    tail = np.exp(-np.abs(x))
    tail = tail - tail * np.where(rises, lost, 0 - lost)
    yield np.where(rises, x, 0.0) + (np.where(rises, lost, 0.0) + np.log1p(tail))
    above, below = np.where(rises, 1.0, tail) / (1 + tail), np.where(rises, tail, 1.0) / (1 + tail)
    yield above
    yield above * below


@loss(
    COMPARISONS,
    task="generative",
    aliases=("rsgan", "relativistic_standard_gan"),
    also=("relativistic_gan:part=generator",),
    properties="convex differentiable",
)
def relativistic_gan(real: "Array", fake: "Array", *, part: Part = "discriminator") -> Yields:
    """Relativistic GAN: -ln σ(C(x) - C(G)), with C(x) and C(G) a critic's scores of the real and the generated sample.

    A row is a pair: how much likelier than the generated sample of its row the real one is real, as a log-odds. With
    part=generator -ln σ(C(G) - C(x)). With u = C(x) - C(G) gradient -σ(-u) in real and σ(-u) in fake, for the generator
    σ(u) and -σ(u); curvature σ(u) σ(-u) in each. In nats. On (n, d) a sample's loss is the mean over its d places.

    Use it when generated samples that look more real are to make the real ones look less so, for the generator too.
    Not when scores are of a sigmoid's range: they are taken as they come, before it.
    Assumes pairs that are drawn at random, each σ(C(x) - C(G)) the probability that the one is likelier real: -ln of it
    is the loss, and its best critic the log of the ratio of the densities.
    Good: both parts have a gradient in both scores; stable for any difference; a shift of all scores changes nothing.
    Beware: a loss of one part says nothing of sample quality, as its opponent moves: ln 2 = 0.693 is a critic that
    scores all alike. Which real sample stands in a row with which generated one decides the value, so pairs must not be
    sorted. Values of different forms are not comparable.
    Related: gan:form=logits takes each score by itself, relativistic_average_gan each against the other side's
    mean; soft_margin of C(x) - C(G) with targets 1 is this.
    Elsewhere: a training loop writes it as torch's BCEWithLogitsLoss of the difference with targets 1.
    Reference: Jolicoeur-Martineau (2018), arXiv:1807.00734.

    >>> losscli.evaluate("relativistic_gan", real=[2, 0.5], fake=[-1, 0]).value
    0.26133216787692437
    """
    is_ours = part == "discriminator"
    better, worse = (real, fake) if is_ours else (fake, real)
    cost = _softplus(*difference(worse, better))
    yield next(cost)
    slope = next(cost)
    yield (0 - slope, slope) if is_ours else (slope, 0 - slope)
    bend = next(cost)
    yield bend, bend.copy()


@loss(
    COMPARISONS,
    task="generative",
    aliases=("rasgan", "ragan"),
    also=("relativistic_average_gan:part=generator",),
    scope="whole",
    properties="convex differentiable",
)
def relativistic_average_gan(real: "Array", fake: "Array", weight: "Array", *, part: Part = "discriminator") -> Yields:
    """Relativistic average GAN: mean of -ln σ(C(x) - mean C(G)) plus mean of -ln σ(mean C(x) - C(G)).

    C(x) and C(G) are a critic's scores of real and generated samples, each against the mean of the other side. With
    part=generator both signs are turned. One value of the whole; means are over rows, by weight, and over the d places
    of (n, d). With s a score's share of the weight, u = C(x) - mean C(G) and v = C(G) - mean C(x), gradient
    -s (σ(-u) + mean σ(v)) in real and s (σ(v) + mean σ(-u)) in fake; curvature s σ(u) σ(-u) + s² mean σ(v) σ(-v) in
    real, and likewise in fake. In nats.

    Use it when the batch that a GAN was trained on is to be evaluated as it was, as in ESRGAN.
    Not when rows are only a part of that batch: the means are then others, and so is each sample's loss.
    Assumes that a score is to be judged beside a typical one of the other side: D(x) = σ(C(x) - mean C(G)) is read as
    the probability that x is more real than that, and the loss is that of gan.
    Good: no chance in how real and generated samples are paired; a shift of all scores changes nothing.
    Beware: a loss of one part says nothing of sample quality, as its opponent moves: 2 ln 2 = 1.386 is a critic that
    scores all alike. A mean over batches is not the value of their rows together. All rows are held in memory. Values
    of different forms are not comparable.
    Related: relativistic_gan takes pairs, and is half of this where the scores of each side are all alike; where both
    means are 0 it is gan:form=logits.
    Elsewhere: the author's code and many training loops take half the sum.
    Reference: Jolicoeur-Martineau (2018), arXiv:1807.00734.

    >>> losscli.evaluate("relativistic_average_gan", real=[2, 2], fake=[1, 1]).value
    0.6265233750364457
    """
    is_ours = part == "discriminator"
    sides = (real, fake) if is_ours else (fake, real)
    groups = [_against_means(*rows) for rows in zip(*sides, weight, strict=True)]
    yield np.array([next(group) for group in groups])
    for _ in range(2):
        better, worse = (np.stack(side) for side in zip(*map(next, groups), strict=True))
        yield (better, worse) if is_ours else (worse, better)


def _against_means(better: "Array", worse: "Array", weight: "Array") -> Yields:
    """The value of a batch whose `better` scores are to be above the mean of the others, and those below theirs."""
    weights = np.ascontiguousarray(of_elements(weight, better))
    total = Exact.of(weights).fraction

    def mean(values: "Array") -> Exact:
        return Exact.of(weights, values)

    short = _softplus(*_above_mean(mean(worse), total, better, -1))
    over = _softplus(*_above_mean(mean(better), total, worse, 1))
    yield (mean(next(short)) + mean(next(over))).over(total)
    share = _shares(weights, total)
    slopes = next(short), next(over)
    means = [mean(slope).over(total) for slope in slopes]
    yield 0 - share * (slopes[0] + means[1]), share * (slopes[1] + means[0])
    bends = next(short), next(over)
    means = [mean(bend).over(total) for bend in bends]
    yield share * (bends[0] + share * means[1]), share * (bends[1] + share * means[0])


def _above_mean(summed: Exact, total: Fraction, scores: "Array", sign: int) -> "tuple[Array, Array]":
    """How far scores lie above a mean, or below it with sign -1, and what the rounding of that has lost."""
    mean = summed.over(total)
    rest = to_float(summed.fraction / total - Fraction(mean)) if np.isfinite(mean) else 0.0
    gap, lost = difference(scores, np.full_like(scores, mean))
    return sign * gap, sign * (lost - rest)


def _shares(weights: "Array", total: Fraction) -> "Array":
    """The weights over their sum, which may be beyond the range of float64 where they are not."""
    largest = float(weights.max())
    return (weights / largest) * to_float(Fraction(largest) / total)
