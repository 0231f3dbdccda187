"""Runs torch and scikit-learn on linear models and writes what they give to linear.json, beside this file.

    python -m tests.reference.record_linear

needs torch and scikit-learn; the tests read the file alone. Everything is float64. `penalties` are values and gradients
by autograd, `decay` is a step of SGD from a gradient of 0, `solutions` are minima that scikit-learn finds, `descents`
are the losses and the parameters of plain SGD on all rows.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).with_name("linear.json")
WEIGHTS = [[1.0, -2.0, 0.25], [3.0, 0.5, -0.125]]
STRENGTH, RATIO = 0.3, 0.25
STEPS = 20


def penalties(torch: Any) -> list[dict[str, Any]]:
    formulas: dict[str, Callable[[Any], Any]] = {
        f"l1:strength={STRENGTH}": lambda w: STRENGTH * w.abs().sum(),
        f"l2:strength={STRENGTH}": lambda w: STRENGTH * (w**2).sum(),
        f"l2:strength={STRENGTH},half=true": lambda w: STRENGTH / 2 * (w**2).sum(),
        f"elastic_net:strength={STRENGTH},ratio={RATIO}": lambda w: (
            STRENGTH * (RATIO * w.abs().sum() + (1 - RATIO) / 2 * (w**2).sum())
        ),
        f"elastic_net:strength={STRENGTH},ratio={RATIO},half=false": lambda w: (
            STRENGTH * (RATIO * w.abs().sum() + (1 - RATIO) * (w**2).sum())
        ),
    }
    found = []
    for spec, formula in formulas.items():
        w = torch.tensor(WEIGHTS, dtype=torch.float64, requires_grad=True)
        value = formula(w)
        value.backward()
        found.append({"spec": spec, "weights": WEIGHTS, "value": value.item(), "gradient": w.grad.tolist()})
    return found


def decay(torch: Any) -> dict[str, Any]:
    w = torch.tensor(WEIGHTS, dtype=torch.float64, requires_grad=True)
    w.grad = torch.zeros_like(w)
    torch.optim.SGD([w], lr=0.5, weight_decay=STRENGTH).step()
    spec = f"l2:strength={STRENGTH},half=true"
    return {"spec": spec, "rate": 0.5, "before": WEIGHTS, "after": w.detach().tolist()}


def solutions() -> list[dict[str, Any]]:
    """ElasticNet minimises ½ mse + α r ‖w‖₁ + ½ α (1-r) ‖w‖², Lasso ½ mse + α ‖w‖₁, Ridge the sum + α ‖w‖²."""
    from sklearn import linear_model

    rng = np.random.default_rng(0)
    x = rng.standard_normal((30, 4)).round(3)
    y = (x @ [1.0, 0.0, -2.0, 0.01] + rng.standard_normal(30)).round(3)
    exact = {"fit_intercept": False, "tol": 1e-14, "max_iter": 10**6}
    models = [
        ("half_mse", "mean", "elastic_net:strength=0.3,ratio=0.4", linear_model.ElasticNet(0.3, l1_ratio=0.4, **exact)),
        ("half_mse", "mean", "l1:strength=0.3", linear_model.Lasso(0.3, **exact)),
        ("mse", "sum", "l2:strength=3", linear_model.Ridge(3, fit_intercept=False, solver="svd")),
    ]
    return [
        {
            "loss": loss,
            "reduction": reduction,
            "penalty": penalty,
            "x": x.tolist(),
            "y": y.tolist(),
            "weights": model.fit(x, y).coef_.tolist(),
        }
        for loss, reduction, penalty, model in models
    ]


def descents(torch: Any) -> list[dict[str, Any]]:
    f = torch.nn.functional
    rng = np.random.default_rng(1)
    x = rng.standard_normal((12, 3)).round(2)
    labels, numbers = rng.integers(0, 3, 12), (x @ [1.0, -1.0, 0.5] + rng.standard_normal(12)).round(2)
    counts = rng.poisson(2.0, 12)
    w3, b3 = (0.1 * rng.standard_normal((3, 3))).round(3), (0.1 * rng.standard_normal(3)).round(3)
    w1 = (0.1 * rng.standard_normal(3)).round(3)
    cases: list[Any] = [
        ("cross_entropy", f.cross_entropy, labels, {"W": w3, "b": b3}, 0.1, 0.0),
        ("cross_entropy", f.cross_entropy, labels, {"W": w3, "b": b3}, 0.5, 0.02),
        ("cross_entropy", f.cross_entropy, labels, {"W": w3}, 0.1, 0.0),
        ("mse", f.mse_loss, numbers, {"weights": w1, "bias": np.array(0.25)}, 0.05, 0.0),
        ("mse", f.mse_loss, numbers, {"coef": w1}, 0.05, 0.5),
        ("huber:delta=0.5", lambda p, t: f.huber_loss(p, t, delta=0.5), numbers, {"W": w1}, 0.1, 0.0),
        ("bce", f.binary_cross_entropy_with_logits, (labels > 0).astype(float), {"W": w1}, 0.3, 0.0),
        ("poisson_nll", lambda p, t: f.poisson_nll_loss(p, t, log_input=True), counts, {"W": w1}, 0.02, 0.0),
    ]
    return [_descent(torch, x, *case) for case in cases]


def _descent(torch: Any, x: Any, *case: Any) -> dict[str, Any]:
    """The penalty is ½ λ Σ w² over weights and biases, as weight_decay has it."""
    loss, function, target, parameters, rate, strength = case
    tensors = {name: torch.tensor(a, dtype=torch.float64, requires_grad=True) for name, a in parameters.items()}
    head, targets = list(tensors.values()), torch.tensor(target)
    optimizer = torch.optim.SGD(head, lr=rate, weight_decay=strength)
    losses, first = [], {}
    for step in range(STEPS + 1):
        optimizer.zero_grad()
        value = function(torch.tensor(x) @ head[0] + (head[1] if head[1:] else 0), targets)
        losses.append(value.item())
        value.backward()
        first = first or {name: tensor.grad.tolist() for name, tensor in tensors.items()}
        if step < STEPS:
            optimizer.step()
    return {
        "loss": loss,
        "x": x.tolist(),
        "target": target.tolist(),
        "parameters": {name: a.tolist() for name, a in parameters.items()},
        "rate": rate,
        "strength": strength,
        "losses": losses,
        "gradient": first,
        "after": {name: tensor.detach().tolist() for name, tensor in tensors.items()},
    }


def main() -> None:
    import sklearn
    import torch

    found = {
        "versions": {"torch": torch.__version__, "scikit-learn": sklearn.__version__, "numpy": np.__version__},
        "penalties": penalties(torch),
        "decay": decay(torch),
        "solutions": solutions(),
        "descents": descents(torch),
    }
    FILE.write_text(json.dumps(found, indent=1) + "\n", "utf8")


if __name__ == "__main__":
    main()
