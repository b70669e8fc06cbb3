"""Deadline Cloud's statistics of sessions, against a recomputation in plain Python (ledger S2)."""

import random
import time
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from itertools import chain, pairwise
from typing import Any

import pytest

from grange.domain.farm import Farm
from grange.domain.rates import amount_after
from grange.kernel.errors import InvalidRequestError, NotFoundError, ThrottledError
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, instant_of
from grange.services.books.aggregation import Aggregations
from grange.testing.books import books_bench
from grange.testing.facts import FARM, FLEET, QUEUE, T0, numbered, session_fact

OTHER_QUEUE = numbered("queue", 2)
START = T0 - 2 * MILLIS_PER_DAY
END = T0 + 3 * MILLIS_PER_DAY


def farm(currency="USD", zone="UTC"):
    return Farm(farm_id=FARM, name="f", currency=currency, zone=zone, created_at=T0, created_by="t")


@pytest.fixture
def bench(tmp_path):
    with books_bench(tmp_path, T0) as bench:
        bench.put(farm())
        yield bench


def request(**changes):
    values = {
        "farmId": FARM,
        "resourceIds": {"queueIds": [QUEUE, OTHER_QUEUE]},
        "startTime": START,
        "endTime": END,
        "groupBy": ["USER_ID"],
        "statistics": ["SUM", "MIN", "MAX", "AVG"],
    }
    values.update(changes)
    return {name: value for name, value in values.items() if value is not None}


def answer(bench, **changes):
    asked = request(**changes)
    found = bench.books.start_aggregation(request=asked)
    return finished(bench, found)["statistics"]


def finished(bench, aggregation_id, size=100_000):
    for _ in range(2_000):
        result = bench.books.get_aggregation(farm_id=FARM, aggregation_id=aggregation_id, size=size)
        if result["status"] != "IN_PROGRESS":
            return result
        time.sleep(0.01)
    raise AssertionError("still in progress")


def many_sessions(seed, count):
    rng = random.Random(seed)
    return [
        session_fact(
            session_id=numbered("session", number),
            queue_id=rng.choice([QUEUE, OTHER_QUEUE]),
            job_id=numbered("job", rng.randrange(4)),
            job_name=f"job {number}",
            user_name=rng.choice(["ann", "bob"]),
            instance_type=rng.choice([None, "big"]),
            started_at=(begun := START - MILLIS_PER_HOUR + rng.randrange(4 * MILLIS_PER_DAY)),
            ended_at=begun + rng.choice([1, 999, 3_600_000, rng.randrange(2 * MILLIS_PER_DAY)]),
            billionths_per_hour=rng.choice([None, 333_333_333, 1_234_567_890_123]),
        )
        for number in range(count)
    ]


def recomputed(facts, now, *, keys, bucket_of):
    """Return {(bucket, *keys): (count, runtimes, costs)} from the facts, one at a time."""
    found: dict[Any, tuple[list[int], list[int]]] = {}
    for fact in facts:
        for start, end in bucket_of:
            begin = max(fact.started_at, start)
            stop = min(fact.ended_at, end, now)
            if begin >= stop:
                continue
            key = (start, end, *(getattr(fact, name) for name in keys))
            runtimes, costs = found.setdefault(key, ([], []))
            runtimes.append(stop - begin)
            rate = fact.billionths_per_hour
            if rate is not None:
                costs.append(
                    amount_after(rate, stop - fact.started_at)
                    - amount_after(rate, begin - fact.started_at)
                )
    return found


def statistics_of(values, unit):
    if not values:
        return {}
    return {
        "sum": sum(values) / unit,
        "min": min(values) / unit,
        "max": max(values) / unit,
        "avg": float(Fraction(sum(values), len(values) * unit)),
    }


