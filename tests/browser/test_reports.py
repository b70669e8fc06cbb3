"""Reports of the books and the reasons of waiting jobs: pages say what REST and files say."""

import csv
import io
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from grange.domain.rates import RateLine, RateUnit
from grange.testing.farm import LocalFarm
from tests.browser.conftest import Visitor, ask, submit_job, until_in_address, until_live
from tests.browser.handworker import HandWorker

pytestmark = pytest.mark.chromium

DAY_MS = 86_400_000
RATE = RateLine(line_id="line-1", unit=RateUnit.WORKER_HOUR, billionths_per_hour=10**15)


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A farm with rates where two jobs were done."""
    with LocalFarm(tmp_path_factory.mktemp("worked"), rates=(RATE,)) as farm:
        jobs = [submit_job(farm, name=name, frames="1-4", chunk=2) for name in ("oats", "rye")]
        worker = HandWorker(farm, "rep-01", threads=2)
        worker.work_until(
            lambda: all(ask(farm, f"/jobs/{job}")["ended_at"] is not None for job in jobs)
        )
        yield farm


def cells(page: Page) -> list[list[str]]:
    """Return the texts of the report's rows, without the bars."""
    return [
        [cell.strip() for cell in row.locator("td:not(.bar-cell)").all_inner_texts()]
        for row in page.locator("table.report tbody tr").all()
    ]


def reported(farm: LocalFarm, name: str, **query: Any) -> Any:
    now = int(time.time() * 1000)
    return ask(farm, f"/reports/{name}", start=now - 30 * DAY_MS, end=now, **query)


def test_cost_by_job_is_that_of_rest_and_of_the_file(worked: LocalFarm, visit: Visitor) -> None:
    """Design, invariant 6: same question, same answer; sorting changes the order alone."""
    page = visit(worked).open("/cost?by=job")
    expect(page.locator("table.report")).to_be_visible()
    told = {row["job"]: row["cost"] for row in reported(worked, "cost", by="job")["rows"]}
    heads = [head.strip().lower() for head in page.locator("thead button").all_inner_texts()]
    shown = {row[0]: row[heads.index("cost")] for row in cells(page)}
    amounts = {name: Decimal(text.removeprefix("USD ").replace(",", "")) for name, text in
               shown.items()}  # fmt: skip
    for name in ("oats", "rye"):
        # Rounded with the other rows, so that they add up as they are written.
        assert abs(amounts[name] - Decimal(told[name])) < Decimal("0.01")
    whole = page.locator("table.report tfoot td").nth(heads.index("cost"))
    expect(whole).to_have_text(f"USD {sum(amounts.values()):,}")
    with page.expect_download() as begun:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(begun.value.path()).read_text())))
    assert {row["job"]: row["cost"] for row in rows if row["job"]} == {
        name: cost for name, cost in told.items() if name
    }
    before = cells(page)
    page.get_by_role("button", name="job", exact=True).click()
    expect(page.locator("th[aria-sort]")).to_have_count(1)
    assert sorted(cells(page)) == sorted(before)
    names = [row[0] for row in cells(page)]
    assert names[:2] == ["oats", "rye"]


def test_a_name_opens_what_it_is_made_of_and_the_address_keeps_it(
    worked: LocalFarm, visit: Visitor
) -> None:
    """UX: state lives in the address; a click on a name is a condition."""
    seen = visit(worked)
    page = seen.open("/usage?by=user")
    page.locator("table.report tbody a").first.click()
    expect(page.get_by_role("searchbox")).to_have_value("user=owner")
    until_in_address(page, "where=user%3Downer")
    expect(page.locator("table.report tbody tr")).to_have_count(2)  # its jobs
    again = seen.open(page.url.removeprefix(seen.origin))
    expect(again.locator("table.report tbody tr")).to_have_count(2)


def test_a_condition_that_cannot_be_read_says_what_is_wrong(
    worked: LocalFarm, visit: Visitor
) -> None:
    page = visit(worked).open("/usage")
    box = page.get_by_role("searchbox")
    box.fill("projekt=film")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("alert")).to_contain_text("project")
    box.fill("user=nobody")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".empty")).to_contain_text("Nothing matches user=nobody")


def test_every_report_has_a_page(worked: LocalFarm, visit: Visitor) -> None:
    seen = visit(worked)
    page = seen.open("/reports")
    links = page.locator(".report-list a")
    expect(links.first).to_be_visible()
    addresses = [link.get_attribute("href") or "" for link in links.all()]
    assert len(addresses) == len(ask(worked, "/reports")["reports"])
    for address in addresses:
        page = seen.open(address)
        report = page.locator("section[aria-labelledby=report-title]")
        expect(report.locator("table.report, .empty:not([role=status])").first).to_be_visible()
        expect(page.get_by_role("alert")).to_have_count(0)


def test_a_job_without_workers_says_so_and_what_would_help(
    own_farm: LocalFarm, visit: Visitor
) -> None:
    """UX-10: the first reason is the scheduler's; the page is told when it changes."""
    job_id = submit_job(own_farm, name="waits")
    page = visit(own_farm).open(f"/jobs/{job_id}")
    until_live(page)
    panel = page.locator(".why")
    expect(panel).to_contain_text("worker")
    told = ask(own_farm, f"/jobs/{job_id}/why")
    assert told["reason"] == "workers"
    expect(panel).to_contain_text(told["layers"][0]["text"])
    expect(panel.locator("code")).to_have_text(f"grange job why {job_id}")
    HandWorker(own_farm, "why-01", threads=1)
    expect(panel.locator(".aside")).not_to_have_text("workers")
