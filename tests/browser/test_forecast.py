"""What the coming days will ask for, on the page of costs: a band and its basis, or a reason."""

import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from playwright.sync_api import expect

from grange.kernel.units import instant_of
from grange.server.rest.shapes import ForecastAnswer
from grange.testing.farm import LocalFarm
from grange.testing.studio import simulated_studio
from tests.browser.conftest import Visitor

pytestmark = pytest.mark.chromium

BERLIN = ZoneInfo("Europe/Berlin")
WORKED_DAYS = 4
"""From a Monday on; on the days after it nothing was asked for, and they count as well."""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalFarm, str]]:
    """A server, and on it a studio that has a past of more than two weeks."""
    data = tmp_path_factory.mktemp("ahead")
    today = datetime.now(BERLIN).replace(hour=0, minute=0, second=0, microsecond=0)
    weeks = 3 if today.weekday() < 2 else 2
    monday = today - timedelta(days=today.weekday(), weeks=weeks)
    with LocalFarm(data) as farm:
        with ThreadPoolExecutor(1) as elsewhere:  # this thread may drive a browser already
            past = elsewhere.submit(
                simulated_studio,
                data / "made",
                workers=2,
                days=WORKED_DAYS,
                start=instant_of(monday),
                samples=False,
            ).result()
        farm.connect().call(
            "POST",
            "/api/v1/farms/simulated",
            body={"folder": "made"},
            service="grange",
            timeout_seconds=250.0,
        )
        shutil.rmtree(data / "made", ignore_errors=True)
        yield farm, past.farm_id


def day_name(day: str) -> str:
    return f"{date.fromisoformat(day):%a} {date.fromisoformat(day).day} "


def test_a_forecast_has_a_band_and_its_basis(studio: tuple[LocalFarm, str], visit: Visitor) -> None:
    """UX-21: hours and workers between low and high, of how many days, by which rule."""
    farm, farm_id = studio
    seen = visit(farm)
    with seen.page.expect_response("**/forecast?days=7") as answered:
        page = seen.open("/cost?ahead=7", farm_id=farm_id)
    told = answered.value.json()
    assert told["known_days"] >= 14
    assert msgspec.to_builtins(msgspec.convert(told, ForecastAnswer)) == told
    panel = page.get_by_role("region", name="Forecast", exact=True)
    busiest = max(told["rows"], key=lambda row: row["workers"])
    line = panel.locator(".forecast-line")
    expect(line).to_contain_text(day_name(busiest["day"]))
    expect(line).to_contain_text(f"{busiest['workers_low']} to {busiest['workers_high']} with 95 %")
    name = re.compile(f"{len(told['known'])} days that are over, then 7 to come with their band")
    expect(panel.get_by_role("img", name=name).locator("canvas")).to_be_visible()
    expect(panel).to_contain_text(f"Of {told['known_days']} days; with 95 %")
    expect(panel).to_contain_text(f"{told['peak_factor']:.1f} times as busy as the mean hour")
    panel.get_by_text("Day by day").click()
    rows = panel.locator(".forecast-days tbody tr")
    expect(rows).to_have_count(7)
    for row, one in zip(rows.all(), told["rows"], strict=True):
        expect(row).to_contain_text(day_name(one["day"]))
        expect(row.locator("td").nth(3)).to_have_text(str(one["workers"]))
        expect(row.locator("td").nth(4)).to_have_text(
            f"{one['workers_low']} to {one['workers_high']}"
        )


def test_with_too_few_days_it_declines_and_says_why(own_farm: LocalFarm, visit: Visitor) -> None:
    """UX-21: under fourteen days of data there is no forecast, and nothing that looks like one."""
    page = visit(own_farm).open("/cost")
    panel = page.get_by_role("region", name="Forecast", exact=True)
    expect(panel).to_contain_text("The books hold 0 whole days of work; a forecast needs 14.")
    expect(panel.get_by_role("img")).to_have_count(0)
    expect(panel.locator("table")).to_have_count(0)
