"""Boxes matched row by row: intersection over union, and what it lacks where boxes are apart."""

from math import pi
from typing import TYPE_CHECKING, Annotated, Literal

from losscli.kinds import BOXES
from losscli.lazy import np
from losscli.losses.overlap import OF_EMPTY
from losscli.losses.rectangles import Axis, Move, axes, moves
from losscli.parameters import Param
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array

Format = Annotated[
    Literal["xyxy", "xywh", "cxcywh"],
    Param("what a box's numbers are: two corners; a corner, width and height; or centre, width and height"),
]
Empty = Annotated[Literal["undefined", "0", "1"], Param("1 - IoU where prediction and target both have no area")]


@loss(
    BOXES,
    task="detection",
    aliases=("iou_boxes",),
    also=("box_iou:box_format=xywh", "box_iou:box_format=cxcywh,empty=1"),
    properties="symmetric",
    bounds=(0.0, 1.0),
)
def box_iou(pred: "Array", target: "Array", *, box_format: Format = "xyxy", empty: Empty = "undefined") -> Yields:
    """Box IoU: 1 - I/U, with I the area that two boxes share and U the area of their union.

    One value a row: row by row pred is compared with the target matched to it. Gradient -(I' U - I U') / U², from the
    lengths of the sides; curvature -2 U'/U times that.

    Use it when a detector's boxes are judged by IoU and already overlap their targets.
    Not when boxes may be apart: then it is 1 wherever they are, with no slope; giou and diou have one.
    Assumes that only shared area counts: it is the Jaccard distance of the two boxes as sets of points, a metric.
    Good: between 0 and 1; does not depend on the scale of the coordinates.
    Beware: undefined where neither box has an area, unless empty says what it is there.
    Kinks: where an edge lies on an edge of the other box the mean of both sides' slopes is taken, so that it is 0 for
    equal boxes; where boxes only touch, 0.
    Related: jaccard, of masks; giou, diou and ciou add terms to it.
    Elsewhere: torchvision.ops.box_iou is I/U of all pairs.
    Reference: Yu, Jiang, Wang, Cao and Huang (2016), arXiv:1608.01471, as -ln(I/U).

    >>> losscli.evaluate("box_iou", pred=[[0, 0, 2, 2]], target=[[0, 0, 2, 1]]).value
    0.5
    """
    both = axes(pred, target, box_format)
    yield from _lost(both, moves(both, box_format), OF_EMPTY[empty])


@loss(
    BOXES,
    task="detection",
    aliases=("generalized_iou", "generalized_box_iou", "generalized_box_iou_loss", "giou_loss", "GIoULoss"),
    also=("giou:box_format=xywh", "giou:box_format=cxcywh,empty=1"),
    properties="symmetric",
    bounds=(0.0, 2.0),
)
def giou(pred: "Array", target: "Array", *, box_format: Format = "xyxy", empty: Empty = "undefined") -> Yields:
    """GIoU: 1 - I/U + (H - U)/H, with I and U the boxes' intersection and union, H the least box around both.

    One value a row, of matched boxes. Gradient that of box_iou plus (U H'/H - U')/H; curvature that of box_iou minus
    2 H'/H times the latter.

    Use it when boxes may be apart, and are to be drawn together then.
    Not when boxes lie within each other for long: there H = U, and it is box_iou.
    Assumes that what of the hull belongs to neither box is a measure of how far they are apart.
    Good: between 0 and 2, never below box_iou; has a slope where boxes do not meet.
    Beware: a box may first grow towards its target rather than move. Where neither box has an area 1 - I/U is
    undefined, unless empty says what it is.
    Kinks: where an edge lies on an edge of the other box the mean of both sides' slopes is taken; where boxes touch, 0
    for I.
    Related: box_iou is its first part; diou has a distance in place of the second.
    Elsewhere: torchvision's generalized_box_iou_loss adds 1e-7 to both denominators.
    Reference: Rezatofighi, Tsoi, Gwak, Sadeghian, Reid and Savarese (2019), doi:10.1109/CVPR.2019.00075.

    >>> losscli.evaluate("giou", pred=[[0, 0, 1, 1]], target=[[3, 0, 4, 1]]).value
    1.5
    """
    both = axes(pred, target, box_format)
    several = moves(both, box_format)
    yield from _sum(_lost(both, several, OF_EMPTY[empty]), _wasted(both, several))


