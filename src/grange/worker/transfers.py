"""Copies of finished files as lines of a stream, as if a file mover had logged them."""

from pathlib import PurePath
from typing import Any

from grange.worker.messages import Transferred

STREAM = "copies"
"""What the stream is called; each worker is a machine of it."""


def copy_lines(told: Transferred, session_id: str) -> list[dict[str, Any]]:
    """Return rows of the table of log lines, without what the server adds.

    Args:
        told: what a runner said.
        session_id: its session, whose log says the same.
    """
    return [
        {
            "stream": STREAM,
            "kind": "tx",
            "at": line.at,
            "latency_ms": None if line.error else line.millis,
            "bytes": line.byte_count,
            "error": line.error,
            "product": PurePath(line.path).suffix.lstrip(".").lower() or None,
            "object_name": line.path,
            "log_file": session_id,
            "file_identity": told.action_id,
            "offset": told.first + number,
            "metrics": None,
        }
        for number, line in enumerate(told.lines)
    ]
