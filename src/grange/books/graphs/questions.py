"""Questions behind graphs of log streams: what each did, slot by slot."""

from collections.abc import Sequence
from dataclasses import dataclass

from grange.books.questions.model import Need, Question
from grange.books.streams.wildcards import any_of
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_MINUTE, Instant

TABLE = "log_lines"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Lines of these streams, kinds, machines and products."""

    pairs: Sequence[tuple[str, str]]
    """Kind and name of each stream."""
    machines: Sequence[str]
    """Names; empty: all."""
    products: Sequence[str] = ()
    """Patterns; empty: all. Errors, which have no product, count only then."""


def slots_of(chosen: Chosen, span: Span, step_ms: int, limit_ms: int, *, combine: bool) -> Question:
    """Ask what streams did in each slot: of counts the lowest and highest minute too.

    A slot without a line has no row. `minutes` are those of a slot in which anything was heard.

    Args:
        chosen: which lines.
        span: from when until when.
        step_ms: whole minutes, of which hours are made or which are made of hours.
        limit_ms: a file whose latency is above is over the limit.
        combine: add up all streams.
    """
    parameters: dict[str, object] = {
        "start": span.start,
        "end": span.end,
        "step": step_ms,
        "limit_ms": limit_ms,
        "streams": [f"{kind} {stream}" for kind, stream in chosen.pairs],
    }
    where = ""
    if chosen.machines:
        where += " AND list_contains($machines, machine)"
        parameters["machines"] = list(chosen.machines)
    if chosen.products:
        where += " AND regexp_full_match(product, $products)"
        parameters["products"] = any_of(chosen.products)
    label = "'' AS kind, '' AS stream" if combine else "kind, stream"
    return Question(
        sql=f"""
            WITH minutes AS (
              SELECT {label}, "at" - "at" % {MILLIS_PER_MINUTE} AS minute,
                     count(*) FILTER (NOT error) AS files,
                     coalesce(sum("bytes") FILTER (NOT error), 0) AS "bytes",
                     count(*) FILTER (error) AS errors,
                     count(*) FILTER (NOT error AND latency_ms > $limit_ms) AS late,
                     min(latency_ms) FILTER (NOT error) AS latency_low,
                     max(latency_ms) FILTER (NOT error) AS latency_high,
                     sum(latency_ms) FILTER (NOT error) AS latency_sum,
                     count(latency_ms) FILTER (NOT error) AS latency_count
              FROM log_lines
              WHERE farm_id = $farm_id AND "at" >= $start AND "at" < $end
                AND list_contains($streams, kind || ' ' || stream){where}
              GROUP BY ALL
            )
            SELECT kind, stream, minute - minute % $step AS slot_at, count(*) AS minutes,
                   min(latency_low) AS latency_low, max(latency_high) AS latency_high,
                   sum(latency_sum)::BIGINT AS latency_sum,
                   sum(latency_count)::BIGINT AS latency_count,
                   {_sums("bytes")}, {_sums("files")}, {_sums("errors")}, {_sums("late")}
            FROM minutes GROUP BY kind, stream, slot_at ORDER BY kind, stream, slot_at
        """,  # noqa: S608 - names of this module
        needs=(_need(span),),
        parameters=parameters,
    )


def _sums(name: str) -> str:
    return (
        f'sum("{name}")::BIGINT AS "{name}", min("{name}")::BIGINT AS {name}_low,'
        f' max("{name}")::BIGINT AS {name}_high'
    )


def _need(span: Span) -> Need:
    return Need(table=TABLE, start=Instant(span.start), end=Instant(span.end))
