"""Files that can be read, and do not mean what the loss takes them for."""

from math import exp
from typing import Any

import numpy as np

from tests.hazards.support import LINES_BEFORE, Hazard

VALUE = ("--format", "value")
MSE = ("eval", "-l", "mse", "p.csv", "t.csv", *VALUE)
MSE_NPY = ("eval", "-l", "mse", "p.npy", "t.npy", *VALUE)
BCE = ("eval", "-l", "bce", "p.csv", "t.csv", *VALUE)
BCE_NPY = ("eval", "-l", "bce", "p.npy", "t.npy", *VALUE)
CE = ("eval", "-l", "cross_entropy", "p.csv", "t.csv", *VALUE)
CE_NPY = ("eval", "-l", "cross_entropy", "p.npy", "t.npy", *VALUE)
HALVES = "p_a,p_b\n0.5,0.5\n0.25,0.75\n0.5,0.5\n"  # of whose classes a, b, a the cross-entropy is
LABELS = "label\na\nb\na\n"
OF_HALVES = "0.5579921445238905"
THIRDS = [[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.25, 0.25, 0.5]]
OF_THIRDS = repr(float(np.log(2)))


def csv(name: str, *values: Any) -> str:
    return "\n".join([name, *map(str, values)]) + "\n"


def two(pred: str, target: str) -> dict[str, Any]:
    return {"p.csv": pred, "t.csv": target}


def arrays(pred: Any, target: Any) -> dict[str, Any]:
    return {"p.npy": pred, "t.npy": target}


def far(first: Any, last: Any) -> Any:
    """Many rows like the first, and then the last."""
    return np.concatenate([np.repeat(np.array([first]), LINES_BEFORE, axis=0), [last]])


SHAPES = [
    Hazard(101, "(n, 1) against (n,)", arrays([[1.0], [2.0], [3.0]], [1.0, 2.0, 4.0]), MSE_NPY, value=repr(1 / 3)),
    Hazard(101, "(n,) against (n, 1)", arrays([1.0, 2.0, 3.0], [[1.0], [2.0], [4.0]]), MSE_NPY, value=repr(1 / 3)),
    Hazard(
        101,
        "(n,) against (n, 2)",
        arrays([1.0, 2.0, 3.0], [[1.0, 1.0], [2.0, 2.0], [4.0, 4.0]]),
        MSE_NPY,
        3,
        ["shapes differ", "(3,)", "(3, 2)", "nothing is broadcast"],
    ),
    Hazard(
        101,
        "lists of one in Parquet",
        {"p.parquet": {"pred": [[1.0], [2.0], [3.0]]}, "t.npy": [1.0, 2.0, 4.0]},
        ("eval", "-l", "mse", "p.parquet", "t.npy", *VALUE),
        value=repr(1 / 3),
    ),
    Hazard(102, "(n,) against (1,)", arrays([1.0, 2.0, 3.0], [1.0]), MSE_NPY, 3, ["p.npy has 3 rows, t.npy has 1 row"]),
    Hazard(102, "(n, 2) against (1, 2)", arrays([[1.0, 2.0]] * 3, [[1.0, 2.0]]), MSE_NPY, 3, ["3 rows", "1 row"]),
    Hazard(
        102,
        "(n, 2) against (n, 1)",
        arrays([[1.0, 2.0], [3.0, 5.0]], [[1.0], [2.0]]),
        MSE_NPY,
        3,
        ["shapes differ: pred (2, 2), target (2,)"],
    ),
    Hazard(
        103, "square and transposed", arrays([[1.0, 2.0], [3.0, 4.0]], [[1.0, 3.0], [2.0, 4.0]]), MSE_NPY, value="0.5"
    ),
    Hazard(
        103,
        "transposed, with ids",
        {"p.csv": "id,a,b\n1,1,2\n2,3,4\n", "t.csv": "id,c,d\n1,1,3\n2,2,4\n"},
        (*MSE, "--id", "id", "--pred-col", "a,b", "--target-col", "c,d"),
        value="0.5",
    ),
    Hazard(
        103,
        "turned, not square",
        arrays([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]),
        MSE_NPY,
        3,
        ["p.npy has 2 rows, t.npy has 3 rows"],
    ),
    Hazard(104, "rows in CSV", two(csv("y_pred", 1, 2, 3), csv("y", 1, 2, 3, 4)), MSE, 3, ["3 rows", "4 rows"]),
    Hazard(104, "rows in NPY", arrays([1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0]), MSE_NPY, 3, ["3 rows", "4 rows"]),
    Hazard(
        104,
        "rows in Parquet",
        {"p.parquet": {"y_pred": [1.0, 2.0, 3.0]}, "t.parquet": {"y": [1.0, 2.0, 3.0, 4.0]}},
        ("eval", "-l", "mse", "p.parquet", "t.parquet"),
        3,
        ["p.parquet has 3 rows, t.parquet has 4 rows"],
    ),
    Hazard(
        104, "far down", arrays(np.ones(LINES_BEFORE), np.zeros(LINES_BEFORE + 1)), MSE_NPY, 3, ["300000", "300001"]
    ),
]

