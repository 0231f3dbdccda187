"""What the laws share: every loss of the registry at its default and off-default parameters, and valid data for it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import losscli
from losscli.errors import InputError
from losscli.kinds import REAL
from losscli.parameters import Parameter
from losscli.registry import Definition, Loss, definitions, get
from losscli.results import Result

ALL_VARIANTS = [spec for found in definitions().values() for spec in (found.name, *found.also)]
VARIANTS = [spec for spec in ALL_VARIANTS if get(spec).scope == "row" and not get(spec).kind.is_sequential]
SEQUENTIAL = [spec for spec in ALL_VARIANTS if get(spec).kind.is_sequential]  # their laws are in test_sequences.py
GATHERED = [spec for spec in ALL_VARIANTS if get(spec).scope != "row"]
DERIVED = [spec for spec in VARIANTS if not get(spec).definition.underived]
ROWS = 40
MANY = 11  # outputs or classes: more than the eight that NumPy adds up in one go


def seldom(specs: Sequence[str]) -> list[Any]:
    """As parameters of a test that is about the engine more than about the loss: one loss of each kind and shape every
    time, the others with what takes long.
    """
    seen: set[Any] = set()
    found = []
    for spec in specs:
        loss = get(spec)
        shape = loss.kind.name, loss.finish, loss.definition.degree is None, loss.params.get("form", "")
        found.append(pytest.param(spec, marks=[pytest.mark.slow] if shape in seen else [], id=spec))
        seen.add(shape)
    return found


one_of_each_kind = pytest.mark.parametrize("spec", seldom(VARIANTS))
every_derived = pytest.mark.parametrize("spec", DERIVED)
every_variant = pytest.mark.parametrize("spec", VARIANTS)
every_loss = pytest.mark.parametrize("definition", definitions().values(), ids=definitions())


@dataclass(frozen=True)
class Data:
    """Valid arrays for the roles of a loss, in order."""

    loss: Loss
    arrays: Sequence[Any]
    label: str

    @property
    def checked(self) -> list[Any]:
        return self.loss.check(self.arrays)

    def take(self, rows: Any) -> "Data":
        return Data(self.loss, [a[rows] for a in self.arrays], self.label)


def random_data(loss: Loss, rows: int = ROWS, outputs: int = 1, seed: int = 1) -> Data:
    """What the loss's kind draws."""
    rng = np.random.default_rng(seed)
    return Data(loss, loss.kind.sample(rng, loss.params, rows, outputs), f"{outputs} outputs")


def soft_data(loss: Loss, rows: int = ROWS, classes: int = 3, seed: int = 2) -> Data | None:
    """Distributions in place of class labels, for the losses that take both; some parameters are for one column, and
    some losses of labels take nothing else.
    """
    labels = [role.labels for role in loss.kind.roles]
    if not any(labels):
        return None
    rng = np.random.default_rng(seed)
    drawn = loss.kind.sample(rng, loss.params, rows, classes)
    if all(a.ndim == 1 for a in drawn):
        return None
    classes = drawn[0].shape[1]  # a kind may need more
    soft = rng.dirichlet(np.full(classes, 0.5), rows)
    arrays = [soft if label else a for a, label in zip(drawn, labels, strict=True)]
    try:
        loss.check(arrays)
    except InputError:
        return None
    return Data(loss, arrays, f"{classes} soft classes")


def all_data(loss: Loss, rows: int = ROWS) -> Iterator[Data]:
    """One, three and many outputs; hard and soft targets."""
    for outputs in (1, 3, MANY):
        yield random_data(loss, rows, outputs)
    for classes in (2, MANY):
        if soft := soft_data(loss, rows, classes):
            yield soft


def wild_data(loss: Loss, rows: int = ROWS, outputs: int = 3, seed: int = 3) -> Data:
    """Data whose real-valued roles span the range of float64, from subnormal to nearly infinite."""
    rng = np.random.default_rng(seed)
    drawn = loss.kind.sample(rng, loss.params, rows, outputs)
    real = [role.allowed(loss.params) == REAL for role in loss.kind.roles]
    wide = [a * 10.0 ** rng.uniform(-320, 306, a.shape) if r else a for a, r in zip(drawn, real, strict=True)]
    return Data(loss, uncrossed(loss, wide), "wild")


def uncrossed(loss: Loss, arrays: list[Any]) -> list[Any]:
    """The arrays, with the ends of intervals in their order."""
    names = loss.kind.role_names
    if names[:2] != ("lower", "upper"):
        return arrays
    return [np.minimum(*arrays[:2]), np.maximum(*arrays[:2]), *arrays[2:]]


def cutting_data(loss: Loss, rows: int = ROWS) -> Iterator[Data]:
    """Data on which a sum in another order, or a scale that depends on its neighbours, would show."""
    yield from all_data(loss, rows)
    yield wild_data(loss, rows)
    yield wild_data(loss, rows, MANY)


def evaluated(data: Data, **options: Any) -> Result:
    """The result of `losscli.evaluate` on the data."""
    roles = {role: a for role, a in zip(data.loss.kind.role_names, data.arrays, strict=True) if is_there(a)}
    return losscli.evaluate(data.loss, **roles, **options).results[0]


def is_there(array: Any) -> bool:
    """Whether a role is there: an optional one that is not is (n, 0)."""
    return np.shape(array)[1:] != (0,)


def bits(result: Result) -> tuple[Any, ...]:
    """All that a result says of the numbers, to the last bit and to the sign of a zero."""
    floats = (result.value, result.std, result.min, result.max)
    return (*(None if f is None else f.hex() for f in floats), result.weight, result.infinite)


def same_bits(left: Any, right: Any) -> bool:
    """Equal shapes and bytes."""
    return left.shape == right.shape and left.dtype == right.dtype and left.tobytes() == right.tobytes()


def numeric(definition: Definition) -> Iterator[Parameter]:
    """The parameters that are numbers."""
    return (p for p in definition.params.values() if not p.choices)


def is_difference(loss: Loss) -> bool:
    """Whether any number may be predicted for any other, and only their difference counts."""
    pair = loss.kind.roles[:2]
    is_pair = [role.name for role in pair] == ["pred", "target"]
    are_numbers = all(role.allowed(loss.params) == REAL and not role.vector for role in pair)
    is_error = "pred - target" in loss.kind.shapes
    return is_pair and are_numbers and is_error and random_data(loss, rows=2).arrays[0].ndim == 1


def arrays_of(derivative: Any) -> list[Any]:
    """The arrays of a derivative, one for each prediction."""
    return list(derivative.values()) if isinstance(derivative, dict) else [derivative]


def computed(loss: Loss, *arrays: Any) -> list[Any]:
    """Value, gradients and Hessian diagonals of each sample."""
    if loss.definition.underived:
        return [loss.value(*arrays)]
    return [loss.value(*arrays), *arrays_of(loss.gradient(*arrays)), *arrays_of(loss.hessian(*arrays))]


def all_same_bits(left: list[Any], right: list[Any]) -> bool:
    """Equal shapes and bytes, array for array."""
    return len(left) == len(right) and all(map(same_bits, left, right))
