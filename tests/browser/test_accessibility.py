"""WCAG 2.2 AA, as far as axe-core can tell, on every page in both themes."""

from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from grange.testing.farm import LocalFarm
from tests.browser.conftest import AXE, Visitor, submit_job
from tests.browser.handworker import HandWorker

pytestmark = pytest.mark.chromium

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def violations(page: Page) -> list[Any]:
    # Evaluated by the debugger, not by the page: the page's policy stays as it is.
    page.evaluate(AXE.read_text())
    found = page.evaluate(
        "(tags) => axe.run(document, { runOnly: { type: 'tag', values: tags } })", RULES
    )
    return [
        (item["id"], item["help"], [node["html"][:160] for node in item["nodes"]])
        for item in found["violations"]
    ]


@pytest.fixture(scope="module")
def busy_farm(farm: LocalFarm) -> str:
    """A farm with a job in every state a page shows; returns the job's id."""
    job_id = submit_job(farm, name="every state", frames="1-24", chunk=2)
    worker = HandWorker(farm, "axe-01", threads=3)
    HandWorker(farm, "axe-02", threads=1)
    # One action of each session: a session that fails takes what was assigned to it along.
    running = {session: action["sessionActionId"] for session, action in reversed(worker.take())}
    first, second, third = running.values()
    worker.start(first, percent=30)
    worker.finish(second)
    worker.finish(third, fails_with="no such texture")
    return job_id


REPORTS = ("/usage", "/cost?by=user,day", "/reports", "/reports/errors", "/streams")
LOG = f"/jobs/job-{'0' * 32}/tasks/task-{'0' * 32}-0/log"
VIEWS: list[tuple[Literal["light", "dark"], int]] = [("light", 1440), ("dark", 390)]


def violations_in_all_views(page: Page) -> list[Any]:
    found: list[Any] = []
    for theme, width in VIEWS:
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": 900})
        found += [(theme, width, *item) for item in violations(page)]
    return found


def test_axe_finds_nothing(farm: LocalFarm, visit: Visitor, busy_farm: str) -> None:
    """UX-22."""
    seen = visit(farm)
    for path in ("/", "/jobs", f"/jobs/{busy_farm}", "/workers", *REPORTS, LOG, "/nowhere"):
        page = seen.open(path)
        expect(page.locator("main section").first).to_be_visible()
        if path in {"/", f"/jobs/{busy_farm}"}:
            expect(page.locator(".strip .cell")).to_have_count(24)
            expect(page.locator(".errors")).to_be_visible()
            expect(page.locator(".machine-time canvas[role=img]")).to_be_visible()
        assert violations_in_all_views(page) == [], path


def test_axe_finds_nothing_on_the_way_in(farm: LocalFarm, visit: Visitor) -> None:
    page = visit(farm, signed_in=False).open("/")
    expect(page.get_by_role("heading")).to_be_visible()
    assert violations_in_all_views(page) == []


def test_every_state_has_a_shape_and_a_word(
    farm: LocalFarm, visit: Visitor, busy_farm: str
) -> None:
    """UX-23: nothing is told by colour alone."""
    page = visit(farm).open(f"/jobs/{busy_farm}")
    expect(page.locator(".strip .cell")).to_have_count(24)
    shapes = page.locator(".cell").evaluate_all(
        "cells => cells.map((cell) => [cell.dataset.status, cell.dataset.shape])"
    )
    by_status = dict(shapes)
    assert len(by_status) >= 3
    assert len(set(by_status.values())) == len(by_status)
    for chip in page.locator(".chip").all():
        assert chip.inner_text().strip()
        assert chip.locator("svg").count() == 1
