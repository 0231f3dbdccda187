"""Losses of groups and of the whole, through the engine: which rows are a group, their order, weights and blocks."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import losscli
from losscli.errors import InputError, UsageError
from losscli.registry import Loss, get
from tests import support
from tests.laws_support import GATHERED, arrays_of, bits, random_data
from tests.support import put

ROWS = 24
GROUPED = [spec for spec in GATHERED if get(spec).scope == "group"]
WHOLE = [spec for spec in GATHERED if get(spec).scope == "whole"]
SIZES = np.repeat(["q1", "q2", "q3", "q4"], [4, 8, 8, 4])  # of groups, two of each size
every_gathered = pytest.mark.parametrize("spec", GATHERED)


def data(loss: Loss, outputs: int = 1, rows: int = ROWS) -> list[Any]:
    return list(random_data(loss, rows, outputs).arrays)


def evaluated(loss: Loss, arrays: list[Any], **options: Any) -> Any:
    return losscli.evaluate(loss, **dict(zip(loss.kind.role_names, arrays, strict=True)), **options).results[0]


def orders_of(loss: Loss) -> dict[str, bool]:
    return {} if loss.definition.underived else {"grad": True, "hess": True}


@every_gathered
@pytest.mark.parametrize("outputs", [1, 3])
def test_without_groups_all_rows_are_one(spec: str, outputs: int) -> None:
    """The value and its derivatives are those of the loss itself, as all rows are one group."""
    loss = get(spec)
    arrays = data(loss, outputs)
    result = evaluated(loss, arrays, **orders_of(loss))
    np.testing.assert_allclose(result.value, loss.value(*arrays)[0], rtol=1e-12)
    assert result.n == (1 if loss.scope == "group" else ROWS)
    if not loss.definition.underived:
        found = [*result.gradients.values()]
        for one, wanted in zip(found, arrays_of(loss.gradient(*arrays)), strict=True):
            np.testing.assert_allclose(one.values, wanted, rtol=1e-9, atol=1e-13)
        for one, wanted in zip(result.hessians.values(), arrays_of(loss.hessian(*arrays)), strict=True):
            np.testing.assert_allclose(one.values, wanted, rtol=1e-9, atol=1e-12)


@every_gathered
def test_order_and_blocks_do_not_change_a_bit(spec: str) -> None:
    loss, rng = get(spec), np.random.default_rng(3)
    arrays = data(loss, 2)
    groups = {"group": SIZES} if loss.scope == "group" else {}
    wanted = bits(evaluated(loss, arrays, **groups))
    for block in (1, 5, ROWS):
        assert bits(evaluated(loss, arrays, block=block, **groups)) == wanted
    for _ in range(3):
        order = rng.permutation(ROWS)
        moved = {"group": SIZES[order]} if groups else {}
        assert bits(evaluated(loss, [a[order] for a in arrays], **moved)) == wanted


@pytest.mark.parametrize("spec", GROUPED)
def test_the_value_is_the_mean_over_the_groups(spec: str) -> None:
    """Each group by itself, its rows wherever they stand; the derivatives are those of the mean."""
    loss = get(spec)
    order = np.random.default_rng(4).permutation(ROWS)
    arrays, groups = data(loss, 2), SIZES[order]
    result = evaluated(loss, arrays, group=groups, **orders_of(loss))
    names = np.unique(groups)
    parts = [[a[groups == name] for a in arrays] for name in names]
    singles = [evaluated(loss, part, **orders_of(loss)) for part in parts]
    np.testing.assert_allclose(result.value, np.mean([one.value for one in singles]), rtol=1e-13)
    assert (result.n, result.weight) == (len(names), len(names))
    for role, derivative in result.gradients.items():
        for name, one in zip(names, singles, strict=True):
            part = derivative.values[groups == name]
            np.testing.assert_allclose(part, one.gradients[role].values / len(names), rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("spec", GROUPED)
def test_a_group_has_one_weight(spec: str) -> None:
    loss = get(spec)
    arrays = data(loss, 2)
    weights = dict(zip(np.unique(SIZES), (1.0, 2.0, 0.0, 0.5), strict=True))
    weight = np.array([weights[name] for name in SIZES])
    singles = [evaluated(loss, [a[name == SIZES] for a in arrays]).value for name in weights]
    expected = np.average(singles, weights=list(weights.values()))
    found = evaluated(loss, arrays, group=SIZES, weight=weight)
    np.testing.assert_allclose(found.value, expected, rtol=1e-13)
    assert (found.n, found.weight) == (3, 3.5)
    total = evaluated(loss, arrays, group=SIZES, weight=weight, reduction="sum")
    np.testing.assert_allclose(total.value, expected * 3.5, rtol=1e-13)
    with pytest.raises(InputError, match=r"group q2 has rows of weight 2 and of weight 7; .* a group one weight"):
        evaluated(loss, arrays, group=SIZES, weight=np.where(np.arange(ROWS) == 5, 7.0, weight))


@pytest.mark.parametrize("spec", WHOLE)
@pytest.mark.parametrize("outputs", [1, 3])
def test_an_integer_weight_is_a_repeated_row(spec: str, outputs: int) -> None:
    loss = get(spec)
    arrays = data(loss, outputs)
    weight = np.random.default_rng(4).integers(0, 4, ROWS)
    found = evaluated(loss, arrays, weight=weight)
    repeated = evaluated(loss, [np.repeat(a, weight, axis=0) for a in arrays])
    np.testing.assert_allclose(found.value, repeated.value, rtol=1e-13)
    assert (found.n, found.weight) == ((weight > 0).sum(), weight.sum())


@every_gathered
def test_what_a_group_does_not_have_is_refused(spec: str) -> None:
    loss = get(spec)
    arrays = data(loss)
    for options in ({"per_sample": True}, {"worst": 3}, {"reduction": "none"}, {"by": {"g": SIZES}}):
        with pytest.raises(UsageError, match=loss.name):
            evaluated(loss, arrays, **options)
    roles = dict(zip(loss.kind.role_names, arrays, strict=True))
    if loss.scope == "group":
        with pytest.raises(UsageError, match="a sum takes losses of rows"):
            losscli.evaluate(f"2 * {loss}", **roles)
    if loss.scope == "whole":
        assert losscli.evaluate(f"2 * {loss}", **roles).value == 2 * evaluated(loss, arrays).value
        with pytest.raises(UsageError, match="--reduction mean only"):
            evaluated(loss, arrays, reduction="sum")
        with pytest.raises(UsageError, match=r"--group-col is for losses that have a value a group"):
            evaluated(loss, arrays, group=SIZES)


@every_gathered
def test_no_more_is_held_than_is_allowed(spec: str) -> None:
    loss = get(spec)
    arrays = data(loss, rows=2000)
    with pytest.raises(InputError, match=r"more than 16384 bytes would be held: say --max-bytes N"):
        evaluated(loss, arrays, max_bytes=1 << 14)


def test_groups_from_a_file(tmp_path: Path) -> None:
    """By the name of a column, which may hold text or numbers; a missing one is refused, or its row left out."""
    table = "q,y_pred,y\n7,1.5,2\n9,0.5,1\n7,0.25,0\n,9,1\n9,2,0\n"
    put(tmp_path, {"a.csv": table, "b.csv": table.replace("7,", "a b,"), "c.csv": table.replace(",9,1\n", "")})
    plain = losscli.evaluate("ranknet", pred=[1.5, 0.25], target=[2, 0]).value
    other = losscli.evaluate("ranknet", pred=[0.5, 2], target=[1, 0]).value
    for name in ("a.csv", "b.csv"):
        ran = support.run("eval", "-l", "ranknet", name, "--group-col", "q", cwd=tmp_path)
        assert (ran.code, ran.stdout) == (3, "")
        assert f"{name}:5:q: missing group; fill in" in ran.stderr
        args = ("eval", "-l", "ranknet", name, "--group-col", "q", "--missing", "drop", "--format", "value")
        ran = support.run(*args, cwd=tmp_path)
        assert float(ran.stdout) == pytest.approx((plain + other) / 2, rel=1e-15)
    ran = support.run("eval", "-l", "ranknet", "a.csv", "--group-col", "query", cwd=tmp_path)
    assert (ran.code, ran.stdout) == (2, "")
    assert "no file has a column 'query' for --group-col" in ran.stderr or "has no column 'query'" in ran.stderr
    ran = support.run("eval", "-l", "mse", "a.csv", "--group-col", "q", cwd=tmp_path)
    assert (ran.code, ran.stdout) == (2, "")
