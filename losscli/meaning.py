"""What is said of labels: the names of the classes, whether labels are names or numbers, which to ignore, weights."""

from collections.abc import Mapping, Sequence
from operator import index
from typing import Any, NamedTuple

from losscli.classweights import ClassWeights
from losscli.errors import UsageError
from losscli.kinds import BINARY, UNIT, Values
from losscli.registry import Loss

TEXT, INTEGERS, ZERO_ONE = "text", "int", "01"
_READINGS = (TEXT, INTEGERS, ZERO_ONE)
_SIGNS = Values((-1.0, 1.0))


class Meaning(NamedTuple):
    """`base` is the label of the first class; None where nobody says, which is 0 with a warning eye on it. Where it is
    said, labels are numbers. With `normalize` rows of probabilities are divided by their sum.
    """

    classes: tuple[str, ...] = ()
    labels: str = ""
    base: int | None = None
    ignore: int | None = None
    weights: ClassWeights | None = None
    normalize: bool = False

    @staticmethod
    def of(
        classes: Sequence[Any] | str | None,
        labels: str | None,
        base: Any,
        ignore: Any,
        weights: "Mapping[Any, Any] | str | None",
        *,
        normalize: bool = False,
    ) -> "Meaning":
        """The meaning that options stand for. Raises UsageError, and InputError for a file of weights."""
        if labels is not None and labels not in _READINGS:
            raise UsageError(f"--labels '{labels}': it is one of {', '.join(_READINGS)}")
        if base is not None and labels == TEXT:
            raise UsageError("--label-base counts indices, and with --labels text there are none")
        return Meaning(
            () if classes is None else _names(classes),
            labels or "",
            _integer("--label-base", base),
            _integer("--ignore-index", ignore),
            None if weights is None else ClassWeights.of(weights),
            normalize,
        )

    def check(self, loss: Loss) -> None:
        """Refuse what makes no sense for a loss. Raises UsageError."""
        target = next((role for role in loss.kind.roles if role.name == "target"), None)
        has_labels = target is not None and target.labels
        given = {
            "--classes": self.classes,
            f"--labels {self.labels}": self.labels in (TEXT, INTEGERS),
            "--label-base": self.base is not None,
            "--ignore-index": self.ignore is not None and not (target and target.domain == UNIT),
            "--class-weight": self.weights and loss.kind is not BINARY,
        }
        for option, is_given in given.items():
            if is_given and not has_labels:
                hint = _of_sequences(loss) if option == "--ignore-index" else ""
                raise UsageError(
                    f"{option} is for losses of class labels, such as cross_entropy; {loss.name} is none{hint}"
                )
        if self.labels == ZERO_ONE and not (target and target.domain == _SIGNS):
            raise UsageError(f"--labels 01 is for losses of targets -1 and 1, such as hinge; {loss.name} is none")
        pred = loss.kind.roles[0]
        if self.normalize and not (pred.vector and pred.allowed(loss.params) == UNIT):
            raise UsageError(
                f"--normalize is for losses of a probability a class, such as cross_entropy; {loss} is none"
            )

    @property
    def counts(self) -> bool:
        """Whether rows are read once more, to count their classes."""
        return self.weights is not None and self.weights.is_balanced

    @property
    def needs_labels(self) -> str:
        """The first option for which a sample has to have one label, or nothing."""
        given = {
            f"--labels {self.labels}": self.labels in (TEXT, INTEGERS),
            "--label-base": self.base is not None,
            "--ignore-index": self.ignore is not None,
            "--class-weight": self.weights is not None,
        }
        return next((option for option, is_given in given.items() if is_given), "")

    @property
    def signature(self) -> list[str]:
        """What of it makes numbers comparable."""
        return [
            *([f"classes:{','.join(self.classes)}"] if self.classes else []),
            *([f"labels:{self.labels}"] if self.labels else []),
            *([] if self.base is None else [f"base:{self.base}"]),
            *([] if self.ignore is None else [f"ignore:{self.ignore}"]),
            *([] if self.weights is None else [f"cw:{self.weights}"]),
            *(["normalize"] if self.normalize else []),
        ]


def _of_sequences(loss: Loss) -> str:
    """What says which entries of sequences count, in place of a label that is written for the others."""
    ways = [role.name for role in loss.kind.roles if role.counts]
    return f"; which entries of a row count is said by {' or '.join(ways)}, as in --col {ways[0]}=NAME" if ways else ""


def _names(classes: Sequence[Any] | str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in (classes.split(",") if isinstance(classes, str) else map(str, classes)))
    if isinstance(classes, str) and not classes.strip():
        names = ("",)
    for name in names:
        if not name or names.count(name) > 1:
            raise UsageError(f"--classes: {f'{name!r} is named twice' if name else 'a name is empty'}")
    return names


def _integer(option: str, value: Any) -> int | None:
    try:
        return None if value is None else index(value)
    except TypeError:
        raise UsageError(f"{option}: '{value}' is not a whole number") from None
