"""Questions about usage: sessions split at bucket borders, and tiles by attribute."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from grange.books.aggregation import COLUMNS, SPLIT_BY_LICENCE, Aggregation, GroupBy
from grange.books.questions.model import Need, Question
from grange.books.questions.sql import TILES, cost_between, cost_until
from grange.domain.exchange import DatedRate
from grange.kernel.intervals import Span
from grange.kernel.units import (
    BILLIONTHS,
    MILLIS_PER_HOUR,
    MILLIS_PER_MINUTE,
    MILLIS_PER_SECOND,
    Instant,
)

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


WIDTHS_MS = (24 * MILLIS_PER_HOUR, MILLIS_PER_HOUR, MILLIS_PER_HOUR // 2, MILLIS_PER_HOUR // 4,
             MILLIS_PER_MINUTE, MILLIS_PER_SECOND, 1)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Places:
    """Which bucket holds each place of time.

    A place is an aligned stretch of time that no border between two buckets cuts: an hour mostly, a
    quarter where the zone is so many hours and a half away.
    """

    width_ms: int
    first: int
    """Number of the first place: its start ÷ the width."""
    starts: list[int]
    ends: list[int]
    """Of the bucket of each place, ascending."""

    @property
    def parameters(self) -> dict[str, Any]:
        """Return the parameters of `PLACES`."""
        return {
            "width": self.width_ms,
            "first_place": self.first,
            "place_starts": self.starts,
            "place_ends": self.ends,
        }


PLACES = """
places AS (
  SELECT unnest($place_starts::BIGINT[]) AS start_at, unnest($place_ends::BIGINT[]) AS end_at,
         unnest(range($first_place, $first_place + len($place_starts::BIGINT[]))) AS place
)"""
"""The relation `places`. It is made of parameters, so that DuckDB knows it is the small side of a
join: with a table it kept all sessions in memory instead."""


def places_of(buckets: Sequence[Span]) -> Places:
    """Return the places of buckets: neighbouring spans, ascending."""
    if not buckets:
        return Places(1, 0, [], [])
    starts = np.array([bucket.start for bucket in buckets], dtype=np.int64)
    ends = np.array([bucket.end for bucket in buckets], dtype=np.int64)
    width = next(width for width in WIDTHS_MS if not (starts[1:] % width).any())
    places = np.arange(starts[0] // width, (ends[-1] - 1) // width + 1, dtype=np.int64)
    number = np.maximum(np.searchsorted(starts, places * width, side="right") - 1, 0)
    return Places(width, int(places[0]), starts[number].tolist(), ends[number].tolist())


def exchange_table(rates: Iterable[DatedRate]) -> pa.Table:
    """Return dated rates as the relation `exchange`."""
    listed = list(rates)
    return pa.table(
        {
            "valid_from": pa.array([rate.start for rate in listed], pa.int64()),
            "valid_to": pa.array([rate.end for rate in listed], pa.int64()),
            "per_unit": pa.array([rate.billionths for rate in listed], pa.int64()),
        }
    )


def _priced(table: str, exchanged: bool) -> str:
    """Return SQL for a table with its price as `rate`: in the farm's money, or exchanged.

    The price of an hour is exchanged, once, with the rate in force at the start: so the pieces of
    whatever cutting add up to the same.
    """
    if not exchanged:
        return f"SELECT *, billionths_per_hour AS rate FROM {table} WHERE farm_id = $farm_id"  # noqa: S608
    product = "(f.billionths_per_hour::HUGEINT * x.per_unit)"
    whole, rest, half = f"{product} // {BILLIONTHS}", f"{product} % {BILLIONTHS}", BILLIONTHS // 2
    return f"""
      SELECT f.*, ({whole} + CASE WHEN {rest} > {half} OR ({rest} = {half} AND ({whole}) % 2 = 1)
             THEN 1 ELSE 0 END)::BIGINT AS rate
      FROM {table} f LEFT JOIN exchange x ON f.started_at >= x.valid_from
        AND (x.valid_to IS NULL OR f.started_at < x.valid_to)
      WHERE f.farm_id = $farm_id"""  # noqa: S608 - names of the catalog


_COST = f"""
CASE WHEN piece_start = started_at THEN {cost_until("rate", "piece_end - started_at")}
     ELSE {cost_between("rate", "started_at", "piece_start", "piece_end")} END"""
_PIECES = f"""
{PLACES},
placed AS NOT MATERIALIZED (
  SELECT p.start_at, p.end_at, s.* FROM chosen s
  JOIN places p ON p.place = greatest(s.started_at, $first) // $width
),
crossing AS MATERIALIZED (SELECT * FROM placed WHERE ended_at > end_at),
cut AS (
  SELECT *, greatest(started_at, start_at) AS piece_start,
         least(ended_at, end_at, $until) AS piece_end FROM placed
  UNION ALL
  SELECT b.start_at, b.end_at, p.* EXCLUDE (start_at, end_at), b.start_at AS piece_start,
         least(p.ended_at, b.end_at, $until) AS piece_end
  FROM crossing p JOIN buckets b ON b.start_at >= p.end_at AND b.start_at < p.ended_at
),
pieces AS (
  SELECT *, piece_end - piece_start AS runtime_ms, {_COST} AS cost
  FROM cut WHERE piece_end > piece_start
)"""  # noqa: S608 - constant text
"""Sessions cut at the borders of buckets.

