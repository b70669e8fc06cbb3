"""Where the exported folder lies, in which zone its days are cut, and what time it is."""

import threading
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from grange.config.rrdata import rr_root
from grange.kernel.clock import Clock
from grange.kernel.units import Instant
from grange.rrdata.files import FileProblem, Kind, read_value
from grange.wiring.client import system_clock

UNSET = datetime(1970, 1, 1)
"""What a time that is not known reads as: these classes never give None."""

SETTLE_SECONDS = 3.0
"""A file that changed this recently may still be written to."""

STATS = "sub/stats"
SERVER_STATS = f"{STATS}/server_stats.db"
DAYS = f"{STATS}/server"
CLIENTS = f"{STATS}/clients"
FRAMES = f"{STATS}/frames"
RENDER_TIMES = f"{STATS}/rendertime.db"
CONTACTS = f"{STATS}/clientIPstats82.db"
LICENSES = "sub/cfg_global/licenses.db"
GROUPS = "sub/cfg_global/clientgroups.db"
FARM = "sub/cfg_global/farm.db"
HISTORY = "sub/history_db"
INHOUSE = "inhouse"


class FarmFile(msgspec.Struct, kw_only=True):
    """What a folder was exported from."""

    farm_id: str = ""
    name: str = ""
    zone: str = "UTC"
    currency: str = ""
    exported_at: int = 0
    missing: list[str] = []
    """Parts that the server had no answer for."""


class Place:
    """The folder and the clock that the classes of this package use."""

    def __init__(self) -> None:
        self._root: Path | None = None
        self._zone: ZoneInfo | None = None
        self._clock: Clock = system_clock()

    def use(
        self,
        *,
        root: Path | None = None,
        clock: Clock | None = None,
        zone: ZoneInfo | None = None,
    ) -> None:
        """Set what is given; the zone is read anew from the folder if none is given."""
        if root is not None:
            self._root = root
        if clock is not None:
            self._clock = clock
        self._zone = zone

    def forget(self) -> None:
        """Return to RR_ROOT, the machine's clock and the folder's zone."""
        self.__init__()  # type: ignore[misc]

    @property
    def root(self) -> Path:
        """The exported folder: as set, else RR_ROOT, else the current folder."""
        return self._root or rr_root() or Path()

    @property
    def zone(self) -> ZoneInfo | None:
        """The farm's zone; None (the machine's) if the folder does not say."""
        if self._zone is None:
            try:
                farm = read_value(self.root / FARM, Kind.FARM, FarmFile)
                self._zone = ZoneInfo(farm.zone)
            except (FileProblem, ZoneInfoNotFoundError, ValueError):
                return None
        return self._zone

    def now(self) -> Instant:
        """Return the present instant."""
        return self._clock.now()

    def local(self, instant: int | None) -> datetime:
        """Return the farm's wall clock at an instant, without a zone; UNSET for None."""
        if instant is None:
            return UNSET
        seconds = instant / 1000
        return datetime.fromtimestamp(seconds, self.zone).replace(tzinfo=None, fold=0)

    def local_now(self) -> datetime:
        """Return the farm's wall clock."""
        return self.local(self.now())

    def local_seconds(self) -> int:
        """Return the farm's wall clock as seconds since the start of 1970."""
        return wall_seconds(self.local_now())

    def wait(self, seconds: float) -> None:
        """Wait for a file to settle."""
        threading.Event().wait(seconds)


def wall_seconds(when: datetime) -> int:
    """Return a wall clock's time as seconds since the start of 1970, whatever the zone."""
    return int((when.replace(tzinfo=None) - UNSET).total_seconds())


HERE = Place()
"""What every class of this package uses; `grange rrdata run` and tests set it."""
