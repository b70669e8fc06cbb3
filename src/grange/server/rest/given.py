"""What every REST handler may be given: the services, and who asks; the shortest answer."""

import msgspec
from litestar.di import NamedDependency

from grange.server.context import Context
from grange.services.permissions import Principal

Caller = NamedDependency[Principal]
Services = NamedDependency[Context]


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing more to say."""

    ok: bool = True
