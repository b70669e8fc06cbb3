"""Rollups behind the rings of the whole farm, and behind the records of workers."""

from grange.books.catalog.model import Column, Consolidation, TableSpec, instant, number, text
from grange.books.catalog.rollup_tables import SLOT_DAYS

SERVER_LEVELS = (
    ("machine_cpu_milli", "1/1000 core", "CPU in use by the server's machine"),
    ("process_cpu_milli", "1/1000 core", "CPU in use by the server"),
    ("memory_used_bytes", "bytes", "Memory in use by the server's machine"),
    ("process_memory_bytes", "bytes", "Memory of the server"),
    ("scheduler_bytes", "bytes", "Memory of the scheduler's model"),
    ("receive_buffer_bytes", "bytes", "Receive buffers"),
    ("send_buffer_bytes", "bytes", "Send buffers"),
    ("server_temperature_milli_c", "1/1000 °C", "Temperature of the server's first disk"),
)
"""Levels of the server, each kept as a sum and a count."""

_MADE_OF = (
    "events", "sessions", "session_actions", "frames", "worker_samples", "thread_samples",
    "server_samples",
)  # fmt: skip


def _level(name: str, unit: str, meaning: str, ledger: str) -> tuple[Column, Column]:
    return (
        number(f"{name}_sum", unit, f"{meaning}, sum over samples.", Consolidation.SUM,
               nullable=True, minimum=None, ledger=ledger),
        number(f"{name}_samples", "", "How many samples knew it.", Consolidation.SUM),
    )  # fmt: skip


def _farm_columns(width: str) -> tuple[Column, ...]:
    def state(name: str, unit: str, meaning: str, ledger: str) -> Column:
        return number(name, unit, f"{meaning}, at the end of the {width}.", Consolidation.LAST,
                      ledger=ledger)  # fmt: skip

    return (
        text("farm_id", "The farm."),
        instant("slot_at", f"Start of the {width}.", ledger="S0-08"),
        state("workers_rendering", "workers", "Rendering", "S0-16"),
        state("workers_free", "workers", "Nothing to do", "S0-16"),
        state("workers_disabled", "workers", "Disabled, and no thread renders", "S0-16"),
        state("workers_off", "workers", "Known to be down", "S0-16"),
        state("workers_unknown", "workers", "Nobody heard of them", "S0-16"),
        state("workers_needed", "workers", "Workers that would start all unassigned chunks; a job "
              "counts no more than it may have", "S0-16"),
        *_level("temperature_milli_c", "1/1000 °C", "Temperature of workers' first disks", "S0-16"),
        state("layers_rendering", "layers", "Rendering", "S0-18"),
        state("layers_total", "layers", "All that are not finished for 30 days", "S0-18"),
        state("layers_unfinished", "layers", "Neither done nor cancelled", "S0-18"),
        state("jobs_rendering", "jobs", "With a layer that renders", "S0-18"),
        state("jobs_total", "jobs", "With a layer that is not finished for 30 days", "S0-18"),
        state("jobs_unfinished", "jobs", "With a layer that is neither done nor cancelled",
              "S0-18"),
        number("server_coverage_ms", "ms", "How long the server ran.", Consolidation.SUM,
               ledger="S0-11"),
        *(column for name, unit, meaning in SERVER_LEVELS
          for column in _level(name, unit, meaning, "S0-19")),
        number("largest_reply_bytes", "bytes", "Largest reply in one piece.", Consolidation.MAXIMUM,
               nullable=True, ledger="S0-19"),
    )  # fmt: skip


def _frame_columns(width: str) -> tuple[Column, ...]:
    return (
        text("farm_id", "The farm."),
        instant("slot_at", f"Start of the {width}."),
        text("render_type", "three_d, file_export, app_script, comp, archive, execute_once, "
             "execute_each, execute_frames or unassigned.", ledger="S0-17"),
        number("frames_rendered", "frames", "Frames of successful attempts, each at its own end.",
               Consolidation.SUM, ledger="S0-17"),
        number("frame_ms_sum", "ms", "Time of frames, sum.", Consolidation.SUM, ledger="S0-17"),
        number("frame_ms_frames", "frames", "Frames whose time is known.", Consolidation.SUM),
        number("frame_ms_max", "ms", "Time of frames, most.", Consolidation.MAXIMUM,
               nullable=True),
        number("frames_left", "frames", f"Frames not rendered yet, at the end of the {width}.",
               Consolidation.LAST, ledger="S0-17"),
        number("chunks_unassigned", "chunks", f"Chunks no worker has yet, at the end of the "
               f"{width}.", Consolidation.LAST, ledger="S0-16"),
    )  # fmt: skip


