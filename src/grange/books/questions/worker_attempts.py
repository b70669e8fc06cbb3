"""What workers were at: the actions of a span, and the one at an instant."""

from grange.books.questions.model import Need, Question
from grange.books.questions.time import ATTEMPTED
from grange.kernel.intervals import Span

MOST = 5000


def attempts_over(span: Span, worker_id: str, thread: int | None = None) -> Question:
    """Ask for the actions a worker was at in a span, oldest first, at most `MOST` + 1 of them."""
    return Question(
        sql=f"""
            WITH {ATTEMPTED}
            SELECT action_id, session_id, worker_id, thread, kind, status, job_id, job_name,
                   layer_id, layer_name, task_index, attempt, frames, started_at, ended_at,
                   superseded, exit_code, cause, error_class, error_text, user_name, project
            FROM attempted
            WHERE worker_id = $worker_id AND started_at < $end AND ended_at > $start
              AND ($thread < 0 OR thread = $thread)
            ORDER BY started_at, thread, action_index LIMIT {MOST + 1}
        """,  # noqa: S608 - constant text
        needs=(Need(table="session_actions", start=span.start, live=True),),
        parameters={
            "worker_id": worker_id,
            "thread": -1 if thread is None else thread,
            "start": span.start,
            "end": span.end,
        },
    )
