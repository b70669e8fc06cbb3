"""A Constellation database, row for row, into the books and out again (S1-01 to S1-05)."""

import json
import sqlite3
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from grange.adapters.constellation import read_tables
from grange.cli.main import run
from grange.domain.chunk_status import ChunkStatus
from grange.domain.constellation import (
    TABLES,
    Blocked,
    ClientStatus,
    Constellation,
    Software,
    limits_toml,
    read_constellation,
)
from grange.kernel.errors import CorruptDataError, NotFoundError
from grange.kernel.units import Instant
from grange.testing.farm import LocalFarm
from grange.worker.limits import Limits, parse_profile

UTC = ZoneInfo("UTC")
T0 = 1_410_170_000
"""Some day of September 2014, in seconds."""
LAYER = "6f9619ff"
OTHER = "0b5a7a10"


def job(number: int, **columns: Any) -> dict[str, Any]:
    start = 1 + 10 * (number - 1)
    return {
        "jobId": number,
        "jobUuid": LAYER,
        "jobProject": "shepard",
        "jobUser": "andrew",
        "jobSoftware": "maya-mray",
        "jobScriptPath": "/srv/scenes/localTestRender.ma",
        "jobTargetPath": "/srv/images",
        "jobFrameStart": str(start),
        "jobFrameEnd": str(start + 9),
        "jobLayer": "masterLayer",
        "jobStatus": "QUEUE",
        "jobBlocked": "ENABLED",
        "jobRegistered": str(T0),
        "jobPriority": "99",
        "jobCamera": "perspShape",
        "jobClassification": "a",
        "jobRenderTime": "",
        **columns,
    }


JOBS = [
    *(job(one, jobStatus="DONE", jobRenderTime="0:0:16:40") for one in range(1, 6)),
    *(job(one) for one in range(6, 21)),
    job(
        21, jobUuid=OTHER, jobSoftware="nuke", jobFrameStart="1", jobFrameEnd="4",
        jobStatus="ERROR", jobBlocked="DISABLED", jobRegistered="2014-09-08 12:00:00",
        jobPriority="0", jobClassification="", jobLayer="write1", jobRenderTime="12.5",
    ),
]  # fmt: skip
LOG: list[dict[str, Any]] = [
    {
        "logId": number,
        "clientName": "RIG01",
        "jobUuid": LAYER,
        "logDescription": text,
        "logRegistered": str(T0 + number),
    }
    for number, text in enumerate(["render started", "Error: no licence\n  for mental ray", ""], 1)
]
CLIENTS = [
    {
        "clientId": 1, "clientName": "RIG01", "clientJob": LAYER, "clientBlocked": "ENABLED",
        "clientMemory": "-1", "clientThread": "8", "clientWorkMemory": "4096",
        "clientWorkThread": "2", "clientClassification": "A", "clientStatus": "RENDERING",
    },
    {
        "clientId": 2, "clientName": "RIG02", "clientJob": None, "clientBlocked": "OFFLINE",
        "clientMemory": "-1", "clientThread": "-1", "clientWorkMemory": "-1",
        "clientWorkThread": "-1", "clientClassification": "B", "clientStatus": "COOLDOWN",
    },
]  # fmt: skip


def database(path: Path, jobs: Any = JOBS, log: Any = LOG, clients: Any = CLIENTS) -> Path:
    """Make a database of the same tables."""
    with sqlite3.connect(path) as connection:
        for (table, columns), rows in zip(TABLES.items(), (jobs, log, clients), strict=True):
            first, *rest = columns
            typed = ", ".join([f"{first} INTEGER PRIMARY KEY", *(f"{one} TEXT" for one in rest)])
            connection.execute(f"CREATE TABLE {table} ({typed})")
            marks = ", ".join(f":{one}" for one in columns)
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
    connection.close()
    return path


def read(path: Path) -> Constellation:
    return read_constellation(read_tables(path), UTC)


