"""Licences and foreign money in Deadline Cloud's statistics, recomputed in plain Python."""

import random
import time
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest

from grange.domain.exchange import ExchangeRate, in_force
from grange.domain.facts import LicenceUseFact, SessionFact
from grange.domain.farm import Farm
from grange.domain.rates import amount_after
from grange.kernel.units import (
    BILLIONTHS,
    MILLIS_PER_DAY,
    MILLIS_PER_HOUR,
    Instant,
    billionths_of,
    half_even_divide,
)
from grange.testing.books import books_bench
from grange.testing.facts import (
    FARM,
    FLEET,
    QUEUE,
    T0,
    licence_fact,
    numbered,
    session_fact,
)

pytestmark = pytest.mark.slow

START, END = T0, T0 + 2 * MILLIS_PER_DAY
SERVICE_FLEET = numbered("fleet", 7)


@pytest.fixture
def bench(tmp_path):
    with books_bench(tmp_path, T0) as bench:
        bench.put(farm("USD"))
        yield bench


def farm(currency):
    return Farm(farm_id=FARM, name="f", currency=currency, created_at=T0, created_by="t")


def rate(amount, valid_from, **changes):
    values: dict[str, Any] = {
        "farm_id": FARM, "rate_id": f"{amount}{valid_from}",
        "billionths": billionths_of(Decimal(amount)), "valid_from": Instant(valid_from),
        "created_at": T0, "created_by": "t",
    }  # fmt: skip
    return ExchangeRate(**(values | changes))


def answer(bench, **changes):
    request = {
        "farmId": FARM, "resourceIds": {"queueIds": [QUEUE]}, "startTime": START, "endTime": END,
        "groupBy": ["USAGE_TYPE"], "statistics": ["SUM", "MIN", "MAX", "AVG"],
    } | changes  # fmt: skip
    found = bench.books.start_aggregation(request=request)
    for _ in range(2_000):
        result = bench.books.get_aggregation(farm_id=FARM, aggregation_id=found, size=100_000)
        if result["status"] != "IN_PROGRESS":
            assert result["status"] == "COMPLETED", result
            return result["statistics"]
        time.sleep(0.01)
    raise AssertionError("still in progress")


def test_a_worked_job_costs_machines_by_fleet_and_the_licences_it_held(bench):
    """S2-08, S2-09, S2-14: own fleet 2 h at 1.00, service fleet 1 h at 0.75 (a discount of a
    quarter is in its rate), and a licence at 0.25 for 2 h and for 1 h, on both kinds of fleet."""
    hour = MILLIS_PER_HOUR
    bench.keep(
        session_fact(session_id="a", started_at=T0, ended_at=T0 + 2 * hour),
        session_fact(
            session_id="b", started_at=T0, ended_at=T0 + hour, fleet_id=SERVICE_FLEET,
            billionths_per_hour=750_000_000,
        ),
        licence_fact(
            use_id="1", session_id="a", started_at=T0, ended_at=T0 + 2 * hour,
            billionths_per_hour=250_000_000,
        ),
        licence_fact(
            use_id="2", session_id="b", started_at=T0, ended_at=T0 + hour,
            billionths_per_hour=250_000_000, fleet_id=SERVICE_FLEET,
        ),
    )  # fmt: skip
    bench.travel(T0 + MILLIS_PER_DAY)
    compute, licence = answer(bench)
    assert (compute["usageType"], compute["count"]) == ("COMPUTE", 2)
    assert compute["costInUsd"]["sum"] == 2.75
    assert (licence["usageType"], licence["count"]) == ("LICENSE", 2)
    assert licence["runtimeInSeconds"]["sum"] == 3 * 3600
    assert licence["costInUsd"] == {"sum": 0.75, "min": 0.25, "max": 0.5, "avg": 0.375}
    by_product = {
        row.get("licenseProduct"): row for row in answer(bench, groupBy=["LICENSE_PRODUCT"])
    }
    assert by_product["nuke"]["costInUsd"]["sum"] == 0.75
    assert by_product[None]["costInUsd"]["sum"] == 2.75
    assert sum(row["costInUsd"]["sum"] for row in answer(bench, groupBy=["FLEET_ID"])) == 3.5


def test_without_a_licence_group_rows_count_sessions_and_their_cost_has_the_licences_in_it(bench):
    """S2-09, S2-11, S2-14: runtime is the wall time of sessions, never that time twice."""
    bench.keep(
        session_fact(ended_at=T0 + 10_000),
        licence_fact(use_id="1", product="nuke"),
        licence_fact(use_id="2", product="arnold"),
    )
    bench.travel(T0 + MILLIS_PER_DAY)
    (row,) = answer(bench, groupBy=["USER_ID"])
    assert (row["count"], row["runtimeInSeconds"]["sum"]) == (1, 10.0)
    each = Decimal(amount_after(500_000_000, 10_000)) * 2 + amount_after(BILLIONTHS, 10_000)
    assert row["costInUsd"]["sum"] == float(each / BILLIONTHS)


