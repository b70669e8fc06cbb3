"""Passwords, sign-ins, sign-outs; what another site's page cannot do; pages without JavaScript."""

import asyncio
import http.client
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from grange.adapters.argon import Argon2Passwords
from grange.adapters.host.clock import SystemClock
from grange.domain.people import AuditEntry, Password, SignIn
from grange.kernel.units import MILLIS_PER_MINUTE, Instant
from grange.server.authentication import cookie_header
from grange.services.identity import COOKIE_MS, cookie_hash
from grange.services.login_limits import MOST_TOGETHER, WINDOW_MS
from grange.testing.farm import LocalFarm
from tests.server.conftest import template

GOOD = "correct horse battery"


class Browser:
    """A browser without JavaScript: it sends what browsers send, and keeps its cookie."""

    def __init__(self, farm: LocalFarm) -> None:
        self.farm = farm
        self.cookie = ""
        self.host = urlsplit(farm.endpoint).netloc

    def send(
        self,
        method: str,
        path: str,
        *,
        form: dict[str, str] | None = None,
        data: Any = None,
        **headers: str,
    ) -> "Answer":
        connection = http.client.HTTPConnection(self.host, timeout=100)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            sent.setdefault("cookie", self.cookie)
        body = None
        if form is not None:
            body = urlencode(form)
            sent.setdefault("content-type", "application/x-www-form-urlencoded")
        if data is not None:
            body = json.dumps(data)
            sent["content-type"] = "application/json"
        if method != "GET":
            sent.setdefault("sec-fetch-site", "same-origin")
        connection.request(method, path, body, {k: v for k, v in sent.items() if v})
        reply = connection.getresponse()
        answer = Answer(reply.status, dict(reply.getheaders()), reply.read().decode())
        given = answer.headers.get("set-cookie")
        if given:
            self.cookie = given.partition(";")[0]
        connection.close()
        return answer

    def login(self, name: str, password: str, **more: str) -> "Answer":
        return self.send("POST", "/login", form={"name": name, "password": password, **more})


class Answer:
    def __init__(self, status: int, headers: dict[str, str], text: str) -> None:
        self.status, self.text = status, text
        self.headers = {name.lower(): value for name, value in headers.items()}


class LateClock(SystemClock):
    """The machine's clock, put forward by hand."""

    ahead_ms = 0

    def now(self) -> Instant:
        """Return the time."""
        return Instant(super().now() + self.ahead_ms)


@pytest.fixture(scope="module")
def clock() -> LateClock:
    return LateClock()


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory, clock: LateClock) -> Iterator[LocalFarm]:
    folder: Path = tmp_path_factory.mktemp("farm")
    with LocalFarm(folder, clock=clock) as running:
        quick = Argon2Passwords(time_cost=1, memory_kib=1024, lanes=1)
        running.api.context.signing._hasher = quick
        for name in ("ben", "cleo"):
            call(running, "POST", "/users", {"name": name, "role": "member"})
            call(running, "PUT", f"/users/{name}/password", {"password": GOOD})
        yield running


def call(farm: LocalFarm, method: str, path: str, body: Any = None) -> Any:
    return farm.connect().call(method, f"/api/v1{path}", body=body, service="grange")


def rows(farm: LocalFarm, kind: type[Any]) -> list[Any]:
    with ThreadPoolExecutor(1) as thread:  # other tests may have a loop in this one
        found: list[Any] = thread.submit(
            lambda: asyncio.run(farm.api.context.store.find(kind))
        ).result()
    return found


def test_a_password_opens_the_api_and_the_cookie_is_kept_from_scripts_and_other_sites(farm):
    browser = Browser(farm)
    answer = browser.login("ben", GOOD, next="/jobs?x=1")
    assert (answer.status, answer.headers["location"]) == (303, "/jobs?x=1")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=Strict" in answer.headers["set-cookie"]
    assert f"Max-Age={COOKIE_MS // 1000}" in answer.headers["set-cookie"]
    me = browser.send("GET", "/api/v1/me")
    assert me.status == 200
    assert '"name":"ben"' in me.text


def test_a_cookie_is_for_encrypted_connections_where_there_are_any():
    assert cookie_header("x", secure=True).endswith("; Secure")
    assert "Secure" not in cookie_header("x", secure=False)


