"""Questions behind the machine time accounts."""

from collections.abc import Sequence

import pyarrow as pa

from grange.books.questions.model import Need, Question
from grange.kernel.intervals import Span
from grange.kernel.units import MILLIS_PER_DAY, Instant

_SILENCE_MS = MILLIS_PER_DAY
"""Within this time after a worker fell silent the event that says so is written."""


def worker_events(end: Instant) -> Question:
    """Ask for all events that make the presence of workers before `end`."""
    return Question(
        sql="""
            SELECT worker_id, fleet_id, "at", event_id, name, new, number, detail FROM events
            WHERE farm_id = $farm_id AND subject = 'worker' AND worker_id IS NOT NULL
              AND name IN ('worker_status', 'worker_threads', 'worker_disabled')
              AND ("at" < $end OR (name = 'worker_status' AND new = 'NOT_RESPONDING'))
            ORDER BY worker_id, "at", event_id
        """,
        needs=(Need(table="events", end=Instant(end + _SILENCE_MS)),),
        parameters={"end": end},
    )


def fleet_waiting(end: Instant) -> Question:
    """Ask for the timeline of waiting work of every fleet before `end`."""
    return Question(
        sql="""
            SELECT coalesce(fleet_id, subject_id) AS fleet_id, "at", new FROM events
            WHERE farm_id = $farm_id AND name = 'fleet_waiting' AND new IS NOT NULL AND "at" < $end
            ORDER BY fleet_id, "at", event_id
        """,
        needs=(Need(table="events", end=end),),
        parameters={"end": end},
    )


def sessions_over(span: Span) -> Question:
    """Ask for the sessions that were open at some time in the span."""
    return Question(
        sql="""
            SELECT session_id, worker_id, thread, started_at, ended_at FROM sessions
            WHERE farm_id = $farm_id AND started_at < $end AND ended_at > $start
        """,
        needs=(Need(table="sessions", start=span.start, live=True),),
        parameters={"start": span.start, "end": span.end},
    )


ATTEMPTED = """
attempted AS (
  SELECT *, kind = 'task_run' AND status = 'SUCCEEDED' AND row_number() OVER (
      PARTITION BY layer_id, task_index, kind = 'task_run' AND status = 'SUCCEEDED'
      ORDER BY ended_at DESC, attempt DESC, action_id DESC) > 1 AS superseded
  FROM session_actions WHERE farm_id = $farm_id AND started_at IS NOT NULL
)"""
"""Actions that were tried; `superseded` is true for a success that a later one of the same task
took the place of. Reads `session_actions` from the earliest action asked about to the end."""


def actions_over(span: Span) -> Question:
    """Ask for the actions that were tried in the sessions open in the span."""
    return Question(
        sql=f"""
            WITH {ATTEMPTED}
            SELECT action_id, session_id, action_index, kind, status, started_at, ended_at, copy_ms,
                   superseded
            FROM attempted WHERE started_at < $end AND ended_at > $start
        """,  # noqa: S608 - constant text
        needs=(Need(table="session_actions", start=span.start, live=True),),
        parameters={"start": span.start, "end": span.end},
    )


def watched_threads(silent: Sequence[tuple[str, Span]], sample_ms: int) -> Question:
    """Ask for samples of job threads, watched at least half of their time, in silent spans.

    Args:
        silent: workers and spans in which the server heard nothing of them; at least one.
        sample_ms: how long before its time a sample begins.
    """
    start = min(span.start for _, span in silent)
    end = Instant(max(span.end for _, span in silent) + sample_ms)
    return Question(
        sql="""
            SELECT worker_id, thread, "at", state FROM thread_samples
            SEMI JOIN silent ON thread_samples.worker_id = silent.silent_id
              AND "at" > silent_from AND "at" < silent_until + $sample
            WHERE farm_id = $farm_id AND "at" > $start AND "at" < $end
              AND coverage_ms >= $sample // 2
        """,
        needs=(Need(table="thread_samples", start=start, end=end),),
        parameters={"start": start, "end": end, "sample": sample_ms},
        given={
            "silent": pa.table(
                {
                    "silent_id": [worker_id for worker_id, _ in silent],
                    "silent_from": [int(span.start) for _, span in silent],
                    "silent_until": [int(span.end) for _, span in silent],
                }
            )
        },
    )
