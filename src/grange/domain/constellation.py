"""A Constellation database as values: jobs (one row a chunk), log and clients (S1-01 to S1-05).

Every column of the three tables is text. A row is read strictly: a word that Constellation does not
know, or a number that is none, is told with its row and never guessed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from grange.domain.chunk_status import ChunkStatus, Progress, progress_of
from grange.kernel.units import Instant, instant_of

S = TypeVar("S", bound=StrEnum)

JOB_COLUMNS = (
    "jobId", "jobUuid", "jobProject", "jobUser", "jobSoftware", "jobScriptPath", "jobTargetPath",
    "jobFrameStart", "jobFrameEnd", "jobLayer", "jobStatus", "jobBlocked", "jobRegistered",
    "jobPriority", "jobCamera", "jobClassification", "jobRenderTime",
)  # fmt: skip
LOG_COLUMNS = (
    "logId", "clientName", "jobUuid", "logDescription", "logRegistered",
)  # fmt: skip
CLIENT_COLUMNS = (
    "clientId", "clientName", "clientJob", "clientBlocked", "clientMemory", "clientThread",
    "clientWorkMemory", "clientWorkThread", "clientClassification", "clientStatus",
)  # fmt: skip
TABLES: Mapping[str, Sequence[str]] = {
    "constellationJobTable": JOB_COLUMNS,
    "constellationlogTable": LOG_COLUMNS,
    "constellationClientTable": CLIENT_COLUMNS,
}
"""Table → its columns. Names are compared without regard to case."""

_EPOCH_DIGITS = 9
_NOTHING = ("", "none", "null")
_TIMES = ("%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y-%m-%d", "%Y/%m/%d")


class Software(StrEnum):
    """What renders."""

    MAYA_MRAY = "maya-mray"
    MAYA_VRAY = "maya-vray"
    MAYA_HARDWARE = "maya-hardware"
    MAYA_SOFTWARE = "maya-software"
    NUKE = "nuke"


APP: Mapping[Software, str] = {
    Software.MAYA_MRAY: "Maya",
    Software.MAYA_VRAY: "Maya",
    Software.MAYA_HARDWARE: "Maya",
    Software.MAYA_SOFTWARE: "Maya",
    Software.NUKE: "Nuke",
}
"""Software → the app, as this farm calls it."""


class Blocked(StrEnum):
    """Whether a job or client takes part."""

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"
    OFFLINE = "OFFLINE"
    """Of clients, in later versions."""


class ClientStatus(StrEnum):
    """What a client does."""

    STANDBY = "STANDBY"
    OFFLINE = "OFFLINE"
    RENDERING = "RENDERING"
    ERROR = "ERROR"
    COOLDOWN = "COOLDOWN"
    """In later versions."""


class RowError(ValueError):
    """A row that cannot be read, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """One row of the job table: one chunk of a layer."""

    job_id: str
    uuid: str
    project: str
    user: str
    software: Software
    script_path: str
    output: str
    frame_start: int
    frame_end: int
    layer: str
    status: ChunkStatus
    blocked: Blocked
    registered_at: Instant | None
    priority: int
    """0 to 99, as Constellation had it."""
    camera: str
    job_class: str
    """A letter, or nothing."""
    render_seconds: float | None

    @property
    def frames(self) -> int:
        """How many frames the chunk has."""
        return self.frame_end - self.frame_start + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecord:
    """One row of the log table."""

    log_id: str
    worker: str
    uuid: str
    text: str
    at: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRecord:
    """One row of the client table."""

    client_id: str
    name: str
    current_job: str
    blocked: Blocked
    memory_mib: int | None
    """None: without limit."""
    threads: int | None
    work_memory_mib: int | None
    work_threads: int | None
    classes: str
    status: ClientStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRecord:
    """The chunks that share a uuid: one layer."""

    uuid: str
    chunks: tuple[JobRecord, ...]
    """By their first frame."""

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return progress_of(chunk.status for chunk in self.chunks)

    @property
    def frames(self) -> int:
        """How many frames it has."""
        return sum(chunk.frames for chunk in self.chunks)

    @property
    def render_seconds(self) -> float | None:
        """How long its chunks rendered; None if none of them says."""
        told = [one.render_seconds for one in self.chunks if one.render_seconds is not None]
        return sum(told) if told else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A row that was left out."""

    table: str
    row: int
    """From 1."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Constellation:
    """What a database holds."""

    jobs: tuple[JobRecord, ...]
    log: tuple[LogRecord, ...]
    clients: tuple[ClientRecord, ...]
    problems: tuple[Problem, ...]

    @property
    def layers(self) -> tuple[LayerRecord, ...]:
        """Its layers, each with its chunks, in the order of their first rows."""
        found: dict[str, list[JobRecord]] = {}
        for job in self.jobs:
            found.setdefault(job.uuid, []).append(job)
        return tuple(
            LayerRecord(
                uuid=uuid,
                chunks=tuple(sorted(chunks, key=lambda one: (one.frame_start, one.job_id))),
            )
            for uuid, chunks in found.items()
        )


