"""What a loss accepts: roles, shapes and domains as data; one checker and one sampler a kind.

A checker takes the arrays of the roles, refuses the first value that is not allowed (`BadValueError`) and hands on what
loss functions compute with: C-contiguous float64 rows, or class indices. Losses themselves never check.

`domains` says what there is to say, `checks` what checkers share, `likeness` what refused numbers look like. Of one
number against one number are the kinds in `elements`, `relative` and `counts`; of a column a class those in
`classes`, `scores`, `outcomes`, `masks` and `distributions`; of a column a level or a member those in `quantiles` and
`forecasts`; of vectors and pairs those in `vectors`, `pairs`, `boxes` and `adversarial`; of the rows of a group those
in `lists`; of rows that are sequences those in `sequences` and `tokens`.
"""

from losscli.kinds.adversarial import COMPARISONS, CRITIQUES, DISCRIMINATIONS
from losscli.kinds.boxes import BOXES
from losscli.kinds.checks import as_rows
from losscli.kinds.classes import CATEGORICAL, LOG_CATEGORICAL, PROBABILITIES, class_indices, rounding_of_sums
from losscli.kinds.counts import AMOUNTS, COUNTS, RATES, TWEEDIE
from losscli.kinds.distributions import DISTRIBUTION, DISTRIBUTIONS, HISTOGRAMS, MEASURES, SAMPLES
from losscli.kinds.domains import FORMS, POSITIVE, REAL, UNIT, Domain, Interval, Kind, Params, Role, Values
from losscli.kinds.elements import BINARY, GAUSSIAN, OVERLAP, RESIDUAL, SIGNED
from losscli.kinds.forecasts import ENSEMBLE, SCALED, VECTOR_ENSEMBLE
from losscli.kinds.lists import LABELLED_VECTORS, RANKED_LIST, VIEWS
from losscli.kinds.masks import CLASS_PROBABILITIES, LABELLED_PROBABILITIES
from losscli.kinds.outcomes import DECISIONS, OUTCOMES
from losscli.kinds.pairs import RANKED_PAIRS, SIGNED_DISTANCES, SIGNED_PAIRS
from losscli.kinds.quantiles import CENTRAL, INTERVAL, LEVELS, levels_of
from losscli.kinds.relative import ABOVE_MINUS_ONE, COMPARED, DIRECTIONS, NONZERO_TARGET, PAIRED, SINGLE
from losscli.kinds.scores import LABEL_SETS, RANKED, SCORES
from losscli.kinds.sequences import ALIGNED
from losscli.kinds.tokens import TOKENS, TOKENS_AND_BYTES
from losscli.kinds.vectors import PAIRS, TRIPLETS

__all__ = [
    "ABOVE_MINUS_ONE",
    "ALIGNED",
    "AMOUNTS",
    "BINARY",
    "BOXES",
    "CATEGORICAL",
    "CENTRAL",
    "CLASS_PROBABILITIES",
    "COMPARED",
    "COMPARISONS",
    "COUNTS",
    "CRITIQUES",
    "DECISIONS",
    "DIRECTIONS",
    "DISCRIMINATIONS",
    "DISTRIBUTION",
    "DISTRIBUTIONS",
    "ENSEMBLE",
    "FORMS",
    "GAUSSIAN",
    "HISTOGRAMS",
    "INTERVAL",
    "LABELLED_PROBABILITIES",
    "LABELLED_VECTORS",
    "LABEL_SETS",
    "LEVELS",
    "LOG_CATEGORICAL",
    "MEASURES",
    "NONZERO_TARGET",
    "OUTCOMES",
    "OVERLAP",
    "PAIRED",
    "PAIRS",
    "POSITIVE",
    "PROBABILITIES",
    "RANKED",
    "RANKED_LIST",
    "RANKED_PAIRS",
    "RATES",
    "REAL",
    "RESIDUAL",
    "SAMPLES",
    "SCALED",
    "SCORES",
    "SIGNED",
    "SIGNED_DISTANCES",
    "SIGNED_PAIRS",
    "SINGLE",
    "TOKENS",
    "TOKENS_AND_BYTES",
    "TRIPLETS",
    "TWEEDIE",
    "UNIT",
    "VECTOR_ENSEMBLE",
    "VIEWS",
    "Domain",
    "Interval",
    "Kind",
    "Params",
    "Role",
    "Values",
    "as_rows",
    "class_indices",
    "levels_of",
    "rounding_of_sums",
]
