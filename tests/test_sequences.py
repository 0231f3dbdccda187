"""Losses whose rows are sequences: their laws, and the files that they are read from."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
from mpmath import mp, mpf

import losscli
from losscli.errors import InputError, LossError, UsageError
from losscli.registry import Loss, get
from tests import laws_support
from tests.laws_support import SEQUENTIAL, Data, evaluated, same_bits
from tests.reference.accuracy import BOUND, ulps
from tests.reference.catalogue import references
from tests.reference.exact import Reference
from tests.support import Ran

Run = Callable[..., Ran]
every_sequential = pytest.mark.parametrize("spec", SEQUENTIAL)
DIGITS, STEP = 60, mpf(10) ** -20
CTC = [spec for spec in SEQUENTIAL if get(spec).name == "ctc"]
every_ctc = pytest.mark.parametrize("spec", CTC)
HALF = np.log(0.5)


def random_data(loss: Loss, rows: int, outputs: int) -> Data:
    """What the kind draws; with one output, of each token the probability of what came alone, where the loss takes
    that: its target is absent.
    """
    data = laws_support.random_data(loss, rows, outputs)
    if outputs > 1 or loss.params["form"] == "logits" or not loss.kind.roles[1].optional:
        return data
    pred, target, *others = data.arrays
    came = np.take_along_axis(pred, target[:, :, None], axis=2)[:, :, 0]
    return Data(loss, [came, np.zeros((rows, 0)), *others], data.label)


def role_of(loss: Loss, data: Data, role: str) -> Any:
    return data.arrays[loss.kind.role_names.index(role)]


def lengths_of(loss: Loss, data: Data, role: str) -> Any:
    """How many entries of each row count; of what stands beside predictions as many as of these."""
    names = loss.kind.role_names
    return role_of(loss, data, f"{role}_lengths" if f"{role}_lengths" in names else "pred_lengths")


def lists_of(loss: Loss, data: Data) -> dict[str, Any]:
    """The sequences of each role as lists, without their padding; roles that are lengths are left out."""
    found = {}
    for role, array in zip(loss.kind.roles, data.arrays, strict=True):
        if role.sequence:
            lengths = lengths_of(loss, data, role.name)
            found[role.name] = [row[:k].tolist() for row, k in zip(array, lengths, strict=True)]
        elif not role.lengths_of:
            found[role.name] = array.tolist()
    return {name: rows for name, rows in found.items() if any(np.size(row) for row in rows)}


# Values and derivatives


@every_sequential
def test_values_are_those_of_the_definition(spec: str) -> None:
    loss = get(spec)
    for outputs in (1, 3):
        data = random_data(loss, 12, outputs)
        for term, exact in zip(loss.terms(data.checked), references(loss, DIGITS), strict=True):
            for found, roles in zip(term.tolist(), exact.items(data.checked), strict=True):
                wanted = exact.value(roles)
                assert ulps(found, wanted.value, wanted.size) <= max(BOUND, exact.definition.ulps)


@every_sequential
@pytest.mark.parametrize("outputs", [1, 2])
def test_derivatives_are_those_of_the_definition(spec: str, outputs: int) -> None:
    """By central differences of the definition in each entry, also behind the ends, where they are 0."""
    loss = get(spec)
    data, orders = random_data(loss, 4, outputs), loss.definition.orders
    for order, found in zip(orders, loss.derivatives(data.checked, len(orders))["pred"], strict=True):
        for term, exact in zip(found, references(loss, DIGITS), strict=True):
            for row, roles in zip(term, exact.items(data.checked), strict=True):
                for place in np.ndindex(row.shape):
                    wanted = _difference(exact, roles, place, order)
                    assert wanted == pytest.approx(row[place], rel=1e-12, abs=1e-14), (order, place)


def _difference(exact: Reference, roles: Sequence[Any], place: tuple[int, ...], order: int) -> float:
    low, here, high = (exact.value(_moved(roles, place, k * STEP)).value for k in (-1, 0, 1))
    with mp.workdps(DIGITS):
        return float((high - low) / (2 * STEP) if order == 1 else (high - 2 * here + low) / STEP**2)


def _moved(roles: Sequence[Any], place: tuple[int, ...], step: Any) -> list[Any]:
    """The roles with an entry of the first one moved."""

    def moved(entries: Any, at: tuple[int, ...]) -> Any:
        if not at:
            return entries + step
        return [moved(e, at[1:]) if k == at[0] else e for k, e in enumerate(entries)]

    with mp.workdps(DIGITS):
        return [moved(roles[0], place), *roles[1:]]


@every_sequential
def test_no_bit_depends_on_neighbours(spec: str) -> None:
    """A row alone has the value and the gradient that it has among others, in whatever order these come."""
    loss = get(spec)
    data = random_data(loss, 20, 4)
    values, gradient = loss.value(*data.arrays), loss.gradient(*data.arrays)
    order = np.random.default_rng(0).permutation(20)
    assert same_bits(loss.value(*data.take(order).arrays), values[order])
    assert same_bits(loss.gradient(*data.take(order).arrays), gradient[order])
    for row in range(20):
        alone = data.take(slice(row, row + 1))
        assert same_bits(loss.value(*alone.arrays), values[row : row + 1])
        assert same_bits(loss.gradient(*alone.arrays), gradient[row : row + 1])


@every_sequential
@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("filler", [0.0, 7.0, np.nan])
def test_padding_is_no_value(spec: str, filler: float, outputs: int) -> None:
    """Whatever stands behind the ends, and however much of it."""
    loss = get(spec)
    data = random_data(loss, 15, outputs)
    longer = []
    for role, array in zip(loss.kind.roles, data.arrays, strict=True):
        if role.sequence and array.size:
            lengths = lengths_of(loss, data, role.name)
            wider = np.concatenate([array.astype(float), np.ones((len(array), 3, *array.shape[2:]))], axis=1)
            wider[np.arange(wider.shape[1]) >= lengths[:, None]] = filler
            longer.append(wider)
        else:
            longer.append(array)
    wanted = evaluated(data, grad=True)
    for block in (1, 4, 100):
        found = evaluated(Data(loss, longer, ""), grad=True, block=block)
        assert found.value == wanted.value
        assert same_bits(found.gradient[:, : wanted.gradient.shape[1]], wanted.gradient)
        assert not found.gradient[:, wanted.gradient.shape[1] :].any()


@every_sequential
@pytest.mark.parametrize("outputs", [1, 3])
def test_lists_are_arrays_with_lengths(spec: str, outputs: int) -> None:
    """The same bits, and gradients of the lists' lengths."""
    loss = get(spec)
    data = random_data(loss, 15, outputs)
    wanted = evaluated(data, grad=True, per_sample=True)
    lists = lists_of(loss, data)
    for given in (lists, {role: [np.array(row) for row in rows] for role, rows in lists.items()}):
        found = losscli.evaluate(loss, **given, grad=True, per_sample=True).results[0]
        assert (found.value, found.std) == (wanted.value, wanted.std)
        for row, padded, own in zip(found.gradient, wanted.gradient, lists["pred"], strict=True):
            assert same_bits(row, padded[: len(own)])
        assert found.samples
        assert found.samples["gradient"] == [row.tolist() for row in found.gradient]


