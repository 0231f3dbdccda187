"""Runs other libraries on binary outcomes, margins, decisions and focal, and writes what they give to values_bina.json.

    python -m tests.reference.record_bina

needs torch, scikit-learn, keras on jax, and optax; the tests read the file alone. All compute in float64; derivatives
are autograd's, or the library's own formula, of the weighted mean over the rows.
"""

import json
import os
from collections.abc import Callable, Iterator
from math import exp, inf, log
from pathlib import Path
from typing import Any

import numpy as np

from tests.reference.record_more import ROWS, Case, Roles, by_torch, case

FILE = Path(__file__).with_name("values_bina.json")


def signed(seed: int = 51) -> Iterator[Roles]:
    """Scores with targets -1 and 1, of one output and of three, and with weights."""
    rng = np.random.default_rng(seed)
    for shape in ((ROWS,), (ROWS, 3)):
        yield {"pred": rng.normal(0, 2, shape), "target": rng.choice([-1.0, 1.0], shape)}
    weight = rng.uniform(0.1, 3, ROWS)
    yield {"pred": rng.normal(0, 2, ROWS), "target": rng.choice([-1.0, 1.0], ROWS), "weight": weight}


def columns(seed: int = 52) -> Iterator[Roles]:
    """Logits of one column with targets 0 and 1, and with weights."""
    rng = np.random.default_rng(seed)
    yield {"pred": rng.normal(0, 2, ROWS), "target": rng.integers(0, 2, ROWS).astype(float)}
    weight = rng.uniform(0.1, 3, ROWS)
    yield {"pred": rng.normal(0, 2, ROWS), "target": rng.integers(0, 2, ROWS).astype(float), "weight": weight}


def rows(seed: int = 53) -> Iterator[Roles]:
    """Logits of a column a class, with one-hot rows and with distributions, and with weights."""
    rng = np.random.default_rng(seed)
    yield {"pred": rng.normal(0, 2, (ROWS, 3)), "target": np.eye(3)[rng.integers(0, 3, ROWS)]}
    weight = rng.uniform(0.1, 3, ROWS)
    yield {"pred": rng.normal(0, 2, (ROWS, 4)), "target": rng.dirichlet(np.ones(4), ROWS), "weight": weight}


def mean(losses: Any, roles: Roles) -> float:
    """Σwℓ/Σw of each row's loss."""
    return float(np.average(np.asarray(losses).reshape(ROWS, -1).mean(1), weights=roles.get("weight")))


# torch


def torch_margins() -> list[Case]:
    import torch
    import torch.nn.functional as f

    def modified_huber(s: Any, y: Any) -> Any:
        return torch.where(y * s >= -1, torch.relu(1 - y * s) ** 2, -4 * y * s)

    losses: list[tuple[str, str, Callable[..., Any]]] = [
        ("soft_margin", "soft_margin_loss", lambda s, y: f.soft_margin_loss(s, y, reduction="none")),
        ("squared_hinge", "relu squared", lambda s, y: torch.relu(1 - y * s) ** 2),
        ("squared_hinge:margin=0.3", "relu squared", lambda s, y: torch.relu(0.3 - y * s) ** 2),
        ("perceptron", "relu", lambda s, y: torch.relu(-y * s)),
        ("modified_huber", "where", modified_huber),
        ("exponential", "exp", lambda s, y: torch.exp(-y * s)),
    ]
    return [by_torch(spec, by, function, roles) for spec, by, function in losses for roles in signed()]


