"""Tables computed from facts. They may be thrown away and computed again, with the same numbers."""

from grange.books.catalog.model import Column, Consolidation, TableSpec, instant, number, text

SLOT_DAYS = 3653
"""Ten years."""


def _sample_columns(width: str) -> tuple[Column, ...]:
    return (
        text("farm_id", "The farm."),
        instant("slot_at", f"Start of the {width}."),
        text("worker_id", "The worker."),
        text("fleet_id", "The worker's fleet."),
        number("coverage_ms", "ms", "Time that was really watched.", Consolidation.SUM),
        number("samples", "", "How many samples.", Consolidation.SUM),
        number("cpu_milli_sum", "1/1000 of the machine", "CPU, sum over samples.",
               Consolidation.SUM, ledger="S0-29"),
        number("cpu_milli_min", "1/1000 of the machine", "CPU, least.", Consolidation.MINIMUM),
        number("cpu_milli_max", "1/1000 of the machine", "CPU, most.", Consolidation.MAXIMUM),
        number("gpu_samples", "", "How many samples knew the GPU.", Consolidation.SUM),
        number("gpu_milli_sum", "1/1000 of the machine", "GPU, sum over those samples.",
               Consolidation.SUM, nullable=True),
        number("gpu_milli_max", "1/1000 of the machine", "GPU, most.", Consolidation.MAXIMUM,
               nullable=True),
        number("memory_used_bytes_sum", "bytes", "Memory, sum over samples.",
               Consolidation.SUM),
        number("memory_used_bytes_min", "bytes", "Memory, least.", Consolidation.MINIMUM),
        number("memory_used_bytes_max", "bytes", "Memory, most.", Consolidation.MAXIMUM),
        number("memory_total_bytes", "bytes", "Memory of the machine.", Consolidation.MAXIMUM),
        number("net_in_bytes", "bytes", "Received.", Consolidation.SUM),
        number("net_out_bytes", "bytes", "Sent.", Consolidation.SUM),
        number("net_in_max_bytes_per_s", "bytes/s", "Fastest second of receiving.",
               Consolidation.MAXIMUM),
    )  # fmt: skip


WORKER_MINUTES = TableSpec(
    name="worker_minutes",
    title="Workers by minute",
    meaning="Worker samples put together by minute. Kept 48 hours.",
    produced_by="books",
    rollup=True,
    made_of=("worker_samples",),
    kept_hours=48,
    key=("worker_id", "slot_at"),
    time_column="slot_at",
    sort=("worker_id", "slot_at"),
    columns=_sample_columns("minute"),
)

WORKER_HOURS = TableSpec(
    name="worker_hours",
    title="Workers by hour",
    meaning="Worker samples put together by hour.",
    produced_by="books",
    rollup=True,
    made_of=("worker_samples",),
    kept_days=SLOT_DAYS,
    key=("worker_id", "slot_at"),
    time_column="slot_at",
    sort=("worker_id", "slot_at"),
    columns=_sample_columns("hour"),
)

WORKER_QUARTERS = TableSpec(
    name="worker_quarters",
    title="Workers by quarter hour",
    meaning="Worker samples put together by quarter hour, for local days of any zone.",
    produced_by="books",
    rollup=True,
    made_of=("worker_samples",),
    kept_days=SLOT_DAYS,
    key=("worker_id", "slot_at"),
    time_column="slot_at",
    sort=("worker_id", "slot_at"),
    columns=_sample_columns("quarter"),
)

