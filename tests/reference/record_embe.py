"""Runs other libraries on fixed pairs, batches and ranked lists and writes what they give to values_embe.json.

    python -m tests.reference.record_embe

needs torch, pytorch-metric-learning, optax, allRank and rax; the tests read the file alone. What of it is a value of a
group is of all rows as one group.
"""

import json
import sys
from importlib.metadata import version
from math import log
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np

from tests.reference.record_more import ROWS, Case, by_torch, case

FILE = Path(__file__).with_name("values_embe.json")


def torch_pairs() -> list[Case]:
    """Scores, vectors and distances with a label of 1 or -1."""
    import torch.nn.functional as f

    rng = np.random.default_rng(51)
    cases = []
    for shape in ((ROWS,), (ROWS, 3)):
        left, right = rng.normal(size=(2, *shape))
        scores = {"left": left, "right": right, "label": rng.choice([-1, 1], shape)}
        distances = {"pred": np.exp(rng.normal(size=shape)), "label": rng.choice([-1, 1], shape)}
        if shape == (ROWS,):
            scores["weight"] = rng.uniform(0.1, 3, ROWS)
        for margin, more in ((0.0, ""), (0.7, ":margin=0.7")):

            def ranking(a: Any, b: Any, y: Any, m: float = margin) -> Any:
                return f.margin_ranking_loss(a, b, y, margin=m, reduction="none")

            cases.append(by_torch(f"margin_ranking{more}", "margin_ranking_loss", ranking, scores, ("left", "right")))
        for margin, more in ((1.0, ""), (0.3, ":margin=0.3")):

            def embedding(x: Any, y: Any, m: float = margin) -> Any:
                return f.hinge_embedding_loss(x, y, margin=m, reduction="none")

            cases.append(by_torch(f"hinge_embedding{more}", "hinge_embedding_loss", embedding, distances))
    left = rng.normal(size=(2 * ROWS, 3)) * 1000  # beside which the 1e-12 that the library adds to squares is nothing
    right = left + rng.normal(size=left.shape) * 1000
    vectors = {"left": left, "right": right, "label": rng.choice([-1, 1], 2 * ROWS)}
    for margin, more in ((0.0, ""), (0.4, ":margin=0.4"), (-0.3, ":margin=-0.3")):

        def angles(a: Any, b: Any, y: Any, m: float = margin) -> Any:
            return f.cosine_embedding_loss(a, b, y, margin=m, reduction="none")

        cases.append(by_torch(f"cosine_embedding{more}", "cosine_embedding_loss", angles, vectors, ("left", "right")))
    return cases


def _of_group(loss: str, by: str, function: Any, roles: dict[str, Any], moved: tuple[str, ...] = ("pred",)) -> Case:
    """The value of the rows as one group, by torch or what works on its tensors, with its derivatives."""
    import torch

    tensors = {role: torch.tensor(np.asarray(values)) for role, values in roles.items()}

    def value(**some: Any) -> Any:
        return function(*{**tensors, **some}.values())

    derivatives: dict[str, dict[str, Any]] = {"gradient": {}, "hessian": {}}
    for role in moved:
        x = tensors[role].clone().requires_grad_(True)
        derivatives["gradient"][role] = torch.autograd.grad(value(**{role: x}), x)[0].numpy()
        hessian = torch.autograd.functional.hessian(lambda x, role=role: value(**{role: x}), tensors[role])
        derivatives["hessian"][role] = hessian.reshape(x.numel(), x.numel()).diag().reshape(x.shape).numpy()
    found = {key: by_role if len(moved) > 1 else by_role[moved[0]] for key, by_role in derivatives.items()}
    return case(loss, by, roles, value=float(value()), **found)