def test_every_row_of_jobs_comes_as_it_is(tmp_path: Path) -> None:
    """Ledger S1-01: row for row, typed; priority 0–99 unchanged."""
    found = read(database(tmp_path / "c.db"))
    assert found.problems == ()
    assert len(found.jobs) == len(JOBS)
    for row, job_ in zip(JOBS, found.jobs, strict=True):
        kept = asdict(job_)
        assert kept["job_id"] == str(row["jobId"])
        assert kept["uuid"] == row["jobUuid"]
        assert (kept["project"], kept["user"]) == (row["jobProject"], row["jobUser"])
        assert kept["software"] is Software(row["jobSoftware"])
        assert (kept["script_path"], kept["output"]) == (row["jobScriptPath"], row["jobTargetPath"])
        frames = (int(row["jobFrameStart"]), int(row["jobFrameEnd"]))
        assert (kept["frame_start"], kept["frame_end"]) == frames
        assert kept["layer"] == row["jobLayer"]
        assert kept["status"] is ChunkStatus(row["jobStatus"])
        assert kept["blocked"] is Blocked(row["jobBlocked"])
        assert kept["priority"] == int(row["jobPriority"])
        assert kept["camera"] == row["jobCamera"]
        assert kept["job_class"] == row["jobClassification"].upper()
    assert found.jobs[0].registered_at == T0 * 1000
    assert found.jobs[20].registered_at == Instant(1_410_177_600_000), "a date, in the zone given"
    assert [found.jobs[at].render_seconds for at in (0, 5, 20)] == [1000.0, None, 12.5]


def test_rows_that_share_a_uuid_are_the_chunks_of_one_layer(tmp_path: Path) -> None:
    """Ledger S1-02, S1-03, S1-20: 200 frames in 20 chunks of 10; HALTED at 25.0 %."""
    layer, other = read(database(tmp_path / "c.db")).layers
    assert (layer.uuid, other.uuid) == (LAYER, OTHER)
    assert [chunk.frames for chunk in layer.chunks] == [10] * 20
    assert layer.frames == 200
    assert layer.progress.status == "HALTED"
    progress = layer.progress
    assert [progress.percent(one) for one in (progress.queued, progress.rendering, progress.done)] \
        == [75.0, 0.0, 25.0]  # fmt: skip
    assert layer.render_seconds == 5000.0
    assert other.progress.status == "ERROR"


def test_the_log_is_kept_row_for_row(tmp_path: Path) -> None:
    """Ledger S1-04: counts per worker and job equal the log's; long texts stay whole."""
    found = read(database(tmp_path / "c.db"))
    assert [(row.log_id, row.worker, row.uuid, row.text, row.at) for row in found.log] == [
        (str(row["logId"]), "RIG01", LAYER, row["logDescription"], (T0 + row["logId"]) * 1000)
        for row in LOG
    ]


