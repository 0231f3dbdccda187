"""What is asked for: a loss, or a weighted sum of losses on the same samples (`dice + 0.5 * bce`)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from losscli.errors import UsageError
from losscli.lazy import np
from losscli.literals import canonical, parse_number
from losscli.registry import Loss, get_all, per_sample

if TYPE_CHECKING:
    from losscli.registry import Array

_HOW = "write a sum of losses as 'dice + 0.5 * bce', with spaces round + and *"
_TERM = re.compile(r"(?:(?P<factor>\S+) \* )?(?P<spec>\S+)")


@dataclass(frozen=True)
class Objective:
    """Terms, each a factor and a loss. `str` is its canonical text; a single loss with factor 1 is that loss."""

    terms: tuple[tuple[float, Loss], ...]

    def __str__(self) -> str:
        text = ""
        for factor, loss in self.terms:
            sign = " - " if factor < 0 and text else " + " if text else ""
            size = abs(factor) if sign else factor
            text += sign + (str(loss) if size == 1 else f"{canonical(size)} * {loss}")
        return text

    @property
    def losses(self) -> list[Loss]:
        return [loss for _, loss in self.terms]

    @property
    def is_sum(self) -> bool:
        """Whether it is more than a plain loss."""
        return len(self.terms) > 1 or self.terms[0][0] != 1

    @property
    def is_aggregate(self) -> bool:
        """Whether some term is no mean of samples' losses."""
        return any(loss.finish or loss.scope == "whole" for loss in self.losses)

    @property
    def is_gathered(self) -> bool:
        """Whether rows have no losses of their own: groups of them have, or only the whole."""
        return any(loss.scope != "row" for loss in self.losses)

    @property
    def predictions(self) -> tuple[str, ...]:
        """The roles that derivatives are with respect to."""
        return tuple(dict.fromkeys(role for loss in self.losses for role in loss.kind.predictions))

    def combined(self, values: "Sequence[tuple[Array, ...]]") -> "Array":
        """Each sample's loss (for an aggregate its first term), from the terms of each loss."""
        with np.errstate(invalid="ignore", over="ignore"):  # an infinite loss is an answer, and a NaN too
            parts = [
                per_sample(terms[0]) if factor == 1 else factor * per_sample(terms[0])
                for (factor, _), terms in zip(self.terms, values, strict=True)
            ]
            total = parts[0]
            for part in parts[1:]:
                total = total + part
        return total


def parse(specs: Sequence[str], options: Mapping[str, str] | None = None) -> list[Objective]:
    """What the SPECs ask for; an option goes to every loss in them that has it. Raises UsageError."""
    split = [_split(spec) for spec in specs]
    losses = iter(get_all([name for terms in split for _, name in terms], options or {}))
    return [Objective(tuple((factor, next(losses)) for factor, _ in terms)) for terms in split]


def _split(spec: str) -> list[tuple[float, str]]:
    """Factors and losses of an expression whose operators stand between spaces."""
    parts = re.split(r" ([+-]) ", " ".join(spec.split()))
    signs = [1.0, *(1.0 if sign == "+" else -1.0 for sign in parts[1::2])]
    return [_term(sign, part, spec) for sign, part in zip(signs, parts[::2], strict=True)]


def _term(sign: float, text: str, spec: str) -> tuple[float, str]:
    match = _TERM.fullmatch(text)
    if match is None:
        raise UsageError(f"'{spec}': {_HOW}")
    if any(sign in match["spec"].partition(":")[0] for sign in "+*"):
        raise UsageError(f"'{spec}': {_HOW}")
    factor = 1.0 if match["factor"] is None else parse_number(match["factor"])
    if factor is None or not abs(factor) < float("inf") or factor == 0:
        raise UsageError(f"'{spec}': the factor '{match['factor']}' is not a finite number other than 0")
    return sign * factor, match["spec"]
