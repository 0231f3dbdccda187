"""The laws that a loss must keep, tried on samples of its kind."""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import inf, isnan
from typing import TYPE_CHECKING, Any

from losscli.derivatives import Chain
from losscli.engine import evaluate
from losscli.errors import UsageError
from losscli.exact import Exact
from losscli.gradcheck.findings import Deviation, Law
from losscli.gradcheck.numeric import Numeric, differentiate, own_values, points
from losscli.lazy import np
from losscli.literals import format_number
from losscli.registry import Loss, get, get_all
from losscli.states import Moments

if TYPE_CHECKING:
    from losscli.registry import Array

_NAMES = {1: "gradient", 2: "hessian"}
_SEED, _ROWS, _FEW, _OUTPUTS = 0, 40, 3, 3  # of the samples that the laws are tried on


def subjects(spec: str, parameters: Mapping[str, str]) -> list[Loss]:
    """The loss that a SPEC and options name; for a bare name its variants off the defaults too."""
    if " " in spec.strip():
        raise UsageError(f"'{spec}' is no single loss: check the terms of a sum one by one")
    (loss,) = get_all([spec], parameters)
    is_bare = ":" not in spec and not parameters and str(loss) == loss.name
    return [loss, *(get(variant) for variant in loss.definition.also)] if is_bare else [loss]


def check(loss: Loss) -> list[Law]:
    """Every law, on samples of the loss's kind with one output and with several; the same samples each time."""
    kept = [_laws(loss, outputs) for outputs in (1, _OUTPUTS)]
    return [one.merge(several) for one, several in zip(*kept, strict=True)]


def _laws(loss: Loss, outputs: int) -> list[Law]:
    many, few = (loss.kind.sample(np.random.default_rng(_SEED), loss.params, n, outputs) for n in (_ROWS, _FEW))
    cases = [(r, order) for r in loss.kind.predictions for order in loss.definition.orders]
    own = cases if loss.scope == "row" else []
    with np.errstate(all="ignore"):
        return [
            *(_own_law(loss, loss.check(many), role, order) for role, order in own),
            *(_value_law(loss, loss.check(few), role, order) for role, order in cases),
            _finite_law(loss, loss.check(many)),
            *_row_laws(loss, dict(zip(loss.kind.role_names, many, strict=True))),
            _text_law(loss),
        ]


def _own_law(loss: Loss, arrays: "Sequence[Array]", role: str, order: int) -> Law:
    """Each sample's own derivatives, of each of its terms, are those of its value."""
    index, law = loss.kind.role_names.index(role), Law(str(loss), _NAMES[order], role, True, 0, 0, Deviation(0.0))
    if wrong := _wrong_shape(loss, arrays, role):
        return replace(law, passed=False, note=wrong)
    claimed = np.stack(loss.derivatives(arrays, order)[role][order - 1])
    numeric = differentiate(partial(own_values, loss, arrays, index, order - 1), *points(loss, arrays, index))
    return _judged(law, claimed, numeric)


def _value_law(loss: Loss, arrays: "Sequence[Array]", role: str, order: int) -> Law:
    """The reported derivatives are those of the weighted mean, or of an aggregate's value."""
    index, name = loss.kind.role_names.index(role), f"value {_NAMES[order]}"
    law = Law(str(loss), name, role, True, 0, 0, Deviation(0.0))
    if wrong := _wrong_shape(loss, arrays, role):
        return replace(law, passed=False, note=wrong)
    claimed = _reported(loss, arrays, role, order)
    numeric = differentiate(partial(_moved_one_by_one, loss, arrays, index, order - 1), *points(loss, arrays, index))
    return _judged(law, claimed[None], numeric)


def _wrong_shape(loss: Loss, arrays: "Sequence[Array]", role: str) -> str:
    """What is wrong with the shapes of values and derivatives; empty where nothing is."""
    shape = arrays[loss.kind.role_names.index(role)].shape
    for term in loss.terms(arrays):
        if loss.scope == "row" and term.shape not in (shape, shape[:1]):
            return f"the value has shape {term.shape}, expected {shape[:1]} or {shape}"
    for name, terms in zip(_NAMES.values(), loss.derivatives(arrays, len(loss.definition.orders))[role], strict=False):
        for term in terms:
            if term.shape != shape:
                return f"the {name} has shape {term.shape}, expected {shape}"
    return ""


def _moved_one_by_one(loss: Loss, arrays: "Sequence[Array]", index: int, order: int, moved: "Array") -> "Array":
    """The reported value (order 0) or its gradient there, when one entry alone moves."""
    result = np.empty((1, *moved.shape))
    for place in np.ndindex(moved.shape):
        values = arrays[index].copy()
        values[place] = moved[place]
        with_it = [*arrays[:index], values, *arrays[index + 1 :]]
        if order:
            result[(0, *place)] = _reported(loss, with_it, loss.kind.role_names[index], order)[place]
        else:
            result[(0, *place)] = _state(loss, with_it).value(loss, "mean")
    return result


