"""Groups of workers and licence pools."""

import sqlalchemy as sa
from alembic import op

from grange.adapters.migrations.types import INTEGER, TEXT

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Move the database forward."""
    op.create_table(
        "licence_pools",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("app", TEXT, nullable=False),
        sa.Column("plugin", TEXT, nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("regions", TEXT, nullable=False),
        sa.Column("updated_at", INTEGER, nullable=False),
        sa.Column("updated_by", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("farm_id", "app", "plugin", "version", name="licence_pools_key"),
        sqlite_strict=True,
    )
    op.create_table(
        "worker_groups",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("workers", TEXT, nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("updated_at", INTEGER, nullable=True),
        sa.Column("updated_by", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("farm_id", "name", name="worker_groups_key"),
        sqlite_strict=True,
    )
