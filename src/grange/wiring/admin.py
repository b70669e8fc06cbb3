"""What an administrator does once: a farm with its zone and currency, an authority, a key."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from grange.adapters.host.clock import SystemClock
from grange.config.settings import ServerSettings
from grange.kernel.errors import ConfigurationError
from grange.wiring.farm_plan import FarmPlan
from grange.wiring.init import InitResult, initialise
from grange.wiring.tls import OwnCertificate, own_certificate

_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A data folder that a server can use on any address."""

    farm: InitResult
    certificate: OwnCertificate


def checked_zone(name: str) -> str:
    """Return a zone's name as it was given.

    Raises:
        ConfigurationError: there is no such zone.
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"There is no zone {name!r}. It is an IANA name, e.g. Europe/Berlin or UTC."
        ) from error
    return name


def checked_currency(code: str) -> str:
    """Return a currency's code in capitals.

    Raises:
        ConfigurationError: it is no code of three letters.
    """
    found = code.strip().upper()
    if not _CURRENCY.fullmatch(found):
        raise ConfigurationError(
            f"{code!r} is no currency. It is an ISO 4217 code of three letters, e.g. USD or EUR."
        )
    return found


def prepare(settings: ServerSettings, plan: FarmPlan, *, names: Sequence[str]) -> Prepared:
    """Make what a data folder lacks: the farm as planned, the authority, the certificate.

    Args:
        settings: the server's.
        plan: what an empty folder is filled with; a farm that is there stays as it is.
        names: what the certificate shall be for; none: the machine's own names.

    Raises:
        ConflictError: a server holds the folder.
        ConfigurationError: a name is none, or the authority's key is gone.
    """
    farm = initialise(settings, plan)
    certificate = own_certificate(settings, farm=farm.farm, names=names, clock=SystemClock())
    return Prepared(farm=farm, certificate=certificate)