def read_constellation(
    tables: Mapping[str, Iterable[Mapping[str, Any]]], zone: ZoneInfo
) -> Constellation:
    """Return what the rows of a database say.

    Args:
        tables: table, as in `TABLES` → its rows by column.
        zone: of times that name none.
    """
    problems: list[Problem] = []

    def read(table: str, make: Any) -> tuple[Any, ...]:
        found = []
        for number, row in enumerate(tables[table], start=1):
            try:
                found.append(make({name.lower(): value for name, value in row.items()}, zone))
            except RowError as error:
                problems.append(Problem(table=table, row=number, text=str(error)))
        return tuple(found)

    job_table, log_table, client_table = TABLES
    return Constellation(
        jobs=read(job_table, _job),
        log=read(log_table, _log),
        clients=read(client_table, _client),
        problems=tuple(problems),
    )


def limits_toml(client: ClientRecord) -> str:
    """Return a client's limits as a worker's `limits.toml`; what is unlimited is -1."""
    lines = [f"# As Constellation had it for {client.name}.", "[limits]"]
    for name, value in (("memory_mib", client.memory_mib), ("cores", client.threads)):
        lines.append(f"{name} = {-1 if value is None else value}")
    lines += ["", "[work]", 'hours = "Mon-Fri 08:00-22:00"']
    for name, value in (("memory_mib", client.work_memory_mib), ("cores", client.work_threads)):
        lines.append(f"{name} = {-1 if value is None else value}")
    return "\n".join(lines) + "\n"


def _job(row: Mapping[str, Any], zone: ZoneInfo) -> JobRecord:
    start, end = _whole(row, "jobFrameStart"), _whole(row, "jobFrameEnd")
    priority = _whole(row, "jobPriority")
    if end < start:
        raise RowError(f"jobFrameEnd {end} lies before jobFrameStart {start}")
    if not 0 <= priority <= 99:
        raise RowError(f"jobPriority {priority} is not 0 to 99")
    letter = _text(row, "jobClassification").upper()
    if letter and not (len(letter) == 1 and "A" <= letter <= "Z"):
        raise RowError(f"jobClassification {letter!r} is no letter A to Z")
    return JobRecord(
        job_id=_text(row, "jobId"),
        uuid=_needed(row, "jobUuid"),
        project=_text(row, "jobProject"),
        user=_text(row, "jobUser"),
        software=_word(Software, row, "jobSoftware", str.lower),
        script_path=_text(row, "jobScriptPath"),
        output=_text(row, "jobTargetPath"),
        frame_start=start,
        frame_end=end,
        layer=_text(row, "jobLayer"),
        status=_word(ChunkStatus, row, "jobStatus", str.upper),
        blocked=_word(Blocked, row, "jobBlocked", str.upper),
        registered_at=_moment(row, "jobRegistered", zone),
        priority=priority,
        camera=_text(row, "jobCamera"),
        job_class=letter,
        render_seconds=_span(row, "jobRenderTime"),
    )


