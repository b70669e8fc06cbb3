"""Facts and logs leave the machine at least once, in order, whatever the server says meanwhile."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from grange.kernel.clock import VirtualClock
from grange.kernel.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    ThrottledError,
    UnreachableError,
)
from grange.kernel.units import Instant
from grange.wire.signature import Credentials
from grange.worker.calls import ServerCalls
from grange.worker.plan import Assumed, Call, CallKind, Created
from grange.worker.shipping import FactPoster, LogShipper, batch_body, spread_seconds
from grange.worker.spool import FRAMES, SAMPLES, Spool

SESSION = "session-" + "0" * 32


class Server:
    """A server's part in this: what it keeps, and what it is told to answer instead."""

    def __init__(self) -> None:
        self.logs: dict[str, bytes] = {}
        self.batches: list[Mapping[str, Any]] = []
        self.next_errors: list[Exception] = []
        self.persons: list[str | None] = []
        """What the worker said of who is logged in."""
        self.requests = 0

    def _turn(self) -> None:
        self.requests += 1
        if self.next_errors:
            raise self.next_errors.pop(0)

    def call(
        self, method: str, path: str, *, body: Mapping[str, Any] | None = None, **more: Any
    ) -> dict[str, Any]:
        if path.endswith("/schedule"):
            self.persons.append(more["headers"].get("x-grange-person"))
            return {
                "assignedSessions": {},
                "cancelSessionActions": {},
                "updateIntervalSeconds": 60,
            }
        if path.endswith("/workers"):
            return {"workerId": "worker-1"}
        if path.endswith("/fleet-roles"):
            return {
                "credentials": {
                    "accessKeyId": "ASIA",
                    "secretAccessKey": "x",
                    "sessionToken": "t",
                    "expiration": "2026-01-01T01:00:00Z",
                }
            }
        assert (method, path) == ("POST", "/api/v1/farms/f/workers/worker-1/facts")
        self._turn()
        self.batches.append(body or {})
        return {"accepted": 1, "refused": []}

    def upload(
        self, path: str, content: bytes, *, query: Mapping[str, str] | None = None, **_: Any
    ) -> dict[str, Any]:
        self._turn()
        session_id = path.split("/")[-2]
        known = self.logs.get(session_id, b"")
        offset = int((query or {})["offset"])
        if offset > len(known):
            raise ConflictError(
                "a gap",
                reason="",
                resource_type="session",
                resource_id="",
                context={"size": str(len(known))},
            )
        self.logs[session_id] = known + content[len(known) - offset :]
        return {"size": len(self.logs[session_id])}

    def fetch(self, path: str, **_: Any) -> bytes:
        raise AssertionError(path)

    def stream(self, path: str, *, stop: Callable[[], bool], **_: Any) -> Iterator[Any]:
        raise AssertionError(path)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def calls(server: Server) -> ServerCalls:
    def factory(_: Credentials | None) -> Server:
        return server

    calls = ServerCalls(
        factory, VirtualClock(), farm_id="f", fleet_id="fl", host_properties={}, capabilities={}
    )
    now = Instant(0)
    assert calls.perform(Call(number=1, kind=CallKind.CREATE, sent_at=now)) == Created(
        worker_id="worker-1"
    )
    assert isinstance(calls.perform(Call(number=2, kind=CallKind.ASSUME, sent_at=now)), Assumed)
    return calls


def test_a_worker_says_whether_somebody_is_logged_in(server: Server, calls: ServerCalls) -> None:
    """Ledger S0-35: who cannot tell says so, and nobody is no word."""
    for number, known in enumerate((True, None, False), 3):
        calls.user_logged_in = known
        calls.perform(Call(number=number, kind=CallKind.SCHEDULE, sent_at=Instant(0)))
    assert server.persons == ["logged_in", "unknown", None]


def test_workers_post_their_samples_at_times_of_their_own() -> None:
    waits = {spread_seconds(f"worker-{number:032x}") for number in range(0, 0x10000, 0x400)}
    assert len(waits) == 64
    assert min(waits) == 0.0
    assert max(waits) < 8.0


