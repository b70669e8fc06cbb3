"""First."""

import sqlalchemy as sa
from alembic import op

from grange.adapters.migrations.types import BOOLEAN, INTEGER, NUMBER, TEXT

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Move the database forward."""
    op.create_table(
        "access_keys",
        sa.Column("key_id", TEXT, nullable=False),
        sa.Column("user_name", TEXT, nullable=False),
        sa.Column("generation", INTEGER, nullable=False),
        sa.Column("revoked", BOOLEAN, nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("key_id", name="access_keys_key"),
        sqlite_strict=True,
    )
    op.create_index("access_keys_by_user_name", "access_keys", ["user_name"], unique=False)
    op.create_table(
        "client_tokens",
        sa.Column("caller", TEXT, nullable=False),
        sa.Column("operation", TEXT, nullable=False),
        sa.Column("token", TEXT, nullable=False),
        sa.Column("request_hash", TEXT, nullable=False),
        sa.Column("response", TEXT, nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("caller", "operation", "token", name="client_tokens_key"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "farms",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("zone", TEXT, nullable=False),
        sa.Column("currency", TEXT, nullable=False),
        sa.Column("settings", TEXT, nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("updated_at", INTEGER, nullable=True),
        sa.Column("updated_by", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("farm_id", name="farms_key"),
        sqlite_strict=True,
    )
    op.create_table(
        "fleets",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("fleet_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("min_worker_count", INTEGER, nullable=False),
        sa.Column("max_worker_count", INTEGER, nullable=False),
        sa.Column("settings", TEXT, nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("updated_at", INTEGER, nullable=True),
        sa.Column("updated_by", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("fleet_id", name="fleets_key"),
        sqlite_strict=True,
    )
    op.create_index("fleets_by_farm_id", "fleets", ["farm_id"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("queue_id", TEXT, nullable=False),
        sa.Column("job_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("priority", INTEGER, nullable=False),
        sa.Column("lifecycle_status", TEXT, nullable=False),
        sa.Column("lifecycle_message", TEXT, nullable=False),
        sa.Column("target_status", TEXT, nullable=True),
        sa.Column("template", TEXT, nullable=False),
        sa.Column("template_type", TEXT, nullable=False),
        sa.Column("schema_version", TEXT, nullable=False),
        sa.Column("extensions", TEXT, nullable=False),
        sa.Column("parameters", TEXT, nullable=False),
        sa.Column("environments", TEXT, nullable=False),
        sa.Column("attributes", TEXT, nullable=False),
        sa.Column("tags", TEXT, nullable=False),
        sa.Column("settings", TEXT, nullable=False),
        sa.Column("run_as_user", TEXT, nullable=True),
        sa.Column("max_failed_tasks_count", INTEGER, nullable=False),
        sa.Column("max_retries_per_task", INTEGER, nullable=False),
        sa.Column("max_worker_count", INTEGER, nullable=False),
        sa.Column("layer_ids", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("counts", TEXT, nullable=False),
        sa.Column("retry_count", INTEGER, nullable=False),
        sa.Column("open_sessions", INTEGER, nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("started_at", INTEGER, nullable=True),
        sa.Column("ended_at", INTEGER, nullable=True),
        sa.Column("updated_at", INTEGER, nullable=True),
        sa.Column("updated_by", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("job_id", name="jobs_key"),
        sqlite_strict=True,
    )
    op.create_index("jobs_by_ended_at", "jobs", ["ended_at"], unique=False)
    op.create_index("jobs_by_farm_id_created_at", "jobs", ["farm_id", "created_at"], unique=False)
    op.create_index("jobs_by_queue_id_created_at", "jobs", ["queue_id", "created_at"], unique=False)
    op.create_table(
        "manifest",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("form", TEXT, nullable=False),
        sa.Column("table_name", TEXT, nullable=False),
        sa.Column("start_at", INTEGER, nullable=False),
        sa.Column("end_at", INTEGER, nullable=False),
        sa.Column("producer", TEXT, nullable=False),
        sa.Column("catalog_version", INTEGER, nullable=False),
        sa.Column("row_count", INTEGER, nullable=False),
        sa.Column("byte_count", INTEGER, nullable=False),
        sa.Column("sha256", TEXT, nullable=False),
        sa.Column("provenance", TEXT, nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("retired_at", INTEGER, nullable=True),
        sa.PrimaryKeyConstraint("path", name="manifest_key"),
        sqlite_strict=True,
    )
    op.create_index(
        "manifest_by_farm_id_table_name_start_at",
        "manifest",
        ["farm_id", "table_name", "start_at"],
        unique=False,
    )
    op.create_table(
        "outbox",
        sa.Column("sequence", INTEGER, sa.Identity(always=False), nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("payload", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_table(
        "queue_environments",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("queue_id", TEXT, nullable=False),
        sa.Column("queue_environment_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("priority", INTEGER, nullable=False),
        sa.Column("template_type", TEXT, nullable=False),
        sa.Column("template", TEXT, nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("updated_at", INTEGER, nullable=True),
        sa.Column("updated_by", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("queue_environment_id", name="queue_environments_key"),
        sqlite_strict=True,
    )
    op.create_index(
        "queue_environments_by_queue_id", "queue_environments", ["queue_id"], unique=False
    )
    op.create_table(
        "queue_fleet_associations",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("queue_id", TEXT, nullable=False),
        sa.Column("fleet_id", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("updated_at", INTEGER, nullable=True),
        sa.Column("updated_by", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("queue_id", "fleet_id", name="queue_fleet_associations_key"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(
        "queue_fleet_associations_by_fleet_id",
        "queue_fleet_associations",
        ["fleet_id"],
        unique=False,
    )
    op.create_table(
        "queues",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("queue_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("settings", TEXT, nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("updated_at", INTEGER, nullable=True),
        sa.Column("updated_by", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("queue_id", name="queues_key"),
        sqlite_strict=True,
    )
    op.create_index("queues_by_farm_id", "queues", ["farm_id"], unique=False)
    op.create_table(
        "rate_cards",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("card_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("valid_from", INTEGER, nullable=False),
        sa.Column("example", BOOLEAN, nullable=False),
        sa.Column("lines", TEXT, nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("card_id", name="rate_cards_key"),
        sqlite_strict=True,
    )
    op.create_index(
        "rate_cards_by_farm_id_valid_from", "rate_cards", ["farm_id", "valid_from"], unique=False
    )
    op.create_table(
        "sessions",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("queue_id", TEXT, nullable=False),
        sa.Column("fleet_id", TEXT, nullable=False),
        sa.Column("worker_id", TEXT, nullable=False),
        sa.Column("job_id", TEXT, nullable=False),
        sa.Column("session_id", TEXT, nullable=False),
        sa.Column("thread", INTEGER, nullable=False),
        sa.Column("threads", INTEGER, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("ending", BOOLEAN, nullable=False),
        sa.Column("layer_id", TEXT, nullable=True),
        sa.Column("entered", TEXT, nullable=False),
        sa.Column("next_action_index", INTEGER, nullable=False),
        sa.Column("open_actions", TEXT, nullable=False),
        sa.Column("user_name", TEXT, nullable=False),
        sa.Column("last_ended_at", INTEGER, nullable=True),
        sa.Column("environment_failed", BOOLEAN, nullable=False),
        sa.Column("ps_milli", INTEGER, nullable=False),
        sa.Column("card_id", TEXT, nullable=True),
        sa.Column("rate_line_id", TEXT, nullable=True),
        sa.Column("billionths_per_hour", INTEGER, nullable=True),
        sa.Column("started_at", INTEGER, nullable=False),
        sa.Column("ended_at", INTEGER, nullable=True),
        sa.Column("updated_at", INTEGER, nullable=True),
        sa.Column("updated_by", TEXT, nullable=True),
        sa.Column("host_properties", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="sessions_key"),
        sqlite_strict=True,
    )
    op.create_index(
        "sessions_by_job_id_started_at", "sessions", ["job_id", "started_at"], unique=False
    )
    op.create_index("sessions_by_status", "sessions", ["status"], unique=False)
    op.create_index(
        "sessions_by_worker_id_started_at", "sessions", ["worker_id", "started_at"], unique=False
    )
    op.create_table(
        "users",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("disabled", BOOLEAN, nullable=False),
        sa.PrimaryKeyConstraint("name", name="users_key"),
        sqlite_strict=True,
    )
    op.create_table(
        "workers",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("fleet_id", TEXT, nullable=False),
        sa.Column("worker_id", TEXT, nullable=False),
        sa.Column("global_index", INTEGER, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("host_name", TEXT, nullable=False),
        sa.Column("host_properties", TEXT, nullable=False),
        sa.Column("amounts", TEXT, nullable=False),
        sa.Column("attributes", TEXT, nullable=False),
        sa.Column("threads", INTEGER, nullable=False),
        sa.Column("ps_milli", INTEGER, nullable=False),
        sa.Column("disabled", BOOLEAN, nullable=False),
        sa.Column("native", BOOLEAN, nullable=False),
        sa.Column("sessions", TEXT, nullable=False),
        sa.Column("last_seen_at", INTEGER, nullable=True),
        sa.Column("deleted_at", INTEGER, nullable=True),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("updated_at", INTEGER, nullable=True),
        sa.Column("updated_by", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("worker_id", name="workers_key"),
        sqlite_strict=True,
    )
    op.create_index("workers_by_farm_id", "workers", ["farm_id"], unique=False)
    op.create_index("workers_by_fleet_id", "workers", ["fleet_id"], unique=False)
    op.create_table(
        "layers",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("queue_id", TEXT, nullable=False),
        sa.Column("job_id", TEXT, nullable=False),
        sa.Column("layer_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("index", INTEGER, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("template", TEXT, nullable=False),
        sa.Column("environments", TEXT, nullable=False),
        sa.Column("requirement", TEXT, nullable=False),
        sa.Column("depends_on", TEXT, nullable=False),
        sa.Column("consumers", TEXT, nullable=False),
        sa.Column("unresolved", INTEGER, nullable=False),
        sa.Column("attributes", TEXT, nullable=False),
        sa.Column("frame_parameter", TEXT, nullable=True),
        sa.Column("frame_count", INTEGER, nullable=True),
        sa.Column("task_count", INTEGER, nullable=False),
        sa.Column("next_index", INTEGER, nullable=False),
        sa.Column("touched_ahead", INTEGER, nullable=False),
        sa.Column("rest_status", TEXT, nullable=False),
        sa.Column("target_status", TEXT, nullable=True),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("counts", TEXT, nullable=False),
        sa.Column("retry_count", INTEGER, nullable=False),
        sa.Column("created_at", INTEGER, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("started_at", INTEGER, nullable=True),
        sa.Column("ended_at", INTEGER, nullable=True),
        sa.Column("updated_at", INTEGER, nullable=True),
        sa.Column("updated_by", TEXT, nullable=True),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.job_id"], name="layers_jobs", initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("layer_id", name="layers_key"),
        sqlite_strict=True,
    )
    op.create_index("layers_by_job_id_index", "layers", ["job_id", "index"], unique=False)
    op.create_table(
        "session_actions",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("job_id", TEXT, nullable=False),
        sa.Column("session_id", TEXT, nullable=False),
        sa.Column("index", INTEGER, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("environment_id", TEXT, nullable=True),
        sa.Column("layer_id", TEXT, nullable=True),
        sa.Column("task_index", INTEGER, nullable=True),
        sa.Column("attempt", INTEGER, nullable=True),
        sa.Column("parameters", TEXT, nullable=False),
        sa.Column("assigned_at", INTEGER, nullable=False),
        sa.Column("started_at", INTEGER, nullable=True),
        sa.Column("ended_at", INTEGER, nullable=True),
        sa.Column("updated_at", INTEGER, nullable=True),
        sa.Column("worker_started_at", INTEGER, nullable=True),
        sa.Column("worker_ended_at", INTEGER, nullable=True),
        sa.Column("exit_code", INTEGER, nullable=True),
        sa.Column("progress_percent", NUMBER, nullable=True),
        sa.Column("progress_message", TEXT, nullable=False),
        sa.Column("usage", TEXT, nullable=False),
        sa.Column("cause", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["sessions.session_id"],
            name="session_actions_sessions",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("session_id", "index", name="session_actions_key"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("session_actions_by_job_id", "session_actions", ["job_id"], unique=False)
    op.create_index(
        "session_actions_by_layer_id_task_index",
        "session_actions",
        ["layer_id", "task_index"],
        unique=False,
    )
    op.create_table(
        "tasks",
        sa.Column("farm_id", TEXT, nullable=False),
        sa.Column("job_id", TEXT, nullable=False),
        sa.Column("layer_id", TEXT, nullable=False),
        sa.Column("index", INTEGER, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("target_status", TEXT, nullable=True),
        sa.Column("failures", INTEGER, nullable=False),
        sa.Column("attempts", INTEGER, nullable=False),
        sa.Column("action_id", TEXT, nullable=True),
        sa.Column("latest_action_id", TEXT, nullable=True),
        sa.Column("started_at", INTEGER, nullable=True),
        sa.Column("ended_at", INTEGER, nullable=True),
        sa.Column("updated_at", INTEGER, nullable=True),
        sa.Column("updated_by", TEXT, nullable=True),
        sa.ForeignKeyConstraint(
            ["layer_id"],
            ["layers.layer_id"],
            name="tasks_layers",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("layer_id", "index", name="tasks_key"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("tasks_by_job_id", "tasks", ["job_id"], unique=False)
