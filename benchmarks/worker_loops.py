"""Many workers in one process: each is the worker's own core, on a connection of its own.

What decides is `grange.worker.machine`; it is performed here as the worker does it, but for the
render: a task is a wait. Each worker keeps its wake stream, says that a task has begun, sends the
log of its session after each task, and samples of its machine every 20 seconds, as they do.

Arguments: how many workers, and for how many seconds to measure. Reads what `real_server.py` told
from stdin. Says "ready" when all have been rendering for a while, waits for a line, and prints how
long each job thread waited from the end of a task to the start of its next one, in ms, as JSON.
"""

import asyncio
import contextlib
import gc
import json
import random
import sys
import time
from typing import Any

import uvloop

from benchmarks.connection import CLOCK, Connection, join
from grange.kernel.units import Instant
from grange.worker.calls import report_body, schedule_of
from grange.worker.machine import apply, due_at
from grange.worker.plan import (
    ActionBegan,
    ActionEnded,
    Answered,
    Assumed,
    Began,
    Call,
    CallKind,
    CallServer,
    CloseSession,
    Effect,
    Event,
    Kind,
    OpenSession,
    Outcome,
    RunnerReady,
    SessionClosed,
    SessionOpened,
    StartAction,
    StartRunner,
    ThreadPhase,
    TimePassed,
    Told,
    Woken,
    WorkerState,
)
from grange.worker.shipping import spread_seconds

SHORTEST_SECONDS, LONGEST_SECONDS = 2.0, 10.0
"""A task takes between these, all times alike often."""
SETTLE_SECONDS = 15.0
"""What is measured begins after this: all sessions are open, tasks end at mixed times."""
SLOT_SECONDS = 20
LOG_LINES = 30
BODY = {
    "capabilities": {
        "amounts": [
            {"name": "amount.worker.vcpu", "value": 8},
            {"name": "amount.worker.memory", "value": 32_768},
        ],
        "attributes": [
            {"name": "attr.worker.os.family", "values": ["linux"]},
            {"name": "attr.worker.cpu.arch", "values": ["x86_64"]},
        ],
    }
}


