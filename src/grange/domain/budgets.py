"""Budgets: amounts that some work may cost."""

from collections.abc import Mapping

from msgspec import Struct

from grange.domain.work import UNASSIGNED, Job, Layer
from grange.kernel.ids import FarmId
from grange.kernel.units import Instant


class Budget(Struct, frozen=True, kw_only=True):
    """An amount for the work that a scope names, over a span of time."""

    farm_id: FarmId
    budget_id: str
    name: str
    scope: Mapping[str, str]
    """Attribute of cost (project, user, queue, client, …) → value; all must hold."""
    amount_billionths: int
    sell: bool = False
    """True: what the client pays counts; False: what the farm pays."""
    start_at: Instant
    end_at: Instant | None = None
    """None: it has no end."""
    created_at: Instant
    created_by: str
    updated_at: Instant | None = None
    updated_by: str | None = None
    stops: bool | None = None
    """True: once it is spent, no more work of its scope begins."""
    exhausted: bool | None = None
    """True: it is spent."""


KNOWN_BEFORE = frozenset(
    {"project", "user", "queue", "app", "sequence", "shot", "version", "render_type", "job"}
)
"""What is known of work before it begins; the rest depends on where it runs and who is billed."""


def covers(budget: Budget, job: Job, layer: Layer) -> bool:
    """True if the work of a layer is paid from a budget."""
    return all(_value(name, job, layer) == value for name, value in budget.scope.items())


def _value(name: str, job: Job, layer: Layer) -> str | None:
    match name:
        case "user":
            return job.created_by
        case "queue":
            return job.queue_id
        case "job":
            return job.job_id
        case _ if name in KNOWN_BEFORE:
            return layer.attributes.get(name, UNASSIGNED)
        case _:
            return None
