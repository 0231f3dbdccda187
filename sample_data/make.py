"""Train small models on the scikit-learn data sets and write their held-out predictions.

Run as ``python sample_data/make.py``; the files are written beside this script.
"""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.special import expit, softmax
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, log_loss, mean_squared_error, r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

FOLDER = Path(__file__).resolve().parent
SEED = 0

Array = npt.NDArray[np.generic]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def split(y: Array, n_test: int, *, stratify: bool) -> tuple[Ints, Ints]:
    """Return the row numbers to train on and those held out, each in ascending order."""
    train, test = train_test_split(
        np.arange(len(y)), test_size=n_test, random_state=SEED, stratify=y if stratify else None
    )
    return np.sort(train), np.sort(test)


def write_csv(name: str, columns: dict[str, Array]) -> None:
    """Write the columns as CSV; Python writes floats with all digits needed to read them back."""
    with (FOLDER / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))


def write_parquet(name: str, columns: dict[str, Array]) -> None:
    """Write the columns as Parquet; a two-dimensional array becomes a column of lists."""
    table = pa.table({key: column.tolist() for key, column in columns.items()})
    pq.write_table(table, FOLDER / name)


def age_groups(age: Floats) -> Array:
    """Name the tercile of each age."""
    return np.array(["young", "middle", "old"])[np.digitize(age, np.quantile(age, [1 / 3, 2 / 3]))]


def make_diabetes() -> None:
    """Regression: the progression of the disease after one year."""
    x, y = load_diabetes(return_X_y=True)
    train, test = split(y, 147, stratify=False)
    y_pred = Ridge(alpha=0.1).fit(x[train], y[train]).predict(x[test])
    y, age, bmi = y[test], x[test, 0], x[test, 2]
    # The features are centred: patients with more than the average body mass count twice.
    targets = {"y": y, "age_group": age_groups(age), "weight": np.where(bmi > 0, 2, 1)}
    write_csv("diabetes_preds.csv", {"id": test, "y_pred": y_pred})
    write_csv("diabetes_targets.csv", {"id": test, **targets})
    write_parquet("diabetes.parquet", {"id": test, "y_pred": y_pred, **targets})
    np.save(FOLDER / "diabetes_preds.npy", y_pred)
    np.save(FOLDER / "diabetes_targets.npy", y)
    print(f"diabetes: R2 {r2_score(y, y_pred):.4f}, mse {mean_squared_error(y, y_pred)!r}")


def make_cancer() -> None:
    """Binary classification: is the tumour benign (1) or malignant (0)."""
    x, y = load_breast_cancer(return_X_y=True)
    train, test = split(y, 190, stratify=True)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    logit = model.fit(x[train], y[train]).decision_function(x[test])
    y, prob = y[test], expit(logit)
    write_csv("cancer_probs.csv", {"id": test, "y_pred": prob})
    write_csv("cancer_logits.csv", {"id": test, "y_pred": logit})
    write_csv("cancer_targets.csv", {"id": test, "y": y})
    write_parquet("cancer.parquet", {"id": test, "prob": prob, "logit": logit, "y": y})
    print(f"cancer: accuracy {accuracy_score(y, logit > 0):.4f}, bce {log_loss(y, prob)!r}")


def make_digits() -> None:
    """Ten classes: which digit is in the image."""
    x, y = load_digits(return_X_y=True)
    train, test = split(y, 300, stratify=True)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    # Rounded to float32 first, so that the probabilities belong to the logits as stored.
    logits = model.fit(x[train], y[train]).decision_function(x[test]).astype(np.float32)
    label, probs = y[test].astype(np.int64), softmax(logits.astype(np.float64), axis=1)
    write_csv("digits_probs.csv", {f"p_{digit}": probs[:, digit] for digit in range(10)})
    write_csv("digits_targets.csv", {"label": label})
    write_parquet("digits.parquet", {"prob": probs, "logit": logits, "label": label})
    np.save(FOLDER / "digits_logits.npy", logits)
    np.save(FOLDER / "digits_probs.npy", probs)
    np.save(FOLDER / "digits_targets.npy", label)
    accuracy = accuracy_score(label, logits.argmax(axis=1))
    print(f"digits: accuracy {accuracy:.4f}, cross-entropy {log_loss(label, probs)!r}")


