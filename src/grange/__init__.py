"""Grange: a self-hosted render farm that keeps its own books."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grange.sdk.farm import Farm


def open(  # noqa: A001 - reads as grange.open()
    url_or_folder: str | Path | None = None, *, farm_id: str | None = None
) -> "Farm":
    """Return a farm: see `grange.sdk.open`."""
    # Every program imports this package; only scripts open a farm.
    import grange.sdk.farm  # noqa: PLC0415

    return grange.sdk.farm.open(url_or_folder, farm_id=farm_id)
