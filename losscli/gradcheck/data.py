"""The predictions and targets that a user's gradient is for, and our gradients for them."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from losscli.columns import Binding
from losscli.engine import evaluate
from losscli.errors import InputError
from losscli.formats import BLOCK
from losscli.lazy import np
from losscli.objectives import Objective
from losscli.registry import Loss, outputs_of
from losscli.scan import checked_arrays
from losscli.tables import Table

if TYPE_CHECKING:
    from losscli.registry import Array


@dataclass(frozen=True)
class Data:
    """Predictions and targets as they were read, without the rows of weight 0, which `total` counts too."""

    loss: Loss
    of: str
    arrays: "Mapping[str, Array]"
    weight: "Array | None"
    rows: "Array"
    total: int
    allow_inf: bool

    @staticmethod
    def read(loss: Loss, of: str, bindings: Sequence[Binding], allow_inf: bool) -> "Data":
        table, objective = Table(bindings, BLOCK), Objective(((1.0, loss),))
        batches = []
        for batch in table.batches():
            checked_arrays(objective, batch, allow_inf)  # refuses a value with its place in the file
            batches.append(batch)
        if not batches:
            raise InputError("every row has weight 0; a mean needs some weight")
        arrays = {role: np.concatenate([b.arrays[role] for b in batches]) for role in loss.kind.role_names}
        weights = [b.weight for b in batches if b.weight is not None]
        rows = np.concatenate([np.asarray(b.rows) for b in batches])
        weight = np.concatenate(weights) if weights else None
        return Data(loss, of, arrays, weight, rows, table.rows, allow_inf)

    @staticmethod
    def read_both(loss: Loss, of: str, bindings: Sequence[Binding], allow_inf: bool) -> "tuple[Data, Data | None]":
        """What the bindings hold; where rows have weights, the same once more as if they had none."""
        data, rest = Data.read(loss, of, bindings, allow_inf), [b for b in bindings if b.role != "weight"]
        if len(rest) < len(bindings):
            with suppress(InputError):  # a row of weight 0 need not be valid
                return data, Data.read(loss, of, rest, allow_inf)
        return data, None

    @property
    def checked(self) -> "list[Array]":
        return self.loss.check(list(self.arrays.values()), self.allow_inf)

    @property
    def n(self) -> int:
        return len(self.rows)

    @property
    def weights(self) -> "Array":
        return np.ones(self.n) if self.weight is None else self.weight

    @property
    def value(self) -> float:
        roles: dict[str, Any] = {**self.arrays, "weight": self.weight}
        return evaluate(self.loss, allow_inf=self.allow_inf, spread=False, **roles).value

    @cached_property
    def outputs(self) -> int:
        return outputs_of(self.loss.terms(self.checked)[0])

    @property
    def unit(self) -> "Array":
        """(n, 1): what each sample's own derivatives are multiplied by in those of the mean, w/(D·Σw)."""
        unit: Array = self.weights / (self.outputs * self.weights.sum())
        return unit[:, None]

    def placed(self, values: "Array") -> "Array":
        """(total, d): the rows where they stand in the file, 0 where a row is absent."""
        full = np.zeros((self.total, *values.shape[1:]) if values.ndim > 1 else (self.total, 1))
        full[self.rows] = values if values.ndim > 1 else values[:, None]
        return full

    def gradients(self, loss: Loss | None = None, **changed: "Array") -> "dict[str, tuple[Array, Array]]":
        """By prediction: the gradient of the mean, and for each entry the numbers whose rounding it is exposed to."""
        loss, arrays = loss or self.loss, {**self.arrays, **changed}
        roles: dict[str, Any] = {**arrays, "weight": self.weight}
        result = evaluate(loss, allow_inf=self.allow_inf, grad=True, hess=True, spread=False, **roles).results[0]
        is_log = loss.params.get("form") in ("logits", "log_probs", "log_rate")  # exp of them is near 1
        found = {}
        for role, gradient in result.gradients.items():
            exposed = np.abs(self.placed(result.hessians[role].values * arrays[role].astype(np.float64)))
            exposed = np.nan_to_num(exposed, posinf=0.0) + is_log * self.placed(self.unit)
            found[role] = self.placed(gradient.values), exposed
        return found
