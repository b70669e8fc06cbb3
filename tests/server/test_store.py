"""Sizes, retention, backup and restore of a real farm, through the command line."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from grange.adapters.folder_lock import FolderLock
from grange.cli.connection import Connection
from grange.cli.main import run
from grange.config.settings import ServerSettings
from grange.testing.facts import T0
from grange.testing.farm import LocalFarm
from grange.wiring.backup import list_backups
from tests.server.conftest import ScriptedWorker, add_worker, template
from tests.server.test_books import _done

pytestmark = pytest.mark.slow


def as_client(farm: LocalFarm, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in farm.environment().items():
        monkeypatch.setenv(name, value)


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> Any:
    capsys.readouterr()
    assert run([*words, "--json"]) == code, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def render(farm: LocalFarm, name: str) -> str:
    """Render a job of two frames and an encoding with a worker played by boto3."""
    client = farm.boto3()
    made: str = client.create_job(
        farmId=farm.farm_id, queueId=farm.queue_id, template=template(name, frames="1-2"),
        templateType="JSON", priority=50,
    )["jobId"]  # fmt: skip
    own = {"farmId": farm.farm_id, "queueId": farm.queue_id, "jobId": made}
    worker: ScriptedWorker = add_worker(farm, f"render-{name}")
    worker.start(threads=1)
    updates: dict[str, Any] = {}
    while client.get_job(**own)["taskRunStatus"] != "SUCCEEDED":
        updates = _done(worker, worker.schedule(updates))
    worker.stop()
    return made


def test_sizes_and_retention_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Issue item 8: `grange books size`, and retention that a farm sets."""
    with LocalFarm(tmp_path) as farm:
        as_client(farm, monkeypatch)
        size = told(capsys, "books", "size")
        assert {row["table"] for row in size["tables"]} >= {"sessions", "worker_samples"}
        assert size["free_bytes"] > 0
        assert size["bytes_later"]["365"] is None, "nothing is foretold on the first day"
        kept = told(capsys, "books", "retention", "worker_samples", "800")
        (row,) = [row for row in kept["tables"] if row["table"] == "worker_samples"]
        assert (row["kept_days"], row["set"]) == (800, True)
        assert run(["books", "retention", "sessions", "800"]) == 2
        assert "accounts and costs" in capsys.readouterr().err
        kept = told(capsys, "books", "retention", "worker_samples", "default")
        (row,) = [row for row in kept["tables"] if row["table"] == "worker_samples"]
        assert (row["kept_days"], row["set"]) == (400, False)
        assert run(["books", "size"]) == 0
        assert "younger than a day" in capsys.readouterr().out


def test_what_verify_found_is_printed_into_a_pipe(tmp_path: Path) -> None:
    """A script reads the verdict and what was compared; the exit code says it again."""
    words = [sys.executable, "-m", "grange", "books", "verify"]
    with LocalFarm(tmp_path) as farm:
        render(farm, "whole")
        environment = {**os.environ, **farm.environment()}
        done = subprocess.run(
            words, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
    assert (done.returncode, done.stderr) == (0, "")
    heading, *compared, verdict = done.stdout.splitlines()
    assert heading.split() == ["CHECK", "RESULT", "DETAIL"]
    assert any(line.startswith("every fact is there once") for line in compared)
    assert verdict == f"The books are whole: {len(compared)} checks, nothing differs."


def test_what_differs_is_the_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last line names each check that failed, and the exit code is 1."""
    checks = [
        {"name": "journal is whole", "ok": False, "detail": "segment 3 is damaged"},
        {"name": "files are as published", "ok": True, "detail": "2 files, 9 rows"},
    ]
    monkeypatch.setattr(Connection, "rest", lambda *_, **__: {"checks": checks, "ok": False})
    assert run(["books", "verify"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "DIFFERS" in lines[1]
    assert "segment 3 is damaged" in lines[1]
    assert lines[-1] == "The books differ in 1 of 2 checks: journal is whole."


def test_a_farm_that_was_restored_is_the_one_that_was_backed_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ledger S4-31, S4-32: drilled with a real farm: restore equals, verify is clean."""
    data = tmp_path / "data"
    with LocalFarm(data) as farm:
        as_client(farm, monkeypatch)
        job = render(farm, "first")
        receipt = told(capsys, "job", "show", job)
        made = told(capsys, "admin", "backup")
        assert made["not_in_it"] == ["master.key", "tls"]
        later = render(farm, "later")
        listed = told(capsys, "admin", "backup", "--list")
        assert [row["name"] for row in listed["backups"]] == [made["name"]]
    with FolderLock(data, started_at=T0):
        assert run(["admin", "restore", "--data", str(data), "--yes"]) == 1, "a server holds it"
        assert "in use by" in capsys.readouterr().err
    done = told(capsys, "admin", "restore", "--data", str(data), "--yes")
    assert (done["name"], done["has_master_key"]) == (made["name"], True)
    with LocalFarm(data) as farm:
        as_client(farm, monkeypatch)
        assert told(capsys, "books", "verify")["ok"]
        assert told(capsys, "job", "show", job) == receipt
        assert run(["job", "show", later]) == 3, "what came afterwards is not known any more"
        again = render(farm, "again")
        assert told(capsys, "job", "show", again)["status"] == "SUCCEEDED"
        assert told(capsys, "books", "verify")["ok"]


def test_a_farm_comes_up_on_another_machine_with_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Design, section 7: the key is not in the backup, and that is said."""
    old, new = tmp_path / "old", tmp_path / "new"
    with LocalFarm(old) as farm:
        as_client(farm, monkeypatch)
        job = render(farm, "moved")
        told(capsys, "admin", "backup")
    settings = ServerSettings(data_dir=old)
    (info,) = list_backups(settings)
    capsys.readouterr()
    words = ["admin", "restore", "--data", str(new), "--from", str(settings.backups), "--yes"]
    assert run(words) == 0
    out = capsys.readouterr().out
    assert info.name in out
    assert "Put your copy of master.key" in out
    shutil.copy(old / "master.key", new / "master.key")
    with LocalFarm(new) as farm:
        as_client(farm, monkeypatch)
        assert told(capsys, "job", "show", job)["status"] == "SUCCEEDED"
        assert told(capsys, "books", "verify")["ok"]
