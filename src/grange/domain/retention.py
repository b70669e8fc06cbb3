"""How long a farm's books keep what, as its owner set it."""

from collections.abc import Mapping

from msgspec import Struct

from grange.kernel.ids import FarmId
from grange.kernel.units import Instant


class RetentionPolicy(Struct, frozen=True, kw_only=True):
    """What a farm keeps longer or shorter than the catalog says."""

    farm_id: FarmId
    kept_days: Mapping[str, int | None]
    """Table → days; None: for ever. A table that is not named is kept as the catalog says."""
    updated_at: Instant
    updated_by: str
