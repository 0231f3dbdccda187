"""Runs other libraries on fixed masks and boxes and writes what they give to values_over.json, beside this file.

    python -m tests.reference.record_over

needs torch, torchvision, monai, segmentation-models-pytorch and scikit-learn; the tests read the file alone. Constants
that a library adds are set to 0 where it lets them be.
"""

import json
from collections.abc import Iterator
from importlib.metadata import version
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

from tests.reference.record_more import ROWS, Case, Function, Roles, as_json, by_torch, case

FILE = Path(__file__).with_name("values_over.json")
LIBRARIES = ("torch", "torchvision", "monai", "segmentation-models-pytorch", "scikit-learn", "numpy")


def _masks(seed: int) -> Iterator[Roles]:
    """Hard and soft targets of one output and of several."""
    rng = np.random.default_rng(seed)
    for shape in ((ROWS,), (ROWS, 5)):
        target = rng.integers(0, 2, shape).astype(float)
        target[..., :2] = 0, 1  # no row is all object or all background
        yield {"pred": rng.uniform(0, 1, shape), "target": target}
    yield {"pred": rng.uniform(0, 1, (ROWS, 5)), "target": rng.uniform(0, 1, (ROWS, 5))}


def torch_masks() -> list[Case]:
    """The definitions in torch, of each row and of all rows with their weights, with autograd's derivatives."""

    def counts(p: Any, t: Any, w: Any, axis: Any) -> tuple[Any, ...]:
        parts = (p * t, p * (1 - t), (1 - p) * t, (1 - p) * (1 - t), p * p + t * t)
        return tuple((w * part).sum(axis) for part in parts)

    def tversky(sums: tuple[Any, ...], alpha: float, beta: float, s: float) -> Any:
        both, fp, fn, *_ = sums
        return 1 - (both + s) / (both + alpha * fp + beta * fn + s)

    losses: list[tuple[str, str, Function]] = [
        ("squared_dice", "", lambda tp, fp, fn, tn, sq: 1 - 2 * tp / sq),
        ("squared_dice", "smooth=0.5", lambda tp, fp, fn, tn, sq: 1 - (2 * tp + 0.5) / (sq + 0.5)),
        ("jaccard", "", lambda *sums: tversky(sums, 1, 1, 0)),
        ("jaccard", "smooth=0.5", lambda *sums: tversky(sums, 1, 1, 0.5)),
        ("tversky", "alpha=0.3,beta=0.7", lambda *sums: tversky(sums, 0.3, 0.7, 0)),
        ("focal_tversky", "", lambda *sums: tversky(sums, 0.5, 0.5, 0) ** 0.75),
        ("focal_tversky", "alpha=0.2,gamma=3", lambda *sums: tversky(sums, 0.2, 0.5, 0) ** (1 / 3)),
        (
            "mcc",
            "",
            lambda a, b, c, d, sq: 1 - (a * d - b * c) / ((a + b) * (a + c) * (d + b) * (d + c)).sqrt(),
        ),
    ]
    cases = []
    import torch

    rng = np.random.default_rng(71)
    for roles in _masks(70):
        weight = rng.uniform(0.1, 3, ROWS)
        w = torch.tensor(weight.reshape(-1, *[1] * (roles["pred"].ndim - 1)))
        for name, options, function in losses:

            def pooled(p: Any, t: Any, f: Function = function, w: Any = w) -> Any:
                return f(*counts(p, t, w, None)).expand(ROWS)

            def single(p: Any, t: Any, f: Function = function) -> Any:
                return f(*counts(p, t, 1, -1))

            spec = f"{name}:{options}" if options else name
            cases.append({**by_torch(spec, "autograd", pooled, roles), "weight": as_json(weight)})
            if roles["pred"].ndim == 2:
                spec = f"{name}:{options},pool=sample" if options else f"{name}:pool=sample"
                cases.append(by_torch(spec, "autograd", single, roles))
    return cases


