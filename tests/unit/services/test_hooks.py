"""Hooks and messages: written with what they tell of, sent until they are taken."""

import asyncio
import contextlib
import functools
import hmac
import json
import logging
import os
import stat
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from grange.adapters.hook_doors import Doors
from grange.adapters.sealing import MasterSeal
from grange.adapters.sqlite import SqliteStore
from grange.domain.hooks import (
    MOST_ATTEMPTS,
    DeliveryStatus,
    Hook,
    HookDelivery,
    MessagePlan,
    is_quiet,
    pause_seconds,
)
from grange.domain.statuses import Role, SessionActionStatus, WorkerStatus
from grange.kernel.clock import VirtualClock
from grange.kernel.errors import ConfigurationError, GrangeError, InvalidRequestError, NotFoundError
from grange.kernel.ids import FarmId, FleetId, QueueId, WorkerId
from grange.kernel.units import MILLIS_PER_HOUR, Instant
from grange.services.commands.farm_objects import Associate, CreateFarm, CreateFleet, CreateQueue
from grange.services.commands.hooks import (
    NoteDeliveries,
    PutHook,
    PutMessagePlan,
    RemoveHook,
    again,
)
from grange.services.commands.hooks import TestHook as TryHook
from grange.services.commands.jobs import CreateJob
from grange.services.commands.people import AddUser
from grange.services.commands.workers import CreateWorker
from grange.services.draft import Context
from grange.services.hook_run import HookRun, signed
from grange.services.owner import Owner
from grange.services.reports import ActionReport, ReportSchedule, ReportWorker
from grange.services.templates import TaskSpaces, parse_job
from grange.testing.builders import DecidingFarm, SeededIds, job_template

MASTER = b"m" * 32
EVERY = (
    "job_submitted",
    "first_frame",
    "first_failure",
    "job_succeeded",
    "job_failed",
    "job_canceled",
    "worker_quarantined",
    "budget_reached",
)
SECRET = "s3cr3t-of-the-address"


