"""Labels of classes: names matched with the prediction's headers, numbers, and soft targets put in the same order."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf, nan
from os.path import commonprefix
from typing import TYPE_CHECKING, Any

from losscli.classweights import Weighing
from losscli.columns import Binding
from losscli.errors import InputError, UsageError
from losscli.formats import Labels
from losscli.formats.cells import MISSING
from losscli.kinds import as_rows
from losscli.kinds.checks import floats
from losscli.lazy import np
from losscli.literals import canonical, format_number, is_integer, near, parse_number
from losscli.meaning import INTEGERS, TEXT, ZERO_ONE, Meaning
from losscli.selection import IGNORED, LEAVE_OUT, WEIGHTLESS, Rule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

At = Callable[[str, int, "int | None"], str]
_COMMONLY_IGNORED = (-100, 255)  # torch's default, and what borders and the unknown are in maps of labels


def class_names(bindings: Sequence[Binding], said: tuple[str, ...] = ()) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The classes in the order of the prediction's columns: their headers, without what they all begin with, or else
    the names that are said. And where the headers are these in another order, the column of each name said.
    """
    pred = next((b for b in bindings if b.role == "pred"), None)
    if pred is None:
        return (), ()
    headers = tuple(pred.names) if pred.reader.headed and pred.by_class else ()
    rests = _without_stem(headers)
    if not said:
        return rests, ()
    if not _is_vector(pred):
        check_count(pred, len(pred.columns), said)
    for names in (rests, headers):
        if sorted(names) == sorted(said):
            return names, tuple(names.index(name) for name in said)
    if {*headers, *rests} & {*said} and not _are_numbers(rests):  # numbered columns have no names of their own
        raise UsageError(f"{pred.reader.name}: its columns are {_listed(rests)}, and --classes says {_listed(said)}")
    return said, ()


def check_count(pred: Binding, columns: int, said: Sequence[str]) -> None:
    """There are as many names as columns. Raises UsageError."""
    if columns != len(said):
        has = f"{columns} column{'s' if columns != 1 else ''}"
        raise UsageError(f"{pred.reader.name}: the prediction has {has}, --classes names {len(said)}: {_listed(said)}")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:20]) + (" …" if len(names) > 20 else "")


def _is_vector(binding: Binding) -> bool:
    return any(binding.reader.columns[j].vector for j in binding.columns)


def _without_stem(names: Sequence[str]) -> tuple[str, ...]:
    stem = commonprefix(list(names))  # noqa: RUF071 - character by character is meant
    cut = max(stem.rfind(c) for c in "_-.: ") + 1
    rests = tuple(name[cut:] for name in names)
    return rests if all(rests) else tuple(names)


def _are_numbers(classes: tuple[str, ...]) -> bool:
    return bool(classes) and all(is_integer(c) for c in classes)


def refuse_other_order(bindings: Sequence[Binding]) -> None:
    """Columns that are no classes are paired by position: those of one set of names have to stand in one order."""
    several = [b for b in bindings if b.plays and len(b.columns) > 1 and b.reader.headed]
    by_position = [b for b in several if not (b.by_class and b.role in ("pred", "target"))]
    for first, other in pairwise(by_position):
        names, theirs = _without_stem(first.names), _without_stem(other.names)
        if names != theirs and sorted(names) == sorted(theirs):
            raise InputError(
                f"{other.reader.name}: columns {', '.join(other.names[:10])} stand in another order than "
                f"{', '.join(first.names[:10])} of {first.reader.name}: name them in one order, as in --target-col A,B"
            )


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


