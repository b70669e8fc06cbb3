"""Rows of one step: the latest value wins, gaps are unknown."""

from hypothesis import given
from hypothesis import strategies as st

from grange.books.values.rows import MOST_GAP_ROWS, SeriesRows
from grange.kernel.units import Instant
from tests.unit.datalog.bench import T0

STEP = 300_000


def at(seconds: float) -> Instant:
    return Instant(T0 + round(seconds * 1000))


def test_of_two_values_in_a_row_the_later_one_is_kept():
    """Ledger S3-09: the latest value of the open slot wins; what is missing is unknown."""
    rows = SeriesRows(STEP, 2)
    rows.put(0, at(1), 5.0)
    rows.put(0, at(200), 7.0)
    assert rows.rows() == [(T0, (7.0, None))]
    assert rows.last_update_at == at(200)


def test_a_row_begins_once_its_time_has_come_and_not_before():
    """Ledger S3-10: a new row of unknowns once now is later than the newest row's end."""
    rows = SeriesRows(STEP, 1)
    rows.put(0, at(10), 1.0)
    assert rows.rotate(at(300)) == 0
    assert rows.rotate(at(300.001)) == 1
    assert rows.rotate(at(300.002)) == 0
    assert rows.rows() == [(T0, (1.0,)), (at(300), (None,))]


def test_rows_of_a_gap_are_unknown():
    """Ledger S3-10."""
    rows = SeriesRows(STEP, 1)
    rows.put(0, at(10), 1.0)
    rows.put(0, at(1000), 2.0)
    assert [row.values[0] for row in rows.rows()] == [1.0, None, None, 2.0]


def test_the_newest_row_stays_when_rows_go():
    """Ledger S3-11: a flush takes every row but the newest."""
    rows = SeriesRows(STEP, 1)
    for number in range(4):
        rows.put(0, at(300 * number), float(number))
    assert [row.values[0] for row in rows.finished()] == [0.0, 1.0, 2.0]
    rows.forget_until(rows.finished()[-1].start_at)
    assert [row.values[0] for row in rows.rows()] == [3.0]


def test_rows_are_due_when_the_oldest_is_older_than_the_cache_keeps_them():
    """Ledger S3-11, S3-26."""
    rows = SeriesRows(STEP, 1)
    rows.put(0, at(0), 1.0)
    assert not rows.due(at(10_000), 3_600_000), "the newest row alone never goes"
    rows.put(0, at(300), 1.0)
    assert not rows.due(at(3600), 3_600_000)
    assert rows.due(at(3600.001), 3_600_000)


def test_a_year_of_silence_makes_no_year_of_rows():
    rows = SeriesRows(1000, 1)
    rows.put(0, at(0), 1.0)
    rows.put(0, at(365 * 86_400), 2.0)
    assert [row.values[0] for row in rows.rows()] == [1.0, 2.0]
    rows.rotate(at(365 * 86_400 + MOST_GAP_ROWS - 1))
    assert len(rows) == 2 + MOST_GAP_ROWS - 1


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 2), st.floats(-1e6, 1e6))))
def test_rows_equal_the_latest_values_of_each_step(puts):
    """Ledger S3-09, S3-10, against a plain reckoning of the same."""
    rows, expected = SeriesRows(STEP, 3), {}
    for seconds, source, value in sorted(puts, key=lambda put: put[0]):
        rows.put(source, at(seconds), value)
        expected[seconds // 300, source] = value
    found = {
        ((row.start_at - T0) // STEP, source): value
        for row in rows.rows()
        for source, value in enumerate(row.values)
        if value is not None
    }
    assert found == expected
    starts = [row.start_at for row in rows.rows()]
    assert starts == list(range(starts[0], starts[-1] + 1, STEP)) if starts else not puts
