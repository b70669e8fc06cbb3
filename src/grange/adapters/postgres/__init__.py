"""The state store in a PostgreSQL database."""

from grange.adapters.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
