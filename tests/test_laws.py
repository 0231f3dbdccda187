"""Every law of a loss, written once and tried on the whole registry, at default and at off-default parameters."""

import pickle
from collections.abc import Iterator
from fractions import Fraction
from math import inf, isinf, log, nan, nextafter, ulp
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import losscli
from losscli.errors import BadValueError, InputError, UsageError
from losscli.exact import root, to_float
from losscli.kinds import ENSEMBLE, FORMS, UNIT, VECTOR_ENSEMBLE, Interval, Values
from losscli.kinds.domains import Domain
from losscli.literals import canonical
from losscli.parameters import Parameter
from losscli.registry import Definition, Loss, definitions, get, per_sample
from tests.laws_support import (
    ROWS,
    SEQUENTIAL,
    VARIANTS,
    Data,
    all_data,
    all_same_bits,
    arrays_of,
    bits,
    computed,
    cutting_data,
    evaluated,
    every_derived,
    every_loss,
    every_variant,
    is_difference,
    numeric,
    one_of_each_kind,
    random_data,
    same_bits,
    soft_data,
    uncrossed,
)
from tests.reference.accuracy import BOUND, DIGITS, spacing, ulps
from tests.reference.catalogue import DEFINITIONS, aggregate, numbers, reference, references
from tests.reference.exact import ENOUGH, STEP, Number, Reference, Sum
from tests.reference.recorded import CASES

every_difference = pytest.mark.parametrize("spec", [spec for spec in VARIANTS if is_difference(get(spec))])


# Values and derivatives


@every_variant
def test_yields_are_finite_on_valid_data(spec: str) -> None:
    """A valid sample has finite terms, gradients and Hessians, the derivatives in the shape of their prediction."""
    for data in all_data(get(spec)):
        checked, roles = data.checked, data.loss.kind.role_names
        terms = data.loss.terms(checked)
        assert terms[0].shape in {(ROWS,), checked[0].shape}, data.label
        assert all(term.shape == terms[0].shape and np.isfinite(term).all() for term in terms), data.label
        if data.loss.definition.underived:
            continue
        found = data.loss.derivatives(checked, 2)
        assert tuple(found) == data.loss.kind.predictions
        for role, orders in found.items():
            assert len(orders) == 2
            for derivative in orders:
                assert len(derivative) == len(terms)
                assert all(d.shape == checked[roles.index(role)].shape for d in derivative), (role, data.label)
                assert all(np.isfinite(d).all() for d in derivative), (role, data.label)


@every_variant
def test_values_are_those_of_the_definition(spec: str) -> None:
    """Each value, or each of an aggregate's terms, lies within 4 ulp of the independent definition."""
    for data in all_data(get(spec)):
        for term, exact in zip(data.loss.terms(data.checked), references(data.loss, DIGITS), strict=True):
            wanted = [exact.value(r) for r in exact.items(data.checked)]
            _assert_near(term.ravel().tolist(), wanted, data.label, exact.definition.ulps)


@every_derived
def test_derivatives_are_those_of_the_definition(spec: str) -> None:
    """Gradients and Hessian diagonals are derivatives of the definition, with respect to each prediction."""
    for data in all_data(get(spec), rows=4):
        for role, orders in data.loss.derivatives(data.checked, 2).items():
            for k, exact in enumerate(references(data.loss, DIGITS)):
                wanted = list(_derivatives(data, role, exact))
                for order, found in enumerate(orders):
                    label = f"{data.label}, derivative {order + 1} in {role}"
                    exacts = [both[order] for both in wanted]
                    promised = exact.definition.curvature_ulps if order else BOUND
                    _assert_near(found[k].ravel().tolist(), exacts, label, max(promised, exact.definition.ulps))


def _derivatives(data: Data, role: str, exact: Reference) -> Iterator[tuple[Sum, Sum]]:
    place = data.loss.kind.role_names.index(role)
    for roles in exact.items(data.checked):
        for k in range(len(roles[place])) if isinstance(roles[place], list) else [None]:
            yield exact.derivatives(roles, place, k)


