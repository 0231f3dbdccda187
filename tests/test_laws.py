"""Every law of a loss, written once and tried on the whole registry, at default and at off-default parameters."""

import pickle
from collections.abc import Iterator
from fractions import Fraction
from math import inf, isinf, log, nan, nextafter, ulp
from typing import Any

import numpy as np
import pytest

import losscli
from losscli.errors import BadValueError, InputError, UsageError
from losscli.exact import root, to_float
from losscli.kinds import REAL, RESIDUAL, UNIT, Interval
from losscli.parameters import Parameter
from losscli.registry import Definition, Loss, definitions, get, per_sample
from tests.laws_support import (
    ROWS,
    VARIANTS,
    Data,
    all_data,
    bits,
    cutting_data,
    evaluated,
    every_loss,
    every_variant,
    numeric,
    random_data,
    reference,
    same_bits,
    soft_data,
)
from tests.reference.accuracy import BOUND, ulps
from tests.reference.definitions import DEFINITIONS, Sum, derivative
from tests.reference.recorded import CASES

RESIDUALS = [spec for d in definitions().values() if d.kind is RESIDUAL for spec in (d.name, *d.also)]
every_residual = pytest.mark.parametrize("spec", RESIDUALS)


# Values and derivatives


@every_variant
def test_yields_are_finite_on_valid_data(spec: str) -> None:
    """A valid sample has a finite value, gradient and Hessian, the derivatives in the shape of the prediction."""
    for data in all_data(get(spec)):
        checked = data.checked
        value, gradient, hessian = data.loss.compute(checked, 3)
        assert all(np.isfinite(yielded).all() for yielded in (value, gradient, hessian)), data.label
        assert gradient.shape == hessian.shape == checked[0].shape, data.label
        assert value.shape == (checked[0].shape if data.loss.kind.elementwise else (ROWS,)), data.label


@every_variant
def test_values_are_those_of_the_definition(spec: str) -> None:
    """Each value lies within 4 ulp of the independent definition."""
    for data in all_data(get(spec)):
        values = data.loss.compute(data.checked, 1)[0].ravel().tolist()
        exact = [reference(data.loss).value(p, t) for p, t in reference(data.loss).items(data.checked)]
        _assert_near(values, exact, data.label)


@every_variant
@pytest.mark.parametrize("order", [1, 2], ids=["gradient", "hessian"])
def test_derivatives_are_those_of_the_definition(spec: str, order: int) -> None:
    """Gradient and Hessian diagonal are derivatives of the independent definition, at 150 digits."""
    for data in all_data(get(spec), rows=8):
        found = data.loss.compute(data.checked, order + 1)[order].ravel().tolist()
        _assert_near(found, list(_derivatives(data, order)), data.label)


def _derivatives(data: Data, order: int) -> Iterator[Sum]:
    exact = reference(data.loss)
    derivative = exact.slope if order == 1 else exact.curvature
    for pred, target in exact.items(data.checked):
        for k in range(len(pred)) if isinstance(pred, list) else [None]:
            yield derivative(pred, target, k)


def _assert_near(found: list[float], exact: list[Sum], label: str) -> None:
    assert len(found) == len(exact)
    for i, (one, other) in enumerate(zip(found, exact, strict=True)):
        assert ulps(one, other.value, other.size) <= BOUND, f"{label}, element {i}: {one!r}, not {other.value}"


@every_loss
def test_an_aggregate_finishes_with_its_derivatives(definition: Definition) -> None:
    """What an aggregate loss makes of the mean, its slope and curvature are those of the independent definition."""
    exact = DEFINITIONS[definition.name].finish
    assert (exact is None) == (definition.finish is None)
    if definition.finish is None or exact is None:
        return
    for mean in (0.25, 3.7, 1e-200, 1e200):
        found = list(definition.finish(Fraction(mean)))
        wanted = [derivative(exact, mean, order) for order in range(3)]
        assert all(ulps(f, w) <= BOUND for f, w in zip(found, wanted, strict=True)), mean


KINKED = [spec for spec in VARIANTS if reference(get(spec)).kinks()]


