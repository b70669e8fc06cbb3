"""A token that lets a machine join a farm as a worker: where it belongs, whom it trusts, its key.

It is made by an owner and shown once. Whoever has it can register workers in that fleet, and
nothing else, until its key is revoked (`grange user revoke`).
"""

import base64
import binascii
import json
from dataclasses import asdict, dataclass

from grange.kernel.errors import ConfigurationError

PREFIX = "grange-worker-1."


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinToken:
    """What a token holds."""

    farm_id: str
    fleet_id: str
    access_key_id: str
    secret_access_key: str
    fingerprint: str = ""
    """Of the server's authority; empty: the server needs none, or the system knows it."""

    def text(self) -> str:
        """Return the token as one word."""
        content = json.dumps(asdict(self), separators=(",", ":")).encode()
        return PREFIX + base64.urlsafe_b64encode(content).decode().rstrip("=")


def parse_token(text: str) -> JoinToken:
    """Return what a token holds.

    Raises:
        ConfigurationError: it is no token, or not a whole one.
    """
    word = text.strip()
    try:
        encoded = word.removeprefix(PREFIX)
        content = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        token = JoinToken(**json.loads(content))
    except (ValueError, TypeError, binascii.Error):
        token = None
    if token is None or token.text() != word:
        raise ConfigurationError(
            "This is no token to join with, or a part of it is missing. An owner makes one with:"
            " grange worker token"
        )
    return token
