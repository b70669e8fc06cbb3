"""Scenes as jobs: golden command lines, tokens, preview, resume (ledger S1-18, S1-19, S1-21)."""

import json
import os
import re
import shlex
import stat
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grange.cli.frame_range import parse_frames, range_of
from grange.cli.main import run
from grange.cli.submit_options import (
    NothingLeftError,
    SceneOptions,
    frames_there,
    scene_renderer,
    submitted_scene,
)
from grange.cli.submit_plan import preview_frames
from grange.cli.submit_scene import SceneRequest, command_of, output_of, scene_plan
from grange.domain.renderers import ATTRIBUTE, PROGRAMS, RENDERERS, renderer_for, renderer_named
from grange.domain.work import Job
from grange.kernel.errors import InvalidRequestError
from grange.scheduling.blocks import Block
from grange.scheduling.capability import block_of
from grange.services.outputs import contained_outputs
from grange.services.templates import parse_job
from grange.testing.conformance.entities import least
from grange.worker.registry import Found, find_programs, path_with, version_of


def request(
    name: str, scene: str = "/p/shot.v2.ma", frames: str = "1-10", **more: Any
) -> SceneRequest:
    found = renderer_named(name)
    assert found is not None
    return SceneRequest(
        renderer=found, scene=scene, output="/srv/images", frames=parse_frames(frames), **more
    )


GOLDEN = {
    "blender": "blender -b {scene} -o {output}/shot_#### -F OPEN_EXR -x 1"
    " -s {start} -e {end} -j {step} -a",
    "mitsuba": "mitsuba -m scalar_rgb -o {output}/shot.{frame:04}.exr {scene}",
    "povray": "povray +I{scene} +O{output}/shot.png -D +V +KFI1 +KFF10 +SF{frame} +EF{frame}",
    "ffmpeg": "ffmpeg -y -nostdin -progress pipe:1 -framerate 24 -start_number 1 -i {scene}"
    " -frames:v 10 -pix_fmt yuv420p {output}/shot.mp4",
    "maya-software": "Render -r sw -rd {output} -fnc name_#.ext -im shot"
    " -s {start} -e {end} -b {step} {scene}",
    "maya-hardware": "Render -r hw2 -rd {output} -fnc name_#.ext -im shot"
    " -s {start} -e {end} -b {step} {scene}",
    "maya-mray": "Render -r mr -v 5 -rd {output} -fnc name_#.ext -im shot"
    " -s {start} -e {end} -b {step} {scene}",
    "maya-vray": "Render -r vray -rd {output} -fnc name_#.ext -im shot"
    " -s {start} -e {end} -b {step} {scene}",
    "maya-arnold": "Render -r arnold -ai:lve 2 -rd {output} -fnc name_#.ext -im shot"
    " -s {start} -e {end} -b {step} {scene}",
    "nuke": "nuke -x -F {start}-{end}x{step} {scene}",
    "houdini": "hrender -e -f {start} {end} -i {step} -o {output}/shot.$F4.exr {scene}",
    "husk": "husk -f {frame} -n 1 -o {output}/shot.{frame:04}.exr --verbose 3a {scene}",
    "arnold": "kick -i {scene} -o {output}/shot.{frame:04}.exr -v 4 -dw -dp -nostdin",
    "vray": "vray -sceneFile={scene} -imgFile={output}/shot.exr -frames={start}-{end},{step}"
    " -display=0 -autoClose=1 -verboseLevel=3",
}


@pytest.mark.parametrize("name", [one.name for one in RENDERERS])
def test_the_command_line_of_each_renderer(name: str) -> None:
    """The manuals' command lines; nothing here ran the programs themselves."""
    assert " ".join(command_of(request(name))) == GOLDEN[name]


def test_maya_renders_to_the_local_target_as_the_note_has_it() -> None:
    """S1-21: `Render -rd DIR -fnc name_#.ext -im NAME SCENE`."""
    words = command_of(request("maya-software", image="test"))
    at = words.index("-rd")
    assert words[0] == "Render"
    assert words[at : at + 6] == ("-rd", "{output}", "-fnc", "name_#.ext", "-im", "test")
    assert words[-1] == "{scene}"


