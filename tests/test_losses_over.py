"""Overlap of masks and of boxes: what is special about them, and losses of all rows against their definitions."""

from math import isnan
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import losscli
from losscli.errors import BadValueError, InputError, UsageError
from losscli.registry import Loss, get
from tests.reference.accuracy import BOUND, spacing, ulps
from tests.reference.catalogue import DEFINITIONS, numbers
from tests.reference.exact import exactly
from tests.test_more_losses import MASKS, assert_near

# Masks


@pytest.mark.parametrize("options", ["", ",smooth=1", ",smooth=1e-300"])
@pytest.mark.parametrize("name", ["squared_dice", "jaccard", "tversky:alpha=0.3,beta=0.7"])
def test_masks(name: str, options: str) -> None:
    """Nearly right, empty on one side, and with shares that are hardly there."""
    name, _, given = name.partition(":")
    pred, target = (np.array([mask[k] for mask in MASKS]) for k in (0, 1))
    assert_near(get(f"{name}:{given + ',' if given else ''}pool=sample{options}"), [pred, target], 1500)


HARD = [[1, 0, 1, 1, 0], [0, 0, 1, 0, 1]], [[1, 1, 0, 1, 0], [0, 1, 1, 0, 0]]
SOFT = [[0.9, 0.2, 0.4], [0.5, 0.5, 0.1]], [[1.0, 0.0, 0.5], [0.25, 0.75, 0.0]]


@pytest.mark.parametrize(("pred", "target"), [HARD, SOFT])
@pytest.mark.parametrize("pool", ["all", "sample"])
def test_what_one_is_of_another(pred: Any, target: Any, pool: str) -> None:
    """Dice, Jaccard, Tversky and its power are one family."""

    def of(name: str, **params: Any) -> Any:
        loss = get(name, pool=pool, **params)
        return losscli.evaluate(loss, pred=pred, target=target).value if pool == "all" else loss.value(pred, target)

    assert of("tversky") == pytest.approx(of("dice"), rel=1e-15)
    assert of("tversky", smooth=1) == pytest.approx(of("dice", smooth=2), rel=1e-15)
    assert of("tversky", alpha=1, beta=1) == pytest.approx(of("jaccard"), rel=1e-15)
    assert of("jaccard") == pytest.approx(2 * of("dice") / (1 + of("dice")), rel=1e-15)
    assert of("focal_tversky", gamma=1, alpha=0.2) == pytest.approx(of("tversky", alpha=0.2), rel=1e-15)
    assert of("focal_tversky") == pytest.approx(of("tversky") ** 0.75, rel=1e-15)
    assert (pred is SOFT[0]) != np.allclose(of("squared_dice"), of("dice"))


def test_which_mistake_alpha_weighs() -> None:
    """False positives; beta false negatives, so that alone they are 1 - precision and 1 - recall."""
    pred, target = [1, 1, 1, 1, 0, 0], [1, 0, 0, 0, 1, 0]
    assert losscli.evaluate("tversky:alpha=1,beta=0", pred=pred, target=target).value == 0.75
    assert losscli.evaluate("tversky:alpha=0,beta=1", pred=pred, target=target).value == 0.5
    with pytest.raises(UsageError, match="no mistake would count"):
        get("tversky:alpha=0,beta=0")


@pytest.mark.parametrize("name", ["squared_dice", "jaccard", "tversky", "focal_tversky", "mcc"])
@pytest.mark.parametrize("pool", ["all", "sample"])
def test_empty_masks(name: str, pool: str) -> None:
    """Undefined, unless it is said what they are; they have no slope then."""
    empty = {"pred": [[0.0, 0.0]], "target": [[0.0, 0.0]]}
    assert isnan(losscli.evaluate(f"{name}:pool={pool}", **empty).value)
    for said in ("0", "1"):
        (result,) = losscli.evaluate(f"{name}:empty={said},pool={pool}", **empty, grad=True, hess=True).results
        assert result.value == float(said)
        assert not np.any([result.gradient, result.hessian])
    if name != "mcc":
        assert losscli.evaluate(f"{name}:smooth=1,pool={pool}", **empty).value == 0
        with pytest.raises(UsageError, match="is for smooth=0"):
            get(f"{name}:smooth=1,empty=0")


@pytest.mark.parametrize("pool", ["all", "sample"])
def test_a_mask_that_correlates_with_nothing(pool: str) -> None:
    """One that is all background or all object: undefined, or 1 where empty says a value, but for a perfect one."""
    for pred, target, wanted in (
        ([0.0, 0.0], [0.0, 1.0], 1.0),
        ([0.5, 0.5], [1.0, 1.0], 1.0),
        ([1.0, 1.0], [1.0, 1.0], 0.0),
    ):
        roles = {"pred": [pred], "target": [target]}
        assert isnan(losscli.evaluate(f"mcc:pool={pool}", **roles).value)
        assert losscli.evaluate(f"mcc:empty=0,pool={pool}", **roles).value == wanted


