"""Runs torch on sequences and writes what it gives to values_sequ.json, beside this file.

    python -m tests.reference.record_sequ

needs torch; the tests read the file alone. torch computes in float64. The gradient is autograd's, of the weighted mean
of the samples' own values, with respect to logits.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.reference.record_more import Case, case

FILE = Path(__file__).with_name("values_sequ.json")


def batches() -> list[dict[str, Any]]:
    """Logits and targets: of several lengths, with labels repeated, of one class besides the blank, and of no label."""
    rng = np.random.default_rng(51)
    found = []
    for n, frames, classes, longest in ((5, 9, 4, 3), (3, 12, 2, 4), (1, 3, 5, 2), (4, 20, 11, 6)):
        pred_lengths = rng.integers(2 * longest - 1, frames + 1, n)
        target_lengths = rng.integers(0, longest + 1, n)
        found.append(
            {
                "pred": rng.normal(0, 2, (n, frames, classes)),
                "target": rng.integers(1, classes, (n, longest)),
                "pred_lengths": np.minimum(pred_lengths, frames),
                "target_lengths": target_lengths,
            }
        )
    return found


def _values(logits: Any, roles: dict[str, Any], **options: Any) -> Any:
    import torch

    log_p = torch.log_softmax(logits, 2).transpose(0, 1)
    rest = [torch.tensor(roles[role]) for role in ("target", "pred_lengths", "target_lengths")]
    return torch.nn.functional.ctc_loss(log_p, *rest, **{"reduction": "none", **options})


def _turned(roles: dict[str, Any], blank: int) -> dict[str, Any]:
    """The same with another blank: classes change places with 0."""
    order = np.arange(roles["pred"].shape[2])
    order[[0, blank]] = order[[blank, 0]]
    return {**roles, "pred": roles["pred"][:, :, order], "target": order[roles["target"]]}


def ctc() -> list[Case]:
    import torch

    found = []
    for k, roles in enumerate(batches()):
        x = torch.tensor(roles["pred"], requires_grad=True)
        weight = np.random.default_rng(k).uniform(0.5, 2, len(x)) if k % 2 else None
        w = torch.ones(len(x), dtype=torch.float64) if weight is None else torch.tensor(weight)
        value = (w * _values(x, roles)).sum() / w.sum()
        (gradient,) = torch.autograd.grad(value, x)
        weighted = roles if weight is None else {**roles, "weight": weight}
        both = {"value": value.item(), "gradient": gradient.numpy()}
        found.append(case("ctc:form=logits", "torch: ctc_loss of log_softmax", weighted, **both))
        logs = {**weighted, "pred": torch.log_softmax(x, 2).detach().numpy()}
        found.append(case("ctc", "torch: ctc_loss", logs, value=value.item()))
        last = _turned({**logs}, logs["pred"].shape[2] - 1)
        found.append(case(f"ctc:blank={logs['pred'].shape[2] - 1}", "torch: ctc_loss", last, value=value.item()))
    return found


def short() -> list[Case]:
    """A target that needs more frames than there are."""
    import torch

    roles = {**batches()[0], "pred_lengths": np.array([9, 2, 9, 9, 9]), "target_lengths": np.array([1, 3, 2, 3, 0])}
    roles["target"][1] = 1
    x = torch.tensor(roles["pred"], requires_grad=True)
    value = _values(x, roles, zero_infinity=True).mean()
    (gradient,) = torch.autograd.grad(value, x)
    both = {"value": value.item(), "gradient": gradient.numpy()}
    return [case("ctc:form=logits,zero_infinity=true", "torch: ctc_loss", roles, **both)]


def tokens() -> list[Case]:
    """Distributions of each token, of which some do not count; the mean over tokens is torch's own."""
    import torch

    rng, found = np.random.default_rng(52), []
    for n, length, classes in ((3, 4, 5), (2, 7, 3)):
        target, mask = rng.integers(0, classes, (n, length)), (rng.random((n, length)) < 0.7) | (np.arange(length) == 0)
        roles = {"pred": rng.normal(0, 2, (n, length, classes)), "target": target, "token_mask": mask.astype(float)}
        roles |= {"pred_lengths": np.full(n, length)}
        x = torch.tensor(roles["pred"], requires_grad=True)
        came = torch.tensor(np.where(mask, target, -100))
        text = rng.integers(5, 40, n)

        def both(value: Any, x: Any = x) -> dict[str, Any]:
            return {"value": value.item(), "gradient": torch.autograd.grad(value, x)[0].numpy()}

        by = "torch: cross_entropy with ignore_index"
        found += [
            case("token_nll:form=logits", by, roles, **both(mean_of(x, came))),
            case("token_nll:form=logits,units=bits", f"{by}, over ln 2", roles, **both(mean_of(x, came) / np.log(2))),
            case("perplexity:form=logits", f"{by}, exp", roles, **both(mean_of(x, came).exp())),
        ]
        each = sequences_of(x, came, mask)
        found.append(case("token_nll:form=logits,over=sequences", f"{by}, a sequence", roles, **both(each.mean())))
        each = sequences_of(x, came, mask)
        found.append(case("perplexity:form=logits,over=sequences", f"{by}, exp", roles, **both(each.exp().mean())))
        bits = (sequences_of(x, came, mask) * torch.tensor(mask.sum(1))).sum() / text.sum() / np.log(2)
        found.append(case("bits_per_byte:form=logits", f"{by}, sum", {**roles, "bytes": text}, **both(bits)))
        logs = torch.log_softmax(x, 2).detach().gather(2, torch.tensor(target)[:, :, None])[:, :, 0].numpy()
        plain = {**roles, "pred": logs, "target": np.zeros((n, 0))}
        value = mean_of(x, came).item()
        found.append(case("token_nll", f"{by}, gathered", plain, value=value))
    return found


