"""Hooks, power and licences in the browser: seen, changed with the consequence said, removed."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from grange.testing.farm import LocalFarm
from tests.browser.conftest import Visitor, until_it_fits, violations
from tests.browser.handworker import HandWorker
from tests.browser.test_accessibility import NARROW, WIDE

pytestmark = pytest.mark.chromium


def ask(farm: LocalFarm, path: str) -> Any:
    return farm.connect().call("GET", f"/api/v1/farms/{farm.farm_id}{path}", service="grange")


def looks_well(page: Page) -> None:
    """Axe finds nothing light and wide, dark and narrow; nothing stands out at the side."""
    for theme, size in (("light", WIDE), ("dark", NARROW)):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.set_viewport_size(size)  # type: ignore[arg-type]
        assert violations(page) == [], theme
        until_it_fits(page, theme)
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]


def test_a_hook_is_added_tried_and_removed(farm: LocalFarm, visit: Visitor) -> None:
    page = visit(farm).open("/admin/hooks")
    expect(page.get_by_text("Nothing is told of this farm’s events yet")).to_be_visible()
    expect(page.locator(".command").first).to_contain_text("grange hook add")
    looks_well(page)
    page.get_by_label("Name").fill("chat")
    page.get_by_role("textbox", name="Address").fill("http://127.0.0.1:1/farm")
    page.get_by_label("worker quarantined").check()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="chat is told of")).to_be_visible()
    (hook,) = ask(farm, "/hooks")["hooks"]
    assert set(hook["events"]) == {"job_failed", "worker_quarantined"}
    secret = ask(farm, f"/hooks/{hook['hook_id']}/secret")["secret"]
    expect(page.locator(".command code")).to_contain_text([secret])
    page.get_by_role("button", name="I have it").click()
    page.get_by_role("button", name="Test chat").click()
    expect(page.get_by_role("region", name="Deliveries", exact=True)).to_contain_text("chat")
    looks_well(page)
    page.get_by_role("button", name="Remove chat").click()
    asked = page.get_by_role("group", name="Remove chat?")
    expect(asked).to_contain_text("the delivery that waits for it is given up")
    asked.get_by_role("button", name="Keep it").click()
    assert ask(farm, "/hooks")["hooks"]
    page.get_by_role("button", name="Remove chat").click()
    asked.get_by_role("button", name="Remove chat").click()
    expect(page.get_by_text("Nothing is told of this farm’s events yet")).to_be_visible()
    assert ask(farm, "/hooks")["hooks"] == []


def test_a_power_policy_says_whom_it_leads_before_it_is_set(
    farm: LocalFarm, visit: Visitor
) -> None:
    HandWorker(farm, "power-01", threads=1)
    count = len(ask(farm, "/power")["machines"])
    page = visit(farm).open("/admin/power")
    expect(page.get_by_text("There are no policies")).to_be_visible()
    looks_well(page)
    machines = "1 machine" if count == 1 else f"{count} machines"
    said = page.get_by_text(f"{machines} of the whole farm will follow it")
    expect(said).to_be_visible()
    page.get_by_label("Turn off after").fill("30")
    page.get_by_label("Stay on").fill("2")
    expect(said).to_contain_text("will be turned off in about 30 min, down to 2 that stay on")
    page.get_by_role("button", name="Save").click()
    # The example on the empty page says 30m too: only a policy that is there can be removed.
    expect(page.get_by_role("button", name="Remove the policy")).to_be_visible()
    (policy,) = ask(farm, "/power")["policies"]
    assert (policy["scope"], policy["wake"], policy["keep_on"]) == ("farm", True, 2)
    assert policy["shutdown_idle_seconds"] == 1800
    looks_well(page)
    page.get_by_role("button", name="Remove the policy").click()
    expect(page.get_by_role("group")).to_contain_text(f"{count} are left as they are")
    page.get_by_role("button", name="Remove the policy").click()
    expect(page.get_by_text("There are no policies")).to_be_visible()


def test_licences_are_counted_and_the_change_is_said(farm: LocalFarm, visit: Visitor) -> None:
    page = visit(farm).open("/admin/licences")
    expect(page.get_by_text("No licences are counted yet")).to_be_visible()
    looks_well(page)
    page.get_by_label("Application").fill("nuke")
    page.get_by_label("How many").fill("4")
    expect(
        page.get_by_text("nuke in default: any number until now, 4 from now on")
    ).to_contain_text("Sessions that hold one keep it")
    page.get_by_role("button", name="Save").click()
    pools = page.get_by_role("region", name="Licence pools")
    expect(pools.get_by_role("rowheader")).to_have_text("nuke")
    (pool,) = ask(farm, "/licences")["pools"]
    assert pool["regions"]["default"] == {
        "is_set": True, "count": 4, "unlimited": False, "in_use": 0, "cost": "0.000000000",
    }  # fmt: skip
    page.get_by_label("How many").fill("9")
    expect(page.get_by_text("4 until now, 9 from now on")).to_be_visible()
    looks_well(page)
    page.get_by_role("button", name="Remove licences of nuke").click()
    page.get_by_role("group").get_by_role("button", name="Remove licences of nuke").click()
    expect(page.get_by_text("No licences are counted yet")).to_be_visible()


def test_who_may_only_read_sees_settings_and_no_way_to_change_them(
    farm: LocalFarm, visit: Visitor
) -> None:
    """Hooks are for owners; a refusal is shown in the server's words."""
    owner = farm.connect()
    owner.call("POST", "/api/v1/users", body={"name": "vic", "role": "member"}, service="grange")
    owner.call(
        "PUT", f"/api/v1/farms/{farm.farm_id}/memberships/vic",
        body={"level": "VIEWER"}, service="grange",
    )  # fmt: skip
    password = {"password": "correct horse battery"}
    owner.call("PUT", "/api/v1/users/vic/password", body=password, service="grange")
    page = visit(farm, signed_in=False).open("/admin/power")
    page.get_by_label("Name").fill("vic")
    page.get_by_label("Password").fill(password["password"])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Owners of the farm change policies")).to_be_visible()
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    page.get_by_role("link", name="Licences").click()
    expect(page.get_by_text("Owners of the farm change licences")).to_be_visible()
    page.get_by_role("link", name="Hooks").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("button", name="Add", exact=True)).to_have_count(0)
