"""Runs other libraries on small maps and writes what they give to maps.json, beside this file.

    python -m tests.reference.record_maps

needs torch, monai and segmentation-models-pytorch; the tests read the file alone. Constants that a library adds are set
to 0.
"""

import json
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from tests.reference.record_more import Case, as_json

FILE = Path(__file__).with_name("maps.json")
LIBRARIES = ("torch", "monai", "segmentation-models-pytorch", "numpy")
SHAPE, CLASSES, VOID = (3, 4, 5), 4, 255  # images, y, x

Function = Callable[[Any, Any], Any]


def _case(loss: str, by_whom: str, arrays: dict[str, Any], function: Function, **options: Any) -> Case:
    """What `function` of prediction and target gives: a value with its gradient, or values by image and class."""
    import torch

    pred = torch.tensor(np.asarray(arrays["pred"]), requires_grad=True)
    found = function(pred, torch.tensor(arrays["target"].astype(np.int64 if _is_whole(arrays) else np.float64)))
    told: Case = {"loss": loss, "by": by_whom, "options": options}
    told |= {role: as_json(array) for role, array in arrays.items()}
    if found.ndim:
        return {**told, "values": as_json(found.detach().numpy().squeeze())}
    found.backward()
    return {**told, "value": found.item(), "gradient": as_json(pred.grad.numpy())}


def _is_whole(arrays: dict[str, Any]) -> bool:
    return arrays["target"].dtype.kind in "iu"


def _maps() -> tuple[Any, Any, Any, Any]:
    """Scores, what they are as probabilities, labels, and labels of which some are void."""
    rng = np.random.default_rng(80)
    scores = rng.normal(0, 1.5, (SHAPE[0], CLASSES, *SHAPE[1:]))
    probs = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    labels = rng.integers(0, CLASSES, SHAPE).astype(np.uint8)
    void = labels.copy()
    void[0, 1:3, 2] = void[2, :, 0] = VOID
    return scores, probs, labels, void


def of_pixels() -> Iterator[Case]:
    """Losses that a pixel has."""
    import torch
    import torch.nn.functional as f

    scores, probs, labels, void = _maps()
    rng = np.random.default_rng(81)
    soft = np.moveaxis(rng.dirichlet(np.ones(CLASSES), SHAPE), -1, 1)
    weight = rng.uniform(0.1, 3, SHAPE)
    w, each = torch.tensor(weight), torch.tensor(np.array([0.5, 2.0, 1.0]))
    spec, by = "cross_entropy:form=logits", "torch: cross_entropy"
    yield _case(spec, by, {"pred": scores, "target": labels}, f.cross_entropy)
    yield _case(spec, by, {"pred": scores, "target": soft}, f.cross_entropy)
    ignoring = {"pred": scores, "target": void}
    yield _case(spec, by, ignoring, lambda p, t: f.cross_entropy(p, t, ignore_index=VOID), ignore_index=VOID)

    def weighted(p: Any, t: Any) -> Any:
        return (w * f.cross_entropy(p, t, reduction="none")).sum() / w.sum()

    def of_images(p: Any, t: Any) -> Any:
        return (each * f.cross_entropy(p, t, reduction="none").mean((1, 2))).sum() / each.sum()

    yield _case(spec, by, {"pred": scores, "target": labels, "weight": weight}, weighted)
    yield _case(spec, by, {"pred": scores, "target": labels, "weight": each.numpy()}, of_images)
    yield _case("nll", "torch: nll_loss", {"pred": np.log(probs), "target": labels}, f.nll_loss)
    binary = {"pred": scores[:, :1], "target": (labels[:, None] > 1).astype(np.float32)}
    yield _case("bce:form=logits", "torch: bce_with_logits", binary, f.binary_cross_entropy_with_logits)


