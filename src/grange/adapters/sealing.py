"""Secrets at rest: sealed with a key that follows from the master key, which no backup holds."""

import base64
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from grange.kernel.errors import ConfigurationError

_NONCE_BYTES = 12
_MARK = "sealed1."


class MasterSeal:
    """Implements `ports.hooks.Sealing`."""

    def __init__(self, master_key: bytes) -> None:
        self._cipher = AESGCM(hmac.digest(master_key, b"seal\x00", "sha256"))

    def seal(self, text: str) -> str:
        """Return a text sealed; never the same twice."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, text.encode(), None)
        return _MARK + base64.urlsafe_b64encode(sealed).decode()

    def unseal(self, sealed: str) -> str:
        """Return a sealed text."""
        try:
            raw = base64.urlsafe_b64decode(sealed.removeprefix(_MARK))
            return self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], None).decode()
        except (InvalidTag, ValueError) as error:
            raise ConfigurationError(
                "A secret in the database was sealed with another master.key. Put that file back,"
                " or set the hook or message again."
            ) from error
