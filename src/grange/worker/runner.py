"""The runner: one process per job thread, one OpenJD session at a time.

It is told what to do over a socket and says what happened over the same. It holds no credentials
and knows no server. When the socket closes or it is told to end, it kills everything below it.
"""

import logging
import os
import resource
import signal
import socket
import threading
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Any

from openjd.sessions import (
    LOG,
    ActionState,
    ActionStatus,
    PosixSessionUser,
    Session,
    SessionState,
)

from grange.kernel.clock import Clock
from grange.kernel.errors import GrangeError
from grange.kernel.units import Instant
from grange.ports.host import Processes
from grange.worker.delivery import Delivered, Delivery
from grange.worker.endings import failed, halted, peak, rejected, signal_name, told
from grange.worker.fragments import (
    command_text,
    environment_of,
    notify_seconds,
    parameter_values,
    path_mapping_rules,
    revision,
    step_of,
)
from grange.worker.logrules.frames import task_frames
from grange.worker.logrules.pack import bundled_packs
from grange.worker.logrules.parser import (
    FrameDone as FrameHappened,
)
from grange.worker.logrules.parser import (
    FrameStarted,
    Happening,
    LogParser,
    OutputNamed,
    Progressed,
    Verdict,
)
from grange.worker.messages import (
    Began,
    Cancel,
    Close,
    Closed,
    Copying,
    CopyLine,
    Ended,
    FrameDone,
    FromRunner,
    Moved,
    NotOpened,
    Open,
    Opened,
    Ready,
    Run,
    ToRunner,
    Transferred,
    decode_to_runner,
    encode,
)
from grange.worker.patience import teach_patience
from grange.worker.plan import Kind, Outcome
from grange.worker.sessionlog import SessionLog
from grange.worker.yielding import teach_yielding

_OUTCOMES = {
    ActionState.SUCCESS: Outcome.SUCCEEDED,
    ActionState.FAILED: Outcome.FAILED,
    ActionState.TIMEOUT: Outcome.FAILED,
    ActionState.CANCELED: Outcome.CANCELED,
}
_PROGRESS_MS = 500
"""Progress is said no more often than this."""
_OOM_FRESH_MS = 1_000
_LONGEST_PATH = 500
_LINES_AT_ONCE = 20
_MOST_TRANSFERS = 5000
"""Files of one task that are told one by one."""
_KILL_SECONDS = 10.0
_SUDO_SECONDS = 2.0
"""How long openjd may take to kill a process of another user before it is done here."""
_LEAVE_SECONDS = 30.0
"""How long leaving one environment may take when a session is closed abruptly."""


MOST_OUTPUT_PATHS = 20
"""So many files of a task without frames are told of."""


class _Action:
    """The action under way: its parser, its outputs, what the children had used before it."""

    def __init__(self, run: Run, template: Mapping[str, Any], now: Instant) -> None:
        packs, command = bundled_packs(), command_text(template)
        self.run = run
        self.frames = task_frames(run.parameters) if run.kind is Kind.TASK_RUN else ()
        self.parser = LogParser(packs, command, self.frames, now)
        self.started_at = now
        self.said_began = False
        self.usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.outputs: dict[str, int] = {}
        self.said_at = 0
        self.said: tuple[float | None, str] = (None, "")
        self.job_says_progress = False
        self.notify_seconds = notify_seconds(template, run.kind)
        self.halted: Cancel | None = None
        """Why the worker stopped it."""
        self.oom_kills: int | None = None


