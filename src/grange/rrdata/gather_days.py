"""Quarters of days and the farm's lists: from the server's answers to this package's files."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from grange.rrdata.daily import APP, PROJECT, USER, DayFile, _clientStat, _clientStatDay
from grange.rrdata.daily import _jobStat as JobStat
from grange.rrdata.daily import _jobStatDay as JobStatDay
from grange.rrdata.door import Asks
from grange.rrdata.place import UNSET, Place, wall_seconds
from grange.rrdata.rings import DAY_STEP, MONTH_STEP, SLOTS, YEAR_STEP, RingsFile
from grange.rrdata.rings import _rrGlobalStats_item as RingItem

_MIB = 2**20
_MS_PER_MINUTE = 60_000
_SUBJECTS = {USER: "users", PROJECT: "projects", APP: "apps"}

Columns = Mapping[str, Sequence[Any]]


def day_file(asks: Asks, unix_day: int, place: Place) -> DayFile | None:
    """Return the quarters of a local day; None if nobody watched any of them."""
    found = asks.ask("day", day=(UNSET + timedelta(days=unix_day)).date().isoformat())
    watched = [at for at, valid in enumerate(found["valid"]) if valid]
    if not watched:
        return None
    written = place.local_now() if found["written_at"] is None else place.local(found["written_at"])
    groups = {**found["fleets"], **found["groups"]}
    return DayFile(
        unix_day=unix_day,
        written=written.replace(microsecond=0),
        subjects=[
            [
                JobStatDay(name=name, type=number, slots={at: job_slot(row, at) for at in watched})
                for name, row in found[subject].items()
            ]
            for number, subject in _SUBJECTS.items()
        ],
        groups=[
            _clientStatDay(groupName=name, slots={at: _group_slot(row, at) for at in watched})
            for name, row in groups.items()
        ],
    )


def job_slot(row: Mapping[str, Any], at: int) -> JobStat:
    """Return one quarter of one user, project or app."""

    def value(name: str) -> int:
        return row[name][at] or 0

    return JobStat(
        Cost=value("finished_cost_billionths") / 1e9,
        Ghz_minutes=round(value("ghz_milli_ms") / 1000 / _MS_PER_MINUTE),
        PS_minutes=round(value("ps_milli_ms") / 1000 / _MS_PER_MINUTE),
        PSneeded=value("ps_needed_milli") / 1000,
        Watt_minutes=round(value("watt_milli_ms") / 1000 / _MS_PER_MINUTE),
        avFrameTime=round(value("mean_frame_ms") / 1000),
        avMemUsageMB=value("mean_memory_bytes") // _MIB,
        avPSUsage=value("mean_ps_milli") / 1000,
        framesLeft=value("frames_left"),
        framesRendered=value("frames_rendered"),
        jobsDisabled=value("layers_disabled"),
        jobsDone=value("layers_done"),
        jobsIdle=value("layers_idle"),
        jobsRendering=value("layers_rendering"),
        jobsWaiting=value("layers_waiting"),
        maxFrameTime=round(value("frame_ms_max") / 1000),
        maxMemUsageMB=value("memory_bytes_max") // _MIB,
        maxPSUsage=value("ps_rendering_max_milli") / 1000,
        renderLicNeeded=float(value("licences_needed")),
        slotSet=True,
        timesFinished=value("chunks_finished"),
        timesSended=value("chunks_sent"),
    )


def _group_slot(row: Mapping[str, Any], at: int) -> _clientStat:
    return _clientStat(
        disabled=row["workers_disabled"][at] or 0,
        idle=row["workers_idle"][at] or 0,
        off=(row["workers_off"][at] or 0) + (row["workers_unknown"][at] or 0),
        rendering=row["workers_rendering"][at] or 0,
        slotSet=True,
    )


def rings_file(asks: Asks, place: Place) -> RingsFile:
    """Return the three lists, placed by the farm's wall clock."""
    day = asks.ask("ring", ring="day")
    month = asks.ask("ring", ring="month")
    year = asks.ask("ring", ring="year")
    file = RingsFile(
        saved_day=_saved(day, DAY_STEP, place),
        saved_month=_saved(month, MONTH_STEP, place),
        saved_year=_saved(year, YEAR_STEP, place),
    )
    columns = day["columns"]
    for at, minute in enumerate(columns["index"]):
        if columns["valid"][at]:
            file.day[minute] = ring_item(columns, at)  # later slots take the place of earlier ones
    file.month = dict(_pushed(asks, month, MONTH_STEP, file.saved_month, place))
    file.year = dict(_pushed(asks, year, YEAR_STEP, file.saved_year, place))
    return file


