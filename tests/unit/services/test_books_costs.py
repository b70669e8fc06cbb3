"""What work costs, recomputed from the facts in plain Python."""

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from itertools import chain
from typing import Any

import pytest
from msgspec.structs import replace

from grange.domain.farm import Farm
from grange.domain.rates import (
    CardTerms,
    Discount,
    EnergyLine,
    EnergySource,
    Idle,
    LicenceLine,
    LicenceUnit,
    OverheadLine,
    PricedWork,
    RateCard,
    RateLine,
    RateUnit,
    SellTerms,
    thread_rate,
)
from grange.domain.work import Worker
from grange.kernel.errors import InvalidRequestError
from grange.kernel.ids import FleetId, WorkerId
from grange.kernel.units import MILLIS_PER_HOUR, Instant, billionths_of
from grange.server.rest.day_shapes import LicenceMinutes
from grange.testing.books import books_bench
from grange.testing.facts import (
    FARM,
    FLEET,
    T0,
    action_fact,
    event_fact,
    frame_row,
    licence_fact,
    numbered,
    posted_frame,
    posted_worker_sample,
    sample_row,
    session_fact,
)
from grange.testing.story import FLEETS, Storyteller, post, rows_of
from tests.answers import difference

pytestmark = pytest.mark.slow

FARM_ROW = Farm(
    farm_id=FARM, name="f", currency="EUR", zone="Europe/Berlin", created_at=T0, created_by="t"
)
ADMIN_PPM = 123_457
WATTS = 433_000
PER_KWH = 300_000_001
LICENCE = 777_777_777
TERMS = CardTerms(
    licences=(
        LicenceLine(
            product="mts",
            unit=LicenceUnit.WORKER_HOUR,
            billionths_per_hour=LICENCE,
            apps=("mitsuba",),
        ),
    ),
    energy=(EnergyLine(billionths_per_kwh=PER_KWH, watts_milli=WATTS),),
    overheads=(
        OverheadLine(name="rent", billionths_per_month=500 * 10**9),
        OverheadLine(name="admin", machine_ppm=ADMIN_PPM, payer="client"),
    ),
)
CARD = RateCard(
    farm_id=FARM, card_id="card-1", name="c", valid_from=Instant(0),
    lines=(RateLine(line_id="l", unit=RateUnit.WORKER_HOUR, billionths_per_hour=1_000_000_007),),
    created_at=Instant(0), created_by="t", terms=TERMS,
)  # fmt: skip
SELL = RateCard(
    farm_id=FARM, card_id="card-2", name="s", valid_from=Instant(0), lines=(),
    created_at=Instant(0), created_by="t",
    terms=CardTerms(sell=SellTerms(client="acme", projects=("film",), markup_ppm=250_000)),
)  # fmt: skip
WORKERS = tuple(
    Worker(
        farm_id=FARM, fleet_id=FleetId(FLEETS[n % 2]), worker_id=WorkerId(numbered("worker", n)),
        global_index=n, host_name=f"box{n}", created_at=T0, created_by="t",
    )
    for n in (1, 2, 3)
)  # fmt: skip


def half_even(above: int, below: int) -> int:
    return round(Fraction(above, below))


def after(rate: int, millis: int) -> int:
    return half_even(rate * millis, MILLIS_PER_HOUR)


@pytest.fixture(scope="module")
def story():
    story = Storyteller("costs", hours=9, workers=3, jobs=6).tell()
    story.samples.clear()
    return story


@pytest.fixture(scope="module")
def bench(tmp_path_factory, story):
    with books_bench(tmp_path_factory.mktemp("costs"), story.end) as bench:
        bench.put(FARM_ROW, CARD, SELL, *WORKERS)
        post(bench, rows_of(story))
        bench.books.seal(force=True)
        yield bench


def cost(bench, by, start=T0, end=None, **options):
    end = bench.clock.now() if end is None else end
    return bench.books.call(
        "cost", {"farm_id": FARM, "start": start, "end": end, "by": by, **options}
    )


def billionths(text):
    return 0 if text is None else billionths_of(Decimal(text))