def _assert_near(found: list[float], exact: list[Sum], label: str, bound: float) -> None:
    assert len(found) == len(exact)
    for i, (one, other) in enumerate(zip(found, exact, strict=True)):
        assert ulps(one, other.value, other.size) <= bound, f"{label}, element {i}: {one!r}, not {other.value}"


@pytest.mark.parametrize("spec", [spec for spec in (*VARIANTS, *SEQUENTIAL) if get(spec).finish])
@pytest.mark.parametrize("divisor", [Fraction(1), Fraction(7, 2)])
def test_an_aggregate_finishes_with_its_derivatives(spec: str, divisor: Fraction) -> None:
    """What an aggregate makes of its sums, its slopes and its curvature are those of the independent definition."""
    loss = get(spec)
    terms = range(len(aggregate(loss).sums))
    for size in (0.25, 3.7, 1e-200, 1e200):
        sums = [size * 0.3**k for k in terms]
        finish = loss.finish
        assert finish
        value, slopes, curvature = finish([Fraction(x) for x in sums], divisor, **loss.params)
        assert ulps(value, _moved(loss, sums, divisor)) <= BOUND, size
        for k in terms:
            assert ulps(to_float(Fraction(slopes[k])), _difference(loss, sums, divisor, k)) <= BOUND, (size, k)
            for m in terms:
                _assert_curvature(curvature, k, m, _second_difference(loss, sums, divisor, k, m))


def _assert_curvature(curvature: Any, k: int, m: int, exact: Number) -> None:
    """The curvature in a pair of sums, of the products c · (Σ u_k g_k) (Σ v_k g_k)."""
    with mp.workdps(ENOUGH):
        parts = [_exact(c) * _exact(u[i]) * _exact(v[j]) / 2 for c, u, v in curvature for i, j in ((k, m), (m, k))]
        size = max(sum(abs(part) for part in parts), abs(exact))
        assert abs(sum(parts) - exact) <= BOUND * spacing(size), (k, m)


def _exact(number: Any) -> Number:
    fraction = Fraction(number)
    return mpf(fraction.numerator) / fraction.denominator


def _moved(loss: Loss, sums: list[float], divisor: Fraction, **by: int) -> Number:
    """What the definition makes of the sums, each moved by some steps of its own."""
    with mp.workdps(ENOUGH):
        moved = [mpf(x) * (1 + by.get(f"sum{k}", 0) * STEP) for k, x in enumerate(sums)]
        return aggregate(loss).finish(moved, _exact(divisor), **numbers(loss))


def _difference(loss: Loss, sums: list[float], divisor: Fraction, k: int) -> Number:
    with mp.workdps(ENOUGH):
        low, high = (_moved(loss, sums, divisor, **{f"sum{k}": s}) for s in (-1, 1))
        return (high - low) / (2 * STEP * mpf(sums[k]))


def _second_difference(loss: Loss, sums: list[float], divisor: Fraction, k: int, m: int) -> Number:
    with mp.workdps(ENOUGH):
        if k == m:
            low, here, high = (_moved(loss, sums, divisor, **{f"sum{k}": s}) for s in (-1, 0, 1))
            return (high - 2 * here + low) / (STEP * mpf(sums[k])) ** 2
        corners = [
            i * j * _moved(loss, sums, divisor, **{f"sum{k}": i, f"sum{m}": j}) for i in (-1, 1) for j in (-1, 1)
        ]
        return sum(corners) / (4 * STEP**2 * mpf(sums[k]) * mpf(sums[m]))


KINKED = [spec for spec in VARIANTS if reference(get(spec)).kinks()]


@pytest.mark.parametrize("spec", KINKED)
def test_values_are_continuous_across_kinks(spec: str) -> None:
    """On both sides of a kink the value is that at the kink, but for the width of a float64, or said to jump."""
    loss = get(spec)
    for kink in reference(loss).kinks():
        here = loss.value(*([role] for role in kink.roles))
        near = []
        for role in loss.kind.predictions:
            place = loss.kind.role_names.index(role)
            domain = loss.kind.roles[place].allowed(loss.params)
            for side in (-inf, inf):
                moved = [[r] for r in kink.roles]
                beside = np.nextafter(moved[place], side)
                moved[place] = np.clip(beside, domain.low, domain.high) if isinstance(domain, Interval) else beside
                near.append(loss.value(*moved) == pytest.approx(here, rel=1e-13, abs=1e-15))
        assert all(near) != kink.jumps, f"{kink}: {near}"


