"""Who may do what where."""

import sqlalchemy as sa
from alembic import op

from grange.adapters.migrations.types import INTEGER, TEXT

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Move the database forward."""
    op.create_table(
        "audit_entries",
        sa.Column("audit_id", TEXT, nullable=False),
        sa.Column("at", INTEGER, nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("operation", TEXT, nullable=False),
        sa.Column("outcome", TEXT, nullable=False),
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("detail", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("credential", TEXT, nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("request_id", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("audit_id", name="audit_entries_key"),
        sqlite_strict=True,
    )
    op.create_index("audit_entries_by_actor_at", "audit_entries", ["actor", "at"], unique=False)
    op.create_index("audit_entries_by_at", "audit_entries", ["at"], unique=False)
    op.create_index("audit_entries_by_farm_id_at", "audit_entries", ["farm_id", "at"], unique=False)
    op.create_table(
        "memberships",
        sa.Column("user_name", TEXT, nullable=False),
        sa.Column("place", TEXT, nullable=False),
        sa.Column("target_id", TEXT, nullable=False),
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("level", TEXT, nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("updated_at", INTEGER, nullable=True),
        sa.Column("updated_by", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("user_name", "place", "target_id", name="memberships_key"),
        sqlite_strict=True,
    )
    op.create_index("memberships_by_farm_id", "memberships", ["farm_id"], unique=False)
    op.create_table(
        "passwords",
        sa.Column("user_name", TEXT, nullable=False),
        sa.Column("phc", TEXT, nullable=False),
        sa.Column("set_at", INTEGER, nullable=False),
        sa.Column("set_by", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("user_name", name="passwords_key"),
        sqlite_strict=True,
    )
    op.create_table(
        "preferences",
        sa.Column("user_name", TEXT, nullable=False),
        sa.Column("home", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("user_name", name="preferences_key"),
        sqlite_strict=True,
    )
    op.create_table(
        "sign_ins",
        sa.Column("sign_in_id", TEXT, nullable=False),
        sa.Column("token_hash", TEXT, nullable=False),
        sa.Column("user_name", TEXT, nullable=False),
        sa.Column("how", TEXT, nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("browser", TEXT, nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("expires_at", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("sign_in_id", name="sign_ins_key"),
        sqlite_strict=True,
    )
    op.create_index("sign_ins_by_user_name", "sign_ins", ["user_name"], unique=False)
    # A worker's key belonged to every farm until now. Those of this day it keeps.
    op.execute(
        "INSERT INTO memberships"
        " (user_name, place, target_id, farm_id, level, created_at, created_by)"
        " SELECT users.name, 'farm', farms.farm_id, farms.farm_id, 'CONTRIBUTOR',"
        " users.created_at, users.created_by FROM users CROSS JOIN farms"
        " WHERE users.role = 'worker'"
        " AND replace(farms.settings, 'simulated', '') = farms.settings"
    )
