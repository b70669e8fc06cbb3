"""What rendering may use of a machine, and when: read from `limits.toml` in the worker's folder."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from grange.domain.hours import WeeklyHours, parse_holidays, parse_hours
from grange.kernel.errors import ConfigurationError
from grange.kernel.units import Instant

FILE = "limits.toml"
T = TypeVar("T", bound=StrEnum)
_KNOWN: Mapping[str, frozenset[str]] = {
    "": frozenset({"zone", "holidays", "limits", "work", "render", "stuck"}),
    "limits": frozenset({"memory_mib", "cores"}),
    "work": frozenset({"hours", "memory_mib", "cores", "render"}),
    "render": frozenset({"hours", "at_end"}),
    "stuck": frozenset({"after_seconds"}),
}


class DuringWork(StrEnum):
    """Whether a machine renders while its user is expected at it."""

    ALWAYS = "always"
    LOGGED_OFF = "logged_off"
    """Only while nobody is logged in."""
    NEVER = "never"


class AtEnd(StrEnum):
    """What happens to frames that are rendered when rendering must stop."""

    AFTER_FRAME = "after_frame"
    """They are finished."""
    NOW = "now"
    """They are stopped and go back to the farm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much rendering may use; None is no limit."""

    memory_bytes: int | None = None
    cores: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What holds at one moment."""

    limits: Limits = Limits()
    closed: str = ""
    """Why nothing may be begun; empty: work is welcome."""
    stop: bool = False
    """What runs is stopped too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The limits of one machine and the hours they apply in."""

    normal: Limits = Limits()
    work: Limits = Limits()
    work_hours: WeeklyHours | None = None
    """When the machine's user is expected at it, and the work limits apply; None: never."""
    during_work: DuringWork = DuringWork.ALWAYS
    render_hours: WeeklyHours | None = None
    """When rendering may begin; None: always."""
    at_end: AtEnd = AtEnd.AFTER_FRAME
    silent_seconds: float | None = None
    """How long a render may give no sign of life; None: learned from its layer's frames."""

    def at(self, instant: Instant, *, user_logged_in: bool | None) -> Rules:
        """Return what holds at a moment.

        Args:
            instant: the moment.
            user_logged_in: None if it is not known; then somebody may be.
        """
        stop = self.at_end is AtEnd.NOW
        works = self.work_hours is not None and self.work_hours.at(instant)
        limits = self.work if works else self.normal
        if self.render_hours is not None and not self.render_hours.at(instant):
            return Rules(limits=limits, closed="outside its render hours", stop=stop)
        if works and self.during_work is DuringWork.NEVER:
            return Rules(limits=limits, closed="work hours", stop=stop)
        if works and self.during_work is DuringWork.LOGGED_OFF and user_logged_in is not False:
            return Rules(limits=limits, closed="its user is logged in", stop=stop)
        return Rules(limits=limits)

    def next_change(self, instant: Instant) -> Instant | None:
        """Return when the clock next changes what holds; None: not in the coming days."""
        hours = [one for one in (self.work_hours, self.render_hours) if one is not None]
        found = [one.next_change(instant) for one in hours]
        return min((one for one in found if one is not None), default=None)


def read_profile(path: Path, zone: ZoneInfo) -> Profile:
    """Return the profile of a file; nothing is limited if there is none.

    Args:
        path: the file.
        zone: the machine's zone, unless the file names another.

    Raises:
        ConfigurationError: it is not what it should be.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Profile()
    try:
        return parse_profile(tomllib.loads(text), zone)
    except (tomllib.TOMLDecodeError, ConfigurationError) as error:
        raise ConfigurationError(f"{path}: {error}") from error


def parse_profile(document: Mapping[str, Any], zone: ZoneInfo) -> Profile:
    """Return the profile a decoded file describes.

    Raises:
        ConfigurationError: it is not what it should be; names the setting.
    """
    _check_names(document)
    limits, work, render = (document.get(name, {}) for name in ("limits", "work", "render"))
    if "zone" in document:
        try:
            zone = ZoneInfo(str(document["zone"]))
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ConfigurationError(f"zone: {document['zone']!r} is not known.") from error
    holidays = parse_holidays(document.get("holidays", ()))
    normal = Limits(memory_bytes=_memory(limits), cores=_cores(limits))
    return Profile(
        normal=normal,
        work=Limits(
            memory_bytes=_memory(work) if "memory_mib" in work else normal.memory_bytes,
            cores=_cores(work) if "cores" in work else normal.cores,
        ),
        work_hours=parse_hours(work["hours"], zone, holidays) if "hours" in work else None,
        during_work=_choice(DuringWork, work, "render", DuringWork.ALWAYS),
        render_hours=parse_hours(render["hours"], zone) if "hours" in render else None,
        at_end=_choice(AtEnd, render, "at_end", AtEnd.AFTER_FRAME),
        silent_seconds=_silence(document.get("stuck", {})),
    )


def thread_variables(cores: int | None) -> dict[str, str]:
    """Return environment variables that renderers read how many threads they may use from."""
    if cores is None:
        return {}
    names = (
        "OMP_NUM_THREADS",
        "OMP_THREAD_LIMIT",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "HOUDINI_MAXTHREADS",
        "OPENIMAGEIO_THREADS",
        "OPENEXR_THREADS",
        "RENDER_THREADS",
    )
    return dict.fromkeys(names, str(cores))


def _check_names(document: Mapping[str, Any]) -> None:
    for name in sorted(set(document) - _KNOWN[""]):
        raise ConfigurationError(f"{name!r} is not known; {_known('')}")
    for name, table in document.items():
        if name in {"zone", "holidays"}:
            continue
        if not isinstance(table, Mapping):
            raise ConfigurationError(f"write [{name}] as a table.")
        strange = sorted(set(table) - _KNOWN[name])
        if strange:
            raise ConfigurationError(f"{name}.{strange[0]} is not known; {_known(name)}")


def _known(name: str) -> str:
    return f"there are {', '.join(sorted(_KNOWN[name]))}."


def _memory(table: Mapping[str, Any]) -> int | None:
    mib = _number(table, "memory_mib")
    return None if mib is None else mib * 2**20


def _cores(table: Mapping[str, Any]) -> int | None:
    return _number(table, "cores")


def _silence(table: Mapping[str, Any]) -> float | None:
    if table.get("after_seconds") == -1:
        return float("inf")
    seconds = _number(table, "after_seconds")
    return None if seconds is None else float(seconds)


def _number(table: Mapping[str, Any], name: str) -> int | None:
    value = table.get(name)
    if value is None or value == -1:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigurationError(f"{name} must be a whole number above 0, or -1 for no limit.")
    return value


def _choice(kind: type[T], table: Mapping[str, Any], name: str, default: T) -> T:
    value = table.get(name, default.value)
    try:
        return kind(value)
    except ValueError as error:
        known = ", ".join(member.value for member in kind)
        raise ConfigurationError(f"{name} must be one of {known}, not {value!r}.") from error
