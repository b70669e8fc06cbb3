"""What each member of the classes of days, lists and workers gives."""

from datetime import datetime
from pathlib import Path
from typing import Any

from grange import rrdata
from grange.rrdata.place import CLIENTS, DAYS, SERVER_STATS
from tests.unit.rrdata.folder import DAY, LOCAL_MINUTE, NOW, WRITTEN, job_slot, ring_item
from tests.unit.rrdata.rows import Table, call

DAY_FILE = f"ROOT/{DAYS}/{DAY}.stdb"
CLIENT_FILE = f"ROOT/{CLIENTS}/anna.stdb"


def fields_of(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__}


def day(root: Path) -> Any:
    data = rrdata._dailyStats_data()
    assert data.loadFromFile(str(root / DAYS / f"{DAY}.stdb"), True)
    return data


def visited(timeline: Any) -> Any:
    timeline.period_day(DAY)
    return timeline


def unfound(timeline: Any) -> Any:
    timeline.period_day_hasData(3)
    return timeline


def rings(root: Path) -> Any:
    lists = rrdata._rrGlobalStatsLS()
    assert lists.loadFromFile(str(root / SERVER_STATS))
    lists.period_setTimeRange(datetime(2026, 3, 9, 12), datetime(2026, 3, 10))
    return lists


def clients(_root: Path) -> Any:
    return rrdata._clientStats_all()


def client(root: Path) -> Any:
    data = rrdata._clientStats_data()
    assert data.loadFromFile(str(root / CLIENTS / "anna.stdb"))
    return data


def client_day(root: Path) -> Any:
    return client(root).period_day(DAY)


def sample(root: Path) -> Any:
    return client_day(root).data(0)


def ring_is(seed: int) -> Any:
    return lambda item: item.slot_used and item.clients_rendering == seed


def empty_ring(item: Any) -> bool:
    return item == rrdata._rrGlobalStats_item() and not item.slot_used


def is_today(found: Any) -> bool:
    return bool(found.daySet and found.day == DAY)


def is_no_day(found: Any) -> bool:
    return not found.daySet and found.day == 0


LAST_NIGHT = ring_is(1439 - 35)
"""The half hour from midnight, 17.5 hours before the newest one."""

