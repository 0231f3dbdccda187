"""Lovász extensions of the Jaccard loss: convex surrogates of IoU, of errors in decreasing order."""

from typing import TYPE_CHECKING, Annotated, Literal

from losscli.exact import ZERO, Exact, to_float
from losscli.kinds import LABELLED_PROBABILITIES, SIGNED
from losscli.lazy import np
from losscli.losses.stable import row_sum
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array


@loss(
    SIGNED,
    task="segmentation",
    also=("lovasz_hinge:pool=sample",),
    scope="whole",
    row_when=("pool", "sample"),
    properties="convex",
)
def lovasz_hinge(
    pred: "Array",
    target: "Array",
    weight: "Array | None" = None,
    *,
    pool: Annotated[Literal["all", "sample"], Param("one image of all rows, or one a row, over its outputs")] = "all",
) -> Yields:
    """Lovász hinge: Σ_k max(0, m_k) (J_k - J_(k-1)), errors m = 1 - y s in decreasing order, s = pred, y = target.

    J_k is the Jaccard loss of getting the first k wrong: (a + b) / (P + b), with P the pixels of the object (y = 1), a
    and b those in it and not in it among the first k. With pool=all all rows and outputs are one image, with their
    weights, and all are needed at once; with pool=sample each row is one. Gradient -y (J_k - J_(k-1)) where m > 0;
    curvature 0.

    Use it when segmentations of one class are judged by IoU and the model gives scores.
    Not when the scores must become probabilities: nothing ties them to any.
    Assumes that the Jaccard loss of a set of wrong pixels is what counts: that set function is submodular, so its
    Lovász extension is convex and the tightest there is; hinge errors in place of 0/1 ones make a loss of scores.
    Good: convex in the scores, piecewise linear, and equal to the Jaccard loss where errors are 0 or 1.
    Beware: not a mean over pixels; the order of all errors decides each slope. Where no pixel is of the object it is
    the largest error, max(0, m).
    Ends: with pool=sample and one output a row it is hinge.
    Kinks: at m = 0 the slope is 0. Among equal errors those of the object come first, and the others share their part
    alike.
    Related: jaccard, on probabilities; lovasz_softmax, for classes; hinge, the same errors with equal parts.
    Elsewhere: the authors' lovasz_hinge, whose per_image=True is pool=sample; segmentation-models-pytorch's LovaszLoss
    in mode binary takes the mean over images.
    Reference: Berman, Rannen Triki and Blaschko (2018), arXiv:1705.08790.

    >>> losscli.evaluate("lovasz_hinge", pred=[2, 0.5, -0.5, -3], target=[1, 1, 1, -1]).value
    0.6666666666666666
    """
    rows = 1 if pool == "all" else len(pred)
    scores, signs = pred.reshape(rows, -1), target.reshape(rows, -1)
    share = np.ones_like(scores)
    if weight is not None:
        share = np.broadcast_to(weight.reshape(*weight.shape, *[1] * (pred.ndim - 2)), pred.shape).reshape(rows, -1)
    steps = _extension(np.maximum(1 - scores * signs, 0.0), signs > 0, share)
    terms = next(steps)
    yield _added(*terms) if pool == "all" else row_sum(terms[0] * terms[1])
    yield (-signs * next(steps)).reshape(pred.shape)
    yield np.zeros_like(pred)