@every_sequential
def test_a_weight_counts_samples(spec: str) -> None:
    loss = get(spec)
    data = random_data(loss, 10, 3)
    weight = np.array([2.0, 0, 1, 3, 1, 0, 1, 1, 2, 1])
    repeated = data.take(np.repeat(np.arange(10), weight.astype(int)))
    found = evaluated(data, weight=weight, grad=True)
    assert found.value == evaluated(repeated).value
    assert not found.gradient[weight == 0].any()
    masked = evaluated(data, mask=weight > 0)
    assert masked.value == evaluated(data.take(weight > 0)).value
    assert masked.n == 8


# CTC


def ctc(pred: Any, target: Any, spec: str = "ctc", **options: Any) -> Any:
    return losscli.evaluate(spec, pred=[pred], target=[target], **options)


def even(frames: int, classes: int = 2) -> Any:
    """Frames in which every class is as likely."""
    return np.full((frames, classes), -np.log(classes))


@pytest.mark.parametrize(
    ("frames", "target", "paths"),
    [
        (1, [], 1),
        (4, [], 1),  # blanks alone
        (1, [1], 1),
        (2, [1], 3),
        (4, [1], 10),
        (2, [1, 1], 0),
        (3, [1, 1], 1),  # with a blank between
        (5, [1, 1, 1], 1),
        (6, [1, 1, 1], 7),
        (0, [], 1),
        (0, [1], 0),
    ],
)
def test_paths_are_counted(frames: int, target: list[int], paths: int) -> None:
    """Where all paths are as likely, P is their share."""
    report = ctc(even(frames), target, allow_inf=True)
    share = paths / 2.0**frames
    assert report.value == (pytest.approx(-np.log(share), rel=1e-14, abs=1e-15) if paths else np.inf)
    assert (report.results[0].infinite, report.is_finite) == ((0, True) if paths else (1, False))


@pytest.mark.parametrize("blank", [0, 1, 2])
def test_any_class_may_be_the_blank(blank: int) -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(size=(6, 3))
    others = [k for k in range(3) if k != blank]
    turned = logits[:, [blank, *others]]
    spec = f"ctc:form=logits,blank={blank}"
    wanted = ctc(turned, [1, 2, 2], "ctc:form=logits").value
    assert ctc(logits, [others[0], others[1], others[1]], spec).value == pytest.approx(wanted, rel=1e-15)