_KEYED = two("id,y_pred\n1,1\n2,5\n3,2\n", "id,y\n3,2\n1,1\n2,4\n")
KEYS = [
    Hazard(105, "another order", _KEYED, MSE, 3, ["column 'id' differs", "p.csv:2", "t.csv:2", "--id id"]),
    Hazard(105, "aligned", _KEYED, (*MSE, "--id", "id"), value=repr(1 / 3)),
    Hazard(
        105,
        "another order of Parquet",
        {"p.parquet": {"id": [1, 2], "y_pred": [1.0, 5.0]}, "t.parquet": {"id": [2, 1], "y": [4.0, 1.0]}},
        ("eval", "-l", "mse", "p.parquet", "t.parquet"),
        3,
        ["column 'id' differs", "--id id"],
    ),
    Hazard(
        106,
        "an id twice",
        two("id,y_pred\n1,1\n1,5\n", "id,y\n1,1\n2,4\n"),
        (*MSE, "--id", "id"),
        3,
        ["p.csv", "1"],
    ),
    Hazard(
        106,
        "an id twice in the targets",
        two("id,y_pred\n1,1\n2,5\n", "id,y\n2,1\n2,4\n"),
        (*MSE, "--id", "id"),
        3,
        ["t.csv", "2"],
    ),
    Hazard(
        107,
        "ids on one side",
        two("id,y_pred\n1,1\n2,5\n3,4\n4,4\n5,4\n", "id,y\n1,1\n"),
        (*MSE, "--id", "id"),
        3,
        ["4 keys of p.csv", "2 (p.csv:3), 3 (p.csv:4), 4 (p.csv:5)", "--ids intersect"],
    ),
    Hazard(
        107,
        "intersected",
        two("id,y_pred\n1,1\n2,5\n3,4\n", "id,y\n2,4\n1,1\n7,1\n"),
        (*MSE, "--id", "id", "--ids", "intersect"),
        notes=["1 of 3 rows of p.csv", "1 of 3 rows of t.csv"],
        value="0.5",
    ),
    Hazard(
        108, "NaN in CSV", two(csv("y_pred", 1, "nan", 3), csv("y", 1, 2, 3)), MSE, 3, ["p.csv:3:y_pred", "missing"]
    ),
    Hazard(
        108, "NaN in NPY", arrays([1.0, np.nan, 3.0], [1.0, 2.0, 3.0]), MSE_NPY, 3, ["p.npy: row 1", "--missing drop"]
    ),
    Hazard(
        108,
        "NaN in Parquet",
        {"p.parquet": {"y_pred": [1.0, None, 3.0]}, "t.npy": [1.0, 2.0, 3.0]},
        ("eval", "-l", "mse", "p.parquet", "t.npy"),
        3,
        ["p.parquet: row 1", "missing"],
    ),
    Hazard(
        108, "NaN far down", arrays(far(1.0, np.nan), np.zeros(LINES_BEFORE + 1)), MSE_NPY, 3, ["row 300000", "missing"]
    ),
    Hazard(109, "no rows of CSV", two("y_pred\n", "y\n"), MSE, 3, ["p.csv", "no data rows"]),
    Hazard(109, "no rows of NPY", arrays(np.zeros(0), np.zeros(0)), MSE_NPY, 3, ["p.npy"]),
]