def test_the_scale_of_weights_does_not_change_a_correlation() -> None:
    """Not that of masks which are more wrong than right either."""
    roles = {"pred": [[0.0, 1.0, 0.0, 1.0, 1.0]], "target": [[1.0, 0.0, 1.0, 1.0, 0.0]]}
    for weight in (2.0**-10, 1.0, 2.0**10):
        value = losscli.evaluate("mcc:pool=all", **roles, weight=[weight]).value
        assert value == pytest.approx(5 / 3, rel=1e-15)


@pytest.mark.parametrize("pool", ["all", "sample"])
def test_the_power_has_no_slope_at_a_perfect_mask(pool: str) -> None:
    """Where it would be infinite it is 0, as declared."""
    roles = {"pred": [[1.0, 0.0]], "target": [[1.0, 0.0]]}
    (result,) = losscli.evaluate(f"focal_tversky:pool={pool}", **roles, grad=True, hess=True).results
    assert result.value == 0
    assert not np.any([result.gradient, result.hessian])


def test_correlation_of_rows_is_near_its_definition() -> None:
    """On masks that are nearly right, nearly wrong, and nearly empty."""
    rng = np.random.default_rng(60)
    target = rng.integers(0, 2, (40, 6)).astype(float)
    target[:, :2] = 0, 1
    near = 10.0 ** rng.uniform(-17, 0, target.shape)
    for pred in (abs(target - near), abs(1 - target - near), near):
        loss = get("mcc:pool=sample")
        for found, p, t in zip(loss.value(pred, target), pred.tolist(), target.tolist(), strict=True):
            with mp.workdps(200):
                (exact,) = DEFINITIONS["mcc"].terms(exactly(p), exactly(t))
            assert ulps(found, exact) <= 8


# Losses of all rows


def _whole(loss: Loss, arrays: list[Any], weight: Any, order: int = 0) -> list[Any]:
    """Value, gradient and Hessian of rows that have weights."""
    return loss.yielded([*(a[None] for a in loss.check(arrays)), np.asarray(weight, float)[None]], order)


def _drawn(name: str, rows: int = 9, seed: int = 61) -> list[Any]:
    rng = np.random.default_rng(seed)
    if name == "lovasz_hinge":
        return [rng.normal(size=rows) * 2, rng.choice([-1.0, 1.0], rows)]
    return [rng.dirichlet(np.ones(3), rows), rng.integers(0, 3, rows)]


def _exact(loss: Loss, arrays: list[Any], weight: Any) -> Any:
    roles = [exactly(a) if isinstance(a, list) else exactly(a.tolist()) for a in arrays]
    return sum(DEFINITIONS[loss.name].terms(*roles, exactly(list(map(float, weight))), **numbers(loss)))


WHOLE = ["generalized_dice", "lovasz_hinge", "lovasz_softmax"]


@pytest.mark.parametrize("name", WHOLE)
def test_losses_of_all_rows(name: str) -> None:
    """Value, gradient and Hessian diagonal are those of the definition, with weights and without."""
    loss, rng = get(name), np.random.default_rng(62)
    for rows in (1, 2, 9):
        arrays = _drawn(name, rows)
        for weight in (np.ones(rows), rng.uniform(0.1, 3, rows)):
            value, gradient, hessian = _whole(loss, arrays, weight, 2)
            with mp.workdps(120):
                assert ulps(value[0], _exact(loss, arrays, weight)) <= BOUND
                step = mpf(10) ** -30
                for place in np.ndindex(arrays[0].shape):
                    low, here, high = (_exact(loss, _moved(arrays, place, s * step), weight) for s in (-1, 0, 1))
                    assert ulps(gradient[0][place], (high - low) / 2 / step, mpf(1) / 8) <= BOUND
                    bend = (high - 2 * here + low) / step**2
                    assert abs(mpf(hessian[0][place]) - bend) <= BOUND * spacing(abs(bend) + mpf(1) / 8)
    assert loss.value(*arrays).shape == (1,)
    assert loss.gradient(*arrays).shape == arrays[0].shape


def _moved(arrays: list[Any], place: tuple[int, ...], by: Any) -> list[Any]:
    pred = exactly(arrays[0].tolist())
    row = pred if len(place) == 1 else pred[place[0]]
    row[place[-1]] += by
    return [pred, *arrays[1:]]


