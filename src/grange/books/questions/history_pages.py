"""Questions about many layers at once: their attempts, events and workers."""

from collections.abc import Sequence

import pyarrow as pa

from grange.books.questions.model import Need, Question

_ACTIONS = (Need(table="session_actions", live=True),)


def attempts_of_layers(layer_ids: Sequence[str]) -> Question:
    """Ask for every attempt of some layers, by layer and time."""
    return _about(
        """
            SELECT layer_id, action_id, worker_id, task_index, attempt, status, cause, frames,
                   frame_count, assigned_at, started_at, ended_at, exit_code, error_class,
                   error_text
            FROM session_actions JOIN wanted USING (layer_id)
            WHERE farm_id = $farm_id AND kind = 'task_run'
            ORDER BY layer_id, ended_at, action_id
        """,
        layer_ids,
        _ACTIONS,
    )


def events_of_jobs(job_ids: Sequence[str]) -> Question:
    """Ask for the events of some jobs and their layers, by job and time."""
    return _about(
        """
            SELECT e.job_id, e.event_id, e."at", e.subject, e.name, e.old, e.new, e.actor,
                   e.number, e.worker_id, e.layer_id
            FROM events e JOIN wanted w ON w.layer_id = e.job_id
            WHERE e.farm_id = $farm_id AND e.subject <> 'session'
            ORDER BY e.job_id, e."at", e.event_id
        """,
        job_ids,
        (Need(table="events"),),
    )


def workers_of_layers(layer_ids: Sequence[str]) -> Question:
    """Ask what each worker did for some layers (ledger S0-54)."""
    return _about(
        """
            SELECT layer_id, worker_id, count(*) AS sent,
                   count(*) FILTER (status = 'FAILED') AS crashed,
                   count(*) FILTER (status IN ('INTERRUPTED', 'CANCELED')) AS aborted,
                   coalesce(sum(ended_at - started_at), 0)::BIGINT AS render_ms,
                   max(CASE WHEN status = 'RUNNING' THEN 1 ELSE 0 END) = 1 AS assigned
            FROM session_actions JOIN wanted USING (layer_id)
            WHERE farm_id = $farm_id AND kind = 'task_run'
            GROUP BY layer_id, worker_id ORDER BY layer_id, worker_id
        """,
        layer_ids,
        _ACTIONS,
    )


def _about(sql: str, ids: Sequence[str], needs: tuple[Need, ...]) -> Question:
    wanted = pa.table({"layer_id": pa.array(sorted(set(ids)), pa.string())})
    return Question(sql=sql, needs=needs, given={"wanted": wanted})
