"""Questions about distributions: frame times, waiting, memory, processor use, errors, hosts.

All of them read `chosen`: the attempts that ended in the span and that a condition is true for,
under the names people know them by.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from grange.books.questions.model import Need, Question
from grange.books.questions.sql import cost_between
from grange.books.where import EVERYTHING, Field, Fields, Kind, Node, condition
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
    "error": "error",
}
"""What attempts can be grouped by → their column."""

FIELDS = Fields(
    [
        *(
            Field(
                name=name,
                kind=Kind.TEXT,
                column=column,
                searched=name in ("user", "project", "app", "shot", "job", "layer"),
                meaning=f"The {name.replace('_', ' ')} of the attempt.",
            )
            for name, column in BY.items()
        ),
        Field(name="job_id", kind=Kind.TEXT, meaning="The job's id."),
        Field(name="status", kind=Kind.TEXT, meaning="How the attempt ended."),
        Field(name="attempt", kind=Kind.NUMBER, meaning="1: the first one of its task."),
        Field(name="runtime", kind=Kind.DURATION, column="run_ms", meaning="How long it took."),
        Field(name="memory", kind=Kind.BYTES, column="peak_memory_bytes", meaning="Its peak."),
        Field(name="frames", kind=Kind.NUMBER, column="frame_count", meaning="Frames of the task."),
        Field(name="ended", kind=Kind.INSTANT, column="ended_at", meaning="When it ended."),
    ]
)
"""What a condition on attempts may name."""

FAILED = "('FAILED', 'INTERRUPTED')"
"""Attempts that came to nothing against everybody's will."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which attempts, and under which names."""

    span: Span
    """They ended in it: [start, end)."""
    names: Mapping[str, str]
    """Name by id of queues, fleets and workers."""
    node: Node = EVERYTHING
    since: Instant | None = None
    """When the earliest of them began; None: not known."""


def _pairs(name: str, values: Mapping[str, str]) -> pa.Table:
    return pa.table(
        {
            "id": pa.array(list(values), pa.string()),
            name: pa.array(list(values.values()), pa.string()),
        }
    )


def _amounts(name: str, values: Mapping[str, int]) -> pa.Table:
    return pa.table(
        {
            "id": pa.array(list(values), pa.string()),
            name: pa.array(list(values.values()), pa.int64()),
        }
    )


_CHOSEN = f"""
work AS (
  SELECT a.* REPLACE (coalesce(a.sequence, '{UNASSIGNED}') AS sequence,
                      coalesce(a.version, '{UNASSIGNED}') AS version),
         coalesce(q.name, a.queue_id) AS queue, coalesce(f.name, a.fleet_id) AS fleet,
         coalesce(w.name, a.worker_id) AS worker, a.ended_at - a.started_at AS run_ms,
         coalesce(a.error_class, nullif(a.cause, ''), 'unknown') AS error
  FROM session_actions a
    LEFT JOIN names q ON q.id = a.queue_id LEFT JOIN names f ON f.id = a.fleet_id
    LEFT JOIN names w ON w.id = a.worker_id
  WHERE a.farm_id = $farm_id AND a.kind = 'task_run' AND a.started_at IS NOT NULL
    AND a.ended_at >= $start AND a.ended_at < $end
)"""  # noqa: S608 - constant text


def _asked(
    scope: Scope,
    sql: str,
    *,
    needs: Sequence[Need] = (),
    given: Mapping[str, pa.Table] | None = None,
    ctes: str = "",
) -> Question:
    chosen = condition(scope.node)
    return Question(
        sql=f"WITH {_CHOSEN}, chosen AS (SELECT * FROM work WHERE {chosen.sql}){ctes} {sql}",  # noqa: S608
        needs=(
            Need(table="session_actions", start=scope.span.start, end=scope.span.end),
            *needs,
        ),
        parameters={"start": scope.span.start, "end": scope.span.end, **chosen.parameters},
        given={"names": _pairs("name", scope.names), **(given or {})},
    )


def _keys(by: Iterable[str]) -> tuple[str, str]:
    """Return the select list and the group list of a grouping."""
    columns = [f"{BY[name]} AS {name}_key" for name in by]
    return "".join(f"{column}, " for column in columns), ", ".join(BY[name] for name in by)


def attempt_counts(scope: Scope) -> Question:
    """Ask how many attempts a condition is true for, how many there are, when the first began."""
    return _asked(
        scope,
        """SELECT (SELECT count(*) FROM chosen) AS matched, (SELECT count(*) FROM work) AS total,
                  (SELECT min(started_at) FROM chosen) AS first_at""",
    )


QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
"""Which quantiles are shown; between two values lies the value in between (linear)."""


