"""The losses, one module a family; `cross_entropies` and `stable` hold what several of them are made of.

Importing this package fills the registry.
"""

from losscli.losses import classification, distribution, divergence, embedding, regression, robust, segmentation

__all__ = ["classification", "distribution", "divergence", "embedding", "regression", "robust", "segmentation"]
