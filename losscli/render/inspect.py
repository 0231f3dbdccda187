"""What `inspect` found, as text: files, columns, whether rows belong together, commands, advice."""

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any

from losscli.escape import escape
from losscli.inspection import Alignment, Command, Field, FileFacts, Inspection
from losscli.inspection.findings import MOST, VectorFacts
from losscli.literals import format_number
from losscli.render.json import to_json
from losscli.render.plain import tab_separated
from losscli.results import SCHEMA
from losscli.version import VERSION

_FILE = ("file", "format", "rows", "columns", "notes")
_COLUMN = ("file", "column", "dtype", "looks_like", "why", "min", "max", "distinct", "missing", "infinite", "texts")
_KEY = ("key", "alignment", "says")
_COMMAND = ("loss", "command", "why", "also", "tried")
_NUMBERS = ("min", "max", "distinct", "missing", "infinite")
_EXACT = 2**53


def text_of(found: Inspection, format: str, colour: bool = False) -> str:
    """Blocks of lines, each after a header line; a table a block on a terminal; or one JSON object."""
    if format == "json":
        return to_json(_object(found))
    if format == "plain":
        return "\n".join(tab_separated(block) for block in _blocks(found))
    return _table(found, colour)


def _blocks(found: Inspection) -> Iterator[list[list[str]]]:
    yield [list(_FILE), *(_file_row(file) for file in found.files)]
    yield [list(_COLUMN), *([file.path, *row] for file in found.files for row in _column_rows(file))]
    if found.alignment:
        yield [list(_KEY), *_alignment_rows(found.alignment)]
    yield [list(_COMMAND), *(_command_row(command) for command in found.commands)]
    if found.advice:
        yield [["advice"], *([text] for text in found.advice)]


def _file_row(file: FileFacts) -> list[str]:
    count = len(file.names) if not (file.groups and not file.columns) else file.groups[0].width
    sizes = ["", ""] if file.refused else [str(file.rows), str(count)]
    return [file.path, file.format, *sizes, file.notes]


def _column_rows(file: FileFacts) -> list[list[str]]:
    return [_column_row(column, file) for column in file.lone]


def _column_row(found: Field, file: FileFacts) -> list[str]:
    facts = found.facts
    kind, why = found.looks[0]
    more = [look.kind for look in found.looks[1:2] if look.kind not in ("text", "number")]
    return [
        _called(found, file),
        found.dtype,
        " or ".join([kind, *more]),
        why,
        *_range(found),
        _distinct(found),
        str(facts.missing) if _is_counted(found) else "",
        str(facts.infinite) if _is_counted(found) else "",
        f"{facts.texts}, first at {facts.first_text_at}: {facts.first_text}" if facts.texts and facts.numbers else "",
    ]


def _called(found: Field, file: FileFacts) -> str:
    """A column's name, or its position; of a group what its names begin with, or the first and the last."""
    names = [file.names[j] if file.headed else str(j) for j in found.columns]
    if len(names) > 1:
        stemmed = file.headed and all(name.startswith(f"{found.name}_") for name in names)
        return f"{f'{found.name}_*' if stemmed else f'{names[0]} … {names[-1]}'} ({len(names)})"
    return f"{names[0] or '(unnamed)'}{f' ({found.width})' if found.is_vector else ''}"


def _range(found: Field) -> list[str]:
    facts = found.facts
    if not facts.numbers:
        return ["", ""]
    return [_number(value, facts.is_whole) for value in (facts.low, facts.high)]


def _number(value: float | int, is_whole: bool = False) -> str:
    if isinstance(value, int) or (is_whole and isfinite(value) and abs(value) < _EXACT):
        return str(int(value))
    return format_number(value)


def _distinct(found: Field) -> str:
    if found.is_vector or not _is_counted(found):
        return ""
    return f"more than {MOST}" if found.facts.values is None else str(len(found.facts.values))


def _is_counted(found: Field) -> bool:
    """Whether its cells were read: not those of a type that is neither number nor text."""
    return bool(found.facts.numbers + found.facts.texts + found.facts.missing)


def _alignment_rows(alignment: Alignment) -> list[list[str]]:
    by_position = "same rows" if alignment.same_rows else "row counts differ"
    return [["", by_position, alignment.says], *([k.name or "(unnamed)", k.relation, k.says] for k in alignment.keys)]


def _command_row(command: Command) -> list[str]:
    return [command.loss, command.command, command.why, ", ".join(command.also), _tried(command)]


def _tried(command: Command) -> str:
    return "all rows" if command.tried is None else f"the first {command.tried} rows; ranges of all"


