"""Acting on jobs and workers in the page: first what it would do, then doing it."""

import pytest
from playwright.sync_api import expect

from grange.testing.farm import LocalFarm
from tests.browser.conftest import Visitor, ask, submit_job
from tests.browser.handworker import HandWorker

pytestmark = pytest.mark.chromium


def test_a_job_is_canceled_only_after_its_loss_was_named(
    own_farm: LocalFarm, visit: Visitor
) -> None:
    """Ledger S1-17; UX-7, UX-15: the consequence is the server's; leaving it changes nothing."""
    job_id = submit_job(own_farm, name="doomed", frames="1-8", chunk=2)
    worker = HandWorker(own_farm, "act-01", threads=1)
    worker.start(worker.take()[0][1]["sessionActionId"])
    page = visit(own_farm).open(f"/jobs/{job_id}")
    page.get_by_role("button", name="Cancel job").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("stops 1 running task")
    dialog.get_by_role("button", name="Leave it").click()
    expect(dialog).to_be_hidden()
    assert ask(own_farm, f"/jobs/{job_id}")["ended_at"] is None

    page.get_by_role("button", name="Pause", exact=True).click()
    dialog.get_by_role("button", name="Pause", exact=True).click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Resume", exact=True)).to_be_visible()
    assert ask(own_farm, f"/jobs/{job_id}")["counts"]["SUSPENDED"] >= 1

    page.get_by_role("button", name="Cancel job").click()
    dialog.get_by_role("button", name="Cancel job").click()
    expect(dialog).to_be_hidden()
    assert ask(own_farm, f"/jobs/{job_id}")["counts"].get("READY", 0) == 0


def test_a_worker_is_disabled_after_its_task_and_enabled_again(
    own_farm: LocalFarm, visit: Visitor
) -> None:
    """UX-15: "after the task" never stops one; "now" names what is lost first."""
    submit_job(own_farm, name="goes on", frames="1-8", chunk=2)
    worker = HandWorker(own_farm, "act-02", threads=1)
    action = worker.take()[0][1]["sessionActionId"]
    worker.start(action)
    page = visit(own_farm).open("/workers?view=cards")
    card = page.locator(f"[data-worker='{worker.worker_id}']")
    card.get_by_role("button", name="Stop now").click()
    expect(page.get_by_role("dialog")).to_contain_text("1 running task")
    page.get_by_role("dialog").get_by_role("button", name="Leave it").click()
    card.get_by_role("button", name="Disable after the task").click()
    page.get_by_role("dialog").get_by_role("button", name="Disable after the task").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    worker.finish(action)  # it was not stopped
    expect(card.get_by_role("button", name="Enable")).to_be_visible()
    card.get_by_role("button", name="Enable").click()
    page.get_by_role("dialog").get_by_role("button", name="Enable").click()
    expect(card.get_by_role("button", name="Stop now")).to_be_visible()
