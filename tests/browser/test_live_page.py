"""The page in a real browser, on a real server."""

from collections import Counter

import pytest
from playwright.sync_api import Page, Route, expect

from grange.testing.farm import LocalFarm
from tests.browser.conftest import Visitor, ask, submit_job, until_held, until_it_fits, until_live
from tests.browser.handworker import HandWorker

pytestmark = pytest.mark.chromium


def strip_counts(page: Page) -> Counter[str]:
    cells = page.locator(".strip .cell")
    return Counter(
        cells.evaluate_all("cells => cells.map((cell) => cell.getAttribute('data-status'))")
    )


def test_the_page_asks_no_other_host_and_breaks_no_policy(farm: LocalFarm, visit: Visitor) -> None:
    """UX-1; the visit's teardown checks requests, exceptions and the content security policy."""
    submit_job(farm)
    seen = visit(farm)
    for path in ("/", "/jobs", "/workers"):
        page = seen.open(path)
        until_live(page)
    policy = seen.page.evaluate(
        "async () => (await fetch('/')).headers.get('content-security-policy')"
    )
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "unsafe-inline" not in policy
    seen.check()


def test_somebody_who_is_not_signed_in_is_told_how(farm: LocalFarm, visit: Visitor) -> None:
    page = visit(farm, signed_in=False).open("/")
    expect(page.get_by_role("heading")).to_have_text("Sign in to the farm")
    expect(page.locator("code", has_text="grange open").last).to_be_visible()


def test_progress_appears_without_a_reload(own_farm: LocalFarm, visit: Visitor) -> None:
    page = visit(own_farm).open("/")
    until_live(page)
    page.evaluate("() => { window.sameDocument = true; }")

    submit_job(own_farm, name="appears by itself", frames="1-6")
    expect(page.locator(".job-head h1")).to_contain_text("appears by itself")
    expect(page.locator(".strip .cell")).to_have_count(6)

    worker = HandWorker(own_farm, "live-01", threads=1)
    expect(page.locator(f"[data-worker={worker.worker_id}]")).to_contain_text("live-01")
    actions = worker.take()
    assert len(actions) >= 1
    worker.start(actions[0][1]["sessionActionId"], percent=40)
    expect(page.locator(f"[data-worker={worker.worker_id}]")).to_contain_text("rendering")
    expect(page.locator(".cell[data-status=RUNNING]")).to_have_count(3)
    worker.finish(actions[0][1]["sessionActionId"])
    expect(page.locator(".cell[data-status=SUCCEEDED]")).to_have_count(3)
    expect(page.locator(".job-head")).to_contain_text("3 / 6")

    assert page.evaluate("() => window.sameDocument") is True


def test_what_happens_before_the_stream_begins_is_shown_too(
    own_farm: LocalFarm, visit: Visitor
) -> None:
    """UX-9: the page was read, its stream of events is not yet open, and a job is submitted."""
    seen = visit(own_farm)
    seen.page.context.add_init_script("delete window.SharedWorker")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    seen.page.route("**/events", hold)
    page = seen.open("/")
    expect(page.locator(".steps")).to_be_visible()
    stream = until_held(page, held)
    submit_job(own_farm, name="in between", frames="1-6")
    stream.continue_()
    until_live(page)
    expect(page.locator(".job-head h1")).to_contain_text("in between")


def test_the_frame_strip_counts_what_the_api_counts(own_farm: LocalFarm, visit: Visitor) -> None:
    job_id = submit_job(own_farm, name="counted", frames="1-30", chunk=4)
    worker = HandWorker(own_farm, "count-01", threads=2)
    for _, action in worker.take()[:2]:
        worker.finish(action["sessionActionId"])
    page = visit(own_farm).open(f"/jobs/{job_id}")
    expect(page.locator(".strip .cell")).to_have_count(30)
    columns = ask(own_farm, f"/jobs/{job_id}/frames")["frames"]
    expected = Counter(columns["status"])
    assert expected["SUCCEEDED"] > 0
    expect(page.locator(".cell[data-status=SUCCEEDED]")).to_have_count(expected["SUCCEEDED"])
    assert strip_counts(page) == expected
    tasks = ask(own_farm, f"/jobs/{job_id}")["counts"]
    expect(page.locator(".job .progress:not(.bare) .legend li b").first).to_be_visible()
    legend = page.locator(".job .progress:not(.bare) .legend li b").all_inner_texts()
    assert sum(int(number) for number in legend) == sum(tasks.values())


