"""Tables of text, mostly well-formed: rows of cells, then written with some separator, quotes and line ends."""

from random import Random

from tests.fuzz.numerals import DECIMAL
from tests.fuzz.reference import Said
from tests.fuzz.values import MISSING, ODD, PLAIN, TEXTS, WRONG

HEADERS = (
    *(["y_pred", "y", "z", "id"], ["pred", "target", "weight", "label"], ["a", "b", "a", "b"], ["1", "0", "2", "3"]),
    *(["0", "1", "2", "3"], ["", "y_pred", "y", "z"], [" y_pred ", "y ", "", ""], ["y_pred", "y", "1", "0"]),
    *(
        ["p_a", "p_b", "label", "id"],
        ["x,y", 'q"q', "l\nl", "\u4e2d"],
        ["e1", "x0", "nan", "1e5"],
        ["True", "False", "", "y"],
    ),
)
_WORDS = tuple(
    token.encode()
    for token in (
        *(
            ",",
            ";",
            "\t",
            "|",
            '"',
            '""',
            '","',
            "\n",
            "\r\n",
            "\r",
            "\n\n",
            " ",
            "\0",
            "\x1a",
            "\ufeff",
            "#",
            "'",
            "\\",
        ),
        *("sep=;\n", "[[", "{", "<", "\v", "\f", "\x1c", "\x85", "\xa0", "\u2028", "y_pred", "0", "1e5", "e", ".", "-"),
        *(*PLAIN, *ODD, *MISSING[1:], *WRONG, *TEXTS),
    )
)
TOKENS = (
    *_WORDS,
    *(b"sep=|\r\n", b"<<<<<<< HEAD\n", b"=======\n", b">>>>>>> b\n", b"version https://git-lfs", b"# c\n", b"// c\n"),
    *(b"1.234,5", b"1,234.5", b"1'234", b"$1", b"\x1f\x8b", b"y_pred,y\n", b"\n  \n", b",\n", b";;\n", b"1,5"),
    b"\xe9",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xff\xfe",
    b"\xef\xbb",
    b"PAR1",
    b"PK\x03\x04",
    b"BZh",
)


def table(random: Random, said: Said = Said()) -> bytes:  # noqa: B008 - nothing can change it
    """A file of 1 to 4 columns: two of numbers, then two of anything; written as is said, or seldom not."""
    width, height = random.choice((1, 2, 2, 2, 3, 3, 3, 3, 4, 4)), random.choice((0, 1, 2, 2, 3, 4, 5, 9))
    rows = [[_cell(j, random) for j in range(width)] for _ in range(height)]
    if random.random() < 0.75:
        rows.insert(0, list(random.choice(HEADERS[:1] * 20 + HEADERS)[:width]))
    for _ in range(random.choice((0, 0, 0, 0, 0, 1, 2))):
        _spoil(rows, random)
    if random.random() < 0.06:
        rows = [["" if k == 0 and len(row) > 1 else str(k - 1), *row] for k, row in enumerate(rows)]
    if random.random() < 0.04:
        rows = [[*row, ""] for row in rows]
    return written(rows, random, said if random.random() < 0.9 else Said())


def _cell(column: int, random: Random) -> str:
    if column > 1 and random.random() < 0.8:
        return random.choice(TEXTS)
    return random.choice(ODD) if random.random() < 0.15 else random.choice(PLAIN)


def _spoil(rows: list[list[str]], random: Random) -> None:
    """One fault in a row, which may be none."""
    if not rows:
        return
    at = random.randrange(len(rows))
    row = rows[at]
    way = random.randrange(9)
    if way < 4 and row:
        row[random.randrange(len(row))] = random.choice((ODD, ODD, MISSING, WRONG, TEXTS)[random.randrange(5)])
    elif way == 4:
        rows.insert(at, list(row))
    elif way == 5:
        rows.insert(at, list(random.choice(rows)))
    elif way == 6:
        del rows[at]
    elif way == 7:
        row.insert(random.randrange(len(row) + 1), random.choice(PLAIN))
    elif row:
        del row[random.randrange(len(row))]


def written(rows: list[list[str]], random: Random, said: Said) -> bytes:
    """Rows as bytes, cells quoted where they must be, and elsewhere as chance will have it."""
    separator = said.delimiter or random.choice(";;\t|," if said.decimal == "," else ",,,,;\t|")
    end = random.choice(("\n", "\n", "\n", "\r\n", "\r"))
    quoting = random.choice((0.0, 0.0, 0.0, 0.3, 1.0))
    special = (separator, '"', "\n", "\r")
    lines = []
    for row in ([_as_said(cell, random, said) for cell in row] for row in rows):
        quoted = [random.random() < quoting or any(c in cell for c in special) for cell in row]
        cells = ['"' + c.replace('"', '""') + '"' if q else c for c, q in zip(row, quoted, strict=True)]
        lines += [*_left_out(random, said), separator.join(cells)]
    head = f"sep={separator}{end}" if random.random() < 0.03 else ""
    tail = random.choice((end, end, end, end, "", end + end, end + "  " + end, end + "\n"))
    return _encoded(head + end.join(lines) + tail, random, said)


def _as_said(cell: str, random: Random, said: Said) -> str:
    """A cell, in the notation that is said where it is a number."""
    if not DECIMAL.fullmatch(cell) or (said.decimal == "." and not said.thousands):
        return cell
    whole, point, fraction = cell.partition(".")
    if said.thousands and whole.isdigit() and len(whole) > 3 and random.random() < 0.7:
        first = len(whole) % 3 or 3
        groups = [whole[:first], *(whole[k : k + 3] for k in range(first, len(whole), 3))]
        whole = said.thousands.join(groups if random.random() < 0.95 else [whole[:1], whole[1:]])
    return whole + (said.decimal if point else "") + fraction


def _left_out(random: Random, said: Said) -> list[str]:
    """Lines that are no rows, before one, if they are to be left out."""
    lines = []
    if said.comment and random.random() < 0.3:
        lines.append(random.choice(("", "  ", "\t")) + said.comment + random.choice(("", " made by x", ' "', "1,2")))
    if said.skip_blank and random.random() < 0.3:
        lines.append(random.choice(("", "", " ", "\t", " \t ")))
    return lines


def _encoded(text: str, random: Random, said: Said) -> bytes:
    if said.encoding:
        return text.encode(said.encoding, "replace")
    if random.random() < 0.05:
        encoding = random.choice(("utf-16-le", "utf-16-be", "utf-16-le", "utf-32-le"))
        return ("\ufeff" + text).encode(encoding, "surrogatepass")
    return (("\ufeff" if random.random() < 0.1 else "") + text).encode("utf8", "surrogatepass")
