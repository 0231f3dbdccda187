"""The losses, one module a family. Importing this package fills the registry."""

from losscli.losses import classification, regression, robust

__all__ = ["classification", "regression", "robust"]
