"""NumPy, pyarrow and parts of the standard library on first use, so that `--help`, `list` and completion need none of
them.

`importlib.util.LazyLoader` enters the module into `sys.modules` at once and two threads race on it before
Python 3.13; these stand-ins leave `sys.modules` alone and import under the ordinary import lock.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any


class _Lazy(ModuleType):
    def __getattr__(self, name: str) -> Any:
        module = import_module(self.__name__)
        value = getattr(module, name)
        self.__dict__.setdefault(name, value)  # the next look-up costs what it costs in the module itself
        return value


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
