"""Page tokens: where a list goes on, sealed so that a client cannot make one itself.

A token holds a cursor (any small JSON value) and the time it expires. Its seal, an HMAC-SHA256,
also covers the operation, the query and the caller, so that a token works only for the request it
was made for. `maxResults` and `nextToken` are no part of the query: the page size may change.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import msgspec

from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.units import MILLIS_PER_DAY, Instant

MAX_CHARACTERS = 4096
"""The model's limit for `nextToken`."""

LIFETIME_MS = MILLIS_PER_DAY
"""How long a token works, as Deadline Cloud documents it."""

_SEAL_BYTES = 32
_NO_PART_OF_QUERY = frozenset({"maxResults", "nextToken"})
_sorted_json = msgspec.json.Encoder(order="sorted").encode


class _Content(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    expires_at: int
    cursor: Any


def issue_page_token(
    cursor: object,
    *,
    key: bytes,
    operation: str,
    query: Mapping[str, Any],
    caller: str,
    now: Instant,
) -> str:
    """Return the token for the page after `cursor`.

    Args:
        cursor: where the next page starts; any JSON value.
        key: the server's secret for page tokens.
        operation: the operation's name.
        query: the decoded request.
        caller: who asks; a token works for nobody else.
        now: the server's clock.

    Raises:
        ValueError: if the token would be longer than clients may send.
    """
    content = msgspec.json.encode(_Content(expires_at=now + LIFETIME_MS, cursor=cursor))
    seal = _seal(content, key=key, operation=operation, query=query, caller=caller)
    token = urlsafe_b64encode(seal + content).decode("ascii").rstrip("=")
    if len(token) > MAX_CHARACTERS:
        raise ValueError(f"{operation}: a page token of {len(token)} characters is too long.")
    return token


def redeem_page_token(
    token: str,
    *,
    key: bytes,
    operation: str,
    query: Mapping[str, Any],
    caller: str,
    now: Instant,
) -> Any:
    """Return the cursor of a token that `issue_page_token` made with the same arguments.

    Raises:
        InvalidRequestError: naming `nextToken`, if the token is forged, expired, or was made for
            another request or caller.
    """
    try:
        sealed = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError as error:
        raise _refused("is not a token of this server") from error
    content = sealed[_SEAL_BYTES:]
    expected = _seal(content, key=key, operation=operation, query=query, caller=caller)
    if not hmac.compare_digest(expected, sealed[:_SEAL_BYTES]):
        raise _refused("does not belong to this request; repeat the one that returned it")
    opened = msgspec.json.decode(content, type=_Content)
    if now >= opened.expires_at:
        raise _refused("has expired after 24 hours; start again from the first page")
    return opened.cursor


def _seal(
    content: bytes, *, key: bytes, operation: str, query: Mapping[str, Any], caller: str
) -> bytes:
    asked = {name: value for name, value in query.items() if name not in _NO_PART_OF_QUERY}
    request = sha256(_sorted_json([operation, caller, asked])).digest()
    return hmac.digest(key, request + content, "sha256")


def _refused(message: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"1 field is not valid: nextToken {message}.", fields=[FieldProblem("nextToken", message)]
    )
