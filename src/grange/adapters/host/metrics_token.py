"""The token that Prometheus shows: random, in a file of the data folder that its owner may read."""

import secrets
from pathlib import Path

from grange.adapters.durable import write_private_bytes

NAME = "metrics.token"


def metrics_token(folder: Path) -> str:
    """Return the token of a data folder, made on first use."""
    path = folder / NAME
    try:
        token = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        token = ""
    if not token:
        token = secrets.token_urlsafe(32)
        write_private_bytes(path, token.encode())
    return token
