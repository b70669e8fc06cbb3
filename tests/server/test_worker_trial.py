"""`grange worker test` on a real server: each check is broken once, and then fails alone."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from grange.adapters.host.clock import SystemClock
from grange.adapters.host.processes import HostProcesses
from grange.cli.main import run
from grange.kernel.clock import VirtualClock
from grange.kernel.units import Instant
from grange.ports.farm_api import FarmApi
from grange.server.handlers import workers
from grange.testing.farm import LocalFarm
from grange.worker.guard import Guard
from grange.worker.settings import WorkerSettings
from grange.worker.trial import UNIT, Bench, run_trial
from grange.worker.trial_hail import HailError, answered_hail
from grange.worker.verdict import FILE, Checked, Outcome, failed_checks, keep_result
from tests.server.conftest import add_worker, template

ALL = ["server", "clock", "scratch", "output", "renderer:povray", "limits", "hail", "service"]


@pytest.fixture
def bench(farm: LocalFarm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A machine on which everything is well, and which may be busy."""
    monkeypatch.setattr("grange.worker.hailing.HAIL_SECONDS", 100.0)
    monkeypatch.setattr("grange.worker.trial.ANSWER_SECONDS", 100.0)
    folder, images, units = tmp_path / "worker", tmp_path / "images", tmp_path / "units"
    for one in (folder, images, units / "multi-user.target.wants"):
        one.mkdir(parents=True)
    povray = shutil.which("povray")
    if povray is None:
        pytest.fail("This test renders with POV-Ray: install it (apt-get install povray).")
    unit = f"[Service]\nUser=render\nExecStart={sys.executable} -m grange --data {folder}\n"
    (units / UNIT).write_text(unit)
    (units / "multi-user.target.wants" / UNIT).symlink_to(units / UNIT)
    return Bench(
        settings=WorkerSettings(
            farm_id=farm.farm_id,
            fleet_id=farm.fleet_id,
            state_dir=folder,
            environment={"PATH": str(Path(povray).parent)},
            renderers={"ffmpeg": "", "mitsuba": "", "blender": "", "povray": povray},
        ),
        api=lambda: farm.connect(farm.ids.worker),
        clock=SystemClock(),
        processes=HostProcesses(),
        outputs=(images,),
        unit_folders=(units,),
        hail=lambda: answered_hail(["127.0.0.1"]),
    )


def failed(checks: Sequence[Checked]) -> list[str]:
    return [one.name for one in checks if one.outcome is Outcome.FAILED]


def without_drawing(bench: Bench) -> Bench:
    programs = dict.fromkeys(bench.settings.renderers, "")
    return replace(bench, settings=replace(bench.settings, renderers=programs))


def test_a_machine_that_is_well_passes_every_check(bench: Bench) -> None:
    """Ledger S1-22: server, clock, scratch, output, each renderer, limits, hail, service."""
    checks = list(run_trial(bench))
    assert [(one.name, one.outcome) for one in checks] == [(name, Outcome.OK) for name in ALL], [
        one.text for one in checks
    ]
    assert "drew a frame" in checks[4].text
    left = [path for path in bench.settings.state_dir.rglob("*") if path.is_file()]
    assert left == [], "a test leaves nothing behind"
    assert list(bench.outputs[0].iterdir()) == []


def no_server(bench: Bench, farm: LocalFarm) -> Bench:
    def other() -> FarmApi:
        key = replace(farm.ids.worker, secret="x" * 40)
        return farm.connect(key)

    return replace(bench, api=other)


def owner_key(bench: Bench, farm: LocalFarm) -> Bench:
    return replace(bench, api=farm.connect)


def damaged_identity(bench: Bench, farm: LocalFarm) -> Bench:
    (bench.settings.state_dir / "worker.json").write_text("{")
    return bench


def wrong_clock(bench: Bench, farm: LocalFarm) -> Bench:
    return replace(bench, clock=VirtualClock(Instant(SystemClock().now() + 60_000)))


def no_scratch(bench: Bench, farm: LocalFarm) -> Bench:
    blocked = bench.settings.state_dir / "blocked"
    blocked.write_text("a file, no folder")
    return replace(bench, settings=replace(bench.settings, session_root=blocked / "sessions"))


def full_scratch(bench: Bench, farm: LocalFarm) -> Bench:
    return replace(bench, least_free_bytes=2**62)


def no_output(bench: Bench, farm: LocalFarm) -> Bench:
    return replace(bench, outputs=(bench.outputs[0] / "not-mounted",))


def bad_limits(bench: Bench, farm: LocalFarm) -> Bench:
    (bench.settings.state_dir / "limits.toml").write_text("[limits]\ncores = 'many'\n")
    return bench


def loose_limits(bench: Bench, farm: LocalFarm) -> Bench:
    class Loose(HostProcesses):
        """A system that takes a limit and does not hold it."""

        def confine(self, *_: Any) -> None:
            """Do nothing."""

    return replace(bench, processes=Loose())


def no_hail(bench: Bench, farm: LocalFarm) -> Bench:
    """An address that is not this machine's: nobody can listen there."""
    return replace(bench, hail=lambda: answered_hail(["::2"], 9))


def service_of_root(bench: Bench, farm: LocalFarm) -> Bench:
    unit = bench.unit_folders[0] / UNIT
    unit.write_text(unit.read_text().replace("User=render", "User=root"))
    return replace(bench, settings=replace(bench.settings, server_host="farm.example"))


