"""What each member of the classes of frames, layers, contact, settings and history gives."""

from datetime import datetime
from pathlib import Path
from typing import Any

from grange import rrdata
from grange.rrdata.place import CONTACTS, FRAMES, GROUPS, HISTORY, LICENSES, RENDER_TIMES, UNSET
from tests.unit.rrdata.folder import WRITTEN, job
from tests.unit.rrdata.rows import Table, call


def frames(root: Path) -> Any:
    data = rrdata._frameStatJob()
    assert data.loadFromFile(str(root / FRAMES / "a1b2.stdb"))
    return data


def layer_times(root: Path) -> Any:
    data = rrdata._StatsRenderTime()
    assert data.loadFile(str(root / RENDER_TIMES))
    return data


def contacts(root: Path) -> Any:
    data = rrdata._server_clientInfo()
    assert data.loadFromFile(str(root / CONTACTS))
    return data


def licenses(root: Path) -> Any:
    data = rrdata._AppLicenses_v8()
    assert data.loadFromFile(str(root / LICENSES))
    return data


def groups(root: Path) -> Any:
    data = rrdata._ClientGroupList()
    assert data.loadFromFile(str(root / GROUPS))
    return data


def history(_root: Path) -> Any:
    loader = rrdata._historyProjectLoader()
    assert loader.loadProject(0)
    return loader


def record(root: Path) -> Any:
    return history(root).jobAt(0)


def shown(loader: Any) -> list[str]:
    return [loader.jobAt(at).IDstr() for at in range(loader.jobCount())]


def reloaded(cls: Any, load: str, path: str) -> Any:
    data = cls()
    assert getattr(data, load)(path)
    return data


def only_sent_after_noon(loader: Any) -> bool:
    loader.period_setTimeRange(datetime(2026, 3, 10, 11), datetime(2026, 3, 10, 13))
    return shown(loader) == ["a1b2"]


RECORD = {
    name: value
    for name, value in ((name, getattr(job(), name)) for name in job().__struct_fields__)
    if name not in {"full_id", "short_id", "state", "changed", "errors", "logs", "clients"}
    and name not in {"client_indices", "soft"}
}

