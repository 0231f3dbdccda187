"""Losses of binary outcomes, margins and decisions from their definitions: nothing here knows how losscli computes."""

from collections.abc import Mapping, Sequence
from typing import Any

from mpmath import exp, expm1, log, log1p, mpf

from tests.reference.definitions import distribution
from tests.reference.exact import Definition, Kink, Number

# Of a margin m = y s


def _softplus(x: Number) -> Number:
    return x + log1p(exp(-x)) if x > 0 else log1p(exp(x))


def _soft_margin(pred: Number, target: Number) -> list[Number]:
    return [_softplus(-target * pred)]


def _squared_hinge(pred: Number, target: Number, *, margin: Number) -> list[Number]:
    return [max(mpf(0), margin - target * pred) ** 2]


def _squared_hinge_kinks(*, margin: float) -> list[Kink]:
    return [Kink((y * margin, y), (0.0,), (0.0,)) for y in (1.0, -1.0)]


def _perceptron(pred: Number, target: Number) -> list[Number]:
    return [max(mpf(0), -target * pred)]


def _modified_huber(pred: Number, target: Number) -> list[Number]:
    m = target * pred
    return [max(mpf(0), 1 - m) ** 2 if m >= -1 else -4 * m]


def _modified_huber_kinks() -> list[Kink]:
    corners = [Kink((y, y), (0.0,), (0.0,)) for y in (1.0, -1.0)]
    return [*corners, *(Kink((-y, y), (-4.0 * y,), (2.0,)) for y in (1.0, -1.0))]


def _exponential(pred: Number, target: Number) -> list[Number]:
    return [exp(-target * pred)]


# Of decisions, which step


def _chance(pred: Number, form: str) -> Number:
    return {"probs": lambda: pred, "logits": lambda: 1 / (1 + exp(-pred)), "log_probs": lambda: exp(pred)}[form]()


def _hamming(pred: Number, target: Number, *, form: str, threshold: Number) -> list[Number]:
    return [1 - target if _chance(pred, form) > threshold else target]


def _zero_one(pred: Any, target: Any, *, form: str) -> list[Number]:
    if not isinstance(pred, list):
        return _hamming(pred, target, form=form, threshold=mpf("0.5"))
    winner = pred.index(max(pred))
    return [t for k, t in enumerate(distribution(target, len(pred))) if k != winner]


# Focal


def _outcomes(pred: Any, form: str) -> list[tuple[Number, Number, Number]]:
    """Of each class p, 1 - p and -ln p, none of them as a difference."""
    if isinstance(pred, list):
        if form == "logits":
            return [_share(pred, k) for k in range(len(pred))]
        return [_known(x, form) for x in pred]
    if form == "logits":
        return [_share([mpf(0), pred], k) for k in (0, 1)]
    p, q, cost = _known(pred, form)
    return [(q, p, -log(q) if q else mpf("inf")), (p, q, cost)]


def _share(logits: Sequence[Number], k: int) -> tuple[Number, Number, Number]:
    others = sum(exp(z - logits[k]) for j, z in enumerate(logits) if j != k)
    return 1 / (1 + others), others / (1 + others), log1p(others)


def _known(x: Number, form: str) -> tuple[Number, Number, Number]:
    if form == "log_probs":
        return exp(x), -expm1(x), -x
    return x, 1 - x, -log(x) if x else mpf("inf")


def _weights(pred: Any, target: Any, alpha: Number | None) -> list[Number]:
    if isinstance(pred, list):
        return distribution(target, len(pred))
    of_0, of_1 = (mpf(1), mpf(1)) if alpha is None else (1 - alpha, alpha)
    return [of_0 * (1 - target), of_1 * target]


def _focal(pred: Any, target: Any, *, form: str, gamma: Number, alpha: Number | None) -> list[Number]:
    pairs = zip(_weights(pred, target, alpha), _outcomes(pred, form), strict=True)
    return [w * q**gamma * cost if w else mpf(0) for w, (_, q, cost) in pairs]


def _focal_curvature_size(
    pred: Any, target: Any, role: int, k: int | None, *, form: str, gamma: Number, alpha: Number | None
) -> Number | None:
    """The parts of the curvature of a logit or a logarithm, which changes its sign."""
    if form == "probs":
        return None
    weights, outcomes = _weights(pred, target, alpha), _outcomes(pred, form)
    own = 1 if k is None else k
    p, q, _ = outcomes[own]
    sizes = []
    for j, (w, (u, v, cost)) in enumerate(zip(weights, outcomes, strict=True)):
        if not w:
            continue
        power, ratio = w * v**gamma, u * cost / v
        fall, change = gamma * ratio + 1, gamma * u / v * (cost + 2 + abs(gamma - 1) * ratio)
        if form == "log_probs":
            sizes.append(power * change if j == own else mpf(0))
        elif j == own:
            sizes.append(power * p * q * (gamma**2 * ratio + gamma * cost + 2 * gamma + 1))
        else:
            sizes.append(power * (p * q * fall + p * p * change))
    return sum(sizes)


DEFINITIONS: Mapping[str, Definition] = {
    "soft_margin": Definition(_soft_margin),
    "squared_hinge": Definition(_squared_hinge, kinks=_squared_hinge_kinks),
    "perceptron": Definition(_perceptron, kinks=lambda: [Kink((0.0, y), (0.0,), (0.0,)) for y in (1.0, -1.0)]),
    "modified_huber": Definition(_modified_huber, kinks=_modified_huber_kinks),
    "exponential": Definition(_exponential),
    "hamming": Definition(_hamming),
    "zero_one": Definition(_zero_one, rowwise=True),
    "focal": Definition(_focal, rowwise=True, alone=True, curvature_size=_focal_curvature_size, curvature_ulps=8.0),
}