def local_buckets(period, zone, start, end):
    """Return buckets by walking the calendar hour by hour."""
    edges = []
    at = datetime.fromtimestamp(start / 1000, tz=UTC) - timedelta(days=40)
    at = at.replace(minute=0, second=0, microsecond=0)
    if zone.utcoffset(None).seconds % 3600:
        at += timedelta(minutes=30)
    while instant_of(at) <= end + 40 * MILLIS_PER_DAY:
        local = at.astimezone(zone)
        first = {
            "HOURLY": True,
            "DAILY": local.hour == 0,
            "WEEKLY": local.hour == 0 and local.weekday() == 0,
            "MONTHLY": local.hour == 0 and local.day == 1,
        }[period]
        if first:
            edges.append(instant_of(at))
        at += timedelta(hours=1)
    return [(max(a, start), min(b, end)) for a, b in pairwise(edges) if b > start and a < end]


@pytest.mark.parametrize("period", [None, "HOURLY", "DAILY", "WEEKLY", "MONTHLY"])
@pytest.mark.parametrize("zone", [None, "UTC+05:30", "UTC-08:00"])
def test_every_figure_equals_its_recomputation(bench, period, zone):
    """S2-01, S2-09, S2-10, S2-11, S2-12, S2-16, S2-18: split at local buckets, to the
    millisecond."""
    facts = many_sessions(f"{period}{zone}", 60)
    half = len(facts) // 2
    bench.keep(*facts[:half])
    bench.books.seal(force=True)
    bench.keep(*facts[half - 5 :])  # five of them twice
    bench.travel(END + 4 * MILLIS_PER_DAY)
    offset = {None: 0, "UTC+05:30": 330, "UTC-08:00": -480}[zone]
    bucket_of = (
        [(START, END)]
        if period is None
        else local_buckets(period, timezone(timedelta(minutes=offset)), START, END)
    )
    rows = answer(bench, period=period, timezone=zone, groupBy=["QUEUE_ID", "USER_ID"])
    expected = recomputed(
        facts, bench.clock.now(), keys=("queue_id", "user_name"), bucket_of=bucket_of
    )
    found = {
        (r["aggregationStartTime"], r["aggregationEndTime"], r["queueId"], r["userId"]): r
        for r in rows
    }
    assert found.keys() == expected.keys()
    assert len(found) == len(rows)
    for key, (runtimes, costs) in expected.items():
        assert found[key]["count"] == len(runtimes)
        assert found[key]["runtimeInSeconds"] == pytest.approx(
            statistics_of(runtimes, 1000), rel=1e-15
        )
        assert found[key]["costInUsd"] == pytest.approx(statistics_of(costs, 10**9), rel=1e-14)
    starts = [row["aggregationStartTime"] for row in rows]
    assert starts == sorted(starts)


@pytest.mark.parametrize(
    ("group_by", "members"),
    [
        (["QUEUE_ID"], {"queueId"}),
        (["FLEET_ID"], {"fleetId"}),
        (["JOB_ID"], {"jobId", "jobName"}),
        (["USER_ID"], {"userId"}),
        (["USAGE_TYPE"], {"usageType"}),
        (["INSTANCE_TYPE"], {"instanceType"}),
        (["LICENSE_PRODUCT"], set()),
        (["USER_ID", "USAGE_TYPE"], {"userId", "usageType"}),
    ],
)
def test_only_grouped_keys_are_set(bench, group_by, members):
    """S2-07, S2-08."""
    bench.keep(session_fact(instance_type="big"))
    bench.travel(T0 + MILLIS_PER_DAY)
    (row,) = answer(bench, groupBy=group_by)
    figures = {"count", "runtimeInSeconds", "costInUsd"}
    times = {"aggregationStartTime", "aggregationEndTime"}
    assert set(row) == members | figures | times
    assert row.get("usageType", "COMPUTE") == "COMPUTE"


def test_only_asked_statistics_are_computed(bench):
    """S2-10."""
    bench.keep(session_fact())
    bench.travel(T0 + MILLIS_PER_DAY)
    (row,) = answer(bench, statistics=["AVG"])
    assert row["runtimeInSeconds"] == {"avg": 10.0}
    assert set(row["costInUsd"]) == {"avg"}


