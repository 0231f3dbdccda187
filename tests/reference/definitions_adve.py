"""Adversarial losses by definition, from the papers: nothing here knows how losscli computes.

What a real and a generated sample cost the discriminator, and what a generated one costs the generator.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mpmath import exp, expm1, log, log1p, mpf

from tests.reference.exact import Definition, Kink, Number

BOTH = (0, 1)


def _softplus(x: Number) -> Number:
    return max(x, mpf(0)) + log1p(exp(-abs(x)))


def _ln(x: Number) -> Number:
    return log(x) if x else mpf("-inf")


def _logarithms(score: Number, form: str, clip: Number) -> tuple[Number, Number]:
    """Of what a discriminator holds for the probability that a sample is real, and of what it lacks to 1."""
    if form == "logits":
        return -_softplus(-score), -_softplus(score)
    if form == "log_probs":
        return score, _ln(-expm1(score))
    p = min(max(score, clip), 1 - clip) if clip else score
    return _ln(p), _ln(1 - p)


def _gan(real: Number, fake: Number, *, part: str, generator: str, form: str, clip: Number) -> list[Number]:
    ln_fake, ln_not_fake = _logarithms(fake, form, clip)
    if part == "discriminator":
        return [-_logarithms(real, form, clip)[0], -ln_not_fake]
    return [-ln_fake if generator == "non_saturating" else ln_not_fake]


def _gan_kinks(*, part: str, generator: str, form: str, clip: float) -> list[Kink]:
    """At the ends of the clip the slope is the inner one."""
    assert part == "discriminator" or not clip
    ends = [(p, q) for p in (clip, 1 - clip) for q in (clip, 1 - clip)] if clip else []
    return [Kink((p, q), (-1 / p, 1 / (1 - q)), (1 / p**2, 1 / (1 - q) ** 2)) for p, q in ends]


def _lsgan(real: Number, fake: Number, *, part: str) -> list[Number]:
    return [(fake - 1) ** 2 / 2] if part == "generator" else [(real - 1) ** 2 / 2, fake**2 / 2]


def _hinge_gan(real: Number, fake: Number, *, part: str) -> list[Number]:
    return [-fake] if part == "generator" else [max(mpf(0), 1 - real), max(mpf(0), 1 + fake)]


def _hinge_gan_kinks(*, part: str) -> list[Kink]:
    if part == "generator":
        return []
    return [Kink((1.0, 0.5), (0.0, 1.0)), Kink((0.5, -1.0), (-1.0, 0.0)), Kink((1.0, -1.0), (0.0, 0.0))]


def _wgan(real: Number, fake: Number, *, part: str) -> list[Number]:
    return [-fake] if part == "generator" else [fake, -real]


def _relativistic(real: Number, fake: Number, *, part: str) -> list[Number]:
    return [_softplus(real - fake if part == "generator" else fake - real)]


def _average(real: Sequence[Any], fake: Sequence[Any], weight: Sequence[Number], *, part: str) -> list[Number]:
    """Rows of one score or of several, all of which count alike in the means."""
    shares = [w / sum(weight) for w in weight]
    means = [sum(s * _mean(row) for s, row in zip(shares, side, strict=True)) for side in (real, fake)]
    sign = 1 if part == "generator" else -1
    return [
        s * _mean([_softplus(side_sign * sign * (score - other)) for score in _scores(row)])
        for side, other, side_sign in ((real, means[1], 1), (fake, means[0], -1))
        for s, row in zip(shares, side, strict=True)
    ]


def _scores(row: Any) -> list[Number]:
    return row if isinstance(row, list) else [row]


def _mean(row: Any) -> Number:
    return sum(_scores(row)) / len(_scores(row))


DEFINITIONS: Mapping[str, Definition] = {
    "gan": Definition(_gan, moved=BOTH, alone=True, kinks=_gan_kinks),
    "lsgan": Definition(_lsgan, moved=BOTH, alone=True),
    "hinge_gan": Definition(_hinge_gan, moved=BOTH, alone=True, kinks=_hinge_gan_kinks),
    "wgan": Definition(_wgan, moved=BOTH, alone=True),
    "relativistic_gan": Definition(_relativistic, moved=BOTH, alone=True),
    "relativistic_average_gan": Definition(_average, rowwise=True, moved=BOTH, alone=True),
}