@loss(
    BOXES,
    task="detection",
    aliases=("distance_iou", "distance_box_iou", "distance_box_iou_loss", "diou_loss", "DIoULoss"),
    also=("diou:box_format=xywh", "diou:box_format=cxcywh,empty=1"),
    properties="symmetric",
    bounds=(0.0, 2.0),
)
def diou(pred: "Array", target: "Array", *, box_format: Format = "xyxy", empty: Empty = "undefined") -> Yields:
    """DIoU: 1 - I/U + ρ²/c², with I/U the boxes' IoU, ρ the distance of their centres, c the diagonal of their hull.

    One value a row, of matched boxes. Gradient that of box_iou plus (ρ²' - ρ²/c² c²')/c²; curvature that of box_iou
    plus (ρ²'' - ρ²/c² c²'' - 2 (ρ²/c²)' c²')/c².

    Use it when boxes may be apart or within each other: the centres are drawn together at once.
    Not when aspect ratios matter beside that: ciou adds a term for them.
    Assumes that the distance of centres counts in units of the hull's diagonal, so that scale does not matter.
    Good: between 0 and 2; has a slope where boxes do not meet, and where one contains the other.
    Beware: where neither box has an area 1 - I/U is undefined, unless empty says what it is.
    Kinks: where an edge lies on an edge of the other box the mean of both sides' slopes is taken; where boxes touch, 0
    for I.
    Related: box_iou is its first part; ciou adds a third.
    Elsewhere: torchvision's distance_box_iou_loss adds 1e-7 to both denominators.
    Reference: Zheng, Wang, Liu, Li, Ye and Ren (2020), doi:10.1609/aaai.v34i07.6999, arXiv:1911.08287.

    >>> losscli.evaluate("diou", pred=[[0, 0, 2, 2]], target=[[2, 0, 4, 2]]).value
    1.2
    """
    both = axes(pred, target, box_format)
    several = moves(both, box_format)
    yield from _sum(_lost(both, several, OF_EMPTY[empty]), _distant(both, several))


@loss(
    BOXES,
    task="detection",
    aliases=("complete_iou", "complete_box_iou", "complete_box_iou_loss", "ciou_loss", "CIoULoss"),
    also=("ciou:box_format=xywh", "ciou:box_format=cxcywh,empty=1"),
    properties="symmetric",
    bounds=(0.0, 2.5),
)
def ciou(pred: "Array", target: "Array", *, box_format: Format = "xyxy", empty: Empty = "undefined") -> Yields:
    """CIoU: 1 - I/U + ρ²/c² + αv, which is diou plus v = 4/π² (arctan w_t/h_t - arctan w_p/h_p)², α = v/(1 - I/U + v).

    One value a row, of matched boxes; w and h are the sides. Gradient that of diou plus (2 - α) α v' - α² (1 - I/U)',
    the derivative of the value as it stands; curvature likewise, with
    2 (α (1 - I/U)' - (1 - α) v')² / (1 - I/U + v) besides.

    Use it when boxes are to have the target's aspect ratio too, not only its place.
    Not when targets are nearly lines, whose ratio jumps with a pixel.
    Assumes that overlap, centre distance and aspect ratio each count, the last the more the better the overlap.
    Good: as diou, with a slope where only the aspect ratio is wrong.
    Beware: the paper and its code take α as a constant in the gradient: theirs is not the slope of the value, ours is.
    Where neither box has an area 1 - I/U is undefined, unless empty says what it is; of a box that is a point v is 0.
    Kinks: where an edge lies on an edge of the other box the mean of both sides' slopes is taken; where boxes touch, 0
    for I.
    Related: diou, without the aspect ratio.
    Elsewhere: torchvision's complete_box_iou_loss adds 1e-7 to three denominators and holds α fixed in the gradient.
    Reference: Zheng, Wang, Liu, Li, Ye and Ren (2020), doi:10.1609/aaai.v34i07.6999, arXiv:1911.08287.

    >>> losscli.evaluate("ciou", pred=[[0, 0, 2, 2]], target=[[2, 0, 4, 2]]).value
    1.2
    """
    both = axes(pred, target, box_format)
    several, of_empty = moves(both, box_format), OF_EMPTY[empty]
    bent = _bent(both, several, _lost(both, several, of_empty))
    yield from _sum(_lost(both, several, of_empty), _distant(both, several), bent)


