"""Files of a simulated farm that was made elsewhere become files of these books."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from grange.kernel.errors import ConflictError, CorruptDataError
from grange.kernel.units import Instant
from grange.ports.state import ManifestRow
from grange.services.books.shelf import Shelf


def adopt(
    shelf: Shelf, farm_id: str, files: Sequence[Mapping[str, Any]], now: Instant
) -> dict[str, Any]:
    """Publish files that lie under their temporary names in this folder already.

    The caller holds the sealer's lock.

    Args:
        shelf: the books.
        farm_id: the farm they are of; it may have no files here yet.
        files: rows of the other folder's manifest, as plain values.
        now: the current instant.

    Raises:
        ConflictError: the farm has files here.
        CorruptDataError: a file is not what its manifest says.
    """
    if any(row.farm_id == farm_id for row in shelf.files()):
        raise ConflictError(
            f"The books hold facts of {farm_id} already.",
            reason="RESOURCE_ALREADY_EXISTS",
            resource_type="farm",
            resource_id=farm_id,
        )
    made = []
    for plain in files:
        row = msgspec.convert(plain, ManifestRow)
        written = shelf.blocks.adopt(shelf.blocks.temporary(row.path), row.path)
        if (written.sha256, row.farm_id) != (row.sha256, farm_id):
            raise CorruptDataError(row.path, "is not what its manifest says")
        # Sequences are those of another journal, and mean nothing to this one.
        provenance = {"adopted": True} | {
            name: value for name, value in row.provenance.items() if name == "rolled_until"
        }
        made.append(replace(row, provenance=provenance, created_at=now))
    shelf.publish(made, [], now)
    return {"files": len(made), "rows": sum(row.row_count for row in made)}