def libraries_of_masks() -> list[Case]:
    """One mask of all rows, as an image of one channel."""
    import torch
    from monai import losses as monai
    from segmentation_models_pytorch import losses as smp

    rng = np.random.default_rng(72)
    roles = {"pred": rng.uniform(0, 1, 12), "target": np.r_[0, 1, rng.integers(0, 2, 10)].astype(float)}
    p, t = (torch.tensor(roles[role])[None, None] for role in ("pred", "target"))
    none = {"smooth_nr": 0, "smooth_dr": 0}
    by: list[tuple[str, str, Any]] = [
        ("jaccard", "monai: DiceLoss(jaccard=True)", monai.DiceLoss(jaccard=True, **none)),
        ("squared_dice", "monai: DiceLoss(squared_pred=True)", monai.DiceLoss(squared_pred=True, **none)),
        ("tversky:alpha=0.3,beta=0.7", "monai: TverskyLoss", monai.TverskyLoss(alpha=0.3, beta=0.7, **none)),
        ("jaccard", "segmentation-models-pytorch: JaccardLoss", smp.JaccardLoss("binary", from_logits=False, eps=0)),
        (
            "tversky:alpha=0.3,beta=0.7",
            "segmentation-models-pytorch: TverskyLoss",
            smp.TverskyLoss("binary", from_logits=False, alpha=0.3, beta=0.7, eps=0),
        ),
        (
            "focal_tversky:alpha=0.3,beta=0.7,gamma=2",
            "segmentation-models-pytorch: TverskyLoss(gamma=0.5)",
            smp.TverskyLoss("binary", from_logits=False, alpha=0.3, beta=0.7, gamma=0.5, eps=0),
        ),
        ("mcc", "segmentation-models-pytorch: MCCLoss(eps=0)", smp.MCCLoss(eps=0)),
    ]
    return [case(spec, name, roles, value=float(function(p, t))) for spec, name, function in by]


def libraries_of_classes() -> list[Case]:
    import torch
    from monai import losses as monai
    from segmentation_models_pytorch import losses as smp

    rng = np.random.default_rng(73)
    scores = {"pred": rng.normal(0, 1.5, 15), "target": np.r_[1, -1, rng.choice([-1, 1], 13)]}
    images = {"pred": rng.normal(0, 1.5, (4, 9)), "target": rng.choice([-1, 1], (4, 9))}
    labels = np.r_[0, 1, 2, rng.integers(0, 3, 9)]
    classes = {"pred": rng.dirichlet(np.ones(3), 12), "target": labels}
    cases = []
    for spec, roles, per_image in (("lovasz_hinge", scores, False), ("lovasz_hinge:pool=sample", images, True)):
        s, y = (torch.tensor(np.atleast_2d(roles[role])) for role in ("pred", "target"))
        value = smp.LovaszLoss("binary", per_image=per_image)(s.float(), (y > 0).float())  # it mixes types otherwise
        found = case(spec, "segmentation-models-pytorch: LovaszLoss(binary)", roles, value=float(value))
        cases.append({**found, "digits": 6})
    from segmentation_models_pytorch.losses.lovasz import _lovasz_softmax_flat

    value = _lovasz_softmax_flat(torch.tensor(classes["pred"]).float(), torch.tensor(labels), classes="present")
    found = case("lovasz_softmax", "segmentation-models-pytorch: _lovasz_softmax_flat", classes, value=float(value))
    cases.append({**found, "digits": 6})
    p, t = (torch.tensor(a.T[None]) for a in (classes["pred"], np.eye(3)[labels]))
    value = monai.GeneralizedDiceLoss(smooth_nr=0, smooth_dr=0)(p, t)
    found = case("generalized_dice", "monai: GeneralizedDiceLoss", classes, value=float(value))
    return [*cases, {**found, "digits": 7}]  # its volumes are float32


def sklearn_masks() -> list[Case]:
    from sklearn import metrics

    rng = np.random.default_rng(74)
    t, p, weight = rng.integers(0, 2, 30), rng.integers(0, 2, 30), rng.uniform(0.1, 3, 30)
    roles = {"pred": p.astype(float), "target": t, "weight": weight}
    scores = {
        "dice": ("f1_score", metrics.f1_score(t, p, sample_weight=weight)),
        "jaccard": ("jaccard_score", metrics.jaccard_score(t, p, sample_weight=weight)),
        "tversky:alpha=0.2,beta=0.8": ("fbeta_score(beta=2)", metrics.fbeta_score(t, p, beta=2, sample_weight=weight)),
        "mcc": ("matthews_corrcoef", metrics.matthews_corrcoef(t, p, sample_weight=weight)),
    }
    return [case(s, f"scikit-learn: 1 - {by}", roles, value=1 - float(score)) for s, (by, score) in scores.items()]


