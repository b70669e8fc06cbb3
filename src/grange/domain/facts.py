"""Facts that state machines produce. Immutable.

Their columns are declared again, with units and meaning, in the books' catalog (a test compares
the two).
"""

from msgspec import Struct

from grange.kernel.ids import (
    FarmId,
    FleetId,
    JobId,
    QueueId,
    SessionActionId,
    SessionId,
    StepId,
    WorkerId,
)
from grange.kernel.units import Instant


class SessionActionFact(Struct, frozen=True, kw_only=True):
    """One session action, written when it ended (table `session_actions`; key: action_id)."""

    farm_id: FarmId
    queue_id: QueueId
    fleet_id: FleetId
    worker_id: WorkerId
    thread: int
    job_id: JobId
    job_name: str
    layer_id: StepId | None
    layer_name: str | None
    task_index: int | None
    session_id: SessionId
    action_id: SessionActionId
    action_index: int
    kind: str
    status: str
    attempt: int | None
    frames: str | None
    """Frame numbers as a range expression, e.g. 1-4."""
    frame_count: int | None
    assigned_at: Instant
    started_at: Instant | None
    """None if it was never attempted."""
    ended_at: Instant
    worker_started_at: Instant | None
    worker_ended_at: Instant | None
    session_started_at: Instant
    exit_code: int | None
    cause: str
    error_class: str | None
    error_rule: str | None
    error_text: str | None
    cpu_ms: int | None
    peak_memory_bytes: int | None
    output_bytes: int | None
    copy_ms: int | None
    user_name: str
    project: str
    app: str
    render_type: str
    shot: str
    threads: int
    ps_milli: int
    ghz_milli: int | None
    """Physical cores × GHz of the worker, thousandths."""
    watts_milli: int | None
    """Rated power of the worker, thousandths of a watt."""
    billionths_per_hour: int | None
    sequence: str | None = None
    version: str | None = None


class SessionFact(Struct, frozen=True, kw_only=True):
    """One session, written when it ended (table `sessions`; key: session_id)."""

    farm_id: FarmId
    queue_id: QueueId
    fleet_id: FleetId
    worker_id: WorkerId
    thread: int
    job_id: JobId
    job_name: str
    session_id: SessionId
    user_name: str
    project: str
    started_at: Instant
    ended_at: Instant
    threads: int
    ps_milli: int
    instance_type: str | None
    card_id: str | None
    rate_line_id: str | None
    billionths_per_hour: int | None
    amount_billionths: int | None
    region: str | None = None


class EventFact(Struct, frozen=True, kw_only=True):
    """Something changed (table `events`; key: event_id)."""

    farm_id: FarmId
    event_id: str
    at: Instant
    subject: str
    """worker, thread, fleet, job, layer, task, session, user, server."""
    subject_id: str
    name: str
    """What happened: worker_status, worker_threads, layer_status, fleet_waiting, late_report, …"""
    old: str | None = None
    new: str | None = None
    actor: str = ""
    fleet_id: FleetId | None = None
    worker_id: WorkerId | None = None
    job_id: JobId | None = None
    layer_id: StepId | None = None
    number: int | None = None
    """The count that goes with the event: job threads of a worker, tasks of a layer, …"""
    detail: str = ""
    """JSON object with the rest."""


class LicenceUseFact(Struct, frozen=True, kw_only=True):
    """A session held a counted licence, written when it was given back (table `licence_uses`)."""

    farm_id: FarmId
    use_id: str
    session_id: SessionId
    fleet_id: FleetId
    worker_id: WorkerId
    job_id: JobId
    product: str
    region: str | None
    seats: int
    started_at: Instant
    ended_at: Instant
    card_id: str | None
    rate_line_id: str | None
    billionths_per_hour: int | None
    """Price of the seats held, fixed when they were taken."""
    amount_billionths: int | None


class SubmissionFact(Struct, frozen=True, kw_only=True):
    """A layer was submitted (table `submissions`; key: layer_id)."""

    farm_id: FarmId
    queue_id: QueueId
    job_id: JobId
    layer_id: StepId
    layer_index: int
    job_name: str
    layer_name: str
    submitted_at: Instant
    user_name: str
    submit_machine: str
    project: str
    app: str
    app_version: str
    renderer: str
    render_type: str
    shot: str
    sequence: str
    version: str
    priority: int
    task_count: int
    frame_count: int | None
    frames: str | None
    """Frame numbers as a range expression."""
    detail: str = ""
    """JSON object: every other attribute."""


Fact = SessionActionFact | SessionFact | EventFact | LicenceUseFact | SubmissionFact
