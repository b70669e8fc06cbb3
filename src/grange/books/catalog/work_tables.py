"""Facts that the state machines leave: session actions, sessions, events.

Columns are those of `grange.domain.facts`, in the same order (a test compares them).
"""

from dataclasses import replace

from grange.books.catalog.model import Consolidation, TableSpec, instant, number, text

SESSION_ACTIONS = TableSpec(
    name="session_actions",
    title="Session actions",
    meaning=(
        "One row for each action of a session, written when it ended. "
        "Rows of kind task_run are attempts."
    ),
    produced_by="server",
    lasting=True,
    key=("action_id",),
    time_column="ended_at",
    start_column="assigned_at",
    sort=("worker_id", "ended_at", "action_id"),
    columns=(
        text("farm_id", "The farm."),
        text("queue_id", "The job's queue."),
        text("fleet_id", "The worker's fleet, when the action happened."),
        text("worker_id", "The worker."),
        number("thread", "", "Job thread of the worker, from 0."),
        text("job_id", "The job."),
        text("job_name", "The job's name.", ledger="S2-07"),
        text("layer_id", "The layer; none for actions of the job.", nullable=True),
        text("layer_name", "The layer's name.", nullable=True),
        number("task_index", "", "Index of the task in its layer.", nullable=True),
        text("session_id", "The session."),
        text("action_id", "The session action; this is the key."),
        number("action_index", "", "Place of the action in its session, from 0."),
        text("kind", "env_enter, env_exit, task_run or sync_input."),
        text("status", "SUCCEEDED, FAILED, INTERRUPTED, CANCELED or NEVER_ATTEMPTED."),
        number("attempt", "", "1 for the first attempt of the task.", nullable=True, minimum=1),
        text("frames", "Frames of the attempt as a range expression.", nullable=True),
        number(
            "frame_count", "frames", "How many frames that is.", Consolidation.SUM,
            nullable=True, ledger="S0-06",
        ),
        instant("assigned_at", "When the server gave it to the worker.", ledger="S0-06"),
        instant("started_at", "When it began; none if never attempted.", nullable=True),
        instant("ended_at", "When it ended. The row lies in this hour.", ledger="S0-06"),
        instant("worker_started_at", "Its begin by the worker's own clock.", nullable=True),
        instant("worker_ended_at", "Its end by the worker's own clock.", nullable=True),
        instant("session_started_at", "When its session began."),
        number("exit_code", "", "Exit code of the process.", nullable=True, minimum=None),
        text("cause", "Why it ended otherwise than the process did; else empty."),
        text("error_class", "Class of the error found in the log.", nullable=True, ledger="S0-51"),
        text("error_rule", "The log rule that found it.", nullable=True),
        text("error_text", "The line that says what went wrong.", nullable=True, ledger="S0-51"),
        number(
            "cpu_ms", "ms", "CPU time of its processes.", Consolidation.SUM,
            nullable=True, ledger="S0-25",
        ),
        number(
            "peak_memory_bytes", "bytes", "Most memory its processes held at once.",
            Consolidation.MAXIMUM, nullable=True, ledger="S0-05",
        ),
        number(
            "output_bytes", "bytes", "Size of the files it wrote.", Consolidation.SUM, nullable=True
        ),
        number(
            "copy_ms", "ms", "Time spent copying output at its end.", Consolidation.SUM,
            nullable=True, ledger="S1-10",
        ),
        text("user_name", "Who submitted the job.", ledger="S0-03"),
        text("project", "The job's project.", ledger="S0-03"),
        text("app", "The application that rendered.", ledger="S0-03"),
        text("render_type", "The render type.", ledger="S0-33"),
        text("shot", "The shot."),
        number("threads", "", "Job threads of the worker then.", minimum=1),
        number("ps_milli", "1/1000", "Relative speed of the worker.", ledger="S0-05"),
        number(
            "ghz_milli", "MHz", "Physical cores × GHz of the worker.", nullable=True,
            ledger="S0-05",
        ),
        number(
            "watts_milli", "mW", "Rated power of the worker.", nullable=True, ledger="S0-05"
        ),
        number(
            "billionths_per_hour", "10⁻⁹ of the currency per hour",
            "Price of the job thread; none without a rate card.", nullable=True, ledger="S0-05",
        ),
        replace(text("sequence", "The sequence of the shot.", nullable=True), since=2),
        replace(text("version", "The version of the shot.", nullable=True), since=2),
    ),
)  # fmt: skip

