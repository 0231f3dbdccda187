"""What labels mean, and what is said of them: names, indices, the first index, labels to ignore, weights of classes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import losscli
from losscli import InputError, UsageError
from losscli.results import Report
from tests.support import Ran, column, put

Run = Callable[..., Ran]
BLOCKS = [1, 7, 1 << 17]
PROBS = [
    *([0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.125, 0.125, 0.75], [0.75, 0.125, 0.125]),
    *([0.25, 0.25, 0.5], [0.5, 0.375, 0.125], [0.0625, 0.9375, 0.0], [0.125, 0.5, 0.375], [0.25, 0.5, 0.25]),
]
INDICES = [0, 1, 2, 0, 0, 1, 1, 2, 1]
NAMES = ("ant", "bee", "cat")
EVAL = ("eval", "-l", "cross_entropy", "p.npy")


def value_of(indices: list[int] | None = None, weights: list[float] | None = None) -> float:
    """Σwℓ/Σw by its definition."""
    labels = INDICES if indices is None else indices
    losses = [-np.log(row[k]) for row, k in zip(PROBS, labels, strict=True)]
    return float(np.average(losses, weights=weights))


def named(indices: list[int], names: tuple[str, ...] = NAMES) -> list[str]:
    return [names[k] for k in indices]


def csv_of(headers: str, order: tuple[int, ...] = (0, 1, 2)) -> str:
    return "\n".join([headers, *(",".join(repr(row[k]) for k in order) for row in PROBS)]) + "\n"


def of(target: Any, pred: Any = "p.npy", loss: str = "cross_entropy", **said: Any) -> Report:
    """The report, after all sizes of blocks have given the same."""
    reports = [losscli.evaluate(loss, pred=pred, target=target, block=block, **said) for block in BLOCKS]
    assert len({json.dumps(report.to_dict()) for report in reports}) == 1
    assert len({report.notes for report in reports}) == 1
    return reports[0]


def refusal(kind: type[losscli.LossError], target: Any, loss: str = "cross_entropy", **said: Any) -> str:
    """The message, after all sizes of blocks have given the same."""
    messages = set()
    for block in BLOCKS:
        with pytest.raises(kind) as caught:
            losscli.evaluate(loss, pred=said.get("pred", "p.npy"), target=target, block=block, **without_pred(said))
        messages.add(str(caught.value))
    assert len(messages) == 1
    message = messages.pop()
    assert "\n" not in message
    return message


def without_pred(said: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in said.items() if key != "pred"}


@pytest.fixture
def files(here: Path) -> Path:
    put(
        here,
        {
            "p.npy": PROBS,
            "t.csv": column("label", INDICES),
            "t.npy": INDICES,
            "t.parquet": {"label": INDICES},
            "names.csv": column("label", named(INDICES)),
            "names.npy": named(INDICES),
            "names.parquet": {"label": named(INDICES)},
            "one.csv": column("label", [k + 1 for k in INDICES]),
            "one.npy": np.array(INDICES, np.uint8) + 1,
            "one.parquet": {"label": [k + 1 for k in INDICES]},
        },
    )
    return here


# Names of classes


@pytest.mark.parametrize("target", ["names.csv", "names.npy", "names.parquet"])
@pytest.mark.parametrize("classes", [NAMES, "ant,bee,cat"])
def test_classes_name_columns_without_headers(target: str, classes: Any, files: Path) -> None:
    report = of(target, classes=classes)
    assert report.value == pytest.approx(value_of(), rel=1e-15)
    assert "|classes:ant,bee,cat|" in report.results[0].signature


@pytest.mark.parametrize("pred", ["p.csv", "p.parquet", "frame", "lists"])
def test_classes_name_columns_of_any_format(pred: str, files: Path) -> None:
    lists = {"p": PROBS}
    columns = {f"x{k}": [row[k] for row in PROBS] for k in range(3)}
    put(files, {"p.csv": csv_of("x0,x1,x2"), "p.parquet": columns, "lists": lists})
    assert of("names.csv", pred="p.npy" if pred == "frame" else pred, classes=NAMES).value == of("t.csv").value


@pytest.mark.parametrize("headers", ["p_cat,p_ant,p_bee", "cat,ant,bee"])
@pytest.mark.parametrize("target", ["names.csv", "t.csv", "t.npy", "one.csv"])
def test_headers_are_matched_by_name(headers: str, target: str, files: Path) -> None:
    """Indices count in the order of --classes, names find their column; outputs keep the order of the file."""
    put(files, {"p.csv": csv_of(headers, (2, 0, 1))})
    said: dict[str, Any] = {"label_base": 1} if target == "one.csv" else {}
    report = of(target, pred="p.csv", classes=NAMES, grad=True, **said)
    assert report.value == of("t.csv").value
    plain = losscli.evaluate("cross_entropy", pred="p.npy", target="t.csv", grad=True).results[0].gradient
    assert (report.results[0].gradient == plain[:, [2, 0, 1]]).all()


def test_names_of_headers_in_full(files: Path) -> None:
    put(
        files,
        {"p.csv": csv_of("p_cat,p_ant,p_bee", (2, 0, 1)), "n.csv": column("y", [f"p_{n}" for n in named(INDICES)])},
    )
    assert of("n.csv", pred="p.csv", classes=["p_ant", "p_bee", "p_cat"]).value == of("t.csv").value


def test_soft_targets_follow_the_names(files: Path) -> None:
    soft = np.eye(3)[INDICES]
    put(files, {"soft.csv": "\n".join(["cat,ant,bee", *(f"{c},{a},{b}" for a, b, c in soft)]) + "\n"})
    assert of("soft.csv", classes=NAMES).value == of("t.csv").value


def test_names_are_shown(files: Path) -> None:
    worst = of("t.csv", classes=NAMES, worst=1).results[0].to_dict()["samples"][0]
    assert (worst["row"], worst["target"], worst["predicted"]) == (4, "ant", "cat")


BAD_CLASSES: dict[str, tuple[Any, str, str]] = {
    "too few": (["ant", "bee"], "p.npy", "p.npy: the prediction has 3 columns, --classes names 2: ant, bee"),
    "too many in lists": ("a,b,c,d", "lists", "lists: the prediction has 3 columns, --classes names 4: a, b, c, d"),
    "some others": ("ant,bee,cow", "p.csv", "p.csv: its columns are ant, bee, cat, and --classes says ant, bee, cow"),
    "twice": ("ant,bee,ant", "p.npy", "--classes: 'ant' is named twice"),
    "empty": ("ant,,bee", "p.npy", "--classes: a name is empty"),
}


@pytest.mark.parametrize("name", BAD_CLASSES)
def test_refused_names(name: str, files: Path) -> None:
    classes, pred, message = BAD_CLASSES[name]
    put(files, {"lists": {"p": PROBS}, "p.csv": csv_of("p_ant,p_bee,p_cat")})
    assert refusal(UsageError, "names.csv", pred=pred, classes=classes) == message


def test_a_label_that_is_no_class(files: Path) -> None:
    put(files, {"n.csv": column("label", [*named(INDICES[:8]), "bees"])})
    message = "n.csv:10:label: label 'bees' is no class; did you mean 'bee'?; the classes are ant, bee, cat"
    assert refusal(InputError, "n.csv", classes=NAMES) == message
    assert refusal(InputError, "n.csv").endswith(
        "the prediction's columns have no names to match; --classes a,b,c names them"
    )


def test_words_beside_one_column_of_probabilities() -> None:
    message = refusal(InputError, ["no", "yes"], loss="brier", pred=[0.25, 0.75])
    assert message.endswith("label 'no' is no class; beside one column of probabilities, labels are 0 and 1")
    assert of([1, 2], loss="brier", pred=[0.25, 0.75], label_base=1).value == 0.0625


# The first index


@pytest.mark.parametrize("target", ["one.csv", "one.npy", "one.parquet"])
def test_labels_that_count_from_one(target: str, files: Path) -> None:
    report = of(target, label_base=1)
    assert report.value == of("t.csv").value
    assert "|base:1|" in report.results[0].signature
    assert report.notes == ()


@pytest.mark.parametrize("target", ["one.csv", "one.npy", "one.parquet"])
def test_labels_that_count_from_one_are_refused(target: str, files: Path) -> None:
    place = {"one.csv": "one.csv:4:label", "one.npy": "one.npy: row 2"}.get(
        target, "one.parquet: row 2, column 'label'"
    )
    message = f"{place}: label 3 is outside 0..2; do the labels count from 1? --label-base 1"
    assert refusal(InputError, target) == message


OUTSIDE = {
    "a zero at the end": ([1, 3, 2, 0], "t:3:label: label 3 is outside 0..2"),
    "a larger one at the end": ([1, 3, 2, 4], "t:3:label: label 3 is outside 0..2"),
    "one to ignore": (
        [1, 2, -100, 0],
        "t:4:label: label -100 is outside 0..2; --ignore-index -100 leaves such rows out",
    ),
    "one to ignore, and from one": ([1, 3, -100, 1], "t:3:label: label 3 is outside 0..2"),
    "a negative one": ([1, -1, 0, 2], "t:3:label: label -1 is outside 0..2"),
    "not whole": ([1, 0, 1.7, 2], "t:4:label: label 1.7 is not an integer"),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_hints_look_at_the_whole_column(name: str, here: Path) -> None:
    labels, message = OUTSIDE[name]
    put(here, {"p.npy": PROBS[:4], "t": column("label", labels)})
    assert refusal(InputError, "t") == message


def test_a_base_that_does_not_fit(files: Path) -> None:
    message = "t.csv:2:label: label 0 is outside 1..3 (--label-base 1); do the labels count from 0?"
    assert refusal(InputError, "t.csv", label_base=1) == message
    put(files, {"n.csv": column("label", ["1", "ant", *["2"] * 7])})
    message = "n.csv:3:label: label 'ant' is not an integer, and --label-base 1 says that labels are indices"
    assert refusal(InputError, "n.csv", label_base=1, classes=NAMES) == message
    put(files, {"n.csv": column("label", [1, 2.5, *[3] * 7])})
    assert refusal(InputError, "n.csv", label_base=1) == "n.csv:3:label: label 2.5 is not an integer"


def test_a_note_where_no_label_is_zero(files: Path) -> None:
    put(files, {"n.csv": column("label", [max(k, 1) for k in INDICES]), "bees.csv": column("label", ["bee"] * 9)})
    assert of("n.csv").notes == ("n.csv: no label is 0; do they count from 1? --label-base 1",)
    assert of("n.csv", label_base=0).notes == ()
    assert of("bees.csv", classes=NAMES).notes == ()  # a name, not an index
    assert of("t.csv").notes == ()


def test_no_note_where_rows_of_label_zero_are_ignored(files: Path) -> None:
    report = of("t.csv", ignore_index=0, strict=True)
    assert report.notes == ("3 of 9 rows are left out: 3 ignored",)


def test_labels_of_another_base_are_shown_as_they_are(files: Path) -> None:
    worst = of("one.csv", label_base=1, worst=1).results[0].to_dict()["samples"][0]
    assert (worst["target"], worst["predicted"]) == ("1", "3")


# Names or numbers


def test_names_to_the_letter(files: Path) -> None:
    codes = ("7", "007", "1")
    put(files, {"n.csv": column("label", named(INDICES, codes)), "n.parquet": {"label": named(INDICES, codes)}})
    for target in ("n.csv", "n.parquet"):
        report = of(target, classes=codes, labels="text")
        assert report.value == of("t.csv").value
        assert "|labels:text|" in report.results[0].signature
    put(files, {"n.csv": column("label", ["07", *named(INDICES[1:], codes)])})
    assert refusal(InputError, "n.csv", classes=codes, labels="text").startswith(
        "n.csv:2:label: label '07' is no class"
    )


def test_numbers_as_names(files: Path) -> None:
    """Numbers in an array are names by their digits, where that is said or all names are numbers."""
    put(files, {"n.npy": [30 - k for k in INDICES]})
    for labels in ("text", None):
        assert of("n.npy", classes=["30", "29", "28"], labels=labels).value == of("t.csv").value
    put(files, {"n.npy": [30, 29, 27, *[28] * 6]})
    assert refusal(InputError, "n.npy", classes=["30", "29", "28"]).startswith("n.npy: row 2: label '27' is no class")


def test_indices_whatever_the_headers(files: Path) -> None:
    put(files, {"p.csv": csv_of("2,1,0")})
    reversed_ = [2 - k for k in INDICES]
    assert of("t.csv", pred="p.csv", header=True).value == pytest.approx(value_of(reversed_), rel=1e-15)
    report = of("t.csv", pred="p.csv", header=True, labels="int")
    assert report.value == pytest.approx(value_of(), rel=1e-15)
    assert "|labels:int|" in report.results[0].signature
    message = "names.csv:2:label: label 'ant' is not an integer, and --labels int says that labels are indices"
    assert refusal(InputError, "names.csv", labels="int") == message


def test_text_needs_names(files: Path) -> None:
    message = "--labels text needs the names of the classes: the prediction's headers, or --classes"
    assert refusal(UsageError, "names.csv", labels="text") == message
    message = "--label-base counts indices, and with --labels text there are none"
    assert refusal(UsageError, "t.csv", labels="text", label_base=1, classes=NAMES) == message


@pytest.mark.parametrize("word", ["NA", "nan", "null", "None"])
@pytest.mark.parametrize("target", ["n.csv", "n.npy", "n.parquet"])
def test_a_word_for_a_missing_value_may_be_a_class(word: str, target: str, files: Path) -> None:
    words = named(INDICES, (word, "EU", "US"))
    put(files, {"n.csv": column("label", words), "n.npy": words, "n.parquet": {"label": words}})
    put(files, {"p.csv": csv_of(f"p_{word},p_EU,p_US")})
    assert of(target, classes=[word, "EU", "US"], missing="drop").value == of("t.csv").value
    assert of(target, pred="p.csv", missing="drop").value == of("t.csv").value
    assert "missing label" in refusal(InputError, target, classes=["ant", "EU", "US"])
    said = {"classes": ["ant", "EU", "US"], "labels": "text", "missing": "drop"}
    assert f"label '{word}' is no class" in refusal(InputError, target, **said)
    absent = of(target, classes=["ant", "EU", "US"], missing="drop").account.absent
    assert absent == {"missing target": INDICES.count(0)}


def test_an_empty_cell_is_missing_always(files: Path) -> None:
    put(files, {"n.csv": "id,label\n" + "".join(f"{k},{'' if k == 3 else 'NA'}\n" for k in range(9))})
    said = {"classes": ["NA", "EU", "US"], "labels": "text"}
    hint = "fill it in, or leave such rows out: --missing drop"
    assert refusal(InputError, "n.csv", **said) == f"n.csv:5:label: missing label; {hint}"
    assert of("n.csv", missing="drop", **said).account.absent == {"missing target": 1}


def test_missing_integers_of_parquet(files: Path) -> None:
    put(files, {"n.parquet": {"label": [None, *INDICES[1:]]}})
    assert of("n.parquet", missing="drop").account.absent == {"missing target": 1}
    assert refusal(InputError, "n.parquet").startswith("n.parquet: row 0, column 'label': missing")


@pytest.mark.parametrize("target", ["h.csv", "h.npy", "h.parquet"])
def test_margin_losses_of_zero_and_one(target: str, here: Path) -> None:
    put(here, {"s.csv": column("y_pred", [0.5, -2.0, 0.25]), "h.csv": column("y", [1, 0, 0])})
    put(here, {"h.npy": [True, False, False], "h.parquet": {"y": [1, 0, 0]}})
    report = of(target, pred="s.csv", loss="hinge", labels="01", per_sample=True)
    assert report.value == (0.5 + 0 + 1.25) / 3
    assert "|labels:01|" in report.results[0].signature
    assert report.results[0].to_dict()["samples"][1]["target"] == -1.0
    message = refusal(InputError, target, loss="hinge", pred="s.csv")
    assert message.endswith("0.0 is not -1 or 1; 0/1 labels must be written as -1/+1, or say --labels 01")
    put(here, {"signs.csv": column("y", [1, -1, 1])})
    message = refusal(InputError, "signs.csv", loss="hinge", pred="s.csv", labels="01")
    assert message == "signs.csv:3:y: -1.0 is not 0 or 1, as --labels 01 says"
    put(here, {"gap.csv": "y,z\n1,1\n,1\n0,1\n"})
    message = refusal(InputError, "gap.csv", loss="hinge", pred="s.csv", labels="01")
    assert message.startswith("gap.csv:3:y: missing value")


# Labels to ignore


@pytest.mark.parametrize("target", ["i.csv", "i.npy", "i.parquet"])
@pytest.mark.parametrize("ignored", [-100, 255])
def test_ignored_labels_are_absent(target: str, ignored: int, files: Path) -> None:
    labels = [ignored if i in (0, 4, 8) else k for i, k in enumerate(INDICES)]
    probs = np.array(PROBS)
    probs[4] = [7.0, np.nan, -1.0]  # not checked, as its row is absent
    put(files, {"i.csv": column("label", labels), "i.npy": labels, "i.parquet": {"label": labels}, "p.npy": probs})
    weights = [float(i not in (0, 4, 8)) for i in range(9)]
    kept = [0 if k == ignored else k for k in labels]
    report = of(target, ignore_index=ignored, grad=True)
    assert report.value == pytest.approx(value_of(kept, weights), rel=1e-15)
    assert (report.results[0].n, report.results[0].weight) == (6, 6.0)
    assert report.account.to_dict()["ignored"] == 3
    assert (report.results[0].gradient[[0, 4, 8]] == 0).all()
    assert report.notes == ("3 of 9 rows are left out: 3 ignored",)
    assert f"|ignore:{ignored}|" in report.results[0].signature


@pytest.mark.parametrize("dtype", ["u1", "i8", "f4", "O"])
def test_ignored_labels_of_every_type(dtype: str) -> None:
    assert of(np.array(INDICES, dtype), pred=PROBS, ignore_index=2).results[0].n == 7
    assert of(np.array(INDICES, dtype), pred=PROBS, ignore_index=-100).results[0].n == 9


def test_labels_are_ignored_as_they_are_written(files: Path) -> None:
    assert of("one.csv", ignore_index=1, label_base=1).results[0].n == 6
    words = [*named(INDICES[:8]), "-1"]
    put(files, {"n.csv": column("label", words)})
    for labels in ("text", None):
        assert of("n.csv", ignore_index=-1, classes=NAMES, labels=labels).results[0].n == 8
    assert refusal(InputError, "n.csv", classes=NAMES) == "n.csv:10:label: label -1 is outside 0..2"


def test_all_labels_are_ignored(files: Path, run_here: Run) -> None:
    put(files, {"n.csv": column("label", [-100] * 9)})
    ran = run_here(*EVAL, "n.csv", "--ignore-index", "-100")
    assert ran == Ran("", "losscli: error: no row is left of 9: 9 ignored\n", 3)


# Weights of classes

LOGITS = [[0.5, -1.25, 2.0], [1.5, 0.25, -0.75], [-0.5, 0.0, 1.0], [2.25, 1.0, 0.5], [0.125, 0.75, -2.0]]
# torch 2.13.0: nn.functional.cross_entropy(logits, [2, 0, 1, 0, -100], weight=[0.5, 2.0, 3.0], reduction=…), float64
TORCH = {
    "mean": (
        0.6635422483308252,
        [
            [0.08841009105372215, 0.015363370163218216, -0.10377346121694037],
            [-0.02346330490407792, 0.017153050333137628, 0.006310254570940293],
            [0.04674812772202949, -0.256258700792617, 0.20951057307058746],
            [-0.026266602829808784, 0.016349892030387517, 0.009916710799421267],
            [0.0, 0.0, 0.0],
        ],
    ),
    "sum": (
        3.981253489984951,
        [
            [0.5304605463223329, 0.0921802209793093, -0.6226407673016422],
            [-0.14077982942446754, 0.10291830199882578, 0.03786152742564176],
            [0.28048876633217695, -1.537552204755702, 1.2570634384235249],
            [-0.15759961697885272, 0.0980993521823251, 0.059500264796527605],
            [0.0, 0.0, 0.0],
        ],
    ),
}
SCORES, OUTCOMES = [0.5, -1.25, 2.0, 0.125], [1, 0, 0, 1]
# the same, binary_cross_entropy_with_logits(scores, outcomes, weight=3 where outcome is 1, else 0.5), the mean by Σw
TORCH_BINARY = {
    "mean": (
        0.6442080863837144,
        [-0.16180314377063373, 0.015907152773236344, 0.06291407699842017, -0.20091026855410443],
    ),
    "sum": (4.509456604686001, [-1.132622006394436, 0.11135006941265442, 0.44039853898894116, -1.4063718798787312]),
}


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("pred", ["l.csv", "l.npy", "l.parquet"])
def test_weights_as_torch_has_them(reduction: str, pred: str, here: Path) -> None:
    text = "\n".join(["p_a,p_b,p_c", *(",".join(map(str, row)) for row in LOGITS)]) + "\n"
    columns = {f"p_{name}": [row[k] for row in LOGITS] for k, name in enumerate("abc")}
    put(here, {"l.csv": text, "l.npy": LOGITS, "l.parquet": columns, "t.csv": column("label", [2, 0, 1, 0, -100])})
    weights = {0: 0.5, 1: 2, 2: 3} if pred == "l.npy" else {"a": 0.5, "b": 2, "c": 3}
    said: dict[str, Any] = {"class_weight": weights, "ignore_index": -100, "reduction": reduction}
    report = of("t.csv", pred=pred, loss="cross_entropy:form=logits", grad=True, **said)
    value, gradient = TORCH[reduction]
    assert report.value == pytest.approx(value, rel=1e-14)
    assert report.results[0].gradient == pytest.approx(np.array(gradient), rel=1e-13, abs=1e-16)
    assert (report.results[0].n, report.results[0].weight) == (4, 6.0)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_weights_of_two_classes_as_torch_has_them(reduction: str) -> None:
    said: dict[str, Any] = {"class_weight": "0=0.5,1=3", "reduction": reduction}
    report = of(OUTCOMES, pred=SCORES, loss="bce:form=logits", grad=True, **said)
    value, gradient = TORCH_BINARY[reduction]
    assert report.value == pytest.approx(value, rel=1e-14)
    assert report.results[0].gradient == pytest.approx(np.array(gradient), rel=1e-13)
    assert "|cw:0=0.5,1=3|" in report.results[0].signature


def test_gradients_with_weights_go_to_files(files: Path, run_here: Run) -> None:
    """In one scan or in two, with weights of samples as well: as if each sample's weight had been given."""
    own = [1.0, 2.0, 0.5, 0.0, 1.0, 3.0, 1.0, 1.0, 0.25]
    product = [w * (3.0, 0.5, 0.0)[k] for w, k in zip(own, INDICES, strict=True)]
    put(files, {"w.csv": column("weight", own), "both.csv": column("weight", product)})
    args = ("--grad-out", "a.npy", "--input", "weight=w.csv", "--class-weight", "0=3,1=.5,2=0")
    one = run_here(*EVAL, "t.npy", *args)
    two = run_here(*EVAL, "t.npy", "--grad-out", "b.npy", "--input", "weight=both.csv")
    assert one == two
    assert one.code == 0
    assert (np.load("a.npy") == np.load("b.npy")).all()


