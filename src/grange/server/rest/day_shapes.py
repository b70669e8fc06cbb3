"""What answers about days look like: quarters, rings, workers' days; licences, groups, upkeep."""

from typing import Any

import msgspec

from grange.server.rest.shapes import OfFarm, TimeSpan

Quarters = dict[str, list[int | None]]
"""Measure → its 96 values; null where nobody watched. The rollups' tables name the measures."""
Slots = dict[str, list[bool | int | float | None]]


class DayAnswer(OfFarm, frozen=True, kw_only=True):
    """The 96 quarters of a local day, for everything they are kept for."""

    day: str
    unix_day: int
    zone: str
    written_at: int | None
    """When the newest of the day's files was written; null: all was computed for this answer."""
    span: TimeSpan
    starts_at: list[list[int]]
    """Of each quarter of the wall clock; two where the clock repeats an hour, none where it skips
    one."""
    valid: list[bool]
    users: dict[str, Quarters]
    projects: dict[str, Quarters]
    apps: dict[str, Quarters]
    workers: Quarters | None
    fleets: dict[str, Quarters]
    groups: dict[str, Quarters]


class SlotsAnswer(OfFarm, frozen=True, kw_only=True):
    """The 96 quarters of a local day: in each row a `name` and the values of every measure."""

    day: str
    zone: str
    subject: str
    span: TimeSpan
    starts_at: list[list[int]]
    valid: list[bool]
    rows: list[dict[str, str | list[int | None]]]


class RingAnswer(OfFarm, frozen=True, kw_only=True):
    """Slots of the whole farm, as columns of one length; null is what is not known."""

    ring: str
    zone: str
    step_seconds: int
    slots_per_day: int
    span: TimeSpan
    now: int
    last_saved_at: int | None
    columns: Slots


class WorkerDayColumns(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of days of a worker; null on days of which nothing is known."""

    day: list[str]
    unix_day: list[int]
    valid: list[bool]
    samples: list[int | None]
    coverage_ms: list[int | None]
    cpu_milli: list[float | None]
    job_cpu_milli: list[float | None]
    up_ms: list[int | None]
    frames_done: list[int | None]
    chunks_aborted: list[int | None]
    chunks_crashed: list[int | None]
    chunks_successful: list[int | None]


class WorkerDaysAnswer(OfFarm, frozen=True, kw_only=True):
    """A worker's last days, ascending."""

    worker_id: str
    name: str
    zone: str
    columns: WorkerDayColumns


class WorkerReportColumns(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of one worker on one local day for each item."""

    day: list[str]
    worker: list[str]
    worker_id: list[str]
    samples: list[int]
    coverage_ms: list[int]
    cpu_milli: list[float | None]
    job_cpu_milli: list[float | None]
    up_ms: list[int]
    frames_done: list[int]
    chunks_aborted: list[int]
    chunks_crashed: list[int]
    chunks_successful: list[int]


class WorkerReportAnswer(OfFarm, frozen=True, kw_only=True):
    """Mean CPU and frames of workers by local day."""

    zone: str
    columns: WorkerReportColumns


class MachineSamples(msgspec.Struct, frozen=True, kw_only=True):
    """Samples of a machine; `index` counts 20 s of the wall clock, from 0 to 4319."""

    index: list[int]
    at: list[int]
    coverage_ms: list[int]
    cpu_milli: list[int | None]
    gpu_milli: list[int | None]
    memory_used_bytes: list[int | None]
    memory_total_bytes: list[int | None]
    net_in_bytes: list[int | None]
    net_out_bytes: list[int | None]
    net_in_max_bytes_per_s: list[int | None]
    user_logged_in: list[bool | None]
    temperature_milli_c: list[int | None]


class ThreadSamples(msgspec.Struct, frozen=True, kw_only=True):
    """Samples of job threads; `index` as for the machine."""

    index: list[int]
    thread: list[int]
    at: list[int]
    coverage_ms: list[int]
    state: list[str]
    cpu_milli: list[int | None]
    memory_bytes: list[int | None]
    render_type: list[str | None]
    job_id: list[str | None]


class ThreadHours(msgspec.Struct, frozen=True, kw_only=True):
    """Counters of local hours and job threads."""

    hour: list[int]
    thread: list[int]
    up_ms: list[int]
    frames_done: list[int]
    chunks_aborted: list[int]
    chunks_crashed: list[int]
    chunks_successful: list[int]


class WorkerDay(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known of a worker's local day."""

    worker_id: str
    name: str
    day: str
    unix_day: int
    zone: str
    span: TimeSpan
    valid: bool
    """False: nothing is known of it."""
    threads: int
    samples: MachineSamples
    thread_samples: ThreadSamples
    hours: ThreadHours


class WorkerDayAnswer(WorkerDay, frozen=True, kw_only=True):
    """Everything known of a worker's local day; `simulated` is there where it was made up."""

    simulated: bool | msgspec.UnsetType = msgspec.UNSET


class DayOfWorkers(OfFarm, frozen=True, kw_only=True):
    """A local day of some workers, in the order they were asked for."""

    workers: list[WorkerDay]


class LicenceUse(msgspec.Struct, frozen=True, kw_only=True):
    """How long seats of a product were in use, all in use, and missing."""

    product: str
    limit: int | None
    """Seats there are; null: nobody said."""
    in_use_minutes: float
    at_limit_minutes: float | None
    denied_minutes: float
    denied_attempts: int
    most_in_use: int


class LicenceMinutes(OfFarm, frozen=True, kw_only=True):
    """The use of licences in a span."""

    span: TimeSpan
    rows: list[LicenceUse]


class GroupMember(msgspec.Struct, frozen=True, kw_only=True):
    """A worker of a group; the index is null where it is no longer known."""

    worker_id: str
    name: str
    index: int | None


class WorkerGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group of workers."""

    name: str
    members: list[GroupMember]
    updated_at: int
    updated_by: str


class GroupTime(msgspec.Struct, frozen=True, kw_only=True):
    """From when until when a worker was in a group; null: it still is."""

    group: str
    worker_id: str
    start_at: int
    end_at: int | None


class GroupsAnswer(OfFarm, frozen=True, kw_only=True):
    """The groups of workers, and who was in which group when."""

    groups: list[WorkerGroup]
    of_workers: dict[str, list[str]]
    """Worker → its groups."""
    memberships: list[GroupTime]
    settings_at: int | None
    """When a group was changed last."""


class ForeignRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record of another system, as it was written out last."""

    source: str
    kind: str
    record_id: str
    at: int | None
    brought_at: int
    brought_by: str
    project: str | None
    user_name: str | None
    app: str | None
    layer_name: str | None
    record: Any


class ForeignHistory(OfFarm, frozen=True, kw_only=True):
    """Records of another system, newest first, and how many there are."""

    records: list[ForeignRecord]
    total: int


class BooksCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that must hold in the books."""

    name: str
    ok: bool
    detail: str


class BooksVerified(OfFarm, frozen=True, kw_only=True):
    """What was checked, and whether all of it holds."""

    checks: list[BooksCheck]
    ok: bool


class BooksRebuilt(OfFarm, frozen=True, kw_only=True):
    """What was made again."""

    blocks_checked: int
    blocks_rewritten: int
    rows: int
    rollups: int
    lost: list[str]
    """Damaged files whose facts the journal no longer keeps: restore them from a backup."""
