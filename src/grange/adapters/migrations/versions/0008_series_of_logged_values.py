"""Series of logged values."""

import sqlalchemy as sa
from alembic import op

from grange.adapters.migrations.types import INTEGER, TEXT

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Move the database forward."""
    op.create_table(
        "series",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("step_seconds", INTEGER, nullable=False),
        sa.Column("heartbeat_seconds", INTEGER, nullable=False),
        sa.Column("sources", TEXT, nullable=False),
        sa.Column("archives", TEXT, nullable=False),
        sa.Column("profile", TEXT, nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("updated_at", INTEGER, nullable=True),
        sa.Column("updated_by", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("farm_id", "name", name="series_key"),
        sqlite_strict=True,
    )
