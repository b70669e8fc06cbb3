"""The inbox in the browser: trouble shows, a fix says what it does, undo restores."""

import re
from decimal import Decimal

import pytest
from playwright.sync_api import expect

from grange.testing.farm import LocalFarm
from tests.browser.conftest import Visitor, ask, submit_job, until_live
from tests.browser.handworker import HandWorker
from tests.browser.showroom import Showroom, fail

pytestmark = pytest.mark.chromium


def test_one_click_quarantines_a_worker_that_fails_and_undo_restores_it(
    own_farm: LocalFarm, visit: Visitor
) -> None:
    """UX-16: it surfaces within three failures; one click quarantines; undo restores."""
    page = visit(own_farm).open("/wrangle")
    until_live(page)
    expect(page.locator(".clear")).to_contain_text(re.compile(r"All clear since \d\d:\d\d"))
    submit_job(own_farm, name="oats", frames="1-40", chunk=2)
    worker = HandWorker(own_farm, "rn01", threads=1)
    fail(worker, 3)
    trouble = page.locator(".trouble")
    expect(trouble).to_have_attribute("data-trouble", "worker")
    expect(trouble.get_by_role("heading")).to_have_text("rn01 failed 3 times in a row")
    expect(trouble.locator(".signature")).to_have_text("CUDA error <n> at <n>: launch failure")
    trouble.locator("summary").click()
    example = trouble.locator(".examples a").first
    expect(example).to_have_text(re.compile(r"oats on rn01, line \d+"))
    expect(example).to_have_attribute("href", re.compile(r"/log\?attempt=\d+#L\d+$"))

    trouble.get_by_role("button", name="Quarantine").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Disables 1 worker")
    dialog.get_by_role("button", name="Quarantine").click()
    expect(page.locator(".clear")).to_contain_text("1 handled")
    (row,) = ask(own_farm, "/overview")["workers"]
    assert row["status"] in ("disabled", "rendering")
    assert ask(own_farm, f"/workers/{worker.worker_id}")["disabled"] is True

    page.get_by_role("button", name="Undo: Disables 1 worker").click()
    expect(page.locator(".said")).to_contain_text("enabled rn01")
    expect(trouble).to_have_attribute("data-state", "open")
    assert ask(own_farm, f"/workers/{worker.worker_id}")["disabled"] is False

    trouble.get_by_role("button", name="Snooze 8 h").click()
    expect(page.locator(".clear")).to_contain_text("1 snoozed")
    page.get_by_role("link", name=re.compile("^All")).click()
    expect(trouble).to_have_attribute("data-state", "snoozed")


def test_a_stranger_finds_what_matters_within_three_clicks(
    showroom: Showroom, visit: Visitor
) -> None:
    """A stuck job's reason, a failing worker, last month's cost of a project: from `/`."""
    seen = visit(showroom.farm)
    page = seen.open("/", farm_id=showroom.farm.farm_id)
    page.get_by_role("link", name="Wrangle", exact=True).click()  # 1
    stuck = page.locator(".trouble[data-trouble=waiting]")
    stuck.get_by_role("link", name="sh020 fur").click()  # 2
    why = showroom.farm.connect().call(
        "GET",
        f"/api/v1/farms/{showroom.farm.farm_id}/jobs/{showroom.stuck_id}/why",
        service="grange",
    )
    assert why["reason"] == "memory"
    expect(page.locator(".why")).to_contain_text(why["layers"][0]["text"])

    page = seen.open("/", farm_id=showroom.farm.farm_id)
    page.get_by_role("link", name="Wrangle", exact=True).click()  # 1
    page.locator(".trouble[data-trouble=worker]").get_by_role("link", name="rn02").click()  # 2
    expect(page.get_by_role("heading", level=1)).to_have_text("rn02")
    failures = page.get_by_role("region", name="Table of failures")
    expect(failures.get_by_role("link", name="sh010 beauty")).to_be_visible()


def test_last_months_cost_of_a_project_is_two_clicks_from_the_first_page(
    showroom: Showroom, visit: Visitor
) -> None:
    """The figure is that of the statement, to the cent."""
    months = showroom.ask("/months")["months"]
    told = showroom.ask(f"/months/{months[-1]['month']}/statement")["rows"]
    columns = told["columns"]
    rows = [dict(zip(columns, row, strict=True)) for row in told["rows"]]
    orchard = next(row["printed"] for row in rows if row["project"] == "orchard")
    seen = visit(showroom.farm)
    page = seen.open("/", farm_id=showroom.studio_id)
    page.get_by_role("link", name="Cost", exact=True).click()  # 1
    expect(page.get_by_role("link", name="Last month")).to_be_visible()
    month = page.get_by_role("navigation", name="Month of the statement")
    month.locator(f"a[href*='month={months[-1]['month']}']").click()  # 2
    row = page.get_by_role("region", name="Statement").get_by_role("row").filter(has_text="orchard")
    expect(row.first).to_contain_text(f"EUR {Decimal(orchard):,}")
