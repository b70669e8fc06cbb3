"""Long sequences, a piece at a time."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def batched(values: Sequence[T], size: int) -> Iterator[tuple[T, ...]]:
    """Yield the values in order, at most `size` of them at a time.

    `itertools.batched`, which Python has from 3.12 on.
    """
    for start in range(0, len(values), size):
        yield tuple(values[start : start + size])
