"""Questions behind graphs of log streams: which there are, and what each did slot by slot."""

from collections.abc import Sequence
from dataclasses import dataclass

from grange.books.questions.model import Need, Question
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_HOUR, MILLIS_PER_MINUTE, Instant

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


def streams_in(span: Span) -> Question:
    """Ask which streams have lines in a span, on which machines."""
    return Question(
        sql="""
            SELECT kind, stream, machine, min("at") AS first_at, max("at") AS last_at
            FROM log_lines
            WHERE farm_id = $farm_id AND "at" >= $start AND "at" < $end
            GROUP BY ALL ORDER BY kind, stream, machine
        """,
        needs=(_need(span),),
        parameters={"start": span.start, "end": span.end},
    )


def slots_of(chosen: Chosen, span: Span, step_ms: int, limit_ms: int, *, combine: bool) -> Question:
    """Ask what streams did in each slot: of counts the lowest and highest minute too.

    A slot without a line has no row. `hours` are the hours of a slot in which anything was heard.

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
        names = [f"product_{at}" for at in range(len(chosen.products))]
        where += f" AND ({' OR '.join(f'product GLOB ${name}' for name in names)})"
        parameters |= dict(zip(names, chosen.products, strict=True))
    label = "''" if combine else "kind || ' ' || stream"
    return Question(
        sql=f"""
            WITH minutes AS (
              SELECT {label} AS label, "at" - "at" % {MILLIS_PER_MINUTE} AS minute,
                     count(*) FILTER (NOT error) AS files,
                     coalesce(sum("bytes") FILTER (NOT error), 0) AS "bytes",
                     count(*) FILTER (error) AS errors,
                     count(*) FILTER (NOT error AND latency_ms > $limit_ms) AS over_limit,
                     min(latency_ms) FILTER (NOT error) AS latency_low,
                     max(latency_ms) FILTER (NOT error) AS latency_high,
                     sum(latency_ms) FILTER (NOT error) AS latency_sum,
                     count(latency_ms) FILTER (NOT error) AS latency_count
              FROM log_lines
              WHERE farm_id = $farm_id AND "at" >= $start AND "at" < $end
                AND list_contains($streams, kind || ' ' || stream){where}
              GROUP BY ALL
            )
            SELECT label, minute - minute % $step AS slot_at, count(*) AS minutes,
                   count(DISTINCT minute // {MILLIS_PER_HOUR}) AS hours,
                   min(latency_low) AS latency_low, max(latency_high) AS latency_high,
                   sum(latency_sum)::BIGINT AS latency_sum,
                   sum(latency_count)::BIGINT AS latency_count,
                   {_sums("bytes")}, {_sums("files")}, {_sums("errors")}, {_sums("over_limit")}
            FROM minutes GROUP BY label, slot_at ORDER BY label, slot_at
        """,  # noqa: S608 - names of this module
        needs=(_need(span),),
        parameters=parameters,
    )


def last_line(span: Span) -> Question:
    """Ask until when lines of any stream reach."""
    return Question(
        sql="""
            SELECT max("at") AS last_at FROM log_lines
            WHERE farm_id = $farm_id AND "at" >= $start AND "at" < $end
        """,
        needs=(_need(span),),
        parameters={"start": span.start, "end": span.end},
    )


def _sums(name: str) -> str:
    return (
        f'sum("{name}")::BIGINT AS "{name}", min("{name}")::BIGINT AS {name}_low,'
        f' max("{name}")::BIGINT AS {name}_high'
    )


def _need(span: Span) -> Need:
    return Need(table=TABLE, start=Instant(span.start), end=Instant(span.end))
