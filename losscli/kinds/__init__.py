"""What a loss accepts: roles, shapes and domains as data; one checker and one sampler a kind.

A checker takes the arrays of the roles, refuses the first value that is not allowed (`BadValueError`) and hands on what
loss functions compute with: C-contiguous float64 rows, or class indices. Losses themselves never check.

`domains` says what there is to say, `checks` what checkers share, `likeness` what refused numbers look like; the kinds
are in `elements` (one number against one number), `classes` (a column a class), `quantiles` (a column a level, and
intervals) and `vectors` (embeddings).
"""

from losscli.kinds.checks import as_rows
from losscli.kinds.classes import CATEGORICAL, LOG_CATEGORICAL, PROBABILITIES, class_indices, rounding_of_sums
from losscli.kinds.domains import FORMS, POSITIVE, REAL, UNIT, Domain, Interval, Kind, Params, Role, Values
from losscli.kinds.elements import BINARY, GAUSSIAN, OVERLAP, RESIDUAL, SIGNED
from losscli.kinds.quantiles import CENTRAL, INTERVAL, LEVELS, levels_of
from losscli.kinds.vectors import PAIRS, TRIPLETS

__all__ = [
    "BINARY",
    "CATEGORICAL",
    "CENTRAL",
    "FORMS",
    "GAUSSIAN",
    "INTERVAL",
    "LEVELS",
    "LOG_CATEGORICAL",
    "OVERLAP",
    "PAIRS",
    "POSITIVE",
    "PROBABILITIES",
    "REAL",
    "RESIDUAL",
    "SIGNED",
    "TRIPLETS",
    "UNIT",
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
