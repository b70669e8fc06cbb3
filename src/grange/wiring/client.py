"""The connection of a client: settings, clock, zone and the farm's HTTP door together."""

from pathlib import Path

from grange.adapters.farm_http import HttpFarmApi
from grange.adapters.host.clock import SystemClock
from grange.adapters.host.zone import local_zone
from grange.adapters.pinning import fetch_authority, fingerprint_of
from grange.config.client import ClientSettings
from grange.kernel.clock import Clock
from grange.kernel.errors import ConfigurationError
from grange.wire.signature import Credentials


def system_clock() -> Clock:
    """Return the machine's clock."""
    return SystemClock()


def machine_zone() -> str:
    """Return the IANA name of the machine's zone."""
    return local_zone()


def trusted_authority(server: str, fingerprint: str, path: Path) -> Path:
    """Keep the certificate of a server's authority in a file and return its full path.

    Raises:
        ConfigurationError: the fingerprint or the address is none, or the file cannot be written.
        UnreachableError: the server does not answer, or has no authority of its own.
        AccessDeniedError: the authority's fingerprint is another one; nothing was kept.
    """
    pem = fetch_authority(server, fingerprint)
    path = path.expanduser().absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(pem, encoding="ascii")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error}.") from error
    return path


def fingerprint_of_file(path: Path) -> str:
    """Return the fingerprint of an authority's certificate in a file.

    Raises:
        ConfigurationError: the file cannot be read, or holds no certificate.
    """
    try:
        return fingerprint_of(path.expanduser().read_text(encoding="ascii"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} holds no certificate: {error}.") from error


def connect(settings: ClientSettings) -> HttpFarmApi:
    """Return a connection to the server, signing with the settings' key. Nothing is sent yet.

    Raises:
        ConfigurationError: the authority's file does not exist.
    """
    if settings.ca_bundle is not None and not settings.ca_bundle.is_file():
        raise ConfigurationError(
            f"AWS_CA_BUNDLE names {settings.ca_bundle}, which is not there. Fetch it with"
            f" `grange admin trust {settings.server} FINGERPRINT -o {settings.ca_bundle}`."
        )
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
