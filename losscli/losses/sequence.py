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
    aliases=("CTCLoss",),
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
    """CTC: -ln P(target), with P the sum over all paths that spell the target, of Π_t p_t(path_t) over the frames t.

    A path names a class a frame; it spells what is left when repeats are merged and then blanks taken out, so that
    equal labels in a row need a blank between. With form=log_probs pred holds ln p, with form=logits p = softmax(pred).
    zero_infinity takes 0, and a gradient of 0, for a sample without a path. One value a row, not divided by any length.
    Gradient with form=log_probs -γ, with form=logits p - γ, where γ_t(k) is the share of P whose paths are in class k
    at frame t, by forward-backward; NaN where there is no path. The Hessian diagonal is not there.

    Use it when labels come in order and nobody knows which frame holds which: speech, handwriting.
    Not when each frame has its label: cross_entropy, a row a frame; nor when the target may be longer than the frames.
    Assumes frames that are independent once the network has seen all of them: a path has Π_t p_t(path_t), and paths
    exclude one another, so that P is their sum; minus its logarithm is the loss.
    Good: needs no alignment; the sum over exponentially many paths takes T · S steps.
    Beware: infinite where a target needs more frames than there are, one a label and one more a repeated label. Values
    below T · 1e-16 are rounding. Array files are (n, T, C): a batch saved as (T, n, C) has to be turned.
    Related: two frames of two classes at 1/2 each spell a label in 3 of 4 paths: ln 4/3. Of one frame and one label it
    is nll, of no label -Σ_t ln p_t(blank).
    Elsewhere: torch's CTCLoss takes (T, n, C), its mean divides each value by its target length, and its gradient with
    respect to log-probabilities is p - γ. keras's CTC and optax's ctc_loss take logits; optax marks what is padding.
    Reference: Graves et al. (2006), doi:10.1145/1143844.1143891.

    >>> losscli.evaluate("ctc:form=logits", pred=[[[0, 0], [0, 0]]], target=[[1]]).value
    0.2876820724517809
    """
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
