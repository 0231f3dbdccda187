"""Losses of sequences from their mathematical definitions: nothing here knows how losscli computes."""

from collections.abc import Sequence
from typing import Any

from mpmath import exp, inf, log, mpf

from tests.reference.exact import Aggregate, Definition, Number

Frames = Sequence[Sequence[Number]]


def _probabilities(frames: Frames, form: str) -> list[list[Number]]:
    if form == "log_probs":
        return [[exp(x) for x in row] for row in frames]
    totals = [sum(exp(x) for x in row) for row in frames]
    return [[exp(x) / total for x in row] for row, total in zip(frames, totals, strict=True)]


def _spelling(frames: Frames, target: Sequence[int], blank: int) -> Number:
    """P(target): of all paths the probability of those that spell it, when repeats are merged and blanks taken out.

    Paths are told by what they have spelled so far and by their last class; those that have spelled something else than
    how the target begins are dropped.
    """
    paths: dict[tuple[tuple[int, ...], int], Number] = {((), blank): mpf(1)}
    for row in frames:
        longer: dict[tuple[tuple[int, ...], int], Number] = {}
        for (spelled, last), probability in paths.items():
            for k, p in enumerate(row):
                text = spelled if k in (blank, last) else (*spelled, k)
                if text == tuple(target[: len(text)]) and len(text) <= len(target):
                    longer[text, k] = longer.get((text, k), mpf(0)) + probability * p
        paths = longer
    return sum((p for (text, _), p in paths.items() if text == tuple(target)), mpf(0))


def _ctc(
    pred: Frames, target: Sequence[int], frames: int, labels: int, *, form: str, blank: Number, zero_infinity: bool
) -> list[Number]:
    p = _spelling(_probabilities(pred[:frames], form), target[:labels], int(blank))
    return [-log(p) if p else mpf(0) if zero_infinity else inf]


def _frames(pred: Frames, target: Any, frames: int, labels: int, **_: Any) -> Number:
    """What adds up to a rounding: something a frame, however near 1 the probability is."""
    return mpf(frames)


def _information(pred: Any, target: Any, mask: Any, count: int, *_: Any, form: str, **__: Any) -> list[Number]:
    """-ln p of each token that counts."""
    if not target:
        return [-x for x, is_there in zip(pred, mask, strict=True) if is_there]
    rows = _probabilities(pred, form)
    return [-log(row[k]) for row, k, is_there in zip(rows, target, mask, strict=True) if is_there]


def _tokens(pred: Any, target: Any, mask: Any, *_: Any, **__: Any) -> list[Number]:
    return [mpf(sum(map(bool, mask)))]


def _bytes(pred: Any, target: Any, mask: Any, count: int, text: Number, **_: Any) -> list[Number]:
    return [mpf(text)]


def _mean(*roles: Any, units: str, **params: Any) -> list[Number]:
    (count,) = _tokens(*roles)
    return [x / count / (log(2) if units == "bits" else 1) for x in _information(*roles, **params)]


def _choices(*roles: Any, **params: Any) -> list[Number]:
    return [exp(sum(_mean(*roles, units="nats", **params)))]


def _over(sums: Sequence[Number], unit: Number) -> Number:
    return sums[0] / sums[1] / unit


_INFORMATION, _TOKENS = Definition(_information, rowwise=True), Definition(_tokens, rowwise=True)
_MANY = 64  # ulp: exp magnifies what is rounded of its exponent

DEFINITIONS = {
    "ctc": Definition(_ctc, rowwise=True, size=_frames),
    "token_nll": Definition(
        _mean,
        rowwise=True,
        aggregate=Aggregate(
            (_INFORMATION, _TOKENS), lambda sums, _, units, **__: _over(sums, log(2) if units == "bits" else mpf(1))
        ),
    ),
    "perplexity": Definition(
        _choices,
        rowwise=True,
        aggregate=Aggregate((_INFORMATION, _TOKENS), lambda sums, *_, **__: exp(sums[0] / sums[1])),
        ulps=_MANY,
    ),
    "bits_per_byte": Definition(
        _information,
        rowwise=True,
        aggregate=Aggregate(
            (_INFORMATION, Definition(_bytes, rowwise=True)), lambda sums, *_, **__: _over(sums, log(2))
        ),
    ),
}