SESSIONS = TableSpec(
    name="sessions",
    title="Sessions",
    meaning=(
        "One row for each session (one job thread working on one job), written when it ended."
    ),
    produced_by="server",
    lasting=True,
    key=("session_id",),
    time_column="ended_at",
    start_column="started_at",
    sort=("worker_id", "ended_at", "session_id"),
    columns=(
        text("farm_id", "The farm."),
        text("queue_id", "The job's queue.", ledger="S2-01"),
        text("fleet_id", "The worker's fleet, when the session began.", ledger="S2-01"),
        text("worker_id", "The worker."),
        number("thread", "", "Job thread of the worker, from 0."),
        text("job_id", "The job.", ledger="S2-01"),
        text("job_name", "The job's name.", ledger="S2-07"),
        text("session_id", "The session; this is the key."),
        text("user_name", "Who submitted the job.", ledger="S2-01"),
        text("project", "The job's project."),
        instant("started_at", "When it began.", ledger="S2-11"),
        instant("ended_at", "When it ended. The row lies in this hour.", ledger="S2-11"),
        number("threads", "", "Job threads of the worker when it began.", minimum=1),
        number("ps_milli", "1/1000", "Relative speed of the worker."),
        text("instance_type", "Kind of machine, if the worker said one.", nullable=True,
             ledger="S2-01"),
        text("card_id", "The rate card in force.", nullable=True, ledger="S2-14"),
        text("rate_line_id", "The line of the card.", nullable=True, ledger="S2-14"),
        number(
            "billionths_per_hour", "10⁻⁹ of the currency per hour",
            "Price of the job thread; none without a rate card.", nullable=True, ledger="S2-14",
        ),
        number(
            "amount_billionths", "10⁻⁹ of the currency", "What the session cost.",
            Consolidation.SUM, nullable=True, ledger="S2-10",
        ),
        replace(
            text("region", "The worker's region, if it said one.", nullable=True, ledger="S2-14"),
            since=2,
        ),
    ),
)  # fmt: skip

EVENTS = TableSpec(
    name="events",
    title="Events",
    meaning="One row for each change of state, error, or action of a user.",
    produced_by="server",
    lasting=True,
    key=("event_id",),
    time_column="at",
    sort=("subject", "subject_id", "at", "event_id"),
    columns=(
        text("farm_id", "The farm."),
        text("event_id", "The event; this is the key."),
        instant("at", "When it happened."),
        text("subject", "worker, thread, fleet, job, layer, task, session, user or server."),
        text("subject_id", "Which one."),
        text("name", "What happened, e.g. worker_status."),
        text("old", "The value before.", nullable=True),
        text("new", "The value after.", nullable=True),
        text("actor", "Who did it; empty if nobody did."),
        text("fleet_id", "The fleet concerned.", nullable=True, ledger="S0-07"),
        text("worker_id", "The worker concerned.", nullable=True, ledger="S0-07"),
        text("job_id", "The job concerned.", nullable=True),
        text("layer_id", "The layer concerned.", nullable=True),
        number("number", "", "The count that goes with it: job threads of a worker, tasks of a "
               "layer.", Consolidation.LAST, nullable=True, minimum=None),
        text("detail", "The rest, as a JSON object; empty if there is none."),
    ),
)  # fmt: skip