_LABELS = two("p_0,p_1,p_2\n0.5,0.25,0.25\n0.25,0.5,0.25\n0.25,0.25,0.5\n", csv("label", 0, 1, 3))
CLASSES = [
    Hazard(110, "a label of C", _LABELS, (*CE, "--labels", "int"), 3, ["t.csv:4:label", "label 3", "0..2"]),
    Hazard(110, "a label of -1", arrays(THIRDS, [0, -1, 2]), CE_NPY, 3, ["t.npy: row 1", "label -1 is outside 0..2"]),
    Hazard(
        110,
        "far down",
        arrays(far([0.5, 0.5], [0.25, 0.75]), far(0, 2)),
        CE_NPY,
        3,
        ["t.npy: row 300000", "label 2 is outside 0..1"],
    ),
    Hazard(111, "labels from 1", arrays(THIRDS, [1, 2, 3]), CE_NPY, 3, ["label 3", "count from 1", "--label-base 1"]),
    Hazard(111, "labels from 1, said", arrays(THIRDS, [1, 2, 3]), (*CE_NPY, "--label-base", "1"), value=OF_THIRDS),
    Hazard(
        111,
        "labels from 1 without the last",
        arrays(THIRDS, [2, 1, 2]),
        CE_NPY,
        notes=["no label is 0", "--label-base 1"],
    ),
    Hazard(
        111,
        "labels from 1 without the last, strictly",
        arrays(THIRDS, [2, 1, 2]),
        (*CE_NPY, "--strict"),
        3,
        ["no label is 0", "--label-base 1", "--strict"],
    ),
    Hazard(112, "a label of -100", arrays(THIRDS, [0, 1, -100]), CE_NPY, 3, ["label -100", "--ignore-index -100"]),
    Hazard(
        112,
        "ignored",
        arrays(THIRDS, [0, 1, -100]),
        (*CE_NPY, "--ignore-index", "-100"),
        notes=["1 of 3 rows are left out: 1 ignored"],
        value=OF_THIRDS,
    ),
    Hazard(
        112,
        "all ignored",
        arrays(THIRDS, [-100] * 3),
        (*CE_NPY, "--ignore-index", "-100"),
        3,
        ["no row is left of 3", "3 ignored"],
    ),
    Hazard(
        113, "a label of 1.7", arrays(THIRDS, [0, 1.7, 2]), CE_NPY, 3, ["t.npy: row 1", "label 1.7 is not an integer"]
    ),
    Hazard(
        113,
        "a label of 1.7 in CSV",
        {**_LABELS, "t.csv": csv("label", 0, 1.7, 2)},
        (*CE, "--labels", "int"),
        3,
        ["t.csv:3:label", "1.7", "not an integer"],
    ),
    Hazard(
        114, "one column of logits", arrays([0.5, 1.5, 2.0], [0.2, 0.3, 0.5]), CE_NPY, 3, ["a column a class", "(n, C)"]
    ),
    Hazard(
        114, "one column in CSV", two(csv("p", 0.5, 0.5), csv("label", 0, 1)), CE, 3, ["a column a class", "(n, C)"]
    ),
    Hazard(
        114,
        "predictions and targets the wrong way round",
        arrays([0, 1, 2], THIRDS),
        CE_NPY,
        3,
        ["a column a class", "the wrong way round?"],
    ),
    Hazard(115, "one-hot", arrays(THIRDS, np.eye(3)), CE_NPY, value=OF_THIRDS),
    Hazard(115, "soft", arrays([[0.5, 0.5]], [[0.25, 0.75]]), CE_NPY, value=OF_THIRDS),
    Hazard(
        115,
        "two ones",
        arrays(THIRDS, [[1, 0, 0], [0, 1, 1], [0, 0, 1]]),
        CE_NPY,
        3,
        ["t.npy: row 1", "add up to 2", "a single 1"],
    ),
    Hazard(115, "beyond 1", arrays(THIRDS, np.eye(3) * 2), CE_NPY, 3, ["t.npy: row 0", "2.0 is outside [0, 1]"]),
    Hazard(
        115,
        "one-hot of another width",
        arrays(THIRDS, np.eye(3)[:, :2]),
        CE_NPY,
        3,
        ["shapes differ", "(3, 3)", "(3, 2)"],
    ),
]