@pytest.mark.parametrize("spec", KINKED)
def test_values_are_continuous_across_kinks(spec: str) -> None:
    """On both sides of a kink the value is that at the kink, but for the width of a float64."""
    loss = get(spec)
    for kink in reference(loss).kinks():
        here = loss.value([kink.pred], [kink.target])
        for side in (-inf, inf):
            there = loss.value([np.nextafter(kink.pred, side)], [kink.target])
            assert there == pytest.approx(here, rel=1e-13, abs=1e-15), f"{kink} towards {side}"


@pytest.mark.parametrize("spec", KINKED)
def test_kinks_have_their_declared_slope(spec: str) -> None:
    """At a kink gradient and Hessian are those declared for it."""
    loss = get(spec)
    for kink in reference(loss).kinks():
        assert loss.gradient([kink.pred], [kink.target])[0] == pytest.approx(kink.slope, rel=1e-14), kink
        assert loss.hessian([kink.pred], [kink.target])[0] == pytest.approx(kink.curvature, rel=1e-14), kink


@every_variant
def test_per_sample_calls_yield_what_the_function_does(spec: str) -> None:
    """value, gradient and hessian are the three yields, divided by the outputs where a sample is a mean over them."""
    for data in all_data(get(spec)):
        value, gradient, hessian = data.loss.compute(data.checked, 3)
        outputs = data.checked[0].shape[1] if data.loss.kind.elementwise and data.checked[0].ndim == 2 else 1
        assert data.loss.value(*data.arrays) == pytest.approx(value.reshape(ROWS, -1).sum(axis=1) / outputs, rel=1e-14)
        assert same_bits(data.loss.gradient(*data.arrays), gradient / outputs), data.label
        assert same_bits(data.loss.hessian(*data.arrays), hessian / outputs), data.label


# Weights, order, blocks


@every_variant
def test_an_integer_weight_is_a_repeated_row(spec: str) -> None:
    """A row of weight k counts as k such rows, to the last bit of value, std, min and max."""
    for data in cutting_data(get(spec)):
        weight = np.random.default_rng(4).integers(1, 5, ROWS)
        repeated = data.take(np.repeat(np.arange(ROWS), weight))
        weighted = evaluated(data, weight=weight)
        assert bits(weighted)[:5] == bits(evaluated(repeated))[:5], data.label
        assert (weighted.n, weighted.weight) == (ROWS, weight.sum()), data.label


@every_variant
def test_a_weight_of_zero_is_an_absent_row(spec: str) -> None:
    """Rows of weight 0 change nothing and are not looked at: they may be missing, infinite or out of the domain."""
    for data in cutting_data(get(spec)):
        weight = np.random.default_rng(5).integers(0, 3, ROWS) * 0.375
        kept = np.flatnonzero(weight)
        for refused in (nan, inf, -1e9):
            spoilt = Data(data.loss, [_with_rows(a, weight == 0, refused) for a in data.arrays], data.label)
            found = evaluated(spoilt, weight=weight, block=7)
            assert bits(found) == bits(evaluated(data.take(kept), weight=weight[kept])), (data.label, refused)
            assert found.n == len(kept) < ROWS, data.label


def _with_rows(array: Any, rows: Any, value: float) -> Any:
    changed = array.astype(np.float64)
    changed[rows] = value
    return changed


@every_variant
def test_the_order_of_rows_does_not_change_a_bit(spec: str) -> None:
    """Value, std, min and max are the same for any order of the rows."""
    rng = np.random.default_rng(6)
    for data in cutting_data(get(spec)):
        weight = rng.uniform(0.1, 5, ROWS)
        wanted = bits(evaluated(data, weight=weight))
        for order in (np.arange(ROWS)[::-1], rng.permutation(ROWS), rng.permutation(ROWS)):
            assert bits(evaluated(data.take(order), weight=weight[order])) == wanted, data.label


@every_variant
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_cutting_does_not_change_a_bit(spec: str, weighted: bool) -> None:
    """Everything that a result says is the same for any size of the blocks that are read."""
    for data in cutting_data(get(spec)):
        weight = np.random.default_rng(7).uniform(0, 5, ROWS) if weighted else None
        wanted = evaluated(data, weight=weight)
        for block in (1, 2, 7, ROWS - 1, ROWS, ROWS + 1):
            found = evaluated(data, weight=weight, block=block)
            assert bits(found) == bits(wanted), (data.label, block)
            assert (found.n, found.first_infinite) == (wanted.n, wanted.first_infinite), (data.label, block)