def test_neither_password_nor_cookie_is_kept(farm):
    """Ledger S0: nothing that is stored signs anybody in."""
    browser = Browser(farm)
    browser.login("ben", GOOD)
    value = browser.cookie.partition("=")[2]
    kept = rows(farm, SignIn)
    assert cookie_hash(value) in {one.token_hash for one in kept}
    assert value not in repr(kept)
    (password,) = [one for one in rows(farm, Password) if one.user_name == "ben"]
    assert password.phc.startswith("$argon2id$")
    assert GOOD not in repr(password)
    assert password.phc not in repr(rows(farm, AuditEntry))


@pytest.mark.parametrize(
    ("name", "password"),
    [("ben", "wrong"), ("nobody", GOOD), ("worker", GOOD), ("owner", ""), ("", "")],
)
def test_wrong_ones_are_refused_with_the_same_words(farm, name, password):
    """It does not say which names there are."""
    browser = Browser(farm)
    answer = browser.login(name, password)
    assert answer.status == 401
    assert "The name or the password is wrong." in answer.text
    assert browser.cookie == ""


def test_the_form_comes_back_with_what_was_typed_but_inert(farm):
    """What somebody types is text, never a page's own."""
    answer = Browser(farm).login('"><script>alert(1)</script>', "x", next="/jobs")
    assert "<script>" not in answer.text
    assert "&lt;script&gt;" in answer.text
    assert "script-src" not in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "place",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "\t/x"],
)
def test_a_sign_in_leads_nowhere_else(farm, place):
    assert Browser(farm).login("ben", GOOD, next=place).headers["location"] == "/"


def test_another_sites_page_cannot_sign_in_or_out_or_change_anything(farm):
    """CSRF: Sec-Fetch-Site, and Origin where a browser does not send that."""
    browser = Browser(farm)
    browser.login("ben", GOOD)
    cookie = browser.cookie
    body = {"name": "ben", "password": GOOD}
    tries: tuple[dict[str, Any], ...] = (
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "", "origin": "http://evil.example"},
        {"sec_fetch_site": "", "origin": "null"},
        {"sec_fetch_site": ""},
    )
    for headers in tries:
        assert browser.send("POST", "/login", form=body, **headers).status == 403
        assert browser.send("POST", "/logout", **headers).status == 403
        changed = browser.send("DELETE", "/api/v1/me/sign-ins", **headers)
        assert changed.status == 403
    assert browser.send("GET", "/api/v1/me", sec_fetch_site="cross-site").status == 403
    assert browser.cookie == cookie
    assert browser.send("GET", "/api/v1/me").status == 200
    own = {"sec_fetch_site": "", "origin": farm.endpoint}
    assert browser.send("POST", "/logout", **own).status == 303


def test_the_cookie_is_another_one_after_each_sign_in(farm):
    """A cookie somebody planted, or the one before, is worth nothing."""
    browser = Browser(farm)
    browser.login("ben", GOOD)
    before = browser.cookie
    browser.login("ben", GOOD)
    assert browser.cookie != before
    assert Browser(farm).send("GET", "/api/v1/me", cookie=before).status == 401
    assert browser.send("GET", "/api/v1/me").status == 200


def test_signing_out_makes_the_cookie_worthless_here_and_everywhere(farm):
    first, second, third = Browser(farm), Browser(farm), Browser(farm)
    for browser in (first, second, third):
        browser.login("ben", GOOD)
    cookie = first.cookie
    answer = first.send("POST", "/logout")
    assert (answer.status, answer.headers["location"]) == (303, "/login")
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert Browser(farm).send("GET", "/api/v1/me", cookie=cookie).status == 401
    assert second.send("GET", "/api/v1/me").status == 200
    assert second.send("DELETE", "/api/v1/me/sign-ins").status == 200
    for browser in (second, third):
        assert browser.send("GET", "/api/v1/me").status == 401


def test_a_sign_in_ends_by_itself(farm, clock):
    browser = Browser(farm)
    browser.login("cleo", GOOD)
    clock.ahead_ms += COOKIE_MS + 1000
    try:
        assert browser.send("GET", "/api/v1/me").status == 401
    finally:
        clock.ahead_ms = 0


