"""Labels of classes: names matched with the prediction's headers, numbers, and soft targets put in the same order."""

from collections.abc import Callable, Sequence
from os.path import commonprefix
from typing import TYPE_CHECKING, Any

from losscli.columns import Binding
from losscli.errors import InputError
from losscli.formats import Labels
from losscli.lazy import np
from losscli.literals import is_integer, near, parse_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

At = Callable[[str, int, "int | None"], str]


def class_names(bindings: Sequence[Binding]) -> tuple[str, ...]:
    """The classes in the order of the prediction's columns: their headers, without what they all begin with."""
    pred = next((b for b in bindings if b.role == "pred"), None)
    if pred is None or not pred.reader.headed or not pred.by_class:
        return ()
    return _without_stem(pred.names)


def _without_stem(names: Sequence[str]) -> tuple[str, ...]:
    stem = commonprefix(list(names))  # noqa: RUF071 - character by character is meant
    cut = max(stem.rfind(c) for c in "_-.: ") + 1
    rests = tuple(name[cut:] for name in names)
    return rests if all(rests) else tuple(names)


def in_class_order(binding: Binding, classes: tuple[str, ...]) -> Binding:
    """Soft targets with headers: their columns in the order of the prediction's, by name."""
    if binding.role != "target" or len(binding.columns) < 2 or not classes or not binding.reader.headed:
        return binding
    names = list(_without_stem(binding.names))
    if len(names) != len(classes):
        return binding  # the shapes differ, and are refused as that
    if sorted(names) != sorted(classes):
        raise InputError(
            f"{binding.reader.name}: its columns are {', '.join(names[:10])}, "
            f"the predictions' {', '.join(classes[:10])}; a column a class is paired by name"
        )
    return binding._replace(columns=tuple(binding.columns[names.index(c)] for c in classes))


def indices(role: str, values: "Array | Labels", classes: tuple[str, ...], at: At) -> "Array":
    """Labels as numbers of classes: names of classes by name (whole numbers too where all headers are), else as they
    are.
    """
    if not isinstance(values, Labels):
        if not _are_numbers(classes) or not (values == np.floor(values.astype(np.float64))).all():
            return values  # indices; anything else is refused by the kind
        distinct, codes = np.unique(values, return_inverse=True)
        values = Labels(codes, tuple(str(int(v)) for v in distinct))
    if (values.codes < 0).any():
        raise InputError(f"{at(role, int(np.argmax(values.codes < 0)), None)}: missing label")
    index = {name: k for k, name in enumerate(classes)}
    numbers = np.array([_number(name, index) for name in values.names])[values.codes]
    if np.isnan(numbers).any():
        row = int(np.argmax(np.isnan(numbers)))
        _refuse(values.names[int(values.codes[row])], classes, at(role, row, None))
    return numbers


def _are_numbers(classes: tuple[str, ...]) -> bool:
    return bool(classes) and all(is_integer(c) for c in classes)


def _number(name: str, index: dict[str, int]) -> float:
    """The class's index, or the number that the label is, or NaN for a label that is no class."""
    plain = name.removesuffix(".0")
    if name in index or plain in index:
        return index.get(name, index.get(plain, 0))
    number = parse_number(name)
    return float("nan") if number is None or _are_numbers(tuple(index)) else float(number)


def _refuse(label: str, classes: tuple[str, ...], place: str) -> None:
    known = (
        f"the classes are {', '.join(classes[:20])}" if classes else "the prediction's columns have no names to match"
    )
    raise InputError(f"{place}: label '{label}' is no class{near(label, classes)}; {known}")