@every_variant
def test_cutting_many_rows_does_not_change_a_bit(spec: str) -> None:
    """The same for more rows than are summed, or computed by one vector instruction, at once."""
    data = random_data(get(spec), rows=40_000)
    wanted = bits(evaluated(data))
    for block in (7_777, 32_768, 32_769, 50_000):
        assert bits(evaluated(data, block=block)) == wanted, block


@every_variant
def test_the_mean_times_the_weight_is_the_sum(spec: str) -> None:
    """mean · D · Σw = sum, each rounded once; an aggregate loss has no sum."""
    for data in all_data(get(spec)):
        weight = np.random.default_rng(8).integers(1, 64, ROWS) / 8
        mean = evaluated(data, weight=weight)
        if data.loss.definition.finish:
            with pytest.raises(UsageError, match="aggregate"):
                evaluated(data, weight=weight, reduction="sum")
            continue
        total = evaluated(data, weight=weight, reduction="sum").value
        factor = mean.outputs * Fraction(mean.weight)
        slack = Fraction(ulp(total)) / 2 + factor * Fraction(ulp(mean.value)) / 2
        assert abs(Fraction(mean.value) * factor - Fraction(total)) <= slack, data.label


@every_variant
def test_std_min_and_max_are_those_of_the_samples(spec: str) -> None:
    """min and max are samples' losses; std² is their mean square less their squared mean."""
    for data in all_data(get(spec)):
        result, losses = evaluated(data), [Fraction(x) for x in data.loss.value(*data.arrays).tolist()]
        if data.loss.definition.finish:
            assert (result.std, result.min, result.max) == (None, None, None)
            continue
        mean = sum(losses) / ROWS
        variance = sum((x - mean) ** 2 for x in losses) / ROWS
        assert (Fraction(result.min), Fraction(result.max)) == (min(losses), max(losses)), data.label
        assert result.std == root(variance), data.label


HOMOGENEOUS = [spec for spec in VARIANTS if get(spec).definition.degree is not None]


@pytest.mark.parametrize("spec", HOMOGENEOUS)
@pytest.mark.parametrize("shift", [-300, -7, 1, 300])
def test_degree(spec: str, shift: int) -> None:
    """A loss of degree d is 2^(kd) as large, to the last bit, when all its inputs are 2^k as large."""
    loss = get(spec)
    degree = loss.definition.degree
    for data in all_data(loss):
        scaled = [np.ldexp(a, shift) for a in data.arrays]
        assert same_bits(loss.value(*scaled), np.ldexp(loss.value(*data.arrays), shift * degree)), data.label


@pytest.mark.parametrize("spec", [spec for spec in HOMOGENEOUS if not get(spec).definition.finish])
@pytest.mark.parametrize("shift", [-480, 480])
def test_degree_holds_where_terms_leave_the_range(spec: str, shift: int) -> None:
    """The mean scales by 2^(kd) too where terms must be computed at another scale."""
    for data in all_data(get(spec)):
        degree = data.loss.definition.degree or 0
        scaled = Data(data.loss, [np.ldexp(a, shift) for a in data.arrays], data.label)
        assert evaluated(scaled).value == np.ldexp(evaluated(data).value, shift * degree), data.label


# Text


@every_variant
def test_text_and_pickle_bring_a_loss_back(spec: str) -> None:
    """get(str(loss)), its repr and its pickle are the loss."""
    loss = get(spec)
    for again in (get(str(loss)), pickle.loads(pickle.dumps(loss)), eval(repr(loss), {"losscli": losscli})):
        assert again == loss
        assert hash(again) == hash(loss)
        assert again.params == loss.params
    assert str(loss) == spec, "a variant is written as the canonical text is"