def service_not_enabled(bench: Bench, farm: LocalFarm) -> Bench:
    (bench.unit_folders[0] / "multi-user.target.wants" / UNIT).unlink()
    return bench


def service_elsewhere(bench: Bench, farm: LocalFarm) -> Bench:
    unit = bench.unit_folders[0] / UNIT
    unit.write_text(unit.read_text().replace(sys.executable, "/gone/python"))
    return bench


@pytest.mark.parametrize(
    ("breaking", "names"),
    [
        (no_server, ["server", "clock"]),
        (owner_key, ["server"]),
        (damaged_identity, ["server"]),
        (wrong_clock, ["clock"]),
        (no_scratch, ["scratch", "output"]),
        (full_scratch, ["scratch"]),
        (no_output, ["output"]),
        (bad_limits, ["limits"]),
        (loose_limits, ["limits"]),
        (no_hail, ["hail"]),
        (service_of_root, ["service"]),
        (service_not_enabled, ["service"]),
        (service_elsewhere, ["service"]),
    ],
)
def test_what_is_broken_fails_its_check_and_no_work_is_welcome(
    farm: LocalFarm,
    bench: Bench,
    breaking: Callable[[Bench, LocalFarm], Bench],
    names: list[str],
) -> None:
    """Ledger S1-22: break each: that check fails, no work is sent."""
    folder = bench.settings.state_dir
    clock = SystemClock()
    guard = Guard(folder, ZoneInfo("UTC"), clock, HostProcesses(), 1)
    assert guard.rules.closed == ""
    checks = list(run_trial(breaking(without_drawing(bench), farm)))
    assert failed(checks) == names, [one.text for one in checks]
    keep_result(folder, checks, clock.now())
    guard.look({}, {}, user_logged_in=False, changed=lambda _: None)
    assert guard.rules.closed == f"its test failed: {', '.join(names)}"
    (folder / "limits.toml").unlink(missing_ok=True)
    assert Guard(folder, ZoneInfo("UTC"), clock, HostProcesses(), 1).rules.closed, "also at start"
    keep_result(folder, [replace(one, outcome=Outcome.OK) for one in checks], clock.now())
    os.utime(folder / FILE, ns=(1, 1))
    guard.look({}, {}, user_logged_in=False, changed=lambda _: None)
    assert guard.rules.closed == "", "a test that passes opens the machine again"


def test_a_hail_that_is_cut_off_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ledger S1-22: somebody else at the port is not the worker."""
    assert "is answered" in answered_hail(["127.0.0.1"])
    with pytest.raises(HailError, match="no address"):
        answered_hail([])
    monkeypatch.setattr("grange.worker.hailing.answer_line", lambda *_: "grange-here-1 0000")
    with pytest.raises(HailError, match="not answered"):
        answered_hail(["127.0.0.1"])


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("#!/bin/sh\necho no licence >&2\nexit 7\n", "exit code 7: no licence"),
        ("#!/bin/sh\nexit 0\n", "drew nothing"),
        ('#!/bin/sh\nfor w; do case $w in +O*) : > "${w#+O}";; esac; done\n', "which is empty"),
    ],
)
def test_a_renderer_that_draws_no_whole_frame_fails(
    bench: Bench, tmp_path: Path, script: str, said: str
) -> None:
    """Ledger S1-22: each renderer draws one frame."""
    program = tmp_path / "povray"
    program.write_text(script)
    program.chmod(0o755)
    programs = {**bench.settings.renderers, "povray": str(program)}
    checks = list(run_trial(replace(bench, settings=replace(bench.settings, renderers=programs))))
    assert failed(checks) == ["renderer:povray"]
    assert said in checks[4].text


def test_the_server_sends_no_work_to_a_worker_whose_test_failed(
    farm: LocalFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ledger S1-22: no work is sent; why says so."""
    monkeypatch.setattr(workers, "HOLD_SECONDS", 0.05)
    worker = add_worker(farm, "node09")
    worker.start()
    made = farm.boto3().create_job(
        farmId=farm.farm_id, queueId=farm.queue_id, template=template("spin", frames="1-1"),
        templateType="JSON", priority=50,
    )  # fmt: skip
    closed = ["its test failed: scratch"]

    def say(request: Any, **_: Any) -> None:
        if closed:
            request.headers["x-grange-closed"] = closed[0]

    worker.client.meta.events.register("before-sign.deadline.UpdateWorkerSchedule", say)
    assert worker.schedule()["assignedSessions"] == {}
    path = f"/api/v1/farms/{farm.farm_id}/jobs/{made['jobId']}/why"
    answer = farm.connect().call("GET", path, service="grange")
    assert "its test failed: scratch" in answer["text"]
    closed.clear()
    assert worker.schedule()["assignedSessions"] != {}


def test_the_command_tells_what_failed_and_keeps_it(
    farm: LocalFarm,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Ledger S1-22: `grange worker test`, exit code 1 if anything fails."""
    for name, value in farm.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", farm.ids.worker.key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", farm.ids.worker.secret)
    monkeypatch.setenv("PATH", "/nowhere")
    words = ["worker", "test", "--data", str(tmp_path)]
    assert run([*words, "--output", str(tmp_path / "gone")]) == 1
    said = capsys.readouterr().out
    assert "FAILED  output" in said
    assert "takes no work until a test has passed" in said
    assert failed_checks(tmp_path) == ("output",)
    assert run([*words, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["failed"] == []
    assert {one["name"]: one["outcome"] for one in answer["checks"]}["server"] == "ok"
    assert failed_checks(tmp_path) == ()
