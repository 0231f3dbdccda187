"""Arrays of images, (N, H, W) and (N, C, H, W): other libraries' values and gradients, laws, and what is refused."""

import gzip
import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import losscli
from losscli import InputError, UsageError
from losscli.formats import Pick, open_reader
from losscli.formats.maps import Pixels, grid_of
from tests.reference.recorded import array
from tests.support import Ran, put

Run = Callable[..., Ran]
RECORDED = json.loads((Path(__file__).parent / "reference" / "maps.json").read_text("utf8"))["cases"]

RNG = np.random.default_rng(90)
IMAGES, CLASSES, SPACE = 3, 4, (5, 7)
SCORES = RNG.normal(size=(IMAGES, CLASSES, *SPACE))
PROBS = np.exp(SCORES) / np.exp(SCORES).sum(axis=1, keepdims=True)
LABELS = RNG.integers(0, CLASSES, (IMAGES, *SPACE)).astype(np.uint8)
ONE_HOT = np.moveaxis(np.eye(CLASSES)[LABELS], -1, 1)
MASKS = (LABELS == 0).astype(float)
SHARES = PROBS[:, 0]


def rows(maps: Any) -> Any:
    """(N·H·W, C): a row a pixel."""
    return np.moveaxis(maps, 1, -1).reshape(-1, maps.shape[1])


def found(loss: str, pred: Any = PROBS, target: Any = LABELS, **options: Any) -> Any:
    return losscli.evaluate(loss, pred=pred, target=target, **options).results[0]


# Values and gradients of other libraries


@pytest.mark.parametrize("block", [7, 1 << 17])
@pytest.mark.parametrize("number", range(len(RECORDED)))
def test_another_library_gives_the_same(number: int, block: int, here: Path) -> None:
    case = RECORDED[number]
    roles = {role: f"{role}.npy" for role in ("pred", "target", "weight") if role in case}
    put(here, {path: array(case[role]) for role, path in roles.items()})
    near = 1e-6 if "float32" in case["by"] else 1e-9 if "Generalized" in case["by"] else 1e-14
    result = losscli.evaluate(case["loss"], grad="value" in case, block=block, **roles, **case["options"]).results[0]
    if "value" in case:
        assert result.value == pytest.approx(case["value"], rel=near)
        assert result.gradient == pytest.approx(array(case["gradient"]), rel=near, abs=near)
    else:
        values = array(case["values"])
        assert len(result.groups) == values.size
        assert {tuple(g.by.values()): g.value for g in result.groups} == pytest.approx(
            {index if values.ndim > 1 else (index[0],): value for index, value in np.ndenumerate(values)}, rel=near
        )


# A row is a pixel

BY_CLASS = {
    "cross_entropy": (PROBS, LABELS),
    "cross_entropy:form=logits": (SCORES, LABELS),
    "brier": (PROBS, ONE_HOT),
    "focal:gamma=1.5": (PROBS, LABELS),
    "ece": (PROBS, LABELS),
    "generalized_dice": (PROBS, LABELS),
    "lovasz_softmax": (PROBS, LABELS),
    "top_k:k=2": (SCORES, LABELS),
    "kl": (PROBS, np.roll(PROBS, 1, axis=0)),
    "cosine_distance": (SCORES, PROBS),
}


def table_of(target: Any) -> Any:
    return rows(target) if target.ndim == 4 else target.reshape(-1)


@pytest.mark.parametrize("loss", BY_CLASS)
def test_a_pixel_is_a_row_of_a_table(loss: str) -> None:
    pred, target = BY_CLASS[loss]
    wanted = {"grad": loss.partition(":")[0] not in ("ece", "top_k"), "ignore_index": 2 if target.ndim == 3 else None}
    maps = found(loss, pred, target, block=33, **wanted)
    table = found(loss, rows(pred), table_of(target), **wanted)
    assert (maps.value, maps.n, maps.weight) == (table.value, table.n, table.weight)
    if wanted["grad"]:
        assert maps.gradient.shape == pred.shape
        assert rows(maps.gradient).tolist() == table.gradient.tolist()


