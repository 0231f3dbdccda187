"""Weights of classes: as given, from a file, or balanced; a sample's weight is its own times that of its true class."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.errors import InputError, LossError, UsageError
from losscli.formats import BLOCK, Labels, Pick, Reader, open_reader
from losscli.lazy import np
from losscli.literals import canonical, format_number, near, parse_limit

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]

BALANCED = "balanced"
_OPTION = "--class-weight"
_SAMPLE = "write a=1,b=3, a file with columns class and weight, or balanced"


class ClassWeights(NamedTuple):
    """What was asked for: weights by the name of the class; none of them where they are to be balanced."""

    given: Mapping[str, float]
    source: str = ""  # the file they stand in

    @property
    def is_balanced(self) -> bool:
        return not self.given

    @staticmethod
    def of(asked: "Mapping[Any, Any] | str") -> "ClassWeights":
        """From a mapping, `a=1,b=3`, `balanced` or the name of a file. Raises UsageError, InputError."""
        if isinstance(asked, Mapping):
            given = {str(name): _weight(weight, str(name)) for name, weight in asked.items()}
        elif not isinstance(asked, str) or not asked.strip():
            raise UsageError(f"{_OPTION} '{asked}': {_SAMPLE}")
        elif asked.strip() == BALANCED:
            return ClassWeights({})
        elif "=" in asked:
            given = _by_text(asked)
        else:
            return ClassWeights(_by_file(asked), asked)
        if not given:
            raise UsageError(f"{_OPTION}: no class is named; {_SAMPLE}")
        return ClassWeights(given)

    def __str__(self) -> str:
        """`a=1,b=3` or `balanced`, the same for the same weights in any order."""
        return ",".join(f"{name}={canonical(self.given[name])}" for name in sorted(self.given)) or BALANCED

    @property
    def place(self) -> str:
        return self.source or _OPTION

    def refusal(self, what: str) -> LossError:
        """What is wrong with a file is input refused, with an option usage."""
        return InputError(f"{self.source}: {what}") if self.source else UsageError(f"{_OPTION}: {what}")


def _weight(weight: Any, name: str) -> float:
    number = parse_limit(weight) if isinstance(weight, str) else weight
    try:
        value = nan if number is None else float(number)
    except (TypeError, ValueError, OverflowError):
        value = nan
    if not (isfinite(value) and value >= 0):
        raise UsageError(f"{_OPTION}: the weight of '{name}' is {weight!s}; a weight is a finite number >= 0")
    return value


def _by_text(text: str) -> dict[str, float]:
    given: dict[str, float] = {}
    for part in text.split(","):
        name, equals, weight = (piece.strip() for piece in part.rpartition("="))
        if not equals or not name:
            raise UsageError(f"{_OPTION} '{part}': {_SAMPLE}")
        if name in given:
            raise UsageError(f"{_OPTION}: '{name}' is given twice")
        given[name] = _weight(weight, name)
    return given


def _by_file(path: str) -> dict[str, float]:
    """A file of any format that names its columns: one row a class."""
    reader = open_reader(path, path)
    try:
        names = [column.name for column in reader.columns]
        if not reader.headed or not {"class", "weight"} <= set(names):
            raise InputError(f"{path}: class weights need a header with the columns class and weight")
        return _rows(reader, Pick((names.index("class"),), labels=True), Pick((names.index("weight"),)))
    finally:
        reader.close()


def _rows(reader: Reader, classes: Pick, weights: Pick) -> dict[str, float]:
    given: dict[str, float] = {}
    for block in reader.read([classes, weights], BLOCK):
        found: Any = block.values[1]
        for row, name in enumerate(_names(block.values[0])):
            weight = float(found[row])
            if name is None or name in given:
                raise InputError(f"{block.at(row)}: {'missing class' if name is None else f'{name!r} is given twice'}")
            if not (isfinite(weight) and weight >= 0):
                what = "missing weight" if weight != weight else f"weight {format_number(weight)}"  # noqa: PLR0124
                raise InputError(f"{block.at(row)}: {what}; a weight is a finite number >= 0")
            given[name] = weight
    return given


def _names(values: "Array | Labels") -> list[str | None]:
    if isinstance(values, Labels):
        return [None if code < 0 else values.names[code] for code in values.codes.tolist()]
    return [None if value is None or value != value else canonical(value) for value in values.tolist()]  # noqa: PLR0124


@dataclass
class Weighing:
    """The weights asked for, by column of the prediction, once it is known what the columns are called."""

    asked: ClassWeights
    names: Sequence[str] = ()
    by_column: "Array | None" = None

    @property
    def needs_counts(self) -> bool:
        """Whether the rows have to be counted first."""
        return self.asked.is_balanced and self.by_column is None

    @property
    def may_be_zero(self) -> bool:
        return 0.0 in self.asked.given.values()

    def name(self, names: Sequence[str]) -> None:
        """Say what the columns are called. Raises LossError for a weight of what is no class."""
        if self.names:
            return
        self.names = names
        if self.asked.is_balanced:
            return
        for name in self.asked.given:
            if _spelt(name, names) is None:
                known = f"the classes are {', '.join(names[:20])}{' …' if len(names) > 20 else ''}"
                raise self.asked.refusal(f"'{name}' is no class{near(name, list(names))}; {known}")
        spelt = {_spelt(name, names): weight for name, weight in self.asked.given.items()}
        if len(spelt) < len(self.asked.given):
            raise self.asked.refusal("a class is given twice, once as a number with a point")
        self.by_column = np.array([spelt.get(name, nan) for name in names])

    def count(self, columns: "Iterable[Array]") -> None:
        """Balance: n/(C·n_c), of the classes of all rows that count; a class without rows has no weight.

        The names are known when the first batch of columns is there.
        """
        counts: dict[int, int] = {}
        for batch in columns:
            for column, count in zip(*np.unique(batch, return_counts=True), strict=True):
                counts[int(column)] = counts.get(int(column), 0) + int(count)
        n, classes = sum(counts.values()), len(self.names)
        self.by_column = np.array([n / (classes * counts[k]) if k in counts else nan for k in range(classes)])

    def is_absent(self, columns: "Array") -> "Array":
        """The samples whose class has weight 0."""
        zero: Array = np.isin(columns, np.flatnonzero(self.by_column == 0.0))
        return zero

    def times(self, weight: "Array | None", columns: "Array", at: "Callable[[int], str]") -> "Array":
        """The samples' weights, each times that of its class: one rounding. `at` says where a row's label stands."""
        if self.by_column is None:
            raise TypeError("the classes are not counted yet")
        of_class: Array = self.by_column[columns.astype(np.intp)]
        if np.isnan(of_class).any():
            row = int(np.argmax(np.isnan(of_class)))
            weighed = [name for name, found in zip(self.names, self.by_column, strict=True) if not np.isnan(found)]
            known = f"it names {', '.join(weighed[:20])}{' …' if len(weighed) > 20 else ''}"
            called = self.names[int(columns[row])]
            raise InputError(f"{at(row)}: class '{called}' has no weight in {self.asked.place}; {known}")
        with np.errstate(over="ignore", under="ignore"):  # refused below
            product = of_class if weight is None else weight * of_class
        lost = ~np.isfinite(product) | (product == 0)
        if lost.any():
            raise InputError(f"{at(int(np.argmax(lost)))}: the weight times its class's is beyond a float64's range")
        return product


def _spelt(name: str, names: Sequence[str]) -> str | None:
    """The class that a name stands for: 1.0 is 1."""
    return next((known for known in (name, name.removesuffix(".0")) if known in names), None)
