"""The job history of a folder, project by project (S0-41 to S0-43)."""

from dataclasses import replace
from datetime import datetime
from urllib.parse import quote, unquote

from grange.rrdata.files import FileProblem, Kind
from grange.rrdata.history_filter import Filter
from grange.rrdata.jobs import HistoryFile, _jobsHistoryDB_Runtime
from grange.rrdata.loading import as_path, load, pick
from grange.rrdata.place import HERE, HISTORY

SUFFIX = ".db"


def file_name(name: str, suffix: str) -> str:
    """Return the file name that a project or a worker is kept under."""
    quoted = quote(name, safe=" !#$&'()+,;=@[]{}~^`äöüÄÖÜß")
    return (f"%2E{quoted[1:]}" if quoted.startswith(".") else quoted or "%00") + suffix


class _historyProjectLoader:
    """Loads projects and filters their jobs."""

    def __init__(self) -> None:
        self._folder: str | None = None
        self._names: list[str] | None = None
        self._jobs: list[_jobsHistoryDB_Runtime] = []
        self._shown: list[_jobsHistoryDB_Runtime] | None = None
        self._filter = Filter()
        self._error = ""
        self._info = ""

    def loadProjectList(self, dbFolder: str) -> bool:
        self._folder = str(dbFolder)
        self._names = None
        self._drop_jobs()
        return self._list() is not None and not self._error

    def getError(self) -> str:
        return self._error

    def errorString(self) -> str:
        return self._error

    def getInfo(self) -> str:
        return self._info

    def projectCount(self) -> int:
        return len(self._list())

    def projectName(self, idx: int) -> str:
        return pick(self._list(), idx, "")

    def loadProject(self, idx: int) -> bool:
        self._drop_jobs()
        self._error = ""
        name = self.projectName(idx)
        if not name:
            self._error = f"there is no project {idx}"
            return False
        folder = HERE.root / HISTORY if self._folder is None else as_path(self._folder)
        try:
            file = load(folder / file_name(name, SUFFIX), Kind.HISTORY, HistoryFile)
        except FileProblem as problem:
            self._error = str(problem)
            return False
        self._jobs = file.jobs
        self._info = f"{name}: {len(file.jobs)} jobs"
        return True

    def jobCount(self) -> int:
        return len(self._filtered())

    def jobAt(self, idx: int) -> _jobsHistoryDB_Runtime:
        return pick(self._filtered(), idx, _jobsHistoryDB_Runtime())

    def jobSetFilter(  # noqa: PLR0917 - as documented
        self,
        user: str,
        project: str,
        app: str,
        rendererPlugin: str,
        age_hours: int,
        includes: str,
        includeInvert: bool,
        filterMask: int,
    ) -> None:
        self.jobSetFilter4(
            user, project, app, -1, rendererPlugin, age_hours, includes, includeInvert, filterMask
        )

    def jobSetFilter4(  # noqa: PLR0917 - as documented
        self,
        user: str,
        project: str,
        app: str,
        renderType: int,
        rendererPlugin: str,
        age_hours: int,
        includes: str,
        includeInvert: bool,
        filterMask: int,
    ) -> None:
        self._set(
            replace(
                self._filter,
                user=user,
                project=project,
                app=app,
                render_type=renderType,
                renderer=rendererPlugin,
                age_hours=age_hours,
                words=includes,
                invert=bool(includeInvert),
                mask=filterMask,
            )
        )

    def period_setTimeMode(self, mode: int) -> None:
        self._set(replace(self._filter, mode=mode))

    def period_setTimeRange(self, startTime: datetime, endTime: datetime) -> None:
        self._set(replace(self._filter, start=startTime, end=endTime))

    def _set(self, filter_: Filter) -> None:
        self._filter = filter_
        self._shown = None

    def _filtered(self) -> list[_jobsHistoryDB_Runtime]:
        if self._shown is None:
            now = HERE.local_now()
            self._shown = [job for job in self._jobs if self._filter.matches(job, now)]
        return self._shown

    def _drop_jobs(self) -> None:
        self._jobs = []
        self._shown = None
        self._info = ""

    def _list(self) -> list[str]:
        if self._names is None:
            self._error = ""
            folder = HERE.root / HISTORY if self._folder is None else as_path(self._folder)
            try:
                found = [path.name for path in folder.iterdir() if path.suffix == SUFFIX]
            except OSError as error:
                self._error = f"{folder} cannot be read: {error.strerror}"
                found = []
            self._names = sorted(
                unquote(name[: -len(SUFFIX)]) for name in found if not name.startswith(".")
            )
        return self._names
