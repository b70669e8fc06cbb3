"""The farm's day, month and year lists (S0-08 to S0-20).

Indices count the farm's wall clock. A slot that the wall clock skips is not valid. In the repeated
hour of autumn a slot holds both passes: counts of both, states of the later one.
"""

from datetime import UTC, datetime, timedelta

import msgspec

from grange.rrdata.files import FileProblem, Kind
from grange.rrdata.loading import as_path, load
from grange.rrdata.place import HERE, UNSET, wall_seconds

SLOTS = 1440
DAY_STEP, MONTH_STEP, YEAR_STEP = 60, 1800, 21_600
"""Seconds of wall clock from one slot to the next."""
_DAY_SECONDS = 86_400


class _rrGlobalStats_item(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The farm in one slot."""

    clients_avTemperature: int = 0
    clients_disabled: int = 0
    clients_free: int = 0
    clients_needed: float = 0.0
    clients_rendering: int = 0
    frameTime: int = 0
    frameTime_3D: int = 0
    frameTime_Archive: int = 0
    frameTime_Comp: int = 0
    frameTime_ExecuteFrames: int = 0
    frameTime_FileExport: int = 0
    framesLeft: int = 0
    framesLeft_3D: int = 0
    framesLeft_Archive: int = 0
    framesLeft_Comp: int = 0
    framesLeft_ExecuteFrames: int = 0
    framesLeft_FileExport: int = 0
    framesPerMin: float = 0.0
    framesPerMin_3D: float = 0.0
    framesPerMin_Archive: float = 0.0
    framesPerMin_Comp: float = 0.0
    framesPerMin_ExecuteFrames: float = 0.0
    framesPerMin_FileExport: float = 0.0
    freeA: bool = False
    jobs_rendering: int = 0
    jobs_total: int = 0
    jobs_unfinished: int = 0
    serverCoreUsageMachine: float = 0.0
    serverCoreUsageProcess: float = 0.0
    serverMemUsage_JobBuffer: int = 0
    serverMemUsage_Machine: int = 0
    serverMemUsage_Process: int = 0
    serverMemUsage_TCPData: int = 0
    serverMemUsage_TCPDataCompressed: int = 0
    serverMemUsage_TCPSocket: int = 0
    serverTemperature: int = 0
    slot_used: bool = False


class RingsFile(msgspec.Struct, kw_only=True):
    """What the file of the three lists holds: the slots that are valid, by their index.

    The times are minutes of the farm's wall clock since 1970: the end of the newest slot.
    """

    saved_day: int = 0
    saved_month: int = 0
    saved_year: int = 0
    day: dict[int, _rrGlobalStats_item] = {}
    month: dict[int, _rrGlobalStats_item] = {}
    year: dict[int, _rrGlobalStats_item] = {}


class _rrGlobalStatsLS:
    """The three lists."""

    def __init__(self) -> None:
        self._empty()

    def _empty(self) -> None:
        self._file = RingsFile()
        self._error = ""
        self._range: tuple[int, int] | None = None
        self.lastSaveDay = 0
        self.lastSaveMonth = 0
        self.lastSaveYear = 0

    def loadFromFile(self, FileName: str) -> bool:
        kept = self._range
        self._empty()
        self._range = kept
        try:
            self._file = load(as_path(FileName), Kind.RINGS, RingsFile)
        except FileProblem as problem:
            self._error = str(problem)
            return False
        self.lastSaveDay = self._file.saved_day
        self.lastSaveMonth = self._file.saved_month
        self.lastSaveYear = self._file.saved_year
        return True

    def getError(self) -> str:
        return self._error

    # --- the clock ---

    def currentTime_Unix(self) -> int:
        return HERE.local_seconds()

    def currentTime_Unix_UTC(self) -> int:
        return HERE.now() // 1000

    def currentTime_datetime(self) -> datetime:
        return datetime.fromtimestamp(HERE.now() // 1000, UTC).replace(tzinfo=None)

    def currentUnixDayLocal(self) -> int:
        return HERE.local_seconds() // _DAY_SECONDS

    # --- the lists as they are ---

    def day(self, index: int) -> _rrGlobalStats_item:
        """Index = minute of the day; the ones still to come are yesterday's."""
        written_ago = HERE.local_seconds() - self.lastSaveDay * 60
        if written_ago > SLOTS * DAY_STEP:
            return _rrGlobalStats_item()  # a whole turn ago: some other day's
        return self._file.day.get(index) or _rrGlobalStats_item()

    def month(self, index: int) -> _rrGlobalStats_item:
        return self._file.month.get(index) or _rrGlobalStats_item()

    def year(self, index: int) -> _rrGlobalStats_item:
        return self._file.year.get(index) or _rrGlobalStats_item()

    def dayMax(self) -> int:
        return SLOTS

    def monthMax(self) -> int:
        return SLOTS

    def yearMax(self) -> int:
        return SLOTS

    def secDiff_Day(self) -> int:
        return DAY_STEP

    def secDiff_Month(self) -> int:
        return MONTH_STEP

    def secDiff_Year(self) -> int:
        return YEAR_STEP

    # --- when they were written ---

    def lastSaveDay_asUnixTime(self) -> int:
        return self.lastSaveDay * 60

    def lastSaveDay_asDatetime(self) -> datetime:
        return UNSET + timedelta(minutes=self.lastSaveDay)

    def lastSaveMonth_asUnixTime(self) -> int:
        return self.lastSaveMonth * 60

    def lastSaveMonth_asDatetime(self) -> datetime:
        return UNSET + timedelta(minutes=self.lastSaveMonth)

    def lastSaveYear_asUnixTime(self) -> int:
        return self.lastSaveYear * 60

    def lastSaveYear_asDatetime(self) -> datetime:
        return UNSET + timedelta(minutes=self.lastSaveYear)

    # --- a range of time ---

    def period_setTimeRange(self, startTime: datetime, endTime: datetime) -> None:
        self._range = (wall_seconds(startTime), wall_seconds(endTime))

    def period_month_item(self, index: int) -> _rrGlobalStats_item:
        return self._item(index, MONTH_STEP)

    def period_month_itemCount(self) -> int:
        return self._count(MONTH_STEP)

    def period_month_day(self, unixDay: int, slot: int) -> _rrGlobalStats_item:
        return self._of_day(unixDay, slot, MONTH_STEP)

    def period_month_daySlotCount(self) -> int:
        return _DAY_SECONDS // MONTH_STEP

    def period_year_item(self, index: int) -> _rrGlobalStats_item:
        return self._item(index, YEAR_STEP)

    def period_year_itemCount(self) -> int:
        return self._count(YEAR_STEP)

    def period_year_day(self, unixDay: int, slot: int) -> _rrGlobalStats_item:
        return self._of_day(unixDay, slot, YEAR_STEP)

    def period_year_daySlotCount(self) -> int:
        return _DAY_SECONDS // YEAR_STEP

    def period_auto_item(self, index: int) -> _rrGlobalStats_item:
        return self._item(index, self._auto())

    def period_auto_itemCount(self) -> int:
        return self._count(self._auto())

    def period_auto_day(self, unixDay: int, slot: int) -> _rrGlobalStats_item:
        return self._of_day(unixDay, slot, self._auto())

    def period_auto_daySlotCount(self) -> int:
        return _DAY_SECONDS // self._auto()

    def _auto(self) -> int:
        """Return the step of the finest list that reaches back to the range's start."""
        if self._range is None:
            return MONTH_STEP
        newest_end = self.lastSaveMonth * 60 // MONTH_STEP * MONTH_STEP
        return MONTH_STEP if self._range[0] >= newest_end - SLOTS * MONTH_STEP else YEAR_STEP

    def _count(self, step: int) -> int:
        if self._range is None:
            return 0
        start, end = self._range
        return max(0, -(-end // step) - start // step)

    def _item(self, index: int, step: int) -> _rrGlobalStats_item:
        if self._range is None or not 0 <= index < self._count(step):
            return _rrGlobalStats_item()
        return self._at((self._range[0] // step + index) * step, step)

    def _of_day(self, unix_day: int, slot: int, step: int) -> _rrGlobalStats_item:
        if not 0 <= slot < _DAY_SECONDS // step:
            return _rrGlobalStats_item()
        start = unix_day * _DAY_SECONDS + slot * step
        if self._range is not None and not self._range[0] <= start < self._range[1]:
            return _rrGlobalStats_item()
        return self._at(start, step)

    def _at(self, start: int, step: int) -> _rrGlobalStats_item:
        """Return the slot that starts at a second of the farm's wall clock."""
        saved = self.lastSaveMonth if step == MONTH_STEP else self.lastSaveYear
        newest_start = saved * 60 // step * step - step
        index = SLOTS - 1 - (newest_start - start) // step
        return self.month(index) if step == MONTH_STEP else self.year(index)
