"""The connection of a client: settings, clock and the farm's HTTP door together."""

from grange.adapters.farm_http import HttpFarmApi
from grange.adapters.host.clock import SystemClock
from grange.config.client import ClientSettings
from grange.kernel.clock import Clock
from grange.wire.signature import Credentials


def system_clock() -> Clock:
    """Return the machine's clock."""
    return SystemClock()


def connect(settings: ClientSettings) -> HttpFarmApi:
    """Return a connection to the server, signing with the settings' key. Nothing is sent yet."""
    return HttpFarmApi(
        settings.server,
        Credentials(
            access_key_id=settings.access_key_id,
            secret_access_key=settings.secret_access_key,
            session_token=settings.session_token,
        ),
        SystemClock(),
        region=settings.region,
        ca_file=None if settings.ca_bundle is None else str(settings.ca_bundle),
        user_agent="grange-client",
    )
