"""The table of formats that are fuzzed. To add one: a function that makes a file, mostly a well-formed one; tokens that
mean something in it; and what else reads it, if anything does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from tests.fuzz import agreement, binary, judges, text
from tests.fuzz.agreement import Agree, Asked
from tests.fuzz.mutate import mutated
from tests.fuzz.reference import Said


@dataclass(frozen=True)
class Format:
    """`make` gives a file, `damage` is the share of those that are then mutated as bytes, `commands` what is asked."""

    make: Callable[[Random], bytes]
    tokens: Sequence[bytes]
    damage: float
    commands: Sequence[tuple[str, Asked]]
    agree: Agree | None = None
    memory: int = 1 << 28  # bytes that an input may add to what the process had

    def input(self, random: Random) -> "Input":
        command, asked = random.choice(self.commands)
        data = self.make(random)
        if random.random() < self.damage:
            data = mutated(data, random, self.tokens, self.make(random))
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

# pyarrow takes the memory that the header of a page asks for, up to 2 GiB, before it sees that the page is shorter
FORMATS = {
    "csv": Format(text.table, text.TOKENS, 0.4, CSV, agreement.csv),
    "npy": Format(binary.npy, binary.NPY_TOKENS, 0.3, ARRAYS, judges.npy),
    "npz": Format(binary.npz, binary.ZIP_TOKENS, 0.2, MEMBERS, judges.npz),
    "parquet": Format(binary.parquet, binary.PARQUET_TOKENS, 0.35, ROWS + ARRAYS, judges.parquet, memory=3 << 30),
}
