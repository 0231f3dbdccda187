"""What looks wrong is said, with what to do, once and in a fixed order; and nothing is said of what is right."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import losscli
from losscli import InputError, UsageError
from losscli.columns import Binding
from losscli.doctor import Doctor
from losscli.formats import open_reader
from losscli.results import Report
from tests.support import ROOT, Ran, column, put

Run = Callable[..., Ran]
BLOCKS = [1, 7, 1 << 17]
RNG = np.random.default_rng(133)
N = 40
LOGITS = RNG.normal(size=(N, 3)) * 2
PROBS = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
CLASSES = RNG.integers(0, 3, N)
SCORES = RNG.normal(size=N) * 2
CHANCES = 1 / (1 + np.exp(-SCORES))
YES = RNG.integers(0, 2, N)
PRICES = RNG.normal(size=N) * 5e4 + 3e5
SHARES = RNG.random(N)


def report_of(loss: Any, pred: Any, target: Any, **said: Any) -> Report:
    """The report, after all sizes of blocks have given the same."""
    reports = [losscli.evaluate(loss, pred=pred, target=target, block=block, **said) for block in BLOCKS]
    assert len({json.dumps(report.to_dict()) for report in reports}) == 1
    return reports[0]


def notes_of(loss: Any, pred: Any, target: Any, **said: Any) -> tuple[str, ...]:
    return report_of(loss, pred, target, **said).notes


# What is found: loss, predictions, targets, and the beginning and the way out of the one note

FOUND: dict[str, tuple[str, Any, Any, str, str]] = {
    "probabilities as logits": (
        "cross_entropy:form=logits",
        PROBS,
        CLASSES,
        "pred: every row lies in [0, 1] and",
        "--form probs",
    ),
    "of float32": (
        "cross_entropy:form=logits",
        PROBS.astype(np.float32),
        CLASSES,
        "pred: every row lies",
        "--form probs",
    ),
    "printed with two digits": (
        "cross_entropy:form=logits",
        PROBS.round(2),
        CLASSES,
        "pred: every row lies",
        "--form probs",
    ),
    "log-probabilities as logits": (
        "cross_entropy:form=logits",
        np.log(PROBS),
        CLASSES,
        "pred: no value is above 0",
        "--form log_probs",
    ),
    "of kl too": ("kl:form=logits", PROBS, PROBS[::-1], "pred: every row lies in [0, 1]", "--form probs"),
    "one column of them": ("bce:form=logits", CHANCES, YES, "pred: every value lies in [0, 1]", "--form probs"),
    "several yes and no": (
        "bce:form=logits",
        PROBS,
        (PROBS > 0.4) * 1.0,
        "pred: every value lies in [0, 1]",
        "--form probs",
    ),
    "probabilities as scores": ("hinge", CHANCES, 2 * YES - 1, "pred: every value lies in [0, 1]", "takes scores"),
    "labels as predictions": (
        "bce:clip=0.1",
        YES,
        YES[::-1],
        "pred: every prediction is 0 or 1",
        "take the model's probabilities",
    ),
    "one-hot predictions": (
        "brier",
        np.eye(3)[CLASSES],
        CLASSES[::-1],
        "pred: every prediction is 0 or 1",
        "probabilities",
    ),
    "files the wrong way round": (
        "brier",
        YES,
        CHANCES,
        "pred: every prediction is 0 or 1, target has fractions",
        "wrong way round?",
    ),
    "predictions all alike": (
        "mse",
        np.full(N, 3.5),
        PRICES / 1e5,
        "pred: every prediction is 3.5",
        "is this the column",
    ),
    "rows of predictions all alike": (
        "cross_entropy",
        np.tile(PROBS[0], (N, 1)),
        CLASSES,
        "pred: every row of pred is the same",
        "is this the column",
    ),
    "targets all alike": ("mae", SCORES, np.full(N, 2.0), "target: every target is 2.0", "are these all rows?"),
    "one class": ("cross_entropy", PROBS, np.zeros(N, int), "target: every target is 0.0", "are these all rows?"),
    "the answer": ("huber", PRICES, PRICES.copy(), "pred equals target in every row", "hold the answer?"),
    "the answer in several columns": (
        "mse",
        LOGITS,
        LOGITS.copy(),
        "pred equals target in every row",
        "hold the answer?",
    ),
    "standardised predictions": ("mse", (PRICES - 3e5) / 5e4, PRICES, "pred runs from", "standardised?"),
    "standardised targets": ("mae", PRICES, (PRICES - 3e5) / 5e4, "pred runs from", "standardised?"),
    "one output in another unit": (
        "mse",
        np.stack([SCORES, SCORES], 1),
        np.stack([SCORES + 1, PRICES], 1),
        "pred runs from",
        "(output 1): are both",
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_what_looks_wrong_is_said(name: str) -> None:
    loss, pred, target, begins, hint = FOUND[name]
    notes = notes_of(loss, pred, target)
    assert len(notes) == 1, notes
    assert notes[0].startswith(begins)
    assert hint in notes[0]


@pytest.mark.parametrize("name", FOUND)
def test_strict_refuses_what_looks_wrong(name: str) -> None:
    loss, pred, target, begins, _ = FOUND[name]
    with pytest.raises(InputError) as caught:
        losscli.evaluate(loss, pred=pred, target=target, strict=True)
    assert str(caught.value).startswith(begins)
    assert "--strict" in str(caught.value)


@pytest.mark.parametrize("name", FOUND)
def test_a_last_row_that_contradicts_silences_it(name: str) -> None:
    """What is said is said of every row; but for orders of magnitude, which are those of the first rows."""
    loss, pred, target, begins, _ = FOUND[name]
    if "runs from" in begins:
        return
    last = {"pred": np.asarray(pred)[-1:], "target": np.asarray(target)[-1:]}
    if begins.startswith("target"):
        last["target"] = 1 - last["target"]
    elif loss.endswith("form=logits") or loss == "hinge":
        last["pred"] = last["pred"] * 0 + [[3.0, -1.0, -0.5]] if np.ndim(pred) == 2 else np.array([-1.0])
    elif np.ndim(pred) == 2 and loss != "mse":
        last["pred"] = np.array([[0.125, 0.25, 0.625]])
    else:
        last["pred"] = last["pred"] * 0.5 + 0.25
    arrays = {"pred": pred, "target": target}
    longer = {role: np.concatenate([np.asarray(arrays[role]), rows]) for role, rows in last.items()}
    assert notes_of(loss, longer["pred"], longer["target"]) == ()


# What is right

HONEST: dict[str, tuple[Any, Any, Any]] = {
    "regression": ("mse", PRICES * 1.1, PRICES),
    "regression of several outputs": ("mae", LOGITS, LOGITS + 0.5),
    "an outlier": ("mse", SCORES, np.where(np.arange(N) == 7, 1e9, SCORES + 0.1)),
    "mostly zeros": ("mse", np.where(np.arange(N) > 35, 2000.0, 0.01), np.where(np.arange(N) > 35, 1500.0, 0.0)),
    "all predictions 0 but one": ("mse", np.where(np.arange(N) == 7, 1.0, 0.0), SCORES),
    "shares as a regression": ("mse", SHARES, SHARES[::-1]),
    "labels as a regression": ("mse", CHANCES, YES),
    "integers": ("mae", np.arange(N), np.arange(N) + 1),
    "probabilities": ("bce", CHANCES, YES),
    "probabilities of classes": (["cross_entropy", "brier"], PROBS, CLASSES),
    "soft targets": ("kl", PROBS, PROBS[::-1]),
    "one-hot targets": ("cross_entropy", PROBS, np.eye(3)[CLASSES]),
    "saturated but for one": ("brier", np.where(np.arange(N) == 0, 0.5, YES[::-1]), YES),
    "logits": ("bce:form=logits", SCORES, YES),
    "logits of classes": ("cross_entropy:form=logits", LOGITS, CLASSES),
    "positive logits": ("cross_entropy:form=logits", LOGITS + 50, CLASSES),
    "negative logits": ("bce:form=logits", -np.abs(SCORES) - 0.1, YES),
    "small logits": ("cross_entropy:form=logits", SHARES.reshape(-1, 2), YES[:20]),
    "log-probabilities": ("cross_entropy:form=log_probs", np.log(PROBS), CLASSES),
    "negative log-likelihood": ("nll", np.log(PROBS), CLASSES),
    "scores": ("hinge", SCORES, 2 * YES - 1),
    "masks": ("dice", YES, YES[::-1]),
    "an object that fills its mask": ("dice", SHARES, np.ones(N)),
    "a single row": ("mse", [3.0], [3.0]),
    "few rows of one class": ("bce", SHARES[:9], np.ones(9)),
    "few labels that are right": ("brier", YES[:9], YES[:9]),
    "few whole numbers": ("mse", [1, 4, 2], [1, 4, 2]),
    "two rows": ("bce", [1.0, 0.0], [1, 0]),
    "two small logits": ("bce:form=logits", [0.25, 0.5], [0, 1]),
}


@pytest.mark.parametrize("name", HONEST)
def test_nothing_is_said_of_what_is_right(name: str) -> None:
    loss, pred, target = HONEST[name]
    assert notes_of(loss, pred, target, strict=True) == ()


SAMPLES = [
    ("mse", "diabetes_preds.csv", "diabetes_targets.csv", {}),
    ("huber", "diabetes_preds.npy", "diabetes_targets.npy", {}),
    ("bce", "cancer_probs.csv", "cancer_targets.csv", {}),
    ("bce:form=logits", "cancer_logits.csv", "cancer_targets.csv", {}),
    ("brier", "cancer_probs.csv", "cancer_targets.csv", {}),
    ("dice", "cancer_probs.csv", "cancer_targets.csv", {}),
    ("cross_entropy", "digits_probs.csv", "digits_targets.csv", {}),
    ("brier", "digits_probs.npy", "digits_targets.npy", {}),
    ("cross_entropy:form=logits", "digits_logits.npy", "digits_targets.npy", {}),
    (
        "cross_entropy",
        "wine_preds.csv",
        "wine_targets.csv",
        {"id": "wine_id", "ids": "intersect", "missing": "drop", "columns": {"target": "cultivar"}},
    ),
]


@pytest.mark.parametrize(("loss", "pred", "target", "said"), SAMPLES)
def test_nothing_is_said_of_the_sample_data(
    loss: str, pred: str, target: str, said: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT / "sample_data")
    report = losscli.evaluate(loss, pred=pred, target=target, strict=True, **said)
    assert not [note for note in report.notes if "left out" not in note and "taken for an index" not in note]


def test_a_condition_may_leave_one_class(here: Path) -> None:
    """Who asks for the rows of a class knows that they are of one class."""
    put(here, {"b.csv": "p_a,p_b,label\n0.5,0.5,a\n0.25,0.75,b\n0.75,0.25,a\n0.125,0.875,a\n"})
    assert losscli.evaluate("cross_entropy", pred="b.csv", where=["label=a"], strict=True).results[0].n == 3


def test_rows_that_do_not_count_are_not_looked_at() -> None:
    weight = np.where(np.arange(N) < 20, 1.0, 0.0)
    pred = np.where(weight > 0, CHANCES, -3.0)
    assert "every value lies" in notes_of("bce:form=logits", pred, YES, weight=weight)[0]


def test_a_column_that_is_both_is_said_once(here: Path) -> None:
    put(here, {"b.csv": "y_pred,y\n1,1\n2,3\n5,2\n"})
    report = losscli.evaluate("mse", pred="b.csv", columns={"target": "y_pred"})
    assert report.notes == ("pred and target are the same column of b.csv",)


# How it is said


@pytest.fixture
def swapped(here: Path) -> Path:
    """Targets where predictions belong, and all predictions alike."""
    put(here, {"p.csv": column("y_pred", [2.5, 2.5, 2.5, 2.5]), "t.csv": column("y", [1, 4, 2, 7])})
    return here


WRONG_WAY = (
    "t.csv: column 'y' is taken for pred and p.csv: column 'y_pred' for target: are they the wrong way round? "
    "predictions come first"
)
ALIKE = "p.csv: column 'y_pred': every target is 2.5; is this the column that is meant, and are these all rows?"


def test_notes_go_to_stderr_in_a_fixed_order(swapped: Path, run_here: Run) -> None:
    ran = run_here("eval", "-l", "mse", "t.csv", "p.csv", "--format", "value")
    assert (ran.code, ran.stdout) == (0, "6.25\n")
    assert ran.stderr.splitlines() == [f"losscli: note: {WRONG_WAY}", f"losscli: note: {ALIKE}"]
    assert run_here("eval", "-l", "mse", "t.csv", "p.csv", "-q").stderr == ""


def test_strict_says_the_first_and_counts_the_others(swapped: Path, run_here: Run) -> None:
    ran = run_here("eval", "-l", "mse", "t.csv", "p.csv", "--strict", "-q", "--grad-out", "g.npy", "-o", "out.txt")
    assert (ran.code, ran.stdout) == (3, "")
    assert ran.stderr == f"losscli: error: {WRONG_WAY} (--strict refuses what looks wrong; and 1 more)\n"
    assert sorted(path.name for path in swapped.iterdir()) == ["p.csv", "t.csv"]


def test_json_has_the_notes_where_there_are_any(swapped: Path) -> None:
    report = losscli.evaluate("mse", pred="t.csv", target="p.csv")
    assert report.to_dict()["notes"] == list(report.notes) == [WRONG_WAY, ALIKE]
    assert "notes" not in losscli.evaluate("mse", pred=[1, 2, 5], target=[1, 4, 2]).to_dict()


def test_several_losses_say_it_once() -> None:
    notes = notes_of(["mse", "mae", "rmse"], np.full(N, 3.5), SCORES)
    assert len(notes) == 1


def test_masks_whose_object_is_ignored() -> None:
    """Nothing is said of an empty mask, but where labels were left out; and of two losses once."""
    pred, masks = RNG.random((2, 8, 8)), np.where(RNG.random((2, 8, 8)) < 0.5, 255, 0)
    rest = "target: every target that is not ignored is 0; is the label ignored the object's?"
    every = "target: every target is 0; is this the column that is meant, and are these all rows?"
    for losses, said in (("dice", rest), ("bce", every), (["bce", "dice"], every), (["dice", "bce"], every)):
        notes = notes_of(losses, pred, masks, ignore_index=255)
        assert [note.replace("0.0", "0") for note in notes if "every" in note] == [said]
    assert not notes_of("dice", pred, np.zeros((2, 8, 8)), ignore_index=255)
    masks[0, 0] = 1
    assert not any("every" in note for note in notes_of("dice", pred, masks, ignore_index=255))


def test_a_class_has_its_name(here: Path) -> None:
    put(here, {"p.csv": "p_a,p_b\n" + "0.5,0.5\n0.25,0.75\n" * 5, "t.csv": column("label", "b" * 10)})
    (note,) = notes_of("cross_entropy", "p.csv", "t.csv")
    assert note.startswith("t.csv: column 'label': every target is b;")


# Doctors merge


def doctor_of(loss: str, arrays: Sequence[Any]) -> Doctor:
    chosen = losscli.get(loss)
    bindings = {
        name: Binding(name, open_reader(name, array), (0,))
        for name, array in zip(chosen.kind.role_names, arrays, strict=True)
    }
    return Doctor.of([chosen], bindings)


@pytest.mark.parametrize("name", [*FOUND, *HONEST])
def test_two_doctors_of_parts_say_what_one_of_all_does(name: str) -> None:
    loss, pred, target = (FOUND.get(name) or HONEST[name])[:3]
    loss = loss if isinstance(loss, str) else loss[0]
    arrays = np.asarray(pred), np.asarray(target)
    said = []
    for cuts in ([], [1], [3, 3, 17]):
        total = doctor_of(loss, arrays)
        for rows in zip(*(np.split(a, cuts) for a in arrays), strict=True):
            part = doctor_of(loss, arrays)
            if len(rows[0]):
                part.see(dict(zip(("pred", "target"), rows, strict=True)), {}, lambda *_: "")
            total = total.merge(part)
        bindings = {
            role: Binding(role, open_reader(role, a), (0,)) for role, a in zip(("pred", "target"), arrays, strict=True)
        }
        said.append(total.doubts(bindings, ()))
    assert said[0] == said[1] == said[2]


# Roundings


def test_a_rounding_beyond_the_end_counts_as_the_end() -> None:
    """The value, and the derivatives too, are those at the end."""
    over, end = (report_of("bce", [one, 0.5], [1.0, 1.0], grad=True) for one in (1 + 2**-52, 1.0))
    assert over.value == end.value
    assert over.results[0].gradient.tolist() == end.results[0].gradient.tolist()
    assert over.notes == (
        "pred: 1 value outside its limits by a rounding counted as the limit, the first at pred: row 0",
    )
    assert losscli.get("bce").value([1 + 2**-50], [1]) == 0
    with pytest.raises(InputError, match="outside"):
        losscli.get("bce").value([1 + 5 * 2.0**-52], [1])


def test_roundings_are_those_of_the_dtype() -> None:
    single = np.array([[1.0000001, 0.0], [0.5, 0.5]], np.float32)
    assert (
        losscli.evaluate("cross_entropy", pred=single, target=[0, 1], strict=True).notes[0].startswith("pred: 1 value")
    )
    with pytest.raises(InputError, match="outside"):
        losscli.evaluate("cross_entropy", pred=single.astype(np.float64), target=[0, 1])


# Rows divided by their sum


def test_rows_are_divided_by_their_sum() -> None:
    scaled = PROBS * np.linspace(0.25, 1, N)[:, None]
    report = report_of("cross_entropy", scaled, CLASSES, normalize=True)
    assert report.value == pytest.approx(losscli.evaluate("cross_entropy", pred=PROBS, target=CLASSES).value, rel=1e-14)
    assert report.notes[0].startswith(f"{N - 1} rows of {N} of pred divided by")
    assert "; the furthest: pred: row 0 adds up to 0.2" in report.notes[0]
    assert "|normalize|" in report.results[0].signature


def test_what_is_read_twice_is_counted_once(here: Path) -> None:
    scaled = (PROBS / 2).round(6)
    report = report_of("cross_entropy", scaled, CLASSES, normalize=True, probs_out="q.npy", class_weight="balanced")
    assert report.notes[0].startswith(f"{N} rows of {N} of pred")
    assert np.load(here / "q.npy").sum(axis=1) == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize(
    "loss", ["mse", "bce", "hinge", "dice", "nll", "cross_entropy:form=logits", "kl:form=log_probs"]
)
def test_what_has_no_rows_of_probabilities_cannot_be_divided(loss: str) -> None:
    with pytest.raises(UsageError, match="--normalize is for losses of a probability a class"):
        losscli.evaluate(loss, pred=PROBS, target=CLASSES, normalize=True)


@pytest.mark.parametrize("wanted", [{"grad": True}, {"hess": True}, {"grad_out": "g.npy"}, {"hess_out": "h.npy"}])
def test_there_are_no_derivatives_through_the_division(wanted: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="--normalize and derivatives exclude one another"):
        losscli.evaluate("cross_entropy", pred=PROBS, target=CLASSES, normalize=True, **wanted)


# Rows that add up to 1 as far as their own digits go

FULL = np.array([[0.123456, 0.876544], [0.5, 0.4], [0.25, 0.75]])


def test_a_row_that_is_off_among_rows_of_more_digits() -> None:
    (note,) = notes_of("cross_entropy", FULL, [0, 1, 1])
    assert note.startswith(
        "pred: row 1: the row's probabilities add up to 0.9, which is no rounding: other rows have 6"
    )
    with pytest.raises(InputError, match="--normalize"):
        losscli.evaluate("cross_entropy", pred=FULL, target=[0, 1, 1], strict=True)
    assert "no rounding" not in " ".join(notes_of("cross_entropy", FULL, [0, 1, 1], normalize=True))


@pytest.mark.parametrize("form", ["%.2f", "%.3f", "%.2g", "%.4g", "%.7g", "%r", "%.1e"])
@pytest.mark.parametrize("classes", [2, 3, 30])
def test_rounded_rows_are_not_off(form: str, classes: int) -> None:
    rng = np.random.default_rng(classes)
    for _ in range(20):
        exact = rng.dirichlet(np.full(classes, 0.3), 50)
        rounded = np.array([[float(form % float(p)) for p in row] for row in exact])
        rounded[~((rounded >= 0) & (rounded <= 1))] = 0
        labels = np.arange(50) % classes
        assert not losscli.evaluate("brier", pred=rounded, target=labels, strict=True).notes


def test_rows_of_float32_are_not_off() -> None:
    single = np.random.default_rng(1).dirichlet(np.ones(9), 500).astype(np.float32)
    assert losscli.evaluate("brier", pred=single.astype(np.float64), target=np.arange(500) % 9, strict=True).notes == ()
    single[7, 0] += 0.01
    with pytest.raises(InputError, match="add up"):
        losscli.evaluate("brier", pred=single.astype(np.float64), target=np.arange(500) % 9, strict=True)
