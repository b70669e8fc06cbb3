"""What people call what has an id: queues, fleets, workers, jobs, layers."""

from collections.abc import Iterable

from grange.domain.farm import Fleet, Queue
from grange.domain.work import Job, Layer
from grange.ports.state import Compare, Condition
from grange.services.books.answers import worker_names
from grange.services.books.bridge import StateBridge


def names_of(state: StateBridge, farm_id: str, kinds: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return names by id, for each of the kinds that have ids."""
    own: Condition = Compare("farm_id", "=", farm_id)
    found: dict[str, dict[str, str]] = {}
    for kind in kinds:
        match kind:
            case "queue":
                found[kind] = {each.queue_id: each.name for each in state.find(Queue, own)}
            case "fleet":
                found[kind] = {each.fleet_id: each.name for each in state.find(Fleet, own)}
            case "worker":
                found[kind] = worker_names(state, farm_id)
            case "job":
                found[kind] = {each.job_id: each.name for each in state.find(Job, own)}
            case "layer":
                found[kind] = {each.layer_id: each.name for each in state.find(Layer, own)}
            case _:
                continue
    return found
