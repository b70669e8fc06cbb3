"""Questions behind the job history. Each answer has at most one row for each layer."""

from collections.abc import Sequence

import pyarrow as pa

from grange.books.history.codes import LOST_CAUSES, STATE_OF_STATUS
from grange.books.questions.model import Need, Question
from grange.books.questions.sql import TILES, cost_between
from grange.books.where import Node, condition
from grange.books.where.order import Wish
from grange.kernel.intervals import Span

_STATE = "CASE status " + " ".join(
    f"WHEN '{status}' THEN '{state}'" for status, state in STATE_OF_STATUS.items()
)
_TOTALS = """
  count(*) AS sent,
  count(*) FILTER (status = 'FAILED') AS crashed,
  count(*) FILTER (status IN ('INTERRUPTED', 'CANCELED')) AS aborted,
  count(*) FILTER (status = 'SUCCEEDED') AS succeeded,
  coalesce(sum(frame_count) FILTER (status = 'SUCCEEDED'), 0)::BIGINT AS frames_returned,
  coalesce(sum(length), 0)::BIGINT AS render_ms,
  coalesce(sum(ps_milli * length // threads), 0)::BIGINT AS ps_milli_ms,
  sum(ghz_milli * length // threads)::BIGINT AS ghz_milli_ms,
  sum(watts_milli * length // threads)::BIGINT AS watt_milli_ms"""
"""What attempts add up to. PS, GHz and power are the thread's share of the machine's."""

_CHOSEN = """
reset_of AS (
  SELECT layer_id, max("at") AS reset_at, count(*) AS resets FROM events
  WHERE farm_id = $farm_id AND name = 'layer_reset' AND {about} GROUP BY layer_id
),
tried AS (
  SELECT a.*, coalesce(a.ended_at - a.started_at, 0) AS length,
         coalesce(a.assigned_at >= r.reset_at, true) AS since_reset
  FROM session_actions a LEFT JOIN reset_of r ON r.layer_id = a.layer_id
  WHERE a.farm_id = $farm_id AND a.kind = 'task_run' AND a.layer_id IS NOT NULL AND a.{about}
)"""
_ONE = "layer_id IN (SELECT layer_id FROM only_one)"
"""In the relation of one layer, or of all."""
_WANTED = "layer_id IN (SELECT layer_id FROM wanted)"
_ONLY_ONE = f"""
only_one AS (
  SELECT layer_id FROM submissions
  WHERE farm_id = $farm_id AND ($layer_id IS NULL OR layer_id = $layer_id)
    AND ($project IS NULL OR project = $project)
),
{_CHOSEN.format(about=_ONE)}"""  # noqa: S608 - constant text
_SOME = _CHOSEN.format(about=_WANTED)
_NEEDS = (
    Need(table="events"),
    Need(table="session_actions", live=True),
)


def projects() -> Question:
    """Ask for the projects that have a history, with how many records and when the latest."""
    return Question(
        sql="""
            SELECT project, count(*) AS records, min(submitted_at) AS first_submitted_at,
                   max(submitted_at) AS last_submitted_at
            FROM submissions WHERE farm_id = $farm_id GROUP BY project ORDER BY project
        """,
        needs=(Need(table="submissions"),),
    )


