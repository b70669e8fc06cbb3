"""Hooks: what is told to programs when something happens; messages: what people hear of."""

from enum import StrEnum

from msgspec import Struct

from grange.kernel.ids import FarmId
from grange.kernel.units import Instant

MESSAGES_OF = "user:"
"""How the `hook_id` of a delivery to a person begins; the name follows."""


class HookEvent(StrEnum):
    """What a hook can be told of."""

    JOB_SUBMITTED = "job_submitted"
    FIRST_FRAME = "first_frame"
    FIRST_FAILURE = "first_failure"
    JOB_SUCCEEDED = "job_succeeded"
    JOB_FAILED = "job_failed"
    JOB_CANCELED = "job_canceled"
    WORKER_QUARANTINED = "worker_quarantined"
    BUDGET_REACHED = "budget_reached"
    TEST = "test"


class DeliveryStatus(StrEnum):
    """How far a delivery is."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class Hook(Struct, frozen=True, kw_only=True):
    """A command or web address that is told of events."""

    farm_id: FarmId
    hook_id: str
    name: str
    events: tuple[str, ...]
    kind: str
    """`command` or `webhook`."""
    target: str
    """The words of the command as a JSON list, or the address; sealed with the master key."""
    generation: int = 0
    """Of the secret that signs what a web address gets."""
    created_at: Instant
    created_by: str
    updated_at: Instant | None = None
    updated_by: str | None = None


class MessagePlan(Struct, frozen=True, kw_only=True):
    """Where a person hears of their jobs, and when."""

    farm_id: FarmId
    user_name: str
    targets: str
    """Addresses as apprise knows them, a JSON list; sealed with the master key."""
    shown: tuple[str, ...]
    """The same without their passwords."""
    events: tuple[str, ...]
    digest_seconds: int = 600
    """After a message, what happens within so long goes into one message."""
    quiet: tuple[int, int] | None = None
    """Minutes of the farm's local day, from and to; may go over midnight."""
    told_at: Instant | None = None
    """When the last message was taken."""
    created_at: Instant
    created_by: str


class HookDelivery(Struct, frozen=True, kw_only=True):
    """One event on its way to one hook or person."""

    farm_id: FarmId
    hook_id: str
    """Of the hook; `user:NAME` for a person."""
    event_id: str
    """The same for every try, so that a receiver can tell a repeat."""
    event: str
    body: str
    """What is sent, as JSON."""
    status: DeliveryStatus = DeliveryStatus.WAITING
    attempts: int = 0
    next_at: Instant
    """Not tried before."""
    error: str = ""
    """Why the last try failed."""
    created_at: Instant
    ended_at: Instant | None = None
    """When it was taken or given up."""


FIRST_PAUSE_SECONDS = 10
LONGEST_PAUSE_SECONDS = 3600
MOST_ATTEMPTS = 20
"""After so many tries, over some twelve hours, a delivery is given up."""


def pause_seconds(attempts: int) -> int:
    """Return how long to wait after so many failed tries."""
    doubled: int = FIRST_PAUSE_SECONDS * 2 ** min(max(attempts, 1) - 1, 12)
    return min(LONGEST_PAUSE_SECONDS, doubled)


def is_quiet(plan: MessagePlan, minute: int) -> bool:
    """Return whether a minute of the local day lies within a person's quiet hours."""
    if plan.quiet is None:
        return False
    begin, end = plan.quiet
    return begin <= minute < end if begin <= end else minute >= begin or minute < end
