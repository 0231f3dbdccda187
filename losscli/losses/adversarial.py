"""The two parts of adversarial losses: the discriminator's, of real and generated samples, and the generator's."""

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Annotated, Any, Literal

from losscli.kinds import CRITIQUES, DISCRIMINATIONS
from losscli.lazy import np
from losscli.losses.cross_entropies import BINARY_FORMS, Clip, Form, clip_needs_probs
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

    Cost = Callable[[Array], Yields]

Part = Annotated[Literal["discriminator", "generator"], Param("whose loss it is; a critic is a discriminator here")]


def _part(part: str, scores: "tuple[Array, Array]", real: "Cost", fake: "Cost", passing: "Cost") -> Yields:
    """The discriminator's costs of real and of generated samples, or the generator's of the generated ones alone."""
    if part == "discriminator":
        costs = real(scores[0]), fake(scores[1])
        yield next(costs[0]) + next(costs[1])
        yield from zip(*costs, strict=True)
    else:
        cost = passing(scores[1])
        yield next(cost)
        for derivative in cost:
            yield np.zeros_like(scores[0]), derivative


def _gan_conflict(*, part: str, generator: str, **others: Any) -> str | None:
    if generator != "non_saturating" and part != "generator":
        return f"generator={generator} is for part=generator, not for part={part}"
    return clip_needs_probs(**others)


def _gan_properties(*, generator: str, clip: float, **_: Any) -> str:
    if clip:
        return ""
    return "convex differentiable" if generator == "non_saturating" else "differentiable"


@loss(
    DISCRIMINATIONS,
    task="generative",
    aliases=("MinimaxDiscriminatorLoss:form=logits",),
    also=(
        "gan:form=logits",
        "gan:form=log_probs",
        "gan:clip=0.05",
        "gan:part=generator,form=logits",
        "gan:part=generator,generator=minimax",
        "gan:part=generator,generator=minimax,form=logits",
        "gan:part=generator,generator=minimax,form=log_probs",
    ),
    conflicts=_gan_conflict,
    properties=_gan_properties,
    bounds=lambda *, generator, **_: (0.0, inf) if generator == "non_saturating" else (-inf, 0.0),
)
def gan(
    real: "Array",
    fake: "Array",
    *,
    part: Part = "discriminator",
    generator: Annotated[
        Literal["non_saturating", "minimax"], Param("which of its two losses the generator has")
    ] = "non_saturating",
    form: Form = "probs",
    clip: Clip = 0.0,
) -> Yields:
    """GAN: -ln D(x) - ln(1 - D(G)), with D(x) and D(G) what the discriminator says of real and generated samples.

    D is the probability that a sample is real. With part=generator -ln D(G), the non-saturating loss, or with
    generator=minimax ln(1 - D(G)). form says what real and fake hold, D itself, its logit or its logarithm. In nats.
    Gradient with form=logits D(x) - 1 in real and D(G) in fake; for the generator D(G) - 1, with minimax -D(G), in fake
    and 0 in real. Curvature D (1-D), with minimax -D (1-D). With form=probs gradient -1/D(x) and 1/(1 - D(G)); for the
    generator -1/D(G), with minimax -1/(1 - D(G)); with form=log_probs D times these. clip c puts D between c and 1 - c
    first. The mean over the rows is that over the real samples plus that over the generated ones; on (n, d) a sample's
    is the mean over its d places.

    Use it when a discriminator tells real from generated samples, as in the first GAN, and its outputs are at hand.
    Not when it is asked how good samples are: no adversarial loss says so; nor for a critic without a sigmoid: wgan.
    Assumes that real and generated samples are as many, a coin saying which one is shown: it is twice the mean of
    -ln P(the right answer). The best D is p/(p + g) of the two densities, where it is 2 ln 2 - 2 JS(p, g), with the
    Jensen-Shannon divergence JS; hence minimax, in which the generator lowers what D raises.
    Good: bounded gradient on logits; the non-saturating part still pulls where D rejects all that is generated, where
    minimax has slope 0.
    Beware: one part's loss says nothing of sample quality, as its opponent moves: 2 ln 2 = 1.386 is a discriminator
    that knows nothing, be the samples perfect or it weak. Values of different forms, of gan and lsgan say, are not
    comparable. D(x) = 0 or D(G) = 1 is an infinite loss. The two parts are different losses: ask for each.
    Kinks: with clip the slope is 0 beyond c and 1 - c, and the inner one at them.
    Related: bce of real with targets 1 plus bce of fake with targets 0, which also serves where they are not as many;
    relativistic_gan is it of the difference of the two scores.
    Elsewhere: torchgan's minimax_discriminator_loss is it on logits, MONAI's PatchAdversarialLoss(criterion="bce") each
    of its two addends. Many training loops take half the sum, for which say '0.5 * gan'.
    Reference: Goodfellow, Pouget-Abadie, Mirza, Xu, Warde-Farley, Ozair, Courville and Bengio (2014), arXiv:1406.2661.

    >>> losscli.evaluate("gan:form=logits", real=[2, 0.5], fake=[-1, 0]).value
    0.8037069316506236
    """
    said = BINARY_FORMS[form]

    def as_real(d: "Array") -> Yields:
        return said(d, np.ones_like(d), np.zeros_like(d), clip)

    def as_fake(d: "Array") -> Yields:
        return said(d, np.zeros_like(d), np.ones_like(d), clip)

    def saturating(d: "Array") -> Yields:
        return (0 - found for found in as_fake(d))

    passing = as_real if generator == "non_saturating" else saturating
    yield from _part(part, (real, fake), as_real, as_fake, passing)


