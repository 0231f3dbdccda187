"""Single samples: the worst, the first few or all of them, and what is to be said of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.derivatives import ORDERS, Chain, apply
from losscli.exact import Exact
from losscli.formats import lists_of
from losscli.kinds import FORMS, UNIT, Role
from losscli.lazy import np
from losscli.objectives import Objective
from losscli.registry import Loss
from losscli.results import Nested

if TYPE_CHECKING:
    from losscli.registry import Array
    from losscli.tables import Batch


class Samples(NamedTuple):
    """Some samples: row numbers, losses and weights, the arrays of the roles as read, and the columns to be shown."""

    rows: "Array"
    losses: "Array"
    weight: "Array"
    arrays: "Sequence[Array]"
    shown: "Mapping[str, Any]"

    @staticmethod
    def of(losses: "Array", batch: "Batch") -> "Samples":
        weight = np.ones(len(losses)) if batch.weight is None else batch.weight
        rows = batch.rows
        numbers = np.arange(rows.start, rows.stop) if isinstance(rows, range) else np.asarray(rows)  # a range is slow
        return Samples(numbers, losses, weight, list(batch.arrays.values()), batch.shown)

    def take(self, index: Any) -> "Samples":
        """The samples at an index, in its order."""
        return Samples(
            self.rows[index],
            self.losses[index],
            self.weight[index],
            [a[index] for a in self.arrays],
            {name: np.asarray(values, dtype=object)[index] for name, values in self.shown.items()},
        )

    def merge(self, other: "Samples") -> "Samples":
        """These samples and the others."""
        return Samples(
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.losses, other.losses]),
            np.concatenate([self.weight, other.weight]),
            [np.concatenate(pair) for pair in zip(self.arrays, other.arrays, strict=True)],
            {name: np.concatenate([v, other.shown[name]]) for name, v in self.shown.items()},
        )

    def worst(self, count: int) -> "Samples":
        """The `count` with the largest weighted loss, ties by row; a NaN is worse than anything."""
        with np.errstate(all="ignore"):
            scores = np.nan_to_num(self.losses * self.weight, nan=np.inf, posinf=np.inf, neginf=-np.inf)
        return self.take(np.lexsort([self.rows, -scores])[:count])


@dataclass
class Collector:
    """Keeps the worst samples, or the first, or all, batch by batch. Holds no more than it keeps."""

    worst: int = 0
    first: int | None = None
    kept: Samples | None = None

    def add(self, losses: "Array", batch: "Batch") -> None:
        """Look at the samples of a batch."""
        new = Samples.of(losses, batch)
        if self.worst:
            new = self._candidates(new)
        elif self.first is not None:
            new = new.take(slice(0, max(self.first - (len(self.kept.rows) if self.kept else 0), 0)))
        if len(new.rows) == 0 and self.kept is not None:
            return
        merged = self.kept.merge(new) if self.kept else new.take(slice(None))
        self.kept = merged.worst(self.worst) if self.worst else merged

    def _candidates(self, new: Samples) -> Samples:
        """Those that may be among the worst: a cheap look before anything is sorted."""
        with np.errstate(all="ignore"):
            scores = new.losses * new.weight
        if self.kept is not None and len(self.kept.rows) == self.worst:
            least = self.kept.losses[-1] * self.kept.weight[-1]
            return new.take(np.flatnonzero(~(scores <= least)))
        if len(scores) > self.worst:
            bar = np.partition(np.nan_to_num(scores, nan=np.inf, posinf=np.inf, neginf=-np.inf), -self.worst)[
                -self.worst
            ]
            return new.take(np.flatnonzero(~(scores < bar)))
        return new


class Describer(NamedTuple):
    """What is said of samples: row, loss (a term of an aggregate), share of the total, values, and derivatives if
    asked.
    """

    objective: Objective
    total: Exact
    classes: tuple[str, ...]
    outputs: int
    chains: Sequence[Chain] = ()
    orders: Sequence[int] = ()
    shapes: Mapping[str, tuple[int, ...]] = {}  # of the rows that are arrays of several dimensions, by role

    def columns(self, samples: Samples) -> dict[str, Any]:
        """Columns by name: an array (n,) or (n, k), or a list."""
        checked = [loss.check(samples.arrays, allow_inf=True) for loss in self.objective.losses]
        found = {"term" if self.objective.is_aggregate else "loss": samples.losses, "share": self._shares(samples)}
        first = self.objective.losses[0]
        found.update(_values(first, samples.arrays, checked[0], self.classes))
        if not self.shapes.get(first.kind.roles[0].name):  # an image has as many predictions as it has pixels
            found.update(_certainty(first, checked[0], self.classes))
        if self.orders:
            found.update(self._derivatives(checked, samples))
        taken = {"row", *found}
        shown = {f"{name}{'_shown' * (name in taken)}": list(v) for name, v in samples.shown.items()}
        return {"row": samples.rows, **shown, **found}

    def _shares(self, samples: Samples) -> "Array":
        with np.errstate(all="ignore"):
            shares: Array = samples.losses * samples.weight * self.outputs / float(self.total)
        return shares

    def _derivatives(self, checked: "Sequence[Sequence[Array]]", samples: Samples) -> dict[str, Any]:
        order, roles = max(self.orders), self.objective.losses[0].kind.roles
        given = {role.name: (role, values) for role, values in zip(roles, samples.arrays, strict=True)}
        derivatives = [loss.derivatives(a, order) for loss, a in zip(self.objective.losses, checked, strict=True)]
        found = apply(self.chains, derivatives, samples.weight)
        several = len(found) > 1
        return {
            ORDERS[order] + (f"_{role}" if several else ""): self._as_given(derivatives[order - 1], *given[role])
            for role, derivatives in found.items()
            for order in self.orders
        }

    def _as_given(self, values: "Array", role: Role, given: "Array") -> Any:
        """A derivative in the shape of its prediction; of sequences and of arrays of many dimensions a list a row."""
        if lists_of(given) is not None:
            return Nested(row[: len(own)].tolist() for row, own in zip(values, given, strict=True))
        if role.sequence or values.ndim > 2:
            return Nested(values.tolist())
        shape = self.shapes.get(role.name)
        return Nested(values.reshape(len(values), *shape).tolist()) if shape else values


def _values(
    loss: Loss, given: "Sequence[Array]", checked: "Sequence[Array]", classes: tuple[str, ...]
) -> dict[str, Any]:
    """The values of the roles that are one number a sample."""
    found: dict[str, Any] = {}
    names = {"pred": "prediction"}
    for role, read, array in zip(loss.kind.roles, given, checked, strict=True):
        if array.ndim == 1:
            is_label = role.labels and array.dtype.kind == "i"
            named = [classes[k] for k in array] if is_label and classes else array
            found[names.get(role.name, role.name)] = named if is_label or read.ndim > 1 else read
    return found


def form_of(loss: Loss) -> str | None:
    """What the numbers of a classification loss are; None for any other loss, such as one of two players, whose samples
    are no classes to be told, and where a row is a sequence.
    """
    domain = loss.kind.roles[0].domain
    if loss.kind.is_sequential or loss.kind.predictions != ("pred",):
        return None
    if "form" in loss.params and not isinstance(domain, type(UNIT)):
        return str(loss.params["form"]) if loss.params["form"] in FORMS else None
    by_domain = {UNIT: "probs", FORMS["log_probs"]: "log_probs"}
    is_class = loss.definition.task == "classification" and isinstance(domain, type(UNIT))
    return by_domain.get(domain) if is_class else None  # type: ignore[arg-type]


def probabilities(loss: Loss, pred: "Array") -> "Array | None":
    """The probabilities that predictions stand for: (n,) of class 1, or (n, C); None where a loss has none."""
    form = form_of(loss)
    if form == "probs":
        return pred
    if form == "log_probs":
        return np.exp(pred)
    if form is None:
        return None
    if pred.ndim == 1 or not loss.kind.roles[0].vector:
        return _sigmoid(pred)
    raised = np.exp(pred - pred.max(axis=1, keepdims=True))
    softmax: Array = raised / raised.sum(axis=1, keepdims=True)
    return softmax


def _sigmoid(x: "Array") -> "Array":
    tail = np.exp(-np.abs(x))
    sigmoid: Array = np.where(x > 0, 1.0, tail) / (1 + tail)
    return sigmoid


def _certainty(loss: Loss, checked: "Sequence[Array]", classes: tuple[str, ...]) -> dict[str, Any]:
    """What was predicted, how surely, and the probability of the target: of classes, or of each output by itself.
    Nothing where a loss has no classes, or no target, as an entropy has none.
    """
    probs = probabilities(loss, checked[0])
    if probs is None or "target" not in loss.kind.role_names:
        return {}
    target = checked[1]
    if probs.ndim == 1 or not loss.kind.roles[0].vector:
        predicted = (probs > 0.5).astype(int)
        p_target = target * probs + (1 - target) * (1 - probs)
        return {"predicted": predicted, "confidence": np.maximum(probs, 1 - probs), "p_target": p_target}
    if target.ndim == 1 and len(target) == len(probs) and target.dtype.kind != "f":
        p_target = np.take_along_axis(probs, target[:, None], axis=1)[:, 0]
    elif target.shape == probs.shape:
        p_target = (target * probs).sum(axis=1)
    else:
        return {}
    winners = probs.argmax(axis=1)
    return {
        "predicted": [classes[k] for k in winners] if classes else winners,
        "confidence": probs.max(axis=1),
        "p_target": p_target,
    }