def torch_focal() -> list[Case]:
    import torch
    import torch.nn.functional as f

    def of_one(p: Any, y: Any, gamma: float, alpha: float | None) -> Any:
        p_t = torch.where(y == 1, p, 1 - p)  # not binary_cross_entropy, whose second derivative has an eps
        weight = 1.0 if alpha is None else torch.where(y == 1, alpha, 1 - alpha)
        return weight * (1 - p_t) ** gamma * -torch.log(p_t)

    def of_rows(logs: Any, t: Any, gamma: float) -> Any:
        return -(t * (1 - logs.exp()) ** gamma * logs).sum(1)

    cases = []
    for gamma, alpha, options in (
        (2.0, None, ""),
        (0.5, 0.25, "gamma=0.5,alpha=0.25"),
        (3.0, 0.75, "gamma=3,alpha=0.75"),
    ):
        for roles in columns():
            for form, to_probs, given in (
                ("", lambda x: x, 1 / (1 + np.exp(-roles["pred"]))),
                ("form=logits", torch.sigmoid, roles["pred"]),
                ("form=log_probs", torch.exp, -np.log1p(np.exp(-roles["pred"]))),
            ):
                spec = ":".join(["focal", *[",".join(part for part in (form, options) if part)]]).rstrip(":")
                function = lambda x, y, g=gamma, a=alpha, to=to_probs: of_one(to(x), y, g, a)  # noqa: E731
                cases.append(by_torch(spec, "(1 - p_t)^γ -log p_t", function, {**roles, "pred": given}))
    for gamma, options in ((2.0, ""), (0.5, "gamma=0.5"), (3.0, "gamma=3")):
        for roles in rows():
            logs = f.log_softmax(torch.tensor(roles["pred"]), 1)
            for form, to_logs, given in (
                ("", torch.log, logs.exp().numpy()),
                ("form=logits", lambda z: f.log_softmax(z, 1), roles["pred"]),
                ("form=log_probs", lambda lp: lp, logs.numpy()),
            ):
                spec = ":".join(["focal", *[",".join(part for part in (form, options) if part)]]).rstrip(":")
                function = lambda x, t, g=gamma, to=to_logs: of_rows(to(x), t, g)  # noqa: E731
                cases.append(by_torch(spec, "Σ t (1 - p)^γ -log_softmax", function, {**roles, "pred": given}))
    return cases


# scikit-learn


def sklearn_cases() -> list[Case]:
    from sklearn import metrics
    from sklearn._loss import HalfBinomialLoss
    from sklearn._loss.loss import ExponentialLoss
    from sklearn.linear_model import _sgd_fast

    cases = []
    for roles in signed(54):
        s, y = roles["pred"], roles["target"]
        for spec, by in (("modified_huber", _sgd_fast.ModifiedHuber()), ("squared_hinge", _sgd_fast.SquaredHinge(1.0))):
            losses = [by.py_loss(a, b) for a, b in zip(s.ravel().tolist(), y.ravel().tolist(), strict=True)]
            by_name = f"scikit-learn: SGDClassifier's {type(by).__name__}"
            cases.append(case(spec, by_name, roles, value=mean(losses, roles)))
        if s.ndim == 1:
            cases.append(_by_loss("exponential", ExponentialLoss(), roles, (y + 1) / 2))
    for roles in columns(55):
        cases.append(_by_loss("bce:form=logits", HalfBinomialLoss(), roles, roles["target"]))
    rng = np.random.default_rng(56)
    labels, scores, weight = rng.integers(0, 3, ROWS), rng.normal(0, 2, (ROWS, 3)), rng.uniform(0.1, 3, ROWS)
    value = metrics.zero_one_loss(labels, scores.argmax(1), sample_weight=weight)
    many = {"pred": scores, "target": labels, "weight": weight}
    cases.append(case("zero_one", "scikit-learn: zero_one_loss", many, value=float(value)))
    for spec, loss, cut, pred in (
        ("zero_one", metrics.zero_one_loss, 0.5, rng.uniform(0, 1, ROWS)),
        ("zero_one:form=logits", metrics.zero_one_loss, 0.0, rng.normal(0, 2, ROWS)),
        ("hamming", metrics.hamming_loss, 0.5, rng.uniform(0, 1, (ROWS, 4))),
        ("hamming:form=logits,threshold=0.75", metrics.hamming_loss, log(3), rng.normal(0, 2, (ROWS, 4))),
        ("hamming:form=log_probs", metrics.hamming_loss, log(0.5), np.log(rng.uniform(0, 1, (ROWS, 4)))),
    ):
        truth = rng.integers(0, 2, pred.shape)
        value = loss(truth, (pred > cut).astype(int), sample_weight=weight)
        roles = {"pred": pred, "target": truth, "weight": weight}
        cases.append(case(spec, f"scikit-learn: {loss.__name__}", roles, value=float(value)))
    return cases


def _by_loss(spec: str, loss: Any, roles: Roles, y: Any) -> Case:
    """Value, gradient and curvature as the loss's own formulas give them."""
    raw, weight = roles["pred"], roles.get("weight")
    share = np.full(len(y), 1 / len(y)) if weight is None else weight / weight.sum()
    gradient, hessian = loss.gradient_hessian(y_true=y, raw_prediction=raw)
    value = loss(y_true=y, raw_prediction=raw, sample_weight=weight)
    name = f"scikit-learn: {type(loss).__name__}"
    return case(spec, name, roles, value=float(value), gradient=gradient * share, hessian=hessian * share)


