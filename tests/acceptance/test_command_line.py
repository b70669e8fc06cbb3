"""The command line against a real farm: submit, follow, mend, look up, sign in."""

import json
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.acceptance.farm import RunningFarm, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningFarm]:
    with RunningFarm(tmp_path_factory.mktemp("farm")).start(workers=1) as running:
        yield running


def answer(farm: RunningFarm, *words: str) -> Any:
    cut = words.index("--") if "--" in words else len(words)
    done = farm.grange(*words[:cut], "--json", *words[cut:])
    assert done.returncode == 0, done.stderr + farm.logs()
    return json.loads(done.stdout)


def log_with(farm: RunningFarm, text: str, *words: str) -> str:
    """What `grange job log` prints, once the worker has handed in that much of it."""

    def read() -> str | None:
        said = farm.grange("job", "log", *words).stdout
        return said if text in said else None

    return str(wait_until(read, seconds=180, what=f"the log says {text}"))


def test_a_command_over_frames_is_submitted_rendered_logged_and_priced(
    farm: RunningFarm, tmp_path: Path
):
    done = farm.grange(
        "submit", "--frames", "1-6", "--chunk", "4", "--project", "film", "--shot", "s010",
        "--name", "counting", "--cwd", str(tmp_path), "--wait", "--yes", "--",
        "sh", "-c", "echo from {start} to {end}; touch out.{start}",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr + farm.logs()
    assert "counting: 1 layer, 2 tasks" in done.stdout
    assert "/jobs/job-" in done.stdout
    assert "succeeded: 2/2 tasks" in done.stdout
    assert sorted(path.name for path in tmp_path.glob("out.*")) == ["out.1", "out.4"]

    shown = answer(farm, "job", "show", "counting")
    assert shown["status"] == "SUCCEEDED"
    assert (shown["frames_done"], shown["frames_total"]) == (6, 6)
    assert shown["project"] == "film"
    assert shown["layers"][0]["attributes"]["shot"] == "s010"

    log = log_with(farm, "from 4 to 6", "counting", "--frame", "5")
    assert "from 1 to 3" not in log

    def booked() -> bool:  # sessions are, once they have ended
        return "film" in json.dumps(answer(farm, "usage", "--by", "project", "--start", "1h"))

    wait_until(booked, seconds=180, what="the session is booked")


def test_a_failing_job_says_why_and_can_be_mended(farm: RunningFarm, tmp_path: Path):
    script = f"test -e {tmp_path}/mended || {{ echo cannot open texture.exr >&2; exit 3; }}"
    done = farm.grange(
        "submit", "--frames", "1-2", "--name", "failing", "--wait", "--", "sh", "-c",
        f"{script} # {{frame}}", timeout=280,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    shown = farm.grange("job", "show", "failing")
    assert "FAILED" in shown.stdout
    assert "cannot open texture.exr" in shown.stdout
    log_with(farm, "cannot open texture.exr", "failing")

    (tmp_path / "mended").touch()
    requeued = farm.grange("job", "requeue", "failing")
    assert "Requeued 2 tasks" in requeued.stdout, requeued.stderr
    assert farm.grange("job", "wait", "failing").returncode == 0


def test_a_job_can_be_canceled_and_only_after_a_yes(farm: RunningFarm):
    submitted = answer(farm, "submit", "--name", "long", "--", "sleep", "60")
    asked = farm.grange("job", "cancel", "long")
    assert asked.returncode == 2
    assert "--yes" in asked.stderr
    assert farm.grange("job", "cancel", "long", "--yes").returncode == 0
    waited = farm.grange("job", "wait", submitted["job_id"], "--timeout", "200")
    assert waited.returncode == 1
    assert "canceled" in waited.stdout


def test_lists_are_plain_in_a_pipe_and_say_how_many_there_are(farm: RunningFarm):
    """UX-24, of lists: JSON that can be read, and no escapes where nobody looks."""
    for number in range(3):
        answer(farm, "submit", "--name", f"many {number}", "--", "true")
    listed = farm.grange("job", "ls", "--limit", "2")
    assert "\x1b" not in listed.stdout
    assert len(listed.stdout.splitlines()) == 3
    assert "2 of " in listed.stderr
    jobs = answer(farm, "job", "ls", "--limit", "1000")
    assert jobs["total"] == len(jobs["jobs"])
    assert {"many 0", "many 1", "many 2"} <= {job["name"] for job in jobs["jobs"]}
    for group in ("farm", "queue", "fleet", "worker"):
        assert farm.grange(group, "ls").returncode == 0


def test_an_unknown_job_is_exit_code_3_and_an_ambiguous_one_names_its_matches(farm: RunningFarm):
    for number in range(2):
        answer(farm, "submit", "--name", f"twin {number}", "--", "true")
    assert farm.grange("job", "show", "nobody").returncode == 3
    twins = farm.grange("job", "show", "twin")
    assert twins.returncode == 2
    assert "twin 0" in twins.stderr
    assert "twin 1" in twins.stderr


def test_users_get_keys_that_work_until_they_are_revoked(farm: RunningFarm):
    assert farm.grange("user", "add", "ana").returncode == 0
    assert farm.grange("user", "set", "ana", "--role", "CONTRIBUTOR").returncode == 0
    made = farm.grange("user", "key", "ana")
    pairs = dict(line.removeprefix("export ").split("=", 1) for line in made.stdout.splitlines())
    environment = {**farm.client_environment, **pairs}

    def as_ana(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "grange", *words],
            env=environment, capture_output=True, text=True, timeout=280, check=False,
        )  # fmt: skip

    submitted = as_ana("submit", "--name", "by ana", "--json", "--", "true")
    assert submitted.returncode == 0, submitted.stderr
    assert answer(farm, "job", "show", "by ana")["user"] == "ana"
    assert farm.grange("user", "revoke", "ana", pairs["AWS_ACCESS_KEY_ID"]).returncode == 0
    refused = as_ana("job", "ls")
    assert refused.returncode == 4
    assert "Traceback" not in refused.stderr


def test_a_template_openjd_refuses_is_told_with_its_place(farm: RunningFarm, tmp_path: Path):
    (tmp_path / "template.yaml").write_text(
        "specificationVersion: jobtemplate-2023-09\nname: bad\nsteps:\n"
        "  - {name: a, script: {actions: {onRun: {comand: x}}}}\n"
    )
    done = farm.grange("submit", str(tmp_path))
    assert done.returncode == 2
    assert "command" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_graphs_are_written_as_png_and_svg(farm: RunningFarm, tmp_path: Path):
    for kind, magic in (("png", b"\x89PNG"), ("svg", b"<?xml")):
        path = tmp_path / f"states.{kind}"
        done = farm.grange("graph", "worker-states", "--start", "1h", "-o", str(path))
        assert done.returncode == 0, done.stderr
        assert path.read_bytes().lstrip().startswith(magic)


def test_books_verify_is_clean_and_files_are_listed(farm: RunningFarm):
    verified = farm.grange("books", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert farm.grange("books", "files").returncode == 0


def test_open_prints_a_link_that_works_once(farm: RunningFarm):
    link = farm.grange("open", "--print").stdout.strip()
    assert link.startswith(farm.endpoint)
    first = urllib3.request("GET", link, redirect=False)
    assert first.status in {302, 303}
    assert "HttpOnly" in first.headers["set-cookie"]
    again = urllib3.request("GET", link, redirect=False)
    assert "set-cookie" not in again.headers


def test_joining_keeps_a_key_for_workers_alone(farm: RunningFarm, tmp_path: Path):
    folder = tmp_path / "joined"
    done = farm.grange(
        "worker", "join", farm.endpoint, "--data", str(folder), "--no-run", "--threads", "1"
    )
    assert done.returncode == 0, done.stderr
    kept = folder / "client.toml"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    values = tomllib.loads(kept.read_text())
    assert values["fleet_id"] == farm.init.fleet_id
    assert values["access_key_id"] != farm.init.owner.key_id
    users = answer(farm, "user", "ls")["users"]
    owners = {user["name"]: [key["key_id"] for key in user["keys"]] for user in users}
    assert values["access_key_id"] in owners["worker"]


def test_a_farm_opens_in_python(farm: RunningFarm):
    script = """
import json, grange.sdk
farm = grange.sdk.open()
step = {"name": "S", "script": {"actions": {"onRun": {"command": "/bin/true"}}}}
template = {"specificationVersion": "jobtemplate-2023-09", "name": "sdk", "steps": [step]}
job_id = farm.submit(template, tags={"grange:project": "py"})
job = farm.wait(job_id, timeout_seconds=180)
print(json.dumps([job["status"], job["project"], len(farm.workers())]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=farm.client_environment, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["SUCCEEDED", "py", 1]
