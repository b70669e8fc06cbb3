"""The frames of a job (S0-30 to S0-32)."""

from datetime import datetime

import msgspec

from grange.rrdata.files import FileProblem, Kind
from grange.rrdata.loading import as_path, load, pick
from grange.rrdata.place import UNSET

PARTS = 5


class _frameStat_part(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A fifth of a frame's time."""

    jobCPU: float = 0.0
    jobMemoryMB: int = 0
    nonJobCPU: float = 0.0
    renderThreads: int = 0


class _frameStat(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A frame."""

    averageValue: int = 0
    client: str = ""
    frameNrJob: int = 0
    logFileStart: datetime = UNSET
    logFileStartFrame: int = 0
    newKSOChunk: bool = False
    newSceneLoaded: bool = False
    renderTime5Sec: int = 0
    userLoggedIn: bool = False
    parts: list[_frameStat_part] = []

    def part(self, index: int) -> _frameStat_part:
        return pick(self.parts, index, _frameStat_part())

    def partMax(self) -> int:
        return PARTS


class FramesFile(msgspec.Struct, kw_only=True):
    """What a job's file of frames holds."""

    job: str = ""
    frames: list[_frameStat] = []


class _frameStatJob:
    """The frames of a job, in the order of its frame numbers."""

    def __init__(self) -> None:
        self._file = FramesFile()
        self._error = ""

    def loadFromFile(self, FileName: str) -> bool:
        self._file, self._error = FramesFile(), ""
        try:
            self._file = load(as_path(FileName), Kind.FRAMES, FramesFile)
        except FileProblem as problem:
            self._error = str(problem)
            return False
        return True

    def getError(self) -> str:
        return self._error

    def frameCount(self) -> int:
        return len(self._file.frames)

    def frameMax(self) -> int:
        return len(self._file.frames)

    def frame(self, index: int) -> _frameStat:
        return pick(self._file.frames, index, _frameStat())
