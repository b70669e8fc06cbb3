"""The REST API, the browser's way in, live events and logs, on a real server."""

import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from grange.kernel.errors import AccessDeniedError, NotFoundError
from grange.kernel.units import Instant
from grange.server.handlers import workers
from grange.server.rest.app import openapi_document
from grange.testing.farm import LocalFarm
from grange.wire.signature import Credentials, sign
from grange.wiring.init import Key
from tests.server.conftest import ScriptedWorker, add_worker, template
from tests.server.raw import send, signed


def rest(farm: LocalFarm, method: str, path: str, body: Any = None) -> Any:
    return farm.connect().call(method, f"/api/v1{path}", body=body, service="grange")


@pytest.fixture(scope="module")
def worker(farm: LocalFarm) -> ScriptedWorker:
    made = add_worker(farm, "render01")
    made.start(threads=2)
    return made


@pytest.fixture(scope="module")
def job_id(farm: LocalFarm, client: Any, worker: ScriptedWorker) -> str:
    _leave_no_work(farm, client)  # a test that ran before may have left some
    made: str = client.create_job(
        farmId=farm.farm_id,
        queueId=farm.queue_id,
        template=template("teapot", frames="1-4"),
        templateType="JSON",
        priority=50,
    )["jobId"]
    worker.schedule()
    return made


def test_the_overview_shows_jobs_and_workers(farm: LocalFarm, job_id: str, worker: ScriptedWorker):
    shown = rest(farm, "GET", f"/farms/{farm.farm_id}/overview")
    (job,) = [row for row in shown["jobs"] if row["job_id"] == job_id]
    assert (job["name"], job["user"], job["frames_total"]) == ("teapot", "owner", 4)
    (row,) = [row for row in shown["workers"] if row["worker_id"] == worker.worker_id]
    assert row["status"] == "rendering"
    assert [thread["job_name"] for thread in row["threads"]] == ["teapot", "teapot"]
    assert [thread["frames"] for thread in row["threads"]]
    assert shown["farm"]["zone"] == "UTC"


def test_a_job_in_full(farm: LocalFarm, job_id: str):
    shown = rest(farm, "GET", f"/farms/{farm.farm_id}/jobs/{job_id}")
    assert [layer["name"] for layer in shown["layers"]] == ["render", "encode"]
    assert shown["layers"][1]["depends_on"] == [shown["layers"][0]["layer_id"]]
    assert shown["parameters"]["Speed"] == {"int": "3"}
    with pytest.raises(NotFoundError):
        rest(farm, "GET", f"/farms/{farm.farm_id}/jobs/job-{'0' * 32}")


def test_users_and_keys(farm: LocalFarm):
    rest(farm, "POST", "/users", {"name": "ben", "role": "owner"})
    made = rest(farm, "POST", "/users/ben/keys", {})
    key = Key(user="ben", key_id=made["key_id"], secret=made["secret"])
    assert farm.connect(key).call("GET", "/api/v1/me", service="grange")["name"] == "ben"
    listed = {user["name"]: user for user in rest(farm, "GET", "/users")["users"]}
    assert listed["ben"]["keys"][0]["key_id"] == made["key_id"]
    rest(farm, "DELETE", f"/users/ben/keys/{made['key_id']}")
    assert signed(farm, "GET", "/api/v1/me", service="grange", key=key).status == 401


def test_a_disabled_user_is_refused_everywhere_until_enabled_again(farm: LocalFarm):
    rest(farm, "POST", "/users", {"name": "eve", "role": "owner"})
    made = rest(farm, "POST", "/users/eve/keys", {})
    key = Key(user="eve", key_id=made["key_id"], secret=made["secret"])
    path = urlsplit(rest(farm, "POST", "/login-links", {"name": "eve"})["url"]).path
    cookie = send(farm, "GET", path).headers["set-cookie"].partition(";")[0]
    unused = urlsplit(rest(farm, "POST", "/login-links", {"name": "eve"})["url"]).path
    rest(farm, "PATCH", "/users/eve", {"disabled": True})
    listed = {user["name"]: user["disabled"] for user in rest(farm, "GET", "/users")["users"]}
    assert listed["eve"]
    assert not listed["owner"]
    assert signed(farm, "GET", "/api/v1/me", service="grange", key=key).status == 401
    assert signed(farm, "GET", "/2023-10-12/farms", key=key).code == "UnrecognizedClientException"
    assert send(farm, "GET", "/api/v1/me", headers={"cookie": cookie}).status == 401
    assert send(farm, "GET", unused).status == 403
    rest(farm, "PATCH", "/users/eve", {"disabled": False})
    assert send(farm, "GET", "/api/v1/me", headers={"cookie": cookie}).json["name"] == "eve"
    assert signed(farm, "GET", "/api/v1/me", service="grange", key=key).status == 200
    last = signed(farm, "PATCH", "/api/v1/users/owner", b'{"disabled":true}', service="grange")
    assert last.status == 200  # eve is an owner too
    rest_as_eve = farm.connect(key)
    rest_as_eve.call("PATCH", "/api/v1/users/owner", body={"disabled": False}, service="grange")


