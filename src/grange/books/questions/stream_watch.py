"""Questions behind the watch of streams (ledger S4-33): hours, gaps, and hours of logged values.

Gaps are found between minutes that have lines: exact for every gap of a minute or more, and far
cheaper than to order all lines.
"""

from grange.books.questions.model import Need, Question
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_HOUR, MILLIS_PER_MINUTE, Instant

EXPLAINED_MS = 5 * MILLIS_PER_MINUTE
"""An error line so close to a gap explains it."""


def log_hours(span: Span) -> Question:
    """Ask for the hours of each stream on each machine: lines, errors, first and last times."""
    return Question(
        sql=f"""
            SELECT stream, kind, machine, "at" - "at" % {MILLIS_PER_HOUR} AS hour_at,
              count(*) AS lines, count(*) FILTER (error) AS errors,
              CAST(sum(bytes) AS BIGINT) AS byte_count,
              min("at") AS first_at, max("at") AS last_at,
              min("at") FILTER (error) AS first_error_at, max("at") FILTER (error) AS last_error_at,
              CAST(round(avg(latency_ms)) AS BIGINT) AS latency_mean_ms
            FROM log_lines
            WHERE farm_id = $farm_id AND "at" >= $start AND "at" < $end
            GROUP BY ALL ORDER BY stream, kind, machine, hour_at
        """,  # noqa: S608 - a constant
        needs=(Need(table="log_lines", start=span.start, end=span.end),),
        parameters={"start": span.start, "end": span.end},
    )


def log_gaps(span: Span, least_ms: int) -> Question:
    """Ask for the times without a line, longer than this, between two lines of the span.

    Args:
        span: lines of this span; errors that explain a gap may lie a little outside.
        least_ms: shorter gaps are left out; at least a minute.
    """
    return Question(
        sql=f"""
            WITH minutes AS (
              SELECT stream, kind, machine, min("at") AS first_at, max("at") AS last_at
              FROM log_lines
              WHERE farm_id = $farm_id AND "at" >= $start AND "at" < $end
              GROUP BY stream, kind, machine, "at" // {MILLIS_PER_MINUTE}
            ), steps AS (
              SELECT stream, kind, machine, first_at AS end_at, lag(last_at) OVER (
                PARTITION BY stream, kind, machine ORDER BY first_at) AS start_at FROM minutes
            ), gaps AS (SELECT * FROM steps WHERE end_at - start_at > $least_ms)
            SELECT stream, kind, machine, start_at, end_at, EXISTS (
              SELECT 1 FROM log_lines AS bad
              WHERE bad.farm_id = $farm_id AND bad.error AND bad.stream = gaps.stream
                AND bad.kind = gaps.kind AND bad.machine = gaps.machine
                AND bad."at" >= gaps.start_at - {EXPLAINED_MS}
                AND bad."at" <= gaps.end_at + {EXPLAINED_MS}
            ) AS explained
            FROM gaps ORDER BY stream, kind, machine, start_at
        """,  # noqa: S608 - constants
        needs=(
            Need(
                table="log_lines",
                start=Instant(span.start - EXPLAINED_MS),
                end=Instant(span.end + EXPLAINED_MS),
            ),
        ),
        parameters={"start": span.start, "end": span.end, "least_ms": least_ms},
    )


def value_hours(span: Span) -> Question:
    """Ask for the hours of each source of each series: least, greatest, mean, last time."""
    return Question(
        sql=f"""
            SELECT series, source_index, "at" - "at" % {MILLIS_PER_HOUR} AS hour_at,
              count(*) AS "values", min(value) AS least, max(value) AS greatest,
              avg(value) AS mean, max("at") AS last_at
            FROM stream_values
            WHERE farm_id = $farm_id AND "at" >= $start AND "at" < $end AND NOT isnan(value)
            GROUP BY ALL ORDER BY series, source_index, hour_at
        """,  # noqa: S608 - a constant
        needs=(Need(table="stream_values", start=span.start, end=span.end),),
        parameters={"start": span.start, "end": span.end},
    )
