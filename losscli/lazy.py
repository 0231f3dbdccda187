"""NumPy, pyarrow and parts of the standard library on first use, so that `--help`, `list` and completion need none of
them.

`importlib.util.LazyLoader` enters the module into `sys.modules` at once and two threads race on it before
Python 3.13; these stand-ins leave `sys.modules` alone and import under the ordinary import lock.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any


class _Lazy(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if self.__name__ not in sys.modules:
            _check_room(self.__name__)
        module = import_module(self.__name__)
        value = getattr(module, name)
        self.__dict__.setdefault(name, value)  # the next look-up costs what it costs in the module itself
        return value


_ROOM = {"numpy": 100 << 20, "pyarrow": 230 << 20, "pyarrow.parquet": 80 << 20}  # bytes of address space they take


def _check_room(module: str) -> None:
    """Raises MemoryError where a limit leaves too little for a library. Short of memory while they are loaded, the
    libraries below it end the process by themselves: with exit code 1, which is a failed gate's, or with a crash.
    """
    wanted = {name for name in _ROOM if f"{module}.".startswith(f"{name}.")}
    needed = sum(_ROOM[name] for name in wanted | {"numpy"} if name not in sys.modules)  # pyarrow takes NumPy too
    if not wanted or not needed:
        return
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit - _held() < needed:
        raise MemoryError


def _held() -> int:
    """The address space that the process has, in bytes; 0 where the system does not tell."""
    import resource

    try:
        with open("/proc/self/statm", encoding="ascii") as status:
            return int(status.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


if TYPE_CHECKING:
    import tempfile
    import zipfile
    import zlib

    import numpy as np
    import pyarrow as pa
    import pyarrow.csv as pacsv
    import pyarrow.parquet as pq
else:
    np = _Lazy("numpy")
    pa = _Lazy("pyarrow")
    pacsv = _Lazy("pyarrow.csv")
    pq = _Lazy("pyarrow.parquet")
    tempfile = _Lazy("tempfile")
    zipfile = _Lazy("zipfile")
    zlib = _Lazy("zlib")

__all__ = ["np", "pa", "pacsv", "pq", "tempfile", "zipfile", "zlib"]