@every_loss
def test_every_parameter_value_survives_the_text(definition: Definition) -> None:
    """A parameter keeps its bits through the canonical text."""
    for parameter in numeric(definition):
        for value in (1 / 3, 0.1 + 0.2, 1e-300, 5e-324, 1e200, 2.0, 0.0, inf):
            if parameter.rule.allows(value):
                loss = get(definition.name, **{parameter.name: value})
                assert get(str(loss)).params[parameter.name] == value == loss.params[parameter.name]


@every_loss
def test_aliases_resolve(definition: Definition) -> None:
    """An alias, in any case of letters, is the loss with what the alias binds."""
    for alias, bound in definition.aliases.items():
        wanted = get(f"{definition.name}:{bound}" if bound else definition.name)
        assert get(alias) == get(alias.upper()) == get(f" {alias} ") == wanted
        assert wanted.params.keys() == definition.params.keys()


def test_an_alias_means_one_loss() -> None:
    """No two losses share a name, and a name that means two is refused with both."""
    spellings = [s.lower() for d in definitions().values() for s in {d.name, *d.aliases}]
    assert len(set(spellings)) == len(spellings)
    with pytest.raises(UsageError, match=r"'bce'.*'cross_entropy'"):
        get("log_loss")


@every_loss
def test_every_parameter_has_an_off_default_variant(definition: Definition) -> None:
    """What only holds at the default is found out: each parameter differs from it in some variant."""
    variants = [get(spec) for spec in definition.also]
    for parameter in definition.params.values():
        assert any(v.params[parameter.name] != parameter.default for v in variants), parameter.name


# Limits of parameters


@every_loss
def test_parameter_limits(definition: Definition) -> None:
    """Just inside its limits a parameter is accepted, as a number and as text; just outside it is refused."""
    for parameter in numeric(definition):
        inside, outside = _limits(parameter)
        assert inside
        for value in inside:
            assert get(definition.name, **{parameter.name: value}).params[parameter.name] == value
            assert get(f"{definition.name}:{parameter.name}={value!r}").params[parameter.name] == value
        for value in outside:
            _refused(definition, parameter, value)
            _refused(definition, parameter, repr(value))


def _limits(parameter: Parameter) -> tuple[list[float], list[float]]:
    rule = parameter.rule
    inside, outside = [parameter.default], [nan]
    for bound, away, open_ in (
        (rule.gt, -inf, True),
        (rule.ge, -inf, False),
        (rule.lt, inf, True),
        (rule.le, inf, False),
    ):
        if bound is not None:
            inside.append(nextafter(bound, -away) if open_ else bound)
            outside.append(bound if open_ else nextafter(bound, away))
    return inside, [*outside, *([-inf] if (rule.gt, rule.ge) != (None, None) else [])]


def _refused(definition: Definition, parameter: Parameter, value: Any) -> None:
    with pytest.raises(UsageError, match=f"^{definition.name}: {parameter.name}="):
        get(definition.name, **{parameter.name: value})


@every_loss
@pytest.mark.parametrize("value", ["", "x", "1_0", "0x1", "1,5", "\u0661", "1e", "--1", None, True, [1.0], 1j])
def test_a_parameter_that_is_no_number_is_refused(definition: Definition, value: Any) -> None:
    """Text or an object that is no number is refused, as is a word that is no choice."""
    for parameter in definition.params.values():
        with pytest.raises(UsageError):
            get(definition.name, **{parameter.name: value})


@every_loss
def test_every_choice_is_accepted(definition: Definition) -> None:
    """Each word of a parameter that is a choice, and no other spelling of it."""
    for parameter in definition.params.values():
        for choice in parameter.choices:
            assert get(definition.name, **{parameter.name: choice}).params[parameter.name] == choice
            _refused(definition, parameter, choice.upper())


@every_loss
def test_an_unknown_parameter_is_refused(definition: Definition) -> None:
    """A parameter that the loss does not have, and one that is given twice."""
    with pytest.raises(UsageError, match="no parameter 'unheard_of'"):
        get(definition.name, unheard_of=1.0)
    for name in definition.params:
        with pytest.raises(UsageError, match="given twice"):
            get(f"{definition.name}:{name}=1", **{name: 1})


# Domains and shapes