def test_events_end_for_somebody_who_was_disabled(farm: LocalFarm, client: Any):
    rest(farm, "POST", "/users", {"name": "fay", "role": "owner"})
    made = rest(farm, "POST", "/users/fay/keys", {})
    key = Key(user="fay", key_id=made["key_id"], secret=made["secret"])
    with _EventStream(farm, f"/api/v1/farms/{farm.farm_id}/events", key) as stream:
        assert stream.next()["event"] == "hello"
        rest(farm, "PATCH", "/users/fay", {"disabled": True})
        client.create_job(
            farmId=farm.farm_id,
            queueId=farm.queue_id,
            template=template("after", frames="1"),
            templateType="JSON",
            priority=1,
            targetTaskRunStatus="SUSPENDED",
        )
        assert stream.rest().count(b"event: ") <= 1


def test_a_worker_may_not_read_the_farm(farm: LocalFarm):
    with pytest.raises(AccessDeniedError):
        farm.connect(farm.ids.worker).call(
            "GET", f"/api/v1/farms/{farm.farm_id}/overview", service="grange"
        )


class TestTheBrowser:
    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _sign_in(cls, farm: LocalFarm) -> None:
        url = rest(farm, "POST", "/login-links", {})["url"]
        path = urlsplit(url).path
        answer = send(farm, "GET", path)
        assert (answer.status, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        cls.cookie = cookie.partition(";")[0]
        cls.login_path = path

    cookie: str
    login_path: str

    def test_a_link_works_once(self, farm: LocalFarm):
        assert send(farm, "GET", self.login_path).status == 403

    def test_the_cookie_opens_the_api(self, farm: LocalFarm):
        answer = send(farm, "GET", "/api/v1/me", headers={"cookie": self.cookie})
        assert answer.json["name"] == "owner"

    def test_another_host_is_refused(self, farm: LocalFarm):
        """A name that resolves to loopback does not make a page of another site ours."""
        headers = {"cookie": self.cookie, "host": "evil.example"}
        assert send(farm, "GET", "/api/v1/me", headers=headers).status == 403
        assert send(farm, "GET", "/", headers={"host": "evil.example"}).status == 403

    def test_another_origin_is_refused(self, farm: LocalFarm):
        body = b"{}"
        headers = {
            "cookie": self.cookie,
            "origin": "http://evil.example",
            "content-type": "application/json",
        }
        assert send(farm, "POST", "/api/v1/login-links", body, headers).status == 403
        del headers["origin"]
        assert send(farm, "POST", "/api/v1/login-links", body, headers).status == 403
        headers["origin"] = farm.endpoint
        assert send(farm, "POST", "/api/v1/login-links", body, headers).status == 201

    def test_a_changed_cookie_is_refused(self, farm: LocalFarm):
        cookie = self.cookie[:-1] + ("A" if self.cookie[-1] != "A" else "B")
        assert send(farm, "GET", "/api/v1/me", headers={"cookie": cookie}).status == 401

    def test_the_page_carries_a_strict_policy(self, farm: LocalFarm):
        answer = send(farm, "GET", "/jobs/anything")
        assert answer.status == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_unsigned_paths(farm: LocalFarm):
    assert send(farm, "GET", "/healthz").json["status"] == "ok"
    assert send(farm, "POST", "/2023-10-12/telemetry", b'{"x":1}').status == 200


def test_events_tell_of_changes_within_a_second(farm: LocalFarm, client: Any, job_id: str):
    with _EventStream(farm, f"/api/v1/farms/{farm.farm_id}/events") as stream:
        assert stream.next()["event"] == "hello"
        client.update_job(farmId=farm.farm_id, queueId=farm.queue_id, jobId=job_id, priority=77)
        while True:
            event = stream.next()
            row = json.loads(event["data"])
            if event["event"] == "job" and row["job_id"] == job_id and row["priority"] == 77:
                break
        assert event["id"].isdigit()


def test_a_waiting_worker_is_woken_at_once(
    farm: LocalFarm, client: Any, monkeypatch: pytest.MonkeyPatch
):
    """An idle worker's request is held; a job that comes answers it with work."""
    monkeypatch.setattr(workers, "HOLD_SECONDS", 100.0)  # however long the job takes to come
    idle = add_worker(farm, "idle")
    _leave_no_work(farm, client)
    idle.start()
    answers: list[Any] = []
    held = threading.Thread(target=lambda: answers.append(idle.schedule()))
    held.start()
    while farm.api.context.wakes.held == 0:
        held.join(0.01)
    client.create_job(
        farmId=farm.farm_id,
        queueId=farm.queue_id,
        template=template(frames="1"),
        templateType="JSON",
        priority=50,
    )
    held.join(60)
    assert answers
    assert answers[0]["assignedSessions"]
    idle.stop()


def test_a_worker_that_hung_up_is_given_no_work(farm: LocalFarm, client: Any):
    """Its request was held; a job that comes meanwhile must not go to a worker that is gone."""
    lost = add_worker(farm, "lost")
    _leave_no_work(farm, client)
    lost.start()
    credentials = lost.client._request_signer._credentials
    headers = sign(
        method="PATCH",
        url=farm.endpoint + _schedule_path(farm, lost),
        body=b"{}",
        credentials=Credentials(
            access_key_id=credentials.access_key,
            secret_access_key=credentials.secret_key,
            session_token=credentials.token,
        ),
        service="deadline",
        region="x",
        now=Instant(farm.api.context.clock.now()),
    )
    parts = urlsplit(farm.endpoint)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        path = _schedule_path(farm, lost)
        connection.sendall(
            f"PATCH {path} HTTP/1.1\r\n{lines}content-length: 2\r\n\r\n{{}}".encode()
        )
        _until(lambda: farm.api.context.wakes.held == 1)
    _until(lambda: farm.api.context.wakes.held == 0)
    job_id = client.create_job(
        farmId=farm.farm_id,
        queueId=farm.queue_id,
        template=template(frames="1"),
        templateType="JSON",
        priority=99,
    )["jobId"]
    assert client.get_worker(**lost.named)["status"] == "IDLE"
    client.update_job(
        farmId=farm.farm_id, queueId=farm.queue_id, jobId=job_id, targetTaskRunStatus="CANCELED"
    )
    lost.stop()


def _leave_no_work(farm: LocalFarm, client: Any) -> None:
    for row in rest(farm, "GET", f"/farms/{farm.farm_id}/overview")["jobs"]:
        client.update_job(
            farmId=farm.farm_id,
            queueId=farm.queue_id,
            jobId=row["job_id"],
            targetTaskRunStatus="CANCELED",
        )


def _schedule_path(farm: LocalFarm, worker: ScriptedWorker) -> str:
    return (
        f"/2023-10-12/farms/{farm.farm_id}/fleets/{farm.fleet_id}"
        f"/workers/{worker.worker_id}/schedule"
    )


def _until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_facts_are_kept_once_and_wrong_rows_named(farm: LocalFarm, worker: ScriptedWorker):
    now = farm.api.context.clock.now()
    at = now - now % 20_000
    sample = {
        "at": at,
        "coverage_ms": 20_000,
        "cpu_milli": 500,
        "gpu_milli": None,
        "memory_used_bytes": 1_000,
        "memory_total_bytes": 2_000,
        "net_in_bytes": 0,
        "net_out_bytes": 0,
        "net_in_max_bytes_per_s": 0,
        "user_logged_in": False,
        "load1_milli": 100,
        "disk_free_bytes": 1_000,
        "temperature_milli_c": None,
    }
    path = f"/api/v1/farms/{farm.farm_id}/workers/{worker.worker_id}/facts"
    body = json.dumps({"batch": "1", "worker_samples": [sample, {"at": at}]}).encode()
    answer = signed(farm, "POST", path, body, service="grange")
    assert answer.status == 200, answer.body
    assert answer.json["accepted"] == 1
    (refused,) = answer.json["refused"]
    assert (refused["table"], refused["index"]) == ("worker_samples", 1)


def test_a_session_log_by_offset_and_through_cloudwatch(
    farm: LocalFarm, client: Any, worker: ScriptedWorker, job_id: str
):
    session_id = client.list_sessions_for_worker(**worker.named)["sessions"][0]["sessionId"]
    path = f"/api/v1/farms/{farm.farm_id}/sessions/{session_id}/log"
    text = b"2026-11-22T01:00:00.000Z first\n2026-11-22T01:00:01.500Z second\n"
    assert signed(farm, "PUT", path + "?offset=0", text, service="grange").json == {
        "size": len(text)
    }
    assert signed(farm, "PUT", path + "?offset=0", text, service="grange").json == {
        "size": len(text)
    }
    logs = farm.boto3("logs")
    logs.put_log_events(
        logGroupName="g",
        logStreamName=session_id,
        logEvents=[{"timestamp": 1_795_309_202_000, "message": "third"}],
    )
    found = logs.get_log_events(
        logGroupName="g", logStreamName=session_id, startFromHead=True, limit=2
    )
    assert [event["message"] for event in found["events"]] == ["first", "second"]
    more = logs.get_log_events(
        logGroupName="g", logStreamName=session_id, nextToken=found["nextForwardToken"]
    )
    assert [event["message"] for event in more["events"]] == ["third"]
    assert more["events"][0]["timestamp"] == 1_795_309_202_000
    end = logs.get_log_events(
        logGroupName="g", logStreamName=session_id, nextToken=more["nextForwardToken"]
    )
    assert end["events"] == []
    assert end["nextForwardToken"] == more["nextForwardToken"]
    last = logs.get_log_events(logGroupName="g", logStreamName=session_id, limit=1)
    assert [event["message"] for event in last["events"]] == ["third"]
    raw = signed(farm, "GET", path + "?from=-6", service="grange")
    assert raw.body == b"third\n"
    assert raw.headers["content-type"] == "text/plain; charset=utf-8"


def test_a_worker_writes_no_log_but_its_own(farm: LocalFarm, worker: ScriptedWorker):
    credentials = worker.client._request_signer._credentials
    key = Key(user="w", key_id=credentials.access_key, secret=credentials.secret_key)
    path = f"/api/v1/farms/{farm.farm_id}/sessions/session-{'3' * 32}/log?offset=0"
    answer = signed(
        farm, "PUT", path, b"x", service="grange", key=key, session_token=credentials.token
    )
    assert answer.status == 403


def test_a_rate_card(farm: LocalFarm):
    lines = [{"unit": "worker_hour", "per_hour": "0.60"}]
    made = rest(farm, "POST", f"/farms/{farm.farm_id}/rate-cards", {"name": "2026", "lines": lines})
    (card,) = rest(farm, "GET", f"/farms/{farm.farm_id}/rate-cards")["rate_cards"]
    assert card["card_id"] == made["card_id"]
    assert card["lines"][0]["per_hour"] == "0.600000000"
    wrong = [{"unit": "worker_hour", "per_hour": "cheap"}]
    body = json.dumps({"name": "x", "lines": wrong}).encode()
    answer = signed(
        farm, "POST", f"/api/v1/farms/{farm.farm_id}/rate-cards", body, service="grange"
    )
    assert answer.json["error"]["fields"][0]["name"] == "lines[0].per_hour"


def test_a_worker_can_be_disabled(farm: LocalFarm, client: Any, worker: ScriptedWorker):
    path = f"/farms/{farm.farm_id}/workers/{worker.worker_id}"
    rest(farm, "PATCH", path, {"disabled": True})
    rest(farm, "PATCH", path, {"disabled": False})


def test_the_openapi_document_is_served_and_names_every_route(farm: LocalFarm):
    served = signed(farm, "GET", "/api/v1/openapi.json", service="grange").json
    assert served["paths"].keys() == openapi_document(served["info"]["version"])["paths"].keys()
    assert served["openapi"].startswith("3.")
    assert "JobRow" in str(served["components"]["schemas"].keys())


class _EventStream:
    """A server-sent event stream read by hand."""

    def __init__(self, farm: LocalFarm, path: str, key: Key | None = None) -> None:
        parts = urlsplit(farm.endpoint)
        key = key or farm.ids.owner
        headers = sign(
            method="GET",
            url=farm.endpoint + path,
            credentials=Credentials(access_key_id=key.key_id, secret_access_key=key.secret),
            service="grange",
            region="x",
            now=Instant(farm.api.context.clock.now()),
        )
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout=60)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._socket.sendall(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> "_EventStream":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def rest(self) -> bytes:
        """Everything up to the end that the server makes."""
        lines = []
        while (line := self._file.readline()) not in {b"0\r\n", b""}:  # the last chunk is empty
            lines.append(line)
        return b"".join(lines)

    def next(self) -> dict[str, str]:
        """The next event, comments skipped."""
        found: dict[str, str] = {}
        while True:
            line = self._file.readline().decode().rstrip("\r\n")
            name, _, value = line.partition(": ")
            if name in {"id", "event", "data"}:
                found[name] = value
            if not line and "event" in found:
                return found
