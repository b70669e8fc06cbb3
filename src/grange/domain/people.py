"""Who may do what where, how people sign in, and the record of what they did.

Users and their keys are in `domain.farm`. The hash of a password is kept apart from its user, so
that whoever reads users never holds one.
"""

from enum import StrEnum

from msgspec import Struct

from grange.kernel.units import Instant


class Level(StrEnum):
    """The four levels of a membership, spelled as Deadline Cloud's model spells them."""

    VIEWER = "VIEWER"
    """Reads."""
    CONTRIBUTOR = "CONTRIBUTOR"
    """Submits, and acts on own jobs."""
    MANAGER = "MANAGER"
    """Acts on all jobs and workers."""
    OWNER = "OWNER"
    """Also users, rates and settings."""

    @property
    def rank(self) -> int:
        """A number that is higher for a level that may more."""
        return _RANKS[self]


_RANKS = {level: rank for rank, level in enumerate(Level, start=1)}


class Place(StrEnum):
    """What a membership is of."""

    FARM = "farm"
    QUEUE = "queue"
    JOB = "job"


class Home(StrEnum):
    """Which page `/` is."""

    ARTIST = "artist"
    """My jobs, and what needs me."""
    WRANGLER = "wrangler"
    """What is stuck, silent or failing."""
    ADMIN = "admin"
    """The farm, its users and settings."""
    FINANCE = "finance"
    """What was used, and what it cost."""


class Membership(Struct, frozen=True, kw_only=True):
    """A user's level in a farm, queue or job. One in a farm counts for its queues and jobs."""

    user_name: str
    place: Place
    target_id: str
    """Id of the farm, queue or job."""
    farm_id: str
    """The farm it is in."""
    level: Level
    created_at: Instant
    created_by: str
    updated_at: Instant | None = None
    updated_by: str | None = None


class Password(Struct, frozen=True, kw_only=True):
    """The password of a user: an argon2id hash, with its salt and parameters in it."""

    user_name: str
    phc: str
    """The hash in the PHC string form."""
    set_at: Instant
    set_by: str


class SignIn(Struct, frozen=True, kw_only=True):
    """A browser that is signed in, until it signs out, is signed out, or time is up."""

    sign_in_id: str
    token_hash: str
    """SHA-256 of the cookie's value: the value itself is kept nowhere."""
    user_name: str
    how: str
    """password, or link (`grange open`)."""
    address: str
    browser: str
    """What it calls itself; anything a stranger may have sent."""
    created_at: Instant
    expires_at: Instant


class Preference(Struct, frozen=True, kw_only=True):
    """What a user has chosen."""

    user_name: str
    home: Home


class Outcome(StrEnum):
    """How an act ended."""

    DONE = "done"
    REFUSED = "refused"


class AuditEntry(Struct, frozen=True, kw_only=True):
    """Somebody did something, or tried to. Written once, with the act itself; never changed."""

    audit_id: str
    """Ascending in time."""
    at: Instant
    actor: str
    """The user; of a refused sign-in the name that was given."""
    operation: str
    """As in the table of permissions, e.g. UpdateJob or grange:PutRateCard."""
    outcome: Outcome
    farm_id: str = ""
    kind: str = ""
    """What it was done to: job, queue, worker, user, …"""
    subject: str = ""
    """The id or name of that."""
    detail: str = ""
    """What was asked for, in short; no secrets."""
    reason: str = ""
    """Why it was refused."""
    credential: str = ""
    """The access key id, `page` for a browser, or empty."""
    address: str = ""
    """Where the request came from."""
    request_id: str = ""
