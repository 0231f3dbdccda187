"""A loss's parameters: what its annotations say of them, and how a value is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import signature
from math import inf, isnan
from numbers import Real
from types import MappingProxyType
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
    """A loss's parameter: a number, one of a few words, or true or false, which are its choices then."""

    name: str
    default: Any = field(compare=False)  # two losses may share an option and differ in what is the default
    rule: Param
    choices: tuple[str, ...] = ()

    def parse(self, given: Any) -> Any:
        """The value, from text or from Python; a UsageError says what is allowed."""
        if self.choices:
            word = canonical(given)
            if word not in self.choices:
                raise UsageError(f"{self.name}={given}: {self.name} is one of {', '.join(self.choices)}")
            return word == "true" if self.choices == _TRUTHS else word
        value = parse_limit(given) if isinstance(given, str) else given
        if not isinstance(value, Real) or isinstance(value, bool):
            raise UsageError(f"{self.name}={given}: not a number")
        if not self.rule.allows(_as_float(value)):
            raise UsageError(f"{self.name}={given}: {self.name} must be {self.rule.limits or 'a number'}")
        return _as_float(value)


def _as_float(value: Real) -> float:
    try:
        return float(value)
    except OverflowError:
        return inf if value > 0 else -inf  # type: ignore[operator]


def parameters_of(function: Callable[..., Any]) -> Mapping[str, Parameter]:
    """The keyword-only arguments of a loss function, by name."""
    parameters = {}
    for name, argument in signature(function).parameters.items():
        if argument.kind is argument.KEYWORD_ONLY:
            type_, rule = get_args(argument.annotation)
            choices = get_args(type_) if get_origin(type_) is Literal else _TRUTHS if type_ is bool else ()
            parameters[name] = Parameter(name, argument.default, rule, choices)
    return MappingProxyType(parameters)
