"""Boxes matched row by row: intersection over union, and what it lacks where boxes are apart."""

from typing import TYPE_CHECKING, Annotated, Literal

from losscli.kinds import BOXES
from losscli.losses.boxparts import added, bent, distant, lost, wasted
from losscli.losses.overlap import OF_EMPTY
from losscli.losses.rectangles import axes, moves
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
    yield from lost(both, moves(both, box_format), OF_EMPTY[empty])


@loss(
    BOXES,
    task="detection",
    aliases=("generalized_iou_loss", "generalized_box_iou_loss", "giou_loss", "GIoULoss"),
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
    yield from added(lost(both, several, OF_EMPTY[empty]), wasted(both, several))


@loss(
    BOXES,
    task="detection",
    aliases=("distance_iou_loss", "distance_box_iou_loss", "diou_loss", "DIoULoss"),
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
    yield from added(lost(both, several, OF_EMPTY[empty]), distant(both, several))


@loss(
    BOXES,
    task="detection",
    aliases=("complete_iou_loss", "complete_box_iou_loss", "ciou_loss", "CIoULoss"),
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
    Elsewhere: torchvision's complete_box_iou_loss adds 1e-7 below, in part though eps=0 is said, and holds α fixed in
    the gradient.
    Reference: Zheng, Wang, Liu, Li, Ye and Ren (2020), doi:10.1609/aaai.v34i07.6999, arXiv:1911.08287.

    >>> losscli.evaluate("ciou", pred=[[0, 0, 2, 2]], target=[[2, 0, 4, 2]]).value
    1.2
    """
    both = axes(pred, target, box_format)
    several, of_empty = moves(both, box_format), OF_EMPTY[empty]
    ratio = bent(both, several, lost(both, several, of_empty))
    yield from added(lost(both, several, of_empty), distant(both, several), ratio)
