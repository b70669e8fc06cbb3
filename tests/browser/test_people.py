"""Signing in, users and keys, the audit log, homes and first steps: in a real browser."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from grange.adapters.argon import Argon2Passwords
from grange.testing.farm import LocalFarm
from tests.browser.conftest import Visitor, submit_job, until_it_fits, until_live, violations
from tests.browser.handworker import HandWorker
from tests.browser.test_accessibility import NARROW, WIDE

pytestmark = pytest.mark.chromium

GOOD = "correct horse battery"


def call(farm: LocalFarm, method: str, path: str, body: Any = None) -> Any:
    return farm.connect().call(method, f"/api/v1{path}", body=body, service="grange")


@pytest.fixture(scope="module")
def peopled(farm: LocalFarm) -> LocalFarm:
    """A farm with an artist, ana, and a job of somebody else."""
    quick = Argon2Passwords(time_cost=1, memory_kib=1024, lanes=1)
    farm.api.context.signing._hasher = quick
    call(farm, "POST", "/users", {"name": "ana", "role": "member"})
    call(farm, "PUT", "/users/ana/password", {"password": GOOD})
    level = {"level": "CONTRIBUTOR"}
    call(farm, "PUT", f"/farms/{farm.farm_id}/memberships/ana", level)
    return farm


def violations_in_all_views(page: Page) -> list[Any]:
    """What axe finds, light and wide, dark and narrow."""
    found: list[Any] = []
    for theme, size in (("light", WIDE), ("dark", NARROW)):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.set_viewport_size(size)  # type: ignore[arg-type]
        found += [(theme, *item) for item in violations(page)]
    return found


def sign_in(page: Page, name: str = "ana", password: str = GOOD) -> None:
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_first_steps_tick_by_themselves(own_farm: LocalFarm, visit: Visitor) -> None:
    """Issue 6, item 8: an empty farm leads to its first job, and says so as it happens."""
    page = visit(own_farm).open("/")
    until_live(page)
    steps = page.get_by_role("listitem").filter(has=page.get_by_role("heading", level=3))
    expect(steps).to_have_count(5)
    expect(page.locator(".steps [data-done=true]")).to_have_count(2)
    expect(page.get_by_text(f"grange worker join {own_farm.endpoint}")).to_be_visible()
    assert violations_in_all_views(page) == []
    worker = HandWorker(own_farm, "first-01", threads=1)
    expect(page.locator(".steps [data-done=true]")).to_have_count(3)
    expect(page.get_by_text("grange submit --name hello")).to_be_visible()
    submit_job(own_farm, name="hello", frames="1-1", chunk=1)
    expect(page.locator(".steps [data-done=true]")).to_have_count(4)
    for _, action in worker.take():
        worker.finish(action["sessionActionId"])
    expect(page.get_by_role("heading", name="First steps")).to_have_count(0)


def test_a_person_signs_in_and_out_by_hand(peopled: LocalFarm, visit: Visitor) -> None:
    seen = visit(peopled, signed_in=False)
    page = seen.open("/jobs")
    sign_in(page, password="wrong")
    expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong.")
    assert violations_in_all_views(page) == []
    page.get_by_label("Password").fill(GOOD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="your account").click()
    expect(page.get_by_text("CONTRIBUTOR")).to_be_visible()
    expect(page.get_by_text("This one")).to_be_visible()
    assert violations_in_all_views(page) == []
    page.get_by_role("button", name="Sign out", exact=True).first.click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_signing_in_needs_no_javascript(peopled: LocalFarm, chromium: Any) -> None:
    """The form at /login is a plain one, and the wall status too."""
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{peopled.endpoint}/status")
    expect(page).to_have_title("Sign in · Grange")
    sign_in(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Farm")
    expect(page.get_by_role("heading", name="Workers")).to_be_visible()
    context.close()


@pytest.mark.parametrize("width", [1440, 390])
def test_a_wall_and_a_login_page_are_readable(
    peopled: LocalFarm, visit: Visitor, width: int
) -> None:
    seen = visit(peopled, width=width)
    for path in ("/status?refresh=0", "/login"):  # it would load itself again under axe
        page = seen.open(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert violations_in_all_views(page) == [], path
        until_it_fits(page)


def test_homes_by_role_and_by_choice(
    peopled: LocalFarm, visit: Visitor, submit: Callable[..., str]
) -> None:
    """The server keeps the choice: another browser shows the same home."""
    submit(name="of the owner")
    page = visit(peopled, signed_in=False).open("/")
    sign_in(page)
    expect(page.get_by_role("heading", name="My jobs")).to_be_visible()
    expect(page.get_by_role("heading", name="Needs you")).to_be_visible()
    expect(page.get_by_role("link", name="of the owner")).to_have_count(0)
    expect(page.get_by_role("link", name="Admin")).to_have_count(0)
    assert violations_in_all_views(page) == []
    with page.expect_response(
        lambda one: one.request.method == "PATCH" and one.url.endswith("/api/v1/me")
    ) as answer:
        page.get_by_label("This page shows").select_option("wrangler")
    assert answer.value.status == 200
    expect(page.get_by_role("heading", name="Workers", exact=True)).to_be_visible()
    again = visit(peopled, signed_in=False).open("/")
    sign_in(again)
    expect(again.get_by_label("This page shows")).to_have_value("wrangler")
    call(peopled, "PATCH", "/me", {"home": "finance"})
    other = visit(peopled).open("/")
    expect(other.get_by_role("heading", name="Cost", level=1)).to_be_visible()
    call(peopled, "PATCH", "/me", {"home": "admin"})


def test_users_levels_and_keys_by_hand(peopled: LocalFarm, visit: Visitor) -> None:
    """A secret is shown once: it is nowhere after a look at another page."""
    seen = visit(peopled)
    page = seen.open("/admin/users")
    page.get_by_label("Name").fill("mo")
    page.get_by_role("button", name="Add", exact=True).click()
    level = page.get_by_label("What mo may in this farm")
    expect(level).to_have_value("CONTRIBUTOR")
    with page.expect_response(lambda one: one.request.method != "GET") as changed:
        level.select_option("MANAGER")
    assert changed.value.ok
    page.get_by_role("button", name="New key for mo").click()
    secret = page.get_by_text("export AWS_SECRET_ACCESS_KEY=")
    expect(secret).to_be_visible()
    assert violations_in_all_views(page) == []
    until_it_fits(page)
    page = seen.open("/admin/users")
    expect(page.get_by_label("What mo may in this farm")).to_have_value("MANAGER")
    expect(secret).to_have_count(0)
    # By its header: a row's text has key ids too, and those of others may end in "MO".
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="mo", exact=True))
    revoke = row.get_by_role("button", name="Revoke")
    revoke.click()
    page.get_by_role("button", name="Revoke it").click()
    expect(row.get_by_text("no key")).to_be_visible()
    page.get_by_role("button", name="Disable mo").click()
    expect(page.get_by_role("button", name="Enable mo")).to_be_visible()


def test_the_audit_log_by_hand(peopled: LocalFarm, visit: Visitor) -> None:
    """What somebody typed is text there too."""
    name = "<img src=x onerror=alert(1)>"
    farm = peopled
    farm.boto3().update_farm(farmId=farm.farm_id, displayName="Farm", description=name)
    seen = visit(farm)
    page = seen.open("/admin/audit")
    expect(page.get_by_text(name)).to_be_visible()
    page.get_by_label("Which").fill("operation=UpdateFarm")
    page.get_by_role("button", name="Show").click()
    rows = page.locator("table.audit tbody tr")
    expect(rows).to_have_count(1)
    assert violations_in_all_views(page) == []
    until_it_fits(page)
    page.get_by_label("Which").fill("actr=owner")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("alert")).to_contain_text("actor")


def test_whoever_may_look_only_is_not_offered_to_act(
    peopled: LocalFarm, visit: Visitor, submit: Callable[..., str]
) -> None:
    """Issue 6, item 5: what one may not do is said, not offered and refused."""
    job_id = submit(name="of the owner too")
    page = visit(peopled, signed_in=False).open(f"/jobs/{job_id}")
    sign_in(page)
    expect(page.get_by_text("You may look at this job.")).to_be_visible()
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)
    expect(page.get_by_role("button", name="Render again")).to_have_count(0)
    page.get_by_role("link", name="Jobs", exact=True).click()
    page.get_by_role("row").filter(has_text="of the owner too").get_by_role(
        "gridcell"
    ).first.click()
    expect(page.get_by_text("Your level lets you look at it, not change it.")).to_be_visible()
    expect(page.locator(".deed-bar").get_by_role("button", name="Cancel")).to_have_count(0)
    own = visit(peopled).open(f"/jobs/{job_id}")
    expect(own.get_by_role("button", name="Pause")).to_be_visible()
