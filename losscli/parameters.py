"""A loss's parameters: what its annotations say of them, and how a value is read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isnan
from numbers import Real
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Literal, NamedTuple, get_args, get_origin

from losscli.errors import UsageError
from losscli.literals import canonical, parse_limit


class Param(NamedTuple):
    """What an annotation says of a parameter: help in a few words, and limits."""

    help: str
    gt: float | None = None
    ge: float | None = None
    lt: float | None = None
    le: float | None = None

    @property
    def limits(self) -> str:
        """The limits in words, such as `> 0` or `0 <= x < 1`; empty when there are none."""
        low = f"> {self.gt:g}" if self.gt is not None else f">= {self.ge:g}" if self.ge is not None else ""
        high = f"< {self.lt:g}" if self.lt is not None else f"<= {self.le:g}" if self.le is not None else ""
        return " and ".join(part for part in (low, high) if part)

    def allows(self, value: float) -> bool:
        """Whether the value lies within the limits; NaN never does."""
        return (
            not isnan(value)
            and (self.gt is None or value > self.gt)
            and (self.ge is None or value >= self.ge)
            and (self.lt is None or value < self.lt)
            and (self.le is None or value <= self.le)
        )


_TRUTHS = ("true", "false")


@dataclass(frozen=True)
class Parameter:
    """A loss's parameter: a number, one of a few words, or true or false, which are its choices then.

    Numbers may have to be `whole`; `optional` ones may be none; where there may be `several`, text has a slash between
    them (0.1/0.5/0.9), and one alone is a plain number.
    """

    name: str
    default: Any = field(compare=False)  # two losses may share an option and differ in what is the default
    rule: Param
    choices: tuple[str, ...] = ()
    whole: bool = False
    optional: bool = False
    several: bool = False

    def parse(self, given: Any) -> Any:
        """The value, from text or from Python; a UsageError says what is allowed."""
        if self.choices:
            word = canonical(given)
            if word not in self.choices or not isinstance(given, (str, Real)):
                raise UsageError(f"{self.name}={given}: {self.name} is one of {', '.join(self.choices)}")
            return word == "true" if self.choices == _TRUTHS else word
        if self.optional and canonical(given).lower() == "none":
            return None
        items = self._items(given)
        numbers = tuple(self._number(item, given) for item in items)
        return numbers if len(numbers) > 1 else numbers[0]

    def _items(self, given: Any) -> Sequence[Any]:
        if self.several and isinstance(given, str):
            return given.split("/")
        is_list = self.several and isinstance(given, Sequence) and not isinstance(given, str) and len(given) > 0
        return given if is_list else [given]

    def _number(self, item: Any, given: Any) -> float | int:
        value = parse_limit(item) if isinstance(item, str) else item
        if not isinstance(value, Real) or isinstance(value, bool):
            hint = "; several have a slash between them: 0.1/0.5/0.9" if self.several else ""
            raise UsageError(f"{self.name}={canonical(given)}: not a number{hint}")
        number = _as_float(value)
        if not self.rule.allows(number):
            raise UsageError(f"{self.name}={canonical(given)}: {self.name} must be {self.rule.limits or 'a number'}")
        if not self.whole:
            return number
        if not number.is_integer():
            raise UsageError(f"{self.name}={canonical(given)}: {self.name} must be a whole number")
        return int(number)


def _as_float(value: Real) -> float:
    try:
        return float(value)
    except OverflowError:
        return inf if value > 0 else -inf  # type: ignore[operator]


def parameters_of(function: Callable[..., Any]) -> Mapping[str, Parameter]:
    """The keyword-only arguments of a loss function, by name."""
    said = function.__annotations__
    defaults: Mapping[str, Any] = function.__kwdefaults__ or {}  # `inspect.signature` takes ten times as long
    return MappingProxyType(
        {name: _parameter(name, default, *get_args(said[name])) for name, default in defaults.items()}
    )


def _parameter(name: str, default: Any, type_: Any, rule: Param) -> Parameter:
    parts = get_args(type_) if isinstance(type_, UnionType) else (type_,)
    if get_origin(type_) is Literal:
        return Parameter(name, default, rule, get_args(type_))
    if type_ is bool:
        return Parameter(name, default, rule, _TRUTHS)
    return Parameter(name, default, rule, (), int in parts, NoneType in parts, tuple[float, ...] in parts)
