"""What the books promise, as their pages show it: whole days, one total, months that stay, gaps."""

import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from grange.adapters.host.clock import SystemClock
from grange.kernel.units import MILLIS_PER_HOUR, Instant, instant_of
from grange.testing.farm import LocalFarm
from grange.testing.studio import simulated_studio
from tests.browser.conftest import Visitor, until_in_address, until_said
from tests.unit.streams.log_facts import busy, hand_in

pytestmark = pytest.mark.chromium

BERLIN = ZoneInfo("Europe/Berlin")
ACCOUNTS = (
    "rendering_useful", "rendering_wasted", "overhead", "idle_no_work", "idle_blocked",
    "disabled", "off", "unknown",
)  # fmt: skip
MACHINES = 2
SILENT_HOURS = (4, 5)
HOURS = 10


def changes_of_clocks(today: date) -> tuple[date, date]:
    """Return the two latest Sundays of 23 or 25 hours that are over for some days."""
    found = []
    for year in (today.year - 1, today.year):
        for month in (3, 10):
            last = date(year, month, 31)
            found.append(last - timedelta(days=(last.weekday() + 1) % 7))
    older, latest = [day for day in found if day < today - timedelta(days=3)][-2:]
    return older, latest


OLDER, LATEST = changes_of_clocks(datetime.now(BERLIN).date())
LENGTHS = {3: 23, 10: 25}


def midnight(day: date) -> Instant:
    return instant_of(datetime(day.year, day.month, day.day, tzinfo=BERLIN))


class Past:
    """A server with two simulated farms, each from a Friday to the Sunday clocks change."""

    def __init__(self, farm: LocalFarm, farms: dict[date, str]) -> None:
        self.farm = farm
        self.farms = farms

    def call(self, method: str, day: date, path: str, body: Any = None, **query: Any) -> Any:
        """Ask REST about the farm of a day."""
        return self.farm.connect().call(
            method,
            f"/api/v1/farms/{self.farms[day]}{path}",
            query={name: str(value) for name, value in query.items()},
            body=body,
            service="grange",
        )


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    data = tmp_path_factory.mktemp("past")
    with LocalFarm(data) as farm:
        farms = {}
        for day in (OLDER, LATEST):
            with ThreadPoolExecutor(1) as elsewhere:  # this thread drives a browser already
                made = elsewhere.submit(
                    simulated_studio,
                    data / "made",
                    workers=MACHINES,
                    days=3.1,
                    start=Instant(midnight(day - timedelta(days=2))),
                    samples=False,
                ).result()
            farm.connect().call(
                "POST", "/api/v1/farms/simulated", body={"folder": "made"}, service="grange"
            )
            shutil.rmtree(data / "made", ignore_errors=True)
            farms[day] = made.farm_id
        yield Past(farm, farms)


@pytest.mark.parametrize("day", [OLDER, LATEST], ids=["older", "latest"])
def test_a_day_on_which_clocks_change_is_whole(past: Past, visit: Visitor, day: date) -> None:
    """UX-17: Σ of all accounts = workers × time; the page says so in the farm's zone."""
    start, end = midnight(day), midnight(day + timedelta(days=1))
    hours = LENGTHS[day.month]
    assert end - start == hours * MILLIS_PER_HOUR
    told = past.call("GET", day, "/accounts", start=start, end=end)
    assert told["machine_ms"] == MACHINES * (end - start)
    assert sum(told["total"][f"{one}_ms"] for one in ACCOUNTS) == told["machine_ms"]
    page = visit(past.farm).open(f"/usage?from={start}&to={end}", farm_id=past.farms[day])
    receipt = page.locator(".picture-receipt")
    expect(receipt.locator(".equation-line")).to_have_text(
        f"{MACHINES} machines × {hours * 3600:,}.0 s"
    )
    expect(receipt.locator("tfoot")).to_contain_text(f"{MACHINES * hours * 3600:,}.0 s")
    expect(receipt.locator(".unaccounted")).to_have_text("Unaccounted: 0.0 s")
    expect(receipt.locator(".unaccounted")).to_have_attribute("data-ok", "yes")


def test_cost_is_the_same_total_however_it_is_grouped(past: Past) -> None:
    """UX-18: by project, user and queue, to the cent."""
    start, end = midnight(LATEST - timedelta(days=2)), midnight(LATEST + timedelta(days=1))
    totals = set()
    for by in ("project", "user", "queue"):
        told = past.call("GET", LATEST, "/reports/cost", start=start, end=end, by=by, limit=10_000)
        assert told["matched"] == len(told["rows"])
        totals.add(sum((Decimal(row["cost"]) for row in told["rows"]), Decimal(0)))
    assert len(totals) == 1
    assert totals.pop() > 0


def test_a_frozen_month_stays_whatever_the_rates_become(past: Past, visit: Visitor) -> None:
    """UX-18: the page of a posted statement is unchanged after the rates were edited."""
    month = f"{OLDER:%Y-%m}"
    past.call("POST", OLDER, f"/months/{month}/freeze")
    seen = visit(past.farm)

    def shown() -> str:
        page = seen.open(f"/cost?month={month}", farm_id=past.farms[OLDER])
        sheet = page.locator(".sheet-table").first
        expect(sheet.locator("tfoot")).to_contain_text(re.compile(r"[1-9]"))
        expect(page.locator(".notes")).to_contain_text("The statement is as it was posted")
        return sheet.inner_text()

    before = shown()
    past.call(
        "POST",
        OLDER,
        "/rate-cards",
        {
            "name": "ten times as much",
            "valid_from": midnight(OLDER - timedelta(days=3)),
            "lines": [{"unit": "worker_hour", "per_hour": "999"}],
        },
    )
    assert shown() == before


