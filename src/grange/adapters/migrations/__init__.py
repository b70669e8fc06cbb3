"""Moving the state database forward, one revision at a time; there is no way back but the copy.

Alembic and SQLAlchemy are imported only when there is something to do: they take longer to load
than the rest of a server's start together.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from grange.kernel.errors import ConfigurationError

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

FOLDER = Path(__file__).parent
FRESH = FOLDER / "fresh.sql"
"""What the revisions make of an empty SQLite file, written by `python -m tools.fresh_schema`: a new
farm begins with it, and with the revisions that came after it was written."""


def revisions() -> Sequence[str]:
    """Return every revision this version of Grange knows, oldest first."""
    return sorted(path.name[:4] for path in (FOLDER / "versions").glob("[0-9]*.py"))


def to_do(current: str | None, where: str) -> bool:
    """Return True if a database at this revision (None: an empty one) has to be moved forward.

    Raises:
        ConfigurationError: a newer Grange made the database.
    """
    known = revisions()
    if current is not None and current not in known:
        raise ConfigurationError(
            f"{where} was made by a newer Grange (its revision is {current}, this version knows "
            f"up to {known[-1]}). Start that version, or restore a copy made before it."
        )
    return current != known[-1]


def config() -> "Config":
    """Return Alembic's settings."""
    from alembic.config import Config  # noqa: PLC0415 - see above

    settings = Config()
    settings.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    return settings


def upgrade(connection: "Connection", revision: str = "head") -> None:
    """Bring the database of an open transaction to a revision, by default the newest."""
    from alembic import command  # noqa: PLC0415 - see above

    settings = config()
    settings.attributes["connection"] = connection
    command.upgrade(settings, revision)
