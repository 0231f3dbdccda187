"""The table of formats that are fuzzed. To add one: a function that makes a file, mostly a well-formed one; tokens that
mean something in it; and what else reads it, if anything does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from tests.fuzz import binary, judges, records, text
from tests.fuzz.agreement import Agree, Asked
from tests.fuzz.mutate import mutated
from tests.fuzz.reference import Said
from tests.fuzz.tensors import (
    ARROW_TOKENS,
    GZIP_TOKENS,
    SAFETENSORS_TOKENS,
    ZSTD_TOKENS,
    arrow,
    compressed,
    gzipped,
    safetensors,
    zstd,
)


@dataclass(frozen=True)
class Format:
    """`make` gives a file for what is asked, `damage` is the share of those that are then mutated as bytes, `commands`
    what is asked, `name` what the file is called.
    """

    make: Callable[[Random, Asked], bytes]
    tokens: Sequence[bytes]
    damage: float
    commands: Sequence[tuple[str, Asked]]
    agree: Agree
    name: str
    memory: int = 1 << 28  # bytes that an input may add to what the process had

    def input(self, random: Random) -> "Input":
        command, asked = random.choice(self.commands)
        data = self.make(random, asked)
        if random.random() < self.damage:
            data = mutated(data, random, self.tokens, self.make(random, asked))
        return Input(data, command, asked)


@dataclass(frozen=True)
class Input:
    """A file, and the command that is to read it, in which it is called FILE."""

    data: bytes
    command: str
    asked: Asked


_BOTH = "eval -l mae FILE --pred-col 0 --target-col 1"
_ROWS = (
    *(
        f"{_BOTH} --by 2 --format json",
        f"{_BOTH} --worst 2 --show 2 --format json",
        f"{_BOTH} --id 2",
        f"{_BOTH} --where 2=1",
    ),
    *(f"{_BOTH} --where 0>=1 --weight-col 2 --format csv", "eval -l mae FILE", "eval -l mae -l rmse FILE FILE"),
    *(
        "eval -l cross_entropy FILE --pred-col 0,1 --target-col 2 --labels text --format json",
        "eval -l mae FILE FILE --id 0",
    ),
    *(
        f"{_BOTH} --find-slices",
        "eval -l bce FILE FILE --per-sample --format jsonl",
        f"{_BOTH} --mask-col 2 --grad --json",
    ),
)
ROWS = tuple((command, Asked()) for command in _ROWS)
CSV = (
    *((f"{_BOTH} --format value", Asked(is_mae=True)),) * 8,
    *((f"{_BOTH} --format value --header", Asked(Said(header=True), is_mae=True)),) * 2,
    *((f"{_BOTH} --format value --no-header", Asked(Said(header=False), is_mae=True)),) * 2,
    *((f"{_BOTH} --format value --missing drop --allow-inf", Asked(Said(), True, True, True)),) * 3,
    *ROWS,
)
ARRAYS = tuple(
    (command, Asked())
    for command in (
        *("eval -l mae FILE FILE --format value",) * 6,
        *("eval -l mse FILE FILE --allow-inf --missing drop --json", f"{_BOTH} --format value", "eval -l mae FILE"),
        *(
            "eval -l cross_entropy FILE FILE --form logits",
            "eval -l cross_entropy probs.csv FILE --json",
            "eval -l mae FILE FILE --id 0",
        ),
        *(
            "eval -l mae probs.csv FILE --pred-col 0",
            "eval -l mae FILE FILE --by 0 --json",
            "eval -l mae FILE FILE --grad --json",
        ),
    )
)
MEMBERS = (*ARRAYS, *((c.replace("FILE", "FILE:y_pred", 1).replace("FILE ", "FILE:y_pred "), a) for c, a in ARRAYS))

_SAID = {  # how files are said to be written, and are
    "--decimal ,": Said(decimal=","),
    "--decimal , --thousands .": Said(decimal=",", thousands="."),
    "--thousands ,": Said(thousands=","),
    "--thousands '": Said(thousands="'"),
    "--comment #": Said(comment="#"),
    "--comment // --skip-blank": Said(comment="//", skip_blank=True),
    "--skip-blank": Said(skip_blank=True),
    "--encoding latin-1": Said(encoding="latin-1"),
    "--encoding utf-16": Said(encoding="utf-16"),
    "--encoding utf-16-le --comment #": Said(encoding="utf-16-le", comment="#"),
    "--encoding cp1252 --decimal ,": Said(encoding="cp1252", decimal=","),
    "--delimiter ;": Said(delimiter=";"),
    "--delimiter tab --skip-blank": Said(delimiter="\t", skip_blank=True),
    "--delimiter :": Said(delimiter=":"),
    "--header --decimal ,": Said(header=True, decimal=","),
    "--no-header --skip-blank": Said(header=False, skip_blank=True),
}
_EITHER = (
    ("--format value", Asked(is_mae=True)),
    ("--format value --missing drop --allow-inf", Asked(Said(), True, True, True)),
)
OPTIONS = tuple(
    (f"{_BOTH} {rest} {options}", asked._replace(said=said))
    for options, said in _SAID.items()
    for rest, asked in (*_EITHER, *_EITHER)
) + tuple((f"inspect FILE {options}", Asked(said)) for options, said in _SAID.items())
INSPECT = (("inspect FILE", Asked()), ("inspect FILE FILE", Asked()), ("inspect FILE probs.csv --json", Asked()))
LINES = (*((f"{_BOTH} --format value", Asked(is_mae=True)),) * 8, *ROWS, *INSPECT)


def _any(make: Callable[[Random], bytes]) -> Callable[[Random, Asked], bytes]:
    """Of a file that is made alike whatever is asked."""
    return lambda random, asked: make(random)


def _table(random: Random, asked: Asked) -> bytes:
    return text.table(random, asked.said)


_RECORDS = _any(records.records)
_CSV_GZ = compressed(_table, text.TOKENS, 0.3, gzipped), GZIP_TOKENS, 0.15
_CSV_ZST = compressed(_table, text.TOKENS, 0.3, zstd), ZSTD_TOKENS, 0.15
_JSONL_GZ = compressed(_RECORDS, records.TOKENS, 0.3, gzipped), GZIP_TOKENS, 0.15
_NPY_GZ = compressed(_any(binary.npy), binary.NPY_TOKENS, 0.15, gzipped), GZIP_TOKENS, 0.1
_TYPED = (*ROWS, *ARRAYS, *INSPECT)
_OF_MEMBERS = (*MEMBERS, *INSPECT)
# pyarrow takes the memory that the header of a page or batch asks for, up to 2 GiB, before it sees that it is shorter
_MUCH = 3 << 30
FORMATS = {
    "csv": Format(_table, text.TOKENS, 0.35, (*CSV, *INSPECT), judges.text, "x.csv"),
    "csv-said": Format(_table, text.TOKENS, 0.3, OPTIONS, judges.text, "x.csv"),
    "jsonl": Format(_RECORDS, records.TOKENS, 0.35, LINES, judges.jsonl, "x.jsonl"),
    "npy": Format(_any(binary.npy), binary.NPY_TOKENS, 0.3, (*ARRAYS, *INSPECT), judges.npy, "x.npy"),
    "npz": Format(_any(binary.npz), binary.ZIP_TOKENS, 0.15, _OF_MEMBERS, judges.npz, "x.npz"),
    "parquet": Format(_any(binary.parquet), binary.PARQUET_TOKENS, 0.3, _TYPED, judges.parquet, "x.parquet", _MUCH),
    "arrow": Format(_any(arrow), ARROW_TOKENS, 0.35, _TYPED, judges.arrow, "x.arrow", _MUCH),
    "safetensors": Format(_any(safetensors), SAFETENSORS_TOKENS, 0.2, _OF_MEMBERS, judges.safetensors, "x.safetensors"),
    "csv-gz": Format(*_CSV_GZ, (*CSV, *INSPECT), judges.inside(judges.gunzipped, judges.text), "x.csv.gz"),
    "csv-zst": Format(*_CSV_ZST, (*CSV, *INSPECT), judges.inside(judges.unzstd, judges.text), "x.csv.zst"),
    "jsonl-gz": Format(*_JSONL_GZ, LINES, judges.inside(judges.gunzipped, judges.jsonl), "x.jsonl.gz"),
    "npy-gz": Format(*_NPY_GZ, (*ARRAYS, *INSPECT), judges.inside(judges.gunzipped, judges.npy), "x.npy.gz"),
}
