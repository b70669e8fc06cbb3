"""Somebody who has never seen the page finds what matters within three clicks."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Locator, Page, expect

from grange.kernel.units import Instant, datetime_of
from grange.testing.farm import LocalFarm
from grange.testing.studio import simulated_studio
from tests.browser.conftest import Visitor
from tests.browser.showroom import RATE, Showroom
from tests.server.conftest import SteadyClock

pytestmark = pytest.mark.chromium
MOST_CLICKS = 3
ZONE = ZoneInfo("Europe/Berlin")


class Stranger:
    """Begins at home, and clicks on words."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0

    def click(self, at: Locator) -> None:
        self.clicks += 1
        assert self.clicks <= MOST_CLICKS
        at.click()


def test_a_stuck_jobs_reason_is_found(showroom: Showroom, visit: Visitor) -> None:
    page = visit(showroom.farm).open("/", farm_id=showroom.farm.farm_id)
    told = showroom.farm.connect().call(
        "GET",
        f"/api/v1/farms/{showroom.farm.farm_id}/jobs/{showroom.stuck_id}/why",
        service="grange",
    )
    one = Stranger(page)
    one.click(page.get_by_role("link", name="Jobs", exact=True))
    reason = page.locator(f".grid-row[data-id='{showroom.stuck_id}'] a[href$='/why']")
    expect(reason).to_contain_text(told["reason"])
    one.click(reason)
    expect(page.locator(".verdict-line")).to_contain_text(told["text"])


def test_a_failing_worker_is_found(showroom: Showroom, visit: Visitor) -> None:
    page = visit(showroom.farm).open("/", farm_id=showroom.farm.farm_id)
    one = Stranger(page)
    one.click(page.get_by_role("link", name="Wrangle", exact=True))
    expect(page.locator(".trouble").filter(has_text="rn02").first).to_be_visible()


@pytest.fixture(scope="module")
def last_month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalFarm, str, str]]:
    """A server, a studio on it that worked for a day of the month before this one, that month."""
    clock = SteadyClock()  # no month ends while it runs
    today = datetime_of(clock.now()).astimezone(ZONE)
    before = today.replace(day=1) - timedelta(days=1)
    start = before.replace(day=10, hour=0, minute=0, second=0, microsecond=0)
    folder = tmp_path_factory.mktemp("lastmonth")
    with LocalFarm(folder, rates=(RATE,), clock=clock) as farm:
        with ThreadPoolExecutor(1) as elsewhere:  # this thread may drive a browser already
            past = elsewhere.submit(
                simulated_studio,
                folder / "past",
                workers=3,
                days=1.5,
                start=Instant(int(start.timestamp() * 1000)),
                samples=False,
            ).result()
        farm.connect().call(
            "POST", "/api/v1/farms/simulated", body={"folder": "past"}, service="grange"
        )
        yield farm, past.farm_id, f"{before:%Y-%m}"


def test_last_months_cost_of_a_project_is_found(
    last_month: tuple[LocalFarm, str, str], visit: Visitor
) -> None:
    farm, farm_id, month = last_month
    told = farm.connect().call(
        "GET", f"/api/v1/farms/{farm_id}/months/{month}/statement", service="grange"
    )["rows"]
    project, printed = (told["columns"].index(name) for name in ("project", "printed"))
    row = max((row for row in told["rows"] if row[project]), key=lambda row: Decimal(row[printed]))
    assert Decimal(row[printed]) > 0
    page = visit(farm).open("/", farm_id=farm_id)
    one = Stranger(page)
    one.click(page.get_by_role("link", name="Cost", exact=True))
    one.click(page.get_by_role("link", name="Last month", exact=True))
    sheet = page.get_by_role("region", name="Statement").locator("tbody tr")
    found = sheet.filter(has_text=row[project]).filter(has_text=f"{Decimal(row[printed]):,}")
    expect(found.first).to_be_visible()
