"""Joining a machine to a farm on the server's own machine, and what the machine keeps of it."""

import json
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from grange.adapters.authority import TlsFolder, make_authority
from grange.adapters.host.clock import SystemClock
from grange.cli import worker_run
from grange.cli.main import run
from grange.cli.worker_run import may_register
from grange.testing.farm import LocalFarm
from grange.worker.settings import WorkerSettings


def test_a_token_joins_on_a_server_without_tls_and_the_machine_keeps_what_it_was_told(
    farm: LocalFarm,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Authorities are often named for other programs; without encryption nothing is pinned."""
    files = TlsFolder(folder=tmp_path / "tls")
    make_authority(files, name="of others", now=SystemClock().now())
    for name, value in {**farm.environment(), "AWS_CA_BUNDLE": str(files.authority)}.items():
        monkeypatch.setenv(name, value)
    assert run(["worker", "token"]) == 0
    line = capsys.readouterr().out
    folder = tmp_path / "worker"
    told = ["--data", str(folder), "--name", "bärta 🐄", "--threads", "2", "--pass-env", "RLM_*"]
    assert run([*shlex.split(line)[1:], *told, "--no-run"]) == 0, capsys.readouterr().err
    assert tomllib.loads((folder / "worker.toml").read_text(encoding="utf-8")) == {
        "name": "bärta 🐄",
        "threads": 2,
        "pass_env": ["RLM_*"],
    }

    started: list[WorkerSettings] = []

    def start(settings: WorkerSettings, *_others: Any) -> int:
        started.append(settings)
        return 0

    monkeypatch.setattr(worker_run, "run_worker", start)
    assert run(["worker", "run", "--data", str(folder)]) == 0
    assert run(["worker", "run", "--data", str(folder), "--threads", "1"]) == 0
    assert [(one.name, one.threads) for one in started] == [("bärta 🐄", 2), ("bärta 🐄", 1)]

    (folder / "worker.toml").write_text("thread = 2\n")
    assert run(["worker", "run", "--data", str(folder)]) == 2
    assert "unknown key 'thread'" in capsys.readouterr().err


def test_a_key_that_may_not_register_workers_is_not_kept(
    farm: LocalFarm,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in farm.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GRANGE_FLEET_ID", farm.fleet_id)
    assert run(["user", "add", "viv"]) == 0
    assert run(["user", "set", "viv", "--role", "VIEWER"]) == 0
    capsys.readouterr()
    assert run(["user", "key", "viv", "--json"]) == 0
    key = json.loads(capsys.readouterr().out)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["secret"])
    folder = tmp_path / "worker"
    assert run(["worker", "join", farm.endpoint, "--data", str(folder), "--no-run"]) == 4
    assert "The key of viv may not register workers" in capsys.readouterr().err
    assert not (folder / "client.toml").exists()


def test_who_may_register_workers() -> None:
    def me(role: str, **level: str) -> dict[str, Any]:
        held = [{"target_id": name, "level": one} for name, one in level.items()]
        return {"name": "somebody", "role": role, "memberships": held}

    assert may_register(me("owner"), "f")
    assert may_register(me("worker"), "f")
    assert may_register(me("member", f="MANAGER"), "f")
    assert not may_register(me("member", f="CONTRIBUTOR", g="OWNER"), "f")