TABLES: dict[str, Table] = {
    "_dailyStats_timeline": Table(
        "S0-01",
        lambda _root: visited(rrdata._dailyStats_timeline()),
        {
            "currentUnixDayLocal": call(gives=DAY),
            "freeMem": call(then=lambda it: it.memUsageMiB() == 0),
            "getError": [
                call(gives=""),
                call(then=lambda it: "3.stdb does not exist" in unfound(it).getError(), gives=""),
            ],
            "initFileList": [
                call(f"ROOT/{DAYS}", gives=True, then=lambda it: it.period_day_hasData(DAY)),
                call("ROOT/none", gives=False, then=lambda it: "no folder" in it.getError()),
            ],
            "memUsageMiB": call(gives=1),
            "period_day": [
                call(DAY, gives=lambda data: data.getJobsByType(0)[0].name == "ann"),
                call(DAY - 1, gives=lambda data: data.getJobsByType(0) == []),
            ],
            "period_day_hasData": [call(DAY, gives=True), call(DAY - 1, gives=False)],
        },
    ),
    "_dailyStats_data": Table(
        "S0-02, S0-03",
        day,
        {
            "fileNameDate": call(gives=WRITTEN),
            "getClientGroups": call(gives=lambda found: [g.groupName for g in found] == ["fast"]),
            "getError": call(gives=""),
            "getJobsByType": [
                call(0, gives=lambda found: [one.name for one in found] == ["ann"]),
                call(1, gives=lambda found: [one.name for one in found] == ["Fox"]),
                call(2, gives=lambda found: [one.name for one in found] == ["Blender"]),
                call(3, gives=[]),
            ],
            "getJobsByTypeAndName": [
                call(1, "Fox", gives=lambda found: found.getTimeSlot(40).slotSet),
                call(1, "Hen", gives=lambda found: found.name == ""),
            ],
            "jobTypeCount": call(gives=3),
            "loadFromFile": [
                call(DAY_FILE, True, gives=True, then=lambda it: len(it.getClientGroups()) == 1),
                call("ROOT/none", True, gives=False, then=lambda it: bool(it.getError())),
                call("ROOT/none", False, gives=True, then=lambda it: it.getJobsByType(0) == []),
            ],
            "singleStats": call(2, gives=lambda found: found[0].name == "Blender"),
            "singleStatsCount": call(gives=3),
        },
    ),
    "_jobStat": Table(
        "S0-05, S0-06",
        lambda root: day(root).getJobsByType(0)[0].getTimeSlot(40),
        {**fields_of(job_slot()), "hasValidData": call(gives=True)},
    ),
    "_jobStatDay": Table(
        "S0-03, S0-04",
        lambda root: day(root).getJobsByType(1)[0],
        {
            "name": "Fox",
            "type": 1,
            "getTimeSlot": [
                call(40, gives=job_slot()),
                call(41, gives=lambda slot: not slot.slotSet and slot.Cost == 0.0),
                call(96, gives=lambda slot: not slot.hasValidData()),
            ],
            "statCount": call(gives=96),
            "stats": call(40, gives=job_slot()),
            "timeSlotCount": call(gives=96),
        },
    ),
    "_clientStat": Table(
        "S0-07",
        lambda root: day(root).getClientGroups()[0].getTimeSlot(40),
        {"disabled": 1, "idle": 2, "off": 3, "rendering": 4, "slotSet": True},
    ),
    "_clientStatDay": Table(
        "S0-07",
        lambda root: day(root).getClientGroups()[0],
        {
            "groupName": "fast",
            "getTimeSlot": [
                call(40, gives=lambda slot: slot.slotSet and slot.rendering == 4),
                call(-1, gives=lambda slot: not slot.slotSet),
            ],
            "timeSlotCount": call(gives=96),
        },
    ),
    "_rrGlobalStatsLS": Table(
        "S0-08, S0-09, S0-10, S0-11, S0-12, S0-13, S0-14, S0-15",
        rings,
        {
            "lastSaveDay": LOCAL_MINUTE,
            "lastSaveMonth": DAY * 1440 + 1080,
            "lastSaveYear": DAY * 1440 + 720,
            "currentTime_Unix": call(gives=LOCAL_MINUTE * 60 + 30),
            "currentTime_Unix_UTC": call(gives=NOW // 1000),
            "currentTime_datetime": call(gives=datetime(2026, 3, 10, 17, 15, 30)),
            "currentUnixDayLocal": call(gives=DAY),
            "day": [
                call(1020, gives=ring_is(1020)),
                call(1140, gives=ring_is(1140)),
                call(5, gives=empty_ring),
                call(1440, gives=empty_ring),
            ],
            "dayMax": call(gives=1440),
            "getError": call(gives=""),
            "lastSaveDay_asDatetime": call(gives=WRITTEN),
            "lastSaveDay_asUnixTime": call(gives=LOCAL_MINUTE * 60),
            "lastSaveMonth_asDatetime": call(gives=datetime(2026, 3, 10, 18)),
            "lastSaveMonth_asUnixTime": call(gives=(DAY * 24 + 18) * 3600),
            "lastSaveYear_asDatetime": call(gives=datetime(2026, 3, 10, 12)),
            "lastSaveYear_asUnixTime": call(gives=(DAY * 24 + 12) * 3600),
            "loadFromFile": [
                call(f"ROOT/{SERVER_STATS}", gives=True),
                call("ROOT/none", gives=False, then=lambda it: it.lastSaveDay == 0),
            ],
            "month": [
                call(1439, gives=ring_is(1439)),
                call(10, gives=empty_ring),
                call(-1, gives=empty_ring),
            ],
            "monthMax": call(gives=1440),
            "period_auto_day": call(DAY - 1, 47, gives=ring_is(1439 - 36)),
            "period_auto_daySlotCount": call(gives=48),
            "period_auto_item": call(23, gives=ring_is(1439 - 36)),
            "period_auto_itemCount": call(gives=24),
            "period_month_day": [
                call(DAY - 1, 24, gives=ring_is(1439 - 59)),
                call(DAY - 1, 23, gives=empty_ring),
                call(DAY, 0, gives=empty_ring),
                call(DAY - 1, 48, gives=empty_ring),
            ],
            "period_month_daySlotCount": call(gives=48),
            "period_month_item": [
                call(0, gives=ring_is(1439 - 59)),
                call(24, gives=empty_ring),
            ],
            "period_month_itemCount": call(gives=24),
            "period_setTimeRange": [
                call(
                    datetime(2026, 3, 10), datetime(2026, 3, 10, 1),
                    then=lambda it: it.period_month_itemCount() == 2
                    and LAST_NIGHT(it.period_month_item(0)),
                ),
                call(
                    datetime(2025, 12, 10), datetime(2026, 3, 10),
                    then=lambda it: it.period_auto_itemCount() == 90 * 4,
                ),
                call(
                    datetime(2026, 3, 1), datetime(2026, 3, 11),
                    then=lambda it: it.period_auto_itemCount() == 480,
                ),
            ],
            "period_year_day": [
                call(DAY - 1, 2, gives=ring_is(1439 - 3)),
                call(DAY - 1, 1, gives=empty_ring),
            ],
            "period_year_daySlotCount": call(gives=4),
            "period_year_item": call(0, gives=ring_is(1439 - 3)),
            "period_year_itemCount": call(gives=2),
            "secDiff_Day": call(gives=60),
            "secDiff_Month": call(gives=1800),
            "secDiff_Year": call(gives=21600),
            "year": [call(1439, gives=ring_is(1439)), call(1440, gives=empty_ring)],
            "yearMax": call(gives=1440),
        },
    ),
    "_rrGlobalStats_item": Table(
        "S0-16, S0-17, S0-18, S0-19, S0-20",
        lambda root: rings(root).month(1439),
        {**fields_of(ring_item(1439))},
    ),
    "_clientStats_all": Table(
        "S0-21, S0-22",
        clients,
        {
            "clientCount": call(gives=3),
            "currentUnixDayLocal": call(gives=DAY),
            "findName": [call("bert", gives=1), call("nobody", gives=-1)],
            "freeMem": call(then=lambda it: it.memUsageMiB() == 0),
            "getData": [
                call(1, gives=lambda data: data.period_day_hasData(DAY)),
                call(7, gives=lambda data: not data.period_day_hasData(DAY)),
            ],
            "getDataByName": [
                call("anna", gives=lambda data: data.period_day_hasData(DAY)),
                call("nobody", gives=lambda data: "nobody" in data.getError()),
            ],
            "getDataByName_period_day": [
                call("anna", DAY, gives=is_today),
                call("anna", DAY - 1, gives=is_no_day),
            ],
            "getDataByName_period_day_hasData": [
                call("anna", DAY, gives=True),
                call("anna", DAY - 1, gives=False, then=lambda it: "anna" in it.getError()),
            ],
            "getData_error": [call(0, gives=False), call(2, gives=True), call(9, gives=True)],
            "getData_period_day": [call(0, DAY, gives=is_today), call(9, DAY, gives=is_no_day)],
            "getData_period_day_hasData": [
                call(0, DAY, gives=True),
                call(0, DAY - 1, gives=False),
            ],
            "getError": call(gives=""),
            "getName": [call(0, gives="anna"), call(9, gives="")],
            "initFileList": [
                call(f"ROOT/{CLIENTS}", gives=True, then=lambda it: it.clientCount() == 3),
                call("ROOT/none", gives=False, then=lambda it: it.clientCount() == 0),
            ],
            "memUsageMiB": call(gives=0, then=lambda it: bool(it.getData(0)) and it.memUsageMiB()),
            "setDelayedLoad_FileAge": call(9, then=lambda it: it._settle == 9.0),
        },
    ),
    "_clientStats_data": Table(
        "S0-23, S0-24",
        client,
        {
            "StructureID": 1,
            "days": call(399, gives=is_today),
            "daysCount": call(gives=400),
            "daysMax": call(gives=400),
            "getDayByIdx": [
                call(399, gives=is_today),
                call(398, gives=is_no_day),
                call(397, gives=lambda found: found.daySet and found.day == DAY - 2),
                call(400, gives=is_no_day),
            ],
            "getError": call(gives=""),
            "loadFromFile": [
                call(CLIENT_FILE, gives=True, then=lambda it: it.StructureID == 1),
                call(
                    f"ROOT/{CLIENTS}/torn.stdb", gives=False,
                    then=lambda it: "cut short" in it.getError() and not it.days(399).daySet,
                ),
            ],
            "period_day": [call(DAY, gives=is_today), call(DAY + 1, gives=is_no_day)],
            "period_day_hasData": [call(DAY - 2, gives=True), call(DAY - 1, gives=False)],
        },
    ),
    "_clientStats_day": Table(
        "S0-24, S0-25",
        client_day,
        {
            "day": DAY,
            "daySet": True,
            "data": [
                call(4319, gives=lambda it: it.hasData() and it.memTotal10MB == 20),
                call(2, gives=lambda it: not it.hasData() and it.cpuTotal == 0.0),
                call(4320, gives=lambda it: not it.hasData()),
            ],
            "dataHourly": [
                call(10, gives=lambda it: it.jobThread(0).framesDone == 24),
                call(11, gives=lambda it: it.jobThreadCount() == 0),
            ],
            "dataHourlyMax": call(gives=24),
            "dataMax": call(gives=4320),
            "dayAsTime": call(gives=datetime(2026, 3, 10)),
        },
    ),
    "_clientStats_day_data_hourly_jobthread": Table(
        "S0-28",
        lambda root: client_day(root).dataHourly(10).jobThread(0),
        {
            "framesDone": 24,
            "jobAborted": 1,
            "jobCrashed": 2,
            "jobSuccessful": 3,
            "hasData": call(gives=True),
        },
    ),
    "_clientStats_day_data_jobthread": Table(
        "S0-26",
        lambda root: sample(root).jobThread(0),
        {
            "clientStatus": 3,
            "cpuRender": 25.0,
            "jobRenderType": 1,
            "memRender10MB": 90,
            "memRenderMB": call(gives=900),
            "threadWasActive": call(gives=True),
            "threadWasRendering": call(gives=True),
            "wasActive": call(gives=True),
            "wasDisabled": call(gives=False),
            "wasIdle": call(gives=False),
            "wasRendering": call(gives=True),
        },
    ),
    "_clientStats_day_data_hourly": Table(
        "S0-28",
        lambda root: client_day(root).dataHourly(10),
        {
            "jobThread": [
                call(0, gives=lambda it: it.hasData()),
                call(1, gives=lambda it: not it.hasData()),
                call(2, gives=lambda it: not it.hasData() and it.framesDone == 0),
            ],
            "jobThreadCount": call(gives=2),
            "jobThreadMax": call(gives=1),
        },
    ),
    "_clientStats_day_data_30s": Table(
        "S0-25, S0-27",
        sample,
        {
            "cpuTotal": 43.0,
            "gpuTotal": 10.0,
            "memTotal10MB": 160,
            "networkInMB": 5,
            "networkInSpeedMaxMB": 2,
            "networkOutMB": 1,
            "userLoggedIn": True,
            "allThreadsDisabled": call(gives=False),
            "anyThreadIdle": call(gives=True),
            "anyThreadRendering": call(gives=True),
            "cpuRender_allThreads": call(gives=35.0),
            "hasData": call(gives=True),
            "jobThread": [
                call(1, gives=lambda it: it.wasIdle()),
                call(2, gives=lambda it: not it.wasActive()),
            ],
            "jobThreadCount": call(gives=2),
            "jobThreadMax": call(gives=1),
            "memRender10MB_allThreads": call(gives=90),
        },
    ),
}  # fmt: skip
