"""Long sequences dealt out a piece at a time."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from grange.kernel.batches import batched, weighed

SIZES = st.integers(1, 5)


@given(st.lists(st.integers()), SIZES)
def test_nothing_is_lost_and_every_batch_but_the_last_is_full(values: list[int], size: int) -> None:
    found = list(batched(values, size))
    assert [value for batch in found for value in batch] == values
    assert all(len(batch) == size for batch in found[:-1])


@given(st.lists(st.integers(0, 12)), SIZES, st.integers(1, 10))
def test_a_batch_is_neither_too_long_nor_too_heavy_and_takes_what_it_can(
    weights: list[int], size: int, most: int
) -> None:
    found = list(weighed(((own, own) for own in weights), size=size, weight=most))
    assert [own for batch in found for own in batch] == weights
    for batch in found:
        assert 1 <= len(batch) <= size
        assert sum(batch) <= most or len(batch) == 1
    for batch, following in pairwise(found):
        assert len(batch) == size or sum(batch) + following[0] > most
