"""The page of a task's log: opened at its error, searched, linked to, followed, inert."""

import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import expect

from grange.kernel.units import Instant, iso8601
from grange.testing.farm import LocalFarm
from tests.browser.conftest import Visitor, submit_job, until_in_address, until_said
from tests.browser.handworker import HandWorker
from tests.server.raw import signed

pytestmark = pytest.mark.chromium

LINES = 420_000
"""More than an element can be tall for, line by line."""
WRONG = 412_345


@dataclass
class Logged:
    """A task with a long log of its own."""

    farm: LocalFarm
    job_id: str
    task_id: str
    session_id: str
    worker: HandWorker

    @property
    def page(self) -> str:
        return f"/jobs/{self.job_id}/tasks/{self.task_id}/log"


@pytest.fixture(scope="module")
def logged(farm: LocalFarm) -> Logged:
    """A running task with a log of 420,000 lines."""
    job_id = submit_job(farm, name="talks", frames="1-1", chunk=1)
    worker = HandWorker(farm, "log-01", threads=1)
    ((session_id, action),) = worker.take()
    worker.start(action["sessionActionId"])
    stamp = iso8601(Instant(farm.api.context.clock.now()))
    lines = [f"{stamp} rendering bucket {number}\n" for number in range(1, LINES + 1)]
    lines[99] = f"{stamp} <script>window.broken = 1</script><b>bold</b>\n"
    lines[WRONG - 1] = f"{stamp} \x1b[1;31mERROR\x1b[0m: No space left on device: oak.tx\n"
    content, offset = "".join(lines).encode(), 0
    while offset < len(content):
        piece = content[offset : offset + 12_000_000]
        path = f"/api/v1/farms/{farm.farm_id}/sessions/{session_id}/log?offset={offset}"
        assert signed(farm, "PUT", path, piece, service="grange").status == 200
        offset += len(piece)
    task_id = action["definition"]["taskRun"]["taskId"]
    return Logged(farm, job_id, task_id, session_id, worker)


def test_a_long_log_opens_at_its_first_error(logged: Logged, visit: Visitor) -> None:
    """UX-12, UX-14: at the line a rule knows, coloured, with few lines in the page."""
    page = visit(logged.farm).open(f"{logged.page}?unfolded=all")
    wrong = page.locator(".log-lines li.chosen")
    expect(wrong.locator("code")).to_have_text("ERROR: No space left on device: oak.tx")
    expect(page).to_have_url(re.compile(f"#L{WRONG}$"))
    expect(wrong.locator("code span.ink-red")).to_have_text("ERROR")
    expect(wrong).to_be_in_viewport()
    assert page.locator(".log-lines li").count() < 120
    expect(page.get_by_label("Errors").get_by_role("link")).to_contain_text(["output"])
    page.locator(".log-lines").focus()
    page.keyboard.press("End")
    expect(page.locator(".log-lines code").last).to_have_text(
        re.compile(f"rendering bucket {LINES}|one more line")
    )
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Home")
    expect(page.locator(".log-lines code").first).to_have_text("rendering bucket 1")


def test_the_farm_is_asked_for_while_the_page_itself_is_read(
    logged: Logged, visit: Visitor
) -> None:
    """Nothing of a log can be asked before: it is asked once, and by the page's first lines."""
    page = visit(logged.farm).open(logged.page)
    expect(page.locator("li.chosen")).to_be_visible()
    asked = page.evaluate(
        """() => performance.getEntriesByType('resource')
          .map((one) => [new URL(one.name).pathname, one.initiatorType])
          .filter(([path]) => ['/api/v1/farms', '/api/v1/me'].includes(path))"""
    )
    assert sorted(asked) == [["/api/v1/farms", "link"], ["/api/v1/me", "link"]]


def test_a_search_goes_through_the_whole_log_and_text_stays_text(
    logged: Logged, visit: Visitor
) -> None:
    """UX-12, UX-14: nothing of a log is run; an expression that is none is said to be none."""
    page = visit(logged.farm).open(logged.page)
    status = page.get_by_role("status").filter(has_text="line")
    page.get_by_role("searchbox").fill("window.BROKEN")
    expect(status).to_have_text("1 line found")
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page.locator("li.chosen code")).to_have_text(
        "<script>window.broken = 1</script><b>bold</b>"
    )
    assert page.evaluate("window.broken") is None
    page.get_by_label("Expression").check()
    page.get_by_role("searchbox").fill("bucket 4199[0-9]+$")
    expect(status).to_have_text("110 lines found")
    page.get_by_role("button", name="Previous").click()
    expect(page.locator("li.chosen code")).to_have_text("rendering bucket 419999")
    until_in_address(page, "find=")
    page.get_by_role("searchbox").fill("bucket (")
    expect(page.get_by_role("alert")).to_contain_text("no regular expression")


def test_a_line_has_an_address_and_a_running_log_is_followed(
    logged: Logged, visit: Visitor
) -> None:
    """UX-12, UX-13: lines from before the page was opened are there, and those that come."""
    page = visit(logged.farm).open(f"{logged.page}#L312345")
    expect(page.locator("li.chosen code")).to_have_text("rendering bucket 312345")
    expect(page.locator("li.chosen")).to_be_in_viewport()
    page.get_by_label("Follow").check()
    logged.worker.write(logged.session_id, ["one more line"])
    expect(page.locator(".log-lines li code").last).to_have_text("one more line")
    with page.expect_download() as begun:
        page.get_by_role("link", name="Download").click()
    text = begun.value.path().read_text()
    assert len(re.findall("\n", text)) >= LINES


