"""Questions behind the rings of the whole farm and the counters of job threads.

Widths are minutes or quarters. As with all rollups, an answer for a slot depends only on facts,
never on how many slots are asked for at once.
"""

import pyarrow as pa

from grange.books.catalog.ring_tables import SERVER_LEVELS
from grange.books.questions.model import Need, Question
from grange.books.questions.slots import DONE_MS, SUBJECTS
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_MINUTE, Instant

_FOREVER = 2**62
_UNFINISHED = "status NOT IN ('SUCCEEDED', 'CANCELED')"
_SLOTS = """
slots AS (
  SELECT slot_at, slot_at + $width AS slot_end
  FROM (SELECT unnest(range($start, $end, $width)) AS slot_at)
)"""
_WITNESSES = (
    ("events", '"at"'),
    ("session_actions", "ended_at"),
    ("frames", "ended_at"),
    ("worker_samples", '"at" - 1'),
    # A sample of the server is made just after the time it tells of.
    ("server_samples", '"at" - coverage_ms // 2'),
)


def witnessed(span: Span, width_ms: int) -> Question:
    """Ask which slots left any trace: without one nobody knows what happened in them."""
    parts = " UNION ALL ".join(
        f"SELECT {moment} AS moment FROM {table} "  # noqa: S608 - names of the catalog
        f"WHERE farm_id = $farm_id AND {moment} >= $start AND {moment} < $end"
        for table, moment in _WITNESSES
    )
    return Question(
        sql=f"""
            SELECT DISTINCT moment - moment % $width AS slot_at FROM ({parts}) ORDER BY slot_at
        """,  # noqa: S608 - constant text
        needs=tuple(
            Need(table=table, start=span.start, end=Instant(span.end + MILLIS_PER_MINUTE))
            for table, _ in _WITNESSES
        ),
        parameters={"start": span.start, "end": span.end, "width": width_ms},
    )


def layer_changes(span: Span) -> Question:
    """Ask what every layer showed during the span: what is over shows it for `DONE_MS` only."""
    return Question(
        sql=f"""
            SELECT * FROM (
              SELECT layer_id, job_id, "at" AS since, new AS status, coalesce(number, 0) AS tasks,
                     coalesce(json_extract_string(detail, '$.render_type'), 'unassigned')
                       AS render_type,
                     coalesce(CAST(json_extract_string(detail, '$.max_workers') AS BIGINT), -1)
                       AS max_workers,
                     coalesce(CAST(json_extract_string(detail, '$.frame_count') AS BIGINT), 0)
                       AS frames,
                     coalesce(json_extract_string(detail, '$.user'), '') AS user_name,
                     coalesce(json_extract_string(detail, '$.project'), 'unassigned') AS project,
                     coalesce(json_extract_string(detail, '$.app'), 'unassigned') AS app,
                     least(coalesce(lead("at") OVER w, {_FOREVER}),
                           CASE WHEN new IN ('SUCCEEDED', 'CANCELED', 'FAILED')
                                THEN "at" + {DONE_MS} ELSE {_FOREVER} END) AS until,
                     first_value("at") OVER w AS created_at
              FROM events
              WHERE farm_id = $farm_id AND name = 'layer_status' AND layer_id IS NOT NULL
                AND "at" < $end
              WINDOW w AS (PARTITION BY layer_id ORDER BY "at", event_id)
            ) WHERE until > $start
        """,  # noqa: S608 - constant text
        needs=(Need(table="events", end=span.end),),
        parameters={"start": span.start, "end": span.end},
    )


