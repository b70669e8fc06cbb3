"""Questions behind the rollups: samples by slot; the quarters of users, projects and apps.

Every answer for a quarter depends only on facts, never on how many quarters are asked for at once.
"""

from grange.books.periods import QUARTER_MS
from grange.books.questions.model import Need, Question
from grange.books.questions.sql import cost_between
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, Instant

DONE_MS = 30 * MILLIS_PER_DAY
"""How long a finished layer is counted as done."""
_PS_DAYS = 1
"""How long a worker counts for the mean PS after its last action."""

SUBJECTS = (
    "unnest([{'subject': 'user', 'name': user_name}, {'subject': 'project', 'name': project}, "
    "{'subject': 'app', 'name': app}])"
)
_QUARTERS = f"""
quarters AS (
  SELECT slot_at, slot_at + {QUARTER_MS} AS slot_end
  FROM (SELECT unnest(range($start, $end, {QUARTER_MS})) AS slot_at)
)"""  # noqa: S608 - constant text


def samples_by_slot(span: Span, width_ms: int) -> Question:
    """Ask for worker samples put together by slots of a width, with the columns of the rollups."""
    return Question(
        sql="""
            SELECT $farm_id AS farm_id, ("at" - 1) - ("at" - 1) % $width AS slot_at, worker_id,
                   max_by(fleet_id, "at") AS fleet_id,
                   sum(coverage_ms)::BIGINT AS coverage_ms, count(*) AS samples,
                   sum(cpu_milli)::BIGINT AS cpu_milli_sum, min(cpu_milli) AS cpu_milli_min,
                   max(cpu_milli) AS cpu_milli_max,
                   count(gpu_milli) AS gpu_samples, sum(gpu_milli)::BIGINT AS gpu_milli_sum,
                   max(gpu_milli) AS gpu_milli_max,
                   sum(memory_used_bytes)::BIGINT AS memory_used_bytes_sum,
                   min(memory_used_bytes) AS memory_used_bytes_min,
                   max(memory_used_bytes) AS memory_used_bytes_max,
                   max(memory_total_bytes) AS memory_total_bytes,
                   sum(net_in_bytes)::BIGINT AS net_in_bytes,
                   sum(net_out_bytes)::BIGINT AS net_out_bytes,
                   max(net_in_max_bytes_per_s) AS net_in_max_bytes_per_s
            FROM worker_samples
            WHERE farm_id = $farm_id AND "at" > $start AND "at" <= $end
            GROUP BY worker_id, slot_at ORDER BY worker_id, slot_at
        """,
        needs=(Need(table="worker_samples", start=span.start, end=Instant(span.end + 1)),),
        parameters={"start": span.start, "end": span.end, "width": width_ms},
    )


def watched_quarters(span: Span) -> Question:
    """Ask which quarters left any trace: without one nobody knows what happened in them."""
    parts = " UNION ALL ".join(
        f'SELECT "{column}" AS moment FROM {table} '  # noqa: S608 - names of the catalog
        f'WHERE farm_id = $farm_id AND "{column}" >= $start AND "{column}" < $end'
        for table, column in _WITNESSES
    )
    return Question(
        sql=f"""
            SELECT DISTINCT moment - moment % {QUARTER_MS} AS slot_at FROM ({parts})
            ORDER BY slot_at
        """,  # noqa: S608 - constant text
        needs=tuple(Need(table=table, start=span.start, end=span.end) for table, _ in _WITNESSES),
        parameters={"start": span.start, "end": span.end},
    )


_WITNESSES = (
    ("events", "at"),
    ("session_actions", "ended_at"),
    ("frames", "ended_at"),
    ("worker_samples", "at"),
    ("server_samples", "at"),
)


def finished_chunks(span: Span) -> Question:
    """Ask for what is booked whole where a chunk finished (ledger rule 11.1)."""
    cost = cost_between("billionths_per_hour", "session_started_at", "started_at", "ended_at")
    return Question(
        sql=f"""
            SELECT slot_at, s.subject AS subject, s.name AS name,
                   sum(cost)::BIGINT AS finished_cost_billionths,
                   sum(ghz)::BIGINT AS ghz_milli_ms, sum(ps)::BIGINT AS ps_milli_ms,
                   sum(watts)::BIGINT AS watt_milli_ms, count(*) AS chunks_finished
            FROM (
              SELECT ended_at - ended_at % {QUARTER_MS} AS slot_at, {cost} AS cost,
                     coalesce(ghz_milli, 0)::HUGEINT * (ended_at - started_at) // threads AS ghz,
                     ps_milli::HUGEINT * (ended_at - started_at) // threads AS ps,
                     coalesce(watts_milli, 0)::HUGEINT * (ended_at - started_at) // threads
                       AS watts,
                     {SUBJECTS} AS s
              FROM session_actions
              WHERE farm_id = $farm_id AND kind = 'task_run' AND status = 'SUCCEEDED'
                AND started_at IS NOT NULL AND ended_at >= $start AND ended_at < $end
            )
            GROUP BY ALL
        """,  # noqa: S608 - constant text
        needs=(Need(table="session_actions", start=span.start, end=span.end),),
        parameters={"start": span.start, "end": span.end},
    )


