"""What scripts read from an exported folder is what the server answers."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from grange import rrdata
from grange.cli.main import run
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_MINUTE, Instant, datetime_of
from grange.rrdata.door import Door
from grange.rrdata.export import export_farm
from grange.rrdata.import_back import differences, read_settings
from grange.rrdata.place import (
    CLIENTS,
    CONTACTS,
    DAYS,
    FRAMES,
    GROUPS,
    HISTORY,
    LICENSES,
    RENDER_TIMES,
    SERVER_STATS,
    UNSET,
)
from grange.rrdata.script import run_script
from grange.testing.facts import posted_frame, posted_thread_sample, posted_worker_sample
from grange.testing.farm import LocalFarm
from tests.server.conftest import ScriptedWorker, add_worker, template

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def farm(steady_farm: LocalFarm) -> LocalFarm:
    return steady_farm


@pytest.fixture(scope="module")
def job_id(farm: LocalFarm, client: Any) -> str:
    """A job of two layers that a worker has rendered, one frame of it twice; another looked on."""
    made: str = client.create_job(
        farmId=farm.farm_id,
        queueId=farm.queue_id,
        template=template("teapot", frames="1-4"),
        templateType="JSON",
        priority=50,
        tags={
            "grange:project": "Fox",
            "grange:app": "blender",
            "grange:app_version": "4.2",
            "grange:shot": "sh010",
            "grange:render_type": "three_d",
        },
    )["jobId"]
    one, two = add_worker(farm, "anna"), add_worker(farm, "bert")
    one.start(threads=2)
    _watch(one)
    _render(one, made)
    two.start()  # before, it would be the one to try again what failed
    one.stop()
    return made


def _render(worker: ScriptedWorker, job_id: str) -> None:
    """Do everything the worker is given; the first try of the second task fails."""
    failed = False
    updates: dict[str, Any] = {}
    api = worker.farm.connect()
    while True:
        answer = worker.schedule(updates)
        if not answer["assignedSessions"]:
            return
        updates = {}
        rows = []
        for session_id, session in answer["assignedSessions"].items():
            for action in session["sessionActions"]:
                action_id = action["sessionActionId"]
                definition = action["definition"].get("taskRun")
                frame = _frame_of(definition)
                if frame == 2 and not failed:
                    failed = True
                    updates[action_id] = worker.done("FAILED", 1)
                    continue
                updates[action_id] = worker.done()
                if frame is not None:
                    now = worker.farm.api.context.clock.now()
                    rows.append(
                        posted_frame(
                            action_id=action_id, session_id=session_id, job_id=job_id,
                            layer_id=definition["stepId"], task_index=frame - 1, frame=frame,
                            started_at=now - 12_000, ended_at=now, render_ms=12_000,
                        )
                    )  # fmt: skip
        if rows:
            path = f"/api/v1/farms/{worker.farm.farm_id}/workers/{worker.worker_id}/facts"
            api.call("POST", path, body={"frames": rows}, service="grange")


def _watch(worker: ScriptedWorker) -> None:
    """Send three samples of the machine and its two threads."""
    now = worker.farm.api.context.clock.now()
    times = [now - 60_000 + 20_000 * at for at in range(3)]
    path = f"/api/v1/farms/{worker.farm.farm_id}/workers/{worker.worker_id}/facts"
    body = {
        "worker_samples": [
            posted_worker_sample(at, cpu_milli=430 + place) for place, at in enumerate(times)
        ],
        "thread_samples": [
            posted_thread_sample(at, thread, state=state)
            for at in times
            for thread, state in enumerate(("rendering", "idle"))
        ],
    }
    worker.farm.connect().call("POST", path, body=body, service="grange")


def _frame_of(definition: dict[str, Any] | None) -> int | None:
    value = ((definition or {}).get("parameters") or {}).get("Frame", {}).get("int")
    return None if value is None else int(value)


@pytest.fixture(scope="module")
def door(farm: LocalFarm, job_id: str) -> Door:
    assert job_id
    door = Door(farm.connect(), farm.farm_id)
    set_up(door)
    return door


def set_up(door: Door) -> None:
    """Give the farm two groups and two licence pools."""
    door.put("/groups", {"groups": {"fast": ["anna", "bert"], "night": ["bert"]}})
    door.put(
        "/licences",
        {
            "pools": [
                {
                    "app": "Nuke",
                    "plugin": "Sapphire",
                    "version": "15.1",
                    "regions": {
                        "default": {"count": 10, "cost": "1.25"},
                        "cloud": {"unlimited": True, "cost": "0.5"},
                    },
                },
                {"app": "Maya", "regions": {"farm": {"count": 3}}},
            ]
        },
    )


@pytest.fixture(scope="module")
def exported_at(door: Door) -> int:
    """Before this moment slots had ended when the folder was written; others may change yet."""
    return int(door.ask("books_about")["now"])


@pytest.fixture(scope="module")
def root(
    farm: LocalFarm, door: Door, exported_at: int, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    assert exported_at
    folder = tmp_path_factory.mktemp("export") / "rr"
    done = export_farm(door, folder, clock=farm.api.context.clock, days=1)
    assert done.jobs == 2
    assert done.projects == 1
    return folder


@pytest.fixture
def variables(farm: LocalFarm, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in farm.environment().items():
        monkeypatch.setenv(name, value)
    yield
    from grange.rrdata.place import HERE

    HERE.forget()


def test_the_history_is_the_servers(door: Door, root: Path):
    """Ledger S0-41, S0-44, S0-48, S0-51, S0-54: same question, same answer."""
    loader = rrdata._historyProjectLoader()
    assert loader.loadProjectList(str(root / HISTORY))
    assert [loader.projectName(at) for at in range(loader.projectCount())] == ["Fox"]
    assert loader.loadProject(0)
    jobs = {loader.jobAt(at).layer: loader.jobAt(at) for at in range(loader.jobCount())}
    assert sorted(jobs) == ["encode", "render"]
    job = jobs["render"]
    record = door.ask("history_record", layer_id=job.ID2strFull())
    assert job.companyProjectName == "Fox"
    assert job.customSHotName == "sh010"
    assert (job.soft.name, job.soft.version) == ("blender", 4)
    assert job.soft.versionMinorDisplay(False, 0) == ".2"
    assert job.soft.renderType == rrdata.rrJob._renderType.three_d
    assert (job.seqStart, job.seqEnd, job.seqStep, job.framesTotal) == (1, 4, 1, 4)
    assert int(record["number"]) == job.ID
    assert job.infoTotalSend == record["current"]["sent"] == 5
    assert job.infoTotalCrashed == record["current"]["crashed"] == 1
    assert job.infoTotal_FramesReturned_disobeyReset == 4
    assert job.errorCount == len(record["error_list"]) == 1
    assert job.getError(0).errorString() == record["error_list"][0]["text"]
    assert job.logCount == record["log_count"]
    contacts = {row["name"]: row["index"] for row in door.ask("contacts")["contacts"]}
    client = job.getClient(contacts["anna"])
    assert client.assigned
    assert (client.times_sended, client.times_crashed) == (5, 1)
    assert not job.getClient(contacts["bert"]).assigned
    zone = door.ask("books_about")["zone"]
    assert zone == "UTC"
    finished = datetime_of(record["finished_at"]).replace(tzinfo=None)
    assert abs((job.infoDateFinished - finished).total_seconds()) < 0.01
    assert job.infoDateFinished != UNSET


def test_a_page_of_the_history_is_its_records(door: Door):
    """Ledger S0-41: many records at once are each as it is alone."""
    page = door.ask("history_page", limit=1, offset=1)
    assert page["matched"] == 2
    (record,) = page["records"]
    assert record == door.ask("history_record", layer_id=record["layer_id"])


def test_the_frames_are_the_servers(door: Door, job_id: str, root: Path):
    """Ledger S0-30, S0-31, S0-32."""
    found = door.ask("frame_records", job_id=job_id)["frames"]
    layer_id = found[0]["layer_id"]
    short = door.ask("history_record", layer_id=layer_id)["short_id"]
    frames = rrdata._frameStatJob()
    assert frames.loadFromFile(str(root / FRAMES / f"{short}.stdb"))
    assert frames.frameCount() == len(found) == 4
    for at in range(frames.frameCount()):
        frame = frames.frame(at)
        assert frame.frameNrJob == at + 1
        assert frame.client == "anna"
        assert frame.renderTime5Sec == round(12 / 5)
        assert frame.part(0).jobCPU == 90.0
        assert frame.part(4).jobMemoryMB == 1024


def test_the_quarters_of_today_are_the_servers(door: Door, root: Path, exported_at: int):
    """Ledger S0-01 to S0-07: S0-03, S0-05, S0-06 and S0-07, slot by slot."""
    found = door.ask("day", day=datetime_of(Instant(exported_at)).date().isoformat())
    timeline = rrdata._dailyStats_timeline()
    assert timeline.initFileList(str(root / DAYS))
    (name,) = [path.name for path in (root / DAYS).iterdir()]
    assert timeline.period_day_hasData(int(name.removesuffix(".stdb")))
    day = timeline.period_day(int(name.removesuffix(".stdb")))
    sent = 0
    for number, subject in enumerate(("users", "projects", "apps")):
        assert [one.name for one in day.getJobsByType(number)] == list(found[subject])
        for one in day.getJobsByType(number):
            slots = [one.getTimeSlot(at) for at in range(one.timeSlotCount())]
            sent = sum(slot.timesSended for slot in slots)
            assert sent == sum(value or 0 for value in found[subject][one.name]["chunks_sent"])
            done = sum(slot.timesFinished for slot in slots)
            assert done == sum(value or 0 for value in found[subject][one.name]["chunks_finished"])
    assert sent == 6
    groups = {group.groupName: group for group in day.getClientGroups()}
    assert {"fast", "night"} <= set(groups)
    for name in ("fast", "night"):
        for at in range(exported_at % MILLIS_PER_DAY // (15 * MILLIS_PER_MINUTE)):
            slot = groups[name].getTimeSlot(at)
            assert slot.slotSet == found["valid"][at]
            assert slot.disabled == (found["groups"][name]["workers_disabled"][at] or 0)


def test_the_lists_are_the_servers(door: Door, root: Path, exported_at: int):
    """Ledger S0-08 to S0-20: S0-09, S0-10, S0-16, S0-17, S0-18, through the folder."""
    lists = rrdata._rrGlobalStatsLS()
    assert lists.loadFromFile(str(root / SERVER_STATS))
    year = door.ask("ring", ring="year")
    assert lists.lastSaveYear_asDatetime() == datetime_of(year["columns"]["end_at"][-1]).replace(
        tzinfo=None
    )
    for at, valid in enumerate(year["columns"]["valid"]):
        assert lists.year(at).slot_used == valid
    day = door.ask("ring", ring="day")
    for at, minute in enumerate(day["columns"]["index"]):
        if day["columns"]["valid"][at] and day["columns"]["end_at"][at] <= exported_at:
            item = lists.day(minute)
            assert item.clients_rendering == day["columns"]["workers_rendering"][at]
            assert item.jobs_total == day["columns"]["layers_total"][at]


def test_workers_days_are_the_servers(door: Door, root: Path):
    """Ledger S0-21 to S0-28: S0-25, S0-26, S0-28, sample by sample."""
    every = rrdata._clientStats_all()
    assert every.initFileList(str(root / CLIENTS))
    assert every.findName("anna") >= 0
    data = every.getDataByName("anna")
    day = data.getDayByIdx(data.daysCount() - 1)
    assert day.daySet
    ids = {row["name"]: row["worker_id"] for row in door.ask("worker_list")["workers"]}
    date = day.dayAsTime().date().isoformat()
    (found,) = door.ask("day_of_workers", workers=ids["anna"], day=date)["workers"]
    known = {at for at in range(day.dataMax()) if day.data(at).hasData()}
    assert known == set(found["samples"]["index"])
    assert known
    for at, index in enumerate(found["samples"]["index"]):
        sample = day.data(index)
        assert sample.cpuTotal == found["samples"]["cpu_milli"][at] / 10
        assert sample.jobThreadCount() == 2
        assert sample.jobThread(0).cpuRender == 45.0
        assert sample.jobThread(0).wasRendering()
        assert sample.jobThread(1).wasIdle()
        assert sample.anyThreadRendering()
        assert sample.memTotal10MB == (4 << 30) // (10 << 20)
    frames = sum(
        day.dataHourly(hour).jobThread(thread).framesDone
        for hour in range(24)
        for thread in range(day.dataHourly(hour).jobThreadCount())
    )
    assert frames == sum(found["hours"]["frames_done"]) == 4


def test_layer_times_are_the_servers(door: Door, root: Path):
    """Ledger S0-33, S0-34."""
    (row,) = [one for one in door.ask("layer_time_lists")["lists"] if one["layer"] == "render"]
    times = rrdata._StatsRenderTime()
    assert times.loadFile(str(root / RENDER_TIMES))
    assert times.prjCount == 1
    kind = rrdata.rrJob._renderType.three_d
    project = times.getProject(0)
    assert project.containsRenderType(kind)
    layers = [project.getLayer(kind, at) for at in range(project.layerCount(kind))]
    (layer,) = [one for one in layers if one.name == "render"]
    assert layer.jobsAdded == row["added"]
    assert layer.frameTime_sec(0) == round(row["entries"][0]["frame_seconds"])


def test_contact_is_the_servers(door: Door, root: Path):
    """Ledger S0-35: every worker, and when it was last heard of."""
    contact = rrdata._server_clientInfo()
    assert contact.loadFromFile(str(root / CONTACTS))
    names = [contact.info(at).saveNameCopy for at in range(contact.count())]
    assert sorted(names) == ["anna", "bert"]
    assert all(contact.info(at).lastConnect != UNSET for at in range(contact.count()))


def test_licences_come_with_their_regions(root: Path):
    """Ledger S0-38."""
    licences = rrdata._AppLicenses_v8()
    assert licences.loadFromFile(str(root / LICENSES))
    items = {licences.getLicense(at).getRenderAppName(): licences.getLicense(at) for at in (0, 1)}
    nuke = items["Nuke"]
    assert (nuke.getPluginName(), nuke.getVersion()) == ("Sapphire", 15)
    assert [nuke.getLicCount(region) for region in range(3)] == [10, 10, 10]
    assert nuke.getIsUnlimited(3)
    assert [nuke.getCost(region) for region in range(4)] == [1.25, 1.25, 1.25, 0.5]
    assert [nuke.getIsTypeSet(region) for region in range(4)] == [True, False, False, True]
    assert items["Maya"].getIsUnlimited(0)
    assert items["Maya"].getLicCount(2) == 3


def test_what_comes_back_unchanged_changes_nothing(door: Door, root: Path):
    """Ledger S0-59: export and import are a round trip."""
    assert differences(door, read_settings(root)) == []


def test_changed_groups_and_licences_are_shown_and_taken_back(
    farm: LocalFarm, door: Door, tmp_path: Path, variables: None, capsys: pytest.CaptureFixture[str]
):
    """Ledger S0-39, S0-40, S0-59: edited through the documented classes, shown, applied, booked."""
    root = tmp_path / "rr"
    export_farm(door, root, clock=farm.api.context.clock, days=1, frames=False)
    groups = rrdata._ClientGroupList()
    assert groups.loadFromFile(str(root / GROUPS))
    assert groups.groupsOfClient("bert") == "fast,night"
    night = groups.clientGroup(1)
    night.removeClient("bert")
    night.addClient("anna")
    groups.count = 3
    groups.clientGroup(2).setName("new")
    assert groups.saveToFile(str(root / GROUPS))
    licences = rrdata._AppLicenses_v8()
    assert licences.loadFromFile(str(root / LICENSES))
    for at in range(licences.getCount()):
        item = licences.getLicense(at)
        if item.getRenderAppName() == "Nuke":
            item.setLicCount(0, 12)
            item.setIsTypeSet(2, True)
            item.setLicCount(2, 4)
    assert licences.saveToFile(str(root / LICENSES))

    assert run(["rrdata", "import", str(root), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "  - bert" in said
    assert "  + anna" in said
    assert "default 12 at 1.25; farm 4 at 0" in said
    assert differences(door, read_settings(root)) != []

    assert run(["rrdata", "import", str(root), "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changed"] is True
    assert differences(door, read_settings(root)) == []
    now = {
        row["name"]: [one["name"] for one in row["members"]]
        for row in door.get("/groups")["groups"]
    }
    assert now == {"fast": ["anna", "bert"], "night": ["anna"], "new": []}
    (nuke,) = [pool for pool in door.get("/licences")["pools"] if pool["app"] == "Nuke"]
    assert nuke["version"] == "15.1"
    assert nuke["updated_by"] == "owner"
    assert nuke["regions"]["farm"]["count"] == 4
    assert Decimal(nuke["regions"]["workstation"]["cost"]) == Decimal("1.25")
    night_now = [
        one for one in door.get("/groups")["memberships"]
        if one["group"] == "night" and one["end_at"] is None
    ]  # fmt: skip
    assert len(night_now) == 1
    set_up(door)


def test_a_folder_without_its_settings_changes_nothing(
    root: Path, tmp_path: Path, variables: None, capsys: pytest.CaptureFixture[str]
):
    """Ledger S0-59: an absent file never removes what the farm has."""
    assert run(["rrdata", "import", str(tmp_path), "--yes"]) == 1
    assert "does not exist" in capsys.readouterr().err


def test_a_script_lists_the_groups_of_the_running_server(
    door: Door, tmp_path: Path, variables: None, capsys: pytest.CaptureFixture[str]
):
    """Ledger S0-58: a connection gives the live groups."""
    assert door.farm_id
    script = tmp_path / "groups.py"
    script.write_text(
        "from rr_python_utils.load_rrlib import rrLib\n"
        "import rr_python_utils.connection as connection\n"
        "server = connection.server_connect()\n"
        "every = server.clientGetGroups()\n"
        "for at in range(every.count):\n"
        "    group = every.clientGroup(at)\n"
        "    names = [group.getClientName(each) for each in range(group.count())]\n"
        "    print(group.getName(), ' '.join(names), group.allMemberGlobalIndices())\n"
        "assert isinstance(every, rrLib._ClientGroupList)\n"
    )
    run_script(script)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["fast", "night"]
    assert "anna" in lines[0]
    assert "bert" in lines[1]


def test_a_second_export_asks_only_for_what_changed_and_keeps_the_rest(
    farm: LocalFarm, door: Door, root: Path
):
    """Ledger S0-59: an export of few days adds to the folder."""
    loader = rrdata._historyProjectLoader()
    assert loader.loadProjectList(str(root / HISTORY))
    clock = farm.api.context.clock
    assert export_farm(door, root, clock=clock, days=1).jobs == 0
    assert loader.loadProject(0)
    assert loader.jobCount() == 2
    assert export_farm(door, root, clock=clock, days=1, anew=True).jobs == 2
    assert loader.loadProject(0)
    assert loader.jobCount() == 2
