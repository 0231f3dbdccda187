"""`losscli inspect`: what columns look like, whether rows belong together, and commands that work as printed."""

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from losscli.inspection import inspect
from losscli.inspection.findings import MOST
from tests.support import ROOT, Ran, environment, put, run_any

Run = Callable[..., Ran]
S = "sample_data"


class Case(NamedTuple):
    """Files to be made, the arguments of `inspect`, and the commands it prints, without `losscli eval --loss`."""

    args: str
    commands: list[str]
    files: Mapping[str, Any] = {}


PROBS = "p_a,p_b,p_c\n0.5,0.25,0.25\n0.25,0.5,0.25\n0.125,0.125,0.75\n"
MATRIX = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.125, 0.125, 0.75]])
LOGITS = np.array([[1.5, -2.0, 3.0], [0.5, 1.0, -1.0], [2.0, 0.0, 0.25]])
REGRESSION = "y_pred\n1.5\n-2.5\n3.25\n"

CASES = {
    "regression": Case(
        f"{S}/diabetes_preds.csv {S}/diabetes_targets.csv",
        [
            f"mse {S}/diabetes_preds.csv {S}/diabetes_targets.csv",
            f"mse {S}/diabetes_preds.csv {S}/diabetes_targets.csv --weight-col weight",
            f"mse {S}/diabetes_preds.csv {S}/diabetes_targets.csv --by age_group",
        ],
    ),
    "formats mixed": Case(
        f"{S}/diabetes_preds.csv {S}/diabetes_targets.npy",
        [f"mse {S}/diabetes_preds.csv {S}/diabetes_targets.npy"],
    ),
    "one file": Case(
        f"{S}/diabetes.parquet",
        [
            f"mse {S}/diabetes.parquet",
            f"mse {S}/diabetes.parquet --weight-col weight",
            f"mse {S}/diabetes.parquet --by age_group",
        ],
    ),
    "the same file twice": Case(
        f"{S}/diabetes.parquet {S}/diabetes.parquet",
        [
            f"mse {S}/diabetes.parquet {S}/diabetes.parquet",
            f"mse {S}/diabetes.parquet {S}/diabetes.parquet --weight-col pred:weight",
            f"mse {S}/diabetes.parquet {S}/diabetes.parquet --by pred:age_group",
        ],
    ),
    "probabilities of class 1": Case(
        f"{S}/cancer_probs.csv {S}/cancer_targets.csv",
        [f"{loss} {S}/cancer_probs.csv {S}/cancer_targets.csv" for loss in ("bce", "brier", "dice")],
    ),
    "logits of class 1": Case(
        f"{S}/cancer_logits.csv {S}/cancer_targets.csv",
        [
            f"bce --form logits {S}/cancer_logits.csv {S}/cancer_targets.csv",
            f"hinge {S}/cancer_logits.csv {S}/cancer_targets.csv --labels 01",
        ],
    ),
    "two predictions in a file": Case(
        f"{S}/cancer.parquet",
        [
            *(f"{loss} {S}/cancer.parquet --pred-col prob" for loss in ("bce", "brier", "dice")),
            f"bce --form logits {S}/cancer.parquet --pred-col logit",
            f"hinge {S}/cancer.parquet --pred-col logit --labels 01",
        ],
    ),
    "a column a class": Case(
        f"{S}/digits_probs.csv {S}/digits_targets.csv",
        [f"{loss} {S}/digits_probs.csv {S}/digits_targets.csv" for loss in ("cross_entropy", "brier")],
    ),
    "a matrix of logits": Case(
        f"{S}/digits_logits.npy {S}/digits_targets.npy",
        [f"cross_entropy --form logits {S}/digits_logits.npy {S}/digits_targets.npy"],
    ),
    "lists": Case(
        f"{S}/digits.parquet",
        [
            f"cross_entropy {S}/digits.parquet --pred-col prob",
            f"brier {S}/digits.parquet --pred-col prob",
            f"cross_entropy --form logits {S}/digits.parquet --pred-col logit",
        ],
    ),
    "messy exports": Case(
        f"{S}/wine_preds.csv {S}/wine_targets.csv",
        [
            f"{loss} {S}/wine_preds.csv {S}/wine_targets.csv --target-col cultivar --missing drop "
            f"--id wine_id --ids intersect{more}"
            for loss, more in (("cross_entropy", ""), ("brier", ""), ("cross_entropy", " --by colour"))
        ],
    ),
    "distributions": Case(
        f"{S}/digits_probs.npy {S}/digits_probs.csv",
        [f"{loss} {S}/digits_probs.npy {S}/digits_probs.csv" for loss in ("cross_entropy", "brier")],
    ),
    "targets first": Case(
        f"{S}/digits_targets.csv {S}/digits_probs.csv",
        [f"{loss} {S}/digits_probs.csv {S}/digits_targets.csv" for loss in ("cross_entropy", "brier")],
    ),
    "names of classes, a matrix without": Case(
        "p.npy t.csv",
        [f"{loss} p.npy t.csv --classes a,b,c" for loss in ("cross_entropy", "brier")],
        {"p.npy": MATRIX, "t.csv": "y\nc\na\nb\n"},
    ),
    "labels from 1": Case(
        "p.csv t.csv",
        [f"{loss} p.csv t.csv --label-base 1" for loss in ("cross_entropy", "brier")],
        {"p.csv": PROBS, "t.csv": "y\n1\n2\n3\n"},
    ),
    "labels from 0 or from 1": Case(
        "p.csv t.csv",
        [
            *("cross_entropy p.csv t.csv", "brier p.csv t.csv"),
            *("cross_entropy p.csv t.csv --label-base 1", "brier p.csv t.csv --label-base 1"),
        ],
        {"p.csv": PROBS, "t.csv": "y\n1\n2\n1\n"},
    ),
    "labels to ignore": Case(
        "z.npy t.npy",
        ["cross_entropy --form logits z.npy t.npy --ignore-index=-100"],
        {"z.npy": LOGITS, "t.npy": np.array([0, -100, 2])},
    ),
    "log-probabilities": Case(
        "p.npy t.npy",
        ["cross_entropy --form log_probs p.npy t.npy", "nll p.npy t.npy"],
        {"p.npy": np.log(MATRIX), "t.npy": np.array([0, 1, 2])},
    ),
    "log-probabilities or logits": Case(
        "p.csv t.csv",
        [
            "bce --form logits p.csv t.csv",
            "bce --form log_probs p.csv t.csv",
            "hinge p.csv t.csv --labels 01",
            "mse p.csv t.csv",
        ],
        {"p.csv": "y_pred\n-0.5\n-2.5\n-0.25\n", "t.csv": "y\n1\n0\n1\n"},
    ),
    "several labels a row": Case(
        "p.npy t.npy",
        ["bce p.npy t.npy"],
        {"p.npy": np.array([[0.5, 0.75], [0.25, 0.5]]), "t.npy": np.array([[1, 1], [0, 1]])},
    ),
    "signed targets": Case("p.csv t.csv", ["hinge p.csv t.csv"], {"p.csv": REGRESSION, "t.csv": "y\n1\n-1\n1\n"}),
    "missing values": Case(
        "p.csv t.csv", ["mse p.csv t.csv --missing drop"], {"p.csv": REGRESSION, "t.csv": "y\n1.5\nNA\n3\n"}
    ),
    "infinite values": Case(
        "p.npy t.npy", ["mse p.npy t.npy --allow-inf"], {"p.npy": [1.5, np.inf, 2.0], "t.npy": [1.0, 2.5, 2.0]}
    ),
    "another order": Case(
        "p.csv t.csv",
        ["mse p.csv t.csv --id id"],
        {"p.csv": "id,y_pred\n1,1.5\n2,2.5\n", "t.csv": "id,y\n2,2\n1,1.25\n"},
    ),
    "another order of a column that may be a key": Case(
        "p.csv t.csv",
        ["mse p.csv t.csv", "mse p.csv t.csv --id recording"],
        {"p.csv": "recording,y_pred\na.png,1.5\nb.png,2.5\n", "t.csv": "recording,y\nb.png,2\na.png,1.25\n"},
    ),
    "names that no option takes as they are": Case(
        "./-p.csv 'my targets.csv'",
        ["mse ./-p.csv 'my targets.csv' '--pred-col=-a b' --target-col \"it's\""],
        {"-p.csv": "-a b,id\n1.5,1\n2.5,2\n", "my targets.csv": "it's,id\n1,1\n3.5,2\n"},
    ),
    "a key without a name": Case(
        "p.csv t.csv",
        ["mse p.csv t.csv --id 0"],
        {"p.csv": ",y_pred\n5,1.5\n7,2.5\n", "t.csv": ",y\n7,2\n5,1.25\n"},
    ),
    "members of an archive": Case(
        "run.npz", ["mse run.npz:y_pred run.npz:y_true"], {"run.npz": {"y_pred": [1.5, 2.5], "y_true": [1.0, 2.0]}}
    ),
    "members without usual names": Case(
        "run.npz", ["mse run.npz:a run.npz:b", "mse run.npz:b run.npz:a"], {"run.npz": {"a": [1.5, 2.5], "b": [1.0, 2]}}
    ),
    "a member": Case(
        "run.npz:a t.npy", ["mse run.npz:a t.npy"], {"run.npz": {"a": [1.5, 2.5], "b": [1.0]}, "t.npy": [1.0, 2.0]}
    ),
    "a folder of parts": Case(
        "p t.npy",
        ["mse p t.npy"],
        {"p/1.csv": "y_pred\n1.5\n", "p/2.csv": "y_pred\n2.5\n", "t.npy": [1.25, 7.5]},
    ),
    "variances": Case(
        "p.csv t.csv",
        ["mse p.csv t.csv", "gaussian_nll p.csv t.csv --col variance=var"],
        {"p.csv": "y_pred,var\n1.5,0.5\n2.5,0.25\n", "t.csv": "y\n1.25\n7.5\n"},
    ),
    "triplets": Case(
        "a.npy b.npy c.npy", ["triplet a.npy b.npy c.npy"], dict.fromkeys(("a.npy", "b.npy", "c.npy"), LOGITS)
    ),
    "pairs": Case(
        "a.npy b.npy c.npy", ["contrastive a.npy b.npy c.npy"], {"a.npy": LOGITS, "b.npy": LOGITS, "c.npy": [1, 0, 1]}
    ),
    "pairs in a file": Case(
        "a.csv",
        ["contrastive a.csv"],
        {"a.csv": "left_0,left_1,right_0,right_1,label\n1.5,2,3,4.5,0\n2,3,4,5.5,1\n"},
    ),
    "columns of one name": Case(
        "p.csv t.csv",
        ["mse p.csv t.csv --pred-col price --target-col price"],
        {
            "p.csv": "id,price\n1,1.5\n2,7.5\n",
            "t.csv": "id,price,size\n1,1,3\n2,7,4\n",
        },
    ),
    "without headers": Case("p.csv t.csv", ["mse p.csv t.csv"], {"p.csv": "1.5\n2.5\n", "t.csv": "1\n4.5\n"}),
    "a header that looks like numbers": Case(
        "--header p.csv t.csv", ["mse p.csv t.csv --header"], {"p.csv": "2024\n2.5\n3\n", "t.csv": "y\n4.5\n5\n"}
    ),
    "a wide integer": Case(
        "p.csv t.csv",
        ["mse p.csv t.csv"],
        {"p.csv": "y_pred\n9007199254740993\n1\n", "t.csv": "y\n9007199254740992\n5\n"},
    ),
}