def work_by_layer(span: Span, width_ms: int, changes: pa.Table, since: Instant) -> Question:
    """Ask what is left of each unfinished layer at the end of each slot.

    A chunk is settled while somebody has it, and from its success until it is asked for again.

    Args:
        span: whole slots.
        width_ms: of a slot.
        changes: the answer of `layer_changes`.
        since: when the oldest unfinished layer was created.
    """
    return Question(
        sql=f"""
            WITH {_SLOTS},
            unfinished AS (
              SELECT slot_at, slot_end, layer_id, job_id, render_type, max_workers, frames, tasks,
                     user_name, project, app
              FROM slots JOIN layer_changes ON since < slot_end AND until >= slot_end
              WHERE {_UNFINISHED}
            ),
            attempts AS (
              SELECT layer_id, task_index, status = 'SUCCEEDED' AS done,
                     coalesce(frame_count, 0) AS frames, assigned_at, ended_at,
                     'task-' || substr(layer_id, 6) || '-' || task_index AS task_id
              FROM session_actions
              WHERE farm_id = $farm_id AND kind = 'task_run' AND assigned_at < $end
                AND layer_id IN (SELECT layer_id FROM unfinished)
            ),
            resets AS (
              SELECT subject_id AS task_id, "at" AS reset_at FROM events
              WHERE farm_id = $farm_id AND name = 'task_status' AND new IN ('READY', 'PENDING')
            ),
            held AS (
              SELECT a.layer_id, a.task_index, a.done, a.frames, a.assigned_at, a.ended_at,
                     CASE WHEN a.done THEN coalesce(r.reset_at, {_FOREVER}) ELSE a.ended_at END
                       AS until
              FROM attempts a ASOF LEFT JOIN resets r
                ON a.task_id = r.task_id AND a.ended_at <= r.reset_at
            ),
            pieces AS (
              SELECT layer_id, task_index, 'chunk' AS kind, 1 AS amount, assigned_at AS lo,
                     until AS hi FROM held
              UNION ALL
              SELECT layer_id, task_index, 'frames', frames, ended_at, until FROM held WHERE done
            ),
            marked AS (
              SELECT *, lo > coalesce(max(hi) OVER (PARTITION BY layer_id, task_index, kind
                ORDER BY lo, hi ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), -1) AS fresh
              FROM pieces
            ),
            numbered AS (
              SELECT *, sum(fresh::INT) OVER (PARTITION BY layer_id, task_index, kind
                ORDER BY lo, hi ROWS UNBOUNDED PRECEDING) AS island
              FROM marked
            ),
            islands AS (
              SELECT layer_id, kind, max(amount) AS amount, greatest(min(lo), $start) AS lo,
                     max(hi) AS hi
              FROM numbered GROUP BY layer_id, task_index, kind, island HAVING max(hi) > $start
            ),
            edges AS (
              SELECT layer_id, moment, sum(chunks) AS chunks, sum(frames) AS frames FROM (
                SELECT layer_id, lo AS moment, CASE WHEN kind = 'chunk' THEN amount ELSE 0 END
                         AS chunks, CASE WHEN kind = 'frames' THEN amount ELSE 0 END AS frames
                FROM islands
                UNION ALL
                SELECT layer_id, hi, CASE WHEN kind = 'chunk' THEN -amount ELSE 0 END,
                       CASE WHEN kind = 'frames' THEN -amount ELSE 0 END
                FROM islands WHERE hi < $end
              ) GROUP BY ALL
            ),
            levels AS (
              SELECT layer_id, moment, sum(chunks) OVER w AS chunks, sum(frames) OVER w AS frames
              FROM edges
              WINDOW w AS (PARTITION BY layer_id ORDER BY moment ROWS UNBOUNDED PRECEDING)
            )
            SELECT u.slot_at, u.layer_id, u.job_id, u.render_type, u.max_workers,
                   u.user_name, u.project, u.app,
                   greatest(u.frames - coalesce(v.frames, 0), 0)::BIGINT AS frames_left,
                   greatest(u.tasks - coalesce(v.chunks, 0), 0)::BIGINT AS chunks_left
            FROM unfinished u ASOF LEFT JOIN levels v
              ON u.layer_id = v.layer_id AND u.slot_end > v.moment
        """,  # noqa: S608 - constant text
        needs=(
            Need(table="events", start=since, end=span.end),
            Need(table="session_actions", start=since, live=True),
        ),
        parameters={"start": span.start, "end": span.end, "width": width_ms},
        given={"layer_changes": changes},
    )


def left_by_type(left: pa.Table) -> Question:
    """Ask for frames and chunks left by slot and render type in the answer of `work_by_layer`."""
    return Question(
        sql="""
            SELECT slot_at, render_type, sum(frames_left)::BIGINT AS frames_left,
                   sum(chunks_left)::BIGINT AS chunks_unassigned
            FROM work_left GROUP BY ALL
        """,
        needs=(),
        given={"work_left": left},
    )


