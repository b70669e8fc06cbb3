"""Questions about usage: sessions split at bucket borders, and tiles by attribute."""

from collections.abc import Iterable, Mapping

import pyarrow as pa

from grange.books.aggregation import COLUMNS, Aggregation, GroupBy
from grange.books.questions.model import Need, Question
from grange.books.questions.sql import TILES, cost_between
from grange.kernel.intervals import Span
from grange.kernel.units import Instant

_MEASURES = """
  count(*) AS sessions,
  count(*) AS runtime_count, sum(runtime_ms)::BIGINT AS runtime_sum,
  min(runtime_ms)::BIGINT AS runtime_min, max(runtime_ms)::BIGINT AS runtime_max,
  count(cost) AS cost_count, sum(cost)::BIGINT AS cost_sum,
  min(cost)::BIGINT AS cost_min, max(cost)::BIGINT AS cost_max"""


def bucket_table(buckets: Iterable[Span]) -> pa.Table:
    """Return buckets as the relation `buckets`."""
    listed = list(buckets)
    return pa.table(
        {
            "start_at": pa.array([bucket.start for bucket in listed], pa.int64()),
            "end_at": pa.array([bucket.end for bucket in listed], pa.int64()),
        }
    )


_COST = cost_between("billionths_per_hour", "started_at", "piece_start", "piece_end")
_PIECES = f"""
cut AS (
  SELECT b.start_at, b.end_at, s.*, greatest(s.started_at, b.start_at) AS piece_start,
         least(s.ended_at, b.end_at, $until) AS piece_end
  FROM sessions s JOIN buckets b ON s.started_at < b.end_at AND s.ended_at > b.start_at
  WHERE s.farm_id = $farm_id
),
pieces AS (
  SELECT *, piece_end - piece_start AS runtime_ms, {_COST} AS cost
  FROM cut WHERE piece_end > piece_start
)"""  # noqa: S608 - constant text


def statistics(
    request: Aggregation, buckets: Iterable[Span], until: Instant, most_rows: int
) -> Question:
    """Ask for the rows of a statistics aggregation, in a fixed order.

    Args:
        request: what was asked.
        buckets: of the request's range.
        until: when the request was made, or the end of its range: time after it is not counted.
        most_rows: one more than this many rows is too many.
    """
    groups = [column for group in request.group_by if (column := COLUMNS[group]) is not None]
    names = "".join(f", {column}" for column in groups)
    job_name = (
        ", max_by(job_name, (started_at, session_id)) AS job_name"
        if GroupBy.JOB_ID in request.group_by
        else ""
    )
    return Question(
        sql=f"""
            WITH {_PIECES}
            SELECT start_at, end_at{names}{job_name}, {_MEASURES}
            FROM pieces
            WHERE list_contains($resource_ids::VARCHAR[], {request.resource_column})
            GROUP BY start_at, end_at{names}
            ORDER BY start_at{names}
            LIMIT {most_rows + 1}
        """,  # noqa: S608 - columns of a closed list
        needs=(Need(table="sessions", start=request.span.start, live=True),),
        parameters={"resource_ids": list(request.resource_ids), "until": until},
        given={"buckets": bucket_table(buckets)},
    )


USAGE_COLUMNS: Mapping[str, str] = {
    "user": "user_name",
    "queue": "queue_id",
    "fleet": "fleet_id",
    "worker": "worker_id",
    "job": "job_id",
    "project": "project",
    "app": "app",
    "shot": "shot",
    "render_type": "render_type",
    "layer": "layer_id",
}
"""What usage can be grouped by → its column."""


def first_start(span: Span) -> Question:
    """Ask when the earliest of the sessions open in a span began: `started_at`, null of none."""
    return Question(
        sql="""
            SELECT min(started_at) AS started_at FROM sessions
            WHERE farm_id = $farm_id AND started_at < $end AND ended_at > $start
        """,
        needs=(Need(table="sessions", start=span.start, live=True),),
        parameters={"start": span.start, "end": span.end},
    )


def usage(span: Span, group_by: Iterable[str], since: Instant) -> Question:
    """Ask for hours and cost by any of `USAGE_COLUMNS`, and by the threads of the worker.

    Time is cut into tiles: a gap counts for the action after it, and an environment for the layer
    that needed it.

    Args:
        span: what is asked about; sessions are cut to it.
        group_by: names of `USAGE_COLUMNS`.
        since: when the earliest of the sessions began.
    """
    columns = [USAGE_COLUMNS[name] for name in group_by]
    names = ", ".join([*columns, "threads"])
    chosen = ", ".join(_CHOSEN.get(column, column) for column in columns)
    clipped_start, clipped_end = "greatest(tile_start, $start)", "least(tile_end, $end)"
    cost = cost_between("rate", "session_start", clipped_start, clipped_end)
    return Question(
        sql=f"""
            WITH chosen AS (
              SELECT * FROM sessions
              WHERE farm_id = $farm_id AND started_at < $end AND ended_at > $start
            ),
            {TILES},
            layers AS (
              SELECT layer_id AS known_layer_id, max_by(project, ended_at) AS layer_project,
                     max_by(app, ended_at) AS layer_app, max_by(shot, ended_at) AS layer_shot,
                     max_by(render_type, ended_at) AS layer_render_type
              FROM session_actions WHERE layer_id IS NOT NULL GROUP BY layer_id
            ),
            clipped AS (
              SELECT {chosen}, t.session_id, t.threads,
                     {clipped_end} - {clipped_start} AS runtime_ms, {cost} AS cost
              FROM tiles t LEFT JOIN layers l ON l.known_layer_id = t.for_layer_id
              WHERE tile_start < $end AND tile_end > $start AND tile_start < tile_end
            )
            SELECT {names}, count(DISTINCT session_id) AS sessions,
                   sum(runtime_ms)::BIGINT AS runtime_ms, sum(cost)::BIGINT AS cost
            FROM clipped GROUP BY {names} ORDER BY {names}
        """,  # noqa: S608 - columns of a closed list
        needs=(
            Need(table="sessions", start=span.start, live=True),
            Need(table="session_actions", start=since, live=True),
        ),
        parameters={"start": span.start, "end": span.end},
    )


_CHOSEN: Mapping[str, str] = {
    "project": "coalesce(layer_project, t.project, session_project) AS project",
    "app": "coalesce(layer_app, t.app, 'unassigned') AS app",
    "shot": "coalesce(layer_shot, t.shot, 'unassigned') AS shot",
    "render_type": "coalesce(layer_render_type, t.render_type, 'unassigned') AS render_type",
    "layer_id": "for_layer_id AS layer_id",
}
