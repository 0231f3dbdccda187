"""Runs other libraries on fixed data and writes what they give to values_more.json, beside this file.

    python -m tests.reference.record_more

needs torch and scikit-learn; the tests read the file alone. torch computes in float64; gradients and Hessian diagonals
are autograd's, of the weighted mean over the rows, with respect to each prediction.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_name("values_more.json")
ROWS = 7

Case = dict[str, Any]
Roles = Mapping[str, Any]  # role -> array; "weight" among them, or not
Function = Callable[..., Any]  # of tensors in the roles' order: each sample's loss


def as_json(value: Any) -> Any:
    """An array with its type, arrays by role, or a number; infinite and NaN as words."""
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return {"dtype": str(value.dtype), "values": _plain(value.tolist())}
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value if isinstance(value, (int, str)) or isfinite(value) else str(float(value))


def case(loss: str, by: str, roles: Roles, **found: Any) -> Case:
    """A loss of roles, what computed it, and what it found: value, gradient, hessian; by role of several of them."""
    arrays = {role: np.asarray(values) for role, values in roles.items()}
    return {"loss": loss, "by": by, **{key: as_json(value) for key, value in {**arrays, **found}.items()}}


# torch


def by_torch(loss: str, by: str, function: Function, roles: Roles, moved: tuple[str, ...] = ("pred",)) -> Case:
    """What `function` gives for the weighted mean over rows and outputs, with its derivatives."""
    import torch

    tensors = {role: torch.tensor(np.asarray(values)) for role, values in roles.items()}
    tensors = {role: t.double() if t.is_floating_point() or role in moved else t for role, t in tensors.items()}
    rows = len(tensors[moved[0]])
    weight = tensors.pop("weight", torch.ones(rows, dtype=torch.float64))

    def mean(**some: Any) -> Any:
        losses = function(*{**tensors, **some}.values())
        return (weight * losses.reshape(rows, -1).mean(1)).sum() / weight.sum()

    derivatives: dict[str, dict[str, Any]] = {"gradient": {}, "hessian": {}}
    for role in moved:
        x = tensors[role].clone().requires_grad_(True)
        derivatives["gradient"][role] = torch.autograd.grad(mean(**{role: x}), x)[0].numpy()
        hessian = torch.autograd.functional.hessian(lambda x, role=role: mean(**{role: x}), tensors[role])
        derivatives["hessian"][role] = hessian.reshape(x.numel(), x.numel()).diag().reshape(x.shape).numpy()
    found = {key: by_role if len(moved) > 1 else by_role[moved[0]] for key, by_role in derivatives.items()}
    return case(loss, f"torch: {by}", roles, value=float(mean()), **found)


def pairs_of_numbers() -> Iterator[Roles]:
    """Predictions and targets of one output and of three, with weights and without."""
    rng = np.random.default_rng(31)
    for shape in ((ROWS,), (ROWS, 1), (ROWS, 3), (1,)):
        yield {"pred": rng.normal(2, 3, shape), "target": rng.normal(2, 3, shape)}
    yield {
        "pred": rng.normal(2, 3, ROWS).astype(np.float32),
        "target": rng.normal(2, 3, ROWS).astype(np.float32),
        "weight": rng.uniform(0.1, 3, ROWS),
    }


def torch_regression() -> list[Case]:
    import torch
    import torch.nn.functional as f

    def ln_cosh(p: Any, t: Any) -> Any:
        return torch.logaddexp(p - t, t - p) - np.log(2)

    def pinball(q: float) -> Function:
        return lambda p, t: torch.maximum(q * (t - p), (q - 1) * (t - p))

    def unhalved(p: Any, t: Any) -> Any:
        return torch.where((p - t).abs() < 0.7, (p - t) ** 2 / 0.7, (p - t).abs())

    losses: list[tuple[str, str, Function]] = [
        ("half_mse", "mse_loss / 2", lambda p, t: f.mse_loss(p, t, reduction="none") / 2),
        ("log_cosh", "logaddexp - ln 2", ln_cosh),
        ("smooth_l1:beta=0.7,variant=unhalved", "where", unhalved),
    ]
    losses += [(f"quantile:q={q:g}", "maximum", pinball(q)) for q in (0.9, 0.01)]
    for beta in (0.0, 0.3, 1.0, 4.0):
        spec = "smooth_l1" if beta == 1 else f"smooth_l1:beta={beta:g}"
        losses.append((spec, "smooth_l1_loss", lambda p, t, b=beta: f.smooth_l1_loss(p, t, reduction="none", beta=b)))
    return [by_torch(spec, by, function, roles) for spec, by, function in losses for roles in pairs_of_numbers()]


def torch_gaussian() -> list[Case]:
    import torch.nn.functional as f

    rng = np.random.default_rng(32)
    cases = []
    for roles in pairs_of_numbers():
        variance = rng.uniform(0.1, 4, roles["pred"].shape)
        given = {"pred": roles["pred"], "target": roles["target"], "variance": variance}
        given |= {"weight": roles["weight"]} if "weight" in roles else {}
        for spec, full in (("gaussian_nll", False), ("gaussian_nll:full=true", True)):

            def function(p: Any, t: Any, v: Any, full: bool = full) -> Any:
                return f.gaussian_nll_loss(p, t, v, full=full, eps=1e-300, reduction="none")

            cases.append(by_torch(spec, "gaussian_nll_loss", function, given))
    return cases


def classes() -> Iterator[Roles]:
    """Logits with indices, one-hot rows and distributions; two classes and more; with weights and without."""
    rng = np.random.default_rng(33)
    for n, c in ((ROWS, 3), (ROWS, 2), (1, 4), (2, 12)):
        yield {"pred": rng.normal(0, 2, (n, c)), "target": rng.integers(0, c, n)}
        yield {"pred": rng.normal(0, 2, (n, c)), "target": np.eye(c)[rng.integers(0, c, n)]}
        yield {"pred": rng.normal(0, 2, (n, c)), "target": rng.dirichlet(np.ones(c), n)}
    yield {
        "pred": rng.normal(0, 2, (ROWS, 5)),
        "target": rng.dirichlet(np.full(5, 0.3), ROWS),
        "weight": rng.uniform(0.1, 3, ROWS),
    }


def torch_classes() -> list[Case]:
    import torch
    import torch.nn.functional as f

    def soft(logs: Any, t: Any) -> Any:
        return t if t.ndim == 2 else f.one_hot(t, logs.shape[1]).double()

    def divergence(logs: Any, t: Any) -> Any:
        return f.kl_div(logs, soft(logs, t), reduction="none").sum(1)

    def likelihood(logs: Any, t: Any) -> Any:
        return -(soft(logs, t) * logs).sum(1) if t.ndim == 2 else f.nll_loss(logs, t, reduction="none")

    losses: list[tuple[str, str, str, Function]] = [
        ("kl", "probs", "kl_div of log", lambda p, t: divergence(p.log(), t)),
        ("kl:form=logits", "logits", "kl_div of log_softmax", lambda z, t: divergence(f.log_softmax(z, 1), t)),
        ("kl:form=log_probs", "log_probs", "kl_div", divergence),
        ("nll", "log_probs", "nll_loss", likelihood),
        ("brier", "probs", "mse_loss", lambda p, t: f.mse_loss(p, soft(p, t), reduction="none").sum(1)),
    ]
    forms: dict[str, Function] = {
        "probs": lambda z: f.softmax(z, 1),
        "logits": lambda z: z,
        "log_probs": lambda z: f.log_softmax(z, 1),
    }
    return [
        by_torch(spec, by, function, {**roles, "pred": forms[form](torch.tensor(roles["pred"])).numpy()})
        for spec, form, by, function in losses
        for roles in classes()
    ]


def torch_scores() -> list[Case]:
    """Signed labels, and probabilities of one class: scores off the corner of the hinge."""
    import torch
    import torch.nn.functional as f

    rng = np.random.default_rng(34)
    cases = []
    for shape in ((ROWS,), (ROWS, 3)):
        signed = {"pred": rng.normal(0, 2, shape), "target": rng.choice([-1, 1], shape)}
        for spec, margin in (("hinge", 1.0), ("hinge:margin=0.3", 0.3)):
            cases.append(by_torch(spec, "relu", lambda s, y, m=margin: torch.relu(m - y * s), signed))
    single = {"pred": rng.uniform(0, 1, ROWS), "target": rng.integers(0, 2, ROWS).astype(float)}
    return [*cases, by_torch("brier", "mse_loss", lambda p, t: f.mse_loss(p, t, reduction="none"), single)]


def torch_vectors() -> list[Case]:
    import torch
    import torch.nn.functional as f

    rng = np.random.default_rng(35)
    metrics: dict[str, Function] = {
        "euclidean": lambda a, b: (a - b).square().sum(1).sqrt(),
        "manhattan": lambda a, b: (a - b).abs().sum(1),
        "cosine": lambda a, b: 1 - f.cosine_similarity(a, b),
    }

    def contrastive(metric: Function, margin: float) -> Function:
        def function(a: Any, b: Any, y: Any) -> Any:
            d = metric(a, b)
            return (1 - y) * d**2 / 2 + y * torch.relu(margin - d) ** 2 / 2

        return function

    def triplet(margin: float, p: float, swap: bool) -> Function:
        return lambda a, b, c: f.triplet_margin_loss(a, b, c, margin=margin, p=p, swap=swap, eps=0.0, reduction="none")

    left = rng.normal(size=(2 * ROWS, 3))
    pair = {"left": left, "right": left + rng.normal(size=left.shape), "label": rng.integers(0, 2, 2 * ROWS)}
    three = {role: rng.normal(size=(2 * ROWS, 3)) for role in ("anchor", "positive", "negative")}
    cases = []
    for distance, margin in (("euclidean", 1.0), ("euclidean", 2.5), ("manhattan", 3.0), ("cosine", 0.4)):
        options = {"margin": f"{margin:g}"} if margin != 1 else {}
        options |= {"distance": distance} if distance != "euclidean" else {}
        spec = _spec("contrastive", options)
        by = {"euclidean": "sqrt", "manhattan": "abs", "cosine": "cosine_similarity"}[distance]
        cases.append(by_torch(spec, by, contrastive(metrics[distance], margin), pair, ("left", "right")))
    for margin, p, swap in ((1.0, 2.0, False), (0.3, 1.0, False), (1.0, 3.0, False), (2.0, 2.0, True)):
        options = {"margin": f"{margin:g}"} if margin != 1 else {}
        options |= {"p": f"{p:g}"} if p != 2 else {}
        options |= {"swap": "true"} if swap else {}
        spec = _spec("triplet", options)
        cases.append(by_torch(spec, "triplet_margin_loss(eps=0)", triplet(margin, p, swap), three, tuple(three)))
    return cases


def _spec(name: str, options: Mapping[str, str]) -> str:
    return name + (":" + ",".join(f"{key}={value}" for key, value in options.items()) if options else "")


def torch_masks() -> list[Case]:
    """Dice of each row, and of all rows with their weights, which has no per-sample value: its own mean."""
    import torch

    rng = np.random.default_rng(36)

    def dice(p: Any, t: Any, s: float) -> Any:
        return 1 - (2 * (p * t).sum(-1) + s) / (p.sum(-1) + t.sum(-1) + s)

    cases = []
    for hard in (True, False):
        target = rng.integers(0, 2, (ROWS, 5)).astype(float) if hard else rng.uniform(0, 1, (ROWS, 5))
        roles = {"pred": rng.uniform(0, 1, (ROWS, 5)), "target": target}
        for s, spec in ((0.0, "dice:pool=sample"), (0.5, "dice:smooth=0.5,pool=sample")):
            cases.append(by_torch(spec, "1 - 2 Σpt / (Σp + Σt)", lambda p, t, s=s: dice(p, t, s), roles))
        for weight in (np.ones(ROWS), rng.uniform(0.1, 3, ROWS)):
            for s, spec in ((0.0, "dice"), (1.0, "dice:smooth=1")):
                w = torch.tensor(weight)[:, None]

                def pooled(p: Any, t: Any, s: float = s, w: Any = w) -> Any:
                    return (1 - (2 * (w * p * t).sum() + s) / ((w * p).sum() + (w * t).sum() + s)).expand(ROWS)

                found = by_torch(spec, "1 - 2 Σwpt / (Σwp + Σwt)", pooled, roles)
                cases.append({**found, "weight": as_json(weight)})
    return cases


# scikit-learn


def sklearn_cases() -> list[Case]:
    from sklearn import metrics
    from sklearn._loss import HalfSquaredError

    rng = np.random.default_rng(37)
    cases = []
    for roles in pairs_of_numbers():
        pred, target, weight = roles["pred"].astype(float), roles["target"].astype(float), roles.get("weight")
        for q in (0.5, 0.9):
            value = metrics.mean_pinball_loss(target, pred, alpha=q, sample_weight=weight)
            spec = "quantile" if q == 0.5 else "quantile:q=0.9"
            cases.append(case(spec, "scikit-learn: mean_pinball_loss", roles, value=float(value)))
        if pred.ndim == 1 and weight is None:
            half = HalfSquaredError()
            gradient = half.gradient(y_true=target, raw_prediction=pred) / len(pred)
            value = half(y_true=target, raw_prediction=pred)
            cases.append(
                case("half_mse", "scikit-learn: HalfSquaredError", roles, value=float(value), gradient=gradient)
            )
    p, y, weight = rng.uniform(0, 1, 9), rng.integers(0, 2, 9), rng.uniform(0.1, 3, 9)
    value = metrics.brier_score_loss(y, p, sample_weight=weight)
    one = {"pred": p, "target": y, "weight": weight}
    cases.append(case("brier", "scikit-learn: brier_score_loss", one, value=float(value)))
    many, labels = rng.dirichlet(np.ones(4), 9), np.r_[0:4, rng.integers(0, 4, 5)]
    value = metrics.brier_score_loss(labels, many, labels=range(4))
    cases.append(case("brier", "scikit-learn: brier_score_loss", {"pred": many, "target": labels}, value=float(value)))
    scores, signs = rng.normal(0, 2, 9), rng.choice([-1, 1], 9)
    value = metrics.hinge_loss(signs, scores, sample_weight=weight)
    signed = {"pred": scores, "target": signs, "weight": weight}
    return [*cases, case("hinge", "scikit-learn: hinge_loss", signed, value=float(value))]


# By hand, and from publications: given to the digits printed


def by_hand() -> list[Case]:
    from math import log, pi

    def hand(loss: str, roles: Roles, value: float, digits: int = 15, **more: Any) -> Case:
        return {**case(loss, "by hand", roles, value=value, **more), "digits": digits}

    def numbers(pred: Any, target: Any) -> Roles:
        return {"pred": pred, "target": target}

    far = {"left": [[0.0, 0.0]], "right": [[3.0, 4.0]], "label": [1]}
    slope = {"left": np.array([[1.8, 2.4]]), "right": np.array([[-1.8, -2.4]])}
    rows = numbers([[0.3, 0.3, 0.4], [0.1, 0.8, 0.1]], [[0.2, 0.8, 0.0], [0.5, 0.5, 0.0]])
    half, quarter = [[0.5, 0.5, 0.0]], [[0.25, 0.75, 0.0]]
    same = {"anchor": [[1.0, 0.0]], "positive": [[1.0, 0.0]], "negative": [[0.0, 0.0]]}
    right = {"anchor": [[0.0, 0.0]], "positive": [[3.0, 4.0]], "negative": [[0.0, 2.0]]}
    mask = numbers([0.9, 0.2, 0.1, 0.3], [1.0, 1.0, 0.0, 0.0])
    return [
        hand("contrastive:margin=8", far, 4.5, gradient=slope),
        hand("contrastive:margin=5", far, 0.0),
        hand("contrastive", {**far, "label": [0]}, 12.5, gradient={"left": np.array([[-3.0, -4.0]])}),
        hand("contrastive:distance=manhattan", {**far, "label": [0]}, 24.5),
        hand("contrastive:distance=cosine", {"left": [[1.0, 0.0]], "right": [[0.0, 2.0]], "label": [0]}, 0.5),
        hand("kl", rows, 0.6366437612, 10),
        hand("kl", numbers(half, quarter), 0.25 * log(0.5) + 0.75 * log(1.5), gradient=np.array([[-0.5, -1.5, 0.0]])),
        hand("kl", numbers([[0.5, 0.25, 0.25]], [[0.5, 0.5, 0.0]]), 0.5 * log(2)),
        hand("kl", numbers([[0.25, 0.75]], [0]), log(4)),
        hand("nll", numbers([[log(0.25), log(0.75)]], [0]), log(4), gradient=np.array([[-1.0, 0.0]])),
        hand("brier", numbers([0.7, 0.1], [1, 0]), 0.05, gradient=np.array([-0.3, 0.1])),
        hand("brier", numbers([[0.7, 0.2, 0.1]], [1]), 0.49 + 0.64 + 0.01),
        hand("hinge", numbers([0.5, -2.0, 3.0], [1, 1, -1]), (0.5 + 3 + 4) / 3),
        hand("triplet", same, 0.0),
        hand("triplet", right, 4.0),
        hand("triplet:p=1", right, 6.0),
        hand("triplet:swap=true", {**right, "negative": [[3.0, 3.5]]}, 5.5),
        hand("dice", mask, 0.371429, 5),
        hand("dice:smooth=1", mask, 1 - 3.2 / 4.5),
        hand("gaussian_nll", {**numbers([1.0], [3.0]), "variance": [2.0]}, (log(2) + 2) / 2, gradient=np.array([-1.0])),
        hand("gaussian_nll:full=true", {**numbers([1.0], [1.0]), "variance": [1.0]}, log(2 * pi) / 2),
        hand("quantile:q=0.9", numbers(np.uint8([0, 10, 200, 3]), np.uint8([1, 20, 100, 250])), 60.55),
        hand("smooth_l1", numbers([0.5, 3.0], [0.0, 0.0]), (0.125 + 2.5) / 2, gradient=np.array([0.25, 0.5])),
        hand("smooth_l1:beta=2,variant=unhalved", numbers([1.0, 3.0], [0.0, 0.0]), 1.75, gradient=np.array([0.5, 0.5])),
        hand("log_cosh", numbers([0.0, 1000.0], [0.0, 0.0]), (1000 - log(2)) / 2),
        hand("half_mse", numbers([1.0, 2.0, 4.0], [1.0, 4.0, 1.0]), 13 / 6, gradient=np.array([0, -2 / 3, 1.0])),
    ]


def main() -> None:
    """Write the file, a case a line."""
    import sklearn
    import torch

    versions = {"torch": torch.__version__, "scikit-learn": sklearn.__version__, "numpy": np.__version__}
    groups = (
        by_hand,
        torch_regression,
        torch_gaussian,
        torch_classes,
        torch_scores,
        torch_vectors,
        torch_masks,
        sklearn_cases,
    )
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for group in groups for one in group())
    FILE.write_text(f'{{\n"versions": {json.dumps(versions)},\n"cases": [\n{lines}\n]\n}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