@pytest.mark.parametrize("spec", KINKED)
def test_kinks_have_their_declared_slope(spec: str) -> None:
    """At a kink gradient and Hessian are those declared for it; where no curvature is declared it is finite."""
    loss = get(spec)
    for kink in reference(loss).kinks():
        roles = [[role] for role in kink.roles]
        for found, slope in zip(arrays_of(loss.gradient(*roles)), kink.slopes, strict=True):
            assert found[0].tolist() == slope, kink
        curvatures = arrays_of(loss.hessian(*roles))
        assert all(np.isfinite(found).all() for found in curvatures)
        for found, curvature in zip(curvatures, kink.curvatures or (), strict=False):
            assert found[0] == pytest.approx(curvature, rel=1e-14), kink


@every_derived
def test_per_sample_calls_yield_what_the_function_does(spec: str) -> None:
    """value, gradient and hessian are the first term's, divided by the outputs where a sample is a mean over them."""
    for data in all_data(get(spec)):
        value = data.loss.terms(data.checked)[0]
        outputs = value.shape[1] if value.ndim == 2 else 1
        assert data.loss.value(*data.arrays) == pytest.approx(value.reshape(ROWS, -1).sum(axis=1) / outputs, rel=1e-14)
        derivatives = data.loss.derivatives(data.checked, 2)
        for k, called in enumerate((data.loss.gradient, data.loss.hessian)):
            wanted = [orders[k][0] / outputs for orders in derivatives.values()]
            assert all_same_bits(arrays_of(called(*data.arrays)), wanted), data.label


# Weights, order, blocks


@every_variant
def test_a_row_knows_no_other(spec: str) -> None:
    """Values and derivatives of rows are the same to the last bit, whichever rows lie beside them."""
    for data in cutting_data(get(spec)):
        wanted = computed(data.loss, *data.arrays)
        for rows in (slice(0, 1), slice(3, 7), slice(7, None), np.arange(ROWS)[::-3]):
            found = computed(data.loss, *data.take(rows).arrays)
            assert all_same_bits(found, [one[rows] for one in wanted]), (data.label, rows)


@one_of_each_kind
def test_an_integer_weight_is_a_repeated_row(spec: str) -> None:
    """A row of weight k counts as k such rows, to the last bit of value, std, min and max."""
    for data in cutting_data(get(spec)):
        weight = np.random.default_rng(4).integers(1, 5, ROWS)
        repeated = data.take(np.repeat(np.arange(ROWS), weight))
        weighted = evaluated(data, weight=weight)
        assert bits(weighted)[:5] == bits(evaluated(repeated))[:5], data.label
        assert (weighted.n, weighted.weight) == (ROWS, weight.sum()), data.label


@one_of_each_kind
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


@one_of_each_kind
def test_the_order_of_rows_does_not_change_a_bit(spec: str) -> None:
    """Value, std, min and max are the same for any order of the rows."""
    rng = np.random.default_rng(6)
    for data in cutting_data(get(spec)):
        weight = rng.uniform(0.1, 5, ROWS)
        wanted = bits(evaluated(data, weight=weight))
        for order in (np.arange(ROWS)[::-1], rng.permutation(ROWS), rng.permutation(ROWS)):
            assert bits(evaluated(data.take(order), weight=weight[order])) == wanted, data.label


@one_of_each_kind
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_cutting_does_not_change_a_bit(spec: str, weighted: bool) -> None:
    """Everything that a result says is the same for any size of the blocks that are read."""
    for data in cutting_data(get(spec)):
        weight = np.random.default_rng(7).uniform(0, 5, ROWS) if weighted else None
        wanted = evaluated(data, weight=weight)
        for block in (1, 7, ROWS + 1) if weighted else (2, ROWS - 1, ROWS):
            found = evaluated(data, weight=weight, block=block)
            assert bits(found) == bits(wanted), (data.label, block)
            assert (found.n, found.first_infinite) == (wanted.n, wanted.first_infinite), (data.label, block)


