"""Questions about logged values."""

from grange.books.questions.model import Need, Question
from grange.kernel.intervals import Span
from grange.kernel.units import Instant


def values_of(series: str, span: Span, limit: int) -> Question:
    """Ask for the values of a series in a span, oldest first."""
    return Question(
        sql="""
            SELECT source_index, stream_values.at AS "at", value FROM stream_values
            WHERE farm_id = $farm_id AND series = $series
              AND stream_values.at >= $since AND stream_values.at < $until
            ORDER BY stream_values.at, source_index LIMIT $limit
        """,
        needs=(Need(table="stream_values", start=span.start, end=span.end),),
        parameters={"series": series, "since": span.start, "until": span.end, "limit": limit},
    )


def series_known(start: Instant | None = None, end: Instant | None = None) -> Question:
    """Ask which sources values came of: how many, the latest, the sum."""
    return Question(
        sql="""
            SELECT series, source_index, count(*) AS count, min(stream_values.at) AS first_at,
                   max(stream_values.at) AS last_at, min(value) AS least, max(value) AS most,
                   arg_max(value, stream_values.at) AS last
            FROM stream_values
            WHERE farm_id = $farm_id
              AND ($since IS NULL OR stream_values.at >= $since)
              AND ($until IS NULL OR stream_values.at < $until)
            GROUP BY series, source_index ORDER BY series, source_index
        """,
        needs=(Need(table="stream_values", start=start, end=end),),
        parameters={"since": start, "until": end},
    )