@pytest.fixture(scope="module")
def repeating(farm: LocalFarm) -> Logged:
    """A running task that tells its progress 900 times for each of its 30 frames."""
    job_id = submit_job(farm, name="tells", frames="1-1", chunk=1)
    worker = HandWorker(farm, "log-02", threads=1)
    ((session_id, action),) = worker.take()
    worker.start(action["sessionActionId"])
    rule, line = "=" * 46, "-" * 46
    lines = [rule, "--------- Running Task", rule, line, "Phase: Setup", line, "Output:"]
    for frame in range(1, 31):
        lines.append(f"saved {chr(96 + frame) if frame < 27 else '+' + chr(70 + frame)}.exr")
        lines += [f"frame {frame}: {at / 9:.1f} %" for at in range(900)]
    lines[10_000] = "WARNING: texture oak.tx is slow"
    worker.write(session_id, lines)
    task_id = action["definition"]["taskRun"]["taskId"]
    return Logged(farm, job_id, task_id, session_id, worker)


def test_runs_of_lines_are_folded_and_unfold_by_key_and_address(
    repeating: Logged, visit: Visitor
) -> None:
    """What was unfolded is unfolded again where the address is opened elsewhere."""
    page = visit(repeating.farm).open(repeating.page)
    page.get_by_role("button", name="Unfold all").wait_for()
    lines = page.locator(".log-lines")
    lines.focus()
    page.keyboard.press("Home")
    setup = page.get_by_role("button", name="7 lines of the session’s set-up")
    expect(setup).to_have_attribute("aria-expanded", "false")
    # Of lines that are alike the first and the last are in sight: each frame's.
    codes = page.locator(".log-lines code")
    expect(codes.nth(0)).to_have_text("saved a.exr")
    expect(codes.nth(1)).to_have_text("frame 1: 0.0 %")
    expect(codes.nth(2)).to_have_text("frame 1: 99.9 %")
    expect(codes.nth(3)).to_have_text("saved b.exr")
    expect(page.get_by_text("WARNING: texture oak.tx is slow")).to_be_attached()
    assert lines.evaluate("(box) => box.scrollHeight") < 200 * 24
    setup.press("Enter")
    expect(setup).to_have_attribute("aria-expanded", "true")
    expect(codes.nth(0)).to_have_text("=" * 46)
    second = page.get_by_role("button", name="898 lines like these").nth(1)
    second.press(" ")
    expect(second).to_have_attribute("aria-expanded", "true")
    expect(page.locator("[data-line='913'] code")).to_have_text("frame 2: 0.3 %")
    until_in_address(page, "unfolded=1%2C911")
    page.reload()
    page.get_by_role("button", name="Unfold all").wait_for()
    lines.focus()
    page.keyboard.press("Home")
    expect(page.get_by_role("button", expanded=True)).to_have_count(2)
    expect(codes.nth(0)).to_have_text("=" * 46)
    setup.click()
    expect(codes.nth(0)).to_have_text("saved a.exr")


CHOSEN_AT = """() => {
  const line = document.querySelector('li.chosen');
  const isRead = line?.querySelector('code')?.textContent === 'frame 5: 50.0 %';
  return isRead ? line.getBoundingClientRect().y : null;
}"""
"""Asked in one go: a line is drawn anew when its text arrives."""


def test_a_fold_opens_for_a_line_that_is_gone_to(repeating: Logged, visit: Visitor) -> None:
    """By an address and by a search; what is looked at stays where it is when all is unfolded."""
    page = visit(repeating.farm).open(f"{repeating.page}#L20000")
    chosen = page.locator("li.chosen")
    page.get_by_role("button", name="Unfold all").wait_for()
    expect(chosen).to_be_in_viewport()
    page.get_by_role("searchbox").fill("frame 5: 50.0")
    expect(page.get_by_role("status").filter(has_text="1 line")).to_be_visible()
    page.get_by_role("button", name="Next", exact=True).click()
    expect(chosen.locator("code")).to_have_text("frame 5: 50.0 %")
    expect(chosen).to_be_in_viewport()
    before = until_said(page, CHOSEN_AT, "The line that was found is not read.")
    page.get_by_role("button", name="Unfold all").click()
    until_in_address(page, "unfolded=all")
    expect(page.get_by_role("button", name="Fold all")).to_be_visible()
    expect(chosen).to_be_in_viewport()
    after = until_said(page, CHOSEN_AT, "The line that was found is no longer read.")
    assert abs(before - after) < 2


def test_a_log_that_is_followed_folds_as_it_grows(repeating: Logged, visit: Visitor) -> None:
    """A run that goes on stays one fold, and its newest line stays in sight."""
    page = visit(repeating.farm).open(repeating.page)
    page.get_by_role("button", name="Unfold all").wait_for()
    page.get_by_label("Follow").check()
    last = page.locator(".log-lines code").last
    expect(last).to_have_text("frame 30: 99.9 %")
    folds = page.locator(".log-lines li.fold").last
    expect(folds).to_have_text("898 lines like these")
    for step in range(1, 4):
        told = [f"frame 30: {100 * step + at}.0 %" for at in range(20)]
        repeating.worker.write(repeating.session_id, told)
        expect(last).to_have_text(told[-1])
        expect(folds).to_have_text(f"{898 + 20 * step} lines like these")
