"""Sums of sessions reckoned part by part of files: the same as when the query engine is asked."""

import random
import threading
from datetime import UTC, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from grange.books.aggregation import read_request
from grange.books.periods import Period, buckets
from grange.books.questions.usage import begun, statistics
from grange.domain.farm import Farm
from grange.kernel.errors import TooLargeError
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant
from grange.services.books import session_sums
from grange.services.books.session_sums import sessions_begun, statistics_of
from grange.testing.books import books_bench
from grange.testing.facts import FARM, FLEET, QUEUE, T0, numbered, session_fact

OTHER = numbered("queue", 2)
SPAN = Span(Instant(T0 + 1_234_567), Instant(T0 + 4 * MILLIS_PER_DAY - 7))
ZONES = [UTC, timezone(timedelta(hours=5, minutes=30)), ZoneInfo("Europe/Paris")]

LENGTHS = (0, 1, MILLIS_PER_HOUR // 2, MILLIS_PER_HOUR)
RATES = (None, 0, 1, 3, 333_333_333, 1_234_567_890_123)
"""Half an hour at 1 or 3 is half a billionth more than a whole one: it goes to the even one."""


def sessions(rng, first, count):
    return [
        session_fact(
            session_id=numbered("session", first + number),
            queue_id=rng.choice([QUEUE, OTHER, numbered("queue", 3)]),
            user_name=rng.choice(["ann", "bob", "Ünal", "zoë"]),
            instance_type=rng.choice([None, "big", "small"]),
            started_at=(start := T0 + rng.randrange(5 * MILLIS_PER_DAY)),
            ended_at=start + rng.choice([*LENGTHS, rng.randrange(2 * MILLIS_PER_DAY)]),
            billionths_per_hour=rng.choice(RATES),
        )
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """Sessions in files of small parts and in the journal, some of them in both."""
    rng = random.Random(11)
    with (
        pytest.MonkeyPatch.context() as patch,
        books_bench(tmp_path_factory.mktemp("sums"), T0) as bench,
    ):
        patch.setattr("grange.adapters.parquet.blocks.row_group_rows", lambda *_: 61)
        bench.put(Farm(farm_id=FARM, name="f", created_at=T0, created_by="t"))
        bench.travel(T0 + 8 * MILLIS_PER_DAY)
        old = sessions(rng, 0, 150)
        bench.keep(*old)
        bench.books.seal(force=True)
        bench.books.compact()
        bench.keep(*old[::9], *sessions(rng, 150, 40))
        yield bench


def asked(group_by, **resources):
    return read_request(
        {
            "farmId": FARM,
            "resourceIds": resources or {"queueIds": [QUEUE, OTHER]},
            "startTime": SPAN.start,
            "endTime": SPAN.end,
            "groupBy": group_by,
            "statistics": ["SUM"],
        }
    )


@pytest.mark.parametrize(
    ("period", "zone", "days"),
    [
        (None, UTC, 4),
        (Period.HOURLY, ZONES[1], 2),
        (Period.DAILY, ZONES[2], 4),
        (Period.WEEKLY, ZONES[1], 2),
    ],
    ids=str,
)
def test_both_roads_say_the_same_of_sessions_cut_at_borders(bench, period, zone, days):
    """S2: sums, extremes, counts, what has no price, and the order of the rows."""
    listed = list(buckets(SPAN, period, zone))
    groups = [["USER_ID"], ["QUEUE_ID", "USER_ID"], ["INSTANCE_TYPE", "QUEUE_ID"], ["USAGE_TYPE"]]
    until = min(SPAN.end, Instant(T0 + days * MILLIS_PER_DAY + 5))
    for group_by in groups:
        request = asked(group_by)
        with bench.books.shelf.view(FARM) as view:
            reckoned = statistics_of(view, request, listed, until, 10_000)
            answered = view.ask(statistics(request, listed, until, 10_000))
        assert reckoned is not None
        assert reckoned.to_pydict() == answered.to_pydict()
        assert reckoned.schema.equals(answered.schema)
        assert answered.num_rows


def test_resources_that_are_not_grouped_by_are_chosen_too(bench):
    request = asked(["USER_ID"], fleetIds=[FLEET])
    other = asked(["USER_ID"], fleetIds=[numbered("fleet", 9)])
    with bench.books.shelf.view(FARM) as view:
        found = statistics_of(view, request, [SPAN], SPAN.end, 10_000)
        answered = view.ask(statistics(request, [SPAN], SPAN.end, 10_000))
        none = statistics_of(view, other, [SPAN], SPAN.end, 10_000)
        short = statistics_of(view, request, [SPAN], SPAN.end, 1)
    assert found is not None
    assert none is not None
    assert short is not None
    assert found.to_pydict() == answered.to_pydict()
    assert none.num_rows == 0
    assert short.num_rows == 2  # one more than may be


@pytest.mark.parametrize("zone", ZONES[1:], ids=str)
def test_both_roads_say_the_same_of_sessions_as_they_began(bench, zone):
    listed = list(buckets(SPAN, Period.DAILY, zone))
    columns = ["queue_id", "user_name"]
    with bench.books.shelf.view(FARM) as view:
        reckoned = sessions_begun(view, SPAN, listed, columns)
        answered = view.ask(begun(SPAN, listed, columns))
    assert reckoned is not None
    assert reckoned.to_pydict() == answered.to_pydict()
    assert answered.num_rows


@pytest.mark.parametrize(("name", "value"), [("_MOST_CELLS", 2), ("_MOST_CODES", 1),
                                             ("_LARGEST", 10), ("SMALL_RATE", 10)])  # fmt: skip
def test_what_might_not_fit_is_left_to_the_engine(bench, monkeypatch, name, value):
    monkeypatch.setattr(session_sums, name, value)
    with bench.books.shelf.view(FARM) as view:
        assert statistics_of(view, asked(["USER_ID"]), [SPAN], SPAN.end, 10_000) is None


def test_jobs_are_left_to_the_engine_for_their_names(bench):
    with bench.books.shelf.view(FARM) as view:
        assert statistics_of(view, asked(["JOB_ID"]), [SPAN], SPAN.end, 10_000) is None


def test_a_question_that_takes_too_long_is_ended(bench, monkeypatch):
    class AtOnce:
        """A timer whose time is over."""

        def __init__(self, _seconds, call):
            self._call = call

        def start(self):
            self._call()

        def cancel(self):
            pass

    monkeypatch.setattr(threading, "Timer", AtOnce)
    with bench.books.shelf.view(FARM) as view, pytest.raises(TooLargeError):
        statistics_of(view, asked(["USER_ID"]), [SPAN], SPAN.end, 10_000, timeout_seconds=1.0)
