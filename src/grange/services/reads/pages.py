"""What the page and the command line show: rows of jobs and workers, a job in full, its frames."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from grange.domain.farm import Farm, Fleet, Queue
from grange.domain.faults import WorkerFaults
from grange.domain.groups import Group
from grange.domain.rates import amount_after
from grange.domain.statuses import ActionKind, SessionActionStatus, WorkerStatus
from grange.domain.work import Job, Layer, Session, SessionAction, Task, Worker
from grange.domain.worker import closed_for
from grange.kernel.ids import JobId, SessionId, task_id
from grange.kernel.units import Instant, amount_text
from grange.ports.state import AllOf, Compare, OneOf, Order, StateStore
from grange.services.owner import Owner
from grange.services.reads.board import shown
from grange.services.reads.hails import HailRow, hail_row
from grange.services.reads.job_rows import JobRow, JobRows, Why
from grange.services.reads.latest import LatestSamples
from grange.services.reads.rows import alive, equals
from grange.services.templates import TaskSpaces, frames_of

MOST_JOBS = 200
MOST_ERRORS = 50


class LayerRow(msgspec.Struct, frozen=True, kw_only=True):
    """One layer of a job."""

    layer_id: str
    name: str
    status: str
    counts: dict[str, int]
    task_count: int
    frame_count: int | None
    depends_on: list[str]
    attributes: dict[str, str]
    started_at: int | None
    ended_at: int | None
    mean_frame_ms: int | None = None


class ErrorRow(msgspec.Struct, frozen=True, kw_only=True):
    """One failed attempt, newest first."""

    action_id: str
    session_id: str
    task_id: str | None
    layer_id: str | None
    worker: str
    worker_id: str
    at: int
    error_class: str | None = msgspec.field(name="class")
    text: str


class JobDetail(JobRow, frozen=True, kw_only=True):
    """A job in full."""

    description: str
    layers: list[LayerRow]
    attributes: dict[str, str]
    parameters: dict[str, dict[str, object]]
    errors: list[ErrorRow]
    books_answered: bool
    """False: the books are being restarted, and what only they know is missing. Ask again."""


class ThreadRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one job thread is doing."""

    thread: int
    session_id: str | None = None
    job_id: str | None = None
    job_name: str | None = None
    layer_id: str | None = None
    layer_name: str | None = None
    action: str | None = None
    """Kind of the running action."""
    frames: str | None = None
    progress: float | None = None


class WorkerRow(msgspec.Struct, frozen=True, kw_only=True):
    """One worker in a list."""

    worker_id: str
    fleet_id: str
    name: str
    status: str
    """rendering, idle, disabled, off, unknown or starting."""
    threads: list[ThreadRow]
    cpu_milli: int | None
    memory_used_bytes: int | None
    memory_total_bytes: int | None
    last_seen_at: int | None
    clock_behind_ms: int | None = None
    """How far its clock is behind the server's; negative: ahead. More than 5 s is a finding."""
    fleet: str = ""
    """The fleet's name."""
    thread_count: int = 0
    busy: int = 0
    """Job threads that have a session."""
    job_names: str | None = None
    """Names of the jobs it works on, with commas between."""
    classes: str | None = None
    """Letters of the work it is for, as set by hand."""
    groups: str | None = None
    """With commas between."""
    note: str | None = None
    draining: bool = False
    verified: bool = True
    """False: it is said to render since before the server began, and was not heard since."""
    hail: HailRow | None = None
    """What its neighbours met while the server did not hear of it."""
    disabled: bool = False
    """It takes no other task; `status` says so once it has ended those it has."""
    quarantine: str | None = None
    """Why it is quarantined: nobody but a person enables it. None: it is not."""


class FarmRow(msgspec.Struct, frozen=True, kw_only=True):
    """One farm."""

    farm_id: str
    name: str
    description: str
    zone: str
    currency: str
    created_at: int
    simulated: bool
    """True if nothing of it ever happened: its past was made up."""


class NamedQueue(msgspec.Struct, frozen=True, kw_only=True):
    """A queue's name."""

    queue_id: str
    name: str


class NamedFleet(msgspec.Struct, frozen=True, kw_only=True):
    """A fleet's name."""

    fleet_id: str
    name: str


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """What the first page shows."""

    farm: FarmRow
    now: int
    number: int
    """Of the last event that all of it includes; it may include later ones."""
    queues: list[NamedQueue]
    fleets: list[NamedFleet]
    jobs: list[JobRow]
    workers: list[WorkerRow]