# Boxes


def _boxes(seed: int) -> dict[str, Any]:
    """Boxes that overlap, lie within each other and lie apart."""
    rng = np.random.default_rng(seed)
    corner = rng.normal(size=(2, ROWS, 2)) * 2
    both = np.concatenate([corner, corner + rng.uniform(0.3, 6, size=corner.shape)], axis=2)
    return {"pred": both[0], "target": both[1]}


def torchvision_boxes() -> list[Case]:
    import torch
    from torchvision import ops

    roles = _boxes(75)

    def complete(p: Any, t: Any) -> Any:
        """With alpha as it is in the value."""
        lost = 1 - torch.diag(ops.box_iou(p, t))
        angle = torch.atan2(t[:, 2] - t[:, 0], t[:, 3] - t[:, 1]) - torch.atan2(p[:, 2] - p[:, 0], p[:, 3] - p[:, 1])
        v = 4 / np.pi**2 * angle**2
        return ops.distance_box_iou_loss(p, t, eps=0) + v * v / (lost + v)

    losses: list[tuple[str, str, Function]] = [
        ("box_iou", "1 - box_iou", lambda p, t: 1 - torch.diag(ops.box_iou(p, t))),
        ("giou", "generalized_box_iou_loss(eps=0)", lambda p, t: ops.generalized_box_iou_loss(p, t, eps=0)),
        ("diou", "distance_box_iou_loss(eps=0)", lambda p, t: ops.distance_box_iou_loss(p, t, eps=0)),
        ("ciou", "distance_box_iou_loss and alpha v", complete),
    ]
    cases = []
    for name, by, function in losses:
        for form in ("xyxy", "xywh", "cxcywh"):

            def converted(p: Any, t: Any, f: Function = function, form: str = form) -> Any:
                return f(*(ops.box_convert(boxes, form, "xyxy") for boxes in (p, t)))

            given = {role: ops.box_convert(torch.tensor(boxes), "xyxy", form).numpy() for role, boxes in roles.items()}
            spec = name if form == "xyxy" else f"{name}:box_format={form}"
            found = by_torch(spec, by, converted, given)
            cases.append({**found, "by": f"torchvision: {by}"})
    return cases


def by_hand() -> list[Case]:
    def hand(loss: str, pred: Any, target: Any, value: float, digits: int = 15, **more: Any) -> Case:
        return {**case(loss, "by hand", {"pred": pred, "target": target}, value=value, **more), "digits": digits}

    p, t = [0.9, 0.2, 0.1, 0.3], [1.0, 1.0, 0.0, 0.0]
    ours, theirs = [[0.0, 0.0, 2.0, 2.0]], [[1.0, 1.0, 3.0, 3.0]]
    return [
        hand("tversky:alpha=0.9,beta=0.1", p, t, 0.2903225806, 9),
        hand("tversky:alpha=0.1,beta=0.9", p, t, 0.4358974359, 9),
        hand("tversky", p, t, 1.3 / 3.5),
        hand("squared_dice", p, t, 0.75 / 2.95),
        hand("jaccard", p, t, 1.3 / 2.4, gradient=np.array([-1 / 2.4, -1 / 2.4, 1.1 / 2.4**2, 1.1 / 2.4**2])),
        hand("focal_tversky:gamma=2", p, t, sqrt(1.3 / 3.5)),
        hand("mcc", [1.0, 1.0, 0.0, 0.0], [1, 0, 1, 0], 1.0),
        hand("mcc", [1.0, 0.0], [0, 1], 2.0),
        hand("generalized_dice", [[0.8, 0.2], [0.4, 0.6], [0.7, 0.3]], [0, 0, 1], 1 - 2 * (0.3 + 0.3) / (0.975 + 2.1)),
        hand("lovasz_hinge", [0.5, 2.0, -0.25], [1, -1, 1], 3 / 3 + 1.25 / 3 + 0.5 / 3),
        hand("lovasz_softmax", [[0.75, 0.25], [0.5, 0.5]], [0, 1], (0.375 + 0.5) / 2),
        hand("giou", ours, theirs, 1 - 1 / 7 + 2 / 9),
        hand("diou", ours, theirs, 1 - 1 / 7 + 2 / 18),
        hand("ciou", ours, theirs, 1 - 1 / 7 + 2 / 18),
        hand("box_iou", ours, theirs, 6 / 7, gradient=np.array([[-2.0, -2, -6, -6]]) / 49),
    ]