@pytest.mark.parametrize("name", WHOLE)
def test_a_weight_is_so_many_rows(name: str) -> None:
    """And the order of rows does not count: not to the last bit. A row of weight 0 is not there."""
    loss, rng = get(name), np.random.default_rng(63)
    arrays = _drawn(name, 30)
    arrays[0][::3] = arrays[0][0]  # ties
    weight, order = rng.integers(0, 4, 30), rng.permutation(30)
    plain = _whole(loss, arrays, weight, 1)
    repeated = [np.repeat(a, weight, axis=0) for a in arrays]
    many = _whole(loss, repeated, np.ones(weight.sum()), 1)
    assert many[0][0].hex() == plain[0][0].hex()
    total = np.zeros_like(arrays[0])
    np.add.at(total, np.repeat(np.arange(30), weight), many[1][0])
    np.testing.assert_allclose(total, plain[1][0], rtol=1e-13, atol=1e-17)
    other = _whole(loss, [a[order] for a in arrays], weight[order], 1)
    assert other[0][0].hex() == plain[0][0].hex()
    assert other[1][0].tobytes() == plain[1][0][order].tobytes()


@pytest.mark.parametrize("name", ["generalized_dice", "lovasz_softmax"])
def test_classes(name: str) -> None:
    """Labels and one-hot rows are one thing; a class without targets is left out; other labels are refused."""
    loss, pred = get(name), [[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.5, 0.5, 0.0]]
    value = loss.value(pred, [0, 1, 1])[0]
    assert loss.value(pred, [[1, 0, 0], [0, 1, 0], [0, 1, 0]])[0] == value
    two = (1, 0.7 + 0.3 + 0.5, 0.7), (2, 0.2 + 0.3 + 0.5, 0.8)
    if name == "generalized_dice":
        ratio = 2 * sum(both / n**2 for n, _, both in two) / sum((yes + n) / n**2 for n, yes, both in two)
        assert value == pytest.approx(1 - ratio)
    with pytest.raises(BadValueError, match=r"label 3 is outside 0\.\.2"):
        loss.value(pred, [0, 1, 3])
    with pytest.raises(InputError, match="a column a class is needed"):
        loss.value([0.5, 0.25], [0, 1])
    with pytest.raises(BadValueError, match="add up to"):
        loss.value([[0.5, 0.9]], [0])


def test_a_soft_row_has_no_place_in_a_set() -> None:
    with pytest.raises(BadValueError, match=r"0\.25 is not 0 or 1; a row belongs to one class here") as caught:
        get("lovasz_softmax").value([[0.5, 0.5]] * 2, [[1, 0], [0.25, 0.75]])
    assert (caught.value.role, caught.value.row, caught.value.column) == ("target", 1, 0)


def test_the_extension_is_the_jaccard_loss_of_a_set() -> None:
    """Where errors are 0 or 1; and without a pixel of the object the largest error."""
    rng = np.random.default_rng(64)
    wrong, signs = rng.integers(0, 2, (20, 12)), rng.choice([-1.0, 1.0], (20, 12))
    signs[:, 0] = 1.0
    wanted = get("jaccard:pool=sample").value(np.where(wrong, signs < 0, signs > 0), signs > 0)
    assert get("lovasz_hinge:pool=sample").value(np.where(wrong, 0, signs), signs) == pytest.approx(wanted, rel=1e-15)
    assert get("lovasz_hinge").value([0.5, 2.0, -3.0], [-1, -1, -1])[0] == 3.0
    alone = rng.normal(size=(9, 1)), rng.choice([-1.0, 1.0], (9, 1))
    assert get("lovasz_hinge:pool=sample").value(*alone).tolist() == get("hinge").value(*alone).tolist()


def test_equal_errors_share_their_slope() -> None:
    """Those of the object come first; whatever the order of rows."""
    loss, pred, target = get("lovasz_hinge"), np.zeros(4), np.array([-1.0, 1.0, -1.0, 1.0])
    assert loss.gradient(pred, target) == pytest.approx([0, -1 / 2, 0, -1 / 2])
    target = np.array([-1.0, 1.0, -1.0])
    pred = np.array([0.0, 2.0, 0.0])
    assert loss.gradient(pred, target) == pytest.approx([1 / 3, 0, 1 / 3])


# Boxes

BOXES = ["box_iou", "giou", "diou", "ciou"]


