"""Questions about cost: tiles × prices, by any attribute, exact to the billionth.

A session is cut into tiles (see `sql.TILES`), a tile of an attempt into the gap before it, the
attempt, and what comes after it (copying output, the last gap). Each piece has an outcome, each
price of it an amount A(end) − A(start) since the session began. So amounts sum to the same number
however pieces are cut and grouped.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from grange.books.payers import OF_CAUSES, OF_ERRORS, CauseClass, Outcome
from grange.books.pricing import CardSpan, Component, Mode, Price, SellSpan
from grange.books.questions.cost_tables import (
    CONTEXT,
    card_table,
    markup_table,
    payer_table,
    price_table,
    sell_table,
    table,
)
from grange.books.questions.model import Need, Question
from grange.books.questions.sql import TILES, cost_until
from grange.books.questions.time import ATTEMPTED
from grange.domain.rates import PER_MILLION, PricedWork
from grange.kernel.intervals import Span
from grange.kernel.units import Instant

SAMPLE_MS = 20_000

COST_COLUMNS: Mapping[str, str] = {
    "user": "user_name",
    "project": "project",
    "client": "client",
    "queue": "queue_id",
    "fleet": "fleet_id",
    "region": "region",
    "worker": "worker_id",
    "app": "app",
    "sequence": "sequence",
    "shot": "shot",
    "version": "version",
    "render_type": "render_type",
    "job": "job_id",
    "job_name": "job_name",
    "layer": "layer_id",
    "frame": "frame",
    "component": "component",
    "item": "item",
    "outcome": "outcome",
    "cause": "cause",
    "payer": "payer",
    "period": "period",
    "session": "session_id",
    "action": "action_id",
}
"""What cost can be grouped by → its column."""

TEXT_COLUMNS = tuple(column for column in COST_COLUMNS.values() if column != "frame")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A named part of the span that is asked about."""

    name: str
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """Everything prices are looked up in."""

    cards: Sequence[CardSpan]
    sells: Sequence[SellSpan]
    prices: Mapping[tuple[str, ...], Sequence[Price]] = field(default_factory=dict)
    """By context; see `CONTEXT`."""