def pieces_of(story):
    """Yield every piece of every session: (session, action or None, start, end, in attempt)."""
    for session in story.sessions():
        position, last = session.started_at, None
        own = [a for a in story.actions() if a.session_id == session.session_id]
        for action in sorted(own, key=lambda a: (a.started_at, a.action_index)):
            if action.kind == "task_run":
                yield session, action, position, action.started_at, False
                yield session, action, action.started_at, action.ended_at, True
            else:
                yield session, action, position, action.ended_at, False
            position, last = action.ended_at, action
        yield session, last, position, session.ended_at, False


def test_components_are_those_of_a_reading_of_every_piece(bench, story):
    """Ledger S0-49, S2-14, rule 11.6: cost is Σ priced session seconds + Σ licence seconds, and
    energy and overheads on top, each A(b) − A(a) since the session began."""
    wanted: dict[Any, int] = defaultdict(int)
    app_of = {a.layer_id: a.app for a in story.actions() if a.layer_id}
    for session, _action, start, end, _ in pieces_of(story):
        rates = {"machine": session.billionths_per_hour}
        if session.billionths_per_hour is not None:
            rates["admin"] = half_even(session.billionths_per_hour * ADMIN_PPM, 10**6)
        rates["energy"] = half_even(PER_KWH * WATTS, 10**6 * session.threads)
        layer = next(a.layer_id for a in story.attempts() if a.session_id == session.session_id)
        if app_of[layer] == "mitsuba":
            rates["mts"] = half_even(LICENCE, session.threads)
        for item, rate in rates.items():
            if rate is not None:
                wanted[item] += after(rate, end - session.started_at)
                wanted[item] -= after(rate, start - session.started_at)
    found = {row["item"]: billionths(row["cost"]) for row in cost(bench, "component,item")["rows"]}
    assert {name: found[name] for name in wanted} == wanted
    month = 31 * 86_400_000
    passed = story.end - (T0 - 10 * MILLIS_PER_HOUR - MILLIS_PER_HOUR)
    rent = half_even(500 * 10**9 * passed, month)
    rent -= half_even(500 * 10**9 * 11 * MILLIS_PER_HOUR, month)
    assert found["rent"] == rent


@pytest.mark.parametrize(
    "by",
    ["user", "client", "shot,version", "job,queue", "cause,outcome", "worker,day", "frame,layer"],
)
def test_every_pivot_sums_to_the_same_number(bench, story, by):
    """Ledger S2-14: whatever cost is grouped by, its sum is the same to the billionth."""
    plain = cost(bench, "component")
    found = cost(bench, by)
    for name in ("cost", "sell", "wasted_cost"):
        total = sum(billionths(row[name]) for row in found["rows"])
        assert total == billionths(found["total"][name]) == billionths(plain["total"][name]), name
    assert sum(row["thread_ms"] for row in found["rows"]) == plain["total"]["thread_ms"]
    assert found["total"]["machine_ms"] == plain["total"]["machine_ms"]


def test_waste_is_what_came_to_nothing(bench, story):
    """Ledger S0-54: failed attempts, and successes that were asked for again, as hours."""
    failed, again = Fraction(0), Fraction(0)
    latest: dict[Any, Any] = {}
    for attempt in story.attempts():
        if attempt.status == "SUCCEEDED":
            place = (attempt.layer_id, attempt.task_index)
            latest[place] = max(latest.get(place, 0), attempt.ended_at)
    for attempt in story.attempts():
        time = Fraction(attempt.ended_at - attempt.started_at, attempt.threads)
        if attempt.status == "FAILED":
            failed += time
        elif attempt.ended_at < latest[attempt.layer_id, attempt.task_index]:
            again += time
    waste = cost(bench, "project")["waste"]
    assert failed > 0 < again
    assert waste["failed"]["machine_ms"] == round(failed)
    assert waste["rerendered"]["machine_ms"] == round(again)
    assert waste["superseded"]["machine_ms"] == 0


def test_wasted_time_is_that_of_the_accounts(bench, story):
    """Ledger S2-14: what cost calls waste is what the machine time accounts call waste."""
    found = cost(bench, "project")
    accounts = bench.books.accounts(farm_id=FARM, start=T0, end=story.end)["total"]
    assert found["total"]["wasted_ms"] == accounts["rendering_wasted_ms"]
    idle = accounts["idle_no_work_ms"] + accounts["idle_blocked_ms"]
    assert abs(found["components"]["idle"]["machine_ms"] - idle) <= 2


