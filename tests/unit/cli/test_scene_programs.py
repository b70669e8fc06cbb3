"""The command lines of `grange submit SCENE`, run by the real programs (S1-18, S1-21)."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from grange.cli.submit_options import SceneOptions, scene_renderer, submitted_scene
from grange.worker.pictures import problem_of
from grange.worker.registry import Found, version_of, with_launchers

BALL = """<scene version="3.0.0">
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
ROLL = """#version 3.7;
global_settings { assumed_gamma 1.0 }
camera { location <0, 0, -4> look_at 0 }
light_source { <2, 3, -4> rgb 1 }
sphere { <clock, 0, 0>, 1 pigment { rgb <1, 0.5, 0.2> } }
"""


def render(
    folder: Path, scene: Path, frames: str, *, renderer: str | None = None, words: Any = ()
) -> Path:
    """Run the script of a submitted scene as a worker would; return the folder of its output."""
    ffmpeg = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    tools, scratch = folder / "tools", folder / "scratch"
    tools.mkdir(exist_ok=True)
    scratch.mkdir(exist_ok=True)
    link = tools / "ffmpeg"
    if not link.exists():
        link.symlink_to(ffmpeg)
    found = scene_renderer(str(scene), renderer)
    assert found is not None
    assert found.tested
    plan = submitted_scene(
        found,
        str(scene),
        SceneOptions(
            frames=frames,
            chunk=9,
            output=str(folder / "place"),
            image=None,
            extension=None,
            camera=None,
            layer=None,
            preview=False,
            resume=False,
            arguments=words,
            name=None,
            attributes={},
            priority=50,
        ),
    )
    [step] = json.loads(plan.template)["steps"]
    text = step["script"]["embeddedFiles"][0]["data"].replace("{{Task.Param.Frame}}", frames)
    (folder / "run.sh").write_text(text)
    path = [str(tools), str(Path(sys.executable).parent), os.environ["PATH"]]
    done = subprocess.run(
        ["/bin/sh", str(folder / "run.sh"), plan.parameters["SceneFile"]["path"], str(scratch)],
        env={"PATH": os.pathsep.join(path), "HOME": str(folder)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-1000:]
    assert not (folder / "place").exists(), "everything goes to the local target"
    return scratch


def pixels(path: Path) -> Any:
    oiio = pytest.importorskip("OpenImageIO")
    picture = oiio.ImageInput.open(str(path))
    assert picture is not None, path
    found = picture.read_image()
    picture.close()
    return found


def test_mitsuba_renders_each_frame_with_its_number_defined(tmp_path: Path) -> None:
    scene = tmp_path / "ball.xml"
    scene.write_text(BALL)
    out = render(tmp_path, scene, "3-4")
    found = sorted(out.iterdir())
    assert [path.name for path in found] == ["ball.0003.exr", "ball.0004.exr"]
    covered = [int((pixels(path)[..., 0] < 0.99).sum()) for path in found]
    assert 0 < covered[0] < covered[1], "the ball grows with $frame"


def test_povray_renders_images_that_ffmpeg_makes_a_movie_of(tmp_path: Path) -> None:
    if shutil.which("povray") is None:
        pytest.fail("This test renders with POV-Ray: install it (apt-get install povray).")
    scene = tmp_path / "roll.pov"
    scene.write_text(ROLL)
    out = render(tmp_path, scene, "1-3", words=("+W32", "+H24"))
    found = sorted(out.iterdir())
    assert [path.name for path in found] == ["roll1.png", "roll2.png", "roll3.png"]
    assert [pixels(path).shape[:2] for path in found] == [(24, 32)] * 3
    assert (pixels(found[0]) != pixels(found[2])).any(), "the ball rolls"
    render(tmp_path, out / "roll#.png", "1-3", renderer="ffmpeg")
    assert (out / "roll.mp4").read_bytes()[4:8] == b"ftyp"


CUBE = """
import bpy
scene = bpy.context.scene
scene.render.resolution_x, scene.render.resolution_y = 32, 24
scene.render.resolution_percentage = 100
scene.render.engine, scene.cycles.samples, scene.cycles.device = "CYCLES", 2, "CPU"
cube = bpy.data.objects["Cube"]
cube.keyframe_insert("location", frame=1)
cube.location.x = 3
cube.keyframe_insert("location", frame=5)
bpy.ops.wm.save_as_mainfile(filepath="{path}")
"""


@pytest.mark.bpy
@pytest.mark.slow
def test_blender_renders_the_frames_of_a_chunk(tmp_path: Path) -> None:
    """Issue 5, item 6: Blender's own code, as the Python module bpy."""
    python = Found(key="blender", path=os.environ["GRANGE_TEST_BPY"])
    (blender,) = with_launchers([python], tmp_path / "tools")
    scene = tmp_path / "cube.blend"
    made = [blender.path, "-b", "--python-expr", CUBE.format(path=scene)]
    subprocess.run(made, check=True, capture_output=True, timeout=100)
    place = render(tmp_path, scene, "1-5:2", words=("-t", "1"))
    assert sorted(path.name for path in place.iterdir()) == [
        f"cube_000{frame}.exr" for frame in (1, 3, 5)
    ]
    assert all(problem_of(path) is None for path in place.iterdir())
    assert len({path.read_bytes() for path in place.iterdir()}) == 3, "the cube moves"
    version = version_of(python)
    assert version is not None
    assert version.startswith("5.")
    bad = subprocess.run(
        [blender.path, "-b", str(tmp_path / "none.blend"), "-a"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert bad.returncode == 1
    assert "Cannot read file" in bad.stderr
