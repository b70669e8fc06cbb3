"""Where workers can be hailed."""

import sqlalchemy as sa
from alembic import op

from grange.adapters.migrations.types import TEXT

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Move the database forward."""
    op.add_column("workers", sa.Column("hail_addresses", TEXT, nullable=True))