def test_what_cannot_be_spelled_is_infinite_and_has_no_slope() -> None:
    """NaN where it counts, 0 where it is to be 0; the others are as they are."""
    pred, target = [even(2), even(4)], [[1, 1], [1, 1]]
    result = losscli.evaluate("ctc", pred=pred, target=target, grad=True).results[0]
    assert (result.value, result.infinite, result.first_infinite) == (np.inf, 1, 0)
    assert result.why_infinite == "its target needs 3 frames and has 2"
    assert np.isnan(result.gradient[0]).all()
    assert np.isfinite(result.gradient[1]).all()
    zeroed = losscli.evaluate("ctc:zero_infinity=true", pred=pred, target=target, grad=True).results[0]
    assert (zeroed.value, zeroed.infinite) == (ctc(even(4), [1, 1]).value / 2, 0)
    assert not zeroed.gradient[0].any()
    assert same_bits(zeroed.gradient[1], result.gradient[1])


def test_a_class_may_be_impossible() -> None:
    """Minus infinity is a probability of 0, wherever it stands."""
    sure = np.array([[-np.inf, 0.0], [0.0, -np.inf], [-np.inf, 0.0]])
    result = ctc(sure, [1, 1], allow_inf=True, grad=True).results[0]
    assert result.value == 0.0
    assert result.gradient[0].tolist() == [[0, -1], [-1, 0], [0, -1]]
    other = ctc(sure, [1], allow_inf=True, grad=True).results[0]
    assert other.value == np.inf
    assert other.why_infinite == "its target has probability 0"
    with pytest.raises(InputError, match=r"^pred: row 0: frame 0, class 0: infinite value; --allow-inf lets it in$"):
        ctc(sure, [1])


def test_a_value_is_never_below_zero() -> None:
    """Roundings may take a probability above 1."""
    rng = np.random.default_rng(0)
    for frames in range(1, 60):
        p = rng.uniform(1e-17, 1e-15, (frames, 2))
        assert 0 <= ctc(np.stack([np.log(p[:, 0]), np.log1p(-p[:, 0])], axis=1), [1]).value < 1e-13


def test_long_sequences_lose_nothing() -> None:
    """P is far below the least number that a float64 has."""
    frames = 20_000
    assert ctc(even(frames, 4), [], "ctc").value == pytest.approx(frames * np.log(4), rel=1e-13)
    certain = np.tile([[40.0, 0.0], [0.0, 40.0]], (500, 1))
    found = losscli.evaluate("ctc:form=logits", pred=[certain], target=[[1] * 500], grad=True).results[0]
    assert found.value == pytest.approx(1000 * np.log1p(np.exp(-40)), rel=1e-3, abs=1e-13)
    assert np.abs(found.gradient[0].sum(axis=1)).max() < 1e-14  # a softmax and shares, which both add up to 1


@every_ctc
def test_gradients_of_log_probabilities_are_shares(spec: str) -> None:
    loss = get(spec)
    data = random_data(loss, 30, 5)
    gradient = loss.gradient(*data.arrays)
    is_frame = np.arange(gradient.shape[1]) < role_of(loss, data, "pred_lengths")[:, None]
    total = 0.0 if loss.params["form"] == "logits" else -1.0
    np.testing.assert_allclose(gradient.sum(axis=2), np.where(is_frame, total, 0.0), atol=1e-14)


def test_there_is_no_hessian() -> None:
    with pytest.raises(UsageError, match=r"^ctc has no Hessian diagonal: the probability of a sequence is a sum over"):
        ctc(even(2), [1], hess=True)
    with pytest.raises(UsageError, match="no Hessian diagonal"):
        get("ctc").hessian(even(2)[None], [[1]], [2], [1])


def test_a_loss_by_itself_takes_arrays_and_lengths() -> None:
    loss = get("ctc")
    arrays = np.stack([even(3), even(3)]), [[1, 0], [1, 1]], [2, 3], [1, 2]
    assert loss.value(*arrays).tolist() == [ctc(even(2), [1]).value, ctc(even(3), [1, 1]).value]
    assert loss.gradient(*arrays).shape == (2, 3, 2)
    with pytest.raises(InputError, match=r"^not an array of numbers: .*; rows of several lengths are padded"):
        loss.value([even(2), even(3)], [[1], [1]], [2, 3], [1, 1])


