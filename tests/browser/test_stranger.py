"""Somebody who has never seen the page finds what matters within three clicks."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visitor
from tests.browser.showroom import Showroom

pytestmark = pytest.mark.chromium
MOST_CLICKS = 3


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
    expect(page.get_by_text(told["text"]).first).to_be_visible()


def test_a_failing_worker_is_found(showroom: Showroom, visit: Visitor) -> None:
    page = visit(showroom.farm).open("/", farm_id=showroom.farm.farm_id)
    one = Stranger(page)
    one.click(page.get_by_role("link", name="Wrangle", exact=True))
    expect(page.locator(".trouble").filter(has_text="rn02").first).to_be_visible()
