"""A studio's past: out of the classes by the exporter, into the books, and back, equal."""

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from grange import rrdata
from grange.cli.main import run
from grange.kernel.clock import VirtualClock
from grange.kernel.errors import CorruptDataError, InvalidRequestError
from grange.rrdata.door import Door
from grange.rrdata.exporter import exporter_script
from grange.rrdata.foreign import bring, read_past
from grange.rrdata.place import HERE, HISTORY
from grange.rrdata.script import run_script
from grange.testing.farm import LocalFarm
from tests.unit.rrdata.folder import DAY, NOW, job_slot, make_folder


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the exporter writes, run on a folder of ours."""
    folder = tmp_path_factory.mktemp("past")
    root = make_folder(folder / "rr")
    script = folder / "grange_past.py"
    script.write_text(exporter_script(), encoding="utf-8")
    HERE.use(root=root, clock=VirtualClock(NOW))
    try:
        run_script(script, root=root)
    finally:
        HERE.forget()
    return root / "inhouse" / "grange-past.jsonl.gz"


@pytest.fixture
def door(farm: LocalFarm) -> Door:
    return Door(farm.connect(), farm.farm_id)


def jobs_of(past: Path) -> list[Any]:
    loader = rrdata._historyProjectLoader()
    assert loader.loadProjectList(str(past.parents[1] / HISTORY))
    assert loader.loadProject(0)
    return [loader.jobAt(at) for at in range(loader.jobCount())]


def test_what_was_exported_and_imported_equals_what_there_was(door: Door, past: Path):
    """Ledger S0-60: through the exporter, the books and the door, nothing changes."""
    counts = bring(door, past, source="old farm").counts
    assert counts == {"job": 2, "day": 4, "worker_day": 4, "layer_time": 1}
    reply = door.get("/foreign-history", source="old farm")
    assert reply["total"] == 2
    found = {row["record_id"]: row for row in reply["records"]}
    for job in jobs_of(past):
        row = found[job.ID2strFull()]
        assert (row["project"], row["user_name"], row["layer_name"]) == (
            job.companyProjectName,
            job.userName,
            job.layer,
        )
        record = row["record"]
        for name, value in record["values"].items():
            own = getattr(job, name)
            assert value == (own.isoformat() if hasattr(own, "isoformat") else own), name
        assert record["soft"]["rendererName"] == job.soft.rendererName
        assert [each["text"] for each in record["errors"]] == ["it crashed"]
        assert [each["whichMachine"] for each in record["logs"]] == [-1]
        assert record["clients"]["3"]["totalTimeRendered"] == 310


def test_bringing_it_twice_changes_nothing_and_a_newer_file_takes_its_place(
    door: Door, past: Path, tmp_path: Path
):
    """Ledger S0-60."""
    bring(door, past, source="twice")
    bring(door, past, source="twice")
    assert _count(door, "twice") == 2
    lines = [json.loads(line) for line in gzip.decompress(past.read_bytes()).splitlines()]
    lines[0]["dumped_at"] += 1000
    lines[1]["values"]["userName"] = "zoe"
    newer = tmp_path / "newer.jsonl"
    newer.write_text("".join(json.dumps(line) + "\n" for line in lines))
    bring(door, newer, source="twice")
    assert _count(door, "twice") == 2
    users = {
        row["user_name"]
        for row in door.get("/foreign-history", source="twice", limit=50)["records"]
    }
    assert "zoe" in users


def test_foreign_history_is_in_no_usage_and_no_cost(door: Door, past: Path):
    """Ledger S0-60: shown, never priced."""
    bring(door, past, source="unpriced")
    usage = door.get("/usage", start=0, end=NOW + 400 * 86_400_000, group_by="project")
    assert [row for row in usage["rows"] if row.get("project") == "Fox"] == []


def test_days_keep_every_slot(door: Door, past: Path):
    """Ledger S0-60, S0-05: statistics come along with the jobs."""
    bring(door, past, source="days")
    rows = door.get("/foreign-history", kind="day", source="days")["records"]
    (user,) = [row for row in rows if row["record_id"] == f"{DAY}/user/ann"]
    slot = job_slot()
    for name, value in user["record"]["values"]["40"].items():
        assert value == getattr(slot, name)


def test_a_long_record_is_kept_whole(door: Door):
    """Ledger S0-60: longer than a field of the books may be."""
    text = "ü" * 200_000
    record = {"kind": "job", "id": "long", "at": "2026-03-01T00:00:00", "values": {"layer": text}}
    door.post("/foreign-history", {"source": "long", "written_at": 1, "records": [record]})
    (row,) = door.get("/foreign-history", source="long")["records"]
    assert row["record"] == record


@pytest.mark.parametrize(
    "record",
    [{}, {"kind": "job"}, {"kind": "what", "id": "1"}, {"kind": "job", "id": "1", "at": "noon"}],
)
def test_what_is_no_record_is_refused_whole(door: Door, record: dict[str, Any]):
    good = {"kind": "job", "id": "good", "at": None}
    with pytest.raises(InvalidRequestError):
        door.post("/foreign-history", {"source": "bad", "written_at": 1, "records": [good, record]})
    assert _count(door, "bad") == 0


def test_a_file_that_was_not_written_to_its_end_is_refused(past: Path, tmp_path: Path):
    whole = gzip.decompress(past.read_bytes()).decode().splitlines()
    for lines in (whole[:-1], whole[:3], whole[1:], []):
        path = tmp_path / "past.jsonl"
        path.write_text("\n".join(lines))
        with pytest.raises(CorruptDataError):
            read_past(path)
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(past.read_bytes()[:-20])
    with pytest.raises(CorruptDataError):
        read_past(cut)


def test_the_commands_write_the_script_and_bring_and_list(
    farm: LocalFarm, past: Path, tmp_path: Path, monkeypatch, capsys
):
    """Ledger S0-60."""
    for name, value in farm.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    assert run(["rrdata", "exporter"]) == 0
    assert (tmp_path / "grange_past.py").read_text() == exporter_script()
    compiled = subprocess.run(
        [sys.executable, "-m", "py_compile", str(tmp_path / "grange_past.py")], check=False
    )
    assert compiled.returncode == 0
    shutil.copy(past, tmp_path / "past.jsonl.gz")
    assert run(["rrdata", "import-history", "past.jsonl.gz", "--source", "shell"]) == 0
    assert "2 × job" in capsys.readouterr().out
    assert run(["rrdata", "history", "--limit", "5"]) == 0
    said = capsys.readouterr()
    assert "beauty" in said.out
    assert "never priced" in said.err


def _count(door: Door, source: str) -> int:
    return int(door.get("/foreign-history", source=source)["total"])
