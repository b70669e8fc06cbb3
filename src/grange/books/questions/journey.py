"""Questions behind the report of one job: everything that happened to it."""

from grange.books.questions.model import Need, Question
from grange.books.questions.time import ATTEMPTED
from grange.kernel.units import Instant


def job_events(job_id: str, since: Instant) -> Question:
    """Ask for every event of a job, its layers, tasks and sessions, by time."""
    return Question(
        sql="""
            SELECT event_id, "at", subject, subject_id, name, old, new, actor, number, worker_id,
                   layer_id, detail
            FROM events WHERE farm_id = $farm_id AND job_id = $job_id
            ORDER BY "at", event_id
        """,
        needs=(Need(table="events", start=since),),
        parameters={"job_id": job_id},
    )


def job_tries(job_id: str, since: Instant) -> Question:
    """Ask for every attempt of a job by time, and how many frames each was seen to render."""
    return Question(
        sql=f"""
            WITH {ATTEMPTED},
            seen AS (
              SELECT action_id, count(*) AS frames FROM frames
              WHERE farm_id = $farm_id AND job_id = $job_id GROUP BY action_id
            )
            SELECT a.action_id, a.session_id, a.layer_id, a.layer_name, a.task_index, a.attempt,
                   a.status, a.cause, a.frames, a.frame_count, a.worker_id, a.assigned_at,
                   a.started_at, a.ended_at, a.worker_started_at, a.worker_ended_at, a.exit_code,
                   a.error_class, a.error_rule, a.error_text, a.superseded,
                   s.frames AS frames_seen
            FROM attempted a LEFT JOIN seen s USING (action_id)
            WHERE a.farm_id = $farm_id AND a.job_id = $job_id AND a.kind = 'task_run'
            ORDER BY a.assigned_at, a.action_id
        """,  # noqa: S608 - constant text
        needs=(
            Need(table="session_actions", start=since, live=True),
            Need(table="frames", start=since),
        ),
        parameters={"job_id": job_id},
    )