def _quantiles(column: str) -> str:
    listed = ", ".join(str(one) for one in QUANTILES)
    return f"quantile_cont({column}, [{listed}]::DOUBLE[])"


_FRAMES = """,
shot_frames AS (
  SELECT c.*, f.render_ms, f.frame, f.averaged_over FROM frames f
  JOIN chosen c ON c.action_id = f.action_id WHERE c.status = 'SUCCEEDED'
)"""


def _frames_need(scope: Scope) -> tuple[Need, ...]:
    # Frames of an attempt ended before it did, and it may have run for days.
    return (Need(table="frames", start=scope.since, end=scope.span.end),)


def frame_times(scope: Scope, by: Sequence[str]) -> Question:
    """Ask for the distribution of frame times of successful attempts."""
    keys, groups = _keys(by)
    return _asked(
        scope,
        f"""SELECT {keys}count(*) AS frames, count(*) FILTER (averaged_over > 1) AS averaged,
                   sum(render_ms)::BIGINT AS render_ms, min(render_ms) AS least_ms,
                   max(render_ms) AS most_ms, {_quantiles("render_ms")} AS quantiles
            FROM shot_frames GROUP BY {groups} ORDER BY render_ms DESC, {groups}""",  # noqa: S608
        needs=_frames_need(scope),
        ctes=_FRAMES,
    )


def frame_ecdf(scope: Scope, by: Sequence[str], points: int) -> Question:
    """Ask for the share of frames that took at most so long, at `points` equal steps of the share.

    A step's time is the least one that the share of frames took at most: the distribution itself,
    nothing in between.
    """
    keys, groups = _keys(by)
    shares = ", ".join(str(number / points) for number in range(points + 1))
    return _asked(
        scope,
        f"""SELECT {keys}count(*) AS frames,
                   quantile_disc(render_ms, [{shares}]::DOUBLE[]) AS times_ms
            FROM shot_frames GROUP BY {groups} ORDER BY sum(render_ms) DESC, {groups}""",  # noqa: S608
        needs=_frames_need(scope),
        ctes=_FRAMES,
    )


def queue_waits(scope: Scope, by: Sequence[str], since: Instant) -> Question:
    """Ask how long tasks waited: submitted → eligible → started, of first attempts.

    A task is eligible when its layer first left PENDING and SUSPENDED: when what it depends on was
    done.

    Args:
        scope: which attempts.
        by: of `BY`.
        since: when the earliest of their jobs was submitted.
    """
    keys, groups = _keys(by)
    return _asked(
        scope,
        f"""SELECT {keys}count(*) AS tasks,
                   {_quantiles("eligible_at - submitted_at")} AS dependency,
                   {_quantiles("started_at - eligible_at")} AS queue_wait,
                   {_quantiles("started_at - submitted_at")} AS whole,
                   sum(eligible_at - submitted_at)::BIGINT AS dependency_sum,
                   sum(started_at - eligible_at)::BIGINT AS queue_sum,
                   max(started_at - eligible_at)::BIGINT AS queue_most
            FROM waited GROUP BY {groups} ORDER BY queue_sum DESC, {groups}""",  # noqa: S608
        needs=(Need(table="events", start=since, end=scope.span.end),),
        ctes=""",
submitted AS (
  SELECT job_id, min("at") AS submitted_at FROM events
  WHERE subject = 'job' AND name = 'job_status' GROUP BY job_id
),
eligible AS (
  SELECT layer_id, min("at") FILTER (new NOT IN ('PENDING', 'SUSPENDED')) AS eligible_at
  FROM events WHERE subject = 'layer' AND name = 'layer_status' GROUP BY layer_id
),
waited AS (
  SELECT c.*, s.submitted_at,
         least(c.started_at, greatest(s.submitted_at, e.eligible_at)) AS eligible_at
  FROM chosen c JOIN submitted s ON s.job_id = c.job_id
    JOIN eligible e ON e.layer_id = c.layer_id
  WHERE c.attempt = 1 AND e.eligible_at IS NOT NULL AND c.started_at >= s.submitted_at
)""",
    )


def memory(scope: Scope, by: Sequence[str], reserved: Mapping[str, int]) -> Question:
    """Ask for peaks of memory against what layers reserved.

    Args:
        scope: which attempts.
        by: of `BY`.
        reserved: bytes by layer, of those that reserve any.
    """
    keys, groups = _keys(by)
    return _asked(
        scope,
        f"""SELECT {keys}count(*) AS attempts, count(peak_memory_bytes) AS measured,
                   {_quantiles("peak_memory_bytes")} AS quantiles,
                   max(peak_memory_bytes) AS most_bytes, max(r.bytes) AS reserved_bytes,
                   count(*) FILTER (peak_memory_bytes > r.bytes) AS over_reserved,
                   sum(r.bytes::HUGEINT * run_ms) FILTER (peak_memory_bytes IS NOT NULL)::DOUBLE
                     AS reserved_byte_ms,
                   sum(peak_memory_bytes::HUGEINT * run_ms) FILTER (r.bytes IS NOT NULL)::DOUBLE
                     AS peak_byte_ms
            FROM chosen LEFT JOIN reserved r ON r.id = chosen.layer_id
            GROUP BY {groups} ORDER BY most_bytes DESC NULLS LAST, {groups}""",  # noqa: S608
        given={"reserved": _amounts("bytes", reserved)},
    )