def batches() -> list[Case]:
    """torch for info_nce; pytorch-metric-learning for pairs of a batch and for classes; optax's value too."""
    import torch
    import torch.nn.functional as f
    from pytorch_metric_learning.losses import NTXentLoss, SupConLoss
    from pytorch_metric_learning.reducers import MeanReducer

    rng = np.random.default_rng(52)
    anchor = rng.normal(size=(6, 4))
    views = {"anchor": anchor, "positive": anchor + 0.8 * rng.normal(size=anchor.shape)}
    cases = []
    for temperature, more in ((0.07, ""), (0.5, ":temperature=0.5")):

        def cross(a: Any, p: Any, t: float = temperature) -> Any:
            return f.cross_entropy(f.normalize(a) @ f.normalize(p).T / t, torch.arange(len(a)))

        cases.append(
            _of_group(f"info_nce{more}", "torch: cross_entropy of cosines", cross, views, ("anchor", "positive"))
        )

        def ntxent(a: Any, p: Any, t: float = temperature) -> Any:
            labels = torch.arange(len(a))
            return NTXentLoss(temperature=t)(
                a, labels, ref_emb=p, ref_labels=labels.clone()
            )  # the same labels would leave out i, i

        by = "pytorch-metric-learning: NTXentLoss(ref_emb)"
        cases.append(_of_group(f"info_nce{more}", by, ntxent, views, ("anchor", "positive")))
    labels = np.array([0, 1, 0, 1, 1, 2, 0, 0])
    batch = {"pred": rng.normal(size=(8, 3)), "target": labels}
    for temperature, more in ((0.1, ""), (0.5, ":temperature=0.5")):

        def supcon(x: Any, y: Any, t: float = temperature) -> Any:
            return SupConLoss(temperature=t)(x, y)  # its reducer leaves out the anchors whose loss is 0

        cases.append(_of_group(f"supcon{more}", "pytorch-metric-learning: SupConLoss", supcon, batch))
    lone = {"pred": np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]]), "target": np.array([0, 0, 1])}
    mean = _of_group("supcon:temperature=0.07", "pytorch-metric-learning: NTXentLoss", NTXentLoss(0.07), lone)
    assert abs(float(mean["value"]) - 0.0279274) < 1e-6
    every = SupConLoss(temperature=0.1, reducer=MeanReducer())
    differs = case(
        "supcon",
        "pytorch-metric-learning: SupConLoss(MeanReducer)",
        batch,
        value=float(every(torch.tensor(batch["pred"]), torch.tensor(labels))),
        why="an anchor without a positive counts as a loss of 0",
    )
    return [*cases, mean, _by_optax(lone), differs]