class FrameColumns(msgspec.Struct, kw_only=True):
    """The frames of a job as columns of equal length."""

    layer_id: list[str]
    frame: list[int]
    task_index: list[int]
    status: list[str]
    attempts: list[int]
    render_ms: list[int | None]
    worker: list[str | None]
    output_bytes: list[int | None]
    has_preview: list[bool]


def farm_row(value: Farm) -> FarmRow:
    """Return a farm for lists."""
    return FarmRow(
        farm_id=value.farm_id,
        name=value.name,
        description=value.description,
        zone=value.zone,
        currency=value.currency,
        created_at=value.created_at,
        simulated=value.simulated,
    )


class Pages:
    """Builds what pages show from committed rows."""

    def __init__(
        self,
        store: StateStore,
        owner: Owner,
        spaces: TaskSpaces,
        latest: LatestSamples,
        why: Why,
    ) -> None:
        self._store = store
        self._owner = owner
        self._spaces = spaces
        self._latest = latest
        self._job_rows = JobRows(store, why)

    async def overview(self, farm: Farm, now: Instant, number: int) -> Overview:
        """Return the newest jobs, less those that were deleted, and all workers of a farm.

        Args:
            farm: which.
            now: the time.
            number: of the latest live event, before anything is read.
        """
        own = equals(farm_id=farm.farm_id)
        return Overview(
            farm=farm_row(farm),
            now=now,
            number=number,
            queues=[
                NamedQueue(queue_id=item.queue_id, name=item.name)
                for item in await self._store.find(Queue, own)
            ],
            fleets=[
                NamedFleet(fleet_id=item.fleet_id, name=item.name)
                for item in await self._store.find(Fleet, own)
            ],
            jobs=await self._job_rows.first(shown(farm.farm_id), MOST_JOBS),
            workers=await self.all_workers(farm.farm_id, now),
        )

    async def all_workers(self, farm_id: str, now: Instant) -> list[WorkerRow]:
        """Return rows of all workers of a farm."""
        where = AllOf((alive(), equals(farm_id=farm_id)))
        return await self._worker_rows(await self._store.find(Worker, where), now)

    async def workers(self, worker_ids: Iterable[str], now: Instant) -> list[WorkerRow]:
        """Return rows of some workers; deleted ones are left out."""
        where = AllOf((alive(), OneOf("worker_id", tuple(worker_ids))))
        return await self._worker_rows(await self._store.find(Worker, where), now)

    async def _layers_of(self, job_ids: Sequence[JobId]) -> dict[JobId, list[Layer]]:
        found: dict[JobId, list[Layer]] = {}
        for layer in await self._store.find(
            Layer, OneOf("job_id", tuple(job_ids)), order=(Order("job_id"), Order("index"))
        ):
            found.setdefault(layer.job_id, []).append(layer)
        return found

    async def _worker_rows(self, workers: Sequence[Worker], now: Instant) -> list[WorkerRow]:
        session_ids = tuple(session_id for worker in workers for _, session_id in worker.sessions)
        sessions = await self._store.find(Session, OneOf("session_id", session_ids))
        actions = await self._store.find(
            SessionAction,
            AllOf((OneOf("session_id", session_ids), Compare("ended_at", "=", None))),
        )
        jobs = await self._store.find(
            Job, OneOf("job_id", tuple({session.job_id for session in sessions}))
        )
        layers = await self._store.find(
            Layer,
            OneOf("layer_id", tuple({item.layer_id for item in actions if item.layer_id})),
        )
        doing = _Doing(sessions, actions, jobs, layers)
        fleets = await self._fleet_names({worker.fleet_id for worker in workers})
        groups = await self._groups_of({worker.farm_id for worker in workers})
        hails: dict[str, HailRow] = {
            worker.worker_id: await hail_row(self._store, worker.hail)
            for worker in workers
            if worker.hail is not None
        }
        return [
            self._worker_row(
                worker,
                doing,
                now,
                fleet=fleets.get(worker.fleet_id, ""),
                groups=groups.get(worker.worker_id, []),
                hail=hails.get(worker.worker_id),
            )
            for worker in workers
        ]

    async def _fleet_names(self, fleet_ids: Collection[str]) -> dict[str, str]:
        where = OneOf("fleet_id", tuple(fleet_ids))
        return dict(await self._store.columns(Fleet, ("fleet_id", "name"), where))

    async def _groups_of(self, farm_ids: Collection[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        where = OneOf("farm_id", tuple(farm_ids))
        for group in await self._store.find(Group, where, order=(Order("name"),)):
            for worker_id in group.workers:
                found.setdefault(worker_id, []).append(group.name)
        return found

    def _worker_row(
        self,
        worker: Worker,
        doing: "_Doing",
        now: Instant,
        *,
        fleet: str,
        groups: Sequence[str],
        hail: HailRow | None,
    ) -> WorkerRow:
        sample = self._latest.of(worker.worker_id, now)
        busy = dict(worker.sessions)
        seen = self._owner.memory.last_seen.get(worker.worker_id, worker.last_seen_at)
        threads = [doing.thread(thread, busy.get(thread)) for thread in range(worker.threads)]
        names = dict.fromkeys(thread.job_name for thread in threads if thread.job_name)
        return WorkerRow(
            worker_id=worker.worker_id,
            fleet_id=worker.fleet_id,
            name=worker.host_name or worker.worker_id,
            status=_worker_word(worker),
            threads=threads,
            cpu_milli=sample.cpu_milli if sample else None,
            memory_used_bytes=sample.memory_used_bytes if sample else None,
            memory_total_bytes=sample.memory_total_bytes if sample else None,
            last_seen_at=seen,
            clock_behind_ms=self._owner.memory.clock_behind_ms.get(worker.worker_id),
            fleet=fleet,
            thread_count=worker.threads,
            busy=len(busy),
            job_names=", ".join(names) or None,
            classes="".join(worker.classes) if worker.classes else None,
            groups=", ".join(groups) or None,
            note=worker.note or None,
            draining=bool(worker.draining),
            verified=worker.worker_id not in self._owner.memory.unverified,
            hail=hail,
            disabled=worker.disabled,
            quarantine=self._quarantine(worker),
        )

    def _quarantine(self, worker: Worker) -> str | None:
        faults = self._owner.memory.tables[WorkerFaults].get((worker.worker_id,))
        return None if faults is None or faults.quarantined_at is None else faults.cause

    async def job(self, job: Job, mean_frame_ms: Mapping[str, int] | None) -> JobDetail:
        """Return a job in full.

        Args:
            job: the job.
            mean_frame_ms: what the books know, by layer; None: they could not be asked.
        """
        means = mean_frame_ms or {}
        layers = (await self._layers_of([job.job_id])).get(job.job_id, [])
        failed = await self._store.find(
            SessionAction,
            AllOf(
                (
                    equals(job_id=job.job_id),
                    Compare("status", "=", SessionActionStatus.FAILED.value),
                )
            ),
            order=(Order("ended_at", descending=True),),
            limit=MOST_ERRORS,
        )
        [job_row] = await self._job_rows.some([job.job_id])
        row = msgspec.structs.asdict(job_row)
        row["cost"] = await self._cost(job.job_id)
        return JobDetail(
            **row,
            description=job.description,
            layers=[_layer_row(layer, means.get(layer.layer_id)) for layer in layers],
            attributes=dict(job.attributes),
            parameters={name: dict(value) for name, value in job.parameters.items()},
            errors=await self._errors(failed),
            books_answered=mean_frame_ms is not None,
        )

    async def _cost(self, job_id: JobId) -> str | None:
        """Return what the job's ended sessions cost, None without a rate."""
        sessions = await self._store.find(Session, equals(job_id=job_id))
        amounts = [
            amount_after(session.billionths_per_hour, session.ended_at - session.started_at)
            for session in sessions
            if session.billionths_per_hour is not None and session.ended_at is not None
        ]
        return amount_text(sum(amounts)) if amounts else None

    async def _errors(self, failed: Sequence[SessionAction]) -> list[ErrorRow]:
        session_ids = tuple({action.session_id for action in failed})
        sessions = {
            session.session_id: session
            for session in await self._store.find(Session, OneOf("session_id", session_ids))
        }
        worker_ids = tuple({session.worker_id for session in sessions.values()})
        names = {
            worker.worker_id: worker.host_name
            for worker in await self._store.find(Worker, OneOf("worker_id", worker_ids))
        }
        rows = []
        for action in failed:
            worker_id = sessions[action.session_id].worker_id
            index = action.task_index
            task = None
            if action.layer_id is not None and index is not None:
                task = task_id(action.layer_id, index)
            rows.append(
                ErrorRow(
                    action_id=action.action_id,
                    session_id=action.session_id,
                    task_id=task,
                    layer_id=action.layer_id,
                    worker=names.get(worker_id) or worker_id,
                    worker_id=worker_id,
                    at=action.ended_at or action.assigned_at,
                    error_class=action.usage.get("errorClass"),
                    text=str(action.usage.get("errorText") or action.progress_message),
                )
            )
        return rows

    async def frames(self, job: Job) -> FrameColumns:
        """Return every frame of a job with the status of its task."""
        columns = FrameColumns(
            layer_id=[],
            frame=[],
            task_index=[],
            status=[],
            attempts=[],
            render_ms=[],
            worker=[],
            output_bytes=[],
            has_preview=[],
        )
        for layer in (await self._layers_of([job.job_id])).get(job.job_id, []):
            if layer.frame_parameter is None:
                continue
            rows = {
                task.index: task
                for task in await self._store.find(Task, equals(layer_id=layer.layer_id))
            }
            for index in range(layer.task_count):
                parameters = self._spaces.parameters(job, layer.index, index)
                frames = expand(frames_of(parameters, layer.frame_parameter) or "")
                _add_frames(columns, layer, index, rows.get(index), frames)
        return columns


def _add_frames(
    columns: FrameColumns, layer: Layer, index: int, row: Task | None, frames: Sequence[int]
) -> None:
    count = len(frames)
    columns.layer_id += [layer.layer_id] * count
    columns.frame += frames
    columns.task_index += [index] * count
    columns.status += [(row.status if row else layer.rest_status).value] * count
    columns.attempts += [row.attempts if row else 0] * count
    columns.render_ms += [None] * count
    columns.worker += [None] * count
    columns.output_bytes += [None] * count
    columns.has_preview += [False] * count


class _Doing:
    """What threads are doing, looked up by session."""

    def __init__(
        self,
        sessions: Iterable[Session],
        actions: Iterable[SessionAction],
        jobs: Iterable[Job],
        layers: Iterable[Layer],
    ) -> None:
        self._sessions = {session.session_id: session for session in sessions}
        self._jobs = {job.job_id: job for job in jobs}
        self._layers = {layer.layer_id: layer for layer in layers}
        self._actions: dict[str, SessionAction] = {}
        for action in actions:
            known = self._actions.get(action.session_id)
            if known is None or action.index < known.index:
                self._actions[action.session_id] = action

    def thread(self, number: int, session_id: SessionId | None) -> ThreadRow:
        """Return what a thread is doing."""
        session = self._sessions.get(session_id) if session_id is not None else None
        if session is None:
            return ThreadRow(thread=number)
        job = self._jobs.get(session.job_id)
        action = self._actions.get(session.session_id)
        layer = self._layers.get(action.layer_id) if action and action.layer_id else None
        frames = None
        if action is not None and layer is not None and action.kind is ActionKind.TASK_RUN:
            frames = frames_of(action.parameters, layer.frame_parameter)
        return ThreadRow(
            thread=number,
            session_id=session.session_id,
            job_id=session.job_id,
            job_name=job.name if job else None,
            layer_id=layer.layer_id if layer else None,
            layer_name=layer.name if layer else None,
            action=action.kind.value if action else None,
            frames=frames,
            progress=action.progress_percent if action else None,
        )


def _layer_row(layer: Layer, mean_frame_ms: int | None) -> LayerRow:
    return LayerRow(
        layer_id=layer.layer_id,
        name=layer.name,
        status=layer.status.value,
        counts=dict(layer.counts),
        task_count=layer.task_count,
        frame_count=layer.frame_count,
        depends_on=list(layer.depends_on),
        attributes=dict(layer.attributes),
        started_at=layer.started_at,
        ended_at=layer.ended_at,
        mean_frame_ms=mean_frame_ms,
    )


def _worker_word(worker: Worker) -> str:
    match worker.status:
        case WorkerStatus.CREATED:
            return "starting"
        case WorkerStatus.NOT_RESPONDING:
            return "unknown"
        case WorkerStatus.STOPPED:
            return "off"
        case _:
            if worker.sessions:
                return "rendering"
            return "disabled" if worker.disabled or closed_for(worker) else "idle"


def expand(frames: str) -> list[int]:
    """Return the numbers a range expression names: `1-4,8-12:2` is 1 2 3 4 8 10 12."""
    numbers: list[int] = []
    for part in frames.split(","):
        text, _, step = part.strip().partition(":")
        if not text:
            continue
        first, dash, last = text[1:].partition("-")
        begin = int(text[:1] + first)
        end = int(last) if dash else begin
        stride = int(step) if step else 1
        numbers += range(begin, end + (1 if stride > 0 else -1), stride)
    return numbers
