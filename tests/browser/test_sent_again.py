"""A browser sends a request again when its connection ends without an answer: it is done once."""

import socket
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from grange.testing.farm import LocalFarm

pytestmark = pytest.mark.chromium


class Lossy:
    """Hands on what a browser and a server say; the first answer to a new key is lost."""

    def __init__(self, port: int) -> None:
        self.server = port
        self.asked: list[bytes] = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                browser, _ = self.listening.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.server))
            loses = threading.Event()
            for one, other, way in (
                (browser, server, self._to_server),
                (server, browser, self._to_browser),
            ):
                threading.Thread(target=way, args=(one, other, loses), daemon=True).start()

    def _to_server(
        self, browser: socket.socket, server: socket.socket, loses: threading.Event
    ) -> None:
        own, its = f"127.0.0.1:{self.port}".encode(), f"127.0.0.1:{self.server}".encode()
        while said := _received(browser):
            if said.startswith(b"POST") and b"/keys " in said.split(b"\r\n", 1)[0]:
                self.asked.append(said)
                if len(self.asked) == 1:
                    loses.set()
            server.sendall(said.replace(own, its))
        _close(server)

    def _to_browser(
        self, server: socket.socket, browser: socket.socket, loses: threading.Event
    ) -> None:
        while said := _received(server):
            if loses.is_set():
                break
            browser.sendall(said)
        _close(browser)


def _received(one: socket.socket) -> bytes:
    try:
        return one.recv(262_144)
    except OSError:
        return b""


def _close(one: socket.socket) -> None:
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the other side was first
    finally:
        one.close()


@pytest.fixture
def lossy(farm: LocalFarm) -> Iterator[Lossy]:
    found = Lossy(int(farm.endpoint.rpartition(":")[2]))
    yield found
    found.listening.close()


def test_a_key_whose_answer_is_lost_is_made_once(
    farm: LocalFarm, lossy: Lossy, chromium: Browser
) -> None:
    """The browser asks twice by itself, and shows the one key there is."""
    user = {"name": "kai", "role": "member"}
    farm.connect().call("POST", "/api/v1/users", body=user, service="grange")
    link = farm.connect().call("POST", "/api/v1/login-links", body={}, service="grange")
    context = chromium.new_context()
    page = context.new_page()
    page.goto(str(link["url"]).replace(farm.endpoint, f"http://127.0.0.1:{lossy.port}"))
    page.goto(f"http://127.0.0.1:{lossy.port}/admin/users")
    button = page.get_by_role("button", name="New key for kai")
    expect(button).to_be_visible()
    # It asks again where a connection that was good ends: one is kept from here on.
    page.evaluate("async () => { await (await fetch('/api/v1/me')).json(); }")
    button.click()
    expect(page.get_by_text("export AWS_SECRET_ACCESS_KEY=")).to_be_visible()
    users = farm.connect().call("GET", "/api/v1/users", service="grange")["users"]
    (key,) = next(one["keys"] for one in users if one["name"] == "kai")
    expect(page.get_by_text("export AWS_ACCESS_KEY_ID=")).to_contain_text(key["key_id"])
    assert len(lossy.asked) == 2
    context.close()
