"""Months: frozen, corrected, moved, credited; and the statements made of them."""

import asyncio
import json
from decimal import Decimal

import pytest
from msgspec.structs import replace

from grange.domain.farm import Farm
from grange.domain.rates import CardTerms, RateCard, RateLine, RateUnit, SellTerms
from grange.domain.statements import PostingKind, PostingPart
from grange.kernel.errors import ConflictError, CorruptDataError, InvalidRequestError
from grange.kernel.units import MILLIS_PER_HOUR, Instant, billionths_of
from grange.services.books.cost_sheet import Amounts
from grange.testing.books import books_bench
from grange.testing.facts import FARM, T0, action_fact, licence_fact, numbered, session_fact
from tests.unit.services.posting import credit, freeze, lines, move, posted, statement

pytestmark = pytest.mark.slow

DAY = 24 * MILLIS_PER_HOUR
FEBRUARY = Instant(1_769_904_000_000)
"""2026-02-01 in UTC."""
MARCH = Instant(FEBRUARY + 28 * DAY)
RATE = 3_333_333_337
FARM_ROW = Farm(farm_id=FARM, name="studio", currency="EUR", created_at=T0, created_by="t")
CARD = RateCard(
    farm_id=FARM, card_id="card-1", name="c", valid_from=Instant(0),
    lines=(RateLine(line_id="l", unit=RateUnit.THREAD_HOUR, billionths_per_hour=RATE),),
    created_at=Instant(0), created_by="t",
)  # fmt: skip
SELL = RateCard(
    farm_id=FARM, card_id="card-2", name="s", valid_from=Instant(0), lines=(),
    created_at=Instant(0), created_by="t",
    terms=CardTerms(sell=SellTerms(client="acme", projects=("film",), markup_ppm=500_000)),
)  # fmt: skip


def attempt(number, start, seconds=600, **changes):
    """Return a session with one attempt."""
    about = {"session_id": numbered("session", number), "thread": number, "started_at": start,
             "ended_at": start + seconds * 1000, "billionths_per_hour": RATE,
             "project": changes.pop("project", "film")}  # fmt: skip
    action = {"task_index": number, "session_started_at": start, **about, **changes}
    action["layer_id"] = numbered("step", len(about["project"]))
    return session_fact(**about), action_fact(**action)


@pytest.fixture
def bench(tmp_path):
    with books_bench(tmp_path, Instant(T0)) as bench:
        bench.put(FARM_ROW, CARD, SELL)
        for number in range(1, 4):
            bench.keep(*attempt(number, T0 + number * 700_000))
        bench.keep(*attempt(4, T0 + 5_000_000, project="advert"))
        bench.travel(FEBRUARY + DAY)
        yield bench


def exact(document):
    return billionths_of(Decimal(document["rows"]["amount"]))


def test_a_frozen_month_stays_frozen_whatever_arrives(bench):
    """Ledger rules 11.4, 11.7: duplicates, late facts, later supersession and regrouping change
    nothing that is posted; they are posted in the first open month and name the month they
    correct."""
    freeze(bench, "2026-01")
    before = statement(bench, "2026-01", lines=True)
    duplicate = attempt(1, T0 + 700_000, project="stolen")
    late = attempt(9, T0 + 9_000_000)
    again = attempt(10, FEBRUARY + 1_000)
    bench.keep(*duplicate, *late)
    bench.keep(again[0], replace(again[1], task_index=2, layer_id=attempt(2, T0)[1].layer_id))
    assert statement(bench, "2026-01", lines=True) == before

    bench.travel(MARCH + DAY)
    freeze(bench, "2026-02")
    assert statement(bench, "2026-01", lines=True) == before
    february = lines(bench, "2026-02")
    corrections = [line for line in february if line["corrects"] == "2026-01"]
    hour = 600_000 / MILLIS_PER_HOUR
    cost: dict[tuple[str, str], float] = {}
    for line in corrections:
        place = (line["session_id"], line["outcome"])
        cost[place] = cost.get(place, 0) + float(line["amount"])
    one = hour * RATE / 1e9
    assert cost[numbered("session", 9), "useful"] == pytest.approx(one)
    assert cost[numbered("session", 2), "useful"] == pytest.approx(-one)
    assert cost[numbered("session", 2), "superseded"] == pytest.approx(one)
    assert not [line for line in corrections if line["project"] == "stolen"]
    assert len(cost) == 3

    bench.travel(MARCH + 40 * DAY)
    freeze(bench, "2026-03")
    assert not [line for line in lines(bench, "2026-03") if line["corrects"]]


def test_what_was_posted_is_what_the_facts_say(bench):
    """Ledger rule 11.7: a month and its corrections together equal the cost of its time."""
    freeze(bench, "2026-01")
    bench.keep(*attempt(9, T0 + 9_000_000))
    bench.travel(MARCH + DAY)
    freeze(bench, "2026-02")
    found = bench.books.call(
        "cost", {"farm_id": FARM, "start": T0 - DAY, "end": FEBRUARY, "by": "project"}
    )
    about = [*lines(bench, "2026-01"), *lines(bench, "2026-02")]
    assert sum(billionths_of(Decimal(line["amount"])) for line in about) == billionths_of(
        Decimal(found["total"]["cost"])
    )


