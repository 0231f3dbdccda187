"""Overlap of what is predicted with what is there: segmentation masks, hard or soft."""

from functools import partial
from typing import TYPE_CHECKING

from losscli.kinds import OVERLAP
from losscli.lazy import np
from losscli.losses.overlap import Empty, Pool, Smooth, empty_needs_no_smooth, mistaken, overlap, pooled
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array


@loss(
    OVERLAP,
    task="segmentation",
    aliases=("soft_dice",),
    also=("dice:smooth=1", "dice:pool=sample", "dice:smooth=0.5,pool=sample", "dice:empty=0,pool=sample"),
    finish=partial(pooled, 2),
    row_when=("pool", "sample"),
    conflicts=empty_needs_no_smooth,
    properties="symmetric differentiable",
    bounds=(0.0, 1.0),
)
def dice(
    pred: "Array", target: "Array", *, smooth: Smooth = 0.0, empty: Empty = "undefined", pool: Pool = "all"
) -> Yields:
    """Dice: 1 - (2 Σ p t + s) / (Σ p + Σ t + s), with p = pred, t = target and s = smooth.

    With pool=all an aggregate: the sums are over all rows and outputs, with their weights. With pool=sample a loss of
    its own a row, over its d outputs. Gradient ((2 Σ p t + s) - 2t D) / D², with D the denominator; curvature -2/D
    times that.

    Use it when few pixels belong to the object, so that a loss a pixel is won by saying no everywhere.
    Not when objects may be absent and that matters (say what empty is), or when probabilities must be calibrated.
    Assumes that only overlap counts: with 0/1 masks it is 1 minus the F1 score of the pixels, the harmonic mean of
    precision Σpt/Σp and recall Σpt/Σt, which is 2 Σpt / (Σp + Σt).
    Good: between 0 and 1; does not depend on how much background there is.
    Beware: with smooth=0 undefined where both masks are empty, unless empty says what it is there; soft targets do not
    reach 0 at p = t, as p t < p there; with pool=all not a mean of per-sample values.
    Ends: a large smooth takes every loss towards 0; smooth=1 makes 0 of two empty masks.
    Related: where it is ℓ, jaccard is 2ℓ / (1 + ℓ), if smooth is 0; it is tversky with alpha = beta = 1/2, half the
    smooth.
    Elsewhere: MONAI adds 1e-5 above and below and takes the mean over images and classes; Keras adds 1e-7 below only,
    so that two empty masks cost 1; optax adds 1 to the tversky form, which is smooth=2 here;
    segmentation-models-pytorch pools the batch a class and counts absent classes as 0.
    Reference: Dice (1945), doi:10.2307/1932409; as a loss, with squares in the denominator, Milletari, Navab and Ahmadi
    (2016), doi:10.1109/3DV.2016.79.

    >>> losscli.evaluate("dice", pred=[0.75, 0.25], target=[1, 0]).value
    0.25
    """
    yield from overlap(pred, target, mistaken(pred, target), 2, smooth=smooth, empty=empty, pool=pool)


@loss(
    OVERLAP,
    task="segmentation",
    also=("squared_dice:smooth=1", "squared_dice:smooth=0.5,pool=sample", "squared_dice:empty=0,pool=sample"),
    finish=partial(pooled, 2),
    row_when=("pool", "sample"),
    conflicts=empty_needs_no_smooth,
    properties="symmetric differentiable",
    bounds=(0.0, 1.0),
)
def squared_dice(
    pred: "Array", target: "Array", *, smooth: Smooth = 0.0, empty: Empty = "undefined", pool: Pool = "all"
) -> Yields:
    """Squared Dice: 1 - (2 Σ p t + s) / (Σ p² + Σ t² + s), with p = pred, t = target and s = smooth.

    The same as Σ (p - t)² / D, with D the denominator, which is how it is computed. With pool=all an aggregate of all
    rows and outputs, with pool=sample a value a row, over its d outputs. Gradient ℓ' = 2 ((1 - ℓ) p - t) / D, with ℓ
    the loss; curvature 2 ((1 - ℓ) - 2 p ℓ') / D.

    Use it when dice is wanted for soft targets too: it is 0 at p = t, whatever t is.
    Not when results are to be compared with plain dice: on soft predictions the numbers differ.
    Assumes that only overlap counts: it is the squared distance of two masks over the sum of their squared lengths, as
    |p - t|² = |p|² + |t|² - 2 p·t.
    Good: between 0 and 1, 0 only at p = t; steeper than dice for predictions that hesitate.
    Beware: with smooth=0 undefined where both masks are empty, unless empty says what it is there.
    Ends: a large smooth takes every loss towards 0.
    Related: on 0/1 masks p² = p, and it is dice.
    Elsewhere: MONAI's DiceLoss with squared_pred=True, with 1e-5 above and below.
    Reference: Milletari, Navab and Ahmadi (2016), doi:10.1109/3DV.2016.79.

    >>> losscli.evaluate("squared_dice", pred=[0.5, 0.5], target=[1, 0]).value
    0.3333333333333333
    """
    e = pred - target
    apart = e * e, 2 * e, np.full_like(pred, 2.0)
    yield from overlap(pred, target, apart, 2, smooth=smooth, empty=empty, pool=pool)


@loss(
    OVERLAP,
    task="segmentation",
    aliases=("iou", "soft_jaccard", "soft_iou", "jaccard_distance"),
    also=("jaccard:smooth=1", "jaccard:smooth=0.5,pool=sample", "jaccard:empty=0,pool=sample"),
    finish=partial(pooled, 1),
    row_when=("pool", "sample"),
    conflicts=empty_needs_no_smooth,
    properties="symmetric differentiable",
    bounds=(0.0, 1.0),
)
def jaccard(
    pred: "Array", target: "Array", *, smooth: Smooth = 0.0, empty: Empty = "undefined", pool: Pool = "all"
) -> Yields:
    """Jaccard: 1 - (Σ p t + s) / (Σ p + Σ t - Σ p t + s), with p = pred, t = target and s = smooth.

    One minus intersection over union. With pool=all an aggregate of all rows and outputs, with pool=sample a value a
    row, over its d outputs. Gradient -(t U - (I + s)(1 - t)) / U², with I = Σ p t and U the denominator; curvature
    -2 (1 - t)/U times that.

    Use it when segmentations are judged by IoU.
    Not when the hard score itself is to be minimised: lovasz_hinge and lovasz_softmax follow it more closely.
    Assumes that only overlap counts: of 0/1 masks it is the share of their union that they do not share, a metric.
    Good: between 0 and 1; does not depend on how much background there is.
    Beware: with smooth=0 undefined where both masks are empty, unless empty says what it is there; soft targets do not
    reach 0 at p = t; with pool=all not a mean of per-sample values.
    Ends: a large smooth takes every loss towards 0.
    Related: 2ℓ / (1 + ℓ) where dice is ℓ, if smooth is 0: both order masks alike; tversky with alpha = beta = 1.
    Elsewhere: segmentation-models-pytorch's JaccardLoss, a mean over classes; MONAI's DiceLoss with jaccard=True, a
    mean over images and classes with 1e-5 added.
    Reference: Jaccard (1912), doi:10.1111/j.1469-8137.1912.tb05611.x.

    >>> losscli.evaluate("jaccard", pred=[1, 1, 0], target=[1, 0, 0]).value
    0.5
    """
    yield from overlap(pred, target, mistaken(pred, target), 1, smooth=smooth, empty=empty, pool=pool)
