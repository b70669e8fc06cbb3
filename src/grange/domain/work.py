"""The work: jobs, layers (wire: steps), tasks; sessions and their actions; workers.

Values only: what may happen to them is in the state machines beside this module. A waiting task
has no value at all: tasks from `Layer.next_index` on share `Layer.rest_status` until one is
touched.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from grange.domain.hails import Hail
from grange.domain.licences import LicenceHold
from grange.domain.statuses import (
    ActionKind,
    JobLifecycleStatus,
    SessionActionStatus,
    SessionLifecycleStatus,
    TaskRunStatus,
    WorkerStatus,
)
from grange.kernel.ids import (
    FarmId,
    FleetId,
    JobId,
    QueueId,
    SessionActionId,
    SessionId,
    StepId,
    TaskId,
    WorkerId,
    session_action_id,
    task_id,
)
from grange.kernel.units import Instant

UNASSIGNED = "unassigned"
"""The value of an attribute nobody gave: never blank."""

Counts = Mapping[str, int]
"""Tasks by TaskRunStatus; a status without tasks is absent."""


class EnvironmentTemplate(Struct, frozen=True, kw_only=True):
    """One OpenJD environment of a job or layer: its wire id and raw template fragment."""

    environment_id: str
    """`JOB:<job id>:<name>` or `STEP:<step id>:<name>`."""
    template: Mapping[str, Any]


class Requirement(Struct, frozen=True, kw_only=True):
    """What a layer demands of a worker; equal requirements share one capability class."""

    amounts: tuple[tuple[str, float | None, float | None], ...] = ()
    """(capability name, minimum, maximum), sorted by name."""
    attributes: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = ()
    """(capability name, any of, all of), sorted by name."""
    prefers: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """(capability name, any of), sorted by name: others take it only if they have nothing else."""


class ChunkCut(Struct, frozen=True, kw_only=True):
    """From a task on, the chunks of a layer have another size than its template says."""

    layer: int
    """Position of the layer in its job."""
    first_index: int
    """The first task of this size."""
    size: int


class Job(Struct, frozen=True, kw_only=True):
    """One submission."""

    farm_id: FarmId
    queue_id: QueueId
    job_id: JobId
    name: str
    description: str = ""
    priority: int = 50
    lifecycle_status: JobLifecycleStatus = JobLifecycleStatus.CREATE_COMPLETE
    lifecycle_message: str = "Job creation completed successfully"
    target_status: TaskRunStatus | None = None
    template: str = ""
    """The template as submitted."""
    template_type: str = "JSON"
    schema_version: str = "jobtemplate-2023-09"
    extensions: tuple[str, ...] = ()
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Name → the wire's typed union, e.g. {"int": "5"}."""
    environments: tuple[EnvironmentTemplate, ...] = ()
    """Queue environments, then the job's own, in the order they are entered."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """project, shot, sequence, version, …: resolved once, at CreateJob (ledger rule 11.9)."""
    tags: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    """attachments, storageProfileId, sourceJobId, …"""
    run_as_user: Mapping[str, Any] | None = None
    max_failed_tasks_count: int = 20
    max_retries_per_task: int = 5
    max_worker_count: int = -1
    """-1: no limit."""
    layer_ids: tuple[StepId, ...] = ()
    status: TaskRunStatus = TaskRunStatus.PENDING
    counts: Counts = field(default_factory=dict)
    retry_count: int = 0
    open_sessions: int = 0
    created_at: Instant
    created_by: str
    started_at: Instant | None = None
    ended_at: Instant | None = None
    updated_at: Instant | None = None
    updated_by: str | None = None
    served_at: Instant | None = None
    """When a session was last opened for it; it is how long it has waited since that counts."""
    excluded_workers: tuple[WorkerId, ...] | None = None
    """Workers that must not work on it; None: no worker."""
    after: tuple[JobId, ...] | None = None
    """Jobs that must succeed before it begins; None: it waits for no job."""
    waits_for: tuple[JobId, ...] | None = None
    """Those of them that have not succeeded; None: none."""
    told: tuple[str, ...] | None = None
    """Which of its firsts were told: `first_frame`, `first_failure`; None: none."""
    cuts: tuple[ChunkCut, ...] | None = None
    """How chunks were fitted to the time of frames, in order of tasks; None: they were not."""


class Layer(Struct, frozen=True, kw_only=True):
    """One step of a job."""

    farm_id: FarmId
    queue_id: QueueId
    job_id: JobId
    layer_id: StepId
    name: str
    index: int
    """Position in the job's template."""
    description: str = ""
    template: Mapping[str, Any] = field(default_factory=dict)
    """The raw step fragment the worker's session runs."""
    environments: tuple[EnvironmentTemplate, ...] = ()
    requirement: Requirement = Requirement()
    depends_on: tuple[StepId, ...] = ()
    consumers: tuple[StepId, ...] = ()
    unresolved: int = 0
    """Dependencies that have not succeeded yet."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """project, app, renderer, render_type, …: the job's, overridden per layer."""
    frame_parameter: str | None = None
    """The task parameter that says which frames a task renders."""
    frame_count: int | None = None
    """Frames over all tasks; None for a layer that renders no frames."""
    task_count: int
    next_index: int = 0
    """Tasks from here on have never been touched, save `touched_ahead` of them."""
    touched_ahead: int = 0
    rest_status: TaskRunStatus = TaskRunStatus.READY
    """The status of every untouched task."""
    target_status: TaskRunStatus | None = None
    status: TaskRunStatus = TaskRunStatus.PENDING
    counts: Counts = field(default_factory=dict)
    retry_count: int = 0
    created_at: Instant
    created_by: str
    started_at: Instant | None = None
    ended_at: Instant | None = None
    updated_at: Instant | None = None
    updated_by: str | None = None
    reserve_mib: int | None = None
    """Memory kept free for a session of it: learned from its frames; None: as it demands."""
    reserve_cores: int | None = None
    """Processor threads kept for a session of it: learned from its frames; None: as it demands."""
    job_waits: bool | None = None
    """True: its job waits for other jobs."""

    @property
    def waits(self) -> bool:
        """Whether it must not begin before other layers, or other jobs, have succeeded."""
        return bool(self.unresolved or self.job_waits)

    @property
    def rest_count(self) -> int:
        """How many tasks have never been touched."""
        return self.task_count - self.next_index - self.touched_ahead