# Parts: each yields its value, its gradient and its Hessian diagonal, (n,) and (n, 4)


def _sum(*parts: Yields) -> Yields:
    for orders in zip(*parts, strict=True):
        yield sum(orders[1:], orders[0])


def _columns(several: list[Move], derivatives: "list[Array]", order: int) -> "Array":
    """Derivatives in units of each number's axis, in its own."""
    scaled = [np.ldexp(d, -order * move.along.power) for move, d in zip(several, derivatives, strict=True)]
    return np.stack(scaled, axis=1)


def _areas(x: Axis, y: Axis) -> "tuple[Array, Array, Array]":
    """What is shared; what only one of the boxes has; their union."""
    shared = x.shared * y.shared
    own = x.own_out * y.own + x.shared * y.own_out
    apart = own + (x.other_out * y.other + x.shared * y.other_out)
    return shared, apart, apart + shared


def _growth(move: Move) -> "Array":
    """How the union changes."""
    along, across = move.along, move.across
    return move.of_edges(*((1 - m) * across.own + m * across.own_out for m in along.inner))


def _lost(both: tuple[Axis, Axis], several: list[Move], of_empty: float) -> Yields:
    """1 - I/U."""
    shared, apart, union = _areas(*both)
    x, y = both
    some = ((x.own > 0) & (y.own > 0)) | ((x.other > 0) & (y.other > 0))
    union = np.where(union > 0, union, 1.0)  # of boxes so far apart that their areas vanish beside the hull's
    yield np.where(some, np.where(shared > 0, apart / union, 1.0), of_empty)
    slopes = [_slope_of_lost(move, shared, union) for move in several]
    flat = np.where(some, 0.0, 0.0 * of_empty)
    yield _columns(several, [np.where(some, s, flat) for s in slopes], 1)
    bends = [-2 * _growth(move) / union * slope for move, slope in zip(several, slopes, strict=True)]
    yield _columns(several, [np.where(some, b, flat) for b in bends], 2)


def _slope_of_lost(move: Move, shared: "Array", union: "Array") -> "Array":
    """(I U' - I' U) / U²: an edge that bounds what is shared costs as it moves in, another as it moves out."""
    along, across = move.along, move.across
    gained = across.shared * (across.own * along.own_out + along.other * across.other) / union
    return move.of_edges(*((1 - m) * (shared / union * across.own) - m * gained for m in along.inner)) / union


def _wasted(both: tuple[Axis, Axis], several: list[Move]) -> Yields:
    """(H - U)/H."""
    x, y = both
    union, hull = _areas(x, y)[2], x.span * y.span
    corners = x.own_out * y.other_out + x.other_out * y.own_out
    rest = np.where(x.shared == 0, _between(x, y), np.where(y.shared == 0, _between(y, x), corners))
    some = hull > 0
    yield np.where(some, rest / hull, 0.0)
    growths = [move.span / move.along.span for move in several]  # of the hull, as a share of it
    slopes = [(union * g - _growth(move)) / hull for move, g in zip(several, growths, strict=True)]
    yield _columns(several, [np.where(some, s, 0.0) for s in slopes], 1)
    bends = [-2 * g * s for g, s in zip(growths, slopes, strict=True)]
    yield _columns(several, [np.where(some, b, 0.0) for b in bends], 2)