class Runner:
    """One job thread's process.

    Args:
        connection: the socket to the worker.
        clock: the machine's clock.
        processes: names and ends processes.
    """

    def __init__(self, connection: socket.socket, clock: Clock, processes: Processes) -> None:
        self._connection = connection
        self._clock = clock
        self._processes = processes
        self._sending = threading.Lock()
        self._telling = threading.RLock()
        """Held while news of the action is told, so that it is told in order."""
        self._session: Session | None = None
        self._session_id = ""
        self._root = Path()
        self._log: SessionLog | None = None
        self._action: _Action | None = None
        self._over = threading.Event()
        self._steps: dict[str, tuple[str, Any, Mapping[str, Any]]] = {}
        self._environments: dict[str, tuple[Any, Mapping[str, Any]]] = {}
        self._user: str | None = None
        self._closing = False
        self._oom_kills_at = Instant(0)
        self._known_oom_kills: int | None = None
        self._delivery = Delivery({}, self._root, clock)
        self._delivering = ""
        """The action whose output is being copied."""
        LOG.setLevel(logging.INFO)  # above INFO openjd would not see what jobs say to it
        LOG.propagate = False

    def serve(self) -> None:
        """Do what the worker says until it goes away."""
        self._send(Ready(pid=os.getpid()))
        try:
            with self._connection.makefile("rb") as lines:
                for line in lines:
                    self._obey(decode_to_runner(line))
        except ConnectionError:
            return  # the worker is gone, and had not heard everything
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Kill everything below this process."""
        for _ in range(3):  # what is killed may have started something meanwhile
            if not self._processes.kill(self._processes.below(os.getpid()), user=self._user):
                break

    def _obey(self, message: ToRunner) -> None:
        match message:
            case Open():
                self._open(message)
            case Run():
                self._run(message)
            case Cancel():
                self._cancel(message)
            case Close():
                self._close(message)

    # ── sessions ──────────────────────────────────────────────────────────────────────────────────

    def _open(self, message: Open) -> None:
        self._session_id = message.session_id
        self._closing = False
        try:
            self._root = Path(message.root)
            self._log = SessionLog(Path(message.log_path), self.printed)
            LOG.addHandler(self._log)
            job = message.job
            user = None
            if message.user is not None:
                user = PosixSessionUser(message.user, group=message.group)
            self._user = message.user
            self._delivery = Delivery(
                job if message.contain else {},
                self._root / f"{message.session_id}-output",
                self._clock,
                message.copy_bytes_per_second,
            )
            self._session = Session(
                session_id=message.session_id,
                job_parameter_values=parameter_values(job.get("parameters") or {}),
                path_mapping_rules=path_mapping_rules(
                    [*self._delivery.rules(), *(job.get("pathMappingRules") or ())]
                ),
                user=user,
                callback=self._called_back,
                os_env_vars=dict(message.variables),
                session_root_directory=self._root,
                revision_extensions=revision(job),
            )
        except (GrangeError, RuntimeError, ValueError, KeyError, OSError) as error:
            self._drop_log()
            self._session = None
            self._send(NotOpened(session_id=message.session_id, message=told(error)))
            return
        self._send(Opened(session_id=message.session_id))

    def _close(self, message: Close) -> None:
        session, self._closing = self._session, True
        self._delivery.close()
        if session is not None:
            self._finish_running(session, _KILL_SECONDS)
            for identifier in reversed(session.environments_entered):
                if session.state not in {SessionState.READY, SessionState.READY_ENDING}:
                    break
                self._over.clear()
                try:
                    session.exit_environment(identifier=identifier)
                except RuntimeError as error:
                    LOG.error("%s", error, extra={"session_id": self._session_id})
                    break
                if not self._over.wait(_LEAVE_SECONDS):
                    self._finish_running(session, _KILL_SECONDS)
            session.cleanup()
        self.abandon()
        self._processes.reap_orphans(1.0)
        self._drop_log()
        self._session = None
        self._steps.clear()
        self._environments.clear()
        self._send(Closed(session_id=message.session_id))

    def _finish_running(self, session: Session, seconds: float) -> None:
        if session.state is not SessionState.RUNNING:
            return
        self._over.clear()
        self._stop_at_once(session)
        if not self._over.wait(_SUDO_SECONDS if self._user is not None else seconds):
            self.abandon()
            self._over.wait(seconds)

    def _drop_log(self) -> None:
        if self._log is not None:
            LOG.removeHandler(self._log)
            self._log.close()
            self._log = None

    # ── actions ───────────────────────────────────────────────────────────────────────────────────

    def _run(self, message: Run) -> None:
        session = self._session
        now = self._clock.now()
        if session is None:
            self._send(failed(message.action_id, now, "The session is not open."))
            return
        try:
            template = self._remember(message)
            self._action = _Action(message, template, now)
            self._action.oom_kills = self._oom_kills(now)
            step = self._steps.get(message.step_id or "")
            self._delivery.begin(step[0] if step and message.kind is Kind.TASK_RUN else "")
            self._start(session, message)
        except (GrangeError, RuntimeError, ValueError, KeyError, OSError) as error:
            self._action = None
            LOG.error("%s", told(error), extra={"session_id": self._session_id})
            self._send(failed(message.action_id, self._clock.now(), told(error)))

    def _oom_kills(self, now: Instant) -> int | None:
        """Return how many kills there were a moment ago: reading takes long beside a short task."""
        if now - self._oom_kills_at >= _OOM_FRESH_MS:
            self._oom_kills_at, self._known_oom_kills = now, self._processes.oom_kills()
        return self._known_oom_kills

    def _remember(self, message: Run) -> Mapping[str, Any]:
        """Parse the action's template, once a session, and return it as it came."""
        if message.kind is Kind.TASK_RUN and message.step_id is not None:
            if message.step_id not in self._steps:
                details = _details(message)
                self._steps[message.step_id] = (
                    *step_of(details),
                    details["template"],
                )
            return self._steps[message.step_id][2]
        if message.kind is Kind.ENV_ENTER and message.environment_id is not None:
            if message.environment_id not in self._environments:
                details = _details(message)
                self._environments[message.environment_id] = (
                    environment_of(details),
                    details["template"],
                )
            return self._environments[message.environment_id][1]
        return {}

    def _start(self, session: Session, message: Run) -> None:
        variables = {"DEADLINE_SESSIONACTION_ID": message.action_id}
        match message.kind:
            case Kind.TASK_RUN if message.step_id is not None:
                name, script, _ = self._steps[message.step_id]
                variables["DEADLINE_STEP_ID"] = message.step_id
                if message.task_id is not None:
                    variables["DEADLINE_TASK_ID"] = message.task_id
                session.run_task(
                    step_script=script,
                    task_parameter_values=parameter_values(message.parameters),
                    os_env_vars=variables,
                    step_name=name,
                )
            case Kind.ENV_ENTER if message.environment_id is not None:
                session.enter_environment(
                    environment=self._environments[message.environment_id][0],
                    identifier=message.environment_id,
                    os_env_vars=variables,
                )
            case Kind.ENV_EXIT if message.environment_id is not None:
                session.exit_environment(
                    identifier=message.environment_id,
                    os_env_vars=variables,
                    keep_session_running=True,
                )
            case _:
                raise ValueError(f"This worker cannot run actions of kind {message.kind}.")

    def _cancel(self, message: Cancel) -> None:
        action, session = self._action, self._session
        if self._delivering == message.action_id:
            self._delivery.cancel()
        if action is None or session is None or action.run.action_id != message.action_id:
            return  # it has ended meanwhile
        if message.error_text:
            action.halted = message
        if message.at_once:
            self._stop_at_once(session)
        else:
            try:
                session.cancel_action()
            except RuntimeError:
                return  # it has ended meanwhile
        if self._user is not None:
            # Openjd finds the processes of another user only below a login shell like bash.
            patience = 0.0 if message.at_once else action.notify_seconds
            insist = threading.Timer(patience + _SUDO_SECONDS, self._insist, [action])
            insist.daemon = True
            insist.start()

    def _insist(self, action: _Action) -> None:
        """Kill an action that openjd could not."""
        if self._action is action:
            self.abandon()

    def _stop_at_once(self, session: Session) -> None:
        try:
            session.cancel_action(time_limit=timedelta(0))
        except RuntimeError:
            return  # it has ended meanwhile

    # ── what openjd says ──────────────────────────────────────────────────────────────────────────

    def _called_back(self, _: str, status: ActionStatus) -> None:
        """Openjd's callback: from this thread or from the one that follows the process."""
        with self._telling:
            self._news(status)

    def _news(self, status: ActionStatus) -> None:
        action = self._action
        if action is None:
            if status.state is not ActionState.RUNNING:
                self._over.set()
            return
        now = self._clock.now()
        if status.state is not ActionState.RUNNING:
            self._action = None
            self._end(action, status, now)
            self._over.set()
            return
        if not action.said_began:
            action.said_began = True
            pids = [(one.pid, one.started) for one in self._processes.below(os.getpid())]
            self._send(Began(action_id=action.run.action_id, at=action.started_at, pids=pids))
        action.job_says_progress = action.job_says_progress or status.progress is not None
        self._move(action, status.progress, status.status_message or "", now)

    def _move(self, action: _Action, percent: float | None, message: str, now: Instant) -> None:
        percent = action.said[0] if percent is None else percent
        said = (percent, message or action.said[1])
        if said == action.said or (now - action.said_at < _PROGRESS_MS and percent != 100.0):
            return
        action.said, action.said_at = said, now
        self._send(Moved(action_id=action.run.action_id, at=now, percent=said[0], message=said[1]))

    def printed(self, text: str) -> None:
        """Search one printed line for news of the action."""
        with self._telling:
            action = self._action
            if action is not None:
                now = self._clock.now()
                for happening in action.parser.line(text, now):
                    self._happened(action, happening, now)

    def _happened(self, action: _Action, happening: Happening, now: Instant) -> None:
        match happening:
            case Progressed(percent=percent):
                if not action.job_says_progress:
                    self._move(action, percent, "", now)
            case FrameStarted():
                pass
            case FrameHappened():
                size = self._book_output(action, happening.path)
                path = happening.path and self._delivery.place_of(happening.path)
                self._send(
                    FrameDone(
                        action_id=action.run.action_id,
                        frame=happening.frame,
                        started_at=happening.started_at,
                        ended_at=happening.ended_at,
                        path=path,
                        output_bytes=size,
                    )
                )
            case OutputNamed(path=path):
                action.outputs.setdefault(path, 0)

    def _book_output(self, action: _Action, path: str | None) -> int | None:
        """Return the size of an output file, None if it cannot be seen."""
        if path is None or self._session is None:
            return None
        try:
            size = (self._session.working_directory / path).stat().st_size
        except (OSError, ValueError):
            return None
        action.outputs[path] = size
        return size

    def _places(self, action: _Action) -> tuple[str, ...]:
        """Return where the files are that the log named and that are there."""
        folder = self._session.working_directory if self._session is not None else self._root
        there = [str(folder / path) for path, size in action.outputs.items() if size]
        return tuple(self._delivery.place_of(path) for path in there[:MOST_OUTPUT_PATHS])

    def _end(self, action: _Action, status: ActionStatus, now: Instant) -> None:
        for happening in action.parser.finish(now):
            self._happened(action, happening, now)
        for path, size in list(action.outputs.items()):
            if size == 0:
                self._book_output(action, path)
        self._processes.reap_orphans(0.0)
        outcome = _OUTCOMES[status.state]
        verdict = self._why(action, status) if outcome is Outcome.FAILED else None
        if action.halted is not None and outcome is not Outcome.SUCCEEDED:
            outcome, verdict = halted(action.halted)
        delivered = Delivered()
        if outcome is Outcome.SUCCEEDED and action.run.kind is Kind.TASK_RUN:
            delivered = self._deliver(action)
            now = max(now, self._clock.now())
            if delivered.cancelled:
                outcome = Outcome.CANCELED
            elif delivered.rejected is not None:
                outcome, verdict = Outcome.FAILED, rejected(delivered.rejected)
        copied = delivered.copied
        message = status.fail_message or (verdict.text if verdict else "") or action.said[1]
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        before = action.usage
        cpu_seconds = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
        self._send(
            Ended(
                action_id=action.run.action_id,
                outcome=outcome,
                started_at=action.started_at,
                at=now,
                exit_code=status.exit_code,
                message=message[:4096],
                cpu_ms=round(cpu_seconds * 1000),
                peak_memory_bytes=peak(before.ru_maxrss, used.ru_maxrss),
                output_bytes=copied.byte_count if copied else _sum(action.outputs),
                output_paths=() if action.frames else self._places(action),
                copy_ms=copied.millis if copied else None,
                copied_files=copied.files if copied else None,
                warnings=action.parser.warnings,
                error_class=verdict.error_class if verdict else "",
                error_rule=verdict.rule if verdict else "",
                error_text=verdict.text if verdict else "",
                exit_signal=signal_name(status.exit_code) or "",
            )
        )

    def _why(self, action: _Action, status: ActionStatus) -> Verdict:
        verdict = _verdict(action, status)
        before, after = action.oom_kills, self._processes.oom_kills()
        if verdict.error_class == "killed" and before is not None and (after or 0) > before:
            text = f"{verdict.text} The system ran out of memory meanwhile."
            return Verdict(error_class="memory", rule="exit:out-of-memory", text=text)
        return verdict

    def _deliver(self, action: _Action) -> Delivered:
        """Take the output of a task to its place, and say so in the session's log."""
        folder = self._session.working_directory if self._session is not None else self._root
        self._delivering = action.run.action_id
        if self._delivery.contains:
            self._send(Copying(action_id=action.run.action_id))
        named = [folder / path for path in action.outputs]
        delivered = self._delivery.deliver(action.run.action_id, action.frames, named)
        self._delivering = ""
        self._tell_transfers(action.run.action_id)
        text = delivered.rejected.text if delivered.rejected is not None else ""
        if delivered.copied is not None:
            copied = delivered.copied
            text = f"Copied {copied.files} files, {copied.byte_count} bytes, {copied.millis} ms."
        if text:
            LOG.info("%s", text, extra={"session_id": self._session_id})
        return delivered

    def _tell_transfers(self, action_id: str) -> None:
        """Tell the worker of every try, in messages that are never long."""
        lines = [
            CopyLine(str(one.place)[:_LONGEST_PATH], one.at, one.millis, one.byte_count, one.error)
            for one in self._delivery.transfers[:_MOST_TRANSFERS]
        ]
        for first in range(0, len(lines), _LINES_AT_ONCE):
            part = tuple(lines[first : first + _LINES_AT_ONCE])
            self._send(Transferred(action_id=action_id, first=first, lines=part))

    def _send(self, message: FromRunner) -> None:
        if self._closing and not isinstance(message, Closed | NotOpened):
            return
        with self._sending:
            try:
                self._connection.sendall(encode(message))
            except OSError:
                return  # the worker is gone; the end of its socket ends this process


