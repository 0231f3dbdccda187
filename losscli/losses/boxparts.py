"""What losses of matched boxes are added up from: each part yields its value, its gradient and its Hessian diagonal,
(n,) and (n, 4).
"""

from math import pi
from typing import TYPE_CHECKING

from losscli.lazy import np
from losscli.losses.rectangles import Axis, Move
from losscli.registry import Yields

if TYPE_CHECKING:
    from losscli.registry import Array


def added(*parts: Yields) -> Yields:
    """The sum of parts."""
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


def lost(both: tuple[Axis, Axis], several: list[Move], of_empty: float) -> Yields:
    """1 - I/U."""
    shared, apart, union = _areas(*both)
    x, y = both
    some = ((x.own > 0) & (y.own > 0)) | ((x.other > 0) & (y.other > 0))
    union = np.where(union > 0, union, 1.0)  # of boxes so far apart that their areas vanish beside the hull's
    yield np.where(some, np.where(shared > 0, apart / union, 1.0), of_empty)
    flat, has_slope = np.where(some, 0.0, 0.0 * of_empty), some & (apart > 0)
    slopes = [np.where(has_slope, _slope_of_lost(move, shared, union), flat) for move in several]
    yield _columns(several, slopes, 1)
    bends = [-2 * _growth(move) / union * slope for move, slope in zip(several, slopes, strict=True)]
    yield _columns(several, bends, 2)


def _slope_of_lost(move: Move, shared: "Array", union: "Array") -> "Array":
    """(I U' - I' U) / U²: an edge that bounds what is shared costs as it moves in, another as it moves out."""
    along, across = move.along, move.across
    gained = across.shared * (across.own * along.own_out + along.other * across.other) / union
    return move.of_edges(*((1 - m) * (shared / union * across.own) - m * gained for m in along.inner)) / union


def wasted(both: tuple[Axis, Axis], several: list[Move]) -> Yields:
    """(H - U)/H."""
    x, y = both
    (shared, apart, union), hull = _areas(x, y), x.span * y.span
    corners = x.own_out * y.other_out + x.other_out * y.own_out
    rest = np.where(x.shared == 0, _between(x, y), np.where(y.shared == 0, _between(y, x), corners))
    some, is_equal = hull > 0, (shared > 0) & (apart == 0)
    yield np.where(some, rest / hull, 0.0)
    growths = [move.span / move.along.span for move in several]  # of the hull, as a share of it
    slopes = [(union * g - _growth(move)) / hull for move, g in zip(several, growths, strict=True)]
    slopes = [np.where(some & ~is_equal, s, 0.0) for s in slopes]
    yield _columns(several, slopes, 1)
    bends = [-2 * g * s for g, s in zip(growths, slopes, strict=True)]
    yield _columns(several, [np.where(some, b, 0.0) for b in bends], 2)


def _between(along: Axis, across: Axis) -> "Array":
    """The hull less both boxes, which share nothing along this axis."""
    rest: Array = along.gap * across.span + along.own * across.own_lack + along.other * across.other_lack
    return rest


def _less(both: tuple[Axis, Axis]) -> "tuple[Array, Array]":
    """How much less each axis's power is than the larger of them."""
    power = np.maximum(both[0].power, both[1].power)
    return both[0].power - power, both[1].power - power


def _alike(x: "Array", y: "Array", less: "tuple[Array, Array]") -> "tuple[Array, Array]":
    """Lengths on both axes in one unit."""
    return np.ldexp(x, less[0]), np.ldexp(y, less[1])


def distant(both: tuple[Axis, Axis], several: list[Move]) -> Yields:
    """ρ²/c²; of boxes that are one point 0."""
    (x, y), less = both, _less(both)
    offsets, spans = _alike(x.offset, y.offset, less), _alike(x.span, y.span, less)
    square = spans[0] * spans[0] + spans[1] * spans[1]
    some = square > 0
    share = (offsets[0] * offsets[0] + offsets[1] * offsets[1]) / square
    yield np.where(some, share, 0.0)
    steps = _alike(np.ones_like(square), np.ones_like(square), less)
    slopes, growths = [], []
    for j, move in enumerate(several):
        growths.append(2 * spans[j % 2] * (steps[j % 2] * move.span))
        closer = 2 * offsets[j % 2] * (steps[j % 2] * move.middle)
        slopes.append(np.where(some, (closer - share * growths[-1]) / square, 0.0))
    yield _columns(several, slopes, 1)
    bends = []
    for j, (move, slope, growth) in enumerate(zip(several, slopes, growths, strict=True)):
        second = 2 * steps[j % 2] ** 2 * (move.middle**2 - share * move.span**2)
        bends.append(np.where(some, (second - 2 * slope * growth) / square, 0.0))
    yield _columns(several, bends, 2)


_TURN = 4 / pi**2


def bent(both: tuple[Axis, Axis], several: list[Move], of_lost: Yields) -> Yields:
    """αv = v²/(1 - I/U + v), with v the squared angle between the boxes' diagonals, a right one being 1; of equal boxes
    0.
    """
    (x, y), less = both, _less(both)
    (w, h), (w_t, h_t) = _alike(x.own, y.own, less), _alike(x.other, y.other, less)
    angle = np.arctan2(w_t * h - w * h_t, h_t * h + w_t * w)
    v, apart = _TURN * angle * angle, next(of_lost)
    total = (apart + v)[:, None]
    some = total != 0  # NaN too
    alpha = np.where(some, v[:, None] / total, 0.0)
    yield alpha[:, 0] * v
    turns, twists = _turning(w, h, [np.ldexp(move.own, less[j % 2]) for j, move in enumerate(several)])
    v_slope = _columns(several, [2 * _TURN * angle * turn for turn in turns], 1)
    apart_slope = next(of_lost)
    yield (2 - alpha) * alpha * v_slope - alpha * alpha * apart_slope
    bends = [2 * _TURN * (turn * turn + angle * twist) for turn, twist in zip(turns, twists, strict=True)]
    skew = alpha * apart_slope - (1 - alpha) * v_slope
    mixed = np.where(some, 2 * skew * (skew / total), 0.0)
    yield (2 - alpha) * alpha * _columns(several, bends, 2) - alpha * alpha * next(of_lost) + mixed


def _turning(w: "Array", h: "Array", growths: "list[Array]") -> "tuple[list[Array], list[Array]]":
    """First and second derivatives of minus the angle of pred's diagonal, as each of its numbers makes a side grow."""
    diagonal = np.hypot(w, h)
    some = diagonal > 0
    turns = [np.where(some, side / diagonal / diagonal, 0.0) for side in (-h, w)]
    twist = np.where(some, 2 * (w / diagonal) * (h / diagonal) / diagonal / diagonal, 0.0)
    twists = [twist, -twist]
    return (
        [turns[j % 2] * growth for j, growth in enumerate(growths)],
        [twists[j % 2] * growth**2 for j, growth in enumerate(growths)],
    )