def _state(loss: Loss, arrays: "Sequence[Array]") -> Moments:
    if loss.scope != "row":  # the rows are one group, of weight 1
        return Moments(len(arrays[0]), Exact.count(1), (Exact.of(loss.compute(arrays, 0)[0]),))
    return Moments.of(loss, arrays, _weights(arrays), range(len(arrays[0])), False)


def _weights(arrays: "Sequence[Array]") -> "Array":
    return np.arange(1.0, len(arrays[0]) + 1)


def _reported(loss: Loss, arrays: "Sequence[Array]", role: str, order: int) -> "Array":
    if loss.scope != "row":
        return loss.derivatives(arrays, order)[role][order - 1][0]
    state = _state(loss, arrays)
    chain = Chain.of(1.0, loss, state, "mean", state.weight.fraction)
    return chain.apply(arrays, _weights(arrays), order)[role][order - 1]


def _judged(law: Law, claimed: "Array", numeric: Numeric) -> Law:
    """The law, kept where the derivative claimed lies within what the numeric one's error allows."""
    slope = np.maximum(np.abs(numeric.value), np.abs(np.nan_to_num(claimed)))
    precise = numeric.error <= np.maximum(1e-4 * slope, 1e-9 * numeric.size)
    trusted = precise & ~numeric.kink
    apart = np.nan_to_num(np.abs(claimed - numeric.value), nan=inf)
    wrong = trusted & ~(apart <= 10 * numeric.error + 1e-10 * np.abs(numeric.value))
    checked, skipped = int(trusted.sum()), int(trusted.size - trusted.sum())
    law = replace(law, passed=not wrong.any(), checked=checked, skipped=skipped)
    if checked < skipped:
        return replace(law, passed=False, note=f"only {checked} of {trusted.size} points are smooth enough to check")
    return replace(law, deviation=_worst(apart, claimed, numeric.value, wrong if wrong.any() else trusted))


def _worst(apart: "Array", found: "Array", expected: "Array", among: "Array") -> Deviation:
    """The largest deviation among some entries; the arrays have an axis of terms in front."""
    index = np.unravel_index(int(np.argmax(np.where(among, apart, -1.0))), apart.shape)
    row, column = int(index[1]), int(index[2]) if len(index) > 2 else None
    return Deviation(float(apart[index]), row, column, float(found[index]), float(expected[index]))


def _finite_law(loss: Loss, arrays: "Sequence[Array]") -> Law:
    """A valid sample has a finite value and finite derivatives."""
    orders = loss.definition.orders
    derivatives = loss.derivatives(arrays, len(orders)) if orders else {}
    found = [*loss.terms(arrays), *(a for both in derivatives.values() for t in both for a in t)]
    law = Law(str(loss), "finite", "", True, len(arrays[0]), 0, Deviation(0.0))
    for values in found:
        if not np.isfinite(values).all():
            place = np.argwhere(~np.isfinite(values))[0].tolist()
            at = Deviation(inf, place[0], place[1] if len(place) > 1 else None, float(values[tuple(place)]))
            return replace(law, passed=False, deviation=at, note=f"{format_number(at.found)} at {at.place}")
    return law


def _row_laws(loss: Loss, arrays: "Mapping[str, Array]") -> list[Law]:
    """The value knows a sample by its weight alone, to the last bit: not by its place, and not by its block."""

    def value(rows: Any, **options: Any) -> float:
        return evaluate(loss, spread=False, **options, **{role: a[rows] for role, a in arrays.items()}).value

    every = np.arange(len(next(iter(arrays.values()))))
    weight = np.random.default_rng(_SEED).integers(0, 4, len(every)).astype(np.float64)
    there = weight > 0
    repeated = np.repeat(every, weight.astype(int))
    shuffled = np.random.default_rng(_SEED).permutation(every)
    whole = value(every)
    pairs = {"row order": (value(shuffled), whole), "blocks": (value(every, block=7), whole)}
    if loss.scope == "row":
        pairs = {
            "integer weight": (value(every[there], weight=weight[there]), value(repeated)),
            "zero weight": (value(every, weight=weight), value(every[there], weight=weight[there])),
            **pairs,
        }
    return [_same(loss, name, len(every), *pair) for name, pair in pairs.items()]


def _same(loss: Loss, name: str, rows: int, found: float, expected: float) -> Law:
    is_same = found == expected or (isnan(found) and isnan(expected))
    size = 0.0 if is_same else abs(found - expected)
    return Law(str(loss), name, "", is_same, rows, 0, Deviation(size, found=found, expected=expected))


def _text_law(loss: Loss) -> Law:
    """The canonical text and the pickle of a loss bring it back."""
    law = Law(str(loss), "text", "", True, 1, 0, Deviation(0.0))
    for back in (get(str(loss)), pickle.loads(pickle.dumps(loss))):  # noqa: S301 - our own pickle
        if dict(back.params) != dict(loss.params) or str(back) != str(loss):
            return replace(law, passed=False, note=f"comes back as {back}")
    return law
