"""Writes the statistics and the history of a Royal Render farm to one file, for Grange.

Run this in Royal Render's own Python console. It reads with the classes that Royal Render
documents, changes nothing, and writes `inhouse/grange-past.jsonl.gz` below Royal Render's folder.
Take that file to Grange: grange rrdata import-history grange-past.jsonl.gz
"""

import datetime
import gzip
import json
import os
import time
from typing import Any

from rr_python_utils.load_rrdata import rrData

FORMAT = "grange-past"
VERSION = 1
NAME = "grange-past.jsonl.gz"
MOST_WORKERS = 1000
"""Global indices of workers that a job's records are asked for."""

JOB = (
    "AAsamplesPercentage AOVchannel ID camera color companyProjectName customJobType "
    "customSHotName customSceneName customSeQName customVersionName errorCount errorCountServer "
    "framesTotal framesTotalNonMulti framesTotal_FrameSetOnly imageDir imageExtension "
    "imageFileName imageFileNameVariables imageFramePadding imageHeight imageIsDataFile "
    "imageMulti imageSingleOutputFile imageWidth infoAverageClientPS infoAverageClients "
    "infoAverageFrameTime infoClients_maxMemoryUsageMB infoCoreUsageMax infoCpuUsageAverageMax "
    "infoCpuUsageAverageMin infoDateFinished infoDateSubmitted infoFrameTrafficInMax "
    "infoFrameTrafficInMin infoRenderTimeSum_Ghz_h infoRenderTimeSum_PS "
    "infoRenderTimeSum_PS_disobeyReset infoRenderTimeSum_WattSec_disobeyReset "
    "infoRenderTimeSum_seconds_disobeyReset infoRenderTime_Cost_PS_disobeyReset "
    "infoRenderTime_seconds infoTotalAborted infoTotalCrashed infoTotalSend "
    "infoTotal_FramesReturned_disobeyReset layer logCount priority rrJobOS sceneDatabaseDir "
    "sceneName sceneOS sceneState sceneTake seqEnd seqFileOffset seqFrameSet seqStart seqStep "
    "seqSubFrames shotgunID submitMachine userName"
).split()
SOFT = "executeType name renderType rendererName rendererVersion variantName version".split()
ERROR = "what when whichMachine".split()
LOG = "clRendering fMissing seqStep step what when whichMachine".split()
CLIENT = "assigned times_aborted times_crashed times_sended totalTimeRendered".split()
JOB_SLOT = (
    "Cost Ghz_minutes PS_minutes PSneeded Watt_minutes avFrameTime avMemUsageMB avPSUsage "
    "framesLeft framesRendered jobsDisabled jobsDone jobsIdle jobsRendering jobsWaiting "
    "maxFrameTime maxMemUsageMB maxPSUsage renderLicNeeded timesFinished timesSended"
).split()
GROUP_SLOT = "disabled idle off rendering".split()
HOUR = "framesDone jobAborted jobCrashed jobSuccessful".split()
SUBJECTS = ("user", "project", "app")


def plain(value: Any) -> Any:
    """Return a value that JSON can hold."""
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None).isoformat(timespec="seconds")
    if isinstance(value, (bool, int, float, str)):
        return value
    try:
        return int(value)
    except (TypeError, ValueError):
        return str(value)


def fields(thing: Any, names: Any) -> Any:
    """Return the named properties of an object."""
    return {name: plain(getattr(thing, name)) for name in names if hasattr(thing, name)}


def jobs(root: str, report: Any) -> Any:
    """Yield every job of the history."""
    loader = rrData._historyProjectLoader()
    if not loader.loadProjectList(os.path.join(root, "sub", "history_db")):
        report("history: " + loader.getError())
        return
    for at in range(loader.projectCount()):
        if not loader.loadProject(at):
            report("history of " + loader.projectName(at) + ": " + loader.getError())
            continue
        for index in range(loader.jobCount()):
            job = loader.jobAt(index)
            errors = [job.getError(each) for each in range(job.errorCount)]
            logs = [job.getLog(each) for each in range(job.logCount)]
            clients = [(each, job.getClient(each)) for each in range(MOST_WORKERS)]
            yield {
                "kind": "job",
                "id": job.ID2strFull(),
                "at": plain(job.infoDateSubmitted),
                "project": loader.projectName(at),
                "short_id": job.ID2str(),
                "values": fields(job, JOB),
                "soft": {
                    **fields(job.soft, SOFT),
                    "minor": job.soft.versionMinorDisplay(True, 0),
                },
                "errors": [{**fields(each, ERROR), "text": each.errorString()} for each in errors],
                "logs": [
                    {
                        **fields(each, LOG),
                        "text": each.logString(),
                        "start": each.seqStart(),
                        "end": each.seqEnd(),
                    }
                    for each in logs
                ],
                "clients": {
                    str(each): fields(client, CLIENT)
                    for each, client in clients
                    if client.assigned or client.times_sended or client.totalTimeRendered
                },
            }


