"""Predictions and targets of a regression in units that differ by orders of magnitude, judged by the first rows."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from losscli.doctor.findings import Seen
from losscli.kinds import Interval
from losscli.kinds.checks import floats
from losscli.lazy import np
from losscli.literals import format_number
from losscli.registry import Loss

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

LOOKED = 1 << 14  # values of each role that are looked at
_TIMES = 1000.0
_FEW = 3


def are_of_one_unit(loss: Loss) -> bool:
    """Whether a loss compares predictions and targets as measurements: element by element, without an upper end."""
    roles = {role.name: role for role in loss.kind.roles}
    if not {"pred", "target"} <= set(roles) or roles["pred"].vector:
        return False
    allowed = [roles[name].allowed(loss.params) for name in ("pred", "target")]
    is_other = isinstance(roles["pred"].domain, Mapping) and loss.params["form"] in ("logits", "log_probs", "log_rate")
    return not is_other and all(isinstance(a, Interval) and a.high == np.inf for a in allowed)


class Scales(NamedTuple):
    """The first rows of predictions and targets, as (rows, outputs)."""

    pred: "Array | None" = None
    target: "Array | None" = None

    @property
    def is_full(self) -> bool:
        """Whether as many rows are there as are looked at."""
        return self.pred is not None and len(self.pred) >= max(LOOKED // self.pred.shape[1], _FEW)

    def see(self, arrays: "Mapping[str, Array]") -> "Scales":
        """With these rows added, up to the first `LOOKED` values of all."""
        have = 0 if self.pred is None else len(self.pred)
        width = arrays["pred"].shape[1] if arrays["pred"].ndim > 1 else 1
        more = max(LOOKED // width, _FEW) - have
        if more <= 0 or arrays["pred"].shape != arrays["target"].shape:
            return self
        return self.merge(Scales(*(floats(arrays[r][:more]).reshape(-1, width) for r in ("pred", "target"))))

    def merge(self, other: "Scales") -> "Scales":
        """Both, `other` being of later rows."""
        if self.pred is None or self.target is None or other.pred is None or other.target is None:
            return self if other.pred is None else other
        most = max(LOOKED // self.pred.shape[1], _FEW)
        return Scales(
            np.concatenate([self.pred, other.pred])[:most], np.concatenate([self.target, other.target])[:most]
        )

    def said(self, seen: Seen) -> str:
        """That the largest of one is less than a thousandth of the other's median, in some output; or nothing."""
        if self.pred is None or self.target is None or len(self.pred) < _FEW:
            return ""
        with np.errstate(all="ignore"):
            sizes = [np.abs(self.pred), np.abs(self.target)]
            tops, middles = (
                [s.max(axis=0) for s in sizes],
                [np.partition(s, len(s) // 2, axis=0)[len(s) // 2] for s in sizes],
            )
            found = [
                (tops[a] > 0) & (tops[a] * _TIMES <= middles[b]) & np.isfinite(tops[b]) for a, b in ((0, 1), (1, 0))
            ]
        apart = np.flatnonzero(found[0] | found[1])
        if not len(apart):
            return ""
        k = int(apart[0])
        which = f" (output {k})" if self.pred.shape[1] > 1 else ""
        pred, target = (_range(values[:, k]) for values in (self.pred, self.target))
        return (
            f"{seen.place('pred')} runs {pred}, {seen.place('target')} {target}{which}: "
            "are both in one unit, or is one of them standardised?"
        )


def _range(values: "Array") -> str:
    return f"from {format_number(float(values.min()))} to {format_number(float(values.max()))}"
