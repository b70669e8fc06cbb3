"""Statistics of each worker, day by day (S0-21 to S0-28)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from grange.rrdata.files import FileProblem, Kind, unpack
from grange.rrdata.loading import as_path, fits, load, mib, pick
from grange.rrdata.place import CLIENTS, HERE, SETTLE_SECONDS, UNSET

DAYS_KEPT = 400
SAMPLES = 4320
HOURS = 24
SUFFIX = ".stdb"
_STRUCTURE_ID = 1

OFF, FREE, DISABLED, RENDERING = 0, 1, 2, 3
_DISABLED = frozenset({DISABLED, 7, 26, 27, 28})
_RENDERING = frozenset({RENDERING, 4, 5, 6, *range(12, 26), 29})
"""Rendering, or ended just now."""


class _clientStats_day_data_jobthread(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A job thread in 20 seconds."""

    clientStatus: int = 0
    cpuRender: float = 0.0
    jobRenderType: int = 0
    memRender10MB: int = 0

    def memRenderMB(self) -> int:
        return self.memRender10MB * 10

    def wasActive(self) -> bool:
        return self.clientStatus != OFF

    def wasDisabled(self) -> bool:
        return self.clientStatus in _DISABLED

    def wasIdle(self) -> bool:
        return self.clientStatus == FREE

    def wasRendering(self) -> bool:
        return self.clientStatus in _RENDERING

    def threadWasActive(self) -> bool:
        return self.wasActive()

    def threadWasRendering(self) -> bool:
        return self.wasRendering()