WEIGHT_FILES = {
    "w.csv": "class,weight\nant,1\nbee,3\ncat,0.5\n",
    "semicolons.csv": "weight;class;n\n0.5;cat;2\n3;bee;1\n1;ant;4\n",
    "w.parquet": {"class": ["bee", "cat", "ant"], "weight": [3.0, 0.5, 1.0]},
}


@pytest.mark.parametrize("name", WEIGHT_FILES)
def test_weights_from_a_file(name: str, files: Path) -> None:
    put(files, {name: WEIGHT_FILES[name]})
    report = of("names.csv", classes=NAMES, class_weight=name)
    assert report.value == pytest.approx(value_of(weights=[[1.0, 3.0, 0.5][k] for k in INDICES]), rel=1e-15)
    assert (
        report.to_dict()["results"]
        == of("t.npy", classes=NAMES, class_weight="bee=3,ant=1,cat=.5").to_dict()["results"]
    )
    assert "|cw:ant=1,bee=3,cat=0.5|" in report.results[0].signature


def test_weights_of_numbered_classes(files: Path) -> None:
    put(files, {"w.parquet": {"class": [1, 2, 3], "weight": [1.0, 3.0, 0.5]}})
    weighed = of("t.csv", class_weight={0: 1, 1: 3, 2: 0.5}).value
    assert of("one.npy", class_weight={1: 1, 2: 3, 3: 0.5}, label_base=1).value == weighed
    assert of("one.npy", class_weight="w.parquet", label_base=1).value == weighed
    assert of("t.csv", class_weight={np.int64(0): 1.0, 1.0: 3, "2": 0.5}).value == weighed