@dataclass
class _Range:
    """The least and the largest of the labels that are indices, over all batches, and the first beyond the classes.

    What such a label is likely to mean depends on all of them, so that it is refused when all are known.
    """

    base: int | None
    low: float = inf
    high: float = -inf
    place: str = ""
    label: float = nan

    def see(self, labels: "Array", rows: "Array | slice", classes: int, at: At) -> None:
        """Take the labels in these rows. Raises InputError for what is not whole."""
        written = labels[rows]
        if written.dtype.kind == "f":
            fractions = written != np.floor(written)
            absent = np.isnan(written)  # refused elsewhere
            if (fractions & ~absent).any():
                row = _original(rows, int(np.argmax(fractions & ~absent)))
                raise InputError(f"{at('target', row, None)}: label {format_number(labels[row])} is not an integer")
            written = written[~absent] if absent.any() else written
        if not len(written):
            return
        self.low, self.high = min(self.low, float(written.min())), max(self.high, float(written.max()))
        first = self.base or 0
        if not self.place and (self.low < first or self.high >= first + classes):
            outside = (labels[rows] < first) | (labels[rows] >= first + classes)
            row = _original(rows, int(np.argmax(outside)))
            self.place, self.label = at("target", row, None), float(labels[row])

    def refuse(self, classes: int) -> None:
        if not self.place:
            return
        first = self.base or 0
        said = f" (--label-base {self.base})" if self.base else ""
        outside = f"label {self.label:.0f} is outside {first}..{first + classes - 1}{said}"
        raise InputError(f"{self.place}: {outside}{self._hint(classes)}")

    def _hint(self, classes: int) -> str:
        if self.label in _COMMONLY_IGNORED:
            return f"; --ignore-index {self.label:.0f} leaves such rows out"
        if self.base is None and self.low >= 1 and self.high == classes:
            return "; do the labels count from 1? --label-base 1"
        if self.base and self.low >= 0 and self.high < classes:
            return "; do the labels count from 0?"
        return ""

    def is_doubtful(self, classes: int) -> bool:
        """Whether labels fit, and would fit as well if they counted from 1."""
        return self.base is None and not self.place and 1 <= self.low <= self.high < classes


def _original(rows: "Array | slice", row: int) -> int:
    return row if isinstance(rows, slice) else int(rows[row])


