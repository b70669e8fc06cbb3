"""What answers of the books look like: for the OpenAPI document, and the types made from it.

The books answer with plain values, which are handed on as they are. A test asks for each of these
and compares: nothing is missing here, and nothing more is said.
"""

from typing import Any, Literal

import msgspec
from litestar.openapi.datastructures import ResponseSpec

NDJSON = "application/x-ndjson"
TEXT = "text/plain"
Cell = str | int | float | None


def described(kind: type[msgspec.Struct], status: int = 200) -> dict[int, ResponseSpec]:
    """Return what a handler says about its answer, with the words of the shape."""
    text = (kind.__doc__ or "").strip().splitlines()[0]
    return {status: ResponseSpec(kind, description=text, generate_examples=False)}


def as_lines(kind: type[msgspec.Struct]) -> dict[int, ResponseSpec]:
    """Return what a handler says about an answer of many lines, each of this shape."""
    text = (kind.__doc__ or "").strip().splitlines()[0]
    return {200: ResponseSpec(kind, description=text, media_type=NDJSON, generate_examples=False)}


def as_file(text: str, media_type: str = "*/*") -> dict[int, ResponseSpec]:
    """Return what a handler says about an answer that is a file; */*: which is in its address."""
    return {
        200: ResponseSpec(bytes, description=text, media_type=media_type, generate_examples=False)
    }


class OfFarm(msgspec.Struct, frozen=True, kw_only=True):
    """An answer about a farm; `simulated` is there where its past was made up."""

    simulated: bool | msgspec.UnsetType = msgspec.UNSET


class TimeSpan(msgspec.Struct, frozen=True, kw_only=True):
    """From when until when, half open."""

    start_at: int
    end_at: int


class AccountTimes(msgspec.Struct, frozen=True, kw_only=True):
    """Machine time by account, in milliseconds."""

    rendering_useful_ms: int
    rendering_wasted_ms: int
    overhead_ms: int
    idle_no_work_ms: int
    idle_blocked_ms: int
    disabled_ms: int
    off_ms: int
    unknown_ms: int


class AccountSums(AccountTimes, frozen=True, kw_only=True):
    """Machine time by account, their sum, and thread time by account."""

    machine_ms: int
    thread_ms: dict[str, int]


class AccountRow(AccountSums, frozen=True, kw_only=True):
    """The same of a worker, a fleet or the farm, over a slot."""

    start_at: int
    end_at: int
    worker: str | msgspec.UnsetType = msgspec.UNSET
    fleet: str | msgspec.UnsetType = msgspec.UNSET
    farm: str | msgspec.UnsetType = msgspec.UNSET


class AccountsAnswer(OfFarm, frozen=True, kw_only=True):
    """The time of machines, split into the accounts."""

    by: str
    step: str | None
    span: TimeSpan
    rows: list[AccountRow]
    total: AccountSums
    workers: int
    machine_ms: int


class TimelineRow(msgspec.Struct, frozen=True, kw_only=True):
    """One job thread: its segments as start, end, account."""

    worker_id: str
    thread: int
    segments: list[tuple[int, int, str]]


class TimelineAnswer(OfFarm, frozen=True, kw_only=True):
    """Which account each job thread was in; `span` ends at the server's now at the latest."""

    span: TimeSpan
    rows: list[TimelineRow]


class CostPart(msgspec.Struct, frozen=True, kw_only=True):
    """The cost of a part of a job."""

    name: str
    cost: str
    machine_ms: int


class ReceiptCost(msgspec.Struct, frozen=True, kw_only=True):
    """What a job cost; `example`: by rates nobody pays."""

    example: bool
    currency: str
    total: str
    by_layer: list[CostPart]
    by_worker: list[CostPart]


class SlowestFrame(msgspec.Struct, frozen=True, kw_only=True):
    """The frame that took longest, and why."""

    frame: int
    layer: str
    render_ms: int
    worker: str
    why: str


class ReceiptFrames(msgspec.Struct, frozen=True, kw_only=True):
    """How many frames were rendered, how many attempts failed."""

    rendered: int
    failed_attempts: int


class ReceiptAnswer(OfFarm, frozen=True, kw_only=True):
    """A job accounted for: machines × time by account, cost, the slowest frame, outputs."""

    span: TimeSpan
    machines: int
    seconds_each: float
    machine_seconds: float
    accounts: AccountTimes
    unaccounted_ms: int
    frames: ReceiptFrames
    cost: ReceiptCost | None
    slowest: SlowestFrame | None
    outputs: list[str]
    wall_ms: int