@loss(
    LABELLED_PROBABILITIES,
    task="segmentation",
    scope="whole",
    properties="convex",
    bounds=(0.0, 1.0),
)
def lovasz_softmax(pred: "Array", target: "Array", weight: "Array") -> Yields:
    """Lovász softmax: mean over the classes present of Σ_k m_k (J_k - J_(k-1)), errors m in decreasing order.

    Of class c the error of a row is m = 1 - p where its label is c and p elsewhere, p = pred in the column of c; J_k is
    the Jaccard loss of getting the first k rows wrong, (a + b) / (P + b), with P the rows of the class, a and b those
    in it and not in it among the first k, by their weights. It needs all rows at once. Gradient -(J_k - J_(k-1)) / C in
    the column of the label and (J_k - J_(k-1)) / C elsewhere, C classes being present; curvature 0.

    Use it when segmentations of several classes are judged by mean IoU and the model gives probabilities.
    Not when probabilities must be calibrated: it rewards order and overlap, not their values.
    Assumes that the Jaccard loss of each class's wrong pixels is what counts: that set function is submodular, and its
    Lovász extension in the errors m is convex and equals it where they are 0 or 1.
    Good: between 0 and 1; for hard predictions the mean over classes of 1 - IoU.
    Beware: not a mean over pixels. A class that no target has is left out, whatever is predicted of it.
    Kinks: among equal errors those of the class come first, and the others share their part alike.
    Related: lovasz_hinge, for scores of one class; jaccard, without the order.
    Elsewhere: the authors' lovasz_softmax with classes='present'; segmentation-models-pytorch's LovaszLoss in mode
    multiclass takes the softmax of its input itself.
    Reference: Berman, Rannen Triki and Blaschko (2018), arXiv:1705.08790.

    >>> losscli.evaluate("lovasz_softmax", pred=[[0.75, 0.25], [0.5, 0.5]], target=[0, 1]).value
    0.4375
    """
    p, labels = pred[0], target[0]
    present = np.unique(labels[weight[0] > 0]).tolist()
    total, gradient = ZERO, np.zeros_like(p)
    parts = []
    for k in present:
        is_member = (labels == k)[None]
        column = p[:, k][None]
        parts.append((k, is_member, _extension(np.where(is_member, 1 - column, column), is_member, weight)))
        total += Exact.of(*next(parts[-1][2]))
    yield np.array([to_float(total.fraction / len(present))])
    for k, is_member, steps in parts:
        gradient[:, k] = (np.where(is_member, -1.0, 1.0) * next(steps))[0] / len(present)
    yield gradient[None]
    yield np.zeros_like(pred)


def _added(left: "Array", right: "Array") -> "Array":
    """The sum of the products, exactly, and rounded once."""
    return np.array([float(Exact.of(left, right))])


def _extension(errors: "Array", is_member: "Array", weight: "Array") -> Yields:
    """Of each row of errors (g, m), none negative, the Lovász extension of the Jaccard loss: pairs of factors whose
    products it adds up, in decreasing order of the errors, then its slope in each error, where that is above 0.

    Σ m_k (J_k - J_(k-1)) is Σ J_k (m_k - m_(k+1)), in which nothing cancels and equal errors add nothing. A row counts
    as many times as its weight says.
    """
    order = np.lexsort((weight, ~is_member, -errors), axis=1)
    m, inside, w = (np.take_along_axis(a, order, axis=1) for a in (errors, is_member, weight))
    missed, false = _running(np.where(inside, w, 0.0)), _running(np.where(inside, 0.0, w))
    members = missed[:, -1:]
    union = members + false
    falls = m - np.concatenate([m[:, 1:], np.zeros_like(m[:, :1])], axis=1)
    falls[np.isnan(falls)] = 0.0  # both infinite
    yield np.where(union > 0, (missed + false) / union, 0.0), falls
    first, last = _ends_of_runs(m)
    before = np.take_along_axis(np.concatenate([np.zeros_like(m[:, :1]), false], axis=1), first, axis=1)
    after = np.take_along_axis(false, last, axis=1)
    left = members - np.take_along_axis(missed, last, axis=1)
    outer = np.where(members > 0, left / (members + before) / (members + after), (before == 0) / after)
    steps = np.where(m > 0, w * np.where(inside, 1 / (members + before), outer), 0.0)
    slopes = np.empty_like(steps)
    np.put_along_axis(slopes, order, steps, axis=1)
    yield slopes


def _running(values: "Array") -> "Array":
    """The sums of each row's first entries, none negative, rounded about once: of leading bits, which add up without
    error, and of the rest.
    """
    top = np.ldexp(1.0, np.frexp(values.max(axis=1, keepdims=True))[1] + int(values.shape[1]).bit_length())
    leading = (values + top) - top
    sums: Array = np.cumsum(leading, axis=1) + np.cumsum(values - leading, axis=1)
    return sums


def _ends_of_runs(values: "Array") -> "tuple[Array, Array]":
    """The places of the first and of the last of the equal values beside each other."""
    places = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    edge = np.ones((len(values), 1), dtype=bool)
    changes = values[:, 1:] != values[:, :-1]
    starts = np.where(np.concatenate([edge, changes], axis=1), places, 0)
    stops = np.where(np.concatenate([changes, edge], axis=1), places, values.shape[1])
    return np.maximum.accumulate(starts, axis=1), np.minimum.accumulate(stops[:, ::-1], axis=1)[:, ::-1]