def alone(told: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test in an event loop of its own."""

    @functools.wraps(told)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(told(*args, **kwargs))

    return run


# ── what is written, and when ─────────────────────────────────────────────────────────────────────


class Told(DecidingFarm):
    """A farm with a hook for every event."""

    def hook(self, *events: str) -> str:
        made = PutHook(
            farm_id=self.farm_id,
            name="-".join(events) or "all",
            events=events or EVERY,
            kind="command",
            target="sealed",
            by="ann",
        )
        return str(self.do(made)["hook_id"])

    def end(self, worker_id: WorkerId, error_class: str | None = None) -> None:
        self.clock.advance(0.1)
        call = ReportSchedule(farm_id=self.farm_id, fleet_id=self.fleet_id, worker_id=worker_id)
        told = self.do(call)
        action = next(
            action for _, actions in told.sessions for action in actions if action.layer_id
        )
        bad = {"errorClass": error_class, "errorRule": "a/1:b", "errorText": "why"}
        usage = bad if error_class else {}
        now = self.clock.now()
        report = ActionReport(
            completed_status=(
                SessionActionStatus.FAILED if error_class else SessionActionStatus.SUCCEEDED
            ),
            started_at=now,
            ended_at=now,
            exit_code=1 if error_class else 0,
            usage=usage,
        )
        self.do(
            ReportSchedule(
                farm_id=self.farm_id,
                fleet_id=self.fleet_id,
                worker_id=worker_id,
                updates={action.action_id: report},
            )
        )

    def told(self, hook_id: str) -> list[str]:
        rows = [row for row in self.all(HookDelivery) if row.hook_id == hook_id]
        return [row.event for row in sorted(rows, key=lambda row: row.event_id)]


def test_each_event_of_a_job_is_written_once_with_what_it_tells_of():
    farm = Told()
    hook = farm.hook()
    ann = farm.worker()
    job = farm.job(job_template(frames="1-3"))
    farm.end(ann, "failed")
    farm.end(ann)
    farm.end(ann)
    farm.end(ann)
    assert sorted(farm.told(hook)) == [
        "first_failure",
        "first_frame",
        "job_submitted",
        "job_succeeded",
    ]
    row = next(row for row in farm.all(HookDelivery) if row.event == "first_failure")
    body = json.loads(row.body)
    assert (body["id"], body["job"]["job_id"]) == (row.event_id, job)
    assert body["detail"]["error_class"] == "failed"
    assert {fact.event_id for fact in farm.facts if getattr(fact, "event_id", "")} >= {
        row.event_id for row in farm.all(HookDelivery)
    }, "the books know the same events"


def test_a_hook_hears_only_of_what_it_asked_for_and_a_failed_command_leaves_nothing():
    farm = Told()
    hook = farm.hook("job_failed")
    ann = farm.worker()
    farm.job(job_template(frames="1"), max_retries_per_task=0)
    farm.end(ann, "failed")
    assert farm.told(hook) == ["job_failed"]
    before = len(farm.rows)
    with pytest.raises(NotFoundError):
        farm.do(TryHook(farm_id=farm.farm_id, hook_id="hook-none", by="ann"))
    assert len(farm.rows) == before


def test_a_quarantined_worker_is_told():
    farm = Told()
    hook = farm.hook("worker_quarantined")
    for _ in range(2):
        farm.job(job_template(frames="1-9"))
    ann, _ = farm.worker(), farm.worker()
    for _ in range(3):
        farm.end(ann, "crash")
    assert farm.told(hook) == ["worker_quarantined"]


# ── what is sent ──────────────────────────────────────────────────────────────────────────────────


class Receiver(BaseHTTPRequestHandler):
    """A web address that keeps what it gets."""

    got: ClassVar[list[tuple[dict[str, str], bytes]]] = []
    answers: ClassVar[list[int]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.answers.pop(0) if self.answers else 200)
        self.send_header("location", "/elsewhere")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def nothing_was_got() -> None:
    Receiver.got.clear()
    Receiver.answers.clear()


class House:
    """A real store and owner, and the loop that tells, on a clock of its own."""

    def __init__(self, folder: Path) -> None:
        self.clock = VirtualClock()
        self.folder = folder
        self.commands = folder / "hooks"
        self.commands.mkdir(mode=0o755, exist_ok=True)
        self.seal = MasterSeal(MASTER)
        self.woken = 0

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        async def perform(effects: Any) -> None:
            self.woken += sum(type(effect).__name__ == "DeliverHooks" for effect in effects)

        self.store = SqliteStore(self.folder / "state.db")
        await self.store.open()
        context = Context(ids=SeededIds(len(list(self.folder.iterdir()))), spaces=TaskSpaces())
        self.owner = Owner(self.store, self.clock, context, perform)
        await self.owner.start()
        self.run = HookRun(
            store=self.store,
            owner=self.owner,
            doors=Doors(self.commands, self.clock, kinds=("json",), timeout_seconds=60.0),
            sealing=self.seal,
            secret_of=lambda hook_id, generation: f"secret-{hook_id}-{generation}",
            clock=self.clock,
            base_url="http://farm",
        )
        try:
            if not hasattr(self, "farm_id"):
                await self._furnish()
            yield
        finally:
            await self.owner.stop()
            await self.store.close()

    async def _furnish(self) -> None:
        ask = self.owner.ask
        await ask(AddUser(name="ann", role=Role.OWNER, by="ann"))
        self.farm_id = FarmId((await ask(CreateFarm(name="f", by="ann")))["farmId"])
        farm: dict[str, Any] = {"farm_id": self.farm_id, "by": "ann"}
        self.queue_id = QueueId((await ask(CreateQueue(name="q", **farm)))["queueId"])
        self.fleet_id = FleetId(
            (await ask(CreateFleet(name="l", max_worker_count=9, **farm)))["fleetId"]
        )
        await ask(Associate(queue_id=self.queue_id, fleet_id=self.fleet_id, **farm))

    async def hook(self, kind: str, target: str, *events: str) -> str:
        made = PutHook(
            farm_id=self.farm_id,
            name=f"{kind}{len(target)}",
            events=events or EVERY,
            kind=kind,
            target=self.seal.seal(target),
            by="ann",
        )
        return str((await self.owner.ask(made))["hook_id"])

    async def job(self, name: str = "shot") -> str:
        template = job_template(frames="1") | {"name": name}
        text = json.dumps(template)
        made = CreateJob(
            farm_id=self.farm_id,
            queue_id=self.queue_id,
            parsed=parse_job(text, "JSON", {}),
            template=text,
            template_type="JSON",
            by="ann",
        )
        return str((await self.owner.ask(made))["jobId"])

    async def step(self, seconds: float = 0.0) -> int:
        self.clock.advance(seconds)
        return await self.run.step(self.clock.now())

    async def rows(self) -> list[HookDelivery]:
        return await self.store.find(HookDelivery)

    def program(self, name: str, text: str) -> None:
        path = self.commands / name
        path.write_text(text)
        path.chmod(0o755)


@pytest.fixture
def house(tmp_path: Path) -> House:
    tmp_path.chmod(0o755)
    return House(tmp_path)


@pytest.fixture
def out() -> Iterator[Path]:
    """A folder that a program of nobody can write to; tmp_path lies in one it cannot enter."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder)
        made.chmod(0o777)
        yield made


@alone
async def test_a_web_address_gets_the_event_signed_with_its_time(house: House, address: str):
    async with house.open():
        hook = await house.hook("webhook", f"http://{address}/{SECRET}", "job_submitted")
        job = await house.job()
        assert house.woken == 1
        assert await house.step() == 1
        ((headers, body),) = Receiver.got
        assert json.loads(body)["job"]["job_id"] == job
        payload = headers["grange-timestamp"].encode() + b"." + body
        made = hmac.digest(f"secret-{hook}-0".encode(), payload, "sha256").hex()
        assert headers["grange-signature"] == f"v1={made}"
        assert headers["grange-timestamp"] == str(house.clock.now() // 1000)
        (row,) = await house.rows()
        assert headers["grange-event-id"] == row.event_id
        assert row.status is DeliveryStatus.DELIVERED
        assert await house.step(3600) == 0, "what was taken is not sent again"


def test_a_signature_is_for_one_body_at_one_time():
    row = HookDelivery(
        farm_id=FarmId("f"),
        hook_id="h",
        event_id="e",
        event="test",
        body="{}",
        next_at=Instant(0),
        created_at=Instant(0),
    )
    seen = {
        signed(secret, row, Instant(now))["grange-signature"]
        for secret in ("a", "b")
        for now in (0, 1000)
    }
    assert len(seen) == 4


@alone
async def test_what_is_not_taken_is_tried_again_later_and_survives_a_restart(
    house: House, address: str
):
    Receiver.answers[:] = [500, 302]
    async with house.open():
        await house.hook("webhook", f"http://{address}/", "job_submitted")
        await house.job()
        assert await house.step() == 0
        (row,) = await house.rows()
        assert (row.status, row.attempts) == (DeliveryStatus.WAITING, 1)
        assert "answered 500" in row.error
        assert await house.step(pause_seconds(1) - 1) == 0
        assert len(Receiver.got) == 1, "not before its time"
    async with house.open():
        assert await house.step(1) == 0
        (row,) = await house.rows()
        assert "answered 302" in row.error, "a redirect is not followed: it is signed for one place"
        assert await house.step(pause_seconds(2)) == 1
    assert len({headers["grange-event-id"] for headers, _ in Receiver.got}) == 1
    assert len(Receiver.got) == 3


@alone
async def test_one_that_never_takes_is_given_up_and_can_be_replayed(house: House, address: str):
    Receiver.answers[:] = [500] * MOST_ATTEMPTS
    async with house.open():
        hook = await house.hook("webhook", f"http://{address}/", "job_submitted")
        await house.job()
        for _ in range(MOST_ATTEMPTS):
            await house.step(3600)
        (row,) = await house.rows()
        assert (row.status, row.attempts) == (DeliveryStatus.GIVEN_UP, MOST_ATTEMPTS)
        assert await house.step(3600) == 0
        await house.owner.ask(NoteDeliveries(rows=again([row], house.clock.now())))
        assert await house.step() == 1
        assert Receiver.got[-1][0]["grange-event-id"] == row.event_id
        await house.job()
        await house.owner.ask(RemoveHook(farm_id=house.farm_id, hook_id=hook, by="ann"))
        assert await house.step() == 0
        assert {row.status.value for row in await house.rows()} == {"delivered", "given_up"}


@alone
async def test_a_dead_address_holds_up_nobody_else(house: House, address: str):
    async with house.open():
        await house.hook("webhook", "http://127.0.0.1:9/x", "job_submitted")
        await house.hook("webhook", f"http://{address}/", "job_submitted")
        for _ in range(3):
            await house.job()
        assert await house.step() == 3


@alone
async def test_no_secret_is_in_a_log_or_in_the_database(
    house: House, address: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    Receiver.answers[:] = [500]
    async with house.open():
        await house.hook("webhook", f"http://{address}/{SECRET}", "job_submitted")
        await house.hook("webhook", f"http://127.0.0.1:9/{SECRET}", "job_submitted")
        await house.job()
        await house.step()
        assert all(row.error for row in await house.rows())
        assert SECRET not in "".join(row.error for row in await house.rows())
    ours = [record for record in caplog.records if record.name.startswith("grange")]
    assert any(getattr(record, "action", "") == "hook_failed" for record in ours)
    assert SECRET not in " ".join(str(vars(record)) for record in ours)
    for file in house.folder.glob("state.db*"):
        assert SECRET.encode() not in file.read_bytes()
    with pytest.raises(ConfigurationError, match=r"master\.key"):
        MasterSeal(b"o" * 32).unseal(house.seal.seal(SECRET))


@alone
async def test_a_command_reads_the_event_and_knows_nothing_of_the_server(
    house: House, out: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    house.program(
        "keep.sh",
        f"#!/bin/sh\ncat > {out}/body\nenv > {out}/env\nid -u > {out}/user\n"
        f'printf "%s\\n" "$@" > {out}/words\npwd > {out}/folder\n'
        f"grep NoNewPrivs /proc/self/status > {out}/privileges\n",
    )
    async with house.open():
        await house.hook("command", json.dumps(["keep.sh", "-a", "b c"]), "job_submitted")
        await house.job("$(touch /tmp/x); `id`")
        assert await house.step() == 1, [row.error for row in await house.rows()]
    body = json.loads((out / "body").read_text())
    assert body["job"]["name"] == "$(touch /tmp/x); `id`"
    assert (out / "words").read_text().splitlines() == ["-a", "b c"]
    assert SECRET not in (out / "env").read_text()
    assert f"GRANGE_EVENT_ID={body['id']}" in (out / "env").read_text()
    folder = Path((out / "folder").read_text().strip())
    assert folder not in folder.parent.iterdir()
    assert stat.S_IMODE((out / "body").stat().st_mode) == 0o600
    if os.geteuid() == 0:
        assert (out / "user").read_text().strip() != "0", "never as root"
    assert (out / "privileges").read_text().split() == ["NoNewPrivs:", "1"]


def test_only_programs_of_the_folder_that_nobody_else_can_change_are_run(tmp_path: Path):
    folder = tmp_path / "hooks"
    folder.mkdir(mode=0o755)
    for name, mode in (("good", 0o755), ("plain", 0o644), ("open", 0o777)):
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(mode)
    (folder / "link").symlink_to("/bin/sh")
    doors = Doors(folder, VirtualClock())
    doors.check_command(["good", "--any"])
    for words in (["plain"], ["open"], ["link"], ["none"], ["../hooks/good"], ["/bin/sh"], []):
        with pytest.raises(InvalidRequestError):
            doors.check_command(words)
    folder.chmod(0o777)
    with pytest.raises(InvalidRequestError, match="others may change"):
        doors.check_command(["good"])


def test_a_command_that_fails_says_why_and_one_that_hangs_is_ended(house: House):
    house.program("bad", "#!/bin/sh\necho no room >&2\nexit 3\n")
    house.program("hang", "#!/bin/sh\nsleep 60\n")
    with pytest.raises(GrangeError, match="ended with 3: no room"):
        Doors(house.commands, house.clock).run(["bad"], {}, b"{}")
    doors = Doors(house.commands, house.clock, timeout_seconds=0.3)
    with pytest.raises(GrangeError, match=r"ended after 0\.3 seconds"):
        doors.run(["hang"], {}, b"{}")


# ── people ────────────────────────────────────────────────────────────────────────────────────────


async def plan(house: House, address: str, **more: Any) -> None:
    target = f"json://farm:{SECRET}@{address}/"
    values: dict[str, Any] = {
        "events": ("first_failure", "job_succeeded", "job_failed"),
        "digest_seconds": 600,
        "quiet": None,
    }
    await house.owner.ask(
        PutMessagePlan(
            farm_id=house.farm_id,
            user_name="ann",
            targets=house.seal.seal(json.dumps([target])),
            shown=[house.run.doors.check_target(target)],
            by="ann",
            **(values | more),
        )
    )


@alone
async def test_a_flood_becomes_one_message_and_quiet_hours_hold_it(house: House, address: str):
    async with house.open():
        await plan(house, address, events=("job_submitted",))
        (kept,) = await house.store.find(MessagePlan)
        assert SECRET not in str(kept)
        await house.job("first")
        assert await house.step() == 1
        assert "first was submitted" in json.loads(Receiver.got[0][1])["title"]
        for number in range(30):
            await house.job(f"next{number}")
        assert await house.step() == 0, "more within ten minutes waits"
        assert await house.step(600) == 30
        assert len(Receiver.got) == 2
        told = json.loads(Receiver.got[1][1])
        assert told["title"] == "[Grange] 30 × submitted"
        assert "next29 was submitted" in told["message"]
        assert "http://farm/jobs/job-" in told["message"]
        hour = house.clock.now() // MILLIS_PER_HOUR % 24
        await plan(house, address, events=("job_submitted",), quiet=(hour * 60, hour * 60 + 120))
        await house.job("night")
        assert await house.step(1200) == 0
        assert await house.step(7200) == 1


@alone
async def test_the_owner_of_a_job_hears_of_its_end_and_first_failure(house: House, address: str):
    async with house.open():
        await plan(house, address, digest_seconds=0)
        ask = house.owner.ask
        of: dict[str, Any] = {"farm_id": house.farm_id, "fleet_id": house.fleet_id}
        worker = WorkerId((await ask(CreateWorker(**of, by="w")))["workerId"])
        await ask(
            ReportWorker(
                **of,
                worker_id=worker,
                status=WorkerStatus.STARTED,
                attributes={"attr.worker.os.family": ("linux",)},
            )
        )
        await house.job("shot7")
        titles = []
        for exit_code in (1, 0):
            told = await ask(ReportSchedule(**of, worker_id=worker))
            action = next(one for _, actions in told.sessions for one in actions if one.layer_id)
            bad = {"errorClass": "crash", "errorText": "signal 11"} if exit_code else {}
            status = SessionActionStatus.FAILED if exit_code else SessionActionStatus.SUCCEEDED
            now = house.clock.now()
            report = ActionReport(
                completed_status=status,
                started_at=now,
                ended_at=now,
                exit_code=exit_code,
                usage=bad,
            )
            await ask(ReportSchedule(**of, worker_id=worker, updates={action.action_id: report}))
            await house.step(1)
            titles.append(json.loads(Receiver.got[-1][1]))
        assert titles[0]["title"] == "[Grange] shot7 has its first failure"
        assert "(crash: signal 11)" in titles[0]["message"]
        assert titles[1]["title"] == "[Grange] shot7 succeeded"


def test_quiet_hours_may_go_over_midnight():
    night = MessagePlan(
        farm_id=FarmId("f"),
        user_name="ann",
        targets="",
        shown=(),
        events=(),
        quiet=(22 * 60, 7 * 60),
        created_at=Instant(0),
        created_by="ann",
    )
    found = [hour for hour in range(24) if is_quiet(night, hour * 60)]
    assert found == [0, 1, 2, 3, 4, 5, 6, 22, 23]


def test_messages_that_would_stay_on_the_server_are_refused(tmp_path: Path):
    doors = Doors(tmp_path, VirtualClock())
    for target in ("file:/etc/x", "syslog://", "nonsense://x", "dbus://"):
        with pytest.raises(InvalidRequestError):
            doors.check_target(target)
    with pytest.raises(InvalidRequestError, match="message_kinds"):
        doors.check_target("json://127.0.0.1/admin")
    assert SECRET not in doors.check_target(f"ntfy://a:{SECRET}@ntfy.studio.example/ann")
    only = Doors(tmp_path, VirtualClock(), kinds=("json",))
    assert SECRET not in only.check_target(f"json://a:{SECRET}@127.0.0.1/")
    with pytest.raises(InvalidRequestError, match="message_kinds"):
        only.check_target("ntfy://ntfy.studio.example/ann")


@alone
async def test_a_committed_event_is_never_lost_if_the_server_dies_before_it_is_sent(
    house: House, address: str
):
    async with house.open():
        await house.hook("webhook", f"http://{address}/", "job_submitted")
        await house.job()
    async with house.open():  # nothing was sent; only rows remain
        assert await house.step() == 1
        hooks = await house.store.find(Hook)
        assert len(hooks) == 1
