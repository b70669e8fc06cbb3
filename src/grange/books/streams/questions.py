"""What is asked of log lines: slots, lists, hours."""

from collections.abc import Sequence
from dataclasses import dataclass

from grange.books.questions.model import Need, Question
from grange.books.streams.wildcards import any_of
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_HOUR, Instant

MEASURES = ("latency", "bytes", "errors", "files", "late")
"""What a slot tells: seconds on the way, sizes, errors, files, and files that were late."""
NEEDED: dict[str, tuple[str, ...]] = {
    "latency": ("latency",),
    "bytes": ("bytes",),
    "errors": ("errors",),
    "files": ("files", "bytes", "latency"),
    "late": ("latency",),
}
"""Measure → what must be collected of a stream, one of these, so that it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which lines count. Everything may have wildcards; nothing named: all."""

    streams: Sequence[str] = ()
    kind: str | None = None
    machines: Sequence[str] = ()
    products: Sequence[str] = ()

    def condition(self, *, products: bool = True) -> tuple[str, dict[str, str]]:
        """Return SQL that says which lines count, and its parameters."""
        parts, parameters = ["farm_id = $farm_id"], {}
        wanted = [("stream", self.streams), ("machine", self.machines)]
        if products:
            wanted.append(("product", self.products))
        for column, patterns in wanted:
            if patterns:
                parts.append(f"regexp_full_match({column}, ${column}_pattern)")
                parameters[f"{column}_pattern"] = any_of(patterns)
        if self.kind is not None:
            parts.append("kind = $kind")
            parameters["kind"] = self.kind
        return " AND ".join(parts), parameters


def slots(
    chosen: Chosen, span: Span, step_ms: int, latency_limit_ms: int, *, grouped: bool
) -> Question:
    """Ask for the slots of streams that hold lines; those without are left out.

    Latencies and sizes are those of files; a line of an error counts as an error only. Of equal
    extremes the earliest is named.
    """
    condition, parameters = chosen.condition()
    name = "''" if grouped else "stream"
    kind = "''" if grouped else "kind"
    sql = f"""
        WITH chosen AS (
          SELECT {name} AS stream, {kind} AS kind,
                 "at" - ("at" - $start) % $step AS slot_at, "at", error,
                 CASE WHEN error THEN NULL ELSE latency_ms END AS latency,
                 CASE WHEN error THEN NULL ELSE bytes END AS bytes, object_name
          FROM log_lines WHERE {condition} AND "at" >= $start AND "at" < $end
        )
        SELECT stream, kind, slot_at,
          count(*) FILTER (error)::BIGINT AS errors,
          count(*) FILTER (NOT error)::BIGINT AS files,
          count(*) FILTER (latency > $limit)::BIGINT AS late,
          {_figures("latency")}, {_figures("bytes")}
        FROM chosen GROUP BY stream, kind, slot_at ORDER BY stream, kind, slot_at
    """  # noqa: S608 - names of columns, values are parameters
    return Question(
        sql=sql,
        needs=(Need(table="log_lines", start=span.start, end=span.end),),
        parameters={
            **parameters, "start": span.start, "end": span.end, "step": step_ms,
            "limit": latency_limit_ms,
        },
    )  # fmt: skip


def _figures(column: str) -> str:
    """Return SQL for everything that is said of a measure with values."""
    named = f"{{'value': {column}, 'at': \"at\", 'object': object_name}}"
    latest = f"{{'value': {column}, 'before': -\"at\", 'object': object_name}}"
    told = f"FILTER ({column} IS NOT NULL)"
    return (
        f"min({column})::BIGINT AS {column}_min, max({column})::BIGINT AS {column}_max, "
        f"avg({column}) AS {column}_mean, median({column})::DOUBLE AS {column}_median, "
        f"sum({column})::BIGINT AS {column}_total, count({column})::BIGINT AS {column}_count, "
        f"min({named}) {told} AS {column}_least, max({latest}) {told} AS {column}_most"
    )