@one_of_each_kind
def test_cutting_many_rows_does_not_change_a_bit(spec: str) -> None:
    """The same for more rows than are summed, or computed by one vector instruction, at once."""
    data = random_data(get(spec), rows=40_000)
    wanted = bits(evaluated(data))
    for block in (7_777, 32_769):
        assert bits(evaluated(data, block=block)) == wanted, block


@one_of_each_kind
def test_the_mean_times_the_weight_is_the_sum(spec: str) -> None:
    """mean · D · Σw = sum, each rounded once; an aggregate loss has no sum."""
    for data in all_data(get(spec)):
        weight = np.random.default_rng(8).integers(1, 64, ROWS) / 8
        mean = evaluated(data, weight=weight)
        if data.loss.finish:
            with pytest.raises(UsageError, match="aggregate"):
                evaluated(data, weight=weight, reduction="sum")
            continue
        total = evaluated(data, weight=weight, reduction="sum").value
        factor = mean.outputs * Fraction(mean.weight)
        slack = Fraction(ulp(total)) / 2 + factor * Fraction(ulp(mean.value)) / 2
        assert abs(Fraction(mean.value) * factor - Fraction(total)) <= slack, data.label


@one_of_each_kind
def test_std_min_and_max_are_those_of_the_samples(spec: str) -> None:
    """min and max are samples' losses; std² is their mean square less their squared mean."""
    for data in all_data(get(spec)):
        result, losses = evaluated(data), [Fraction(x) for x in data.loss.value(*data.arrays).tolist()]
        if data.loss.finish:
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


@pytest.mark.parametrize("spec", [spec for spec in HOMOGENEOUS if not get(spec).finish])
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
            is_one = value.is_integer() or not parameter.whole
            if is_one and parameter.rule.allows(value) and not _is_refused(definition, parameter, value):
                loss = get(definition.name, **{parameter.name: value})
                assert get(str(loss)).params[parameter.name] == value == loss.params[parameter.name]


def _is_refused(definition: Definition, parameter: Parameter, value: Any) -> bool:
    """Whether a value that is a choice or between the limits is refused beside the defaults of the other parameters."""
    params = {p.name: p.default for p in definition.params.values()} | {parameter.name: value}
    return bool(definition.conflicts and definition.conflicts(**params))


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
            assert get(f"{definition.name}:{parameter.name}={_text(value)}").params[parameter.name] == value
        for value in outside:
            _refused(definition, parameter, value)
            _refused(definition, parameter, repr(value))


def _text(value: Any) -> str:
    return canonical(value) if isinstance(value, tuple) or value is None else repr(value)


def _limits(parameter: Parameter) -> tuple[list[float], list[float]]:
    rule = parameter.rule
    if parameter.whole:
        least = int(rule.ge or 0)
        return [parameter.default, least, least + 1], [nan, least - 1, least + 0.5]
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
        if isinstance(value, type(parameter.default)) and isinstance(value, bool):
            continue  # a parameter that is true or false
        if (value is None and parameter.optional) or (isinstance(value, list) and parameter.several):
            continue
        with pytest.raises(UsageError):
            get(definition.name, **{parameter.name: value})