def _between(along: Axis, across: Axis) -> "Array":
    """The hull less both boxes, which share nothing along this axis."""
    return along.gap * across.span + along.own * across.own_lack + along.other * across.other_lack


def _common(both: tuple[Axis, Axis]) -> "tuple[Array, tuple[Array, Array]]":
    """The larger of both axes' powers, and how much less each axis's is."""
    power = np.maximum(both[0].power, both[1].power)
    return power, (both[0].power - power, both[1].power - power)


def _distant(both: tuple[Axis, Axis], several: list[Move]) -> Yields:
    """ρ²/c²; of boxes that are one point 0."""
    _, less = _common(both)
    offsets, spans = (
        [np.ldexp(length, k) for length, k in zip(lengths, less, strict=True)]
        for lengths in ((both[0].offset, both[1].offset), (both[0].span, both[1].span))
    )
    square = spans[0] * spans[0] + spans[1] * spans[1]
    some = square > 0
    share = (offsets[0] * offsets[0] + offsets[1] * offsets[1]) / square
    yield np.where(some, share, 0.0)
    steps = [np.ldexp(1.0, k) for k in less]  # an axis's unit, in the common one
    slopes, growths = [], []
    for j, move in enumerate(several):
        offset, span, step = offsets[j % 2], spans[j % 2], steps[j % 2]
        growths.append(2 * span * (step * move.span))
        slopes.append((2 * offset * (step * move.middle) - share * growths[-1]) / square)
    yield _columns(several, [np.where(some, s, 0.0) for s in slopes], 1)
    bends = []
    for j, (move, slope, growth) in enumerate(zip(several, slopes, growths, strict=True)):
        second = 2 * steps[j % 2] ** 2 * (move.middle**2 - share * move.span**2)
        bends.append((second - 2 * slope * growth) / square)
    yield _columns(several, [np.where(some, b, 0.0) for b in bends], 2)


_TURN = 4 / pi**2


def _bent(both: tuple[Axis, Axis], several: list[Move], lost: Yields) -> Yields:
    """αv = v²/(1 - I/U + v), where v is the angle between the boxes' diagonals, squared; of equal boxes 0."""
    _, less = _common(both)
    (w, h), (w_t, h_t) = (
        [np.ldexp(length, k) for length, k in zip(lengths, less, strict=True)]
        for lengths in ((both[0].own, both[1].own), (both[0].other, both[1].other))
    )
    angle = np.arctan2(w_t * h - w * h_t, h_t * h + w_t * w)
    v, x = _TURN * angle * angle, next(lost)
    total = x + v
    some = total != 0  # NaN too
    alpha = np.where(some, v / total, 0.0)
    yield alpha * v
    diagonal = np.hypot(w, h)
    turns = [np.where(diagonal > 0, side / diagonal / diagonal, 0.0) for side in (-h, w)]
    turns = [turns[j % 2] * np.ldexp(move.own, less[j % 2]) for j, move in enumerate(several)]
    v_slope = _columns(several, [2 * _TURN * angle * turn for turn in turns], 1)
    x_slope, alpha = next(lost), alpha[:, None]
    yield (2 - alpha) * alpha * v_slope - alpha * alpha * x_slope
    twist = np.where(diagonal > 0, 2 * (w / diagonal) * (h / diagonal) / diagonal / diagonal, 0.0)
    twists = [(1 - 2 * (j % 2)) * twist * np.ldexp(move.own, less[j % 2]) ** 2 for j, move in enumerate(several)]
    v_bend = _columns(
        several, [2 * _TURN * (turn * turn + angle * t) for turn, t in zip(turns, twists, strict=True)], 2
    )
    skew = alpha * x_slope - (1 - alpha) * v_slope
    mixed = np.where(some[:, None], 2 * skew * (skew / total[:, None]), 0.0)
    yield (2 - alpha) * alpha * v_bend - alpha * alpha * next(lost) + mixed
