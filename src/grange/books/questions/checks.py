"""Questions that find what must not be."""

from grange.books.catalog.model import TableSpec
from grange.books.questions.model import Need, Question
from grange.books.questions.sql import TILES, cost_until
from grange.books.questions.time import ATTEMPTED

_ACTIONS = Need(table="session_actions")
_SESSIONS = Need(table="sessions")


def repeated_keys(spec: TableSpec) -> Question:
    """Ask how many rows a table has, and how many of them repeat a key.

    Groups go to the disk where there are too many for the memory; counting distinct keys does not.
    """
    keys = ", ".join(f'"{name}"' for name in spec.key)
    return Question(
        sql=f"""
            SELECT coalesce(sum(times), 0)::BIGINT AS found,
                   coalesce(sum(times - 1), 0)::BIGINT AS repeated
            FROM (SELECT count(*) AS times FROM {spec.name} GROUP BY {keys})
        """,  # noqa: S608 - names of the catalog
        needs=(Need(table=spec.name),),
    )


def first_instant() -> Question:
    """Ask when the first event happened."""
    return Question(
        sql='SELECT min("at") AS "at" FROM events WHERE farm_id = $farm_id',
        needs=(Need(table="events"),),
    )


def tiles_and_sessions() -> Question:
    """Ask for the time and money of all sessions, as they are and as the sum of their tiles."""
    piece = (
        f"({cost_until('rate', 'tile_end - session_start')}"
        f" - {cost_until('rate', 'tile_start - session_start')})"
    )
    return Question(
        sql=f"""
            WITH chosen AS (SELECT * FROM sessions WHERE farm_id = $farm_id),
            {TILES}
            SELECT
              (SELECT count(*) FROM chosen) AS sessions,
              (SELECT coalesce(sum(ended_at - started_at), 0)::BIGINT FROM chosen) AS runtime_ms,
              (SELECT coalesce(sum(amount_billionths), 0)::BIGINT FROM chosen) AS amount,
              (SELECT coalesce(sum(tile_end - tile_start), 0)::BIGINT FROM tiles) AS tiles_ms,
              (SELECT coalesce(sum({piece}), 0)::BIGINT FROM tiles) AS tiles_amount,
              (SELECT count(*) FROM tiles WHERE tile_end < tile_start) AS backward
        """,  # noqa: S608 - constant text
        needs=(_SESSIONS, _ACTIONS),
    )


def overlapping_sessions() -> Question:
    """Ask for sessions that began on a job thread before the one before them had ended."""
    return Question(
        sql="""
            SELECT session_id, worker_id, thread, started_at, before FROM (
              SELECT *, max(ended_at) OVER (PARTITION BY worker_id, thread
                ORDER BY started_at, ended_at, session_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
              FROM sessions WHERE farm_id = $farm_id AND ended_at > started_at
            ) WHERE started_at < before ORDER BY started_at LIMIT 100
        """,
        needs=(_SESSIONS,),
    )


def actions_outside() -> Question:
    """Ask for attempted actions that reach out of their session or into the action before them."""
    return Question(
        sql="""
            SELECT action_id FROM (
              SELECT a.action_id, a.started_at, a.ended_at, s.started_at AS session_start,
                     s.ended_at AS session_end,
                     max(a.ended_at) OVER (PARTITION BY a.session_id
                       ORDER BY a.started_at, a.action_index
                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
              FROM session_actions a JOIN sessions s USING (session_id)
              WHERE a.farm_id = $farm_id AND a.started_at IS NOT NULL
            )
            WHERE started_at < session_start OR ended_at > session_end OR ended_at < started_at
               OR started_at < before
            ORDER BY action_id LIMIT 100
        """,
        needs=(_SESSIONS, _ACTIONS),
    )