class Task(Struct, frozen=True, kw_only=True):
    """A task that has been touched: assigned once, or changed by hand."""

    farm_id: FarmId
    job_id: JobId
    layer_id: StepId
    index: int
    status: TaskRunStatus = TaskRunStatus.READY
    target_status: TaskRunStatus | None = None
    """What an INTERRUPTING task becomes once its action has ended."""
    failures: int = 0
    """Failed attempts since the last time somebody asked for the task to run."""
    attempts: int = 0
    """Attempts ever."""
    action_id: SessionActionId | None = None
    """The lease: only this session action may move the task."""
    latest_action_id: SessionActionId | None = None
    started_at: Instant | None = None
    ended_at: Instant | None = None
    updated_at: Instant | None = None
    updated_by: str | None = None
    preempted: bool | None = None
    """True: it was stopped for more urgent work once, and is not stopped for that again."""

    @property
    def task_id(self) -> TaskId:
        """The wire's id."""
        return task_id(self.layer_id, self.index)


class Session(Struct, frozen=True, kw_only=True):
    """One job thread working on one job, from environment enter to exit."""

    farm_id: FarmId
    queue_id: QueueId
    fleet_id: FleetId
    worker_id: WorkerId
    job_id: JobId
    session_id: SessionId
    thread: int
    """Job thread of the worker, from 0."""
    threads: int
    """Job threads the worker had when the session started."""
    status: SessionLifecycleStatus = SessionLifecycleStatus.STARTED
    ending: bool = False
    """No more tasks will be given; its environments are being left."""
    layer_id: StepId | None = None
    """The layer whose environments are entered."""
    entered: tuple[str, ...] = ()
    """Environment ids entered (or being entered), outermost first."""
    next_action_index: int = 0
    open_actions: tuple[int, ...] = ()
    """Indices of actions not ended yet, in order."""
    user_name: str
    last_ended_at: Instant | None = None
    """End of the latest action; the next one cannot have started earlier."""
    environment_failed: bool = False
    """An environment could not be entered: the first task that was to follow pays for it."""
    ps_milli: int = 1000
    card_id: str | None = None
    rate_line_id: str | None = None
    billionths_per_hour: int | None = None
    """Price of this thread; None without a rate card."""
    started_at: Instant
    ended_at: Instant | None = None
    updated_at: Instant | None = None
    updated_by: str | None = None
    host_properties: Mapping[str, Any] = field(default_factory=dict)
    licences: tuple[LicenceHold, ...] | None = None
    """Licences it holds; None: none."""
    memory_mib: int | None = None
    """Memory of the worker that is kept for it."""
    gpus: int | None = None
    """GPUs of the worker that are kept for it."""
    cores: int | None = None
    """Processor threads of the worker that are kept for it."""


