"""What the books know of one job's way through the farm: its events and its attempts."""

from collections.abc import Mapping
from typing import Any

from grange.books.questions.journey import job_events, job_tries
from grange.services.books.answers import worker_names
from grange.services.books.desk import Desk


def job_journey(desk: Desk, *, farm_id: str, job_id: str) -> dict[str, Any]:
    """Return every event and every attempt of a job, oldest first."""
    job = desk.job(farm_id, job_id)
    names = worker_names(desk.state, farm_id)
    with desk.view(farm_id) as view:
        events = view.ask(job_events(job_id, job.created_at)).to_pylist()
        tries = view.ask(job_tries(job_id, job.created_at)).to_pylist()
    for row in (*events, *tries):
        row["worker"] = names.get(row["worker_id"], row["worker_id"])
    return {"events": events, "attempts": tries}


ANSWERS: Mapping[str, Any] = {"job_journey": job_journey}
