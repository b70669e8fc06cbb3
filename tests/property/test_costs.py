"""Costs and statements: whatever a farm did, sums close."""

import tempfile
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from grange.books.allotment import allotted, minor_unit, rounded
from grange.books.budgets import outlook
from grange.books.licence_minutes import Held, minutes
from grange.books.postings import (
    credited,
    difference,
    digest,
    empty,
    lines_of,
    moved,
    netted,
    parts_of,
    read_part,
    together,
    total,
    unmarked,
)
from grange.books.statements import month_span, next_month, statement
from grange.domain.farm import Farm
from grange.domain.rates import (
    CardTerms,
    EnergyLine,
    Idle,
    LicenceLine,
    LicenceUnit,
    OverheadLine,
    RateCard,
    RateLine,
    RateUnit,
    SellTerms,
)
from grange.domain.work import Worker
from grange.kernel.ids import FleetId, WorkerId
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, Instant, instant_of
from grange.services.books.costs import GROUPS
from grange.testing.books import books_bench
from grange.testing.facts import FARM, T0, numbered
from grange.testing.story import FLEETS, Storyteller, post, rows_of

pytestmark = pytest.mark.slow

amounts = st.integers(-(10**14), 10**14)


@given(st.integers(-(10**15), 10**15), st.lists(st.integers(0, 10**12), min_size=1, max_size=30))
def test_what_is_allotted_sums_to_what_was_given(whole, weights):
    parts = allotted(whole, weights)
    assert sum(parts) == whole
    shares = weights if any(weights) else [1] * len(weights)
    for part, weight in zip(parts, shares, strict=True):
        assert abs(part - Fraction(whole * weight, sum(shares))) < 1


def test_nothing_is_divided_among_nobody():
    assert allotted(0, []) == []
    with pytest.raises(ValueError, match="divided among nothing"):
        allotted(1, [])


@given(st.lists(amounts, max_size=40), st.sampled_from(["EUR", "USD", "JPY", "KWD"]))
def test_the_printed_column_adds_up(column, currency):
    """Design section 2: printed amounts sum to the exact total, rounded once; none is off by a
    whole unit, and what is exact is printed as it is."""
    unit = minor_unit(currency)
    printed = rounded(column, unit)
    assert sum(printed) == round(Fraction(sum(column), unit))
    for units, amount in zip(printed, column, strict=True):
        assert abs(units - Fraction(amount, unit)) < 1
        assert amount % unit or units == amount // unit


@st.composite
def lines(draw):
    """Return some posted lines; several may be about the same."""
    return [
        {
            "session_id": f"s{draw(st.integers(0, 3))}",
            "action_id": draw(st.none() | st.sampled_from(["a", "b"])),
            "project": draw(st.sampled_from(["film", "advert", "=x\x00y"])),
            "client": draw(st.sampled_from(["acme", "unassigned"])),
            "user_name": "ann",
            "component": draw(st.sampled_from(["machine", "energy"])),
            "outcome": draw(st.sampled_from(["useful", "failed"])),
            "cause": "none",
            "payer": draw(st.sampled_from(["client", "house"])),
            "threads": draw(st.integers(1, 3)),
            "ms": draw(st.integers(0, 10**8)),
            "cost": draw(st.none() | st.integers(0, 10**13)),
            "sell": draw(st.none() | st.integers(0, 10**13)),
        }
        for _ in range(draw(st.integers(0, 5)))
    ]


def known(table):
    """Return lines with 0 for what is not known: a correction of nothing to 0 changes nothing."""
    return [{name: value or 0 for name, value in row.items()} for row in table.to_pylist()]


few = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@few
@given(lines(), lines())
def test_a_correction_makes_what_was_posted_what_is_found(before, now):
    """Ledger rule 11.7: posted + difference = computed, for every line; no line is edited."""
    posted, computed = netted(lines_of(before)), netted(lines_of(now))
    signed = difference(computed, posted, "2026-01")
    assert known(netted(together([posted, unmarked(signed)]))) == known(computed)
    assert difference(computed, computed, "2026-01").num_rows == 0
    assert set(signed.column("corrects").to_pylist()) <= {"2026-01"}


