"""Which columns play which role, by name or by what was asked, and what is said where that is not plain."""

from collections.abc import Callable
from pathlib import Path

import pytest

from losscli.registry import definitions
from tests.support import Ran, put

Run = Callable[..., Ran]
CONTRASTIVE = ("eval", "-l", "contrastive", "--margin", "8", "--format", "value")


@pytest.mark.parametrize("names", ["x0,x1", "x_0,x_1", "X0,X1", "e0,e1", "E1,E2", "emb_0,emb_1", "left_0,left_1"])
def test_names_that_begin_with_a_letter_are_a_header(names: str, here: Path, run_here: Run) -> None:
    put(here, {"l.csv": f"{names}\n0,0\n", "r.csv": f"{names}\n3,4\n", "y.csv": "label\n1\n"})
    ran = run_here(*CONTRASTIVE, "l.csv", "r.csv", "y.csv", "-q")
    assert ran == Ran("4.5\n", "", 0)


def test_a_single_column_named_like_an_exponent(here: Path, run_here: Run) -> None:
    put(here, {"p.csv": "e1\n3\n", "t.csv": "x0\n1\n"})
    assert run_here("eval", "-l", "mse", "p.csv", "t.csv", "--format", "value") == Ran("4.0\n", "", 0)


def test_a_role_is_found_by_its_own_name(here: Path, run_here: Run) -> None:
    header = "left_0,left_1,right_0,right_1,label,w"
    put(here, {"x.csv": f"{header}\n0,0,3,4,1,2\n"})
    assert run_here(*CONTRASTIVE, "x.csv", "--weight-col", "w") == Ran("4.5\n", "", 0)
    put(here, {"x.csv": "y_pred,y,variance\n1,2,1\n"})
    assert run_here("eval", "-l", "gaussian_nll", "x.csv", "--format", "value") == Ran("0.5\n", "", 0)


ASKED = {
    "a file too few": (("contrastive", "l.csv", "r.csv"), "--col left=NAME", "; or give a file of label"),
    "two files too few": (("triplet", "l.csv"), "--col anchor=NAME", "; or give a file of positive, negative"),
    "a column that is not there": (
        ("gaussian_nll", "l.csv", "t.csv", "--pred-col", "a"),
        "--col variance=NAME",
        "a file of variance",
    ),
    "the target": (("mse", "p.csv"), "p.csv: has one column; pred needs one of its own", "give a file of target"),
}


@pytest.mark.parametrize("name", ASKED)
def test_what_is_missing_is_named(name: str, here: Path, run_here: Run) -> None:
    (loss, *files), *words = ASKED[name]
    put(here, dict.fromkeys(("l.csv", "r.csv"), "a,b\n1,2\n") | {"p.csv": "1\n2\n", "t.csv": "1\n3\n"})
    ran = run_here("eval", "-l", loss, *files)
    assert (ran.stdout, ran.code, len(ran.stderr.splitlines())) == ("", 2, 1)
    assert all(word in ran.stderr for word in words)


@pytest.mark.parametrize("name", definitions())
def test_the_files_of_an_example_are_taken(name: str, here: Path, run_here: Run) -> None:
    """The command of `explain` fails for want of the files, not for want of sense."""
    example = run_here("explain", name).stdout.rpartition("Command: losscli ")[2].split()
    ran = run_here(*example)
    assert (ran.stdout, ran.code) == ("", 3)
    assert "cannot be opened" in ran.stderr


ORDERS = {
    "of an (n, d) loss": (("mse", "--pred-col", "*", "--target-col", "*"), "a,b", "b,a"),
    "behind a stem": (("mse", "--pred-col", "pred_*", "--target-col", "y_*"), "pred_a,pred_b", "y_b,y_a"),
    "of embeddings": (("contrastive", "y.csv"), "x0,x1", "x1,x0"),
}


@pytest.mark.parametrize("name", ORDERS)
def test_columns_of_one_set_of_names_have_one_order(name: str, here: Path, run_here: Run) -> None:
    (loss, *more), first, second = ORDERS[name]
    put(here, {"p.csv": f"{first}\n1,10\n", "t.csv": f"{second}\n10,1\n", "y.csv": "label\n1\n"})
    ran = run_here("eval", "-l", loss, "p.csv", "t.csv", *more, "-q")
    assert (ran.stdout, ran.code) == ("", 3)
    assert f"columns {second.replace(',', ', ')} stand in another order than {first.replace(',', ', ')}" in ran.stderr
    put(here, {"t.csv": f"{first.replace('pred', 'y')}\n10,1\n"})
    assert run_here("eval", "-l", loss, "p.csv", "t.csv", *more, "-q").code == 0


def test_a_column_that_is_no_class_is_told_of(here: Path, run_here: Run) -> None:
    put(here, {"z.csv": "id,1,2,other\n0,1,0,5\n1,0,1,5\n", "y.csv": "id,y\n0,1\n1,2\n"})
    ran = run_here("eval", "-l", "cross_entropy", "--form", "logits", "z.csv", "y.csv")
    assert ran.stderr == "losscli: note: z.csv: columns 1, 2 are taken for the classes, not other\n"


@pytest.mark.parametrize("name", ["2024", "10", "0.5"])
def test_an_index_without_a_name_asks_about_the_header(name: str, here: Path, run_here: Run) -> None:
    put(here, dict.fromkeys(("p.csv", "t.csv"), f",{name}\n0,1.5\n1,2.5\n"))
    ran = run_here("eval", "-l", "mse", "p.csv", "t.csv", "--pred-col", "1", "--target-col", "1")
    assert (ran.stdout, ran.code) == ("", 3)
    assert "is this row a header or numbers? say --header or --no-header" in ran.stderr