def _saved(ring: Mapping[str, Any], step: int, place: Place) -> int:
    """Return the wall clock's minute at the end of the list's newest slot."""
    ends = [end for end in ring["columns"]["end_at"] if end is not None]
    if not ends:
        return 0
    return wall_seconds(place.local(max(ends))) // step * step // 60


def _pushed(
    asks: Asks, ring: Mapping[str, Any], step: int, saved_minute: int, place: Place
) -> Iterator[tuple[int, RingItem]]:
    """Yield index and item of a list whose newest slot has the last index."""
    columns = ring["columns"]
    newest = saved_minute * 60 - step
    seen: set[int] = set()
    twice: set[int] = set()
    for at, start in enumerate(columns["start_at"]):
        wall = wall_seconds(place.local(start)) // step * step
        if wall in seen:
            twice.add(wall)
        seen.add(wall)
        index = SLOTS - 1 - (newest - wall) // step
        if columns["valid"][at] and 0 <= index < SLOTS:
            yield index, ring_item(columns, at)
    for day in sorted({wall // 86_400 for wall in twice}):
        yield from _both_passes(asks, ring["ring"], day, twice, newest, step)


def _both_passes(  # noqa: PLR0917 - all six place a slot
    asks: Asks, name: str, unix_day: int, twice: set[int], newest: int, step: int
) -> Iterator[tuple[int, RingItem]]:
    """Yield the slots of a day that the clock repeated, both passes put together."""
    date = (UNSET + timedelta(days=unix_day)).date().isoformat()
    columns = asks.ask("ring", ring=name, day=date)["columns"]
    for at, place_in_day in enumerate(columns["index"]):
        wall = unix_day * 86_400 + place_in_day * step
        index = SLOTS - 1 - (newest - wall) // step
        if wall in twice and columns["valid"][at] and 0 <= index < SLOTS:
            yield index, ring_item(columns, at)


def ring_item(columns: Columns, at: int) -> RingItem:
    """Return one slot."""

    def value(name: str) -> float:
        found = columns[name][at]
        return 0 if found is None else found

    def seconds(name: str) -> int:
        return round(value(name) / 1000)

    def mib(name: str) -> int:
        return round(value(name) / _MIB)

    return RingItem(
        clients_avTemperature=seconds("temperature_milli_c"),
        clients_disabled=round(value("workers_disabled")),
        clients_free=round(value("workers_free")),
        clients_needed=float(value("workers_needed")),
        clients_rendering=round(value("workers_rendering")),
        frameTime=seconds("frame_ms"),
        frameTime_3D=seconds("frame_ms_three_d"),
        frameTime_Archive=seconds("frame_ms_archive"),
        frameTime_Comp=seconds("frame_ms_comp"),
        frameTime_ExecuteFrames=seconds("frame_ms_execute_frames"),
        frameTime_FileExport=seconds("frame_ms_file_export"),
        framesLeft=round(value("frames_left")),
        framesLeft_3D=round(value("frames_left_three_d")),
        framesLeft_Archive=round(value("frames_left_archive")),
        framesLeft_Comp=round(value("frames_left_comp")),
        framesLeft_ExecuteFrames=round(value("frames_left_execute_frames")),
        framesLeft_FileExport=round(value("frames_left_file_export")),
        framesPerMin=float(value("frames_per_minute")),
        framesPerMin_3D=float(value("frames_per_minute_three_d")),
        framesPerMin_Archive=float(value("frames_per_minute_archive")),
        framesPerMin_Comp=float(value("frames_per_minute_comp")),
        framesPerMin_ExecuteFrames=float(value("frames_per_minute_execute_frames")),
        framesPerMin_FileExport=float(value("frames_per_minute_file_export")),
        jobs_rendering=round(value("layers_rendering")),
        jobs_total=round(value("layers_total")),
        jobs_unfinished=round(value("layers_unfinished")),
        serverCoreUsageMachine=value("machine_cpu_milli") / 1000,
        serverCoreUsageProcess=value("process_cpu_milli") / 1000,
        serverMemUsage_JobBuffer=mib("scheduler_bytes"),
        serverMemUsage_Machine=mib("memory_used_bytes"),
        serverMemUsage_Process=mib("process_memory_bytes"),
        serverMemUsage_TCPData=mib("send_buffer_bytes"),
        serverMemUsage_TCPDataCompressed=mib("largest_reply_bytes"),
        serverMemUsage_TCPSocket=mib("receive_buffer_bytes"),
        serverTemperature=seconds("server_temperature_milli_c"),
        slot_used=True,
    )
