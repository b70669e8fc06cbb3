"""The page says when it no longer knows, and comes back by itself."""

import re
import socket
from pathlib import Path

import pytest
from playwright.sync_api import expect

from grange.testing.farm import LocalFarm
from tests.browser.conftest import Visitor, submit_job

pytestmark = pytest.mark.chromium


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_a_killed_server_makes_the_page_stale_and_a_returning_one_live(
    tmp_path: Path, visit: Visitor
) -> None:
    """UX-8: stale within five seconds; afterwards nothing is lost and nothing comes twice."""
    port = free_port()
    with LocalFarm(tmp_path, port=port) as farm:
        page = visit(farm).open("/")
        expect(page.locator(".link-badge")).to_have_text("live")
        submit_job(farm, name="before")
        expect(page.locator(".job-head h1")).to_contain_text("before")
    expect(page.locator(".link-badge")).to_contain_text("stale", timeout=15_000)
    expect(page.locator(".job-head h1")).to_contain_text("before")
    with LocalFarm(tmp_path, port=port) as farm:
        submit_job(farm, name="while it was away")
        expect(page.locator(".link-badge")).to_have_text("live")
        expect(page.locator(".job-head h1")).to_contain_text("while it was away")
        expect(page.locator(".jobs tbody tr")).to_have_count(2)
        names = page.locator(".jobs .name").all_inner_texts()
        assert sorted(names) == ["before", "while it was away"]
    expect(page.locator(".link-badge")).to_have_text(re.compile(r"stale"), timeout=15_000)