class SamplesAnswer(OfFarm, frozen=True, kw_only=True):
    """Samples of workers as columns of one length; null: nobody knows."""

    span: TimeSpan
    step_ms: int
    columns: dict[str, list[Cell]]


class JobAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of a job."""

    action_id: str
    session_id: str
    layer_id: str | None
    layer_name: str | None
    task_index: int | None
    attempt: int | None
    status: str
    cause: str | None
    frames: str | None
    frame_count: int | None
    worker_id: str
    worker: str
    assigned_at: int | None
    started_at: int | None
    ended_at: int | None
    worker_started_at: int | None
    worker_ended_at: int | None
    exit_code: int | None
    error_class: str | None
    error_rule: str | None
    error_text: str | None
    superseded: bool | None
    frames_seen: int | None


class JobAttempts(OfFarm, frozen=True, kw_only=True):
    """Attempts of a job, the newest first; `matched` of `of` fulfil what was asked."""

    attempts: list[JobAttempt]
    matched: int
    of: int


class JobEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to a job, its layers, tasks and sessions, and by whom."""

    event_id: str
    at: int
    subject: str
    subject_id: str
    name: str
    old: str | None
    new: str | None
    actor: str
    number: int | None
    worker_id: str | None
    worker: str | None
    layer_id: str | None
    layer: str | None
    detail: str


class JobEvents(OfFarm, frozen=True, kw_only=True):
    """Events of a job, the newest first."""

    events: list[JobEvent]
    matched: int
    of: int


