"""The paths through frames that spell a sequence of labels, and how likely each place in them is: forward-backward.

Everything is a logarithm, and samples lie side by side on the last axis, the longest first, so that a step is taken by
all that have a frame there. What is done to a sample does not depend on its neighbours, nor on its padding.
"""

from typing import TYPE_CHECKING, NamedTuple

from losscli.lazy import np

if TYPE_CHECKING:
    from losscli.registry import Array

_LOWEST = -1e300  # taken from minus infinity it leaves that, where minus infinity would leave NaN


class Samples(NamedTuple):
    """Samples whose paths are asked for, the longest first: log-probabilities (n, T, C), labels (n, S), 0 behind their
    ends, and how many of each count.
    """

    log_p: "Array"
    target: "Array"
    frames: "Array"
    labels: "Array"
    blank: int

    @property
    def is_label(self) -> "Array":
        """(S, n): which labels count."""
        there: Array = np.arange(self.target.shape[1])[:, None] < self.labels
        return there

    @property
    def emitted(self) -> "tuple[Array, Array]":
        """The log-probability of the blank (T, 1, n), and of each label (T, S, n), in each frame."""
        blank = np.ascontiguousarray(self.log_p[:, :, self.blank].T)[:, None]
        label = np.take_along_axis(self.log_p, self.target[:, None, :], axis=2).transpose(1, 2, 0)
        return blank, np.where(self.is_label, label, -np.inf)

    @property
    def reversed(self) -> "Samples":
        """The same from the last frame and label to the first."""
        log_p = np.take_along_axis(self.log_p, _backwards(self.frames, self.log_p.shape[1])[:, :, None], axis=1)
        target = np.take_along_axis(self.target, _backwards(self.labels, self.target.shape[1]), axis=1)
        return Samples(log_p, target, self.frames, self.labels, self.blank)


def _backwards(lengths: "Array", most: int) -> "Array":
    """(n, most): where each entry comes from; those behind the end from the first."""
    return np.maximum(lengths[:, None] - 1 - np.arange(most), 0)


def _log_add(*terms: "Array") -> "Array":
    """The logarithm of the sum of exponentials; of nothing but minus infinities, that."""
    top = np.maximum(terms[0], terms[1])
    for term in terms[2:]:
        top = np.maximum(top, term)
    finite = np.maximum(top, _LOWEST)
    total = np.exp(terms[0] - finite)
    for term in terms[1:]:
        total += np.exp(term - finite)
    found: Array = top + np.log(total)
    return found


