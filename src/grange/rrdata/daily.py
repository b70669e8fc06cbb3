"""Job and worker-group statistics of a local day, in quarters of an hour (S0-01 to S0-07)."""

from datetime import datetime
from typing import Any

import msgspec

from grange.rrdata.files import FileProblem, Kind
from grange.rrdata.loading import as_path, load, mib, pick
from grange.rrdata.place import DAYS, HERE, UNSET, wall_seconds

SLOTS = 96
USER, PROJECT, APP = 0, 1, 2
_SUFFIX = ".stdb"


class _jobStat(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Jobs of one user, project or app in one quarter of an hour."""

    Cost: float = 0.0
    Ghz_minutes: int = 0
    PS_minutes: int = 0
    PSneeded: float = 0.0
    Watt_minutes: int = 0
    avFrameTime: int = 0
    avMemUsageMB: int = 0
    avPSUsage: float = 0.0
    framesLeft: int = 0
    framesRendered: int = 0
    freeA: int = 0
    jobsDisabled: int = 0
    jobsDone: int = 0
    jobsIdle: int = 0
    jobsRendering: int = 0
    jobsWaiting: int = 0
    maxFrameTime: int = 0
    maxMemUsageMB: int = 0
    maxPSUsage: float = 0.0
    renderLicNeeded: float = 0.0
    slotSet: bool = False
    timesFinished: int = 0
    timesSended: int = 0

    def hasValidData(self) -> bool:
        return self.slotSet


class _jobStatDay(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The quarters of one user, project or app."""

    name: str = ""
    type: int = 0
    slots: dict[int, _jobStat] = {}

    def getTimeSlot(self, index: int) -> _jobStat:
        return self.slots.get(index) or _jobStat()

    def timeSlotCount(self) -> int:
        return SLOTS

    def stats(self, index: int) -> _jobStat:
        return self.getTimeSlot(index)

    def statCount(self) -> int:
        return SLOTS


class _clientStat(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Workers of one group at the end of one quarter of an hour."""

    disabled: int = 0
    idle: int = 0
    off: int = 0
    rendering: int = 0
    slotSet: bool = False


class _clientStatDay(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The quarters of one worker group."""

    groupName: str = ""
    slots: dict[int, _clientStat] = {}

    def getTimeSlot(self, index: int) -> _clientStat:
        return self.slots.get(index) or _clientStat()

    def timeSlotCount(self) -> int:
        return SLOTS


class DayFile(msgspec.Struct, kw_only=True):
    """What a day's file holds."""

    unix_day: int = 0
    written: datetime = UNSET
    """The farm's wall clock."""
    subjects: list[list[_jobStatDay]] = []
    """Users, projects, apps."""
    groups: list[_clientStatDay] = []


class _dailyStats_data:
    """One day."""

    def __init__(self) -> None:
        self._file = DayFile()
        self._error = ""

    def loadFromFile(self, filename: str, failIfNoFile: bool = True) -> bool:
        self._file, self._error = DayFile(), ""
        try:
            self._file = load(as_path(filename), Kind.DAY, DayFile)
        except FileProblem as problem:
            if problem.absent and not failIfNoFile:
                return True
            self._error = str(problem)
            return False
        return True

    def getError(self) -> str:
        return self._error

    def fileNameDate(self) -> datetime:
        return self._file.written

    def jobTypeCount(self) -> int:
        return 3

    def getJobsByType(self, id: int) -> list[_jobStatDay]:  # noqa: A002
        return list(pick(self._file.subjects, id, []))

    def getJobsByTypeAndName(self, id: int, name: str) -> _jobStatDay:  # noqa: A002
        found = (day for day in self.getJobsByType(id) if day.name == name)
        return next(found, _jobStatDay())

    def getClientGroups(self) -> list[_clientStatDay]:
        return list(self._file.groups)

    def singleStats(self, id: int) -> list[_jobStatDay]:  # noqa: A002
        return self.getJobsByType(id)

    def singleStatsCount(self) -> int:
        return self.jobTypeCount()

    def _memory(self) -> Any:
        return self._file


class _dailyStats_timeline:
    """Days by their date; each is read once and kept."""

    def __init__(self) -> None:
        self._folder: str | None = None
        self._days: dict[int, _dailyStats_data] = {}
        self._error = ""

    def initFileList(self, folder: str) -> bool:
        self.freeMem()
        self._folder = str(folder)
        self._error = "" if as_path(folder).is_dir() else f"{folder} is no folder"
        return not self._error

    def getError(self) -> str:
        return self._error

    def currentUnixDayLocal(self) -> int:
        return wall_seconds(HERE.local_now()) // 86_400

    def period_day(self, unixDay: int) -> _dailyStats_data:
        if unixDay in self._days:
            return self._days[unixDay]
        day = _dailyStats_data()
        folder = HERE.root / DAYS if self._folder is None else as_path(self._folder)
        if day.loadFromFile(str(folder / f"{unixDay}{_SUFFIX}"), True):
            self._days[unixDay] = day
            self._error = ""
        else:
            self._error = day.getError()
        return day

    def period_day_hasData(self, unixDay: int) -> bool:
        self.period_day(unixDay)
        return unixDay in self._days

    def freeMem(self) -> None:
        self._days = {}

    def memUsageMiB(self) -> int:
        return sum(mib(day._memory()) for day in self._days.values())  # noqa: SLF001