@pytest.mark.parametrize("by", ["client,project,component", "user", "job,outcome", "shot,version"])
def test_the_printed_column_adds_up(bench, by):
    """Rounded by largest remainder: printed rows sum to the printed total, which is the exact total
    rounded; every table of the statement alike."""
    freeze(bench, "2026-01")
    document = statement(bench, "2026-01", by=by)
    for name in ("rows", "waste", "payers"):
        part = document[name]
        printed = [Decimal(row[-1]) for row in part["rows"]]
        assert sum(printed) == Decimal(part["printed"])
        assert abs(Decimal(part["printed"]) - Decimal(part["amount"])) <= Decimal("0.005")
        assert all(
            abs(Decimal(row[-1]) - Decimal(row[-2])) < Decimal("0.01") for row in part["rows"]
        )
    assert document["rows"]["amount"] == document["payers"]["amount"]


def test_a_report_of_an_open_month_says_what_its_statement_says(bench):
    """Design, invariant 6: same question, same number, and so the total below its rows."""
    document = statement(bench, "2026-01")
    told = bench.books.call(
        "report",
        {
            "farm_id": FARM,
            "report": "cost",
            "start": document["start_at"],
            "end": document["end_at"],
            "by": "project",
        },
    )
    assert told["totals"]["cost"] == document["rows"]["amount"]
    assert sum(Decimal(row["cost"]) for row in told["rows"]) == Decimal(told["totals"]["cost"])
    assert told["totals"]["machine_ms"] == document["rows"]["machine_ms"]


def test_lines_that_are_not_posted_do_not_say_they_are(bench):
    assert {line["posting"] for line in lines(bench, "2026-01")} == {"open"}
    freeze(bench, "2026-01")
    assert {line["posting"] for line in lines(bench, "2026-01")} == {"freeze"}


@pytest.mark.parametrize(
    ("costs", "whole", "said"),
    [
        (("21.3356", "15.0546", "67.6048"), "103.995", "a EUR 21.34, b EUR 15.05, c EUR 67.61"),
        (("0.0004", None, "0.00005"), "0.00045", "a EUR 0.0004, c EUR 0.0000"),
        (("1500", "0.4"), "1500.4", "a EUR 1,500.00, b EUR 0.40"),
    ],
)
def test_parts_are_written_alike_and_add_up_as_written(costs, whole, said):
    parts = {name: {"cost": cost} for name, cost in zip("abc", costs, strict=False)}
    amounts = Amounts("EUR", billionths_of(Decimal(whole)))
    assert amounts.listed(parts) == said


def test_every_line_is_traced_to_its_attempt(bench):
    """Design, invariant 4: each row can be traced to its attempts."""
    freeze(bench, "2026-01")
    document = statement(bench, "2026-01", lines=True)
    found = {line["action_id"] for line in document["line_rows"]}
    assert found == {attempt(n, T0)[1].action_id for n in (1, 2, 3, 4)}
    assert document["attempts"] == 4
    assert document["thread_ms"] == 4 * 600_000
    assert sum(Decimal(line["amount"]) for line in document["line_rows"]) == Decimal(
        document["rows"]["amount"]
    )


def test_a_move_sums_to_zero_and_names_its_month(bench):
    """Posted months are never edited: a move is signed rows in the first open month."""
    freeze(bench, "2026-01")
    before = statement(bench, "2026-01", lines=True)
    move(bench, "2026-01", "project=advert", {"project": "film"}, reason="wrong tag")
    assert statement(bench, "2026-01", lines=True) == before
    signed = [line for line in lines(bench, "2026-02") if line["posting"] == "move"]
    assert sum(billionths_of(Decimal(line["amount"])) for line in signed) == 0
    assert {line["corrects"] for line in signed} == {"2026-01"}
    by_project = {line["project"]: Decimal(line["amount"]) for line in signed}
    assert by_project["film"] == -by_project["advert"] > 0
    assert {line["client"] for line in signed if line["project"] == "film"} == {"acme"}
    assert {line["reason"] for line in signed} == {"wrong tag"}
    with pytest.raises(InvalidRequestError, match="no posted line"):
        move(bench, "2026-01", "project=advert", {"project": "film"}, reason="again")


def test_a_moved_amount_does_not_come_back_as_a_correction(bench):
    freeze(bench, "2026-01")
    move(bench, "2026-01", "project=film", {"project": "other"}, reason="r", amount="0.50")
    bench.travel(MARCH + DAY)
    freeze(bench, "2026-02")
    february = lines(bench, "2026-02")
    assert {line["posting"] for line in february if line["corrects"]} == {"move"}
    moved = sum(Decimal(line["amount"]) for line in february if line["project"] == "other")
    assert moved == Decimal("0.50")


