"""The bundles that come with Grange really render, in real OpenJD sessions."""

import os
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml
from openjd.model import (
    StepParameterSpaceIterator,
    create_job,
    decode_job_template,
    preprocess_job_parameters,
)
from openjd.sessions import Session, SessionState

from grange.cli.bundle_files import bundled_folder

SMALL = {"Width": "96", "Height": "54"}


def run_bundle(name: str, work: Path, values: dict[str, str]) -> list[tuple[str, str, int]]:
    """Run every task of a bundle in one session; returns (step, frames, exit code)."""
    folder = bundled_folder(name)
    assert folder is not None
    template = decode_job_template(
        template=yaml.safe_load((folder / "template.yaml").read_text()),
        supported_extensions=["TASK_CHUNKING"],
    )
    parameters = preprocess_job_parameters(
        job_template=template,
        job_parameter_values=values,
        job_template_dir=folder,
        current_working_dir=work,
        allow_job_template_dir_walk_up=True,
    )
    job = create_job(job_template=template, job_parameter_values=parameters)
    done = threading.Event()
    codes: list[tuple[str, str, int]] = []

    def changed(_session: str, status: object) -> None:
        code = getattr(status, "exit_code", None)
        if code is not None:
            codes[-1] = (*codes[-1][:2], code)
        if str(getattr(status, "state", "")).rsplit(".", 1)[-1] in {"SUCCESS", "FAILED"}:
            done.set()

    environment = {"PATH": os.environ["PATH"]}
    with Session(
        session_id="test",
        job_parameter_values=parameters,
        session_root_directory=work,
        callback=changed,
        os_env_vars=environment,
    ) as session:
        for step in job.steps:
            for task in StepParameterSpaceIterator(space=step.parameterSpace):
                frames = str(task["Frame"].value) if "Frame" in task else ""
                codes.append((step.name, frames, -1))
                done.clear()
                session.run_task(step_script=step.script, task_parameter_values=task)
                assert done.wait(100)
                while session.state is SessionState.RUNNING:
                    done.wait(0.01)
                if codes[-1][2] != 0:
                    return codes
    return codes


def size_of_png(path: Path) -> tuple[int, int]:
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert data[-8:-4] == b"IEND"
    return struct.unpack(">II", data[16:24])


@pytest.mark.slow
@pytest.mark.mitsuba
def test_the_harvest_renders_chunks_and_becomes_a_movie(tmp_path: Path):
    out = tmp_path / "out"
    python = os.environ["GRANGE_TEST_MITSUBA"]
    codes = run_bundle(
        "mitsuba_spin",
        tmp_path,
        {
            **SMALL, "Samples": "1", "FrameCount": "5", "FramesPerTask": "3", "Python": python,
            "OutputDir": str(out),
        },
    )  # fmt: skip
    assert codes == [("Render", "1-3", 0), ("Render", "4-5", 0), ("Encode", "", 0)]
    frames = sorted(out.glob("frame_*.png"))
    assert [size_of_png(path) for path in frames] == [(96, 54)] * 5
    assert len({path.read_bytes() for path in frames}) == 5, "an animation, not a still"
    movie = (out / "harvest.mp4").read_bytes()
    assert movie[4:8] == b"ftyp"
    assert movie.find(b"moov") < movie.find(b"mdat"), "starts before it is loaded whole"
    assert not list(out.glob("*partial*"))


@pytest.mark.slow
@pytest.mark.mitsuba
def test_the_frame_that_shall_fail_fails_once(tmp_path: Path):
    values = {
        **SMALL, "Samples": "1", "FrameCount": "2", "FailFrame": "2",
        "Python": os.environ["GRANGE_TEST_MITSUBA"], "OutputDir": str(tmp_path / "out"),
    }  # fmt: skip
    assert run_bundle("mitsuba_spin", tmp_path, values) == [("Render", "1-2", 1)]
    assert not (tmp_path / "out" / "frame_0002.png").exists()
    again = run_bundle("mitsuba_spin", tmp_path, values)
    assert again == [("Render", "1-2", 0), ("Encode", "", 0)]


@pytest.mark.mitsuba
def test_an_encode_without_its_frames_says_which_is_missing(tmp_path: Path):
    folder = bundled_folder("mitsuba_spin")
    assert folder is not None
    words = ["--frames", str(tmp_path), "--count", "3", "--movie", str(tmp_path / "m.mp4")]
    done = subprocess.run(
        [sys.executable, folder / "scripts" / "encode.py", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "3 frames, first 1" in done.stdout


@pytest.mark.slow
@pytest.mark.povray
def test_the_spheres_render_with_povray(tmp_path: Path):
    out = tmp_path / "out"
    codes = run_bundle(
        "povray_spheres",
        tmp_path,
        {
            **SMALL, "FrameCount": "3", "FramesPerTask": "2", "OutputDir": str(out),
            "PovRay": os.environ["GRANGE_TEST_POVRAY"],
        },
    )  # fmt: skip
    assert codes == [("Render", "1-2", 0), ("Render", "3-3", 0)]
    frames = sorted(out.glob("*"))
    assert [path.name for path in frames] == [f"frame_{n:04d}.png" for n in range(1, 4)]
    assert [size_of_png(path) for path in frames] == [(96, 54)] * 3