def prepare(folder: Path, files: Mapping[str, Any]) -> None:
    (folder / S).symlink_to(ROOT / S)
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        if name.endswith(".npz"):
            np.savez(folder / name, **{key: np.asarray(value) for key, value in content.items()})
        else:
            put(folder, {name: content})


def commands_of(ran: Ran) -> list[dict[str, Any]]:
    assert ran.code == 0, ran.stderr
    found: list[dict[str, Any]] = json.loads(ran.stdout)["commands"]
    return found


@pytest.mark.parametrize("name", CASES)
def test_commands_work_as_printed(name: str, here: Path, run_here: Run) -> None:
    """Those printed are those expected, and each exits with 0, or 4 for an infinite value; so do the losses beside."""
    case = CASES[name]
    prepare(here, case.files)
    found = commands_of(run_here("inspect", *shlex.split(case.args), "--json"))
    assert [one["command"].removeprefix("losscli eval --loss ") for one in found] == [
        shlex.join(shlex.split(command)) for command in case.commands
    ]
    for one in found:
        assert shlex.split(one["command"]) == one["argv"]
        for loss in (one["argv"][3], *one["also"]):
            ran = run_here(*one["argv"][1:3], loss, *one["argv"][4:])
            assert ran.code in (0, 4), ran.stderr


