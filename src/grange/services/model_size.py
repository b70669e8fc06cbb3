"""How much memory the scheduler's model of the farm takes."""

import sys
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from grange.services.draft import Memory

_LOOKED_AT = 200
"""So many entities of each kind are measured; the others are taken to be like them."""


def model_bytes(memory: Memory) -> int:
    """Return about how many bytes the farm in memory takes."""
    total = 0
    for table in memory.tables.values():
        total += sys.getsizeof(table)
        measured = list(islice(table.items(), _LOOKED_AT))
        if measured:
            sizes = sum(_size(key) + _size(entity) for key, entity in measured)
            total += sizes * len(table) // len(measured)
    return total


def _size(value: Any) -> int:
    """Return the bytes of a value and of what it alone holds."""
    size = sys.getsizeof(value)
    if isinstance(value, str | bytes | int | float) or value is None:
        return size
    if isinstance(value, Mapping):
        return size + _sizes(value.keys()) + _sizes(value.values())
    if isinstance(value, tuple | list | set | frozenset):
        return size + _sizes(value)
    names: tuple[str, ...] = getattr(value, "__struct_fields__", ())
    return size + _sizes(getattr(value, name) for name in names)


def _sizes(values: Iterable[Any]) -> int:
    return sum(_size(value) for value in values)