def hours_with_lines(chosen: Chosen, span: Span) -> Question:
    """Ask which hours of which streams hold lines, whatever their product."""
    condition, parameters = chosen.condition(products=False)
    return Question(
        sql=f"""
            SELECT stream, kind, machine, "at" - "at" % {MILLIS_PER_HOUR} AS hour_at,
                   max("at") AS last_at, list(DISTINCT metrics) AS metrics
            FROM log_lines WHERE {condition} AND "at" >= $start AND "at" < $end
            GROUP BY ALL ORDER BY ALL
        """,  # noqa: S608 - names of columns, values are parameters
        needs=(Need(table="log_lines", start=span.start, end=span.end),),
        parameters={**parameters, "start": span.start, "end": span.end},
    )


def last_lines(since: Instant) -> Question:
    """Ask for the latest line of every machine: until then its logs have been read."""
    return Question(
        sql="""
            SELECT machine, max("at") AS last_at FROM log_lines
            WHERE farm_id = $farm_id AND "at" >= $start GROUP BY machine
        """,
        needs=(Need(table="log_lines", start=since),),
        parameters={"start": since},
    )


def streams(since: Instant | None) -> Question:
    """Ask which streams there are."""
    return Question(
        sql="""
            SELECT stream, kind, machine, min("at") AS first_at, max("at") AS last_at,
                   count(*)::BIGINT AS lines, count(*) FILTER (error)::BIGINT AS errors,
                   sum(bytes)::BIGINT AS bytes
            FROM log_lines WHERE farm_id = $farm_id AND "at" >= $start
            GROUP BY stream, kind, machine ORDER BY stream, kind, machine
        """,
        needs=(Need(table="log_lines", start=since),),
        parameters={"start": since or 0},
    )


_ROW = (
    "[\"at\"::VARCHAR, coalesce(latency_ms::VARCHAR, ''), bytes::VARCHAR, error::VARCHAR, "
    "coalesce(product, chr(0)), coalesce(object_name, chr(0)), file_identity, "
    '"offset"::VARCHAR, coalesce(metrics, chr(0))]::VARCHAR'
)
"""A line as text, without the name its log had when it was read."""


def hours(span: Span, *, stream: str | None, kind: str | None, machine: str | None) -> Question:
    """Ask for the hour blocks of streams: how many lines, and a hash of what they say."""
    conditions = "".join(
        f" AND {name} = ${name}"
        for name, value in (("stream", stream), ("kind", kind), ("machine", machine))
        if value is not None
    )
    given = {"stream": stream, "kind": kind, "machine": machine}
    return Question(
        sql=f"""
            SELECT stream, kind, machine, "at" - "at" % {MILLIS_PER_HOUR} AS start_at,
                   count(*)::BIGINT AS lines, count(*) FILTER (error)::BIGINT AS errors,
                   sum(bytes)::BIGINT AS bytes, min("at") AS first_at, max("at") AS last_at,
                   sha256(string_agg(sha256({_ROW}), '' ORDER BY file_identity, "offset"))
                     AS content
            FROM log_lines WHERE farm_id = $farm_id AND "at" >= $start AND "at" < $end{conditions}
            GROUP BY stream, kind, machine, start_at ORDER BY stream, kind, machine, start_at
        """,  # noqa: S608 - names of columns, values are parameters
        needs=(Need(table="log_lines", start=span.start, end=span.end),),
        parameters={
            "start": span.start, "end": span.end,
            **{name: value for name, value in given.items() if value is not None},
        },
    )  # fmt: skip


def hour_lines(span: Span, *, stream: str, kind: str, machine: str) -> Question:
    """Ask for the lines of one stream of one machine."""
    return Question(
        sql="""
            SELECT * FROM log_lines
            WHERE farm_id = $farm_id AND "at" >= $start AND "at" < $end
              AND stream = $stream AND kind = $kind AND machine = $machine
            ORDER BY "at", file_identity, "offset"
        """,
        needs=(Need(table="log_lines", start=span.start, end=span.end),),
        parameters={
            "start": span.start, "end": span.end, "stream": stream, "kind": kind,
            "machine": machine,
        },
    )  # fmt: skip
