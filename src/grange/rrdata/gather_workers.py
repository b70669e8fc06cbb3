"""Workers' days: from the server's answers to this package's files."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
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
AT_ONCE = 16
"""So many workers' days are asked for at once: about 8 MB of answer."""


def workers(asks: Asks) -> list[tuple[str, str]]:
    """Return id and name of every worker; a name that several have is told apart by the id."""
    rows = asks.ask("worker_list")["workers"]
    names = [row["name"] for row in rows]
    return [
        (row["worker_id"], name if names.count(name) == 1 else f"{name} {row['worker_id']}")
        for row, name in zip(rows, names, strict=True)
    ]


def known_days(asks: Asks, first: int, last: int) -> dict[int, list[str]]:
    """Return the local days of which anything is known, as days since 1970, and of which workers.

    Args:
        asks: who answers.
        first: the first day; none is older than files keep.
        last: the last day.
    """
    days = (max(first, last - DAYS_KEPT + 1), last + 1)
    start, end = ((UNSET + timedelta(days=day)).date().isoformat() for day in days)
    columns = asks.ask("worker_report", start_day=start, end_day=end)["columns"]
    found: dict[int, list[str]] = {}
    for day, worker_id in zip(columns["day"], columns["worker_id"], strict=True):
        found.setdefault((date.fromisoformat(day) - UNSET.date()).days, []).append(worker_id)
    return found


def day_blocks(asks: Asks, worker_ids: Sequence[str], unix_day: int) -> dict[str, DayBlock]:
    """Return one local day of some workers by their ids; those of whom nothing is known have none.

    They are asked for at once, so that the parts of the books that hold them are read once for all.
    """
    day = (UNSET + timedelta(days=unix_day)).date().isoformat()
    found = asks.ask("day_of_workers", workers=",".join(worker_ids), day=day)["workers"]
    return {
        one["worker_id"]: DayBlock(
            day=unix_day,
            hours=_hours(one["hours"]),
            samples=pack(_samples(one["samples"], one["thread_samples"])),
        )
        for one in found
        if one["valid"]
    }


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
    types: dict[Any, int] = {}
    rows = zip(
        threads["index"], threads["thread"], threads["state"], threads["cpu_milli"],
        threads["render_type"], threads["memory_bytes"], strict=True,
    )  # fmt: skip
    for index, thread, state, cpu, kind, memory in rows:
        place = places.get(index)
        if place is None:
            continue
        if kind not in types:
            types[kind] = render_type(kind)
        columns = by_thread[thread]
        columns.status[place] = _STATUS.get(state, FREE)
        columns.cpu_permille[place] = cpu or 0
        columns.render_type[place] = types[kind]
        columns.memory_10mib[place] = (memory or 0) // _TEN_MIB
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
