"""Publications: addresses that show graphs of streams to anybody."""

import sqlalchemy as sa
from alembic import op

from grange.adapters.migrations.types import INTEGER, TEXT

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Move the database forward."""
    op.create_table(
        "publications",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("publication_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("streams", TEXT, nullable=False),
        sa.Column("token_hash", TEXT, nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("revoked_at", INTEGER, nullable=True),
        sa.Column("revoked_by", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("publication_id", name="publications_key"),
        sqlite_strict=True,
    )
    op.create_index("publications_by_farm_id", "publications", ["farm_id"], unique=False)
    op.create_index("publications_by_token_hash", "publications", ["token_hash"], unique=False)