def test_a_credit_moves_what_the_client_pays_to_the_house(bench):
    """A credit sums to zero: less for the client, as much more for the house."""
    freeze(bench, "2026-01")
    whole = statement(bench, "2026-01", client="acme")
    credit(bench, "2026-01", "project=film", reason="late delivery", amount="0.25")
    signed = [line for line in lines(bench, "2026-02") if line["posting"] == "credit"]
    assert sum(billionths_of(Decimal(line["amount"])) for line in signed) == 0
    owed = statement(bench, "2026-02", client="acme")
    assert exact(owed) < 0 < exact(whole)
    assert statement(bench, "2026-01", client="acme") == whole
    with pytest.raises(InvalidRequestError, match="amount must be"):
        credit(bench, "2026-01", "project=film", reason="too much", amount="1000")


def test_a_client_is_charged_by_the_sell_card(bench):
    """Cost card and sell card: the client's statement has markup, and only its own projects."""
    freeze(bench, "2026-01")
    document = statement(bench, "2026-01", client="acme", lines=True)
    assert {line["project"] for line in document["line_rows"] if line["client"] == "acme"} == {
        "film"
    }
    assert exact(document) == pytest.approx(1.5 * 3 * 600_000 / MILLIS_PER_HOUR * RATE, rel=1e-8)


def test_months_are_frozen_in_order_and_once(bench):
    bench.keep(*attempt(20, FEBRUARY + 60_000))
    with pytest.raises(ConflictError, match="not over"):
        freeze(bench, "2026-02")
    bench.travel(MARCH + DAY)
    with pytest.raises(ConflictError, match="Freeze 2026-01 first"):
        freeze(bench, "2026-02")
    freeze(bench, "2026-01")
    with pytest.raises(ConflictError, match="frozen already"):
        freeze(bench, "2026-01")
    with pytest.raises(ConflictError, match="lies before"):
        freeze(bench, "2025-12")
    with pytest.raises(InvalidRequestError, match="no month"):
        freeze(bench, "2026-13")
    found = bench.books.call("months", {"farm_id": FARM})
    assert found["open_month"] == "2026-02"
    assert [(row["month"], row["status"]) for row in found["months"]] == [
        ("2026-03", "open"), ("2026-02", "open"), ("2026-01", "frozen"),
    ]  # fmt: skip


def test_only_posted_months_are_moved_or_credited(bench):
    with pytest.raises(InvalidRequestError, match="not frozen"):
        move(bench, "2026-01", "", {"project": "x"}, reason="r")


def test_a_posting_made_on_old_knowledge_is_refused(bench):
    """Two freezes at once post one month once."""
    plan = bench.books.call("freeze_plan", {"farm_id": FARM, "month": "2026-01"})
    freeze(bench, "2026-01")
    with pytest.raises(ConflictError, match="posted meanwhile"):
        posted(bench, plan, PostingKind.FREEZE)


def test_a_month_the_books_do_not_have_has_no_statement(bench):
    """A zero nobody can tell from a true one is worse than a refusal."""
    for month, why in (
        ("2025-12", "before the first one of the books, 2026-01"),
        ("2126-01", "has not begun"),
    ):
        with pytest.raises(InvalidRequestError, match=why):
            bench.books.call("month_statement", {"farm_id": FARM, "month": month})


def test_an_attempt_over_midnight_is_cut_at_the_border(bench):
    """Ledger rule 11.1: cost is split exactly at borders; the two months sum to the session."""
    bench.keep(*attempt(7, FEBRUARY - 123_457, seconds=300))
    bench.travel(MARCH + DAY)
    freeze(bench, "2026-01")
    freeze(bench, "2026-02")
    both = [
        line
        for month in ("2026-01", "2026-02")
        for line in lines(bench, month)
        if line["session_id"] == numbered("session", 7)
    ]
    assert [line["thread_ms"] for line in both] == [123_457, 300_000 - 123_457]
    assert sum(Decimal(line["amount"]) for line in both) == Decimal(
        round(RATE * 300 / 3600)
    ).scaleb(-9)


def test_licences_are_in_the_statement(bench):
    """Ledger S0-38, S2-14: licence seconds × price are lines of their own."""
    bench.keep(
        licence_fact(session_id=numbered("session", 1), started_at=T0 + 700_000,
                     ended_at=T0 + 1_000_000, billionths_per_hour=12 * 10**9)
    )  # fmt: skip
    freeze(bench, "2026-01")
    document = statement(bench, "2026-01", by="item")
    amounts = {row[0]: Decimal(row[-2]) for row in document["rows"]["rows"]}
    assert amounts["nuke"] == Decimal(1)


def test_damage_to_posted_lines_shows(bench):
    freeze(bench, "2026-01")
    (part,) = asyncio.run(bench.store.find(PostingPart))
    columns = json.loads(json.dumps(dict(part.columns)))
    columns["cost"][0] += 1
    bench.put(replace(part, columns=columns))
    with pytest.raises(CorruptDataError, match="not those that were posted"):
        statement(bench, "2026-01")
