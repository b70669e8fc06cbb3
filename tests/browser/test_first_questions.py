"""What a page needs first is asked before its program is read, once, and comes compressed."""

from collections import Counter
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Request, expect

from grange.testing.farm import LocalFarm
from tests.browser.conftest import Visitor, submit_job, until_live
from tests.server.raw import signed

pytestmark = pytest.mark.chromium


def test_the_second_page_asks_its_first_questions_early_and_none_twice(
    farm: LocalFarm, visit: Visitor
) -> None:
    submit_job(farm, name="asked", frames="1-2", chunk=1)
    seen = visit(farm)
    page = seen.open("/jobs")
    until_live(page)
    # What happens between a question and the stream of events is, rightly, asked again: the last is
    # that it is known why the job waits.
    expect(page.locator("[data-column=waits]").get_by_role("link").first).to_be_visible()
    before = -1
    while before != (number := farm.api.context.live.number):
        before = number
        page.wait_for_timeout(1000)
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(urlsplit(request.url).path.removeprefix(f"/api/v1/farms/{farm.farm_id}"))

    page.on("request", note)
    seen.open("/jobs")
    until_live(page)
    expect(page.get_by_text("asked").first).to_be_visible()
    times = Counter(asked)
    assert {one: times[one] for one in ("/api/v1/farms", "/api/v1/me", "/overview")} == {
        "/api/v1/farms": 1,
        "/api/v1/me": 1,
        "/overview": 1,
    }
    started = page.evaluate(
        """() => Object.fromEntries(performance.getEntriesByType('resource')
             .map(({ name, startTime }) => [new URL(name).pathname, startTime]))"""
    )
    overview = started[f"/api/v1/farms/{farm.farm_id}/overview"]
    ready = page.evaluate("performance.getEntriesByType('navigation')[0].domInteractive")
    assert overview < ready, "it waited for the program"


def test_a_long_answer_comes_compressed(farm: LocalFarm, visit: Visitor) -> None:
    for number in range(40):
        submit_job(farm, name=f"many {number}", frames="1-2", chunk=1)
    path = f"/api/v1/farms/{farm.farm_id}/overview"
    seen = visit(farm)
    with seen.page.expect_response(lambda response: urlsplit(response.url).path == path) as found:
        seen.open("/jobs")
    headers = found.value.all_headers()
    plain = signed(farm, "GET", path, service="grange")
    assert headers["content-encoding"] == "gzip"
    assert int(headers["content-length"]) < len(plain.body) // 4
    jobs = found.value.json()["jobs"]
    assert [job["name"] for job in jobs] == [job["name"] for job in plain.json["jobs"]]
    assert "many 39" in {job["name"] for job in jobs}
