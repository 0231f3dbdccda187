"""losscli: given these predictions and these targets, what is the loss?"""

from typing import TYPE_CHECKING, Any

from losscli.version import VERSION as __version__

if TYPE_CHECKING:
    from losscli.engine import evaluate
    from losscli.errors import InputError, LossError, OutputError, UsageError
    from losscli.registry import Loss, get, names
    from losscli.results import Report, Result

__all__ = [
    "InputError",
    "Loss",
    "LossError",
    "OutputError",
    "Report",
    "Result",
    "UsageError",
    "__version__",
    "evaluate",
    "get",
    "names",
]

_HOMES = {
    "engine": ("evaluate",),
    "errors": ("InputError", "LossError", "OutputError", "UsageError"),
    "registry": ("Loss", "get", "names"),
    "results": ("Report", "Result"),
}


def __getattr__(name: str) -> Any:
    """Public names on first use, so that `losscli --version` imports nothing else."""
    from importlib import import_module

    for module, members in _HOMES.items():
        if name in members:
            return getattr(import_module(f"losscli.{module}"), name)
    raise AttributeError(f"module 'losscli' has no attribute '{name}'")