def test_minus_one_is_no_limit(tmp_path: Path) -> None:
    """Ledger S1-05: −1 → None, normally and in work hours; later words are known."""
    first, second = read(database(tmp_path / "c.db")).clients
    assert (first.memory_mib, first.threads) == (None, 8)
    assert (first.work_memory_mib, first.work_threads) == (4096, 2)
    assert (first.current_job, first.classes, first.status) == (LAYER, "A", ClientStatus.RENDERING)
    assert (second.memory_mib, second.work_threads, second.current_job) == (None, None, "")
    assert (second.blocked, second.status) == (Blocked.OFFLINE, ClientStatus.COOLDOWN)
    profile = parse_profile(tomllib.loads(limits_toml(first)), UTC)
    assert profile.normal == Limits(memory_bytes=None, cores=8)
    assert profile.work == Limits(memory_bytes=4096 * 2**20, cores=2)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"jobSoftware": "houdini"}, "jobSoftware 'houdini' is none of maya-mray"),
        ({"jobStatus": "SLEEPING"}, "jobStatus"),
        ({"jobPriority": "100"}, "is not 0 to 99"),
        ({"jobFrameEnd": "0"}, "lies before"),
        ({"jobFrameStart": "one"}, "is no number"),
        ({"jobClassification": "AB"}, "no letter A to Z"),
        ({"jobRegistered": "yesterday"}, "is no time"),
        ({"jobRenderTime": "a while"}, "is no span of time"),
        ({"jobUuid": ""}, "jobUuid is empty"),
    ],
)
def test_a_row_that_cannot_be_read_is_told_and_the_others_come(
    tmp_path: Path, columns: dict[str, Any], said: str
) -> None:
    """Ledger S1-01: nothing is guessed."""
    rows = [job(1), job(2, **columns), job(3)]
    found = read(database(tmp_path / "c.db", jobs=rows))
    assert [one.job_id for one in found.jobs] == ["1", "3"]
    (problem,) = found.problems
    assert (problem.table, problem.row) == ("constellationJobTable", 2)
    assert said in problem.text


def test_a_file_that_is_no_such_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        read_tables(tmp_path / "none.db")
    (tmp_path / "text.db").write_text("no database at all, whatever it is called" * 50)
    with pytest.raises(CorruptDataError, match="no database"):
        read_tables(tmp_path / "text.db")
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE constellationJobTable (jobId INTEGER)")
    connection.close()
    with pytest.raises(CorruptDataError, match="no column jobUuid"):
        read_tables(tmp_path / "other.db")


def test_the_command_brings_it_once_however_often_it_is_run(
    farm: LocalFarm,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Ledger S1-01 to S1-05: into the books and out again, never priced."""
    for name, value in farm.environment().items():
        monkeypatch.setenv(name, value)
    path = database(tmp_path / "c.db")
    words = ["admin", "import-constellation", str(path)]
    assert run([*words, "--dry-run"]) == 0
    assert "Read 2 layers of 21 chunks, 3 lines of log, 2 clients." in capsys.readouterr().out
    assert run(words) == 0
    assert "Brought 2 layers of 21 chunks" in capsys.readouterr().out
    assert run([*words, "--limits", str(tmp_path / "limits"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["chunks"], told["problems"]) == (21, [])
    assert (tmp_path / "limits" / "RIG01" / "limits.toml").read_text().count("cores = 8") == 1

    def kept(kind: str) -> dict[str, Any]:
        found: dict[str, Any] = farm.connect().call(
            "GET", f"/api/v1/farms/{farm.farm_id}/foreign-history", service="grange",
            query={"kind": kind, "source": "constellation", "limit": "100"},
        )  # fmt: skip
        return found

    assert [kept(kind)["total"] for kind in ("job", "chunk", "log", "worker")] == [2, 21, 3, 2]
    jobs = {row["record_id"]: row for row in kept("job")["records"]}
    assert jobs[LAYER]["record"]["constellation"]["status"] == "HALTED"
    assert jobs[LAYER]["record"]["constellation"]["done_percent"] == 25.0
    assert (jobs[LAYER]["project"], jobs[LAYER]["app"], jobs[LAYER]["at"]) == (
        "shepard", "Maya", T0 * 1000,
    )  # fmt: skip
    chunks = {row["record_id"]: row["record"]["row"] for row in kept("chunk")["records"]}
    wanted = {one.job_id: json.loads(json.dumps(asdict(one))) for one in read(path).jobs}
    assert chunks == wanted, "row for row"
    assert run(["rrdata", "history", "--project", "shepard"]) == 0
    assert "masterLayer" in capsys.readouterr().out
    bad = database(tmp_path / "bad.db", jobs=[job(1, jobPriority="high")])
    assert run(["admin", "import-constellation", str(bad), "--source", "bad"]) == 1
    assert "row 1 is left out: jobPriority 'high' is no number" in capsys.readouterr().err
