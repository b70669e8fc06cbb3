"""Views of facts: frames and attempts of a job, samples of workers."""

import pyarrow as pa

from grange.books.questions.model import Need, Question
from grange.books.questions.sql import TILES, cost_between
from grange.books.questions.time import ATTEMPTED
from grange.kernel.intervals import Span
from grange.kernel.units import Instant


def job_frames(job_id: str, since: Instant) -> Question:
    """Ask for the best record of each frame: of its latest success, else the latest one."""
    return Question(
        sql="""
            SELECT f.layer_id, f.frame, f.task_index, f.worker_id, f.action_id, f.render_ms,
                   f.averaged_over, f.first_of_chunk, f.first_after_load, f.user_logged_in,
                   f.part_job_cpu, f.part_other_cpu, f.part_threads, f.peak_memory_bytes,
                   f.output_path, f.output_bytes, f.started_at, f.ended_at,
                   coalesce(a.status, '') AS status
            FROM frames f LEFT JOIN session_actions a ON a.action_id = f.action_id
            WHERE f.farm_id = $farm_id AND f.job_id = $job_id
            QUALIFY row_number() OVER (PARTITION BY f.layer_id, f.frame
              ORDER BY coalesce(a.status = 'SUCCEEDED', false) DESC, f.ended_at DESC, f.action_id
            ) = 1
            ORDER BY f.layer_id, f.frame
        """,
        needs=(
            Need(table="frames", start=since),
            Need(table="session_actions", start=since, live=True),
        ),
        parameters={"job_id": job_id},
    )


def job_attempts(job_id: str, since: Instant) -> Question:
    """Ask for every attempt of a job, by task and attempt."""
    return Question(
        sql=f"""
            WITH {ATTEMPTED}
            SELECT * FROM attempted WHERE job_id = $job_id AND kind = 'task_run'
            ORDER BY layer_id, task_index, attempt, started_at, action_id
        """,  # noqa: S608 - constant text
        needs=(Need(table="session_actions", start=since, live=True),),
        parameters={"job_id": job_id},
    )


def job_outcome(job_id: str, since: Instant) -> Question:
    """Ask how many frames a job has rendered, each once, and how many attempts came to nothing."""
    return Question(
        sql=f"""
            WITH {ATTEMPTED}
            SELECT
              coalesce(sum(frame_count) FILTER (status = 'SUCCEEDED' AND NOT superseded), 0)::BIGINT
                AS frames_rendered,
              count(*) FILTER (status IN ('FAILED', 'INTERRUPTED')) AS failed_attempts,
              count(*) FILTER (status = 'SUCCEEDED') AS successes
            FROM attempted WHERE job_id = $job_id AND kind = 'task_run'
        """,  # noqa: S608 - constant text
        needs=(Need(table="session_actions", start=since, live=True),),
        parameters={"job_id": job_id},
    )


def layer_times(job_id: str, since: Instant) -> Question:
    """Ask for the mean, least and greatest frame time of each layer, over successful attempts."""
    return Question(
        sql="""
            SELECT f.layer_id, count(*) AS frames, sum(f.render_ms)::BIGINT AS render_ms_sum,
                   min(f.render_ms) AS render_ms_min, max(f.render_ms) AS render_ms_max,
                   median(f.render_ms)::BIGINT AS render_ms_median
            FROM frames f JOIN session_actions a ON a.action_id = f.action_id
            WHERE f.farm_id = $farm_id AND f.job_id = $job_id AND a.status = 'SUCCEEDED'
            GROUP BY f.layer_id ORDER BY f.layer_id
        """,
        needs=(
            Need(table="frames", start=since),
            Need(table="session_actions", start=since),
        ),
        parameters={"job_id": job_id},
    )


def job_cost(job_id: str, since: Instant) -> Question:
    """Ask what a job's sessions took: by layer, worker, threads and rate card."""
    cost = cost_between("rate", "session_start", "tile_start", "tile_end")
    return Question(
        sql=f"""
            WITH chosen AS (
              SELECT * FROM sessions WHERE farm_id = $farm_id AND job_id = $job_id
            ),
            {TILES}
            SELECT for_layer_id AS layer_id, worker_id, t.threads, c.card_id,
                   sum(tile_end - tile_start)::BIGINT AS runtime_ms, sum({cost})::BIGINT AS cost
            FROM tiles t JOIN (SELECT session_id, card_id FROM chosen) c USING (session_id)
            GROUP BY ALL ORDER BY ALL
        """,  # noqa: S608 - constant text
        needs=(
            Need(table="sessions", start=since, live=True),
            Need(table="session_actions", start=since, live=True),
        ),
        parameters={"job_id": job_id},
    )