@pytest.mark.parametrize("kind", ["cross_entropy", "brier", "bce"])
def test_balanced_weights(kind: str, files: Path) -> None:
    """n/(C·n_c) over the rows that count; ignored, weightless and dropped rows do not."""
    if kind == "bce":
        pred, labels = [0.5, 0.25, 0.5, 0.75, 0.125], [1, 0, 0, 0, 1]
        expected = {0: 5 / 6, 1: 5 / 4}
        said: dict[str, Any] = {}
    else:
        pred, labels = PROBS, [0, 1, 2, 0, 0, 1, 1, 2, -1]
        expected = {0: 7 / 9, 1: 7 / 9, 2: 7 / 3}
        said = {"ignore_index": -1, "weight": [1, 2, 0, 1, 1, 1, 1, 1, 1]}
    report = of(labels, pred=pred, loss=kind, class_weight="balanced", **said)
    same = of(labels, pred=pred, loss=kind, class_weight=expected, **said)
    assert report.value == same.value
    assert report.results[0].n == same.results[0].n
    assert "|cw:balanced|" in report.results[0].signature


def test_balanced_weights_of_a_pipe(files: Path) -> None:
    labels = Path("t.csv").read_bytes()
    args = ("eval", "-l", "cross_entropy", "p.npy", "-", "--class-weight", "balanced", "--format", "value")
    from tests.support import run

    ran = run(*args, stdin=labels, cwd=files)
    assert ran == Ran(f"{of('t.csv', class_weight='balanced').value!r}\n", "", 0)