def poster(spool: Spool, calls: ServerCalls) -> FactPoster:
    return FactPoster(lambda: spool, calls, VirtualClock())


def test_a_batch_goes_when_it_was_acknowledged(
    tmp_path: Path, server: Server, calls: ServerCalls
) -> None:
    spool = Spool(tmp_path)
    spool.append(FRAMES, [{"frame": 1}])
    spool.append(SAMPLES, [{"kind": "worker", "at": 1}, {"kind": "thread", "at": 1, "thread": 0}])

    async def run() -> None:
        post = poster(spool, calls).post_one
        assert await post()
        assert await post()
        assert not await post()

    asyncio.run(run())
    assert [one["frames"] for one in server.batches] == [[{"frame": 1}], []]
    assert server.batches[1]["worker_samples"] == [{"at": 1}]
    assert server.batches[1]["thread_samples"] == [{"at": 1, "thread": 0}]
    assert not spool.pending()


@pytest.mark.parametrize("error", [UnreachableError("gone"), ThrottledError("later")])
def test_a_batch_that_was_not_taken_stays_and_comes_again_under_the_same_id(
    tmp_path: Path, server: Server, calls: ServerCalls, error: Exception
) -> None:
    spool = Spool(tmp_path)
    spool.append(FRAMES, [{"frame": 1}])
    server.next_errors = [error]
    batch = spool.next_batch()
    assert batch is not None

    async def run() -> None:
        with pytest.raises(type(error)):
            await poster(spool, calls).post_one()
        assert spool.next_batch() == batch
        assert await poster(spool, calls).post_one()

    asyncio.run(run())
    assert server.batches == [batch_body(batch, "worker-1")]
    assert not spool.pending()


def test_a_batch_the_server_will_never_take_is_set_aside_and_holds_up_nothing(
    tmp_path: Path, server: Server, calls: ServerCalls
) -> None:
    spool = Spool(tmp_path)
    spool.append(FRAMES, [{"frame": 1}])
    server.next_errors = [InvalidRequestError("no")]

    async def run() -> None:
        assert await poster(spool, calls).post_one()
        spool.append(FRAMES, [{"frame": 2}])
        assert await poster(spool, calls).post_one()

    asyncio.run(run())
    assert [one["frames"] for one in server.batches] == [[{"frame": 2}]]
    assert len(list(tmp_path.glob("refused-*"))) == 1


def test_nothing_is_posted_before_there_are_credentials(tmp_path: Path, server: Server) -> None:
    calls = ServerCalls(
        lambda _: server,
        VirtualClock(),
        farm_id="f",
        fleet_id="fl",
        host_properties={},
        capabilities={},
    )
    spool = Spool(tmp_path)
    spool.append(FRAMES, [{"frame": 1}])
    assert not asyncio.run(poster(spool, calls).post_one())
    assert spool.pending()
    spool.close()


def test_a_log_is_sent_as_it_grows_and_goes_once_it_is_complete(
    tmp_path: Path, server: Server, calls: ServerCalls
) -> None:
    shipper = LogShipper(tmp_path, calls, VirtualClock())
    path = shipper.opened(SESSION)
    for text in (b"one\n", b"two\n"):
        with path.open("ab") as file:
            file.write(text)
        asyncio.run(shipper.step())
    assert server.logs == {SESSION: b"one\ntwo\n"}
    assert path.exists()
    with path.open("ab") as file:
        file.write(b"three\n")
    shipper.completed(SESSION)
    asyncio.run(shipper.step())
    assert server.logs == {SESSION: b"one\ntwo\nthree\n"}
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_did_not_grow_costs_no_request(
    tmp_path: Path, server: Server, calls: ServerCalls
) -> None:
    shipper = LogShipper(tmp_path, calls, VirtualClock())
    shipper.opened(SESSION).write_bytes(b"one\n")
    for _ in range(5):
        asyncio.run(shipper.step())
    assert server.requests == 1


