"""What every REST handler may be given: the services, and who asks."""

from litestar.di import NamedDependency

from grange.server.context import Context
from grange.services.permissions import Principal

Caller = NamedDependency[Principal]
Services = NamedDependency[Context]