def mean_of(x: Any, came: Any) -> Any:
    import torch.nn.functional as f

    return f.cross_entropy(x.transpose(1, 2), came)


def sequences_of(x: Any, came: Any, mask: Any) -> Any:
    """The mean over the tokens of each sequence."""
    import torch
    import torch.nn.functional as f

    return f.cross_entropy(x.transpose(1, 2), came, reduction="none").sum(1) / torch.tensor(mask.sum(1))


def differences() -> list[Case]:
    """Where torch has a rule of its own."""
    import torch

    roles = batches()[0]
    roles["target_lengths"] = np.array([1, 2, 3, 2, 1])
    logs = {**roles, "pred": torch.log_softmax(torch.tensor(roles["pred"]), 2).numpy()}
    value = _values(torch.tensor(roles["pred"]), roles, reduction="mean").item()
    why = "torch's mean divides each value by its target length"
    found = [{**case("ctc", "torch: ctc_loss mean", logs, value=value), "why": why}]
    even = {"pred": np.full((1, 2, 2), -np.log(2)), "target": np.array([[1]])}
    even |= {"pred_lengths": np.array([2]), "target_lengths": np.array([1])}
    x = torch.tensor(even["pred"], requires_grad=True)
    rest = [torch.tensor(even[role]) for role in ("target", "pred_lengths", "target_lengths")]
    value = torch.nn.functional.ctc_loss(x.transpose(0, 1), *rest, reduction="none")[0]
    (gradient,) = torch.autograd.grad(value, x)
    why = "torch's gradient with respect to log-probabilities is that with respect to logits"
    ours = np.array([[[-1 / 3, -2 / 3], [-1 / 3, -2 / 3]]])  # label 1 is in two of three paths, in each frame
    found.append({**case("ctc", "torch: ctc_loss", even, gradient=gradient.numpy(), ours=ours), "why": why})
    return found


if __name__ == "__main__":
    import torch

    versions = {"torch": torch.__version__.partition("+")[0], "numpy": np.__version__}
    cases, others = (
        ",\n".join(json.dumps(one) for one in found) for found in ([*ctc(), *short(), *tokens()], differences())
    )
    FILE.write_text(
        f'{{\n"versions": {json.dumps(versions)},\n"cases": [\n{cases}\n],\n"differences": [\n{others}\n]\n}}\n', "utf8"
    )