def _table(found: Inspection, colour: bool) -> str:
    parts = [_file_table(file, colour) for file in found.files]
    if found.alignment:
        keys = [f"  {key.name or '(unnamed)'}: {key.says}" for key in found.alignment.keys]
        parts.append("".join(f"{escape(line)}\n" for line in [f"Rows: {found.alignment.says}", *keys]))
    parts += [_told(command) for command in found.commands] or ["No loss fits.\n"]
    parts += ["".join(f"{escape(text)}\n" for text in found.advice)] if found.advice else []
    return "\n".join(parts)


def _file_table(file: FileFacts, colour: bool) -> str:
    from losscli.render.table import grid  # Rich is for terminals only

    _, kind, rows, columns, notes = _file_row(file)
    size = f"{kind}, {rows} rows, {columns} column{'' if columns == '1' else 's'}"
    size = file.refused or (f"{size}; {notes}" if notes else size)
    found = _column_rows(file)
    shown = [k for k, name in enumerate(_COLUMN[1:]) if any(_says(name, row[k]) for row in found)]
    header = [_COLUMN[1:][k].replace("_", " ") for k in shown]
    cells = [[row[k] for k in shown] for row in found]
    table = grid(header, cells, _NUMBERS, ("looks like", "why"), colour) if cells else ""
    return f"{escape(file.path)}: {escape(size)}\n{table}"


def _says(name: str, cell: str) -> bool:
    """Whether a cell is worth a column."""
    return cell not in ("", "0") if name in ("missing", "infinite", "texts") else bool(cell)


def _told(command: Command) -> str:
    """A command on a line of its own, to be copied, under what it is."""
    also = f" (as well: {', '.join(command.also)})" if command.also else ""
    tried = "" if command.tried is None else f"; tried on {_tried(command)}"
    return f"# {escape(command.why + also + tried)}\n{escape(command.command)}\n"


def _object(found: Inspection) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "losscli": VERSION,
        "files": [_file(file) for file in found.files],
        "alignment": _alignment(found.alignment),
        "commands": [_command(command) for command in found.commands],
        "advice": list(found.advice),
    }


def _file(file: FileFacts) -> dict[str, Any]:
    if file.refused:
        return {"path": file.path, "format": file.format, "refused": file.refused}
    count = int(_file_row(file)[3])
    return {
        "path": file.path,
        "format": file.format,
        "rows": file.rows,
        "width": count,
        **({"images": list(file.images)} if file.images else {}),
        "columns": [_column(column, file) for column in file.columns],
        "groups": [_column(group, file) for group in file.groups],
    }


def _column(found: Field, file: FileFacts) -> dict[str, Any]:
    facts = found.facts
    named = {"name": found.name, "position": found.columns[0]} if not found.is_vector else _group(found, file)
    vectors = {"row_sum_min": facts.sum_low, "row_sum_max": facts.sum_high} if isinstance(facts, VectorFacts) else {}
    text = {"text": facts.first_text, "at": facts.first_text_at} if facts.texts else None
    return {
        **named,
        "dtype": found.dtype,
        "looks": [{"as": look.kind, "why": look.why} for look in found.looks],
        "min": _json_number(facts.low, facts.is_whole) if facts.numbers else None,
        "max": _json_number(facts.high, facts.is_whole) if facts.numbers else None,
        **({} if found.is_vector else {"distinct": None if facts.values is None else len(facts.values)}),
        **({"missing": facts.missing, "infinite": facts.infinite, "texts": facts.texts} if _is_counted(found) else {}),
        **({"first_text": text} if text else {}),
        **({key: _json_number(value) for key, value in vectors.items()} if facts.numbers else {}),
    }


def _group(found: Field, file: FileFacts) -> dict[str, Any]:
    names = {"columns": [file.names[j] for j in found.columns]} if file.headed else {}
    return {"name": found.name, "position": found.columns[0], "width": found.width, **names}


def _json_number(value: float | int, is_whole: bool = False) -> Any:
    """A number; a whole one as an integer, in text where no float64 holds it."""
    if isinstance(value, int) or (is_whole and isfinite(value) and abs(value) < _EXACT):
        return int(value) if abs(value) <= _EXACT else str(value)
    return value


def _alignment(alignment: Alignment | None) -> dict[str, Any] | None:
    if alignment is None:
        return None
    keys: Sequence[Any] = [
        {"name": k.name, "relation": k.relation, "says": k.says, "unmatched": list(k.unmatched)} for k in alignment.keys
    ]
    return {"rows": list(alignment.rows), "same_rows": alignment.same_rows, "says": alignment.says, "keys": keys}


def _command(command: Command) -> dict[str, Any]:
    return {
        "loss": command.loss,
        "argv": ["losscli", *command.argv],
        "command": command.command,
        "why": command.why,
        "also": list(command.also),
        "tried_rows": command.tried,
    }