@every_variant
def test_domain_boundaries(spec: str) -> None:
    """The ends of a role's domain are accepted where they are finite, and what lies just outside is refused."""
    loss = get(spec)
    for k, role in enumerate(loss.kind.roles):
        allowed = role.allowed(loss.params)
        for end, outwards in ((allowed.low, -inf), (allowed.high, inf)):
            if isinf(end):
                infinite = _with_values(loss, k, {2: end})
                _refused_value(loss, k, infinite, "infinite")
                assert not np.isnan(loss.check(infinite, allow_inf=True)[k]).any()
                continue
            assert not np.isnan(loss.value(*_with_values(loss, k, {2: end}))).any()
            _refused_value(loss, k, _with_values(loss, k, {0: end, 2: nextafter(end, outwards)}), "outside")
            _refused_value(loss, k, _with_values(loss, k, {0: end, 2: outwards}), "outside")
        _refused_value(loss, k, _with_values(loss, k, {2: nan}), "missing")


def _with_values(loss: Loss, k: int, values: dict[int, float]) -> list[Any]:
    """Valid arrays, but for some rows of role k, which hold these values; the rest of a distribution goes with one."""
    role, arrays = loss.kind.roles[k], [a.copy() for a in (soft_data(loss) or random_data(loss)).arrays]
    for row, value in values.items():
        arrays[k][row] = (
            _distribution_with(role.allowed(loss.params), value, arrays[k].shape[1]) if role.vector else value
        )
    return arrays


def _distribution_with(allowed: Interval, value: float, classes: int) -> list[float]:
    if allowed == UNIT:
        return [value, min(max(1 - value, 0.0), 1.0), *[0.0] * (classes - 2)]
    return [value, 0.0 if value < -1 or allowed == REAL else -800.0, *[-800.0] * (classes - 2)]


def _refused_value(loss: Loss, k: int, arrays: list[Any], what: str) -> None:
    with pytest.raises(BadValueError, match=what) as caught:
        loss.value(*arrays)
    assert (caught.value.role, caught.value.row) == (loss.kind.roles[k].name, 2)


@pytest.mark.parametrize("spec", [spec for spec in VARIANTS if any(r.labels for r in get(spec).kind.roles)])
def test_label_boundaries(spec: str) -> None:
    """Class labels are the whole numbers from 0 to C - 1, in whatever type of number."""
    loss = get(spec)
    pred, target = random_data(loss, outputs=3).arrays
    for label in (0, 2, 2.0, np.uint8(2), np.float32(0)):
        assert len(loss.value(pred, np.full(ROWS, label))) == ROWS
    for label in (-1, 3, 0.5, 3.0, nan, inf, -inf, nextafter(2.0, 3.0), 2**63):
        labels = np.where(np.arange(ROWS) == 2, label, target)
        with pytest.raises(BadValueError, match="label") as caught:
            loss.value(pred, labels)
        assert (caught.value.role, caught.value.row) == ("target", 2)


@every_variant
def test_shapes(spec: str) -> None:
    """(n, 1) is (n,); nothing else is broadcast, squeezed or transposed."""
    loss = get(spec)
    data = random_data(loss, outputs=1)
    wanted = loss.value(*data.arrays)
    for one in (data.arrays, *_some_as_columns(data.arrays)):
        assert same_bits(loss.value(*one), wanted)
        assert evaluated(Data(loss, one, "")).value == evaluated(data).value
    for shapes in _mismatched(loss):
        even = [0.5 if role.allowed(loss.params).high > 0 else log(0.5) for role in loss.kind.roles]
        with pytest.raises(InputError, match=r"shape|rows|dimensions"):
            loss.value(*(np.full(shape, x) for shape, x in zip(shapes, even, strict=True)))


def _some_as_columns(arrays: Any) -> Iterator[list[Any]]:
    for chosen in range(1, 1 << len(arrays)):
        yield [a[:, None] if a.ndim == 1 and chosen >> k & 1 else a for k, a in enumerate(arrays)]


