"""What is not ours but near it: a part of it, or the gradient of another form, parameter or loss."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from losscli.errors import LossError
from losscli.gradcheck.case import Case, Claim
from losscli.lazy import np
from losscli.literals import canonical
from losscli.registry import definitions, get

if TYPE_CHECKING:
    from losscli.registry import Array

_WORDS = {
    "probs": "probabilities",
    "logits": "logits",
    "log_probs": "log-probabilities",
    "rate": "rates",
    "log_rate": "log-rates",
}


def parts(case: Case) -> Iterator[Claim]:
    """Of softmax - t, or what a loss of probabilities has in its place, one half."""
    data, form = case.data, case.data.loss.params.get("form")
    if form not in ("probs", "logits", "log_probs") or data.loss.kind.role_names[:2] != ("pred", "target"):
        return
    pred, target = data.checked
    probs = _converted(pred, str(form), "probs")
    if target.ndim < pred.ndim:
        target = (target[:, None] == np.arange(pred.shape[1])).astype(np.float64)
    called = {"logits": "the softmax" if pred.ndim > 1 else "the sigmoid"}.get(str(form), "the probabilities")
    exposed = data.placed(np.broadcast_to(data.unit, (data.n, case.user.shape[1])))
    for cause, text, values in (
        ("no_target", f"it is {called} alone: - t is missing (one-hot or 0/1)", probs),
        ("only_target", f"it is - t alone (one-hot or 0/1): {called} is missing", -target),
    ):
        yield Claim(cause, text, data.placed(values if values.ndim > 1 else values[:, None]) * exposed, exposed)


def forms(case: Case) -> Iterator[Claim]:
    """Numbers taken for another form than they have, and derivatives with respect to another form."""
    data, role = case.data, case.data.of
    loss, form = data.loss, str(data.loss.params.get("form"))
    parameter = loss.definition.params.get("form")
    for other in parameter.choices if parameter else ():
        if other == form:
            continue
        taken, are = _WORDS.get(other, other), _WORDS.get(form, form)
        moved = _converted(data.checked[loss.kind.role_names.index(role)], form, other)
        for text, changed in (
            (f"it is the gradient with respect to {taken}, not to the {are} given", {role: moved}),
            (f"it takes the {are} for {taken}", {}),
        ):
            yield from _variant(case, "form", text, {"form": other}, changed)


def parameters(case: Case) -> Iterator[Claim]:
    """The gradient with a parameter left at its default."""
    for name, parameter in case.data.loss.definition.params.items():
        value = case.data.loss.params[name]
        if value != parameter.default and name != "form":
            text = f"it ignores {name}={canonical(value)}: it has {canonical(parameter.default)}"
            yield from _variant(case, "parameter", text, {name: parameter.default}, {})


def _variant(
    case: Case, cause: str, text: str, params: Mapping[str, Any], changed: "Mapping[str, Array]"
) -> Iterator[Claim]:
    """The gradient of the loss with other parameters, where it takes these numbers."""
    data = case.data
    with suppress(LossError):
        other = get(data.loss.name, **{**data.loss.params, **params})
        yield Claim(cause, text, *replace(data, allow_inf=True).gradients(other, **changed)[data.of])


def other_losses(case: Case) -> Iterator[Claim]:
    """The gradients of the losses of the same kind."""
    loss = case.data.loss
    for name, definition in definitions().items():
        if definition.kind is loss.kind and definition.scope == "row" and name != loss.name:
            with suppress(LossError):
                other = get(name, **{key: v for key, v in loss.params.items() if key in definition.params})
                found = case.data.gradients(other)[case.data.of]
                yield Claim("loss", f"it is the gradient of {other}", *found)


def _converted(pred: "Array", form: str, wanted: str) -> "Array":
    """Predictions of one form as another; columns are classes where there are several."""
    if form.endswith("rate"):
        return np.log(pred) if wanted == "log_rate" else np.exp(pred)
    probs = pred if form == "probs" else np.exp(pred) if form == "log_probs" else _probabilities(pred)
    if wanted == "probs":
        return probs
    logs = pred if form == "log_probs" else np.log(probs)
    return logs - np.log1p(-probs) if wanted == "logits" and pred.ndim == 1 else logs


def _probabilities(logits: "Array") -> "Array":
    if logits.ndim == 1:
        return 1 / (1 + np.exp(-logits))
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    softmax: Array = raised / raised.sum(axis=1, keepdims=True)
    return softmax
