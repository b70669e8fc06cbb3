"""The page of a task's log: found in, linked to, inert."""

import re

import pytest
from playwright.sync_api import expect

from grange.testing.farm import LocalFarm
from tests.browser.conftest import Visitor, submit_job
from tests.browser.handworker import HandWorker

pytestmark = pytest.mark.chromium

LINES = 20_000


@pytest.fixture
def logged(own_farm: LocalFarm) -> tuple[str, str, HandWorker, str]:
    """A running task with a long log; returns job, task, worker and session."""
    job_id = submit_job(own_farm, name="talks", frames="1-1", chunk=1)
    worker = HandWorker(own_farm, "log-01", threads=1)
    ((session_id, action),) = worker.take()
    worker.start(action["sessionActionId"])
    lines = [f"rendering bucket {number}" for number in range(1, LINES + 1)]
    lines[99] = "<script>window.broken = 1</script><b>bold</b>"
    lines[14_999] = "\x1b[31mERROR: texture not found: oak.tx\x1b[0m"
    worker.write(session_id, lines)
    task_id = action["definition"]["taskRun"]["taskId"]
    return job_id, task_id, worker, session_id


def test_a_long_log_opens_at_its_error_and_at_a_line(
    own_farm: LocalFarm, visit: Visitor, logged: tuple[str, str, HandWorker, str]
) -> None:
    """UX-12, UX-13, UX-14: a running log is whole, its text inert, each line has an address."""
    job_id, task_id, worker, session_id = logged
    seen = visit(own_farm)
    page = seen.open(f"/jobs/{job_id}/tasks/{task_id}/log")
    status = page.get_by_role("status").filter(has_text="line")
    expect(status).to_have_text("20,000 lines")
    assert page.locator(".log-lines li").count() < 200
    page.get_by_role("button", name="Next error (1)").click()
    wrong = page.locator(".log-lines li.chosen")
    expect(wrong).to_contain_text("15000")
    expect(wrong.locator("code")).to_have_text(re.compile(r"ERROR: texture not found: oak\.tx$"))
    assert page.url.endswith("#L15000")

    page.get_by_role("searchbox").fill("window.broken")
    expect(status).to_have_text("1 line")
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page.locator("li.chosen code")).to_contain_text("<script>window.broken = 1</script>")
    assert page.evaluate("window.broken") is None

    page = seen.open(f"/jobs/{job_id}/tasks/{task_id}/log#L12345")
    expect(page.locator("li.chosen code")).to_contain_text("rendering bucket 12345")
    page.get_by_label("Follow").check()
    worker.write(session_id, ["one more line"])
    expect(page.locator(".log-lines li code").last).to_contain_text("one more line")