_OFF = "p_a,p_b\n0.5,0.5\n0.25,0.5\n0.5,0.5\n"
FORMS = [
    Hazard(116, "a row adds up to 0.75", two(_OFF, LABELS), CE, 3, ["p.csv:3", "add up to 0.75, not 1", "--normalize"]),
    Hazard(
        116,
        "normalised",
        two("p_a,p_b\n0.5,0.5\n0.125,0.375\n0.25,0.25\n", LABELS),
        (*CE, "--normalize"),
        notes=["2 rows of 3 of pred", "p.csv:3 adds up to 0.5"],
        value=OF_HALVES,
    ),
    Hazard(116, "normalised without need", two(HALVES, LABELS), (*CE, "--normalize"), value=OF_HALVES),
    Hazard(116, "digits printed", two("p_a,p_b,p_c\n0.33,0.33,0.33\n0.5,0.25,0.25\n", csv("label", "a", "b")), CE),
    Hazard(
        116,
        "a row of zeros",
        two("p_a,p_b\n0,0\n1,0\n", "label\na\na\n"),
        (*CE, "--normalize"),
        3,
        ["p.csv:2", "all 0"],
    ),
    Hazard(
        116,
        "normalised beyond 1",
        two("p_a,p_b\n2,2\n1,0\n", "label\na\na\n"),
        (*CE, "--normalize"),
        3,
        ["p.csv:2:p_a", "2.0 is outside [0, 1]"],
    ),
    Hazard(
        116,
        "soft targets normalised",
        arrays([[0.5, 0.5], [0.25, 0.75]], [[0.5, 0.0], [0.0, 0.25]]),
        (*CE_NPY, "--normalize"),
        notes=["2 rows of 2 of target", "t.npy: row 1 adds up to 0.25"],
        value=repr(float(-(np.log(0.5) + np.log(0.75)) / 2)),
    ),
    Hazard(
        116,
        "logits normalised",
        arrays(THIRDS, [0, 1, 2]),
        (*CE_NPY, "--form", "logits", "--normalize"),
        2,
        ["--normalize is for"],
    ),
    Hazard(
        116, "errors normalised", two(csv("y_pred", 1), csv("y", 1)), (*MSE, "--normalize"), 2, ["--normalize is for"]
    ),
    Hazard(
        116,
        "a gradient of what is divided",
        arrays(THIRDS, [0, 1, 2]),
        (*CE_NPY, "--normalize", "--grad"),
        2,
        ["derivatives"],
    ),
    Hazard(
        116,
        "one column divided",
        two(csv("prob", 0.5, 0.25), csv("y", 0, 1)),
        ("eval", "-l", "brier", "p.csv", "t.csv", "--normalize"),
        2,
        ["one column has nothing to add up"],
    ),
    Hazard(
        116,
        "far down",
        arrays(far([0.5, 0.5], [0.5, 0.25]), far(0, 1)),
        CE_NPY,
        3,
        ["p.npy: row 300000", "add up to 0.75"],
    ),
    Hazard(
        117,
        "logits",
        two(csv("y_pred", 0.5, 1.5, -2), csv("y", 0, 1, 0)),
        BCE,
        3,
        ["p.csv:3:y_pred", "1.5", "--form logits"],
    ),
    Hazard(
        117,
        "logits of classes in Parquet",
        {"p.parquet": {"p_a": [2.0, 0.1], "p_b": [-1.0, 0.9]}, "t.csv": "label\na\nb\n"},
        ("eval", "-l", "cross_entropy", "p.parquet", "t.csv"),
        3,
        ["p.parquet: row 0, column 'p_a'", "2.0 is outside [0, 1]", "--form logits"],
    ),
    Hazard(
        117,
        "beyond 1 by a rounding",
        arrays([1.0000000000000002, 0.5, -1e-17], [1.0, 1.0, 0.0]),
        BCE_NPY,
        notes=["p.npy: 2 values", "by a rounding", "row 0"],
        value=repr(float(np.log(2) / 3)),
    ),
    Hazard(
        117,
        "beyond 1 by a rounding in CSV",
        two(csv("y_pred", "1.0000000000000002", 0.5, 0), csv("y", 1, 1, 0)),
        BCE,
        notes=["p.csv: column 'y_pred': 1 value", "p.csv:2:y_pred"],
        value=repr(float(np.log(2) / 3)),
    ),
    Hazard(
        117,
        "beyond 1 by more",
        arrays([1.000000000000001, 0.5], [1.0, 1.0]),
        BCE_NPY,
        3,
        ["p.npy: row 0", "outside [0, 1]"],
    ),
    Hazard(
        117,
        "beyond 1 by a rounding of float32",
        arrays(np.array([1.0000001, 0.5, 0.0], np.float32), [1.0, 1.0, 0.0]),
        BCE_NPY,
        notes=["1 value"],
        value=repr(float(np.log(2) / 3)),
    ),
    Hazard(
        117,
        "percentages",
        two(csv("y_pred", 50, 75, 3), csv("y", 0, 1, 0)),
        BCE,
        3,
        ["p.csv:2:y_pred", "percentages", "100"],
    ),
    Hazard(
        117,
        "rows of percentages",
        two("p_a,p_b\n50,50\n25,75\n", "label\na\nb\n"),
        CE,
        3,
        ["look like percentages", "by 100"],
    ),
    Hazard(
        117,
        "log-probabilities",
        arrays(np.log(THIRDS), [0, 1, 2]),
        CE_NPY,
        3,
        ["p.npy: row 0", "look like log-probabilities", "--form log_probs"],
    ),
    Hazard(117, "far down", arrays(far(0.5, 1.5), far(0.0, 1.0)), BCE_NPY, 3, ["p.npy: row 300000", "--form logits"]),
    Hazard(
        118,
        "probabilities as logits",
        arrays(THIRDS, [0, 1, 2]),
        (*CE_NPY, "--form", "logits"),
        notes=["p.npy: every row lies in [0, 1] and adds up to 1", "--form probs"],
    ),
    Hazard(
        118,
        "probabilities as logits, strictly",
        arrays(THIRDS, [0, 1, 2]),
        (*CE_NPY, "--form", "logits", "--strict"),
        3,
        ["p.npy: every row", "--form probs", "--strict"],
    ),
    Hazard(118, "probabilities as logits, quietly", arrays(THIRDS, [0, 1, 2]), (*CE_NPY, "--form", "logits", "-q")),
    Hazard(
        118,
        "logits that only begin so",
        arrays(far([0.5, 0.5], [0.5, -0.5]), far(0, 1)),
        (*CE_NPY, "--form", "logits"),
    ),
    Hazard(
        118,
        "one column of probabilities as logits",
        two(csv("y_pred", 0.9, 0.2, 0.7), csv("y", 1, 0, 1)),
        (*BCE, "--form", "logits"),
        notes=["p.csv: column 'y_pred': every value lies in [0, 1]", "--form probs"],
    ),
    Hazard(
        119,
        "probabilities as log-probabilities",
        arrays(THIRDS, [0, 1, 2]),
        ("eval", "-l", "nll", "p.npy", "t.npy"),
        3,
        ["p.npy: row 0", "0.5 is outside", "log-probabilities"],
    ),
    Hazard(
        119,
        "probabilities as the logarithms of kl",
        arrays(THIRDS, np.eye(3)),
        ("eval", "-l", "kl", "--form", "log_probs", "p.npy", "t.npy"),
        3,
        ["no log-probability", "look like probabilities", "--form probs"],
    ),
    Hazard(
        119,
        "logits as log-probabilities",
        arrays([[-1.0, -2.0]], [0]),
        ("eval", "-l", "nll", "p.npy", "t.npy"),
        3,
        ["add up to"],
    ),
]