# Where libraries have rules of their own


def differences() -> list[Case]:
    import torch
    from monai import losses as monai
    from segmentation_models_pytorch import losses as smp
    from torchvision import ops

    roles = {"pred": np.array([0.9, 0.2, 0.1, 0.3]), "target": np.array([1.0, 1.0, 0.0, 0.0])}
    p, t = (torch.tensor(array)[None, None] for array in roles.values())
    boxes = {"pred": np.array([[0.0, 0.0, 1e-3, 2e-3]]), "target": np.array([[0.0, 5e-4, 1e-3, 2e-3]])}
    points = [torch.tensor(array) for array in boxes.values()]
    found = [
        ("dice", roles, monai.DiceLoss()(p, t), "monai: DiceLoss", "monai adds 1e-5 to numerator and denominator"),
        (
            "mcc",
            roles,
            smp.MCCLoss()(p, t),
            "segmentation-models-pytorch: MCCLoss",
            "its eps of 1e-5 is in the quotient",
        ),
        (
            "giou",
            boxes,
            ops.generalized_box_iou_loss(*points, reduction="mean"),
            "torchvision: generalized_box_iou_loss",
            "torchvision adds 1e-7 to the areas, which counts for small boxes",
        ),
    ]
    cases = [{**case(spec, by, given, value=float(value)), "why": why} for spec, given, value, by, why in found]
    return [*cases, _own_eps(), _fixed_alpha()]


def _own_eps() -> Case:
    """The value of ciou for boxes that are small beside an eps that cannot be set."""
    import torch
    from torchvision import ops

    roles = {role: boxes / 100 for role, boxes in _boxes(75).items()}
    value = ops.complete_box_iou_loss(*(torch.tensor(boxes) for boxes in roles.values()), reduction="mean", eps=0)
    by = "torchvision: complete_box_iou_loss(eps=0)"
    return {**case("ciou", by, roles, value=float(value)), "why": "torchvision adds 1e-7 below though eps=0 is said"}


def _fixed_alpha() -> Case:
    """The gradient of ciou in which alpha is a constant."""
    import torch
    from torchvision import ops

    roles = {"pred": np.array([[0.0, 0.0, 2.0, 1.0]]), "target": np.array([[0.5, 0.25, 1.5, 3.0]])}
    pred, target = (torch.tensor(array) for array in roles.values())
    pred.requires_grad_(True)
    (gradient,) = torch.autograd.grad(ops.complete_box_iou_loss(pred, target, reduction="mean", eps=0), pred)
    return {
        **case("ciou", "torchvision: complete_box_iou_loss(eps=0)", roles, gradient=gradient.numpy()),
        "ours": as_json(_derived(roles)),
        "why": "torchvision takes alpha as a constant, as the paper does; ours is the slope of the value",
    }


def _derived(roles: Roles) -> Any:
    """The slope of the definition, by central differences in 80 digits."""
    from mpmath import mp, mpf

    from tests.reference.definitions_over import DEFINITIONS

    with mp.workdps(80):
        step, (pred, target) = (
            mpf(10) ** -25,
            ([mpf(x) for x in roles[role][0].tolist()] for role in ("pred", "target")),
        )

        def at(k: int, by: Any) -> Any:
            moved = [x + (by if j == k else 0) for j, x in enumerate(pred)]
            return sum(DEFINITIONS["ciou"].terms(moved, target, box_format="xyxy", empty="undefined"))

        return np.array([[float((at(k, step) - at(k, -step)) / (2 * step)) for k in range(4)]])


def main() -> None:
    """Write the file, a case a line."""
    versions = {library: version(library) for library in LIBRARIES}
    groups = (by_hand, torch_masks, libraries_of_masks, libraries_of_classes, sklearn_masks, torchvision_boxes)
    cases, others = (
        ",\n".join(json.dumps(one, ensure_ascii=False) for group in several for one in group())
        for several in (groups, (differences,))
    )
    text = f'"versions": {json.dumps(versions)},\n"cases": [\n{cases}\n],\n"differences": [\n{others}\n]'
    FILE.write_text(f"{{\n{text}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
