"""The cells of a column of a block, of whatever type: numbers, texts and missing values, told apart cell by cell."""

from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.formats import Labels, Texts
from losscli.formats.cells import MISSING, number
from losscli.keys import cells_of
from losscli.lazy import np

if TYPE_CHECKING:
    from losscli.registry import Array


class Cells(NamedTuple):
    """`floats` is NaN where there is no number; `texts` has the distinct texts with their first row, `text_count` how
    many cells are text. `wide` holds integers that float64 does not hold, `repeats` whether some text occurs twice.
    """

    floats: "Array"
    texts: dict[str, int]
    text_count: int = 0
    wide: tuple[int, ...] = ()
    repeats: bool = False

    @staticmethod
    def of(values: Any) -> "Cells":
        """The cells of a column, read as numbers or as text."""
        if isinstance(values, (Labels, Texts)):
            return _of_texts(values)
        if values.dtype != object:
            return Cells(values.astype(np.float64, copy=False), {})
        cells = values.tolist()
        wide = tuple(v for v in cells if isinstance(v, int) and float(v) != v)
        return Cells(np.array([np.nan if v is None else float(v) for v in cells]), {}, 0, wide)


def _of_texts(values: "Labels | Texts") -> Cells:
    floats = values.floats() if isinstance(values, Texts) else None
    if floats is not None:
        return Cells(floats, {})
    names, codes = _numbered(values)
    known = [_number(name) for name in names]
    is_text = np.array([*(why != "" for _, why in known), False])[codes]
    firsts = {name: -1 for name, (_, why) in zip(names, known, strict=True) if why}
    for row in np.flatnonzero(is_text).tolist() if firsts else []:
        name = names[codes[row]]
        if firsts[name] < 0:
            firsts[name] = row
    count = int(is_text.sum())
    wide = tuple(v for v, why in known if isinstance(v, int) and not why)
    numbers = np.array([*(np.nan if why else float(v) for v, why in known), np.nan])
    return Cells(numbers[codes], firsts, count, wide, count > len(firsts))


def _numbered(values: "Labels | Texts") -> "tuple[tuple[str, ...], Array]":
    if isinstance(values, Labels):
        return values.names, values.codes
    numbers: dict[str, int] = {}
    codes = [-1 if text is None else numbers.setdefault(text, len(numbers)) for text in cells_of(values)]
    return tuple(numbers), np.array(codes, np.int64)


def _number(text: str) -> tuple[float | int, str]:
    return (float("nan"), "") if text.lower() in MISSING else number(text)
