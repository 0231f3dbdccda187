"""A drawing of a loss of one number, and of its slope, with the signs of a terminal."""

from math import isfinite
from typing import TYPE_CHECKING

from losscli.kinds import NONZERO_TARGET, PAIRED, UNIT, Interval, Role, Values
from losscli.lazy import np
from losscli.literals import format_number
from losscli.registry import Loss

if TYPE_CHECKING:
    from losscli.registry import Array

_ROWS, _WIDEST, _LEAST = 9, 61, 21
_REACH = 3.0  # to both sides of the target, in units of the largest parameter that is a length
_LENGTHS = ("delta", "beta", "c", "eps", "margin", "w")


def curve(loss: Loss, columns: int, is_ascii: bool = False) -> str:
    """The loss and its slope over the prediction, for a target in the middle of things; nothing where a value is not
    of one number, or does not depend on it alone.
    """
    width = min(columns - 12, _WIDEST)
    if width < _LEAST or not _is_of_one_number(loss):
        return ""
    target = _target(loss)
    x = _points(loss, width, target)
    order = 0 if loss.definition.underived else 1
    others = [np.full(width, 1.0) for _ in loss.kind.roles[2:]]
    found = loss.compute(loss.check([x, np.full(width, target), *others]), order)
    if np.ptp(found[0]) == 0:  # nothing is to be seen
        return ""
    marks = "*." if is_ascii else "●·"
    says = f"loss {marks[0]} and slope {marks[1]}" if order else f"loss {marks[0]}"
    lines = drawn([np.asarray(a) for a in found[::-1]], marks[: order + 1][::-1])
    low, high = (f"{x[k]:.3g}" for k in (0, -1))
    axis = " " * 10 + low + high.rjust(width - len(low))
    return f"{says} of pred, for target {format_number(target).removesuffix('.0')}\n{lines}\n{axis}\n"


def _is_of_one_number(loss: Loss) -> bool:
    pair = loss.kind.roles[:2]
    return (
        loss.scope == "row"
        and not loss.finish
        and loss.kind.role_names[:2] == ("pred", "target")
        and loss.kind.predictions == ("pred",)
        and not any(role.vector for role in loss.kind.roles)
        and not any(role.labels for role in pair)
        and not any(isinstance(value, tuple) for value in loss.params.values())  # which stand for columns
    )


def _target(loss: Loss) -> float:
    allowed = loss.kind.roles[1].allowed(loss.params)
    if isinstance(allowed, Values):
        return max(allowed.numbers)
    if allowed == UNIT or loss.kind is NONZERO_TARGET or loss.kind is PAIRED:  # of which errors are shares
        return 1.0
    return 2.0 if allowed.low >= 0 else 0.0


def _points(loss: Loss, width: int, target: float) -> "Array":
    """Predictions from one end of the drawing to the other, inside the domain."""
    role: Role = loss.kind.roles[0]
    allowed = role.allowed(loss.params)
    lengths = [float(loss.params[name]) for name in _LENGTHS if isinstance(loss.params.get(name), float)]
    reach = _REACH * max([1.0, *(length for length in lengths if isfinite(length))])
    low, high = (allowed.low, allowed.high) if isinstance(allowed, Interval) else (-1.0, 1.0)
    around = target if low < target < high and not isinstance(loss.kind.roles[1].allowed(loss.params), Values) else 0.0
    first, last = max(low, around - reach), min(high, around + reach)
    inside = (last - first) / (4 * width)  # the ends themselves may be infinite losses
    return np.linspace(first + inside * (first == low), last - inside * (last == high), width)


def drawn(curves: "list[Array]", marks: str) -> str:
    """The curves in one frame, the last on top, with the least and the largest value at its side. The last, the loss,
    says how high the frame is: a slope may be far steeper.
    """
    loss = curves[-1][np.isfinite(curves[-1])]
    top = float(np.abs(loss).max()) or 1.0
    shown = [np.where(np.abs(one) <= top, one, np.nan) for one in curves]
    low, high = float(np.nanmin(shown)), float(np.nanmax(shown))
    rows = [[" "] * len(curves[-1]) for _ in range(_ROWS)]
    for one, mark in zip(shown, marks, strict=True):
        for k, value in enumerate(one.tolist()):
            if isfinite(value):
                rows[round((_ROWS - 1) * (high - value) / ((high - low) or 1.0))][k] = mark
    ends = {0: f"{high:.3g}", _ROWS - 1: f"{low:.3g}"}
    return "\n".join(f"{ends.get(k, ''):>9} {''.join(line)}".rstrip() for k, line in enumerate(rows))
