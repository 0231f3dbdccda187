"""Kinds of losses of predicted quantiles: a column a level against one target, and intervals."""

from typing import TYPE_CHECKING, Any

from losscli.errors import BadValueError, InputError, UsageError
from losscli.kinds.checks import as_rows, check_elements, first, floats, within
from losscli.kinds.domains import Kind, Params, Role
from losscli.kinds.elements import RESIDUAL
from losscli.lazy import np
from losscli.literals import canonical, format_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

_PAIR = (Role("pred"), Role("target"))
_SLACK = 1e-9  # how far levels written in decimals may be from adding up to 1


def levels_of(q: float | tuple[float, ...]) -> tuple[float, ...]:
    """The levels, one or several."""
    return q if isinstance(q, tuple) else (q,)


def _check_columns(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    """Pred with a column a level, and target with one."""
    levels = levels_of(params["q"])
    pred, target = np.atleast_1d(arrays[0]), as_rows(arrays[1])
    pred = pred[:, None] if pred.ndim == 1 and len(levels) == 1 else pred
    if pred.ndim != 2 or pred.shape[1] != len(levels):
        asked = f"q={canonical(params['q'])} needs a column a level: (n, {len(levels)})"
        raise InputError(f"pred has shape {np.shape(arrays[0])}; {asked}")
    if target.shape != pred.shape[:1]:
        wanted = f"({len(pred)},)"
        raise InputError(f"target has shape {np.shape(arrays[1])}; one column beside pred's rows is needed: {wanted}")
    return [within(role, floats(a), a.dtype, params, allow_inf) for role, a in zip(_PAIR, (pred, target), strict=True)]


def _sample_columns(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    levels = np.array(levels_of(params["q"]))
    target = rng.normal(size=n) * 3
    spread = rng.choice([0.1, 1.0, 10.0], size=(n, 1))
    return [target[:, None] + rng.normal(size=(n, 1)) + np.sort(rng.normal(size=(n, len(levels)))) * spread, target]


def _check_levels(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    """Elements against elements for one level; a column a level for several."""
    one = RESIDUAL.check if not isinstance(params["q"], tuple) else _check_columns
    return one(arrays, params, allow_inf)


def _sample_levels(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    one = RESIDUAL.sample if not isinstance(params["q"], tuple) else _sample_columns
    return one(rng, params, n, outputs)


LEVELS = Kind(
    "levels",
    "for one q pred and target: (n,) or (n, d), depends on pred - target alone; for several pred: (n, Q), a column a "
    "q, target: (n,)",
    _PAIR,
    _check_levels,
    _sample_levels,
)


def _check_central(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    """Levels that make up the median and central intervals."""
    levels = sorted(levels_of(params["q"]))
    pairs = zip(levels, reversed(levels), strict=True)
    is_odd = len(levels) % 2 == 1 and len(set(levels)) == len(levels)
    if not is_odd or any(abs(low + high - 1) > _SLACK for low, high in pairs):
        asked = "wis needs 0.5 and pairs of levels that add up to 1, such as 0.1/0.5/0.9"
        raise UsageError(f"q={canonical(params['q'])}: {asked}; quantile takes any levels")
    return _check_columns(arrays, params, allow_inf)


CENTRAL = Kind(
    "central",
    "pred: (n, Q), a column a level of q, in its order; target: (n,)",
    _PAIR,
    _check_central,
    _sample_columns,
)


_ENDS = (Role("lower"), Role("upper"), Role("target"))


def _check_interval(arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    """Arrays of one shape; no lower end lies above the upper one."""
    lower, upper, target = check_elements(_ENDS, arrays, params, allow_inf)
    crossed = lower > upper
    if crossed.any():
        row, column = first(crossed)
        place = (row,) if column is None else (row, column)
        low, high = format_number(lower[place]), format_number(upper[place])
        hint = "are the two the wrong way round?"
        raise BadValueError("lower", row, column, f"{low} lies above the upper end, {high}; {hint}")
    return [lower, upper, target]


def _sample_interval(rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    centre, target = RESIDUAL.sample(rng, params, n, outputs)
    reach: Array = np.exp(rng.normal(size=centre.shape))
    return [centre - reach, centre + reach, target]


INTERVAL = Kind(
    "interval",
    "lower, upper and target: (n,) or (n, d), all of one shape; no lower above its upper",
    _ENDS,
    _check_interval,
    _sample_interval,
    ("lower", "upper"),
)
