"""How long a farm keeps what."""

import sqlalchemy as sa
from alembic import op

from grange.adapters.migrations.types import INTEGER, TEXT

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Move the database forward."""
    op.create_table(
        "retention_policies",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("kept_days", TEXT, nullable=False),
        sa.Column("updated_at", INTEGER, nullable=False),
        sa.Column("updated_by", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("farm_id", name="retention_policies_key"),
        sqlite_strict=True,
    )
