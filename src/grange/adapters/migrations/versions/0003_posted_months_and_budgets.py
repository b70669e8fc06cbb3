"""Posted months and budgets."""

import sqlalchemy as sa
from alembic import op

from grange.adapters.migrations.types import BOOLEAN, INTEGER, TEXT

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Move the database forward."""
    op.create_table(
        "books_months",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("month", TEXT, nullable=False),
        sa.Column("start_at", INTEGER, nullable=False),
        sa.Column("end_at", INTEGER, nullable=False),
        sa.Column("zone", TEXT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("posting_id", TEXT, nullable=False),
        sa.Column("line_count", INTEGER, nullable=False),
        sa.Column("amount_billionths", INTEGER, nullable=False),
        sa.Column("example", BOOLEAN, nullable=False),
        sa.Column("frozen_at", INTEGER, nullable=False),
        sa.Column("frozen_by", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("farm_id", "month", name="books_months_key"),
        sqlite_strict=True,
    )
    op.create_table(
        "budgets",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("budget_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("scope", TEXT, nullable=False),
        sa.Column("amount_billionths", INTEGER, nullable=False),
        sa.Column("sell", BOOLEAN, nullable=False),
        sa.Column("start_at", INTEGER, nullable=False),
        sa.Column("end_at", INTEGER, nullable=True),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("updated_at", INTEGER, nullable=True),
        sa.Column("updated_by", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("budget_id", name="budgets_key"),
        sqlite_strict=True,
    )
    op.create_index("budgets_by_farm_id", "budgets", ["farm_id"], unique=False)
    op.create_table(
        "posting_parts",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("posting_id", TEXT, nullable=False),
        sa.Column("number", INTEGER, nullable=False),
        sa.Column("month", TEXT, nullable=False),
        sa.Column("columns", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("posting_id", "number", name="posting_parts_key"),
        sqlite_strict=True,
    )
    op.create_index(
        "posting_parts_by_farm_id_month", "posting_parts", ["farm_id", "month"], unique=False
    )
    op.create_table(
        "postings",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("posting_id", TEXT, nullable=False),
        sa.Column("number", INTEGER, nullable=False),
        sa.Column("month", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("corrects", TEXT, nullable=True),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("line_count", INTEGER, nullable=False),
        sa.Column("part_count", INTEGER, nullable=False),
        sa.Column("amount_billionths", INTEGER, nullable=False),
        sa.Column("sha256", TEXT, nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("posting_id", name="postings_key"),
        sqlite_strict=True,
    )
    op.create_index("postings_by_farm_id_number", "postings", ["farm_id", "number"], unique=False)
    op.add_column("rate_cards", sa.Column("terms", TEXT, nullable=True))