_SIGNED = ("eval", "-l", "hinge", "p.csv", "t.csv", *VALUE)
TARGETS = [
    Hazard(
        120,
        "a target of 2",
        two(csv("prob", 0.5, 0.25), csv("y", 1, 2)),
        BCE,
        3,
        ["t.csv:3:y", "2.0 is outside [0, 1]", "0 and 1"],
    ),
    Hazard(
        120,
        "labels of three classes",
        two(csv("prob", 0.5, 0.25, 0.75), csv("y", 0, 1, 2)),
        BCE,
        3,
        ["t.csv:4:y", "2.0 is outside [0, 1]", "only classes 0 and 1"],
    ),
    Hazard(
        120,
        "one-hot against index",
        arrays(THIRDS, [0, 1, 2]),
        BCE_NPY,
        3,
        ["shapes differ: pred (3, 3), target (3,)", "a column a class"],
    ),
    Hazard(
        120,
        "targets of -1",
        two(csv("prob", 0.5, 0.25), csv("y", 1, -1)),
        BCE,
        3,
        ["t.csv:3:y", "-1.0", "-1 and 1 must be written as 0 and 1"],
    ),
    Hazard(
        120,
        "a target of 2 beside logits",
        two(csv("logit", 3, -2, 1), csv("y", 0, 1, 2)),
        (*BCE, "--form", "logits"),
        3,
        ["t.csv:4:y", "2.0 is outside [0, 1]"],
    ),
    Hazard(120, "far down", arrays(far(0.5, 0.25), far(0.0, 2.0)), BCE_NPY, 3, ["t.npy: row 300000", "outside [0, 1]"]),
    Hazard(
        121,
        "targets of 0 and 1",
        two(csv("score", 2, -3), csv("y", 1, 0)),
        _SIGNED,
        3,
        ["t.csv:3:y", "-1", "--labels 01"],
    ),
    Hazard(121, "said", two(csv("score", 2, -3), csv("y", 1, 0)), (*_SIGNED, "--labels", "01"), value="0.0"),
    Hazard(
        122,
        "one class in the rows",
        two("p_a,p_b\n0.5,0.5\n0.25,0.75\n", "label\nb\nb\n"),
        CE,
        value=repr(float(-(np.log(0.5) + np.log(0.75)) / 2)),
    ),
    Hazard(
        122,
        "one class of many rows",
        two("p_a,p_b\n" + "0.5,0.5\n0.25,0.75\n" * 5, csv("label", *"b" * 10)),
        CE,
        notes=["t.csv: column 'label': every target is b"],
    ),
    Hazard(122, "one class of hinge", two(csv("score", 2, -3), csv("y", 1, 1)), _SIGNED, value="2.0"),
    Hazard(
        123,
        "text labels in columns of another order",
        two("p_10,p_2\n0.5,0.5\n0.25,0.75\n0.5,0.5\n", csv("label", 10, 2, 10)),
        CE,
        value=OF_HALVES,
    ),
    Hazard(
        123,
        "text labels without names",
        {"p.npy": THIRDS, "t.csv": "label\na\nb\nc\n"},
        ("eval", "-l", "cross_entropy", "p.npy", "t.csv"),
        3,
        ["t.csv:2:label", "'a'", "--classes"],
    ),
    Hazard(
        123,
        "text labels with names said",
        {"p.npy": THIRDS, "t.csv": "label\nx\nc\na\n"},
        ("eval", "-l", "cross_entropy", "p.npy", "t.csv", "--classes", "x,c,a", *VALUE),
        value=OF_THIRDS,
    ),
]

