"""Publications: addresses under which anybody may see graphs of streams, until they are revoked."""

from msgspec import Struct

from grange.kernel.ids import FarmId
from grange.kernel.units import Instant


class Publication(Struct, frozen=True, kw_only=True):
    """A token that shows graphs and pages of streams, and nothing else; it changes nothing."""

    farm_id: FarmId
    publication_id: str
    name: str
    """Whom or what it is for."""
    streams: tuple[str, ...] = ()
    """Names or patterns of the streams it shows, and of series with `series:` in front; empty: all
    of them, and the pages."""
    token_hash: str
    """SHA-256 of the token, which nobody keeps but those it was given to."""
    created_at: Instant
    created_by: str
    revoked_at: Instant | None = None
    revoked_by: str | None = None