class Loop:
    """One worker."""

    def __init__(self, told: dict[str, Any], number: int) -> None:
        self._told = told
        self._random = random.Random(number)
        self._inbox: asyncio.Queue[Event] = asyncio.Queue()
        self._state = WorkerState(threads=(ThreadPhase.STARTING,))
        self._ended: float | None = None
        self._work: set[asyncio.Task[None]] = set()
        self._logs: dict[str, int] = {}
        self.waited: list[tuple[float, float]] = []
        """When a task began, and the seconds since the one before it had ended."""

    async def start(self) -> None:
        """Register, open the connections, begin."""
        self._calls, self._path = await join(self._told, BODY)
        self._worker = self._path.rpartition("/")[2]
        endpoint, credentials = self._told["endpoint"], self._calls.credentials
        self._others = await Connection.open(endpoint, credentials)
        self._wakes = await Connection.open(endpoint, credentials)
        self._beside = asyncio.Lock()
        for work in (self._run(), self._follow(), self._sample()):
            self._spawn(work)

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._reap)

    def _reap(self, task: "asyncio.Task[None]") -> None:
        self._work.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            sys.stderr.write(f"{error!r}\n")
            sys.exit(1)

    async def _run(self) -> None:
        self._inbox.put_nowait(Began(at=CLOCK.now(), worker_id=self._worker))
        while True:
            due = due_at(self._state)
            wait = None if due is None else max(0.0, (due - CLOCK.now()) / 1000)
            try:
                async with asyncio.timeout(wait):
                    event = await self._inbox.get()
            except TimeoutError:
                event = TimePassed(at=CLOCK.now())
            self._state, effects = apply(self._state, event)
            for effect in effects:
                self._perform(effect)

    def _perform(self, effect: Effect) -> None:
        now, say = CLOCK.now(), self._inbox.put_nowait
        match effect:
            case CallServer(call=call):
                self._spawn(self._call(call))
            case StartRunner(thread=thread):
                say(RunnerReady(at=now, thread=thread))
            case OpenSession(session=session):
                say(SessionOpened(at=now, session_id=session.session_id))
            case CloseSession(session_id=session_id):
                say(SessionClosed(at=now, session_id=session_id))
            case StartAction():
                self._spawn(self._render(effect))
            case _:
                raise RuntimeError(f"Nothing here leads to {effect}.")

    async def _render(self, effect: StartAction) -> None:
        session_id, action = effect.session.session_id, effect.action
        begun = time.monotonic()
        if action.kind is Kind.TASK_RUN:
            if self._ended is not None:
                self.waited.append((begun, begun - self._ended))
            self._ended = None
        ids = {"session_id": session_id, "action_id": action.action_id}
        started_at = CLOCK.now()
        self._inbox.put_nowait(ActionBegan(at=started_at, **ids))
        await asyncio.sleep(self._random.uniform(SHORTEST_SECONDS, LONGEST_SECONDS))
        if action.kind is Kind.TASK_RUN:
            self._ended = time.monotonic()
        ended = ActionEnded(
            at=CLOCK.now(),
            started_at=started_at,
            outcome=Outcome.SUCCEEDED,
            exit_code=0,
            usage={"cpuMilliseconds": 4_000, "peakMemoryBytes": 2**30, "framesDone": 1},
            **ids,
        )
        self._inbox.put_nowait(ended)
        await asyncio.sleep(self._random.uniform(0.0, 0.5))  # logs are looked at twice a second
        await self._ship(session_id)

    async def _call(self, call: Call) -> None:
        answer: Any = Told()
        if call.kind is CallKind.ASSUME:
            answer = Assumed(expires_at=Instant(CLOCK.now() + 3_600_000))
        elif call.kind is CallKind.SCHEDULE:
            body = {
                "updatedSessionActions": {
                    action_id: report_body(report) for action_id, report in call.reports.items()
                }
            }
            said = {"x-grange-sent-at": str(CLOCK.now())}
            reply = await self._calls.call("PATCH", f"{self._path}/schedule", body, headers=said)
            answer = schedule_of(reply)
        self._inbox.put_nowait(Answered(at=CLOCK.now(), number=call.number, answer=answer))

    # ── beside the schedule ───────────────────────────────────────────────────────────────────────

    @property
    def _farm(self) -> str:
        return f"/api/v1/farms/{self._told['farm']}"

    async def _follow(self) -> None:
        async for line in self._wakes.lines(f"{self._farm}/workers/{self._worker}/wake"):
            if line == b"event: wake\n":
                self._inbox.put_nowait(Woken(at=CLOCK.now()))

    async def _ship(self, session_id: str) -> None:
        sent = self._logs.get(session_id, 0)
        lines = b"".join(
            b"2026-01-01T00:00:00Z Rendered tile %d of 30\n" % n for n in range(LOG_LINES)
        )
        self._logs[session_id] = sent + len(lines)
        path = f"{self._farm}/sessions/{session_id}/log?offset={sent}"
        said = {"content-type": "application/octet-stream"}
        async with self._beside:
            await self._others.call("PUT", path, lines, headers=said, service="grange")

    async def _sample(self) -> None:
        while True:
            end = (CLOCK.now() // 1000 // SLOT_SECONDS + 1) * SLOT_SECONDS * 1000
            await asyncio.sleep((end - CLOCK.now()) / 1000 + spread_seconds(self._worker))
            body = {
                "batch": f"{self._random.getrandbits(128):032x}",
                "frames": [],
                "worker_samples": [{**_MACHINE, "at": end}],
                "thread_samples": [{**_THREAD, "at": end}],
            }
            path = f"{self._farm}/workers/{self._worker}/facts"
            async with self._beside:
                await self._others.call("POST", path, body, service="grange")


_MACHINE = {
    "coverage_ms": 20_000, "cpu_milli": 900, "gpu_milli": None, "memory_used_bytes": 2**33,
    "memory_total_bytes": 2**35, "net_in_bytes": 10**6, "net_out_bytes": 10**6,
    "net_in_max_bytes_per_s": 10**5, "user_logged_in": False, "load1_milli": 8_000,
    "disk_free_bytes": 2**38, "temperature_milli_c": 41_000, "watts_milli": None,
}  # fmt: skip
_THREAD = {
    "thread": 0, "session_id": None, "job_id": None, "layer_id": None, "coverage_ms": 20_000,
    "state": "rendering", "cpu_milli": 900, "memory_bytes": 2**32, "processes": 2,
}  # fmt: skip


async def main(count: int, seconds: float) -> None:
    told = json.loads(await asyncio.to_thread(sys.stdin.readline))
    loops = [Loop(told, number) for number in range(count)]
    for loop in loops:  # one after the other: all at once would measure registering
        await loop.start()
    gc.freeze()
    gc.set_threshold(50_000, 50, 1_000)
    await asyncio.sleep(SETTLE_SECONDS)
    print("ready", flush=True)
    begun = time.monotonic()
    await asyncio.sleep(seconds)
    waited = [ms for loop in loops for at, ms in loop.waited if at >= begun]
    print(json.dumps([round(one * 1000, 3) for one in waited]), flush=True)
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), float(sys.argv[2])))
