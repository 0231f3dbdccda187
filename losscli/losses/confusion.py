"""Losses of a soft confusion table: correlation of two masks, and overlap by class, weighted by the classes' sizes."""

from collections.abc import Sequence
from fractions import Fraction
from math import nan
from typing import TYPE_CHECKING

from losscli.exact import Exact, root, to_float
from losscli.kinds import CLASS_PROBABILITIES, OVERLAP
from losscli.lazy import np
from losscli.losses.overlap import OF_EMPTY, Empty, Pool, nowhere
from losscli.losses.stable import row_sum
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

_ONES = {  # of TP, FP, FN, TN, those that add up to Σp, Σ(1-p), Σt, Σ(1-t)
    "predicted": (1, 1, 0, 0),
    "not predicted": (0, 0, 1, 1),
    "there": (1, 0, 1, 0),
    "not there": (0, 1, 0, 1),
}


def _pooled_correlation(sums: Sequence[Fraction], divisor: Fraction, *, empty: str, pool: str) -> Yields:
    """Of the four sums, with N = TP TN - FP FN, Q the product of the margins and M = N / √Q: 1 - M, and with L = ln Q
    M_k = (N_k - N L_k / 2) / √Q, M_km = (N_km - (L_m N_k + L_k N_m)/2 + N L_k L_m / 4 - N L_km / 2) / √Q.
    """
    hit, false, missed, rest = sums
    margins = [sum((s for s, one in zip(sums, ones, strict=True) if one), Fraction(0)) for ones in _ONES.values()]
    if not all(margins):
        is_perfect = not (false or missed)
        yield from nowhere(empty, 4, None if is_perfect or empty == "undefined" else 1.0)
        return
    n, square = hit * rest - false * missed, margins[0] * margins[1] * margins[2] * margins[3]
    correlation = root(n * n / square)
    yield to_float((1 - n * n / square) / (1 + Fraction(correlation))) if n > 0 else 1 + correlation
    inverse = 1 / _root(square)
    of_n = rest, -missed, -false, hit
    of_log = [
        sum((one / m for one, m in zip(ones, margins, strict=True)), Fraction(0))
        for ones in zip(*_ONES.values(), strict=True)
    ]
    yield tuple(inverse * (n * log / 2 - slope) for slope, log in zip(of_n, of_log, strict=True))
    first, second, third, fourth = (tuple(Fraction(i == k) for i in range(4)) for k in range(4))
    yield [
        (-2 * inverse, first, fourth),
        (2 * inverse, second, third),
        (inverse, of_log, of_n),
        (-inverse * n / 4, of_log, of_log),
        *((-inverse * n / 2 / m**2, ones, ones) for ones, m in zip(_ONES.values(), margins, strict=True)),
    ]


def _root(square: Fraction) -> Fraction:
    """The root of a fraction that may be beyond a float64, to 53 bits."""
    shift = (square.numerator.bit_length() - square.denominator.bit_length()) // 2
    return Fraction(root(square / Fraction(4) ** shift)) * Fraction(2) ** shift


@loss(
    OVERLAP,
    task="segmentation",
    also=("mcc:empty=0", "mcc:empty=1,pool=sample"),
    finish=_pooled_correlation,
    row_when=("pool", "sample"),
    properties="symmetric differentiable",
    bounds=(0.0, 2.0),
)
def mcc(pred: "Array", target: "Array", *, empty: Empty = "undefined", pool: Pool = "all") -> Yields:
    """MCC: 1 - (TP TN - FP FN) / √((TP + FP)(TP + FN)(TN + FP)(TN + FN)), with soft counts TP = Σ p t and so on.

    One minus Matthews' correlation coefficient; p = pred, t = target, FP = Σ p (1 - t), FN = Σ (1 - p) t,
    TN = Σ (1 - p)(1 - t). With pool=all an aggregate of all rows and outputs, with pool=sample a value a row, over its
    d outputs. Gradient M h/2 - u, with u = (t Σ(1-t) - (1 - t) Σt) / R, R the root, M the coefficient and
    h = 1/Σp - 1/Σ(1-p); curvature h u - M (h²/4 + (1/(Σp)² + 1/(Σ(1-p))²)/2).

    Use it when object and background are both to be right, however unequal they are.
    Not when only the object matters: dice and jaccard leave the background out.
    Assumes that p and t are shares of a 2 by 2 table: of 0/1 masks M is their Pearson correlation, since
    cov = (TP TN - FP FN)/n² and the variances are products of the margins over n².
    Good: 0 for a perfect mask, 1 for one that tells nothing, 2 for its opposite; looks at all four counts.
    Beware: undefined where pred or target is all object or all background; if empty says a value, that is the loss
    where both are so and agree, and where they do not the correlation counts as 0, the loss as 1.
    Related: dice, which has no TN; of 0/1 masks, each less its mean and over its deviation, the mse is 2 (1 - M).
    Elsewhere: scikit-learn's matthews_corrcoef of hard masks is M, and 0 where it is undefined, which is empty=1 here;
    segmentation-models-pytorch's MCCLoss adds 1e-5 to numerator and denominator.
    Reference: Matthews (1975), doi:10.1016/0005-2795(75)90109-9; as a loss Abhishek and Hamarneh (2020),
    arXiv:2010.13454.

    >>> losscli.evaluate("mcc", pred=[1, 1, 0, 0], target=[1, 0, 0, 0]).value
    0.42264973081037427
    """
    absent = 1 - target
    cells = pred * target, pred * absent, (1 - pred) * target, (1 - pred) * absent
    if pool == "sample":
        yield from _correlations_of_rows(pred.shape, target, cells, empty)
        return
    yield cells
    yield target, absent, -target, -absent
    yield (np.zeros_like(pred),) * 4


