"""Baselines: what is kept, what it is compared with, and what is refused as not comparable."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import losscli
from losscli.baselines import Baseline
from losscli.errors import InputError
from tests.support import Ran, put

Run = Callable[..., Ran]

FILES = {
    "p.csv": "country,w,y_pred\nDE,1,1\nDE,2,2\nFR,1,5\nFR,3,3\n",
    "better.csv": "country,w,y_pred\nDE,1,1\nDE,2,3\nFR,1,5\nFR,3,3\n",
    "worse.csv": "country,w,y_pred\nDE,1,1\nDE,2,2\nFR,1,5\nFR,3,3.1\n",
    "t.csv": "y\n1\n4\n2\n3\n",
    "other.csv": "y\n1\n4\n2\n4\n",
    "short.csv": "y_pred,y\n1,1\n3,4\n",
    "gap.csv": "y_pred,y\n1,1\n,4\n3,4\n",
}
MAE = ("eval", "-l", "mae", "p.csv", "t.csv")


@pytest.fixture
def evaluated(run_here: Run, here: Path) -> Run:
    """Runs in a folder where base.json is the baseline of p.csv: mae 5/4, by country DE 1, FR 1.5."""
    put(here, FILES)
    assert run_here(*MAE, "--by", "country", "--save-baseline", "base.json", "-q").code == 0
    return run_here


def against(evaluated: Run, preds: str, *options: str, base: str = "base.json") -> Ran:
    return evaluated("eval", "-l", "mae", preds, "t.csv", "--baseline", base, *options)


# What is kept


def test_a_baseline_says_how_its_values_were_made(evaluated: Run, here: Path) -> None:
    sums = {name: hashlib.sha256(FILES[name].encode()).hexdigest() for name in ("p.csv", "t.csv")}
    assert json.loads((here / "base.json").read_text("utf8")) == {
        "baseline": 1,
        "losscli": losscli.__version__,
        "inputs": [
            {"role": "pred", "rows": 4, "columns": ["y_pred"], "files": [{"path": "p.csv", "sha256": sums["p.csv"]}]},
            {"role": "target", "rows": 4, "columns": ["y"], "files": [{"path": "t.csv", "sha256": sums["t.csv"]}]},
        ],
        "results": [
            {
                "loss": "mae",
                "reduction": "mean",
                "value": 1.25,
                "n": 4,
                "weight": 4.0,
                "signature": f"mae|mean|w:none|missing:error|n:4|v:{losscli.__version__}",
                "groups": [
                    {"by": {"country": "FR"}, "value": 1.5, "n": 2, "weight": 2.0},
                    {"by": {"country": "DE"}, "value": 1.0, "n": 2, "weight": 2.0},
                ],
            }
        ],
    }


def test_a_difference_in_a_value_is_a_difference_in_its_lines(evaluated: Run, here: Path) -> None:
    """What a reviewer sees of an update: the file's fingerprint, and the values that changed."""
    before = (here / "base.json").read_text("utf8").splitlines()
    assert (
        evaluated("eval", "-l", "mae", "better.csv", "t.csv", "--by", "country", "--save-baseline", "base.json").code
        == 0
    )
    after = (here / "base.json").read_text("utf8").splitlines()
    assert len(before) == len(after)
    changed = [line.strip() for line, old in zip(after, before, strict=True) if line != old]
    assert [line.partition(":")[0] for line in changed] == ['"path"', '"sha256"', '"value"', '"value"']


def test_the_same_evaluation_makes_the_same_file(evaluated: Run, here: Path) -> None:
    before = (here / "base.json").read_bytes()
    assert evaluated(*MAE, "--by", "country", "--save-baseline", "base.json", "-q").code == 0
    assert (here / "base.json").read_bytes() == before


def test_standard_input_has_no_fingerprint(run: Run, tmp_path: Path) -> None:
    put(tmp_path, FILES)
    args = ("eval", "-l", "mae", "-", "t.csv", "--save-baseline", "b.json")
    assert run(*args, stdin=FILES["p.csv"].encode()).code == 0
    assert json.loads((tmp_path / "b.json").read_text())["inputs"][0]["files"] == [{"path": "-"}]