def test_a_gradient_of_sequences_is_not_compared(here: Path, run_here: Run) -> None:
    files(here)
    losscli.evaluate("ctc", pred="run.npz", grad_out="g.npy")
    ran = run_here("gradcheck", "ctc", "run.npz", "--against", "g.npy")
    assert ran.code == 2
    assert ran.stderr.startswith("losscli: error: ctc: gradients of sequences are not compared")


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ({"target": [[1, 3]]}, r"^target: row 0: label 1: label 3 is outside 0\.\.1"),
        ({"target": [[1, 0]]}, "^target: row 0: label 1: class 0 is the blank; target_lengths say where"),
        ({"target": [[0.5]]}, "^target: row 0: label 0: label 0.5 is not an integer$"),
        ({"target": [[1, -1]]}, "^target: row 0: label 1: label -1 is outside"),
        ({"target": [[[1]]]}, "^target has shape"),
        ({"target": [1], "target_lengths": [1]}, "^target has shape"),
        ({"target": [[1], [1]]}, "^row counts differ"),
        ({"pred": [[[0.5, 0.5]]]}, "frame 0, class 0: 0.5 is outside .*these look like probabilities: take"),
        ({"pred": [[[-1, -1]]]}, "^pred: row 0: frame 0: the row's probabilities add up to .*--form logits"),
        ({"pred": [[[0.0]]]}, "^pred has shape .*a row is frames by classes"),
        ({"pred": [[-1.0, -2.0]]}, "^pred has shape"),
        ({"pred": [[[HALF, HALF], [HALF]]]}, "^pred: row 0: not an array of numbers"),
        ({"pred": [[[HALF, np.nan]]]}, "^pred: row 0: missing value"),
        ({"pred": [[["a", "b"]]]}, "^pred: row 0: dtype <U1 is not numeric"),
        ({"pred_lengths": [3]}, "^pred_lengths: row 0: length 3.0; pred has 2 entries there, so it is one of 0..2$"),
        ({"pred_lengths": [-1]}, "^pred_lengths: row 0: length -1.0"),
        ({"target_lengths": [0.5]}, "^target_lengths: row 0: length 0.5"),
        ({"target_lengths": [[1, 1]]}, "^target_lengths has shape"),
        ({"target": np.array([[1]])}, "^target: rows of one length: target_lengths has to say how many"),
    ],
)
def test_refused(roles: dict[str, Any], said: str) -> None:
    with pytest.raises(LossError, match=said):
        losscli.evaluate("ctc", **{"pred": [even(2)], "target": [[1]], **roles})


def test_a_blank_that_is_no_class() -> None:
    with pytest.raises(InputError, match=r"^blank=2, and there are classes 0\.\.1$"):
        ctc(even(2), [1], "ctc:blank=2")
    with pytest.raises(UsageError, match="blank must be"):
        get("ctc:blank=-1")


def test_rows_of_other_classes() -> None:
    with pytest.raises(InputError, match=r"^pred: row 1: entries of shape \(3,\), before \(2,\)$"):
        losscli.evaluate("ctc", pred=[even(2), even(2, 3)], target=[[1], [1]])


def test_single_precision_adds_up_to_one_as_far_as_it_can() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(3, 5, 7)).astype(np.float32)
    logs = (logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))).astype(np.float32)
    given = {"target": [[1], [2, 3], []], "pred": logs}
    assert losscli.evaluate("ctc", **given).value > 0
    assert losscli.evaluate("ctc", **{**given, "pred": [row.tolist() for row in logs]}).value > 0


# Tokens


P = [[-0.5, -1.5], [-4.0]]  # means of 1 and 4 a sequence, of 2 a token


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        ("token_nll", 2.0),
        ("token_nll:over=sequences", 2.5),
        ("token_nll:units=bits", 2 / np.log(2)),
        ("perplexity", np.exp(2)),
        ("perplexity:over=sequences", (np.exp(1) + np.exp(4)) / 2),
        ("bits_per_byte", 6 / 12 / np.log(2)),
    ],
)
def test_means_over_tokens_sequences_and_bytes(spec: str, value: float) -> None:
    roles: dict[str, Any] = {"bytes": [7, 5]} if spec == "bits_per_byte" else {}
    assert losscli.evaluate(spec, pred=P, **roles).value == pytest.approx(value, rel=1e-15)
    padded = np.array([[-0.5, -1.5], [-4, np.nan]])
    assert losscli.evaluate(spec, pred=padded, pred_lengths=[2, 1], **roles).value == pytest.approx(value, rel=1e-15)
    mask = [[1, 1], [1, 0]]
    masked = losscli.evaluate(spec, pred=np.nan_to_num(padded, nan=5), token_mask=mask, **roles)
    assert masked.value == pytest.approx(value, rel=1e-15)
    heavier = losscli.evaluate(spec, pred=[P[0], *P], **({"bytes": [7, 7, 5]} if roles else {})).value
    assert losscli.evaluate(spec, pred=P, weight=[2, 1], **roles).value == heavier


