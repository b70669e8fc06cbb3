"""Jobs after jobs, licence servers, preemption, budgets that stop."""

import sqlalchemy as sa
from alembic import op

from grange.adapters.migrations.types import BOOLEAN, INTEGER, TEXT

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Move the database forward."""
    op.create_table(
        "licence_counts",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("app", TEXT, nullable=False),
        sa.Column("plugin", TEXT, nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("region", TEXT, nullable=False),
        sa.Column("seats", INTEGER, nullable=False),
        sa.Column("others", INTEGER, nullable=True),
        sa.Column("answered_at", INTEGER, nullable=True),
        sa.Column("failing_since_at", INTEGER, nullable=True),
        sa.Column("problem", TEXT, nullable=False),
        sa.PrimaryKeyConstraint(
            "farm_id", "app", "plugin", "version", "region", name="licence_counts_key"
        ),
        sqlite_strict=True,
    )
    op.add_column("budgets", sa.Column("stops", BOOLEAN, nullable=True))
    op.add_column("budgets", sa.Column("exhausted", BOOLEAN, nullable=True))
    op.add_column("jobs", sa.Column("after", TEXT, nullable=True))
    op.add_column("jobs", sa.Column("waits_for", TEXT, nullable=True))
    op.add_column("layers", sa.Column("reserve_cores", INTEGER, nullable=True))
    op.add_column("layers", sa.Column("reserve_gpus", INTEGER, nullable=True))
    op.add_column("layers", sa.Column("job_waits", BOOLEAN, nullable=True))
    op.add_column("sessions", sa.Column("cores", INTEGER, nullable=True))
    op.add_column("tasks", sa.Column("preempted", BOOLEAN, nullable=True))