def test_parts_have_a_fingerprint_each(run_here: Run, here: Path) -> None:
    (here / "parts").mkdir()
    put(here, {"t.csv": "y\n1\n2\n", "parts/a.csv": "y_pred\n1\n", "parts/b.csv": "y_pred\n2\n"})
    assert run_here("eval", "-l", "mae", "parts", "t.csv", "--save-baseline", "b.json").code == 0
    files = json.loads((here / "b.json").read_text())["inputs"][0]["files"]
    assert [file["path"] for file in files] == ["parts/a.csv", "parts/b.csv"]


def test_a_failed_gate_leaves_the_baseline_as_it_was(evaluated: Run, here: Path) -> None:
    before = (here / "base.json").read_bytes()
    ran = against(evaluated, "worse.csv", "--max-regress", "0", "--save-baseline", "base.json")
    assert ran.code == 1
    assert "note: base.json: is not written, as a gate failed or a value is not finite\n" in ran.stderr
    assert (here / "base.json").read_bytes() == before


def test_a_better_model_may_raise_the_bar_in_the_same_run(evaluated: Run) -> None:
    assert against(evaluated, "better.csv", "--max-regress", "0", "--save-baseline", "base.json").code == 0
    assert against(evaluated, "p.csv", "--max-regress", "0").code == 1


def test_infinite_values_are_kept_where_they_are_allowed_and_fail_what_is_compared(run_here: Run, here: Path) -> None:
    put(here, {"s.csv": "p_a,p_b,label\n1,0,a\n1,0,b\n"})
    args = ("eval", "-l", "cross_entropy", "s.csv")
    assert run_here(*args, "--save-baseline", "b.json").code == 4
    assert not (here / "b.json").exists()
    assert run_here(*args, "--save-baseline", "b.json", "--allow-nonfinite").code == 0
    ran = run_here(*args, "--baseline", "b.json", "--max-regress", "1%", "--allow-nonfinite")
    assert (ran.code, ran.stdout.splitlines()[1].split("\t")[-2:]) == (1, ["inf", "nan"])
    assert "its baseline is inf: --max-regress 1% has no limit" in ran.stderr


# What it is compared with


def test_a_comparison_shows_both_values(evaluated: Run) -> None:
    ran = against(evaluated, "worse.csv", "--by", "country")
    assert ran == Ran(
        "loss\treduction\tvalue\tn\tweight\tbaseline\tchange\nmae\tmean\t1.275\t4\t4.0\t1.25\t0.02499999999999991\n\n"
        "country\tvalue\tn\tweight\tshare\tbaseline\tchange\nFR\t1.55\t2\t2.0\t0.607843137254902\t1.5\t0.050000000000000044\n"
        "DE\t1.0\t2\t2.0\t0.39215686274509803\t1.0\t0.0\n",
        "",
        0,
    )


def test_json_shows_both_values(evaluated: Run) -> None:
    (result,) = json.loads(against(evaluated, "worse.csv", "--by", "country", "--json").stdout)["results"]
    assert (result["value"], result["baseline"], result["change"]) == (1.275, 1.25, 1.275 - 1.25)
    assert [group["baseline"] for group in result["groups"]] == [1.5, 1.0]


@pytest.mark.parametrize(
    ("preds", "options", "code"),
    [
        ("p.csv", ("--max-regress", "0"), 0),
        ("worse.csv", ("--max-regress", "0"), 1),
        ("worse.csv", ("--max-regress", "1.9%"), 1),
        ("worse.csv", ("--max-regress", "2.1%"), 0),
        ("worse.csv", ("--max-regress", "0.02"), 1),
        ("worse.csv", ("--max-regress", "0.03"), 0),
        ("worse.csv", ("--max-regress", "1%", "--min-abs", "0.03"), 0),
        ("worse.csv", ("--max-regress", "1%", "--min-abs", "0.02"), 1),
        ("worse.csv", ("--max-regress", "3%", "--by", "country"), 1),
        ("worse.csv", ("--max-regress", "4%", "--by", "country"), 0),
        ("better.csv", ("--max-regress", "0", "--by", "country"), 0),
        ("worse.csv", ("--fail-if", "mae > 1.01 * baseline"), 1),
        ("worse.csv", ("--fail-if", "mae > baseline + 0.03"), 0),
        ("worse.csv", ("--fail-if", "mae[country=FR] > baseline"), 1),
        ("worse.csv", ("--fail-if", "mae[country=DE] > baseline * 1"), 0),
    ],
)
def test_it_fails_exactly_where_the_model_is_worse_by_more_than_is_accepted(
    preds: str, options: tuple[str, ...], code: int, evaluated: Run
) -> None:
    ran = against(evaluated, preds, *options)
    assert (ran.code, ran.stderr.count("error")) == (code, code)


