"""What is special about adversarial losses: two parts, samples that are not paired, and one loss of the whole batch."""

from collections.abc import Callable
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import losscli
from losscli.errors import InputError, UsageError
from losscli.registry import get
from tests.laws_support import all_same_bits, computed
from tests.reference.accuracy import ulps
from tests.reference.definitions_adve import DEFINITIONS
from tests.reference.exact import exactly
from tests.reference.recorded import CASES, derivative_of, number, roles_of
from tests.support import Ran, put

Run = Callable[..., Ran]
AVERAGE = "relativistic_average_gan"
PARTS = ("discriminator", "generator")
ONE_SIDED = ("gan", "lsgan", "hinge_gan", "wgan")
RNG = np.random.default_rng(82)
STEP = mpf(10) ** -30

every_part = pytest.mark.parametrize("part", PARTS)

# A worked example: what a discriminator says of four real and of four generated samples, and each loss of it, written
# out: sums over the real ones, then over the generated ones, where no logarithm is in the way.
SCORES = "real,fake\n2,-1\n0.5,0\n-1,0.5\n3,-2\n"
REAL, FAKE = np.array([2, 0.5, -1, 3]), np.array([-1, 0, 0.5, -2])
WORKED = {
    "gan:form=logits": np.log((1 + np.exp(-REAL)) * (1 + np.exp(FAKE))).mean(),
    "gan:part=generator,form=logits": np.log(1 + np.exp(-FAKE)).mean(),
    "gan:part=generator,generator=minimax,form=logits": -np.log(1 + np.exp(FAKE)).mean(),
    "lsgan": (1 + 0.25 + 4 + 4 + 1 + 0 + 0.25 + 4) / 8,
    "lsgan:part=generator": (4 + 1 + 0.25 + 9) / 8,
    "hinge_gan": (0 + 0.5 + 2 + 0 + 0 + 1 + 1.5 + 0) / 4,
    "hinge_gan:part=generator": 2.5 / 4,
    "wgan": (-2.5 - 4.5) / 4,
    "wgan:part=generator": 2.5 / 4,
    "relativistic_gan": np.log(1 + np.exp(FAKE - REAL)).mean(),
    "relativistic_gan:part=generator": np.log(1 + np.exp(REAL - FAKE)).mean(),
    AVERAGE: np.log((1 + np.exp(-0.625 - REAL)) * (1 + np.exp(FAKE - 1.125))).mean(),
    f"{AVERAGE}:part=generator": np.log((1 + np.exp(0.625 + REAL)) * (1 + np.exp(1.125 - FAKE))).mean(),
}


def test_all_of_one_file(here: Path, run_here: Run) -> None:
    """Every loss and part of one table whose columns are called real and fake."""
    put(here, {"scores.csv": SCORES})
    losses = [word for spec in WORKED for word in ("-l", spec)]
    ran = run_here("eval", *losses, "scores.csv", "--format", "value")
    assert (ran.code, ran.stderr) == (0, "")
    np.testing.assert_allclose([*map(float, ran.stdout.split())], [*WORKED.values()], rtol=1e-15)


def test_gradients_of_both_roles(here: Path, run_here: Run) -> None:
    """A member of the archive a role; the generator's part does not move with real."""
    put(here, {"r.npy": REAL, "f.npy": FAKE})
    wanted = {
        "hinge_gan": ([0, -0.25, -0.25, 0], [0, 0.25, 0.25, 0]),
        "hinge_gan:part=generator": ([0, 0, 0, 0], [-0.25] * 4),
    }
    for spec, sides in wanted.items():
        assert run_here("eval", "-l", spec, "r.npy", "f.npy", "--grad-out", "g.npz").code == 0
        with np.load(here / "g.npz") as found:
            assert set(found) == {"real", "fake"}
            assert (found["real"].tolist(), found["fake"].tolist()) == sides


@pytest.mark.parametrize("name", ONE_SIDED)
def test_the_mean_is_that_of_either_side(name: str) -> None:
    """In whatever order the samples of a side stand: they are not paired."""
    loss = get(name, **({"form": "logits"} if name == "gan" else {}))
    one, other = (losscli.evaluate(loss, real=REAL, fake=fake).value for fake in (FAKE, FAKE[::-1]))
    assert one == pytest.approx(other, rel=1e-15)


