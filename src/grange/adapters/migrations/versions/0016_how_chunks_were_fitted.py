"""How chunks were fitted."""

import sqlalchemy as sa
from alembic import op

from grange.adapters.migrations.types import TEXT

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Move the database forward."""
    op.add_column("jobs", sa.Column("cuts", TEXT, nullable=True))
