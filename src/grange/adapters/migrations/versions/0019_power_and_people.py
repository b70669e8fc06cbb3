"""Power and people."""

import sqlalchemy as sa
from alembic import op

from grange.adapters.migrations.types import BOOLEAN

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Move the database forward."""
    op.add_column("power_policies", sa.Column("even_logged_in", BOOLEAN, nullable=True))