_WEIGHED = {"p.csv": csv("y_pred", 1, 3), "t.csv": "y,w\n0,1\n0,-1\n"}
WEIGHTS = [
    Hazard(124, "a negative weight", _WEIGHED, (*MSE, "--weight-col", "w"), 3, ["t.csv:3", "-1", "weight"]),
    Hazard(
        124,
        "a negative weight far down",
        {**arrays(np.ones(LINES_BEFORE + 1), np.zeros(LINES_BEFORE + 1)), "w.npy": far(1.0, -1.0)},
        (*MSE_NPY, "--input", "weight=w.npy"),
        3,
        ["w.npy: row 300000", "weight"],
    ),
    Hazard(
        125,
        "no weight at all",
        {**_WEIGHED, "t.csv": "y,w\n0,0\n0,0\n"},
        (*MSE, "--weight-col", "w"),
        3,
        ["every row has weight 0"],
    ),
    Hazard(
        126, "the weighted mean", {**_WEIGHED, "t.csv": "y,w\n0,3\n0,1\n"}, (*MSE, "--weight-col", "w"), value="3.0"
    ),
]

_ONE = two(csv("y_pred", 1), csv("y", 2))
PARAMETERS = [
    *(
        Hazard(
            127,
            spec,
            _ONE,
            ("eval", "-l", spec, "p.csv", "t.csv"),
            2,
            [spec.partition(":")[0], "not a number" if "nan" in spec else "must be"],
        )
        for spec in (
            *(
                "huber:delta=0",
                "huber:delta=-1",
                "huber:delta=nan",
                "smooth_l1:beta=-1",
                "quantile:q=0",
                "quantile:q=1",
            ),
            *("quantile:q=nan", "bce:label_smoothing=1.5", "bce:pos_weight=-1", "bce:clip=0.5", "dice:smooth=-1"),
        )
    ),
    Hazard(127, "no number", _ONE, ("eval", "-l", "huber", "--delta", "1_000", "p.csv", "t.csv"), 2, ["not a number"]),
]