def test_a_class_without_rows_needs_no_weight(files: Path) -> None:
    put(files, {"n.csv": column("label", [0, 1, *[0] * 7])})
    report = of("n.csv", class_weight="balanced")
    assert report.results[0].weight == pytest.approx(9 * 2 / 3)  # C is 3, of which two occur
    assert report.value == of("n.csv", class_weight={0: 9 / 24, 1: 9 / 3}).value


def test_a_class_of_weight_zero_is_absent(files: Path) -> None:
    probs = np.array(PROBS)
    probs[2] = 9.0  # of the class of weight 0, so it is not checked
    put(files, {"p.npy": probs})
    report = of("names.csv", classes=NAMES, class_weight="ant=1,bee=1,cat=0")
    assert report.results[0].n == 7
    assert report.account.absent == {"zero_weight": 2}
    message = "every row has weight 0; a mean needs some weight"
    assert refusal(InputError, "names.csv", classes=NAMES, class_weight="ant=0,bee=0,cat=0") == message


BAD_WEIGHTS: dict[str, tuple[Any, type[losscli.LossError], str]] = {
    "one that occurs": (
        "ant=1,cat=2",
        InputError,
        "names.csv:3:label: class 'bee' has no weight in --class-weight; it names ant, cat",
    ),
    "unknown": (
        "ant=1,be=2",
        UsageError,
        "--class-weight: 'be' is no class; did you mean 'bee'?; the classes are ant, bee, cat",
    ),
    "negative": ("ant=-1", UsageError, "--class-weight: the weight of 'ant' is -1; a weight is a finite number >= 0"),
    "infinite": ({"ant": float("inf")}, UsageError, "--class-weight: the weight of 'ant' is inf; a weight is"),
    "no number": ("ant=x", UsageError, "--class-weight: the weight of 'ant' is x; a weight is"),
    "none": ({"ant": None}, UsageError, "--class-weight: the weight of 'ant' is None; a weight is"),
    "twice": ("ant=1,ant=2", UsageError, "--class-weight: 'ant' is given twice"),
    "no name": ("ant=1,2", UsageError, "--class-weight '2': write a=1,b=3"),
    "nothing": ("", UsageError, "--class-weight '': write a=1,b=3"),
    "an empty mapping": ({}, UsageError, "--class-weight: no class is named; write a=1,b=3"),
    "no file": ("balance", InputError, "balance: cannot be opened"),
    "a file without header": (
        "bare.csv",
        InputError,
        "bare.csv: class weights need a header with the columns class and",
    ),
    "a file, twice": ("twice.csv", InputError, "twice.csv:4: 'ant' is given twice"),
    "a file, negative": ("negative.csv", InputError, "negative.csv:3: weight -2.0; a weight is a finite number >= 0"),
    "a file, missing": ("missing.csv", InputError, "missing.csv:2: missing weight; a weight is"),
    "a file, no class": ("other.csv", InputError, "other.csv: 'cow' is no class; the classes are ant, bee, cat"),
    "a file, no weight": (
        "short.csv",
        InputError,
        "names.csv:3:label: class 'bee' has no weight in short.csv; it names ant",
    ),
    "too large": (
        "ant=1e308,bee=1e308,cat=1e308",
        InputError,
        "names.csv:2:label: the weight times its class's is beyond",
    ),
    "too small": ("ant=1,bee=5e-324,cat=1", InputError, "names.csv:3:label: the weight times its class's is beyond"),
}


