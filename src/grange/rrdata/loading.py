"""How the classes load: they wait for a file that is being written, and never raise."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from grange.rrdata.files import FileProblem, Kind, read_value
from grange.rrdata.place import HERE, SETTLE_SECONDS

T = TypeVar("T")

_MIB = 2**20


def load(path: Path, kind: Kind, type_: type[T], *, settle_seconds: float = SETTLE_SECONDS) -> T:
    """Return what a file holds; wait once for a young file that is not whole yet.

    Raises:
        FileProblem: it is absent, damaged or of another kind.
    """
    try:
        return read_value(path, kind, type_)
    except FileProblem as problem:
        if not problem.torn:
            raise
    age = _age_seconds(path)
    if age < settle_seconds:
        HERE.wait(settle_seconds - max(age, 0.0))
    return read_value(path, kind, type_)


def _age_seconds(path: Path) -> float:
    try:
        return HERE.now() / 1000 - path.stat().st_mtime
    except OSError:
        return 0.0


def fits(index: Any, count: int) -> bool:
    """Return whether what a script gave is an index below `count`."""
    return isinstance(index, int) and 0 <= index < count


def pick(items: Sequence[T], index: Any, empty: T) -> T:
    """Return an item by its index; `empty` if there is none."""
    return items[index] if fits(index, len(items)) else empty


def as_path(name: Any) -> Path:
    """Return what a script gave as a file's name."""
    return Path(str(name))


def mib(value: Any) -> int:
    """Return about how much memory a value takes, in MiB, rounded up."""
    return -(-_bytes_of(value, set()) // _MIB)


def _bytes_of(value: Any, seen: set[int]) -> int:
    if id(value) in seen:
        return 0
    seen.add(id(value))
    total = sys.getsizeof(value)
    if isinstance(value, msgspec.Struct):
        total += sum(_bytes_of(getattr(value, name), seen) for name in value.__struct_fields__)
    elif isinstance(value, Mapping):
        total += sum(_bytes_of(key, seen) + _bytes_of(item, seen) for key, item in value.items())
    elif isinstance(value, list | tuple):
        total += sum(_bytes_of(item, seen) for item in value)
    return total
