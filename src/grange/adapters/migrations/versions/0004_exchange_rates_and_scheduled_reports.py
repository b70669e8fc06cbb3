"""Exchange rates and scheduled reports."""

import sqlalchemy as sa
from alembic import op

from grange.adapters.migrations.types import BOOLEAN, INTEGER, TEXT

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Move the database forward."""
    op.create_table(
        "exchange_rates",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("rate_id", TEXT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("billionths", INTEGER, nullable=False),
        sa.Column("valid_from", INTEGER, nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("rate_id", name="exchange_rates_key"),
        sqlite_strict=True,
    )
    op.create_index(
        "exchange_rates_by_farm_id_valid_from",
        "exchange_rates",
        ["farm_id", "valid_from"],
        unique=False,
    )
    op.create_table(
        "report_schedules",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("schedule_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("report", TEXT, nullable=False),
        sa.Column("arguments", TEXT, nullable=False),
        sa.Column("format", TEXT, nullable=False),
        sa.Column("every", TEXT, nullable=False),
        sa.Column("minute", INTEGER, nullable=False),
        sa.Column("weekday", INTEGER, nullable=False),
        sa.Column("to", TEXT, nullable=False),
        sa.Column("since", INTEGER, nullable=False),
        sa.Column("last_due_at", INTEGER, nullable=True),
        sa.Column("last_run_at", INTEGER, nullable=True),
        sa.Column("last_result", TEXT, nullable=False),
        sa.Column("last_ok", BOOLEAN, nullable=True),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("schedule_id", name="report_schedules_key"),
        sqlite_strict=True,
    )
    op.create_index("report_schedules_by_farm_id", "report_schedules", ["farm_id"], unique=False)