def test_a_frame_costs_its_share_of_render_time(tmp_path):
    """Ledger S0-05, S0-49: an attempt's cost is divided among its frames by their render time."""
    rate = 3_600_000_001
    with books_bench(tmp_path, Instant(T0 + 20_000)) as bench:
        bench.put(FARM_ROW)
        bench.keep(
            session_fact(billionths_per_hour=rate),
            action_fact(billionths_per_hour=rate),
        )
        for frame, millis in ((1, 2_000), (2, 6_000)):
            bench.post("frames", [frame_row(posted_frame(frame=frame, render_ms=millis))])
        rows = cost(bench, "frame")["rows"]
    total = after(rate, 10_000)
    shares = {row["frame"]: billionths(row["cost"]) for row in rows}
    assert sum(shares.values()) == total
    assert abs(shares[1] - total / 4) <= 1
    assert {row["frame"]: row["thread_ms"] for row in rows} == {1: 2_500, 2: 7_500}


def test_frames_without_records_share_evenly(tmp_path):
    with books_bench(tmp_path, Instant(T0 + 20_000)) as bench:
        bench.put(FARM_ROW)
        bench.keep(
            session_fact(billionths_per_hour=10**9),
            action_fact(billionths_per_hour=10**9, frames="1-3", frame_count=3),
        )
        bench.post("frames", [frame_row(posted_frame(frame=2, render_ms=9_000))])
        rows = cost(bench, "frame")["rows"]
    assert sorted(row["thread_ms"] for row in rows) == [3_333, 3_333, 3_334]
    assert sum(billionths(row["cost"]) for row in rows) == after(10**9, 10_000)


def test_a_licence_that_a_session_held_is_priced_as_it_was_taken(tmp_path):
    """Ledger S0-38, S2-14: a licence costs what it cost when it was taken; the card's own line for
    the product counts where no use is known."""
    card = replace(CARD, created_at=Instant(0))
    with books_bench(tmp_path, Instant(T0 + 20_000)) as bench:
        bench.put(FARM_ROW, card)
        other = numbered("session", 2)
        bench.keep(
            session_fact(), action_fact(),
            session_fact(session_id=other, thread=1), action_fact(session_id=other, thread=1),
            licence_fact(product="mts", started_at=T0 + 1_000, ended_at=T0 + 9_000,
                         billionths_per_hour=500_000_000),
        )  # fmt: skip
        rows = cost(bench, "item")["rows"]
    found = next(billionths(row["cost"]) for row in rows if row["item"] == "mts")
    assert found == after(500_000_000, 8_000) + after(LICENCE, 10_000)


def test_idle_time_is_shown_apart_or_allocated(tmp_path_factory, story):
    """Rule of design section 2: idle cost is a line of its own, or divided among the work; the sum
    is the same."""
    found = {}
    for idle in Idle:
        with books_bench(tmp_path_factory.mktemp(idle.value), story.end) as bench:
            card = replace(CARD, terms=replace(TERMS, idle=idle))
            bench.put(FARM_ROW, card, *WORKERS)
            post(bench, rows_of(story))
            found[idle] = cost(bench, "project")
    apart, allocated = found[Idle.APART], found[Idle.ALLOCATED]
    assert None in [row["project"] for row in apart["rows"]]
    assert None not in [row["project"] for row in allocated["rows"]]
    assert apart["total"]["cost"] == allocated["total"]["cost"]
    for row in chain(apart["rows"], allocated["rows"]):
        assert billionths(row["cost"]) > 0