def test_commands_work_in_a_shell(here: Path) -> None:
    case = CASES["names that no option takes as they are"]
    prepare(here, case.files)
    script = f'losscli() {{ {shlex.quote(sys.executable)} -m losscli "$@"; }}\n'
    argv = [shutil.which("bash") or "sh", "-ec", script + f"losscli inspect {case.args}"]
    printed = run_any(argv, b"", here).stdout
    command = printed.split("loss\tcommand")[1].splitlines()[1].split("\t")[1]
    ran = subprocess.run([*argv[:2], script + command], cwd=here, env=environment(), capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert b"\t0.625\t" in ran.stdout


ADVICE = {
    "text alone": (
        {"t.csv": "name,remark\na,x\nb,y\n"},
        "t.csv",
        "no column that may be a prediction: name (id), remark (id)",
    ),
    "predictions alone": ({"p.csv": REGRESSION}, "p.csv", "no column that may be a target"),
    "row counts": (
        {"p.csv": REGRESSION, "t.csv": "y\n1\n2\n3\n4\n"},
        "p.csv t.csv",
        "row counts differ: p.csv has 3, t.csv has 4; pair them by a key that all files have, or write files of one "
        "length; is a first row a header? --header or --no-header decides",
    ),
    "percentages": (
        {"p.csv": "prob,y\n50.5,1\n7,0\n"},
        "p.csv",
        "prob goes up to 50.5: percentages? divide by 100 for bce and brier",
    ),
    "decided classes": (
        {"p.csv": "y_pred,y\n1,1\n0,0\n0,1\n"},
        "p.csv",
        "y_pred holds 0 and 1 alone: classes that are decided",
    ),
    "repeated keys": (
        {"p.csv": "id,y_pred\n1,2\n1,3\n", "t.csv": "id,y\n1,2\n2,3\n"},
        "p.csv t.csv",
        "rows cannot be paired by id: 1 row of p.csv repeats a key",
    ),
    "too many classes": (
        {"p.csv": PROBS, "t.csv": "y\n1\n2\n7\n"},
        "p.csv t.csv",
        "y has labels 1 to 7, 3 columns is 3 wide: they do not fit one another",
    ),
    "not normalised": (
        {"p.csv": PROBS.replace("0.75", "0.25"), "t.csv": "y\na\nb\nc\n"},
        "p.csv t.csv",
        "3 columns in [0, 1], but rows add up to 0.5 to 1",
    ),
    "names beside one column": (
        {"p.csv": "prob,y\n0.5,yes\n0.25,no\n"},
        "p.csv",
        "y holds text and prob one number a row",
    ),
    "widths": ({"p.npy": LOGITS, "t.npy": LOGITS[:, :2]}, "p.npy t.npy", "nothing is broadcast"),
    "text among numbers": (
        {"p.csv": "y_pred,y\n0.5,1\nabc,2\n,3\ndef,4\n"},
        "p.csv",
        "y_pred (mixed: numbers 1, texts 2; the first text, 'abc', at p.csv:3)",
    ),
    "many columns": (
        {"p.csv": "a,b,c,d\n1.5,2,3,4\n2,3,4,5.5\n"},
        "p.csv",
        "say --pred-col NAME and --target-col NAME",
    ),
    "missing everywhere": ({"p.csv": "y_pred,y\nNA,1\nNA,2\n"}, "p.csv", "y_pred (empty)"),
    "missing in every row": ({"p.csv": "y_pred,y\nNA,1.5\n2.5,NA\n"}, "p.csv", "no row is left of 2"),
    "four files": (
        {f"{name}.npy": [1.0] for name in "abcd"},
        "a.npy b.npy c.npy d.npy",
        "no loss takes 4",
    ),
}


@pytest.mark.parametrize("name", ADVICE)
def test_where_nothing_fits_it_says_why(name: str, here: Path, run_here: Run) -> None:
    files, args, said = ADVICE[name]
    put(here, files)
    found = json.loads(run_here("inspect", *args.split(), "--json").stdout)
    assert any(said in text for text in found["advice"]), found["advice"]
    assert all(command["loss"] in ("brier", "dice") for command in found["commands"])  # of decided classes


LOOKS = {
    "id\n5\n7\n9\n": ["id"],
    "x\n0\n1\n2\n3\n": ["id"],
    "y\ncat\ndog\ncat\n": ["label"],
    "name\nann\nbob\neve\n": ["id"],
    "split\ntrain\ntest\ntrain\n": ["group"],
    "weight\n1\n2.5\n0\n": ["weight"],
    "mask\n1\n0\n1\n": ["mask"],
    "x\n0.5\n0.25\n1\n": ["probability"],
    "logit\n0.5\n0.25\n1.5\n": ["logit"],
    "log_prob\n-0.5\n-0.25\n": ["log-probability"],
    "pct\n55.5\n20\n": ["percentage"],
    "y_prob\n55.5\n20\n": ["percentage"],
    "y_pred\n1.5\n-3\n": ["prediction"],
    "y\n1.5\n-3\n": ["target"],
    "z\n1\n-1\n1\n": ["label"],
    "z\n3\n3\n3\n": ["constant", "label"],
    "when\n2024-02-29\n2024-03-01\n": ["date"],
    "when\n2023-02-29\n2024-03-01\n": ["id"],
    "x\nNA\nnull\n": ["empty"],
    "x\n1\nabc\n": ["mixed"],
}


@pytest.mark.parametrize("text", LOOKS, ids=lambda text: " ".join(text.split()))
def test_what_a_column_looks_like(text: str, here: Path) -> None:
    put(here, {"x.csv": text})
    (column,) = inspect(["x.csv"]).files[0].columns
    assert [look.kind for look in column.looks][: len(LOOKS[text])] == LOOKS[text]


def test_what_is_counted(here: Path) -> None:
    put(here, {"x.csv": "a,b\n1,x\nNA,y\ninf,x\n-2.5,\nabc,x\nabc,z\n"})
    a, b = (column.facts for column in inspect(["x.csv"]).files[0].columns)
    assert (a.rows, a.missing, a.numbers, a.texts, a.infinite, a.low, a.high) == (6, 1, 3, 2, 1, -2.5, float("inf"))
    assert (a.first_text, a.first_text_at) == ("abc", "x.csv:6")
    assert (b.missing, b.texts, b.values, b.is_repeated) == (1, 5, {"x", "y", "z"}, True)


@pytest.mark.parametrize("odd", ["", "-inf", "abc", "9007199254740993"])
def test_long_files_are_counted_as_short_ones_are(odd: str, here: Path) -> None:
    """Decoded or cell by cell, in one block or in several; and a column of Parquet that holds the same text."""
    cells = [*(f"{k % 997}.5" for k in range(300_000)), odd, "7"]
    put(here, {"x.csv": "id,a\n" + "".join(f"{k},{cell}\n" for k, cell in enumerate(cells)), "x.parquet": {"a": cells}})
    for path in ("x.csv", "x.parquet"):
        facts = next(c for c in inspect([path]).files[0].columns if c.name == "a").facts
        assert (facts.rows, facts.missing, facts.texts) == (300_002, int(odd == ""), int(odd == "abc"))
        assert facts.infinite == int(odd == "-inf")
        assert facts.high == (int(odd) if odd.isdigit() else 996.5)
        assert facts.low == (float(odd) if odd == "-inf" else 0.5)
        assert facts.values is None or len(facts.values) == 997 + 1 + int(odd != "")
        assert facts.first_text_at in ("", "x.csv:300002", "x.parquet: row 300000")
        assert bool(facts.first_text_at) == (odd == "abc")


def test_distinct_values_are_kept_up_to_a_bound(here: Path) -> None:
    put(here, {"x.parquet": {"few": [k % MOST for k in range(5000)], "many": [k % (MOST + 1) for k in range(5000)]}})
    few, many = (column.facts.values for column in inspect(["x.parquet"]).files[0].columns)
    assert few is not None
    assert len(few) == MOST
    assert many is None


ROWS = {
    "same order": ("id\n1\n2\n", "id\n1\n2\n", ""),
    "another order": ("id\n1\n2\n", "id\n2\n1\n", ""),
    "missing": ("id\n1\n2\n3\n", "id\n2\n5\n", "2 of a.csv have no partner, 1 of b.csv have no partner"),
    "unusable": ("id\n1\n1\n", "id\n2\n1\n", "repeats a key"),
}


@pytest.mark.parametrize("relation", ROWS)
def test_keys_are_compared(relation: str, here: Path) -> None:
    first, second, said = ROWS[relation]
    put(here, {"a.csv": first, "b.csv": second})
    alignment = inspect(["a.csv", "b.csv"]).alignment
    assert alignment is not None
    (key,) = alignment.keys
    assert (key.name, key.relation) == ("id", relation)
    assert said in key.says


def test_odd_columns_are_told_and_do_not_hide_others(here: Path) -> None:
    made = {"ragged": [[1.0, 2.0], [1.0]], "day": np.array(["2024-01-01", "2024-01-02"], "M8[D]"), "y": [1.5, 2]}
    put(here, {"x.parquet": made})
    kinds = {column.name: column.looks[0] for column in inspect(["x.parquet"]).files[0].columns}
    assert {name: look.kind for name, look in kinds.items()} == {"ragged": "unread", "day": "date", "y": "target"}
    assert "row 1" in kinds["ragged"].why


def test_images_are_told_by_pixel(here: Path, run_here: Run) -> None:
    rng = np.random.default_rng(3)
    scores = np.exp(rng.normal(size=(2, 3, 4, 5)))
    labels = rng.integers(0, 3, (2, 4, 5)).astype(np.uint8)
    masks = {"b.npy": rng.uniform(size=(2, 4, 5)), "m.npy": (labels > 1).astype(float)}
    put(here, {"p.npy": scores / scores.sum(axis=1, keepdims=True), "t.npy": labels, **masks})
    labels[0, 0] = 255
    put(here, {"void.npy": labels})
    told = run_here("inspect", "p.npy", "t.npy").stdout
    assert "p.npy\tnpy\t40\t3\timages, 2 x 3 x 4 x 5: a row is a pixel\n" in told
    assert "losscli eval --loss cross_entropy p.npy t.npy\t" in told
    assert "losscli eval --loss dice b.npy m.npy\t" in run_here("inspect", "b.npy", "m.npy").stdout
    assert "cross_entropy p.npy void.npy --ignore-index 255\t" in run_here("inspect", "p.npy", "void.npy").stdout
    found = json.loads(run_here("inspect", "p.npy", "t.npy", "--json").stdout)
    assert [file["images"] for file in found["files"]] == [[2, 3, 4, 5], [2, 4, 5]]


def test_members_that_cannot_be_read_are_told(here: Path, run_here: Run) -> None:
    np.savez(here / "run.npz", y_pred=[1.5, 2], y=[1.0, 2], cube=np.zeros((2,) * 6))
    ran = run_here("inspect", "run.npz")
    assert "run.npz:cube\tnpz\t\t\trun.npz:cube: has shape (2, 2, 2, 2, 2, 2)" in ran.stdout
    assert "losscli eval --loss mse run.npz:y_pred run.npz:y\t" in ran.stdout
    put(here, {"t.csv": "y\n1\n2\n"})
    assert "losscli eval --loss mse run.npz:y_pred t.csv\t" in run_here("inspect", "run.npz", "t.csv").stdout


REFUSED = {
    "no such file": ({}, "no.csv", 3, "no.csv: cannot be opened"),
    "ragged": ({"x.csv": "a,b\n1,2\n3\n"}, "x.csv", 3, "x.csv:3: the row has 1 field"),
    "empty": ({"x.csv": ""}, "x.csv", 3, "x.csv: the file is empty"),
    "a header or numbers": ({"x.csv": "0,1\n0.5,0.25\n"}, "x.csv", 3, "say --header or --no-header"),
    "a cube of six sides": ({"x.npy": np.zeros((2,) * 6)}, "x.npy", 3, "has shape (2, 2, 2, 2, 2, 2); (N, H, W)"),
    "standard input twice": ({}, "- -", 2, "'-' is standard input"),
    "an output that is an input": ({"x.csv": "y\n1\n"}, "x.csv -o x.csv", 2, "is an input file"),
    "two formats": ({"x.csv": "y\n1\n"}, "x.csv --json --format plain", 2, "exclude one another"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_table_is_refused(name: str, here: Path, run_here: Run) -> None:
    files, args, code, said = REFUSED[name]
    put(here, files)
    ran = run_here("inspect", *args.split())
    assert (ran.code, ran.stdout) == (code, "")
    assert said in ran.stderr


def test_notes_of_readers_are_told(here: Path, run_here: Run) -> None:
    put(here, {"x.csv": "y_pred;y\n1.5;2\n2;3"})
    ran = run_here("inspect", "x.csv")
    assert "columns are separated by ';'" in ran.stderr
    assert "the last line has no line end" in ran.stderr
    assert run_here("inspect", "x.csv", "-q").stderr == ""


def test_standard_input_is_read_once(run: Run) -> None:
    ran = run("inspect", "-", stdin=b"y_pred,y\n1.5,2\n2,3\n")
    assert (
        "losscli eval --loss mse -\ty_pred and y: numbers against numbers; give it the same standard input"
        in ran.stdout
    )


def test_a_file_of_the_result(here: Path, run_here: Run) -> None:
    put(here, {"x.csv": "y_pred,y\n1.5,2\n2,inf\n"})
    assert run_here("inspect", "x.csv", "--json", "-o", "found.json").stdout == ""
    found = json.loads((here / "found.json").read_text())
    assert (found["schema"], found["advice"]) == (1, [])
    assert found["alignment"] is None
    assert found["files"][0]["columns"][1]["max"] == "Infinity"


@pytest.mark.parametrize("format", ["table", "plain", "json"])
def test_nothing_in_a_file_steers_a_terminal(format: str, here: Path, run_here: Run) -> None:
    put(here, {"x.csv": "y_pred,\x1b[31m\u202ered,y\n1.5,\x1b[0m,2\n2,[b]x,3\n"})
    ran = run_here("inspect", "x.csv", "--format", format)
    assert ran.code == 0, ran.stderr
    assert not {"\x1b", "\u202e"} & {*ran.stdout}
    assert "losscli eval --loss mse x.csv" in ran.stdout


def test_commands_stand_on_lines_of_their_own_on_a_terminal(here: Path, run_here: Run) -> None:
    put(here, {"x.csv": "y_pred,y\n1.5,2\n2,3\n"})
    assert "\nlosscli eval --loss mse x.csv\n" in run_here("inspect", "x.csv", "--format", "table").stdout
    assert "No loss fits.\n" in run_here("inspect", f"{ROOT}/{S}/cancer_targets.csv", "--format", "table").stdout


def test_probabilities_of_a_long_file_are_tried_to_their_end(here: Path, run_here: Run) -> None:
    """A row late in a file that adds up to almost 1 is refused by eval, and so is not left to the first rows."""
    probs = np.full((1 << 21, 2), 0.5)
    put(here, {"p.npy": probs, "t.npy": np.arange(1 << 21) % 2})
    assert commands_of(run_here("inspect", "p.npy", "t.npy", "--json"))
    probs[-1] = 0.5001
    put(here, {"p.npy": probs})
    assert not commands_of(run_here("inspect", "p.npy", "t.npy", "--json"))


def test_ranges_decide_for_the_rows_that_are_not_tried(here: Path, run_here: Run) -> None:
    values = np.linspace(0.1, 0.9, 1 << 22)
    put(here, {"p.npy": values, "t.npy": np.arange(1 << 22) % 2.0})
    found = commands_of(run_here("inspect", "p.npy", "t.npy", "--json"))
    assert [(one["loss"], one["tried_rows"] is None) for one in found] == [
        *(("bce", False), ("brier", True), ("dice", False))
    ]
    values[-1] = 1.5
    put(here, {"p.npy": values})
    found = commands_of(run_here("inspect", "p.npy", "t.npy", "--json"))
    assert [one["loss"] for one in found] == ["bce:form=logits", "hinge", "mse"]
