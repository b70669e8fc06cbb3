"""How much memory the scheduler's model of the farm takes."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from grange.services.draft import Memory

_LOOKED_AT = 200
"""So many entities of each kind are measured; the others are taken to be like them."""


def model_to_measure(memory: Memory) -> Callable[[], int]:
    """Take of the farm in memory what is to be measured; return what measures it, in any thread.

    What is returned says about how many bytes the farm takes. Measuring is long beside a request.
    """
    taken = [
        (sys.getsizeof(table), len(table), list(islice(table.items(), _LOOKED_AT)))
        for table in memory.tables.values()
    ]
    return lambda: sum(own + _of_table(length, looked_at) for own, length, looked_at in taken)


def _of_table(length: int, looked_at: Sequence[tuple[Any, Any]]) -> int:
    if not looked_at:
        return 0
    return sum(_size(key) + _size(entity) for key, entity in looked_at) * length // len(looked_at)


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