def _mismatched(loss: Loss) -> list[tuple[tuple[int, ...], ...]]:
    if loss.kind.elementwise:
        return [
            ((4,), (1,)),
            ((1,), (4,)),
            ((3,), (3, 2)),
            ((3, 2), (3,)),
            ((2, 3), (3, 2)),
            ((4,), (1, 4)),
            ((2, 2, 2),) * 2,
        ]
    return [((2,), (2,)), ((2, 1), (2,)), ((2, 2, 1), (2,)), ((2, 2), (1, 2)), ((2, 2), (2, 3)), ((2, 2), (2, 2, 1))]


@every_variant
def test_one_sample(spec: str) -> None:
    """A single row is a table of one: its loss is the mean, with no deviation."""
    loss = get(spec)
    data = random_data(loss, rows=1)
    result = evaluated(data)
    if loss.kind.elementwise:
        assert same_bits(loss.value(*(float(a[0]) for a in data.arrays)), loss.value(*data.arrays))
    if not loss.definition.finish:
        assert result.value == result.min == result.max == loss.value(*data.arrays)[0]
        assert result.std == 0.0


# What the arrays are made of


@every_variant
@pytest.mark.parametrize(
    "other",
    [["a"] * ROWS, [1j] * ROWS, ["2020-01-01"] * ROWS, [10**400] * ROWS, [{}] * ROWS],
    ids=["text", "complex", "time", "beyond float64", "objects"],
)
def test_what_is_no_number_is_refused(spec: str, other: list[Any]) -> None:
    """Text, complex numbers, times, objects, and integers that no float64 comes near."""
    data = random_data(get(spec), outputs=1)
    array = np.array(other, "M8[D]" if "2020-01-01" in other else None)
    for k, given in enumerate(data.arrays):
        wrong = array if given.ndim == 1 else np.stack([array] * given.shape[1], axis=1)
        with pytest.raises(InputError, match=r"not numeric|not an array of numbers|beyond the range"):
            data.loss.value(*(wrong if j == k else a for j, a in enumerate(data.arrays)))


@every_variant
def test_inputs_are_left_as_they_are(spec: str) -> None:
    """Read-only arrays are taken, and nothing that is returned shares memory with them."""
    for data in cutting_data(get(spec)):
        before = [a.tobytes() for a in data.arrays]
        for array in data.arrays:
            array.flags.writeable = False
        loss = data.loss
        results = [loss.value(*data.arrays), loss.gradient(*data.arrays), loss.hessian(*data.arrays)]
        evaluated(data)
        assert [a.tobytes() for a in data.arrays] == before
        assert not any(np.shares_memory(result, a) for result in results for a in data.arrays)


def _unaligned(array: Any) -> Any:
    raw = np.zeros(array.nbytes + 1, np.uint8)
    moved = raw[1:].view(array.dtype).reshape(array.shape)
    moved[...] = array
    return moved


LAYOUTS = {
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "Fortran order": np.asfortranarray,
    "every other row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "backwards": lambda a: a[::-1].copy()[::-1],
    "every other column": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "transposed": lambda a: a.T.copy().T,
    "unaligned": _unaligned,
    "list": lambda a: a.tolist(),
}


@every_variant
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout_does_not_change_a_bit(spec: str, layout: str) -> None:
    """Values and derivatives are the same however the numbers lie in memory."""
    for data in cutting_data(get(spec)):
        laid = [LAYOUTS[layout](a) for a in data.arrays]
        loss = data.loss
        for function in (loss.value, loss.gradient, loss.hessian):
            assert same_bits(function(*laid), function(*data.arrays)), data.label
        assert bits(evaluated(Data(loss, laid, ""))) == bits(evaluated(data)), data.label


@every_variant
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.longdouble])
def test_a_float_of_any_width_is_its_value(spec: str, dtype: Any) -> None:
    """Narrow floats give the bits of the same numbers in float64: nothing is computed in their own precision."""
    for data in all_data(get(spec)):
        narrow = [a.astype(dtype) if a.dtype.kind == "f" else a for a in data.arrays]
        wide = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in narrow]
        wanted = per_sample(data.loss.compute(wide, 1)[0])
        assert same_bits(data.loss.value(*narrow), wanted), data.label
        result = evaluated(Data(data.loss, narrow, ""))
        assert data.loss.definition.finish or (result.min, result.max) == (wanted.min(), wanted.max())


