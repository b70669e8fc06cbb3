"""Pieces of SQL that several questions share."""

from grange.kernel.units import MILLIS_PER_HOUR

SMALL_RATE = 2**63 // MILLIS_PER_HOUR - 1
"""Up to this rate (2,500 of the currency an hour) one hour of it fits in 64 bits."""


def cost_until(rate: str, elapsed: str) -> str:
    """Return SQL for A(t): rate × t per hour in whole billionths, rounded half to even.

    It equals `domain.rates.amount_after` for every rate and time that is not negative. Whole hours
    and the rest are priced apart, because dividing 128-bit numbers takes most of a report's time.
    """
    hours, rest_ms = f"(({elapsed}) // {MILLIS_PER_HOUR})", f"(({elapsed}) % {MILLIS_PER_HOUR})"
    part = f"({rate} * {rest_ms})"
    small = _rounded(
        f"({rate} * {hours} + {part} // {MILLIS_PER_HOUR})", f"({part} % {MILLIS_PER_HOUR})"
    )
    product = f"({rate}::HUGEINT * ({elapsed}))"
    large = _rounded(f"({product} // {MILLIS_PER_HOUR})", f"({product} % {MILLIS_PER_HOUR})")
    return f"(CASE WHEN {rate} > {SMALL_RATE} THEN {large} ELSE {small}::HUGEINT END)"


def _rounded(whole: str, rest: str) -> str:
    half = MILLIS_PER_HOUR // 2
    return (
        f"({whole} + CASE WHEN {rest} > {half} OR ({rest} = {half} AND {whole} % 2 = 1) "
        f"THEN 1 ELSE 0 END)"
    )


def cost_between(rate: str, origin: str, start: str, end: str) -> str:
    """Return SQL for the cost of [start, end) of a session that began at `origin`."""
    return f"({cost_until(rate, f'{end} - {origin}')} - {cost_until(rate, f'{start} - {origin}')})"


TILES = """
ordered AS (
  SELECT s.session_id, s.started_at AS session_start, s.ended_at AS session_end,
         s.billionths_per_hour AS rate, s.worker_id, s.fleet_id, s.queue_id, s.job_id, s.job_name,
         s.user_name, s.threads, s.project AS session_project,
         a.action_id, a.kind, a.status, a.layer_id, a.layer_name, a.task_index, a.project, a.app,
         a.render_type, a.shot,
         a.started_at AS action_start, a.action_index,
         least(s.ended_at, greatest(s.started_at,
           max(a.ended_at) OVER (PARTITION BY s.session_id ORDER BY a.started_at, a.action_index
             ROWS UNBOUNDED PRECEDING))) AS reached,
         row_number() OVER (PARTITION BY s.session_id
           ORDER BY a.started_at DESC, a.action_index DESC) AS from_last
  FROM chosen s LEFT JOIN session_actions a
    ON a.session_id = s.session_id AND a.started_at IS NOT NULL AND a.started_at <= s.ended_at
),
tiles AS (
  SELECT * EXCLUDE (reached, from_last),
         coalesce(lag(reached) OVER w, session_start) AS tile_start,
         CASE WHEN from_last = 1 OR reached IS NULL THEN session_end ELSE reached END AS tile_end,
         coalesce(
           first_value(layer_id IGNORE NULLS) OVER (w ROWS BETWEEN CURRENT ROW AND
             UNBOUNDED FOLLOWING),
           last_value(layer_id IGNORE NULLS) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND
             CURRENT ROW)) AS for_layer_id
  FROM ordered
  WINDOW w AS (PARTITION BY session_id ORDER BY action_start, action_index)
)"""
"""The sessions in `chosen`, cut into one tile for each action with the gap before it.

The last tile takes the gap behind it too. `for_layer_id` is the layer the time was spent for: that
of the action, else of the next one in the session that has a layer, else of the last one.
"""
