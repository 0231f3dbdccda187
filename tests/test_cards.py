"""Cards of losses: what each has to say, what it must not, and the document that is made of them."""

import doctest
import json
import re
from collections.abc import Callable

import pytest

import losscli
from losscli.cards import SECTIONS, card_of
from losscli.registry import Definition
from losscli.render.curve import curve
from losscli.topics import TOPICS
from tests import docs
from tests.laws_support import every_loss
from tests.support import Ran

Run = Callable[..., Ran]
NEEDED = {"Use", "Not", "Assumes", "Good", "Beware", "Related", "Elsewhere", "Reference"}
SOURCE = re.compile(r"doi:10\.\d{4,9}/\S+|arXiv:\d{4}\.\d{4,5}|https://\S+|ISBN \d")
# What introductory texts print, and is wrong
MISTAKES = [
    r"minimis\w+ the entropy of the prediction",
    r"penali[sz]es? exponentially",
    r"global minimum is guaranteed",
    r"insensitive to outliers because of the mean",
]


@every_loss
def test_a_card_says_all_there_is_to_know(definition: Definition) -> None:
    card = card_of(definition)
    assert set(card.sections) <= set(SECTIONS.values())
    assert set(card.sections) >= NEEDED
    assert all(card.sections.values())
    assert card.text
    assert SOURCE.search(card.sections["Reference"]), "a DOI, or where there is none an address"
    assert definition.doc.split("\n")[1] == "", "the formula stands in the first line alone"


@every_loss
def test_a_card_says_where_the_slope_jumps(definition: Definition) -> None:
    """If it does so at some of its parameters."""
    variants = [losscli.get(spec) for spec in (definition.name, *definition.also)]
    jumps = not definition.underived and not all("differentiable" in loss.properties for loss in variants)
    assert ("Kinks" in card_of(definition).sections) == jumps


@every_loss
def test_a_card_has_an_example_that_runs(definition: Definition) -> None:
    """One call for this loss, and the value that it prints, with all its digits."""
    example = card_of(definition).example
    assert example
    assert re.fullmatch(rf'losscli\.evaluate\("{definition.name}(:[^"]+)?", [^"].*\)\.value', example.code)
    found = eval(example.code, {"losscli": losscli})
    assert repr(found) == example.value
    assert len(doctest.DocTestParser().get_examples(definition.doc)) == 1


@every_loss
def test_a_card_repeats_no_mistake(definition: Definition) -> None:
    for mistake in MISTAKES:
        assert not re.search(mistake, definition.doc, re.IGNORECASE)


@every_loss
def test_a_drawing_fits_its_frame(definition: Definition) -> None:
    """Of losses of one number, in ASCII where nothing else is shown; nothing where the terminal is too narrow."""
    loss = losscli.get(definition.name)
    for columns in (40, 80, 200):
        lines = curve(loss, columns, is_ascii=True).splitlines()
        assert all(len(line) <= columns for line in lines)
        assert not lines or "".join(lines).isascii()
    assert curve(loss, 20) == ""


def test_a_drawing_of_squares() -> None:
    drawn = curve(losscli.get("mse"), 80)
    assert drawn.startswith("loss ● and slope · of pred, for target 0\n")
    assert drawn.splitlines()[1].startswith("        9 ●")
    assert losscli.names()
    assert all(curve(losscli.get(name), 80) == "" for name in ("cross_entropy", "wis", "quantile:q=0.1/0.9"))
    assert curve(losscli.get("multilabel_margin"), 80) == ""  # one label makes no pair
    for name in ("mape", "smape"):
        assert curve(losscli.get(name), 80).startswith("loss ● and slope · of pred, for target 1\n")


@pytest.mark.parametrize("name", TOPICS)
def test_topics(name: str, run_here: Run) -> None:
    for spelling in (name, name.capitalize()):
        ran = run_here("explain", spelling)
        assert (ran.code, ran.stderr) == (0, "")
        assert ran.stdout == f"{name}\n\n{TOPICS[name]}"
    assert json.loads(run_here("explain", name, "--format", "json").stdout)["text"] == TOPICS[name]
    assert run_here("explain", name, "--format", "markdown").stdout.startswith(f"## {name.capitalize()}\n")


@every_loss
def test_pages_in_other_formats(definition: Definition, run_here: Run) -> None:
    found = json.loads(run_here("explain", definition.name, "--format", "json").stdout)
    assert (found["schema"], found["name"]) == (1, definition.name)
    assert found["sections"]["reference"] == card_of(definition).sections["Reference"]
    shown = run_here("explain", definition.name, "--format", "markdown").stdout
    assert shown.startswith(f"### {definition.name}\n")
    assert shown in docs.text()


def test_the_document_is_made_of_the_registry() -> None:
    """After a change: python -m tests.docs"""
    assert docs.FILE.read_text("utf8") == docs.text()
