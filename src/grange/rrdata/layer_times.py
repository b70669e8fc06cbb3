"""The last hundred finished jobs of each project, render type and layer (S0-33, S0-34)."""

from datetime import datetime

import msgspec

from grange.rrdata.files import FileProblem, Kind, write_value
from grange.rrdata.loading import as_path, load, pick
from grange.rrdata.place import HERE, UNSET

KEPT = 100


class LayerEntry(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One finished job."""

    ps: float = 0.0
    cores: int = 0
    kps_seconds: float = 0.0
    seconds: int = 0
    memory_gib: float = 0.0
    minutes: int = 0


class _StatsRenderTime_layer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A layer; the latest job is first."""

    jobsAdded: int = 0
    name: str = ""
    entries: list[LayerEntry] = []

    def count(self) -> int:
        return len(self.entries)

    def averageClientPS(self, index: int) -> float:
        return pick(self.entries, index, LayerEntry()).ps

    def coreUsageMax(self, index: int) -> int:
        return pick(self.entries, index, LayerEntry()).cores

    def frameTime_kPS(self, index: int) -> float:
        return pick(self.entries, index, LayerEntry()).kps_seconds

    def frameTime_sec(self, index: int) -> int:
        return pick(self.entries, index, LayerEntry()).seconds

    def memUsageMaxGB(self, index: int) -> float:
        return pick(self.entries, index, LayerEntry()).memory_gib

    def timeSubmitToFramesDone_minutes(self, index: int) -> int:
        return pick(self.entries, index, LayerEntry()).minutes


class _StatsRenderTime_project(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A project."""

    lastUsed: datetime = UNSET
    name: str = ""
    layers: dict[int, list[_StatsRenderTime_layer]] = {}
    """By render type."""

    def containsRenderType(self, renderType: int) -> bool:
        return bool(self.layers.get(renderType))

    def layerCount(self, renderType: int) -> int:
        return len(self.layers.get(renderType, []))

    def getLayer(self, renderType: int, index: int) -> _StatsRenderTime_layer:
        return pick(self.layers.get(renderType, []), index, _StatsRenderTime_layer())


class LayerTimesFile(msgspec.Struct, kw_only=True):
    """What the file holds."""

    saved: datetime = UNSET
    projects: list[_StatsRenderTime_project] = []


class _StatsRenderTime:
    """All projects."""

    def __init__(self) -> None:
        self._file = LayerTimesFile()
        self._error = ""

    @property
    def lastSaved(self) -> datetime:
        return self._file.saved

    @property
    def prjCount(self) -> int:
        return len(self._file.projects)

    @prjCount.setter
    def prjCount(self, count: int) -> None:
        projects = self._file.projects
        del projects[max(0, count) :]
        projects += [_StatsRenderTime_project() for _ in range(count - len(projects))]

    def getProject(self, index: int) -> _StatsRenderTime_project:
        return pick(self._file.projects, index, _StatsRenderTime_project())

    def getError(self) -> str:
        return self._error

    def loadFile(self, FileName: str) -> bool:
        self._file, self._error = LayerTimesFile(), ""
        try:
            self._file = load(as_path(FileName), Kind.LAYER_TIMES, LayerTimesFile)
        except FileProblem as problem:
            self._error = str(problem)
            return False
        return True

    def saveFile(self, FileName: str) -> bool:
        self._error = ""
        saved = LayerTimesFile(
            saved=HERE.local_now().replace(microsecond=0), projects=self._file.projects
        )
        try:
            write_value(as_path(FileName), Kind.LAYER_TIMES, saved)
        except OSError as error:
            self._error = str(error)
            return False
        self._file = saved
        return True