def test_fleets_can_be_asked_instead_of_queues(bench):
    bench.keep(session_fact())
    bench.travel(T0 + MILLIS_PER_DAY)
    assert answer(bench, resourceIds={"fleetIds": [FLEET]})[0]["count"] == 1
    assert answer(bench, resourceIds={"fleetIds": [numbered("fleet", 9)]}) == []


def test_without_a_rate_card_cost_has_no_members(bench):
    """S2-14, S2-18."""
    bench.keep(session_fact(billionths_per_hour=None))
    bench.travel(T0 + MILLIS_PER_DAY)
    (row,) = answer(bench)
    assert row["costInUsd"] == {}


def test_money_of_another_currency_is_not_called_dollars(bench):
    bench.put(farm(currency="EUR"))
    bench.keep(session_fact())
    bench.travel(T0 + MILLIS_PER_DAY)
    assert answer(bench)[0]["costInUsd"] == {}


def test_cost_is_exact_to_a_billionth(bench):
    """A worked example: 10 s at 1.234567891 an hour."""
    bench.keep(session_fact(billionths_per_hour=1_234_567_891))
    bench.travel(T0 + MILLIS_PER_DAY)
    (row,) = answer(bench)
    assert row["costInUsd"]["sum"] == 0.003429355  # 3429355.2527… billionths
    assert row["runtimeInSeconds"]["sum"] == 10.0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"groupBy": []}, "groupBy"),
        ({"groupBy": ["USER_ID", "JOB_ID", "QUEUE_ID"]}, "groupBy"),
        ({"groupBy": ["SHOE_SIZE"]}, "groupBy"),
        ({"groupBy": ["USER_ID", "USER_ID"]}, "groupBy"),
        ({"statistics": []}, "statistics"),
        ({"statistics": ["MEDIAN"]}, "statistics"),
        ({"period": "FORTNIGHTLY"}, "period"),
        ({"timezone": "UTC+05:45"}, "timezone"),
        ({"timezone": "UTC+8"}, "timezone"),
        ({"timezone": "UTC+15:00"}, "timezone"),
        ({"endTime": START}, "endTime"),
        ({"startTime": None}, "startTime"),
        ({"resourceIds": {}}, "resourceIds"),
        ({"resourceIds": {"queueIds": [QUEUE], "fleetIds": [FLEET]}}, "resourceIds"),
        ({"resourceIds": {"queueIds": [QUEUE] * 11}}, "resourceIds.queueIds"),
        ({"resourceIds": {"fleetIds": []}}, "resourceIds.fleetIds"),
    ],
)
def test_what_aws_forbids_is_refused_with_its_field(bench, changes, field):
    """S2-01, S2-15: botocore lets some of these through, so we must refuse them."""
    with pytest.raises(InvalidRequestError) as caught:
        bench.books.start_aggregation(request=request(**changes))
    assert field in [problem.name for problem in caught.value.fields]
    assert caught.value.reason == "FIELD_VALIDATION_FAILED"


class Later(Executor):
    """An executor that runs nothing until it is told to."""

    def __init__(self):
        self.work = []

    def submit(self, call, /, *arguments, **_named):
        self.work.append((call, arguments))

    def run(self):
        while self.work:
            call, arguments = self.work.pop(0)
            call(*arguments)


@pytest.fixture
def held(bench):
    executor = Later()
    ids = iter(f"{number:032x}" for number in range(100))
    return (
        Aggregations(
            bench.books.shelf, bench.clock, executor, new_id=lambda: next(ids), most_rows=20
        ),
        executor,
        bench,
    )


def test_a_second_start_is_throttled_while_the_first_runs(held):
    """S2-03, S2-04."""
    aggregations, executor, _ = held
    first = aggregations.start(request())
    assert len(first) == 32
    assert aggregations.get(FARM, first, 0, 10)["status"] == "IN_PROGRESS"
    with pytest.raises(ThrottledError) as caught:
        aggregations.start(request())
    assert caught.value.retry_after_seconds > 0
    executor.run()
    assert aggregations.get(FARM, first, 0, 10)["status"] == "COMPLETED"
    assert aggregations.start(request()) != first


