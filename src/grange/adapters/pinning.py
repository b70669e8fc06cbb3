"""Trusting a server's own authority by its fingerprint, with nothing but the standard library.

The server gives its authority's certificate to anybody. It is fetched over a connection that
proves nothing yet, and believed only if its fingerprint is the one that was pinned; from then on
every connection is checked against it.
"""

import hashlib
import http.client
import re
import ssl
from urllib.parse import urlsplit

from grange.kernel.errors import AccessDeniedError, ConfigurationError, UnreachableError

AUTHORITY_PATH = "/ca.pem"
"""Where a server gives its authority's certificate."""
_PREFIX = "sha256:"
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_DIGITS = re.compile(r"[0-9a-f]{64}")
_LARGEST = 100_000
_PATIENCE_SECONDS = 10.0


def fingerprint_of(pem: str) -> str:
    """Return the fingerprint of the first certificate in a text: `sha256:` and 64 hex digits.

    Raises:
        ValueError: the text holds no certificate.
    """
    found = _PEM.search(pem)
    if found is None:
        raise ValueError("There is no certificate in this text.")
    return _PREFIX + hashlib.sha256(ssl.PEM_cert_to_DER_cert(found.group())).hexdigest()


def parse_fingerprint(text: str) -> str:
    """Return a fingerprint as `fingerprint_of` writes it, from any usual way of writing it.

    Raises:
        ConfigurationError: it is no SHA-256 fingerprint.
    """
    digits = text.strip().lower().removeprefix(_PREFIX).replace(":", "").replace(" ", "")
    if not _DIGITS.fullmatch(digits):
        raise ConfigurationError(
            f"{text!r} is no fingerprint. It reads sha256: and 64 hexadecimal digits;"
            " `grange admin init` prints it on the server."
        )
    return _PREFIX + digits


def fetch_authority(server_url: str, fingerprint: str) -> str:
    """Return the certificate (PEM) of a server's authority, if it has the pinned fingerprint.

    No key and no signature is sent.

    Raises:
        ConfigurationError: the fingerprint or the address is none.
        UnreachableError: the server does not answer, or has no authority of its own.
        AccessDeniedError: the server's authority is another one.
    """
    wanted = parse_fingerprint(fingerprint)
    if urlsplit(server_url).scheme != "https":
        raise ConfigurationError(
            f"A fingerprint is pinned on encrypted connections: {server_url!r} must begin with"
            " https://."
        )
    status, pem = _fetch(server_url)
    try:
        found = fingerprint_of(pem)
    except ValueError as error:
        raise UnreachableError(
            f"The server at {server_url} gives no authority of its own (it answered {status})."
            " Leave --fingerprint out if its certificate comes from an authority that this machine"
            " trusts."
        ) from error
    if found != wanted:
        raise AccessDeniedError(
            f"The server at {server_url} is not the one you mean: the fingerprint of its authority"
            f" is {found}, not {wanted}. Nothing was sent to it."
        )
    match = _PEM.search(pem)
    return "" if match is None else match.group() + "\n"


def _fetch(server_url: str) -> tuple[int, str]:
    """Return status and body of the authority's path, over a connection that proves nothing."""
    parts = urlsplit(server_url)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # what is fetched is believed by its fingerprint alone
    connection = http.client.HTTPSConnection(
        parts.hostname or "", parts.port, timeout=_PATIENCE_SECONDS, context=context
    )
    try:
        connection.request("GET", parts.path.rstrip("/") + AUTHORITY_PATH)
        reply = connection.getresponse()
        return reply.status, reply.read(_LARGEST).decode("ascii", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise UnreachableError(f"The server at {server_url} did not answer: {error}") from error
    finally:
        connection.close()
