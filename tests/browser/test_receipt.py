"""The receipt and the machine time chart say what the books say."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from grange.books.allotment import rounded
from grange.domain.rates import RateLine, RateUnit
from grange.plots.palette import ACCOUNTS
from grange.testing.farm import LocalFarm
from tests.browser.conftest import Visitor, ask, submit_job, until_live
from tests.browser.handworker import HandWorker

pytestmark = pytest.mark.chromium

RATE = RateLine(line_id="line-1", unit=RateUnit.WORKER_HOUR, billionths_per_hour=10**15)


def seconds(millis: float) -> str:
    return f"{millis / 1000:,.1f} s"


def tenths(accounts: dict[str, int]) -> dict[str, str]:
    """Return times as a column prints them: they add up to the printed sum, which is ""."""
    names = [f"{account.key}_ms" for account in ACCOUNTS]
    units = rounded([accounts.get(name, 0) for name in names], 100)
    printed = zip([*names, ""], [*units, sum(units)], strict=True)
    return {name: f"{unit / 10:,.1f} s" for name, unit in printed}


def test_the_receipt_appears_when_the_job_is_done_and_balances(
    tmp_path: Path, visit: Visitor
) -> None:
    with LocalFarm(tmp_path, rates=(RATE,)) as farm:
        job_id = submit_job(farm, name="to the end", frames="1-4", chunk=2)
        page = visit(farm).open("/")
        until_live(page)
        expect(page.locator(".job-head h1")).to_contain_text("to the end")
        expect(page.locator(".receipt")).to_have_count(0)
        worker = HandWorker(farm, "sum-01", threads=2)
        worker.work_until(lambda: ask(farm, f"/jobs/{job_id}")["ended_at"] is not None)

        expect(page.locator(".receipt")).to_be_visible()
        paper = ask(farm, f"/jobs/{job_id}/receipt")
        machine_ms = sum(paper["accounts"].values())
        sheet = page.locator(".receipt")
        expect(sheet.locator(".sum b")).to_have_text(seconds(machine_ms))
        expect(sheet.locator(".sum")).to_contain_text(
            f"1 machine × {seconds(float(paper['seconds_each']) * 1000)} = "
        )
        expect(sheet.locator(".verdict")).to_have_text("Unaccounted: 0.0 s")
        column = tenths(paper["accounts"])
        for key in paper["accounts"]:
            row = sheet.locator("tr", has=page.locator(f"[data-account={key[:-3]}]"))
            expect(row.locator("td").nth(1)).to_have_text(column[key])
        expect(sheet.locator(".accounts tfoot td").first).to_have_text(column[""])

        assert paper["cost"]["example"] is False
        expect(sheet.locator(".example")).to_have_count(0)
        total = f"USD {float(paper['cost']['total']):,.2f}"
        assert float(paper["cost"]["total"]) >= 1
        expect(sheet.locator(".cost tfoot td:last-child")).to_have_text([total, total])

        chart = page.locator(".machine-time")
        picture = chart.locator("canvas[role=img]")
        expect(picture).to_have_attribute(
            "aria-label", re.compile(r"^Machine time of 2 job threads: Rendering, useful ")
        )
        expect(chart.locator("tfoot td").first).to_have_text(column[""])


def test_without_a_rate_card_there_are_hours_and_no_money(tmp_path: Path, visit: Visitor) -> None:
    """UX-19."""
    with LocalFarm(tmp_path) as farm:
        job_id = submit_job(farm, name="unpriced", frames="1-2", chunk=2)
        worker = HandWorker(farm, "sum-02", threads=1)
        worker.work_until(lambda: ask(farm, f"/jobs/{job_id}")["ended_at"] is not None)
        page = visit(farm).open(f"/jobs/{job_id}")
        expect(page.locator(".receipt")).to_contain_text("No rate card: hours only")
        assert "USD" not in page.locator("main").inner_text()
