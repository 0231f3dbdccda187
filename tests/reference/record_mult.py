"""Runs other libraries on fixed data and writes what they give to values_mult.json, beside this file.

    KERAS_BACKEND=torch python -m tests.reference.record_mult

needs torch, scikit-learn, torchmetrics, keras, jax and optax; the tests read the file alone. All compute in float64;
gradients and Hessian diagonals are autograd's, of the weighted mean over the rows.
"""

import json
from collections.abc import Iterator
from math import log, sqrt
from pathlib import Path
from typing import Any

import numpy as np

from tests.reference.record_more import ROWS, Case, Function, Roles, by_torch, case, classes

FILE = Path(__file__).with_name("values_mult.json")


def scored() -> Iterator[Roles]:
    """Scores with indices; two classes and more; with weights and without."""
    rng = np.random.default_rng(41)
    for n, c in ((ROWS, 3), (ROWS, 2), (1, 4), (2, 12)):
        yield {"pred": rng.normal(0, 1.5, (n, c)), "target": rng.integers(0, c, n)}
    yield {
        "pred": rng.normal(0, 1.5, (ROWS, 5)),
        "target": rng.integers(0, 5, ROWS),
        "weight": rng.uniform(0.1, 3, ROWS),
    }


def gradient_by_torch(loss: str, by: str, function: Function, roles: Roles) -> Case:
    """The weighted mean over rows and its gradient, of functions whose gradient has none itself."""
    import torch

    pred, target = torch.tensor(roles["pred"], requires_grad=True), torch.tensor(roles["target"])
    weight = torch.tensor(np.asarray(roles.get("weight", np.ones(len(pred)))))
    mean = (weight * function(pred, target)).sum() / weight.sum()
    (gradient,) = torch.autograd.grad(mean, pred)
    return case(loss, f"torch: {by}", roles, value=float(mean.detach()), gradient=gradient.numpy())


def torch_margins() -> list[Case]:
    import torch
    import torch.nn.functional as f

    def multi(p: int, margin: float) -> Function:
        return lambda s, y: f.multi_margin_loss(s, y, p=p, margin=margin, reduction="none")

    def closest(s: Any, y: Any) -> Any:
        own = f.one_hot(y, s.shape[1]).bool()
        return torch.relu(1 - s[own] + s.masked_fill(own, -torch.inf).amax(1))

    losses: list[tuple[str, str, Function]] = [
        ("multi_margin", "multi_margin_loss", multi(1, 1.0)),
        ("multi_margin:margin=0.3", "multi_margin_loss", multi(1, 0.3)),
        ("multi_margin:p=2,margin=2.5", "multi_margin_loss", multi(2, 2.5)),
    ]
    found = [gradient_by_torch(spec, by, function, roles) for spec, by, function in losses for roles in scored()]
    return [*found, *(by_torch("categorical_hinge", "relu of amax", closest, roles) for roles in scored())]


def label_sets() -> Iterator[Roles]:
    rng = np.random.default_rng(42)
    for n, c in ((ROWS, 4), (2, 12), (3, 1)):
        yield {"pred": rng.normal(0, 1.5, (n, c)), "target": rng.integers(0, 2, (n, c))}
    yield {
        "pred": rng.normal(0, 1.5, (ROWS, 3)),
        "target": rng.integers(0, 2, (ROWS, 3)),
        "weight": rng.uniform(0.1, 3, ROWS),
    }


def torch_label_sets() -> list[Case]:
    import torch
    import torch.nn.functional as f

    def indices(t: Any) -> Any:
        """The labels that hold, and -1 in all other places."""
        return torch.stack([torch.cat([i := row.nonzero()[:, 0], i.new_full((len(row) - len(i),), -1)]) for row in t])

    def pairs(s: Any, t: Any) -> Any:
        return f.multilabel_margin_loss(s, indices(t), reduction="none")

    def each(s: Any, t: Any) -> Any:
        return f.multilabel_soft_margin_loss(s, t.double(), reduction="none")

    found = [gradient_by_torch("multilabel_margin", "multilabel_margin_loss", pairs, r) for r in label_sets()]
    return [*found, *(by_torch("multilabel_soft_margin", "multilabel_soft_margin_loss", each, r) for r in label_sets())]


