"""Questions behind layer times and frame records."""

from collections.abc import Sequence

import pyarrow as pa

from grange.books.questions.model import Need, Question
from grange.kernel.units import Instant


def finished_layers(project: str | None, render_type: str | None, layer: str | None) -> Question:
    """Ask for every layer that was finished once, by project, render type and name (S0-33, S0-34).

    Figures are those of the attempts up to the first time all frames were done: what was rendered
    again later changes nothing.
    """
    return Question(
        sql="""
            WITH done AS (
              SELECT layer_id, min("at") AS finished_at FROM events
              WHERE farm_id = $farm_id AND name = 'layer_status' AND new = 'SUCCEEDED'
              GROUP BY layer_id
            ),
            chosen AS (
              SELECT s.*, d.finished_at FROM submissions s JOIN done d USING (layer_id)
              WHERE s.farm_id = $farm_id
                AND ($project IS NULL OR s.project = $project)
                AND ($render_type IS NULL OR s.render_type = $render_type)
                AND ($layer IS NULL OR s.layer_name = $layer)
            ),
            mine AS (
              SELECT c.layer_id, a.action_id, a.frame_count, a.ps_milli, a.peak_memory_bytes,
                     a.cpu_ms, a.ended_at - a.started_at AS length
              FROM chosen c JOIN session_actions a ON a.layer_id = c.layer_id
              WHERE a.farm_id = $farm_id AND a.kind = 'task_run' AND a.status = 'SUCCEEDED'
                AND a.ended_at <= c.finished_at
            ),
            tried AS (
              SELECT layer_id, sum(frame_count)::BIGINT AS frames, sum(length)::BIGINT AS length_ms,
                     sum(ps_milli * length)::BIGINT AS ps_milli_ms,
                     max(peak_memory_bytes) AS memory_bytes,
                     max(cpu_ms * 1000 // nullif(length, 0)) AS cores_milli
              FROM mine GROUP BY layer_id
            ),
            framed AS (
              SELECT m.layer_id, count(*) AS frames, sum(f.render_ms)::BIGINT AS render_ms,
                     sum(f.render_ms * m.ps_milli)::BIGINT AS ps_milli_ms,
                     max(f.peak_memory_bytes) AS memory_bytes,
                     max(f.cpu_ms * 1000 // nullif(f.render_ms, 0)) AS cores_milli
              FROM mine m JOIN frames f USING (action_id)
              WHERE f.farm_id = $farm_id GROUP BY m.layer_id
            )
            SELECT c.project, c.render_type, c.layer_name, c.layer_id, c.job_id, c.job_name,
                   c.submitted_at, c.finished_at, t.ps_milli_ms // nullif(t.length_ms, 0)
                     AS mean_ps_milli,
                   coalesce(f.cores_milli, t.cores_milli) AS cores_milli,
                   coalesce(f.frames, t.frames) AS frames,
                   coalesce(f.render_ms, t.length_ms) AS render_ms,
                   coalesce(f.ps_milli_ms, t.ps_milli_ms) AS ps_milli_ms,
                   greatest(f.memory_bytes, t.memory_bytes) AS memory_bytes
            FROM chosen c LEFT JOIN tried t USING (layer_id) LEFT JOIN framed f USING (layer_id)
            ORDER BY c.project, c.render_type, c.layer_name, c.finished_at DESC, c.layer_id DESC
        """,
        needs=(
            Need(table="events"),
            Need(table="submissions"),
            Need(table="session_actions"),
            Need(table="frames"),
        ),
        parameters={"project": project, "render_type": render_type, "layer": layer},
    )


def frames_of_jobs(job_ids: Sequence[str], layer_id: str | None, since: Instant | None) -> Question:
    """Ask for the best record of each frame of some jobs, by job, layer and frame number.

    Args:
        job_ids: the jobs.
        layer_id: one of their layers; None: all.
        since: no frame was rendered before; None: from the beginning.
    """
    return Question(
        sql="""
            WITH tried AS (
              SELECT a.action_id, a.status, a.attempt
              FROM session_actions a JOIN wanted USING (job_id) WHERE a.farm_id = $farm_id
            ),
            best AS (
              SELECT f.*, coalesce(a.status, '') AS status, a.attempt
              FROM frames f JOIN wanted USING (job_id)
              LEFT JOIN tried a ON a.action_id = f.action_id
              WHERE f.farm_id = $farm_id AND ($layer_id IS NULL OR f.layer_id = $layer_id)
              QUALIFY row_number() OVER (PARTITION BY f.layer_id, f.frame
                ORDER BY coalesce(a.status = 'SUCCEEDED', false) DESC, f.ended_at DESC, f.action_id
              ) = 1
            )
            SELECT * EXCLUDE (farm_id) FROM best ORDER BY job_id, layer_id, frame
        """,
        needs=(
            Need(table="frames", start=since),
            Need(table="session_actions", start=since, live=True),
        ),
        parameters={"layer_id": layer_id},
        given={"wanted": _wanted(job_ids)},
    )


def frame_lists(job_ids: Sequence[str]) -> Question:
    """Ask for the frames of the layers of some jobs, as they were submitted."""
    return Question(
        sql="""
            SELECT job_id, submitted_at, layer_id, layer_name, layer_index, frames, frame_count
            FROM submissions JOIN wanted USING (job_id)
            WHERE farm_id = $farm_id ORDER BY job_id, layer_index
        """,
        needs=(Need(table="submissions"),),
        given={"wanted": _wanted(job_ids)},
    )


def _wanted(job_ids: Sequence[str]) -> pa.Table:
    return pa.table({"job_id": pa.array(sorted(set(job_ids)), pa.string())})