def test_a_licence_taken_twice_by_a_session_is_one_and_its_times_add_up(bench):
    """S2-09: LICENSE counts session × product."""
    bench.keep(
        session_fact(ended_at=T0 + 60_000),
        licence_fact(use_id="1", started_at=T0, ended_at=T0 + 10_000),
        licence_fact(use_id="2", started_at=T0 + 20_000, ended_at=T0 + 25_000),
        licence_fact(use_id="3", product="arnold", started_at=T0, ended_at=T0 + 1_000),
    )
    bench.travel(T0 + MILLIS_PER_DAY)
    rows = answer(bench, groupBy=["LICENSE_PRODUCT", "USAGE_TYPE"])
    found = {
        (row["usageType"], row.get("licenseProduct")): (
            row["count"],
            row["runtimeInSeconds"]["sum"],
        )
        for row in rows
    }
    assert found == {
        ("COMPUTE", None): (1, 60.0),
        ("LICENSE", "nuke"): (1, 15.0),
        ("LICENSE", "arnold"): (1, 1.0),
    }


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("currency", ["USD", "EUR"])
def test_money_is_the_same_by_every_group_and_equals_its_recomputation(bench, seed, currency):
    """S2-10, S2-14, S2-16: Σ machine time × price + Σ licence time × price, to the billionth."""
    rng = random.Random(f"{seed}{currency}")
    bench.put(farm(currency))
    rates = [rate("1.083777001", 0), rate("1.1", T0 + 5 * MILLIS_PER_HOUR)]
    bench.put(*rates)
    sessions: list[SessionFact] = []
    uses: list[LicenceUseFact] = []
    for number in range(40):
        begun = T0 - 2 * MILLIS_PER_HOUR + rng.randrange(3 * MILLIS_PER_DAY)
        ended = begun + rng.choice([1, 7_777_777, rng.randrange(1, MILLIS_PER_DAY)])
        sessions.append(
            session_fact(
                session_id=numbered("session", number), user_name=rng.choice("ab"),
                fleet_id=rng.choice([FLEET, SERVICE_FLEET]), started_at=begun, ended_at=ended,
                billionths_per_hour=rng.choice([333_333_333, 1_234_567_890]),
            )
        )  # fmt: skip
        for use in range(rng.randrange(3)):
            first = begun + rng.randrange(ended - begun)
            uses.append(
                licence_fact(
                    use_id=f"{number}:{use}", session_id=sessions[-1].session_id,
                    product=rng.choice(["nuke", "arnold"]), started_at=first,
                    ended_at=first + rng.randrange(1, ended - first + 1),
                    billionths_per_hour=rng.choice([77_777_777, 500_000_000]),
                )
            )  # fmt: skip
    bench.keep(*sessions[:20], *uses[:9])
    bench.books.seal(force=True)
    bench.keep(*sessions[18:], *uses[7:])
    bench.travel(END + 5 * MILLIS_PER_DAY)

    def price(fact):
        if currency == "USD":
            return fact.billionths_per_hour
        dollars = 1_083_777_001 if fact.started_at < T0 + 5 * MILLIS_PER_HOUR else 1_100_000_000
        return half_even_divide(fact.billionths_per_hour * dollars, BILLIONTHS)

    expected: dict[tuple[str, str], int] = defaultdict(int)
    users = {fact.session_id: fact.user_name for fact in sessions}
    facts: list[SessionFact | LicenceUseFact] = [*sessions, *uses]
    for fact in facts:
        a, b = max(fact.started_at, START), min(fact.ended_at, END)
        if a < b:
            kind = "LICENSE" if fact in uses else "COMPUTE"
            expected[kind, users[fact.session_id]] += amount_after(
                price(fact), b - fact.started_at
            ) - amount_after(price(fact), a - fact.started_at)
    found = {
        (row["usageType"], row["userId"]): row["costInUsd"]["sum"]
        for row in answer(bench, groupBy=["USAGE_TYPE", "USER_ID"])
    }
    assert found == {key: value / BILLIONTHS for key, value in expected.items()}
    whole = sum(expected.values())
    for group in ("USER_ID", "FLEET_ID", "USAGE_TYPE", "LICENSE_PRODUCT", "JOB_ID", "QUEUE_ID"):
        for period in (None, "DAILY"):
            more = {} if period is None else {"period": period}
            rows = answer(bench, groupBy=[group], **more)
            assert sum(round(r["costInUsd"]["sum"] * BILLIONTHS) for r in rows) == whole, group


def test_sessions_before_the_first_rate_have_no_dollars(bench):
    """S2-10, S2-18: a price that cannot be told in dollars is missing, not zero."""
    bench.put(farm("EUR"), rate("2", T0 + 1_000))
    bench.keep(
        session_fact(session_id="a", user_name="early"),
        session_fact(session_id="b", user_name="late", started_at=T0 + 1_000),
    )
    bench.travel(T0 + MILLIS_PER_DAY)
    rows = {row["userId"]: row["costInUsd"] for row in answer(bench, groupBy=["USER_ID"])}
    assert rows["early"] == {}
    assert rows["late"]["sum"] == 2 * 2_777_778 / BILLIONTHS


def test_of_two_rates_of_one_date_the_later_one_counts():
    first = rate("1.1", 5)
    second = rate("1.2", 5, created_at=Instant(T0 + 1))
    third = rate("1.3", 9)
    assert [(one.start, one.end, one.billionths) for one in in_force([third, second, first])] == [
        (5, 9, 1_200_000_000),
        (9, None, 1_300_000_000),
    ]
    assert in_force([]) == []
