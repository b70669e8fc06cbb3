"""What people did about trouble in the inbox, and since when nothing needs them."""

import sqlalchemy as sa
from alembic import op

from grange.adapters.migrations.types import INTEGER, TEXT

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Move the database forward."""
    op.create_table(
        "wrangle_deeds",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("deed_id", TEXT, nullable=False),
        sa.Column("cluster_id", TEXT, nullable=False),
        sa.Column("title", TEXT, nullable=False),
        sa.Column("fix", TEXT, nullable=False),
        sa.Column("text", TEXT, nullable=False),
        sa.Column("at", INTEGER, nullable=False),
        sa.Column("by", TEXT, nullable=False),
        sa.Column("until_at", INTEGER, nullable=True),
        sa.Column("assignee", TEXT, nullable=True),
        sa.Column("workers", TEXT, nullable=False),
        sa.Column("jobs", TEXT, nullable=False),
        sa.Column("excluded", TEXT, nullable=False),
        sa.Column("tasks", TEXT, nullable=False),
        sa.Column("undone_at", INTEGER, nullable=True),
        sa.Column("undone_by", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("deed_id", name="wrangle_deeds_key"),
        sqlite_strict=True,
    )
    op.create_index("wrangle_deeds_by_farm_id", "wrangle_deeds", ["farm_id"])
    op.create_table(
        "wrangle_marks",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("clear_since_at", INTEGER, nullable=True),
        sa.PrimaryKeyConstraint("farm_id", name="wrangle_marks_key"),
        sqlite_strict=True,
    )