JOB_SLOTS = TableSpec(
    name="job_slots",
    title="Quarter-hour job slots",
    meaning=(
        "What happened in each quarter of an hour for each user, project and app. "
        "Counts of jobs count layers. A quarter without any row was not watched."
    ),
    produced_by="books",
    rollup=True,
    kept_days=SLOT_DAYS,
    key=("slot_at", "subject", "name"),
    time_column="slot_at",
    sort=("subject", "name", "slot_at"),
    columns=(
        text("farm_id", "The farm."),
        instant("slot_at", "Start of the quarter.", ledger="S0-04"),
        text("subject", "user, project or app.", ledger="S0-03"),
        text("name", "Which user, project or app.", ledger="S0-03"),
        number("finished_cost_billionths", "10⁻⁹ of the currency",
               "Cost of the chunks that finished here, each as a whole.", Consolidation.SUM,
               nullable=True, ledger="S0-05"),
        number("ghz_milli_ms", "MHz·ms", "GHz-time of the chunks that finished here.",
               Consolidation.SUM, ledger="S0-05"),
        number("ps_milli_ms", "1/1000·ms", "PS-time of the chunks that finished here.",
               Consolidation.SUM, ledger="S0-05"),
        number("watt_milli_ms", "mW·ms", "Energy of the chunks that finished here.",
               Consolidation.SUM, ledger="S0-05"),
        number("ps_rendering_milli_ms", "1/1000·ms",
               "PS of the threads rendering, summed over time; ÷ 900,000 is avPS.",
               Consolidation.SUM, ledger="S0-05"),
        number("ps_rendering_max_milli", "1/1000", "Most PS rendering at once (maxPS).",
               Consolidation.MAXIMUM, ledger="S0-05"),
        number("memory_bytes_sum", "bytes", "Peak memory of frames, sum.", Consolidation.SUM,
               ledger="S0-05"),
        number("memory_frames", "frames", "Frames whose memory is known.", Consolidation.SUM),
        number("memory_bytes_max", "bytes", "Peak memory of frames, most.",
               Consolidation.MAXIMUM, nullable=True, ledger="S0-05"),
        number("frame_ms_sum", "ms", "Time of frames, sum.", Consolidation.SUM,
               ledger="S0-05"),
        number("frame_ms_frames", "frames", "Frames whose time is known.", Consolidation.SUM),
        number("frame_ms_max", "ms", "Time of frames, most.", Consolidation.MAXIMUM,
               nullable=True, ledger="S0-05"),
        number("frames_rendered", "frames", "Frames of successful attempts, each at its own "
               "end.", Consolidation.SUM, ledger="S0-06"),
        number("chunks_sent", "chunks", "Chunks given to workers.", Consolidation.SUM,
               ledger="S0-06"),
        number("chunks_finished", "chunks", "Chunks that succeeded.", Consolidation.SUM,
               ledger="S0-06"),
        number("layers_disabled", "layers", "Suspended, cancelled or failed, at the end of "
               "the quarter.", Consolidation.LAST, ledger="S0-06"),
        number("layers_done", "layers", "Succeeded.", Consolidation.LAST, ledger="S0-06"),
        number("layers_idle", "layers", "Ready, but nothing renders.", Consolidation.LAST,
               ledger="S0-06"),
        number("layers_rendering", "layers", "Rendering.", Consolidation.LAST,
               ledger="S0-06"),
        number("layers_waiting", "layers", "Waiting for another layer.", Consolidation.LAST,
               ledger="S0-06"),
        number("frames_left", "frames", "Frames not rendered yet.", Consolidation.LAST,
               ledger="S0-06"),
        number("chunks_unassigned", "chunks", "Chunks no worker has yet: the workers needed "
               "to render all at once.", Consolidation.LAST, ledger="S0-05"),
        number("ps_needed_milli", "1/1000", "The same in PS, at the farm's mean PS.",
               Consolidation.LAST, ledger="S0-05"),
        number("licences_needed", "licences", "Licences to render all at once; none where no "
               "licence is counted.", Consolidation.LAST, nullable=True, ledger="S0-05"),
    ),
)  # fmt: skip

GROUP_SLOTS = TableSpec(
    name="group_slots",
    title="Quarter-hour worker counts",
    meaning=(
        "How many workers of each fleet were in which state at the end of each quarter of an "
        "hour. A worker counts once: rendering before disabled before idle before off."
    ),
    produced_by="books",
    rollup=True,
    kept_days=SLOT_DAYS,
    key=("slot_at", "fleet_id"),
    time_column="slot_at",
    sort=("fleet_id", "slot_at"),
    columns=(
        text("farm_id", "The farm."),
        instant("slot_at", "Start of the quarter.", ledger="S0-07"),
        text("fleet_id", "The fleet."),
        number("workers_rendering", "workers", "A session is open on some thread.",
               Consolidation.LAST, ledger="S0-07"),
        number("workers_disabled", "workers", "Disabled, and no thread renders.",
               Consolidation.LAST, ledger="S0-07"),
        number("workers_idle", "workers", "Nothing to do.", Consolidation.LAST,
               ledger="S0-07"),
        number("workers_off", "workers", "Known to be down.", Consolidation.LAST,
               ledger="S0-07"),
        number("workers_unknown", "workers", "Nobody heard of them.", Consolidation.LAST),
    ),
)  # fmt: skip

ACCOUNT_HOURS = TableSpec(
    name="account_hours",
    title="Machine time by hour",
    meaning=(
        "Thread time of each worker in each account and hour. Over one worker and hour it is "
        "threads × the time the worker existed."
    ),
    produced_by="books",
    rollup=True,
    made_of=("events", "sessions", "session_actions", "thread_samples"),
    key=("slot_at", "worker_id", "threads", "account"),
    time_column="slot_at",
    sort=("worker_id", "slot_at", "threads", "account"),
    columns=(
        text("farm_id", "The farm."),
        instant("slot_at", "Start of the hour."),
        text("fleet_id", "The worker's fleet."),
        text("worker_id", "The worker."),
        number("threads", "", "Job threads of the worker; machine time is thread time ÷ this.",
               minimum=1),
        text("account", "rendering_useful, rendering_wasted, overhead, idle_no_work, "
             "idle_blocked, disabled, off or unknown."),
        number("thread_ms", "ms", "Thread time.", Consolidation.SUM),
    ),
)  # fmt: skip
