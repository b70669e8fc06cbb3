"""Hooks over REST and from the command line, on a running server."""

import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from grange.cli.main import run
from grange.kernel.errors import InvalidRequestError, NotFoundError
from grange.testing.farm import LocalFarm
from tests.server.conftest import template


class Receiver(BaseHTTPRequestHandler):
    got: ClassVar[list[tuple[dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/very/secret"
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def nothing_was_got() -> None:
    Receiver.got.clear()


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalFarm]:
    folder: Path = tmp_path_factory.mktemp("hooks")
    with LocalFarm(folder, message_kinds=("json",)) as running:
        yield running


@pytest.fixture
def grange(
    farm: LocalFarm, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    for name, value in farm.environment().items():
        monkeypatch.setenv(name, value)

    def call(*words: str) -> tuple[int, str]:
        code = run(list(words))
        found = capsys.readouterr()
        return code, found.out + found.err

    return call


def rest(farm: LocalFarm, method: str, path: str, **body: Any) -> dict[str, Any]:
    return farm.connect().call(
        method,
        f"/api/v1/farms/{farm.farm_id}{path}",
        body=body if method == "POST" else None,
        service="grange",
    )


def submit(farm: LocalFarm) -> str:
    return str(
        farm.boto3().create_job(
            farmId=farm.farm_id,
            queueId=farm.queue_id,
            template=template(frames="1"),
            templateType="JSON",
            priority=50,
        )["jobId"]
    )


def soon(done: Callable[[], Any]) -> Any:
    end = time.monotonic() + 60
    while not (found := done()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


def test_a_submitted_job_is_told_at_once_and_again_when_it_is_replayed(
    farm: LocalFarm, address: str, grange: Callable[..., tuple[int, str]]
):
    code, said = grange("hook", "add", "review", "--on", "job_submitted", "--url", address)
    assert code == 0, said
    secret = said.rpartition("Secret: ")[2].strip()
    job = submit(farm)
    headers, body = soon(lambda: Receiver.got[-1] if Receiver.got else None)
    assert json.loads(body)["job"]["job_id"] == job
    made = hmac.digest(
        secret.encode(), headers["grange-timestamp"].encode() + b"." + body, "sha256"
    )
    assert headers["grange-signature"] == "v1=" + made.hex()
    code, said = grange("hook", "ls")
    assert "review" in said
    assert "very/secret" not in said
    event = headers["grange-event-id"]
    soon(lambda: event in grange("hook", "log", "review", "--status", "delivered")[1])
    code, said = grange("hook", "replay", "review", "--event", event)
    assert code == 0, said
    soon(lambda: len([one for one in Receiver.got if one[0]["grange-event-id"] == event]) == 2)
    code, said = grange("hook", "test", "review")
    assert (code, Receiver.got[-1][0]["grange-event"]) == (0, "test")
    code, said = grange("hook", "secret", "review", "--renew")
    assert code == 0
    assert said.strip() != secret
    told = {one[0]["grange-event-id"] for one in Receiver.got}
    before = len(Receiver.got)
    assert grange("hook", "replay", "review", "--hours", "1")[1].startswith("2 ")
    soon(lambda: {one[0]["grange-event-id"] for one in Receiver.got[before:]} == told)
    assert grange("hook", "rm", "review")[0] == 0
    submit(farm)
    assert grange("hook", "test", "review")[0] == 3
    assert {one[0]["grange-event-id"] for one in Receiver.got} == told


def test_a_person_is_told_where_they_said(
    farm: LocalFarm, address: str, grange: Callable[..., tuple[int, str]]
):
    place = address.replace("http://", "json://farm:pass-word@")
    words = ["--to", place, "--on", "job_submitted", "--digest", "0"]
    code, said = grange("hook", "tell", farm.ids.owner.user, *words)
    assert code == 0, said
    (plan,) = rest(farm, "GET", "/hooks")["messages"]
    assert "pass-word" not in json.dumps(plan)
    submit(farm)
    titles = soon(lambda: [json.loads(body).get("title", "") for _, body in Receiver.got])
    assert "was submitted" in titles[-1]
    assert grange("hook", "tell", farm.ids.owner.user, "--off")[0] == 0
    assert rest(farm, "GET", "/hooks")["messages"] == []


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"url": "ftp://x"}, "http"),
        ({"url": "http://x", "command": ["a"]}, "not both"),
        ({}, "not both"),
        ({"command": ["nowhere.sh"]}, "nowhere.sh"),
        ({"command": ["../../bin/sh"]}, "name of a program"),
        ({"url": "http://x", "events": ["sunrise"]}, "sunrise"),
    ],
)
def test_what_cannot_be_told_is_refused(farm: LocalFarm, body: dict[str, Any], why: str):
    with pytest.raises(InvalidRequestError, match=why):
        rest(farm, "POST", "/hooks", **{"name": "n", "events": ["job_failed"], **body})


def test_unknown_hooks_are_named(farm: LocalFarm):
    for method, path in (
        ("DELETE", "/hooks/hook-x"),
        ("POST", "/hooks/hook-x/test"),
        ("GET", "/hooks/hook-x/secret"),
        ("DELETE", "/messages/nobody"),
    ):
        with pytest.raises(NotFoundError):
            rest(farm, method, path)