def days(root: str, report: Any) -> Any:
    """Yield the quarters of each day: jobs by user, project and app, workers by group."""
    folder = os.path.join(root, "sub", "stats", "server")
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        if not name.endswith(".stdb") or not name[:-5].isdigit():
            continue
        data = rrData._dailyStats_data()
        if not data.loadFromFile(os.path.join(folder, name), True):
            report(name + ": " + data.getError())
            continue
        unix_day = int(name[:-5])
        for kind in range(data.jobTypeCount()):
            for subject in data.getJobsByType(kind):
                slots = [(at, subject.getTimeSlot(at)) for at in range(subject.timeSlotCount())]
                yield {
                    "kind": "day",
                    "id": "%d/%s/%s" % (unix_day, SUBJECTS[kind], subject.name),
                    "at": day_text(unix_day),
                    "values": {str(at): fields(one, JOB_SLOT) for at, one in slots if one.slotSet},
                }
        for group in data.getClientGroups():
            counts = [(at, group.getTimeSlot(at)) for at in range(group.timeSlotCount())]
            yield {
                "kind": "day",
                "id": "%d/group/%s" % (unix_day, group.groupName),
                "at": day_text(unix_day),
                "values": {str(at): fields(one, GROUP_SLOT) for at, one in counts if one.slotSet},
            }


def workers(root: str, report: Any) -> Any:
    """Yield each day of each worker: means of its samples, and its hours."""
    everything = rrData._clientStats_all()
    if not everything.initFileList(os.path.join(root, "sub", "stats", "clients")):
        report("workers: " + everything.getError())
        return
    for index in range(everything.clientCount()):
        if everything.getData_error(index):
            report(everything.getName(index) + ": " + everything.getData(index).getError())
            continue
        data = everything.getData(index)
        for at in range(data.daysCount()):
            day = data.getDayByIdx(at)
            if day.daySet and day.day:
                yield {
                    "kind": "worker_day",
                    "id": "%d/%s" % (day.day, everything.getName(index)),
                    "at": day_text(day.day),
                    "values": worker_day(day),
                }
        everything.freeMem()


def worker_day(day: Any) -> Any:
    """Return one day of one worker."""
    count = user = 0
    cpu = job_cpu = 0.0
    most_memory = 0
    for at in range(day.dataMax()):
        sample = day.data(at)
        if sample.hasData():
            count += 1
            user += bool(sample.userLoggedIn)
            cpu += sample.cpuTotal
            job_cpu += sample.cpuRender_allThreads()
            most_memory = max(most_memory, sample.memTotal10MB)
    hours = {}
    for at in range(day.dataHourlyMax()):
        hour = day.dataHourly(at)
        threads = [hour.jobThread(each) for each in range(hour.jobThreadCount())]
        if any(thread.hasData() for thread in threads):
            hours[str(at)] = [fields(thread, HOUR) for thread in threads]
    return {
        "samples": count,
        "user_samples": user,
        "cpu_sum": round(cpu, 3),
        "job_cpu_sum": round(job_cpu, 3),
        "most_memory_10mib": most_memory,
        "hours": hours,
    }


def layer_times(root: str, report: Any) -> Any:
    """Yield the last finished jobs of each project, render type and layer."""
    data = rrData._StatsRenderTime()
    if not data.loadFile(os.path.join(root, "sub", "stats", "rendertime.db")):
        report("render times: " + data.getError())
        return
    for at in range(data.prjCount):
        project = data.getProject(at)
        for kind in range(16):
            for index in range(project.layerCount(kind)):
                layer = project.getLayer(kind, index)
                yield {
                    "kind": "layer_time",
                    "id": "%s/%d/%s" % (project.name, kind, layer.name),
                    "at": plain(project.lastUsed),
                    "values": {
                        "added": int(layer.jobsAdded),
                        "jobs": [
                            {
                                "ps": layer.averageClientPS(each),
                                "cores": layer.coreUsageMax(each),
                                "kps_seconds": layer.frameTime_kPS(each),
                                "seconds": layer.frameTime_sec(each),
                                "memory_gib": layer.memUsageMaxGB(each),
                                "minutes": layer.timeSubmitToFramesDone_minutes(each),
                            }
                            for each in range(layer.count())
                        ],
                    },
                }


def day_text(unix_day: int) -> str:
    """Return a day since 1970 as an ISO time."""
    date = datetime.datetime(1970, 1, 1) + datetime.timedelta(days=unix_day)
    return date.isoformat(timespec="seconds")


def main(root: str) -> None:
    """Write the file, under a temporary name until it is complete."""
    folder = os.path.join(root, "inhouse")
    if not os.path.isdir(folder):
        os.makedirs(folder)
    target = os.path.join(folder, NAME)
    part = target + ".part"
    counts: Any = {}
    with gzip.open(part, "wt", encoding="utf-8") as file:
        head = {
            "format": FORMAT,
            "version": VERSION,
            "root": root,
            "dumped_at": int(time.time() * 1000),
        }
        file.write(json.dumps(head) + "\n")
        for source in (jobs, days, workers, layer_times):
            for row in source(root, print):
                counts[row["kind"]] = counts.get(row["kind"], 0) + 1
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        file.write(json.dumps({"kind": "end", "counts": counts}) + "\n")
    os.replace(part, target)
    print("Wrote", target, counts)


try:
    ROOT = rrGlobal.rrRootPath()  # type: ignore[name-defined]
except NameError:
    print("Run this in the Python console of Royal Render (or with grange rrdata run).")
else:
    main(ROOT)