FARM_MINUTES = TableSpec(
    name="farm_minutes",
    title="The farm by minute",
    meaning=(
        "Workers, jobs and the server of the whole farm in each minute that was watched. "
        "Kept 48 hours, for the day ring."
    ),
    produced_by="books",
    rollup=True,
    kept_hours=48,
    made_of=_MADE_OF,
    key=("slot_at",),
    time_column="slot_at",
    sort=("slot_at",),
    columns=_farm_columns("minute"),
)

FARM_QUARTERS = TableSpec(
    name="farm_quarters",
    title="The farm by quarter hour",
    meaning=(
        "Workers, jobs and the server of the whole farm in each quarter of an hour that was "
        "watched, for the rings of the month and the year."
    ),
    produced_by="books",
    rollup=True,
    kept_days=SLOT_DAYS,
    made_of=_MADE_OF,
    key=("slot_at",),
    time_column="slot_at",
    sort=("slot_at",),
    columns=_farm_columns("quarter"),
)

FRAME_MINUTES = TableSpec(
    name="frame_minutes",
    title="Frames by minute",
    meaning="Frames of each render type in each minute. Kept 48 hours, for the day ring.",
    produced_by="books",
    rollup=True,
    kept_hours=48,
    made_of=_MADE_OF,
    key=("slot_at", "render_type"),
    time_column="slot_at",
    sort=("slot_at", "render_type"),
    columns=_frame_columns("minute"),
)

FRAME_QUARTERS = TableSpec(
    name="frame_quarters",
    title="Frames by quarter hour",
    meaning="Frames of each render type in each quarter of an hour.",
    produced_by="books",
    rollup=True,
    kept_days=SLOT_DAYS,
    made_of=_MADE_OF,
    key=("slot_at", "render_type"),
    time_column="slot_at",
    sort=("slot_at", "render_type"),
    columns=_frame_columns("quarter"),
)

THREAD_QUARTERS = TableSpec(
    name="thread_quarters",
    title="Job threads by quarter hour",
    meaning=(
        "What each job thread did in each quarter of an hour in which it was up or was watched. "
        "A quarter without a row: the thread was off, or nobody knows."
    ),
    produced_by="books",
    rollup=True,
    kept_days=SLOT_DAYS,
    made_of=_MADE_OF,
    key=("worker_id", "thread", "slot_at"),
    time_column="slot_at",
    sort=("worker_id", "thread", "slot_at"),
    columns=(
        text("farm_id", "The farm."),
        instant("slot_at", "Start of the quarter."),
        text("worker_id", "The worker."),
        number("thread", "", "The job thread, from 0."),
        number("up_ms", "ms", "How long the thread was there: neither off nor unknown.",
               Consolidation.SUM, ledger="S0-28"),
        number("frames_done", "frames", "Frames of successful attempts, each at its own end.",
               Consolidation.SUM, ledger="S0-28"),
        number("chunks_successful", "chunks", "Attempts that succeeded.", Consolidation.SUM,
               ledger="S0-28"),
        number("chunks_crashed", "chunks", "Attempts that failed.", Consolidation.SUM,
               ledger="S0-28"),
        number("chunks_aborted", "chunks", "Attempts that were cancelled or interrupted.",
               Consolidation.SUM, ledger="S0-28"),
        number("samples", "", "How many samples of the thread.", Consolidation.SUM),
        number("cpu_milli_sum", "1/1000 of the machine", "CPU of the thread's processes, sum over "
               "samples.", Consolidation.SUM, ledger="S0-29"),
        number("memory_bytes_max", "bytes", "Memory of the thread's processes, most.",
               Consolidation.MAXIMUM, nullable=True, ledger="S0-27"),
    ),
)  # fmt: skip

NAMED_GROUP_SLOTS = TableSpec(
    name="named_group_slots",
    title="Quarter-hour worker counts of groups",
    meaning=(
        "How many workers of each group were in which state at the end of each quarter of an "
        "hour, by the members it had then. A worker may be in several groups, so there is no total."
    ),
    produced_by="books",
    rollup=True,
    kept_days=SLOT_DAYS,
    made_of=_MADE_OF,
    key=("slot_at", "group_name"),
    time_column="slot_at",
    sort=("group_name", "slot_at"),
    columns=(
        text("farm_id", "The farm."),
        instant("slot_at", "Start of the quarter.", ledger="S0-07"),
        text("group_name", "The group."),
        number("workers_rendering", "workers", "A session is open on some thread.",
               Consolidation.LAST, ledger="S0-07"),
        number("workers_disabled", "workers", "Disabled, and no thread renders.",
               Consolidation.LAST, ledger="S0-07"),
        number("workers_idle", "workers", "Nothing to do.", Consolidation.LAST, ledger="S0-07"),
        number("workers_off", "workers", "Known to be down.", Consolidation.LAST,
               ledger="S0-07"),
        number("workers_unknown", "workers", "Nobody heard of them.", Consolidation.LAST),
    ),
)  # fmt: skip
