"""Facts that come from outside the state machines: frame records and samples.

A worker's times are its own clock's. They are kept as they came (`worker_…`), because they are part
of a repeat's key, and again rebased to the server's clock.
"""

from dataclasses import replace

from grange.books.catalog.model import (
    Consolidation,
    TableSpec,
    flag,
    instant,
    number,
    numbers,
    text,
)

SHARE = "1/1000 of the machine"
SAMPLE_DAYS = 400
"""How long samples are kept: a year and what is needed to compare with the last one."""
WIDEST_SAMPLE_MS = 60_000
"""Most time one sample may cover; workers send 20 s."""

FRAMES = TableSpec(
    name="frames",
    title="Frame records",
    meaning=(
        "One row for each frame an attempt rendered, as the worker saw it. "
        "It counts as rendered only if the attempt succeeded."
    ),
    produced_by="worker",
    key=("action_id", "frame"),
    time_column="ended_at",
    start_column="started_at",
    sort=("worker_id", "ended_at", "action_id", "frame"),
    columns=(
        text("farm_id", "The farm."),
        text("fleet_id", "The worker's fleet."),
        text("worker_id", "The worker.", ledger="S0-31"),
        text("action_id", "The attempt; with the frame this is the key."),
        text("session_id", "The session."),
        text("job_id", "The job."),
        text("layer_id", "The layer."),
        number("task_index", "", "Index of the task in its layer."),
        number("frame", "", "Frame number in the scene.", minimum=None, ledger="S0-31"),
        instant("started_at", "When the frame began."),
        instant("ended_at", "When it was finished. The row lies in this hour."),
        instant("worker_started_at", "Its begin by the worker's own clock."),
        instant("worker_ended_at", "Its end by the worker's own clock."),
        number(
            "render_ms", "ms", "Time the frame took.", Consolidation.SUM, ledger="S0-31"
        ),
        number(
            "averaged_over", "frames",
            "1: measured itself; n: the mean over the n frames of a chunk.", minimum=1,
            ledger="S0-31",
        ),
        flag("first_of_chunk", "First frame of its attempt.", ledger="S0-31"),
        flag("first_after_load", "First frame after the scene was loaded.", ledger="S0-31"),
        flag("user_logged_in", "Somebody was logged in.", nullable=True, ledger="S0-31"),
        instant("log_started_at", "When its log began.", nullable=True, ledger="S0-31"),
        number(
            "log_first_frame", "", "First frame of its log.", nullable=True, minimum=None,
            ledger="S0-31",
        ),
        numbers("part_job_cpu", SHARE, "CPU of the job in each fifth of the frame's time.",
                length=5, ledger="S0-32"),
        numbers("part_job_memory_bytes", "bytes", "Memory of the job in each fifth.",
                length=5, ledger="S0-32"),
        numbers("part_other_cpu", SHARE, "CPU of everything else in each fifth.",
                length=5, ledger="S0-32"),
        numbers("part_threads", "threads", "Job threads rendering in each fifth.",
                length=5, ledger="S0-32"),
        number(
            "peak_memory_bytes", "bytes", "Most memory the job held.", Consolidation.MAXIMUM,
            nullable=True, ledger="S0-05",
        ),
        number("cpu_ms", "ms", "CPU time of the job.", Consolidation.SUM, nullable=True),
        text("output_path", "The file written, as the log named it.", nullable=True),
        number("output_bytes", "bytes", "Its size.", Consolidation.SUM, nullable=True),
    ),
)  # fmt: skip

WORKER_SAMPLES = TableSpec(
    name="worker_samples",
    title="Worker samples",
    meaning="One row for each 20 seconds of a machine.",
    produced_by="worker",
    kept_days=SAMPLE_DAYS,
    key=("worker_id", "worker_at"),
    time_column="at",
    sort=("worker_id", "at"),
    columns=(
        text("farm_id", "The farm."),
        text("fleet_id", "The worker's fleet."),
        text("worker_id", "The worker; with worker_at this is the key."),
        instant("at", "End of the sample. The row lies in this hour.", ledger="S0-25"),
        instant("worker_at", "The same by the worker's own clock."),
        number("coverage_ms", "ms", "How much of the time was really watched.",
               Consolidation.SUM, maximum=WIDEST_SAMPLE_MS, ledger="S0-25"),
        number("cpu_milli", SHARE, "CPU in use, mean.", Consolidation.LEVEL, ledger="S0-25"),
        number("gpu_milli", SHARE, "GPU in use, mean.", Consolidation.LEVEL, nullable=True,
               ledger="S0-25"),
        number("memory_used_bytes", "bytes", "Memory in use.", Consolidation.LEVEL,
               ledger="S0-25"),
        number("memory_total_bytes", "bytes", "Memory of the machine.", Consolidation.MAXIMUM),
        number("net_in_bytes", "bytes", "Received from the network.", Consolidation.SUM,
               ledger="S0-25"),
        number("net_out_bytes", "bytes", "Sent to the network.", Consolidation.SUM,
               ledger="S0-25"),
        number("net_in_max_bytes_per_s", "bytes/s", "Fastest second of receiving.",
               Consolidation.MAXIMUM, ledger="S0-25"),
        flag("user_logged_in", "Somebody was logged in.", nullable=True, ledger="S0-25"),
        number("load1_milli", "1/1000", "Load average of one minute.", Consolidation.LEVEL,
               nullable=True),
        number("disk_free_bytes", "bytes", "Free space where sessions are kept.",
               Consolidation.MINIMUM, nullable=True),
        number("temperature_milli_c", "1/1000 °C", "First disk's temperature.",
               Consolidation.LEVEL, nullable=True, minimum=None, ledger="S0-16"),
        replace(
            number("watts_milli", "mW", "Power of the whole machine, measured.",
                   Consolidation.LEVEL, nullable=True, ledger="S2-14"),
            since=2,
        ),
    ),
)  # fmt: skip

