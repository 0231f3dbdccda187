"""The command line from outside: what it prints, where, and with which exit code."""

import json
import os
import pty
import re
import shlex
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import losscli
from losscli.cards import card_of
from losscli.registry import definitions
from tests import support
from tests.support import Ran, put

GOLDEN = Path(__file__).parent / "golden"
CASES = [
    pytest.param(loaded["files"], case, id=f"{path.stem}: {case['name']}")
    for path in sorted(GOLDEN.glob("*.toml"))
    for loaded in [tomllib.loads(path.read_text("utf8"))]
    for case in loaded["case"]
]
KEYS = {"name", "run", "files", "stdin", "stdin_file", "env", "stdout", "stderr", "exit", "writes"}
P, T = "y_pred\n1\n2\n5\n", "y\n1\n4\n2\n"
RESULT = "loss\treduction\tvalue\tn\tweight\nmse\tmean\t4.333333333333333\t3\t3.0\n"

Run = Callable[..., Ran]


@dataclass(frozen=True)
class Left:
    """What a run of a case leaves: its output, and the files before and after."""

    ran: Ran
    before: dict[str, bytes]
    after: dict[str, bytes]


@pytest.fixture(scope="session")
def leaves(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, Any]]:
    """The cases that were asked for, run side by side: most of their time goes into starting Python."""
    tests = [item for item in request.session.items if getattr(item, "originalname", "") == "test_golden"]
    asked = [test.callspec.params for test in tests if isinstance(test, pytest.Function)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {
            id(p["case"]): pool.submit(left_by, p["files"], p["case"], tmp_path_factory.mktemp("golden")) for p in asked
        }


def left_by(files: dict[str, Any], case: dict[str, Any], folder: Path) -> Left:
    put(folder, {**files, **case.get("files", {})})
    before = contents(folder)
    stdin = before[case["stdin_file"]] if "stdin_file" in case else case.get("stdin", "").encode()
    ran = support.run(*shlex.split(case["run"]), stdin=stdin, cwd=folder, env=case.get("env"))
    return Left(ran, before, contents(folder))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(("files", "case"), CASES)
def test_golden(files: dict[str, Any], case: dict[str, Any], leaves: dict[int, Any]) -> None:
    """Everything that a run leaves: stdout, stderr, the exit code and the files in the folder."""
    assert set(case) <= KEYS
    left = leaves[id(case)].result()
    assert left.ran.stderr == case.get("stderr", "")
    assert left.ran.stdout == case.get("stdout", "").replace("{version}", losscli.__version__)
    assert left.ran.code == case.get("exit", 0)
    assert left.after == {**left.before, **{name: text.encode() for name, text in case.get("writes", {}).items()}}


# Every option does something: its name, a run without it, and what turns it on

FILES = {
    "p.csv": P,
    "t.csv": T,
    "bare.csv": "0\n1\n2\n5\n",
    "tabs.csv": "y_pred\ty\tw\n1\t1\t1\n2\t4\t3\n",
    "masked.csv": "y_pred,y,m\n1,2,1\n2,5,0\n",
    "gaps.csv": "y_pred,y\n1,2\n,5\n",
    "keyed.csv": "id,y_pred\n2,1\n1,2\n",
    "keys.csv": "id,y\n1,2\n2,5\n",
    "more.csv": "id,y\n1,2\n2,5\n3,4\n",
    "odd.csv": "y_pred:y:z\n1,500:2:\xe9\n\n# x\n2:4:b\n".encode("latin-1"),
    "far.csv": "y_pred\n1\ninf\n2\n",
    "probs.csv": "prob,label\n1,1\n0,1\n",
    "signs.csv": "y_pred,y\n1,1\n0.5,-1\n",
    "vectors.csv": "a,b,c,d,e,f,y\n1,2,2,4,2,2,1\n0,1,3,1,1,5,0\n",
    "empty.csv": "prob,label\n0,0\n0,0\n",
    "classes.csv": "p_a,p_b,label\n0.75,0.25,a\n0.5,0.5,b\n",
    "shares.csv": "p_a,p_b,hard\n0.75,0.25,1\n0.5,0.5,0\n",
    "other_shares.csv": "p_a,p_b\n0.5,0.5\n0.25,0.75\n",
    "both.parquet": {"y_pred": [1.0, 2.0], "y": [1.0, 4.0]},
    "ranks.csv": "q,y_pred,y\na,1,2\nb,2,2\na,3,1\nb,1,0\n",
    "four.csv": "p_a,p_b,p_c,p_d,label\n0.4,0.3,0.2,0.1,b\n0.1,0.2,0.3,0.4,b\n",
    "boxes.csv": "x1,y1,x2,y2\n0,0,2,3\n1,1,3,4\n",
    "other_boxes.csv": "x1,y1,x2,y2\n0,1,2,2\n1,2,3,3\n",
    "base.json": (
        '{"baseline": 1, "losscli": "0", "inputs": [], "results": [{"loss": "mse", "reduction": "mean", "value": 4,'
        ' "n": 3, "weight": 3, "signature": "mse|mean|w:none|missing:error|n:3|v:0"}]}'
    ),
    "w.npy": [1.0, -2.0],
    "frames.jsonl": '{"pred": [[1, 2, 3], [3, 1, 2]], "target": [1]}\n{"pred": [[0, 1, 2]], "target": [1, 1]}\n',
    "tokens.jsonl": '{"pred": [-1, -2]}\n{"pred": [-4]}\n',
    "ends.csv": "lower,upper,target\n0,1,2\n1,3,2\n",
}
MSE = "eval -l mse p.csv t.csv"
PAIRS = "eval -l contrastive vectors.csv --col left=a,b --col right=c,d --col label=y"
TRIPLETS = "eval -l triplet vectors.csv --col anchor=a,b --col positive=c,d --col negative=e,f"
GAUSSIAN = "eval -l gaussian_nll p.csv t.csv --input variance=t.csv"
ODD = {"--delimiter": ":", "--decimal": ",", "--encoding": "latin-1", "--comment": "'#'", "--skip-blank": ""}


def odd(without: str) -> str:
    """A run with all that has to be said of a file but one."""
    return " ".join(["eval -l mse odd.csv", *(f"{option} {how}" for option, how in ODD.items() if option != without)])


OPTIONS = {
    "--blank": ("eval -l ctc:form=logits frames.jsonl", "--blank 2"),
    "--zero-infinity": ("eval -l ctc:form=logits frames.jsonl", "--zero-infinity true"),
    "--over": ("eval -l token_nll tokens.jsonl", "--over sequences"),
    "--temperature": ("eval -l info_nce vectors.csv --col anchor=a,b --col positive=c,d", "--temperature 1"),
    "--threshold": ("eval -l hamming shares.csv --pred-col 0 --target-col 1", "--threshold 0.9"),
    "--gamma": ("eval -l focal shares.csv --pred-col 0 --target-col hard", "--gamma 1"),
    "--epsilon": ("eval -l poly1 classes.csv", "--epsilon 1"),
    "--k": ("eval -l top_k four.csv", "--k 2"),
    "--n-bins": ("eval -l ece classes.csv", "--n-bins 1"),
    "--part": ("eval -l wgan p.csv t.csv", "--part generator"),
    "--generator": ("eval -l gan:part=generator,form=logits p.csv t.csv", "--generator minimax"),
    "--box-format": ("eval -l box_iou boxes.csv other_boxes.csv", "--box-format xywh"),
    "--eps": ("eval -l charbonnier p.csv t.csv", "--eps 1"),
    "--c": ("eval -l fair p.csv t.csv", "--c 2"),
    "--w": ("eval -l wing p.csv t.csv", "--w 1"),
    "--level": ("eval -l interval ends.csv", "--level 0.5"),
    "--group-col": ("eval -l ranknet ranks.csv", "--group-col q"),
    "--loss": (MSE, "--loss mae"),
    "--pred": ("eval -l mse t.csv --pred p.csv", "--pred t.csv"),
    "--fail-if": (MSE, "--fail-if 'mse > 4'"),
    "--baseline": (MSE, "--baseline base.json"),
    "--max-regress": (f"{MSE} --baseline base.json", "--max-regress 1%"),
    "--min-abs": (f"{MSE} --baseline base.json --max-regress 1%", "--min-abs 1"),
    "--save-baseline": (MSE, "--save-baseline new.json"),
    "--junit": (MSE, "--junit new.xml"),
    "--github": (f"{MSE} --max 4", "--github"),
    "--pred-col": ("eval -l mse tabs.csv", "--pred-col w"),
    "--target-col": ("eval -l mse tabs.csv", "--target-col w"),
    "--weight-col": ("eval -l mse tabs.csv", "--weight-col w"),
    "--mask-col": ("eval -l mse masked.csv", "--mask-col m"),
    "--where": ("eval -l mse masked.csv", "--where m=1"),
    "--missing": ("eval -l mse gaps.csv", "--missing drop"),
    "--id": ("eval -l mse keyed.csv keys.csv", "--id id"),
    "--ids": ("eval -l mse keyed.csv more.csv --id id", "--ids intersect"),
    "--expect-rows": (MSE, "--expect-rows 2"),
    "--classes": ("eval -l cross_entropy classes.csv --json", "--classes b,a"),
    "--labels": ("eval -l cross_entropy classes.csv", "--labels int"),
    "--label-base": ("eval -l cross_entropy classes.csv", "--label-base 1"),
    "--ignore-index": ("eval -l brier probs.csv", "--ignore-index 1"),
    "--class-weight": ("eval -l cross_entropy classes.csv", "--class-weight a=1,b=3"),
    "--normalize": ("eval -l cross_entropy --missing drop classes.csv --json", "--normalize"),
    "--strict": ("eval -l mse t.csv p.csv", "--strict"),
    "--reduction": (MSE, "--reduction sum"),
    "--col": ("eval -l mse tabs.csv", "--col pred=w"),
    "--input": ("eval -l gaussian_nll p.csv t.csv", "--input variance=t.csv"),
    "--per-sample": (MSE, "--per-sample"),
    "--worst": (MSE, "--worst 1"),
    "--show": (f"{MSE} --per-sample", "--show y"),
    "--limit": (f"{MSE} --per-sample", "--limit 1"),
    "--per-sample-out": (MSE, "--per-sample-out s.csv"),
    "--probs-out": ("eval -l bce probs.csv", "--probs-out p.npy"),
    "--grad": (MSE, "--grad"),
    "--hess": (MSE, "--hess"),
    "--grad-out": (MSE, "--grad-out g.npy"),
    "--hess-out": (MSE, "--hess-out h.npy"),
    "--penalty": (MSE, "--penalty l2:strength=1 --parameters w.npy"),
    "--parameters": (f"{MSE} --penalty l2:strength=1", "--parameters w.npy"),
    "--penalty-grad-out": (f"{MSE} --penalty l2:strength=1 --parameters w.npy", "--penalty-grad-out g.npz"),
    "--beta": ("eval -l smooth_l1 p.csv t.csv", "--beta 2"),
    "--variant": ("eval -l smooth_l1 p.csv t.csv", "--variant unhalved"),
    "--q": ("eval -l quantile p.csv t.csv", "--q 0.9"),
    "--margin": ("eval -l hinge signs.csv", "--margin 2"),
    "--distance": (PAIRS, "--distance manhattan"),
    "--p": (TRIPLETS, "--p 1"),
    "--swap": (TRIPLETS, "--swap true"),
    "--empty": ("eval -l dice empty.csv", "--empty 1"),
    "--smooth": ("eval -l dice probs.csv", "--smooth 1"),
    "--pool": ("eval -l dice probs.csv", "--pool sample"),
    "--power": ("eval -l tweedie_deviance probs.csv", "--power 1"),
    "--df": ("eval -l student_t_nll tabs.csv --col scale=w", "--df 1"),
    "--estimator": ("eval -l crps_ensemble vectors.csv --pred-col a,b --target-col y", "--estimator fair"),
    "--full": (GAUSSIAN, "--full true"),
    "--units": ("eval -l kl classes.csv", "--units bits"),
    "--alpha": ("eval -l alpha_divergence shares.csv other_shares.csv", "--alpha 2"),
    "--order": ("eval -l renyi shares.csv other_shares.csv", "--order 2"),
    "--mode": ("eval -l wasserstein p.csv t.csv", "--mode histogram"),
    "--support": ("eval -l wasserstein:mode=histogram classes.csv", "--support 0/3"),
    "--by": (MSE, "--by y"),
    "--bins": (f"{MSE} --by y", "--bins 2"),
    "--min-group": (f"{MSE} --by y", "--min-group 2"),
    "--per-output": ("eval -l bce probs.csv", "--per-output"),
    "--find-slices": ("eval -l mse masked.csv", "--find-slices"),
    "--max": (MSE, "--max 1"),
    "--min": (MSE, "--min 9"),
    "--format": (MSE, "--format value"),
    "--json": (MSE, "--json"),
    "--output": (MSE, "--output out.tsv"),
    "--header": ("eval -l mse bare.csv t.csv", "--header"),
    "--no-header": (MSE, "--no-header"),
    **{option: (odd(option), f"{option} {how}") for option, how in ODD.items()},
    "--thousands": (odd("--decimal"), "--thousands ,"),
    "--max-bytes": ("eval -l mse both.parquet", "--max-bytes 1"),
    "--allow-inf": ("eval -l mse far.csv t.csv", "--allow-inf"),
    "--allow-nonfinite": ("eval -l bce probs.csv", "--allow-nonfinite"),
    "--quiet": ("eval -l mse tabs.csv", "--quiet"),
    "--divisor": ("eval -l nrmse p.csv t.csv", "--divisor std"),
    "--deviance": ("eval -l d2 p.csv t.csv", "--deviance mae"),
    "--delta": ("eval -l huber p.csv t.csv", "--delta 2"),
    "--form": ("eval -l bce probs.csv", "--form logits"),
    "--pos-weight": ("eval -l bce:clip=0.1 probs.csv", "--pos-weight 3"),
    "--label-smoothing": ("eval -l cross_entropy classes.csv", "--label-smoothing 0.5"),
    "--clip": ("eval -l bce probs.csv", "--clip 0.125"),
}
ELSEWHERE = {"--help", "--debug", "--plugin"}  # tested below, and in test_plugins.py
NAMED = {*ODD, "--header", "--no-header", "--thousands", "--max-bytes", "--plugin"}  # in the text above them


def options_in(text: str) -> set[str]:
    """The long options that a help text lists, each on a line of its own or named in the help of another."""
    return set(re.findall(r"--[a-z][a-z-]*", text.partition("Options:")[2]))


def test_every_option_of_eval_is_in_the_list(run_here: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "110")  # an option a line
    texts = [run_here("eval", "--loss", name, "--help").stdout for name in losscli.names()]
    assert {option for text in texts for option in options_in(text)} | NAMED == set(OPTIONS) | ELSEWHERE
    assert all(option in text.replace("-\n  ", "-") for text in texts for option in NAMED)  # broken at a hyphen


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_changes_something(option: str, run_here: Run, here: Path) -> None:
    without, with_it = (shlex.split(text) for text in OPTIONS[option])
    put(here, FILES)
    before = run_here(*without)
    after = run_here(*without, *with_it)
    assert after.code in (0, 1, 3, 4)
    assert (before, set(FILES)) != (after, set(os.listdir(here)))


# The options of a loss


def test_a_losss_own_options_show_with_the_loss_alone(run: Run) -> None:
    assert "--delta" in options_in(run("eval", "--loss", "huber", "--help").stdout)
    assert "--delta" in options_in(run("eval", "-l", "HuberLoss:delta=2", "-h").stdout)
    assert not options_in(run("eval", "--help").stdout) & {"--delta", "--form", "--clip"}


def test_an_option_goes_to_every_loss_that_has_it(run: Run, tmp_path: Path) -> None:
    put(tmp_path, FILES)
    ran = run("eval", "-l", "huber", "-l", "mse", "--delta", "2", "p.csv", "t.csv")
    assert [line.split("\t")[0] for line in ran.stdout.splitlines()] == ["loss", "huber:delta=2", "mse"]


@pytest.mark.parametrize(
    "args",
    [
        f"{MSE} --max 1 --max 2",
        f"{MSE} --weight-col a --weight-col=b",
        f"{MSE} -o a.txt --output b.txt",
        f"{MSE} --penalty l1:strength=1 --penalty l2:strength=1 --parameters w.npy",
        "step -l mse -l mae --features p.csv --parameters w.npy --rate 1 t.csv",
        "step -lmse --loss=mae --features p.csv --parameters w.npy --rate 1 t.csv",
        "list --task regression --task ranking",
    ],
)
def test_an_option_of_one_value_is_given_once(args: str, run_here: Run, here: Path) -> None:
    """Of two the last would be taken without a word."""
    put(here, FILES)
    ran = run_here(*shlex.split(args))
    assert (ran.code, ran.stdout) == (2, "")
    assert re.fullmatch(r"losscli: error: --[a-z-]+ is given 2 times, and takes one value\n", ran.stderr)


def test_an_option_of_several_values_is_given_as_often_as_there_are(run_here: Run, here: Path) -> None:
    put(here, FILES)
    assert run_here(*shlex.split(f"{MSE} -l mae --where y>0 --where y<3 --fail-if mse>99 --fail-if mae>99")).code == 0


# Help


def test_help_of_eval_fits_a_screen_and_a_half(run: Run) -> None:
    lines = run("eval", "--help", env={"COLUMNS": "100"}).stdout.splitlines()
    assert 20 < len(lines) <= 70
    assert max(map(len, lines)) <= 100


def test_help_of_eval_shows_each_example_on_a_line(run: Run) -> None:
    lines = [line.strip() for line in run("eval", "--help", env={"COLUMNS": "100"}).stdout.splitlines()]
    assert "losscli eval --loss huber --delta 1.0 preds.csv targets.csv" in lines
    assert not [line for line in lines if "\\b" in line]


@pytest.mark.parametrize("args", [[], ["eval"], ["list"], ["explain"]], ids=lambda args: " ".join(args) or "top")
def test_both_spellings_of_help(args: list[str], run: Run) -> None:
    short, long = run(*args, "-h"), run(*args, "--help")
    assert short == long
    assert (long.code, long.stderr) == (0, "")
    assert long.stdout.startswith(f"Usage: losscli{''.join(' ' + arg for arg in args)}")


def test_no_command_shows_the_help(run: Run) -> None:
    assert run() == run("--help")


def test_version(run: Run) -> None:
    assert run("--version") == Ran(f"losscli {losscli.__version__}\n", "", 0)


# list and explain


def test_list_has_every_loss(run: Run) -> None:
    header, *rows = [line.split("\t") for line in run("list").stdout.splitlines()]
    assert header == ["loss", "task", "parameters", "what it is"]
    assert sorted(row[0] for row in rows) == losscli.names()
    assert {len(row) for row in rows} == {4}
    assert next(row for row in rows if row[0] == "huber")[1:3] == ["regression", "delta=1"]


def test_list_of_a_task(run: Run) -> None:
    rows = [line.split("\t") for line in run("list", "--task", "classification").stdout.splitlines()[1:]]
    assert sorted(row[0] for row in rows) == sorted(n for n, d in definitions().items() if d.task == "classification")


def test_list_as_json(run: Run) -> None:
    listed = json.loads(run("list", "--format", "json").stdout)
    assert listed["schema"] == 1
    assert sorted(loss["name"] for loss in listed["losses"]) == losscli.names()
    huber = next(loss for loss in listed["losses"] if loss["name"] == "huber")
    assert huber["task"] == "regression"
    assert huber["roles"] == ["pred", "target"]
    assert huber["aliases"] == ["HuberLoss", "huber_loss"]
    assert huber["params"]["delta"]["default"] == 1.0


def test_list_as_json_of_a_task_is_a_part_of_all(run: Run) -> None:
    everything = json.loads(run("list", "--format", "json").stdout)["losses"]
    part = json.loads(run("list", "--format", "json", "--task", "regression").stdout)["losses"]
    assert part == [loss for loss in everything if loss["task"] == "regression"]
    assert 0 < len(part) < len(everything)


@pytest.mark.parametrize("columns", ["60", "200"])
def test_list_as_a_table_shortens_nothing(columns: str, run: Run) -> None:
    text = run("list", "--format", "table", env={"COLUMNS": columns}).stdout
    for definition in definitions().values():
        words = iter(text.split())
        assert all(word in words for word in definition.summary.removesuffix(".").split())  # in this order


@pytest.mark.parametrize("name", definitions())
def test_explain(name: str, run_here: Run) -> None:
    definition = definitions()[name]
    ran = run_here("explain", name)
    assert (ran.code, ran.stderr) == (0, "")
    assert ran.stdout.startswith(f"{name} ({definition.task})\n")
    said, shown = card_of(definition), " ".join(ran.stdout.split())
    assert " ".join(said.formula.split()) in shown
    assert all(" ".join(text.split()) in shown for text in [said.text, *said.sections.values()])
    first = definition.kind.role_names[0]
    file = "run.npz" if definition.kind.is_sequential else f"{'preds' if first == 'pred' else first}.csv"
    assert f"losscli eval --loss {name} {file}" in ran.stdout
    for alias in definition.aliases:
        assert alias in ran.stdout
    for parameter in definition.params:
        assert "--" + parameter.replace("_", "-") in ran.stdout


@pytest.mark.parametrize("spelling", ["HuberLoss", "huberloss", "huber:delta=2"])
def test_explain_takes_other_spellings(spelling: str, run: Run) -> None:
    assert run("explain", spelling) == run("explain", "huber")


# Shell completion


def completed(run: Run, words: str) -> list[str]:
    count = str(len(words.split(" ")) - 1)
    ran = run(env={"_LOSSCLI_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": count})
    assert (ran.code, ran.stderr) == (0, "")
    return ran.stdout.split()


def test_commands_are_completed(run: Run) -> None:
    assert completed(run, "losscli e") == ["eval", "explain"]
    assert completed(run, "losscli ") == ["eval", "check", "list", "explain", "inspect", "gradcheck", "step"]


def test_losses_are_completed(run: Run) -> None:
    assert completed(run, "losscli eval --loss hu") == ["huber"]
    assert sorted(completed(run, "losscli eval -l ")) == losscli.names()
    assert completed(run, "losscli explain cro") == ["cross_entropy"]


# Where the result goes


def on_terminal(argv: list[str], cwd: Path, env: dict[str, str]) -> str:
    """What a command writes to a terminal that is its stdout."""
    master, slave = pty.openpty()
    full = support.environment(env)
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=slave, cwd=cwd, env=full) as process:
        os.close(slave)
        parts = []
        try:
            while part := os.read(master, 1 << 16):
                parts.append(part)
        except OSError:  # Linux's way to say that the other end is closed
            pass
        process.wait()
    os.close(master)
    return b"".join(parts).decode().replace("\r\n", "\n")


