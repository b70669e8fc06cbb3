"""The worker's shell: performs what the core decides, and tells it what happened.

One asyncio loop; requests to the server in threads; runners as processes (`jobthreads`). Nothing
here decides.
"""

import asyncio
import logging
import os
import random
import signal
import threading
from collections.abc import Callable, Coroutine
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from grange.kernel.clock import Clock
from grange.kernel.errors import ConfigurationError, GrangeError, ThrottledError
from grange.kernel.ids import IdSource
from grange.ports.host import Probe, Processes
from grange.worker.background import in_thread
from grange.worker.calls import ApiFactory, ServerCalls, failure_of
from grange.worker.capabilities import capabilities, host_properties
from grange.worker.entities import Entities
from grange.worker.gpus import gpu_advice
from grange.worker.guard import Guard
from grange.worker.hailing import HailListener, hail, hosts_of
from grange.worker.identity import StateFolder
from grange.worker.jobthreads import JobThreads
from grange.worker.leftovers import Leftovers
from grange.worker.limits import Rules
from grange.worker.machine import apply, due_at
from grange.worker.plan import (
    Answered,
    Began,
    Call,
    CallFailed,
    CallKind,
    CallServer,
    Effect,
    Event,
    Finish,
    RememberWorker,
    StopWanted,
    ThreadPhase,
    TimePassed,
    Woken,
    WorkerState,
)
from grange.worker.power import obey
from grange.worker.registry import programs_of
from grange.worker.sampler import Sampler
from grange.worker.settings import WorkerSettings, check_root, login_shell
from grange.worker.shipping import FactPoster, LogShipper, spread_seconds
from grange.worker.spool import FRAMES, SAMPLES, Spool

_log = logging.getLogger(__name__)
_END_SECONDS = 5.0
_WAKE_PAUSE_SECONDS = 1.0
_NOBODY = "0000"


