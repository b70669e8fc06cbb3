"""A Constellation database of this machine."""

from pathlib import Path
from typing import Any

from grange.adapters.constellation import read_tables


def constellation_tables(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of a Constellation database.

    Raises:
        NotFoundError: there is no such file.
        CorruptDataError: it is no such database.
    """
    return read_tables(path)