def _correlations_of_rows(shape: tuple[int, ...], target: "Array", cells: "tuple[Array, ...]", empty: str) -> Yields:
    target = target.reshape(len(target), -1)
    hit, false, missed, rest = (row_sum(cell.reshape(target.shape))[:, None] for cell in cells)
    yes, no, there, absent = hit + false, missed + rest, hit + missed, false + rest
    roots = [np.sqrt(margin) for margin in (yes, no, there, absent)]
    tells = float(target.shape[1] > 1)  # of a single pixel the two products are equal, but for their roundings
    right = hit / roots[0] / roots[2] * (rest / roots[1] / roots[3])
    wrong = false / roots[0] / roots[3] * (missed / roots[1] / roots[2])
    m = tells * (right - wrong)
    is_defined = (yes > 0) & (no > 0) & (there > 0) & (absent > 0)
    of_empty = np.where(false + missed == 0, OF_EMPTY[empty], nan if empty == "undefined" else 1.0)
    # 1 - M² = x + y - xy, where 1 - x and 1 - y are informedness and markedness: nothing cancels near M = 1
    x, y = missed / there + false / absent, false / yes + missed / no
    yield np.where(is_defined, np.where(m > 0, (x + y * (1 - x)) / (1 + m), 1 - m), of_empty)[:, 0]
    flat = np.where(is_defined | (empty != "undefined"), 0.0, nan)
    odds = roots[3] / roots[2]
    part = tells * (target * odds - (1 - target) / odds) / roots[0] / roots[1]
    h = 1 / yes - 1 / no
    yield np.where(is_defined, m * h / 2 - part, flat).reshape(shape)
    bend = h * part - m * (h * h / 4 + (1 / yes / yes + 1 / no / no) / 2)
    yield np.where(is_defined, bend, flat).reshape(shape)


@loss(
    CLASS_PROBABILITIES,
    task="segmentation",
    scope="whole",
    properties="differentiable",
    bounds=(0.0, 1.0),
)
def generalized_dice(pred: "Array", target: "Array", weight: "Array") -> Yields:
    """Generalised Dice: 1 - 2 Σ_c v_c Σ p t / Σ_c v_c Σ (p + t), with v_c = 1 / (Σ t)² for class c.

    The inner sums are over all rows, with their weights; p = pred and t = target in the column of class c. A class that
    no target has is left out. It needs all rows at once. Gradient w v_c ((1 - ℓ) - 2t) / D, with w the row's weight, ℓ
    the loss and D the denominator; curvature -2 w v_c / D times that.

    Use it when classes differ much in size and the small ones must not be lost.
    Not when a class may have a pixel or two: its weight is then all there is.
    Assumes that a class matters by the inverse square of its size: where p is about right its part of the denominator,
    v_c Σ (p + t), is about 2/Σt, so that the smaller classes decide.
    Good: between 0 and 1; one overlap of all classes, so that a small class is not lost beside a large one.
    Beware: an absent class has infinite weight by the formula; here it is left out, so what is predicted of it counts
    only by what is taken from others. Soft targets do not reach 0 at p = t.
    Related: with one size for all classes dice, of all columns.
    Elsewhere: MONAI's GeneralizedDiceLoss gives absent classes the largest weight of the others and adds 1e-5; optax's
    multiclass_generalized_dice_loss is a weighted mean of the classes' Dice, another quantity.
    Reference: Sudre, Li, Vercauteren, Ourselin and Cardoso (2017), doi:10.1007/978-3-319-67558-9_28.

    >>> losscli.evaluate("generalized_dice", pred=[[0.75, 0.25], [0.5, 0.5]], target=[0, 1]).value
    0.375
    """
    p, w = pred[0], weight[0]
    t = target[0] if target.ndim == 3 else (target[0][:, None] == np.arange(p.shape[1])).astype(np.float64)
    sums = [[Exact.of(*factors, w).fraction for factors in ((a,), (b,), (a, b))] for a, b in zip(p.T, t.T, strict=True)]
    weights = [1 / there**2 if there else Fraction(0) for _, there, _ in sums]
    whole = sum((v * (yes + there) for v, (yes, there, _) in zip(weights, sums, strict=True)), Fraction(0))
    both = sum((2 * v * hit for v, (_, _, hit) in zip(weights, sums, strict=True)), Fraction(0))
    yield np.array([to_float((whole - both) / whole)])
    share = np.array([to_float(v / whole) for v in weights]) * w[:, None]
    gradient = share * (to_float(both / whole) - 2 * t)
    yield gradient[None]
    yield (-2 * gradient * share)[None]