def records(
    where: Node,
    *,
    project: str | None,
    layer_id: str | None = None,
    newest_first: bool,
    limit: int,
    offset: int,
    order: Sequence[Wish] = (),
) -> Question:
    """Ask for records: filtered first, sorted, limited then; what is alike comes by its time.

    `matched` and `of_all` say how many there are, in every row; if the query is true for none,
    there is one row without a layer.
    """
    asked = condition(where)
    way = "DESC" if newest_first else "ASC"
    by_time = (f"submitted_at {way}", f"job_id {way}", "layer_index", "layer_id")
    sorting = ", ".join((*(wish.sql for wish in order), *by_time))
    return Question(
        sql=f"""
            WITH {_ONLY_ONE},
            state_of AS (
              SELECT layer_id, arg_max(new, ("at", event_id)) AS status,
                     arg_max("at", ("at", event_id)) AS status_at,
                     min("at") FILTER (new = 'SUCCEEDED') AS first_finished_at
              FROM events WHERE farm_id = $farm_id AND name = 'layer_status' AND {_ONE}
              GROUP BY layer_id
            ),
            changed AS (
              SELECT layer_id, max("at") AS changed_at FROM events
              WHERE farm_id = $farm_id AND layer_id IS NOT NULL AND {_ONE} GROUP BY layer_id
            ),
            job_changed AS (
              SELECT job_id, max("at") AS changed_at FROM events
              WHERE farm_id = $farm_id AND layer_id IS NULL AND job_id IS NOT NULL GROUP BY job_id
            ),
            used AS (
              SELECT layer_id, {_TOTALS}, min(started_at) AS started_at,
                     max(ended_at) AS last_ended_at, max(peak_memory_bytes) AS memory_bytes,
                     count(*) FILTER (status = 'FAILED'
                       OR (status = 'INTERRUPTED' AND cause IN {LOST_CAUSES})) AS errors
              FROM tried GROUP BY layer_id
            ),
            record AS (
              SELECT s.*, s.user_name AS "user", s.layer_name AS layer, s.job_name AS job,
                     coalesce(st.status, 'SUCCEEDED') AS status,
                     coalesce({_STATE} END, 'finished') AS state,
                     CASE WHEN coalesce(st.status, 'SUCCEEDED') = 'SUCCEEDED'
                       THEN st.status_at END AS finished_at,
                     st.first_finished_at,
                     greatest(s.submitted_at, c.changed_at, j.changed_at, u.last_ended_at)
                       AS changed_at,
                     coalesce(r.resets, 0) AS resets, r.reset_at,
                     u.started_at, u.memory_bytes,
                     coalesce(u.sent, 0) AS sent, coalesce(u.crashed, 0) AS crashed,
                     coalesce(u.aborted, 0) AS aborted, coalesce(u.errors, 0) AS errors,
                     coalesce(u.frames_returned, 0) AS frames_returned,
                     coalesce(u.render_ms, 0) AS render_ms,
                     nullif(s.detail, '') ->> '$.scene' AS scene
              FROM submissions s
              LEFT JOIN state_of st ON st.layer_id = s.layer_id
              LEFT JOIN changed c ON c.layer_id = s.layer_id
              LEFT JOIN job_changed j ON j.job_id = s.job_id
              LEFT JOIN reset_of r ON r.layer_id = s.layer_id
              LEFT JOIN used u ON u.layer_id = s.layer_id
              WHERE s.farm_id = $farm_id AND s.{_ONE}
            ),
            found AS (SELECT * FROM record WHERE {asked.sql})
            SELECT f.*, n.matched, n.of_all
            FROM (SELECT (SELECT count(*) FROM found) AS matched,
                         (SELECT count(*) FROM record) AS of_all) n
            LEFT JOIN (
              SELECT * FROM found ORDER BY {sorting} LIMIT $limit OFFSET $offset
            ) f ON true
            ORDER BY {sorting}
        """,  # noqa: S608 - names are ours, values are parameters
        needs=(Need(table="submissions"), *_NEEDS),
        parameters={
            **asked.parameters,
            "project": project,
            "layer_id": layer_id,
            "limit": limit,
            "offset": offset,
        },
    )


def totals(layer_ids: Sequence[str]) -> Question:
    """Ask what the attempts of layers add up to: ever, and since the last reset."""
    return _about(
        f"""
            WITH {_SOME}, mine AS (SELECT * FROM tried)
            SELECT layer_id, 'lifetime' AS scope, {_TOTALS} FROM mine GROUP BY layer_id
            UNION ALL
            SELECT layer_id, 'current' AS scope, {_TOTALS} FROM mine WHERE since_reset
            GROUP BY layer_id
        """,  # noqa: S608 - constant text
        layer_ids,
    )


