"""What the coming days will ask for, on the page of costs: a band and its basis, or a reason."""

import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from playwright.sync_api import Route, expect

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
    weeks = 2 if today.weekday() else 3
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
    ahead = told["rows"][1:]
    busiest = max(ahead, key=lambda row: row["workers"])
    line = f"{busiest['workers']} worker"
    low, high = busiest["workers_low"], busiest["workers_high"]
    if high and not low and high >= 2 * busiest["workers"]:
        line = f"need anything up to {max(row['workers_high'] for row in ahead)} worker"
    expect(panel.locator(".forecast-line")).to_contain_text(line)
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


@pytest.mark.parametrize(
    ("days", "said", "unsaid"),
    [
        # Today is half over: however busy it is, it is not ahead.
        (
            [(40, 30, 50), (9, 7, 11), (12, 10, 14)],
            "12 workers on {2}, the busiest day ahead: 10 to 14 with 95 %",
            "40 workers",
        ),
        (
            [(12, 10, 14), (12, 10, 14), (12, 9, 15)],
            "12 workers on each of the days ahead: 10 to 14 with 95 %",
            "busiest",
        ),
        # From nothing to twice as much is no figure, and is not dressed up as one.
        (
            [(33, 0, 66), (33, 0, 66), (33, 0, 66)],
            "No figure can be told yet",
            "33 workers",
        ),
    ],
    ids=["busiest", "level", "vague"],
)
def test_what_is_said_first_is_ahead_and_says_something(
    studio: tuple[LocalFarm, str],
    visit: Visitor,
    days: list[tuple[int, int, int]],
    said: str,
    unsaid: str,
) -> None:
    farm, farm_id = studio
    seen = visit(farm)
    names: list[str] = []

    def answer(route: Route) -> None:
        told = route.fetch().json()
        told["rows"] = [
            row | {"workers": mean, "workers_low": low, "workers_high": high}
            for row, (mean, low, high) in zip(told["rows"], days, strict=False)
        ]
        names[:] = [day_name(row["day"]).strip() for row in told["rows"]]
        route.fulfill(json=told)

    seen.page.route("**/forecast?days=7", answer)
    page = seen.open("/cost?ahead=7", farm_id=farm_id)
    line = page.locator(".forecast-line")
    expect(line).to_contain_text("The farm has")
    words = " ".join(line.inner_text().split())
    assert re.search(re.sub(r"\\\{2\\\}", f"{names[2]} [A-Z][a-z]+", re.escape(said)), words), words
    assert unsaid not in words


def test_with_too_few_days_it_declines_and_says_why(own_farm: LocalFarm, visit: Visitor) -> None:
    """UX-21: under fourteen days of data there is no forecast, and nothing that looks like one."""
    page = visit(own_farm).open("/cost")
    panel = page.get_by_role("region", name="Forecast", exact=True)
    expect(panel).to_contain_text("The books hold 0 whole days of work; a forecast needs 14.")
    expect(panel.get_by_role("img")).to_have_count(0)
    expect(panel.locator("table")).to_have_count(0)
