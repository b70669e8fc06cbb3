"""Costs, months and budgets through REST, the command line and scripts."""

import asyncio
import csv
import io
import itertools
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest

import grange
from grange.adapters.sqlite import SqliteStore
from grange.cli.main import run
from grange.cli.rates import EXAMPLE, read_card
from grange.domain.rates import RateLine, RateUnit
from grange.kernel.errors import InvalidRequestError, NotFoundError
from grange.kernel.units import Instant, datetime_of, instant_of
from grange.ports.state import Batch
from grange.server.rest.shapes import BudgetsAnswer, MonthsAnswer
from grange.testing.facts import action_fact, numbered, session_fact
from grange.testing.farm import LocalFarm
from tests.server.conftest import SteadyClock

pytestmark = pytest.mark.slow

RATE = 1_000_000_007


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Last month, this one, and when the work was done."""

    past: str
    now: str
    start: Instant


@pytest.fixture(scope="module")
def clock() -> SteadyClock:
    """No month ends while these tests run."""
    return SteadyClock()


@pytest.fixture(scope="module")
def times(clock: SteadyClock) -> Times:
    now = datetime_of(clock.now())
    midnight = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    first = (midnight - timedelta(days=1)).replace(day=1)
    start = instant_of(first + timedelta(days=3))
    return Times(past=f"{first:%Y-%m}", now=f"{now:%Y-%m}", start=start)


@pytest.fixture(scope="module")
def farm(
    tmp_path_factory: pytest.TempPathFactory, clock: SteadyClock, times: Times
) -> Iterator[LocalFarm]:
    folder: Path = tmp_path_factory.mktemp("costs")
    rate = RateLine(line_id="l", unit=RateUnit.WORKER_HOUR, billionths_per_hour=RATE)
    with LocalFarm(folder, rates=(rate,), clock=clock) as first:
        farm_id = first.farm_id
    facts: list[Any] = []
    for number, project in enumerate(("film", "film", "advert")):
        about = {
            "farm_id": farm_id, "session_id": numbered("session", number + 1),
            "started_at": times.start + number * 1_000_000, "project": project,
            "ended_at": times.start + number * 1_000_000 + 600_000, "billionths_per_hour": RATE,
            "thread": number,
        }  # fmt: skip
        facts.append(session_fact(**about))
        changes = {"status": "FAILED"} if number == 1 else {}
        layer = numbered("step", 1 + (project == "film"))
        facts.append(action_fact(task_index=number, layer_id=layer, **about, **changes))

    async def book() -> None:
        store = SqliteStore(folder / "state.db")
        await store.open()
        await store.commit(Batch(outbox=facts))
        await store.close()

    asyncio.run(book())
    with LocalFarm(folder, rates=(rate,), clock=clock) as running:
        yield running


@pytest.fixture
def shell(
    farm: LocalFarm, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Any:
    for name, value in farm.environment().items():
        monkeypatch.setenv(name, value)

    def call(*words: str, code: int = 0, typed: str = "") -> str:
        capfd.readouterr()
        monkeypatch.setattr("sys.stdin", Typed(f"{typed}\n") if typed else io.StringIO())
        assert run(words) == code
        said = capfd.readouterr()
        return said.out or said.err

    return call


class Typed(io.StringIO):
    """What somebody types at a terminal."""

    def isatty(self) -> bool:
        """Somebody is there."""
        return True


def rest(farm: LocalFarm, path: str, **query: Any) -> Any:
    text = {name: str(value) for name, value in query.items()}
    return farm.connect().call(
        "GET", f"/api/v1/farms/{farm.farm_id}{path}", query=text, service="grange"
    )


def post(farm: LocalFarm, path: str, body: dict[str, Any]) -> Any:
    return farm.connect().call(
        "POST", f"/api/v1/farms/{farm.farm_id}{path}", body=body, service="grange"
    )


def test_cost_is_the_same_through_every_door(farm: LocalFarm, times: Times, shell: Any) -> None:
    """Ledger S2-10, invariant 6: REST, command line and scripts say the same."""
    end = times.start + 86_400_000
    found = rest(farm, "/costs", start=times.start, end=end, by="project")
    since = datetime.fromtimestamp(times.start / 1000, tz=UTC).astimezone().isoformat()
    until = datetime.fromtimestamp(end / 1000, tz=UTC).astimezone().isoformat()
    said = json.loads(
        shell("cost", "--by", "project", "--since", since, "--until", until, "--json")
    )
    rows = {row["project"]: row["cost"] for row in said["rows"]}
    assert rows == {row["project"]: row["cost"] for row in found["rows"]}
    script = grange.open(farm.endpoint, farm_id=farm.farm_id)
    again = script.books.costs(
        datetime.fromtimestamp(times.start / 1000, tz=UTC),
        datetime.fromtimestamp(end / 1000, tz=UTC),
    )
    assert {row.group["project"]: str(row.cost) for row in again} == rows
    assert again.to_arrow().num_rows == len(rows)
    assert found["waste"]["failed"]["machine_ms"] == 600_000
    sheet = shell("cost", "--by", "project", "--since", since, "--until", until, "--csv")
    listed = list(csv.DictReader(io.StringIO(sheet)))
    assert {row["project"]: row["cost"] for row in listed} == rows
    assert "Waste: failed" in shell("cost", "--since", since, "--until", until)


def test_a_month_is_frozen_printed_and_corrected(
    farm: LocalFarm, times: Times, shell: Any, tmp_path: Path
) -> None:
    """Rule of design section 2: freeze, statement, move and credit, by command and by file."""
    assert times.past in shell("books", "months")
    draft = rest(farm, f"/months/{times.past}/statement")
    assert draft["status"] == "open"
    posting = draft["rows"]["columns"].index("posting")
    assert {row[posting] for row in draft["rows"]["rows"]} == {"open"}, "nothing is posted yet"
    assert "add --yes" in shell("books", "freeze", times.past, code=2)
    asked = shell("books", "freeze", times.past, code=130, typed="n")
    assert f"{draft['rows']['printed']} {draft['currency']}" in asked
    assert rest(farm, f"/months/{times.past}/statement")["status"] == "open"
    assert f"Froze {times.past}" in shell("books", "freeze", times.past, typed="y")
    shell("books", "freeze", times.past, "--yes", code=1)
    document = rest(farm, f"/months/{times.past}/statement", lines="true", by="project,outcome")
    assert document["status"] == "frozen"
    assert document["rows"]["amount"] == draft["rows"]["amount"]
    assert len({line["action_id"] for line in document["line_rows"]}) == 3

    moved = shell("books", "move", times.past, "--where", "project=advert", "--to", "project=film",
                  "--reason", "wrong tag")  # fmt: skip
    assert times.now in moved
    shell(
        "books",
        "credit",
        times.past,
        "--where",
        "project=film",
        "--amount",
        "0.01",
        "--reason",
        "r",
    )
    asked = {"where": "project=film", "amount": "0.01", "reason": "sent again"}
    address = f"/api/v1/farms/{farm.farm_id}/months/{times.past}/credits"
    once = {"idempotency-key": "a credit"}
    posted = [
        farm.connect().call("POST", address, body=asked, headers=once, service="grange")
        for _ in range(2)
    ]
    assert posted[0] == posted[1], "a request that is sent again posts nothing again"
    now = rest(farm, f"/months/{times.now}/statement", lines="true")
    signed = [line for line in now["line_rows"] if line["corrects"] == times.past]
    assert {line["posting"] for line in signed} == {"move", "credit"}
    assert sum(Decimal(line["amount"]) for line in signed) == 0
    assert (
        rest(farm, f"/months/{times.past}/statement", lines="true", by="project,outcome")
        == document
    )

    printed = shell("books", "statement", times.past, "--by", "project")
    assert "film" in printed
    assert document["rows"]["printed"] in printed
    table = list(csv.reader(io.StringIO(shell("books", "statement", times.past, "--csv"))))
    assert sum(Decimal(row[-1]) for row in table[1:-1]) == Decimal(table[-1][-1])
    lines = list(
        csv.DictReader(io.StringIO(shell("books", "statement", times.past, "--lines", "--csv")))
    )
    assert sum(Decimal(line["amount"]) for line in lines) == Decimal(document["rows"]["amount"])
    assert "<table>" in shell("books", "statement", times.past, "--html")

    statements = grange.open(farm.endpoint, farm_id=farm.farm_id).books.statements
    script = statements.get(times.past, by="project", lines=True)
    assert sum(row.printed for row in script.rows) == script.printed
    assert statements[times.past].amount == Decimal(document["rows"]["amount"])
    assert [one["status"] for one in statements.months()] == ["open", "frozen"]

    sheet = tmp_path / "s.xlsx"
    shell("books", "statement", times.past, "--xlsx", "-o", str(sheet))
    book = openpyxl.load_workbook(sheet)
    assert book.sheetnames == ["Statement"], "lines take long: only who asks gets them"
    shell("books", "statement", times.past, "--xlsx", "--lines", "-o", str(sheet))
    book = openpyxl.load_workbook(sheet)
    assert book.sheetnames == ["Statement", "Lines"]
    assert book["Lines"].max_row == len(lines) + 1
    assert zipfile.is_zipfile(sheet)


@pytest.mark.pdf
def test_a_statement_as_pdf(farm: LocalFarm, times: Times, shell: Any, tmp_path: Path) -> None:
    target = tmp_path / "s.pdf"
    shell("books", "statement", times.past, "--pdf", "-o", str(target))
    assert target.read_bytes().startswith(b"%PDF-")


def test_months_say_when_the_books_begin_and_how_long_each_is(
    farm: LocalFarm, times: Times
) -> None:
    told = rest(farm, "/months")
    assert msgspec.to_builtins(msgspec.convert(told, MonthsAnswer)) == told
    first = told["months"][-1]
    assert first["start_at"] <= told["begins_at"] < first["end_at"]
    for later, earlier in itertools.pairwise(told["months"]):
        assert earlier["end_at"] == later["start_at"]


def test_without_its_library_a_pdf_is_refused_with_what_to_do(
    farm: LocalFarm, times: Times, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(InvalidRequestError, match=r"grange\[pdf\].*ask for HTML"):
        farm.connect().fetch(
            f"/api/v1/farms/{farm.farm_id}/months/{times.past}/statement/pdf", query={}
        )


def test_an_unknown_kind_of_file_is_refused(farm: LocalFarm, times: Times) -> None:
    with pytest.raises(InvalidRequestError, match="format must be one of"):
        rest(farm, f"/months/{times.past}/statement/doc")


def test_budgets_are_set_watched_and_removed(farm: LocalFarm, times: Times, shell: Any) -> None:
    since = datetime.fromtimestamp(times.start / 1000, tz=UTC).astimezone().isoformat()
    shell("budget", "set", "Film", "0.20", "--of", "project=film", "--since", since)
    told = rest(farm, "/budgets")
    assert msgspec.to_builtins(msgspec.convert(told, BudgetsAnswer)) == told
    (budget,) = told["budgets"]
    assert Decimal(budget["spent"]) == Decimal(2 * round(RATE / 6)).scaleb(-9)
    assert budget["exhausted_at"] is not None
    assert "Film" in shell("budget", "ls")
    with pytest.raises(InvalidRequestError, match="scope names"):
        post(farm, "/budgets", {"name": "x", "amount": "1", "scope": {"colour": "red"}})
    shell("budget", "rm", budget["budget_id"])
    assert rest(farm, "/budgets")["budgets"] == []
    shell("budget", "set", "Short", "1")
    shell("budget", "set", "Short", "2", "--change", "Short")
    assert [one["name"] for one in rest(farm, "/budgets")["budgets"]] == ["Short"]
    shell("budget", "rm", "Short")
    assert rest(farm, "/budgets")["budgets"] == []
    with pytest.raises(NotFoundError):
        farm.connect().call(
            "DELETE",
            f"/api/v1/farms/{farm.farm_id}/budgets/{budget['budget_id']}",
            service="grange",
        )


def test_a_rate_card_in_toml_comes_back_as_it_was_put(
    farm: LocalFarm, shell: Any, tmp_path: Path
) -> None:
    """Ledger S2-14: rate cards with licences, energy, overheads, discounts, payers."""
    path = tmp_path / "rates.toml"
    fleet = farm.fleet_id
    text = re.sub(r"(?m)^# (?=\[\[machine|fleet|unit|per_hour)", "", shell("rates", "example"))
    path.write_text(text.replace('fleet = "gpu"', f'fleet = "{fleet}"'))
    shell("rates", "put", str(path))
    (card,) = [each for each in rest(farm, "/rate-cards")["rate_cards"] if each["name"] == "2026"]
    assert card["licences"][0]["limit"] == 20
    assert Decimal(card["energy"][0]["per_kwh"]) == Decimal("0.28")
    assert card["energy"][0]["watts"] == "450"
    assert [line["fleet_id"] for line in card["lines"]] == [None, fleet]
    assert card["overheads"][1] == {
        "name": "administration", "per_month": None, "percent": "8", "payer": "client",
    }  # fmt: skip
    assert card["discounts"][0]["percent"] == "10"
    assert card["payers"] == {"machine": "house", "licence": "house"}
    assert "2026" in shell("rates", "ls")
    assert "nuke" in shell("rates", "show", "2026")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name = 1 2", "is not TOML"),
        ('name = "x"\ncolour = "red"', "colour is no part of a rate card"),
        ("example = true", "give the card a name"),
        ('name = "x"\nvalid_from = "soon"', "valid_from is a date"),
    ],
)
def test_a_wrong_card_says_what_is_wrong(text: str, problem: str) -> None:
    with pytest.raises(InvalidRequestError, match=problem):
        read_card(text, "rates.toml")


def test_numbers_of_a_card_may_be_written_bare() -> None:
    body = read_card('name = "x"\n[[machine]]\nunit = "worker_hour"\nper_hour = 0.6', "r")
    assert body["lines"] == [{"unit": "worker_hour", "per_hour": "0.6"}]
    assert read_card(EXAMPLE, "r")["licences"][0]["limit"] == 20


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x", "lines": []}, "lines"),
        ({"name": "x", "lines": [{"unit": "worker_hour", "per_hour": "-1"}]},
         r"lines\[0\].per_hour"),
        ({"name": "x", "lines": [{"unit": "worker_hour", "per_hour": "1"}],
          "payers": {"weather": "house"}}, "payers"),
        ({"name": "x", "lines": [{"unit": "worker_hour", "per_hour": "1"}],
          "overheads": [{"name": "both", "per_month": "1", "percent": "2"}]}, r"overheads\[0\]"),
        ({"name": "x", "lines": [{"unit": "worker_hour", "per_hour": "1"}],
          "discounts": [{"name": "all", "percent": "101"}]}, r"discounts\[0\].percent"),
    ],
)  # fmt: skip
def test_a_card_that_makes_no_sense_is_refused(farm: LocalFarm, body: Any, field: str) -> None:
    with pytest.raises(InvalidRequestError, match=field):
        post(farm, "/rate-cards", body)