def sent_chunks(span: Span) -> Question:
    """Ask how many chunks were given to workers."""
    return Question(
        sql=f"""
            SELECT slot_at, s.subject AS subject, s.name AS name, count(*) AS chunks_sent
            FROM (
              SELECT assigned_at - assigned_at % {QUARTER_MS} AS slot_at, {SUBJECTS} AS s
              FROM session_actions
              WHERE farm_id = $farm_id AND kind = 'task_run'
                AND assigned_at >= $start AND assigned_at < $end
            )
            GROUP BY ALL
        """,  # noqa: S608 - constant text
        needs=(Need(table="session_actions", start=span.start, live=True),),
        parameters={"start": span.start, "end": span.end},
    )


def rendered_frames(span: Span, since: Instant) -> Question:
    """Ask for frames of successful attempts, each booked at its own end.

    Frames without a record are booked where their attempt ended.

    Args:
        span: whole quarters.
        since: when the earliest attempt that ended in or after the span was given out.
    """
    return Question(
        sql=f"""
            WITH successes AS (
              SELECT action_id, ended_at, frame_count, user_name, project, app
              FROM session_actions
              WHERE farm_id = $farm_id AND kind = 'task_run' AND status = 'SUCCEEDED'
                AND frame_count IS NOT NULL AND ended_at >= $start
            ),
            booked AS (
              SELECT f.ended_at AS moment, 1 AS frames, f.render_ms, f.peak_memory_bytes,
                     user_name, project, app
              FROM frames f JOIN successes a USING (action_id)
              UNION ALL
              SELECT a.ended_at, a.frame_count - count(f.frame), NULL, NULL,
                     user_name, project, app
              FROM successes a LEFT JOIN frames f USING (action_id)
              GROUP BY a.action_id, a.ended_at, a.frame_count, user_name, project, app
            )
            SELECT slot_at, s.subject AS subject, s.name AS name,
                   sum(frames)::BIGINT AS frames_rendered,
                   coalesce(sum(peak_memory_bytes), 0)::BIGINT AS memory_bytes_sum,
                   count(peak_memory_bytes) AS memory_frames,
                   max(peak_memory_bytes) AS memory_bytes_max,
                   coalesce(sum(render_ms), 0)::BIGINT AS frame_ms_sum,
                   count(render_ms) AS frame_ms_frames, max(render_ms) AS frame_ms_max
            FROM (
              SELECT moment - moment % {QUARTER_MS} AS slot_at, frames, render_ms,
                     peak_memory_bytes, {SUBJECTS} AS s
              FROM booked WHERE moment >= $start AND moment < $end AND frames > 0
            )
            GROUP BY ALL
        """,  # noqa: S608 - constant text
        needs=(
            Need(table="session_actions", start=span.start),
            Need(table="frames", start=since),
        ),
        parameters={"start": span.start, "end": span.end},
    )


def earliest_assignment(start: Instant) -> Question:
    """Ask when the earliest attempt that ended at or after an instant was given out."""
    return Question(
        sql="""
            SELECT min(assigned_at) AS since FROM session_actions
            WHERE farm_id = $farm_id AND ended_at >= $start
        """,
        needs=(Need(table="session_actions", start=start, live=True),),
        parameters={"start": start},
    )


def rendering_ps(span: Span) -> Question:
    """Ask for the PS of threads rendering: summed over time, and the most at once."""
    return Question(
        sql=f"""
            WITH {_QUARTERS},
            runs AS (
              SELECT s.subject AS subject, s.name AS name, b, e, ps FROM (
                SELECT greatest(started_at, $start) AS b, least(ended_at, $end) AS e,
                       ps_milli // threads AS ps, {SUBJECTS} AS s
                FROM session_actions
                WHERE farm_id = $farm_id AND kind = 'task_run' AND started_at IS NOT NULL
                  AND started_at < $end AND ended_at > $start AND ended_at > started_at
              )
            ),
            edges AS (
              SELECT subject, name, moment, sum(change) AS change FROM (
                SELECT subject, name, b AS moment, ps AS change FROM runs
                UNION ALL SELECT subject, name, e, -ps FROM runs
              ) GROUP BY ALL
            ),
            levels AS (
              SELECT subject, name, moment, lead(moment) OVER w AS until,
                     sum(change) OVER (w ROWS UNBOUNDED PRECEDING) AS level
              FROM edges WINDOW w AS (PARTITION BY subject, name ORDER BY moment)
            )
            SELECT slot_at, subject, name,
                   sum(level * (least(until, slot_end) - greatest(moment, slot_at)))::BIGINT
                     AS ps_rendering_milli_ms,
                   max(level)::BIGINT AS ps_rendering_max_milli
            FROM levels JOIN quarters ON moment < slot_end AND until > slot_at
            WHERE level > 0 GROUP BY ALL
        """,  # noqa: S608 - constant text
        needs=(Need(table="session_actions", start=span.start, live=True),),
        parameters={"start": span.start, "end": span.end},
    )


def mean_ps(span: Span) -> Question:
    """Ask for the mean PS of the workers that did something in the day before a quarter's end."""
    day = _PS_DAYS * MILLIS_PER_DAY
    return Question(
        sql=f"""
            WITH {_QUARTERS}
            SELECT slot_at, sum(ps)::BIGINT // count(*) AS ps_milli FROM (
              SELECT slot_at, worker_id, max_by(ps_milli, (ended_at, action_id)) AS ps
              FROM session_actions JOIN quarters
                ON ended_at < slot_end AND ended_at >= slot_end - {day}
              WHERE farm_id = $farm_id GROUP BY slot_at, worker_id
            ) GROUP BY slot_at
        """,  # noqa: S608 - constant text
        needs=(Need(table="session_actions", start=Instant(span.start - day), end=span.end),),
        parameters={"start": span.start, "end": span.end},
    )
