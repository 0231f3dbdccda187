"""JSON lines: the same as CSV for the same values; and everything that is no such line is refused with its place."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import losscli
from losscli.errors import InputError
from losscli.formats import Pick, open_reader
from losscli.formats.jsontext import Part, values_of
from tests import support
from tests.support import encoded, put

RNG = np.random.default_rng(23)
ROWS = 40_000
RECORDS = [
    {"y_pred": p, "y": int(y), "w": w, "g": g, "id": k, "ok": bool(y > 0), "v": [p, w], "u": [w, 1]}
    for k, (p, y, w, g) in enumerate(
        zip(
            *(RNG.normal(size=ROWS).tolist(), RNG.integers(-9, 9, ROWS), RNG.random(ROWS).tolist()),
            RNG.choice(["a", "b, {}", "ü\n"], ROWS).tolist(),
            strict=True,
        )
    )
]
FLAT = ("y_pred", "y", "w", "id", "ok")


def lines(records: Any, **options: Any) -> str:
    return "".join(json.dumps(record, **options) + "\n" for record in records)


def csv() -> str:
    return ",".join(FLAT) + "\n" + "".join(",".join(str(r[name]) for name in FLAT) + "\n" for r in RECORDS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("jsonl")
    put(
        made,
        {
            "x.csv": csv(),
            "flat.jsonl": lines({name: r[name] for name in FLAT} for r in RECORDS),
            "all.jsonl": lines(RECORDS),
            "narrow.jsonl": lines(RECORDS, separators=(",", ":"), ensure_ascii=False),
            "crlf.jsonl": lines(RECORDS).replace("\n", "\r\n"),
            "bom.jsonl": "\ufeff" + lines(RECORDS) + "\n\n",
        },
    )
    return made


REQUESTS: dict[str, dict[str, Any]] = {
    "gradients": {"grad": True, "columns": {"weight": "w"}},
    "a mask": {"columns": {"mask": "ok"}},
    "read twice": {"worst": 5, "block": 777},
    "a condition": {"where": ["id >= 31234"]},
}


@pytest.mark.parametrize("path", ["flat.jsonl", "all.jsonl", "narrow.jsonl", "crlf.jsonl", "bom.jsonl"])
@pytest.mark.parametrize("name", REQUESTS)
def test_the_same_bits_as_csv(name: str, path: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    found = [losscli.evaluate(["mse", "huber"], pred=file, **REQUESTS[name]) for file in ("x.csv", path)]
    assert found[0].to_dict()["results"] == found[1].to_dict()["results"]


def test_vectors_and_matrices(here: Path) -> None:
    rows = RNG.normal(size=(20_000, 3))
    put(
        here, {"v.jsonl": lines({"pred": row} for row in rows.tolist()), "m.jsonl": lines(rows.tolist()), "x.npy": rows}
    )
    put(here, {"n.jsonl": lines(rows[:, 0].tolist()), "n.npy": rows[:, 0]})
    for path, array in (("v.jsonl", rows), ("m.jsonl", rows), ("x.npy", rows), ("n.jsonl", rows[:, 0])):
        report = losscli.evaluate("mse", pred=path, target=np.zeros_like(array), grad=True)
        assert report.results[0].gradient.tobytes() == (2 * array / array.size).tobytes()


def test_labels_groups_and_keys(here: Path) -> None:
    records = [{"p_a": 0.25, "p_b": 0.75, "label": " b", "id": "x"}, {"p_a": 0.5, "p_b": 0.5, "label": "a", "id": "y"}]
    put(here, {"p.jsonl": lines(records), "t.csv": "id,y\ny,a\nx,b\n", "n.jsonl": "1\n0\n"})
    own = losscli.evaluate("cross_entropy", pred="p.jsonl").value
    assert losscli.evaluate("cross_entropy", pred="p.jsonl", target="t.csv", id="id").value == own
    assert losscli.evaluate("cross_entropy", pred="p.jsonl", target="n.jsonl").value == own
    groups = losscli.evaluate("cross_entropy", pred="p.jsonl", by="label").results[0].groups
    assert "'b'" in str(groups)


def mae(here: Path, text: str | bytes, name: str = "x.jsonl", **request: Any) -> float:
    put(here, {name: text})
    return losscli.evaluate("mae", pred=name, **request).value


def refusal(here: Path, text: str | bytes, name: str = "x.jsonl") -> str:
    with pytest.raises(InputError) as caught:
        mae(here, text, name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


G = '{"y_pred": 1, "y": 2}\n'
READ = {
    "no line end": (G + G.strip(), 1.0),
    "spaces": (f"  {G} {G}", 1.0),
    "other order": (G + '{"y": 2, "y_pred": 1}\n', 1.0),
    "true and false": (G + '{"y_pred": true, "y": false}\n', 1.0),
    "beyond 2^53": ('{"y_pred": 9007199254740993, "y": 9007199254740992}\n', 1.0),
    "a power of two beside a fraction": (
        '{"y_pred": 0.5, "y": 0}\n{"y_pred": 1152921504606846976, "y": 0.5}\n',
        2.0**59,
    ),
    "braces in text": (G[:-2] + ', "m": "}{"}\n' + G[:-2] + ', "m": "\\"}"}\n', 1.0),
    "nested, and not used": (G[:-2] + ', "m": {"a": [1]}}\n' + G[:-2] + ', "m": [[1], {}]}\n', 1.0),
    "too small": ('{"y_pred": 1e-400, "y": 2}\n', 2.0),
}


@pytest.mark.parametrize("name", READ)
def test_read(name: str, here: Path) -> None:
    text, value = READ[name]
    assert mae(here, text) == value


def test_a_minus_zero_is_one(here: Path) -> None:
    put(here, {"x.jsonl": "-0\n0\n-0.0\n[1]"[:10]})
    reader = open_reader("pred", "x.jsonl")
    (block,) = reader.read([Pick((0,))], 10)
    reader.close()
    assert np.signbit(block.values[0]).tolist() == [True, False, True]


A = "[1, 2]\n"
REFUSED: dict[str, tuple[str | bytes, str]] = {
    "NaN": (G + '{"y_pred": "NaN", "y": NaN}\n', "x.jsonl:2:24: NaN is no JSON; a missing value is null"),
    "-Infinity": (G + '{"y_pred": -Infinity, "y": 1}\n', "x.jsonl:2:12: -Infinity is no JSON"),
    "too large": (G + '{"y_pred": 1, "y": 1e400}\n', "x.jsonl:2:y: a number out of the range of a float64"),
    "an integer too large": (G + f'{{"y_pred": 1, "y": 1{"0" * 400}}}\n', "x.jsonl:2:y: a number out of the range"),
    "thousands of digits": (G + f'{{"y_pred": 1, "y": 1{"0" * 5000}}}\n', "x.jsonl:2: a number of thousands of digits"),
    "beyond 2^53 beside a fraction": (
        '{"y_pred": 9007199254740993, "y": 1}\n{"y_pred": 0.5, "y": 1}\n',
        "x.jsonl:1:y_pred: an integer that no float64 holds, in a column that has fractions too (x.jsonl:2:y_pred)",
    ),
    "a name twice": (G + '{"y_pred": 1, "y": 2, "y": 3}\n', "x.jsonl:2: 'y' appears twice in an object"),
    "a number in quotes": (G + '{"y_pred": "1", "y": 2}\n', "x.jsonl:2:y_pred: '1' is not a number; write it without"),
    "text": (G + '{"y_pred": "one", "y": 2}\n', "x.jsonl:2:y_pred: 'one' is not a number"),
    "an object": (G + '{"y_pred": {"a": 1}, "y": 2}\n', "x.jsonl:2:y_pred: an object where a number is needed"),
    "null": (G + '{"y_pred": null, "y": 2}\n{"y": 1}\n', "x.jsonl:2:y_pred: 2 missing values, the first here"),
    "a new name": (G * 5000 + '{"y_pred": 1, "y": 2, "z": 3}\n', "x.jsonl:5001: the name 'z', which none of the first"),
    "an array among objects": (G + A, "x.jsonl:2: an array, where the lines before hold an object each"),
    "a number among objects": (G + "1\n", "x.jsonl:2: a number, where the lines before hold an object each"),
    "two in a line": (G + G.strip() + ", " + G, "x.jsonl:2:22: not a line of JSON: extra data"),
    "two and none": (G.strip() + "," + G + '{"y_pred": 1\n', "x.jsonl:1:22: not a line of JSON: extra data"),
    "a cut line": (G + G[:-3], "x.jsonl:2:19: not a line of JSON: expecting value"),
    "an object over two lines": (G + '{"y_pred": 1,\n"y": 2}\n', "x.jsonl:2:14: not a line of JSON"),
    "blank": (G + "\n" + G, "x.jsonl:2: blank line; take it out"),
    "spaces alone": (G + "  \n" + G, "x.jsonl:2: blank line"),
    "nothing": ("", "x.jsonl: the file is empty"),
    "NUL": (G + '{"y_pred": 1, "y": "\0"}\n', "x.jsonl:2:21: NUL byte"),
    "no UTF-8": (encoded(G) + b'{"y_pred": 1, "y": "\xff"}\n', "x.jsonl:2:21: byte 0xFF is not UTF-8"),
    "no UTF-8, unused": (encoded(G[:-2]) + b', "m": "\xff"}\n', "x.jsonl:1:29: byte 0xFF is not UTF-8"),
    "vectors of other lengths": (
        '{"y_pred": [1, 2], "y": [1, 2]}\n{"y_pred": [1], "y": [1, 2]}\n',
        "x.jsonl:2:y_pred: a list of 1 where the rows before have 2",
    ),
    "a null for a vector": (
        '{"y_pred": [1], "y": [1]}\n{"y_pred": null, "y": [1]}\n',
        "x.jsonl:2:y_pred: missing value",
    ),
    "a number for a vector": (
        '{"y_pred": [1], "y": [1]}\n{"y_pred": 1, "y": [1]}\n',
        "x.jsonl:2:y_pred: a number where",
    ),
    "a list in a vector": (
        '{"y_pred": [1], "y": [1]}\n{"y_pred": [[1]], "y": [1]}\n',
        "x.jsonl:2:y_pred: an array where",
    ),
    "a record array": (f"[{G.strip()}]\n", "x.jsonl:1: one JSON array of records; JSON is read as lines of one value"),
    "a record array over lines": (
        f"[\n{G}]\n",
        "x.jsonl:1:2: not a line of JSON: expecting value; JSON is read as lines",
    ),
    "an object over lines": ('{\n"y_pred": 1}\n', "x.jsonl:1:2: not a line of JSON"),
    "text alone": ('"a"\n', "x.jsonl:1: a text where a row is needed"),
    "an empty array": ("[]\n", "x.jsonl:1: an array where a row is needed"),
    "nested too deep": ("[" * 100_000, "x.jsonl:1: nested too deep"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, here: Path) -> None:
    text, message = REFUSED[name]
    assert refusal(here, text).startswith(message)


@pytest.mark.parametrize("name", ["NaN", "a name twice", "text", "a cut line", "a number among objects"])
def test_refused_far_down(name: str, here: Path) -> None:
    text, message = REFUSED[name]
    found = refusal(here, G * 300_000 + str(text).removeprefix(G))
    assert found.startswith(message.replace("x.jsonl:2", "x.jsonl:300001"))


def test_text_and_numbers_in_one_column_of_labels(here: Path) -> None:
    for first, second in (('"a"', "1"), ("1", '"a"')):
        for between in (0, 30_000):
            row = '{"p_a": 0.5, "p_b": 0.5, "label": %s}\n'
            put(here, {"x.jsonl": row % first + row % "null" * between + row % first + row % second})
            with pytest.raises(InputError, match=rf"^x.jsonl:{between + 3}:label: .* (in a column|is not a number)"):
                losscli.evaluate("cross_entropy", pred="x.jsonl", missing="drop")


ONE_LINE = {"an array": "[1, 2]\n", "an object of arrays": '{"y_pred": [1, 2], "y": [1, 4]}\n'}


@pytest.mark.parametrize("name", ONE_LINE)
def test_a_single_line_may_be_a_document(name: str, here: Path) -> None:
    put(here, {"t.npy": [[0.0, 0.0]]})
    more = {} if name == "an object of arrays" else {"target": np.zeros((1, 2))}
    assert mae(here, ONE_LINE[name], "x.jsonl", **more) > 0
    message = refusal(here, ONE_LINE[name], "x.json")
    assert message.startswith("x.json:1: is this line an ")
    assert "or a column? name the file x.jsonl, or: " in message


def test_the_name_breaks_a_tie_and_no_more(here: Path) -> None:
    put(here, {"x.csv": G, "y.jsonl": "y_pred,y\n1,2\n", "n.jsonl": "1\n2\n", "n.csv": "1\n2\n"})
    reports = {name: losscli.evaluate("mae", pred=name) for name in ("x.csv", "y.jsonl")}
    assert [r.inputs[0].format for r in reports.values()] == ["jsonl", "csv"]
    assert all("whatever its name says" in r.notes[0] for r in reports.values())
    numbers = [losscli.evaluate("mae", pred=name, target=[0, 0]) for name in ("n.jsonl", "n.csv")]
    assert [r.inputs[0].format for r in numbers] == ["jsonl", "csv"]


def test_a_pipe(here: Path) -> None:
    text = G * 4500 + G.replace("1", "3").replace("2", "5") * 4500
    put(here, {"x.jsonl": text})
    for more in ((), ("--worst", "2")):
        args = ("eval", "-l", "mae", *more)
        piped = support.run(*args, "-", stdin=encoded(text), cwd=here)
        assert piped == support.run(*args, "x.jsonl", cwd=here)
        assert piped.code == 0


PIECES = st.sampled_from(["{", "}", "[", "]", '"a"', ":", ",", "1", "\n", "\n", '{"a": 1}', "[1]", '"', "null", "{}"])


@given(st.lists(PIECES, min_size=1, max_size=14), st.sampled_from([dict, list, float]))
def test_together_is_line_by_line(pieces: list[str], kind: type) -> None:
    """Lines that are parsed at once give what each gives alone, or are refused as the first that is refused."""
    text = "".join(pieces).strip()
    rows = text.split("\n")

    def outcome(parts: list[Part]) -> Any:
        try:
            return [value for part in parts for value in values_of(part, kind, "x")]
        except InputError as error:
            return str(error)

    alone = [Part(row.encode(), k + 1) for k, row in enumerate(rows)]
    assert outcome([Part(text.encode(), 1)]) == outcome(alone)
