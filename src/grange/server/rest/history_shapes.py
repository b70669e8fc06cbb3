"""What more answers of the books look like: history, frames, workers, sums of cost, files."""

from typing import Any

import msgspec

from grange.server.rest.shapes import Cell, OfFarm, TimeSpan


class HistoryProject(msgspec.Struct, frozen=True, kw_only=True):
    """A project that has a history."""

    project: str
    records: int
    first_submitted_at: int
    last_submitted_at: int


class HistoryProjects(OfFarm, frozen=True, kw_only=True):
    """The projects that have a history."""

    projects: list[HistoryProject]


class RenderApp(msgspec.Struct, frozen=True, kw_only=True):
    """What renders a layer; null is what nobody said."""

    name: str
    version: str
    version_minor: str | None
    renderer: str
    renderer_version: str | None
    variant: str | None
    render_type: str
    execute_type: str


class LayerImage(msgspec.Struct, frozen=True, kw_only=True):
    """What a layer writes; null is what nobody said."""

    dir: str | None
    name: str | None
    name_variables: str | None
    extension: str | None
    padding: int | None
    width: int | None
    height: int | None
    is_data: bool
    tiles: int
    single_file: bool
    aa_percent: int | None


class LayerFrames(msgspec.Struct, frozen=True, kw_only=True):
    """The sequence of a layer."""

    start: int | None
    end: int | None
    step: int | None
    file_offset: int
    frame_set: str | None
    sub_frames: int | None
    tiles: int
    total: int | None
    total_one_tile: int | None
    total_frame_set: int | None


class LayerUsage(msgspec.Struct, frozen=True, kw_only=True):
    """How a layer used workers; what is not known is null."""

    mean_workers: float | None
    mean_ps: float | None
    mean_frame_ms: int | None
    max_memory_bytes: int | None
    max_cores: float | None
    min_cpu: float | None
    max_cpu: float | None
    min_traffic_bytes: int | None
    max_traffic_bytes: int | None


class LayerSums(msgspec.Struct, frozen=True, kw_only=True):
    """What the attempts of a layer add up to, ever or since its last reset."""

    sent: int
    crashed: int
    aborted: int
    frames_returned: int
    render_ms: int
    wall_ms: int
    ps_seconds: float
    ghz_hours: float | None
    watt_seconds: float | None


class HistoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """A layer that was submitted; from `usage` on only where details were asked for."""

    farm_id: str
    queue_id: str
    job_id: str
    layer_id: str
    short_id: str
    number: str
    layer_index: int
    job: str
    layer: str
    user: str
    submit_machine: str
    project: str
    shot: str
    sequence: str
    version: str
    scene: str | None
    priority: int
    submitted_at: int
    started_at: int | None
    finished_at: int | None
    first_finished_at: int | None
    changed_at: int
    state: str
    status: str
    resets: int
    reset_at: int | None
    scene_database: str | None
    custom_scene: str | None
    job_type: str | None
    camera: str | None
    aov: str | None
    scene_state: str | None
    scene_take: str | None
    tracker_id: str | None
    color: str | None
    scene_os: str | None
    paths_os: str | None
    app: RenderApp
    image: LayerImage
    frames: LayerFrames
    sent: int
    crashed: int
    aborted: int
    errors: int
    render_ms: int
    memory_bytes: int | None
    usage: LayerUsage | msgspec.UnsetType = msgspec.UNSET
    lifetime: LayerSums | msgspec.UnsetType = msgspec.UNSET
    current: LayerSums | msgspec.UnsetType = msgspec.UNSET
    cost: str | msgspec.UnsetType | None = msgspec.UNSET
    ps_cost: str | msgspec.UnsetType | None = msgspec.UNSET


class HistoryAnswer(OfFarm, frozen=True, kw_only=True):
    """Records of layers; `matched` of `of` fulfil what was asked."""

    records: list[HistoryRow]
    matched: int
    of: int
    offset: int
    currency: str