def test_a_worse_slice_is_told_though_the_whole_is_better(run_here: Run, here: Path) -> None:
    """FR is worse by half, DE makes up for it."""
    put(here, {**FILES, "shifted.csv": "country,w,y_pred\nDE,1,1\nDE,2,4\nFR,1,5\nFR,3,4.5\n"})
    assert run_here(*MAE, "--by", "country", "--save-baseline", "b.json").code == 0
    ran = run_here(
        *("eval", "-l", "mae", "shifted.csv", "t.csv", "--baseline", "b.json", "--max-regress", "1%"),
        *("--by", "country"),
    )
    assert (ran.code, ran.stderr) == (
        1,
        "losscli: error: mae[country=FR] is 2.25, above 1.515 by 0.7350000000000001 (baseline 1.5, --max-regress 1%)\n",
    )


def test_groups_that_come_and_go_are_told(evaluated: Run, here: Path) -> None:
    put(here, {"moved.csv": FILES["p.csv"].replace("FR", "IT")})
    ran = against(evaluated, "moved.csv", "--by", "country", "--max-regress", "0")
    assert (ran.code, ran.stderr.splitlines()) == (
        0,
        [
            "losscli: note: base.json: groups that are new, and are not compared: country=IT",
            "losscli: note: base.json: groups that are gone, and are not compared: country=FR",
        ],
    )


def test_a_gate_on_a_group_that_the_baseline_lacks_fails(evaluated: Run, here: Path) -> None:
    put(here, {"moved.csv": FILES["p.csv"].replace("FR", "IT")})
    ran = against(evaluated, "moved.csv", "--fail-if", "mae[country=IT] > baseline", "-q")
    assert ran.code == 1
    said = "mae[country=IT] is 1.5, and its baseline is missing: --fail-if 'mae[country=IT] > baseline' has no limit"
    assert ran.stderr == f"losscli: error: {said}\n"


def test_what_is_gathered_for_being_small_is_compared_too(run_here: Run, here: Path) -> None:
    put(here, {**FILES, "bad.csv": "country,w,y_pred\nDE,1,1\nDE,2,2\nFR,1,5\nIT,3,9\n"})
    put(here, {"p.csv": "country,w,y_pred\nDE,1,1\nDE,2,2\nFR,1,5\nIT,3,4\n"})
    small = ("--by", "country", "--min-group", "2")
    assert run_here(*MAE, *small, "--save-baseline", "b.json").code == 0
    again = run_here(*MAE, *small, "--baseline", "b.json", "--max-regress", "0")
    assert (again.code, again.stderr) == (0, "")
    bad = ("eval", "-l", "mae", "bad.csv", "t.csv", *small)
    ran = run_here(*bad, "--baseline", "b.json", "--max-regress", "0")
    assert "mae[groups smaller than 2] is 4.5, above 2.0 by 2.5" in ran.stderr
    ran = run_here(*bad, "--fail-if", "mae[country=*] > 4")
    assert ran.stderr == "losscli: error: mae[groups smaller than 2] is 4.5, above --fail-if 4.0 by 0.5\n"


def test_groups_that_are_all_small_are_compared(evaluated: Run) -> None:
    small = ("--by", "country", "--min-group", "9")
    assert evaluated(*MAE, *small, "--save-baseline", "small.json").code == 0
    assert against(evaluated, "p.csv", *small, "--max-regress", "0", base="small.json").code == 0
    assert against(evaluated, "worse.csv", *small, "--max-regress", "0", base="small.json").stderr.count("error") == 2


