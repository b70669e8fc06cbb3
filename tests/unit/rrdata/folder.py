"""An exported folder with a little of everything, written by hand."""

from datetime import date, datetime
from pathlib import Path

from grange.kernel.units import Instant
from grange.rrdata import (
    contacts,
    daily,
    frames,
    groups,
    jobs,
    layer_times,
    licenses,
    rings,
    workers,
)
from grange.rrdata.files import Kind, pack, write_value
from grange.rrdata.place import (
    CLIENTS,
    CONTACTS,
    DAYS,
    FARM,
    FRAMES,
    GROUPS,
    HISTORY,
    INHOUSE,
    LICENSES,
    RENDER_TIMES,
    SERVER_STATS,
    FarmFile,
)

ZONE = "Europe/Berlin"
NOW = Instant(1_773_162_930_000)
"""2026-03-10 17:15:30 UTC: 18:15:30 on the farm's wall clock."""
DAY = (date(2026, 3, 10) - date(1970, 1, 1)).days
LOCAL_MINUTE = DAY * 1440 + 18 * 60 + 15
WRITTEN = datetime(2026, 3, 10, 18, 15)


def make_folder(root: Path) -> Path:
    """Write every kind of file below `root`."""
    for name in (DAYS, CLIENTS, FRAMES, HISTORY, INHOUSE, "sub/cfg_global"):
        (root / name).mkdir(parents=True)
    write_value(root / FARM, Kind.FARM, FarmFile(zone=ZONE, name="main"))
    write_value(root / DAYS / f"{DAY}.stdb", Kind.DAY, day_file())
    write_value(root / SERVER_STATS, Kind.RINGS, rings_file())
    write_value(root / CLIENTS / "anna.stdb", Kind.CLIENT, worker_file("anna"))
    write_value(root / CLIENTS / "bert.stdb", Kind.CLIENT, worker_file("bert"))
    (root / CLIENTS / "torn.stdb").write_bytes(b"GRANGERR and no more")
    (root / CLIENTS / "readme.txt").write_text("no statistics")
    write_value(root / FRAMES / "a1b2.stdb", Kind.FRAMES, frames_file())
    write_value(root / RENDER_TIMES, Kind.LAYER_TIMES, layer_times_file())
    write_value(root / CONTACTS, Kind.CONTACTS, contacts_file())
    write_value(root / LICENSES, Kind.LICENSES, licenses_file())
    write_value(root / GROUPS, Kind.GROUPS, groups_file())
    write_value(root / HISTORY / "Fox.db", Kind.HISTORY, history_file())
    return root


def job_slot() -> daily._jobStat:
    return daily._jobStat(
        Cost=12.5, Ghz_minutes=90, PS_minutes=45, PSneeded=3.5, Watt_minutes=600, avFrameTime=31,
        avMemUsageMB=900, avPSUsage=1.5, framesLeft=70, framesRendered=8, jobsDisabled=1,
        jobsDone=2, jobsIdle=3, jobsRendering=4, jobsWaiting=5, maxFrameTime=44,
        maxMemUsageMB=1200, maxPSUsage=2.5, renderLicNeeded=2.0, slotSet=True, timesFinished=6,
        timesSended=7,
    )  # fmt: skip


def day_file() -> daily.DayFile:
    slots = {40: job_slot()}
    return daily.DayFile(
        unix_day=DAY,
        written=WRITTEN,
        subjects=[
            [daily._jobStatDay(name="ann", type=0, slots=slots)],
            [daily._jobStatDay(name="Fox", type=1, slots=slots)],
            [daily._jobStatDay(name="Blender", type=2, slots=slots)],
        ],
        groups=[
            daily._clientStatDay(
                groupName="fast",
                slots={40: daily._clientStat(disabled=1, idle=2, off=3, rendering=4, slotSet=True)},
            )
        ],
    )


def ring_item(seed: int = 1) -> rings._rrGlobalStats_item:
    return rings._rrGlobalStats_item(
        clients_avTemperature=41, clients_disabled=1, clients_free=2, clients_needed=3.5,
        clients_rendering=seed, frameTime=10, frameTime_3D=11, frameTime_Archive=12,
        frameTime_Comp=13, frameTime_ExecuteFrames=14, frameTime_FileExport=15, framesLeft=100,
        framesLeft_3D=60, framesLeft_Archive=5, framesLeft_Comp=20, framesLeft_ExecuteFrames=7,
        framesLeft_FileExport=8, framesPerMin=2.5, framesPerMin_3D=1.0, framesPerMin_Archive=0.1,
        framesPerMin_Comp=0.9, framesPerMin_ExecuteFrames=0.2, framesPerMin_FileExport=0.3,
        jobs_rendering=3, jobs_total=9, jobs_unfinished=6, serverCoreUsageMachine=1.5,
        serverCoreUsageProcess=0.5, serverMemUsage_JobBuffer=21, serverMemUsage_Machine=8000,
        serverMemUsage_Process=300, serverMemUsage_TCPData=5, serverMemUsage_TCPDataCompressed=4,
        serverMemUsage_TCPSocket=3, serverTemperature=38, slot_used=True,
    )  # fmt: skip


