"""What every format gives back."""

from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

SCHEMA = pa.schema(
    [
        ("at", pa.int64()),
        ("latency_ms", pa.int64()),
        ("bytes", pa.int64()),
        ("error", pa.bool_()),
        ("product", pa.string()),
        ("object_name", pa.string()),
        ("offset", pa.int64()),
    ]
)
"""The columns of a line that a format knows; the collector adds whose line it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """The lines of a piece of a log."""

    rows: Any
    """A pyarrow Table with the columns of `SCHEMA`, in the order of the log."""
    dropped: int = 0
    """Lines that should tell something, but do not say it in the format's words."""


class LogFormat(Protocol):
    """Reads one kind of log."""

    def parse(self, data: bytes, offset: int, kind: str) -> Parsed:
        """Return what whole lines say.

        Args:
            data: lines; the last byte is a line end.
            offset: where the first of them begins in the log.
            kind: rx, tx or other.
        """
        ...


def nothing() -> Parsed:
    """Return what an empty piece of a log says."""
    return Parsed(rows=SCHEMA.empty_table())