@pytest.mark.parametrize("name", ["relativistic_gan", AVERAGE])
def test_a_relativistic_generator_is_a_discriminator_with_its_sides_swapped(name: str) -> None:
    """With its derivatives; and a shift of all scores changes nothing."""
    real, fake = RNG.normal(size=(2, 9, 3))
    ours, theirs = computed(get(name, part="generator"), real, fake), computed(get(name), fake, real)
    assert all_same_bits(ours, [theirs[0], theirs[2], theirs[1], theirs[4], theirs[3]])
    np.testing.assert_allclose(get(name).value(real + 8, fake + 8), get(name).value(real, fake), rtol=1e-13)


# The loss of the whole


def _exact(part: str, real: Any, fake: Any, weight: Any) -> Any:
    with mp.workdps(700):
        return sum(
            DEFINITIONS[AVERAGE].terms(*(exactly(np.asarray(a).tolist()) for a in (real, fake, weight)), part=part)
        )


@every_part
@pytest.mark.parametrize("shape", [(1,), (4,), (3, 2)])
@pytest.mark.parametrize("size", [1e-3, 1.0, 300.0])
def test_averages_are_those_of_the_definition(part: str, shape: tuple[int, ...], size: float) -> None:
    """Value and derivatives, with weights; also where scores are so far apart that exp leaves little of them."""
    real, fake = RNG.normal(size=(2, *shape)) * size
    for weight in (np.ones(shape[0]), RNG.uniform(0.1, 5, shape[0]), RNG.uniform(0.1, 5, shape[0]) * 1e300):
        found = get(AVERAGE, part=part).yielded([real[None], fake[None], weight[None]], 2)
        assert ulps(found[0][0], _exact(part, real, fake, weight)) <= 4
    for role in range(2):  # of the last
        _assert_derivatives(part, [real, fake, weight], role, *(order[role][0] for order in found[1:]))


def _assert_derivatives(part: str, arrays: list[Any], role: int, gradient: Any, curvature: Any) -> None:
    with mp.workdps(700):
        given = [exactly(a.tolist()) for a in arrays]
        for place in np.ndindex(arrays[role].shape):
            low, middle, high = (_moved(part, given, role, place, step) for step in (-STEP, 0, STEP))
            assert ulps(gradient[place], (high - low) / (2 * STEP)) <= 16
            assert ulps(curvature[place], (high - 2 * middle + low) / STEP**2) <= 32


def _moved(part: str, given: list[Any], role: int, place: tuple[int, ...], step: Any) -> Any:
    moved = [[list(row) if isinstance(row, list) else row for row in rows] for rows in given]
    rows = moved[role]
    if len(place) > 1:
        rows[place[0]][place[1]] += step
    else:
        rows[place[0]] += step
    return sum(DEFINITIONS[AVERAGE].terms(*moved, part=part))


@every_part
def test_a_weight_is_a_repeated_row(part: str) -> None:
    """To the last bit of the value, and in any order of the rows."""
    real, fake = RNG.normal(size=(2, 20)) * 3
    times = RNG.integers(1, 5, 20)
    loss = get(AVERAGE, part=part)
    value = loss.yielded([real[None], fake[None], times[None].astype(float)], 0)[0][0]
    assert value == loss.value(np.repeat(real, times), np.repeat(fake, times))[0]
    order = RNG.permutation(20)
    assert value == loss.yielded([real[order][None], fake[order][None], times[order][None].astype(float)], 0)[0][0]


def test_averages_at_the_ends_of_the_range() -> None:
    """No overflow between scores and the value, and no value that is 0 or infinite where it is not."""
    loss = get(AVERAGE)
    assert loss.value([3e307, 3e307], [9e307, 3e307])[0] == pytest.approx(6e307, rel=1e-15)
    assert loss.value([700.0], [0.0])[0] == pytest.approx(2 * np.exp(-700), rel=1e-15)
    assert loss.value([1.7e308], [-1.7e308])[0] == 0
    assert loss.value([-1.7e308], [1.7e308])[0] == np.inf
    assert loss.value([1e-320], [-1e-320])[0] == 2 * log(2)


RECORDED = [case for case in CASES if case["loss"].startswith(AVERAGE)]


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: f"{case['loss']} {case['by']}")
def test_recorded_averages(case: dict[str, Any]) -> None:
    """What torch gave for the batch, with autograd's derivatives through the means."""
    loss, arrays = get(case["loss"]), list(roles_of(case).values())
    assert loss.value(*arrays)[0] == pytest.approx(number(case), rel=1e-13)
    for key, found in (("gradient", loss.gradient), ("hessian", loss.hessian)):
        for role, wanted in derivative_of(case, key).items() if key in case else ():
            np.testing.assert_allclose(found(*arrays)[role], wanted, rtol=1e-12, atol=1e-15)