_EMPTY = two(csv("prob", 0, 0), csv("y", 0, 0))
DICE = ("eval", "-l", "dice", "p.csv", "t.csv", *VALUE)
_ROWS = arrays([[0.0, 0.0], [1.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]])
DICE_NPY = ("eval", "-l", "dice", "--pool", "sample", "p.npy", "t.npy", *VALUE)
MASKS = [
    Hazard(
        128, "both empty", _EMPTY, DICE, 4, ["dice is nan", "undefined: both masks are empty", "--empty 0 or --empty 1"]
    ),
    Hazard(128, "both empty is 0", _EMPTY, (*DICE, "--empty", "0"), value="0.0"),
    Hazard(128, "both empty is 1", _EMPTY, (*DICE, "--empty", "1"), value="1.0"),
    Hazard(
        128, "one row empty", _ROWS, DICE_NPY, 4, ["1 of 2 samples", "data row 0", "both masks are empty", "--empty"]
    ),
    Hazard(128, "one row empty is 1", _ROWS, (*DICE_NPY, "--empty", "1"), value="0.5"),
    Hazard(128, "one mask empty", two(csv("prob", 0, 0), csv("y", 0, 1)), DICE, value="1.0"),
    Hazard(
        128,
        "not of a loss without masks",
        _EMPTY,
        (*BCE, "--empty", "1"),
        2,
        ["--empty belongs to dice, ", ", not to bce"],
    ),
    Hazard(128, "no such word", _EMPTY, (*DICE, "--empty", "2"), 2, ["empty is one of", "0, 1"]),
    Hazard(128, "beside a smoothing", _EMPTY, (*DICE, "--empty", "1", "--smooth", "1"), 2, ["empty=1 is for smooth=0"]),
    Hazard(
        128, "grey values", two(csv("prob", 0, 255), csv("y", 0, 1)), DICE, 3, ["p.csv:3:prob", "255", "divided by 255"]
    ),
]

_RATES = ("eval", "-l", "poisson_nll", "p.csv", "t.csv", *VALUE)
_NO_RATE = two(csv("y_pred", 1.5, -0.5), csv("y", 1, 2))
COUNTS = [
    Hazard(129, "a rate below 0", _NO_RATE, _RATES, 3, ["p.csv:3:y_pred", "-0.5", "[0, inf]", "--form log_rate"]),
    Hazard(
        129,
        "a log-rate below 0",
        _NO_RATE,
        (*_RATES, "--form", "log_rate"),
        value=repr((exp(1.5) - 1.5 + exp(-0.5) + 1) / 2),
    ),
    Hazard(
        129, "a count below 0", two(csv("y_pred", 1, 1), csv("y", 1, -2)), _RATES, 3, ["t.csv:3:y", "-2.0", "counts"]
    ),
    Hazard(129, "a rate of 0", two(csv("y_pred", 0, 1), csv("y", 0, 2)), _RATES, value="0.5"),
    Hazard(129, "a rate of 0 for a count", two(csv("y_pred", 1, 0), csv("y", 1, 2)), _RATES, 4, ["poisson_nll is inf"]),
    Hazard(
        129,
        "no count",
        two(csv("y_pred", 1, 1), csv("y", 1, 2.5)),
        (*_RATES, "--full", "true"),
        3,
        ["t.csv:3:y", "2.5 is no count", "full=false"],
    ),
    Hazard(
        129,
        "a deviance of a target of 0",
        two(csv("y_pred", 1, 1), csv("y", 1, 0)),
        ("eval", "-l", "gamma_deviance", "p.csv", "t.csv"),
        3,
        ["t.csv:3:y", "0.0 is outside (0, inf]", "tweedie_deviance"],
    ),
]