@pytest.mark.parametrize("name", BAD_WEIGHTS)
def test_refused_weights(name: str, files: Path) -> None:
    asked, kind, message = BAD_WEIGHTS[name]
    put(
        files,
        {
            "bare.csv": "ant,1\nbee,2\n",
            "twice.csv": "class,weight\nant,1\nbee,2\nant,3\n",
            "negative.csv": "class,weight\nant,1\nbee,-2\n",
            "missing.csv": "class,weight\nant,\n",
            "other.csv": "class,weight\nant,1\ncow,2\n",
            "short.csv": "class,weight\nant,1\n",
        },
    )
    own = [10.0, 0.25, *[1.0] * 7]
    assert refusal(kind, "names.csv", classes=NAMES, class_weight=asked, weight=own).startswith(message)


def test_soft_targets_have_no_class(files: Path) -> None:
    soft = [1, 0, 0.5, 1]
    for loss in ("bce", "brier"):
        message = refusal(InputError, soft, loss=loss, pred=[0.5] * 4, class_weight={0: 1, 1: 2})
        assert message == "target: row 2: 0.5 is no class; --class-weight takes targets 0 and 1"
    message = refusal(InputError, soft, loss="bce", pred=[0.5] * 4, class_weight="balanced")
    assert message == "target: row 2: 0.5 is no class; --class-weight takes targets 0 and 1"
    for said in ({"class_weight": {0: 1}}, {"ignore_index": 0}, {"label_base": 1}, {"labels": "int"}):
        assert "needs one column of labels" in refusal(UsageError, "p.npy", **said)
    assert "needs one column of labels" in refusal(
        UsageError, [[0, 1]], loss="bce", pred=[[0.5, 1]], class_weight={0: 1}
    )


