"""Two boxes on one axis and on both: lengths of what they share, span and leave out, and how these move with an edge.

Every length is the difference of two edges, rounded about once, and every area a sum of products of lengths, none
negative: so nothing cancels, neither for boxes that hardly differ nor for small ones far from the origin.
"""

from typing import TYPE_CHECKING, NamedTuple

from losscli.lazy import np

if TYPE_CHECKING:
    from losscli.registry import Array

    Edge = tuple[Array, Array]  # the nearest float64 and what it lacks

MOVES = {  # how much a box's begin and end on an axis move with the first and the second of its numbers there
    "xyxy": ((1.0, 0.0), (0.0, 1.0)),
    "xywh": ((1.0, 1.0), (0.0, 1.0)),
    "cxcywh": ((1.0, 1.0), (-0.5, 0.5)),
}
_LARGE, _SMALLER = 2.0**1000, -100  # differences of larger numbers may overflow


class Axis(NamedTuple):
    """Lengths on one axis in units of 2^power, about what both boxes span.

    `own`, `other`: of the boxes, pred's and target's; `shared`: of what they share; `span`: from the first begin to the
    last end; `gap`: between them; `own_out`, `other_out`: what of each is not shared; `offset`: from the middle of the
    target to that of pred. `inner`: of pred's begin and of its end, 1 where that edge bounds what is shared, ½ where
    both boxes' do, else 0; `outer`: the same of what both span.
    """

    power: "Array"
    own: "Array"
    other: "Array"
    shared: "Array"
    span: "Array"
    gap: "Array"
    own_out: "Array"
    other_out: "Array"
    offset: "Array"
    inner: "tuple[Array, Array]"
    outer: "tuple[Array, Array]"

    @staticmethod
    def of(pred: "Array", target: "Array", form: str) -> "Axis":
        """Of two numbers a box, (n, 2)."""
        size = np.maximum(np.abs(pred).max(axis=1), np.abs(target).max(axis=1))
        shift = np.where(size >= _LARGE, _SMALLER, 0)
        (a, b), (c, d) = (_edges(np.ldexp(box, shift[:, None]), form) for box in (pred, target))
        lengths = [_less(b, a), _less(d, c), _less(b, c), _less(d, a)]
        power = np.frexp(np.maximum.reduce(lengths))[1]
        own, other, *_ = lengths = [np.ldexp(length, -power) for length in lengths]
        begins, ends = (np.ldexp(_less(*edges), -power) for edges in ((a, c), (b, d)))
        least, apart = np.minimum.reduce(lengths), np.minimum.reduce(lengths) <= 0
        shut = np.where(apart, 0.0, 1.0)
        begin, end = (np.sign(begins) + 1) / 2, (1 - np.sign(ends)) / 2
        return Axis(
            power - shift,
            own,
            other,
            np.maximum(least, 0.0),
            np.maximum.reduce(lengths),
            np.maximum(-least, 0.0),
            np.where(apart, own, np.maximum(-begins, 0.0) + np.maximum(ends, 0.0)),
            np.where(apart, other, np.maximum(begins, 0.0) + np.maximum(-ends, 0.0)),
            (begins + ends) / 2,
            (shut * begin, shut * end),
            (1 - begin, 1 - end),
        )

    @property
    def own_lack(self) -> "Array":
        """What pred lacks of the span."""
        return np.where(self.gap > 0, self.other + self.gap, self.other_out)

    @property
    def other_lack(self) -> "Array":
        """What the target lacks of the span."""
        return np.where(self.gap > 0, self.own + self.gap, self.own_out)


def _edges(box: "Array", form: str) -> "tuple[Edge, Edge]":
    first, second = box[:, 0], box[:, 1]
    if form == "xyxy":
        nothing = np.zeros_like(first)
        return (first, nothing), (second, nothing)
    if form == "xywh":
        return (first, np.zeros_like(first)), _two_sum(first, second)
    return _two_sum(first, -second / 2), _two_sum(first, second / 2)


def _two_sum(a: "Array", b: "Array") -> "Edge":
    """The rounded sum and what it lacks (Knuth)."""
    total = a + b
    back = total - a
    return total, (a - (total - back)) + (b - back)


def _less(a: "Edge", b: "Edge") -> "Array":
    """A - b."""
    high, low = _two_sum(a[0], -b[0])
    difference: Array = high + (low + (a[1] - b[1]))
    return difference


def axes(pred: "Array", target: "Array", form: str) -> tuple[Axis, Axis]:
    """Both axes of matched boxes (n, 4)."""
    x, y = (Axis.of(pred[:, k::2], target[:, k::2], form) for k in (0, 1))
    return x, y


class Move(NamedTuple):
    """One of pred's four numbers: how much its begin and its end on an axis move with it."""

    along: Axis
    across: Axis
    begin: float
    end: float

    def of_edges(self, at_begin: "Array", at_end: "Array") -> "Array":
        """How a length or an area changes that grows with the end and shrinks with the begin."""
        return self.end * at_end - self.begin * at_begin

    @property
    def own(self) -> float:
        """How pred's length changes."""
        return self.end - self.begin

    @property
    def span(self) -> "Array":
        """How the length of what both span changes."""
        return self.of_edges(*self.along.outer)

    @property
    def middle(self) -> float:
        """How pred's middle changes."""
        return (self.begin + self.end) / 2


def moves(both: tuple[Axis, Axis], form: str) -> list[Move]:
    """Of each of a box's four numbers."""
    return [Move(along, across, *ends) for ends in MOVES[form] for along, across in (both, both[::-1])]