def test_who_pays_depends_on_whose_fault_it_was(tmp_path):
    """Rule of design section 2: every cause class has a payer; a rate card may change it."""
    failures = {
        "machine": {"cause": "worker_silent", "status": "INTERRUPTED"},
        "farm": {"error_class": "setup", "status": "FAILED"},
        "licence": {"error_class": "licence", "status": "FAILED"},
        "storage": {"error_class": "output", "status": "FAILED"},
        "network": {"error_class": "network", "status": "FAILED"},
        "client": {"error_class": "scene", "status": "FAILED"},
    }
    with books_bench(tmp_path, Instant(T0 + 90_000)) as bench:
        terms = CardTerms(payers={"licence": "client"})
        bench.put(FARM_ROW, replace(CARD, terms=terms))
        for number, changes in enumerate(failures.values()):
            about = {"session_id": numbered("session", number + 1), "thread": number}
            bench.keep(session_fact(**about), action_fact(task_index=number, **about, **changes))
        rows = cost(bench, "cause,payer")["rows"]
    payers = {row["cause"]: row["payer"] for row in rows if row["wasted_ms"]}
    assert payers == dict.fromkeys(
        ("machine", "farm", "storage", "network"), "house"
    ) | dict.fromkeys(("licence", "client"), "client")


def test_a_success_nobody_asked_again_for_is_superseded(tmp_path):
    """Ledger rule 11.7: a late second success is waste of the farm; an asked one of the client."""
    with books_bench(tmp_path, Instant(T0 + 90_000)) as bench:
        bench.put(FARM_ROW, CARD)
        for number in range(4):
            about = {
                "session_id": numbered("session", number + 1),
                "thread": number,
                "started_at": T0 + 20_000 * (number % 2),
            }
            task = number // 2
            bench.keep(session_fact(**about), action_fact(task_index=task, **about))
        layer = action_fact().layer_id or ""
        bench.keep(
            event_fact("1", T0 + 15_000, "task_status", subject="task",
                       subject_id=f"task-{layer[5:]}-1", new="READY", actor="ann")
        )  # fmt: skip
        waste = cost(bench, "project")["waste"]
    assert waste["superseded"]["machine_ms"] == waste["rerendered"]["machine_ms"] == 10_000


def test_a_client_pays_by_the_sell_card(tmp_path):
    """Cost card and sell card per client: markup on cost, or prices of its own; what the house
    pays is not sold."""
    own = replace(SELL, lines=(
        RateLine(line_id="x", unit=RateUnit.THREAD_HOUR, billionths_per_hour=9_000_000_000),
    ))  # fmt: skip
    for card, wanted in ((SELL, after(half_even(10**9 * 125, 100), 10_000)),
                         (own, after(9_000_000_000, 10_000))):  # fmt: skip
        with books_bench(
            tmp_path / card.card_id / str(len(card.lines)), Instant(T0 + 30_000)
        ) as bench:
            bench.put(FARM_ROW, replace(CARD, terms=CardTerms()), card)
            other = {"session_id": numbered("session", 2), "thread": 1}
            bench.keep(
                session_fact(), action_fact(),
                session_fact(**other), action_fact(task_index=1, cause="worker_silent",
                                                   status="INTERRUPTED", **other),
            )  # fmt: skip
            rows = {row["payer"]: row for row in cost(bench, "client,payer")["rows"]}
        assert rows["client"]["client"] == "acme"
        assert billionths(rows["client"]["sell"]) == wanted
        assert billionths(rows["house"]["sell"]) == 0


def test_a_new_card_changes_only_what_begins_after_it(tmp_path):
    """Ledger S0-49, rule 11.4: a price change affects new work only, even one dated back."""
    with books_bench(tmp_path, Instant(T0 + 60_000)) as bench:
        bench.put(FARM_ROW, CARD)
        bench.keep(session_fact(), action_fact())
        before = cost(bench, "item")
        dearer = EnergyLine(billionths_per_kwh=9 * PER_KWH, watts_milli=WATTS)
        bench.put(
            replace(CARD, card_id="card-9", created_at=Instant(T0 + 20_000),
                    terms=replace(TERMS, energy=(dearer,)))
        )  # fmt: skip
        after_it = {row["item"]: row["cost"] for row in cost(bench, "item")["rows"]}
        old = {row["item"]: row["cost"] for row in before["rows"]}
        assert after_it["energy"] == old["energy"]
        bench.keep(
            session_fact(session_id=numbered("session", 2), started_at=T0 + 30_000),
            action_fact(session_id=numbered("session", 2), started_at=T0 + 30_000),
        )
        again = {row["item"]: billionths(row["cost"]) for row in cost(bench, "item")["rows"]}
        first = half_even(PER_KWH * WATTS, 10**6)
        second = half_even(9 * PER_KWH * WATTS, 10**6)
        assert again["energy"] == after(first, 10_000) + after(second, 10_000)