@every_loss
def test_every_choice_is_accepted(definition: Definition) -> None:
    """Each word of a parameter that is a choice, and no other spelling of it; where it needs another in a variant."""
    for parameter in definition.params.values():
        for choice in parameter.choices:
            if _is_refused(definition, parameter, choice):
                assert choice in {get(spec).params[parameter.name] for spec in definition.also}
                continue
            found = get(definition.name, **{parameter.name: choice}).params[parameter.name]
            assert found == (choice == "true" if isinstance(parameter.default, bool) else choice)
            if choice.upper() != choice:  # a digit has one spelling
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
    """The ends of a role's domain are accepted where they are finite and in it; what lies just outside is refused."""
    loss = get(spec)
    for k, role in enumerate(loss.kind.roles):
        allowed = role.allowed(loss.params)
        inside, outside, infinite = _boundaries(allowed)
        for value in inside:
            assert not np.isnan(loss.value(*_with_values(loss, k, {2: value}))).any()
        for value in outside:
            first = inside[0] if inside else 0.0
            _refused_value(loss, k, _with_values(loss, k, {0: first, 2: value}), "outside|is not")
        for value in infinite:
            let_in = _with_values(loss, k, {2: value})
            _refused_value(loss, k, let_in, "infinite")
            assert not np.isnan(loss.check(uncrossed(loss, let_in), allow_inf=True)[k]).any()
        _refused_value(loss, k, _with_values(loss, k, {2: nan}), "missing")


def _boundaries(allowed: Domain) -> tuple[list[float], list[float], list[float]]:
    """Numbers in the domain, numbers just outside and far away, and the infinite ones that may be let in."""
    if isinstance(allowed, Values):
        near = [nextafter(number, side) for number in allowed.numbers for side in (-inf, inf)]
        return list(allowed.numbers), [*near, 0.5, -inf, inf], []
    inside, outside, infinite = [], [], []
    if allowed.hole is not None:
        inside, outside = [nextafter(allowed.hole, side) for side in (-inf, inf)], [allowed.hole]
    for end, outwards in ((allowed.low, -inf), (allowed.high, inf)):
        if isinf(end):
            infinite.append(end)
            continue
        is_open = allowed.is_open and outwards < 0
        inside.append(nextafter(end, -outwards) if is_open else end)
        slack = allowed.ulps * 2.0**-52 * (1 if outwards > 0 else -1)  # what a rounding may have done counts as the end
        inside += [end + slack] if slack else []
        outside += [end if is_open else nextafter(end + slack, outwards), outwards]
    return inside, outside, infinite


def _with_values(loss: Loss, k: int, values: dict[int, float]) -> list[Any]:
    """Valid arrays, but for some rows of role k, which hold these values; the rest of a distribution goes with one."""
    role, arrays = loss.kind.roles[k], [a.copy() for a in (soft_data(loss) or random_data(loss)).arrays]
    for row, value in values.items():
        is_row = role.vector and arrays[k].ndim == 2
        arrays[k][row] = _row_with(role.allowed(loss.params), value, arrays[k][row]) if is_row else value
    return arrays


def _row_with(allowed: Domain, value: float, row: Any) -> list[float]:
    classes = len(row)
    if allowed == UNIT:
        return [value, min(max(1 - value, 0.0), 1.0), *[0.0] * (classes - 2)]
    if allowed.high > 0:
        return np.sort([value, *row[1:]]).tolist()  # a box must not end before it begins
    return [value, 0.0 if value < -1 else -800.0, *[-800.0] * (classes - 2)]


def _refused_value(loss: Loss, k: int, arrays: list[Any], what: str) -> None:
    with pytest.raises(BadValueError, match=what) as caught:
        loss.value(*arrays)
    assert (caught.value.role, caught.value.row) == (loss.kind.roles[k].name, 2)


@pytest.mark.parametrize("spec", [spec for spec in VARIANTS if soft_data(get(spec))])
def test_label_boundaries(spec: str) -> None:
    """Class labels are the whole numbers from 0 to C - 1, in whatever type of number."""
    loss = get(spec)
    pred, target = random_data(loss, outputs=3).arrays
    classes = pred.shape[1]
    for label in (0, 2, 2.0, np.uint8(2), np.float32(0)):
        assert len(loss.value(pred, np.full(ROWS, label))) == ROWS
    for label in (-1, classes, 0.5, float(classes), nan, inf, -inf, nextafter(2.0, 3.0), 2**63):
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
        with pytest.raises(InputError, match=r"shape|rows|dimensions|one label a pair"):
            loss.value(*(_even(loss, k, shape) for k, shape in enumerate(shapes)))


