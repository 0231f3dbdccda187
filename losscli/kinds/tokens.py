"""Kinds of losses of tokens: how likely each was that came, or a distribution for each and which came."""

from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any

from losscli.errors import BadValueError, InputError
from losscli.kinds.checks import as_rows, floats, within
from losscli.kinds.classes import check_sums, class_indices
from losscli.kinds.domains import FORMS, REAL, Interval, Kind, Params, Role, Values
from losscli.kinds.sequences import Rows, filled, placed
from losscli.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def _check_tokens(roles: "tuple[Role, ...]", arrays: "list[Array]", params: Params, allow_inf: bool) -> "list[Array]":
    """Predictions and targets, 0 where no token counts, which do, how many there are, and what further roles hold."""
    pred, target, mask, lengths, *others = map(np.asarray, arrays)
    tokens = Rows("pred", pred, lengths)
    came, wanted = (_grid(tokens, name, a) for name, a in (("target", target), ("token_mask", mask)))
    _check_shape(tokens.flat, came is not None, params)
    counts = tokens.counts if wanted is None else tokens.counts & _mask(tokens.counts, wanted)
    if params.get("over") == "sequences" and not counts.any(axis=1).all():
        row = int(np.argmin(counts.any(axis=1)))
        raise BadValueError("pred", row, None, "no token counts here, and over=sequences takes the mean of each row")
    check = partial(_check_numbers, roles[0], params=params, allow_inf=allow_inf)
    numbers = filled(counts, placed("pred", counts, check, tokens.flat[counts[tokens.counts]], "token"))
    indices = np.zeros((len(pred), 0), np.intp)
    if came is not None:
        classes = partial(class_indices, classes=tokens.flat.shape[1], apart=_APART)
        indices = filled(counts, placed("target", counts, classes, came[counts], "token"))
    more = [_beside_rows(role, a, len(pred), params, allow_inf) for role, a in zip(roles[4:], others, strict=True)]
    return [numbers, indices, counts, tokens.lengths, *more]


def _grid(tokens: Rows, name: str, values: "Array") -> "Array | None":
    """(n, T): an entry for each token; None where the role is absent."""
    if len(values) != len(tokens.there):
        raise InputError(f"pred has {len(tokens.there)} rows, {name} {len(values)}")
    if values.ndim == 2 and not values.shape[1]:
        return None
    if values.dtype == object and values.ndim == 1:
        there = np.array([len(row) for row in values])
        if (there != tokens.there).any():
            row = int(np.argmax(there != tokens.there))
            raise BadValueError(name, row, None, f"{there[row]} tokens, where pred has {tokens.there[row]}")
        flat = np.concatenate([*values])
        values = flat if flat.ndim > 1 else filled(np.arange(tokens.longest) < there[:, None], flat)
    if values.shape != tokens.counts.shape:
        raise InputError(
            f"{name} has shape {values.shape}; one for each token of pred is needed, {tokens.counts.shape}"
        )
    return values


def _mask(there: "Array", mask: "Array") -> "Array":
    """Which tokens count, of those that are there."""

    def check(flat: "Array") -> "Array":
        return within(_MASK, floats(flat), flat.dtype, {}, False)

    wanted: Array = filled(there, placed("token_mask", there, check, mask[there], "token")) != 0
    return wanted


def _check_shape(flat: "Array", has_target: bool, params: Params) -> None:
    """Numbers where tokens have no target, distributions where they have one."""
    if has_target and (flat.ndim != 2 or flat.shape[1] < 2):
        raise InputError("pred has one number a token; with a target it has a column a class for each: (n, T, C)")
    if not has_target and flat.ndim != 1:
        raise InputError("pred has a column a class for each token, (n, T, C); target has to say which of them came")
    if not has_target and params["form"] == "logits":
        raise InputError("one logit a token says nothing of its probability; give all of them, (n, T, C), and target")


def _check_numbers(role: Role, tokens: "Array", params: Params, allow_inf: bool) -> "Array":
    found = within(role, floats(tokens), tokens.dtype, params, allow_inf)
    if found.ndim == 2 and params["form"] == "log_probs":
        check_sums(role, "log_probs", found, tokens.dtype)
    return found


def _beside_rows(role: Role, values: "Array", n: int, params: Params, allow_inf: bool) -> "Array":
    """A number a row."""
    found = floats(as_rows(values))
    if found.shape != (n,):
        raise InputError(f"{role.name} has shape {values.shape}, pred has {n} rows; one number a row is needed")
    return within(role, found, values.dtype, params, allow_inf)


def _sample_tokens(has_bytes: bool, rng: "np.random.Generator", params: Params, n: int, outputs: int) -> "list[Array]":
    """Some tokens of each row count, and each has a distribution."""
    longest, classes = 5, max(outputs, 2)
    lengths = rng.integers(1, longest + 1, n)
    logits = rng.normal(size=(n, longest, classes)) * 2
    logs = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
    mask = (rng.random((n, longest)) < 0.8) | (np.arange(longest) == 0)
    more = [rng.integers(1, 30, n)] if has_bytes else []
    pred = logits if params["form"] == "logits" else logs
    return [pred, rng.integers(0, classes, (n, longest)), mask.astype(np.float64), lengths, *more]


_APART = "; leave such tokens out with token_mask, 0 for them, or with pred_lengths: --col token_mask=NAME"
_COUNTS = Interval(0.0, inf)
_MASK = Role(
    "token_mask",
    Values((0.0, 1.0)),
    vector=True,
    entries="the tokens",
    sequence=True,
    optional=True,
    ordered=False,
    hint="; 1 where a token counts",
)
_TOKENS = (
    Role(
        "pred",
        {"log_probs": FORMS["log_probs"], "logits": REAL},
        vector=True,
        entries="the tokens",
        sequence=True,
        hint="; if these are logits, say --form logits",
    ),
    Role("target", _COUNTS, vector=True, entries="the tokens", sequence=True, optional=True),
    _MASK,
    Role("pred_lengths", _COUNTS, ordered=False, lengths_of="pred", optional=True),
)
_SHAPES = (
    "pred: (n, T), the log-probability of each token that came; or (n, T, C) with target: (n, T), which came; "
    "token_mask: (n, T), 1 where a token counts; pred_lengths: (n,), how many of each row do; or lists, each of its "
    "own length"
)
TOKENS = Kind("tokens", _SHAPES, _TOKENS, partial(_check_tokens, _TOKENS), partial(_sample_tokens, False))
_WITH_BYTES = (*_TOKENS, Role("bytes", _COUNTS, ordered=False))
TOKENS_AND_BYTES = Kind(
    "tokens_and_bytes",
    f"{_SHAPES}; bytes: (n,), of the text of each row",
    _WITH_BYTES,
    partial(_check_tokens, _WITH_BYTES),
    partial(_sample_tokens, True),
)
