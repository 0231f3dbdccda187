"""The independent definition of every loss, looked up by the loss."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from mpmath import mp, mpf

from losscli.registry import Loss
from tests.reference.exact import DIGITS, Aggregate, Definition, Reference, Sum

_MODULES = [import_module(f"tests.reference.{path.stem}") for path in Path(__file__).parent.glob("definitions*.py")]
DEFINITIONS: Mapping[str, Definition] = {name: d for m in _MODULES for name, d in m.DEFINITIONS.items()}


def reference(loss: Loss, digits: int = DIGITS) -> Reference:
    """The definition of a row's or an element's loss, with the loss's parameters."""
    return _bound(DEFINITIONS[loss.name], loss, digits)


def references(loss: Loss, digits: int = DIGITS) -> list[Reference]:
    """The definitions of what `loss.terms` gives: the loss, or for an aggregate what each of its sums adds up."""
    sums = aggregate(loss).sums if loss.finish else (DEFINITIONS[loss.name],)
    return [_bound(definition, loss, digits) for definition in sums]


def aggregate(loss: Loss) -> Aggregate:
    """How an aggregate comes from its sums."""
    found = DEFINITIONS[loss.name].aggregate
    assert found, f"{loss} is defined for a row only"
    return found


def numbers(loss: Loss) -> dict[str, Any]:
    """The loss's parameters, numbers among them exactly."""
    return {
        key: mpf(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value
        for key, value in loss.params.items()
    }


def mean(loss: Loss, items: Sequence[Sequence[Any]], weights: Sequence[float] | None = None) -> Sum:
    """Σwℓ/Σw over elements or rows, each a list of its roles; for an aggregate what it makes of its sums."""
    with mp.workdps(DIGITS):
        given = [mpf(w) for w in weights] if weights is not None else [mpf(1)] * len(items)
        found = [[exact.value(roles) for roles in items] for exact in references(loss)]
        values = [sum(w * s.value for w, s in zip(given, sums, strict=True)) for sums in found]
        sizes = [sum(w * s.size for w, s in zip(given, sums, strict=True)) for sums in found]
        if loss.finish is None:
            return Sum(values[0] / sum(given), sizes[0] / sum(given))
        finish = aggregate(loss).finish
        return Sum(*(finish(sums, sum(given), **numbers(loss)) for sums in (values, sizes)))


def _bound(definition: Definition, loss: Loss, digits: int) -> Reference:
    return Reference(definition, numbers(loss), digits)
