"""Tensors: the named arrays of any shape that the parameters of a model are, held whole."""

from collections.abc import Callable, Collection, Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from losscli.errors import InputError
from losscli.formats import BLOCK, MAX_BYTES, Pick, Reading, members, open_reader
from losscli.formats.npy import NpyReader
from losscli.formats.paths import split_member
from losscli.formats.source import check_held
from losscli.lazy import np
from losscli.literals import format_number

if TYPE_CHECKING:
    from losscli.registry import Array

Tensors = Mapping[str, "Array"]
LeftOut = Callable[[Sequence[str]], Collection[str]]
ALONE = "W"  # what an array that has no name is called
_WIDEST = 2**53  # integers up to here are float64 numbers


def tensors_of(
    data: Any, max_bytes: int = MAX_BYTES, left_out: LeftOut = lambda _: ()
) -> "tuple[dict[str, Array], list[str]]":
    """Arrays by name, float64 or of integers: those of a file (NPZ, NPY, safetensors), of a mapping, or one alone.
    Then the members that hold no numbers, which are refused unless they are among those that are `left_out` of all
    names. Raises InputError.
    """
    if isinstance(data, (str, PathLike)):
        return _read(fspath(data), max_bytes, left_out)
    named = data if isinstance(data, Mapping) else {ALONE: data}
    return {str(name): _numbers(str(name), _array(str(name), values)) for name, values in named.items()}, []


def _array(name: str, values: Any) -> "Array":
    try:
        return np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:  # as tensors say it that NumPy cannot have
        raise InputError(f"{name}: not an array of numbers: {' '.join(str(error).split())}") from None


def _read(path: str, max_bytes: int, left_out: LeftOut) -> "tuple[dict[str, Array], list[str]]":
    paths = members(path)
    names = [member.removeprefix(f"{path}:") for member in paths]
    found, unread = [], []
    for name, member in zip(names, paths, strict=True):
        try:
            found.append(_read_one(member, max_bytes))
        except InputError:
            if name not in left_out(names):
                raise
            unread.append(name)
    return dict(found), unread


def _read_one(path: str, max_bytes: int) -> "tuple[str, Array]":
    reader = open_reader(ALONE, path, Reading(max_bytes=max_bytes))
    try:
        if not isinstance(reader, NpyReader):
            raise InputError(f"{path}: is {reader.format}; parameters are read from NPZ, NPY and safetensors")
        _refuse_other(reader.name, np.dtype(reader.columns[0].dtype))
        check_held(reader.name, 8 * reader.rows * len(reader.columns), max_bytes, "holds parameters")
        blocks = reader.read([Pick(tuple(range(len(reader.columns))))], BLOCK)
        values = np.concatenate([np.asarray(block.values[0]) for block in blocks])
    finally:
        reader.close()
    return _name(path, reader.name), _numbers(reader.name, values.reshape(reader.shape))


def _name(path: str, called: str) -> str:
    """A member's name in its file; an array that is a file of its own is called as that."""
    file, _ = split_member(path)
    return called.removeprefix(f"{file}:") if called.startswith(f"{file}:") else Path(file).stem


def _refuse_other(name: str, dtype: "np.dtype[Any]") -> None:
    if dtype.kind not in "iuf":
        what = {"b": "booleans", "U": "text", "S": "text"}.get(dtype.kind, str(dtype))
        raise InputError(f"{name}: holds {what}, which no parameter is; skip=NAME in a penalty leaves it out")


def _numbers(name: str, values: "Array") -> "Array":
    _refuse_other(name, values.dtype)
    if values.dtype.kind != "f" and (np.abs(values.astype(np.float64)) > _WIDEST).any():
        raise InputError(f"{name}: an integer beyond 2^53, which no float64 may hold")
    return values if values.dtype.kind != "f" else values.astype(np.float64)


def check_finite(where: str, tensors: Tensors, allow_inf: bool) -> None:
    """Refuse NaN, and unless they are let in infinite numbers, with the first one's place."""
    for name, values in tensors.items():
        bad = np.isnan(values) if allow_inf else ~np.isfinite(values)
        if not bad.any():
            continue
        at = np.unravel_index(int(np.argmax(bad)), bad.shape)
        place = f"[{', '.join(str(int(i)) for i in at)}]" if at else ""
        found, count = format_number(float(values[at])), int(bad.sum())
        more = f", the first of {count}" if count > 1 else ""
        hint = "" if np.isnan(values[at]) else "; --allow-inf lets it in"
        raise InputError(f"{where}: {name}{place} is {found}{more}{hint}")


def size_of(tensors: Tensors) -> int:
    """How many numbers they are."""
    return sum(values.size for values in tensors.values())