# keras and optax


def keras_cases() -> list[Case]:
    """On jax keras takes means in float32: six digits are its own."""
    import keras

    keras.config.set_floatx("float64")
    cases = []
    for roles in signed(57):
        y, s = roles["target"], roles["pred"]
        for spec, by in (("hinge", keras.losses.hinge), ("squared_hinge", keras.losses.squared_hinge)):
            value = mean(by(y.reshape(ROWS, -1), s.reshape(ROWS, -1)), roles)
            cases.append({**case(spec, f"keras: {by.__name__}", roles, value=value), "digits": 6})
    for roles in columns(58):
        p = 1 / (1 + np.exp(-roles["pred"]))
        one = {**roles, "pred": p}
        for options, given in (("", {}), (":gamma=0.5,alpha=0.25", {"gamma": 0.5, "alpha": 0.25})):
            losses = keras.losses.binary_focal_crossentropy(
                roles["target"][:, None], p[:, None], apply_class_balancing="alpha" in given, **given
            )
            found = case(f"focal{options}", "keras: binary_focal_crossentropy", one, value=mean(losses, roles))
            cases.append({**found, "digits": 6})
    for roles in rows(59):
        p = np.exp(roles["pred"]) / np.exp(roles["pred"]).sum(1, keepdims=True)
        for options, gamma in (("", 2.0), (":gamma=0.5", 0.5)):
            losses = keras.losses.categorical_focal_crossentropy(roles["target"], p, alpha=1.0, gamma=gamma)
            by = "keras: categorical_focal_crossentropy(alpha=1)"
            cases.append(case(f"focal{options}", by, {**roles, "pred": p}, value=mean(losses, roles)))
    return cases


def optax_cases() -> list[Case]:
    import jax
    import optax

    jax.config.update("jax_enable_x64", True)

    def derived(spec: str, by: str, function: Callable[..., Any], roles: Roles) -> Case:
        weight = roles.get("weight", np.ones(ROWS))

        def average(pred: Any) -> Any:
            return (weight * function(pred, roles["target"]).reshape(ROWS, -1).mean(1)).sum() / weight.sum()

        gradient, hessian = jax.grad(average)(roles["pred"]), jax.hessian(average)(roles["pred"])
        size = roles["pred"].size
        diagonal = np.diag(np.asarray(hessian).reshape(size, size)).reshape(roles["pred"].shape)
        return case(
            spec, by, roles, value=float(average(roles["pred"])), gradient=np.asarray(gradient), hessian=diagonal
        )

    cases = []
    for roles in signed(60):
        for spec, by in (("hinge", optax.losses.hinge_loss), ("perceptron", optax.losses.perceptron_loss)):
            cases.append(derived(spec, f"optax: {by.__name__}", by, roles))
    for roles in columns(61):
        for options, given in (("", {}), (",gamma=0.5,alpha=0.25", {"gamma": 0.5, "alpha": 0.25})):

            def focal(z: Any, y: Any, given: Any = given) -> Any:
                return optax.losses.sigmoid_focal_loss(z, y, **given)

            cases.append(derived(f"focal:form=logits{options}", "optax: sigmoid_focal_loss", focal, roles))
    return cases


# By hand