def _even(loss: Loss, k: int, shape: tuple[int, ...]) -> Any:
    """An array whose values role k accepts, whatever its shape."""
    role, allowed = loss.kind.roles[k], loss.kind.roles[k].allowed(loss.params)
    if isinstance(allowed, Values):
        return np.full(shape, allowed.numbers[0])
    share = 1 / shape[1] if role.vector and len(shape) > 1 else 0.5
    return np.full(shape, share if allowed.high > 0 else log(share))


def _some_as_columns(arrays: Any) -> Iterator[list[Any]]:
    for chosen in range(1, 1 << len(arrays)):
        yield [a[:, None] if a.ndim == 1 and chosen >> k & 1 else a for k, a in enumerate(arrays)]


def _mismatched(loss: Loss) -> Iterator[list[tuple[int, ...]]]:
    """Shapes of which one does not fit the others: its rows, its columns, its order, its number of dimensions."""
    drawn = [random_data(loss, 4, 1), random_data(loss, 4, 3), soft_data(loss, 4, 3)]
    taken = [[a.shape for a in data.arrays] for data in drawn if data]
    for shapes in taken:
        for k, (n, *columns) in enumerate(shapes):
            others = [(n + 1, *columns), (1, *columns), (n, *(columns or [1]), 1), (*columns, n) if columns else (1, n)]
            others += [(n, *(d + 1 for d in columns)), (n,)] if columns else [(n, 2)]
            for other in others:
                changed = [*shapes[:k], other, *shapes[k + 1 :]]
                fits = _is_labelled(loss, changed) or _is_ensemble(loss, changed)
                if len(shapes) > 1 and changed not in taken and not fits:
                    yield changed
        yield [(2, 2, 2)] * len(shapes)


def _is_labelled(loss: Loss, shapes: list[tuple[int, ...]]) -> bool:
    """Whether these are a column a class, however many, with as many labels or with distributions over as many."""
    if not any(role.labels for role in loss.kind.roles):
        return False
    pred, target = shapes
    return len(pred) == 2 and target in (pred, pred[:1])


def _is_ensemble(loss: Loss, shapes: list[tuple[int, ...]]) -> bool:
    """Whether these are any number of members beside one outcome a row, numbers or vectors."""
    if loss.kind not in (ENSEMBLE, VECTOR_ENSEMBLE) or any(len(shape) > 2 for shape in shapes):
        return False
    (n, columns), (rows, size) = ((*shape, 1)[:2] for shape in shapes)
    return n == rows and columns % size == 0 and (size == 1 or loss.kind is VECTOR_ENSEMBLE)


@every_variant
def test_one_sample(spec: str) -> None:
    """A single row is a table of one: its loss is the mean, with no deviation."""
    loss = get(spec)
    data = random_data(loss, rows=1)
    result = evaluated(data)
    if all(a.ndim == 1 for a in data.arrays):
        assert same_bits(loss.value(*(float(a[0]) for a in data.arrays)), loss.value(*data.arrays))
    if not loss.finish:
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


@one_of_each_kind
def test_inputs_are_left_as_they_are(spec: str) -> None:
    """Read-only arrays are taken, and nothing that is returned shares memory with them."""
    for data in cutting_data(get(spec)):
        before = [a.tobytes() for a in data.arrays]
        for array in data.arrays:
            array.flags.writeable = False
        loss = data.loss
        results = computed(loss, *data.arrays)
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


@one_of_each_kind
def test_layout_does_not_change_a_bit(spec: str) -> None:
    """Values and derivatives are the same however the numbers lie in memory."""
    for data in cutting_data(get(spec)):
        wanted, said = computed(data.loss, *data.arrays), bits(evaluated(data))
        for name, lay in LAYOUTS.items():
            laid = [lay(a) for a in data.arrays]
            assert all_same_bits(computed(data.loss, *laid), wanted), (data.label, name)
            assert bits(evaluated(Data(data.loss, laid, ""))) == said, (data.label, name)