def test_a_file_of_weights_is_not_written_over(files: Path, run_here: Run) -> None:
    put(files, {"w.csv": WEIGHT_FILES["w.csv"]})
    ran = run_here(*EVAL, "names.csv", "--classes", "ant,bee,cat", "--class-weight", "w.csv", "-o", "w.csv")
    assert (ran.code, ran.stdout) == (2, "")
    assert Path("w.csv").read_text() == WEIGHT_FILES["w.csv"]


# What makes no sense, and the command line

NEEDLESS = {
    "classes": (
        "mse",
        {"classes": "a,b"},
        "--classes is for losses of class labels, such as cross_entropy; mse is none",
    ),
    "labels": ("bce", {"labels": "int"}, "--labels int is for losses of class labels"),
    "base": ("hinge", {"label_base": 1}, "--label-base is for losses of class labels"),
    "ignored": ("mse", {"ignore_index": 1}, "--ignore-index is for losses of class labels"),
    "weights": ("hinge", {"class_weight": "balanced"}, "--class-weight is for losses of class labels"),
    "signs": (
        "cross_entropy",
        {"labels": "01"},
        "--labels 01 is for losses of targets -1 and 1, such as hinge; cross_entropy",
    ),
    "a word": ("cross_entropy", {"labels": "words"}, "--labels 'words': it is one of text, int, 01"),
    "a fraction": ("cross_entropy", {"label_base": 1.5}, "--label-base: '1.5' is not a whole number"),
    "text": ("cross_entropy", {"ignore_index": "1"}, "--ignore-index: '1' is not a whole number"),
}


