"""Directions: losses of the angle between a predicted vector and the target's; a value a row."""

from typing import TYPE_CHECKING

from losscli.kinds import DIRECTIONS
from losscli.losses.embedding import _cosine
from losscli.registry import Yields, loss

if TYPE_CHECKING:
    from losscli.registry import Array


@loss(DIRECTIONS, task="embedding", properties="symmetric", bounds=(0.0, 2.0))
def cosine_distance(pred: "Array", target: "Array") -> Yields:
    """Cosine distance: 1 - cos of the angle between pred and target, cos = p·t / (|p| |t|).

    With p = pred and t = target; from 0 to 2. cos is taken as 0 for a vector of zeros. One value a row. Gradient, with
    u and v the vectors over their lengths, (cos u - v) / |p|, at right angles to p; curvature
    (cos (1 - 3 u²) + 2 u v) / |p|², entry by entry.

    Use it when the direction of a vector carries the meaning and its length does not, as of embeddings of texts.
    Not when lengths differ for a reason: take mse of the vectors.
    Assumes nothing of probabilities but this: directions about the target's by the von Mises-Fisher density
    ∝ exp(κ cos), so minus its logarithm is κ (1 - cos) and a constant.
    Good: does not change when either vector is multiplied by a positive number; from 0 to 2 whatever the dimension.
    Beware: not a metric: the triangle inequality fails, the angle itself keeps it. Near 0 it goes with the angle's
    square, so it says little of the last degrees. Opposite vectors have slope 0 too. Undefined, and taken as 1, for a
    vector of zeros.
    Kinks: where pred is a vector of zeros, with slope 0; it jumps there.
    Related: half the squared distance of the two vectors scaled to length 1; contrastive:distance=cosine is made of it.
    Elsewhere: Keras' CosineSimilarity is -cos, 1 less; torch's cosine_similarity is cos, and takes a length below 1e-8
    for 1e-8; optax's is undefined for a vector of zeros; scikit-learn's cosine_distances is the same for every pair.
    Reference: Salton, Wong and Yang (1975), A vector space model for automatic indexing, doi:10.1145/361219.361220.

    >>> losscli.evaluate("cosine_distance", pred=[[1, 0], [0, 2]], target=[[0, 3], [0, 1]]).value
    0.5
    """
    cosine = _cosine(pred, target)
    yield next(cosine)
    slopes, lengths = next(cosine), next(cosine)
    yield slopes[0] / lengths[0]
    yield next(cosine)[0] / lengths[0] / lengths[0]