# What is refused


def test_what_is_said_of_other_numbers_of_samples(here: Path, run_here: Run) -> None:
    """Of files and of arrays alike: what to do about it."""
    put(here, {"r.npy": REAL, "few.csv": "score\n1\n"})
    ran = run_here("eval", "-l", "lsgan", "r.npy", "few.csv")
    assert ran.code == 3
    assert "r.npy has 4 rows, few.csv has 1 row" in ran.stderr
    assert "take as many of each, or add what 'losscli explain LOSS' names under Related" in ran.stderr
    for call in (lambda: losscli.evaluate("lsgan", real=REAL, fake=[1]), lambda: get("lsgan").value(REAL, [1.0])):
        with pytest.raises(
            InputError, match=r"row counts differ: real has 4 rows, fake has 1.*take as many of each, or"
        ):
            call()
    with pytest.raises(InputError, match=r"take as many of each$"):
        losscli.evaluate("relativistic_gan", real=REAL, fake=[1])


def test_a_generator_needs_no_real_samples(here: Path, run_here: Run) -> None:
    """The message says so, and what it says is done."""
    put(here, {"f.npy": FAKE})
    ran = run_here("eval", "-l", "wgan", "--part", "generator", "f.npy")
    assert ran.code == 2
    assert ran.stderr.endswith("with part=generator real does not count: give fake twice\n")
    ran = run_here("eval", "-l", "wgan", "--part", "generator", "f.npy", "f.npy", "--format", "value")
    assert (ran.code, ran.stdout) == (0, "0.625\n")
    with pytest.raises(UsageError, match="wgan needs real; with part=generator"):
        losscli.evaluate("wgan:part=generator", fake=FAKE)
    assert "twice" not in run_here("eval", "-l", "relativistic_gan", "f.npy").stderr


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("gan:generator=minimax", "generator=minimax is for part=generator, not for part=discriminator"),
        ("gan:form=logits,clip=0.1", "clip is for form=probs"),
        ("wgan:part=critic", "part is one of discriminator, generator"),
        ("lsgan:form=logits", "lsgan has no parameter 'form'"),
    ],
)
def test_parameters_that_do_not_go_together(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        get(spec)


def test_logits_are_no_probabilities() -> None:
    with pytest.raises(InputError, match=r"2.0 is outside \[0, 1\]; if these are logits, say --form logits"):
        losscli.evaluate("gan", real=REAL, fake=FAKE)


def test_a_discriminator_that_is_sure_and_wrong(here: Path, run_here: Run) -> None:
    """An infinite loss is said to be one, and a bound for it."""
    put(here, {"p.csv": "real,fake\n0.5,0.25\n0.5,1\n"})
    ran = run_here("eval", "-l", "gan", "p.csv")
    assert ran.code == 4
    assert "the first in data row 1" in ran.stderr
    assert "--clip" in ran.stderr
    assert run_here("eval", "-l", "gan", "p.csv", "--clip", "1e-15").code == 0


@pytest.mark.parametrize("form", ["logits", "probs", "log_probs"])
@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 3), (4, 2, 2)], ids=str)
def test_samples_of_two_players_are_no_classes(form: str, shape: tuple[int, ...]) -> None:
    """What is said of a generated sample is no target of what is said of a real one."""
    real, fake = {"logits": (1.0, 2.0), "probs": (0.5, 0.25), "log_probs": (-1.0, -2.0)}[form]
    given: Any = {"real": np.full(shape, real), "fake": np.full(shape, fake)}
    listed, of_lsgan = (
        losscli.evaluate(loss, **given, per_sample=True).results[0].samples for loss in (f"gan:form={form}", "lsgan")
    )
    assert listed is not None
    assert of_lsgan is not None
    assert list(listed) == list(of_lsgan)
    assert list(listed) == ["row", "loss", "share", *(["real", "fake"] if shape in ((4,), (4, 1)) else [])]


def test_two_players_have_no_probabilities_to_write(run: Run, here: Path) -> None:
    put(here, {"both.csv": SCORES})
    for loss in ("gan:form=logits", "lsgan"):
        ran = run("eval", "-l", loss, "both.csv", "--probs-out", "p.csv")
        assert ran == Ran("", f"losscli: error: {loss} has no probabilities for --probs-out\n", 2)
    assert not (here / "p.csv").exists()