def test_a_distribution_a_token() -> None:
    """The same as cross-entropy with a row a token; what a mask leaves out may be anything."""
    rng = np.random.default_rng(0)
    logits, target = rng.normal(size=(2, 3, 5)), np.array([[0, 4, 2], [1, 3, -100]])
    mask = target >= 0
    rows = losscli.evaluate("cross_entropy:form=logits", pred=logits[mask], target=target[mask]).value
    given = {"pred": logits, "target": target, "token_mask": mask}
    assert losscli.evaluate("token_nll:form=logits", **given).value == pytest.approx(rows, rel=1e-15)
    logs = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
    assert losscli.evaluate("token_nll", **{**given, "pred": logs}).value == pytest.approx(rows, rel=1e-14)
    lists = {name: [row[:k].tolist() for row, k in zip(a, (3, 2), strict=True)] for name, a in given.items()}
    assert (
        losscli.evaluate("token_nll:form=logits", **lists).value
        == losscli.evaluate("token_nll:form=logits", **given).value
    )


@pytest.mark.parametrize("rest", [[], [[]]])
def test_no_token_counts(rest: list[Any]) -> None:
    """A sequence without tokens adds nothing to a mean over tokens, and has no mean of its own."""
    assert losscli.evaluate("token_nll", pred=[*P, *rest]).value == 2.0
    empty = losscli.evaluate("token_nll", pred=P, token_mask=[[0, 0], [0]])
    assert np.isnan(empty.value)
    assert np.isnan(losscli.evaluate("perplexity", pred=P, token_mask=[[0, 0], [0]]).value)
    if rest:
        with pytest.raises(InputError, match=r"^pred: row 2: no token counts here, and over=sequences takes"):
            losscli.evaluate("token_nll:over=sequences", pred=[*P, *rest])


def test_an_unlikely_token() -> None:
    """An infinite or huge information is no error, and what is too large for a float64 is infinite."""
    assert losscli.evaluate("token_nll", pred=[[-np.inf, -1]], allow_inf=True).value == np.inf
    assert losscli.evaluate("perplexity", pred=[[-800.0]]).value == np.inf
    assert losscli.evaluate("perplexity:over=sequences", pred=[[-800.0]], grad=True).value == np.inf
    assert losscli.evaluate("perplexity", pred=[[-709.5]]).value == pytest.approx(1.3546e308, rel=1e-3)
    assert losscli.evaluate("token_nll", pred=[[-1e308, -1e308]]).value == 1e308 or np.isinf(
        losscli.evaluate("token_nll", pred=[[-1e308, -1e308]]).value
    )


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ({"pred": [[0.5]]}, "^pred: row 0: token 0: 0.5 is outside .*these look like probabilities: take their"),
        ({"pred": [[[-1.0, -0.5]]]}, "^pred has a column a class for each token.*target has to say"),
        ({"target": [[1, 1], [0]]}, "^pred has one number a token"),
        ({"token_mask": [[1, 2], [1]]}, "^token_mask: row 0: token 1: 2.0 is not 0 or 1; 1 where a token counts"),
        ({"token_mask": [[1, 1], [1, 1]]}, "^token_mask: row 1: 2 tokens, where pred has 1"),
        ({"token_mask": np.ones((2, 3))}, r"^token_mask has shape \(2, 3\); one for each token"),
        ({"pred_lengths": [2, 2]}, "^pred_lengths: row 1: length 2.0; pred has 1 entries there"),
        ({"pred": [[HALF] * 2], "target": [[0.5, 1]]}, "^pred has one number a token"),
    ],
)
def test_tokens_that_are_refused(roles: dict[str, Any], said: str) -> None:
    with pytest.raises(LossError, match=said):
        losscli.evaluate("token_nll", **{"pred": P, **roles})


def test_logits_need_a_target() -> None:
    with pytest.raises(InputError, match=r"^one logit a token says nothing"):
        losscli.evaluate("token_nll:form=logits", pred=P)
    logits = [[[0.0, 1.0]]]
    with pytest.raises(InputError, match=r"^target: row 0: token 0: label 2 is outside 0\.\.1"):
        losscli.evaluate("token_nll:form=logits", pred=logits, target=[[2]])
    with pytest.raises(InputError, match=r"^bytes: row 0: -1\.0 is outside"):
        losscli.evaluate("bits_per_byte:form=logits", pred=logits, target=[[1]], bytes=[-1])


