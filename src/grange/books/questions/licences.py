"""Questions about licences: who held them, what needed them, what went without."""

from grange.books.questions.model import Need, Question
from grange.kernel.intervals import Span


def licence_uses(span: Span) -> Question:
    """Ask for the licences that sessions held in a span."""
    return Question(
        sql="""
            SELECT session_id, product, seats, started_at, ended_at FROM licence_uses
            WHERE farm_id = $farm_id AND started_at < $end AND ended_at > $start
            ORDER BY started_at, use_id
        """,
        needs=(Need(table="licence_uses", start=span.start),),
        parameters={"start": span.start, "end": span.end},
    )


def app_attempts(span: Span) -> Question:
    """Ask for attempts in a span: their application, and whether a licence was missing."""
    return Question(
        sql="""
            SELECT a.session_id, a.app, a.worker_id, coalesce(s.region, '') AS region, a.started_at,
                   a.ended_at, coalesce(a.error_class = 'licence' AND a.status <> 'SUCCEEDED',
                   false) AS denied
            FROM session_actions a LEFT JOIN sessions s USING (session_id)
            WHERE a.farm_id = $farm_id AND a.kind = 'task_run' AND a.started_at < $end
              AND a.ended_at > $start
            ORDER BY a.started_at, a.action_id
        """,
        needs=(
            Need(table="session_actions", start=span.start, live=True),
            Need(table="sessions", start=span.start, live=True),
        ),
        parameters={"start": span.start, "end": span.end},
    )
