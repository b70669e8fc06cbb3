"""Power policies, and what is known of machines going up and down."""

import sqlalchemy as sa
from alembic import op

from grange.adapters.migrations.types import BOOLEAN, INTEGER, TEXT

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Move the database forward."""
    op.create_table(
        "power_policies",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("wake", BOOLEAN, nullable=False),
        sa.Column("wake_most", INTEGER, nullable=False),
        sa.Column("wake_tries", INTEGER, nullable=False),
        sa.Column("boot_seconds", INTEGER, nullable=False),
        sa.Column("shutdown_idle_seconds", INTEGER, nullable=True),
        sa.Column("restart_up_seconds", INTEGER, nullable=True),
        sa.Column("keep_on", INTEGER, nullable=False),
        sa.Column("hours", TEXT, nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("port", INTEGER, nullable=False),
        sa.Column("updated_at", INTEGER, nullable=False),
        sa.Column("updated_by", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("farm_id", "scope", name="power_policies_key"),
        sqlite_strict=True,
    )
    op.create_table(
        "worker_power",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("worker_id", TEXT, nullable=False),
        sa.Column("ordered", TEXT, nullable=True),
        sa.Column("ordered_at", INTEGER, nullable=True),
        sa.Column("ordered_by", TEXT, nullable=True),
        sa.Column("booting_since_at", INTEGER, nullable=True),
        sa.Column("wake_at", INTEGER, nullable=True),
        sa.Column("wake_tries", INTEGER, nullable=False),
        sa.Column("booted_ms", INTEGER, nullable=True),
        sa.Column("started_at", INTEGER, nullable=True),
        sa.PrimaryKeyConstraint("worker_id", name="worker_power_key"),
        sqlite_strict=True,
    )
