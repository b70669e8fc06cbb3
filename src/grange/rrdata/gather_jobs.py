"""The job history and its frames: from the server's answers to this package's files."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from grange.kernel.batches import weighed
from grange.rrdata.codes import OPERATING_SYSTEMS, UNKNOWN, execute_type, render_type
from grange.rrdata.door import Asks
from grange.rrdata.frames import FramesFile, _frameStat, _frameStat_part
from grange.rrdata.jobs import (
    DISABLED,
    FINISHED,
    IDLE,
    MOST_ERRORS,
    MOST_LOGS,
    RENDERING,
    UNSET_SHARE,
    UNSET_TRAFFIC,
    WAITING,
    HistoryFile,
    _History_Error,
    _History_Log,
    _jHistoryClient,
    _jobsHistoryDB_Runtime,
    _RenderAppBasic_history,
)
from grange.rrdata.place import Place

_MIB = 2**20
_PAGE = 250
_MOST_JOBS = 100
_MOST_FRAMES = 5_000
"""So many jobs, and frames of several jobs, are asked for at once."""
_STATES: Mapping[str, int] = {
    "idle": IDLE,
    "rendering": RENDERING,
    "disabled": DISABLED,
    "waiting": WAITING,
    "finished": FINISHED,
}
_SECONDS_OF_UNIT = 5


def projects(asks: Asks) -> list[str]:
    """Return the projects that have a history."""
    return [str(row["project"]) for row in asks.ask("history_projects")["projects"]]


def records(
    asks: Asks,
    project: str,
    *,
    since: int | None = None,
    until: int | None = None,
    wanted: Callable[[Mapping[str, Any]], bool] = lambda _row: True,
) -> Iterator[dict[str, Any]]:
    """Yield a project's records with everything known of each, oldest first.

    Args:
        asks: who answers.
        project: the project.
        since: with `until`: only records that changed in this span.
        until: see `since`.
        wanted: says of a record whether to give it.
    """
    offset = 0
    while True:
        page = asks.ask(
            "history_page",
            project=project,
            start=since,
            end=until,
            limit=_PAGE,
            offset=offset,
        )
        yield from filter(wanted, page["records"])
        offset += len(page["records"])
        if not page["records"] or offset >= page["matched"]:
            return


def history_file(project: str, found: list[dict[str, Any]], place: Place) -> HistoryFile:
    """Return a project's file."""
    return HistoryFile(project=project, jobs=[job_record(record, place) for record in found])


def job_record(record: Mapping[str, Any], place: Place) -> _jobsHistoryDB_Runtime:
    """Return one record in this package's shape."""
    job = _jobsHistoryDB_Runtime(
        full_id=record["layer_id"],
        short_id=record["short_id"],
        state=_STATES.get(record["state"], 0),
        changed=place.local(record["changed_at"]),
        soft=_application(record["app"]),
        errors=[_error(one, place) for one in record["error_list"][-MOST_ERRORS:]],
        errorCountServer=record["server_error_count"],
        logs=[_entry(one, place) for one in record["log"][:MOST_LOGS]],
    )
    _identify(job, record, place)
    _picture(job, record["image"], record["frames"])
    _use(job, record)
    known = [one for one in record["workers"] if one["index"] is not None]
    job.clients = [_client(one) for one in known]
    job.client_indices = [one["index"] for one in known]
    return job


def _identify(job: _jobsHistoryDB_Runtime, record: Mapping[str, Any], place: Place) -> None:
    job.AOVchannel = record["aov"] or ""
    job.camera = record["camera"] or ""
    job.color = _whole(record["color"])
    job.companyProjectName = record["project"]
    job.customJobType = record["job_type"] or ""
    job.customSHotName = record["shot"]
    job.customSceneName = record["custom_scene"] or ""
    job.customSeQName = record["sequence"]
    job.customVersionName = record["version"]
    job.infoDateFinished = place.local(record["finished_at"])
    job.infoDateSubmitted = place.local(record["submitted_at"])
    job.layer = record["layer"]
    job.priority = record["priority"]
    job.rrJobOS = OPERATING_SYSTEMS.get(record["scene_os"] or "", 0)
    job.sceneDatabaseDir = record["scene_database"] or ""
    job.sceneName = record["scene"] or ""
    job.sceneOS = OPERATING_SYSTEMS.get(record["paths_os"] or "", 0)
    job.sceneState = record["scene_state"] or ""
    job.sceneTake = record["scene_take"] or ""
    job.shotgunID = record["tracker_id"] or ""
    job.submitMachine = record["submit_machine"]
    job.userName = record["user"]