@few
@given(lines(), st.none() | st.floats(0.01, 1))
def test_moves_and_credits_sum_to_zero(rows, share):
    posted = netted(lines_of(rows))
    most = total(posted, "cost") or total(posted, "sell")
    amount = None if share is None or not most else max(1, int(most * share))
    for signed in (
        moved(posted, {"project": "other"}, "2026-01", amount),
        credited(posted, "2026-01", None),
    ):
        for name in ("cost", "sell", "ms"):
            assert total(signed, name) == 0
    if amount is not None:
        chosen = moved(posted, {"project": "other"}, "2026-01", amount)
        there = sum(
            row["cost"] or 0 if total(posted, "cost") else row["sell"] or 0
            for row in chosen.to_pylist()
            if row["project"] == "other"
        )
        assert there == amount


@few
@given(lines())
def test_lines_come_back_as_they_were_kept(rows):
    posted = netted(lines_of(rows))
    parts = list(parts_of(posted))
    again = together(read_part(part) for part in parts)
    assert digest(parts_of(again)) == digest(parts)
    kept = [{**row, "project": row["project"].replace("\x00", "\ufffd")}
            for row in posted.to_pylist()]  # fmt: skip
    assert again.to_pylist() == kept
    assert netted(empty()).num_rows == 0


@few
@given(lines(), st.sampled_from(["project", "client,project", "payer,outcome,component"]))
def test_every_table_of_a_statement_adds_up(rows, by):
    listed = [row | {"posting": "freeze", "reason": "", "corrects": None}
              for row in netted(lines_of(rows)).to_pylist()]  # fmt: skip
    document = statement(listed, "EUR", by=by.split(","))
    exact = sum(row["cost"] or 0 for row in listed)
    for name in ("rows", "payers"):
        part = document[name]
        assert sum(Decimal(row[-1]) for row in part["rows"]) == Decimal(part["printed"])
        assert Decimal(part["amount"]) == Decimal(exact).scaleb(-9)


ZONES = ["UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns"]


@given(st.integers(2000, 2100), st.integers(1, 12), st.sampled_from(ZONES))
def test_months_follow_each_other_without_gap(year, month, zone):
    """Half-hour offsets, clock changes, leap days: a month begins where the last one ended."""
    name = f"{year}-{month:02}"
    span = month_span(name, ZoneInfo(zone))
    after = month_span(next_month(name), ZoneInfo(zone))
    assert span.end == after.start
    assert 27 * MILLIS_PER_DAY < span.millis < 32 * MILLIS_PER_DAY
    local = datetime.fromtimestamp(span.start / 1000, tz=UTC).astimezone(ZoneInfo(zone))
    assert (local.year, local.month, local.day, local.hour) == (year, month, 1, 0)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(1, 3)), max_size=8),
    st.none() | st.integers(0, 5),
)
def test_licence_minutes_are_those_of_a_count_every_millisecond(uses, limit):
    """Ledger S0-38: in use, and at the limit."""
    span = Span(Instant(10), Instant(50))
    held = [Held(start=Instant(min(a, b)), end=Instant(max(a, b)), seats=n) for a, b, n in uses]
    counts = [sum(h.seats for h in held if h.start <= at < h.end) for at in range(10, 50)]
    found = minutes(held, span, limit)
    assert found.in_use_ms == sum(counts)
    assert found.most == max(counts)
    if limit:
        assert found.at_limit_ms == sum(count >= limit for count in counts)


@given(st.integers(1, 10**12), st.lists(st.integers(0, 10**10), max_size=30))
def test_a_budget_is_gone_when_its_pace_says_so(amount, daily):
    now = Instant(T0)
    found = outlook(amount, sum(daily), daily, now)
    if sum(daily) >= amount:
        assert found.exhausted_at == now
    elif len(daily) < 3:
        assert found.exhausted_at is None
        assert "3 whole days" in found.advice
    elif found.exhausted_at is None:
        assert not any(daily[-14:])
    else:
        days = (amount - sum(daily)) / (sum(daily[-14:]) / len(daily[-14:]))
        assert abs(found.exhausted_at - now - days * MILLIS_PER_DAY) <= 1 + days
        assert found.earliest_at is not None
        assert found.earliest_at <= found.exhausted_at
        assert found.latest_at is None or found.latest_at >= found.exhausted_at


