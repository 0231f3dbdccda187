"""CSV and its like."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.hazards.support import LINES_BEFORE, Files, Hazard
from tests.support import encoded

TARGETS = "y\n1\n2\n3\n"
VALUE = ("--format", "value")


def mae(number: int, name: str, data: str | bytes, *options: str, targets: str = TARGETS, **what: Any) -> Hazard:
    """The mean absolute error of `x.csv` against 1, 2, 3."""
    args = ["eval", "-l", "mae", "x.csv", "t.csv", *VALUE, *options]
    return Hazard(number, name, {"x.csv": data, "t.csv": targets}, args, **what)


def read(number: int, name: str, data: str | bytes, *options: str, value: str = "0.0", **what: Any) -> Hazard:
    return mae(number, name, data, *options, value=value, **what)


def refused(number: int, name: str, data: str | bytes, *says: str, options: Sequence[str] = (), **what: Any) -> Hazard:
    """`says` begins with the place in `x.csv`."""
    place, *words = says
    return mae(number, name, data, *options, code=what.pop("code", 3), says=[f"error: x.csv{place}", *words], **what)


def labels(number: int, name: str, pred: str, label: str, *options: str, **what: Any) -> Hazard:
    """The cross-entropy of two rows of probabilities."""
    args = ["eval", "-l", "cross_entropy", "p.csv", "t.csv", *VALUE, *options]
    return Hazard(number, name, {"p.csv": f"{pred}\n0.25,0.75\n0.5,0.5\n", "t.csv": f"label\n{label}\n"}, args, **what)


# One cell

CELLS = (  # number, what it holds, and words of what is said
    (9, "'2'", "single quotes"),
    (13, '"1,234.5"', "--thousands ,"),
    (13, '"1.234,5"', "--decimal , --thousands ."),
    (14, "1_000", "'_'"),
    (20, "NaN", "missing value; fill in"),
    (20, "NA", "--missing drop"),
    (20, "null", "--missing drop"),
    (20, '""', "--missing drop"),
    (21, "-", "is not a number: a missing value?"),
    (21, "?", "is not a number: a missing value?"),
    (21, ".", "is not a number: a missing value?"),
    (21, "missing", "is not a number: a missing value?"),
    (22, "#N/A", "--missing drop"),
    (22, "N/A", "--missing drop"),
    (22, "None", "--missing drop"),
    (23, "-nan(ind)", "is not a number: NaN or infinity"),
    (23, "1.#INF", "is not a number: NaN or infinity"),
    (23, "1.#QNAN", "is not a number: NaN or infinity"),
    (24, "inf", "infinite value", "--allow-inf"),
    (24, "-Infinity", "infinite value", "--allow-inf"),
    (26, "0x1F", "hexadecimal"),
    (27, "1e400", "out of the range of a float64"),
    (27, "-" + "9" * 310, "out of the range of a float64"),
    (32, "1.5D3", "Fortran"),
    (32, "\u22122", "U+2212", "hyphen-minus"),
    (32, "\uff12", "U+FF12", "write the digit 2"),
    (32, "\u0663", "U+0663", "write the digit 3"),
    (32, "2\u00a0", "U+00A0", "take it out"),
    (32, "2\u200b", "U+200B"),
    (33, "50%", "percentage"),
    (33, "$1", "money"),
    (33, "1 EUR", "money"),
    (33, "\u20ac1", "U+20AC", "money"),
    (33, "1+2j", "complex"),
    (33, "2024-01-02", "a date"),
    (33, "1/2/2024", "a date"),
    (33, "12:30", "a time"),
    (35, "yes", "write 1 and 0"),
    (54, '"[0.1, 0.9]"', "vector", "a column an entry"),
    (54, "[0.1 0.9]", "vector", "a column an entry"),
    (55, "abc", "'abc' is not a number"),
)


def of_cells() -> Iterator[Hazard]:
    """Each in the middle of a file; in the targets, with other line ends; in quotes, as the last row."""
    for number, cell, *words in CELLS:
        quoted = cell if cell.startswith('"') else f'"{cell}"'
        first = refused(number, f"a cell {cell[:9]}", f"id,y_pred\n1,1\n2,{cell}\n3,3\n", ":3:y_pred: ", *words)
        yield first
        targets = f"id,y\r\n1,1\r\n2,{cell}\r\n3,3\r\n"
        says = ["error: t.csv:3:y: ", *words]
        yield first.but("CRLF in the targets", files={"x.csv": "y_pred\n1\n2\n3\n", "t.csv": targets}, says=says)
        last = f'"y_pred";"z"\n"1";"a;b"\n"2";"a\nb"\n{quoted};"c"\n'
        yield first.but(
            "quoted, last", files={"x.csv": last, "t.csv": TARGETS}, says=["error: x.csv:5:y_pred: ", *words]
        )


# A whole file. `{}` is what stands around the fault: the same fault in a file of one column and of more

ROWS = (  # number, name, the row, and words of what is said
    (6, "a blank row", "", "blank row", "--skip-blank"),
    (7, "a row of spaces", "  \t ", "blank row", "--skip-blank"),
    (8, "a comment", "# made by x", "--comment '#'"),
    (12, "a decimal comma", "1,2,5", "the row has 3 fields, the header has 2", "--decimal ,"),
    (16, "a longer row", "1,2,3", "the row has 3 fields, the header has 2"),
    (17, "a shorter row", "1", "the row has 1 field, the header has 2"),
    (19, "a comma at the end", "1,2,", "the row has 3 fields, the header has 2", "ends with a separator"),
    (45, "a NUL byte", "1,2\0", "NUL byte", "truncated"),
    (45, "a NUL byte in another column", "\0,2", "NUL byte", "truncated"),
    (45, "Ctrl-Z", "\x1a", "Ctrl-Z"),
    (46, "a quote after a cell", '"1"2,2', "a quote inside a cell"),
    (46, "a quote in another column", '1"2",2', "a quote inside a cell"),
    (50, "a second header", "z,y_pred", "the header again", "--input"),
    (50, "a merge conflict", "<<<<<<< HEAD", "merge conflict"),
    (50, "the middle of a merge conflict", "=======", "merge conflict"),
)


def of_rows() -> Iterator[Hazard]:
    for number, name, row, *words in ROWS:
        rows = ["z,y_pred", "1,1", row, "3,3", ""]
        first = refused(number, name, "\n".join(rows), ":3: ", *words)
        yield first
        yield first.but("CRLF", files={"x.csv": "\r\n".join(rows), "t.csv": TARGETS})
        yield first.but("CR", files={"x.csv": "\r".join(rows), "t.csv": TARGETS})
        quoted = "\n".join(["z,y_pred", '"a\nb",1', row, "3,3", ""])
        yield first.but(
            "after a quoted line end", files={"x.csv": quoted, "t.csv": TARGETS}, says=["x.csv:4: ", *words]
        )
        of_labels = {"x.csv": "y_pred\n1\n2\n3\n", "t.csv": "\n".join(rows).replace("y_pred", "y")}
        if name != "a second header":
            yield first.but("in the targets", files=of_labels, says=["t.csv:3: ", *words])


FAR = (  # what stands in the last of many rows, and what is said
    (6, "\n1,1\n", "blank row"),
    (16, "1,2,3\n", "3 fields"),
    (26, "1,0x1F\n", "hexadecimal"),
    (27, "1,1e400\n", "out of the range"),
    (24, "1,inf\n", "infinite value"),
    (43, b"\xe9,1\n", "0xE9"),
    (45, "1,1\0\n", "NUL byte"),
    (46, '1,"1\n', "never closed"),
    (48, "1", "1 field"),
    (50, "z,y\n", "the header again"),
    (55, "1,abc\n", "not a number"),
    (32, "1,1\u00a0\n", "U+00A0"),
)


def many(last: str | bytes, header: str = "z,y") -> Any:
    """A file whose last row is line 300,001."""

    def write(path: Path) -> None:
        path.write_bytes(encoded(header + "\n" + "1,2.5\n" * (LINES_BEFORE - 1)) + encoded(last))

    return write


def of_many_rows() -> Iterator[Hazard]:
    args = ["eval", "-l", "mae", "x.csv", "--pred-col", "y", "--target-col", "y", *VALUE]
    for number, last, word in FAR:
        says = [f"error: x.csv:{LINES_BEFORE + 1}", word]
        yield Hazard(number, "in the last of many rows", {"x.csv": many(last)}, args, 3, says)


NO_TABLES = (
    (42, "an empty file", "", ": the file is empty"),
    (42, "only line ends", "\n\r\n\n", ": the file is empty"),
    (42, "only a byte order mark", "\ufeff", ": the file is empty"),
    (50, "an HTML page", "<!DOCTYPE html>\n<html><p>1</p>\n", ":1: looks like an HTML page", "fetch the file"),
    (
        50,
        "a pointer",
        "version https://git-lfs.github.com/spec/v1\noid sha256:1\n",
        ":1: looks like a Git LFS",
        "git lfs",
    ),
    (
        50,
        "a conflict about the header",
        "<<<<<<< HEAD\ny_pred\n=======\n",
        ":1: looks like a merge conflict",
        "resolve",
    ),
    (41, "a header alone", "y_pred\n", ": no data rows"),
    (41, "a header alone and blank lines", "y_pred\n\n\n", ": no data rows"),
)


def of_files() -> Iterator[Hazard]:
    for number, name, data, place, *words in NO_TABLES:
        yield refused(number, name, data, place, *words)
        swapped: Files = {"x.csv": "y_pred\n1\n2\n3\n", "t.csv": data}
        yield refused(number, name, data, place, *words).but(
            "the targets", files=swapped, says=[f"error: t.csv{place}", *words]
        )


# What is said of columns and files

NO_END = "the last line has no line end; is the file complete?"
SEPARATED = "note: x.csv: columns are separated by"
INDEX = "note: x.csv: its first column, which has no name, is taken for an index"
ROWS_1_TO_3 = "y_pred\n1\n2\n3\n"
HEADERS = (
    read(1, "no header", "1\n2\n3\n"),
    read(1, "a header as is said", "9\n1\n2\n3\n", "--header"),
    refused(
        1, "a header that is denied", "y_pred\n2\n3\n", ":1:column 0: 'y_pred' is not a number", options=["--no-header"]
    ),
    read(
        1,
        "no header, a minus sign of typography",
        "\u22121\n2\n3\n",
        code=3,
        value=None,
        says=["x.csv:1:column 0: ", "U+2212"],
    ),
    read(1, "no header, money", "$1\n2\n3\n", code=3, value=None, says=["x.csv:1:column 0: ", "money"]),
    read(1, "no header, a question mark", "?\n2\n3\n", code=3, value=None, says=["x.csv:1:column 0: ", "missing"]),
    read(1, "no header, thousands", "1'001\n2\n3\n", "--thousands", "'", value="333.3333333333333"),
    read(2, "no header after a byte order mark", "\ufeff1\n2\n3\n"),
    read(2, "a header after a byte order mark", "\ufeffy_pred\n1\n2\n3\n"),
    read(2, "a quoted header after a byte order mark", '\ufeff"y_pred"\n1\n2\n3\n'),
    refused(3, "a header of class numbers", "0,1\n0.5,0.5\n0.25,0.75\n1,0\n", ":1: ", "--header or --no-header"),
    refused(3, "a header of a position", "0\n1.5\n2\n3\n", ":1: ", "--header or --no-header"),
    read(3, "it is said", "0\n1\n2\n3\n", "--header"),
    refused(38, "a name twice", "y_pred,y_pred\n1,1\n2,2\n3,3\n", ":1: column 'y_pred' appears twice"),
    refused(38, "another name twice", "z,z,y_pred\n1,1,1\n", ":1: column 'z' appears twice"),
    refused(38, "a name twice but for spaces", "z, z,y_pred\n1,1,1\n", ":1: column 'z' appears twice"),
    refused(39, "another case", "model_A,b\n1,2\n", ": has no column 'model_a'", "did you mean 'model_A'", code=2).but(
        "named", args=["eval", "-l", "mae", "x.csv", "t.csv", "--pred-col", "model_a"]
    ),
    refused(
        40, "several columns", "a,b\n1,1\n2,2\n3,3\n", ": which column is pred? say --pred-col NAME", "a, b", code=2
    ),
    read(40, "several columns, one named", "a,b\n9,1\n9,2\n9,3\n", "--pred-col", "b"),
    refused(18, "every row longer", "a,y_pred\n1,1,9\n2,2,9\n", ":2: the row has 3 fields, the header has 2"),
    refused(
        19, "a comma at the end of all but the header", "z,y_pred\n1,1,\n2,2,\n", ":2: the row has 3 fields", "header"
    ),
    read(19, "a comma at the end of every row", "a,\n1,\n2,\n3,\n"),
    read(19, "several", "a;;;\n1;;;\n2;;;\n3;;;\n", notes=[SEPARATED]),
    refused(19, "a value behind it", "a,\n1,\n2,\n3,x\n", ":4: a value in column 1, which has no name"),
    read(37, "an index", ",a\n0,1\n1,2\n2,3\n", notes=[INDEX]),
    read(37, "an index beside a usual name", ",y_pred\n0,1\n1,2\n2,3\n", notes=[INDEX]),
    refused(37, "no index", ",a\n0,1\n1,2\n1,3\n", ":4: the first column has no name", "2 is due", "--pred-col"),
    refused(37, "text for an index", ",a\n0,1\n1,2\nx,3\n", ":4: the first column has no name", "'x'", "--pred-col"),
    refused(37, "an index that begins late", ",a\n1,1\n2,2\n3,3\n", ": which column is pred?", "(unnamed), a", code=2),
    read(37, "it is named", ",a\n0,1\n1,2\n7,3\n", "--pred-col", "a", notes=[INDEX]),
    mae(37, "a key", ",a\n0,3\n1,2\n2,1\n", "--id", "0", targets=",y\n2,1\n1,2\n0,3\n", value="0.0", notes=[INDEX]),
    mae(
        37,
        "two that differ",
        ",a\n0,3\n1,2\n",
        targets=",y\n1,2\n0,3\n",
        code=3,
        says=["the column without a name differs: 0 in x.csv:2, 1 in t.csv:2", "--id 0"],
    ),
)
LAYOUT = (
    read(4, "a byte order mark and a header", "\ufeffy_pred\n1\n2\n3\n"),
    read(4, "CRLF", "y_pred\r\n1\r\n2\r\n3\r\n"),
    read(4, "LF and CRLF", "y_pred\n1\r\n2\n3\r\n"),
    read(4, "no final line end", "y_pred\n1\n2\n3", notes=[NO_END]),
    read(4, "quotes", '"z","y_pred"\n"a ""b""",1\n"c,d","2"\n"",3\n'),
    read(4, "line ends in quotes", 'z,y_pred\n"a\nb",1\n"\r\n",2\n"\n\n",3\n'),
    read(5, "CR alone", "y_pred\r1\r2\r3\r"),
    refused(5, "CR among LF", "z,y_pred\n1,1\r2,2\n3,3\n", ":2: a lone carriage return"),
    read(
        6,
        "blank rows are to be skipped",
        "\ny_pred\n1\n\n\n2\n3\n\n",
        "--skip-blank",
        notes=["x.csv: 4 blank lines are"],
    ),
    read(6, "blank rows at the end", "y_pred\n1\n2\n3\n\n\n"),
    read(6, "blank in quotes is kept", 'y_pred,z\n1,"\n\n"\n2,\n3,\n', "--skip-blank"),
    refused(6, "the line after skipped ones", "y_pred\n1\n\n\nx\n3\n", ":5:y_pred: 'x'", options=["--skip-blank"]),
    read(
        7,
        "rows of spaces are to be skipped",
        "y_pred\n1\n \t\n2\n3\n",
        "--skip-blank",
        notes=["1 blank line is left out"],
    ),
    mae(
        7,
        "a row of tabs between tabs is a row",
        "a\ty_pred\n1\t1\n\t\n3\t3\n",
        "--skip-blank",
        code=3,
        says=["x.csv:3:y_pred: missing value"],
    ),
    refused(8, "first", "# made by x\ny_pred\n1\n2\n3\n", ":1: a comment, or the header?", "--comment '#'"),
    refused(
        8, "first, of other width", "# made by x\nz,y_pred\n1,1\n", ":1: a comment, or the header?", "--comment '#'"
    ),
    read(8, "a header that begins so", "#id,y_pred\n9,1\n9,2\n9,3\n"),
    read(
        8,
        "comments are to be skipped",
        '# a "\n#b\ny_pred,z\n1,"x\n# y"\n  # c\n2,\n3,\n',
        "--comment",
        "#",
        notes=["x.csv: 3 comment lines are left out"],
    ),
    refused(8, "the line after skipped ones", "#\ny_pred\n1\n#\nx\n3\n", ":5:y_pred: 'x'", options=["--comment", "#"]),
    mae(
        8,
        "rows begin so",
        "a;y_pred\n;1\n2;2\n",
        "--comment",
        ";",
        code=2,
        says=["error: --comment ';': columns of x.csv are separated by ';'"],
    ),
    refused(
        8,
        "behind a number",
        "y_pred\n1 # one\n2\n3\n",
        ":2:y_pred: '1 # one' is not a number",
        options=["--comment", "#"],
    ),
    read(10, "spaces around", " z , y_pred \n a , 1\n b ,2 \n c ,\t3\n"),
    read(15, "tabs", "z\ty_pred\na\t1\nb\t2\nc\t3\n", notes=[SEPARATED]),
    read(15, "semicolons", "z;y_pred\na;1\nb;2\nc;3\n", notes=[f"{SEPARATED} ';'"]),
    read(15, "bars", "z|y_pred\na|1\nb|2\nc|3\n", notes=[SEPARATED]),
    read(15, "said", "z:y_pred\na:1\nb:2\nc:3\n", "--delimiter", ":"),
    read(15, "spaces are said", "5 1\n5 2\n5 3\n", "--delimiter", " ", "--pred-col", "1"),
    read(15, "two kinds in a text", "z,y_pred\na;b,1\nc;d,2\ne;f,3\n"),
    refused(15, "two kinds", "a;b|y\n1;2|3\n", ":1: separated by ';' or by '|'?", "--delimiter"),
    refused(15, "another count further down", "z;y_pred\na;1\nb;2;2\nc;3\n", ":3: the row has 3 fields"),
    Hazard(
        15,
        "tabs of a file called so",
        {"x.tsv": "z\ty_pred\na\t1\n", "t.csv": "y\n1\n"},
        ["eval", "-l", "mae", "x.tsv", "t.csv", *VALUE],
        value="0.0",
    ),
    read(47, "semicolons", "sep=;\nz;y_pred\na;1\nb;2\nc;3\n"),
    read(47, "tabs, CRLF, a byte order mark", "\ufeffsep=\t\r\nz\ty_pred\r\na\t1\r\nb\t2\r\nc\t3\r\n"),
    refused(47, "the lines behind it", "sep=;\nz;y_pred\na;1\nb;x\n", ":4:y_pred: 'x'"),
    refused(
        47, "something else is said", "sep=;\nz;y_pred\na;1\n", ":2: the file says sep=;", options=["--delimiter", ","]
    ),
    refused(48, "in the second column", "z,y_pred\n1,1\n2,2\n3", ":4: the row has 1 field"),
    read(49, "in the last number", "y_pred\n1\n2\n3.", notes=[NO_END]),
    mae(
        49,
        "rows are expected",
        "y_pred\n1\n2\n3",
        "--expect-rows",
        "4",
        code=3,
        says=["3 rows matched, --expect-rows 4"],
    ),
    refused(46, "never closed", 'y_pred\n1\n"2\n3\n', ":3: a quote is opened and never closed"),
    refused(
        46, "never closed in another column", 'z,y_pred\na,1\n"b,2\nc,3\n', ":3: a quote is opened and never closed"
    ),
    refused(46, "never closed in the header", '"y_pred\n1\n2\n', ":1: a quote is opened and never closed"),
    read(53, "a long cell", "z,y_pred\n" + "x" * (2 << 20) + ",1\ny,2\nz,3\n"),
    refused(53, "too long a cell", "z,y_pred\na,1\n" + "x" * (17 << 20) + ",2\n", ":3: a row longer than 16 MiB"),
    refused(54, "no header", '"[0.1, 0.9]"\n"[0.2, 0.8]"\n', ":1:column 0: ", "vector"),
)
ENCODINGS = (
    Hazard(
        44,
        "from a pipe, read twice",
        {"t.csv": TARGETS},
        ["eval", "-l", "mae", "-", "t.csv", "--comment", "#", "--worst", "1", *VALUE],
        notes=["note: -: is read as UTF-16", "note: -: 1 comment line is left out"],
        value="0.0",
        stdin="# a\ny_pred\n1\n2\n3\n".encode("utf-16"),
    ),
    refused(43, "another column", b"z,y_pred\na,1\n\xe9,2\n", ":3: byte 0xE9 is not UTF-8", "--encoding latin-1"),
    refused(43, "the header", b"\xe9,y_pred\na,1\nb,2\n", ":1: byte 0xE9 is not UTF-8", "--encoding latin-1"),
    refused(43, "the column read", b"y_pred\n1\n2\xa0\n", ":3: byte 0xA0 is not UTF-8", "--encoding latin-1"),
    read(43, "it is said", b"z,y_pred\na,1\n\xe9,2\nc,3\n", "--encoding", "latin-1"),
    read(43, "a name in it", b"\xe9\n1\n2\n3\n", "--encoding", "cp1252", "--pred-col", "\u00e9"),
    read(43, "UTF-8 is said", "\u00e9,y_pred\na,1\nb,2\nc,3\n", "--encoding", "utf8"),
    refused(
        43, "no byte of it", b"y_pred\n1\n2\x81\n", ":3: byte 0x81 is not cp1252", options=["--encoding", "cp1252"]
    ),
    refused(
        43, "no byte of ASCII", b"y_pred\n1\n2\xe9\n", ":3: byte 0xE9 is not ascii", options=["--encoding", "ascii"]
    ),
    read(
        43,
        "of several bytes",
        "z,y_pred\n\u3042,1\n\u3044,2\n\u3046,3\n".encode("shift_jis"),
        "--encoding",
        "shift_jis",
    ),
    refused(
        43,
        "cut in a character",
        "y_pred\n1\n\u3042".encode("shift_jis")[:-1],
        ":3: the file ends inside",
        options=["--encoding", "shift_jis"],
    ),
    read(44, "by its mark", ROWS_1_TO_3.encode("utf-16"), notes=["x.csv: is read as UTF-16"]),
    read(44, "big end first", b"\xfe\xff" + ROWS_1_TO_3.encode("utf-16-be"), notes=["x.csv: is read as UTF-16"]),
    read(
        44,
        "tabs, as Excel writes",
        "z\ty_pred\r\n\u4e2d\t1\r\nb\t2\r\nc\t3\r\n".encode("utf-16"),
        notes=["UTF-16", SEPARATED],
    ),
    read(44, "it is said", ROWS_1_TO_3.encode("utf-16-le"), "--encoding", "utf-16-le").but(
        "of both", files={"x.csv": ROWS_1_TO_3.encode("utf-16-le"), "t.csv": TARGETS.encode("utf-16-le")}
    ),
    refused(44, "no mark", ROWS_1_TO_3.encode("utf-16-le"), ":1: NUL byte", "--encoding utf-16-le"),
    refused(44, "no mark, big end first", ROWS_1_TO_3.encode("utf-16-be"), ":1: NUL byte", "--encoding utf-16-be"),
    refused(
        44,
        "no mark, and no order is said",
        ROWS_1_TO_3.encode("utf-16-le"),
        ": has no byte order mark",
        "utf-16-le or utf-16-be",
        options=["--encoding", "utf-16"],
    ),
    refused(
        44,
        "another is said",
        ROWS_1_TO_3.encode("utf-16"),
        ": begins with the byte order mark of UTF-16",
        options=["--encoding", "latin-1"],
    ),
    refused(44, "a fault in it", "y_pred\n1\nx\n".encode("utf-16"), ":3:y_pred: 'x' is not a number"),
    refused(44, "cut in a character", ROWS_1_TO_3.encode("utf-16")[:-1], ":4: the file ends inside a character"),
    refused(45, "a tail of them", "y_pred\n1\n2\n3\n" + "\0" * 64, ":5: NUL byte", "truncated"),
    refused(45, "Ctrl-Z at the end", "y_pred\n1\n2\n3\n\x1a", ":5: Ctrl-Z"),
)
WIDE = "9007199254740993"
NUMBERS = (
    read(11, "as is said", "z;y_pred\na;1,0\nb;2\nc;3,0e0\n", "--decimal", ",", notes=[SEPARATED]),
    refused(11, "between semicolons", "z;y_pred\na;1,5\nb;2\n", ":2:y_pred: '1,5' is not a number", "--decimal ,"),
    refused(11, "in quotes", 'z,y_pred\na,"1,5"\nb,2\n', ":2:y_pred: '1,5' is not a number", "--decimal ,"),
    refused(11, "in both columns", "a;y_pred\n1,5;1,5\n", ":2:y_pred: '1,5' is not a number", "--decimal ,"),
    refused(11, "no header", "1,5;2,5\n1,5;3,5\n", ":1: separated by ',' or by ';'?", "--decimal ,"),
    refused(
        11,
        "a point",
        "y_pred\n1.5\n2\n",
        ":2:y_pred: '1.5' is not a number",
        "--decimal ','",
        options=["--decimal", ","],
    ),
    read(11, "in quotes between commas", 'z,y_pred\na,"1,0"\nb,"2,0"\nc,3\n', "--decimal", ","),
    read(11, "a single column", "y_pred\n1,0\n2\n3\n", "--decimal", ","),
    read(11, "a single column without a header", "1,0\n2,0\n3,0\n", "--decimal", ","),
    mae(
        11,
        "of a condition",
        "z;y_pred\n1,5;1\n2,5;2\n3,5;3\n",
        "--decimal",
        ",",
        "--where",
        "z>=2.5",
        value="0.0",
        notes=["1 of 3 rows are left out"],
    ),
    refused(12, "alone", "y_pred\n1,5\n2\n", ":2: the row has 2 fields, the header has 1", "--decimal ,"),
    read(13, "as is said", 'y_pred\n"1,001.0"\n2\n3\n', "--thousands", ",", value="333.3333333333333"),
    read(
        13,
        "millions",
        "z;y_pred\na;1.000.001,0\nb;2\nc;3\n",
        "--thousands",
        ".",
        "--decimal",
        ",",
        value="333333.3333333333",
        notes=[SEPARATED],
    ),
    refused(
        13,
        "no groups of three",
        'y_pred\n"1,23"\n2\n',
        ":2:y_pred: '1,23' is not a number",
        "groups of three",
        options=["--thousands", ","],
    ),
    refused(
        13,
        "a group behind the point",
        'y_pred\n"1.000,5"\n',
        ":2:y_pred: '1.000,5' is not a number",
        options=["--thousands", ","],
    ),
    refused(
        13,
        "a first group of four",
        'y_pred\n"1234,567"\n',
        ":2:y_pred: ",
        "groups of three",
        options=["--thousands", ","],
    ),
    Hazard(
        14,
        "in an option",
        {"x.csv": ROWS_1_TO_3, "t.csv": TARGETS},
        ["eval", "-l", "huber", "--delta", "1_000", "x.csv", "t.csv"],
        2,
        ["delta", "1_000", "not a number"],
    ),
    mae(20, "they are counted", "z,y_pred\n1,nan\n2,\n3,NULL\n", code=3, says=["x.csv:2:y_pred: 3 missing values"]),
    read(
        20, "they may be dropped", "z,y_pred\n1,1\n2,NA\n3,\n", "--missing", "drop", notes=["2 of 3 rows are left out"]
    ),
    read(24, "let in", "y_pred\n1\n2\ninf\n", "--allow-inf", code=4, value="inf", says=["mae is inf"]),
    read(28, "underflow", "y_pred\n1\n2\n1e-400\n", value="1.0"),
    mae(29, "an integer of 54 bits", f"y_pred\n{WIDE}\n", targets="y\n9007199254740992\n", value="1.0"),
    refused(
        30,
        "beside a fraction",
        f"y_pred\n1\n{WIDE}\n2.5\n",
        ":3:y_pred: an integer that no float64 holds",
        "x.csv:4:y_pred",
    ),
    Hazard(
        30,
        "in another part",
        {"a.csv": "y_pred\n1\n2.5\n", "b.csv": f"y_pred\n{WIDE}\n", "t.csv": TARGETS},
        ["eval", "-l", "mae", "a.csv", "t.csv", "--input", "pred=b.csv"],
        3,
        ["b.csv:2:y_pred", "a.csv:3:y_pred"],
    ),
    Hazard(
        11,
        "in parts",
        {"a.csv": "z;y_pred\n\na;1,0\n", "b.csv": "z;y_pred\nb;2,0\n\nc;3,0\n", "t.csv": TARGETS},
        ["eval", "-l", "mae", "a.csv", "t.csv", "--input", "pred=b.csv", "--decimal", ",", "--skip-blank", *VALUE],
        notes=["note: a.csv: 1 blank line is left out", "note: b.csv: 1 blank line is left out"],
        value="0.0",
    ),
    Hazard(
        11,
        "the second part",
        {"a.csv": "z;y_pred\na;1,0\n", "b.csv": "z;y_pred\n\nb;x\n", "t.csv": TARGETS},
        ["eval", "-l", "mae", "a.csv", "t.csv", "--input", "pred=b.csv", "--decimal", ",", "--skip-blank"],
        3,
        ["b.csv:3:y_pred: 'x'"],
    ),
    mae(31, "2^64 + 1", "y_pred\n18446744073709551617\n", targets="y\n18446744073709551616\n", value="1.0"),
    Hazard(
        52,
        "Parquet called CSV",
        {"x.csv": {"y_pred": [1.0, 2.0], "y": [1.0, 4.0]}},
        ["eval", "-l", "mae", "x.csv", "-q", *VALUE],
        value="1.0",
    ),
)
LABELS = (
    labels(25, "NA", "p_NA,p_DE", "NA\nDE", value="1.0397207708399179"),
    labels(31, "no index", "p_a,p_b", "18446744073709551617\n0", code=3, says=["t.csv:2:label: label 1844674407"]),
    labels(34, "names differ", "p_7,p_007", "007\n7", value="0.4904146265058631"),
    labels(34, "one is no class", "p_7,p_8", "007\n7", code=3, says=["t.csv:2:label: label '007' is no class"]),
    labels(
        34,
        "indices are said",
        "p_a,p_b",
        "001\n1",
        "--labels",
        "int",
        value="0.4904146265058631",
        notes=["--label-base"],
    ),
    labels(36, "whole", "p_a,p_b", "1.0\n0.0", value="0.4904146265058631"),
    labels(36, "not whole", "p_a,p_b", "0.0\n1.7", code=3, says=["t.csv:3:label: label 1.7 is not an integer"]),
    labels(50, "a second header among labels", "p_a,p_b", "label\na", code=3, says=["t.csv:2: the header again"]),
    labels(
        50,
        "a merge conflict among labels",
        "p_a,p_b",
        "<<<<<<< HEAD\na\n=======\nb",
        code=3,
        says=["t.csv:2: ", "merge conflict"],
    ),
    mae(35, "in predictions", "y_pred\nTrue\nfalse\nTRUE\n", targets="y\n1\n0\n1\n", value="0.0"),
    mae(35, "in targets", "y_pred\n1\n0\n1\n", targets="y\nTrue\nfalse\nTRUE\n", value="0.0"),
)
OPTIONS = (  # number, what is said, and a word of why it is no sense
    (11, ["--decimal", ";"], "--decimal ';': it is . or ,"),
    (11, ["--decimal", ",", "--delimiter", ","], "--delimiter ',': is the decimal separator too"),
    (13, ["--thousands", "."], "--thousands '.': is the decimal separator too"),
    (13, ["--thousands", "00"], "--thousands '00'"),
    (13, ["--thousands", "1"], "--thousands '1'"),
    (15, ["--delimiter", ";;"], "--delimiter ';;'"),
    (15, ["--delimiter", '"'], "--delimiter '\"'"),
    (15, ["--delimiter", ""], "--delimiter ''"),
    (8, ["--comment", '"'], "--comment '\"'"),
    (8, ["--comment", "-"], "--comment '-'"),
    (8, ["--comment", ";", "--delimiter", ";"], "begins as --delimiter ';'"),
    (43, ["--encoding", "latin-9000"], "--encoding 'latin-9000': no such encoding"),
    (43, ["--encoding", "idna"], "--encoding 'idna': no such encoding"),
    (43, ["--encoding", "base64"], "--encoding 'base64': no such encoding"),
)
UNUSED = (
    ["--decimal", ","], ["--thousands", ","], ["--delimiter", ";"], ["--encoding", "latin-1"], ["--comment", "#"],
    ["--skip-blank"], ["--header"], ["--no-header"],
)  # fmt: skip


