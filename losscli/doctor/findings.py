"""What a careful colleague would say of predictions and targets, by the roles, domains and forms that a loss declares.

Every finding is doubtful, not wrong: what is wrong lies outside a domain and is refused.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from os.path import realpath
from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.columns import USUAL, Binding
from losscli.doctor.facts import Fact
from losscli.kinds import REAL, UNIT, Role, Values
from losscli.literals import format_number
from losscli.registry import Loss

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

_FEW, _MANY = 3, 10  # rows that hardly agree by chance: of measurements, and of labels and other whole numbers


class Seen(NamedTuple):
    """What findings speak of: the columns, the names of the classes, the first row of each role, and the facts that
    hold of all rows; and how many were left out for their label.
    """

    bindings: Mapping[str, Binding]
    classes: Sequence[str]
    firsts: "Mapping[str, Array]"
    facts: Collection[Fact]
    ignored: int = 0

    def place(self, role: str) -> str:
        """`preds.csv: column 'y_pred'`, or the file alone where the role has several columns or they have no names."""
        return place(self.bindings[role])

    def value(self, role: str) -> str:
        """The first value of a role, as the one that all have; nothing for a row of several."""
        first = self.firsts[role]
        if first.ndim > 1:
            return ""
        is_class = role == "target" and self.classes and self.bindings[role].labels
        return self.classes[int(first[0])] if is_class else format_number(float(first[0]))


def place(binding: Binding) -> str:
    reader = binding.reader
    return f"{reader.name}: column '{binding.names[0]}'" if reader.headed and len(binding.columns) == 1 else reader.name


class Finding(NamedTuple):
    """What is said where all facts in `needs` hold of `least` rows or more; `minds` are facts that it speaks of too.

    Where the fact `whole` holds, so that the values may be labels, more rows are needed.
    """

    needs: frozenset[Fact]
    says: Callable[[Seen], str]
    least: int = _FEW
    minds: frozenset[Fact] = frozenset()
    whole: Fact | None = None

    @property
    def facts(self) -> frozenset[Fact]:
        """All facts that it depends on."""
        return self.needs | self.minds | ({self.whole} if self.whole else frozenset())

    def is_said(self, rows: int, facts: Collection[Fact]) -> bool:
        """Whether it is found in so many rows of which these facts hold."""
        return rows >= (_MANY if self.whole in facts else self.least) and all(fact in facts for fact in self.needs)


def findings_of(loss: Loss, bindings: Mapping[str, Binding], is_filtered: bool) -> Iterator[Finding]:
    """All that may be found for a loss; with `is_filtered` rows were chosen, perhaps by their class."""
    roles = {role.name: role for role in loss.kind.roles}
    pred, target = roles[loss.kind.predictions[0]], roles.get("target")
    yield from _of_form(loss, pred, target)
    if _is_certain(loss, pred) and target:
        yield _saturated(pred.name, target.name)
    for name in loss.kind.predictions:
        if not roles[name].mask:
            yield _constant(name, "prediction" if name == "pred" else name)
    for role in loss.kind.roles:
        if role.name not in loss.kind.predictions and role.ordered and not is_filtered:
            yield _constant_of_rest(role.name) if role.mask else _constant(role.name, role.name)
    for first, second in zip(
        loss.kind.role_names[:1], loss.kind.role_names[1:2], strict=False
    ):  # one role has no other
        if not is_same_column(bindings[first], bindings[second]):
            yield _equal(first, second)


def _is_certain(loss: Loss, pred: Role) -> bool:
    """Whether predictions are probabilities, none of which is expected to be 0 or 1 throughout."""
    return pred.allowed(loss.params) == UNIT and not pred.mask


def _of_form(loss: Loss, pred: Role, target: Role | None) -> Iterator[Finding]:
    """Numbers in one form that look like another."""
    unit = Fact("unit", pred.name)
    if isinstance(pred.domain, Mapping) and loss.params["form"] == "logits":
        if pred.vector:
            needs, whole = frozenset({unit, Fact("adds up", pred.name)}), Fact("whole", pred.name)
            yield Finding(needs, _says(pred.name, _ROWS_OF_PROBS), least=1, whole=whole)
            yield Finding(frozenset({Fact("log", pred.name)}), _says(pred.name, _LOGS), least=1)
        else:
            yield Finding(frozenset({unit}), _says(pred.name, _PROBS))
    if pred.domain == REAL and target and isinstance(target.domain, Values):
        yield Finding(
            frozenset({unit}), _says(pred.name, f"{_SCORES}; {loss.name} takes scores, whose sign is the class")
        )


_ROWS_OF_PROBS = "every row lies in [0, 1] and adds up to 1, as probabilities do; if they are, say --form probs"
_PROBS = "every value lies in [0, 1], as probabilities do; if they are, say --form probs"
_LOGS = (
    "no value is above 0 and the exponentials of every row add up to 1, as those of log-probabilities do; if they are, "
    "say --form log_probs"
)
_SCORES = "every value lies in [0, 1], as probabilities do"


def _says(role: str, text: str) -> Callable[[Seen], str]:
    return lambda seen: f"{seen.place(role)}: {text}"


def _saturated(pred: str, target: str) -> Finding:
    hard, whole, constant = Fact("hard", pred), Fact("whole", target), Fact("constant", pred)

    def says(seen: Seen) -> str:
        if constant in seen.facts:
            return ""  # which is said by itself
        if whole not in seen.facts:
            other = seen.place(target)
            return (
                f"{seen.place(pred)}: every prediction is 0 or 1, {other} has fractions: are they the wrong way round?"
            )
        return f"{seen.place(pred)}: every prediction is 0 or 1: are these labels? take the model's probabilities"

    return Finding(frozenset({hard}), says, _MANY, frozenset({whole, constant}))


def _constant(role: str, called: str) -> Finding:
    def says(seen: Seen) -> str:
        value = seen.value(role)
        same = f"every {called} is {value}" if value else f"every row of {role} is the same"
        return f"{seen.place(role)}: {same}; is this the column that is meant, and are these all rows?"

    return Finding(frozenset({Fact("constant", role)}), says, whole=Fact("whole", role))


def _constant_of_rest(role: str) -> Finding:
    """Of a mask, which may be empty, but seldom is where the other labels are left out."""

    def says(seen: Seen) -> str:
        if not seen.ignored:
            return ""
        value = seen.value(role)
        return f"{seen.place(role)}: every {role} that is not ignored is {value}; is the label ignored the object's?"

    return Finding(frozenset({Fact("constant", role)}), says, whole=Fact("whole", role))


def _equal(first: str, second: str) -> Finding:
    constant = Fact("constant", first)

    def says(seen: Seen) -> str:
        if constant in seen.facts:
            return ""  # which is said by itself
        why = "does one file stand for both, or do the predictions hold the answer?"
        return f"{seen.place(first)} equals {seen.place(second)} in every row; {why}"

    needs, minds = frozenset({Fact("equal", first, second)}), frozenset({constant})
    return Finding(needs, says, minds=minds, whole=Fact("whole", first))


def is_same_column(first: Binding, second: Binding) -> bool:
    """Whether two roles read the same columns of the same file."""
    return first.columns == second.columns and realpath(first.reader.name) == realpath(second.reader.name)


def swapped(bindings: Mapping[str, Binding]) -> str:
    """That predictions stand under a usual name of targets, and targets under one of predictions; or nothing."""
    if not {"pred", "target"} <= set(bindings):
        return ""
    pred, target = bindings["pred"], bindings["target"]
    if not (_is_called(pred, "target") and _is_called(target, "pred")):
        return ""
    return (
        f"{place(pred)} is taken for pred and {place(target)} for target: are they the wrong way round? "
        "predictions come first"
    )


def _is_called(binding: Binding, role: str) -> bool:
    """Whether its one column has a name that is usual for this role, and for no other."""
    name = binding.names[0].lower()
    others = [usual for other, usual in USUAL.items() if other != role]
    return binding.reader.headed and len(binding.columns) == 1 and name in USUAL[role] and name not in sum(others, ())