def worker_samples(span: Span, step_ms: int, worker_id: str | None) -> Question:
    """Ask for samples of workers put together in slots of `step_ms`, by worker and slot.

    A sample lies in the slot its end lies in (an end on a border: in the slot before). Levels are
    weighed by how long they were watched.
    """
    return Question(
        sql="""
            SELECT worker_id, ("at" - 1) - ("at" - 1) % $step AS slot_at,
                   sum(coverage_ms)::BIGINT AS coverage_ms,
                   (sum(cpu_milli * coverage_ms) // nullif(sum(coverage_ms), 0))::BIGINT
                     AS cpu_milli,
                   min(cpu_milli) AS cpu_milli_min, max(cpu_milli) AS cpu_milli_max,
                   (sum(gpu_milli * coverage_ms)
                     // nullif(sum(coverage_ms) FILTER (gpu_milli IS NOT NULL), 0))::BIGINT
                     AS gpu_milli,
                   (sum(memory_used_bytes::HUGEINT * coverage_ms)
                     // nullif(sum(coverage_ms), 0))::BIGINT AS memory_used_bytes,
                   max(memory_used_bytes) AS memory_used_bytes_max,
                   max(memory_total_bytes) AS memory_total_bytes,
                   sum(net_in_bytes)::BIGINT AS net_in_bytes,
                   sum(net_out_bytes)::BIGINT AS net_out_bytes,
                   max(net_in_max_bytes_per_s) AS net_in_max_bytes_per_s,
                   (sum(temperature_milli_c * coverage_ms)
                     // nullif(sum(coverage_ms) FILTER (temperature_milli_c IS NOT NULL), 0)
                   )::BIGINT AS temperature_milli_c
            FROM worker_samples
            WHERE farm_id = $farm_id AND "at" > $start AND "at" <= $end
              AND ($worker_id IS NULL OR worker_id = $worker_id)
            GROUP BY worker_id, slot_at ORDER BY worker_id, slot_at
        """,
        needs=(Need(table="worker_samples", start=span.start, end=Instant(span.end + 1)),),
        parameters={
            "start": span.start,
            "end": span.end,
            "step": step_ms,
            "worker_id": worker_id,
        },
    )


def worker_hours(span: Span, step_ms: int, worker_id: str | None, ends: pa.Table) -> Question:
    """Ask for rollups of hours put together in slots of `step_ms`, with `worker_samples`' columns.

    Args:
        span: whole UTC hours that rollups hold.
        step_ms: whole hours.
        worker_id: None: every worker.
        ends: rows of hours, or of parts of them, that no rollup holds.
    """
    names = ", ".join(f'"{name}"' for name in ends.column_names)
    return Question(
        sql=f"""
            WITH hours AS (
              SELECT {names} FROM worker_hours
              WHERE farm_id = $farm_id AND slot_at >= $start AND slot_at < $end
                AND ($worker_id IS NULL OR worker_id = $worker_id)
              UNION ALL BY NAME SELECT * FROM ends
            )
            SELECT worker_id, slot_at - slot_at % $step AS slot_at,
                   sum(coverage_ms)::BIGINT AS coverage_ms,
                   (sum(cpu_milli_sum) // sum(samples))::BIGINT AS cpu_milli,
                   min(cpu_milli_min) AS cpu_milli_min, max(cpu_milli_max) AS cpu_milli_max,
                   (sum(gpu_milli_sum) // nullif(sum(gpu_samples), 0))::BIGINT AS gpu_milli,
                   (sum(memory_used_bytes_sum::HUGEINT) // sum(samples))::BIGINT
                     AS memory_used_bytes,
                   max(memory_used_bytes_max) AS memory_used_bytes_max,
                   max(memory_total_bytes) AS memory_total_bytes,
                   sum(net_in_bytes)::BIGINT AS net_in_bytes,
                   sum(net_out_bytes)::BIGINT AS net_out_bytes,
                   max(net_in_max_bytes_per_s) AS net_in_max_bytes_per_s
            FROM hours GROUP BY worker_id, slot_at - slot_at % $step ORDER BY worker_id, 2
        """,  # noqa: S608 - names of the catalog
        needs=(Need(table="worker_hours", start=span.start, end=span.end),),
        parameters={
            "start": span.start,
            "end": span.end,
            "step": step_ms,
            "worker_id": worker_id,
        },
        given={"ends": ends},
    )