class Worker:
    """One worker process.

    Args:
        settings: what it was told.
        api_factory: makes connections to the server.
        clock: the machine's clock.
        probe: reads the machine.
        processes: names and ends processes.
        ids: makes new ids.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        *,
        api_factory: ApiFactory,
        clock: Clock,
        probe: Probe,
        processes: Processes,
        ids: IdSource,
    ) -> None:
        check_root(settings, os.geteuid())
        self._job_user = settings.posix_user
        self._settings = settings
        self._clock = clock
        self._folder = StateFolder(settings.state_dir, settings.farm_id, settings.fleet_id)
        self._leftovers = Leftovers(self._folder.path, processes, ids)
        inventory = probe.inventory()
        programs = programs_of(settings)
        self._calls = ServerCalls(
            api_factory,
            clock,
            farm_id=settings.farm_id,
            fleet_id=settings.fleet_id,
            host_properties=host_properties(inventory, settings),
            capabilities=capabilities(inventory, settings, programs),
        )
        self._listener = HailListener(hosts_of(settings, inventory), settings.hail_port)
        self._spool: Spool | None = None
        self._poster = FactPoster(lambda: self._spool, self._calls, clock)
        self._shipper = LogShipper(self._folder.path / "logs", self._calls, clock)
        self._sampler = Sampler(
            probe, clock, settings.threads, samples=self._sampled, ticked=self._ticked
        )
        self._state = WorkerState(threads=(ThreadPhase.STARTING,) * settings.threads)
        self._inbox: asyncio.Queue[Event] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._guard = Guard(
            settings.state_dir, ZoneInfo(settings.zone), clock, processes, settings.threads
        )
        self._rules_changed(self._guard.rules)
        self._threads = JobThreads(
            settings,
            folder=self._folder.path,
            clock=clock,
            entities=Entities(self._calls, clock),
            shipper=self._shipper,
            sampler=self._sampler,
            leftovers=self._leftovers,
            happened=self._happened,
            frames=self._frames_done,
            copied=self._files_copied,
            spawn=self._spawn,
            gpus=inventory.gpus,
            programs=programs,
            guard=self._guard,
            rules_changed=self._rules_changed,
        )
        self._gpu_advice = gpu_advice(settings.threads, inventory.gpus)
        self._random = random.Random(self._leftovers.mark + str(os.getpid()))  # noqa: S311 jitter
        self._finished: Finish | None = None
        self._ending = threading.Event()

    async def run(self) -> int:
        """Work until told to stop; returns the process's exit code."""
        self._loop = asyncio.get_running_loop()
        self._install_signals(self._loop)
        await in_thread(self._leftovers.kill)
        await in_thread(self._threads.sweep)
        if self._settings.hail:
            await self._listener.start()
            self._calls.hail_addresses = self._listener.addresses
        known = self._folder.worker_id()
        self._adopt_id(known)
        self._sampler.start()
        self._spawn(self._poster.run())
        self._spawn(self._shipper.run())
        threading.Thread(target=self._follow_wakes, name="wakes", daemon=True).start()
        self._say_user()
        self._say_gpus()
        self._happened(Began(at=self._clock.now(), worker_id=known))
        try:
            while self._finished is None:
                event = await self._next_event()
                self._state, effects = apply(self._state, event)
                for effect in effects:
                    self._perform(effect)
                self._threads.settle()
        finally:
            await self._wind_up()
        if self._finished.message:
            _log.error(self._finished.message, extra={"action": "worker_finished"})
        return await in_thread(self._obey) or self._finished.exit_code

    def _obey(self) -> int:
        """Do to the machine what the farm wants, once nothing runs; return an exit code."""
        command = self._settings.power_commands.get(self._state.order)
        if not command:
            return 0
        _log.info("The machine is to %s.", self._state.order, extra={"action": "power"})
        return obey(command)

    def stop(self, *, now: bool = False) -> None:
        """Ask the worker to finish what runs and stop; a second time, or `now`, means at once."""
        self._happened(StopWanted(at=self._clock.now(), now=now))

    # ── events ────────────────────────────────────────────────────────────────────────────────────

    def _happened(self, event: Event) -> None:
        self._inbox.put_nowait(event)

    def _from_thread(self, function: Callable[[], None]) -> None:
        loop = self._loop
        if loop is None:
            return
        try:
            loop.call_soon_threadsafe(function)
        except RuntimeError:
            return  # the loop has ended meanwhile

    async def _next_event(self) -> Event:
        due = due_at(self._state)
        if due is None:
            return await self._inbox.get()
        try:
            async with asyncio.timeout(max(0.0, (due - self._clock.now()) / 1000)):
                return await self._inbox.get()
        except TimeoutError:
            return TimePassed(at=self._clock.now())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._reap)
        return task

    def _reap(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.critical("A part of the worker failed.", exc_info=error, extra={"action": "fail"})
            self._finished = Finish(exit_code=1, message=f"The worker failed: {error}")
            self._happened(TimePassed(at=self._clock.now()))

    def _install_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.stop)

    # ── effects ───────────────────────────────────────────────────────────────────────────────────

    def _perform(self, effect: Effect) -> None:
        match effect:
            case CallServer(call=call):
                self._spawn(self._call(call))
            case RememberWorker(worker_id=worker_id):
                self._folder.remember(worker_id)
                self._adopt_id(worker_id)
            case Finish():
                self._finished = effect
            case _:
                self._threads.perform(effect)

    def _adopt_id(self, worker_id: str | None) -> None:
        if self._spool is not None:
            self._spool.close()
            self._spool = None
        if worker_id is None:
            self._calls.forget()
            return
        self._calls.worker_id = self._threads.worker_id = self._listener.worker_id = worker_id
        self._spool = Spool(self._folder.path / "spool" / worker_id, self._settings.spool_bytes)
        self._poster.notify()

    async def _call(self, call: Call) -> None:
        spool = self._spool

        def perform() -> Event:
            if spool is not None and any(one.outcome for one in call.reports.values()):
                spool.sync()  # frames first: a reported success must never be without them
            answer = self._calls.perform(call)
            return Answered(at=self._clock.now(), number=call.number, answer=answer)

        try:
            event = await in_thread(perform)
        except GrangeError as error:
            self._warn_of(call, error)
            wait = error.retry_after_seconds if isinstance(error, ThrottledError) else 0
            event = CallFailed(
                at=self._clock.now(),
                number=call.number,
                failure=failure_of(error),
                message=str(error),
                retry_after_seconds=float(wait),
                jitter=self._random.random(),
            )
        else:
            self._say_of(call)
            if self._state.failures:
                self._poster.server_is_back()
                self._shipper.server_is_back()
            if call.kind is CallKind.ASSUME:
                self._poster.notify()
        self._happened(event)

    def _say_of(self, call: Call) -> None:
        """Tell the person who started the worker what has come of it."""
        if call.kind is CallKind.CREATE:
            _log.info("Registered as %s.", self._calls.worker_id, extra={"action": "registered"})
        elif call.kind is CallKind.START:
            count = self._settings.threads
            _log.info(
                "%s is ready: %d job %s.",
                self._calls.worker_id,
                count,
                "thread" if count == 1 else "threads",
                extra={"action": "started"},
            )
        elif call.kind is CallKind.STOPPING:
            _log.info("Stopping: what runs is finished first.", extra={"action": "stopping"})

    def _warn_of(self, call: Call, error: GrangeError) -> None:
        level = logging.WARNING if self._state.failures in {0, 9} else logging.DEBUG
        _log.log(
            level,
            "A call failed and will be made again.",
            extra={"action": "call_failed", "call": call.kind.value, "error": str(error)},
        )

    # ── beside the schedule ───────────────────────────────────────────────────────────────────────

    def _sampled(self, records: list[dict[str, Any]]) -> None:
        """Take finished samples; called from the sampler's thread."""
        spool = self._spool
        if spool is not None:
            spool.append(SAMPLES, records)
            self._from_thread(self._post_samples_later)

    def _post_samples_later(self) -> None:
        self._spawn(self._post_samples())

    async def _post_samples(self) -> None:
        """Let samples be posted, not at the moment at which all workers have some."""
        await self._clock.sleep(spread_seconds(self._calls.worker_id or _NOBODY))
        self._poster.notify()

    def _ticked(self) -> None:
        """A reading was taken; called from the sampler's thread."""
        self._from_thread(self._look)

    def _look(self) -> None:
        self._threads.record_frames()
        self._threads.enforce()
        if self._calls.user_logged_in != self._sampler.user_logged_in:
            self._calls.user_logged_in = self._sampler.user_logged_in
            self._happened(Woken(at=self._clock.now()))  # the server hears of it now

    def _rules_changed(self, rules: Rules) -> None:
        """Other limits hold: the server hears of it with the next call, which is made now."""
        self._calls.closed = rules.closed
        if self._loop is not None:
            said = f"Takes no work: {rules.closed}." if rules.closed else "Other limits hold now."
            _log.info(said, extra={"action": "rules"})
            self._happened(Woken(at=self._clock.now()))

    def _frames_done(self, records: list[dict[str, Any]]) -> None:
        if self._spool is not None:
            self._spool.append(FRAMES, records)
            self._poster.notify()

    def _files_copied(self, rows: list[dict[str, Any]]) -> None:
        if self._spool is not None:
            self._spool.append(SAMPLES, [{"kind": "line", "row": row} for row in rows])
            self._poster.notify()

    def _follow_wakes(self) -> None:
        """Follow the wake stream for the life of the process; runs in a thread."""
        while not self._ending.is_set():
            if self._calls.ready():
                try:
                    for event in self._calls.wakes(self._ending.is_set):
                        self._follow(event["event"], event["data"])
                except GrangeError as error:
                    _log.debug(
                        "The wake stream broke off.",
                        extra={"action": "wakes_broken", "error": str(error)},
                    )
            self._ending.wait(_WAKE_PAUSE_SECONDS)

    def _follow(self, name: str, data: str) -> None:
        """Take an event of the wake stream; called from its thread."""
        if name == "wake":
            self._from_thread(lambda: self._happened(Woken(at=self._clock.now())))
        elif name == "key":
            self._listener.key = bytes.fromhex(msgspec.json.decode(data)["key"])
        elif name == "hail":
            order = msgspec.json.decode(data)
            threading.Thread(target=self._hail, args=(order,), name="hail", daemon=True).start()

    def _hail(self, order: dict[str, Any]) -> None:
        """Hail a neighbour for the server; runs in a thread."""
        outcome, answer = hail(order)
        try:
            self._calls.put_hail(order["hailId"], outcome, answer)
        except GrangeError as error:
            _log.debug("A hail was lost.", extra={"action": "hail_lost", "error": str(error)})

    def _say_user(self) -> None:
        if self._job_user is None:
            _log.warning(
                "Jobs run as this worker's own user unless their queue names another;"
                " give --job-user to keep them apart.",
                extra={"action": "job_user"},
            )
        elif not login_shell(self._job_user[0]).endswith("bash"):
            _log.warning(
                "The login shell of the user that jobs run as should be bash: below others its"
                " processes are not found, which delays every action by a second.",
                extra={"action": "job_user"},
            )

    def _say_gpus(self) -> None:
        if self._gpu_advice:
            _log.warning(self._gpu_advice, extra={"action": "gpus"})

    async def _wind_up(self) -> None:
        self._ending.set()
        await self._listener.stop()
        await self._threads.end(_END_SECONDS)
        await in_thread(self._sampler.stop)
        if self._calls.ready():
            await self._shipper.flush(_END_SECONDS)
            await self._post_rest()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._spool is not None:
            self._spool.close()
        self._leftovers.close()
        self._folder.close()

    async def _post_rest(self) -> None:
        try:
            while await self._poster.post_one():
                continue
        except GrangeError as error:
            _log.info("Facts wait on disk.", extra={"action": "facts_wait", "error": str(error)})


def run_worker(
    settings: WorkerSettings,
    *,
    api_factory: ApiFactory,
    clock: Clock,
    probe: Probe,
    processes: Processes,
    ids: IdSource,
) -> int:
    """Be a worker until told to stop (SIGTERM or SIGINT: finish what runs; again: at once).

    Returns:
        The process's exit code: 0 after a stop that was asked for, 1 after one that was forced,
        2 if the server will not have this worker.

    Raises:
        ConfigurationError: the settings cannot be worked with.
    """
    if not settings.farm_id or not settings.fleet_id:
        raise ConfigurationError("A worker must be told its farm and fleet: --farm and --fleet.")
    worker = Worker(
        settings,
        api_factory=api_factory,
        clock=clock,
        probe=probe,
        processes=processes,
        ids=ids,
    )
    return asyncio.run(worker.run())
