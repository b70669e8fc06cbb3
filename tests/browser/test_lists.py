"""The lists of jobs and workers: many rows, few in the document, state in the address, actions."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from grange.kernel.units import Instant
from grange.testing.farm import LocalFarm
from grange.testing.many_jobs import write_many_jobs
from tests.browser.conftest import (
    Visit,
    Visitor,
    ask,
    submit_job,
    until_held,
    until_in_address,
    violations,
)
from tests.browser.handworker import HandWorker

pytestmark = pytest.mark.chromium

JOBS = 2000
ROWS = ".grid-body .grid-row[data-id]"
NAMES = ".grid-row a:not([href$='/why'])"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalFarm]:
    """A farm with many jobs, one of them called needle."""
    folder: Path = tmp_path_factory.mktemp("large")
    with LocalFarm(folder) as farm:
        submit_job(farm, name="needle", frames="1-4", chunk=1)
        ids = farm.ids
    now = Instant(int(time.time() * 1000))
    write_many_jobs(folder, ids.farm_id, ids.queue_id, JOBS, now)
    with LocalFarm(folder) as farm:
        yield farm


def opened(seen: Visit, path: str) -> Page:
    page = seen.open(path)
    expect(page.locator(ROWS).first).to_be_visible()
    return page


def asked(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def shown_ids(page: Page) -> set[str]:
    ids = page.locator(ROWS).evaluate_all("rows => rows.map((row) => row.dataset.id)")
    return set(ids)


def test_of_many_rows_few_are_in_the_document_and_the_last_is_reached(
    large: LocalFarm, visit: Visitor
) -> None:
    """UX-2, UX-22: fewer than 60 rows; readers hear how many there are, and which is read."""
    page = opened(visit(large), "/jobs")
    expect(page.locator(".list-figures")).to_have_text(f"{JOBS + 1:,} of {JOBS + 1:,}")
    assert page.locator(".grid-row").count() < 60
    grid = page.get_by_role("grid", name="Jobs")
    expect(grid).to_have_attribute("aria-rowcount", str(JOBS + 2))
    grid.focus()
    page.keyboard.press("End")
    last = page.locator(f".grid-row[aria-rowindex='{JOBS + 2}']")
    expect(last).to_be_visible()
    expect(grid).to_have_attribute("aria-activedescendant", str(last.get_attribute("id")))
    assert page.locator(".grid-row").count() < 60
    page.keyboard.press("Home")
    expect(page.locator(".grid-row.active")).to_have_attribute("aria-rowindex", "2")


def test_a_query_finds_the_one_and_the_same_as_the_server(large: LocalFarm, visit: Visitor) -> None:
    """UX-4, UX-6: the browser filters before anything is left out, by the language of REST."""
    page = opened(visit(large), "/jobs")
    page.keyboard.press("/")
    page.keyboard.type("needle")
    expect(page.locator(".list-figures")).to_have_text(f"1 of {JOBS + 1:,}")
    until_in_address(page, "where=needle")
    search = page.get_by_role("searchbox")
    for where in ("state=failed priority=80", "user=ann sh00 -beauty", "or needle failed>7"):
        search.fill(where)
        wanted = ask(large, "/jobs", where=where, limit=1000)
        matched = f"{wanted['matched']:,} of {JOBS + 1:,}"
        expect(page.locator(".list-figures")).to_have_text(matched)
        ids = {row["job_id"] for row in wanted["jobs"]}
        assert shown_ids(page) <= ids
        assert len(shown_ids(page)) == min(len(ids), len(shown_ids(page)))
    search.fill("usr=ann")
    expect(page.locator(".list-problem")).to_contain_text("Did you mean user?")
    search.fill("no such job")
    expect(page.locator(".grid-empty")).to_contain_text("No job matches")
    page.get_by_role("button", name="Clear no such job").click()
    expect(page.locator(ROWS).first).to_be_visible()


def test_an_order_is_shown_before_all_rows_are_here(large: LocalFarm, visit: Visitor) -> None:
    """UX-5: the server sorts what it keeps at hand; the whole list then begins with the same."""
    seen = visit(large)
    held: list[Route] = []
    holds = True

    def hold(route: Route) -> None:
        if holds:
            held.append(route)
        else:
            route.continue_()

    seen.page.route("**/snapshots/jobs*", hold)
    page = opened(seen, "/jobs?sort=-priority%2Cname&where=beauty")
    expect(page.locator(".list-figures")).to_have_text("the first 200; reading all …")
    told = ask(large, "/jobs", where="beauty", active="true", sort="-priority,name", limit=200)[
        "jobs"
    ]
    first = page.locator(ROWS).first
    expect(first).to_contain_text(told[0]["name"])
    names = [row["name"] for row in told if row["priority"] == told[0]["priority"]]
    holds = False
    for route in held:
        route.continue_()
    expect(page.locator(".list-figures")).to_have_text(re.compile(r"^[\d,]+ of [\d,]+$"))
    expect(first).to_contain_text(names[0])


def test_what_a_condition_finds_is_shown_before_all_rows_are_here(
    large: LocalFarm, visit: Visitor
) -> None:
    """UX-6: the server finds it among all; the list that is on its way takes its place."""
    seen = visit(large)
    held: list[Route] = []
    holds = True

    def hold(route: Route) -> None:
        if holds:
            held.append(route)
        else:
            route.continue_()

    seen.page.route("**/snapshots/jobs*", hold)
    page = opened(seen, "/jobs?where=needle")
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page.locator(".list-figures")).to_have_text("the newest 1; reading all …")
    holds = False
    for route in held:
        route.continue_()
    expect(page.locator(".list-figures")).to_have_text(f"1 of {JOBS + 1:,}")
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page.locator(ROWS)).to_contain_text("needle")


def test_a_waiting_job_says_why_and_can_be_found_and_ordered_by_it(
    large: LocalFarm, visit: Visitor
) -> None:
    """UX-4: the word and the words of `grange job why`; the browser finds what the server does."""
    page = opened(visit(large), "/jobs?where=waits%3Dpaused&sort=waits")
    wanted = ask(large, "/jobs", where="waits=paused because~paused", limit=1000)
    assert wanted["matched"] >= JOBS // 20
    expect(page.locator(".list-figures")).to_have_text(f"{wanted['matched']:,} of {JOBS + 1:,}")
    assert shown_ids(page) <= {row["job_id"] for row in wanted["jobs"]}
    first = page.locator(ROWS).first
    job_id = first.get_attribute("data-id")
    told = ask(large, f"/jobs/{job_id}/why")
    cell = first.locator(f"a[href='/jobs/{job_id}/why']")
    expect(cell).to_have_text(f"{told['reason']}: {told['text']}")
    expect(page.locator("[aria-sort=ascending]")).to_contain_text("Waiting because")
    cell.click()
    expect(page).to_have_url(re.compile(f"/jobs/{job_id}/why"))
    expect(page.locator(".verdict-line")).to_be_visible()
    expect(page.get_by_text(told["text"]).first).to_be_visible()


def test_the_address_restores_filter_order_groups_and_columns(
    large: LocalFarm, visit: Visitor
) -> None:
    """UX-5: a reload and a pasted link show the same."""
    page = opened(visit(large), "/jobs")
    page.get_by_role("searchbox").fill("beauty")
    until_in_address(page, "where=beauty")
    page.get_by_role("columnheader", name="Priority").get_by_text("Priority").click()
    until_in_address(page, "sort=priority")
    page.get_by_role("columnheader", name="Priority").get_by_text("Priority").click()
    until_in_address(page, "sort=-priority")
    page.get_by_label("Group by").select_option("project")
    until_in_address(page, "group=project")
    page.get_by_role("button", name="Columns").click()
    dialog = page.get_by_role("dialog", name="Columns")
    dialog.get_by_label("User", exact=True).uncheck()
    dialog.get_by_role("button", name="Move State forward").click()
    dialog.get_by_role("button", name="Make State wider").click()
    dialog.get_by_role("button", name="Done").click()
    until_in_address(page, "columns=state%3A136%2Cname%2Ctasks")
    found = asked(page)
    assert (found["where"], found["sort"], found["group"]) == (
        ["beauty"],
        ["-priority"],
        ["project"],
    )
    assert found["columns"][0].startswith("state:136,name,tasks")
    assert "user" not in found["columns"][0].split(",")
    expect(page.locator(".grid-row.group").first).to_contain_text("alien · ")
    expect(page.locator(NAMES).nth(4)).to_be_visible()
    names = page.locator(NAMES).all_inner_texts()[:5]
    for again in (page, opened(visit(large), page.url.removeprefix(large.endpoint))):
        again.reload()
        expect(again.locator(ROWS).first).to_be_visible()
        expect(again.get_by_role("searchbox")).to_have_value("beauty")
        headers = again.get_by_role("columnheader").all_inner_texts()
        assert [text.strip() for text in headers[1:4]] == ["State", "Job", "Tasks"]
        expect(again.locator("[aria-sort=descending]")).to_contain_text("Priority")
        for at, name in enumerate(names):
            expect(again.locator(NAMES).nth(at)).to_have_text(name)


def test_rows_are_chosen_by_click_shift_ctrl_and_keys(large: LocalFarm, visit: Visitor) -> None:
    """Rows keep their choice while they scroll out of sight and back."""
    page = opened(visit(large), "/jobs?where=user%3Dann&sort=name")
    rows = page.locator(ROWS)
    chosen = page.locator(".deed-bar b")
    rows.nth(1).click(position={"x": 330, "y": 10})
    expect(chosen).to_have_text("1 chosen")
    rows.nth(4).click(position={"x": 330, "y": 10}, modifiers=["Shift"])
    expect(chosen).to_have_text("4 chosen")
    rows.nth(2).click(position={"x": 330, "y": 10}, modifiers=["Control"])
    expect(chosen).to_have_text("3 chosen")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(chosen).to_have_text("2 chosen")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.locator(".grid-row[aria-rowindex='7']")).to_have_attribute("aria-selected", "true")
    expect(chosen).to_have_text("2 chosen")
    page.keyboard.press("End")
    page.keyboard.press("Home")
    expect(page.locator("[aria-selected=true]")).to_have_count(2)
    page.keyboard.press("Control+a")
    total = ask(large, "/jobs", where="user=ann", limit=1000)["matched"]
    expect(chosen).to_have_text(f"{total:,} chosen")
    page.keyboard.press("Escape")
    expect(chosen).to_have_count(0)
    name = page.locator(".grid-row[aria-rowindex='2'] a:not([href$='/why'])").inner_text()
    # Read in the order they stand, once nothing scrolls any more.
    expect(rows.first.locator("a").first).to_have_text(name)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text(name)


def test_home_counts_every_job_and_leads_to_those_it_counted(
    large: LocalFarm, visit: Visitor
) -> None:
    """The overview has 200 jobs; the farm has more, and each figure opens into what it counts."""
    page = visit(large).open("/")
    for word, where in (
        ("waiting", "finished=none running=0"),
        ("rendering", "finished=none running>0"),
        ("failed in 24 h", "state=failed finished>-1d"),
    ):
        matched = ask(large, "/jobs", where=where, active="true", limit=1)["matched"]
        figure = page.locator(".pulse li").filter(has_text=re.compile(f"jobs? {word}"))
        expect(figure.locator("strong")).to_have_text(str(matched))
    waiting = ask(large, "/jobs", where="finished=none running=0", active="true", limit=1)
    assert waiting["matched"] > 200
    page.get_by_role("link", name=re.compile("jobs waiting")).click()
    expect(page.locator(".list-figures")).to_have_text(f"{waiting['matched']:,} of {JOBS + 1:,}")


def test_keys_are_shown_and_can_be_switched_off(large: LocalFarm, visit: Visitor) -> None:
    """WCAG 2.1.4: a key alone does something anywhere only as long as one wants that."""
    page = opened(visit(large), "/jobs?columns=name,state")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_contain_text("Go to the search of a list")
    dialog.get_by_role("checkbox").uncheck()
    dialog.get_by_role("button", name="Close").click()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).not_to_be_focused()
    page.reload()
    expect(page.locator(ROWS).first).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_have_count(0)
    page.get_by_role("link", name="your account").click()
    page.get_by_role("checkbox", name="work anywhere on a page").check()
    page.get_by_role("link", name="Jobs", exact=True).click()
    expect(page.locator(ROWS).first).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()


def test_columns_share_the_room_of_a_wide_window(large: LocalFarm, visit: Visitor) -> None:
    """Every column is seen at 1440; at 2560 those that may grow leave nothing empty."""
    for width in (1440, 2560):
        page = opened(visit(large, width=width), "/jobs")
        grid = page.get_by_role("grid", name="Jobs")
        assert grid.evaluate("grid => grid.scrollWidth - grid.clientWidth") == 0
        last = page.get_by_role("columnheader", name="Submitted").bounding_box()
        box = grid.bounding_box()
        assert last is not None
        assert box is not None
        assert box["x"] + box["width"] - last["x"] - last["width"] < 40


def test_views_are_kept_on_the_server(large: LocalFarm, visit: Visitor) -> None:
    """UX-5: another browser of the same user has them."""
    page = opened(visit(large), "/jobs?where=user%3Dzoe&group=shot")
    page.get_by_role("button", name="Views").click()
    page.get_by_label("Name of the view").fill("Zoe by shot")
    page.get_by_role("button", name="Keep").click()
    expect(page.locator(".toast")).to_contain_text("Kept the view")
    other = opened(visit(large), "/jobs")
    other.get_by_label("View", exact=True).select_option("Zoe by shot")
    expect(other.locator(".grid-row.group").first).to_be_visible()
    expect(other.get_by_role("searchbox")).to_have_value("user=zoe")


def test_what_one_does_shows_at_once_and_can_be_undone(large: LocalFarm, visit: Visitor) -> None:
    """UX-7: before the server has answered; Undo brings back what was."""
    seen = visit(large)
    page = opened(seen, "/jobs?where=needle&columns=name,state,priority")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/jobs/actions", hold)
    page.locator(ROWS).first.click(position={"x": 330, "y": 10})
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(ROWS).first).to_contain_text("suspended")
    request = until_held(page, held)
    assert ask(large, "/jobs", where="needle")["jobs"][0]["status"] == "READY"
    request.continue_()
    expect(page.locator(".toast")).to_contain_text("Paused 1 job")
    page.unroute("**/jobs/actions")
    assert ask(large, "/jobs", where="needle")["jobs"][0]["status"] == "SUSPENDED"
    with page.expect_response("**/jobs/actions"):
        page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator(ROWS).first).to_contain_text("ready")
    assert ask(large, "/jobs", where="needle")["jobs"][0]["status"] == "READY"
    page.locator(".deed-bar").get_by_label("Priority").select_option("90")
    expect(page.locator(ROWS).first).to_contain_text("90")
    expect(page.locator(".toast", has_text="Set priority 90")).to_be_visible()
    undo = page.locator(".toast", has_text="Set priority 90").get_by_role("button", name="Undo")
    with page.expect_response("**/jobs/actions"):
        undo.click()
    expect(page.locator(ROWS).first).to_contain_text("50")
    assert ask(large, "/jobs", where="needle")["jobs"][0]["priority"] == 50


def test_what_the_server_refuses_is_taken_back_with_the_reason(
    large: LocalFarm, visit: Visitor
) -> None:
    """UX-7: a refusal rolls back; UX-15: what destroys says first what."""
    page = opened(visit(large), "/jobs?where=needle&columns=name,state,priority")
    fault = {"error": {"code": "AccessDeniedException", "message": "Ask a wrangler."}}
    refusal = json.dumps(fault)
    page.route(
        "**/jobs/actions",
        lambda route: route.fulfill(status=403, body=refusal, content_type="application/json"),
    )
    page.locator(ROWS).first.click(position={"x": 330, "y": 10})
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".toast[data-tone=failed]")).to_contain_text("Ask a wrangler.")
    expect(page.locator(ROWS).first).to_contain_text("ready")
    page.unroute("**/jobs/actions")
    page.get_by_role("button", name="Cancel").click()
    dialog = page.get_by_role("dialog", name="Cancel")
    expect(dialog).to_contain_text("Cancels 1 job: stops nothing that runs, drops")
    dialog.get_by_role("button", name="Leave it").click()
    assert ask(large, "/jobs", where="needle")["jobs"][0]["ended_at"] is None


def test_workers_have_the_same_list_and_are_disabled_after_their_task(
    own_farm: LocalFarm, visit: Visitor
) -> None:
    """UX-15: "after the task" never stops one; Undo lets it go on."""
    submit_job(own_farm, name="goes on", frames="1-8", chunk=2)
    worker = HandWorker(own_farm, "list-01", threads=1)
    HandWorker(own_farm, "list-02", threads=1)
    worker.start(worker.take()[0][1]["sessionActionId"])
    page = opened(visit(own_farm), "/workers?where=state%3Drendering")
    expect(page.locator(".list-figures")).to_have_text("1 of 2")
    expect(page.locator(ROWS)).to_contain_text("goes on")
    page.locator(ROWS).first.click(position={"x": 12, "y": 10})
    page.get_by_role("button", name="Disable after the task").click()
    expect(page.locator(ROWS)).to_contain_text("rendering, then disabled")
    expect(page.locator(".toast")).to_contain_text("Disabled 1 worker")
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator(ROWS)).not_to_contain_text("then disabled")
    page.get_by_role("button", name="Stop now").click()
    expect(page.get_by_role("dialog", name="Stop now")).to_contain_text("1 running task")


def test_eight_tabs_are_live_by_one_stream(own_farm: LocalFarm, visit: Visitor) -> None:
    """UX-9: browsers open six connections to one server; one stream serves all tabs."""
    seen = visit(own_farm)
    context = seen.page.context
    tabs = [context.new_page() for _ in range(8)]
    for tab in tabs:
        tab.goto(f"{own_farm.endpoint}/jobs", wait_until="domcontentloaded")
    for tab in tabs:
        expect(tab.locator(".link-badge")).to_have_text("live")
        expect(tab.locator(".list-figures")).to_have_text("0 of 0")
    submit_job(own_farm, name="for all tabs")
    for tab in tabs:
        expect(tab.locator(ROWS)).to_contain_text("for all tabs")
    assert own_farm.api.context.live.readers == 1
    tabs[0].close()
    submit_job(own_farm, name="for the others")
    expect(tabs[7].locator(ROWS).first).to_contain_text("for the others")


def test_a_browser_without_shared_workers_is_live_too(own_farm: LocalFarm, visit: Visitor) -> None:
    seen = visit(own_farm)
    seen.page.context.add_init_script("delete window.SharedWorker")
    page = seen.open("/jobs")
    expect(page.locator(".list-figures")).to_have_text("0 of 0")
    submit_job(own_farm, name="by its own stream")
    expect(page.locator(ROWS)).to_contain_text("by its own stream")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_the_lists(large: LocalFarm, visit: Visitor, theme: str) -> None:
    """UX-22."""
    seen = visit(large, theme=theme)
    for path in ("/jobs?group=user", "/workers?view=", "/jobs?scope=all"):
        page = seen.open(path)
        expect(page.locator(".list-figures")).to_have_text(re.compile(r"\d\+? of \d"))
        if "group" in path:
            page.locator(ROWS).first.click(position={"x": 330, "y": 10})
        assert violations(page) == [], path


def test_older_jobs_are_found_on_the_server(large: LocalFarm, visit: Visitor) -> None:
    """UX-6: history beyond the active jobs, page by page as one scrolls."""
    page = opened(visit(large), "/jobs?scope=all")
    expect(page.locator(".list-figures")).to_have_text(f"200+ of {JOBS + 1:,}")
    page.get_by_role("grid").focus()
    page.keyboard.press("End")
    expect(page.locator(".list-figures")).to_have_text(f"400+ of {JOBS + 1:,}")
    page.get_by_role("searchbox").fill("needle")
    expect(page.locator(".list-figures")).to_have_text(f"1 of {JOBS + 1:,}")
    expect(page.locator(ROWS)).to_contain_text("needle")


def test_all_jobs_are_sorted_by_the_server(large: LocalFarm, visit: Visitor) -> None:
    """Beyond the active jobs too; the address keeps it, and a column it cannot sort by is none."""
    seen = visit(large)
    page = opened(seen, "/jobs?scope=all")
    name = page.locator("[role=columnheader][data-column=name]")
    expect(page.get_by_text("The newest first.")).to_be_visible()
    name.get_by_role("button").click()
    until_in_address(page, "sort=name")
    expect(page.get_by_text("The newest first.")).to_have_count(0)
    expect(name).to_have_attribute("aria-sort", "ascending")
    by_name = ask(large, "/jobs", sort="name", limit="1")["jobs"][0]["name"]
    expect(page.locator(ROWS).first).to_contain_text(by_name)
    name.get_by_role("button").click()
    until_in_address(page, "sort=-name")
    last = ask(large, "/jobs", sort="-name", limit="1")["jobs"][0]["name"]
    assert last != by_name
    page = opened(seen, "/jobs?scope=all&sort=-name")
    expect(page.locator(ROWS).first).to_contain_text(last)
    expect(page.locator("[role=columnheader][data-column=elapsed] .grid-label")).to_be_visible()
    expect(page.locator("[role=columnheader][data-column=elapsed] button")).to_have_count(0)