def _squared(label: float) -> "Cost":
    def cost(score: "Array") -> Yields:
        e = score - label
        yield e * (e / 2)
        yield e
        yield np.ones_like(e)

    return cost


@loss(
    CRITIQUES,
    task="generative",
    aliases=("least_squares_gan", "LeastSquaresDiscriminatorLoss", "least_squares_discriminator_loss"),
    also=("lsgan:part=generator",),
    properties="convex differentiable",
)
def lsgan(real: "Array", fake: "Array", *, part: Part = "discriminator") -> Yields:
    """Least squares GAN: ½ (D(x) - 1)² + ½ D(G)², with D(x) and D(G) scores of real and generated samples.

    With part=generator ½ (D(G) - 1)². Gradient D(x) - 1 in real and D(G) in fake; for the generator D(G) - 1 in fake
    and 0 in real; curvature 1 where a score counts. The mean over the rows is that over the real samples plus that over
    the generated ones; on (n, d) a sample's is the mean over its d places.

    Use it when generated samples on the right side of the decision, but far from the real ones, are still to be pulled.
    Not when scores pass a sigmoid: they are numbers as they come; nor to compare runs by it.
    Assumes real and generated samples that are as many: the best D is p/(p + g) of the two densities, as the mean of
    labels 1 and 0 is what least squares give. (With labels -1 and 1 and the generator's 0 it would be Pearson's χ² of
    p + g from 2 g.)
    Good: its slope does not vanish where the discriminator is sure; smooth, convex in the scores.
    Beware: a loss of one part says nothing of sample quality, as its opponent moves: 1/4 is a discriminator that says ½
    of everything. Values of different forms are not comparable, nor those of codes with and without ½.
    Related: half_mse of real with targets 1 plus half_mse of fake with targets 0, which also serves where they are not
    as many.
    Elsewhere: torchgan has ½ in both parts, as the paper has. Many training loops take half the sum of two mean squares
    for the discriminator, which is this, and a whole mean square for the generator, which is twice this. MONAI's
    PatchAdversarialLoss takes whole mean squares, by default of scores behind a leaky ReLU.
    Reference: Mao, Li, Xie, Lau, Wang and Smolley (2017), doi:10.1109/ICCV.2017.304.

    >>> losscli.evaluate("lsgan", real=[2, 0.5], fake=[-1, 0]).value
    0.5625
    """
    yield from _part(part, (real, fake), _squared(1), _squared(0), _squared(1))


def _lacking(side: int) -> "Cost":
    def cost(score: "Array") -> Yields:
        lacking = 1 - side * score
        yield np.maximum(lacking, 0.0)
        yield np.where(lacking > 0, -float(side), 0.0)
        yield np.zeros_like(score)

    return cost


def _linear(slope: int) -> "Cost":
    def cost(score: "Array") -> Yields:
        yield 0 + slope * score
        yield np.full_like(score, slope)
        yield np.zeros_like(score)

    return cost