def processors(scope: Scope, by: Sequence[str], cores_milli: Mapping[str, int]) -> Question:
    """Ask how much of the processor time attempts had they used.

    Args:
        scope: which attempts.
        by: of `BY`.
        cores_milli: thousandths of logical processors by worker; a job thread has its share.
    """
    keys, groups = _keys(by)
    return _asked(
        scope,
        f"""SELECT {keys}count(*) AS attempts, count(used) AS measured,
                   sum(run_ms)::BIGINT AS run_ms,
                   sum(cpu_ms) FILTER (used IS NOT NULL)::BIGINT AS cpu_ms,
                   sum(had) FILTER (used IS NOT NULL) AS available_ms,
                   {_quantiles("used")} AS quantiles
            FROM measured GROUP BY {groups} ORDER BY run_ms DESC, {groups}""",  # noqa: S608
        given={"cores": _amounts("milli", cores_milli)},
        ctes=""",
measured AS (
  SELECT *, CASE WHEN had > 0 THEN cpu_ms / had END AS used FROM (
    SELECT c.*, c.run_ms * k.milli / 1000.0 / c.threads AS had
    FROM chosen c LEFT JOIN cores k ON k.id = c.worker_id
  )
)""",
    )


def errors(scope: Scope, by: Sequence[str]) -> Question:
    """Ask what failed attempts took, by class of error, the worst first."""
    keys, groups = _keys(by)
    cost = cost_between("billionths_per_hour", "session_started_at", "started_at", "ended_at")
    return _asked(
        scope,
        f"""SELECT {keys}count(*) AS attempts, count(DISTINCT job_id) AS jobs,
                   count(DISTINCT worker_id) AS workers,
                   sum(run_ms)::BIGINT AS run_ms, sum(run_ms / threads) AS machine_ms,
                   sum({cost})::BIGINT AS cost, max(ended_at) AS last_at,
                   max_by(error_text, ended_at) AS last_text
            FROM chosen WHERE status IN {FAILED}
            GROUP BY {groups} ORDER BY machine_ms DESC, {groups}""",  # noqa: S608
    )


def hosts(scope: Scope) -> Question:
    """Ask how workers compare: attempts, failures, and frame times against what was expected.

    A frame's time × the worker's relative speed is what a machine of speed 1 would need. It is
    compared with the median of that over its layer; layers that one worker alone rendered say
    nothing. The mean is that of logarithms, so that twice as slow and twice as fast cancel out.
    """
    return _asked(
        scope,
        """SELECT c.worker AS worker_key, min(c.worker_id) AS worker_id,
                  max(c.ps_milli) AS ps_milli, count(*) AS attempts,
                  count(*) FILTER (c.status = 'SUCCEEDED') AS succeeded,
                  count(*) FILTER (c.status = 'FAILED') AS failed,
                  sum(c.run_ms)::BIGINT AS run_ms, sum(c.run_ms / c.threads) AS machine_ms,
                  any_value(s.compared) AS compared, any_value(s.log_mean) AS log_mean,
                  any_value(s.log_sd) AS log_sd, any_value(s.frames) AS frames
           FROM chosen c LEFT JOIN scores s ON s.worker_id = c.worker_id
           GROUP BY c.worker ORDER BY log_mean NULLS LAST, c.worker""",
        needs=_frames_need(scope),
        ctes=f"""{_FRAMES},
normal AS (
  SELECT worker_id, layer_id, greatest(1, render_ms) * ps_milli / 1000.0 AS time FROM shot_frames
),
layers AS (
  SELECT layer_id, median(time) AS middle FROM normal
  GROUP BY layer_id HAVING count(DISTINCT worker_id) > 1
),
scores AS (
  SELECT n.worker_id, count(*) AS frames, count(l.middle) AS compared,
         avg(ln(n.time / l.middle)) AS log_mean, stddev_samp(ln(n.time / l.middle)) AS log_sd
  FROM normal n LEFT JOIN layers l ON l.layer_id = n.layer_id AND l.middle > 0
  GROUP BY n.worker_id
)""",  # noqa: S608 - constant text
    )
