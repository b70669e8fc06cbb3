"""Questions about the days of workers: their samples, their counters, and reports of both."""

from collections.abc import Sequence

import pyarrow as pa

from grange.books.catalog.model import TableSpec
from grange.books.catalog.ring_tables import THREAD_QUARTERS
from grange.books.catalog.rollup_tables import WORKER_QUARTERS
from grange.books.questions.model import Need, Question
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant

HALF_SAMPLE_MS = 10_000
"""A sample lies where the middle of its 20 seconds does: clocks are a little off."""
LONGEST_ATTEMPT_MS = 2 * MILLIS_PER_DAY
"""How far behind a day the attempts are looked for that ran in it."""


SAMPLES = (
    "at", "coverage_ms", "cpu_milli", "gpu_milli", "memory_used_bytes", "memory_total_bytes",
    "net_in_bytes", "net_out_bytes", "net_in_max_bytes_per_s", "user_logged_in",
    "temperature_milli_c",
)  # fmt: skip
THREADS = (
    "at",
    "thread",
    "state",
    "cpu_milli",
    "memory_bytes",
    "coverage_ms",
    "job_id",
    "layer_id",
)
"""Columns of the samples of a day of a worker and its job threads."""


def sampled(span: Span) -> Span:
    """Return between which ends the samples of a span lie."""
    return Span(Instant(span.start + HALF_SAMPLE_MS), Instant(span.end + HALF_SAMPLE_MS))


def render_types_of_workers(worker_ids: Sequence[str], span: Span) -> Question:
    """Ask which render type the layers had that some workers worked on."""
    return Question(
        sql="""
            SELECT worker_id, layer_id, max(render_type) AS render_type FROM session_actions
            WHERE farm_id = $farm_id AND worker_id IN (SELECT worker_id FROM asked_workers)
              AND layer_id IS NOT NULL AND ended_at >= $start
            GROUP BY worker_id, layer_id
        """,
        needs=(
            Need(
                table="session_actions",
                start=span.start,
                end=Instant(span.end + LONGEST_ATTEMPT_MS),
                live=True,
            ),
        ),
        parameters={"start": span.start},
        given=_asked(worker_ids),
    )


def _asked(worker_ids: Sequence[str]) -> dict[str, pa.Table]:
    return {"asked_workers": pa.table({"worker_id": pa.array(worker_ids, pa.string())})}


# ── rollups, with what is not rolled up yet ───────────────────────────────────────────────────────


def _current(spec: TableSpec) -> str:
    """Return a CTE with the rows of a rollup, those of unsettled hours computed anew."""
    columns = ", ".join(f'"{name}"' for name in spec.column_names)
    return (
        f"{spec.name}_now AS ("  # noqa: S608 - names of the catalog
        f"SELECT {columns} FROM {spec.name} WHERE farm_id = $farm_id "
        f"AND slot_at - slot_at % {MILLIS_PER_HOUR} NOT IN (SELECT hour FROM unsettled) "
        f"UNION ALL SELECT {columns} FROM {spec.name}_fresh)"
    )


def hours_of_workers(worker_ids: Sequence[str], span: Span, given: dict[str, pa.Table]) -> Question:
    """Ask for the counters of some workers' job threads by quarter.

    Args:
        worker_ids: the workers.
        span: a local day.
        given: hours that are not settled, and the rows computed for them.
    """
    return Question(
        sql=f"""
            WITH {_current(THREAD_QUARTERS)}
            SELECT worker_id, slot_at, thread, up_ms, frames_done, chunks_aborted, chunks_crashed,
                   chunks_successful
            FROM thread_quarters_now
            WHERE worker_id IN (SELECT worker_id FROM asked_workers)
              AND slot_at >= $start AND slot_at < $end
            ORDER BY worker_id, thread, slot_at
        """,  # noqa: S608 - constant text
        needs=(Need(table=THREAD_QUARTERS.name, start=span.start, end=span.end),),
        parameters={"start": span.start, "end": span.end},
        given=given | _asked(worker_ids),
    )


def last_quarter(worker_id: str, given: dict[str, pa.Table]) -> Question:
    """Ask for the newest quarter in which a worker was there."""
    return Question(
        sql=f"""
            WITH {_current(THREAD_QUARTERS)}, {_current(WORKER_QUARTERS)}
            SELECT max(slot_at) AS slot_at FROM (
              SELECT slot_at FROM thread_quarters_now WHERE worker_id = $worker_id
              UNION ALL SELECT slot_at FROM worker_quarters_now WHERE worker_id = $worker_id
            )
        """,  # noqa: S608 - constant text
        needs=(Need(table=THREAD_QUARTERS.name), Need(table=WORKER_QUARTERS.name)),
        parameters={"worker_id": worker_id},
        given=given,
    )


def days_of_workers(
    days: Sequence[Span], worker_id: str | None, given: dict[str, pa.Table]
) -> Question:
    """Ask for sums by worker and local day.

    Args:
        days: the local days, ascending.
        worker_id: one worker, or None for all.
        given: hours that are not settled, and the rows computed for them.
    """
    whole = Span(days[0].start, days[-1].end)
    table = pa.table(
        {
            "day": pa.array(range(len(days)), pa.int64()),
            "start_at": pa.array([day.start for day in days], pa.int64()),
            "end_at": pa.array([day.end for day in days], pa.int64()),
        }
    )
    return Question(
        sql=f"""
            WITH {_current(THREAD_QUARTERS)}, {_current(WORKER_QUARTERS)},
            parts AS (
              SELECT worker_id, slot_at, samples, coverage_ms, cpu_milli_sum
              FROM worker_quarters_now
              UNION ALL BY NAME
              SELECT worker_id, slot_at, up_ms, frames_done, chunks_aborted, chunks_crashed,
                     chunks_successful, samples AS thread_samples,
                     cpu_milli_sum AS job_cpu_milli_sum
              FROM thread_quarters_now
            )
            SELECT worker_id, day, coalesce(sum(samples), 0)::BIGINT AS samples,
                   coalesce(sum(coverage_ms), 0)::BIGINT AS coverage_ms,
                   coalesce(sum(cpu_milli_sum), 0)::BIGINT AS cpu_milli_sum,
                   coalesce(sum(thread_samples), 0)::BIGINT AS thread_samples,
                   coalesce(sum(job_cpu_milli_sum), 0)::BIGINT AS job_cpu_milli_sum,
                   coalesce(sum(up_ms), 0)::BIGINT AS up_ms,
                   coalesce(sum(frames_done), 0)::BIGINT AS frames_done,
                   coalesce(sum(chunks_aborted), 0)::BIGINT AS chunks_aborted,
                   coalesce(sum(chunks_crashed), 0)::BIGINT AS chunks_crashed,
                   coalesce(sum(chunks_successful), 0)::BIGINT AS chunks_successful
            FROM parts JOIN local_days ON slot_at >= start_at AND slot_at < end_at
            WHERE slot_at >= $start AND slot_at < $end
              AND ($worker_id IS NULL OR worker_id = $worker_id)
            GROUP BY worker_id, day ORDER BY day, worker_id
        """,  # noqa: S608 - constant text
        needs=(
            Need(table=THREAD_QUARTERS.name, start=whole.start, end=whole.end),
            Need(table=WORKER_QUARTERS.name, start=whole.start, end=whole.end),
        ),
        parameters={"worker_id": worker_id, "start": whole.start, "end": whole.end},
        given=given | {"local_days": table},
    )
