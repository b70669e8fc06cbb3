"""The column types migrations are written in: what a published migration means never changes."""

from grange.adapters.schema import BOOLEAN, INTEGER, NUMBER, TEXT

__all__ = ["BOOLEAN", "INTEGER", "NUMBER", "TEXT"]
