"""What may be true of all rows so far: each fact is looked at until the first row that contradicts it.

A scan that contradicts every fact in its first rows costs nothing from there on, however long it is.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.kinds.likeness import add_up, are_log_probabilities
from losscli.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

_GLANCE = 8  # rows that are looked at before a whole block is


class Fact(NamedTuple):
    """A name among `_TESTS`, and the role whose values it is about; for `equal` the other role too."""

    name: str
    role: str
    other: str = ""

    def holds(self, arrays: "Mapping[str, Array]", firsts: "Mapping[str, Array]") -> bool:
        """Whether it is true of these rows, `firsts` being the first row of all."""
        if self.name == "equal":
            return _are_equal(arrays[self.role], arrays[self.other])
        values = arrays[self.role]
        if self.name == "constant":
            return _is_constant(values[-_GLANCE:], firsts[self.role]) and _is_constant(values, firsts[self.role])
        test = _TESTS[self.name]
        return test(values[:_GLANCE]) and test(values)


def _are_equal(values: "Array", others: "Array") -> bool:
    if values.shape != others.shape:
        return False
    return np.array_equal(values[:_GLANCE], others[:_GLANCE]) and np.array_equal(values, others)


def _is_constant(values: "Array", first: "Array") -> bool:
    return bool((values == first).all())


def _is_in_unit(values: "Array") -> bool:
    return bool(values.min() >= 0 and values.max() <= 1)


def _adds_up(values: "Array") -> bool:
    return values.ndim == 2 and add_up(values)


def _is_log(values: "Array") -> bool:
    return values.ndim == 2 and are_log_probabilities(values)


def _is_hard(values: "Array") -> bool:
    return bool(((values == 0) | (values == 1)).all())


def _is_whole(values: "Array") -> bool:
    return bool((values == np.floor(values)).all())


_TESTS = {"unit": _is_in_unit, "adds up": _adds_up, "log": _is_log, "hard": _is_hard, "whole": _is_whole}