class _clientStats_day_data_30s(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A worker in 20 seconds."""

    cpuTotal: float = 0.0
    gpuTotal: float = 0.0
    memTotal10MB: int = 0
    networkInMB: int = 0
    networkInSpeedMaxMB: int = 0
    networkOutMB: int = 0
    userLoggedIn: bool = False
    online: bool = False
    threads: list[_clientStats_day_data_jobthread] = []

    def hasData(self) -> bool:
        return self.online

    def jobThread(self, index: int) -> _clientStats_day_data_jobthread:
        return pick(self.threads, index, _clientStats_day_data_jobthread())

    def jobThreadCount(self) -> int:
        return len(self.threads)

    def jobThreadMax(self) -> int:
        return len(self.threads) - 1

    def allThreadsDisabled(self) -> bool:
        return bool(self.threads) and all(thread.wasDisabled() for thread in self.threads)

    def anyThreadIdle(self) -> bool:
        return any(thread.wasIdle() for thread in self.threads)

    def anyThreadRendering(self) -> bool:
        return any(thread.wasRendering() for thread in self.threads)

    def cpuRender_allThreads(self) -> float:
        return sum(thread.cpuRender for thread in self.threads)

    def memRender10MB_allThreads(self) -> int:
        return max((thread.memRender10MB for thread in self.threads), default=0)


class _clientStats_day_data_hourly_jobthread(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A job thread in an hour."""

    framesDone: int = 0
    jobAborted: int = 0
    jobCrashed: int = 0
    jobSuccessful: int = 0
    valid: bool = False

    def hasData(self) -> bool:
        return self.valid


class _clientStats_day_data_hourly(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A worker in an hour."""

    threads: list[_clientStats_day_data_hourly_jobthread] = []

    def jobThread(self, index: int) -> _clientStats_day_data_hourly_jobthread:
        return pick(self.threads, index, _clientStats_day_data_hourly_jobthread())

    def jobThreadCount(self) -> int:
        return len(self.threads)

    def jobThreadMax(self) -> int:
        return len(self.threads) - 1


class ThreadColumns(msgspec.Struct, kw_only=True):
    """One job thread's samples of a day; -1 marks a sample in which it did not exist."""

    status: list[int] = []
    cpu_permille: list[int] = []
    """Thousandths of the machine."""
    render_type: list[int] = []
    memory_10mib: list[int] = []


class SampleColumns(msgspec.Struct, kw_only=True):
    """A worker's samples of a day: those it was online for, by ascending index."""

    index: list[int] = []
    """Twenties of seconds since the local midnight."""
    cpu_permille: list[int] = []
    gpu_permille: list[int] = []
    memory_10mib: list[int] = []
    net_in_mib: list[int] = []
    net_in_peak_mib: list[int] = []
    net_out_mib: list[int] = []
    user: list[int] = []
    threads: list[ThreadColumns] = []


class DayBlock(msgspec.Struct, kw_only=True):
    """One day of a worker's file."""

    day: int
    hours: dict[int, _clientStats_day_data_hourly] = {}
    samples: bytes = b""
    """Packed SampleColumns: unpacked when the first sample is asked for."""


class WorkerFile(msgspec.Struct, kw_only=True):
    """What a worker's file holds: the days that have data, ascending."""

    name: str = ""
    days: list[DayBlock] = []


class _clientStats_day:
    """One day of one worker."""

    def __init__(self, block: DayBlock | None = None) -> None:
        self._block = block
        self._samples: SampleColumns | None = None
        self._places: dict[int, int] = {}
        self.day = 0 if block is None else block.day
        self.daySet = block is not None

    def dayAsTime(self) -> datetime:
        return UNSET + timedelta(days=self.day)

    def dataMax(self) -> int:
        return SAMPLES

    def dataHourlyMax(self) -> int:
        return HOURS

    def dataHourly(self, index: int) -> _clientStats_day_data_hourly:
        found = None if self._block is None else self._block.hours.get(index)
        return found or _clientStats_day_data_hourly()

    def data(self, index: int) -> _clientStats_day_data_30s:
        columns = self._columns()
        place = self._places.get(index)
        if place is None:
            return _clientStats_day_data_30s()
        return _clientStats_day_data_30s(
            cpuTotal=columns.cpu_permille[place] / 10,
            gpuTotal=columns.gpu_permille[place] / 10,
            memTotal10MB=columns.memory_10mib[place],
            networkInMB=columns.net_in_mib[place],
            networkInSpeedMaxMB=columns.net_in_peak_mib[place],
            networkOutMB=columns.net_out_mib[place],
            userLoggedIn=bool(columns.user[place]),
            online=True,
            threads=[
                _clientStats_day_data_jobthread(
                    clientStatus=thread.status[place],
                    cpuRender=thread.cpu_permille[place] / 10,
                    jobRenderType=thread.render_type[place],
                    memRender10MB=thread.memory_10mib[place],
                )
                for thread in columns.threads
                if thread.status[place] >= 0
            ],
        )

    def _columns(self) -> SampleColumns:
        if self._samples is None:
            self._samples = SampleColumns()
            if self._block is not None and self._block.samples:
                try:
                    self._samples = unpack(self._block.samples, SampleColumns)
                except FileProblem:  # the file's checksum was right: written so, with no samples
                    self._samples = SampleColumns()
            self._places = {index: place for place, index in enumerate(self._samples.index)}
        return self._samples


class _clientStats_data:
    """All days of one worker."""

    def __init__(self) -> None:
        self._empty()

    def _empty(self) -> None:
        self.StructureID = 0
        self._days: dict[int, _clientStats_day] = {}
        self._last = 0
        self._error = ""

    def loadFromFile(self, FileName: str) -> bool:
        return self._load(FileName, SETTLE_SECONDS)

    def _load(self, name: str, settle_seconds: float) -> bool:
        self._empty()
        try:
            file = load(as_path(name), Kind.CLIENT, WorkerFile, settle_seconds=settle_seconds)
        except FileProblem as problem:
            self._error = str(problem)
            return False
        self.StructureID = _STRUCTURE_ID
        self._last = max((block.day for block in file.days), default=0)
        self._days = {
            block.day: _clientStats_day(block)
            for block in file.days
            if block.day > self._last - DAYS_KEPT
        }
        return True

    def getError(self) -> str:
        return self._error

    def daysCount(self) -> int:
        return DAYS_KEPT

    def daysMax(self) -> int:
        return DAYS_KEPT

    def getDayByIdx(self, index: int) -> _clientStats_day:
        if not fits(index, DAYS_KEPT):
            return _clientStats_day()
        return self.period_day(self._last - (DAYS_KEPT - 1 - index))

    def days(self, index: int) -> _clientStats_day:
        return self.getDayByIdx(index)

    def period_day(self, unixDay: int) -> _clientStats_day:
        return self._days.get(unixDay) or _clientStats_day()

    def period_day_hasData(self, unixDay: int) -> bool:
        return unixDay in self._days

    def _memory(self) -> object:
        return [[day._block, day._samples] for day in self._days.values()]  # noqa: SLF001


class _clientStats_all:
    """Every worker's file of a folder; each is read once and kept."""

    def __init__(self) -> None:
        self._folder: str | None = None
        self._list: list[str] | None = None
        self._loaded: dict[str, _clientStats_data] = {}
        self._settle = SETTLE_SECONDS
        self._error = ""

    def initFileList(self, folder: str) -> bool:
        self._folder = str(folder)
        self._list = None
        self._loaded = {}
        self._error = ""
        path = as_path(folder)
        if not path.is_dir():
            self._list = []
            self._error = f"{folder} is no folder"
            return False
        self._names()
        return True

    def setDelayedLoad_FileAge(self, fileage: int) -> None:
        self._settle = max(0.0, float(fileage))

    def getError(self) -> str:
        return self._error

    def currentUnixDayLocal(self) -> int:
        return HERE.local_seconds() // 86_400

    def clientCount(self) -> int:
        return len(self._names())

    def getName(self, index: int) -> str:
        return pick(self._names(), index, "")

    def findName(self, name: str) -> int:
        names = self._names()
        return names.index(name) if name in names else -1

    def getData(self, index: int) -> _clientStats_data:
        return self.getDataByName(self.getName(index))

    def getData_error(self, index: int) -> bool:
        return bool(self.getData(index).getError())

    def getDataByName(self, name: str) -> _clientStats_data:
        if name not in self._loaded:
            data = _clientStats_data()
            if name not in self._names():
                data._error = self._error = f"there is no worker {name!r}"  # noqa: SLF001
                return data
            if not data._load(self._path(name), self._settle):  # noqa: SLF001
                self._error = data.getError()
            self._loaded[name] = data
        return self._loaded[name]

    def getDataByName_period_day(self, name: str, unixDay: int) -> _clientStats_day:
        return self.getDataByName(name).period_day(unixDay)

    def getDataByName_period_day_hasData(self, name: str, unixDay: int) -> bool:
        data = self.getDataByName(name)
        if data.period_day_hasData(unixDay):
            return True
        self._error = data.getError() or f"{name} has no data on day {unixDay}"
        return False

    def getData_period_day(self, name: int, unixDay: int) -> _clientStats_day:
        return self.getData(name).period_day(unixDay)

    def getData_period_day_hasData(self, name: int, unixDay: int) -> bool:
        return self.getDataByName_period_day_hasData(self.getName(name), unixDay)

    def freeMem(self) -> None:
        self._loaded = {}

    def memUsageMiB(self) -> int:
        return sum(mib(data._memory()) for data in self._loaded.values())  # noqa: SLF001

    def _names(self) -> Sequence[str]:
        if self._list is None:
            folder = HERE.root / CLIENTS if self._folder is None else as_path(self._folder)
            try:
                found = [path.name for path in folder.iterdir() if path.suffix == SUFFIX]
            except OSError as error:
                self._error = str(error)
                found = []
            self._list = sorted(name[: -len(SUFFIX)] for name in found if name[0] != ".")
        return self._list

    def _path(self, name: str) -> str:
        folder = HERE.root / CLIENTS if self._folder is None else as_path(self._folder)
        return str(folder / f"{name}{SUFFIX}")
