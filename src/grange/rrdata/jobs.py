"""One record of the job history (S0-44 to S0-55)."""

import math
from datetime import datetime

import msgspec

from grange.rrdata.loading import pick
from grange.rrdata.place import UNSET

IDLE, RENDERING, DISABLED, WAITING, FINISHED = 1, 2, 4, 8, 16
ALL = 255
"""States of a job, as the filter's mask has them."""

UNSET_SHARE = 100.0
UNSET_TRAFFIC = 0xFFFF
"""What a minimum that was never set reads as."""

MOST_ERRORS = 50
MOST_LOGS = 750
_MOST_DIGITS = 16


class _History_Error(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An error of a job."""

    what: int = 0
    when: datetime = UNSET
    whichMachine: int = 0
    who: int = 0
    text: str = ""

    def errorString(self) -> str:
        return self.text


class _History_Log(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An entry of a job's log."""

    clRendering: int = 0
    fMissing: int = 0
    seqStep: int = 0
    step: int = 0
    what: int = 0
    when: datetime = UNSET
    whichMachine: int = 0
    who: int = 0
    text: str = ""
    start: int = 0
    end: int = 0

    def logString(self) -> str:
        return self.text

    def seqStart(self) -> int:
        return self.start

    def seqEnd(self) -> int:
        return self.end


class _jHistoryClient(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What one worker did for a job."""

    assigned: bool = False
    times_aborted: int = 0
    times_crashed: int = 0
    times_sended: int = 0
    totalTimeRendered: int = 0
    name: str = ""
    """Not of the documented members: whose line this is."""


class _RenderAppBasic_history(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The application that rendered a job."""

    executeType: int = 0
    name: str = ""
    renderType: int = 0
    rendererName: str = ""
    rendererVersion: str = ""
    variantName: str = ""
    version: int = 0
    minor: str = ""

    def versionMinorDisplay(self, removePoint: bool, digits: int) -> str:
        """The minor version, filled up with zeros or cut to `digits`; 0: as it is."""
        if not self.minor:
            return ""
        width = min(digits, _MOST_DIGITS)
        text = self.minor if width <= 0 else self.minor.ljust(width, "0")[:width]
        return text if removePoint else f".{text}"


_90_RenderAppBasic_history = _RenderAppBasic_history


class _jobsHistoryDB_Runtime(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A job: one layer of a job of the farm."""

    AAsamplesPercentage: int = 0
    AOVchannel: str = ""
    camera: str = ""
    color: int = 0
    companyProjectName: str = ""
    customJobType: str = ""
    customSHotName: str = ""
    customSceneName: str = ""
    customSeQName: str = ""
    customVersionName: str = ""
    errorCountServer: int = 0
    framesTotal: int = 0
    framesTotalNonMulti: int = 0
    framesTotal_FrameSetOnly: int = 0
    imageDir: str = ""
    imageExtension: str = ""
    imageFileName: str = ""
    imageFileNameVariables: str = ""
    imageFramePadding: int = 0
    imageHeight: int = 0
    imageIsDataFile: bool = False
    imageMulti: int = 0
    imageSingleOutputFile: bool = False
    imageWidth: int = 0
    infoAverageClientPS: float = 0.0
    infoAverageClients: float = 0.0
    infoAverageFrameTime: int = 0
    infoClients_maxMemoryUsageMB: int = 0
    infoCoreUsageMax: int = 0
    infoCpuUsageAverageMax: float = 0.0
    infoCpuUsageAverageMin: float = UNSET_SHARE
    infoDateFinished: datetime = UNSET
    infoDateSubmitted: datetime = UNSET
    infoFrameTrafficInMax: int = 0
    infoFrameTrafficInMin: int = UNSET_TRAFFIC
    infoRenderTimeSum_Ghz_h: float = 0.0
    infoRenderTimeSum_PS: int = 0
    infoRenderTimeSum_PS_disobeyReset: int = 0
    infoRenderTimeSum_WattSec: int = 0
    infoRenderTimeSum_WattSec_disobeyReset: int = 0
    infoRenderTimeSum_seconds: int = 0
    infoRenderTimeSum_seconds_disobeyReset: int = 0
    infoRenderTime_Cost: float = 0.0
    infoRenderTime_Cost_Ghz_disobeyReset: float = 0.0
    infoRenderTime_Cost_PS_disobeyReset: float = 0.0
    infoRenderTime_Cost_disobeyReset: float = 0.0
    infoRenderTime_seconds: int = 0
    infoTotalAborted: int = 0
    infoTotalCrashed: int = 0
    infoTotalSend: int = 0
    infoTotal_FramesReturned_disobeyReset: int = 0
    layer: str = ""
    priority: int = 0
    rrJobOS: int = 0
    sceneDatabaseDir: str = ""
    sceneName: str = ""
    sceneOS: int = 0
    sceneState: str = ""
    sceneTake: str = ""
    seqEnd: int = 0
    seqFileOffset: int = 0
    seqFrameSet: str = ""
    seqStart: int = 0
    seqStep: int = 0
    seqSubFrames: int = 0
    shotgunID: str = ""
    soft: _RenderAppBasic_history = msgspec.field(default_factory=_RenderAppBasic_history)
    submitMachine: str = ""
    userName: str = ""

    full_id: str = ""
    short_id: str = ""
    state: int = 0
    """One of IDLE, RENDERING, …; 0 for the empty record."""
    changed: datetime = UNSET
    """Its last change."""
    errors: list[_History_Error] = []
    logs: list[_History_Log] = []
    clients: list[_jHistoryClient] = []
    client_indices: list[int] = []
    """The global index of each entry of `clients`."""

    @property
    def ID(self) -> int:
        digits = self.full_id.rpartition("-")[2]
        try:
            return int(digits, 16)
        except ValueError:
            return 0

    @property
    def dateFinished(self) -> datetime:
        return self.infoDateFinished

    @property
    def dateSend(self) -> datetime:
        return self.infoDateSubmitted

    @property
    def errorCount(self) -> int:
        return len(self.errors)

    @property
    def logCount(self) -> int:
        return len(self.logs)

    def ID2str(self) -> str:
        return self.short_id

    def IDstr(self) -> str:
        return self.short_id

    def ID2strFull(self) -> str:
        return self.full_id

    def fn2F(self, FileFrameNumber: float, MultiFrameID: int) -> int:
        """The index of a file's frame; -1 before the first, the last one behind the last."""
        if not self.seqStep:
            return -1
        whole = (self.seqEnd - self.seqStart) // self.seqStep + 1
        index = math.floor(
            (FileFrameNumber - self.seqFileOffset - self.seqStart) / self.seqStep + 0.5
        )
        if index < 0:
            return -1
        return min(index, whole - 1) + whole * MultiFrameID

    def getClient(self, index: int) -> _jHistoryClient:
        """The entry of the worker with a global index."""
        if index in self.client_indices:
            return pick(self.clients, self.client_indices.index(index), _jHistoryClient())
        return _jHistoryClient()

    def getError(self, index: int) -> _History_Error:
        return pick(self.errors, index, _History_Error())

    def getLog(self, index: int) -> _History_Log:
        return pick(self.logs, index, _History_Log())


class HistoryFile(msgspec.Struct, kw_only=True):
    """What a project's file holds."""

    project: str = ""
    jobs: list[_jobsHistoryDB_Runtime] = []