@pytest.mark.parametrize("loss", ["dice", "jaccard:smooth=1", "bce", "mcc"])
def test_labels_stand_for_a_column_a_class(loss: str) -> None:
    by_label, by_column = (found(loss, PROBS, target, grad=True, per_output=True) for target in (LABELS, ONE_HOT))
    assert (by_label.value, by_label.groups) == (by_column.value, by_column.groups)
    assert by_label.gradient.tolist() == by_column.gradient.tolist()
    assert by_label.value == found(loss, rows(PROBS), rows(ONE_HOT)).value


@pytest.mark.parametrize("loss", ["mse", "bce", "dice", "jaccard:pool=sample", "rmse", "lovasz_hinge:pool=sample"])
def test_an_image_is_a_row_where_elements_are_compared(loss: str) -> None:
    target = 2 * MASKS - 1 if "hinge" in loss else MASKS
    maps = found(loss, SHARES, target, grad=True, hess=True, per_sample=True)
    table = found(loss, SHARES.reshape(IMAGES, -1), target.reshape(IMAGES, -1), grad=True, hess=True, per_sample=True)
    assert (maps.value, maps.n) == (table.value, IMAGES)
    for of_maps, of_table in ((maps.gradient, table.gradient), (maps.hessian, table.hessian)):
        assert of_maps.reshape(IMAGES, -1).tolist() == of_table.tolist()
        assert of_maps.shape == SHARES.shape
    main = "term" if "term" in table.samples else "loss"
    assert maps.samples[main].tolist() == table.samples[main].tolist()


@pytest.mark.parametrize("said", [{"mask": np.ones_like(MASKS)}, {"weight": np.ones_like(MASKS)}, {"ignore_index": 9}])
@pytest.mark.parametrize("loss", ["mse", "bce", "dice", "dice + 0.5 * bce"])
def test_what_is_said_by_pixel_makes_pixels_of_images(loss: str, said: Any) -> None:
    if loss == "mse" and "ignore_index" in said:
        pytest.skip("its targets have no label to ignore")
    images, pixels = found(loss, SHARES, MASKS, grad=True), found(loss, SHARES, MASKS, grad=True, **said)
    assert (images.value, images.n, pixels.n) == (pixels.value, IMAGES, MASKS.size)
    assert pixels.gradient == pytest.approx(images.gradient, rel=1e-15)


@pytest.mark.parametrize("shape", ["NHW", "N1HW"])
def test_one_channel_may_be_said_or_not(shape: str) -> None:
    target = MASKS[:, None] if shape == "N1HW" else MASKS
    weight = np.arange(1.0, MASKS.size + 1).reshape(MASKS.shape)
    for pred in (SHARES, SHARES[:, None]):
        result = found("dice", pred, target, grad=True, weight=weight[:, None])
        assert result.value == found("dice", SHARES.ravel(), MASKS.ravel(), weight=weight.ravel()).value
        assert result.gradient.shape == pred.shape


def test_two_classes_and_volumes() -> None:
    pred = np.stack([1 - SHARES, SHARES], axis=1)
    assert found("cross_entropy", pred, MASKS).value == pytest.approx(found("bce", SHARES, MASKS).value, rel=1e-15)
    deep = found("cross_entropy", np.moveaxis(PROBS, 0, 1)[None], LABELS[None], grad=True, worst=1)
    assert deep.value == found("cross_entropy").value
    assert deep.gradient.shape == (1, CLASSES, IMAGES, *SPACE)
    assert list(deep.samples)[:5] == ["row", "image", "z", "y", "x"]


def test_pixels_have_no_overlap_of_their_own() -> None:
    with pytest.raises(UsageError) as refused:
        found("dice:pool=sample", SHARES, MASKS, ignore_index=9)
    assert str(refused.value) == (
        "dice:pool=sample: a sample is a pixel here, which has no overlap of its own; dice with --by image gives that "
        "of each image"
    )


# Laws