@st.composite
def cards(draw):
    """Return rate cards, put one after the other while the farm runs."""
    found = []
    for number in range(draw(st.integers(0, 2))):
        at = Instant(T0 + number * draw(st.integers(0, 20_000_000)))
        price = st.integers(1, 10**12)
        found.append(
            RateCard(
                farm_id=FARM, card_id=f"card-{number}", name="c", valid_from=at, created_at=at,
                created_by="t",
                lines=(RateLine(line_id="l", unit=draw(st.sampled_from(RateUnit)),
                                billionths_per_hour=draw(price)),),
                terms=CardTerms(
                    licences=(LicenceLine(product="p", unit=draw(st.sampled_from(LicenceUnit)),
                                          billionths_per_hour=draw(price), apps=("povray",)),),
                    energy=(EnergyLine(billionths_per_kwh=draw(price), watts_milli=333_333),),
                    overheads=(
                        OverheadLine(name="rent", billionths_per_month=draw(price)),
                        OverheadLine(name="share", machine_ppm=draw(st.integers(0, 500_000))),
                    ),
                    idle=draw(st.sampled_from(Idle)),
                ),
            )
        )  # fmt: skip
    sell = SellTerms(client="acme", projects=("film",), markup_ppm=draw(st.integers(0, 10**6)))
    found.append(
        RateCard(farm_id=FARM, card_id="sell", name="s", valid_from=T0, created_at=T0,
                 created_by="t", lines=(), terms=CardTerms(sell=sell))
    )  # fmt: skip
    return found


A_BILLIONTH_TO_SHARE = [
    RateCard(
        farm_id=FARM, card_id="card-0", name="c", valid_from=T0, created_at=T0, created_by="t",
        lines=(RateLine(line_id="l", unit=RateUnit.WORKER_HOUR, billionths_per_hour=1),),
        terms=CardTerms(
            overheads=(OverheadLine(name="rent", billionths_per_month=1000),), idle=Idle.ALLOCATED
        ),
    )
]  # fmt: skip
"""Less to allocate than there are entries: waste gets the same of it, however work is grouped."""


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@example(0, A_BILLIONTH_TO_SHARE, "UTC", [0.0, 1.0], ["render_type", "user"])
@given(
    st.integers(0, 10**6),
    cards(),
    st.sampled_from(ZONES),
    st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted),
    st.lists(st.sampled_from(GROUPS), min_size=2, max_size=2, unique=True),
)
def test_every_pivot_of_a_random_farm_has_the_same_sum(seed, made, zone, part, names):
    """Design, invariant 4; ledger S2-14: for random farms, cards, zones and spans, cost by any
    attributes sums to the same number, and cutting the span in two changes nothing of tiles."""
    story = Storyteller(seed, hours=7, workers=3, jobs=4).tell()
    story.samples.clear()
    length = story.end - T0
    span = [T0 + round(length * part[0]), T0 + round(length * part[1]) + 1]
    with tempfile.TemporaryDirectory() as folder, books_bench(Path(folder), story.end) as bench:
        bench.put(
            Farm(farm_id=FARM, name="f", zone=zone, created_at=T0, created_by="t"), *made,
            *(Worker(farm_id=FARM, fleet_id=FleetId(FLEETS[n % 2]),
                     worker_id=WorkerId(numbered("worker", n)),
                     global_index=n, host_name=f"box{n}", created_at=T0, created_by="t")
              for n in (1, 2, 3)),
        )  # fmt: skip
        post(bench, rows_of(story))

        def cost(by, start=span[0], end=span[1]):
            return bench.books.call("cost", {"farm_id": FARM, "start": start, "end": end, "by": by})

        plain = cost("component")
        allowed = [name for name in names if name not in ("hour", "day", "week", "month")]
        for by in (",".join(allowed) or "user", "frame,day"):
            found = cost(by)
            for amount in ("cost", "sell", "wasted_cost"):
                exact = sum(Decimal(row[amount] or 0) for row in found["rows"])
                assert exact == Decimal(plain["total"][amount] or 0), (by, amount)
            assert sum(r["thread_ms"] for r in found["rows"]) == plain["total"]["thread_ms"]
        middle = (span[0] + span[1]) // 2
        if span[0] < middle < span[1]:
            halves = [cost("component", span[0], middle), cost("component", middle, span[1])]
            for component in ("machine", "licence", "energy"):
                parts = [half["components"].get(component, {}).get("cost") for half in halves]
                whole = plain["components"].get(component, {}).get("cost")
                assert sum(Decimal(p or 0) for p in parts) == Decimal(whole or 0)


def test_the_first_instant_of_a_month_is_local():
    """A month is the farm's month, not that of UTC."""
    span = month_span("2026-03", ZoneInfo("Europe/Berlin"))
    assert span.start == instant_of(datetime(2026, 2, 28, 23, tzinfo=UTC))
    assert span.millis == 31 * MILLIS_PER_DAY - 3_600_000
