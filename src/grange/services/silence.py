"""Workers that were not heard of: what was found out about them, until they are heard again."""

import msgspec
from msgspec.structs import replace

from grange.domain.effects import Publish
from grange.domain.hails import Hail
from grange.domain.work import Worker
from grange.services.draft import Draft
from grange.services.worker_events import worker_event


def heard_again(draft: Draft, worker: Worker) -> Worker:
    """Take note that a worker speaks: its claims hold, and nothing is the matter with it."""
    draft.memory.unverified.discard(worker.worker_id)
    if worker.hail is None:
        return worker
    return found_out(draft, worker, None)


def found_out(draft: Draft, worker: Worker, hail: Hail | None) -> Worker:
    """Keep what was found out about a worker; leave an event where that is news."""
    before = "" if worker.hail is None else worker.hail.verdict
    after = "" if hail is None else hail.verdict
    worker = replace(worker, hail=hail)
    draft.put(worker)
    if before != after:
        _event(draft, worker, before, after, hail)
    draft.effect(Publish(worker.farm_id, worker_id=worker.worker_id))
    return worker


def was_found_out(draft: Draft, worker: Worker, hail: Hail) -> None:
    """Leave events of what was the matter with a worker in a silence that is over.

    They are those of a finding that was kept and ended. Nothing is left if nobody met anything.
    """
    now = "" if worker.hail is None else worker.hail.verdict
    if not hail.witnesses or hail.verdict == now:
        return
    _event(draft, worker, now, hail.verdict, hail)
    _event(draft, worker, hail.verdict, now, worker.hail)


def _event(draft: Draft, worker: Worker, before: str, after: str, hail: Hail | None) -> None:
    worker_event(
        draft,
        worker,
        "worker_hailed",
        old=before,
        new=after,
        actor="grange",
        detail="" if hail is None else msgspec.json.encode(hail).decode(),
    )
