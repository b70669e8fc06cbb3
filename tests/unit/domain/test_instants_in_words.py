"""Instants as text."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from grange.kernel.units import Instant, instant_of, iso8601

FIRST = instant_of(datetime(1, 1, 1, tzinfo=UTC))
LAST = instant_of(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))


@given(st.integers(FIRST, LAST))
def test_an_instant_in_words_is_the_same_instant_to_the_millisecond(instant: int) -> None:
    text = iso8601(Instant(instant))
    assert instant_of(datetime.fromisoformat(text)) == instant
    assert len(text) == len("2026-01-31T12:00:00.123Z")
    assert text.endswith("Z")