def _details(message: Run) -> Mapping[str, Any]:
    if message.details is None:
        raise ValueError("The action came without its template.")
    return message.details


def _verdict(action: _Action, status: ActionStatus) -> Verdict:
    if status.state is ActionState.TIMEOUT:
        return Verdict(
            error_class="timeout",
            rule="openjd:timeout",
            text="The action ran longer than its template allows.",
        )
    if status.exit_code is None and status.fail_message:
        return Verdict(error_class="setup", rule="openjd:start", text=status.fail_message[:1000])
    return action.parser.verdict(status.exit_code, signal_name(status.exit_code))


def _sum(outputs: Mapping[str, int]) -> int | None:
    return sum(outputs.values()) if outputs else None


def run_runner(descriptor: int, parent_pid: int, clock: Clock, processes: Processes) -> None:
    """Be a runner, until the worker goes away.

    Args:
        descriptor: the inherited socket to the worker.
        parent_pid: the worker.
        clock: the machine's clock.
        processes: names and ends processes.
    """
    teach_patience(clock)
    teach_yielding()
    with socket.socket(fileno=descriptor) as connection:
        os.set_inheritable(descriptor, False)
        runner = Runner(connection, clock, processes)

        def told_to_end(number: int, _: FrameType | None) -> None:
            runner.abandon()
            os._exit(128 + number)

        signal.signal(signal.SIGTERM, told_to_end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        processes.adopt_orphans()
        processes.die_with_parent(parent_pid)
        runner.serve()
    # Threads that follow a process's output may still wait for it: nothing is left to wait for.
    os._exit(0)