class Forward:
    """Σ over the beginnings of paths. A path is in a place before, between or behind labels (S+1 of them), where it
    emits blanks, or at a label (S). `log_p` (n,) is the logarithm of the sum over whole paths.

    With `keep`, `blanks` (T, S+1, n) and `labels` (T, S, n) hold the sum over the paths that have come to a place,
    without what is emitted there; each frame's are over a number that is their largest or so.
    """

    def __init__(self, samples: Samples, keep: bool = False) -> None:
        self._blank, self._label = samples.emitted
        frames, count, n = *self._label.shape[:2], len(samples.frames)
        self._here = [np.full((count + 1, n), -np.inf), np.full((count, n), -np.inf)]
        self._here[0][0, samples.frames == 0] = 0.0
        target = samples.target.T
        self._skips = np.where(target[1:] != target[:-1], 0.0, -np.inf)
        self._scale, self._lost = np.zeros(n), np.zeros(n)
        shapes = (frames, count + 1, n), (frames, count, n)
        self.blanks, self.labels = [np.full(shape if keep else (0, 0, 0), -np.inf) for shape in shapes]
        self._keep = keep
        for t in range(frames):
            self._step(t, int((samples.frames > t).sum()))
        self.log_p = self._scale + (self._lost + self._ended(samples.labels))

    def _step(self, t: int, n: int) -> None:
        """Frame t of the first n samples, which have one."""
        blanks, labels = self._came(t, n)
        if self._keep:
            self.blanks[t, :, :n], self.labels[t, :, :n] = blanks, labels
        blanks, labels = blanks + self._blank[t, :, :n], labels + self._label[t, :, :n]
        top = np.maximum(blanks.max(axis=0), labels.max(axis=0, initial=-np.inf))
        scale = np.where(np.isfinite(top), top, 0.0)
        self._here[0][:, :n], self._here[1][:, :n] = blanks - scale, labels - scale
        before = self._scale[:n]
        total = before + scale
        back = total - before
        self._lost[:n] += (before - (total - back)) + (scale - back)  # Knuth's TwoSum: frames may be many
        self._scale[:n] = total

    def _came(self, t: int, n: int) -> "tuple[Array, Array]":
        """The paths that have come to each place: from itself, from the one before, or past a blank between labels
        that differ.
        """
        was, at = self._here[0][:, :n], self._here[1][:, :n]
        if t == 0:
            return np.where(np.arange(len(was))[:, None], was, 0.0), np.where(np.arange(len(at))[:, None], at, 0.0)
        blanks, labels = was.copy(), at.copy()
        if len(at):
            blanks[1:] = _log_add(was[1:], at)
            labels[0] = _log_add(at[0], was[0])
            labels[1:] = _log_add(at[1:], was[1:-1], at[:-1] + self._skips[:, :n])
        return blanks, labels

    def _ended(self, labels: "Array") -> "Array":
        """Whole paths: they end at the last label, or behind it."""
        blanks, at, column = *self._here, np.arange(len(labels))
        behind = blanks[labels, column]
        if not len(at):
            return behind
        return _log_add(behind, np.where(labels > 0, at[labels - 1, column], -np.inf))


def occupied(samples: Samples) -> "Array":
    """(n, T, C): how likely each frame is to emit each class, of all paths that spell the labels; NaN where there is no
    such path, 0 behind the end.
    """
    forward, backward = Forward(samples, keep=True), Forward(samples.reversed, keep=True)
    blank, label = samples.emitted
    blanks = forward.blanks + blank + _turned(backward.blanks, samples, samples.labels)
    labels = forward.labels + label + _turned(backward.labels, samples, samples.labels - 1)
    top = np.maximum(blanks.max(axis=1), labels.max(axis=1, initial=-np.inf))
    finite = np.maximum(top, _LOWEST)[:, None]
    blanks, labels = np.exp(blanks - finite), np.exp(labels - finite)
    total = _added(blanks) + _added(labels)
    found = np.zeros((*top.shape[:1], samples.log_p.shape[2], top.shape[1]))
    found[:, samples.blank] = _added(blanks)
    column = np.arange(top.shape[1])
    for s, classes in enumerate(samples.target.T):  # of a class that several labels have, one after the other
        found[:, classes, column] += labels[:, s]
    with np.errstate(invalid="ignore"):
        shares = (found / total[:, None]).transpose(2, 0, 1)
    is_frame = np.arange(shares.shape[1]) < samples.frames[:, None]
    return np.where(is_frame[:, :, None], shares, 0.0)


def _turned(backward: "Array", samples: Samples, last: "Array") -> "Array":
    """What was found from the end, at the frames and places counted from the beginning; `last` is the last place."""
    frames, places, n = backward.shape
    t = samples.frames - 1 - np.arange(frames)[:, None]
    s = last - np.arange(places)[:, None]
    found = backward[np.maximum(t, 0)[:, None], np.maximum(s, 0)[None], np.arange(n)]
    return np.where((t >= 0)[:, None] & (s >= 0)[None], found, -np.inf)


def _added(places: "Array") -> "Array":
    """Σ over the places, one after the other: those that padding adds at the end change no bit."""
    total = np.zeros(places[:, 0].shape if places.shape[1] else (places.shape[0], places.shape[2]))
    for s in range(places.shape[1]):
        total += places[:, s]
    return total
