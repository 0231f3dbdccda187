"""Runs other libraries on fixed scores of real and generated samples and writes what they give to values_adve.json.

    python -m tests.reference.record_adve

needs torch, torchvision, torchgan and monai; the tests read the file alone. torch computes what the papers' own codes
are made of: BCEWithLogitsLoss, MSELoss, relu, softplus and means.
"""

import json
from collections.abc import Iterator
from importlib.metadata import version
from math import log
from pathlib import Path
from typing import Any

import numpy as np

from tests.reference.record_more import ROWS, Case, Function, Roles, by_torch, case

FILE = Path(__file__).with_name("values_adve.json")
LIBRARIES = ("torch", "torchgan", "monai", "numpy")
BOTH = ("real", "fake")


def scores() -> Iterator[Roles]:
    """Of one place and of three, with weights and without."""
    rng = np.random.default_rng(81)
    for shape in ((ROWS,), (ROWS, 3)):
        real, fake = rng.normal(0, 2, (2, *shape))
        yield {"real": real + 0.5, "fake": fake - 0.5}
    yield {"real": rng.normal(0.5, 2, ROWS), "fake": rng.normal(-0.5, 2, ROWS), "weight": rng.uniform(0.1, 3, ROWS)}


def in_form(form: str, roles: Roles) -> Roles:
    """Scores taken for logits, as probabilities or their logarithms."""
    of = {"probs": lambda a: 1 / (1 + np.exp(-a)), "log_probs": lambda a: -np.log1p(np.exp(-a)), "logits": np.array}
    return {role: of[form](values) if role in BOTH else values for role, values in roles.items()}


def torch_losses() -> list[Case]:
    """What training loops are made of, with autograd's derivatives."""
    import torch
    import torch.nn.functional as f

    def bce(x: Any, label: float) -> Any:
        return f.binary_cross_entropy_with_logits(x, torch.full_like(x, label), reduction="none")

    def of_probs(x: Any, label: float) -> Any:  # BCELoss adds 1e-12 to what its second derivative divides by
        return -(x if label else 1 - x).log()

    def clamped(x: Any, label: float) -> Any:
        return of_probs(x.clamp(0.1, 0.9), label)

    def square(x: Any, label: float) -> Any:
        return f.mse_loss(x, torch.full_like(x, label), reduction="none")

    def average(r: Any, k: Any) -> Any:
        return bce(r - k.mean(), 1) + bce(k - r.mean(), 0)

    losses: list[tuple[str, str, str, Function]] = [
        ("gan:form=logits", "logits", "BCEWithLogitsLoss", lambda r, k: bce(r, 1) + bce(k, 0)),
        ("gan", "probs", "log", lambda r, k: of_probs(r, 1) + of_probs(k, 0)),
        ("gan:form=log_probs", "log_probs", "expm1, log", lambda r, k: -r - (-torch.expm1(k)).log()),
        ("gan:part=generator,form=logits", "logits", "BCEWithLogitsLoss", lambda r, k: bce(k, 1) + 0 * r),
        ("gan:part=generator", "probs", "log", lambda r, k: of_probs(k, 1) + 0 * r),
        (
            *("gan:part=generator,generator=minimax,form=logits", "logits", "-BCEWithLogitsLoss"),
            lambda r, k: 0 * r - bce(k, 0),
        ),
        ("gan:part=generator,generator=minimax", "probs", "log", lambda r, k: 0 * r - of_probs(k, 0)),
        ("gan:clip=0.1", "probs", "clamp, log", lambda r, k: clamped(r, 1) + clamped(k, 0)),
        ("lsgan", "logits", "MSELoss / 2", lambda r, k: (square(r, 1) + square(k, 0)) / 2),
        ("lsgan:part=generator", "logits", "MSELoss / 2", lambda r, k: square(k, 1) / 2 + 0 * r),
        ("hinge_gan", "logits", "relu", lambda r, k: f.relu(1 - r) + f.relu(1 + k)),
        ("hinge_gan:part=generator", "logits", "-", lambda r, k: 0 * r**2 - k + 0 * k**2),
        ("wgan", "logits", "-", lambda r, k: k - r + 0 * (r**2 + k**2)),
        ("wgan:part=generator", "logits", "-", lambda r, k: 0 * r**2 - k + 0 * k**2),
        ("relativistic_gan", "logits", "BCEWithLogitsLoss of r - f", lambda r, k: bce(r - k, 1)),
        ("relativistic_gan:part=generator", "logits", "softplus of r - f", lambda r, k: f.softplus(r - k)),
    ]
    found = [
        by_torch(spec, by, function, in_form(form, roles), BOTH)
        for spec, form, by, function in losses
        for roles in scores()
    ]
    means = [("", average), (":part=generator", lambda r, k: average(k, r))]
    return found + [
        by_torch(f"relativistic_average_gan{part}", "BCEWithLogitsLoss against means", function, roles, BOTH)
        for part, function in means
        for roles in scores()
        if "weight" not in roles
    ]