TABLES: dict[str, Table] = {
    "_frameStatJob": Table(
        "S0-30",
        frames,
        {
            "frame": [
                call(0, gives=lambda it: it.frameNrJob == 101),
                call(2, gives=lambda it: it.frameNrJob == 105),
                call(3, gives=lambda it: it.frameNrJob == 0 and it.client == ""),
            ],
            "frameCount": call(gives=3),
            "frameMax": call(gives=3),
            "getError": call(gives=""),
            "loadFromFile": [
                call(f"ROOT/{FRAMES}/a1b2.stdb", gives=True),
                call(
                    "ROOT/none", gives=False,
                    then=lambda it: it.frameCount() == 0 and "none" in it.getError(),
                ),
            ],
        },
    ),
    "_frameStat": Table(
        "S0-31",
        lambda root: frames(root).frame(0),
        {
            "averageValue": 4,
            "client": "anna",
            "frameNrJob": 101,
            "logFileStart": WRITTEN,
            "logFileStartFrame": 101,
            "newKSOChunk": True,
            "newSceneLoaded": True,
            "renderTime5Sec": 12,
            "userLoggedIn": True,
            "part": [
                call(4, gives=lambda it: it.jobMemoryMB == 804),
                call(5, gives=lambda it: it.jobMemoryMB == 0),
            ],
            "partMax": call(gives=5),
        },
    ),
    "_frameStat_part": Table(
        "S0-32",
        lambda root: frames(root).frame(1).part(2),
        {"jobCPU": 52.0, "jobMemoryMB": 802, "nonJobCPU": 3.0, "renderThreads": 2},
    ),
    "_StatsRenderTime": Table(
        "S0-33",
        layer_times,
        {
            "lastSaved": WRITTEN,
            "prjCount": 1,
            "getError": call(gives=""),
            "getProject": [
                call(0, gives=lambda it: it.name == "Fox"),
                call(1, gives=lambda it: it.name == ""),
            ],
            "loadFile": [
                call(f"ROOT/{RENDER_TIMES}", gives=True),
                call("ROOT/none", gives=False, then=lambda it: it.prjCount == 0),
            ],
            "saveFile": [
                call("ROOT/new.db", gives=True, then=lambda it: it.lastSaved.minute == 15),
                call("ROOT/none/new.db", gives=False, then=lambda it: bool(it.getError())),
            ],
        },
    ),
    "_StatsRenderTime_project": Table(
        "S0-33",
        lambda root: layer_times(root).getProject(0),
        {
            "lastUsed": datetime(2026, 3, 9),
            "name": "Fox",
            "containsRenderType": [call(1, gives=True), call(2, gives=False)],
            "getLayer": [
                call(1, 0, gives=lambda it: it.name == "beauty"),
                call(2, 0, gives=lambda it: it.name == "" and it.count() == 0),
            ],
            "layerCount": [call(1, gives=1), call(4, gives=0)],
        },
    ),
    "_StatsRenderTime_layer": Table(
        "S0-34",
        lambda root: layer_times(root).getProject(0).getLayer(1, 0),
        {
            "jobsAdded": 300,
            "name": "beauty",
            "averageClientPS": [call(0, gives=1.5), call(2, gives=0.0)],
            "coreUsageMax": call(0, gives=8),
            "count": call(gives=2),
            "frameTime_kPS": call(0, gives=0.25),
            "frameTime_sec": [call(0, gives=31), call(1, gives=32), call(-1, gives=0)],
            "memUsageMaxGB": call(0, gives=1.5),
            "timeSubmitToFramesDone_minutes": call(1, gives=42),
        },
    ),
    "_server_clientInfo": Table(
        "S0-35",
        contacts,
        {
            "count": call(gives=1),
            "errorStr": call(gives=""),
            "fileTime": call(gives=WRITTEN),
            "info": [
                call(0, gives=lambda it: it.saveNameCopy == "anna"),
                call(1, gives=lambda it: it.saveNameCopy == "" and it.lastConnect == UNSET),
            ],
            "loadFromFile": [
                call(f"ROOT/{CONTACTS}", gives=True),
                call("ROOT/none", gives=False, then=lambda it: it.count() == 0 and it.errorStr()),
            ],
        },
    ),
    "_Client_Info_save": Table(
        "S0-35, S0-36",
        lambda root: contacts(root).info(0),
        {
            "WOLTryCount": 2,
            "lastConnect": WRITTEN,
            "lastWOLTry": datetime(2026, 3, 8, 7),
            "saveNameCopy": "anna",
            "saveVersionCopy": "0.1.0",
            "lastIPDate": [call(1, gives=datetime(2026, 3, 2)), call(2, gives=UNSET)],
            "lastIPs": [
                call(0, gives=lambda it: it.asString() == "10.0.0.7"),
                call(2, gives=lambda it: not it.isValid()),
            ],
            "lastWOLs": [
                call(0, gives=lambda it: it.success),
                call(1, gives=lambda it: it.dateTime == UNSET),
            ],
            "maxIPCount": call(gives=10),
            "maxWOLCount": call(gives=10),
        },
    ),
    "_Client_WOLInfo": Table(
        "S0-37",
        lambda root: contacts(root).info(0).lastWOLs(0),
        {"bootTime": 93, "dateTime": datetime(2026, 3, 8, 7), "success": True},
    ),
    "_IP": Table(
        "S0-36",
        lambda root: contacts(root).info(0).lastIPs(0),
        {
            "asInt32": call(gives=(10 << 24) + 7),
            "asString": call(gives="10.0.0.7"),
            "isIP4": call(gives=True),
            "isValid": call(gives=True),
        },
    ),
    "_AppLicenses_v8": Table(
        "S0-38",
        licenses,
        {
            "getCount": call(gives=1),
            "getError": call(gives=""),
            "getLicense": [
                call(0, gives=lambda it: it.getRenderAppName() == "Nuke"),
                call(1, gives=lambda it: it.getRenderAppName() == ""),
            ],
            "loadFromFile": [
                call(f"ROOT/{LICENSES}", gives=True),
                call("ROOT/none", gives=False, then=lambda it: it.getCount() == 0),
            ],
            "saveToFile": [
                call("ROOT/new.db", gives=True),
                call("ROOT/none/new.db", gives=False, then=lambda it: bool(it.getError())),
            ],
            "setLicense": [
                call(
                    0, rrdata._AppLicenses_v8_licItem(app="Maya"), gives=True,
                    then=lambda it: it.getLicense(0).getRenderAppName() == "Maya",
                ),
                call(
                    1, rrdata._AppLicenses_v8_licItem(), gives=True,
                    then=lambda it: it.getCount() == 2,
                ),
                call(3, rrdata._AppLicenses_v8_licItem(), gives=False),
            ],
        },
    ),
    "_AppLicenses_v8_licItem": Table(
        "S0-38",
        lambda root: licenses(root).getLicense(0),
        {
            "SetRenderAppName": call("Maya", then=lambda it: it.getRenderAppName() == "Maya"),
            "getCost": [call(0, gives=1.5), call(2, gives=0.5), call(3, gives=1.5)],
            "getIsTypeSet": [call(0, gives=True), call(2, gives=True), call(3, gives=False)],
            "getIsUnlimited": [call(0, gives=False), call(2, gives=True), call(1, gives=False)],
            "getLicCount": [
                call(0, gives=10), call(1, gives=10), call(2, gives=4), call(4, gives=0),
            ],
            "getPluginName": call(gives="Sapphire"),
            "getRenderAppName": call(gives="Nuke"),
            "getVersion": call(gives=15),
            "setCost": call(2, 2.5, then=lambda it: it.getCost(2) == 2.5),
            "setIsTypeSet": [
                call(2, False, then=lambda it: it.getLicCount(2) == 10),
                call(0, False, then=lambda it: it.getIsTypeSet(0)),
            ],
            "setIsUnlimited": call(0, True, then=lambda it: it.getIsUnlimited(3)),
            "setLicCount": [
                call(2, 6, then=lambda it: it.getLicCount(2) == 6),
                call(9, 6, then=lambda it: it.getLicCount(9) == 0),
            ],
            "setPluginName": call("Yeti", then=lambda it: it.getPluginName() == "Yeti"),
            "setVersion": call(16, then=lambda it: it.getVersion() == 16),
        },
    ),
    "_ClientGroup": Table(
        "S0-39",
        lambda root: groups(root).clientGroup(0),
        {
            "addClient": [
                call("cleo", then=lambda it: it.allMemberGlobalIndices() == "0,3,4"),
                call("anna", then=lambda it: it.count() == 2),
            ],
            "allMemberGlobalIndices": call(gives="0,3"),
            "clear": call(then=lambda it: it.count() == 0),
            "count": call(gives=2),
            "getClientName": [call(0, gives="bert"), call(2, gives="")],
            "getName": call(gives="fast"),
            "isMember_byGlobalIndex": [call(3, gives=True), call(4, gives=False)],
            "removeClient": [
                call("bert", then=lambda it: it.getClientName(0) == "anna" and it.count() == 1),
                call("nobody", then=lambda it: it.count() == 2),
            ],
            "removeClientbyID": [
                call(0, then=lambda it: it.getClientName(0) == "anna"),
                call(7, then=lambda it: it.count() == 2),
            ],
            "setName": call("slow", then=lambda it: it.getName() == "slow"),
        },
    ),
    "_ClientGroupList": Table(
        "S0-39, S0-40",
        groups,
        {
            "count": 2,
            "settingsFileDate": lambda when: when != UNSET and when.tzinfo is None,
            "clientGroup": [
                call(1, gives=lambda it: it.getName() == "night"),
                call(2, gives=lambda it: it.getName() == "" and it.count() == 0),
            ],
            "clientGroupSet": [
                call(
                    0, rrdata._ClientGroup("new"),
                    then=lambda it: it.clientGroup(0).getName() == "new",
                ),
                call(9, rrdata._ClientGroup("new"), then=lambda it: it.count == 2),
            ],
            "clientGroupsMax": call(gives=256),
            "getError": call(gives=""),
            "groupsOfClient": [call("anna", gives="fast,night"), call("nobody", gives="")],
            "loadFromFile": [
                call(f"ROOT/{GROUPS}", gives=True),
                call(
                    "ROOT/none", gives=False,
                    then=lambda it: it.count == 0 and it.settingsFileDate == UNSET,
                ),
            ],
            "saveToFile": [
                call("ROOT/new.db", gives=True, then=lambda it: it.settingsFileDate != UNSET),
                call("ROOT/none/new.db", gives=False, then=lambda it: bool(it.getError())),
            ],
        },
    ),
    "_historyProjectLoader": Table(
        "S0-41, S0-42, S0-43",
        history,
        {
            "errorString": call(gives=""),
            "getError": call(gives=""),
            "getInfo": call(gives="Fox: 2 jobs"),
            "jobAt": [
                call(1, gives=lambda it: it.layer == "volume"),
                call(2, gives=lambda it: it.ID == 0 and it.layer == ""),
            ],
            "jobCount": call(gives=2),
            "jobSetFilter": [
                call("bob", "", "", "", 0, "", False, 255, then=lambda it: shown(it) == ["c3d4"]),
                call("", "", "", "", 0, "", False, 16, then=lambda it: shown(it) == ["a1b2"]),
                call("", "", "", "", 1, "", False, 255, then=lambda it: shown(it) == ["c3d4"]),
                call("", "", "", "", 0, "volume", True, 255, then=lambda it: shown(it) == ["a1b2"]),
            ],
            "jobSetFilter4": [
                call("", "Fox", "Blender", 1, "Cycles", 0, "", False, 255,
                     then=lambda it: it.jobCount() == 2),
                call("", "", "", 2, "", 0, "", False, 255, then=lambda it: it.jobCount() == 0),
            ],
            "loadProject": [
                call(0, gives=True),
                call(1, gives=False, then=lambda it: it.jobCount() == 0 and it.getError()),
            ],
            "loadProjectList": [
                call(f"ROOT/{HISTORY}", gives=True, then=lambda it: it.projectCount() == 1),
                call("ROOT/none", gives=False, then=lambda it: it.projectCount() == 0),
            ],
            "period_setTimeMode": [
                call(2, then=only_sent_after_noon),
                call(0, then=lambda it: it.jobCount() == 2),
            ],
            "projectCount": call(gives=1),
            "projectName": [call(0, gives="Fox"), call(1, gives="")],
        },
    ),
    "_jobsHistoryDB_Runtime": Table(
        "S0-44, S0-45, S0-46, S0-47, S0-48, S0-49, S0-50",
        record,
        {
            **RECORD,
            "ID": 0xA1B2,
            "dateFinished": datetime(2026, 3, 10, 12),
            "dateSend": datetime(2026, 3, 9),
            "errorCount": 1,
            "logCount": 1,
            "soft": lambda it: it.name == "Blender",
            "ID2str": call(gives="a1b2"),
            "ID2strFull": call(gives="step-0000000000000000000000000000a1b2"),
            "IDstr": call(gives="a1b2"),
            "fn2F": [
                call(1101, 0, gives=0), call(1103.0, 0, gives=1), call(1105, 1, gives=12),
                call(1098, 0, gives=-1), call(5000, 0, gives=9), call(5000, 1, gives=19),
            ],
            "getClient": [
                call(3, gives=lambda it: it.assigned and it.totalTimeRendered == 310),
                call(0, gives=lambda it: not it.assigned),
            ],
            "getError": [
                call(0, gives=lambda it: it.errorString() == "it crashed"),
                call(1, gives=lambda it: it.errorString() == ""),
            ],
            "getLog": [
                call(0, gives=lambda it: it.logString() == "disabled"),
                call(1, gives=lambda it: it.when == UNSET),
            ],
        },
    ),
    "_RenderAppBasic_history": Table(
        "S0-55",
        lambda root: record(root).soft,
        {
            "executeType": 3,
            "name": "Blender",
            "renderType": 1,
            "rendererName": "Cycles",
            "rendererVersion": "4.2",
            "variantName": "lts",
            "version": 4,
            "versionMinorDisplay": [
                call(False, 0, gives=".2"), call(True, 2, gives="20"), call(True, 0, gives="2"),
            ],
        },
    ),
    "_History_Error": Table(
        "S0-51, S0-53",
        lambda root: record(root).getError(0),
        {
            "what": 1, "when": WRITTEN, "whichMachine": 3, "who": 3,
            "errorString": call(gives="it crashed"),
        },
    ),
    "_History_Log": Table(
        "S0-52, S0-53",
        lambda root: record(root).getLog(0),
        {
            "clRendering": 2, "fMissing": 7, "seqStep": 2, "step": 1, "what": 4, "when": WRITTEN,
            "whichMachine": -1, "who": -1,
            "logString": call(gives="disabled"),
            "seqEnd": call(gives=119),
            "seqStart": call(gives=101),
        },
    ),
    "_jHistoryClient": Table(
        "S0-54",
        lambda root: record(root).getClient(3),
        {
            "assigned": True, "times_aborted": 1, "times_crashed": 2, "times_sended": 9,
            "totalTimeRendered": 310,
        },
    ),
}  # fmt: skip