class LayerAhead(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of a layer, and of how many tasks its times are known."""

    layer_id: str
    name: str
    left: int
    running: int
    tasks_seen: int
    earlier_tasks_seen: int


class EtaAnswer(OfFarm, frozen=True, kw_only=True):
    """When a job will be done: 80 of 100 times between `earliest_at` and `latest_at`."""

    job_id: str
    name: str
    status: str
    now: int
    threads: int
    earliest_at: int | None
    likely_at: int | None
    latest_at: int | None
    text: str
    layers: list[LayerAhead]


class WorkerAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """What a job thread of a worker was at; `page`: where its log is read."""

    action_id: str
    session_id: str
    worker_id: str
    thread: int
    kind: str
    status: str
    job_id: str
    job_name: str
    layer_id: str | None
    layer_name: str | None
    task_index: int | None
    task_id: str | None
    attempt: int | None
    frames: str | None
    started_at: int
    ended_at: int
    superseded: bool
    exit_code: int | None
    cause: str | None
    error_class: str | None
    error_text: str | None
    user_name: str
    project: str
    page: str | None


class WorkerAttempts(OfFarm, frozen=True, kw_only=True):
    """What a worker was at in a span; `left_out`: there is more."""

    span: TimeSpan
    now: int
    rows: list[WorkerAttempt]
    left_out: bool


class AttemptAt(OfFarm, frozen=True, kw_only=True):
    """What a worker was at at an instant, on its other threads, before and after."""

    worker_id: str
    at: int
    attempt: WorkerAttempt | None
    others: list[WorkerAttempt]
    before: WorkerAttempt | None
    after: WorkerAttempt | None


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """What was posted to a month, and why."""

    posting_id: str
    kind: str
    corrects: str | None
    reason: str
    lines: int
    created_at: int
    created_by: str


class MonthRow(msgspec.Struct, frozen=True, kw_only=True):
    """A month of the books; what is only known of a frozen one is null of an open one."""

    month: str
    start_at: int
    end_at: int
    status: str
    frozen_at: int | None
    frozen_by: str | None
    lines: int | None
    cost: str | None
    example: bool | None
    postings: list[Posting]


class MonthsAnswer(OfFarm, frozen=True, kw_only=True):
    """The months of the books, the newest first."""

    currency: str
    open_month: str
    begins_at: int | None
    """When the first session began: of the time before, the books know nothing."""
    files: list[str]
    """Kinds of files this server makes of a statement."""
    months: list[MonthRow]


class StatementTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table of a statement, and its sums."""

    columns: list[str]
    rows: list[list[Cell]]
    machine_ms: int
    amount: str | None
    printed: str | None


class StatementAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The statement of a month: as posted if it is frozen, as it is now if not."""

    farm: str
    farm_id: str
    simulated: bool
    month: str
    status: str
    currency: str
    zone: str
    start_at: int | None
    end_at: int | None
    frozen_at: int | None
    frozen_by: str | None
    example: bool
    by: list[str]
    client: str | None
    amounts: str
    rows: StatementTable
    waste: StatementTable
    payers: StatementTable
    lines: int
    sessions: int
    attempts: int
    thread_ms: int
    line_rows: list[dict[str, Any]] | None


class BudgetRow(msgspec.Struct, frozen=True, kw_only=True):
    """A budget, what of it was spent, and when the rest will be gone."""

    budget_id: str
    name: str
    scope: dict[str, str]
    of: str
    amount: str
    start_at: int
    end_at: int | None
    spent: str
    left: str
    used: float | None
    per_day: str | None
    exhausted_at: int | None
    earliest_at: int | None
    latest_at: int | None
    lasts: bool | None
    advice: str | None
    stops: bool
    is_spent: bool
    created_by: str


class BudgetsAnswer(OfFarm, frozen=True, kw_only=True):
    """The budgets of a farm, by name."""

    currency: str
    budgets: list[BudgetRow]


class RegionTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What holds in a region, and whether it is set there."""

    is_set: bool
    count: int
    unlimited: bool
    in_use: int
    """Held by sessions now; where it is not set, those of the default's seats."""
    cost: str


class LicencePoolRow(msgspec.Struct, frozen=True, kw_only=True):
    """A licence pool by region."""

    app: str
    plugin: str
    version: str
    regions: dict[str, RegionTerms]
    updated_at: int | None
    updated_by: str | None


class LicenceServerRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a licence server said last; `problem` is empty while it answers."""

    app: str
    plugin: str
    version: str
    region: str
    seats: int | None
    others: int | None
    answered_at: int | None
    problem: str
    failing_since_at: int | None


class LicencesAnswer(OfFarm, frozen=True, kw_only=True):
    """Licence pools, and what licence servers said."""

    pools: list[LicencePoolRow]
    servers: list[LicenceServerRow]
    currency: str


class StreamNamesAnswer(OfFarm, frozen=True, kw_only=True):
    """The log streams (kind, name) and machines that were heard in a span."""

    farm: str
    zone: str
    streams: list[tuple[str | None, str]]
    machines: list[str]
    measures: list[str]


class ReportField(msgspec.Struct, frozen=True, kw_only=True):
    """What a condition of a report may name."""

    name: str
    kind: str
    meaning: str


class ReportKind(msgspec.Struct, frozen=True, kw_only=True):
    """A report, and how it can be asked for."""

    name: str
    title: str
    by: list[str]
    groups: list[str]
    fields: list[ReportField]


class ReportKinds(OfFarm, frozen=True, kw_only=True):
    """Every report there is."""

    reports: list[ReportKind]


class ReportColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column of a report: what its values are, and what they mean."""

    name: str
    unit: Literal["text", "count", "ms", "bytes", "share", "ratio", "number", "money", "instant"]
    meaning: str = ""


class ReportAnswer(OfFarm, frozen=True, kw_only=True):
    """A report as a table; `matched` rows are there, `rows` are those asked for."""

    report: str
    title: str
    by: list[str]
    where: str
    span: TimeSpan
    currency: str
    columns: list[ReportColumn]
    rows: list[dict[str, Cell]]
    totals: dict[str, Cell] | None
    """The sums of all matched rows, of a report whose rows are parts of a whole."""
    matched: int
    notes: list[str]
    facts: dict[str, Any]


class ForecastDay(msgspec.Struct, frozen=True, kw_only=True):
    """What one coming day will ask for; with 95 % each figure lies between low and high."""

    day: str
    demand_hours: float
    demand_low_hours: float
    demand_high_hours: float
    workers: int
    workers_low: int
    workers_high: int


class KnownDay(msgspec.Struct, frozen=True, kw_only=True):
    """Worker-hours a day that is over asked for."""

    day: str
    hours: float


class ForecastAnswer(OfFarm, frozen=True, kw_only=True):
    """A forecast, and the days it follows from."""

    report: str
    title: str
    by: list[str]
    where: str
    span: TimeSpan
    currency: str
    known_days: int
    known: list[KnownDay]
    peak_factor: float
    columns: list[ReportColumn]
    rows: list[ForecastDay]
    matched: int
    notes: list[str]
    facts: dict[str, Any]