def test_what_is_printed_while_a_log_is_sent_goes_with_the_next_step(
    tmp_path: Path, server: Server, calls: ServerCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipper = LogShipper(tmp_path, calls, VirtualClock())
    path = shipper.opened(SESSION)
    path.write_bytes(b"one\n")
    put_log = calls.put_log

    def slowly(session_id: str, offset: int, content: bytes) -> int:
        with path.open("ab") as file:
            file.write(b"more\n")
        return put_log(session_id, offset, content)

    monkeypatch.setattr(calls, "put_log", slowly)
    for number in range(1, 4):
        asyncio.run(shipper.step())
        assert server.requests == number
    assert server.logs == {SESSION: b"one\nmore\nmore\n"}


def test_a_restarted_worker_sends_what_its_predecessor_could_not(
    tmp_path: Path, server: Server, calls: ServerCalls
) -> None:
    shipper = LogShipper(tmp_path, calls, VirtualClock())
    path = shipper.opened(SESSION)
    path.write_bytes(b"one\n")
    asyncio.run(shipper.step())
    with path.open("ab") as file:
        file.write(b"two\n")
    asyncio.run(LogShipper(tmp_path, calls, VirtualClock()).step())
    assert server.logs == {SESSION: b"one\ntwo\n"}
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_lost_the_end_of_a_log_gets_it_again(
    tmp_path: Path, server: Server, calls: ServerCalls
) -> None:
    shipper = LogShipper(tmp_path, calls, VirtualClock())
    path = shipper.opened(SESSION)
    path.write_bytes(b"0123456789")
    asyncio.run(shipper.step())
    server.logs[SESSION] = b"0123"
    with path.open("ab") as file:
        file.write(b"abc")
    asyncio.run(shipper.step())
    assert server.logs == {SESSION: b"0123456789abc"}


def test_a_log_waits_longer_each_time_the_server_is_away(
    tmp_path: Path, server: Server, calls: ServerCalls
) -> None:
    clock = VirtualClock()
    shipper = LogShipper(tmp_path, calls, clock)
    shipper.opened(SESSION).write_bytes(b"one\n")
    server.next_errors = [UnreachableError("gone")] * 3
    requests = []
    for _ in range(40):
        asyncio.run(shipper.step())
        requests.append(server.requests)
        clock.advance(0.25)
    assert requests[:2] == [1, 1]
    assert server.logs == {SESSION: b"one\n"}
    assert server.requests == 4


def test_when_the_server_is_back_a_log_waits_no_longer(
    tmp_path: Path, server: Server, calls: ServerCalls
) -> None:
    shipper = LogShipper(tmp_path, calls, VirtualClock())
    shipper.opened(SESSION).write_bytes(b"one\n")
    server.next_errors = [UnreachableError("gone")]
    asyncio.run(shipper.step())
    asyncio.run(shipper.step())
    assert server.requests == 1
    shipper.server_is_back()
    asyncio.run(shipper.step())
    assert server.logs == {SESSION: b"one\n"}


def test_when_the_server_is_back_facts_wait_no_longer(tmp_path: Path, calls: ServerCalls) -> None:
    async def run() -> None:
        facts = FactPoster(lambda: None, calls, VirtualClock())
        waiting = asyncio.create_task(facts._wait_for_server(10.0))
        await asyncio.sleep(0)
        assert not waiting.done()
        facts.server_is_back()
        await waiting  # the virtual clock stands still: nothing else could end this

    asyncio.run(run())


def test_the_log_of_a_session_nobody_knows_is_dropped(
    tmp_path: Path, server: Server, calls: ServerCalls
) -> None:
    shipper = LogShipper(tmp_path, calls, VirtualClock())
    shipper.opened(SESSION).write_bytes(b"one\n")
    server.next_errors = [NotFoundError("session", SESSION)]
    asyncio.run(shipper.step())
    assert list(tmp_path.iterdir()) == []