def test_farms_do_not_throttle_each_other(held):
    """S2-04: one at a time for each farm."""
    aggregations, _, _ = held
    aggregations.start(request())
    assert aggregations.start(request(farmId=numbered("farm", 2)))


def test_results_live_for_an_hour_after_the_start(held):
    """S2-05."""
    aggregations, executor, bench = held
    found = aggregations.start(request())
    executor.run()
    bench.clock.advance(59 * 60 + 59.999)
    assert aggregations.get(FARM, found, 0, 10)["status"] == "COMPLETED"
    bench.clock.advance(0.001)
    with pytest.raises(NotFoundError):
        aggregations.get(FARM, found, 0, 10)


@pytest.mark.parametrize("farm_id", [FARM, numbered("farm", 2)])
def test_an_unknown_or_foreign_aggregation_does_not_exist(held, farm_id):
    """S2-18."""
    aggregations, executor, _ = held
    found = aggregations.start(request())
    executor.run()
    with pytest.raises(NotFoundError):
        aggregations.get(farm_id, found if farm_id != FARM else "f" * 32, 0, 10)


def test_open_sessions_count_up_to_the_start_call(held):
    """S2-18: what happens after the Start call is not in the result."""
    aggregations, executor, bench = held
    bench.keep(session_fact(started_at=T0 - 5_000, ended_at=T0 + 60_000))
    found = aggregations.start(request())
    bench.clock.advance(1800)
    executor.run()
    (row,) = aggregations.get(FARM, found, 0, 10)["statistics"]
    assert row["runtimeInSeconds"]["sum"] == 5.0


def test_a_result_too_large_fails_with_advice(held):
    """S2-13."""
    aggregations, executor, bench = held
    bench.keep(*(session_fact(session_id=f"s{n}", user_name=f"u{n}") for n in range(21)))
    bench.travel(T0 + MILLIS_PER_HOUR)
    found = aggregations.start(request())
    executor.run()
    result = aggregations.get(FARM, found, 0, 10)
    assert result["status"] == "FAILED"
    assert result["statusMessage"].startswith("There are more than 20 rows. Ask for a shorter")
    for remedy in ("shorter time range", "fewer queues or fleets", "longer period"):
        assert remedy in result["statusMessage"]
    assert result["statistics"] == []


def test_an_aggregation_that_takes_too_long_times_out_with_advice(bench):
    """S2-03, S2-13."""
    bench.keep(*many_sessions("slow", 2_000))
    bench.travel(END + 4 * MILLIS_PER_DAY)
    executor = Later()
    aggregations = Aggregations(bench.books.shelf, bench.clock, executor, most_seconds=0.0)
    found = aggregations.start(request(startTime=END - 1500 * MILLIS_PER_DAY, period="HOURLY"))
    executor.run()
    result = aggregations.get(FARM, found, 0, 10)
    assert result["status"] == "TIMEOUT"
    assert "longer periods" in result["statusMessage"]


def test_pages_lose_nothing(bench):
    """S2-06: 250 rows make three pages."""
    bench.keep(*(session_fact(session_id=f"s{n}", user_name=f"u{n:03}") for n in range(250)))
    bench.travel(T0 + MILLIS_PER_HOUR)
    found = bench.books.start_aggregation(request=request())
    finished(bench, found)
    pages, start = [], 0
    while True:
        page = bench.books.get_aggregation(
            farm_id=FARM, aggregation_id=found, start=start, size=100
        )
        pages.append([row["userId"] for row in page["statistics"]])
        start += len(page["statistics"])
        if not page["more"]:
            break
    assert [len(page) for page in pages] == [100, 100, 50]
    assert list(chain(*pages)) == [f"u{n:03}" for n in range(250)]