def test_the_line_that_says_most_prices_a_machine():
    """Ledger S2-14: machines are priced by fleet, region and app; discounts scale the price."""

    def line(name, **selected):
        return RateLine(
            line_id=name, unit=RateUnit.THREAD_HOUR, billionths_per_hour=1000, **selected
        )

    card = replace(
        CARD,
        lines=(line("all"), line("app", app="nuke"), line("region", region="cloud"),
               line("fleet", fleet_id=FLEET), line("both", fleet_id=FLEET, app="nuke")),
        terms=CardTerms(discounts=(Discount(name="friends", ppm=100_000, project="film"),
                                   Discount(name="night", ppm=500_000, user_name="ann"))),
    )  # fmt: skip
    for work, wanted, amount in (
        (PricedWork(fleet_id="x"), "all", 1000),
        (PricedWork(fleet_id="x", app="nuke"), "app", 1000),
        (PricedWork(fleet_id="x", app="nuke", region="cloud"), "region", 1000),
        (PricedWork(fleet_id=FLEET, region="cloud"), "fleet", 1000),
        (PricedWork(fleet_id=FLEET, app="nuke", project="film"), "both", 900),
        (PricedWork(fleet_id="x", project="film", user_name="ann"), "all", 450),
    ):
        found = thread_rate(card, FleetId(work.fleet_id), 2, 1000, work)
        assert found is not None
        assert (found.line_id, found.billionths_per_hour) == (wanted, amount)


def test_conditions_choose_before_sums_are_made(bench):
    """One query language: what a condition leaves and what it takes make the whole."""
    whole = cost(bench, "user")
    film = cost(bench, "user", where="project=film")
    rest = cost(bench, "user", where="project!=film")
    assert billionths(film["total"]["cost"]) > 0 < billionths(rest["total"]["cost"])
    assert film["total"]["thread_ms"] + rest["total"]["thread_ms"] == whole["total"]["thread_ms"]


@pytest.mark.parametrize("by", ["", "colour", "user,user", "user,project,app", "day,hour"])
def test_what_cannot_be_grouped_by_is_refused(bench, by):
    with pytest.raises(InvalidRequestError, match="by must be one or two of"):
        cost(bench, by)


def test_without_a_rate_card_there_are_hours_and_no_money(tmp_path):
    """Ledger rule 11.6: no invented money."""
    with books_bench(tmp_path, Instant(T0 + 30_000)) as bench:
        bench.put(FARM_ROW)
        bench.keep(session_fact(billionths_per_hour=None), action_fact(billionths_per_hour=None))
        found = cost(bench, "project")
    assert found["total"]["cost"] is None
    assert found["total"]["machine_ms"] == found["unpriced_ms"] == 10_000


def test_the_worked_example_of_the_docs(tmp_path):
    """Ledger S2-14: the worked job of docs/costs.md."""
    hour = MILLIS_PER_HOUR
    rate = 300_000_000
    with books_bench(tmp_path, Instant(T0 + 2 * hour)) as bench:
        card = replace(
            CARD,
            terms=CardTerms(energy=(EnergyLine(billionths_per_kwh=280_000_000, watts_milli=1),)),
        )
        bench.put(FARM_ROW, card)
        about = {"threads": 2, "billionths_per_hour": rate}
        bench.keep(
            session_fact(ended_at=T0 + 90 * 60_000, **about),
            action_fact(ended_at=T0 + hour, watts_milli=500_000, **about),
            action_fact(action_index=1, task_index=1, started_at=T0 + hour,
                        ended_at=T0 + 90 * 60_000, watts_milli=500_000, status="FAILED",
                        error_class="output", **about),
        )  # fmt: skip
        rows = cost(bench, "outcome,component")["rows"]
        found = {(row["outcome"], row["component"]): Decimal(row["cost"]) for row in rows}
        payers = {row["cause"]: row["payer"] for row in cost(bench, "cause,payer")["rows"]}
        total = cost(bench, "user")["total"]
    assert found == {
        ("useful", "machine"): Decimal("0.30"),
        ("useful", "energy"): Decimal("0.07"),
        ("failed", "machine"): Decimal("0.15"),
        ("failed", "energy"): Decimal("0.035"),
    }
    assert payers == {"none": "client", "storage": "house"}
    assert (Decimal(total["cost"]), total["machine_ms"]) == (Decimal("0.555"), 45 * 60_000)
    assert (Decimal(total["wasted_cost"]), total["wasted_ms"]) == (Decimal("0.185"), 15 * 60_000)


