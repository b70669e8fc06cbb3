"""Workers' days: from the server's answers to this package's files."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from grange.rrdata.codes import render_type
from grange.rrdata.door import Asks
from grange.rrdata.files import pack
from grange.rrdata.place import UNSET
from grange.rrdata.workers import (
    DAYS_KEPT,
    DISABLED,
    FREE,
    OFF,
    RENDERING,
    DayBlock,
    SampleColumns,
    ThreadColumns,
    _clientStats_day_data_hourly,
    _clientStats_day_data_hourly_jobthread,
)

_MIB = 2**20
_TEN_MIB = 10 * _MIB
_STATUS: Mapping[str, int] = {
    "rendering": RENDERING,
    "overhead": RENDERING,
    "idle": FREE,
    "disabled": DISABLED,
    "off": OFF,
}
"""State of a job thread → the number of its status; preparing a session is part of rendering."""
_ABSENT = -1


def workers(asks: Asks) -> list[tuple[str, str]]:
    """Return id and name of every worker; a name that several have is told apart by the id."""
    rows = asks.ask("worker_list")["workers"]
    names = [row["name"] for row in rows]
    return [
        (row["worker_id"], name if names.count(name) == 1 else f"{name} {row['worker_id']}")
        for row, name in zip(rows, names, strict=True)
    ]


def known_days(asks: Asks, worker_id: str) -> list[int]:
    """Return the local days of which anything is known, as days since 1970."""
    columns = asks.ask("worker_days", worker_id=worker_id, count=DAYS_KEPT)["columns"]
    return [day for day, valid in zip(columns["unix_day"], columns["valid"], strict=True) if valid]


def day_block(asks: Asks, worker_id: str, unix_day: int) -> DayBlock | None:
    """Return one local day of a worker; None if nothing is known of it."""
    date = (UNSET + timedelta(days=unix_day)).date().isoformat()
    found = asks.ask("worker_day", worker_id=worker_id, day=date)
    if not found["valid"]:
        return None
    return DayBlock(
        day=unix_day,
        hours=_hours(found["hours"]),
        samples=pack(_samples(found["samples"], found["thread_samples"])),
    )


def _samples(machine: Mapping[str, list[Any]], threads: Mapping[str, list[Any]]) -> SampleColumns:
    places = {index: at for at, index in enumerate(machine["index"])}
    count = max(threads["thread"], default=-1) + 1
    by_thread = [
        ThreadColumns(
            status=[_ABSENT] * len(places),
            cpu_permille=[0] * len(places),
            render_type=[0] * len(places),
            memory_10mib=[0] * len(places),
        )
        for _ in range(count)
    ]
    for at, index in enumerate(threads["index"]):
        place = places.get(index)
        if place is None:
            continue
        columns = by_thread[threads["thread"][at]]
        columns.status[place] = _STATUS.get(threads["state"][at], FREE)
        columns.cpu_permille[place] = threads["cpu_milli"][at] or 0
        columns.render_type[place] = render_type(threads["render_type"][at])
        columns.memory_10mib[place] = (threads["memory_bytes"][at] or 0) // _TEN_MIB
    return SampleColumns(
        index=list(machine["index"]),
        cpu_permille=[value or 0 for value in machine["cpu_milli"]],
        gpu_permille=[value or 0 for value in machine["gpu_milli"]],
        memory_10mib=[(value or 0) // _TEN_MIB for value in machine["memory_used_bytes"]],
        net_in_mib=[round((value or 0) / _MIB) for value in machine["net_in_bytes"]],
        net_in_peak_mib=[round((value or 0) / _MIB) for value in machine["net_in_max_bytes_per_s"]],
        net_out_mib=[round((value or 0) / _MIB) for value in machine["net_out_bytes"]],
        user=[int(bool(value)) for value in machine["user_logged_in"]],
        threads=by_thread,
    )


def _hours(columns: Mapping[str, list[Any]]) -> dict[int, _clientStats_day_data_hourly]:
    count = max(columns["thread"], default=-1) + 1
    found: dict[int, _clientStats_day_data_hourly] = {}
    for at, hour in enumerate(columns["hour"]):
        record = found.setdefault(
            hour,
            _clientStats_day_data_hourly(
                threads=[_clientStats_day_data_hourly_jobthread() for _ in range(count)]
            ),
        )
        record.threads[columns["thread"][at]] = _clientStats_day_data_hourly_jobthread(
            framesDone=columns["frames_done"][at],
            jobAborted=columns["chunks_aborted"][at],
            jobCrashed=columns["chunks_crashed"][at],
            jobSuccessful=columns["chunks_successful"][at],
            valid=True,
        )
    return found
