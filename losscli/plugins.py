"""Losses from elsewhere: installed packages that declare the entry point `losscli.losses`, and single files.

A plug-in is a module whose functions are registered with `losscli.registry.loss`, as ours are. One that cannot be
loaded leaves nothing behind: its losses are not there, and all others are.
"""

import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from losscli.errors import UsageError
from losscli.registry import problems, registering

GROUP = "losscli.losses"
_loaded: set[str] = set()


def load_file(path: str) -> None:
    """Register the losses of a Python file, once. Raises UsageError where it cannot be loaded."""
    full = str(Path(path).resolve())
    if full in _loaded:
        return
    if not Path(full).is_file():
        raise UsageError(f"--plugin {path}: no such file")
    why = _attempt(path, lambda: _run_file(full))
    if why:
        raise UsageError(f"--plugin {path}: {why}")
    _loaded.add(full)


def _run_file(path: str) -> None:
    spec = spec_from_file_location(f"losscli_plugin_{Path(path).stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError("it is no Python file; its name has to end in .py")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # as annotations are looked up there
    spec.loader.exec_module(module)


def load_installed() -> None:
    """Register the losses of installed packages; what cannot be loaded is told in `problems`."""
    from importlib.metadata import entry_points  # slow; only names that are not ours need it

    for point in entry_points(group=GROUP):
        why = _attempt(point.name, point.load)
        if why:
            problems.append(f"plug-in {point.name} ({point.value}) is left out: {why}")


def _attempt(origin: str, load: Callable[[], object]) -> str:
    """What went wrong, in a line; empty where nothing did. Losses registered by then are taken back."""
    with registering(origin) as undo:
        try:
            load()
            return ""
        except (Exception, SystemExit) as error:  # whatever a stranger's module raises
            undo()
            said = " ".join(str(error).split())
            return f"{type(error).__name__}: {said}" if said else type(error).__name__


__all__ = ["GROUP", "load_file", "load_installed"]