def torch_forms() -> list[Case]:
    """Functions of a probability, of probabilities, logits and log-probabilities."""
    import torch
    import torch.nn.functional as f

    def soft(logs: Any, t: Any) -> Any:
        return t if t.ndim == 2 else f.one_hot(t, logs.shape[1]).double()

    def poly(epsilon: float) -> Function:
        return lambda logs, t: (soft(logs, t) * (epsilon * (1 - logs.exp()) - logs)).sum(1)

    def power(q: float) -> Function:
        return lambda logs, t: (soft(logs, t) * (1 - (q * logs).exp()) / q).sum(1)

    def moved(logs: Any, t: Any) -> Any:
        return (logs.exp() - soft(logs, t)).cumsum(1).square().mean(1)

    losses: list[tuple[str, dict[str, str], str, Function]] = [
        ("poly1", {}, "log", poly(2.0)),
        ("poly1", {"epsilon": "-0.7"}, "log", poly(-0.7)),
        ("generalized_cross_entropy", {}, "exp", power(0.5)),
        ("generalized_cross_entropy", {"q": "0.9"}, "exp", power(0.9)),
        ("emd2", {}, "cumsum", moved),
    ]
    forms: dict[str, tuple[Function, Function]] = {
        "probs": (lambda z: f.softmax(z, 1), torch.log),
        "logits": (lambda z: z, lambda z: f.log_softmax(z, 1)),
        "log_probs": (lambda z: f.log_softmax(z, 1), lambda logs: logs),
    }
    cases = []
    for name, options, by, function in losses:
        for form, (given, logs) in forms.items():
            said = ({} if form == "probs" else {"form": form}) | options
            spec = name + (":" + ",".join(f"{key}={value}" for key, value in said.items()) if said else "")
            for roles in list(classes())[:: 3 if options else 2]:
                pred = given(torch.tensor(roles["pred"])).numpy()

                def of_pred(p: Any, t: Any, logs: Function = logs, function: Function = function) -> Any:
                    return function(logs(p), t)

                cases.append(by_torch(spec, by, of_pred, {**roles, "pred": pred}))
    return cases


def optax_cases() -> list[Case]:
    import jax
    import optax

    jax.config.update("jax_enable_x64", True)

    def one(loss: str, by: str, function: Function, roles: Roles) -> Case:
        weight = np.asarray(roles.get("weight", np.ones(len(roles["pred"]))))

        def mean(s: Any) -> Any:
            return (weight * function(s, roles["target"])).sum() / weight.sum()

        value, gradient = jax.value_and_grad(mean)(roles["pred"])
        return case(loss, f"optax: {by}", roles, value=float(value), gradient=np.asarray(gradient))

    cases = []
    for roles in scored():
        cases.append(one("sparsemax", "multiclass_sparsemax_loss", optax.losses.multiclass_sparsemax_loss, roles))
        cases.append(one("categorical_hinge", "multiclass_hinge_loss", optax.losses.multiclass_hinge_loss, roles))
        hot = {**roles, "target": np.eye(roles["pred"].shape[1])[roles["target"]]}
        for spec, epsilon in (("poly1:form=logits", 2.0), ("poly1:form=logits,epsilon=0.5", 0.5)):

            def poly(s: Any, t: Any, epsilon: float = epsilon) -> Any:
                return optax.losses.poly_loss_cross_entropy(s, t, epsilon=epsilon)

            cases.append(one(spec, "poly_loss_cross_entropy", poly, hot))
    return cases


def sklearn_cases() -> list[Case]:
    from sklearn import metrics

    rng = np.random.default_rng(43)
    scores, labels, weight = rng.normal(size=(30, 6)), np.r_[0:6, rng.integers(0, 6, 24)], rng.uniform(0.1, 3, 30)
    roles: dict[str, Any] = {"pred": scores, "target": labels}
    cases = []
    for w in ({}, {"weight": weight}):
        given = w.get("weight")
        for k in (1, 2, 5):
            right = metrics.top_k_accuracy_score(labels, scores, k=k, sample_weight=given, labels=range(6))
            spec = "top_k" if k == 5 else f"top_k:k={k}"
            cases.append(case(spec, "scikit-learn: 1 - top_k_accuracy_score", {**roles, **w}, value=1 - float(right)))
        lost = metrics.hinge_loss(labels, scores, sample_weight=given)
        cases.append(case("categorical_hinge", "scikit-learn: hinge_loss", {**roles, **w}, value=float(lost)))
    return cases


