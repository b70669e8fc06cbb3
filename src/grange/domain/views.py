"""Saved views: what somebody looks at often, by a name."""

from msgspec import Struct

from grange.kernel.ids import FarmId
from grange.kernel.units import Instant


class SavedView(Struct, frozen=True, kw_only=True):
    """A filter, an order and columns of a page, as its address has them; of one user."""

    farm_id: FarmId
    user_name: str
    page: str
    """`jobs` or `workers`."""
    name: str
    query: str
    """What stands behind the `?` of the address."""
    created_at: Instant
    updated_at: Instant