def rings_file() -> rings.RingsFile:
    """Newest half hour 17:30, newest quarter day 06:00; each item counts its index as workers."""
    return rings.RingsFile(
        saved_day=LOCAL_MINUTE,
        saved_month=DAY * 1440 + 18 * 60,
        saved_year=DAY * 1440 + 12 * 60,
        day={minute: ring_item(minute) for minute in (0, 1020, 1094, 1140)},
        month={index: ring_item(index) for index in range(1000, 1440)},
        year={index: ring_item(index) for index in range(1440)},
    )


def samples() -> workers.SampleColumns:
    """Samples 0, 1 and 4319 of a day with two threads; the second thread only in the first."""
    return workers.SampleColumns(
        index=[0, 1, 4319],
        cpu_permille=[430, 500, 0],
        gpu_permille=[100, 0, 0],
        memory_10mib=[160, 170, 20],
        net_in_mib=[5, 6, 0],
        net_in_peak_mib=[2, 3, 0],
        net_out_mib=[1, 2, 0],
        user=[1, 0, 0],
        threads=[
            workers.ThreadColumns(
                status=[3, 1, 2], cpu_permille=[250, 0, 0], render_type=[1, 0, 0],
                memory_10mib=[90, 0, 0],
            ),
            workers.ThreadColumns(
                status=[1, -1, -1], cpu_permille=[100, 0, 0], render_type=[0, 0, 0],
                memory_10mib=[30, 0, 0],
            ),
        ],
    )  # fmt: skip


def worker_file(name: str) -> workers.WorkerFile:
    """Today and the day before yesterday."""
    hours = {
        10: workers._clientStats_day_data_hourly(
            threads=[
                workers._clientStats_day_data_hourly_jobthread(
                    framesDone=24, jobAborted=1, jobCrashed=2, jobSuccessful=3, valid=True
                ),
                workers._clientStats_day_data_hourly_jobthread(),
            ]
        )
    }
    return workers.WorkerFile(
        name=name,
        days=[
            workers.DayBlock(day=day, hours=hours, samples=pack(samples()))
            for day in (DAY - 2, DAY)
        ],
    )


def frames_file() -> frames.FramesFile:
    parts = [
        frames._frameStat_part(
            jobCPU=50.0 + part, jobMemoryMB=800 + part, nonJobCPU=3.0, renderThreads=2
        )
        for part in range(5)
    ]
    return frames.FramesFile(
        job="a1b2",
        frames=[
            frames._frameStat(
                averageValue=4, client="anna", frameNrJob=101 + 2 * at, logFileStart=WRITTEN,
                logFileStartFrame=101, newKSOChunk=at == 0, newSceneLoaded=at == 0,
                renderTime5Sec=12, userLoggedIn=True, parts=parts,
            )
            for at in range(3)
        ],
    )  # fmt: skip


def layer_times_file() -> layer_times.LayerTimesFile:
    entries = [
        layer_times.LayerEntry(
            ps=1.5, cores=8, kps_seconds=0.25, seconds=31 + at, memory_gib=1.5, minutes=42
        )
        for at in range(2)
    ]
    layer = layer_times._StatsRenderTime_layer(name="beauty", jobsAdded=300, entries=entries)
    return layer_times.LayerTimesFile(
        saved=WRITTEN,
        projects=[
            layer_times._StatsRenderTime_project(
                name="Fox", lastUsed=datetime(2026, 3, 9), layers={1: [layer]}
            )
        ],
    )


def contacts_file() -> contacts.ContactsFile:
    return contacts.ContactsFile(
        written=WRITTEN,
        workers=[
            contacts._Client_Info_save(
                WOLTryCount=2, lastConnect=WRITTEN, lastWOLTry=datetime(2026, 3, 8, 7),
                saveNameCopy="anna", saveVersionCopy="0.1.0",
                addresses=[
                    contacts.SeenAddress(
                        address=contacts._IP(text=text), since=datetime(2026, 3, day)
                    )
                    for text, day in (("10.0.0.7", 9), ("fd00::7", 2))
                ],
                wakes=[
                    contacts._Client_WOLInfo(
                        bootTime=93, dateTime=datetime(2026, 3, 8, 7), success=True
                    )
                ],
            )
        ],
    )  # fmt: skip


def licenses_file() -> licenses.LicensesFile:
    item = licenses._AppLicenses_v8_licItem(app="Nuke", plugin="Sapphire", version=15)
    item.setLicCount(0, 10)
    item.setCost(0, 1.5)
    item.setIsTypeSet(2, True)
    item.setLicCount(2, 4)
    item.setIsUnlimited(2, True)
    item.setCost(2, 0.5)
    return licenses.LicensesFile(items=[item])


