"""${message}."""

import sqlalchemy as sa
from alembic import op

from grange.adapters.migrations.types import BOOLEAN, INTEGER, NUMBER, TEXT

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Move the database forward."""
    ${upgrades if upgrades else "pass"}