def _by_optax(roles: dict[str, Any]) -> Case:
    """In the precision that jax has for it."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import optax

    value = float(optax.losses.ntxent(roles["pred"], roles["target"], 0.07))
    return case("supcon:temperature=0.07", "optax: ntxent", roles, value=value)


def lists() -> list[Case]:
    """Scores and relevances, without ties for what has no rule for them that is fixed."""
    import jax.numpy as jnp
    import rax
    import torch
    import torch.nn.functional as f

    for unused in ("torchvision", "torchvision.transforms", "gcsfs"):  # that its reader of data sets needs
        sys.modules.setdefault(unused, MagicMock())
    from allrank.models import losses as allrank

    rng = np.random.default_rng(53)
    graded = {"pred": rng.normal(size=9), "target": np.array([2.0, 0, 1, 1, 3, 0, 0, 2, 1])}
    strict = {"pred": rng.normal(size=7), "target": np.array([0.5, 3, 2, 7, 0.25, 4, 1])}

    def pairs(s: Any, t: Any) -> Any:
        higher = t[:, None] > t[None, :]
        return f.softplus(-(s[:, None] - s[None, :]))[higher].mean()

    def plackett_luce(s: Any, t: Any) -> Any:
        s = s[torch.argsort(t, descending=True)]
        return (torch.logcumsumexp(s.flip(0), 0).flip(0) - s).sum()

    def top_one(s: Any, t: Any) -> Any:
        return f.cross_entropy(s, f.softmax(t, 0))

    found = [
        _of_group("ranknet", "torch: softplus of pairs", pairs, graded),
        {  # its value is of float32
            **_of_group("ranknet", "allRank: rankNet", lambda s, t: allrank.rankNet(s[None], t[None]), graded),
            "digits": 7,
        },
        _of_group("listnet", "torch: cross_entropy of softmax", top_one, graded),
        _of_group("listnet", "allRank: listNet", lambda s, t: allrank.listNet(s[None], t[None], eps=0.0), graded),
        _of_group("listmle", "torch: logcumsumexp", plackett_luce, strict),
        _of_group("listmle", "allRank: listMLE", lambda s, t: allrank.listMLE(s[None], t[None], eps=0.0), strict),
    ]
    for roles in (graded, strict):
        s, t = jnp.asarray(roles["pred"]), jnp.asarray(roles["target"])
        logistic = float(rax.pairwise_logistic_loss(s, t))
        found.append(case("ranknet", "rax: pairwise_logistic_loss", roles, value=logistic))
        softmax = float(rax.softmax_loss(s, t, label_fn=lambda t, where=None: jnp.exp(t) / jnp.exp(t).sum()))
        found.append(case("listnet", "rax: softmax_loss(label_fn=softmax)", roles, value=softmax))
    return found


def torch_differences() -> list[Case]:
    """What torch adds to distances and lengths, and labels that it takes for both."""
    import torch
    import torch.nn.functional as f

    def recorded(loss: str, by: str, function: Any, roles: dict[str, Any], **why: str) -> Case:
        value = function(*(torch.tensor(np.asarray(a, float)) for a in roles.values()))
        return case(loss, f"torch: {by}", roles, value=float(value), **why)

    same = {"anchor": [[1.0, 0.0]], "positive": [[1.0, 0.0]], "negative": [[0.0, 0.0]]}
    short = {"left": [[1e-6, 2e-6]], "right": [[2e-6, 1e-6]], "label": [1]}
    neither = {"pred": [0.25], "label": [0]}
    return [
        recorded("triplet", "triplet_margin_loss", f.triplet_margin_loss, same, why="1e-6 is added to each difference"),
        recorded(
            "cosine_embedding",
            "cosine_embedding_loss",
            f.cosine_embedding_loss,
            short,
            why="1e-12 is added to the squared length of short vectors",
        ),
        recorded(
            "hinge_embedding",
            "hinge_embedding_loss",
            f.hinge_embedding_loss,
            neither,
            why="a label of 0 is taken for similar and dissimilar at once",
            refused="is not -1 or 1",
        ),
    ]


def by_hand() -> list[Case]:
    """Values that need no computer."""

    def hand(loss: str, roles: dict[str, Any], value: float) -> Case:
        return {**case(loss, "by hand", roles, value=value), "digits": 15}

    unit = np.eye(2)
    even = {"pred": np.zeros(4), "target": np.ones(4)}
    return [
        hand("margin_ranking:margin=1", {"left": [2.0], "right": [1.5], "label": [1]}, 0.5),
        hand("hinge_embedding", {"pred": [0.25], "label": [-1]}, 0.75),
        hand("cosine_embedding", {"left": [[3.0, 4.0]], "right": [[4.0, 3.0]], "label": [-1]}, 0.96),
        hand("info_nce:temperature=1", {"anchor": unit, "positive": unit[::-1]}, 1 + log(1 + np.exp(-1))),
        hand("supcon", {"pred": np.ones((3, 2)), "target": np.zeros(3)}, log(2)),
        hand("ranknet", {"pred": np.zeros(3), "target": [2.0, 1.0, 0.0]}, log(2)),
        hand("listnet", even, log(4)),
        hand("listmle", even, log(24)),
    ]


def main() -> None:
    """Record."""
    groups = [*batches(), *lists()]
    found = [*torch_pairs(), *groups, *by_hand(), *torch_differences()]
    libraries = ("torch", "numpy", "pytorch-metric-learning", "optax", "allRank", "rax")
    versions = {name: version(name) for name in libraries}
    differences = [c for c in found if "why" in c]
    record = {"versions": versions, "cases": [c for c in found if "why" not in c], "differences": differences}
    lines = [f'"versions": {json.dumps(record["versions"])}']
    for key in ("cases", "differences"):
        inside = ",\n".join(json.dumps(c) for c in record[key])
        lines.append(f'"{key}": [\n{inside}\n]')
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
