"""A linear head: predictions X W + b, found among arrays by their usual names, and the gradient in W and b; and the
features X, whose rows go with those of the targets.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from losscli.columns import Binding, alike, bind
from losscli.errors import InputError
from losscli.exact import Exact, root
from losscli.formats import BLOCK, Block, Reader
from losscli.formats.paths import named
from losscli.formats.source import check_held
from losscli.kinds import Role
from losscli.kinds.checks import first, floats
from losscli.lazy import np
from losscli.pairing import Alike, Pairing, Stream
from losscli.registry import Loss
from losscli.tensors import Tensors

if TYPE_CHECKING:
    from losscli.registry import Array

FEATURES = Role("features", vector=True, entries="features")
# the last part of the names of members, in the README too
WEIGHTS = ("w", "weight", "weights", "coef", "coef_", "kernel")
BIASES = ("b", "bias", "biases", "intercept", "intercept_")


@dataclass(frozen=True)
class Head:
    """Weights (d,) or (d, k), and perhaps a bias, one number or (k,), by the names that they have in their file."""

    weight: str
    bias: str | None
    arrays: "Mapping[str, Array]"

    @staticmethod
    def of(where: str, tensors: Tensors) -> "Head":
        """The head among arrays: by usual names, or an array alone. Raises InputError for any that is neither."""
        if len(tensors) == 1:
            return Head._of(next(iter(tensors)), None, tensors)
        weights = [name for name in tensors if _last(name) in WEIGHTS]
        biases = [name for name in tensors if _last(name) in BIASES]
        if len(weights) != 1 or len(biases) > 1 or len(tensors) > len(weights) + len(biases):
            raise InputError(
                f"{where}: is no linear head alone, weights W and perhaps a bias b: it has {named(list(tensors))}"
            )
        return Head._of(weights[0], biases[0] if biases else None, tensors)

    @staticmethod
    def _of(weight: str, bias: str | None, tensors: Tensors) -> "Head":
        return Head(weight, bias, {name: values.astype(np.float64) for name, values in tensors.items()})

    def check(self, where: str, features: int) -> None:
        """Raises InputError where the shapes do not go with one another, or with so many features."""
        w, place = self.arrays[self.weight], f"{where}: {self.weight}"
        if w.ndim not in (1, 2) or not w.size:
            raise InputError(f"{place} has shape {w.shape}; a linear head has (features,) or (features, outputs)")
        if len(w) != features and w.ndim == 2 and w.shape[1] == features:
            raise InputError(
                f"{place} has shape {w.shape}, (outputs, features) as torch and scikit-learn keep it; here it is "
                f"(features, outputs): write the transposed array, {self.weight}.T"
            )
        if len(w) != features:
            needed = f"({features},) or ({features}, outputs)"
            raise InputError(f"{place} has shape {w.shape}, and there are {features} features: {needed} is needed")
        if self.bias is None:
            return
        b, outputs = self.arrays[self.bias], w.shape[1:]
        if b.shape not in ((outputs,) if outputs else ((), (1,))):
            wanted = f"({outputs[0]},)" if outputs else "one number"
            raise InputError(f"{where}: {self.bias} has shape {b.shape}; beside {self.weight} {w.shape} it is {wanted}")

    @property
    def is_square(self) -> bool:
        """Whether nobody can see if it is transposed."""
        shape = self.arrays[self.weight].shape
        return len(shape) == 2 and shape[0] == shape[1] > 1

    def outputs(self, features: "Array") -> "Array":
        """X W + b, (n,) or (n, k)."""
        with np.errstate(all="ignore"):  # what diverges is told by its loss
            found: Array = features @ self.arrays[self.weight]
            return found if self.bias is None else found + self.arrays[self.bias]

    def gradient(self, features: "Array", outer: "Array") -> "dict[str, Array]":
        """Xᵀg and Σg, of the gradient g in the predictions."""
        with np.errstate(all="ignore"):
            found = {self.weight: features.T @ outer}
            if self.bias is not None:
                found[self.bias] = outer.sum(axis=0).reshape(self.arrays[self.bias].shape)
        return found

    def moved(self, gradient: Tensors, rate: float) -> "Head":
        """After a step against the gradient."""
        with np.errstate(all="ignore"):
            arrays = {name: values - rate * gradient[name] for name, values in self.arrays.items()}
        return Head(self.weight, self.bias, arrays)


def _last(name: str) -> str:
    """`weight` of torch's `head.weight`, `kernel` of Keras's `dense/kernel:0`."""
    return re.split(r"[./]", name.lower())[-1].partition(":")[0]


def squared_norm(tensors: Tensors) -> "Fraction | float":
    """The sum of the squares of all entries, exactly; infinite or NaN where one is."""
    sums = [Exact.of(values, values) for values in tensors.values()]
    special = sum(one.special for one in sums)
    return special or sum((one.fraction for one in sums), Fraction())


def norm(squared: "Fraction | float") -> float:
    """The Euclidean norm of what has that sum of squares."""
    return squared if isinstance(squared, float) else root(squared)


def features_of(readers: Sequence[Reader], loss: Loss, chosen: Mapping[str, Any], max_bytes: int) -> "Array":
    """X, (n, d), whose rows go with those of the targets. Raises InputError for the first value that is missing or
    infinite, with its place.
    """
    if readers[0].rows is not None:
        check_held(readers[0].name, 8 * readers[0].rows * len(readers[0].columns), max_bytes, "is held whole")
    roles = FEATURES, loss.kind.roles[1]
    names = [role.name for role in roles]
    bindings = bind(roles, dict(zip(names, readers, strict=True)), {n: chosen[n] for n in names if n in chosen})
    pairing = Pairing(readers, [Alike(*found) for found in alike(readers, bindings)])
    try:
        paired = pairing.paired([Stream(b.reader, [b.pick]) for b in bindings], BLOCK)
        return np.concatenate([_finite(rows.blocks[0], bindings[0]) for rows in paired])
    except InputError as error:
        raise InputError(str(error).partition(", or say --id")[0]) from None  # which is not to be had here


def _finite(block: Block, binding: Binding) -> "Array":
    values = floats(block.values[0])
    bad = ~np.isfinite(values)
    if bad.any():
        row, column = first(bad)
        what = "a missing value" if np.isnan(values[bad][0]) else "an infinite value"
        raise InputError(f"{block.at(row)}: {what} in column {binding.names[column or 0]}; features are finite numbers")
    return values if values.ndim == 2 else values[:, None]