class LayerWorker(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker did for a layer."""

    worker_id: str
    worker: str
    index: int | None
    sent: int
    crashed: int
    aborted: int
    render_ms: int
    assigned: bool


class LayerError(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt of a layer that failed, or was lost."""

    at: int
    what: int
    error_class: str = msgspec.field(name="class")
    machine: int
    worker_id: str
    worker: str
    text: str
    frames: str | None
    action_id: str
    by_server: bool


class LayerLogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of a layer's log; `times`: so many were put together in it."""

    at: int
    what: int
    what_name: str
    machine: int
    who: str
    text: str
    by: str
    workers_rendering: int
    frames_missing: int | None
    status: int
    frame_start: int | None
    frame_end: int | None
    frame_step: int | None
    times: int


class WholeHistoryRow(HistoryRow, frozen=True, kw_only=True):
    """A layer with all that is known of it: of errors and log the newest."""

    workers: list[LayerWorker]
    error_list: list[LayerError]
    error_count: int
    server_error_count: int
    log: list[LayerLogEntry]
    log_count: int


class HistoryRecord(WholeHistoryRow, frozen=True, kw_only=True):
    """One layer with all that is known of it; `simulated` is there where it was made up."""

    simulated: bool | msgspec.UnsetType = msgspec.UNSET


class HistoryPages(OfFarm, frozen=True, kw_only=True):
    """Layers with all that is known of them, the oldest first."""

    records: list[WholeHistoryRow]
    matched: int
    of: int
    offset: int
    currency: str


class LayerErrors(OfFarm, frozen=True, kw_only=True):
    """Every error of a layer, the oldest first."""

    errors: list[LayerError]
    server_errors: int


class LayerLog(OfFarm, frozen=True, kw_only=True):
    """Every entry of a layer's log, the oldest first."""

    log: list[LayerLogEntry]


class LayerTime(msgspec.Struct, frozen=True, kw_only=True):
    """What a finished layer took."""

    job_id: str
    layer_id: str
    job: str
    finished_at: int
    mean_ps: float | None
    max_cores: float | None
    frame_seconds: float | None
    frame_kps_seconds: float | None
    max_memory_bytes: int | None
    minutes_to_frames_done: int
    frames: int


class LayerTimeList(msgspec.Struct, frozen=True, kw_only=True):
    """The last finished layers of a project, render type and layer name."""

    project: str
    render_type: str
    layer: str
    added: int
    last_used_at: int
    entries: list[LayerTime]


class LayerTimes(OfFarm, frozen=True, kw_only=True):
    """What layers took, by project, render type and name."""

    lists: list[LayerTimeList]
    saved_at: int


class FramePart(msgspec.Struct, frozen=True, kw_only=True):
    """What went on in a fifth of a frame's time."""

    job_cpu_milli: int | None
    job_memory_bytes: int | None
    other_cpu_milli: int | None
    threads: int | None


class FrameRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A frame as the worker saw it; `index` counts the frames of its layer from 0."""

    fleet_id: str
    worker_id: str
    worker: str
    action_id: str
    session_id: str
    job_id: str
    layer_id: str
    task_index: int
    frame: int
    index: int | None
    started_at: int
    ended_at: int
    worker_started_at: int
    worker_ended_at: int
    render_ms: int
    averaged_over: int
    first_of_chunk: bool
    first_after_load: bool
    user_logged_in: bool | None
    log_started_at: int | None
    log_first_frame: int | None
    peak_memory_bytes: int | None
    cpu_ms: int | None
    output_path: str | None
    output_bytes: int | None
    status: str
    attempt: int | None
    parts: list[FramePart]


class FramesOfLayer(msgspec.Struct, frozen=True, kw_only=True):
    """How many frames a layer has."""

    layer_id: str
    layer: str
    count: int


class JobFrames(msgspec.Struct, frozen=True, kw_only=True):
    """The frames of a job that a worker told of."""

    job_id: str
    frames: list[FrameRecord]
    layers: list[FramesOfLayer]


class FrameRecords(JobFrames, frozen=True, kw_only=True):
    """The frames of one job; `simulated` is there where its past was made up."""

    simulated: bool | msgspec.UnsetType = msgspec.UNSET


class FrameRecordsOfJobs(OfFarm, frozen=True, kw_only=True):
    """The frames of many jobs."""

    jobs: list[JobFrames]


class WorkerAddress(msgspec.Struct, frozen=True, kw_only=True):
    """An address a worker has had, since when."""

    ip_address: str
    since: int


class WorkerWake(msgspec.Struct, frozen=True, kw_only=True):
    """A packet that was to wake a worker; `success` is null while nobody knows."""

    at: int
    success: bool | None
    online_ms: int | None
    by: str


class WorkerSpeed(msgspec.Struct, frozen=True, kw_only=True):
    """How fast a worker was measured to be."""

    at: int
    ps: float


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """When a worker was last heard of, and where it was."""

    worker_id: str
    index: int
    name: str
    deleted: bool
    last_contact_at: int | None
    last_connect_at: int | None
    version: str | None
    ip_history: list[WorkerAddress]
    wake_failed_tries: int
    last_wake_at: int | None
    wakes: list[WorkerWake]
    ps: float
    speed_history: list[WorkerSpeed]


class Contacts(OfFarm, frozen=True, kw_only=True):
    """When workers were last heard of."""

    contacts: list[Contact]
    at: int


class UsageAnswer(OfFarm, frozen=True, kw_only=True):
    """Hours and cost of sessions by what was asked; a row has it, and `sessions` to `cost`."""

    group_by: list[str]
    rows: list[dict[str, Cell]]
    runtime_ms: int
    cost: str | None
    currency: str
    example: bool


class CostSums(msgspec.Struct, frozen=True, kw_only=True):
    """What work cost, and what of it was for nothing."""

    thread_ms: int
    machine_ms: int
    cost: str | None
    sell: str | None
    wasted_ms: int
    wasted_cost: str | None


class WasteCost(msgspec.Struct, frozen=True, kw_only=True):
    """What one kind of waste cost."""

    machine_ms: int
    cost: str | None


class CostsAnswer(OfFarm, frozen=True, kw_only=True):
    """What work cost by what was asked; a row has it, and the members of the total."""

    span: TimeSpan
    by: list[str]
    where: str
    currency: str
    example: bool
    rows: list[dict[str, Cell]]
    total: CostSums
    components: dict[str, CostSums]
    waste: dict[str, WasteCost]
    unpriced_ms: int


class BooksAbout(OfFarm, frozen=True, kw_only=True):
    """The farm's zone and currency, and the instant of the answer."""

    farm_id: str
    name: str
    zone: str
    currency: str
    now: int


class BookWorker(msgspec.Struct, frozen=True, kw_only=True):
    """A worker, and its place among all there ever were."""

    worker_id: str
    name: str
    global_index: int


class BookWorkers(OfFarm, frozen=True, kw_only=True):
    """All workers there ever were."""

    workers: list[BookWorker]


class BookFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the books."""

    path: str
    location: str
    form: str
    table_name: str
    start_at: int
    end_at: int
    row_count: int
    byte_count: int
    sha256: str
    catalog_version: int
    provenance: dict[str, Any]


class BookFiles(OfFarm, frozen=True, kw_only=True):
    """The files of the books."""

    files: list[BookFile]
