"""No reserved GPUs: GPUs are kept as work demands them, nothing was ever learned of them."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Move the database forward."""
    op.drop_column("layers", "reserve_gpus")
