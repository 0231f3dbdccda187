"""Calibration: whether what is predicted with a confidence comes true as often as that says."""

from fractions import Fraction
from math import inf
from typing import TYPE_CHECKING, Annotated

from losscli.exact import Exact, to_float
from losscli.kinds import PROBABILITIES
from losscli.lazy import np
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array


@loss(
    PROBABILITIES,
    task="classification",
    aliases=("expected_calibration_error",),
    also=("ece:n_bins=3",),
    scope="whole",
    bounds=(0.0, 1.0),
    underived="confidences are sorted into bins, and only within a bin does a slope mean anything",
)
def ece(
    pred: "Array",
    target: "Array",
    weight: "Array",
    *,
    n_bins: Annotated[
        int, Param("how many bins of equal width the confidences from 0 to 1 fall into", ge=1, lt=inf)
    ] = 15,
) -> Yields:
    """Expected calibration error: Σ_b |Σ_{i in b} w_i (a_i - c_i)| / Σ w, with confidences c, hits a and weights w.

    c_i is the probability of the predicted class, the first of the largest; a_i is 1 where that class is right, else 0,
    or its share of a soft target. Bin k of m holds the confidences in ((k-1)/m, k/m]. One column of probabilities is
    P(class 1), and as good as the two columns 1-p and p. It has no derivatives; one value of all rows.

    Use it when a probability is to be read as a frequency: of what is said to be 80 % sure, 80 % should come true.
    Not when training or choosing models by it alone: guessing the most frequent class with its frequency has error 0.
    Assumes that confidences within a bin mean the same, so that their mean stands beside the share of hits.
    Good: easy to read: by how much confidence and hits differ, on average over the rows.
    Beware: depends on the bins: few hide errors that cancel, many find some in pure chance; few rows overstate it; the
    other classes' probabilities do not count.
    Ends: n_bins = 1 is |mean confidence - share of hits|.
    Related: brier adds to calibration how far the forecasts tell the outcomes apart, and is a proper score.
    Elsewhere: torchmetrics calibration_error, with the same bins; of one column it takes the bins of p and the share of
    class 1, which is another number.
    Reference: Naeini, Cooper and Hauskrecht (2015), doi:10.1609/aaai.v29i1.9602; of the predicted class, Guo et al.
    (2017), arXiv:1706.04599.

    >>> losscli.evaluate("ece:n_bins=2", pred=[[0.75, 0.25], [0.75, 0.25]], target=[0, 1]).value
    0.25
    """
    yield np.array([_error(*rows, n_bins) for rows in zip(pred, target, weight, strict=True)])


def _error(pred: "Array", target: "Array", weight: "Array", bins: int) -> float:
    """Of one group, with sums that are exact: no order of the rows changes a bit, and a weight is a repetition."""
    confidence, hit = _guesses(pred, target)
    bin_of = _bins_of(confidence, bins)
    apart = Fraction(0)
    for one in np.unique(bin_of):
        w, c, a = (array[bin_of == one] for array in (weight, confidence, hit))
        apart += abs(Exact.of(w, a).fraction - Exact.of(w, c).fraction)
    return to_float(apart / Exact.of(weight).fraction)


def _guesses(pred: "Array", target: "Array") -> "tuple[Array, Array]":
    """The probability of the predicted class, and whether it is right, or how much of the target it is."""
    if pred.ndim == 1:
        is_one = pred > 0.5
        return np.where(is_one, pred, 1 - pred), np.where(is_one, target, 1 - target)
    guess = pred.argmax(axis=1)
    confidence = np.take_along_axis(pred, guess[:, None], axis=1)[:, 0]
    if target.ndim == 1:
        return confidence, (guess == target).astype(np.float64)
    return confidence, np.take_along_axis(target, guess[:, None], axis=1)[:, 0]


def _bins_of(confidence: "Array", bins: int) -> "Array":
    """The bin of each confidence, counted from 1: its upper end k/m, the nearest float64, is in it."""
    guess = np.ceil(confidence * bins)
    guess = np.where(confidence <= (guess - 1) / bins, guess - 1, guess)
    found: Array = np.where(confidence > guess / bins, guess + 1, guess)
    return found