def run_script(plan: Any, tmp_path: Path, frames: str, program: str) -> list[list[str]]:
    """Run the layer's shell script with a program that prints its arguments."""
    step = json.loads(plan.template)["steps"][-1]
    text = step["script"]["embeddedFiles"][0]["data"].replace("{{Task.Param.Frame}}", frames)
    tool = tmp_path / "bin" / program
    tool.parent.mkdir(exist_ok=True)
    tool.write_text('#!/bin/sh\nfor word; do printf "%s\\n" "$word"; done\necho --end--\n')
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "run.sh").write_text(text)
    done = subprocess.run(
        ["/bin/sh", str(tmp_path / "run.sh"), "/p q/it's a.ma", "/scratch/0"],
        env={"PATH": f"{tool.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [one for one in done.stdout.splitlines() if not one.startswith("grange: ")]
    runs: list[list[str]] = [[]]
    for line in lines:
        if line == "--end--":
            runs.append([])
        else:
            runs[-1].append(line)
    return runs[:-1]


def test_a_chunk_reaches_maya_with_the_mapped_paths_whatever_is_in_them(tmp_path: Path) -> None:
    plan = scene_plan(request("maya-software", camera="cam A", chunk=5))
    [words] = run_script(plan, tmp_path, "6-10", "Render")
    assert shlex.join(words) == (
        "-r sw -rd /scratch/0 -fnc 'name_#.ext' -im shot -s 6 -e 10 -b 1 -cam 'cam A'"
        " '/p q/it'\"'\"'s a.ma'"
    )


def test_a_renderer_of_single_frames_runs_once_for_each(tmp_path: Path) -> None:
    plan = scene_plan(request("arnold", scene="/p/a.ass", frames="1-9:2", chunk=3))
    runs = run_script(plan, tmp_path, "1-5:2", "kick")
    assert [words[3] for words in runs] == [f"/scratch/0/a.{frame:04}.exr" for frame in (1, 3, 5)]


def test_a_numbered_scene_is_cut_around_its_number() -> None:
    words = command_of(request("arnold", scene="/p/a.####.ass"))
    assert words[1:3] == ("-i", "{scene}/a.{frame:04}.ass")
    assert words[4] == "{output}/a.{frame:04}.exr"
    words = command_of(request("ffmpeg", scene="/p/f.####.png"))
    assert "{scene}/f.%04d.png" in words


def test_every_template_is_accepted_needs_its_renderer_and_contains_its_output() -> None:
    """S1-19: a job whose renderer is missing waits for a worker that has it."""
    for renderer in RENDERERS:
        plan = scene_plan(request(renderer.name, preview=True))
        parsed = parse_job(plan.template, "JSON", plan.parameters)
        once = renderer.name == "ffmpeg"
        assert len(parsed.layers) == (1 if once else 2)
        for layer in parsed.layers:
            [(name, any_of, _)] = layer.requirement.attributes
            assert (name, any_of) == ("grange:attr.renderer", (renderer.program,))
        job = least(Job, template=plan.template, template_type="JSON")
        assert len(contained_outputs(job)) == (0 if not renderer.local_target else 1 if once else 2)
        assert renderer.program in {program.key for program in PROGRAMS}


def test_preview_renders_first_middle_and_last_before_the_rest() -> None:
    assert preview_frames(range(1, 11)) == (1, 6, 10)
    assert preview_frames((7,)) == (7,)
    plan = scene_plan(request("blender", scene="/p/a.blend", preview=True, chunk=4))
    early, rest = json.loads(plan.template)["steps"]
    assert early["parameterSpace"]["taskParameterDefinitions"][0]["range"] == "1,6,10"
    assert rest["parameterSpace"]["taskParameterDefinitions"][0]["range"] == "2-5,7-9"
    assert rest["dependencies"] == [{"dependsOn": "Preview"}]
    assert [(layer.name, layer.frames) for layer in plan.layers] == [("Preview", 3), ("Render", 7)]
    parsed = parse_job(plan.template, "JSON", plan.parameters)
    assert [layer.task_count for layer in parsed.layers] == [layer.tasks for layer in plan.layers]


def test_tokens_name_folders_and_files() -> None:
    """S1-18: <Layer> <Camera> <Scene>."""
    one = request("maya-arnold", layer="beauty", camera="cam/A", image="<Scene>_<Layer>")
    one = replace(one, output="/srv/<Project>/<Scene>/<Camera>", attributes={"project": "film"})
    assert output_of(one) == "/srv/film/shot/cam_A"
    words = command_of(one)
    assert words[words.index("-im") + 1] == "shot_beauty"
    with pytest.raises(InvalidRequestError, match="<Shot>"):
        output_of(replace(one, output="/srv/<Shot>"))


def test_what_a_renderer_cannot_do_is_said() -> None:
    with pytest.raises(InvalidRequestError, match="takes no camera"):
        command_of(request("blender", camera="c"))
    with pytest.raises(InvalidRequestError, match="writes exr, png"):
        command_of(request("blender", extension="webp"))
    [note] = scene_plan(request("vray")).notes
    assert "have not run the program" in re.sub(r"\s+", " ", note)
    assert scene_plan(request("povray")).notes == ()


def test_the_renderer_follows_from_the_scene() -> None:
    assert renderer_for("/p/A.BLEND") is renderer_named("blender")
    assert renderer_for("/p/f.%04d.png") is renderer_named("ffmpeg")
    assert renderer_for("/p/bundle") is None
    assert scene_renderer("x.ma", "maya-vray") is renderer_named("maya-vray")
    with pytest.raises(InvalidRequestError, match="no renderer"):
        scene_renderer("x.ma", "maya-vary")


def options(**more: Any) -> SceneOptions:
    given: dict[str, Any] = {
        "frames": "1-6",
        "chunk": 2,
        "output": None,
        "image": None,
        "extension": None,
        "camera": None,
        "layer": None,
        "preview": False,
        "resume": False,
        "arguments": (),
        "name": None,
        "attributes": {},
        "priority": 50,
    }
    return SceneOptions(**given | more)


def test_a_resumed_job_leaves_out_frames_that_are_there_and_whole(tmp_path: Path) -> None:
    """S1-18: frames on disk are counted; a frame that is cut off is rendered again."""
    oiio = pytest.importorskip("OpenImageIO")
    scene = tmp_path / "a.pov"
    scene.write_text("sphere {}")
    for frame in (1, 2, 3, 5):
        picture = oiio.ImageBuf(oiio.ImageSpec(8, 8, 3, "uint8"))
        assert picture.write(str(tmp_path / f"a{frame}.png"))
    cut = tmp_path / "a3.png"
    cut.write_bytes(cut.read_bytes()[:-9])
    (tmp_path / "b4.png").write_bytes((tmp_path / "a1.png").read_bytes())
    assert frames_there(tmp_path, "a", "png") == {1, 2, 5}
    povray = renderer_named("povray")
    assert povray is not None
    plan = submitted_scene(povray, str(scene), options(output=str(tmp_path), resume=True))
    [step] = json.loads(plan.template)["steps"]
    assert step["parameterSpace"]["taskParameterDefinitions"][0]["range"] == "3-4,6"
    assert "+KFI1 +KFF6" in step["script"]["embeddedFiles"][0]["data"]
    for frame in (3, 4, 6):
        shutil_copy(tmp_path / "a1.png", tmp_path / f"a{frame}.png")
    with pytest.raises(NothingLeftError, match="nothing is left"):
        submitted_scene(povray, str(scene), options(output=str(tmp_path), resume=True))


def test_a_resumed_job_with_nothing_left_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    oiio = pytest.importorskip("OpenImageIO")
    scene = tmp_path / "a.pov"
    scene.write_text("sphere {}")
    picture = oiio.ImageBuf(oiio.ImageSpec(8, 8, 3, "uint8"))
    assert picture.write(str(tmp_path / "a1.png"))
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "AKIAX",
        "AWS_SECRET_ACCESS_KEY": "s",
        "GRANGE_FARM_ID": "farm-0",
    }.items():
        monkeypatch.setenv(name, value)
    words = ["submit", str(scene), "--output", str(tmp_path), "--frames", "1", "--resume", "--yes"]
    assert run(words) == 0
    assert "All 1 frames are there" in capsys.readouterr().out
    assert run([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["job_id"] is None


def shutil_copy(source: Path, place: Path) -> None:
    place.write_bytes(source.read_bytes())


def test_a_scene_that_is_not_there_and_an_output_that_is_not_said_are_refused(
    tmp_path: Path,
) -> None:
    povray = renderer_named("povray")
    assert povray is not None
    with pytest.raises(InvalidRequestError, match="no scene"):
        submitted_scene(povray, str(tmp_path / "a.pov"), options(output="/x"))
    (tmp_path / "a.pov").write_text("")
    with pytest.raises(InvalidRequestError, match="--output"):
        submitted_scene(povray, str(tmp_path / "a.pov"), options())


def test_frames_are_written_as_briefly_as_it_goes() -> None:
    assert range_of([1, 2, 3, 7, 9, 10]).text == "1-3,7,9-10"


# ── what a worker has ─────────────────────────────────────────────────────────────────────────────


def program(folder: Path, name: str, says: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def test_the_scheduler_knows_what_a_job_without_its_renderer_waits_for() -> None:
    assert block_of(ATTRIBUTE) is Block.RENDERER


def test_programs_are_found_on_the_path_and_where_they_are_installed(tmp_path: Path) -> None:
    blender = program(tmp_path / "bin", "blender", "Blender 4.2.1 LTS")
    program(tmp_path / "opt" / "nuke14", "Nuke14.0")
    newest = program(tmp_path / "opt" / "nuke15", "Nuke15.1")
    programs = [
        replace(one, places=(f"{tmp_path}/opt/nuke*/Nuke*",)) if one.key == "nuke" else one
        for one in PROGRAMS
        if one.key in {"blender", "nuke", "vray"}
    ]
    found = find_programs(str(tmp_path / "bin"), programs=programs)
    assert found == (
        Found(key="blender", path=str(blender)),
        Found(key="nuke", path=str(newest)),
    )
    assert version_of(found[0]) == "4.2.1"
    path = path_with(str(tmp_path / "bin"), found)
    assert path == f"{tmp_path}/bin:{newest.parent}"


def test_an_administrator_knows_better(tmp_path: Path) -> None:
    program(tmp_path / "bin", "blender")
    own = program(tmp_path / "own", "r")
    given = {"blender": "", "house": str(own)}
    found = find_programs(str(tmp_path / "bin"), given)
    assert ("house", str(own)) in [(one.key, one.path) for one in found]
    assert "blender" not in [one.key for one in found]
