"""The job history, as a script sees it: one record for each layer that was ever submitted.

for record in books.history["film"].filter(text="beauty -volume", states=JobState.FINISHED):
    print(record.layer, record.lifetime.render_seconds, record.cost)
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from grange.books.history.codes import JobState, LogId, TimeMode, actor_text
from grange.books.history.sequence import FrameRange
from grange.kernel.units import Instant, datetime_of, instant_of
from grange.sdk.columns import amount

_PAGE = 500


class Asks(Protocol):
    """Puts questions to the books of a farm: `grange.sdk.books.Books`."""

    @property
    def zone(self) -> ZoneInfo:
        """The farm's time zone."""
        ...

    def ask(self, question: str, path: str, **arguments: Any) -> Any:
        """Return an answer in plain values."""
        ...


def moment_in(zone: ZoneInfo, at: int | None) -> datetime | None:
    """Return an instant as a time in the farm's zone; None stays None."""
    return None if at is None else datetime_of(Instant(at)).astimezone(zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderApp:
    """What rendered (ledger S0-55)."""

    name: str
    version: str
    version_minor: str | None
    renderer: str
    renderer_version: str | None
    variant: str | None
    render_type: str
    execute_type: str
    """none, once, each_worker or per_frame."""

    def minor_display(self, *, point: bool = True, digits: int = 0) -> str:
        """Return the minor version for people.

        Args:
            point: whether its points are shown.
            digits: fill up with zeros in front to so many characters.
        """
        shown = self.version_minor or ""
        return (shown if point else shown.replace(".", "")).rjust(digits, "0")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSpec:
    """What is written (ledger S0-45). None is what nobody said."""

    dir: str | None
    name: str | None
    name_variables: str | None
    extension: str | None
    padding: int | None
    width: int | None
    height: int | None
    is_data: bool
    tiles: int
    single_file: bool
    aa_percent: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameTotals:
    """The frames of a layer (ledger S0-46)."""

    start: int | None
    end: int | None
    step: int | None
    file_offset: int
    frame_set: str | None
    sub_frames: int | None
    tiles: int
    total: int | None
    """Each tile counted."""
    total_one_tile: int | None
    total_frame_set: int | None

    @property
    def range(self) -> FrameRange | None:
        """The sequence, for indices of frames; None if the layer renders no frames."""
        if self.start is None or self.end is None or not self.step:
            return None
        return FrameRange(
            start=self.start,
            end=self.end,
            step=self.step,
            file_offset=self.file_offset,
            tiles=self.tiles,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobUsage:
    """How a layer used workers (ledger S0-47). None is not known, never a sentinel."""

    mean_workers: float | None
    mean_ps: float | None
    mean_frame_seconds: float | None
    max_memory_bytes: int | None
    max_cores: float | None
    min_cpu: float | None
    """Of the machine, 0 to 1, over frames."""
    max_cpu: float | None
    min_traffic_bytes: int | None
    max_traffic_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTotals:
    """What attempts add up to (ledger S0-48)."""

    sent: int
    crashed: int
    aborted: int
    frames_returned: int
    render_seconds: float
    """Each job thread counted."""
    wall_seconds: float
    """However many workers rendered at the time."""
    ps_seconds: float
    ghz_hours: float | None
    watt_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerShare:
    """What one worker did for a layer (ledger S0-54)."""

    worker: str
    worker_id: str
    index: int | None
    assigned: bool
    """It renders the layer now."""
    sent: int
    aborted: int
    crashed: int
    render_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryError:
    """An error of a layer (ledger S0-51)."""

    at: datetime
    what: int
    error_class: str
    machine: int
    """Index of the worker, or a negative `Actor`."""
    worker: str
    text: str
    frames: str | None
    by_server: bool

    @property
    def who(self) -> str:
        """The machine in words."""
        return actor_text(self.machine)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """An entry of a layer's log (ledger S0-52)."""

    at: datetime
    what: LogId
    machine: int
    who: str
    text: str
    workers_rendering: int
    frames_missing: int | None
    status: int
    frame_start: int | None
    frame_end: int | None
    frame_step: int | None
    times: int


class JobRecord:
    """One layer of the history."""

    def __init__(self, asks: Asks, row: Mapping[str, Any]) -> None:
        self._asks = asks
        self._row = row

    def __repr__(self) -> str:
        return f"JobRecord({self.project!r}, {self.job!r}, {self.layer!r}, {self.short_id})"

    def __getattr__(self, name: str) -> Any:
        """Return what a record says under this name: user, project, scene, camera, ….

        Raises:
            AttributeError: a record says no such thing.
        """
        if name.startswith("_") or name not in self._row:
            raise AttributeError(name)
        value = self._row[name]
        return moment_in(self._asks.zone, value) if name.endswith("_at") else value

    @property
    def id(self) -> str:
        """Its name; no other record has it."""
        return str(self._row["layer_id"])

    @property
    def short_id(self) -> str:
        """A short name; usually no other record has it."""
        return str(self._row["short_id"])

    @property
    def project(self) -> str:
        """The project."""
        return str(self._row["project"])

    @property
    def job(self) -> str:
        """The job's name."""
        return str(self._row["job"])

    @property
    def layer(self) -> str:
        """The layer's name."""
        return str(self._row["layer"])

    @property
    def state(self) -> str:
        """idle, rendering, disabled, waiting or finished."""
        return str(self._row["state"])

    @property
    def submitted_at(self) -> datetime:
        """When it was submitted, in the farm's zone."""
        return datetime_of(Instant(self._row["submitted_at"])).astimezone(self._asks.zone)

    @property
    def finished_at(self) -> datetime | None:
        """When it was finished; None if it is not."""
        return moment_in(self._asks.zone, self._row["finished_at"])

    @property
    def app(self) -> RenderApp:
        """What rendered."""
        return RenderApp(**self._row["app"])

    @property
    def image(self) -> ImageSpec:
        """What is written."""
        return ImageSpec(**self._row["image"])

    @property
    def frames(self) -> FrameTotals:
        """Its frames."""
        return FrameTotals(**self._row["frames"])

    @property
    def usage(self) -> JobUsage:
        """How it used workers."""
        told = dict(self._full["usage"])
        mean = told.pop("mean_frame_ms")
        return JobUsage(**told, mean_frame_seconds=None if mean is None else mean / 1000)

    @property
    def lifetime(self) -> JobTotals:
        """Sums over its whole life; a reset changes nothing."""
        return _totals(self._full["lifetime"])

    @property
    def current(self) -> JobTotals:
        """Sums since it was last reset."""
        return _totals(self._full["current"])

    @property
    def cost(self) -> Decimal | None:
        """What its sessions cost; None without a rate card."""
        return amount(self._full["cost"])

    @property
    def ps_cost(self) -> Decimal | None:
        """PS-hours × the price of a PS-hour at the time; None without such a price."""
        return amount(self._full["ps_cost"])

    @property
    def workers(self) -> Mapping[str, WorkerShare]:
        """What each worker did, by its name."""
        found = {}
        for row in self._whole["workers"]:
            told = {name: value for name, value in row.items() if name != "render_ms"}
            found[row["worker"]] = WorkerShare(**told, render_seconds=row["render_ms"] / 1000)
        return found

    @property
    def errors(self) -> Sequence[HistoryError]:
        """The newest 50 errors, oldest first."""
        return [self._error(row) for row in self._whole["error_list"]]

    @property
    def all_errors(self) -> Sequence[HistoryError]:
        """Every error, oldest first."""
        answer = self._asks.ask("history_errors", "/history/{layer_id}/errors", layer_id=self.id)
        return [self._error(row) for row in answer["errors"]]

    @property
    def error_count(self) -> int:
        """How many errors there were."""
        return int(self._whole["error_count"])

    @property
    def server_error_count(self) -> int:
        """How many of them the server made, e.g. because a worker was lost."""
        return int(self._whole["server_error_count"])

    @property
    def log(self) -> Sequence[LogLine]:
        """The log as a list of 750 keeps it."""
        return [self._line(row) for row in self._whole["log"]]

    @property
    def whole_log(self) -> Sequence[LogLine]:
        """Every entry of the log."""
        answer = self._asks.ask("history_log", "/history/{layer_id}/log", layer_id=self.id)
        return [self._line(row) for row in answer["log"]]

    def as_dict(self) -> dict[str, Any]:
        """Return everything in plain values."""
        return dict(self._whole)

    @property
    def _full(self) -> Mapping[str, Any]:
        """The row with usage, sums and cost."""
        return self._row if "usage" in self._row else self._whole

    @cached_property
    def _whole(self) -> dict[str, Any]:
        answer: dict[str, Any] = self._asks.ask(
            "history_record", "/history/{layer_id}", layer_id=self._row["layer_id"]
        )
        return answer

    def _error(self, row: Mapping[str, Any]) -> HistoryError:
        return HistoryError(
            at=datetime_of(Instant(row["at"])).astimezone(self._asks.zone),
            error_class=row["class"],
            **{
                name: row[name]
                for name in ("what", "machine", "worker", "text", "frames", "by_server")
            },
        )

    def _line(self, row: Mapping[str, Any]) -> LogLine:
        told = {name: value for name, value in row.items() if name not in ("by", "what_name")}
        told["at"] = datetime_of(Instant(row["at"])).astimezone(self._asks.zone)
        told["what"] = LogId(row["what"])
        return LogLine(**told)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    project: str | None = None
    user: str = ""
    app: str = ""
    renderer: str = ""
    render_type: str = ""
    age_hours: float | None = None
    where: str = ""
    invert: bool = False
    states: int = JobState.ALL.value
    mode: int = TimeMode.NONE.value
    start: int | None = None
    end: int | None = None
    oldest_first: bool = False


class Records:
    """Some records of the history, newest first. They are read when they are asked for."""

    def __init__(self, asks: Asks, wanted: _Wanted | None = None) -> None:
        self._asks = asks
        self._wanted = wanted or _Wanted()

    def __iter__(self) -> Iterator[JobRecord]:
        offset = 0
        while True:
            answer = self._page(_PAGE, offset)
            yield from (JobRecord(self._asks, row) for row in answer["records"])
            offset += len(answer["records"])
            if not answer["records"] or offset >= answer["matched"]:
                return

    def __len__(self) -> int:
        return int(self._page(1, 0)["matched"])

    def __getitem__(self, index: int) -> JobRecord:
        """Return the record at a place; negative places count from the end.

        Raises:
            IndexError: there are not so many.
        """
        place = index if index >= 0 else len(self) + index
        rows = self._page(1, place)["records"] if place >= 0 else []
        if not rows:
            raise IndexError(index)
        return JobRecord(self._asks, rows[0])

    def filter(
        self,
        *,
        text: str = "",
        user: str = "",
        app: str = "",
        renderer: str = "",
        render_type: str = "",
        age: timedelta | None = None,
        invert: bool = False,
        states: JobState = JobState.ALL,
        mode: TimeMode | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        oldest_first: bool = False,
    ) -> "Records":
        """Return the records for which everything said holds (ledger S0-42, S0-43).

        Args:
            text: a query: words, `-word`, a leading `or`, `field=value`; see docs/where.md.
            user: exactly this user.
            app: exactly this application.
            renderer: exactly this renderer.
            render_type: exactly this render type.
            age: changed within this time.
            invert: turn the words of the query around.
            states: some of the states.
            mode: what start and end are about; default: when it was submitted.
            start: from when on; with a time zone.
            end: until before when.
            oldest_first: the order.
        """
        if mode is None:
            mode = TimeMode.NONE if start is None and end is None else TimeMode.SUBMITTED
        return Records(
            self._asks,
            replace(
                self._wanted,
                where=text,
                user=user,
                app=app,
                renderer=renderer,
                render_type=render_type,
                age_hours=None if age is None else age / timedelta(hours=1),
                invert=invert,
                states=int(states),
                mode=int(mode),
                start=None if start is None else instant_of(start),
                end=None if end is None else instant_of(end),
                oldest_first=oldest_first,
            ),
        )

    def _page(self, limit: int, offset: int) -> dict[str, Any]:
        wanted = {name: getattr(self._wanted, name) for name in _Wanted.__slots__}
        answer: dict[str, Any] = self._asks.ask(
            "history", "/history", **wanted, limit=limit, offset=offset
        )
        return answer


class History(Mapping[str, Records]):
    """The histories of projects, by name; `all` is that of all projects together."""

    def __init__(self, asks: Asks) -> None:
        self._asks = asks

    def __getitem__(self, project: str) -> Records:
        if project not in self._projects:
            raise KeyError(project)
        return Records(self._asks, _Wanted(project=project))

    def __iter__(self) -> Iterator[str]:
        return iter(self._projects)

    def __len__(self) -> int:
        return len(self._projects)

    @property
    def all(self) -> Records:
        """The records of all projects."""
        return Records(self._asks)

    @property
    def _projects(self) -> list[str]:
        answer = self._asks.ask("history_projects", "/history/projects")
        return [row["project"] for row in answer["projects"]]


def _totals(told: Mapping[str, Any]) -> JobTotals:
    rest = {name: value for name, value in told.items() if not name.endswith("_ms")}
    return JobTotals(
        **rest, render_seconds=told["render_ms"] / 1000, wall_seconds=told["wall_ms"] / 1000
    )
