"""The picture of a farm, a worker's day, the wall: what they show is what the books say."""

import re

import pytest
from playwright.sync_api import Page, expect

from grange.books.allotment import rounded
from grange.kernel.units import MILLIS_PER_DAY
from tests.browser.conftest import Visitor, until_drawn, until_in_address
from tests.browser.routes import studio_worker
from tests.browser.showroom import MONDAY, Showroom

pytestmark = pytest.mark.chromium

START = MONDAY + MILLIS_PER_DAY
END = MONDAY + 2 * MILLIS_PER_DAY


def place_of(page: Page, name: str, share: float, machines: int) -> tuple[float, float]:
    """Return where in the picture a machine was at a share of the span."""
    box = page.locator(".farm-picture").bounding_box()
    assert box is not None
    names = page.locator(".wall-map b").all_inner_texts()
    row = names.index(name) if names else 0
    each = (box["height"] - 22) / machines
    return 132 + (box["width"] - 138) * share, each * (row + 0.5)


def test_the_picture_is_what_the_books_say_and_a_click_opens_the_attempt(
    showroom: Showroom, visit: Visitor
) -> None:
    """Invariant 3: machines × time = Σ accounts; each second opens what it is made of."""
    seen = visit(showroom.farm)
    page = seen.open(f"/usage?{showroom.day}", farm_id=showroom.studio_id)
    receipt = page.locator(".picture-receipt")
    told = showroom.ask("/accounts", start=START, end=END)
    assert sum(told["total"][f"{key}_ms"] for key in ACCOUNTS) == told["machine_ms"]
    expect(receipt.locator(".equation-line")).to_have_text("8 machines × 86,400.0 s")
    expect(receipt.locator("tfoot td").first).to_have_text(f"{told['machine_ms'] / 1000:,.1f} s")
    expect(receipt.locator(".unaccounted")).to_have_text("Unaccounted: 0.0 s")
    printed = rounded([told["total"][f"{key}_ms"] for key in ACCOUNTS], 100)
    expect(receipt.locator("tbody tr").first).to_contain_text(f"{printed[0] / 10:,.1f} s")
    useful = told["total"]["rendering_useful_ms"]

    (worker,) = [
        row["worker_id"] for row in showroom.ask("/overview")["workers"] if row["name"] == "gpu001"
    ]
    at = START + MILLIS_PER_DAY // 2
    asked = showroom.ask(f"/workers/{worker}/attempt", at=at, thread=0)["attempt"]
    assert asked["started_at"] <= at < asked["ended_at"]
    until_drawn(page)
    page.locator(".farm-picture").click(
        position=dict(zip("xy", place_of(page, "gpu001", 0.5, 8), strict=True))  # type: ignore[arg-type]
    )
    picked = page.locator(".picked-attempt")
    expect(picked).to_contain_text("gpu001")
    expect(picked.get_by_role("link", name=re.compile("log of attempt"))).to_have_attribute(
        "href", asked["page"]
    )

    receipt.get_by_label(re.compile("Compare with")).check()
    before = showroom.ask("/accounts", start=START - MILLIS_PER_DAY, end=START)
    points = 100 * (
        useful / told["machine_ms"] - before["total"]["rendering_useful_ms"] / before["machine_ms"]
    )
    expect(receipt.locator("tbody tr").first).to_contain_text(f"{abs(points):.1f}")
    earlier = 100 * before["total"]["rendering_useful_ms"] / before["machine_ms"]
    expect(receipt.locator("tbody tr").first.locator("td").nth(3)).to_have_text(f"{earlier:.1f} %")


def test_a_brush_zooms_and_the_address_keeps_it(showroom: Showroom, visit: Visitor) -> None:
    page = visit(showroom.farm).open(f"/usage?{showroom.day}", farm_id=showroom.studio_id)
    expect(page.locator(".picture-receipt .equation-line")).to_contain_text("86,400.0 s")
    page.locator(".farm-picture").scroll_into_view_if_needed()
    until_drawn(page)
    box = page.locator(".farm-picture").bounding_box()
    assert box is not None
    left, right = (132 + (box["width"] - 138) * share for share in (0.25, 0.75))
    page.mouse.move(box["x"] + left, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + right, box["y"] + 20, steps=4)
    page.mouse.up()
    expect(page.locator(".picture-receipt .equation-line")).to_contain_text(
        re.compile(r"8 machines × 4[23],\d{3}\.\d s")
    )
    until_in_address(page, "from=", "to=")
    found = re.search(r"from=(\d+)&to=(\d+)", page.url)
    assert found is not None
    assert abs(int(found[1]) - (START + MILLIS_PER_DAY // 4)) < 300_000
    page.reload()
    expect(page.locator(".picture-receipt .unaccounted")).to_have_text("Unaccounted: 0.0 s")


def test_the_page_of_a_worker_shows_its_day_and_keeps_a_note(
    showroom: Showroom, visit: Visitor
) -> None:
    worker = studio_worker(showroom)
    seen = visit(showroom.farm)
    page = seen.open(f"/workers/{worker}?{showroom.day}", farm_id=showroom.studio_id)
    expect(page.locator(".telemetry .uplot")).to_have_count(4)
    rows = showroom.ask(f"/workers/{worker}/attempts", start=START, end=END)["rows"]
    tasks = [row for row in rows if row["kind"] == "task_run"]
    expect(page.locator(".attempt-list li")).to_have_count(min(len(tasks), 200))
    failed = [row for row in tasks if row["status"] == "FAILED"]
    jobs = {row["job_name"] for row in failed}
    expect(page.get_by_role("region", name="Table of failures").locator("tbody tr")).to_have_count(
        len(jobs)
    )
    box = page.get_by_label("Note about this worker")
    box.fill("second fan is loud")
    page.get_by_role("button", name="Save note").click()
    expect(page.get_by_role("button", name="Save note")).to_be_disabled()
    assert showroom.ask(f"/workers/{worker}")["note"] == "second fan is loud"


def test_the_wall_has_a_colour_a_shape_and_a_word_for_every_worker(
    showroom: Showroom, visit: Visitor
) -> None:
    page = visit(showroom.farm).open("/workers?view=wall", farm_id=showroom.farm.farm_id)
    tiles = page.locator(".wall-map li")
    expect(tiles).to_have_count(3)
    for tile in tiles.all():
        expect(tile).to_have_attribute("data-tone", re.compile("."))
        expect(tile.locator("svg.shape")).to_have_count(1)
        expect(tile.locator(".state")).to_have_text(re.compile(r"\w"))
    page.get_by_role("link", name="rn02").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("rn02")


ACCOUNTS = (
    "rendering_useful",
    "rendering_wasted",
    "overhead",
    "idle_blocked",
    "idle_no_work",
    "disabled",
    "off",
    "unknown",
)


def test_the_address_of_a_job_shows_it_whatever_farm_is_chosen(
    showroom: Showroom, visit: Visitor
) -> None:
    page = visit(showroom.farm).open(f"/jobs/{showroom.job_id}", farm_id=showroom.studio_id)
    expect(page.get_by_role("heading", level=1)).to_contain_text("sh010 beauty")
    assert page.url.endswith(f"/jobs/{showroom.job_id}")
    page.goto(f"{showroom.farm.endpoint}/jobs/job-{'0' * 32}")
    expect(page.get_by_text("There is no job with this id.")).to_be_visible()
