"""Paths of one machine mapped to another's, and queue environments, with real programs."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grange.cli.frame_range import parse_frames
from grange.cli.submit_scene import SceneRequest, scene_plan
from grange.domain.renderers import renderer_named
from tests.acceptance.farm import RunningFarm, wait_until

pytestmark = pytest.mark.slow

BALL = """#version 3.7;
global_settings { assumed_gamma 1.0 }
camera { location <0, 0, -4> look_at 0 }
light_source { <2, 3, -4> rgb 1 }
sphere { <clock, 0, 0>, 1 pigment { rgb <1, 0.5, 0.2> } }
"""
STUDIO = """specificationVersion: environment-2023-09
environment:
  name: Studio
  variables:
    REZ_PACKAGES_PATH: {packages}
    PATH: "{folder}:/usr/local/bin:/usr/bin:/bin"
"""
PAINT = """name = "paint"
version = "2.1"
def commands():
    env.PAINT_HOME = "{root}/share"
    env.PATH.prepend("{root}/bin")
"""


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningFarm]:
    folder: Path = tmp_path_factory.mktemp("paths")
    with RunningFarm(folder / "farm", threads=1) as running:
        running.start(workers=1)
        yield running


def grange(farm: RunningFarm, *words: str, timeout: float = 60.0) -> str:
    done = farm.grange(*words, timeout=timeout)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}{farm.logs()}"
    return done.stdout


def fleet_and_queue(farm: RunningFarm) -> tuple[str, str]:
    (fleet,) = farm.wire("GET", "/fleets")["fleets"]
    return fleet["fleetId"], farm.init.queue_id


@pytest.mark.povray
def test_a_render_finds_its_files_where_the_worker_has_them(farm: RunningFarm, tmp_path: Path):
    desk, nodes = tmp_path / "desk", tmp_path / "nodes"
    for folder in (desk, nodes):
        folder.mkdir()
    (desk / "roll.pov").write_text("this is no scene")
    (nodes / "roll.pov").write_text(BALL)
    fleet, queue = fleet_and_queue(farm)
    grange(farm, "storage", "add", "desks", "--os", "linux", "-l", f"Projects={desk}")
    grange(farm, "storage", "add", "stations", "--os", "windows", "-l", r"Projects=X:\projects")
    grange(farm, "storage", "add", "nodes", "--os", "linux", "-l", f"Projects={nodes}")
    grange(farm, "storage", "fleet", fleet, "--profile", "nodes")
    allowed = [word for name in ("desks", "stations", "nodes") for word in ("--allow", name)]
    grange(farm, "storage", "queue", queue, *allowed, "--require", "Projects")
    shown = json.loads(grange(farm, "storage", "rules", queue, "--from", "stations", "--json"))
    assert [(row["from"], row["to"]) for row in shown["rules"]] == [(r"X:\projects", str(nodes))]
    assert not shown["notes"]

    grange(
        farm, "submit", str(desk / "roll.pov"), "--frames", "1-2", "--output", str(desk / "images"),
        "--storage-profile", "desks", "--yes", "--wait", "--", "+W32", "+H24", timeout=280,
    )  # fmt: skip
    assert sorted(path.name for path in (nodes / "images").iterdir()) == ["roll1.png", "roll2.png"]
    assert sorted(path.name for path in desk.iterdir()) == ["roll.pov"]

    povray = renderer_named("povray")
    assert povray is not None
    plan = scene_plan(
        SceneRequest(
            renderer=povray,
            scene="/roll.pov",
            output="/images",
            frames=parse_frames("1-2"),
            arguments=("+W32", "+H24"),
        )
    )
    stations = next(
        row["storageProfileId"]
        for row in farm.wire("GET", "/storage-profiles")["storageProfiles"]
        if row["displayName"] == "stations"
    )
    body = plan.request() | {
        "storageProfileId": stations,
        "parameters": {
            "SceneFile": {"path": r"X:\Projects\roll.pov"},
            "OutputDir": {"path": r"X:\projects\windows\images"},
        },
    }
    job = farm.wire("POST", f"/queues/{queue}/jobs", body=body)["jobId"]
    grange(farm, "job", "wait", job, timeout=280)
    found = sorted(path.name for path in (nodes / "windows" / "images").iterdir())
    assert found == ["roll1.png", "roll2.png"]

    def copies() -> Any:
        streams = farm.rest("GET", "/streams")["streams"]
        return [one for one in streams if one["stream"] == "copies" and one["lines"] == 4]

    (stream,) = wait_until(copies, seconds=180, what="the copies are a stream")
    assert stream["kind"] == "tx"


def test_chunks_are_fitted_while_a_job_renders(farm: RunningFarm, tmp_path: Path):
    """Issue 5, item 6: with a real worker, each frame once, in tasks of about the time asked."""
    out = tmp_path / "done"
    told = grange(
        farm, "submit", "--frames", "1-60", "--chunk", "auto:10", "--yes", "--json",
        "--cwd", str(tmp_path), "--",
        "sh", "-c", 'sleep 0.0$(( $2 - $1 + 1 )); echo "$1 $2" >> done', "sh", "{start}", "{end}",
    )  # fmt: skip
    job = json.loads(told)["job_id"]
    grange(farm, "job", "wait", job, timeout=280)
    runs = [tuple(map(int, line.split())) for line in out.read_text().splitlines()]
    frames = [frame for first, last in runs for frame in range(first, last + 1)]
    assert sorted(frames) == list(range(1, 61))
    assert max(last - first + 1 for first, last in runs) > 4, "the tasks grew"
    shown = json.loads(grange(farm, "job", "show", job, "--json"))
    assert shown, "the job can be shown"
    path = f"/queues/{farm.init.queue_id}/jobs/{job}/steps"
    (step,) = farm.wire("GET", path)["steps"]
    tasks = farm.wire("GET", f"{path}/{step['stepId']}/tasks")["tasks"]
    assert len(tasks) == len(runs) == step["taskRunStatusCounts"]["SUCCEEDED"]
    told_frames = [task["parameters"]["Frame"]["chunkInt"] for task in tasks]
    assert told_frames[0] == "1-1"
    assert told_frames[-1].endswith("60")


def test_a_venv_is_made_entered_and_left(farm: RunningFarm, tmp_path: Path):
    grange(farm, "queue", "env", "add", "--venv")
    try:
        out = tmp_path / "told"
        grange(farm, "submit", "--yes", "--wait", "--cwd", str(tmp_path), "--", "sh", "-c",
               f"python -c 'import sys; print(sys.prefix)' > {out}; echo $VIRTUAL_ENV >> {out}",
               timeout=280)  # fmt: skip
        prefix, named = out.read_text().splitlines()
        assert prefix == named
        assert prefix.endswith("/venv")
        wait_until(lambda: not Path(prefix).exists(), seconds=180, what="the environment is left")
    finally:
        grange(farm, "queue", "env", "rm", "Venv")
    assert json.loads(grange(farm, "queue", "env", "ls", "--json")) == []


@pytest.mark.rez
def test_rez_resolves_what_the_job_asks_for(farm: RunningFarm, tmp_path: Path):
    root = tmp_path / "paint"
    (root / "bin").mkdir(parents=True)
    (root / "bin" / "paint").write_text('#!/bin/sh\necho "$PAINT_HOME and $REZ_USED_RESOLVE"\n')
    (root / "bin" / "paint").chmod(0o755)
    packages = tmp_path / "packages"
    (packages / "paint" / "2.1").mkdir(parents=True)
    (packages / "paint" / "2.1" / "package.py").write_text(PAINT.format(root=root))
    folder = Path(os.environ["GRANGE_TEST_REZ"]).parent
    studio = tmp_path / "studio.yaml"
    studio.write_text(STUDIO.format(packages=packages, folder=folder))
    grange(farm, "queue", "env", "add", str(studio), "--priority", "1")
    grange(farm, "queue", "env", "add", "--rez")
    try:
        out = tmp_path / "told"
        bundle = tmp_path / "bundle"
        bundle.mkdir()
        template: dict[str, Any] = {
            "specificationVersion": "jobtemplate-2023-09",
            "name": "painted",
            "steps": [
                {
                    "name": "Paint",
                    "script": {
                        "actions": {"onRun": {"command": "sh", "args": ["-c", f"paint > {out}"]}}
                    },
                }
            ],
        }
        (bundle / "template.json").write_text(json.dumps(template))
        values = ["-p", "RezPackages=paint-2"]
        grange(farm, "submit", str(bundle), *values, "--yes", "--wait", timeout=280)
        assert out.read_text().strip() == f"{root}/share and paint-2.1"
        body = {
            "template": json.dumps(template),
            "templateType": "JSON",
            "priority": 50,
            "maxRetriesPerTask": 0,
            "parameters": {"RezPackages": {"string": "paint-9"}},
        }
        job = farm.wire("POST", f"/queues/{farm.init.queue_id}/jobs", body=body)["jobId"]
        bad = farm.grange("job", "wait", job)
        assert bad.returncode == 1, "a package that cannot be resolved fails the job"
    finally:
        for name in ("Rez", "Studio"):
            grange(farm, "queue", "env", "rm", name)
