"""safetensors: a header of JSON, then raw numbers, little end first. Read by hand: nothing else is needed, and nothing
of it is believed before it is compared with the file's length.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from math import prod
from typing import Any, BinaryIO, NamedTuple

from losscli.errors import InputError
from losscli.formats.npy import Layout, NpyReader
from losscli.formats.paths import chosen_member
from losscli.formats.source import Source, is_long
from losscli.lazy import np

_LENGTH = 8  # bytes that say how long the header is
_LONGEST = 100_000_000  # bytes of a header, as the format has it
_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "BOOL": "?",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "u1",
}
_METADATA = "__metadata__"


class _Tensor(NamedTuple):
    """A tensor as the header has it: its bytes are those from `start` to `stop` after the header."""

    name: str
    type: str
    shape: tuple[int, ...]
    start: int
    stop: int


def reader(source: Source, member: str | None, usual: Sequence[str]) -> NpyReader:
    """The tensor called `member`, else the only one, else the only one with a name among `usual`."""
    file = source.seekable()
    offset, tensors = _header(source.name, file, source.size or 0)
    if not tensors:
        raise InputError(f"{source.name}: has no tensors")
    names = [tensor.name for tensor in tensors]
    tensor = tensors[names.index(chosen_member(source.name, names, member, usual))]
    name = f"{source.name}:{tensor.name}"
    if tensor.type not in _TYPES:
        raise InputError(f"{name}: dtype {tensor.type} is not read; save it as F32: tensor.to(torch.float32)")
    bytes_of = _Bytes(source, name, file, offset + tensor.start, tensor.stop - tensor.start)
    layout = Layout(0, np.dtype(_TYPES[tensor.type]), False, tensor.shape, tensor.type == "BF16")
    return NpyReader(bytes_of, layout, "safetensors")


def names(source: Source) -> list[str]:
    """The tensors of a file by name; none of a damaged one, which its reader refuses."""
    with suppress(InputError):
        return [tensor.name for tensor in _header(source.name, source.seekable(), source.size or 0)[1]]
    return []


class _Bytes:
    """The bytes of a tensor, with the interface of `Source`."""

    head = b""

    def __init__(self, source: Source, name: str, file: BinaryIO, start: int, size: int) -> None:
        self.name, self.size = name, size
        self._source, self._file, self._start = source, file, start
        self.restart()

    @property
    def is_long(self) -> bool:
        """Whether it pays to read ahead."""
        return is_long(self.size)

    def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer only at the end."""
        parts, wanted = [], min(size, self._left)
        while wanted and (part := self._file.read(wanted)):
            parts.append(part)
            wanted -= len(part)
            self._left -= len(part)
        return b"".join(parts)

    def restart(self) -> "_Bytes":
        """Back to the first byte of the tensor."""
        self._file.seek(self._start)
        self._left = self.size
        return self

    def check_unchanged(self) -> None:
        """Raises InputError where the file is not the one that was opened."""
        self._source.check_unchanged()

    def seekable(self) -> BinaryIO:
        """The whole file: tensors are stored row by row, so that nobody asks for more than `read` gives."""
        return self._file

    def close(self) -> None:
        self._source.close()


def _header(name: str, file: BinaryIO, size: int) -> tuple[int, list[_Tensor]]:
    """Where the numbers begin, and the tensors in the order of their bytes. Raises InputError."""
    length = int.from_bytes(file.read(_LENGTH), "little")
    offset = _LENGTH + length
    if length > _LONGEST or offset > size:
        raise _bad(name, f"{length} bytes long, in a file of {size}; is the file cut?")
    try:
        found = json.loads(file.read(length).decode("utf8"), object_pairs_hook=_once, parse_constant=_no_number)
        tensors = [_tensor(key, said) for key, said in found.items() if key != _METADATA]
    except RecursionError:
        raise _bad(name, "it is nested too deep") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _bad(name, str(error) if isinstance(error, ValueError) else "a tensor lacks its fields") from None
    tensors.sort(key=lambda tensor: (tensor.start, tensor.stop))
    _check_offsets(name, tensors, size - offset)
    return offset, tensors


def _bad(name: str, what: str) -> InputError:
    return InputError(f"{name}: bad safetensors header: {what}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"'{next(name for name in names if names.count(name) > 1)}' appears twice")
    return found


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _tensor(name: str, said: Any) -> _Tensor:
    """What the header says of a tensor. Its size is known for the types that are read, else as it says itself."""
    kind, shape, (start, stop) = said["dtype"], said["shape"], said["data_offsets"]
    counts = [*shape, start, stop]
    if set(said) != {"dtype", "shape", "data_offsets"} or not isinstance(kind, str):
        raise ValueError(f"the fields of '{name}'")
    if not isinstance(shape, list) or not all(type(k) is int and 0 <= k < 2**62 for k in counts) or stop < start:
        raise ValueError(f"'{name}' has shape {shape!r}, offsets {start!r} to {stop!r}"[:200])
    if kind in _TYPES and prod(shape) * np.dtype(_TYPES[kind]).itemsize != stop - start:
        raise ValueError(f"'{name}' of {kind}, shape {shape}, does not take {stop - start} bytes"[:200])
    return _Tensor(name, kind, tuple(shape), start, stop)


def _check_offsets(name: str, tensors: Sequence[_Tensor], size: int) -> None:
    """The bytes after the header are those of the tensors, each of one, and no others."""
    end = 0
    for tensor in tensors:
        if tensor.start != end:
            what = "overlaps with the one before" if tensor.start < end else f"leaves {tensor.start - end} bytes unused"
            raise _bad(name, f"'{tensor.name}' begins at byte {tensor.start} and {what}")
        end = tensor.stop
    if end > size:
        raise InputError(f"{name}: truncated: its header promises {end} bytes of data, {size} are there")
    if end < size:
        raise InputError(f"{name}: {size - end} bytes after the last tensor; is the file damaged?")
