"""Shares of projects and users, faults of jobs and workers, and what sessions hold."""

import sqlalchemy as sa
from alembic import op

from grange.adapters.migrations.types import BOOLEAN, INTEGER, NUMBER, TEXT

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Move the database forward."""
    op.create_table(
        "job_faults",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("job_id", TEXT, nullable=False),
        sa.Column("blames", TEXT, nullable=False),
        sa.Column("stopped", INTEGER, nullable=False),
        sa.Column("excluded", TEXT, nullable=False),
        sa.Column("disabled_at", INTEGER, nullable=True),
        sa.Column("error_class", TEXT, nullable=False),
        sa.Column("error_rule", TEXT, nullable=False),
        sa.Column("error_text", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="job_faults_key"),
        sqlite_strict=True,
    )
    op.create_table(
        "layer_holds",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("job_id", TEXT, nullable=False),
        sa.Column("layer_id", TEXT, nullable=False),
        sa.Column("until_at", INTEGER, nullable=True),
        sa.Column("refusals", INTEGER, nullable=False),
        sa.Column("error_class", TEXT, nullable=False),
        sa.Column("error_rule", TEXT, nullable=False),
        sa.Column("error_text", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("layer_id", name="layer_holds_key"),
        sqlite_strict=True,
    )
    op.create_table(
        "shares",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("weight_milli", INTEGER, nullable=False),
        sa.Column("max_threads", INTEGER, nullable=True),
        sa.Column("used_log2", NUMBER, nullable=True),
        sa.Column("updated_at", INTEGER, nullable=True),
        sa.Column("updated_by", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("farm_id", "kind", "name", name="shares_key"),
        sqlite_strict=True,
    )
    op.create_table(
        "worker_faults",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("worker_id", TEXT, nullable=False),
        sa.Column("strokes", TEXT, nullable=False),
        sa.Column("quarantined_at", INTEGER, nullable=True),
        sa.Column("cause", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("worker_id", name="worker_faults_key"),
        sqlite_strict=True,
    )
    op.add_column("jobs", sa.Column("served_at", INTEGER, nullable=True))
    op.add_column("jobs", sa.Column("excluded_workers", TEXT, nullable=True))
    op.add_column("layers", sa.Column("reserve_mib", INTEGER, nullable=True))
    op.add_column("sessions", sa.Column("licences", TEXT, nullable=True))
    op.add_column("sessions", sa.Column("memory_mib", INTEGER, nullable=True))
    op.add_column("sessions", sa.Column("gpus", INTEGER, nullable=True))
    op.add_column("sessions", sa.Column("charged_at", INTEGER, nullable=True))
    op.add_column("workers", sa.Column("classes", TEXT, nullable=True))
    op.add_column("workers", sa.Column("draining", BOOLEAN, nullable=True))
    op.add_column("workers", sa.Column("note", TEXT, nullable=True))
