"""The question behind `grange usage`: hours and cost by any attributes, and by parts of time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from grange.books.questions.model import Need, Question
from grange.books.questions.sql import TILES, cost_between
from grange.books.where import Field, Fields, Kind, Node, condition
from grange.domain.work import UNASSIGNED
from grange.kernel.intervals import Span
from grange.kernel.units import Instant

BY: Mapping[str, str] = {
    "user": "user_name",
    "project": "project",
    "app": "app",
    "render_type": "render_type",
    "sequence": "sequence",
    "shot": "shot",
    "version": "version",
    "queue": "queue",
    "fleet": "fleet",
    "worker": "worker",
    "job": "job_name",
    "layer": "layer_name",
}
"""What usage can be grouped by → its column; beside parts of time."""
ATTRIBUTES = ("project", "app", "render_type", "sequence", "shot", "version")
"""Those that somebody has to give: else the work is `unassigned`."""
PART = "part"

FIELDS = Fields(
    [
        *(
            Field(
                name=name,
                kind=Kind.TEXT,
                column=column,
                searched=name in ("user", "project", "app", "shot", "job", "layer"),
                meaning=f"The {name.replace('_', ' ')} the time was spent for.",
            )
            for name, column in BY.items()
        ),
        Field(name="job_id", kind=Kind.TEXT, meaning="The job's id."),
    ]
)
"""What a condition on usage may name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A named part of the span that is asked about."""

    name: str
    span: Span


def _parts(parts: Iterable[Part]) -> pa.Table:
    listed = list(parts)
    return pa.table(
        {
            "part": pa.array([one.name for one in listed], pa.string()),
            "part_start": pa.array([one.span.start for one in listed], pa.int64()),
            "part_end": pa.array([one.span.end for one in listed], pa.int64()),
        }
    )


_LAYER = "".join(
    f", max_by({name}, ended_at) AS layer_{name}" for name in (*ATTRIBUTES, "layer_name")
)
_ATTRIBUTES = ", ".join(
    f"coalesce(layer_{name}, "
    + ("t.session_project, " if name == "project" else "")
    + f"'{UNASSIGNED}') AS {name}"
    for name in ATTRIBUTES
)
_START, _END = "greatest(t.tile_start, p.part_start)", "least(t.tile_end, p.part_end)"
_COST = cost_between("t.rate", "t.session_start", _START, _END)


def usage_report(
    parts: Sequence[Part], by: Sequence[str], node: Node, names: Mapping[str, str], since: Instant
) -> Question:
    """Ask for hours and cost, and over how many sessions; also of what the condition leaves out.

    Rows with `chosen` false hold what the condition is not true for. Time is cut into tiles: a gap
    counts for the action after it, and an environment for the layer that needed it.

    Args:
        parts: neighbouring parts of time, ascending.
        by: of `BY`, or `PART`.
        node: the condition.
        names: by id of queues, fleets and workers.
        since: when the earliest of the sessions began.
    """
    asked = condition(node)
    columns = [BY.get(name, name) for name in by]
    keys = "".join(f"{column} AS {name}_key, " for name, column in zip(by, columns, strict=True))
    groups = ", ".join(columns)
    first, last = parts[0].span.start, parts[-1].span.end
    return Question(
        sql=f"""
            WITH chosen AS (
              SELECT * FROM sessions
              WHERE farm_id = $farm_id AND started_at < $end AND ended_at > $start
            ),
            {TILES},
            layers AS (
              SELECT layer_id AS known_layer_id{_LAYER}
              FROM session_actions WHERE layer_id IS NOT NULL GROUP BY layer_id
            ),
            pieces AS (
              SELECT t.session_id, t.threads, t.user_name, t.job_id, t.job_name,
                     layer_layer_name AS layer_name, {_ATTRIBUTES}, p.part,
                     coalesce(q.name, t.queue_id) AS queue, coalesce(f.name, t.fleet_id) AS fleet,
                     coalesce(w.name, t.worker_id) AS worker,
                     {_END} - {_START} AS runtime_ms, {_COST} AS cost
              FROM tiles t
                JOIN parts p ON t.tile_start < p.part_end AND t.tile_end > p.part_start
                LEFT JOIN layers l ON l.known_layer_id = t.for_layer_id
                LEFT JOIN names q ON q.id = t.queue_id LEFT JOIN names f ON f.id = t.fleet_id
                LEFT JOIN names w ON w.id = t.worker_id
              WHERE t.tile_start < t.tile_end
            ),
            told AS (SELECT *, {asked.sql} AS chosen FROM pieces)
            SELECT {keys}chosen, count(DISTINCT session_id) AS sessions,
                   sum(runtime_ms)::BIGINT AS runtime_ms, threads, sum(cost)::BIGINT AS cost
            FROM told GROUP BY {groups}, chosen, threads ORDER BY {groups}, chosen, threads
        """,  # noqa: S608 - columns of a closed list
        needs=(
            Need(table="sessions", start=first, live=True),
            Need(table="session_actions", start=since, live=True),
        ),
        parameters={"start": first, "end": last, **asked.parameters},
        given={
            "parts": _parts(parts),
            "names": pa.table(
                {
                    "id": pa.array(list(names), pa.string()),
                    "name": pa.array(list(names.values()), pa.string()),
                }
            ),
        },
    )