def _picture(
    job: _jobsHistoryDB_Runtime, image: Mapping[str, Any], frames: Mapping[str, Any]
) -> None:
    job.AAsamplesPercentage = image["aa_percent"] or 0
    job.imageDir = image["dir"] or ""
    job.imageExtension = image["extension"] or ""
    job.imageFileName = image["name"] or ""
    job.imageFileNameVariables = image["name_variables"] or ""
    job.imageFramePadding = image["padding"] or 0
    job.imageHeight = image["height"] or 0
    job.imageIsDataFile = image["is_data"]
    job.imageMulti = image["tiles"]
    job.imageSingleOutputFile = image["single_file"]
    job.imageWidth = image["width"] or 0
    job.framesTotal = frames["total"] or 0
    job.framesTotalNonMulti = frames["total_one_tile"] or 0
    job.framesTotal_FrameSetOnly = frames["total_frame_set"] or 0
    job.seqStart = frames["start"] or 0
    job.seqEnd = frames["end"] or 0
    job.seqStep = frames["step"] or 0
    job.seqFileOffset = frames["file_offset"]
    job.seqFrameSet = frames["frame_set"] or ""
    job.seqSubFrames = frames["sub_frames"] or 0


def _use(job: _jobsHistoryDB_Runtime, record: Mapping[str, Any]) -> None:
    usage, ever, current = record["usage"], record["lifetime"], record["current"]
    job.infoAverageClientPS = usage["mean_ps"] or 0.0
    job.infoAverageClients = usage["mean_workers"] or 0.0
    job.infoAverageFrameTime = round((usage["mean_frame_ms"] or 0) / 1000)
    job.infoClients_maxMemoryUsageMB = (usage["max_memory_bytes"] or 0) // _MIB
    job.infoCoreUsageMax = round(usage["max_cores"] or 0)
    job.infoCpuUsageAverageMax = _or(usage["max_cpu"], 0.0, lambda share: share * 100)
    job.infoCpuUsageAverageMin = _or(usage["min_cpu"], UNSET_SHARE, lambda share: share * 100)
    job.infoFrameTrafficInMax = _or(usage["max_traffic_bytes"], 0, lambda size: size // _MIB)
    job.infoFrameTrafficInMin = _or(
        usage["min_traffic_bytes"], UNSET_TRAFFIC, lambda size: size // _MIB
    )
    job.infoRenderTimeSum_Ghz_h = current["ghz_hours"] or 0.0
    job.infoRenderTimeSum_PS = round(current["ps_seconds"])
    job.infoRenderTimeSum_PS_disobeyReset = round(ever["ps_seconds"])
    job.infoRenderTimeSum_WattSec = round(current["watt_seconds"] or 0)
    job.infoRenderTimeSum_WattSec_disobeyReset = round(ever["watt_seconds"] or 0)
    job.infoRenderTimeSum_seconds = round(current["render_ms"] / 1000)
    job.infoRenderTimeSum_seconds_disobeyReset = round(ever["render_ms"] / 1000)
    job.infoRenderTime_Cost = float(record["cost"] or 0)
    job.infoRenderTime_Cost_PS_disobeyReset = float(record["ps_cost"] or 0)
    job.infoRenderTime_Cost_disobeyReset = float(record["cost"] or 0)
    job.infoRenderTime_seconds = round(current["wall_ms"] / 1000)
    job.infoTotalAborted = current["aborted"]
    job.infoTotalCrashed = current["crashed"]
    job.infoTotalSend = current["sent"]
    job.infoTotal_FramesReturned_disobeyReset = ever["frames_returned"]


def _application(app: Mapping[str, Any]) -> _RenderAppBasic_history:
    head, _, minor = (app["version"] or "").partition(".")
    number = render_type(app["render_type"])
    return _RenderAppBasic_history(
        executeType=execute_type(number),
        name=app["name"],
        renderType=number,
        rendererName=app["renderer"] or "",
        rendererVersion=app["renderer_version"] or "",
        variantName=app["variant"] or "",
        version=int(head) if head.isdecimal() else 0,
        minor=app["version_minor"] or minor,
    )


def _error(one: Mapping[str, Any], place: Place) -> _History_Error:
    return _History_Error(
        what=one["what"],
        when=place.local(one["at"]),
        whichMachine=one["machine"],
        who=one["machine"],
        text=one["text"] or "",
    )


def _entry(one: Mapping[str, Any], place: Place) -> _History_Log:
    return _History_Log(
        clRendering=one["workers_rendering"] or 0,
        fMissing=one["frames_missing"] or 0,
        seqStep=one["frame_step"] or 0,
        step=one["frame_step"] or 0,
        what=one["what"],
        when=place.local(one["at"]),
        whichMachine=UNKNOWN if one["machine"] is None else one["machine"],
        who=UNKNOWN if one["machine"] is None else one["machine"],
        text=one["text"] or "",
        start=one["frame_start"] or 0,
        end=one["frame_end"] or 0,
    )


def _client(one: Mapping[str, Any]) -> _jHistoryClient:
    return _jHistoryClient(
        assigned=bool(one["assigned"] or one["sent"]),
        times_aborted=one["aborted"],
        times_crashed=one["crashed"],
        times_sended=one["sent"],
        totalTimeRendered=round(one["render_ms"] / 1000),
        name=one["worker"],
    )


def frames_files(
    asks: Asks, jobs: Sequence[tuple[str, int]], place: Place
) -> Iterator[tuple[str, FramesFile]]:
    """Yield layers of jobs with their frames.

    Jobs that are submitted one after the other are asked for at once, so that the parts of the
    books that hold them are read once for all.

    Args:
        asks: who answers.
        jobs: ids of jobs, and how many frames each has.
        place: where and when the folder is.
    """
    for job_ids in weighed(sorted(jobs), size=_MOST_JOBS, weight=_MOST_FRAMES):
        for job in asks.ask("frame_records_of_jobs", jobs=",".join(job_ids))["jobs"]:
            found: dict[str, list[Mapping[str, Any]]] = {}
            for row in job["frames"]:
                found.setdefault(row["layer_id"], []).append(row)
            for layer_id, rows in found.items():
                frames = [_frame(row, place) for row in sorted(rows, key=lambda one: one["frame"])]
                yield layer_id, FramesFile(job=layer_id, frames=frames)


def _frame(row: Mapping[str, Any], place: Place) -> _frameStat:
    return _frameStat(
        averageValue=row["averaged_over"] or 1,
        client=row["worker"],
        frameNrJob=row["frame"],
        logFileStart=place.local(row["log_started_at"]),
        logFileStartFrame=row["log_first_frame"] or 0,
        newKSOChunk=bool(row["first_of_chunk"]),
        newSceneLoaded=bool(row["first_after_load"]),
        renderTime5Sec=round(row["render_ms"] / 1000 / _SECONDS_OF_UNIT),
        userLoggedIn=bool(row["user_logged_in"]),
        parts=[
            _frameStat_part(
                jobCPU=(part["job_cpu_milli"] or 0) / 10,
                jobMemoryMB=(part["job_memory_bytes"] or 0) // _MIB,
                nonJobCPU=(part["other_cpu_milli"] or 0) / 10,
                renderThreads=part["threads"] or 0,
            )
            for part in row["parts"]
        ],
    )


def _or(value: Any, unset: Any, reading: Callable[[Any], Any]) -> Any:
    return unset if value is None else reading(value)


def _whole(value: Any) -> int:
    text = str(value if value is not None else "")
    return int(text) if text.isdecimal() else 0