@dataclass
class Labelling:
    """What the targets of a table mean: names or indices of classes, by what is said of them and by the headers.

    `classes` are the names by column, `order` the column of each name that is said, where that differs; `count` is the
    number of columns of the prediction, known with the first batch.
    """

    meaning: Meaning
    pred: Binding | None
    target: Binding | None
    classes: tuple[str, ...]
    order: tuple[int, ...]
    weighing: Weighing | None
    count: int = 0
    _range: _Range = field(default_factory=lambda: _Range(None))

    @staticmethod
    def of(bindings: Sequence[Binding], meaning: Meaning) -> "Labelling":
        """Raises UsageError where what is said does not fit the columns."""
        by_role = {b.role: b for b in bindings}
        target = by_role.get("target")
        classes, order = class_names(bindings, meaning.classes)
        if target and meaning.needs_labels and (len(target.columns) > 1 or _is_vector(target)):
            raise UsageError(
                f"{target.reader.name}: {meaning.needs_labels} needs one column of labels; these targets have a row of "
                "numbers a sample"
            )
        if meaning.labels == TEXT and not classes:
            raise UsageError("--labels text needs the names of the classes: the prediction's headers, or --classes")
        weighing = None if meaning.weights is None else Weighing(meaning.weights)
        return Labelling(
            *(meaning, by_role.get("pred"), target, classes, () if order == tuple(range(len(order))) else order),
            *(weighing, 0, _Range(meaning.base)),
        )

    @property
    def ignoring(self) -> list[Rule]:
        """The rule for labels to be ignored."""
        return [] if self.meaning.ignore is None else [Rule("target", IGNORED, self._is_ignored)]

    @property
    def weightless(self) -> list[Rule]:
        """The rule for classes of weight 0."""
        is_needed = self.weighing is not None and self.weighing.may_be_zero
        return [Rule("target", WEIGHTLESS, self._is_weightless)] if is_needed else []

    @property
    def needs_counts(self) -> bool:
        """Whether the classes of all rows have to be counted before any can be weighed."""
        return self.weighing is not None and self.weighing.needs_counts

    @property
    def is_refused(self) -> bool:
        """Whether a label is known to be beyond the classes."""
        return bool(self._range.place)

    def refuse(self) -> None:
        """Raise InputError for the first label beyond the classes, when all labels are known."""
        self._range.refuse(self.count)

    @property
    def notes(self) -> list[str]:
        """What a careful reader would want to know of the labels, when all are known."""
        if self.target is None or self.meaning.ignore == 0 or not self._range.is_doubtful(self.count):
            return []  # that no label is 0 is what was asked for, where such rows are left out
        return [f"{self.target.reader.name}: no label is 0; do they count from 1? --label-base 1"]

    def read(self, values: "Mapping[str, Any]") -> dict[str, Any]:
        """The values of all roles, with texts such as NA as missing where they are the name of no class."""
        if "pred" not in values or "target" not in values:
            return dict(values)
        if not self.count:
            self._begin(values["pred"])
        target = values["target"]
        if isinstance(target, Labels) and self.meaning.labels != TEXT:
            target = _without_missing(target, self.classes)
        elif not isinstance(target, Labels) and target.dtype == object and self.target and self.target.labels:
            target = floats(target)  # integers and None
        return {**values, "target": target}

    def _begin(self, pred: "Array") -> None:
        """The number of classes is known now."""
        self.count = pred.shape[1] if pred.ndim == 2 else 1
        if self.meaning.classes and self.pred:
            check_count(self.pred, self.count, self.meaning.classes)
        base, classes = self.meaning.base or 0, max(self.count, 2)  # one column is the probability of class 1
        numbered = tuple(str(k + base) for k in range(classes))
        if base and not self.classes:
            self.classes = numbered if self.count > 1 else ()
        if self.weighing:
            self.weighing.name(self.classes or numbered)

    def numbers(self, values: "Array | Labels", at: At) -> "Array":
        """Targets as a loss takes them: labels as columns of the prediction, soft targets as they are."""
        if self.meaning.labels == ZERO_ONE and not isinstance(values, Labels):
            return _signs(values, at)
        if isinstance(values, Labels):
            return self._of_text(values, at)
        if self.target is None or not self.target.labels:
            return values
        if self._are_names and not np.isnan(labels := floats(values)).any():
            distinct, codes = np.unique(values if values.dtype.kind in "iu" else labels, return_inverse=True)
            return self._of_text(Labels(codes, tuple(canonical(v) for v in distinct.tolist())), at)
        return self._counted(values, slice(None), at)

    @property
    def _are_names(self) -> bool:
        """Whether numbers are names: where that is said, or all classes are numbers and nothing is said."""
        is_said = self.meaning.labels == INTEGERS or self.meaning.base is not None
        return self.meaning.labels == TEXT or (not is_said and _are_numbers(self.classes))

    def _of_text(self, values: Labels, at: At) -> "Array":
        if (values.codes < 0).any():
            place = at("target", int(np.argmax(values.codes < 0)), None)
            raise InputError(f"{place}: missing label; {LEAVE_OUT}")
        meant = [self._meant(name) for name in values.names]
        numbers = np.array([number for number, _ in meant], np.float64)[values.codes]
        if np.isnan(numbers).any():
            row = int(np.argmax(np.isnan(numbers)))
            self._refuse(values.names[int(values.codes[row])], at("target", row, None))
        return self._counted(numbers, np.flatnonzero(np.array([i for _, i in meant], bool)[values.codes]), at)

    def _meant(self, name: str) -> tuple[float, bool]:
        """The column of a class that the text names, or the index that it is, and which of the two; else NaN."""
        is_said = self.meaning.labels == INTEGERS or self.meaning.base is not None
        for spelling in () if is_said else (name,) if self.meaning.labels == TEXT else (name, name.removesuffix(".0")):
            if spelling in self.classes:
                return float(self.classes.index(spelling)), False
        number = None if self._are_names else parse_number(name)
        return (nan, False) if number is None else (float(number), True)

    def _refuse(self, label: str, place: str) -> None:
        if self.meaning.labels == INTEGERS or self.meaning.base is not None:
            option = f"--labels {INTEGERS}" if self.meaning.labels else f"--label-base {self.meaning.base}"
            raise InputError(f"{place}: label '{label}' is not an integer, and {option} says that labels are indices")
        known = f"the classes are {_listed(self.classes)}"
        if not self.classes:
            known = "the prediction's columns have no names to match; --classes a,b,c names them"
            known = known if self.count > 1 else "beside one column of probabilities, labels are 0 and 1"
        ignored = f"; --ignore-index {label} leaves such rows out" if label in map(str, _COMMONLY_IGNORED) else ""
        raise InputError(f"{place}: label '{label}' is no class{near(label, self.classes)}; {known}{ignored}")

    def _counted(self, labels: "Array", rows: "Array | slice", at: At) -> "Array":
        """Labels whose `rows` are indices as they are written: counted from 0, in the order of the columns."""
        labels = labels if labels.dtype.kind in "iu" else floats(labels)
        if self.count > 1:  # one column is a probability, and so may be its target
            self._range.see(labels, rows, self.count, at)
        if not (self.meaning.base or self.order) or self.is_refused:
            return labels
        found = floats(labels).copy()
        found[rows] -= self.meaning.base or 0
        if self.order:
            known = np.arange(len(found))[rows]
            known = known[~np.isnan(found[known])]
            found[known] = np.array(self.order, np.float64)[found[known].astype(np.intp)]
        return found

    def one_hot(self, labels: "Array") -> "Array":
        """A column a class of labels that are indices: 1 where a row is of the class, 0 elsewhere, NaN for no label."""
        found = floats(labels)[:, None]
        columns: Array = np.where(np.isnan(found), found, found == np.arange(self.count))
        return columns

    def _is_ignored(self, values: "Array | Labels", at: At) -> "Array":
        """Labels as they are written that are to be ignored."""
        ignored = self.meaning.ignore
        if not isinstance(values, Labels):
            equal: Array = values == ignored
            return equal
        if self.meaning.labels == TEXT:
            by_name = [name == str(ignored) for name in values.names]
        else:
            by_name = [parse_number(name) == ignored for name in values.names]
        by_code: Array = np.array([*by_name, False])[values.codes]
        return by_code

    def _is_weightless(self, values: "Array | Labels", at: At) -> "Array":
        columns = self.numbers(values, at)
        if self.weighing is None or self.is_refused:
            return np.zeros(len(columns), bool)
        return self.weighing.is_absent(columns)

    def weigh(self, weight: "Array | None", target: "Array", at: At) -> "Array | None":
        """The weights of samples times those of their classes."""
        if self.weighing is None or self.needs_counts or self.is_refused or np.isnan(floats(target)).any():
            return weight  # what is refused or missing is never weighed
        return self.weighing.times(weight, self.columns(target, at), lambda row: at("target", row, None))

    def balance(self, batches: "Iterable[tuple[Array, At]]") -> None:
        """Count the classes of all rows, for weights that balance them."""
        if self.weighing:
            self.weighing.count(self.columns(target, at) for target, at in batches)

    def columns(self, target: "Array", at: At) -> "Array":
        """The class of each sample. Raises InputError for a target between two classes."""
        found = floats(as_rows(target))
        if self.count == 1 and (soft := (found != 0) & (found != 1)).any():
            row = int(np.argmax(soft))
            shown = format_number(found[row])
            raise InputError(f"{at('target', row, None)}: {shown} is no class; --class-weight takes targets 0 and 1")
        return found


def _without_missing(labels: Labels, classes: Sequence[str]) -> Labels:
    """Texts such as NA are missing values, unless they name a class."""
    absent = [name.lower() in MISSING and name not in classes for name in labels.names]
    if not any(absent):
        return labels
    return Labels(np.where(np.array([*absent, True])[labels.codes], -1, labels.codes), labels.names)


def _signs(values: "Array", at: At) -> "Array":
    """Targets 0 and 1 as -1 and 1. Raises InputError for any other."""
    found = floats(values)
    wrong = ~((found == 0) | (found == 1) | np.isnan(found))
    if wrong.any():
        index = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
        place = at("target", int(index[0]), int(index[1]) if wrong.ndim == 2 else None)
        raise InputError(f"{place}: {format_number(found[index])} is not 0 or 1, as --labels 01 says")
    signs: Array = 2 * found - 1
    return signs
