"""Hails."""

import sqlalchemy as sa
from alembic import op

from grange.adapters.migrations.types import TEXT

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Move the database forward."""
    op.add_column("workers", sa.Column("hail", TEXT, nullable=True))
