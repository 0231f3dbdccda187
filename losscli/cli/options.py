"""Options that commands share: how they are declared, and what their texts mean."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from losscli.cli.complete import complete_column
from losscli.cli.streams import on_terminal
from losscli.errors import UsageError
from losscli.literals import is_integer, parse_limit
from losscli.registry import Loss

PredCol = Annotated[
    list[str] | None,
    typer.Option(help="Predictions: column name, 'p_*' or position.", metavar="COLS", autocompletion=complete_column),
]
TargetCol = Annotated[list[str] | None, typer.Option(help="Targets.", metavar="COLS", autocompletion=complete_column)]
WeightCol = Annotated[
    str | None,
    typer.Option(help="Weights; target:NAME if both have it.", metavar="COL", autocompletion=complete_column),
]
Col = Annotated[
    list[str] | None, typer.Option("--col", help="Columns of any role, such as variance=var.", metavar="ROLE=COLS")
]
Input = Annotated[
    list[str] | None,
    typer.Option("--input", help="The file of a role beyond FILES, or a part.", metavar="ROLE=FILE"),
]
Layout = Annotated[Literal["table", "plain", "json"] | None, typer.Option(help="table on a terminal, plain in a pipe.")]
Json = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
HiddenJson = Annotated[bool, typer.Option("--json", help="The same as --format json.", hidden=True)]
Output = Annotated[
    str | None, typer.Option("--output", "-o", help="Write the result to FILE, nothing to stdout.", metavar="FILE")
]
Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header", help="Whether a CSV's first row is a header.", show_default=False, hidden=True
    ),
]
Delimiter = Annotated[str | None, typer.Option(help="What separates cells of a CSV.", metavar="CHAR", hidden=True)]
Decimal = Annotated[str, typer.Option(help="What stands before decimals in a CSV, . or ,", metavar="CHAR", hidden=True)]
Thousands = Annotated[str | None, typer.Option(help="What parts thousands in a CSV.", metavar="CHAR", hidden=True)]
Encoding = Annotated[str | None, typer.Option(help="Of a CSV that is not UTF-8.", metavar="NAME", hidden=True)]
Comment = Annotated[str | None, typer.Option(help="Leave out CSV lines that begin so.", metavar="START", hidden=True)]
SkipBlank = Annotated[bool, typer.Option("--skip-blank", help="Leave out blank lines of a CSV.", hidden=True)]
MaxBytes = Annotated[
    str | None, typer.Option(help="Hold no more of a file at once.", metavar="N", show_default=False, hidden=True)
]
AllowInf = Annotated[bool, typer.Option("--allow-inf", help="Let infinite inputs in.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No notes, no progress.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the trace of an internal error.")]


def chosen_format(format: str | None, json: bool = False, output: str | None = None) -> str:
    """The format asked for; else a table for a person at a terminal, and plain text for programs."""
    if json and format not in (None, "json"):
        raise UsageError(f"--json and --format {format} exclude one another")
    return "json" if json else format or ("plain" if output or not on_terminal() else "table")


def reading(**said: bool | str | None) -> dict[str, Any]:
    """What is said of how files are to be read, as what reads them takes it: nothing where nothing is said."""
    usual = {"decimal": ".", "skip_blank": False}
    given: dict[str, Any] = {name: value for name, value in said.items() if value != usual.get(name)}
    if "max_bytes" in given:
        given["max_bytes"] = size("--max-bytes", given["max_bytes"])
    return given


def files_by_role(
    loss: Loss, files: Sequence[str], input: Sequence[str] | None, pred: Sequence[str] = ()
) -> dict[str, str | list[Path]]:
    """FILES in the order of the loss's roles, and those of `--input`; several for a role are its parts, as given.
    What `pred` has takes the place of predictions.
    """
    roles = [r.name for r in loss.kind.roles if r.ordered]
    if pred and "pred" not in roles:
        raise UsageError(f"--pred is for losses that take pred, and {loss.name} takes {', '.join(roles)}")
    roles = [role for role in roles if role != "pred" or not pred]
    if len(files) > len(roles):
        raise UsageError(f"{loss.name} takes {_counted(roles, bool(pred))}, {len(files)} are given")
    found = {role: [file] for role, file in [("pred", file) for file in pred] + [*zip(roles, files, strict=False)]}
    for role, parts in _by_role("--input", "FILE", input).items():
        found[role] = found.get(role, []) + parts
    return {role: [Path(part) for part in parts] if parts[1:] else parts[0] for role, parts in found.items()}


def _counted(roles: Sequence[str], beside_pred: bool) -> str:
    """How many files, and for which roles: what `--pred` names is none of them."""
    files = "1 file" if len(roles) == 1 else f"{len(roles) or 'no'} files"
    return files + " beside --pred" * beside_pred + (f" ({', '.join(roles)})" if roles else "")


def refuse_overwriting(outputs: Sequence[str | None], inputs: Iterable[str | list[Path]]) -> None:
    """No output may take the place of an input, become a part of one, nor be what another option names too."""
    from losscli.formats.paths import files_of, is_part

    taken = {os.path.realpath(path) for given in inputs for path in files_of(given)} if any(outputs) else set()
    for output in outputs:
        if output and os.path.realpath(output) in taken:
            raise UsageError(f"{output} is an input file; name another for the output")
        folder = os.path.dirname(os.path.realpath(output or ""))
        if output and is_part(output) and folder in taken and os.path.isdir(folder):
            raise UsageError(f"{output} would be a part of an input, whose folder it is in; write it elsewhere")
    named = [os.path.realpath(output) for output in outputs if output]
    for k, output in enumerate(filter(None, outputs)):
        if named[k] in named[:k]:
            raise UsageError(f"{output} is named for two outputs")


def columns_by_role(
    pred_col: list[str] | None,
    target_col: list[str] | None,
    weight_col: str | None,
    col: list[str] | None,
    mask_col: str | None = None,
) -> dict[str, list[str]]:
    """The columns that options name; `--col`, which can name any role, goes before the others."""
    single = {"weight": weight_col, "mask": mask_col}
    named = {"pred": pred_col, "target": target_col, **{r: None if c is None else [c] for r, c in single.items()}}
    return {**{role: names for role, names in named.items() if names}, **_by_role("--col", "COLS", col)}


def _by_role(option: str, what: str, given: Sequence[str] | None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for text in given or []:
        role, equals, value = text.partition("=")
        if not equals or not role or not value:
            raise UsageError(f"{option} '{text}': write {option} ROLE={what}")
        found.setdefault(role, []).append(value)
    return found


def count(option: str, text: str | None) -> int | None:
    """The whole number of at least 1 that an option's text stands for; None where it is not given."""
    if text is None:
        return None
    if not is_integer(text) or int(text) < 1:
        raise UsageError(f"{option}: '{text}' is not a whole number of at least 1")
    return int(text)


def size(option: str, text: str | None) -> int | None:
    """The bytes that an option's text stands for: `1000000`, or `8GiB`; None where it is not given."""
    units = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
    digits = (text or "").rstrip("KMGTiB")
    if text is not None and (not (digits.isascii() and digits.isdigit()) or text[len(digits) :] not in units):
        raise UsageError(f"{option}: '{text}' is not a size; write bytes, such as 1000000, or 8GiB")
    return None if text is None else int(digits) * units[text[len(digits) :]]


def whole(option: str, text: str | None) -> int | None:
    """The integer that an option's text stands for; None where it is not given."""
    if text is not None and not is_integer(text):
        raise UsageError(f"{option}: '{text}' is not a whole number")
    return None if text is None else int(text)


def number(option: str, text: str) -> float:
    """The number that an option's text stands for."""
    value = parse_limit(text)
    if value is None:
        raise UsageError(f"{option}: '{text}' is not a number")
    return value
