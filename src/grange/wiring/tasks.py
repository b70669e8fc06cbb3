"""What the parent tells its children on standard input."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from grange.config.settings import ServerSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTask:
    """One server: its settings and what the parent made for it."""

    settings: ServerSettings
    address: str
    """`host:port` that clients are told."""
    names: tuple[str, ...] = ()
    """Every name the server's certificate is for."""
    listener_fd: int
    books_socket: Path


def encoded(task: ServerTask) -> dict[str, Any]:
    """Return a task as plain values."""
    found: dict[str, Any] = msgspec.to_builtins(task, enc_hook=str)
    return found