def by_hand() -> list[Case]:
    def hand(loss: str, pred: Any, target: Any, value: float, digits: int = 15, **more: Any) -> Case:
        return {**case(loss, "by hand", {"pred": pred, "target": target}, value=value, **more), "digits": digits}

    return [
        hand("focal:form=logits", [0.3], [1], 0.1003933, 6),
        hand("focal", [0.75], [1], log(4 / 3) / 16, gradient=np.array([-0.5 * log(4 / 3) - 1 / 12])),
        hand("focal:alpha=0.25", [0.75, 0.75], [1, 0], (0.25 * log(4 / 3) / 16 + 0.75 * log(4) * 9 / 16) / 2),
        hand("focal:gamma=1", [[0.5, 0.25, 0.25]], [1], 0.75 * log(4), gradient=np.array([[0.0, -log(4) - 3, 0.0]])),
        hand("focal:gamma=1", [[0.5, 0.5]], [[0.25, 0.75]], 0.5 * log(2)),
        hand("soft_margin", [0.0, 0.0], [1, -1], log(2), gradient=np.array([-0.25, 0.25])),
        hand("squared_hinge", [0.5, 2.0, -1.0], [1, 1, 1], 4.25 / 3, gradient=np.array([-1, 0, -4]) / 3),
        hand("perceptron", [0.5, -2.0, 3.0], [1, 1, -1], 5 / 3, gradient=np.array([0, -1, 1]) / 3),
        hand("modified_huber", [2.0, 0.5, -1.0, -3.0], [1, 1, 1, 1], 16.25 / 4, gradient=np.array([0, -1, -4, -4]) / 4),
        hand("exponential", [1.0, 2.0], [1, -1], (exp(-1) + exp(2)) / 2, gradient=np.array([-exp(-1), exp(2)]) / 2),
        hand("zero_one", [[1.0, 1.0], [0.0, 1.0]], [[0.25, 0.75], [0.5, 0.5]], 0.625),
        hand("zero_one", [0.5, 0.5, 0.9], [0, 1, 0.25], (0 + 1 + 0.75) / 3),
        hand("hamming:threshold=0.9", [[0.9, 0.95], [0.1, 1.0]], [[1, 1], [0, 0]], 0.5),
    ]


# Differences


def differing(why: str, found: Case, **more: str) -> Case:
    """A case in which a library gives something else by a rule of its own."""
    return {"why": why, **more, **found}


def differences() -> list[Case]:
    import keras
    import torch
    import torch.nn.functional as f

    keras.config.set_floatx("float64")
    one = np.array([1.0])

    def of(loss: str, by: str, value: Any, pred: Any, target: Any) -> Case:
        return case(loss, by, {"pred": pred, "target": target}, value=float(value))

    far = float(f.soft_margin_loss(torch.tensor([-1000.0]).double(), torch.tensor(one)))
    assert far == inf
    p, t = np.array([[0.7, 0.2, 0.1]]), np.array([[0.0, 1.0, 0.0]])
    soft = keras.losses.binary_focal_crossentropy(np.array([[0.25]]), np.array([[0.75]]))
    row = keras.losses.categorical_focal_crossentropy(t, p)
    zero = keras.losses.binary_focal_crossentropy(np.array([[1.0]]), np.array([[0.0]]))
    converted = keras.losses.hinge(np.array([[0.0]]), np.array([[0.5]]))
    return [
        differing(
            "torch takes the logarithm of 1 + exp(-y s), which overflows",
            of("soft_margin", "torch: soft_margin_loss", far, np.array([-1000.0]), one),
        ),
        differing(
            "keras multiplies every class by alpha, which is 0.25 unless said otherwise",
            of("focal", "keras: categorical_focal_crossentropy", row[0], p, t),
        ),
        differing(
            "keras clips p to 1e-7 and more; the definition is infinite, and is said to be",
            of("focal", "keras: binary_focal_crossentropy", zero[0], np.array([0.0]), one),
        ),
        differing(
            "keras weighs a soft target by its mean p_t; the mean of the losses is another number",
            of("focal", "keras: binary_focal_crossentropy", soft[0], np.array([0.75]), np.array([0.25])),
            refused="0.25 is not 0 or 1; soft targets need two columns",
        ),
        differing(
            "keras reads 0/1 labels as -1/+1 unasked",
            of("hinge", "keras: hinge", converted[0], np.array([0.5]), np.array([0.0])),
            refused="say --labels 01",
        ),
    ]


def main() -> None:
    """Write the file, a case a line."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import jax
    import keras
    import optax
    import sklearn
    import torch

    versions = {
        "torch": torch.__version__,
        "scikit-learn": sklearn.__version__,
        "keras": keras.__version__,
        "optax": optax.__version__,
        "jax": jax.__version__,
        "numpy": np.__version__,
    }
    jax.config.update("jax_enable_x64", True)
    groups = (by_hand, torch_margins, torch_focal, sklearn_cases, keras_cases, optax_cases)
    found = {"cases": [one for group in groups for one in group()], "differences": differences()}
    parts = [f'"versions": {json.dumps(versions)}']
    for name, cases in found.items():
        lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in cases)
        parts.append(f'"{name}": [\n{lines}\n]')
    FILE.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
