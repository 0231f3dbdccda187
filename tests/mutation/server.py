"""Tests that are collected once and then run again and again, each time in a process of their own.

To import and collect takes longer than to find a fault. So one process does that, and for a mutant another is forked
off, in which the code of the functions that changed on disk is put into those that are there. A mutant outside of
functions (a constant, a default) has a run of pytest to itself.
"""

import gc
import inspect
import os
import re
import resource
import signal
import socket
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

from tests.mutation import ADDRESS, ROOT

_SETTINGS = tomllib.loads((ROOT / "tests" / "mutation.toml").read_text(encoding="utf-8"))["losscli"]
_OPTIONS = ["-x", "-q", "-s", "-n0", "-p", "no:cacheprovider", "--no-header", "--tb=short"]
_SECONDS = 120  # of processor time for a mutant
_BYTES = 8 << 30  # of address space

Sources = dict[Path, str]


def serve(expression: str) -> int:
    """Collect, listen, and answer until interrupted."""
    return pytest.main([*_OPTIONS, "-k", expression, *_files()], [Server()])


def alone(module: str) -> int:
    """The tests of one module, which is imported as it now is."""
    return pytest.main([*_OPTIONS, *_files()], [Chosen(module)])


def _files() -> list[str]:
    return [str(found) for pattern in _SETTINGS["tests"] for found in sorted(ROOT.glob(pattern))]


def _sources() -> Sources:
    paths = [*sorted((ROOT / "losscli" / "losses").glob("*.py")), ROOT / "losscli" / "exact.py"]
    return {path: path.read_text(encoding="utf-8") for path in paths}


def _is_wanted(item: Any, module: str) -> bool:
    """Whether a test is among those that should notice a fault in the module."""
    names: list[str] = _SETTINGS["names"].get(module, [])
    if item.path.name == f"test_{module}.py":
        return True
    return not _words(item.name).isdisjoint(names) or not _words_of(item.function).isdisjoint(names)


@cache
def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text))


@cache
def _words_of(function: Any) -> frozenset[str]:
    return _words(inspect.getsource(function))


class Chosen:
    """A plug-in of pytest: only the tests for one module."""

    def __init__(self, module: str) -> None:
        self.module = module

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        items[:] = [item for item in items if _is_wanted(item, self.module)]


class Server:
    """A plug-in of pytest that, in place of running the tests, waits until it is asked to."""

    def __init__(self) -> None:
        self.sources = _sources()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        assert not any(_is_wanted(item, "nothing") for item in items)  # and their words are known from here on
        gc.collect()
        gc.freeze()

    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        ADDRESS.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(ADDRESS))
            listening.listen()
            print("ready", flush=True)
            while True:
                connection, _ = listening.accept()
                with connection, tempfile.TemporaryFile() as output:
                    child = os.fork()
                    if not child:
                        return self._prepare(session, output.fileno())
                    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                    output.seek(0)
                    connection.sendall(f"{abs(code)}\n".encode() + output.read())

    def _prepare(self, session: pytest.Session, output: int) -> bool | None:
        """Make this process one that runs the tests of what has changed, and then ends."""
        for stream in (1, 2):
            os.dup2(output, stream)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, _SECONDS)
        resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
        (path,) = (path for path, text in _sources().items() if text != self.sources[path])
        if not _put_in(path, self.sources[path]):
            os.execv(sys.executable, [sys.executable, "-m", "tests.mutation", "alone", path.stem])
        session.items = [item for item in session.items if _is_wanted(item, path.stem)]
        return None  # and pytest goes on


def _put_in(path: Path, before: str) -> bool:
    """Give the functions of a module the code that they now have on disk; False if not only functions differ."""
    old, new = (compile(text, str(path), "exec") for text in (before, path.read_text(encoding="utf-8")))
    if _outside(old) != _outside(new):
        return False
    module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    pairs = zip(_functions(old), _functions(new), strict=True)
    changed = [code for was, code in pairs if _inside(was) != _inside(code)]
    try:
        for code in changed:
            _function(module, code.co_qualname).__code__ = code
    except (KeyError, AttributeError):  # a function without a name
        return False
    return bool(changed)


def _function(module: ModuleType, name: str) -> FunctionType:
    """A function or method, without the property, the static method or the cache that is around it."""
    found: Any = module
    for part in name.split("."):
        found = vars(found)[part]
    while not isinstance(found, FunctionType):
        found = found.fget if isinstance(found, property) else found.__wrapped__
    return found


def _inside(code: CodeType) -> list[Any]:
    """All that a function does, wherever it stands."""
    constants = [_inside(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    return [code.co_code, code.co_names, code.co_varnames, constants]


def _outside(code: CodeType) -> list[Any]:
    """What a module and its classes do when they are imported."""
    constants = [repr(c) for c in code.co_consts if not isinstance(c, CodeType)]
    return [code.co_code, code.co_names, constants, *(_outside(c) for c in _codes(code) if not _is_function(c))]


def _functions(code: CodeType) -> Iterator[CodeType]:
    for one in _codes(code):
        if _is_function(one):
            yield one
        else:
            yield from _functions(one)


def _codes(code: CodeType) -> list[CodeType]:
    return [c for c in code.co_consts if isinstance(c, CodeType)]


def _is_function(code: CodeType) -> bool:
    return bool(code.co_flags & inspect.CO_OPTIMIZED)