def left_by_subject(left: pa.Table) -> Question:
    """Ask for frames and chunks left by slot and user, project or app; see `work_by_layer`."""
    return Question(
        sql=f"""
            SELECT slot_at, s.subject AS subject, s.name AS name,
                   sum(frames_left)::BIGINT AS frames_left,
                   sum(chunks_left)::BIGINT AS chunks_unassigned
            FROM (SELECT slot_at, frames_left, chunks_left, {SUBJECTS} AS s FROM work_left)
            GROUP BY ALL
        """,  # noqa: S608 - constant text
        needs=(),
        given={"work_left": left},
    )


def workers_needed(left: pa.Table) -> Question:
    """Ask for the workers that would start all that is left (ledger rule 11.5)."""
    return Question(
        sql="""
            SELECT slot_at, sum(CASE WHEN max_workers < 0 THEN chunks
                                     ELSE least(chunks, max_workers) END)::BIGINT AS workers_needed
            FROM (SELECT slot_at, job_id, min(max_workers) AS max_workers,
                         sum(chunks_left) AS chunks FROM work_left GROUP BY ALL)
            GROUP BY slot_at
        """,
        needs=(),
        given={"work_left": left},
    )


_BOOKED = """
successes AS (
  SELECT action_id, worker_id, thread, ended_at, frame_count, render_type
  FROM session_actions
  WHERE farm_id = $farm_id AND kind = 'task_run' AND status = 'SUCCEEDED'
    AND frame_count IS NOT NULL AND ended_at >= $start
),
booked AS (
  SELECT f.ended_at AS moment, 1 AS frames, f.render_ms, a.worker_id, a.thread, a.render_type
  FROM frames f JOIN successes a USING (action_id)
  UNION ALL
  SELECT a.ended_at, a.frame_count - count(f.frame), NULL, a.worker_id, a.thread, a.render_type
  FROM successes a LEFT JOIN frames f USING (action_id)
  GROUP BY a.action_id, a.ended_at, a.frame_count, a.worker_id, a.thread, a.render_type
)"""
"""Frames of successful attempts, each at its own end; those without a record at their attempt's."""


def _booked_needs(span: Span, since: Instant) -> tuple[Need, Need]:
    return Need(table="session_actions", start=span.start), Need(table="frames", start=since)


def frames_by_type(span: Span, width_ms: int, since: Instant) -> Question:
    """Ask for frames by slot and render type, each booked at its own end.

    Args:
        span: whole slots.
        width_ms: of a slot.
        since: when the earliest attempt that ended in or after the span was given out.
    """
    return Question(
        sql=f"""
            WITH {_BOOKED}
            SELECT moment - moment % $width AS slot_at, render_type,
                   sum(frames)::BIGINT AS frames_rendered,
                   coalesce(sum(render_ms), 0)::BIGINT AS frame_ms_sum,
                   count(render_ms) AS frame_ms_frames, max(render_ms) AS frame_ms_max
            FROM booked WHERE moment >= $start AND moment < $end AND frames > 0 GROUP BY ALL
        """,  # noqa: S608 - constant text
        needs=_booked_needs(span, since),
        parameters={"start": span.start, "end": span.end, "width": width_ms},
    )


def temperatures(span: Span, width_ms: int) -> Question:
    """Ask for the temperatures of workers' first disks."""
    return Question(
        sql="""
            SELECT ("at" - 1) - ("at" - 1) % $width AS slot_at,
                   sum(temperature_milli_c)::BIGINT AS temperature_milli_c_sum,
                   count(temperature_milli_c) AS temperature_milli_c_samples
            FROM worker_samples
            WHERE farm_id = $farm_id AND "at" > $start AND "at" <= $end
            GROUP BY slot_at
        """,
        needs=(Need(table="worker_samples", start=span.start, end=Instant(span.end + 1)),),
        parameters={"start": span.start, "end": span.end, "width": width_ms},
    )