@pytest.mark.parametrize("block", [1, 2, 6, 35, 36, 104, 106])
def test_no_bit_depends_on_blocks(block: int, here: Path) -> None:
    put(here, {"p.npy": PROBS, "t.npy": LABELS})
    whole = found("cross_entropy", grad=True)
    outputs = {"grad_out": "g.npy", "per_sample_out": "s.npy", "probs_out": "q.npy"}
    part = found("cross_entropy", "p.npy", "t.npy", block=block, grad=True, **outputs)
    assert (part.value, part.std) == (whole.value, whole.std)
    assert part.gradient.tolist() == whole.gradient.tolist() == np.load("g.npy").tolist()
    assert np.load("q.npy").tolist() == PROBS.tolist()
    expected = -np.log(np.take_along_axis(PROBS, LABELS[:, None].astype(int), axis=1)[:, 0])
    assert np.load("s.npy") == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("loss", ["cross_entropy", "dice", "lovasz_softmax", "generalized_dice + cross_entropy"])
def test_images_may_stand_in_any_order(loss: str) -> None:
    order = [2, 0, 1]
    one, other = found(loss, grad=True), found(loss, PROBS[order], LABELS[order], grad=True)
    assert one.value == other.value
    assert one.gradient[order] == pytest.approx(other.gradient, rel=1e-13, abs=1e-18)


@pytest.mark.parametrize("loss", ["cross_entropy", "dice", "generalized_dice"])
def test_a_weight_of_an_image_is_that_many_images(loss: str) -> None:
    weight = np.array([2, 0, 3])
    weighted = found(loss, weight=weight, grad=True)
    repeated = found(loss, np.repeat(PROBS, weight, axis=0), np.repeat(LABELS, weight, axis=0))
    by_pixel = found(loss, weight=np.broadcast_to(weight[:, None, None], LABELS.shape), grad=True)
    assert weighted.value == pytest.approx(repeated.value, rel=1e-14)
    assert (weighted.value, weighted.n) == (by_pixel.value, 2 * LABELS[0].size)
    assert weighted.gradient.tolist() == by_pixel.gradient.tolist()
    assert not weighted.gradient[1].any()


def test_what_is_masked_ignored_or_filtered_is_absent(here: Path) -> None:
    mask = LABELS != 3
    left = {"pred": rows(PROBS)[mask.ravel()], "target": LABELS[mask]}
    for loss in ("cross_entropy", "dice"):
        target = left["target"] if loss == "cross_entropy" else np.eye(CLASSES)[left["target"]]
        expected = found(loss, left["pred"], target)
        wild = np.where(mask[:, None], PROBS, 7.0)  # outside of the loss's domain, where nobody looks
        masked, ignored = found(loss, wild, mask=mask, grad=True), found(loss, wild, ignore_index=3, grad=True)
        assert masked.value == ignored.value == expected.value
        assert masked.n == ignored.n == mask.sum()
        assert not masked.gradient[np.broadcast_to(~mask[:, None], PROBS.shape)].any()
        assert masked.gradient.shape == PROBS.shape
    second = found("cross_entropy", where=["image=1", "y>=2"])
    assert second.value == found("cross_entropy", PROBS[1:2, :, 2:], LABELS[1:2, 2:]).value


def test_missing_pixels_are_dropped_by_request() -> None:
    pred, target = PROBS.copy(), LABELS.astype(float)
    pred[0, 1, 2, 3], target[2, 0, 0] = np.nan, np.nan
    report = losscli.evaluate("cross_entropy", pred=pred, target=target, missing="drop", grad=True)
    assert (report.results[0].n, report.account.absent) == (103, {"missing pred": 1, "missing target": 1})
    assert not report.results[0].gradient[0, :, 2, 3].any()
    assert not report.results[0].gradient[2, :, 0, 0].any()