def test_tokens_in_files(here: Path, run_here: Run) -> None:
    """Lines with a list each, beside text that is no target; an archive with a mask."""
    lines = [{"id": k, "target": "text", "pred": row, "bytes": 6} for k, row in enumerate(P)]
    (here / "t.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    np.savez(here / "t.npz", pred=np.array([[-0.5, -1.5], [-4, 0]]), token_mask=np.array([[1, 1], [1, 0]]))
    for name in ("t.jsonl", "t.npz"):
        assert run_here("eval", "-l", "token_nll", name, "--format", "value") == Ran("2.0\n", "", 0)
    ran = run_here("eval", "-l", "bits_per_byte", "t.jsonl", "--format", "value")
    assert ran == Ran(f"{losscli.evaluate('bits_per_byte', pred=P, bytes=[6, 6]).value!r}\n", "", 0)


PADDED = np.array([[-0.5, -1.5], [-4.0, -9.0]])  # 2.0 without the last entry, 3.75 with it


def test_a_usual_name_of_a_mask(here: Path, run_here: Run) -> None:
    """In an archive and beside lists."""
    np.savez("t.npz", pred=PADDED, attention_mask=np.array([[1, 1], [1, 0]]))
    rows = [{"pred": row.tolist(), "attention_mask": mask} for row, mask in zip(PADDED, [[1, 1], [1, 0]], strict=True)]
    (here / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name in ("t.npz", "t.jsonl"):
        assert run_here("eval", "-l", "token_nll", name, "--format", "value", "--strict") == Ran("2.0\n", "", 0)
    np.savez("both.npz", pred=PADDED, attention_mask=np.ones((2, 2)), token_mask=np.ones((2, 2)))
    with pytest.raises(UsageError, match=r"^both\.npz: which member is token_mask\? say --col token_mask=NAME; "):
        losscli.evaluate("token_nll", pred="both.npz")


@pytest.mark.parametrize("name", ["mask", "lengths"])
@pytest.mark.parametrize("files", [{"pred": "t.npz"}, {"pred": "t.npz", "target": "y.npy"}], ids=["alone", "two files"])
def test_padding_that_counts_beside_what_may_say_otherwise(name: str, files: dict[str, str], here: Path) -> None:
    """Members under other names are spoken of, and refused where doubts are; but for those that are asked for."""
    pred = np.stack([PADDED, np.log(-np.expm1(PADDED))], axis=-1) if "target" in files else PADDED
    np.save("y.npy", np.zeros((2, 2)))
    counting, says = ("token_mask", [[1, 1], [1, 0]]) if name == "mask" else ("pred_lengths", [2, 1])
    np.savez("t.npz", pred=pred, fold=[1, 2], **{name: np.array(says)})
    said = (
        f"t.npz:pred: all 2 tokens of every row count, and member {name} of its archive plays no part; "
        "--col token_mask=NAME or pred_lengths=NAME says which do; "
        "if all do, name the members that are meant: t.npz:pred and so on"
    )
    report = losscli.evaluate("token_nll", **files)
    assert (report.value, report.notes) == (pytest.approx(3.75), (said,))
    with pytest.raises(InputError, match="refuses what looks wrong"):
        losscli.evaluate("token_nll", **files, strict=True)
    counted = losscli.evaluate("token_nll", **files, columns={counting: name}, strict=True)
    assert (counted.value, counted.notes) == (pytest.approx(2.0), ())
    for whole in ({"pred": "t.npz:pred"}, {"pred": "t.npz", counting: f"t.npz:{name}"}):
        assert not losscli.evaluate("token_nll", **{**files, **whole}, strict=True).notes


def test_frames_without_lengths_beside_targets_with_some(here: Path) -> None:
    """As many frames a row may be meant, so that it is said, and no doubt."""
    loss = get("ctc")
    arrays = dict(zip(loss.kind.role_names, random_data(loss, 9, 3).arrays, strict=True))
    del arrays["pred_lengths"]
    longest = arrays["pred"].shape[1]
    report = losscli.evaluate("ctc", **arrays, strict=True)
    assert report.notes == (f"pred: all {longest} frames of every row count, as there is no pred_lengths",)
    np.savez("run.npz", **arrays, frames=np.ones(9))
    with pytest.raises(InputError, match=r"^run\.npz:pred: all .* member frames .*--col pred_lengths=NAME says"):
        losscli.evaluate("ctc", pred="run.npz", strict=True)


def test_labels_of_tokens_that_do_not_count(here: Path) -> None:
    logits, target = np.zeros((2, 2, 3)), np.array([[1, 2], [1, -100]])
    with pytest.raises(
        InputError, match=r"token 1: label -100 is outside 0\.\.2; leave such tokens out with token_mask"
    ):
        losscli.evaluate("token_nll:form=logits", pred=logits, target=target)
    counted = losscli.evaluate("token_nll:form=logits", pred=logits, target=target, token_mask=target >= 0)
    assert counted.value == pytest.approx(np.log(3))
    with pytest.raises(
        UsageError, match=r"token_nll is none; .* by token_mask or pred_lengths, as in --col token_mask=N"
    ):
        losscli.evaluate("token_nll", pred=logits, target=target, ignore_index=-100)
    with pytest.raises(InputError, match=r"label -100 is outside 0\.\.2; target_lengths say where a target ends"):
        losscli.evaluate("ctc:form=logits", pred=logits, target=target, target_lengths=[2, 2])


def test_logarithms_beyond_single_precision() -> None:
    """How many digits they are written with is looked at, and no warning escapes."""
    assert ctc([[-1e300, -0.6931, -0.6931]], [1]).value == pytest.approx(0.6931, rel=1e-15)


# Files


def files(folder: Path) -> tuple[Any, dict[str, Any]]:
    """The same sequences in an archive, in lines of JSON, in Parquet and in Arrow files; and as arrays."""
    loss = get("ctc")
    data = random_data(loss, 9, 3)
    arrays = dict(zip(loss.kind.role_names, data.arrays, strict=True))
    lists = {**lists_of(loss, data), "w": [1.0, 2, 0, 1, 1, 1, 1, 1, 1], "lang": list("aabbaabba")}
    np.savez(folder / "run.npz", **arrays, w=lists["w"])
    rows = [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
    (folder / "run.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    table = pa.table(lists)
    pq.write_table(table, folder / "run.parquet")
    with pa.ipc.new_file(folder / "run.arrow", table.schema) as writer:
        writer.write_table(table)
    return arrays, lists


FILES = ["run.npz", "run.jsonl", "run.parquet", "run.arrow"]


@pytest.mark.parametrize("name", FILES)
def test_one_file_holds_all_roles(name: str, here: Path, run_here: Run) -> None:
    arrays, lists = files(here)
    wanted = losscli.evaluate("ctc", **arrays).value
    assert run_here("eval", "-l", "ctc", name, "--format", "value") == Ran(f"{wanted!r}\n", "", 0)
    weighted = losscli.evaluate("ctc", **arrays, weight=lists["w"]).value
    for block in (1, 2, 100):
        columns = {"weight": "w"}
        assert losscli.evaluate("ctc", pred=name, columns=columns, block=block).value == weighted


@pytest.mark.parametrize("name", FILES[1:])
def test_conditions_and_slices(name: str, here: Path) -> None:
    arrays, lists = files(here)
    chosen = np.array(lists["lang"]) == "a"
    wanted = losscli.evaluate("ctc", **arrays, mask=chosen).value
    assert losscli.evaluate("ctc", pred=name, where=["lang=a"]).value == wanted
    groups = losscli.evaluate("ctc", pred=name, by="lang").results[0].groups
    assert {g.by["lang"]: g.value for g in groups}["a"] == wanted


@pytest.mark.parametrize("name", FILES[1:])
def test_gradients_of_lists_are_lists(name: str, here: Path, run_here: Run) -> None:
    arrays, lists = files(here)
    wanted = losscli.evaluate("ctc", **arrays, grad=True).results[0]
    for where, absent in (([], []), (["lang=b"], [0, 1, 4, 5, 8])):
        found = losscli.evaluate("ctc", pred=name, grad=True, where=where).results[0]
        assert [len(row) for row in found.gradient] == [
            0 if k in absent else len(row) for k, row in enumerate(lists["pred"])
        ]
    whole = losscli.evaluate("ctc", pred=name, grad=True).to_dict()["results"][0]["gradient"]
    assert [row[: len(own)].tolist() for row, own in zip(wanted.gradient, lists["pred"], strict=True)] == whole[
        "values"
    ]
    ran = run_here("eval", "-l", "ctc", name, "--grad-out", "g.npy")
    said = "g.npy: an array has rows of one length, and the rows of pred are lists; --grad --format json writes lists"
    assert (ran.code, ran.stderr) == (2, f"losscli: error: {said}\n")


def test_gradients_of_arrays_are_files(here: Path) -> None:
    arrays, _ = files(here)
    wanted = losscli.evaluate("ctc", **arrays, grad=True).results[0].gradient
    losscli.evaluate("ctc", pred="run.npz", grad_out="g.npy")
    assert same_bits(np.load("g.npy"), wanted)


def _line(**changed: Any) -> str:
    row = {"pred": [[HALF, HALF], [HALF, HALF]], "target": [1], **changed}
    return json.dumps(row) + "\n"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"pred": [[HALF, HALF], [HALF]]}, "x.jsonl:2:pred: a list whose entries are not lists of one length"),
        ({"pred": [[HALF, HALF], HALF]}, "x.jsonl:2:pred: a list whose entries are not lists of one length"),
        ({"pred": [[], []]}, "x.jsonl:2:pred: a list whose entries are not lists of one length"),
        ({"pred": [[[HALF]]]}, "x.jsonl:2:pred: an array where a number is needed"),
        ({"pred": 1}, "x.jsonl:2:pred: a number where a list is needed"),
        ({"pred": None}, "x.jsonl:2:pred: missing value where a list is needed"),
        ({"pred": [[None, HALF], [HALF, HALF]]}, "x.jsonl:2:pred: missing value; fill in"),
        ({"target": ["a"]}, "x.jsonl:2:target: 'a' is not a number"),
        ({"target": [2**60 + 1]}, "x.jsonl:2:target: an integer that no float64 holds"),
        ({"target": [2]}, "x.jsonl:2:target: label 0: label 2 is outside 0..1"),
    ],
)
def test_refused_lines(changed: dict[str, Any], said: str, here: Path, run_here: Run) -> None:
    (here / "x.jsonl").write_text(_line() + _line(**changed))
    ran = run_here("eval", "-l", "ctc", "x.jsonl")
    assert ran.code == 3
    assert ran.stderr.startswith(f"losscli: error: {said}"), ran.stderr