@pytest.mark.parametrize("name", NEEDLESS)
def test_what_a_loss_has_no_use_for(name: str, files: Path) -> None:
    loss, said, message = NEEDLESS[name]
    assert refusal(UsageError, "t.csv", loss=loss, **said).startswith(message)


def test_every_loss_has_to_have_labels(files: Path) -> None:
    with pytest.raises(UsageError, match=r"--ignore-index is for losses of class labels.*; mse is none"):
        losscli.evaluate(["cross_entropy", "mse"], pred="p.npy", target="t.csv", ignore_index=0)


def test_the_command_line(files: Path, run_here: Run) -> None:
    put(
        files, {"n.csv": column("label", ["none", *named(INDICES[1:])]), "i.csv": column("label", [-100, *INDICES[1:]])}
    )
    weighed = of("names.csv", classes=NAMES, class_weight="ant=1,bee=3,cat=2").value
    args = ("--format", "value", "--expect-rows", "9")
    ran = run_here(*EVAL, "names.csv", "--classes", "ant,bee,cat", "--class-weight", "ant=1,bee=3,cat=2", *args)
    assert ran == Ran(f"{weighed!r}\n", "", 0)
    ran = run_here(*EVAL, "one.csv", "--label-base", "1", "--labels", "int", *args)
    assert ran == Ran(f"{of('t.csv').value!r}\n", "", 0)
    ran = run_here(*EVAL, "i.csv", "--ignore-index", "-100", *args)
    assert ran.stderr == "losscli: note: 1 of 9 rows are left out: 1 ignored\n"
    ran = run_here(*EVAL, "i.csv", "--ignore-index", "x")
    assert ran == Ran("", "losscli: error: --ignore-index: 'x' is not a whole number\n", 2)
    ran = run_here(*EVAL, "one.csv")
    assert (ran.stdout, ran.code) == ("", 3)
    assert ran.stderr.endswith("do the labels count from 1? --label-base 1\n")