def test_groups_of_images_and_classes() -> None:
    groups = found("dice", by="image", per_output=True).groups
    assert len(groups) == IMAGES * CLASSES
    for group in groups:
        image, k = group.by["image"], group.by["output"]
        assert group.value == found("dice", PROBS[image, k].ravel(), ONE_HOT[image, k].ravel()).value
    by_site = found("cross_entropy", by={"site": ["a", "b", "a"]}).groups
    assert {g.by["site"]: g.n for g in by_site} == {"a": 70, "b": 35}
    by_image = found("mse", SHARES, MASKS, by="image").groups
    assert {g.by["image"]: g.n for g in by_image} == {0: 1, 1: 1, 2: 1}


def test_sums_of_the_whole_and_of_pixels() -> None:
    said = {"grad": True, "hess": True, "weight": RNG.uniform(0.5, 2, LABELS.shape)}
    whole, pixels = found("generalized_dice", **said), found("cross_entropy", **said)
    both = found("generalized_dice + 0.5 * cross_entropy", **said)
    assert both.value == pytest.approx(whole.value + 0.5 * pixels.value, rel=1e-15)
    assert both.gradient == pytest.approx(whole.gradient + 0.5 * pixels.gradient, rel=1e-14)
    assert both.hessian == pytest.approx(whole.hessian + 0.5 * pixels.hessian, rel=1e-14)
    assert [term.value for term in both.terms] == [whole.value, pixels.value]


def test_classes_of_pixels_have_weights() -> None:
    for loss, pred, target in (("cross_entropy", PROBS, LABELS), ("bce", SHARES, MASKS)):
        table = rows(pred) if pred.ndim == 4 else pred.ravel()
        expected = found(loss, table, target.ravel(), class_weight="balanced")
        assert found(loss, pred, target, class_weight="balanced").value == expected.value


# Hostile cases


def test_one_image_and_an_absent_class() -> None:
    labels = np.where(LABELS == 2, 1, LABELS)
    groups = {g.by["output"]: g.value for g in found("dice", PROBS[:1], labels[:1], per_output=True).groups}
    assert groups[2] == 1.0
    assert found("lovasz_softmax", PROBS, labels).value < 1
    nothing = found("dice:empty=0", ONE_HOT, np.moveaxis(np.eye(CLASSES)[LABELS], -1, 1), per_output=True)
    assert {g.value for g in nothing.groups} == {0.0}


def test_all_masked_and_empty_masks(here: Path) -> None:
    with pytest.raises(InputError, match=r"no row is left of 105: 105 masked"):
        found("cross_entropy", mask=np.zeros_like(LABELS))
    with pytest.raises(InputError, match=r"no row is left of 105: 105 ignored"):
        found("dice", SHARES, np.full(LABELS.shape, 255), ignore_index=255)
    empty = np.zeros_like(MASKS)
    assert np.isnan(found("dice", empty, empty.copy()).value)
    assert found("dice:empty=0", empty, empty.copy()).value == 0
    assert found("dice", SHARES, empty).value == 1


@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<f2"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_types_and_orders(dtype: str, order: Any, here: Path) -> None:
    pred = SCORES.astype(dtype)
    put(here, {"t.npy": LABELS, "tF.npy": np.asfortranarray(LABELS), "p.npy": np.array(pred, order=order)})
    expected = found("cross_entropy:form=logits", rows(pred), LABELS.ravel()).value
    for target in ("t.npy", "tF.npy"):
        for block in (2, 1000):
            assert found("cross_entropy:form=logits", "p.npy", target, block=block).value == expected


def test_many_images_in_fortran_order(here: Path) -> None:
    """More than are read at a time, both where columns are short and where each takes a read."""
    for count, side in ((3000, 3), (150_000, 2)):
        maps = RNG.normal(size=(count, side, side)).round(2)
        put(here, {"c.npy": maps, "f.npy": np.asfortranarray(maps)})
        assert found("mse", "c.npy", "f.npy", block=1000).max == 0


