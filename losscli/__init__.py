"""losscli: given these predictions and these targets, what is the loss?"""

from losscli.version import VERSION as __version__  # noqa: N811 - the name that packages use

TYPE_CHECKING = False  # as type checkers read it; importing `typing` would double the time of `losscli --version`
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


def __getattr__(name: str) -> object:
    """Public names on first use, so that `losscli --version` imports nothing else."""
    for module, members in _HOMES.items():
        if name in members:
            from importlib import import_module

            return getattr(import_module(f"losscli.{module}"), name)
    raise AttributeError(f"module 'losscli' has no attribute '{name}'")