def test_licence_minutes_in_use_at_the_limit_and_denied(tmp_path):
    """Ledger S0-38, S2-09: minutes in use, at the limit, denied; from uses, else from the card."""
    lines = (
        LicenceLine(product="nuke", unit=LicenceUnit.THREAD_HOUR, billionths_per_hour=1,
                    apps=("nuke",), limit=2),
        LicenceLine(product="mts", unit=LicenceUnit.WORKER_HOUR, billionths_per_hour=1,
                    apps=("mitsuba",), limit=1),
    )  # fmt: skip
    minute = 60_000
    with books_bench(tmp_path, Instant(T0 + 60 * minute)) as bench:
        bench.put(FARM_ROW, replace(CARD, terms=CardTerms(licences=lines)))
        for number, (start, end, app) in enumerate(
            [(0, 10, "nuke"), (4, 12, "nuke"), (0, 6, "mitsuba"), (3, 9, "mitsuba")]
        ):
            about = {"session_id": numbered("session", number + 1), "thread": number,
                     "started_at": T0 + start * minute, "ended_at": T0 + end * minute}  # fmt: skip
            bench.keep(session_fact(**about))
            failed = {"status": "FAILED", "error_class": "licence"} if number == 1 else {}
            bench.keep(action_fact(app=app, task_index=number, **about, **failed))
        bench.keep(
            licence_fact(session_id=numbered("session", 1), product="nuke", started_at=T0,
                         ended_at=T0 + 10 * minute)
        )  # fmt: skip
        answer = bench.books.call(
            "licence_minutes", {"farm_id": FARM, "start": T0, "end": T0 + 60 * minute}
        )
    assert difference(answer, LicenceMinutes) is None
    rows = answer["rows"]
    by_product = {row.pop("product"): row for row in rows}
    assert by_product["nuke"] == {
        "limit": 2, "in_use_minutes": 18.0, "at_limit_minutes": 6.0, "denied_minutes": 8.0,
        "denied_attempts": 1, "most_in_use": 2,
    }  # fmt: skip
    assert by_product["mts"]["in_use_minutes"] == 9.0
    assert by_product["mts"]["at_limit_minutes"] == 9.0


def test_measured_power_is_the_mean_of_samples(tmp_path):
    """Ledger S2-14: energy from measured watts where half of a session was watched, else rated."""
    line = EnergyLine(billionths_per_kwh=10**9, source=EnergySource.MEASURED, watts_milli=100_000)
    with books_bench(tmp_path, Instant(T0 + 900_000)) as bench:
        bench.put(FARM_ROW, replace(CARD, terms=CardTerms(energy=(line,))))
        for number, samples in enumerate((3, 1)):
            start = T0 + number * 400_000
            about = {"session_id": numbered("session", number + 1), "started_at": start,
                     "ended_at": start + 60_000}  # fmt: skip
            bench.keep(session_fact(**about), action_fact(task_index=number, **about))
            for place in range(samples):
                posted = posted_worker_sample(start + 20_000 * (place + 1))
                watts = 300_000 + 100_000 * place
                bench.post("worker_samples", [sample_row(posted, watts_milli=watts)])
        first = cost(bench, "item", end=T0 + 300_000)["components"]["energy"]["cost"]
        second = cost(bench, "item", start=T0 + 300_000)["components"]["energy"]["cost"]
    assert billionths(first) == after(400_000_000, 60_000)
    assert billionths(second) == after(100_000_000, 60_000)