THREAD_SAMPLES = TableSpec(
    name="thread_samples",
    title="Job thread samples",
    meaning="One row for each 20 seconds of a job thread.",
    produced_by="worker",
    kept_days=SAMPLE_DAYS,
    key=("worker_id", "thread", "worker_at"),
    time_column="at",
    sort=("worker_id", "thread", "at"),
    columns=(
        text("farm_id", "The farm."),
        text("fleet_id", "The worker's fleet."),
        text("worker_id", "The worker; with thread and worker_at this is the key."),
        number("thread", "", "The job thread, from 0."),
        instant("at", "End of the sample. The row lies in this hour.", ledger="S0-26"),
        instant("worker_at", "The same by the worker's own clock."),
        text("session_id", "The session on the thread.", nullable=True),
        text("job_id", "Its job.", nullable=True),
        text("layer_id", "Its layer.", nullable=True),
        number("coverage_ms", "ms", "How much of the time was really watched.",
               Consolidation.SUM, maximum=WIDEST_SAMPLE_MS),
        text("state", "rendering, idle, disabled and so on.", ledger="S0-26"),
        number("cpu_milli", SHARE, "CPU of the thread's processes, mean.", Consolidation.LEVEL,
               ledger="S0-26"),
        number("memory_bytes", "bytes", "Memory of the thread's processes.", Consolidation.LEVEL,
               ledger="S0-26"),
        number("processes", "", "How many processes.", Consolidation.MAXIMUM, nullable=True),
    ),
)  # fmt: skip

SERVER_SAMPLES = TableSpec(
    name="server_samples",
    title="Server samples",
    meaning="One row for each minute a server ran.",
    produced_by="server",
    kept_days=SAMPLE_DAYS,
    key=("server", "at"),
    time_column="at",
    sort=("server", "at"),
    columns=(
        text("farm_id", "The farm."),
        text("server", "The server; with at this is the key."),
        instant("at", "End of the sample. The row lies in this hour.", ledger="S0-19"),
        number("coverage_ms", "ms", "How much of the minute the server ran.",
               Consolidation.SUM, maximum=3_600_000),
        number("machine_cpu_milli", "1/1000 core", "CPU in use by the machine.",
               Consolidation.LEVEL, nullable=True, ledger="S0-19"),
        number("process_cpu_milli", "1/1000 core", "CPU in use by the server.",
               Consolidation.LEVEL, nullable=True, ledger="S0-19"),
        number("memory_used_bytes", "bytes", "Memory in use by the machine.",
               Consolidation.LEVEL, nullable=True, ledger="S0-19"),
        number("process_memory_bytes", "bytes", "Memory of the server.", Consolidation.LEVEL,
               nullable=True, ledger="S0-19"),
        number("scheduler_bytes", "bytes", "Memory of the scheduler's model.",
               Consolidation.LEVEL, nullable=True, ledger="S0-19"),
        number("receive_buffer_bytes", "bytes", "Received, and not read yet.", Consolidation.LEVEL,
               nullable=True, ledger="S0-19"),
        number("send_buffer_bytes", "bytes", "Written, and not sent yet.", Consolidation.LEVEL,
               nullable=True, ledger="S0-19"),
        number("largest_reply_bytes", "bytes", "Largest reply in one piece, as sent.",
               Consolidation.MAXIMUM, nullable=True, ledger="S0-19"),
        number("disk_free_bytes", "bytes", "Free space of the data folder.",
               Consolidation.MINIMUM, nullable=True),
        number("temperature_milli_c", "1/1000 °C", "Disk temperature.", Consolidation.LEVEL,
               nullable=True, minimum=None, ledger="S0-19"),
    ),
)  # fmt: skip

ADDED_TO_FRAMES = frozenset(
    {"farm_id", "fleet_id", "worker_id", "worker_started_at", "worker_ended_at"}
)
"""Columns of `frames` that the server fills; a worker posts all the others."""
ADDED_TO_SAMPLES = frozenset({"farm_id", "fleet_id", "worker_id", "worker_at"})
"""Columns of samples that the server fills."""