def groups_file() -> groups.GroupsFile:
    return groups.GroupsFile(
        groups=[
            groups.GroupRow(name="fast", members=["bert", "anna"], group_id="group-1"),
            groups.GroupRow(name="night", members=["anna"]),
        ],
        indices={"anna": 0, "bert": 3, "cleo": 4},
    )


def job(**given: object) -> jobs._jobsHistoryDB_Runtime:
    """A finished job."""
    values: dict[str, object] = {
        "AAsamplesPercentage": 150, "AOVchannel": "diffuse", "camera": "cam1", "color": 3,
        "companyProjectName": "Fox", "customJobType": "final", "customSHotName": "sh010",
        "customSceneName": "scene1", "customSeQName": "sq1", "customVersionName": "v007",
        "errorCountServer": 1, "framesTotal": 20, "framesTotalNonMulti": 10,
        "framesTotal_FrameSetOnly": 9, "imageDir": "/out", "imageExtension": ".exr",
        "imageFileName": "beauty.", "imageFileNameVariables": "<Layer>.", "imageFramePadding": 4,
        "imageHeight": 1080, "imageIsDataFile": True, "imageMulti": 2,
        "imageSingleOutputFile": True, "imageWidth": 1920, "infoAverageClientPS": 1.25,
        "infoAverageClients": 2.5, "infoAverageFrameTime": 31,
        "infoClients_maxMemoryUsageMB": 1200, "infoCoreUsageMax": 8,
        "infoCpuUsageAverageMax": 93.5, "infoCpuUsageAverageMin": 40.5,
        "infoDateFinished": datetime(2026, 3, 10, 12), "infoDateSubmitted": datetime(2026, 3, 9),
        "infoFrameTrafficInMax": 80, "infoFrameTrafficInMin": 8, "infoRenderTimeSum_Ghz_h": 1.5,
        "infoRenderTimeSum_PS": 500, "infoRenderTimeSum_PS_disobeyReset": 900,
        "infoRenderTimeSum_WattSec": 60, "infoRenderTimeSum_WattSec_disobeyReset": 70,
        "infoRenderTimeSum_seconds": 310, "infoRenderTimeSum_seconds_disobeyReset": 640,
        "infoRenderTime_Cost": 1.25, "infoRenderTime_Cost_Ghz_disobeyReset": 2.25,
        "infoRenderTime_Cost_PS_disobeyReset": 3.25, "infoRenderTime_Cost_disobeyReset": 4.25,
        "infoRenderTime_seconds": 200, "infoTotalAborted": 2, "infoTotalCrashed": 1,
        "infoTotalSend": 12, "infoTotal_FramesReturned_disobeyReset": 25, "layer": "beauty",
        "priority": 50, "rrJobOS": 1, "sceneDatabaseDir": "/db", "sceneName": "/p/fox.blend",
        "sceneOS": 2, "sceneState": "approved", "sceneTake": "take2", "seqEnd": 119,
        "seqFileOffset": 1000, "seqFrameSet": "101-119x2", "seqStart": 101, "seqStep": 2,
        "seqSubFrames": 3, "shotgunID": "T-17", "submitMachine": "desk7", "userName": "ann",
        "soft": jobs._RenderAppBasic_history(
            executeType=3, name="Blender", renderType=1, rendererName="Cycles",
            rendererVersion="4.2", variantName="lts", version=4, minor="2",
        ),
        "full_id": "step-0000000000000000000000000000a1b2", "short_id": "a1b2",
        "state": jobs.FINISHED, "changed": datetime(2026, 3, 10, 13),
        "errors": [
            jobs._History_Error(what=1, when=WRITTEN, whichMachine=3, who=3, text="it crashed")
        ],
        "logs": [
            jobs._History_Log(
                clRendering=2, fMissing=7, seqStep=2, step=1, what=4, when=WRITTEN,
                whichMachine=-1, who=-1, text="disabled", start=101, end=119,
            )
        ],
        "clients": [
            jobs._jHistoryClient(
                assigned=True, times_aborted=1, times_crashed=2, times_sended=9,
                totalTimeRendered=310, name="bert",
            )
        ],
        "client_indices": [3],
    }  # fmt: skip
    return jobs._jobsHistoryDB_Runtime(**{**values, **given})  # type: ignore[arg-type]


def history_file() -> jobs.HistoryFile:
    return jobs.HistoryFile(
        project="Fox",
        jobs=[
            job(),
            job(
                full_id="step-0000000000000000000000000000c3d4", short_id="c3d4",
                userName="bob", layer="volume", state=jobs.RENDERING,
                infoDateFinished=datetime(1970, 1, 1), changed=datetime(2026, 3, 10, 18),
                sceneName="/p/hen.blend",
            ),
        ],
    )  # fmt: skip
