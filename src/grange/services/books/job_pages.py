"""Attempts and events of a job in pages, the newest first."""

from collections.abc import Callable, Mapping
from typing import Any

from grange.books.questions.journey import job_events, job_tries
from grange.books.questions.model import Question
from grange.domain.work import Layer
from grange.kernel.units import Instant
from grange.ports.state import Compare
from grange.services.books.answers import worker_names
from grange.services.books.desk import Desk

MOST_ROWS = 1000


def job_attempts_page(
    desk: Desk,
    *,
    farm_id: str,
    job_id: str,
    outcome: str = "",
    layer_id: str = "",
    limit: int = 100,
    offset: int = 0,
) -> dict[str, Any]:
    """Return attempts of a job, filtered first, limited then.

    Args:
        desk: where questions are answered.
        farm_id: the farm.
        job_id: the job.
        outcome: only those that ended so, e.g. FAILED; empty: all.
        layer_id: only those of a layer; empty: of all.
        limit: at most so many.
        offset: so many are passed over first.
    """

    def wanted(row: Mapping[str, Any]) -> bool:
        return (not outcome or row["status"] == outcome) and (
            not layer_id or row["layer_id"] == layer_id
        )

    rows = _rows(desk, farm_id, job_id, job_tries)
    chosen = [row for row in rows if wanted(row)]
    shown = _shown(desk, farm_id, chosen[offset : offset + min(limit, MOST_ROWS)])
    return {"attempts": shown, "matched": len(chosen), "of": len(rows)}


def job_events_page(
    desk: Desk, *, farm_id: str, job_id: str, limit: int = 100, offset: int = 0
) -> dict[str, Any]:
    """Return what happened to a job, its layers, tasks and sessions, and by whom."""
    rows = _rows(desk, farm_id, job_id, job_events)
    shown = _shown(desk, farm_id, rows[offset : offset + min(limit, MOST_ROWS)])
    layers = {
        layer.layer_id: layer.name
        for layer in desk.state.find(Layer, Compare("job_id", "=", job_id))
    }
    for row in shown:
        row["layer"] = layers.get(row["layer_id"])
    return {"events": shown, "matched": len(rows), "of": len(rows)}


def _rows(
    desk: Desk, farm_id: str, job_id: str, question: Callable[[str, Instant], Question]
) -> list[dict[str, Any]]:
    job = desk.job(farm_id, job_id)
    with desk.view(farm_id) as view:
        rows: list[dict[str, Any]] = view.ask(question(job_id, job.created_at)).to_pylist()
    rows.reverse()
    return rows


def _shown(desk: Desk, farm_id: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = worker_names(desk.state, farm_id)
    for row in rows:
        row["worker"] = names.get(row["worker_id"], row["worker_id"])
    return rows


ANSWERS: Mapping[str, Any] = {
    "job_attempts_page": job_attempts_page,
    "job_events_page": job_events_page,
}
