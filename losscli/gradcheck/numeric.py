"""Numeric derivatives: differences of a function around a point, and how far they can be trusted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, nan
from typing import TYPE_CHECKING

from losscli.kinds import Interval
from losscli.lazy import np
from losscli.registry import Loss

if TYPE_CHECKING:
    from losscli.registry import Array

    Function = Callable[[Array], Array]

_LEVELS, _FIRST_STEP = 7, 2.0**-5
_ROUNDING = 4 * 2.0**-52  # of a value that lies within 4 units in the last place


@dataclass(frozen=True)
class Numeric:
    """A derivative by numbers, its estimated error, the size of the function, and where it has a kink."""

    value: "Array"
    error: "Array"
    size: "Array"
    kink: "Array"


def points(loss: Loss, arrays: "Sequence[Array]", index: int) -> "tuple[Array, Array]":
    """Where to differentiate, and first steps: small beside x, and beside its distance from the domain's ends."""
    x, domain = arrays[index], loss.kind.roles[index].allowed(loss.params)
    low, high = (domain.low, domain.high) if isinstance(domain, Interval) else (-inf, inf)
    return x, np.minimum(_FIRST_STEP * np.maximum(np.abs(x), 1.0), np.minimum(x - low, high - x) / 4)


def own_values(loss: Loss, arrays: "Sequence[Array]", index: int, order: int, moved: "Array") -> "Array":
    """For each term, each entry's own value (order 0) or gradient when that entry alone moves in its row."""
    role = loss.kind.role_names[index]

    def found(values: "Array") -> "Array":
        with_it = [*arrays[:index], values, *arrays[index + 1 :]]
        return np.stack(loss.derivatives(with_it, order)[role][order - 1] if order else loss.terms(with_it))

    if loss.terms(arrays)[0].shape == moved.shape:
        return found(moved)
    columns = []
    for entry in np.ndindex(moved.shape[1:]):
        values, place = arrays[index].copy(), (slice(None), *entry)
        values[place] = moved[place]
        columns.append(found(values)[(slice(None), *place)] if order else found(values))
    return np.stack(columns, axis=-1).reshape(-1, *moved.shape)


def differentiate(function: "Function", x: "Array", step: "Array") -> Numeric:
    """The derivative of each entry in its own x: central differences, extrapolated to step 0 as far as that helps.

    Ridders (1982), doi:10.1016/S0141-1195(82)80057-0. At a kink the slopes to both sides do not approach one another.
    """
    centre, row, gaps = function(x), list["tuple[Array, Array]"](), []
    best, error = np.full(centre.shape, nan), np.full(centre.shape, inf)
    for level in range(_LEVELS):
        up, down = x + step / 2**level, x - step / 2**level
        high, low = function(up), function(down)
        gaps.append(_gap((high - centre) / (up - x), (centre - low) / (x - down)))
        noise = _ROUNDING * np.maximum(np.abs(high), np.abs(low)) / (up - x)
        row = _extrapolated((high - low) / (up - down), row)
        for value, spread in row:
            is_better = spread + noise < error
            best, error = np.where(is_better, value, best), np.where(is_better, spread + noise, error)
    return Numeric(best, error, np.abs(centre), (gaps[-1] > 0) & (gaps[-1] > gaps[0] / 8))


def _gap(right: "Array", left: "Array") -> "Array":
    """How far the slopes to both sides are apart, beyond what rounding does."""
    gap: Array = np.abs(right - left) - 1e-6 * np.maximum(np.abs(right), np.abs(left))
    return gap


def _extrapolated(first: "Array", above: "Sequence[tuple[Array, Array]]") -> "list[tuple[Array, Array]]":
    """The next row of the tableau: each estimate, and how far it lies from those that it was made of."""
    row = [(first, np.full(first.shape, inf))]
    for order, (old, _) in enumerate(above, 1):
        last = row[-1][0]
        new = last + (last - old) / (4.0**order - 1)
        row.append((new, np.maximum(np.abs(new - last), np.abs(new - old))))
    return row
