"""Arrow without pandas: nothing here converts to it, and loading it costs a second and 50 MB."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

import pyarrow as pa


class _NoPandas(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is left out.", name=fullname)


def settle_arrow() -> None:
    """Let pyarrow find that there is no pandas, once for this process.

    It looks when it makes its first array, which is when the first fact comes: in the middle of
    work; and again whenever it hands numbers to numpy, until it has found one. Whoever imports
    pandas later still gets it.
    """
    if "pandas" in sys.modules:
        return
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        numbers = pa.array([], pa.int64())
    finally:
        sys.meta_path.remove(finder)
    sys.modules["pandas"] = ModuleType("pandas")  # an empty one ends the search
    try:
        numbers.to_numpy()
    finally:
        del sys.modules["pandas"]
