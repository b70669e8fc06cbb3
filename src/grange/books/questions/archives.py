"""What rings are fed with: values by slot, minutes of log streams."""

from collections.abc import Sequence

from grange.books.questions.model import Need, Question
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_MINUTE


def slot_values(names: Sequence[str], step_seconds: int, span: Span) -> Question:
    """Ask for the latest value of each source in each slot of some series.

    A slot is `slot` × step; a value lies in the slot [start, end) of its instant.
    """
    return Question(
        sql="""
            SELECT series, source_index, ("at" // $step)::BIGINT AS slot,
                   arg_max(value, "at") AS value
            FROM stream_values
            WHERE farm_id = $farm_id AND list_contains($names, series)
              AND "at" >= $start AND "at" < $end
            GROUP BY ALL ORDER BY series, slot, source_index
        """,
        needs=(Need(table="stream_values", start=span.start, end=span.end),),
        parameters={
            "names": list(names),
            "step": step_seconds * 1000,
            "start": span.start,
            "end": span.end,
        },
    )


def log_minutes(streams: Sequence[str], span: Span, limit_ms: int) -> Question:
    """Ask for the minutes of log streams that hold lines.

    Args:
        streams: kind, machine and name of each, with blanks between.
        span: from when until when.
        limit_ms: a file whose latency is above is late.
    """
    return Question(
        sql=f"""
            SELECT kind, machine, stream,
                   ("at" // {MILLIS_PER_MINUTE} * {MILLIS_PER_MINUTE} // 1000)::BIGINT
                     AS minute_at,
                   count(*) FILTER (NOT error)::BIGINT AS files,
                   coalesce(sum("bytes") FILTER (NOT error), 0)::BIGINT AS "bytes",
                   count(*) FILTER (error)::BIGINT AS errors,
                   count(*) FILTER (NOT error AND latency_ms > $limit_ms)::BIGINT AS late,
                   count(latency_ms) FILTER (NOT error)::BIGINT AS timed,
                   coalesce(sum(latency_ms) FILTER (NOT error), 0)::BIGINT AS latency_sum,
                   min(latency_ms) FILTER (NOT error)::BIGINT AS latency_low,
                   max(latency_ms) FILTER (NOT error)::BIGINT AS latency_high
            FROM log_lines
            WHERE farm_id = $farm_id AND "at" >= $start AND "at" < $end
              AND list_contains($streams, kind || ' ' || machine || ' ' || stream)
            GROUP BY ALL ORDER BY kind, machine, stream, minute_at
        """,  # noqa: S608 - a number of this module
        needs=(Need(table="log_lines", start=span.start, end=span.end),),
        parameters={
            "start": span.start,
            "end": span.end,
            "limit_ms": limit_ms,
            "streams": list(streams),
        },
    )


def log_reach(span: Span) -> Question:
    """Ask from when until when each log stream of each machine has lines in a span."""
    return Question(
        sql="""
            SELECT kind, machine, stream, min("at") AS first_at, max("at") AS last_at
            FROM log_lines WHERE farm_id = $farm_id AND "at" >= $start AND "at" < $end
            GROUP BY kind, machine, stream ORDER BY kind, machine, stream
        """,
        needs=(Need(table="log_lines", start=span.start, end=span.end),),
        parameters={"start": span.start, "end": span.end},
    )


def value_reach(span: Span) -> Question:
    """Ask from when until when each series has values in a span."""
    return Question(
        sql="""
            SELECT series, min("at") AS first_at, max("at") AS last_at
            FROM stream_values WHERE farm_id = $farm_id AND "at" >= $start AND "at" < $end
            GROUP BY series ORDER BY series
        """,
        needs=(Need(table="stream_values", start=span.start, end=span.end),),
        parameters={"start": span.start, "end": span.end},
    )
