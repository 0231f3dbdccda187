"""Cells as columns: as pyarrow decodes a block of CSV, where it can be trusted, and from cells read one by one."""

from typing import TYPE_CHECKING, Any

from losscli.formats.base import Form, Labels
from losscli.formats.cells import Notation
from losscli.formats.text import Text
from losscli.formats.texts import Texts
from losscli.lazy import np, pa, pacsv

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Columns = dict[tuple[int, Form], Any]  # by position, and how they are read


def columns(
    text: Text, wanted: "set[tuple[int, Form]]", width: int, delimiter: str, notation: Notation
) -> "Columns | None":
    """The columns wanted, or None where the block has to be read cell by cell."""
    found: Columns = {}
    while wanted:  # a column may be wanted as numbers and as text
        part = dict(sorted(wanted))
        as_type = {"numbers": pa.float64(), "text": pa.dictionary(pa.int32(), pa.string()), "key": pa.string()}
        types = {str(j): as_type[form] for j, form in part.items()}
        try:
            table = pacsv.read_csv(
                pa.BufferReader(text.data), *_options(text, types, width, delimiter, notation.decimal)
            )
        except pa.ArrowInvalid:
            return None
        if width == 1 and any(_may_be_blank(table.column(str(j))) for j in part):
            return None
        found.update({(j, form): _from_arrow(table.column(str(j)).chunk(0), notation) for j, form in part.items()})
        wanted = wanted - set(part.items())
    return found if all(_is_plain(c) for c in found.values()) else None


def _options(
    text: Text, types: "dict[str, pa.DataType]", width: int, delimiter: str, decimal: str
) -> "tuple[Any, Any, Any]":
    return (
        pacsv.ReadOptions(
            use_threads=False, block_size=len(text.data) + 1, column_names=[str(j) for j in range(width)]
        ),
        pacsv.ParseOptions(delimiter=delimiter, ignore_empty_lines=False, newlines_in_values=text.quoted),
        pacsv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            null_values=[],
            strings_can_be_null=False,
            decimal_point=decimal,
        ),
    )


def _may_be_blank(column: "pa.ChunkedArray") -> bool:
    """Whether a cell that is all of its row holds nothing but space: a blank row, quoted or not."""
    chunk = column.chunk(0)
    if pa.types.is_floating(chunk.type):
        return False
    texts = chunk.dictionary if pa.types.is_dictionary(chunk.type) else chunk
    return any(text and not text.strip() for text in texts.to_pylist())


def _is_plain(column: Any) -> bool:
    """Whether pyarrow's reading stands: numbers finite and below 2^53 in size."""
    if not isinstance(column, np.ndarray):
        return True
    return bool(column.max() < 2.0**53 and column.min() > -(2.0**53))  # false for NaN too


def _from_arrow(chunk: "pa.Array", notation: Notation) -> Any:
    if pa.types.is_string(chunk.type):
        return Texts(chunk)
    if pa.types.is_dictionary(chunk.type):
        codes = np.frombuffer(chunk.indices.buffers()[1], np.int32)[chunk.offset : chunk.offset + len(chunk)]
        return _named(codes, chunk.dictionary.to_pylist(), notation)
    return np.frombuffer(chunk.buffers()[1], np.float64)[chunk.offset : chunk.offset + len(chunk)]


def _named(codes: "NDArray[Any]", texts: list[str], notation: Notation) -> Labels:
    """Labels by their stripped text; an empty cell is a missing value."""
    names: dict[str, int] = {}
    stripped = [notation.text(text) for text in texts]
    new = [names.setdefault(text, len(names)) if text else -1 for text in stripped]
    return Labels(np.array(new, np.int64)[codes], tuple(names))


def to_labels(cells: list[str], notation: Notation) -> Labels:
    texts = list(dict.fromkeys(cells))
    index = {text: k for k, text in enumerate(texts)}
    return _named(np.array([index[cell] for cell in cells]), texts, notation)


def to_numbers(cells: list[float | int]) -> "NDArray[Any]":
    wide = any(isinstance(cell, int) for cell in cells)
    return np.array(cells, dtype=object if wide else np.float64)