def of_overlap() -> Iterator[Case]:
    """Losses of the overlap of masks, of one class and of several."""
    import torch.nn.functional as f
    from monai import losses as monai
    from segmentation_models_pytorch import losses as smp

    scores, probs, labels, void = _maps()
    masks = {"pred": probs[:, 0], "target": np.where(labels == 0, 1, 0).astype(np.uint8)}
    unsure = {"pred": probs[:, 0], "target": np.where(void == VOID, VOID, void == 0).astype(np.uint8)}
    none: dict[str, Any] = {"smooth_nr": 0, "smooth_dr": 0}
    channel = {"pred": probs[:, :1], "target": np.where(labels == 0, 1.0, 0.0)[:, None]}
    yield _case("dice", "monai: DiceLoss(batch=True)", channel, monai.DiceLoss(batch=True, **none))
    yield _case("dice:pool=sample", "monai: DiceLoss", channel, monai.DiceLoss(**none))
    yield _case("jaccard:pool=sample", "monai: DiceLoss(jaccard)", channel, monai.DiceLoss(jaccard=True, **none))
    plain: dict[str, Any] = {"from_logits": False, "eps": 0}
    smp_name = "segmentation-models-pytorch"
    yield _case("dice", f"{smp_name}: DiceLoss", masks, smp.DiceLoss("binary", **plain))
    ignoring = smp.DiceLoss("binary", ignore_index=VOID, **plain)
    yield _case("dice", f"{smp_name}: DiceLoss", unsure, ignoring, ignore_index=VOID)
    both = {"pred": probs, "target": labels}

    def by_image(p: Any, t: Any, **options: Any) -> Any:
        return monai.DiceLoss(to_onehot_y=True, reduction="none", **none, **options)(p, t[:, None])

    yield _case("dice", "monai: DiceLoss", both, by_image, by="image", per_output=True)
    yield _case(
        "jaccard", "monai: DiceLoss", both, lambda p, t: by_image(p, t, jaccard=True), by="image", per_output=True
    )
    yield _case("dice", "monai: DiceLoss(batch=True)", both, lambda p, t: by_image(p, t, batch=True), per_output=True)

    def tversky(p: Any, t: Any) -> Any:
        loss = monai.TverskyLoss(to_onehot_y=True, reduction="none", alpha=0.3, beta=0.7, **none)
        return loss(p, t[:, None])

    yield _case("tversky:alpha=0.3,beta=0.7", "monai: TverskyLoss", both, tversky, by="image", per_output=True)
    generalized = monai.GeneralizedDiceLoss(to_onehot_y=True, batch=True, **none)
    yield _case("generalized_dice", "monai: GeneralizedDiceLoss", both, lambda p, t: generalized(p, t[:, None]))

    def with_entropy(p: Any, t: Any) -> Any:
        return generalized(p, t[:, None]) + 0.5 * f.nll_loss(p.log(), t)

    spec = "generalized_dice + 0.5 * cross_entropy"
    yield _case(spec, "monai: GeneralizedDiceLoss, torch: nll_loss", both, with_entropy)
    one = smp.DiceLoss("binary", **plain)

    def sum_of_masks(p: Any, t: Any) -> Any:
        return one(p, t) + 0.5 * f.binary_cross_entropy(p, t.double())

    yield _case("dice + 0.5 * bce", f"{smp_name}: DiceLoss, torch: binary_cross_entropy", masks, sum_of_masks)

    def sum_of_classes(p: Any, t: Any) -> Any:
        return one(p, f.one_hot(t, CLASSES).permute(0, 3, 1, 2)) + f.nll_loss(p.log(), t)

    yield _case("dice + cross_entropy", f"{smp_name}: DiceLoss, torch: nll_loss", both, sum_of_classes)
    softmax = smp.lovasz._lovasz_softmax  # LovaszLoss takes the softmax of its input first
    name = f"{smp_name}: LovaszLoss in float32"  # it mixes types otherwise
    yield _case("lovasz_softmax", name, both, lambda p, t: softmax(p.float(), t).double())
    images = smp.LovaszLoss("binary", per_image=True)
    signs = {"pred": scores[:, 0], "target": np.where(labels == 0, 1.0, -1.0)}

    def hinge(p: Any, t: Any) -> Any:
        return images(p.float(), (t > 0).float()).double()

    yield _case("lovasz_hinge:pool=sample", name, signs, hinge)


def main() -> None:
    """Write the file, a case a line."""
    versions = {library: version(library) for library in LIBRARIES}
    cases = ",\n".join(json.dumps(one, ensure_ascii=False) for group in (of_pixels, of_overlap) for one in group())
    FILE.write_text(f'{{\n"versions": {json.dumps(versions)},\n"cases": [\n{cases}\n]\n}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