def test_a_strip_is_walked_by_keyboard_and_selects_a_frame(farm: LocalFarm, visit: Visitor) -> None:
    job_id = submit_job(farm, name="keys", frames="1-9")
    page = visit(farm).open(f"/jobs/{job_id}")
    first = page.locator(".strip [role=option]").first
    expect(page.locator(".strip [role=option]")).to_have_count(9)
    first.focus()
    for key in ("ArrowRight", "ArrowRight", "End", "ArrowLeft", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".cell[aria-selected=true]")).to_have_attribute(
        "aria-label", "Frame 8: ready"
    )
    expect(page.locator(".frame-view figcaption")).to_contain_text("render 8")


def test_more_frames_than_cells_share_cells(farm: LocalFarm, visit: Visitor) -> None:
    job_id = submit_job(farm, name="long", frames="1-5000", chunk=10)
    page = visit(farm).open(f"/jobs/{job_id}")
    expect(page.locator(".strip .cell").first).to_have_attribute(
        "aria-label", "Frames 1–11: ready, 0 of 11 done"
    )
    assert page.locator(".strip .cell").count() <= 480


def test_text_of_a_failure_is_shown_and_never_run(own_farm: LocalFarm, visit: Visitor) -> None:
    """UX-14."""
    job_id = submit_job(own_farm, name="<b>bold</b> name", frames="1-3")
    worker = HandWorker(own_farm, "bent-01", threads=1)
    text = '<img src=x onerror="window.wasRun=true"><script>window.wasRun=true</script>'
    action = next(
        action["sessionActionId"]
        for _, action in worker.take()
        if "taskRun" in action["definition"]
    )
    worker.finish(action, fails_with=text)
    page = visit(own_farm).open(f"/jobs/{job_id}")
    expect(page.locator(".errors pre").first).to_have_text(text)
    expect(page.locator(".job-head h1")).to_contain_text("<b>bold</b> name")
    assert page.evaluate("() => window.wasRun") is None
    assert page.locator(".errors img, .errors script, .job-head b").count() == 0


def test_an_unknown_job_and_an_unknown_path_say_so(farm: LocalFarm, visit: Visitor) -> None:
    seen = visit(farm)
    page = seen.open("/jobs/job-00000000000000000000000000000000")
    expect(page.get_by_role("heading", name="Not here")).to_be_visible()
    page = seen.open("/no/such/page")
    expect(page.get_by_role("heading", name="Not here")).to_be_visible()


def test_no_page_is_wider_than_the_window(farm: LocalFarm, visit: Visitor) -> None:
    job_id = submit_job(farm, name="a rather long name of a job that somebody gave " * 2)
    seen = visit(farm)
    for path in ("/", "/jobs", f"/jobs/{job_id}", "/workers", "/usage", "/cost", "/reports"):
        page = seen.open(path)
        expect(page.locator(".panel").first).to_be_visible()
        for width in (390, 768, 1440, 3840):
            page.set_viewport_size({"width": width, "height": 900})
            until_it_fits(page, (path, width))


def test_times_are_of_the_farms_zone_and_count_to_24(farm: LocalFarm, visit: Visitor) -> None:
    """The browser is American and in Auckland; the farm's zone is UTC."""
    job_id = submit_job(farm, name="clocks")
    created = ask(farm, f"/jobs/{job_id}")["created_at"]
    page = visit(farm).open(f"/jobs/{job_id}")
    expected = page.evaluate("(at) => new Date(at).toISOString().slice(11, 19)", created)
    expect(page.locator(".job-head")).to_contain_text(f"submitted {expected}")
    assert "AM" not in page.locator("body").inner_text()