_BYTES = arrays(np.array([0, 200, 255], np.uint8), np.array([1, 100, 0], np.uint8))
NUMBERS = [
    Hazard(130, "uint8", _BYTES, MSE_NPY, value=repr((1 + 100**2 + 255**2) / 3)),
    Hazard(
        130, "int8", arrays(np.array([-128, 127], np.int8), np.array([127, -128], np.int8)), MSE_NPY, value="65025.0"
    ),
    Hazard(
        130,
        "float16",
        arrays(np.array([6e4, -6e4], np.float16), np.array([-6e4, 0], np.float16)),
        MSE_NPY,
        value=repr(float(np.float16(6e4)) ** 2 * 2.5),
    ),
    Hazard(
        130,
        "uint8 in Parquet",
        {"b.parquet": {"y_pred": np.array([0, 200], np.uint8), "y": np.array([1, 250], np.uint8)}},
        ("eval", "-l", "mse", "b.parquet", *VALUE),
        value="1250.5",
    ),
    Hazard(
        132,
        "inf minus inf",
        two(csv("y_pred", 1, "inf"), csv("y", 1, "inf")),
        MSE,
        3,
        ["p.csv:3:y_pred", "infinite", "--allow-inf"],
    ),
    Hazard(
        132,
        "inf minus inf, let in",
        two(csv("y_pred", 1, "inf"), csv("y", 2, "inf")),
        (*MSE, "--allow-inf"),
        4,
        ["mse is nan", "data row 1"],
    ),
    Hazard(
        132, "infinite far down", arrays(far(1.0, np.inf), far(0.0, 1.0)), MSE_NPY, 3, ["p.npy: row 300000", "infinite"]
    ),
]

_PAIRS = "left_a,left_b,right_a,right_b,label\n1,0,1,0,0\n0,1,1,0,{}\n"
VECTORS = [
    Hazard(
        133,
        "a label of -1",
        {"v.csv": _PAIRS.format(-1)},
        ("eval", "-l", "contrastive", "v.csv"),
        3,
        ["v.csv:3:label", "-1.0 is not 0 or 1", "1 dissimilar"],
    ),
    Hazard(
        133,
        "a label of 2",
        {"v.csv": _PAIRS.format(2)},
        ("eval", "-l", "contrastive", "v.csv"),
        3,
        ["v.csv:3:label", "2.0 is not 0 or 1"],
    ),
    Hazard(
        133,
        "a target of 0 where it is 1 or -1",
        two(csv("score", 2, 3), csv("y", 0, -1)),
        _SIGNED,
        3,
        ["t.csv:2:y", "0.0 is not -1 or 1"],
    ),
]


def _frames(target: Any, pred: Any = None, frames: Any = (4, 4)) -> dict[str, Any]:
    """Two targets of two labels, beside four frames each of three classes at 1/4, 1/2 and 1/4."""
    p = np.log([[[0.25, 0.5, 0.25]] * 4] * 2) if pred is None else pred
    roles = {"log_probs": p, "labels": np.array(target), "input_lengths": np.array(frames)}
    return {"x.npz": lambda path: np.savez(path, **roles, target_lengths=np.array([2, 2]))}


CTC = ("eval", "-l", "ctc", "x.npz", *VALUE)
ALIGNMENTS = [
    Hazard(131, "ctc as it should be", _frames([[1, 2], [2, 1]]), CTC, value="1.7609878105613013"),
    Hazard(
        131,
        "the blank in a target of ctc",
        _frames([[1, 2], [2, 0]]),
        CTC,
        3,
        ["x.npz:labels: row 1", "label 1: class 0 is the blank", "target_lengths", "blank"],
    ),
    Hazard(
        131,
        "logits as log-probabilities",
        _frames([[1, 2], [2, 1]], np.array([[[0.5, -1, 2]] * 4] * 2)),
        CTC,
        3,
        ["x.npz:log_probs: row 0", "frame 0, class 0: 0.5 is outside", "--form logits"],
    ),
    Hazard(
        131,
        "logits below 0 as log-probabilities",
        _frames([[1, 2], [2, 1]], np.array([[[-0.53, -1.21, -2.04]] * 4] * 2)),
        CTC,
        3,
        ["x.npz:log_probs: row 0", "frame 0: the row's probabilities add up to", "--form logits"],
    ),
    Hazard(
        131,
        "fewer frames than labels",
        _frames([[1, 2], [2, 2]], frames=[4, 2]),
        CTC,
        4,
        ["ctc is inf", "1 of 2 samples", "data row 1", "its target needs 3 frames and has 2"],
    ),
]

HAZARDS = [
    *SHAPES,
    *KEYS,
    *CLASSES,
    *FORMS,
    *TARGETS,
    *WEIGHTS,
    *PARAMETERS,
    *MASKS,
    *COUNTS,
    *NUMBERS,
    *VECTORS,
    *ALIGNMENTS,
]