def test_other_files_hold_maps_too(here: Path) -> None:
    np.savez_compressed(here / "run.npz", pred=PROBS, target=LABELS)
    (here / "parts").mkdir()
    put(here, {"p.npy": PROBS, "t.npy": LABELS, "parts/a.npy": PROBS[:1], "parts/b.npy": PROBS[1:]})
    (here / "t.npy.gz").write_bytes(gzip.compress((here / "t.npy").read_bytes()))
    fields = {"pred": {"dtype": "F64", "shape": list(PROBS.shape), "data_offsets": [0, PROBS.nbytes]}}
    head = json.dumps(fields).encode()
    (here / "p.safetensors").write_bytes(len(head).to_bytes(8, "little") + head + PROBS.tobytes())
    expected = found("cross_entropy", grad=True)
    for pred in ("run.npz", "parts", "p.safetensors", "p.npy", PROBS.tolist()):
        for target in ("run.npz:target", "t.npy.gz", LABELS.tolist()):
            result = found("cross_entropy", pred, target, grad=True)
            assert result.value == expected.value
            assert result.gradient.tolist() == expected.gradient.tolist()


def test_derivatives_have_the_shape_of_the_prediction(here: Path) -> None:
    outputs = {"grad_out": "g.npz", "hess_out": "h.npy"}
    result = found("cross_entropy", grad=True, hess=True, **outputs)
    with np.load("g.npz") as archive:
        assert archive["pred"].tolist() == result.gradient.tolist()
    assert np.load("h.npy").tolist() == result.hessian.tolist()
    assert np.shape(result.to_dict()["gradient"]["values"]) == PROBS.shape
    found("cross_entropy", grad_out="g.parquet")
    table = pq.read_table("g.parquet")
    assert table.column_names == [f"gradient_{k}" for k in range(CLASSES)]
    assert np.column_stack([table[name] for name in table.column_names]).tolist() == rows(result.gradient).tolist()
    images = found("mse", SHARES, MASKS, grad=True, grad_out="g.csv")
    told = np.loadtxt("g.csv", delimiter=",", skiprows=1)
    assert told.tolist() == images.gradient.reshape(IMAGES, -1).tolist()


@pytest.mark.parametrize("block", [10, 35, 1000])
@pytest.mark.parametrize("kept", [[1, 1, 0], [0, 1, 0]])
def test_absent_images_have_their_place_in_files(kept: list[int], block: int, here: Path) -> None:
    outputs = {"grad_out": "g.npy", "per_sample_out": "s.npy", "probs_out": "q.npy"}
    found("cross_entropy", mask=np.array(kept), block=block, **outputs)
    files = [np.load(path).reshape(IMAGES, -1) for path in ("s.npy", "q.npy", "g.npy")]
    is_kept = np.array(kept, bool)
    assert [np.isnan(file).all(axis=1).tolist() for file in files[:2]] == [(~is_kept).tolist()] * 2
    assert files[2].any(axis=1).tolist() == is_kept.tolist()
    found("bce", SHARES, MASKS, mask=np.array(kept), probs_out="q.npy", per_sample_out="s.npy", block=2)
    assert np.load("q.npy").shape == SHARES.shape
    assert np.isnan(np.load("s.npy")).tolist() == (~is_kept).tolist()


def test_memory_does_not_grow_with_an_image(here: Path) -> None:
    """A row of a million pixels is one column; its pixels come in blocks of the size that is asked for."""
    put(here, {"b.npy": np.zeros((2, 1000, 1000), np.uint8)})
    with closing(open_reader("pred", "b.npy")) as reader:
        assert (len(reader.columns), reader.row_shape) == (1, (1000, 1000))
        blocks = list(Pixels(reader, grid_of(reader), 1).read([Pick((0,))], 1 << 17))
    assert {len(block) for block in blocks} == {1 << 17, 1_000_000 % (1 << 17)}
    assert blocks[-1].at(3) == f"b.npy: image 1, y {(1_000_000 // (1 << 17) * (1 << 17) + 3) // 1000}, x 507"


# What is said of places