@one_of_each_kind
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.longdouble])
def test_a_float_of_any_width_is_its_value(spec: str, dtype: Any) -> None:
    """Narrow floats give the bits of the same numbers in float64: nothing is computed in their own precision."""
    for data in all_data(get(spec)):
        narrow = [a.astype(dtype) if a.dtype.kind == "f" else a for a in data.arrays]
        wide = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in narrow]
        wanted = per_sample(data.loss.terms(wide)[0])
        assert same_bits(data.loss.value(*narrow), wanted), data.label
        result = evaluated(Data(data.loss, narrow, ""))
        assert data.loss.finish or (result.min, result.max) == (wanted.min(), wanted.max())


@one_of_each_kind
@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.uint8, np.int16, np.uint32, np.int64, np.uint64, object])
def test_whole_numbers_of_any_type_are_their_value(spec: str, dtype: Any) -> None:
    """Integers and truth values give the bits of the same numbers in float64: nothing wraps around."""
    loss = get(spec)
    plain = _whole_arrays(loss, least=-2 if np.dtype(dtype).kind in "iO" else 0, most=1 if dtype is np.bool_ else 100)
    typed = [a.astype(dtype) if (a.astype(dtype) == a).all() else a for a in plain]
    assert any(a.dtype == dtype for a in typed) or len(typed) == 1  # of one role they may be no values at all
    assert all_same_bits(computed(loss, *typed), computed(loss, *(a.astype(np.float64) for a in plain)))
    assert bits(evaluated(Data(loss, typed, ""))) == bits(evaluated(Data(loss, plain, "")))


def _whole_arrays(loss: Loss, least: int, most: int) -> list[Any]:
    """Whole numbers from the domain of each role; distributions that are all or nothing."""
    rng, arrays, samples = np.random.default_rng(9), [], random_data(loss, outputs=3).arrays
    columns = max((a.shape[1] for a in samples if a.ndim == 2), default=0)
    for role, drawn in zip(loss.kind.roles, samples, strict=True):
        allowed = role.allowed(loss.params)
        if isinstance(allowed, Values):
            arrays.append(rng.choice(np.array(allowed.numbers, np.int64), drawn.shape))
        elif role.vector and columns and allowed in (UNIT, FORMS["log_probs"]):
            certain = np.eye(columns, dtype=np.int64)[rng.integers(0, columns, ROWS)]
            arrays.append(certain if allowed == UNIT else (certain - 1) * 100)
        else:
            low, high = int(max(allowed.low + allowed.is_open, least)), int(min(allowed.high, most))
            whole = rng.integers(low, high + 1, drawn.shape)
            whole = np.where(whole == allowed.hole, high, whole)
            is_row = role.vector and whole.ndim == 2  # a box must not end before it begins
            arrays.append(np.sort(whole, axis=1) if is_row else whole)
    return uncrossed(loss, arrays)


@every_difference
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
    others = [np.ones(len(errors)) for _ in loss.kind.roles[2:]]
    arrays, plain = [*arrays, *others], [np.array(errors), np.zeros(len(errors)), *others]
    assert all_same_bits(computed(loss, *arrays), computed(loss, *plain))
    for block in (1, 2, 32768):
        assert evaluated(Data(loss, arrays, ""), block=block).value == evaluated(Data(loss, plain, "")).value


@every_difference
def test_a_difference_of_integers_may_be_beyond_the_range(spec: str) -> None:
    """Integers within the range of a float64 may differ by more than the largest, which then is an infinite error."""
    pred, target = np.array([10**308, 1], object), np.array([-(10**308), 0], object)
    loss = get(spec)
    others = [np.ones(2) for _ in loss.kind.roles[2:]]
    errors = loss.check([np.array([inf, 1.0]), np.zeros(2), *others], allow_inf=True)
    assert same_bits(loss.value(pred, target, *others), per_sample(loss.terms(errors)[0]))


# Completeness


@every_loss
def test_every_loss_has_a_definition_and_recorded_values(definition: Definition) -> None:
    """A loss comes with an independent definition and with a value that something else has computed."""
    assert definition.name in DEFINITIONS
    assert any(get(case["loss"]).name == definition.name for case in CASES)