class SessionAction(Struct, frozen=True, kw_only=True):
    """One action of a session; of kind task_run it is an attempt."""

    farm_id: FarmId
    job_id: JobId
    session_id: SessionId
    index: int
    kind: ActionKind
    status: SessionActionStatus = SessionActionStatus.ASSIGNED
    environment_id: str | None = None
    layer_id: StepId | None = None
    task_index: int | None = None
    attempt: int | None = None
    """1 for the first attempt of the task."""
    parameters: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Task parameters as the wire's typed unions, e.g. {"Frame": {"chunkInt": "1-4"}}."""
    assigned_at: Instant
    started_at: Instant | None = None
    ended_at: Instant | None = None
    updated_at: Instant | None = None
    worker_started_at: Instant | None = None
    """As the worker's own clock had it."""
    worker_ended_at: Instant | None = None
    exit_code: int | None = None
    progress_percent: float | None = None
    progress_message: str = ""
    usage: Mapping[str, Any] = field(default_factory=dict)
    """What Grange's worker says beside Deadline Cloud's members (wire shape GrangeUsage)."""
    cause: str = ""
    """Why it ended otherwise than the process did: lost, canceled, session_failed, …"""

    @property
    def action_id(self) -> SessionActionId:
        """The wire's id."""
        return session_action_id(self.session_id, self.index)


class Worker(Struct, frozen=True, kw_only=True):
    """The agent on a machine that renders."""

    farm_id: FarmId
    fleet_id: FleetId
    worker_id: WorkerId
    global_index: int
    """Given at registration, never reused."""
    status: WorkerStatus = WorkerStatus.CREATED
    host_name: str = ""
    host_properties: Mapping[str, Any] = field(default_factory=dict)
    amounts: Mapping[str, float] = field(default_factory=dict)
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    threads: int = 1
    ps_milli: int = 1000
    disabled: bool = False
    native: bool = False
    """True for Grange's own worker, which keeps a wake stream."""
    sessions: tuple[tuple[int, SessionId], ...] = ()
    """(thread, open session), by thread."""
    last_seen_at: Instant | None = None
    """As of the last change of status; heartbeats in between are kept in memory only."""
    deleted_at: Instant | None = None
    """A deleted worker keeps its row, so that its index and history stay its own."""
    created_at: Instant
    created_by: str
    updated_at: Instant | None = None
    updated_by: str | None = None
    classes: tuple[str, ...] | None = None
    """Letters A to Z of the work it is for, as set by hand; None: as the worker says."""
    draining: bool | None = None
    """True: its sessions go on, but it begins no other."""
    note: str | None = None
    """What people say of it."""
    hail: Hail | None = None
    """What its neighbours met while it was not heard of; None: nothing is the matter."""
    hail_addresses: str | None = None
    """Where its neighbours can hail it: `address:port`, separated by commas; None: nowhere."""