def double_successes() -> Question:
    """Ask for tasks that succeeded again although nobody asked for it in between."""
    return Question(
        sql="""
            WITH successes AS (
              SELECT job_id, layer_id, task_index, action_id, assigned_at, ended_at,
                     'task-' || substr(layer_id, 6) || '-' || task_index AS task_id,
                     lag(ended_at) OVER (PARTITION BY layer_id, task_index
                       ORDER BY ended_at, action_id) AS before
              FROM session_actions
              WHERE farm_id = $farm_id AND kind = 'task_run' AND status = 'SUCCEEDED'
            )
            SELECT task_id, action_id FROM successes s
            WHERE before IS NOT NULL AND NOT EXISTS (
              SELECT 1 FROM events e
              WHERE e."at" >= s.before AND e."at" <= s.ended_at AND (
                (e.name = 'task_status' AND e.subject_id = s.task_id)
                OR (e.name IN ('layer_status', 'job_status') AND e.job_id = s.job_id
                    AND e.actor <> '')
                OR (e.name = 'frames_superseded' AND e.job_id = s.job_id)
              )
            )
            ORDER BY task_id, action_id LIMIT 100
        """,
        needs=(_ACTIONS, Need(table="events")),
    )


def current_successes() -> Question:
    """Ask for the frames of every success that still counts, and how many records each has."""
    return Question(
        sql=f"""
            WITH {ATTEMPTED},
            recorded AS (SELECT action_id, count(*) AS records FROM frames GROUP BY action_id)
            SELECT a.layer_id, a.task_index, a.action_id, a.frames, a.frame_count,
                   coalesce(r.records, 0) AS records
            FROM attempted a LEFT JOIN recorded r USING (action_id)
            WHERE a.kind = 'task_run' AND a.status = 'SUCCEEDED' AND NOT a.superseded
              AND a.frames IS NOT NULL
            ORDER BY a.layer_id, a.task_index
        """,  # noqa: S608 - constant text
        needs=(_ACTIONS, Need(table="frames")),
    )


def strange_frames() -> Question:
    """Ask for frame records of attempts that their worker never had."""
    return Question(
        sql="""
            SELECT f.action_id, f.frame FROM frames f JOIN session_actions a USING (action_id)
            WHERE f.farm_id = $farm_id
              AND (f.worker_id <> a.worker_id OR f.layer_id IS DISTINCT FROM a.layer_id
                   OR f.task_index IS DISTINCT FROM a.task_index)
            ORDER BY f.action_id, f.frame LIMIT 100
        """,
        needs=(_ACTIONS, Need(table="frames")),
    )


def sessions_as_booked() -> Question:
    """Ask for what the books say of every session."""
    return Question(
        sql="""
            SELECT session_id, started_at, ended_at, billionths_per_hour FROM sessions
            WHERE farm_id = $farm_id
        """,
        needs=(_SESSIONS,),
    )


def actions_as_booked() -> Question:
    """Ask for what the books say of every session action."""
    return Question(
        sql="""
            SELECT session_id, action_index, status, started_at, ended_at FROM session_actions
            WHERE farm_id = $farm_id
        """,
        needs=(_ACTIONS,),
    )


def booked_amounts() -> Question:
    """Ask for sessions whose amount is not A(end)."""
    return Question(
        sql=f"""
            SELECT session_id FROM sessions
            WHERE farm_id = $farm_id AND amount_billionths IS DISTINCT FROM
              {cost_until("billionths_per_hour", "ended_at - started_at")}
            ORDER BY session_id LIMIT 100
        """,  # noqa: S608 - constant text
        needs=(_SESSIONS,),
    )


def facts_refused() -> Question:
    """Ask how many facts of workers were refused because they came too late, by table."""
    return Question(
        sql="""
            SELECT new AS table_name, sum(number)::BIGINT AS facts FROM events
            WHERE farm_id = $farm_id AND name = 'facts_refused' GROUP BY new ORDER BY new
        """,
        needs=(Need(table="events"),),
    )