def test_a_terminal_gets_a_table(tmp_path: Path) -> None:
    put(tmp_path, FILES)
    args = shlex.split(MSE)
    text = on_terminal(support.command(*args), tmp_path, {"COLUMNS": "120", "TERM": "dumb"})
    table = support.run(*args, "--format", "table", cwd=tmp_path, env={"COLUMNS": "120"}).stdout
    assert text.startswith(table + "\nmse  0.0 ")  # and a histogram, on a terminal only
    assert "std" in text


def test_a_terminal_gets_a_table_of_the_losses(tmp_path: Path) -> None:
    text = on_terminal(support.command("list"), tmp_path, {"COLUMNS": "60", "TERM": "dumb"})
    table = support.run("list", "--format", "table", cwd=tmp_path, env={"COLUMNS": "60"}).stdout
    assert text.split() == table.split()  # but broken into lines that are no wider than the terminal


@pytest.mark.parametrize(
    ("env", "coloured"),
    [({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), ({"TERM": "xterm", "NO_COLOR": "1"}, False)],
    ids=["xterm", "dumb", "NO_COLOR"],
)
def test_colour_on_a_terminal(env: dict[str, str], coloured: bool, tmp_path: Path) -> None:
    put(tmp_path, FILES)
    argv = support.command(*shlex.split(MSE), "--format", "table")
    assert ("\x1b[" in on_terminal(argv, tmp_path, {"COLUMNS": "120", **env})) == coloured


def test_colour_elsewhere_only_where_it_is_forced(run: Run, tmp_path: Path) -> None:
    put(tmp_path, FILES)
    args, env = [*shlex.split(MSE), "--format", "table"], {"COLUMNS": "120", "TERM": "xterm"}
    plain, forced = run(*args, env=env).stdout, run(*args, env={**env, "FORCE_COLOR": "1"}).stdout
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", forced).replace(" ", "") == plain.replace(" ", "")
    assert forced != plain
    assert run(*args, env={**env, "FORCE_COLOR": "1", "NO_COLOR": "1"}).stdout == plain


def test_a_result_file_keeps_its_permissions(run: Run, tmp_path: Path) -> None:
    put(tmp_path, {**FILES, "out.tsv": "old\n"})
    out = tmp_path / "out.tsv"
    out.chmod(0o604)
    assert run(*shlex.split(MSE), "-o", "out.tsv") == Ran("", "", 0)
    assert (out.read_text(), out.stat().st_mode & 0o777) == (RESULT, 0o604)


def test_a_new_result_file_has_the_usual_permissions(run: Run, tmp_path: Path) -> None:
    put(tmp_path, FILES)
    run(*shlex.split(MSE), "-o", "out.tsv")
    assert (tmp_path / "out.tsv").stat().st_mode == (tmp_path / "p.csv").stat().st_mode


def test_a_result_file_may_be_a_link(run: Run, tmp_path: Path) -> None:
    put(tmp_path, {**FILES, "real.tsv": "old\n"})
    (tmp_path / "out.tsv").symlink_to("real.tsv")
    assert run(*shlex.split(MSE), "-o", "out.tsv").code == 0
    assert (tmp_path / "out.tsv").is_symlink()
    assert (tmp_path / "real.tsv").read_text() == RESULT


def test_json_is_strict(run: Run, tmp_path: Path) -> None:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    put(tmp_path, FILES)
    ran = run("eval", "-l", "bce", "probs.csv", "--json")
    assert ran.code == 4
    result = json.loads(ran.stdout, parse_constant=refuse)["results"][0]
    assert (result["value"], result["min"], result["max"], result["std"]) == ("Infinity", 0.0, "Infinity", "NaN")


@pytest.mark.parametrize("gate", ["--min", "--max"])
def test_a_gate_that_fails_says_so(gate: str, run: Run, tmp_path: Path) -> None:
    """An infinite value, allowed, with a gate is exit 1, whichever side the gate is on; exit 1 is never silent."""
    put(tmp_path, FILES)
    ran = run("eval", "-l", "bce", "probs.csv", "--allow-nonfinite", gate, "1")
    assert ran.code == 1
    assert gate in ran.stderr


# What cannot happen, and does


def sabotaged(tmp_path: Path, error: str, *args: str) -> Ran:
    """A run in which the computation raises `error`."""
    put(tmp_path, FILES)
    code = (
        "import sys, losscli.engine\n"
        f"def broken(*a, **k): raise {error}\n"
        "losscli.engine.evaluate = broken\n"
        "from losscli.cli import main\n"
        f"sys.argv = {['losscli', *shlex.split(MSE), *args]}\n"
        "main()\n"
    )
    return support.run_any([support.command()[0], "-c", code], b"", tmp_path, None)


def test_an_internal_error_is_one_line_and_70(tmp_path: Path) -> None:
    ran = sabotaged(tmp_path, "RuntimeError('boom')")
    assert (ran.code, ran.stdout) == (70, "")
    assert ran.stderr.startswith("losscli: error: internal error")
    assert "report" in ran.stderr
    assert "boom" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_debug_shows_the_trace_of_an_internal_error(tmp_path: Path) -> None:
    ran = sabotaged(tmp_path, "RuntimeError('boom')", "--debug")
    assert (ran.code, ran.stdout) == (70, "")
    assert "Traceback (most recent call last)" in ran.stderr


def test_out_of_memory_is_71(tmp_path: Path) -> None:
    ran = sabotaged(tmp_path, "MemoryError()")
    assert (ran.code, ran.stdout, ran.stderr) == (71, "", "losscli: error: out of memory\n")