def of_options() -> Iterator[Hazard]:
    laws = ["gradcheck", "mae", "--decimal", ","]
    yield Hazard(11, "laws are tried on no file", {}, laws, 2, ["files and their options are for --against"])
    yield Hazard(
        11,
        "a gradient with decimal commas",
        {"g.csv": "grad\n0,5\n0,5\n", "x.csv": "y_pred\n3,5\n4,5\n", "t.csv": "y\n2,5\n3,5\n"},
        ["gradcheck", "mae", "--against", "g.csv", "x.csv", "t.csv", "--decimal", ","],
    )
    for number, options, word in OPTIONS:
        yield mae(number, " ".join(options), ROWS_1_TO_3, *options, code=2, says=[word])
    for options in UNUSED:
        args = ["eval", "-l", "mae", "x.npy", "t.npy", *options]
        says = [f"{options[0]} is for CSV files"]
        yield Hazard(11, f"{options[0]} without a CSV", {"x.npy": [1.0], "t.npy": [1.0]}, args, 2, says)


HAZARDS: list[Hazard] = [
    *of_cells(),
    *of_rows(),
    *of_many_rows(),
    *of_files(),
    *HEADERS,
    *LAYOUT,
    *ENCODINGS,
    *NUMBERS,
    *LABELS,
    *of_options(),
]