def busy(layer_ids: Sequence[str]) -> Question:
    """Ask how long layers were rendered: by the wall, by each worker, by the speed of workers."""
    return _about(
        f"""
            WITH {_SOME},
            mine AS (
              SELECT layer_id, worker_id, started_at, ended_at, ps_milli, length, since_reset
              FROM tried WHERE started_at IS NOT NULL
            ),
            scoped AS (
              SELECT 'lifetime' AS scope, * FROM mine
              UNION ALL SELECT 'current' AS scope, * FROM mine WHERE since_reset
            ),
            wall AS (
              SELECT scope, layer_id, greatest(0, ended_at - greatest(started_at, coalesce(
                       max(ended_at) OVER (PARTITION BY scope, layer_id ORDER BY started_at,
                         ended_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), started_at)))
                       AS fresh
              FROM scoped
            ),
            each_worker AS (
              SELECT scope, layer_id, greatest(0, ended_at - greatest(started_at, coalesce(
                       max(ended_at) OVER (PARTITION BY scope, layer_id, worker_id
                         ORDER BY started_at, ended_at
                         ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), started_at)))
                       AS fresh
              FROM scoped
            )
            SELECT scope, layer_id, w.wall_ms, v.worker_ms, p.ps_milli
            FROM (SELECT scope, layer_id, sum(fresh)::BIGINT AS wall_ms FROM wall GROUP BY ALL) w
            JOIN (SELECT scope, layer_id, sum(fresh)::BIGINT AS worker_ms FROM each_worker
                  GROUP BY ALL) v USING (scope, layer_id)
            JOIN (SELECT scope, layer_id,
                         round(sum(ps_milli * length) / nullif(sum(length), 0))::BIGINT AS ps_milli
                  FROM scoped GROUP BY ALL) p USING (scope, layer_id)
        """,  # noqa: S608 - constant text
        layer_ids,
    )


def frame_figures(layer_ids: Sequence[str]) -> Question:
    """Ask for the figures of layers' frames, over successful attempts (ledger S0-47)."""
    return _about(
        """
            WITH good AS (
              SELECT f.*, list_avg(f.part_job_cpu) + list_avg(f.part_other_cpu) AS cpu_share
              FROM frames f JOIN wanted USING (layer_id)
              JOIN session_actions a ON a.action_id = f.action_id AND a.status = 'SUCCEEDED'
              WHERE f.farm_id = $farm_id
            )
            SELECT layer_id, count(*) AS frames, sum(render_ms)::BIGINT AS render_ms_sum,
                   max(peak_memory_bytes) AS memory_bytes,
                   max(cpu_ms * 1000 // nullif(render_ms, 0)) AS cores_milli,
                   round(min(cpu_share))::BIGINT AS cpu_milli_min,
                   round(max(cpu_share))::BIGINT AS cpu_milli_max
            FROM good GROUP BY layer_id
        """,
        layer_ids,
        (Need(table="frames"), Need(table="session_actions")),
    )


def frame_traffic(layer_ids: Sequence[str], span: Span) -> Question:
    """Ask how much workers received while a frame rendered: least and most over frames.

    A sample's bytes are shared out by time. Frames no sample was taken in are left out.
    """
    return _about(
        """
            WITH mine AS (
              SELECT f.layer_id, f.action_id, f.frame, f.worker_id, f.started_at, f.ended_at
              FROM frames f JOIN wanted USING (layer_id)
              WHERE f.farm_id = $farm_id AND f.ended_at > f.started_at
            ),
            each_frame AS (
              SELECT m.layer_id, m.action_id, m.frame,
                     sum(s.net_in_bytes * (least(s."at", m.ended_at)
                       - greatest(s."at" - s.coverage_ms, m.started_at)) / s.coverage_ms) AS bytes
              FROM mine m JOIN worker_samples s ON s.worker_id = m.worker_id
                AND s.coverage_ms > 0 AND s."at" > m.started_at
                AND s."at" - s.coverage_ms < m.ended_at
              WHERE s.farm_id = $farm_id
              GROUP BY ALL
            )
            SELECT layer_id, round(min(bytes))::BIGINT AS traffic_bytes_min,
                   round(max(bytes))::BIGINT AS traffic_bytes_max
            FROM each_frame GROUP BY layer_id
        """,
        layer_ids,
        (
            Need(table="frames"),
            Need(table="worker_samples", start=span.start, end=span.end),
        ),
    )