# The number of rows


def test_the_rows_expected(files: Path, run_here: Run) -> None:
    assert of("t.csv", expect_rows=9).value == of("t.csv").value
    assert of("t.csv", expect_rows=9, ignore_index=0).results[0].n == 6  # matched, not counted
    assert refusal(InputError, "t.csv", expect_rows=10) == "p.npy, t.csv: 9 rows matched, --expect-rows 10"
    ran = run_here(*EVAL, "t.csv", "--expect-rows", "8")
    assert ran == Ran("", "losscli: error: p.npy, t.csv: 9 rows matched, --expect-rows 8\n", 3)
    ran = run_here(*EVAL, "t.csv", "--expect-rows", "many")
    assert ran == Ran("", "losscli: error: --expect-rows: 'many' is not a whole number of at least 1\n", 2)


# Together with what pairs and groups rows


def test_rows_paired_by_key_are_balanced(files: Path) -> None:
    """In another order, with a row too many on either side: matched rows are counted, and expected."""
    keyed = "id,p_ant,p_bee,p_cat\n" + "".join(f"{k},{','.join(map(repr, row))}\n" for k, row in enumerate(PROBS))
    labels = "id,label\n" + "".join(f"{k},{name}\n" for k, name in [*enumerate(named(INDICES))][::-1])
    put(files, {"pk.csv": keyed + "77,1,0,0\n", "tk.csv": labels + "88,ant\n"})
    said: dict[str, Any] = {"id": "id", "ids": "intersect", "class_weight": "balanced", "expect_rows": 9}
    assert of("tk.csv", pred="pk.csv", **said).value == of("t.csv", class_weight="balanced").value
    message = "9 rows matched, --expect-rows 10"
    assert refusal(InputError, "tk.csv", pred="pk.csv", **{**said, "expect_rows": 10}).endswith(message)


def test_groups_have_weighed_samples(files: Path) -> None:
    side = ["left", "right", "left"] * 3
    text = "label,side\n" + "".join(f"{k},{s}\n" for k, s in zip(INDICES, side, strict=True))
    put(files, {"s.csv": text})
    weights = {0: 3.0, 1: 0.5, 2: 2.0}
    own = [weights[k] for k in INDICES]
    weighed = of("s.csv", by=["side"], class_weight=weights).to_dict()["results"][0]["groups"]
    assert weighed == of("s.csv", by=["side"], weight=own).to_dict()["results"][0]["groups"]
    first = of("one.csv", per_output=True, label_base=1, class_weight={1: 3, 2: 0.5, 3: 2}).to_dict()["results"][0]
    again = of("t.csv", per_output=True, weight=own).to_dict()["results"][0]
    assert [group["value"] for group in first["groups"]] == [group["value"] for group in again["groups"]]
