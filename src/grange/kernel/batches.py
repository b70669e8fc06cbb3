"""Long sequences, a piece at a time."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def batched(values: Sequence[T], size: int) -> Iterator[tuple[T, ...]]:
    """Yield the values in order, at most `size` of them at a time.

    `itertools.batched`, which Python has from 3.12 on.
    """
    for start in range(0, len(values), size):
        yield tuple(values[start : start + size])


def weighed(values: Iterable[tuple[T, int]], *, size: int, weight: int) -> Iterator[list[T]]:
    """Yield values in order, at most `size` at a time, that weigh at most `weight` together.

    Args:
        values: what to deal out, each with what it weighs.
        size: most values of a batch.
        weight: most of a batch of several; one that weighs more goes alone.
    """
    batch: list[T] = []
    together = 0
    for value, own in values:
        if batch and (len(batch) >= size or together + own > weight):
            yield batch
            batch, together = [], 0
        batch.append(value)
        together += own
    if batch:
        yield batch