The bucket a session began in is looked up by the hour (or quarter); only the few that reach beyond
it are compared with the buckets behind.
"""
_LICENCE_PIECES = f"""
held AS (
  SELECT b.start_at, b.end_at, u.session_id, u.product, u.rate, u.started_at,
         greatest(u.started_at, b.start_at) AS piece_start,
         least(u.ended_at, b.end_at, $until) AS piece_end
  FROM priced_uses u JOIN buckets b ON u.started_at < b.end_at AND u.ended_at > b.start_at
),
held_pieces AS (
  SELECT start_at, end_at, session_id, product,
         sum(piece_end - piece_start)::BIGINT AS runtime_ms, sum({_COST}) AS cost
  FROM held WHERE piece_end > piece_start GROUP BY start_at, end_at, session_id, product
)"""  # noqa: S608 - constant text
_APART = """
units AS (
  SELECT * EXCLUDE (runtime_ms, cost), 'COMPUTE' AS usage_type, NULL::VARCHAR AS product,
         runtime_ms, cost FROM pieces
  UNION ALL BY NAME
  SELECT s.*, h.start_at, h.end_at, 'LICENSE' AS usage_type, h.product, h.runtime_ms, h.cost
  FROM held_pieces h JOIN chosen s ON s.session_id = h.session_id
)"""
"""COMPUTE and LICENSE apart: a unit is a session, or a session and a product."""
_TOGETHER = """
units AS (
  SELECT p.* EXCLUDE (cost), CASE WHEN p.cost IS NULL THEN h.cost
         ELSE p.cost + coalesce(h.cost, 0) END AS cost
  FROM pieces p LEFT JOIN (
    SELECT start_at, session_id, sum(cost) AS cost FROM held_pieces GROUP BY start_at, session_id
  ) h ON h.session_id = p.session_id AND h.start_at = p.start_at
)"""
"""A unit is a session, with what its licences cost."""


def statistics(
    request: Aggregation,
    buckets: Iterable[Span],
    until: Instant,
    most_rows: int,
    *,
    licences: bool = False,
    exchange: Sequence[DatedRate] | None = None,
) -> Question:
    """Ask for the rows of a statistics aggregation, in a fixed order.

    Args:
        request: what was asked.
        buckets: of the request's range.
        until: when the request was made, or the end of its range: time after it is not counted.
        most_rows: one more than this many rows is too many.
        licences: False if no licence was in use.
        exchange: rates into the money of the answer; None: it is the farm's own.
    """
    apart = bool(set(request.group_by) & SPLIT_BY_LICENCE)
    columns = dict(COLUMNS)
    if licences and apart:
        columns |= {GroupBy.USAGE_TYPE: "usage_type", GroupBy.LICENSE_PRODUCT: "product"}
    groups = [column for group in request.group_by if (column := columns[group]) is not None]
    names = "".join(f", {column}" for column in groups)
    job_name = (
        ", max_by(job_name, (started_at, session_id)) AS job_name"
        if GroupBy.JOB_ID in request.group_by
        else ""
    )
    resource = request.resource_column
    wanted = f"{resource} IN (SELECT unnest($resource_ids::VARCHAR[]))"
    grouped = resource in groups
    needed = {"started_at", "ended_at", "rate", resource} | (set(groups) & set(COLUMNS.values()))
    if licences or job_name:
        needed |= {"session_id", "job_name"}
    parts = [
        f"priced AS ({_priced('sessions', exchange is not None)})",
        # Groups are fewer than sessions: the resources are looked for there, if they can be.
        f"chosen AS NOT MATERIALIZED (SELECT {', '.join(sorted(map(str, needed)))} FROM priced "  # noqa: S608 - names of the catalog
        f"WHERE {'TRUE' if grouped else wanted})",
        _PIECES,
    ]
    needs = [Need(table="sessions", start=request.span.start, live=True)]
    if licences:
        parts += [
            f"priced_uses AS ({_priced('licence_uses', exchange is not None)})",
            _LICENCE_PIECES,
            _APART if apart else _TOGETHER,
        ]
        needs.append(Need(table="licence_uses", start=request.span.start))
    listed = list(buckets)
    given = {"buckets": bucket_table(listed)}
    if exchange is not None:
        given["exchange"] = exchange_table(exchange)
    return Question(
        sql=f"""
            WITH {", ".join(parts)}
            SELECT * FROM (
              SELECT start_at, min(end_at) AS end_at{names}{job_name}, {_MEASURES}
              FROM {"units" if licences else "pieces"} GROUP BY start_at{names}
            ) WHERE {wanted if grouped else "TRUE"}
            ORDER BY start_at{names}
            LIMIT {most_rows + 1}
        """,  # noqa: S608 - columns of a closed list
        needs=tuple(needs),
        parameters={
            "resource_ids": list(request.resource_ids),
            "until": until,
            "first": request.span.start,
            **places_of(listed).parameters,
        },
        given=given,
    )


def begun(span: Span, buckets: Sequence[Span], columns: Sequence[str]) -> Question:
    """Ask for sessions by the bucket they began in, each whole: how many, and their time.

    Args:
        span: when they began.
        buckets: neighbouring spans that cover it, ascending.
        columns: columns of `sessions` to group by.
    """
    names = "".join(f", {column}" for column in columns)
    length = "ended_at - started_at"
    return Question(
        sql=f"""
            WITH {PLACES}
            SELECT start_at{names}, count(*) AS sessions, sum({length})::BIGINT AS runtime_sum,
                   min({length}) AS runtime_min, max({length}) AS runtime_max
            FROM sessions JOIN places ON place = started_at // $width
            WHERE farm_id = $farm_id AND started_at >= $start AND started_at < $end
            GROUP BY start_at{names} ORDER BY start_at{names}
        """,  # noqa: S608 - names of the catalog
        needs=(Need(table="sessions", start=span.start),),
        parameters={"start": span.start, "end": span.end, **places_of(buckets).parameters},
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
