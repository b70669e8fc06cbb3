"""The state store in one SQLite file."""

from grange.adapters.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
