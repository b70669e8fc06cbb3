"""The page says when it no longer knows, and comes back by itself."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from grange.testing.farm import LocalFarm
from tests.browser.conftest import Visitor, submit_job, until_live
from tools.ports import free_port

pytestmark = pytest.mark.chromium


def test_a_killed_server_makes_the_page_stale_and_a_returning_one_live(
    tmp_path: Path, visit: Visitor
) -> None:
    """UX-8: stale within five seconds; afterwards nothing is lost and nothing comes twice."""
    port = free_port()
    with LocalFarm(tmp_path, port=port) as farm:
        page = visit(farm).open("/")
        until_live(page)
        submit_job(farm, name="before")
        expect(page.locator(".job-head h1")).to_contain_text("before")
    expect(page.locator(".link-badge")).to_contain_text("stale")
    expect(page.locator(".job-head h1")).to_contain_text("before")
    with LocalFarm(tmp_path, port=port) as farm:
        submit_job(farm, name="while it was away")
        until_live(page)
        expect(page.locator(".job-head h1")).to_contain_text("while it was away")
        expect(page.locator(".jobs tbody tr")).to_have_count(2)
        expect(page.locator(".jobs .name")).to_have_text(["while it was away", "before"])
    expect(page.locator(".link-badge")).to_contain_text("stale")
