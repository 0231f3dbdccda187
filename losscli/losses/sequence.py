"""Sequences: the alignments of frames with labels."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from losscli.kinds import ALIGNED
from losscli.lazy import np
from losscli.losses.alignments import Forward, Samples, occupied
from losscli.losses.cross_entropies import softmax
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

_CELLS = 1 << 20  # places in all frames of the samples that are looked at together


def _alike(frames: "Array", labels: "Array") -> "Iterator[Array]":
    """Samples to look at together: the longest first, so that those of like length are, and not too many."""
    order = np.lexsort([-labels, -frames])
    places = max(2 * int(labels.max(initial=0)) + 1, 1)
    while len(order):
        count = max(1, _CELLS // (places * max(int(frames[order[0]]), 1)))
        yield order[:count]
        order = order[count:]


def _samples(
    log_p: "Array", target: "Array", frames: "Array", labels: "Array", blank: int
) -> "Iterator[tuple[Array, Samples]]":
    """Which samples are looked at together, and these, without the padding that none of them needs."""
    for rows in _alike(frames, labels):
        most, longest = int(frames[rows].max()), int(labels[rows].max())
        some = log_p[rows, :most], target[rows, :longest], frames[rows], labels[rows]
        yield rows, Samples(*some, blank)


@loss(
    ALIGNED,
    task="sequence",
    aliases=("CTCLoss", "CTC", "ctc_loss"),
    also=("ctc:form=logits", "ctc:blank=1,zero_infinity=true"),
    uncurved="the probability of a sequence is a sum over paths, whose second derivatives take every pair of frames",
    properties="differentiable",
)
def ctc(
    pred: "Array",
    target: "Array",
    pred_lengths: "Array",
    target_lengths: "Array",
    *,
    form: Annotated[Literal["log_probs", "logits"], Param("what the prediction numbers are")] = "log_probs",
    blank: Annotated[int, Param("the class that stands for no label", ge=0)] = 0,
    zero_infinity: Annotated[bool, Param("count a target that no path spells as 0, not as infinite")] = False,
) -> Yields:
    """CTC."""
    shape = pred.shape
    probs, log_p = None, pred
    if form == "logits":
        probs, logs = softmax(pred.reshape(-1, shape[2]))
        log_p = logs.reshape(shape)
    together = list(_samples(log_p, target, pred_lengths, target_lengths, blank))
    value = np.empty(len(pred))
    for rows, samples in together:
        value[rows] = np.maximum(0 - Forward(samples).log_p, 0.0)  # of a probability that rounding took above 1
    is_counted = ~(np.isinf(value) & zero_infinity)
    yield np.where(is_counted, value, 0.0)
    gradient = np.zeros(shape)
    for rows, samples in together:
        gradient[rows, : samples.log_p.shape[1]] = 0 - occupied(samples)
    if probs is not None:
        is_frame = np.arange(shape[1]) < pred_lengths[:, None]
        gradient = np.where(is_frame[:, :, None], probs.reshape(shape) + gradient, 0.0)
    yield np.where(is_counted[:, None, None], gradient, 0.0)