def _log(row: Mapping[str, Any], zone: ZoneInfo) -> LogRecord:
    return LogRecord(
        log_id=_text(row, "logId"),
        worker=_text(row, "clientName"),
        uuid=_text(row, "jobUuid"),
        text=_raw(row, "logDescription"),
        at=_moment(row, "logRegistered", zone),
    )


def _client(row: Mapping[str, Any], _zone: ZoneInfo) -> ClientRecord:
    return ClientRecord(
        client_id=_text(row, "clientId"),
        name=_needed(row, "clientName"),
        current_job=_text(row, "clientJob"),
        blocked=_word(Blocked, row, "clientBlocked", str.upper),
        memory_mib=_limit(row, "clientMemory"),
        threads=_limit(row, "clientThread"),
        work_memory_mib=_limit(row, "clientWorkMemory"),
        work_threads=_limit(row, "clientWorkThread"),
        classes=_text(row, "clientClassification").upper(),
        status=_word(ClientStatus, row, "clientStatus", str.upper),
    )


def _raw(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name.lower())
    return "" if value is None else str(value)


def _text(row: Mapping[str, Any], name: str) -> str:
    text = _raw(row, name).strip()
    return "" if text.lower() in _NOTHING else text


def _needed(row: Mapping[str, Any], name: str) -> str:
    text = _text(row, name)
    if not text:
        raise RowError(f"{name} is empty")
    return text


def _whole(row: Mapping[str, Any], name: str) -> int:
    text = _text(row, name)
    try:
        number = float(text)
    except ValueError:
        raise RowError(f"{name} {text!r} is no number") from None
    if number != int(number):
        raise RowError(f"{name} {text!r} is no whole number")
    return int(number)


def _limit(row: Mapping[str, Any], name: str) -> int | None:
    """Return a limit; -1 is none."""
    number = _whole(row, name)
    if number == -1:
        return None
    if number < 1:
        raise RowError(f"{name} {number} is neither above 0 nor -1")
    return number


def _word(kind: type[S], row: Mapping[str, Any], name: str, spelled: Any) -> S:
    text = _text(row, name)
    try:
        return kind(spelled(text))
    except ValueError:
        known = ", ".join(member.value for member in kind)
        raise RowError(f"{name} {text!r} is none of {known}") from None


def _moment(row: Mapping[str, Any], name: str, zone: ZoneInfo) -> Instant | None:
    """Return a time: seconds since 1970, or as a date is written; None: there is none."""
    text = _text(row, name)
    if not text:
        return None
    try:
        if len(text.partition(".")[0]) >= _EPOCH_DIGITS:
            return instant_of(datetime.fromtimestamp(float(text), UTC))
    except (ValueError, OverflowError, OSError):
        pass  # it is written as a date
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = _written(text, name)
    return instant_of(found if found.tzinfo is not None else found.replace(tzinfo=zone))


def _written(text: str, name: str) -> datetime:
    for form in _TIMES:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - the caller knows the zone
        except ValueError:
            continue
    raise RowError(f"{name} {text!r} is no time")


def _span(row: Mapping[str, Any], name: str) -> float | None:
    """Return seconds: a number, or days:hours:minutes:seconds with days and hours left out."""
    text = _text(row, name)
    if not text:
        return None
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        raise RowError(f"{name} {text!r} is no span of time") from None
    if len(parts) > 4 or any(part < 0 for part in parts):
        raise RowError(f"{name} {text!r} is no span of time")
    scales = (86_400, 3_600, 60, 1)
    return sum(part * scale for part, scale in zip(parts, scales[-len(parts) :], strict=True))