def test_a_new_password_signs_other_browsers_out_and_needs_the_old_one(farm):
    first, second = Browser(farm), Browser(farm)
    first.login("cleo", GOOD)
    second.login("cleo", GOOD)

    def change(current: str, password: str) -> int:
        asked = {"current": current, "password": password}
        return first.send("PUT", "/api/v1/me/password", data=asked).status

    assert change("wrong", "another good one") == 400
    assert change(GOOD, "short") == 400
    assert change(GOOD, "another good one") == 200
    assert first.send("GET", "/api/v1/me").status == 200
    assert second.send("GET", "/api/v1/me").status == 401
    assert Browser(farm).login("cleo", GOOD).status == 401
    assert Browser(farm).login("cleo", "another good one").status == 303


def test_too_many_wrong_passwords_have_to_wait(farm, clock):
    """The right one is refused too meanwhile: else guessing would go on."""
    call(farm, "POST", "/users", {"name": "dora", "role": "member"})
    call(farm, "PUT", "/users/dora/password", {"password": GOOD})
    clock.ahead_ms = 2 * WINDOW_MS  # what other tests did is forgotten
    try:
        for _ in range(MOST_TOGETHER):
            assert Browser(farm).login("dora", "wrong").status == 401
        answer = Browser(farm).login("dora", GOOD)
        assert answer.status == 429
        assert 0 < int(answer.headers["retry-after"]) <= WINDOW_MS // 1000
        assert Browser(farm).login("ben", GOOD).status == 303
        clock.ahead_ms += WINDOW_MS + MILLIS_PER_MINUTE
        assert Browser(farm).login("dora", GOOD).status == 303
    finally:
        clock.ahead_ms = 0


def test_a_link_signs_in_too_and_only_for_oneself(farm):
    link = call(farm, "POST", "/login-links", {})["url"]
    browser = Browser(farm)
    answer = browser.send("GET", urlsplit(link).path)
    assert (answer.status, answer.headers["location"]) == (303, "/")
    assert '"role":"owner"' in browser.send("GET", "/api/v1/me").text
    again = Browser(farm).send("GET", urlsplit(link).path)
    assert again.status == 403
    assert "grange open" in again.text
    ben = Browser(farm)
    ben.login("ben", GOOD)
    assert ben.send("POST", "/api/v1/login-links", data={"name": "owner"}).status == 403
    assert ben.send("POST", "/api/v1/login-links", data={}).status == 201


def test_sign_ins_and_refused_ones_are_in_the_audit_log(farm):
    Browser(farm).login("ben", GOOD)
    Browser(farm).login("ben", "wrong")
    found = call(farm, "GET", "/audit")["entries"]
    refused, done = found[0], found[1]
    assert (refused["actor"], refused["operation"], refused["outcome"]) == (
        "ben",
        "SignIn",
        "refused",
    )
    assert (done["actor"], done["outcome"], done["credential"]) == ("ben", "done", "page")
    assert done["address"] == "127.0.0.1"
    assert GOOD not in json.dumps(found)


def test_the_status_page_needs_no_script_and_shows_names_as_text(farm):
    """Names come from strangers; on a wall they are text."""
    anonymous = Browser(farm).send("GET", "/status")
    assert (anonymous.status, anonymous.headers["location"]) == (303, "/login?next=/status")
    name = "<img src=x onerror=alert(1)>"
    farm.boto3().create_job(
        farmId=farm.farm_id,
        queueId=farm.queue_id,
        template=template(name="wall"),
        templateType="JSON",
        priority=50,
        nameOverride=name,
    )
    link = call(farm, "POST", "/login-links", {})["url"]
    browser = Browser(farm)
    browser.send("GET", urlsplit(link).path)
    told = browser.send("GET", "/status")
    assert told.status == 200
    assert "<script" not in told.text
    assert told.headers["refresh"] == "15"
    assert "refresh" not in browser.send("GET", "/status?refresh=0").headers
    assert re.search(r"<b>1</b>○ waiting", told.text)
    assert "<img" not in told.text
    assert "default-src 'none'" in told.headers["content-security-policy"]
    ben = Browser(farm)
    ben.login("ben", GOOD)
    assert "no farm that you may see" in ben.send("GET", "/status").text


def test_no_page_lets_scripts_from_elsewhere_run(farm):
    for path in ("/", "/jobs", "/login", "/plain.css"):
        policy = Browser(farm).send("GET", path).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert "frame-ancestors 'none'" in policy