def test_where_a_pixel_is_stands_beside_its_loss(here: Path, run_here: Run) -> None:
    put(here, {"p.npy": PROBS, "t.npy": LABELS})
    losses = -np.log(np.take_along_axis(PROBS, LABELS[:, None].astype(int), axis=1)[:, 0])
    worst = [int(k) for k in np.unravel_index(int(losses.argmax()), losses.shape)]
    ran = run_here("eval", "-l", "cross_entropy", "p.npy", "t.npy", "--worst", "1", "--json")
    sample = json.loads(ran.stdout)["results"][0]["samples"][0]
    assert [sample[name] for name in ("image", "y", "x")] == worst
    assert sample["row"] == int(losses.argmax())


def test_an_infinite_pixel_has_a_place(here: Path, run_here: Run) -> None:
    pred = PROBS.copy()
    pred[1, :, 2, 3] = np.eye(CLASSES)[(LABELS[1, 2, 3] + 1) % CLASSES]
    put(here, {"p.npy": pred, "t.npy": LABELS})
    ran = run_here("eval", "-l", "cross_entropy", "p.npy", "t.npy")
    assert (ran.code, ran.stderr.count("\n")) == (4, 1)
    assert "the first in image 1, y 2, x 3 (counted from 0); --clip 1e-15 bounds it" in ran.stderr


