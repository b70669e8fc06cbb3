"""What a reader must know before it asks: the farm's zone and currency, and what "now" is."""

from collections.abc import Mapping
from typing import Any

from grange.services.books.desk import Desk


def books_about(desk: Desk, *, farm_id: str) -> dict[str, Any]:
    """Return the farm's zone and currency, and the instant of the answer."""
    farm = desk.farm(farm_id)
    return {
        "farm_id": farm.farm_id,
        "name": farm.name,
        "zone": farm.zone,
        "currency": farm.currency,
        "now": desk.clock.now(),
    }


ANSWERS: Mapping[str, Any] = {"books_about": books_about}
