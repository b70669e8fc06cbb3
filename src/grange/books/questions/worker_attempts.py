"""What workers were at: the actions of a span, and the one at an instant."""

from grange.books.questions.model import Need, Question
from grange.books.questions.time import ATTEMPTED
from grange.kernel.intervals import Span
from grange.kernel.units import Instant

MOST = 5000


def attempts_over(
    span: Span, worker_id: str, thread: int | None = None, *, near: Instant | None = None
) -> Question:
    """Ask for the actions a worker was at in a span, at most `MOST` + 1 of them.

    Args:
        span: the span.
        worker_id: the worker.
        thread: one job thread of it; None: all.
        near: those nearest to this instant come first; None: the oldest.
    """
    nearest = "" if near is None else "greatest(started_at - $near, $near - ended_at, 0), "
    return Question(
        sql=f"""
            WITH {ATTEMPTED}
            SELECT action_id, session_id, worker_id, thread, kind, status, job_id, job_name,
                   layer_id, layer_name, task_index, attempt, frames, started_at, ended_at,
                   superseded, exit_code, cause, error_class, error_text, user_name, project
            FROM attempted
            WHERE worker_id = $worker_id AND started_at < $end AND ended_at > $start
              AND ($thread < 0 OR thread = $thread)
            ORDER BY {nearest}started_at, thread, action_index LIMIT {MOST + 1}
        """,  # noqa: S608 - constant text
        needs=(Need(table="session_actions", start=span.start, live=True),),
        parameters={
            "worker_id": worker_id,
            "thread": -1 if thread is None else thread,
            "start": span.start,
            "end": span.end,
            **({} if near is None else {"near": near}),
        },
    )
