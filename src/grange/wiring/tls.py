"""The server's certificate: who it is for, what clients are told, renewed before it expires."""

import ipaddress
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from grange.adapters.host.probe import addresses
from grange.config.settings import ServerSettings
from grange.kernel.clock import Clock
from grange.kernel.errors import ConfigurationError
from grange.kernel.units import MILLIS_PER_DAY, Instant, iso8601

RENEWED_DAYS = 30
"""A certificate of our own that expires within this is made anew when the server starts."""
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
_EVERY_ADDRESS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared, not bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """How a server is reached."""

    host: str
    """The name clients are told, as it stands in an address."""
    names: tuple[str, ...] = ()
    """Every name its certificate is for."""
    authority: Path | None = None
    """The authority's certificate, for clients that do not know it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCertificate:
    """The authority of a data folder and the server's certificate."""

    fingerprint: str
    names: tuple[str, ...]
    expires_at: Instant


def machine_names() -> tuple[str, ...]:
    """Return the names and addresses this machine is usually reached by, the best one first."""
    found = [platform.node() or "localhost", *addresses(), *_LOOPBACK_NAMES]
    return tuple(dict.fromkeys(name.partition("%")[0] for name in found))


def own_certificate(
    settings: ServerSettings, *, farm: str, names: Sequence[str], clock: Clock
) -> OwnCertificate:
    """Make the authority and the certificate of a data folder, or return those that are there.

    Args:
        settings: the server's.
        farm: the farm's name, for people who look at the certificate.
        names: the names it shall be for; none: as before, or the machine's own.
        clock: the machine's clock.

    Raises:
        ConfigurationError: a name is none, or the authority's key is gone.
    """
    # cryptography takes a while to load, and only TLS needs it.
    from grange.adapters import authority  # noqa: PLC0415

    files = authority.TlsFolder(folder=settings.tls_folder)
    fingerprint = authority.make_authority(files, name=farm, now=clock.now())
    found = authority.read_certificate(files.certificate) if files.certificate.exists() else None
    wanted = tuple(dict.fromkeys((*names, *_LOOPBACK_NAMES))) if names else ()
    if (
        found is None
        or (wanted and wanted != found.names)
        or _expires_soon(found.expires_at, clock)
    ):
        kept = found.names if found is not None else machine_names()
        found = authority.make_certificate(files, names=wanted or kept, now=clock.now())
    return OwnCertificate(fingerprint=fingerprint, names=found.names, expires_at=found.expires_at)


def door_of(settings: ServerSettings, *, clock: Clock, say: Callable[[str], None]) -> Door:
    """Return how a server is reached; its own certificate is renewed where that is due.

    Raises:
        ConfigurationError: a file cannot be read, or key and certificate are no pair.
        CorruptDataError: a file does not hold what it should.
    """
    files = settings.tls_files
    if files is None:
        return Door(host=_bracketed(settings.public_name or settings.host))
    from grange.adapters import authority  # noqa: PLC0415 - see above

    found = authority.read_certificate(files.certificate)
    own = authority.TlsFolder(folder=settings.tls_folder)
    is_own = files.certificate == own.certificate and own.authority_key.exists()
    is_pair = authority.is_pair(files.certificate, files.key)
    if is_own and (not is_pair or _expires_soon(found.expires_at, clock)):
        found = authority.make_certificate(own, names=found.names, now=clock.now())
        say(f"The server's certificate was renewed; it holds until {_day(found.expires_at)}.")
    elif not is_pair:
        raise ConfigurationError(
            f"The key {files.key} does not belong to the certificate {files.certificate}."
        )
    elif _expires_soon(found.expires_at, clock):
        say(
            f"The certificate {files.certificate} expires on {_day(found.expires_at)}: put a newer"
            " one there and start the server again."
        )
    host = settings.public_name or settings.host
    if host in _EVERY_ADDRESS:
        host = found.names[0] if found.names else platform.node()
    return Door(host=_bracketed(host), names=found.names, authority=_absolute(files.authority))


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else path.absolute()


def _expires_soon(expires_at: Instant, clock: Clock) -> bool:
    return expires_at - clock.now() < RENEWED_DAYS * MILLIS_PER_DAY


def _day(at: Instant) -> str:
    return iso8601(at)[:10]


def _bracketed(host: str) -> str:
    """Return a name or address as it stands in a URL."""
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host
