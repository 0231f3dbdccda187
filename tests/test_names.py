"""The names of losses in other libraries: each is a loss here, or is refused with what to say instead."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import losscli
from losscli.errors import UsageError
from losscli.kinds import RESIDUAL
from losscli.losses.names import REFUSED, refusal
from losscli.registry import Yields, definition, definitions, get, loss, registering
from tests.reference.recorded import array
from tests.support import run
from tests.test_imports import modules_of

RECORDED = json.loads(Path(__file__).parent.joinpath("reference", "names.json").read_text("utf8"))
DATA = {what: {role: array(one) for role, one in roles.items()} for what, roles in RECORDED["data"].items()}
# Of these nothing here comes near: what is said of them names no loss.
NOTHING = {"survival"}
# Names of two libraries that are a loss here, but not with its defaults in this one.
OTHERWISE = {"keras.losses mean_absolute_percentage_error", "optax.losses kl_divergence"}


@pytest.mark.parametrize("library", RECORDED["names"])
def test_every_name_is_answered(library: str) -> None:
    """A name of another library is a loss, whose parameters are at their defaults but for `form`, or is refused."""
    assert RECORDED["names"][library]
    for name in RECORDED["names"][library]:
        if refusal(name):
            with pytest.raises(UsageError) as caught:
                get(name)
            assert str(caught.value) == refusal(name)
        else:
            found = get(name)
            changed = {key for key, one in found.definition.params.items() if found.params[key] != one.default}
            assert changed <= {"form"}, name


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_says_what_to_do(name: str) -> None:
    """One line that begins with the name, in which what is quoted runs."""
    spelling = name.upper()
    with pytest.raises(UsageError) as caught:
        get(spelling)
    said = str(caught.value)
    assert said.startswith(f"{spelling} ")
    assert "\n" not in said
    assert len(said) <= 160
    quoted = re.findall(r"'([a-z][^' ]*)'", said)
    assert bool(quoted) == (name not in NOTHING)
    assert "say '" in said or name in NOTHING
    assert all(get(spec).name for spec in quoted)


def test_a_refused_name_is_no_loss() -> None:
    spellings = {s.lower() for d in definitions().values() for s in (d.name, *d.aliases)}
    assert not spellings & REFUSED.keys()
    assert all(name == name.lower().strip() for name in REFUSED)


def test_a_plugin_may_take_a_refused_name() -> None:
    """Whoever installs it says what the name means."""

    def own_error(pred: Any, target: Any) -> Yields:
        yield abs(pred - target)

    with registering("test") as undo:
        loss(RESIDUAL, task="regression", aliases=("crps",))(own_error)
        assert get("crps").name == get("CRPS").name == "own_error"
        undo()
    with pytest.raises(UsageError, match="'crps_normal'"):
        get("crps")


def test_an_alias_binds_a_form_alone() -> None:
    bound = {binding for d in definitions().values() for binding in d.aliases.values()}
    assert all(re.fullmatch("(form=[a-z_]+)?", binding) for binding in bound)
    assert "form=logits" in bound


@pytest.mark.parametrize("case", RECORDED["values"], ids=lambda case: f"{case['by']} {case['name']}")
def test_a_name_means_what_it_means_elsewhere(case: dict[str, Any]) -> None:
    """The mean that the library gave for that name, or for a refused one what is said of it.

    Within what they add to logarithms and to distances, 1e-6 at most.
    """
    otherwise = f"{case['by']} {case['name']}" in OTHERWISE
    assert (otherwise or refusal(case["name"]) is not None) == ("spec" in case)
    found = losscli.evaluate(case.get("spec", case["name"]), **DATA[case["data"]]).value
    assert found * case.get("factor", 1) + case.get("constant", 0) == pytest.approx(case["value"], rel=1e-6)


# Texts


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("reg:squarederror", "reg:squarederror is half .* 'half_mse'"),
        ("REG:squarederror", "REG:squarederror is half .* 'half_mse'"),
        (" reg:squaredlogerror ", "reg:squaredlogerror is half .* 'msle'"),
        ("reg:nothing", "reg begins XGBoost's names"),
        ("rank:ndcg", "rank defines gradients"),
        ("binary:hinge", "binary:hinge .* 'hinge'"),
        ("tweedie-nloglik@1.3", "tweedie-nloglik leaves out"),
        ("Poisson:form=rate", "Poisson is of rates"),
    ],
)
def test_a_colon_is_no_parameter(spec: str, said: str) -> None:
    for asked in (get, definition):
        with pytest.raises(UsageError, match=said):
            asked(spec)


@pytest.mark.parametrize("command", [("eval", "p.csv", "t.csv", "--loss"), ("explain",)])
def test_the_command_line_says_it_too(command: tuple[str, ...], tmp_path: Path) -> None:
    done = run(*command, "reg:squarederror", cwd=tmp_path)
    assert done.code == 2
    assert done.stderr == (
        "losscli: error: reg:squarederror is half the squared error as an objective: "
        "say 'half_mse', or 'mse' without the half\n"
    )


def test_only_what_is_no_loss_is_looked_up(tmp_path: Path) -> None:
    """A canonical name or an alias imports no table of names."""
    for spec, imported in (("mse", False), ("l2", False), ("log_loss", True)):
        assert ("losscli.losses.names" in modules_of(tmp_path, ["explain", spec])) == imported