def calibration() -> list[Case]:
    import torch
    from torchmetrics.functional.classification import multiclass_calibration_error

    rng = np.random.default_rng(44)
    cases = []
    for n, c in ((60, 3), (40, 2)):
        probs, labels = rng.dirichlet(np.full(c, 0.6), n), rng.integers(0, c, n)
        for bins in (15, 4):
            found = multiclass_calibration_error(
                torch.tensor(probs), torch.tensor(labels), num_classes=c, n_bins=bins, norm="l1"
            )
            spec = "ece" if bins == 15 else f"ece:n_bins={bins}"
            cases.append(
                {
                    **case(spec, "torchmetrics: multiclass_calibration_error", {"pred": probs, "target": labels}),
                    "value": float(found),
                    "digits": 6,  # it adds up in float32
                }
            )
    return cases


def keras_cases() -> list[Case]:
    import keras
    import torch

    rng = np.random.default_rng(45)
    cases = []
    roles = {"pred": rng.dirichlet(np.ones(4), 5), "target": rng.integers(0, 4, 5)}
    for q in (0.5, 0.7):
        loss = keras.losses.CategoricalGeneralizedCrossEntropy(q=q)
        spec = "generalized_cross_entropy" + ("" if q == 0.5 else f":q={q:g}")
        value = float(loss(torch.tensor(roles["target"]), torch.tensor(roles["pred"])))
        cases.append(case(spec, "keras: CategoricalGeneralizedCrossEntropy", roles, value=value))
    scores = {**roles, "pred": np.abs(rng.normal(0, 1, (5, 4)))}  # with none below 0 it is the same
    hot = torch.tensor(np.eye(4)[roles["target"]])
    value = float(keras.losses.CategoricalHinge()(hot, torch.tensor(scores["pred"])))
    cases.append(case("categorical_hinge", "keras: CategoricalHinge", scores, value=value))
    return [{**one, "digits": 6} for one in cases]  # its losses are float32


# By hand