def make_digit_strings() -> None:
    """Strings of digits, as a reader that sees one image after another would give them: a frame or two an image, and
    between images a frame that is mostly blank. Class 0 is the blank, class k + 1 the digit k.
    """
    probs, label = np.load(FOLDER / "digits_probs.npy"), np.load(FOLDER / "digits_targets.npy")
    rng = np.random.default_rng(SEED)
    rows, start = [], 0
    for length in rng.integers(1, 6, 20).tolist():
        images, frames = range(start, start + length), []
        for image in images:
            frames += [np.append(0.1, 0.9 * probs[image])] * int(rng.integers(1, 3))
            frames.append(np.append(0.9, 0.1 * probs[image]))
        logs = np.log(np.array(frames) + 1e-6) - np.log1p(11e-6)
        rows.append({"log_probs": logs.round(4).tolist(), "target": (label[list(images)] + 1).tolist()})
        start += length
    (FOLDER / "digit_strings.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    np.savez_compressed(FOLDER / "digit_strings.npz", **padded("log_probs", rows), **padded("target", rows))


def padded(name: str, rows: list[dict[str, list[Any]]]) -> dict[str, Array]:
    """Lists as one array, with zeros behind their ends, and their lengths."""
    lengths = np.array([len(row[name]) for row in rows])
    first = np.array(rows[0][name])
    values = np.zeros((len(rows), lengths.max(), *first.shape[1:]), first.dtype)
    for k, row in enumerate(rows):
        values[k, : lengths[k]] = row[name]
    return {name: values, {"target": "target_lengths"}.get(name, "input_lengths"): lengths}


def make_wine() -> None:
    """Three classes, as two people would export them: shuffled, with an index column, and with gaps."""
    x, y = load_wine(return_X_y=True)
    train, test = split(y, 89, stratify=True)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    probs = model.fit(x[train], y[train]).predict_proba(x[test])
    cultivars = np.array(["barolo", "grignolino", "barbera"])
    rng = np.random.default_rng(SEED)
    shown = rng.permutation(len(test))[:-2]  # two wines have no prediction
    columns = {f"p_{cultivars[k]}": probs[shown, k] for k in (2, 0, 1)}
    # pandas writes its index as a first column without a name
    write_csv("wine_preds.csv", {"": np.arange(len(shown)), "wine_id": test[shown], **columns})
    cultivar = cultivars[y[test]].astype(object)
    cultivar[rng.choice(shown, 3, replace=False)] = ""  # nobody wrote down what these were
    colour = np.where(x[test, 9] > 5, "dark", "light")
    bottles = rng.integers(1, 4, len(test))
    write_csv("wine_targets.csv", {"wine_id": test, "cultivar": cultivar, "colour": colour, "bottles": bottles})
    known = [k for k in shown if cultivar[k]]
    loss = log_loss(y[test][known], probs[known], sample_weight=bottles[known], labels=[0, 1, 2])
    print(f"wine: {len(known)} known wines, weighted cross-entropy {loss!r}")


def make_messy() -> None:
    """Six predictions in ten files that are wrong, each in its own way, and the targets they are for."""
    folder = FOLDER / "messy"
    folder.mkdir(exist_ok=True)
    points = ["1151.5", "75.25", "141.0", "206.0", "98.75", "182.5"]
    commas = [point.replace(".", ",") for point in points]
    lines = "".join(f"{point}\n" for point in points)
    made = {
        "targets.csv": "y\n1145\n80\n139\n199\n104\n178\n",
        "decimal_commas.csv": "id;y_pred\n" + "".join(f"{k};{comma}\n" for k, comma in enumerate(commas)),
        "thousands.csv": "id,y_pred\n" + '0,"1,151.5"\n' + "".join(f"{k},{p}\n" for k, p in enumerate(points[1:], 1)),
        "comment.csv": f"# model v3, 2 November\ny_pred\n{lines}",
        "blank_line.csv": f"y_pred\n{lines.replace('75.25', '75.25' + chr(10))}",
        "pandas_index.csv": ",y_pred\n" + "".join(f"{k},{point}\n" for k, point in enumerate(points)),
        "two_parts.csv": f"y_pred\n{lines.replace('206.0', 'y_pred' + chr(10) + '206.0')}",
        "cut_off.csv": "id,y_pred\n" + "".join(f"{k},{point}\n" for k, point in enumerate(points[:-1])) + "5",
        "currency.csv": f"y_pred\n{lines.replace('1151.5', '$1151.5')}",
        "lfs_pointer.csv": f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d7a2146' * 8}\nsize 48\n",
    }
    for name, text in made.items():
        (folder / name).write_text(text, "utf-8", newline="\n")
    (folder / "unicode_text.csv").write_text(f"y_pred\n{lines}", "utf-16", newline="\r\n")


if __name__ == "__main__":
    # One thread: the order of sums, and with it the last digits, must not vary between runs.
    with threadpool_limits(1):
        make_diabetes()
        make_cancer()
        make_digits()
        make_wine()
    make_digit_strings()
    make_messy()
