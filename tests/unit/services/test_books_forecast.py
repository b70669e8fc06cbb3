"""Forecasts: a backtest on a simulated studio's demand, and when there is none."""

import math
import random
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from grange.books.demand import peak_factor, widening, workers_for
from grange.books.periods import local_day
from grange.domain.farm import Farm
from grange.kernel.errors import InvalidRequestError
from grange.kernel.units import MILLIS_PER_HOUR, Instant
from grange.services.books.forecast import ahead
from grange.testing.books import books_bench
from grange.testing.facts import FARM, numbered, session_fact

pytestmark = pytest.mark.slow

BERLIN = ZoneInfo("Europe/Berlin")
FIRST = date(2026, 2, 23)
"""A Monday; the clocks go forward on 29 March."""


def demand(day: date, rng: random.Random) -> float:
    """Worker-hours of a day: artists submit on weekdays, and never the same twice."""
    busy = 8.0 if day.weekday() >= 5 else 30.0 + 3 * day.weekday()
    return busy * rng.uniform(0.85, 1.15)


def studio(days: int, seed: int) -> list[float]:
    rng = random.Random(seed)
    return [demand(FIRST + timedelta(days=number), rng) for number in range(days)]


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """A farm with six weeks of such days, as sessions of up to two hours on a machine each."""
    start = local_day(FIRST, BERLIN).start
    with books_bench(tmp_path_factory.mktemp("forecast"), Instant(start)) as bench:
        bench.put(
            Farm(farm_id=FARM, name="f", zone="Europe/Berlin", created_at=start, created_by="t")
        )
        yield bench


def keep(bench, hours_by_day, first=FIRST):
    facts = []
    for number, hours in enumerate(hours_by_day):
        begin = local_day(first + timedelta(days=number), BERLIN).start + 9 * MILLIS_PER_HOUR
        left, place = hours, 0
        while left > 1e-9:
            length = min(2.0, left)
            begun = begin + (place % 6) * 2 * MILLIS_PER_HOUR
            facts.append(
                session_fact(
                    session_id=numbered("session", number * 1000 + place), threads=2,
                    started_at=begun, ended_at=begun + round(length * 2 * MILLIS_PER_HOUR),
                )
            )  # fmt: skip
            left -= length
            place += 1
    bench.keep(*facts)


def ask(bench, **arguments):
    return bench.books.call("forecast", {"farm_id": FARM, **arguments})


def test_a_backtest_finds_the_days_that_came_within_its_intervals():
    """Five weeks are known, the sixth is foretold: better than the mean, and honest about it."""
    inside, error, naive = 0, 0.0, 0.0
    for seed in range(6):
        days = studio(42, seed)
        known, held = days[:35], days[35:]
        found = ahead(known, 7)
        assert all(f.low_hours < f.demand_hours < f.high_hours for f in found)
        inside += sum(f.low_hours <= h <= f.high_hours for f, h in zip(found, held, strict=True))
        error += sum(abs(f.demand_hours - h) for f, h in zip(found, held, strict=True))
        naive += sum(abs(sum(known) / len(known) - h) for h in held)
    assert inside >= 0.85 * 42
    assert error < 0.5 * naive


def test_intervals_are_wider_where_days_vary_more():
    rng = random.Random(1)
    calm = [20 + rng.uniform(-1, 1) for _ in range(42)]
    wild = [20 + rng.uniform(-10, 10) for _ in range(42)]

    def width(days):
        return sum(one.high_hours - one.low_hours for one in ahead(days, 7))

    assert width(wild) > 3 * width(calm)


def test_under_fourteen_days_of_data_there_is_no_forecast(bench):
    """UX-21: it declines, and says why; with enough it gives an interval and its basis."""
    with pytest.raises(InvalidRequestError, match="hold 0 whole days"):
        ask(bench)
    days = studio(13, 1)
    keep(bench, days)
    bench.travel(local_day(FIRST + timedelta(days=13), BERLIN).start + 1)
    with pytest.raises(
        InvalidRequestError, match="hold 13 whole days of work; a forecast needs 14"
    ):
        ask(bench)
    keep(bench, studio(42, 1))
    bench.travel(local_day(FIRST + timedelta(days=14), BERLIN).start + 1)
    few = ask(bench, days=3)
    assert (few["known_days"], len(few["rows"])) == (14, 3)
    assert any("weekdays are not told" in note for note in few["notes"])
    bench.travel(local_day(FIRST + timedelta(days=42), BERLIN).start + 1)
    _whole(ask(bench, days=7))


def _whole(found):
    assert found["known_days"] == 42
    rows = {date.fromisoformat(row["day"]): row for row in found["rows"]}
    assert list(rows) == [FIRST + timedelta(days=42 + number) for number in range(7)]
    expected = ahead(studio(42, 1), 7)
    for row, one in zip(rows.values(), expected, strict=True):
        assert row["demand_hours"] == pytest.approx(one.demand_hours, abs=0.02)
        assert row["demand_low_hours"] < row["demand_hours"] < row["demand_high_hours"]
        assert row["workers_low"] <= row["workers"] <= row["workers_high"]
        assert row["workers"] == math.ceil(row["demand_hours"] / 24 * found["peak_factor"] - 1e-3)
    weekend = [row["demand_hours"] for day, row in rows.items() if day.weekday() >= 5]
    weekdays = [row["demand_hours"] for day, row in rows.items() if day.weekday() < 5]
    assert max(weekend) < min(weekdays)


def test_intervals_of_days_to_come_are_wider_than_those_of_known_days():
    """Few days for many fitted figures: the less is known, the wider."""
    assert widening(28, 10) == pytest.approx(1.453, abs=0.001)
    assert widening(70, 10) == pytest.approx(1.155, abs=0.001)
    assert widening(14, 2) < widening(21, 10)


def test_workers_are_counted_for_the_busy_hours():
    assert peak_factor([]) == peak_factor([0, 0]) == 1.0
    assert peak_factor([10] * 24) == 1.0
    half_days = [0] * 12 + [20] * 12
    assert peak_factor(half_days) == 2.0
    assert workers_for(24.0, 2.0) == 2
    assert workers_for(24.1, 2.0) == 3
    assert workers_for(0.0, 5.0) == 0


@pytest.mark.parametrize("arguments", [{"days": 0}, {"days": 91}, {"history_days": 3}])
def test_what_cannot_be_foretold_is_refused(bench, arguments):
    with pytest.raises(InvalidRequestError):
        ask(bench, **arguments)


def test_days_that_are_all_alike_need_no_model():
    (one,) = ahead([5.0] * 14, 1)
    assert (one.low_hours, one.demand_hours, one.high_hours) == (5.0, 5.0, 5.0)
