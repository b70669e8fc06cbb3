"""Hooks, messages and storage profiles."""

import sqlalchemy as sa
from alembic import op

from grange.adapters.migrations.types import INTEGER, TEXT

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Move the database forward."""
    op.create_table(
        "hook_deliveries",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("hook_id", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("event", TEXT, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("attempts", INTEGER, nullable=False),
        sa.Column("next_at", INTEGER, nullable=False),
        sa.Column("error", TEXT, nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("ended_at", INTEGER, nullable=True),
        sa.PrimaryKeyConstraint("hook_id", "event_id", name="hook_deliveries_key"),
        sqlite_strict=True,
    )
    op.create_index(
        "hook_deliveries_by_farm_id_created_at",
        "hook_deliveries",
        ["farm_id", "created_at"],
        unique=False,
    )
    op.create_index(
        "hook_deliveries_by_status_created_at",
        "hook_deliveries",
        ["status", "created_at"],
        unique=False,
    )
    op.create_table(
        "hooks",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("hook_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("events", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("target", TEXT, nullable=False),
        sa.Column("generation", INTEGER, nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("updated_at", INTEGER, nullable=True),
        sa.Column("updated_by", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("hook_id", name="hooks_key"),
        sqlite_strict=True,
    )
    op.create_index("hooks_by_farm_id", "hooks", ["farm_id"], unique=False)
    op.create_table(
        "message_plans",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("user_name", TEXT, nullable=False),
        sa.Column("targets", TEXT, nullable=False),
        sa.Column("shown", TEXT, nullable=False),
        sa.Column("events", TEXT, nullable=False),
        sa.Column("digest_seconds", INTEGER, nullable=False),
        sa.Column("quiet", TEXT, nullable=True),
        sa.Column("told_at", INTEGER, nullable=True),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("farm_id", "user_name", name="message_plans_key"),
        sqlite_strict=True,
    )
    op.create_table(
        "storage_profiles",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("storage_profile_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("os_family", TEXT, nullable=False),
        sa.Column("locations", TEXT, nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("updated_at", INTEGER, nullable=True),
        sa.Column("updated_by", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("storage_profile_id", name="storage_profiles_key"),
        sqlite_strict=True,
    )
    op.create_index("storage_profiles_by_farm_id", "storage_profiles", ["farm_id"], unique=False)
    op.add_column("jobs", sa.Column("told", TEXT, nullable=True))
