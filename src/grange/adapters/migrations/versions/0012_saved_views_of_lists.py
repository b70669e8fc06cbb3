"""Saved views of lists."""

import sqlalchemy as sa
from alembic import op

from grange.adapters.migrations.types import INTEGER, TEXT

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Move the database forward."""
    op.create_table(
        "saved_views",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("user_name", TEXT, nullable=False),
        sa.Column("page", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("query", TEXT, nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("updated_at", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("farm_id", "user_name", "page", "name", name="saved_views_key"),
        sqlite_strict=True,
    )
