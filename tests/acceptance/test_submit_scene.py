"""`grange submit SCENE` with the real programs: Mitsuba, POV-Ray, ffmpeg (S1-18, S1-19, S1-21)."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.farm import RunningFarm, wait_until

pytestmark = pytest.mark.slow
SCENE = """<scene version="3.0.0">
  <default name="frame" value="1"/>
  <integrator type="direct"/>
  <sensor type="perspective">
    <transform name="to_world"><lookat origin="0, 0, 4" target="0, 0, 0" up="0, 1, 0"/></transform>
    <film type="hdrfilm">
      <integer name="width" value="32"/><integer name="height" value="24"/>
    </film>
    <sampler type="independent"><integer name="sample_count" value="4"/></sampler>
  </sensor>
  <shape type="sphere">
    <point name="center" x="0" y="0" z="0"/><float name="radius" value="0.$frame"/>
  </shape>
  <emitter type="constant"/>
</scene>
"""
BALL = """#version 3.7;
global_settings { assumed_gamma 1.0 }
camera { location <0, 0, -4> look_at 0 }
light_source { <2, 3, -4> rgb 1 }
sphere { <clock, 0, 0>, 1 pigment { rgb <1, 0.5, 0.2> } }
"""


def decoded(path: Path) -> Any:
    oiio = pytest.importorskip("OpenImageIO")
    picture = oiio.ImageInput.open(str(path))
    assert picture is not None, path
    pixels = picture.read_image()
    assert pixels is not None
    return pixels


def test_scenes_become_images_and_images_a_movie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ffmpeg = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    with RunningFarm(tmp_path / "farm", threads=1) as farm:
        farm.start_server()
        wait_until(lambda: farm.rest("GET", "/overview"), seconds=180, what="the server answers")
        farm.start_worker(1, "--renderer", "ffmpeg=")
        wait_until(farm.ready_workers, seconds=180, what="the worker is ready")
        images = tmp_path / "images"

        (tmp_path / "ball.xml").write_text(SCENE)
        done = farm.grange(
            "submit", str(tmp_path / "ball.xml"), "--frames", "3-5", "--chunk", "2",
            "--output", str(images / "<Scene>"), "--preview", "--yes", "--wait", timeout=280,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr + farm.logs()
        found = sorted((images / "ball").iterdir())
        assert [path.name for path in found] == [f"ball.000{frame}.exr" for frame in (3, 4, 5)]
        covered = [float((decoded(path)[..., 0] < 0.99).sum()) for path in found]
        assert covered == sorted(covered), "the ball grows with $frame"
        assert covered[0] < covered[2]

        (tmp_path / "roll.pov").write_text(BALL)
        options = ["--output", str(images), "--yes", "--wait"]
        done = farm.grange(
            "submit", str(tmp_path / "roll.pov"), "--frames", "1-4", *options, "--",
            "+W32", "+H24", timeout=280,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr + farm.logs()
        rolled = sorted(path for path in images.iterdir() if path.is_file())
        assert [path.name for path in rolled] == [f"roll{frame}.png" for frame in (1, 2, 3, 4)]
        assert all(decoded(path).shape[:2] == (24, 32) for path in rolled)

        rolled[2].write_bytes(rolled[2].read_bytes()[:-20])
        done = farm.grange(
            "submit", str(tmp_path / "roll.pov"), "--frames", "1-4", *options, "--resume", "--",
            "+W32", "+H24", timeout=280,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert "1 task" in done.stdout, "only the frame that was cut off is rendered again"
        assert decoded(rolled[2]).shape[:2] == (24, 32)

        movie = ["submit", "--renderer", "ffmpeg", str(images / "roll#.png"), "--frames", "1-4"]
        told = farm.grange(*movie, "--output", str(images), "--image", "roll", "--yes", "--json")
        assert told.returncode == 0, told.stderr
        why = farm.grange("job", "why", json.loads(told.stdout)["job_id"])
        assert "renderer" in why.stdout.lower(), why.stdout + why.stderr
        farm.start_worker(2, "--renderer", f"ffmpeg={_called_ffmpeg(tmp_path, ffmpeg)}")
        # It is made beside its own images, so it is not contained and grows under its name.
        made = farm.grange("job", "wait", json.loads(told.stdout)["job_id"], timeout=100)
        assert made.returncode == 0, made.stdout + made.stderr + farm.logs()
        assert (images / "roll.mp4").read_bytes()[4:8] == b"ftyp"


def _called_ffmpeg(folder: Path, program: str) -> Path:
    """Return a file called ffmpeg that is the program."""
    link = folder / "tools" / "ffmpeg"
    link.parent.mkdir()
    link.symlink_to(program)
    return link