@pytest.mark.parametrize(
    "kind",
    [
        pa.list_(pa.list_(pa.float64())),
        pa.large_list(pa.large_list(pa.float64())),
        pa.large_list(pa.list_(pa.float64(), 3)),
        pa.list_(pa.list_(pa.float64(), 3), 2),
    ],
    ids=str,
)
def test_lists_of_every_arrow_type(kind: Any, here: Path) -> None:
    rng = np.random.default_rng(0)
    logits = [rng.normal(size=(2, 3)).tolist() for _ in range(50)]
    target = [[1], []] * 25
    wanted = losscli.evaluate("ctc:form=logits", pred=logits, target=target).value
    table = pa.table({"logits": pa.array(logits, kind), "labels": pa.array(target, pa.large_list(pa.int8()))})
    pq.write_table(table, "x.parquet")
    with pa.ipc.new_stream("x.arrow", table.schema) as writer:
        writer.write_table(table, max_chunksize=7)
    for name in ("x.parquet", "x.arrow"):
        for block in (3, 1000):
            assert losscli.evaluate("ctc:form=logits", pred=name, block=block).value == wanted


def test_rows_in_parts_and_paired_by_key(here: Path) -> None:
    _, lists = files(here)
    lines = (here / "run.jsonl").read_text().splitlines(keepends=True)
    (here / "parts").mkdir()
    (here / "parts" / "a.jsonl").write_text("".join(lines[:4]))
    (here / "parts" / "b.jsonl").write_text("".join(lines[4:]))
    wanted = losscli.evaluate("ctc", pred="run.jsonl").value
    assert losscli.evaluate("ctc", pred="parts").value == wanted
    rows = [json.dumps({"id": k, "target": labels}) + "\n" for k, labels in enumerate(lists["target"])]
    keyed = [json.dumps({"id": k, "pred": frames}) + "\n" for k, frames in enumerate(lists["pred"])]
    (here / "p.jsonl").write_text("".join(keyed))
    (here / "t.jsonl").write_text("".join(reversed(rows)))
    assert losscli.evaluate("ctc", pred="p.jsonl", target="t.jsonl", id="id").value == wanted


