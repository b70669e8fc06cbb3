"""Every page over a quarter of 200 simulated machines: drawn, whole, and without a violation.

The short form: tests/browser/test_accessibility.py and test_books_pages.py. GRANGE_TEST_QUARTER may
name a folder that has such a past (`grange demo --history 91d --workers 200 --data FOLDER`).
"""

import os
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Response, expect

from grange.adapters.host.clock import SystemClock
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant, datetime_of
from grange.testing.farm import LocalFarm
from grange.testing.studio import simulated_studio
from tests.browser.conftest import Visitor, chromium, violations, visit  # noqa: F401 - fixtures
from tests.browser.test_accessibility import NARROW, WIDE

pytestmark = pytest.mark.chromium

WORKERS, DAYS = 200, 91
PAGES = {
    "/": ".pulse li",
    "/jobs?scope=all": ".grid-row[data-id]",
    "/jobs/JOB": ".strip .cell",
    "/jobs/JOB/why": "main section",
    "/workers": ".grid-row[data-id]",
    "/workers?view=wall": ".wall-map li",
    "/workers?view=heat&to=END": ".heat canvas[data-rows]:not([data-rows='0'])",
    "/workers/WORKER?from=START&to=END": ".telemetry .uplot",
    "/wrangle": "main section",
    "/usage?from=START&to=END&range=90d": "table.report",
    "/usage?by=user&then=queue&range=90d": "table.report",
    "/cost?by=project,user&range=90d&month=MONTH": "body:has(.sheet-table):has(.forecast-days)",
    "/reports": ".report-list a",
    "/reports/frame-times?range=90d": "table.report",
    "/reports/queue-wait?range=90d": "table.report",
    "/reports/memory?range=90d": "table.report",
    "/reports/cpu?range=90d": "table.report",
    "/reports/errors?range=90d": "table.report",
    "/reports/hosts?range=90d": "table.report",
    "/status?refresh=0": "ul.figures",
}
"""Address → what is there once it is drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarter:
    """A server over the past."""

    farm: LocalFarm
    farm_id: str
    zone: ZoneInfo
    last: date
    """The last whole day."""

    def ask(self, path: str, **query: Any) -> Any:
        """Ask REST about the farm."""
        return self.farm.connect().call(
            "GET",
            f"/api/v1/farms/{self.farm_id}{path}",
            query={name: str(value) for name, value in query.items()},
            service="grange",
        )

    def day(self, day: date) -> tuple[int, int]:
        """Return when a day begins and ends in the farm's zone."""
        begin, end = (
            datetime(one.year, one.month, one.day, tzinfo=self.zone)
            for one in (day, day + timedelta(days=1))
        )
        return round(begin.timestamp() * 1000), round(end.timestamp() * 1000)


@pytest.fixture(scope="module")
def quarter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quarter]:
    named = os.environ.get("GRANGE_TEST_QUARTER")
    folder = Path(named) if named else tmp_path_factory.mktemp("quarter") / "data"
    now = SystemClock().now()
    if not (folder / "state.db").exists():
        start = Instant(now - now % MILLIS_PER_HOUR - DAYS * MILLIS_PER_DAY)
        with ThreadPoolExecutor(1) as elsewhere:  # this thread drives a browser already
            elsewhere.submit(
                simulated_studio, folder, workers=WORKERS, days=DAYS, start=start
            ).result()
    with LocalFarm(folder) as farm:
        farms = farm.connect().call("GET", "/api/v1/farms", service="grange")["farms"]
        studio = next(one for one in farms if one["simulated"])
        zone = ZoneInfo(studio["zone"])
        today = datetime_of(now).astimezone(zone).date()
        yield Quarter(
            farm=farm, farm_id=studio["farm_id"], zone=zone, last=today - timedelta(days=3)
        )


@pytest.mark.parametrize("path", PAGES)
def test_a_page_of_a_quarter_is_drawn_without_a_violation(
    quarter: Quarter,
    visit: Visitor,  # noqa: F811
    path: str,
) -> None:
    """Issue 6: light and wide, dark and narrow; no answer is refused, nothing is thrown."""
    ready = PAGES[path]
    start, end = quarter.day(quarter.last)
    jobs = quarter.ask("/jobs", where="state=succeeded", limit=1)["jobs"]
    workers = quarter.ask("/workers", limit=1)["workers"]
    words = {
        "JOB": jobs[0]["job_id"],
        "WORKER": workers[0]["worker_id"],
        "MONTH": f"{quarter.last:%Y-%m}",
    }
    for name, value in {**words, "START": str(start), "END": str(end)}.items():
        path = path.replace(name, value)
    seen = visit(quarter.farm)
    thrown: list[str] = []
    refused: list[str] = []
    seen.page.on("pageerror", lambda error: thrown.append(str(error)))

    def note(response: Response) -> None:
        if response.status >= 400:
            refused.append(response.url)

    seen.page.on("response", note)
    page = seen.open(path, farm_id=quarter.farm_id)
    expect(page.locator(ready).first).to_be_visible()
    for theme, size in (("light", WIDE), ("dark", NARROW)):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.set_viewport_size(size)  # type: ignore[arg-type]
        assert violations(page) == []
    assert (thrown, refused) == ([], [])


def test_every_day_of_a_quarter_is_whole(quarter: Quarter, visit: Visitor) -> None:  # noqa: F811
    """UX-17: Σ of all accounts = workers × time, of each day; the page says so of some."""
    # In the first third of the past a few machines have not joined yet.
    days = [quarter.last - timedelta(days=back) for back in range(DAYS * 2 // 3 - 4)]
    lengths = set()
    for day in days:
        start, end = quarter.day(day)
        told = quarter.ask("/accounts", start=start, end=end)
        sums = {name: value for name, value in told["total"].items() if name.endswith("_ms")}
        whole = sums.pop("machine_ms")
        assert whole == told["machine_ms"] == WORKERS * (end - start), day
        assert sum(value for name, value in sums.items() if name != "thread_ms") == whole, day
        lengths.add((end - start) // MILLIS_PER_HOUR)
    assert 24 in lengths
    for day in random.Random(1).sample(days, 4):
        start, end = quarter.day(day)
        page = visit(quarter.farm).open(f"/usage?from={start}&to={end}", farm_id=quarter.farm_id)
        expect(page.locator(".picture-receipt .equation-line")).to_contain_text(
            f"{WORKERS} machines × {(end - start) // 1000:,}.0 s"
        )
        expect(page.locator(".picture-receipt .unaccounted")).to_have_text("Unaccounted: 0.0 s")


def test_a_quarter_costs_the_same_however_it_is_grouped(quarter: Quarter) -> None:
    """UX-18: by project, user and queue, to the cent."""
    start, end = quarter.day(quarter.last)[0] - 80 * MILLIS_PER_DAY, quarter.day(quarter.last)[1]
    totals = set()
    for by in ("project", "user", "queue"):
        told = quarter.ask("/reports/cost", start=start, end=end, by=by, limit=10_000)
        assert told["matched"] == len(told["rows"])
        totals.add(sum((Decimal(row["cost"]) for row in told["rows"]), Decimal(0)))
    assert len(totals) == 1
    assert totals.pop() > 0