def torchgan_losses() -> list[Case]:
    """The two parts of torchgan's losses; what it calls minimax takes logits."""
    import torchgan.losses.functional as f

    ungraded = {"reduction": "none"}
    losses: list[tuple[str, str, Function]] = [
        ("gan:form=logits", "minimax_discriminator_loss", lambda r, k: f.minimax_discriminator_loss(r, k, **ungraded)),
        (
            *("gan:part=generator,form=logits", "minimax_generator_loss"),
            lambda r, k: f.minimax_generator_loss(k, **ungraded) + 0 * r,
        ),
        (
            *("gan:part=generator,generator=minimax,form=logits", "minimax_generator_loss(nonsaturating=False)"),
            lambda r, k: f.minimax_generator_loss(k, nonsaturating=False, **ungraded) + 0 * r,
        ),
        (
            "lsgan",
            "least_squares_discriminator_loss",
            lambda r, k: f.least_squares_discriminator_loss(r, k, **ungraded),
        ),
        (
            *("lsgan:part=generator", "least_squares_generator_loss"),
            lambda r, k: f.least_squares_generator_loss(k, **ungraded) + 0 * r,
        ),
        (
            *("wgan", "wasserstein_discriminator_loss"),
            lambda r, k: f.wasserstein_discriminator_loss(r, k, **ungraded) + 0 * (r**2 + k**2),
        ),
        (
            *("wgan:part=generator", "wasserstein_generator_loss"),
            lambda r, k: f.wasserstein_generator_loss(k, **ungraded) + 0 * (r**2 + k**2),
        ),
    ]
    given = list(scores())[-1]
    found = [by_torch(spec, by, function, given, BOTH) for spec, by, function in losses]
    return [{**one, "by": one["by"].replace("torch:", "torchgan:")} for one in found]


def monai_losses() -> list[Case]:
    """Sums of what MONAI gives for the real and for the generated samples, where no activation stands between."""
    import torch
    from monai.losses import PatchAdversarialLoss

    def of(roles: Roles, **options: Any) -> tuple[float, float, float]:
        loss = PatchAdversarialLoss(**options)
        real, fake = (torch.tensor(roles[role]) for role in BOTH)
        own = loss(real, True, True) + loss(fake, False, True)
        return float(own), float(loss(fake, True, False)), float(loss(fake, False, True))

    cases = []
    for roles in list(scores())[:2]:
        both, fooled, _ = of(roles, criterion="bce")
        by = 'monai: PatchAdversarialLoss(criterion="bce")'
        cases.append(case("gan:form=logits", f"{by}, both", roles, value=both))
        cases.append(case("gan:part=generator,form=logits", by, roles, value=fooled))
        both, fooled, _ = of(roles, no_activation_leastsq=True)
        by = "monai: half of PatchAdversarialLoss(no_activation_leastsq=True)"
        cases.append(case("lsgan", f"{by}, both", roles, value=both / 2))
        cases.append(case("lsgan:part=generator", by, roles, value=fooled / 2))
        both, _, _ = of(roles, criterion="hinge")
        behind = {role: np.tanh(values) for role, values in roles.items()}
        cases.append(
            case("hinge_gan", 'monai: PatchAdversarialLoss(criterion="hinge") before its tanh', behind, value=both)
        )
    roles = next(scores())
    differing = {
        "lsgan": ({}, 0, "whole squares, of scores behind a leaky ReLU"),
        "hinge_gan": ({"criterion": "hinge"}, 0, "the hinge is of scores behind a tanh"),
        "hinge_gan:part=generator": ({"criterion": "hinge"}, 1, "the generator's part is a hinge too, behind a tanh"),
        "lsgan:part=generator": ({"no_activation_leastsq": True}, 1, "the generator's square is a whole one"),
    }
    for spec, (options, which, why) in differing.items():
        cases.append(case(spec, "monai: PatchAdversarialLoss", roles, value=of(roles, **options)[which], why=why))
    return cases


def by_hand() -> list[Case]:
    """Values that need no computer: discriminators that know nothing."""

    def hand(loss: str, real: list[float], fake: list[float], value: float) -> Case:
        return {**case(loss, "by hand", {"real": real, "fake": fake}, value=value), "digits": 15}

    return [
        hand("gan", [0.5, 0.5], [0.5, 0.5], 2 * log(2)),
        hand("gan:part=generator", [0.5], [0.5], log(2)),
        hand("gan:part=generator,generator=minimax", [0.5], [0.5], -log(2)),
        hand("lsgan", [0.5], [0.5], 0.25),
        hand("hinge_gan", [0.0], [0.0], 2.0),
        hand("wgan", [3.0, 1.0], [0.5, 0.5], -1.5),
        hand("relativistic_gan", [3.0], [3.0], log(2)),
        hand("relativistic_average_gan", [3.0, 3.0], [3.0, 3.0], 2 * log(2)),
    ]


def main() -> None:
    """Record."""
    found = [*torch_losses(), *torchgan_losses(), *monai_losses(), *by_hand()]
    versions = {name: version(name) for name in LIBRARIES}
    lines = [f'"versions": {json.dumps(versions)}']
    for key, is_other in (("cases", False), ("differences", True)):
        inside = ",\n".join(json.dumps(c) for c in found if ("why" in c) == is_other)
        lines.append(f'"{key}": [\n{inside}\n]')
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