def test_a_row_with_a_missing_value_may_be_left_out(here: Path) -> None:
    (here / "x.jsonl").write_text(_line() + _line(pred=[[None, HALF]]) + _line(target=[]))
    report = losscli.evaluate("ctc", pred="x.jsonl", missing="drop")
    assert (report.results[0].n, report.value) == (2, pytest.approx((np.log(4 / 3) + np.log(4)) / 2))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([[[HALF, HALF], [HALF]]], "p.parquet: row 0: column 'pred': a list whose entries are not lists of one length"),
        ([None, [[HALF, HALF]]], "p.parquet: row 0: column 'pred': missing value where a list is needed"),
        ([[None, [HALF, HALF]]], "p.parquet: row 0: column 'pred': a list whose entries are not lists of one length"),
    ],
)
def test_refused_parquet(rows: list[Any], said: str, here: Path) -> None:
    pq.write_table(pa.table({"pred": rows, "target": [[1]] * len(rows)}), "p.parquet")
    with pytest.raises(InputError) as caught:
        losscli.evaluate("ctc", pred="p.parquet")
    assert str(caught.value) == said


def test_lists_of_lists_are_for_sequences_alone(here: Path) -> None:
    files(here)
    for name in FILES[1:]:
        with pytest.raises(LossError, match=r"list|array"):
            losscli.evaluate("mse", pred=name)
    with pytest.raises(InputError, match="not an array of numbers"):
        losscli.evaluate("mse", pred=[[1, 2], [3]], target=[1, 2])


@pytest.mark.parametrize("format", ["table", "plain", "json", "csv", "markdown"])
def test_listings(format: str, here: Path, run_here: Run) -> None:
    files(here)
    for name in FILES[:2]:
        ran = run_here("eval", "-l", "ctc", name, "--per-sample", "--grad", "--format", format)
        assert (ran.code, ran.stderr) == (0, ""), ran.stderr
        assert "…" not in ran.stdout