@every_variant
@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.uint8, np.int16, np.uint32, np.int64, np.uint64, object])
def test_whole_numbers_of_any_type_are_their_value(spec: str, dtype: Any) -> None:
    """Integers and truth values give the bits of the same numbers in float64: nothing wraps around."""
    loss = get(spec)
    plain = _whole_arrays(loss, least=-2 if np.dtype(dtype).kind in "iO" else 0, most=1 if dtype is np.bool_ else 100)
    typed = [a.astype(dtype) if (a.astype(dtype) == a).all() else a for a in plain]
    assert any(a.dtype == dtype for a in typed)
    for function in (loss.value, loss.gradient, loss.hessian):
        assert same_bits(function(*typed), function(*(a.astype(np.float64) for a in plain)))
    assert bits(evaluated(Data(loss, typed, ""))) == bits(evaluated(Data(loss, plain, "")))


def _whole_arrays(loss: Loss, least: int, most: int) -> list[Any]:
    """Whole numbers from the domain of each role; distributions that are all or nothing."""
    rng = np.random.default_rng(9)
    arrays = []
    for role in loss.kind.roles:
        allowed = role.allowed(loss.params)
        certain = np.eye(3, dtype=np.int64)[rng.integers(0, 3, ROWS)]
        if role.vector and allowed != REAL:
            arrays.append(certain if allowed == UNIT else (certain - 1) * 100)
        else:
            low, high = int(max(allowed.low, least)), int(min(allowed.high, most))
            arrays.append(rng.integers(low, high + 1, (ROWS, 3)))
    return arrays


@every_residual
@pytest.mark.parametrize(
    ("dtypes", "pred", "target"),
    [
        (("int64", "int64"), [2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)], [2**53, -(2**53), 2**63 - 8, 3 - 2**63]),
        (("uint64", "uint64"), [2**53 + 1, 2**64 - 1, 0], [2**53, 2**64 - 4, 5]),
        (("uint64", "int64"), [2**63 + 1, 2**53 + 3, 7], [2**63 - 1, 2**53, -1]),
        (("int64", "float64"), [2**53 + 1, 2**60 + 1], [2.0**53, 2.0**60]),
        (("object", "object"), [2**70 + 1, 10**30, -(2**53) - 1, 0.5], [2**70, 10**30 - 2, 2.0**53, 0.25]),
        (("uint8", "uint8"), [0, 200, 255], [1, 100, 0]),
        (("int8", "int8"), [-128, 127], [127, -128]),
        (("float16", "float16"), [60000.0], [-60000.0]),
    ],
)
def test_differences_of_integers_are_exact(
    spec: str, dtypes: tuple[str, str], pred: list[Any], target: list[Any]
) -> None:
    """The error of integers that no float64 holds, or that their type cannot subtract, is the exact difference."""
    loss = get(spec)
    arrays = [np.array(pred, dtypes[0]), np.array(target, dtypes[1])]
    errors = [to_float(Fraction(p) - Fraction(t)) for p, t in zip(arrays[0].tolist(), arrays[1].tolist(), strict=True)]
    plain = [np.array(errors), np.zeros(len(errors))]
    for function in (loss.value, loss.gradient, loss.hessian):
        assert same_bits(function(*arrays), function(*plain))
    for block in (1, 2, 32768):
        assert evaluated(Data(loss, arrays, ""), block=block).value == evaluated(Data(loss, plain, "")).value


@every_residual
def test_a_difference_of_integers_may_be_beyond_the_range(spec: str) -> None:
    """Integers within the range of a float64 may differ by more than the largest, which then is an infinite error."""
    pred, target = np.array([10**308, 1], object), np.array([-(10**308), 0], object)
    assert get(spec).value(pred, target)[0] == inf
    assert get(spec).value(pred, target)[1] == get(spec).value([1.0], [0.0])[0]


# Completeness


@every_loss
def test_every_loss_has_a_definition_and_recorded_values(definition: Definition) -> None:
    """A loss comes with an independent definition and with a value that something else has computed."""
    assert definition.name in DEFINITIONS
    assert any(get(case["loss"]).name == definition.name for case in CASES)