def work_of(context: Mapping[str, Any]) -> PricedWork:
    """Return the work of a row of `contexts`."""
    return PricedWork(
        fleet_id=context["fleet_id"],
        region=context["region"] or None,
        app=context["app"],
        queue_id=context["queue_id"],
        project=context["project"],
        user_name=context["user_name"],
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _half_even(above: str, below: str) -> str:
    """Return SQL for a division rounded half to even, of numbers that are not negative."""
    whole, rest = f"(({above}) // ({below}))", f"(({above}) % ({below}))"
    return (
        f"({whole} + CASE WHEN 2 * {rest} > ({below}) OR (2 * {rest} = ({below}) "
        f"AND {whole} % 2 = 1) THEN 1 ELSE 0 END)"
    )


def _cause() -> str:
    causes = " ".join(
        f"WHEN starts_with(cause_text, {_quoted(begin)}) THEN {_quoted(found)}"
        for begin, found in OF_CAUSES.items()
    )
    errors = " ".join(
        f"WHEN error_class = {_quoted(name)} THEN {_quoted(found)}"
        for name, found in OF_ERRORS.items()
    )
    return (
        f"CASE WHEN outcome IN ('{Outcome.USEFUL}', '{Outcome.OVERHEAD}') "
        f"THEN '{CauseClass.NONE}' "
        f"WHEN outcome = '{Outcome.SUPERSEDED}' THEN '{CauseClass.FARM}' "
        f"WHEN outcome = '{Outcome.RERENDERED}' THEN '{CauseClass.CLIENT}' "
        f"{causes} {errors} ELSE '{CauseClass.CLIENT}' END"
    )


_TILED = f"""
chosen AS (
  SELECT * FROM sessions
  WHERE farm_id = $farm_id AND started_at < $end AND ended_at > $start
),
{TILES},
layers AS (
  SELECT layer_id AS known_layer_id, max_by(project, ended_at) AS layer_project,
         max_by(app, ended_at) AS layer_app, max_by(shot, ended_at) AS layer_shot,
         max_by(sequence, ended_at) AS layer_sequence, max_by(version, ended_at) AS layer_version,
         max_by(render_type, ended_at) AS layer_render_type
  FROM session_actions WHERE layer_id IS NOT NULL GROUP BY layer_id
)"""  # noqa: S608 - constant text

_PIECES = f"""{_TILED},
{ATTEMPTED},
later AS (
  SELECT action_id, job_id, ended_at,
         'task-' || substr(layer_id, 6) || '-' || task_index AS task_id,
         lead(ended_at) OVER (PARTITION BY layer_id, task_index
           ORDER BY ended_at, attempt, action_id) AS again_at
  FROM attempted WHERE kind = 'task_run' AND status = 'SUCCEEDED'
),
asking AS (
  SELECT "at", name, subject_id, job_id FROM events
  WHERE farm_id = $farm_id AND (name IN ('task_status', 'frames_superseded')
    OR (name IN ('layer_status', 'job_status') AND actor <> ''))
),
asked AS (
  SELECT l.action_id FROM later l JOIN asking e ON e.subject_id = l.task_id
    AND e.name = 'task_status' AND e."at" >= l.ended_at AND e."at" <= l.again_at
  UNION
  SELECT l.action_id FROM later l JOIN asking e ON e.job_id = l.job_id
    AND e.name <> 'task_status' AND e."at" >= l.ended_at AND e."at" <= l.again_at
),
parts AS (
  SELECT t.session_id, t.action_id, t.session_start, t.session_end, t.rate, t.threads,
         c.ps_milli, t.worker_id, t.fleet_id, t.queue_id, t.job_id, t.job_name, t.user_name,
         coalesce(c.region, '') AS region, t.for_layer_id AS layer_id, a.watts_milli,
         coalesce(layer_project, t.project, t.session_project) AS project,
         coalesce(layer_app, t.app, 'unassigned') AS app,
         coalesce(layer_shot, t.shot, 'unassigned') AS shot,
         coalesce(layer_sequence, a.sequence, 'unassigned') AS sequence,
         coalesce(layer_version, a.version, 'unassigned') AS version,
         coalesce(layer_render_type, t.render_type, 'unassigned') AS render_type,
         coalesce(a.cause, '') AS cause_text, a.error_class, a.frames, a.frame_count,
         CASE WHEN a.superseded AND k.action_id IS NOT NULL THEN '{Outcome.RERENDERED}'
              WHEN a.superseded THEN '{Outcome.SUPERSEDED}'
              WHEN a.status IN ('SUCCEEDED', 'RUNNING', 'ASSIGNED') THEN '{Outcome.USEFUL}'
              WHEN a.status = 'FAILED' THEN '{Outcome.FAILED}'
              ELSE '{Outcome.ABORTED}' END AS came_to,
         tile_start, tile_end,
         CASE WHEN a.kind = 'task_run'
              THEN greatest(tile_start, least(tile_end, a.started_at)) ELSE tile_end END
           AS run_start,
         CASE WHEN a.kind = 'task_run'
              THEN greatest(tile_start, a.started_at,
                            least(tile_end, a.ended_at - coalesce(a.copy_ms, 0)))
              ELSE tile_end END AS run_end
  FROM tiles t
  JOIN chosen c ON c.session_id = t.session_id
  LEFT JOIN attempted a ON a.action_id = t.action_id
  LEFT JOIN asked k ON k.action_id = t.action_id
  LEFT JOIN layers l ON l.known_layer_id = t.for_layer_id
  WHERE tile_start < tile_end
),
whole AS (
  SELECT * EXCLUDE (came_to, tile_start, tile_end, run_start, run_end),
         CASE place WHEN 0 THEN tile_start WHEN 1 THEN run_start ELSE least(tile_end, run_end) END
           AS from_at,
         CASE place WHEN 0 THEN least(tile_end, run_start) WHEN 1 THEN least(tile_end, run_end)
                    ELSE tile_end END AS to_at,
         CASE place WHEN 1 THEN came_to ELSE '{Outcome.OVERHEAD}' END AS outcome
  FROM parts CROSS JOIN (VALUES (0), (1), (2)) AS three (place)
),
pieces AS (
  SELECT w.* EXCLUDE (from_at, to_at), b.name AS period,
         greatest(from_at, b.start_at) AS from_at, least(to_at, b.end_at) AS to_at,
         CASE WHEN from_at <= session_start THEN b.start_at
              ELSE greatest(from_at, b.start_at) END AS held_from,
         CASE WHEN to_at >= session_end THEN b.end_at ELSE least(to_at, b.end_at) END AS held_to,
         {_cause()} AS cause,
         d.card_no, coalesce(s.sell_no, 0) AS sell_no, coalesce(s.client, 'unassigned') AS client
  FROM whole w
  JOIN buckets b ON w.from_at < b.end_at AND w.to_at > b.start_at
  JOIN card_spans d ON w.session_start >= d.valid_from AND w.session_start < d.valid_to
  LEFT JOIN sell_spans s ON s.project = w.project
    AND w.session_start >= s.valid_from AND w.session_start < s.valid_to
  WHERE w.from_at < w.to_at
)"""  # noqa: S608 - constant text

_ENERGY = """x.value::HUGEINT * coalesce(
  CASE x.measured WHEN 1 THEN m.watts_milli END, p.watts_milli, x.watts_milli)"""

_RATES: Mapping[Mode, str] = {
    Mode.SESSION: "rate",
    Mode.THREAD: "x.value",
    Mode.WORKER: _half_even("x.value", "threads"),
    Mode.SHARE: _half_even("rate::HUGEINT * x.value", str(PER_MILLION)),
    Mode.ENERGY: _half_even(_ENERGY, "1000000 * threads"),
}
_SELL_RATES: Mapping[Mode, str] = {
    Mode.SHARE: _half_even("cost_rate::HUGEINT * sell_value", str(PER_MILLION)),
    Mode.THREAD: "sell_value",
    Mode.WORKER: _half_even("sell_value", "threads"),
    Mode.PS: _half_even("sell_value::HUGEINT * ps_milli", "1000 * threads"),
}


def _rate(column: str, rates: Mapping[Mode, str], used: set[Mode]) -> str:
    """Return SQL for an hourly rate by its mode, of the modes that prices have.

    The engine writes it out wherever a rate is named: what is never used would take longer to plan
    than all of the report takes to answer, and make numbers of 128 bits of those of 64.
    """
    whens = [f"WHEN '{mode}' THEN {rate}" for mode, rate in rates.items() if mode in used]
    return f"CASE {column} {' '.join(whens)} END" if whens else "NULL::BIGINT"


_MEASURED = f"""
measured AS (
  SELECT c.session_id,
         (sum(w.watts_milli::HUGEINT * w.coverage_ms) // sum(w.coverage_ms))::BIGINT AS watts_milli
  FROM chosen c JOIN worker_samples w ON w.worker_id = c.worker_id AND w.farm_id = $farm_id
    AND w."at" > c.started_at AND w."at" - {SAMPLE_MS} < c.ended_at
  WHERE w.watts_milli IS NOT NULL
  GROUP BY c.session_id, c.started_at, c.ended_at
  HAVING 2 * sum(w.coverage_ms) >= c.ended_at - c.started_at
),"""  # noqa: S608 - constant text

_RATED = """
rated AS (
  SELECT p.*, x.component, x.item, coalesce(x.payer, y.payer) AS payer,
         x.sell_mode, x.sell_value, {cost_rate} AS cost_rate
  FROM pieces p
  JOIN prices x ON x.card_no = p.card_no AND x.sell_no = p.sell_no AND x.fleet_id = p.fleet_id
    AND x.region = p.region AND x.queue_id = p.queue_id AND x.project = p.project
    AND x.user_name = p.user_name AND x.app = p.app
  JOIN payers y ON y.card_no = p.card_no AND y.cause = p.cause
  {measured}
  {unless_used}
),
sold AS (SELECT *, {sell_rate} AS sell_rate FROM rated)"""
_UNLESS_USED = f"""WHERE x.component <> '{Component.LICENCE}' OR NOT EXISTS (
    SELECT 1 FROM licence_uses u WHERE u.session_id = p.session_id AND u.product = x.item)"""  # noqa: S608 - constant text

_HELD = f"""
held AS (
  SELECT p.*, '{Component.LICENCE}' AS component, u.product AS item, y.payer,
         u.billionths_per_hour AS cost_rate, u.started_at AS since,
         greatest(p.held_from, u.started_at) AS use_from, least(p.held_to, u.ended_at) AS use_to,
         CASE x.sell_mode WHEN '{Mode.SHARE}' THEN {
    _half_even("u.billionths_per_hour::HUGEINT * x.sell_value", str(PER_MILLION))
} END AS sell_rate
  FROM pieces p JOIN licence_uses u ON u.session_id = p.session_id AND u.farm_id = $farm_id
  JOIN payers y ON y.card_no = p.card_no AND y.cause = p.cause
  LEFT JOIN markups x ON x.sell_no = p.sell_no
),"""  # noqa: S608 - constant text

_ENTRIES = f"""
  SELECT {{columns}}, threads, CASE WHEN component = '{Component.MACHINE}' THEN to_at - from_at
           ELSE 0 END AS ms,
         {cost_until("cost_rate", "to_at - session_start")}
           - {cost_until("cost_rate", "from_at - session_start")} AS cost,
         CASE WHEN payer = 'house' AND sell_rate IS NOT NULL THEN 0
              ELSE {cost_until("sell_rate", "to_at - session_start")}
                   - {cost_until("sell_rate", "from_at - session_start")} END AS sell
  FROM sold"""  # noqa: S608 - constant text
_HELD_ENTRIES = f"""
  UNION ALL
  SELECT {{columns}}, threads, 0 AS ms,
         {cost_until("cost_rate", "use_to - since")}
           - {cost_until("cost_rate", "use_from - since")} AS cost,
         CASE WHEN payer = 'house' AND sell_rate IS NOT NULL THEN 0
              ELSE {cost_until("sell_rate", "use_to - since")}
                   - {cost_until("sell_rate", "use_from - since")} END AS sell
  FROM held WHERE use_from < use_to"""  # noqa: S608 - constant text


def first_session() -> Question:
    """Ask when the farm's first session began: `started_at`, null of none."""
    return Question(
        sql="SELECT min(started_at) AS started_at FROM sessions WHERE farm_id = $farm_id",
        needs=(Need(table="sessions", live=True),),
    )


def contexts(buckets: Sequence[Bucket], since: Instant, tariff: Tariff) -> Question:
    """Ask for every kind of work whose prices are needed: the columns of `CONTEXT`."""
    names = ", ".join(CONTEXT)
    return _question(
        f"""
        WITH {_TILED}, works AS (
          SELECT DISTINCT d.card_no, coalesce(s.sell_no, 0) AS sell_no, t.fleet_id,
                 coalesce(c.region, '') AS region, t.queue_id, t.user_name,
                 coalesce(layer_project, t.project, t.session_project) AS project,
                 coalesce(layer_app, t.app, 'unassigned') AS app
          FROM tiles t JOIN chosen c ON c.session_id = t.session_id
          JOIN card_spans d ON c.started_at >= d.valid_from AND c.started_at < d.valid_to
          LEFT JOIN layers l ON l.known_layer_id = t.for_layer_id
          LEFT JOIN sell_spans s
            ON s.project = coalesce(layer_project, t.project, t.session_project)
            AND c.started_at >= s.valid_from AND c.started_at < s.valid_to
        )
        SELECT {names} FROM works ORDER BY {names}
        """,  # noqa: S608 - names of a closed list
        buckets,
        since,
        tariff,
    )


def costs(
    names: Iterable[str],
    buckets: Sequence[Bucket],
    since: Instant,
    tariff: Tariff,
    *,
    where: str = "true",
    parameters: Mapping[str, Any] | None = None,
    licences: bool = True,
) -> Question:
    """Ask for thread time, cost and sell amount by attributes; and by threads, component, outcome.

    Args:
        names: of `COST_COLUMNS`, without frame.
        buckets: parts of the span, ascending, without overlap.
        since: when the earliest of the sessions in the span began.
        tariff: what prices are looked up in; `prices` for every context.
        where: a condition on the columns.
        parameters: of the condition.
        licences: False: no licence was ever used in this time.
    """
    columns = _columns(names)
    listed = ", ".join(columns)
    priced = _priced(tariff, licences=licences)
    return _question(
        f"""
        WITH {_PIECES}, {priced}
        SELECT {listed}, threads, sum(ms)::BIGINT AS ms, sum(cost)::BIGINT AS cost,
               sum(sell)::BIGINT AS sell,
               coalesce(sum(ms) FILTER (cost IS NULL), 0)::BIGINT AS unpriced
        FROM entries WHERE {where} GROUP BY {listed}, threads ORDER BY {listed}, threads
        """,  # noqa: S608 - names of a closed list
        buckets,
        since,
        tariff,
        parameters,
        priced=True,
    )


def frame_texts(span: Span, since: Instant) -> Question:
    """Ask for every range of frames that attempts in the span had."""
    return Question(
        sql="""
            SELECT DISTINCT frames FROM session_actions
            WHERE farm_id = $farm_id AND frames IS NOT NULL AND started_at < $end
              AND ended_at > $start
        """,
        needs=(Need(table="session_actions", start=since, live=True),),
        parameters={"start": span.start, "end": span.end},
    )


def frame_costs(
    names: Iterable[str],
    buckets: Sequence[Bucket],
    since: Instant,
    tariff: Tariff,
    ranges: Mapping[str, Sequence[int]],
    *,
    where: str = "true",
    parameters: Mapping[str, Any] | None = None,
    licences: bool = True,
) -> Question:
    """Ask as `costs` does, by frame too.

    What an attempt cost is divided among its frames by their render times, if all are recorded,
    else evenly; by largest remainder, so that nothing is lost.
    """
    columns = [column for column in _columns(names) if column != "frame"]
    listed = ", ".join(columns)
    inner = ", ".join([*columns, "action_id"] if "action_id" not in columns else columns)
    priced = _priced(tariff, licences=licences, extra=("action_id", "frames"))
    split = ", ".join(f"{_share(name)} AS {name}" for name in _AMOUNTS)
    return _question(
        f"""
        WITH {_PIECES}, {priced},
        by_action AS (
          SELECT {inner}, threads, frames, sum(ms)::BIGINT AS ms, sum(cost)::BIGINT AS cost,
                 sum(sell)::BIGINT AS sell,
                 coalesce(sum(ms) FILTER (cost IS NULL), 0)::BIGINT AS unpriced,
                 row_number() OVER () AS entry
          FROM entries WHERE {where} GROUP BY {inner}, threads, frames
        ),
        weighed AS (
          SELECT b.*, r.frame,
                 CASE WHEN count(f.frame) OVER whole = count(*) OVER whole
                        AND coalesce(sum(f.render_ms) OVER whole, 0) > 0
                      THEN f.render_ms ELSE 1 END AS weight
          FROM by_action b LEFT JOIN ranges r ON r.frames = b.frames
          LEFT JOIN frames f ON f.action_id = b.action_id AND f.frame = r.frame
            AND f.farm_id = $farm_id
          WINDOW whole AS (PARTITION BY b.entry)
        ),
        shares AS (
          SELECT *, sum(weight) OVER (PARTITION BY entry)::BIGINT AS all_weight FROM weighed
        ),
        split AS (SELECT {listed}, frame, threads, {split} FROM shares)
        SELECT {listed}, frame, threads, sum(ms)::BIGINT AS ms, sum(cost)::BIGINT AS cost,
               sum(sell)::BIGINT AS sell, sum(unpriced)::BIGINT AS unpriced
        FROM split GROUP BY {listed}, frame, threads ORDER BY {listed}, frame, threads
        """,  # noqa: S608 - names of a closed list
        buckets,
        since,
        tariff,
        parameters,
        priced=True,
        needs=(Need(table="frames", start=since),),
        given={
            "ranges": pa.table(
                {
                    "frames": pa.array(
                        [text for text, frames in ranges.items() for _ in frames], pa.string()
                    ),
                    "frame": pa.array(
                        [frame for frames in ranges.values() for frame in frames], pa.int64()
                    ),
                }
            )
        },
    )


_AMOUNTS = ("ms", "cost", "sell", "unpriced")


def _share(amount: str) -> str:
    """Return SQL for a frame's part of an amount, by largest remainder."""
    product = f"({amount}::HUGEINT * weight)"
    part = f"({product} // all_weight)"
    left = f"({amount} - sum({part}) OVER (PARTITION BY entry))"
    rank = f"row_number() OVER (PARTITION BY entry ORDER BY {product} % all_weight DESC, frame)"
    return f"({part} + CASE WHEN {rank} <= {left} THEN 1 ELSE 0 END)"


def _columns(names: Iterable[str]) -> list[str]:
    wanted = [COST_COLUMNS[name] for name in names]
    return list(dict.fromkeys([*wanted, "component", "outcome"]))


def _priced(tariff: Tariff, *, licences: bool, extra: Iterable[str] = ()) -> str:
    """Return SQL that prices pieces, with no more than the prices and the farm's licences need."""
    columns = [column for column in COST_COLUMNS.values() if column != "frame"]
    every = [price for listed in tariff.prices.values() for price in listed]
    modes = {price.mode for price in every}
    energy = Mode.ENERGY in modes
    rated = _RATED.format(
        cost_rate=_rate("x.mode", _RATES, modes),
        sell_rate=_rate("sell_mode", _SELL_RATES, {price.sell_mode for price in every}),
        measured="LEFT JOIN measured m ON m.session_id = p.session_id" if energy else "",
        unless_used=_UNLESS_USED if licences else "",
    )
    entries = (_ENTRIES + (_HELD_ENTRIES if licences else "")).replace(
        "{columns}", ", ".join(dict.fromkeys([*columns, *extra]))
    )
    return (
        f"{_MEASURED if energy else ''}{rated},"
        f"{_HELD if licences else ''}\nentries AS ({entries}\n)"
    )


def _question(
    sql: str,
    buckets: Sequence[Bucket],
    since: Instant,
    tariff: Tariff,
    parameters: Mapping[str, Any] | None = None,
    *,
    priced: bool = False,
    needs: Sequence[Need] = (),
    given: Mapping[str, Any] | None = None,
) -> Question:
    relations = {
        "buckets": _bucket_table(buckets),
        "card_spans": card_table(tariff.cards),
        "sell_spans": sell_table(tariff.sells),
        **(given or {}),
    }
    start = buckets[0].span.start
    wanted = [
        Need(table="sessions", start=start, live=True),
        Need(table="session_actions", start=since, live=True),
        Need(table="events", start=since),
        *needs,
    ]
    if priced:
        measured = any(one.measured for listed in tariff.prices.values() for one in listed)
        if "licence_uses" in sql:
            wanted.append(Need(table="licence_uses", start=since))
        if "worker_samples" in sql:
            # Samples are many: without a price of measured power none are read.
            until = None if measured else since
            wanted.append(Need(table="worker_samples", start=since, end=until))
        relations |= {
            "prices": price_table(tariff.prices),
            "payers": payer_table(tariff.cards),
            "markups": markup_table(tariff.sells),
        }
    return Question(
        sql=sql,
        needs=tuple(wanted),
        parameters={"start": start, "end": buckets[-1].span.end, **(parameters or {})},
        given=relations,
    )


def _bucket_table(buckets: Iterable[Bucket]) -> pa.Table:
    return table(
        ("name", "start_at", "end_at"),
        [(bucket.name, bucket.span.start, bucket.span.end) for bucket in buckets],
        texts=("name",),
    )