def test_a_limit_for_a_slice_needs_no_groups_in_the_baseline(evaluated: Run) -> None:
    assert evaluated(*MAE, "--save-baseline", "whole.json").code == 0
    gate = ("--fail-if", "mae[country=FR] > 1", "--max-regress", "0")
    ran = against(evaluated, "p.csv", *gate, base="whole.json")
    assert ran.stderr == "losscli: error: mae[country=FR] is 1.5, above --fail-if 1.0 by 0.5\n"
    ran = against(evaluated, "worse.csv", "--fail-if", "mae[country=FR] > 9", "--max-regress", "0")
    assert ran.stderr.count("error") == 1  # of the whole: slices are compared where they are asked for


def test_a_group_that_nothing_can_be_compared_with_is_told(run_here: Run, here: Path) -> None:
    put(here, {"r.csv": "g,y_pred,y\na,1,1\nb,1,1\nb,2,3\n"})
    ran = run_here("eval", "-l", "r2", "r.csv", "--by", "g", "--save-baseline", "r.json")
    said = "losscli: note: r.json: r2[g=a] is nan, which fails every comparison with it\n"
    assert (ran.code, said in ran.stderr) == (0, True)
    assert run_here("eval", "-l", "r2", "r.csv", "--by", "g", "--baseline", "r.json", "--max-regress", "1").code == 1


# What is not comparable


@pytest.mark.parametrize(
    ("options", "message"),
    {
        ("-l", "mse"): "base.json: has no mse (mean); it has mae (mean); make it anew",
        ("-l", "huber:delta=2"): "base.json: has no huber:delta=2 (mean); it has mae (mean)",
        ("--reduction", "sum"): "base.json: has no mae (sum); it has mae (mean)",
        ("--weight-col", "w"): "base.json: was made with weight none, this run is with weight w; make it anew",
        ("--missing", "drop"): "base.json: was made with missing error, this run is with missing drop",
        ("--where", "w<3"): "base.json: was made without where w<3; make",
        ("--by", "w"): "base.json: has none of these groups by w",
    }.items(),
)
def test_a_baseline_that_was_made_otherwise_is_refused(options: tuple[str, ...], message: str, evaluated: Run) -> None:
    ran = against(evaluated, "p.csv", *options)
    assert (ran.code, ran.stdout) == (3, "")
    assert message in ran.stderr


def test_other_parameters_are_refused(evaluated: Run, here: Path) -> None:
    huber = ("eval", "-l", "huber", "p.csv", "t.csv")
    assert evaluated(*huber, "--delta", "2", "--save-baseline", "h.json").code == 0
    ran = evaluated(*huber, "--baseline", "h.json")
    assert ran.stderr == (
        "losscli: error: h.json: has no huber (mean); it has huber:delta=2 (mean); "
        "make it anew: --save-baseline, or losscli check --save-baselines\n"
    )


@pytest.mark.parametrize(
    ("run", "note"),
    {
        "p.csv other.csv": "base.json: was made with another target: other.csv is not that file, or has changed",
        "short.csv": "base.json: was made of 4 samples of mae, this is of 2",
        "p.csv --target-col w": "base.json: was made with target y, this is with w",
    }.items(),
)
def test_other_data_is_told_and_refused_by_strict(run: str, note: str, evaluated: Run) -> None:
    ran = evaluated("eval", "-l", "mae", *run.split(), "--baseline", "base.json")
    assert (ran.code, f"losscli: note: {note}\n" in ran.stderr) == (0, True)
    strict = evaluated("eval", "-l", "mae", *run.split(), "--baseline", "base.json", "--strict")
    assert (strict.code, strict.stdout) == (3, "")


def test_other_weights_are_told(evaluated: Run, here: Path) -> None:
    weighted = ("t.csv", "--weight-col", "w")
    assert evaluated("eval", "-l", "mae", "p.csv", *weighted, "--save-baseline", "w.json").code == 0
    put(here, {"heavy.csv": FILES["p.csv"].replace("DE,1", "DE,100")})
    ran = evaluated("eval", "-l", "mae", "heavy.csv", *weighted, "--baseline", "w.json")
    assert ran.stderr == "losscli: note: w.json: was made with a total weight of 7.0, this is with 106.0\n"
    assert evaluated("eval", "-l", "mae", "heavy.csv", *weighted, "--baseline", "w.json", "--strict").code == 3


