"""What open sessions had follows from how many there are: they are not charged one by one."""

import sqlalchemy as sa
from alembic import op

from grange.adapters.migrations.types import INTEGER

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Move the database forward."""
    op.drop_column("sessions", "charged_at")
    op.add_column("shares", sa.Column("counted_at", INTEGER, nullable=True))