def changed(maps: Any, index: Any, value: float) -> Any:
    copy = maps.astype(float)
    copy[index] = value
    return copy


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "missing": ({"pred": changed(PROBS, (0, 1, 2, 3), np.nan)}, "pred: image 0, y 2, x 3, channel 1: missing value"),
    "no share": (
        {"pred": changed(PROBS, (2, 1, 4, 6), 1.5)},
        "pred: image 2, y 4, x 6, channel 1: 1.5 is outside [0, 1]",
    ),
    "no class": ({"target": changed(LABELS, (1, 2, 3), 4)}, "target: image 1, y 2, x 3: label 4 is outside 0..3"),
    "void": ({"target": changed(LABELS, (1, 2, 3), 255)}, "is outside 0..3; --ignore-index 255 leaves such rows out"),
    "void of masks": (
        {"loss": "bce", "pred": SHARES, "target": changed(MASKS, (1, 2, 3), 255)},
        "row 1, entry (2, 3): 255.0 is outside [0, 1]; if that is for what nobody knows, --ignore-index 255",
    ),
    "half a label": ({"target": changed(LABELS, (0, 0, 1), 0.5)}, "image 0, y 0, x 1: label 0.5 is not an integer"),
    "classes last": ({"pred": np.moveaxis(PROBS, 1, -1)}, "put its classes second, by transpose(0, 3, 1, 2)"),
    "one-hot last": ({"target": np.moveaxis(ONE_HOT, 1, -1)}, "put its classes second, by transpose(0, 3, 1, 2)"),
    "overlap of classes last": (
        {"loss": "dice", "target": np.moveaxis(ONE_HOT, 1, -1)},
        "target: pred has shape (3, 4, 5, 7), target (3, 5, 7, 4): put its classes second",
    ),
    "one image": ({"pred": PROBS[0], "target": LABELS[0]}, "of one image say pred[None] and target[None]"),
    "no classes": (
        {"loss": "brier", "pred": SHARES, "target": MASKS},
        "pred: has shape (3, 5, 7); brier needs a dimension of classes: (N, C, H, W); of one image",
    ),
    "vectors last": ({"loss": "cosine_distance", "pred": SHARES, "target": MASKS}, "needs a dimension of classes"),
    "a label an image": ({"target": [0, 1, 2]}, "target has shape (3,), where pred has (3, 4, 5, 7)"),
    "other images": ({"target": LABELS[:, :4]}, "target has shape (3, 4, 7), where pred has (3, 4, 5, 7)"),
    "fewer images": ({"target": LABELS[:2]}, "row counts differ: pred has 105 rows, target has 70 rows"),
    "labels of numbers": ({"loss": "mse"}, "a row of pred has shape (4, 5, 7), of target (5, 7); nothing is broadcast"),
    "six dimensions": ({"pred": np.zeros((2,) * 6), "target": np.zeros((2,) * 6)}, "(N, C, D, H, W) is needed"),
    "a weight a class": ({"weight": PROBS}, "one number a pixel is needed, (N, 5, 7), or one an image, (N,)"),
    "too few weights": ({"weight": [1.0, 2.0]}, "has 2 rows, where there are 3 images of 35 pixels"),
    "a negative weight": ({"weight": changed(MASKS, (1, 2, 3), -1)}, "weight: image 1, y 2, x 3: weight -1"),
    "no mask": ({"mask": changed(MASKS, (1, 2, 3), 2)}, "mask: image 1, y 2, x 3: a mask is 1 or true"),
    "embeddings": ({"loss": "triplet"}, "has 4 dimensions; (n,) or (n, d) is needed"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    said, message = REFUSED[name]
    request = {"loss": "cross_entropy", "pred": PROBS, "target": LABELS, **said}
    if request["loss"] == "triplet":
        request = {"loss": "triplet", **dict.fromkeys(("anchor", "positive", "negative"), PROBS)}
    with pytest.raises(InputError) as caught:
        losscli.evaluate(request.pop("loss"), **request)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


USAGE: dict[str, tuple[dict[str, Any], str]] = {
    "an overlap a pixel": ({"loss": "dice:pool=sample"}, "a sample is a pixel here, which has no overlap of its own"),
    "keys": ({"id": "0"}, "--id pairs the rows of tables; images are paired by their order"),
    "no outputs": (
        {"loss": "dice", "pred": SHARES, "target": MASKS, "per_output": True},
        "neither outputs nor classes",
    ),
    "weights of one-hot classes": (
        {"loss": "bce", "class_weight": "balanced"},
        "labels are taken for a column a class",
    ),
    "ignored columns": (
        {"loss": "bce", "target": ONE_HOT, "ignore_index": 1},
        "--ignore-index needs one column of labels; these targets have a row of numbers",
    ),
    "no such axis": ({"by": "z"}, "its columns: image, y, x"),
    "groups of rows": ({"loss": "supcon + cross_entropy"}, "a sum takes losses of rows and of the whole"),
}


@pytest.mark.parametrize("name", USAGE)
def test_usage(name: str) -> None:
    said, message = USAGE[name]
    request = {"loss": "cross_entropy", "pred": PROBS, "target": LABELS, **said}
    with pytest.raises(UsageError) as caught:
        losscli.evaluate(request.pop("loss"), **request)
    assert message in str(caught.value)


@pytest.mark.parametrize("rows_", [2, 4, 500])
def test_a_file_of_weights_has_one_an_image(rows_: int, here: Path, run_here: Run) -> None:
    put(here, {"p.npy": PROBS, "t.npy": LABELS, "w.csv": "w\n" + "1\n" * rows_, "right.csv": "w\n1\n2\n0.5\n"})
    ran = run_here("eval", "-l", "cross_entropy", "p.npy", "t.npy", "--input", "weight=w.csv")
    assert (ran.code, ran.stdout) == (3, "")
    assert f"w.csv: has {rows_} rows, where there are 3 images of 35 pixels" in ran.stderr
    ran = run_here("eval", "-l", "cross_entropy", "p.npy", "t.npy", "--input", "weight=right.csv", "--format", "value")
    assert float(ran.stdout) == found("cross_entropy", weight=[1.0, 2.0, 0.5]).value


def test_notes_are_of_pixels(here: Path) -> None:
    def notes(loss: str, pred: Any, target: Any = LABELS) -> str:
        return " ".join(losscli.evaluate(loss, pred=pred, target=target).notes)

    assert "every row lies in [0, 1] and adds up to 1" in notes("cross_entropy:form=logits", PROBS)
    assert not notes("cross_entropy", PROBS)
    assert not notes("dice", SHARES, MASKS)
    off = PROBS.round(6)
    off[1, :, 2, 3] = 0.5, 0.3, 0.1, 0.08
    assert "pred: image 1, y 2, x 3: the row's probabilities add up to" in notes("cross_entropy", off)