@loss(
    CRITIQUES,
    task="generative",
    also=("hinge_gan:part=generator",),
    properties=lambda *, part: "convex differentiable" if part == "generator" else "convex",
    bounds=lambda *, part: (-inf, inf) if part == "generator" else (0.0, inf),
)
def hinge_gan(real: "Array", fake: "Array", *, part: Part = "discriminator") -> Yields:
    """Hinge GAN: max(0, 1 - D(x)) + max(0, 1 + D(G)), with D(x) and D(G) scores of real and generated samples.

    With part=generator -D(G). Gradient -1 in real where D(x) < 1 and 1 in fake where D(G) > -1, else 0; for the
    generator -1 in fake and 0 in real; curvature 0. The mean over the rows is that over the real samples plus that over
    the generated ones; on (n, d) a sample's is the mean over its d places.

    Use it when a discriminator is to leave alone what it tells apart by a margin, as in SAGAN and BigGAN.
    Not when scores pass a sigmoid or a tanh: the margin is 1, of scores as they come.
    Assumes nothing of probabilities: the best score is 1 where real samples are denser than generated ones and -1 where
    they are not, so that the least mean is 2 - 2 TV, with the total variation TV of the two.
    Good: convex in the scores; each score that keeps the margin is left alone, so that others count.
    Beware: a loss of one part says nothing of sample quality, as its opponent moves: 2 is a discriminator that says 0
    of everything. The generator's part is the mean score with its sign turned, on a scale the discriminator sets.
    Values of different forms are not comparable.
    Kinks: at D(x) = 1 and at D(G) = -1 the slope of the discriminator's part is 0.
    Related: hinge of real with targets 1 plus hinge of fake with targets -1, which also serves where they are not as
    many; the generator's part is that of wgan.
    Elsewhere: MONAI's PatchAdversarialLoss(criterion="hinge") takes scores behind a tanh, and for the generator
    max(0, 1 - D(G)). Some codes take half the sum: '0.5 * hinge_gan'.
    Reference: Lim and Ye (2017), arXiv:1705.02894; Miyato, Kataoka, Koyama and Yoshida (2018), arXiv:1802.05957.

    >>> losscli.evaluate("hinge_gan", real=[2, 0.5], fake=[-1, 0]).value
    0.75
    """
    yield from _part(part, (real, fake), _lacking(1), _lacking(-1), _linear(-1))


@loss(
    CRITIQUES,
    task="generative",
    aliases=("wasserstein_gan", "WassersteinDiscriminatorLoss", "wasserstein_discriminator_loss"),
    also=("wgan:part=generator",),
    degree=1,
    properties="convex differentiable",
    bounds=(-inf, inf),
)
def wgan(real: "Array", fake: "Array", *, part: Part = "discriminator") -> Yields:
    """Wasserstein critic: D(G) - D(x), with D(x) and D(G) a critic's scores of real and generated samples.

    With part=generator -D(G). Gradient -1 in real and 1 in fake; for the generator 0 in real and -1 in fake; curvature
    0. The mean over the rows is that over the generated samples less that over the real ones; on (n, d) a sample's is
    the mean over its d places.

    Use it when the critic is a Lipschitz function, held so by clipped weights or a penalty.
    Not when nothing holds the critic: then its loss has no lower end; nor of a discriminator's probabilities: gan.
    Assumes a critic of slope at most 1: then minus the mean is at most the Wasserstein distance of the samples'
    distributions, and is it for the best critic (Kantorovich and Rubinstein).
    Good: linear, so that no score saturates; while one critic is trained to the end, minus its loss is a distance.
    Beware: a penalty on the critic's gradient cannot be had from its outputs, and is not in the value: add it yourself.
    One part's loss says nothing of sample quality unless the critic is near its best, and then up to the factor of its
    slope only. Values of different forms, and of critics on different scales, are not comparable. Negative values are
    usual.
    Related: bias of fake with targets 0 less bias of real with targets 0, which also serves where they are not as many;
    wasserstein of single numbers is the distance itself; hinge_gan has the same generator's part.
    Elsewhere: torchgan's wasserstein_discriminator_loss; codes that write mean(real) - mean(fake) raise it.
    Reference: Arjovsky, Chintala and Bottou (2017), arXiv:1701.07875.

    >>> losscli.evaluate("wgan", real=[2, 0.5], fake=[-1, 0]).value
    -1.75
    """
    yield from _part(part, (real, fake), _linear(-1), _linear(1), _linear(-1))