def test_a_terminal_shows_the_baseline_of_groups(evaluated: Run) -> None:
    lines = against(evaluated, "p.csv", "--by", "country", "--format", "table").stdout.splitlines()
    (header,) = [line.split() for line in lines if line.startswith("country")]
    assert header == ["country", "value", "n", "share", "baseline", "change"]


def test_another_name_of_the_same_target_is_the_same(evaluated: Run, here: Path) -> None:
    put(here, {"renamed.csv": FILES["t.csv"]})
    assert evaluated("eval", "-l", "mae", "p.csv", "renamed.csv", "--baseline", "base.json").stderr == ""


def test_another_version_is_told(evaluated: Run, here: Path) -> None:
    text = (here / "base.json").read_text()
    (here / "base.json").write_text(text.replace(losscli.__version__, "0.0.1"))
    said = f"losscli: note: base.json: was made by losscli 0.0.1, this is {losscli.__version__}\n"
    assert against(evaluated, "p.csv").stderr == said


GOOD = {
    "baseline": 1,
    "losscli": "0",
    "inputs": [],
    "results": [
        {"loss": "mae", "reduction": "mean", "value": 1.25, "n": 4, "weight": 4.0, "signature": "mae|mean|n:4|v:0"}
    ],
}


@pytest.mark.parametrize(
    "content",
    [
        *(
            "",
            "[]",
            "1",
            '"x"',
            "null",
            "{}",
            "{",
            "[" * 100_000,
            '{"schema": 1, "results": []}',
            b"\xff\xfe{}",
            '{"baseline": 1, "baseline": 1}',
        ),
        *({**GOOD, "baseline": 2}, {**GOOD, "results": {}}, {**GOOD, "inputs": 3}, {**GOOD, "results": [3]}),
        *({**GOOD, "results": [{**GOOD["results"][0], "value": value}]} for value in (None, "x", [1], {}, True)),
        *({**GOOD, "results": [{**GOOD["results"][0], "groups": groups}]} for groups in (3, [3], [{}], [{"by": 1}])),
        *({**GOOD, "results": [{**GOOD["results"][0], key: 2.5}]} for key in ("n", "signature")),
    ],
    ids=lambda content: str(content)[:60],
)
def test_what_is_no_baseline_is_refused(content: Any, evaluated: Run, here: Path) -> None:
    data = (
        content
        if isinstance(content, bytes)
        else (content if isinstance(content, str) else json.dumps(content)).encode()
    )
    (here / "bad.json").write_bytes(data)
    ran = against(evaluated, "p.csv", base="bad.json")
    assert (ran.code, ran.stdout) == (3, "")
    assert ran.stderr.startswith("losscli: error: bad.json: ")
    assert ran.stderr.count("\n") == 1


def test_a_baseline_that_is_not_there_says_how_it_is_made(evaluated: Run) -> None:
    ran = against(evaluated, "p.csv", base="new.json")
    assert ran.stderr == (
        "losscli: error: new.json: cannot be opened: No such file or directory; --save-baseline new.json makes it\n"
    )
    with pytest.raises(InputError, match="Is a directory"):
        Baseline.read(".")


@pytest.mark.parametrize("option", ["-o", "--junit", "--grad-out", "--per-sample-out"])
def test_no_output_takes_the_place_of_the_baseline(option: str, evaluated: Run, here: Path) -> None:
    before = (here / "base.json").read_bytes()
    ran = against(evaluated, "p.csv", option, "base.json")
    assert (ran.code, ran.stderr) == (2, "losscli: error: base.json is an input file; name another for the output\n")
    assert (here / "base.json").read_bytes() == before


def test_a_baseline_takes_the_place_of_no_input_or_output(evaluated: Run) -> None:
    assert "t.csv is an input file" in evaluated(*MAE, "--save-baseline", "t.csv").stderr
    assert "x is named for two outputs" in evaluated(*MAE, "--save-baseline", "x", "-o", "x").stderr