def priced(layer_ids: Sequence[str]) -> Question:
    """Ask for the cost of layers, and PS-time by what its price depends on (ledger S0-49)."""
    cost = cost_between("rate", "session_start", "tile_start", "tile_end")
    return _about(
        f"""
            WITH chosen AS (
              SELECT s.* FROM sessions s WHERE s.farm_id = $farm_id AND s.job_id IN (
                SELECT job_id FROM submissions JOIN wanted USING (layer_id))
            ),
            {TILES}
            SELECT for_layer_id AS layer_id, sum({cost})::BIGINT AS cost_billionths
            FROM tiles WHERE for_layer_id IN (SELECT layer_id FROM wanted) GROUP BY ALL
        """,  # noqa: S608 - constant text
        layer_ids,
        (
            Need(table="sessions", live=True),
            Need(table="session_actions", live=True),
            Need(table="submissions"),
        ),
    )


def ps_time(layer_ids: Sequence[str]) -> Question:
    """Ask for the PS-time of layers by everything its price depends on."""
    return _about(
        """
            SELECT a.layer_id, s.card_id, a.fleet_id, a.app, a.threads,
                   sum(a.ps_milli * (a.ended_at - a.started_at))::BIGINT AS ps_milli_ms
            FROM session_actions a JOIN wanted USING (layer_id)
            JOIN sessions s ON s.session_id = a.session_id
            WHERE a.farm_id = $farm_id AND a.kind = 'task_run' AND a.started_at IS NOT NULL
            GROUP BY ALL ORDER BY ALL
        """,
        layer_ids,
        (Need(table="sessions", live=True), Need(table="session_actions", live=True)),
    )


def workers_of(layer_id: str) -> Question:
    """Ask what each worker did for a layer (ledger S0-54)."""
    return Question(
        sql="""
            SELECT worker_id, count(*) AS sent,
                   count(*) FILTER (status = 'FAILED') AS crashed,
                   count(*) FILTER (status IN ('INTERRUPTED', 'CANCELED')) AS aborted,
                   coalesce(sum(ended_at - started_at), 0)::BIGINT AS render_ms,
                   max(CASE WHEN status = 'RUNNING' THEN 1 ELSE 0 END) = 1 AS assigned
            FROM session_actions
            WHERE farm_id = $farm_id AND kind = 'task_run' AND layer_id = $layer_id
            GROUP BY worker_id ORDER BY worker_id
        """,
        needs=(Need(table="session_actions", live=True),),
        parameters={"layer_id": layer_id},
    )


def attempts_of(layer_id: str) -> Question:
    """Ask for every attempt of a layer, by time."""
    return Question(
        sql="""
            SELECT action_id, worker_id, task_index, attempt, status, cause, frames, frame_count,
                   assigned_at, started_at, ended_at, exit_code, error_class, error_text
            FROM session_actions
            WHERE farm_id = $farm_id AND kind = 'task_run' AND layer_id = $layer_id
            ORDER BY ended_at, action_id
        """,
        needs=(Need(table="session_actions", live=True),),
        parameters={"layer_id": layer_id},
    )


def events_of(job_id: str, layer_id: str) -> Question:
    """Ask for the events of a layer and of its job, by time."""
    return Question(
        sql="""
            SELECT event_id, "at", subject, name, old, new, actor, number, worker_id, layer_id
            FROM events
            WHERE farm_id = $farm_id AND job_id = $job_id
              AND (layer_id IS NULL OR layer_id = $layer_id) AND subject <> 'session'
            ORDER BY "at", event_id
        """,
        needs=(Need(table="events"),),
        parameters={"job_id": job_id, "layer_id": layer_id},
    )


def _about(sql: str, layer_ids: Sequence[str], needs: tuple[Need, ...] = _NEEDS) -> Question:
    """Make a question about some layers; they are in `wanted`."""
    return Question(
        sql=sql,
        needs=needs,
        given={"wanted": pa.table({"layer_id": pa.array(layer_ids, pa.string())})},
    )