def test_a_statement_opens_its_month_and_says_the_same_amounts(past: Past, visit: Visitor) -> None:
    """Design, invariant 6: the report below is of the month, in sight, to the cent the same."""
    month = f"{LATEST:%Y-%m}"
    told = past.call("GET", LATEST, f"/months/{month}/statement", by="project")
    page = visit(past.farm).open(f"/cost?month={month}", farm_id=past.farms[LATEST])
    report = page.get_by_role("region", name="Cost", exact=True)
    rows = report.locator("table.report tbody tr")
    for name, _, _, amount in [(row[0], *row[-3:]) for row in told["rows"]["rows"]]:
        cost = f"EUR {Decimal(amount):,}"
        shown = rows.filter(has_text=name or "no work (idle, overheads)")
        expect(shown.locator("td").nth(2)).to_have_text(cost)
    whole = f"EUR {Decimal(told['rows']['printed']):,}"
    expect(report.locator("tfoot")).to_contain_text(whole)
    waste = [f"{row[0]} EUR {Decimal(row[-1]):,}" for row in told["waste"]["rows"]]
    for one in waste:
        expect(report.locator(".notes")).to_contain_text(one)
    project = next(row[0] for row in told["rows"]["rows"] if row[0])
    page.locator(".statement a", has_text=project).first.click()
    until_in_address(page, "by=job")
    expect(report.locator("tbody a[href^='/jobs/']").first).to_be_in_viewport()
    expect(report.locator(".count")).to_contain_text(f"1 {LATEST:%b %Y}, 00:00:00")


def test_months_without_books_say_why_there_is_nothing(past: Past, visit: Visitor) -> None:
    """Before the first session the books know nothing; that is no statement of nought."""
    before = LATEST.replace(day=1) - timedelta(days=40)
    seen = visit(past.farm)
    panel = ".statement, .panel .empty"
    page = seen.open(f"/cost?month={before:%Y-%m}", farm_id=past.farms[LATEST])
    expect(page.locator(panel).first).to_contain_text("The books begin on ")
    expect(page.locator(panel).first).to_contain_text(f"of {before:%B %Y} they hold nothing")
    page = seen.open("/cost?month=2999-01", farm_id=past.farms[LATEST])
    expect(page.locator(panel).first).to_contain_text("January 2999 has not begun")
    expect(page.locator(".sheet-table")).to_have_count(0)


def test_a_statement_is_kept_or_read_as_a_file(past: Past, visit: Visitor) -> None:
    month = f"{LATEST:%Y-%m}"
    seen = visit(past.farm)
    page = seen.open(f"/cost?month={month}", farm_id=past.farms[LATEST])
    expect(page.locator(".statement")).to_contain_text(
        re.compile("Open: (not frozen yet|the month is not over)")
    )
    files = page.locator(".statement-files")
    for place, name in ((0, f"statement-{month}.xlsx"), (1, f"statement-{month}-lines.xlsx")):
        with page.expect_download() as begun:
            files.get_by_role("link", name="XLSX").nth(place).click()
        assert begun.value.suggested_filename == name
    with page.context.expect_page() as opened:
        files.get_by_role("link", name="HTML").click()
    total = opened.value.locator("tfoot td").first
    expect(total).to_have_css("font-weight", "700")  # its own style is let in


GAP = """() => {
  const canvas = document.querySelector('.line-chart .uplot canvas');
  const path = document.querySelector('.line-key path');
  if (canvas === null || path === null || canvas.width < 100) return null;
  const colour = getComputedStyle(path).stroke.match(/[0-9]+/g).map(Number);
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const columns = [];
  for (let x = 0; x < canvas.width; x += 1)
    for (let y = 0; y < canvas.height; y += 1) {
      const at = 4 * (y * canvas.width + x);
      if (data[at + 3] > 200 && [0, 1, 2].every((n) => Math.abs(data[at + n] - colour[n]) < 40)) {
        columns.push(x);
        break;
      }
    }
  if (columns.length < 50) return null;
  const steps = columns.slice(1).map((x, n) => x - columns[n]);
  return Math.max(...steps) / (columns.at(-1) - columns[0]);
}"""
"""How much of the width of a line is without it, in one piece; null: it is not drawn yet."""


def test_time_nobody_knows_of_is_drawn_as_a_gap(own_farm: LocalFarm, visit: Visitor) -> None:
    """UX-20: two silent hours of ten are no line; nothing is drawn from one end to the other."""
    start = SystemClock().now() // MILLIS_PER_HOUR * MILLIS_PER_HOUR - HOURS * MILLIS_PER_HOUR
    rows = busy(
        start, HOURS, stream="north", machine="ada", silent_hours=SILENT_HOURS, per_minute=3
    )
    hand_in(own_farm, rows)
    page = visit(own_farm).open("/streams?streams=north&measure=files")
    found = until_said(page, GAP, "The line was never drawn.")
    assert found == pytest.approx(len(SILENT_HOURS) / HOURS, abs=0.03)
