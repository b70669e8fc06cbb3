"""The agent of one machine: asks for work, runs it by a model, reports what came of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from grange.domain.statuses import ActionKind, SessionActionStatus
from grange.domain.work import Session, SessionAction
from grange.kernel.ids import SessionActionId, SessionId, StepId, WorkerId
from grange.kernel.intervals import Span
from grange.kernel.units import Instant
from grange.services.reports import ActionReport, Schedule
from grange.simulation.bookkeeping import HourOfAgent
from grange.simulation.machines import Machine
from grange.simulation.rendered import Rendered
from grange.simulation.renderers import LayerModel, Renderers, Run
from grange.simulation.samples import Stretch

SOON_MS = 300
"""From news to the request that carries it."""
TOLD_FROM_MS = 3_600_000
"""An action that takes longer is reported when it begins; a shorter one together with its end."""


@dataclass(slots=True)
class Doing:
    """An action that runs on a job thread."""

    session: Session
    action: SessionAction
    run: Run
    started_at: Instant
    ends_at: Instant
    status: SessionActionStatus
    frames_sent: int = 0


@dataclass(slots=True)
class Agent:
    """The agent of one machine."""

    machine: Machine
    worker_id: WorkerId
    fleet_id: str
    running: bool = False
    present: bool = False
    """Somebody sits at the machine, so that it takes no work."""
    silent: bool = False
    """It has no power, and the server has not noticed yet."""
    on_since: Instant | None = None
    idle_since: Instant | None = None
    asked_at: Instant = Instant(0)
    report_due: Instant | None = None
    wanted_at: Instant | None = None
    """When it will have started after it was switched on from afar."""
    doing: dict[int, Doing] = field(default_factory=dict)
    ahead: dict[int, tuple[SessionAction, ...]] = field(default_factory=dict)
    """Actions assigned to a job thread that have not begun."""
    updates: dict[SessionActionId, ActionReport] = field(default_factory=dict)
    on: list[Span] = field(default_factory=list)
    """When it ran in this hour, up to the last time it went off."""
    was_present: list[Span] = field(default_factory=list)
    """When somebody sat at it in this hour, up to the last time he left."""
    present_since: Instant | None = None
    stretches: list[Stretch] = field(default_factory=list)
    rendered: list[Rendered] = field(default_factory=list)
    life: int = 0
    """Grows whenever it goes off, so that what was planned before is void."""

    def own_clock(self, at: int) -> Instant:
        """Return an instant as the machine's clock has it."""
        return Instant(at + self.machine.skew_ms)

    # ── going on and off ──────────────────────────────────────────────────────────────────────────

    def came_on(self, now: Instant) -> None:
        """Begin to run."""
        self.running, self.silent = True, False
        self.on_since = self.idle_since = now

    def went_off(self, now: Instant) -> None:
        """Drop everything."""
        for thread in list(self.doing):
            self._note(thread, now)
        self.doing.clear()
        self.ahead.clear()
        self.updates.clear()
        if self.on_since is not None and now > self.on_since:
            self.on.append(Span(self.on_since, now))
        self.on_since = self.idle_since = self.report_due = None
        self.running = False
        self.life += 1

    # ── work ──────────────────────────────────────────────────────────────────────────────────────

    def take(
        self,
        schedule: Schedule,
        now: Instant,
        renderers: Renderers,
        layers: Mapping[StepId, LayerModel],
        begun: Callable[[int, Doing], None],
    ) -> bool:
        """Begin what the server said; returns True if there is something to report at once.

        Args:
            schedule: what the server said.
            now: the present.
            renderers: say how actions go.
            layers: the models of all layers.
            begun: is told of every action that began, and of its thread.
        """
        for session, actions in schedule.sessions:
            thread = session.thread
            stopping = schedule.cancel.get(session.session_id, ())
            self._stop(session.session_id, stopping, now, begun)
            doing = self.doing.get(thread)
            if doing is not None:
                self.ahead[thread] = tuple(
                    action
                    for action in actions
                    if action.index > doing.action.index and action.action_id not in stopping
                )
                for action in actions:
                    if action.index > doing.action.index and action.action_id in stopping:
                        self.updates[action.action_id] = ActionReport(
                            completed_status=SessionActionStatus.NEVER_ATTEMPTED
                        )
                continue
            for place, action in enumerate(actions):
                if action.action_id in stopping:
                    self.updates[action.action_id] = ActionReport(
                        completed_status=SessionActionStatus.NEVER_ATTEMPTED
                    )
                    continue
                layer = layers.get(action.layer_id) if action.layer_id else None
                self._begin(session, action, renderers.run(action, layer, self.machine), now)
                begun(thread, self.doing[thread])
                self.ahead[thread] = actions[place + 1 :]
                break
        if schedule.sessions:
            self.idle_since = None
        elif self.idle_since is None:
            self.idle_since = now
        return bool(self.updates)

    def _stop(
        self,
        session_id: SessionId,
        stopping: tuple[SessionActionId, ...],
        now: Instant,
        begun: Callable[[int, Doing], None],
    ) -> None:
        for thread, doing in self.doing.items():
            wanted = doing.action.action_id in stopping and doing.session.session_id == session_id
            if wanted and doing.status is not SessionActionStatus.CANCELED:
                doing.status = SessionActionStatus.CANCELED
                doing.ends_at = Instant(min(doing.ends_at, now + 1_500))
                begun(thread, doing)

    def _begin(self, session: Session, action: SessionAction, run: Run, now: Instant) -> None:
        start = Instant(now + 40)
        self.doing[session.thread] = Doing(
            session=session,
            action=action,
            run=run,
            started_at=start,
            ends_at=Instant(start + run.millis),
            status=run.status,
        )
        if run.millis >= TOLD_FROM_MS:
            self.updates[action.action_id] = ActionReport(started_at=self.own_clock(start))

    def ended(self, thread: int, now: Instant) -> Doing:
        """Take note that a thread's action is over."""
        doing = self._note(thread, now)
        del self.doing[thread]
        run = doing.run
        canceled = doing.status is SessionActionStatus.CANCELED
        self.updates[doing.action.action_id] = ActionReport(
            completed_status=doing.status,
            started_at=self.own_clock(doing.started_at),
            ended_at=self.own_clock(now),
            exit_code=None if canceled else run.exit_code,
            usage={} if canceled else run.usage,
        )
        self._finish_frames(doing, now)
        return doing

    def go_on(
        self,
        thread: int,
        before: Doing,
        now: Instant,
        renderers: Renderers,
        layers: Mapping[StepId, LayerModel],
    ) -> Doing | None:
        """Begin the next action that was assigned ahead; skip them all if one went wrong."""
        ahead = self.ahead.pop(thread, ())
        if before.status is not SessionActionStatus.SUCCEEDED:
            for action in ahead:
                if action.kind is not ActionKind.ENV_EXIT:
                    self.updates[action.action_id] = ActionReport(
                        completed_status=SessionActionStatus.NEVER_ATTEMPTED
                    )
            return None
        if not ahead:
            return None
        action, self.ahead[thread] = ahead[0], ahead[1:]
        layer = layers.get(action.layer_id) if action.layer_id else None
        self._begin(before.session, action, renderers.run(action, layer, self.machine), now)
        return self.doing[thread]

    def _note(self, thread: int, until: Instant) -> Doing:
        """Remember for the samples what a thread did until now."""
        doing = self.doing[thread]
        if until > doing.started_at:
            action = doing.action
            self.stretches.append(
                Stretch(
                    thread=thread,
                    start=doing.started_at,
                    end=until,
                    session_id=doing.session.session_id,
                    job_id=doing.session.job_id,
                    layer_id=action.layer_id,
                    cpu=doing.run.cpu,
                    memory_bytes=doing.run.memory_bytes,
                )
            )
        return doing

    def _finish_frames(self, doing: Doing, now: Instant) -> None:
        """Remember the frames that were finished since the last time."""
        done = tuple(
            frame
            for frame in doing.run.frames[doing.frames_sent :]
            if doing.started_at + frame[2] <= now
        )
        action, run = doing.action, doing.run
        if not done or action.layer_id is None or action.task_index is None:
            return
        self.rendered.append(
            Rendered(
                action_id=action.action_id,
                session_id=doing.session.session_id,
                job_id=doing.session.job_id,
                layer_id=action.layer_id,
                task_index=action.task_index,
                began=self.own_clock(doing.started_at),
                frames=done,
                log_first_frame=run.frames[0][0],
                is_first=doing.frames_sent == 0,
                cpu=run.cpu,
                memory_bytes=run.memory_bytes,
                threads=len(self.doing) + 1,
                output_bytes=run.usage.get("outputBytes", 0) // len(run.frames),
            )
        )
        doing.frames_sent += len(done)

    # ── facts ─────────────────────────────────────────────────────────────────────────────────────

    def sat_down(self, now: Instant, *, present: bool) -> None:
        """Take note that somebody came to the machine, or left it."""
        self.present = present
        if present:
            self.present_since = now
        elif self.present_since is not None:
            self.was_present.append(Span(self.present_since, now))
            self.present_since = None

    def tell_starts(self) -> None:
        """Say of everything that runs that it has begun."""
        for doing in self.doing.values():
            self.updates.setdefault(
                doing.action.action_id, ActionReport(started_at=self.own_clock(doing.started_at))
            )

    def facts_until(self, until: Instant) -> HourOfAgent | None:
        """Return what there is to tell of the hour that ends, and start over; None: nothing."""
        for thread, doing in self.doing.items():
            if until > doing.started_at:
                self._note(thread, until)
                self._finish_frames(doing, until)
        on, present = list(self.on), list(self.was_present)
        if self.on_since is not None and until > self.on_since:
            on.append(Span(self.on_since, until))
        if self.present_since is not None and until > self.present_since:
            present.append(Span(self.present_since, until))
        found = HourOfAgent(
            worker_id=self.worker_id,
            on=tuple(on),
            present=tuple(present),
            stretches=tuple(self.stretches),
            rendered=tuple(self.rendered),
        )
        self.on, self.was_present, self.stretches, self.rendered = [], [], [], []
        return found if on or present or found.stretches or found.rendered else None