def by_hand() -> list[Case]:
    def hand(loss: str, pred: Any, target: Any, value: float, **more: Any) -> Case:
        return {**case(loss, "by hand", {"pred": pred, "target": target}, value=value, **more), "digits": 15}

    near, soft = [[0.5, 0.25, 0.25]], [[0.5, 0.5, 0.0]]
    tied = [[3.0, 1.0, 1.0, 1.0], [2.0, 2.0, 2.0, 2.0], [9.0, 4.0, 1.0, 0.0]]
    sure = [[0.75, 0.25], [0.75, 0.25], [0.375, 0.625], [0.875, 0.125]]
    return [
        hand("poly1", near, [0], log(2) + 1, gradient=np.array([[-4.0, 0.0, 0.0]])),
        hand("poly1:epsilon=-1", near, [0], log(2) - 0.5, gradient=np.array([[-1.0, 0.0, 0.0]])),
        hand("poly1", near, soft, 1.5 * log(2) + 1.25),
        hand("poly1", [[1.0, 0.0]], [0], 0.0, gradient=np.array([[-3.0, 0.0]])),
        hand("generalized_cross_entropy", [[0.25, 0.75]], [0], 1.0, gradient=np.array([[-2.0, 0.0]])),
        hand("generalized_cross_entropy", [[0.0, 1.0]], [0], 2.0),
        hand("generalized_cross_entropy:q=1", near, [0], 0.5, gradient=np.array([[-1.0, 0.0, 0.0]])),
        hand("generalized_cross_entropy:q=0", [[0.25, 0.75]], [0], log(4)),
        hand("generalized_cross_entropy:form=logits", [[0.0, 0.0]], [1], 2 - sqrt(2)),
        hand("multi_margin", [[0.1, 0.2, 0.4, 0.8]], [3], 0.325),
        hand("multi_margin:p=2", [[0.1, 0.2, 0.4, 0.8]], [3], 0.1525),
        hand("multi_margin", [[0.5, 0.0]], [[0.5, 0.5]], 0.5, gradient=np.array([[0.0, 0.0]])),
        hand("categorical_hinge", [[0.5, 0.25, -2.0]], [0], 0.75, gradient=np.array([[-1.0, 1.0, 0.0]])),
        hand("categorical_hinge", [[0.0, 4.0]], [0], 5.0),
        hand("multilabel_margin", [[0.5, 0.25, -2.0, 0.0]], [[1, 1, 0, 0]], 0.3125),
        hand("multilabel_margin", [[3.0, 1.0], [3.0, 1.0]], [[1, 1], [0, 0]], 0.0),
        hand("multilabel_soft_margin", [[0.0, 0.0]], [[1, 0]], log(2), gradient=np.array([[-0.25, 0.25]])),
        hand("sparsemax", [[0.5, 0.0, -3.0]], [0], 0.0625, gradient=np.array([[-0.25, 0.25, 0.0]])),
        hand("sparsemax", [[0.5, 0.0, -3.0]], [[0.75, 0.25, 0.0]], 0.0),
        hand("sparsemax", [[0.0, 3.0]], [0], 3.0, gradient=np.array([[-1.0, 1.0]])),
        hand("top_k:k=2", tied, [1, 0, 1], 2 / 3),
        hand("top_k:k=1", tied, [[0.25, 0.75, 0.0, 0.0]] * 3, (0.75 + 1 + 0.75) / 3),
        hand("emd2", [[0.5, 0.25, 0.25, 0.0]], [0], 0.3125 / 4, gradient=np.array([[-0.375, -0.125, 0.0, 0.0]])),
        hand("emd2", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [2, 2], (2 / 3 + 1 / 3) / 2),
        hand("ece", sure, [0, 1, 1, 0], (2 * 0.25 + 0.375 + 0.125) / 4),
        hand("ece:n_bins=1", sure, [0, 1, 1, 0], 0.0),
        hand("ece:n_bins=2", [0.25, 0.75, 0.5, 0.125], [0, 1, 1, 0], (0.5 + 0.625) / 4),
        hand("cross_entropy", [[0.2, 0.5, 0.3]], [1], log(2), gradient=np.array([[0.0, -2.0, 0.0]])),
    ]


# What another library defines in another way


def differences() -> list[Case]:
    import keras
    import torch
    from sklearn import metrics

    def differs(loss: str, by: str, roles: Roles, value: float, why: str) -> Case:
        return {**case(loss, by, roles, value=value), "why": why}

    below, two = [[-0.2, -0.6]], [[0.7, 0.3], [0.4, 0.6]]
    hinge = float(keras.losses.CategoricalHinge()(torch.tensor([[1.0, 0.0]]), torch.tensor(below, dtype=torch.float64)))
    brier = float(metrics.brier_score_loss([0, 1], two, labels=[0, 1]))
    return [
        differs(
            "categorical_hinge",
            "keras: CategoricalHinge",
            {"pred": below, "target": [0]},
            hinge,
            "keras takes the largest (1-t)·s, where the right class counts as a wrong one with score 0",
        ),
        differs(
            "brier",
            "scikit-learn: brier_score_loss",
            {"pred": two, "target": [0, 1]},
            brier,
            "scikit-learn halves the sum over classes where there are two",
        ),
    ]


def main() -> None:
    """Write the file, a case a line."""
    import jax
    import keras
    import optax
    import sklearn
    import torch
    import torchmetrics

    libraries = {"torch": torch, "scikit-learn": sklearn, "torchmetrics": torchmetrics, "keras": keras}
    libraries |= {"jax": jax, "optax": optax, "numpy": np}
    versions = {name: library.__version__ for name, library in libraries.items()}
    groups = (
        by_hand,
        torch_margins,
        torch_label_sets,
        torch_forms,
        optax_cases,
        sklearn_cases,
        calibration,
        keras_cases,
    )
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for group in groups for one in group())
    other = ",\n".join(json.dumps(one, ensure_ascii=False) for one in differences())
    FILE.write_text(
        f'{{\n"versions": {json.dumps(versions)},\n"cases": [\n{lines}\n],\n"differences": [\n{other}\n]\n}}\n',
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
