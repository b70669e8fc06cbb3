"""The job threads: sessions and actions as the core wants them, done by runners, made into facts.

One asyncio loop; every method is called from it. Nothing here decides.
"""

import asyncio
import contextlib
import logging
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from grange.kernel.clock import Clock
from grange.kernel.errors import GrangeError, UnreachableError
from grange.kernel.intervals import Span
from grange.kernel.units import Instant
from grange.worker.background import in_thread
from grange.worker.entities import Entities, job_user
from grange.worker.framerecords import Attempt, MeasuredFrame, measured, unmeasured
from grange.worker.gpus import gpu_variables
from grange.worker.guard import Guard, Halt
from grange.worker.identity import make_folder
from grange.worker.leftovers import MARK, Leftovers
from grange.worker.limits import Rules
from grange.worker.logrules.frames import task_frames
from grange.worker.lookout import Lookout
from grange.worker.messages import (
    Began as RunnerBegan,
)
from grange.worker.messages import (
    Cancel,
    Close,
    Closed,
    Copying,
    Ended,
    FrameDone,
    FromRunner,
    Moved,
    NotOpened,
    Open,
    Opened,
    Ready,
    Run,
    Transferred,
)
from grange.worker.plan import (
    ActionBegan,
    ActionEnded,
    ActionMoved,
    CancelAction,
    CloseSession,
    Event,
    Kind,
    LocalSession,
    OpenSession,
    Outcome,
    PlannedAction,
    RunnerDied,
    RunnerReady,
    SessionClosed,
    SessionNotOpened,
    SessionOpened,
    StartAction,
    StartRunner,
)
from grange.worker.registry import Found, path_with
from grange.worker.sampler import IDLE, Sampler
from grange.worker.seats import Nursery, Seat, Spawn
from grange.worker.settings import WorkerSettings
from grange.worker.shipping import LogShipper
from grange.worker.telemetry import ActionSeries, Occupation
from grange.worker.transfers import copy_lines

_log = logging.getLogger(__name__)
_CLOSE_SECONDS = 90.0
"""A runner that has not closed a session by then is killed."""
_RUNNER_PAUSE_SECONDS = 1.0
_HALT_SECONDS = 30.0
"""A runner whose action has not ended so long after it was told to stop is killed."""


@dataclass(slots=True)
class _Doing:
    """The action a job thread runs."""

    session: LocalSession
    action: PlannedAction
    frames: tuple[int, ...]
    asked_at: Instant
    began_at: Instant | None = None
    found: list[MeasuredFrame] = field(default_factory=list)
    recorded: int = 0
    """How many of `found` are in the spool."""
    user: str | None = None
    told_to_stop: bool = False
    """For a limit, or because it hangs."""
    halt: Halt | None = None
    """Why its runner was killed."""


