"""The page of log streams: the server's graphs, chosen by the address."""

import time

import pytest
from playwright.sync_api import expect

from grange.testing.farm import LocalFarm
from tests.browser.conftest import Visitor, ask, until_drawn, until_in_address
from tests.unit.streams.log_facts import busy, hand_in

pytestmark = pytest.mark.chromium

HOUR_MS = 3_600_000


def test_streams_that_were_heard_are_drawn(own_farm: LocalFarm, visit: Visitor) -> None:
    """Ledger S4-42: any stream's graph, on demand; what is chosen stands in the address."""
    seen = visit(own_farm)
    page = seen.open("/streams")
    expect(page.locator(".empty")).to_contain_text("grange streams collect")
    end = int(time.time() * 1000) // HOUR_MS * HOUR_MS
    rows = busy(end - 6 * HOUR_MS, 6, stream="archive", machine="ada")
    rows += busy(end - 6 * HOUR_MS, 6, stream="feed", kind="rx", machine="bob", seed=4)
    hand_in(own_farm, rows)

    page = seen.open("/streams")
    picture = page.locator(".stream-picture img")
    expect(picture).to_have_attribute("alt", "Graphs of archive, the last 24 h")
    expect(picture).not_to_have_js_property("naturalWidth", 0)
    page.get_by_role("checkbox", name="feed").check()
    expect(picture).to_have_attribute("alt", "Graphs of archive, feed, the last 24 h")
    until_in_address(page, "streams=archive%2Cfeed")
    page = seen.open(page.url.removeprefix(seen.origin))
    expect(page.get_by_role("checkbox", name="feed")).to_be_checked()

    # Both in one chart; what it sums is what REST sums; a brush looks closer, and stays.
    start = end - 24 * HOUR_MS
    told = ask(own_farm, "/streams/slots", since=start, until=end, streams="feed", measures="files")
    files = sum(row["files"]["total"] or 0 for row in told["rows"])
    page.get_by_label("Compare").select_option("files")
    key = page.locator(".line-key li")
    expect(key).to_have_count(2)
    expect(key.filter(has_text="feed").locator(".sum")).to_have_text(f"{files:,}")
    # What is inside is made anew when the numbers come; what it stands in stays.
    page.locator(".line-chart").scroll_into_view_if_needed()
    chart = page.locator(".line-chart .u-over")
    until_drawn(page)
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
    page.mouse.down()
    size = page.viewport_size
    assert size is not None
    page.set_viewport_size({"width": size["width"] - 80, "height": size["height"]})
    until_drawn(page)  # made anew only after the hand lets go
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 40, steps=4)
    page.mouse.up()
    expect(page.get_by_role("button", name="Whole span")).to_be_visible()
    until_in_address(page, "from=", "measure=files")
    page.reload()
    expect(page.get_by_role("button", name="Whole span")).to_be_visible()
    expect(page.get_by_label("Compare")).to_have_value("files")