def server_by_slot(span: Span, width_ms: int) -> Question:
    """Ask for the server's samples put together; each lies where the middle of its time does."""
    levels = ", ".join(
        f"sum({column})::BIGINT AS {name}_sum, count({column}) AS {name}_samples"
        for name, _, _ in SERVER_LEVELS
        for column in (name.removeprefix("server_"),)
    )
    return Question(
        sql=f"""
            SELECT moment - moment % $width AS slot_at,
                   sum(coverage_ms)::BIGINT AS server_coverage_ms, {levels},
                   max(largest_reply_bytes) AS largest_reply_bytes
            FROM (SELECT *, "at" - coverage_ms // 2 AS moment FROM server_samples
                  WHERE farm_id = $farm_id)
            WHERE moment >= $start AND moment < $end GROUP BY slot_at
        """,  # noqa: S608 - names of the catalog
        needs=(
            Need(
                table="server_samples",
                start=span.start,
                end=Instant(span.end + MILLIS_PER_MINUTE),
            ),
        ),
        parameters={"start": span.start, "end": span.end, "width": width_ms},
    )


def thread_quarters(span: Span, width_ms: int, since: Instant, up: pa.Table) -> Question:
    """Ask for what each job thread did in each quarter.

    Args:
        span: whole quarters.
        width_ms: of a quarter.
        since: when the earliest attempt that ended in or after the span was given out.
        up: how long each thread was up, by quarter.
    """
    return Question(
        sql=f"""
            WITH {_BOOKED},
            parts AS (
              SELECT worker_id, thread, slot_at, up_ms FROM threads_up
              UNION ALL BY NAME
              SELECT worker_id, thread, moment - moment % $width AS slot_at, frames AS frames_done
              FROM booked WHERE moment >= $start AND moment < $end AND frames > 0
              UNION ALL BY NAME
              SELECT worker_id, thread, ended_at - ended_at % $width AS slot_at,
                     (status = 'SUCCEEDED')::BIGINT AS chunks_successful,
                     (status = 'FAILED')::BIGINT AS chunks_crashed,
                     (status IN ('INTERRUPTED', 'CANCELED'))::BIGINT AS chunks_aborted
              FROM session_actions
              WHERE farm_id = $farm_id AND kind = 'task_run' AND started_at IS NOT NULL
                AND ended_at >= $start AND ended_at < $end
              UNION ALL BY NAME
              SELECT worker_id, thread, ("at" - 1) - ("at" - 1) % $width AS slot_at, 1 AS samples,
                     cpu_milli AS cpu_milli_sum, memory_bytes AS memory_bytes_max
              FROM thread_samples
              WHERE farm_id = $farm_id AND "at" > $start AND "at" <= $end
            )
            SELECT $farm_id AS farm_id, slot_at, worker_id, thread,
                   coalesce(sum(up_ms), 0)::BIGINT AS up_ms,
                   coalesce(sum(frames_done), 0)::BIGINT AS frames_done,
                   coalesce(sum(chunks_successful), 0)::BIGINT AS chunks_successful,
                   coalesce(sum(chunks_crashed), 0)::BIGINT AS chunks_crashed,
                   coalesce(sum(chunks_aborted), 0)::BIGINT AS chunks_aborted,
                   coalesce(sum(samples), 0)::BIGINT AS samples,
                   coalesce(sum(cpu_milli_sum), 0)::BIGINT AS cpu_milli_sum,
                   max(memory_bytes_max) AS memory_bytes_max
            FROM parts GROUP BY worker_id, thread, slot_at ORDER BY worker_id, thread, slot_at
        """,  # noqa: S608 - constant text
        needs=(
            *_booked_needs(span, since),
            Need(table="thread_samples", start=span.start, end=Instant(span.end + 1)),
        ),
        parameters={"start": span.start, "end": span.end, "width": width_ms},
        given={"threads_up": up},
    )


def group_changes(end: Instant) -> Question:
    """Ask who joined or left a group of workers before `end`, in order."""
    return Question(
        sql="""
            SELECT subject_id AS group_name, worker_id, "at", name = 'group_joined' AS joined
            FROM events
            WHERE farm_id = $farm_id AND subject = 'group' AND worker_id IS NOT NULL
              AND name IN ('group_joined', 'group_left') AND "at" < $end
            ORDER BY "at", event_id
        """,
        needs=(Need(table="events", end=end),),
        parameters={"end": end},
    )