class JobThreads:
    """The runners of one worker and what they do.

    Args:
        settings: what the worker was told.
        folder: the worker's folder.
        clock: the machine's clock.
        entities: what the server says about jobs.
        shipper: sends session logs.
        sampler: reads the machine.
        leftovers: processes on disk.
        happened: takes events for the core.
        frames: takes finished frame records; they are on disk when it returns.
        spawn: runs a coroutine beside the caller.
        gpus: how many the machine has.
        programs: the renderers of the machine; jobs find them on their search path.
        guard: holds them to the machine's limits.
        rules_changed: told when other limits hold.
        copied: takes lines about files that were copied to their places.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        *,
        folder: Path,
        clock: Clock,
        entities: Entities,
        shipper: LogShipper,
        sampler: Sampler,
        leftovers: Leftovers,
        happened: Callable[[Event], None],
        frames: Callable[[list[dict[str, Any]]], None],
        spawn: Spawn,
        gpus: int = 0,
        programs: Sequence[Found] = (),
        guard: Guard,
        rules_changed: Callable[[Rules], None] = lambda _: None,
        copied: Callable[[list[dict[str, Any]]], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._gpus = gpus
        self._search_path = path_with(settings.environment.get("PATH", ""), programs)
        self._guard = guard
        self._rules_changed = rules_changed
        self._copied = copied
        self._lookout = Lookout(clock, sampler, guard)
        self._folder = folder
        self._clock = clock
        self._entities = entities
        self._shipper = shipper
        self._sampler = sampler
        self._leftovers = leftovers
        self._happened = happened
        self._frames = frames
        self._spawn = spawn
        self.worker_id = ""
        """The worker's id, for the variables that jobs see."""
        self._ending = False
        self._nursery = Nursery(
            settings.runner_command,
            {**settings.environment, MARK: leftovers.mark},
            folder / "nursery.log",
            spawn,
        )
        self._seats: dict[int, Seat] = {}
        self._doing: dict[int, _Doing] = {}
        self._users: dict[str, tuple[str, str] | None] = {}
        self._pending: dict[str, asyncio.Task[None]] = {}
        self._sessions: dict[int, str] = {}
        """The session each runner holds, or is asked to open."""
        self._watchdogs: dict[int, asyncio.Task[None]] = {}
        self._deaths: dict[int, int] = {}
        self._owed: list[Callable[[], None]] = []  # frames of ended actions, not in the spool yet

    def perform(
        self, effect: StartRunner | OpenSession | StartAction | CancelAction | CloseSession
    ) -> None:
        """Do what the core wants of a job thread."""
        match effect:
            case StartRunner(thread=thread):
                self._spawn(self._start_runner(thread))
            case OpenSession(session=session):
                self._pending[session.session_id] = self._spawn(self._open(session))
            case StartAction(session=session, action=action):
                self._start_action(session, action)
            case CancelAction():
                self._cancel(effect)
            case CloseSession(thread=thread, session_id=session_id):
                self._close(thread, session_id)

    def sweep(self) -> None:
        """Remove the working folders of sessions that a former worker did not close. Blocking."""
        if self._settings.session_root is None:
            root = self._session_root()
            for left in root.iterdir() if root.is_dir() else ():
                shutil.rmtree(left, ignore_errors=True)

    def settle(self) -> None:
        """Put frames of ended actions into the spool: after next tasks began, before any report."""
        owed, self._owed = self._owed, []
        for record in owed:
            record()

    def record_frames(self) -> None:
        """Keep the frames that are done so far; the readings that cover them are there."""
        for thread, doing in self._doing.items():
            self._record_frames(thread, doing, None)

    def enforce(self) -> None:
        """Hold what runs to the machine's limits."""
        halts = self._guard.look(
            self._sampler.roots(),
            self._sampler.rendering(),
            user_logged_in=self._sampler.user_logged_in,
            changed=self._rules_changed,
        )
        for halt in (*halts, *self._lookout.halts()):
            doing = self._doing.get(halt.thread)
            if doing is None or doing.told_to_stop:
                continue
            doing.told_to_stop = True
            at_once = halt.error_class in {"memory", "stuck"}
            _log.warning(halt.error_text, extra={"action": "halt", "seat": halt.thread})
            self._seats[halt.thread].send(
                Cancel(
                    action_id=doing.action.action_id,
                    at_once=at_once,
                    error_class=halt.error_class,
                    error_rule=halt.error_rule,
                    error_text=halt.error_text,
                )
            )
            if at_once:
                self._spawn(self._insist(doing, halt))

    async def _insist(self, doing: _Doing, halt: Halt) -> None:
        """Kill the runner if even it does not obey: it hangs too."""
        await self._clock.sleep(_HALT_SECONDS)
        if self._doing.get(halt.thread) is doing:
            doing.halt = halt
            self._seats[halt.thread].kill()

    async def end(self, patience_seconds: float) -> None:
        """End every runner."""
        self._ending = True
        await asyncio.gather(*(seat.end(patience_seconds) for seat in self._seats.values()))
        await self._nursery.end(patience_seconds)
        self.settle()
        if self._settings.session_root is None:
            with contextlib.suppress(OSError):  # it is not empty, or not there
                self._session_root().rmdir()

    # ── runners ───────────────────────────────────────────────────────────────────────────────────

    async def _start_runner(self, thread: int) -> None:
        deaths = self._deaths.get(thread, 0)
        if deaths:
            await self._clock.sleep(min(30.0, _RUNNER_PAUSE_SECONDS * 2 ** min(deaths - 1, 5)))
        seat = Seat(thread, self._nursery, self._heard, self._runner_gone, self._spawn)
        self._seats[thread] = seat
        try:
            await seat.start(self._folder / f"runner-{thread}.log")
        except (OSError, UnreachableError) as error:
            self._runner_gone(thread, f"The runner could not be started: {error}")

    def _runner_gone(self, thread: int, message: str) -> None:
        self._deaths[thread] = self._deaths.get(thread, 0) + 1
        self._sampler.seat(thread, None)
        self._sampler.occupy(thread, IDLE)
        doing = self._doing.pop(thread, None)
        halt = None
        if doing is not None:
            self._lookout.end(thread)
            self._record_frames(thread, doing, None)
            halt = doing.halt
        session_id = self._sessions.pop(thread, None)
        if session_id is not None:
            self._forget(thread, session_id)
        self._leftovers.kill_thread(thread)
        self._leftovers.seat(thread, None)
        if not self._ending:
            _log.error(message, extra={"action": "runner_gone", "seat": thread})
            died = RunnerDied(at=self._clock.now(), thread=thread, message=message)
            if halt is not None:
                died = replace(
                    died,
                    message=halt.error_text,
                    error_class=halt.error_class,
                    error_rule=halt.error_rule,
                )
            self._happened(died)

    def _heard(self, thread: int, message: FromRunner) -> None:
        """Take a runner's message; called from the loop."""
        now = self._clock.now()
        match message:
            case Ready(pid=pid):
                self._sampler.seat(thread, pid)
                identity = self._leftovers.identity(pid)
                self._leftovers.seat(thread, identity)
                self._happened(RunnerReady(at=now, thread=thread))
            case Opened(session_id=session_id):
                self._deaths[thread] = 0
                self._happened(SessionOpened(at=now, session_id=session_id))
            case NotOpened(session_id=session_id, message=why):
                self._sessions.pop(thread, None)
                self._forget(thread, session_id)
                self._happened(SessionNotOpened(at=now, session_id=session_id, message=why))
            case Closed(session_id=session_id):
                self._session_over(thread, session_id)
            case Transferred():
                self._copied(copy_lines(message, self._sessions.get(thread, "")))
            case RunnerBegan() | Moved() | FrameDone() | Copying() | Ended():
                doing = self._doing.get(thread)
                if doing is not None and doing.action.action_id == message.action_id:
                    self._heard_of_action(thread, doing, message)

    def _heard_of_action(
        self, thread: int, doing: _Doing, message: RunnerBegan | Moved | FrameDone | Copying | Ended
    ) -> None:
        session_id, action_id = doing.session.session_id, doing.action.action_id
        match message:
            case RunnerBegan():
                doing.began_at = Instant(message.at)
                self._leftovers.action(thread, message.pids, doing.user)
                self._happened(
                    ActionBegan(at=doing.began_at, session_id=session_id, action_id=action_id)
                )
            case Moved():
                self._happened(
                    ActionMoved(
                        at=Instant(message.at),
                        session_id=session_id,
                        action_id=action_id,
                        percent=message.percent,
                        message=message.message,
                    )
                )
            case FrameDone():
                span = Span(Instant(message.started_at), Instant(message.ended_at))
                self._lookout.framed(doing.action.step_id, span.millis)
                doing.found.append(
                    MeasuredFrame(
                        frame=message.frame,
                        span=span,
                        path=message.path,
                        output_bytes=message.output_bytes,
                    )
                )
            case Copying():
                self._lookout.end(thread)
            case Ended():
                self._action_over(thread, doing, message)

    # ── sessions and actions ──────────────────────────────────────────────────────────────────────

    async def _open(self, session: LocalSession) -> None:
        try:
            job = await self._entities.job(session.job_id, session.pipeline)
            user = self._settings.posix_user or job_user(job)
            root = self._session_root(user)
            await in_thread(partial(make_folder, root, 0o700 if user is None else 0o711))
        except (GrangeError, OSError) as error:
            self._happened(
                SessionNotOpened(
                    at=self._clock.now(), session_id=session.session_id, message=str(error)
                )
            )
            return
        finally:
            self._pending.pop(session.session_id, None)
        self._users[session.session_id] = user
        self._sessions[session.thread] = session.session_id
        log_path = self._shipper.opened(session.session_id)
        self._lookout.opened(session.session_id, log_path, root)
        self._seats[session.thread].send(
            Open(
                session_id=session.session_id,
                job=job,
                root=str(root),
                log_path=str(log_path),
                variables=self._variables(session),
                user=user[0] if user else None,
                group=user[1] if user else None,
                contain=self._settings.contain and user is None,
                copy_bytes_per_second=self._settings.copy_bytes_per_second,
            )
        )

    def _variables(self, session: LocalSession) -> dict[str, str]:
        settings = self._settings
        return {
            **({"PATH": self._search_path} if self._search_path else {}),
            **self._guard.variables(session.thread),
            **gpu_variables(session.thread, settings.threads, self._gpus, settings.environment),
            MARK: self._leftovers.mark,
            "DEADLINE_FARM_ID": self._settings.farm_id,
            "DEADLINE_FLEET_ID": self._settings.fleet_id,
            "DEADLINE_WORKER_ID": self.worker_id,
            "DEADLINE_QUEUE_ID": session.queue_id,
            "DEADLINE_JOB_ID": session.job_id,
            "DEADLINE_SESSION_ID": session.session_id,
        }

    def _start_action(self, session: LocalSession, action: PlannedAction) -> None:
        details = self._entities.details(session.job_id, action)
        if details is not None:
            self._send_run(session, action, details)
        else:
            self._pending[action.action_id] = self._spawn(self._fetch_and_run(session, action))

    async def _fetch_and_run(self, session: LocalSession, action: PlannedAction) -> None:
        try:
            details = await self._entities.action(session.job_id, action)
        except GrangeError as error:
            self._happened(
                ActionEnded(
                    at=self._clock.now(),
                    session_id=session.session_id,
                    action_id=action.action_id,
                    outcome=Outcome.FAILED,
                    message=str(error),
                    usage={"errorClass": "setup", "errorRule": "entity", "errorText": str(error)},
                )
            )
            return
        finally:
            self._pending.pop(action.action_id, None)
        self._send_run(session, action, details)

    def _send_run(
        self, session: LocalSession, action: PlannedAction, details: dict[str, Any]
    ) -> None:
        thread = session.thread
        renders = action.kind is Kind.TASK_RUN
        user = self._users.get(session.session_id)
        self._doing[thread] = _Doing(
            session=session,
            action=action,
            frames=task_frames(action.parameters) if renders else (),
            asked_at=self._clock.now(),
            user=user[0] if user else None,
        )
        self._sampler.begin(thread)
        self._lookout.begin(thread, session.session_id, action.step_id, details)
        self._sampler.occupy(
            thread,
            Occupation(
                state="rendering" if renders else "overhead",
                session_id=session.session_id,
                job_id=session.job_id,
                layer_id=action.step_id,
            ),
        )
        self._seats[thread].send(
            Run(
                action_id=action.action_id,
                kind=action.kind,
                environment_id=action.environment_id,
                step_id=action.step_id,
                task_id=action.task_id,
                parameters={name: dict(value) for name, value in action.parameters.items()},
                details=details or None,
            )
        )

    def _action_over(self, thread: int, doing: _Doing, message: Ended) -> None:
        del self._doing[thread]
        self._lookout.end(thread)
        if message.outcome is Outcome.SUCCEEDED and doing.frames:
            spent = (message.at - message.started_at) / len(doing.frames)
            self._lookout.framed(doing.action.step_id, spent)
        doing.began_at = Instant(message.started_at)
        self._sampler.read()
        series = self._sampler.series(thread)
        self._owed.append(partial(self._record_frames, thread, doing, message, series))
        self._sampler.occupy(
            thread,
            Occupation(
                state="overhead", session_id=doing.session.session_id, job_id=doing.session.job_id
            ),
        )
        self._happened(
            ActionEnded(
                at=Instant(message.at),
                started_at=Instant(message.started_at),
                session_id=doing.session.session_id,
                action_id=doing.action.action_id,
                outcome=message.outcome,
                exit_code=message.exit_code,
                message=message.message,
                usage=self._usage(thread, doing, message),
            )
        )

    def _usage(self, thread: int, doing: _Doing, message: Ended) -> dict[str, Any]:
        seen = self._sampler.series(thread).peak_memory_bytes()
        peaks = [one for one in (seen, message.peak_memory_bytes) if one]
        done = len({one.frame for one in doing.found})
        if message.outcome is Outcome.SUCCEEDED and doing.frames:
            done = len(doing.frames)
        usage: dict[str, Any] = {
            "cpuMilliseconds": message.cpu_ms,
            "peakMemoryBytes": max(peaks, default=None),
            "outputBytes": message.output_bytes,
            "outputPaths": list(message.output_paths) or None,
            "copyMilliseconds": message.copy_ms,
            "framesDone": done if doing.frames else None,
            "errorClass": message.error_class or None,
            "errorRule": message.error_rule or None,
            "errorText": message.error_text or None,
            "exitSignal": message.exit_signal or None,
        }
        return {name: value for name, value in usage.items() if value is not None}

    def _record_frames(
        self, thread: int, doing: _Doing, ended: Ended | None, series: ActionSeries | None = None
    ) -> None:
        """Put the frames that are done into the spool; all of them once the action has ended."""
        if not doing.frames:
            return
        attempt = Attempt(
            session=doing.session,
            action=doing.action,
            frames=doing.frames,
            began_at=doing.began_at or doing.asked_at,
            user_logged_in=self._sampler.user_logged_in,
        )
        series = self._sampler.series(thread) if series is None else series
        fresh = doing.found[doing.recorded :]
        records = [measured(attempt, one, series) for one in fresh]
        if ended is not None and ended.outcome is Outcome.SUCCEEDED:
            records += unmeasured(attempt, doing.found, Instant(ended.at), series, ended.cpu_ms)
        doing.recorded = len(doing.found)
        if records:
            self._frames(records)

    def _cancel(self, effect: CancelAction) -> None:
        pending = self._pending.pop(effect.action_id, None)
        if pending is not None:
            pending.cancel()
            self._happened(
                ActionEnded(
                    at=self._clock.now(),
                    session_id=effect.session_id,
                    action_id=effect.action_id,
                    outcome=Outcome.NEVER_ATTEMPTED,
                    message="Canceled before it began.",
                )
            )
            return
        self._seats[effect.thread].send(Cancel(action_id=effect.action_id, at_once=effect.at_once))

    def _close(self, thread: int, session_id: str) -> None:
        doing = self._doing.pop(thread, None)
        if doing is not None:
            self._lookout.end(thread)
            self._record_frames(thread, doing, None)
            pending = self._pending.pop(doing.action.action_id, None)
            if pending is not None:
                pending.cancel()
        opening = self._pending.pop(session_id, None)
        if opening is not None:
            opening.cancel()
            self._session_over(thread, session_id)
            return
        self._watchdogs[thread] = self._spawn(self._watch_close(thread))
        self._seats[thread].send(Close(session_id=session_id))

    async def _watch_close(self, thread: int) -> None:
        await self._clock.sleep(_CLOSE_SECONDS)
        _log.error("A session could not be closed.", extra={"action": "close", "seat": thread})
        self._seats[thread].kill()

    def _session_over(self, thread: int, session_id: str) -> None:
        self._sessions.pop(thread, None)
        self._forget(thread, session_id)
        self._sampler.occupy(thread, IDLE)
        self._happened(SessionClosed(at=self._clock.now(), session_id=session_id))

    def _forget(self, thread: int, session_id: str) -> None:
        watchdog = self._watchdogs.pop(thread, None)
        if watchdog is not None:
            watchdog.cancel()
        self._users.pop(session_id, None)
        self._lookout.closed(session_id)
        self._shipper.completed(session_id)

    def _session_root(self, user: tuple[str, str] | None = None) -> Path:
        if self._settings.session_root is not None:
            return self._settings.session_root
        if user is None and self._settings.posix_user is None:
            return self._folder / "sessions"
        # Another user must be able to reach its sessions, and nothing else of this worker.
        return Path(tempfile.gettempdir()) / f"grange-{self._leftovers.mark[-12:]}"
