"""Licence pools: how many licences of an application (and plugin, and version) there are, where."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field

from grange.kernel.ids import FarmId
from grange.kernel.units import Instant


class Region(StrEnum):
    """Where licences count. What a region does not set, it has from the default."""

    DEFAULT = "default"
    WORKSTATION = "workstation"
    FARM = "farm"
    CLOUD = "cloud"

    __hash__ = str.__hash__


class RegionTerms(Struct, frozen=True, kw_only=True):
    """What holds in one region."""

    count: int = 0
    """How many licences there are; looked at only where they are not unlimited."""
    unlimited: bool = False
    cost_billionths: int = 0
    """Price of one licence for an hour."""

    @property
    def limit(self) -> int | None:
        """How many may be in use at a time; None: any number."""
        return None if self.unlimited else self.count


UNSET = RegionTerms(unlimited=True)
"""What holds where neither the region nor the default says anything: nobody counts."""


class LicencePool(Struct, frozen=True, kw_only=True):
    """The licences of an application, or of a plugin of it, or of one version."""

    farm_id: FarmId
    app: str
    plugin: str = ""
    """Empty: the application itself."""
    version: str = ""
    """Empty: every version without a pool of its own."""
    regions: Mapping[Region, RegionTerms] = field(default_factory=dict)
    """What is set; a region that is absent has the default's terms."""
    updated_at: Instant
    updated_by: str

    def is_set(self, region: Region) -> bool:
        """Return whether the region has terms of its own."""
        return region in self.regions

    def for_region(self, region: Region) -> RegionTerms:
        """Return the terms in a region: its own, else the default's, else unlimited and free."""
        return self.regions.get(region) or self.regions.get(Region.DEFAULT) or UNSET


class LicenceCount(Struct, frozen=True, kw_only=True):
    """What the licence server of a pool said last, by the farm's own command."""

    farm_id: FarmId
    app: str
    plugin: str = ""
    version: str = ""
    region: str
    """Whose seats were asked about."""
    seats: int = 0
    """At most so many may sessions of this farm hold; nothing said yet: none."""
    others: int | None = None
    """Seats in use elsewhere; None: it did not say."""
    answered_at: Instant | None = None
    """When it last answered; None: never."""
    failing_since_at: Instant | None = None
    """Since when it does not answer; None: it does."""
    problem: str = ""

    @property
    def pool(self) -> "PoolKey":
        """The pool it is of."""
        return self.app, self.plugin, self.version


PoolKey = tuple[str, str, str]
"""App, plugin and version of a pool."""


class LicenceHold(Struct, frozen=True, kw_only=True):
    """A seat of a pool, held by a session."""

    app: str
    plugin: str
    version: str
    region: str
    """Whose seats it is one of: the region's own, or the default's."""
    product: str
    since_at: Instant
    card_id: str | None = None
    rate_line_id: str | None = None
    billionths_per_hour: int | None = None

    @property
    def pool(self) -> PoolKey:
        """The pool it is of."""
        return self.app, self.plugin, self.version


def region_named(name: str | None) -> Region:
    """Return the region of a worker that says it is in `name`; unknown ones are the default."""
    return _NAMED.get(name, Region.DEFAULT)


_NAMED: Mapping[str | None, Region] = {region.value: region for region in Region}


def region_of_seats(pool: LicencePool, region: Region) -> Region:
    """Return whose seats count in a region: its own, or the default's if it sets none."""
    return region if pool.is_set(region) else Region.DEFAULT


def wanted_pools(
    attributes: Mapping[str, str], pools: Mapping[PoolKey, LicencePool]
) -> tuple[PoolKey, ...]:
    """Return the pools that work takes a seat of: its application's, and its plugins'.

    Args:
        attributes: of a layer; `renderer` and `plugin` (several with commas) name plugins.
        pools: those of the farm.
    """
    app = attributes.get("app", "")
    if not pools or not app:
        return ()
    version = attributes.get("app_version", "")
    named = [*attributes.get("plugin", "").split(","), attributes.get("renderer", "")]
    found = []
    for plugin in dict.fromkeys(["", *(name.strip() for name in named)]):
        pool = pool_for(pools, app, plugin, version)
        if pool is not None:
            found.append((pool.app, pool.plugin, pool.version))
    return tuple(sorted(set(found)))


def pool_for(
    pools: Mapping[tuple[str, str, str], LicencePool], app: str, plugin: str, version: str
) -> LicencePool | None:
    """Return the pool that counts for a version: its own, else that of every version.

    Args:
        pools: by app, plugin and version.
        app: the application.
        plugin: the plugin; empty: none.
        version: the version of the application; a pool of `2026` is that of `2026.1` too.
    """
    wanted = version
    while True:
        found = pools.get((app, plugin, wanted))
        if found is not None or not wanted:
            return found
        wanted = wanted.rpartition(".")[0]