@pytest.mark.parametrize("name", BOXES)
def test_formats_say_the_same_boxes(name: str) -> None:
    """Values are the same; slopes are those of the corners that move."""
    rng = np.random.default_rng(65)
    corners = rng.integers(0, 9, (2, 50, 2)) / 4
    sides = rng.integers(1, 9, (2, 50, 2)) / 2
    forms = {"xyxy": (corners, corners + sides), "xywh": (corners, sides), "cxcywh": (corners + sides / 2, sides)}
    given = {form: np.concatenate(parts, axis=2) for form, parts in forms.items()}
    losses = {form: get(name, box_format=form) for form in forms}
    values = [losses[form].value(*given[form]) for form in forms]
    assert all(np.array_equal(value, values[0]) for value in values)
    of = {form: losses[form].gradient(*given[form]) for form in forms}
    begin, end = of["xyxy"][:, :2], of["xyxy"][:, 2:]
    near: dict[str, Any] = {"rtol": 1e-12, "atol": 1e-15}
    np.testing.assert_allclose(of["xywh"], np.concatenate([begin + end, end], axis=1), **near)
    np.testing.assert_allclose(of["cxcywh"], np.concatenate([begin + end, (end - begin) / 2], axis=1), **near)


@pytest.mark.parametrize("name", BOXES)
def test_boxes_of_any_size_are_alike(name: str) -> None:
    """A loss of shares does not depend on the unit; it lies within its bounds, and is 0 for equal boxes alone."""
    loss = get(name)
    pred, target = loss.kind.sample(np.random.default_rng(66), loss.params, 200, 1)
    value, (low, high) = loss.value(pred, target), loss.bounds
    assert (value > low).all()
    assert (value <= high).all()
    assert not loss.value(pred, pred).any()
    assert not loss.gradient(pred, pred).any()
    for shift in (-900, 900):
        assert loss.value(np.ldexp(pred, shift), np.ldexp(target, shift)).tolist() == value.tolist()


def test_boxes_that_are_apart() -> None:
    """IoU has nothing to say of them; the others draw them together."""
    pred, target = [[0.0, 0.0, 1.0, 1.0]], [[3.0, 0.0, 4.0, 2.0]]
    assert get("box_iou").value(pred, target)[0] == 1
    assert not get("box_iou").gradient(pred, target).any()
    for name in ("giou", "diou", "ciou"):
        (x1, _, x2, _) = get(name).gradient(pred, target)[0]
        assert x1 + x2 < 0
    assert get("giou").value(pred, target)[0] == 1 + (8 - 3) / 8
    assert get("diou").value(pred, target)[0] == 1 + (9 + 0.25) / (16 + 4)


def test_a_shared_edge_has_the_mean_slope() -> None:
    """Between that of moving out and that of moving in."""
    target = [[0.0, 0.0, 2.0, 1.0]]
    out, at, inside = (get("box_iou").gradient([[0.0, 0.0, x, 2.0]], target)[0][2] for x in (2 + 1e-9, 2.0, 2 - 1e-9))
    assert at == pytest.approx((out + inside) / 2, rel=1e-6)
    assert get("box_iou").gradient([[2.0, 0.0, 3.0, 1.0]], target).tolist() == [[0.0] * 4]  # they touch


def test_boxes_without_an_area() -> None:
    """A point or a line shares nothing with a box; two of them are undefined, unless it is said what they are."""
    line, box = [[0.0, 0.0, 0.0, 2.0]], [[0.0, 0.0, 1.0, 2.0]]
    assert get("box_iou").value(line, box)[0] == get("box_iou").value(box, line)[0] == 1
    for name in BOXES:
        assert isnan(get(name).value(line, line)[0])
        for empty in ("0", "1"):
            assert get(name, empty=empty).value(line, line)[0] == float(empty)
            assert np.isfinite(get(name, empty=empty).hessian(line, line)).all()


@pytest.mark.parametrize(
    ("form", "box", "said"),
    [
        (
            "xyxy",
            [3, 0, 1, 2],
            r"x2 = 1\.0 is less than x1 = 3\.0; if these are width and height, say --box-format xywh",
        ),
        ("xyxy", [3, 0, 5, -2], r"y2 = -2\.0 is less than y1 = 0\.0; the box is inside out"),
        ("xywh", [3, 0, 1, -2], r"h = -2\.0 is negative; a box has no negative size"),
        ("cxcywh", [3, 0, -1, 2], r"w = -1\.0 is negative"),
        ("xyxy", [3, 0, np.inf, 2], "inf is outside"),
        ("xyxy", [3, 0, np.nan, 2], "missing value"),
    ],
)
def test_a_box_that_is_none_is_refused(form: str, box: list[float], said: str) -> None:
    """With its row and the column that is wrong."""
    with pytest.raises(BadValueError, match=said) as caught:
        get("giou", box_format=form).value([[0, 0, 1, 1]] * 2, [[0, 0, 1, 1], box])
    assert (caught.value.role, caught.value.row) == ("target", 1)
    with pytest.raises(InputError, match=r"a box is a row of four columns: x1, y1, x2, y2"):
        get("giou").value([[0, 0, 1]], [[0, 0, 1]])
