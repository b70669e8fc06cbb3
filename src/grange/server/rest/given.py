"""What every REST handler may be given: the services, and who asks; the shortest answer."""

from hashlib import sha256
from typing import Annotated

import msgspec
from litestar.di import NamedDependency
from litestar.params import HeaderParameter

from grange.server.context import Context
from grange.services.owner import Token
from grange.services.permissions import Principal

Caller = NamedDependency[Principal]
Services = NamedDependency[Context]
Once = Annotated[str | None, HeaderParameter(name="Idempotency-Key", min_length=1, max_length=64)]
"""Says that a request is the same as one before, and not another of its kind.

A browser sends a request again by itself when its connection ends without an answer.
"""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing more to say."""

    ok: bool = True


def once_token(caller: Principal, operation: str, once: str | None, *asked: object) -> Token | None:
    """Return what makes the owner answer a repeated request as it did the first; None: nothing.

    Args:
        caller: who asks.
        operation: what for.
        once: the request's Idempotency-Key.
        asked: what the request says; the same key with other words is refused.
    """
    if once is None:
        return None
    digest = sha256(msgspec.json.encode(asked, order="deterministic")).hexdigest()
    return Token(caller=caller.name, operation=operation, token=once, request_hash=digest)
