"""Real renderers whose output is contained: it is at its place whole, or not at all (S1-10)."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import grange
from grange.worker.messages import (
    Cancel,
    Close,
    Closed,
    Ended,
    FrameDone,
    Open,
    Opened,
    Transferred,
)
from grange.worker.plan import Outcome
from tests.unit.worker.test_runner import JOB, Nursery, Seat, chunked, script

MITSUBA = """
import sys
import mitsuba as mi
mi.set_variant("scalar_rgb")
scene = mi.cornell_box()
scene["sensor"]["film"] = {
    "type": "hdrfilm", "width": 24, "height": 24, "rfilter": {"type": "box"}
}
scene["sensor"]["sampler"] = {"type": "independent", "sample_count": 2}
scene = mi.load_dict(scene)
first, last = int(sys.argv[2]), int(sys.argv[3])
for frame in range(first, last + 1):
    print(f"grange: frame {frame} start", flush=True)
    image = mi.render(scene, seed=frame)
    path = f"{sys.argv[1]}/box.{frame:04}.exr"
    mi.util.write_bitmap(path, image, write_async=False)
    print(f"grange: frame {frame} done {path}", flush=True)
"""


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    nursery = Nursery(tmp_path_factory.mktemp("nursery"))
    yield nursery
    nursery.close()


@pytest.fixture
def seat(tmp_path: Path, nursery: Nursery) -> Iterator[Seat]:
    seat = Seat(tmp_path, nursery)
    yield seat
    seat.leave()


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """The place of the output: nothing makes it but the copy."""
    return tmp_path / "srv" / "images"


def open_contained(seat: Seat, images: Path, *, rate: float | None = None, **paths: str) -> None:
    parameters: dict[str, Any] = {"Out": {"path": str(images)}}
    parameters |= {name: {"path": path} for name, path in paths.items()}
    seat.say(
        Open(
            session_id="session-1",
            job={
                **JOB,
                "parameters": parameters,
                "grangeOutputs": [{"name": "Out", "stepName": "Render"}],
            },
            root=str(seat.folder / "root"),
            log_path=str(seat.folder / "session-1.log"),
            variables={},
            contain=True,
            copy_bytes_per_second=rate,
        )
    )
    assert seat.hear() == Opened(session_id="session-1")


def decoded(path: Path) -> tuple[int, int]:
    """Decode a picture with OpenImageIO and return its size."""
    oiio = pytest.importorskip("OpenImageIO")
    picture = oiio.ImageInput.open(str(path))
    assert picture is not None
    spec = picture.spec()
    assert picture.read_image() is not None
    picture.close()
    return spec.width, spec.height


def test_mitsuba_renders_to_this_machine_and_its_frames_are_copied(
    seat: Seat, images: Path, tmp_path: Path
) -> None:
    (tmp_path / "render.py").write_text(MITSUBA)
    open_contained(seat, images, Script=str(tmp_path / "render.py"))
    seat.run(
        1,
        chunked(f'"{sys.executable}" "{{{{Param.Script}}}}" "{{{{Param.Out}}}}" 3 4\n'),
        parameters={"Frame": {"chunkInt": "3-4"}},
    )
    ended, before = seat.until(Ended)
    assert ended.outcome is Outcome.SUCCEEDED, seat.log()
    found = sorted(images.iterdir())
    assert [path.name for path in found] == ["box.0003.exr", "box.0004.exr"]
    assert [decoded(path) for path in found] == [(24, 24)] * 2
    assert found[0].read_bytes() != found[1].read_bytes()
    frames = [one for one in before if isinstance(one, FrameDone)]
    assert [one.path for one in frames] == [str(path) for path in found]
    assert [one.output_bytes for one in frames] == [path.stat().st_size for path in found]
    assert ended.output_bytes == sum(path.stat().st_size for path in found)
    assert ended.copied_files == 2
    lines = [line for one in before if isinstance(one, Transferred) for line in one.lines]
    assert [line.path for line in lines] == [str(path) for path in found]
    assert [line.byte_count for line in lines] == [path.stat().st_size for path in found]
    assert ended.copy_ms is not None
    assert "Copied 2 files" in seat.log()
    seat.say(Close(session_id="session-1"))
    assert seat.until(Closed)
    assert list((seat.folder / "root").iterdir()) == []


def test_povray_renders_to_this_machine_and_its_frames_are_copied(seat: Seat, images: Path) -> None:
    povray = shutil.which("povray")
    if povray is None:
        pytest.fail("This test renders with POV-Ray: install it (apt-get install povray).")
    scripts = Path(grange.__file__).parent / "bundles" / "povray_spheres" / "scripts"
    open_contained(seat, images, Scripts=str(scripts))
    seat.run(
        1,
        chunked(
            'sh "{{Param.Scripts}}/render.sh" povray "{{Param.Scripts}}/spheres.pov"'
            ' "{{Task.Param.Frame}}" 8 "{{Param.Out}}" 32 18\n'
        ),
        parameters={"Frame": {"chunkInt": "2-3"}},
    )
    ended, _ = seat.until(Ended)
    assert ended.outcome is Outcome.SUCCEEDED, seat.log()
    found = sorted(images.iterdir())
    assert [path.name for path in found] == ["frame_0002.png", "frame_0003.png"]
    assert [decoded(path) for path in found] == [(32, 18)] * 2


def failing(seat: Seat, images: Path, text: str, frames: str = "1-2") -> Ended:
    open_contained(seat, images)
    seat.run(1, chunked(text), parameters={"Frame": {"chunkInt": frames}})
    ended: Ended = seat.until(Ended)[0]
    assert ended.outcome is Outcome.FAILED
    return ended


def test_success_without_output_is_a_failure(seat: Seat, images: Path) -> None:
    """S1-07: exit code 0, zero files."""
    ended = failing(seat, images, "echo all is well\n")
    assert ended.exit_code == 0
    assert (ended.error_class, ended.error_rule) == ("no_output", "output:none")
    assert str(images) in ended.error_text
    assert not images.exists()


def test_a_frame_that_is_missing_fails_its_chunk(seat: Seat, images: Path) -> None:
    ended = failing(seat, images, 'printf x > "{{Param.Out}}/a.0001.raw"\n')
    assert (ended.error_class, ended.error_rule) == ("no_output", "output:frames")
    assert "2" in ended.error_text
    assert not images.exists()


def test_a_cut_frame_fails_its_chunk_and_no_frame_of_it_arrives(
    seat: Seat, images: Path, tmp_path: Path
) -> None:
    oiio = pytest.importorskip("OpenImageIO")
    whole = tmp_path / "whole.exr"
    noise = oiio.ImageBuf(oiio.ImageSpec(64, 64, 3, "half"))
    oiio.ImageBufAlgo.noise(noise, "uniform", 0.0, 1.0)
    assert noise.write(str(whole))
    ended = failing(
        seat,
        images,
        f'cp {whole} "{{{{Param.Out}}}}/a.0001.exr"\n'
        f'head -c 1000 {whole} > "{{{{Param.Out}}}}/a.0002.exr"\n',
    )
    assert ended.error_rule == "output:broken"
    assert f"{images}/a.0002.exr" in ended.error_text
    assert not images.exists()


def test_what_a_failed_program_wrote_does_not_arrive(seat: Seat, images: Path) -> None:
    ended = failing(seat, images, 'printf x > "{{Param.Out}}/a.0001.raw"\nexit 3\n')
    assert ended.exit_code == 3
    assert not images.exists()


def test_each_task_sees_its_own_output_only(seat: Seat, images: Path) -> None:
    open_contained(seat, images)
    for number in (1, 2):
        text = f'ls "{{{{Param.Out}}}}" | wc -l\nprintf x > "{{{{Param.Out}}}}/{number}.raw"\n'
        seat.run(number, script(text))
        assert seat.until(Ended)[0].outcome is Outcome.SUCCEEDED
    assert seat.log().count("Z 0\n") == 2
    assert sorted(path.name for path in images.iterdir()) == ["1.raw", "2.raw"]


def test_a_full_disk_ends_as_output_and_leaves_nothing(
    seat: Seat, images: Path, tmp_path: Path
) -> None:
    """The place is a file system of one megabyte, the frame has two."""
    images.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(images)],
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.strip()}")
    try:
        ended = failing(
            seat,
            images,
            'head -c 10 /dev/urandom > "{{Param.Out}}/a.0001.raw"\n'
            'head -c 2000000 /dev/urandom > "{{Param.Out}}/a.0002.raw"\n',
        )
        assert (ended.error_class, ended.error_rule) == ("output", "output:copy")
        assert "No space left on device" in ended.error_text
        assert list(images.iterdir()) == []
    finally:
        subprocess.run(["umount", str(images)], check=True)


def copying(seat: Seat, images: Path) -> None:
    """Begin a copy that takes long, and wait until it is under way."""
    open_contained(seat, images, rate=2_000_000)
    seat.run(1, script('head -c 20000000 /dev/zero > "{{Param.Out}}/a.raw"\n'))
    deadline = 0
    while not (images.is_dir() and any(one.stat().st_size for one in images.iterdir())):
        deadline += 1
        assert deadline < 10_000_000
        os.sched_yield()


def test_a_task_cancelled_while_it_is_copied_leaves_nothing(seat: Seat, images: Path) -> None:
    copying(seat, images)
    seat.say(Cancel(action_id="action-1"))
    ended, _ = seat.until(Ended)
    assert ended.outcome is Outcome.CANCELED
    assert list(images.iterdir()) == []


def test_a_runner_killed_while_it_copies_leaves_no_file_under_its_name(
    tmp_path: Path, nursery: Nursery, images: Path
) -> None:
    seat = Seat(tmp_path, nursery)
    copying(seat, images)
    psutil.Process(seat.pid).send_signal(signal.SIGKILL)
    assert seat.leave() == -signal.SIGKILL
    assert [path.name for path in images.iterdir()] == [".a.raw.action-1.part"]
