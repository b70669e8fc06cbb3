"""Contained output: what counts as whole, and how it gets to its place (ledger S1-10)."""

import errno
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from grange.adapters.host.clock import SystemClock
from grange.books.catalog.registry import table
from grange.books.catalog.rows import row_problem
from grange.worker import copying
from grange.worker.containing import clear, outputs_of, place_of, prepare, verdict_on, written
from grange.worker.copying import CopyError, Transfer, copy_files
from grange.worker.delivery import Delivery
from grange.worker.messages import CopyLine, Transferred
from grange.worker.pictures import problem_of
from grange.worker.transfers import copy_lines

CLOCK = SystemClock()


def png(path: Path, width: int = 4, height: int = 4) -> Path:
    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    rows = b"".join(b"\0" + b"\x80" * width for _ in range(height))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    return path


def job(*outputs: str, **paths: str) -> dict[str, object]:
    return {
        "parameters": {name: {"path": path} for name, path in paths.items()},
        "grangeOutputs": [{"name": name, "stepName": "Render"} for name in outputs],
    }


# ── whole or not ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("form", ["exr", "png", "jpg", "tif"])
def test_a_picture_is_whole_and_its_cut_copy_is_not(tmp_path: Path, form: str) -> None:
    """Pictures written by OpenImageIO, then cut at many places, by their structure alone."""
    oiio = pytest.importorskip("OpenImageIO")
    path = tmp_path / f"a.{form}"
    spec = oiio.ImageSpec(97, 61, 3, "half" if form == "exr" else "uint8")
    buffer = oiio.ImageBuf(spec)
    oiio.ImageBufAlgo.noise(buffer, "uniform", 0.0, 1.0)
    assert buffer.write(str(path))
    assert problem_of(path, decode=False) is None
    assert problem_of(path) is None
    whole = path.read_bytes()
    cut = tmp_path / f"b.{form}"
    if form != "tif":  # its directory may come first: only decoding tells
        for part in (0.1, 0.5, 0.9, 0.99):
            cut.write_bytes(whole[: int(len(whole) * part)])
            assert problem_of(cut, decode=False) is not None, part
    cut.write_bytes(whole[: len(whole) // 2])
    assert problem_of(cut) is not None


@pytest.mark.parametrize("compression", ["none", "rle", "zips", "zip", "piz", "pxr24", "dwaa"])
@pytest.mark.parametrize("tiled", [False, True])
def test_every_kind_of_exr_is_understood(tmp_path: Path, compression: str, *, tiled: bool) -> None:
    oiio = pytest.importorskip("OpenImageIO")
    path = tmp_path / "a.exr"
    spec = oiio.ImageSpec(100, 70, 4, "half")
    spec["compression"] = compression
    if tiled:
        spec.tile_width = spec.tile_height = 32
    buffer = oiio.ImageBuf(spec)
    oiio.ImageBufAlgo.noise(buffer, "uniform", 0.0, 1.0)
    assert buffer.write(str(path))
    assert problem_of(path, decode=False) is None
    path.write_bytes(path.read_bytes()[:-7])
    assert problem_of(path, decode=False) == "ends within its last chunk"


def test_an_exr_whose_renderer_died_lacks_chunks(tmp_path: Path) -> None:
    oiio = pytest.importorskip("OpenImageIO")
    path = tmp_path / "a.exr"
    spec = oiio.ImageSpec(64, 64, 3, "half")
    spec["compression"] = "zips"
    picture = oiio.ImageBuf(spec)
    assert picture.write(str(path))
    data = bytearray(path.read_bytes())
    table = data.index(struct.pack("<Q", _first_chunk(data)))
    data[table + 8 * 10 : table + 8 * 12] = bytes(16)
    path.write_bytes(data)
    assert problem_of(path, decode=False) == "lacks 2 of 64 chunks"


def _first_chunk(data: bytes | bytearray) -> int:
    """Return where the first of 64 chunks begins: the table before it ends there."""
    for at in range(300, len(data)):
        if struct.unpack_from("<Q", data, at)[0] == at + 64 * 8:
            return at + 64 * 8
    raise AssertionError("no table found")


def test_an_empty_file_and_one_of_another_kind_are_not_whole(tmp_path: Path) -> None:
    (tmp_path / "a.exr").write_bytes(b"")
    (tmp_path / "b.png").write_text("an error page")
    (tmp_path / "c.txt").write_text("anything")
    assert problem_of(tmp_path / "a.exr") == "is empty"
    assert problem_of(tmp_path / "b.png") == "is no PNG file"
    assert problem_of(tmp_path / "c.txt") is None
    assert problem_of(tmp_path / "b.png", lenient=True) is None


def test_a_named_file_that_is_cut_off_fails_a_task_that_contains_nothing(tmp_path: Path) -> None:
    delivery = Delivery({}, tmp_path / "scratch", CLOCK)
    path = png(tmp_path / "a.0001.png")
    assert delivery.deliver("t", (1,), [path, tmp_path / "not-there.png"]).rejected is None
    path.write_bytes(path.read_bytes()[:-5])
    found = delivery.deliver("t", (1,), [path]).rejected
    assert found is not None
    assert found.rule == "output:broken"


def test_a_movie_without_its_table_of_contents_is_not_whole(tmp_path: Path) -> None:
    def box(kind: bytes, size: int) -> bytes:
        return struct.pack(">I", size + 8) + kind + bytes(size)

    path = tmp_path / "a.mp4"
    path.write_bytes(box(b"ftyp", 8) + box(b"mdat", 100) + box(b"moov", 20))
    assert problem_of(path) is None
    path.write_bytes(box(b"ftyp", 8) + box(b"mdat", 100))
    assert problem_of(path) == "ends before its table of contents (moov)"
    path.write_bytes((box(b"ftyp", 8) + box(b"moov", 20) + box(b"mdat", 100))[:-3])
    assert problem_of(path) == "ends within a box"


# ── what is contained ─────────────────────────────────────────────────────────────────────────────


def test_an_output_is_led_to_scratch_and_back(tmp_path: Path) -> None:
    [output] = outputs_of(job("Out", Out="/srv/shot/images", Scene="/srv/shot/a.xml"), tmp_path)
    assert str(output.place) == "/srv/shot/images"
    prepare([output])
    (output.scratch / "deep").mkdir()
    (output.scratch / "deep" / "a.0001.exr").write_text("x")
    [(file, place)] = written([output])
    assert str(place) == "/srv/shot/images/deep/a.0001.exr"
    assert place_of([output], str(file)) == str(place)
    assert place_of([output], "/elsewhere/b") == "/elsewhere/b"
    clear([output])
    assert written([output]) == []
    assert output.scratch.is_dir()


def test_a_file_parameter_is_contained_with_what_lies_beside_it(tmp_path: Path) -> None:
    details = job("Movie", Movie="/srv/out/a.mp4")
    details["grangeOutputs"] = [{"name": "Movie", "objectType": "FILE", "stepName": "Render"}]
    [output] = outputs_of(details, tmp_path)
    prepare([output])
    output.scratch.write_text("m")
    (output.scratch.parent / "a.srt").write_text("s")
    places = sorted(str(place) for _, place in written([output]))
    assert places == ["/srv/out/a.mp4", "/srv/out/a.srt"]


@pytest.mark.parametrize(
    "paths",
    [
        {"Out": "relative/images"},
        {"Out": "/"},
        {"Out": "/srv/shot", "Scene": "/srv/shot/a.xml"},
        {"Out": "/srv/shot", "Cache": "/srv/shot"},
        {"Scene": "/srv/a.xml"},
    ],
)
def test_an_output_that_cannot_be_told_from_input_is_left_alone(
    tmp_path: Path, paths: dict[str, str]
) -> None:
    assert outputs_of(job("Out", **paths), tmp_path) == ()


def test_success_without_output_is_a_failure(tmp_path: Path) -> None:
    """S1-07: exit code 0 and nothing there."""
    outputs = outputs_of(job("Out", Out="/srv/images"), tmp_path)
    prepare(outputs)
    found = verdict_on(outputs, written(outputs), (1, 2))
    assert found is not None
    assert (found.error_class, found.rule) == ("no_output", "output:none")


def test_each_frame_must_be_there_where_files_carry_their_numbers(tmp_path: Path) -> None:
    outputs = outputs_of(job("Out", Out="/srv/images"), tmp_path)
    prepare(outputs)
    for frame in (1, 2, 4):
        png(outputs[0].scratch / f"v2_beauty.{frame:04}.png")
    found = verdict_on(outputs, written(outputs), (1, 2, 3, 4, 5))
    assert found is not None
    assert found.text == "The program ended well, but frames 3,5 are missing."
    assert verdict_on(outputs, written(outputs), (1, 2, 4)) is None


def test_a_movie_of_many_frames_needs_no_numbers(tmp_path: Path) -> None:
    outputs = outputs_of(job("Out", Out="/srv/images"), tmp_path)
    prepare(outputs)
    (outputs[0].scratch / "movie.bin").write_text("x")
    assert verdict_on(outputs, written(outputs), (1, 2, 3)) is None


def test_a_cut_frame_is_named_in_the_verdict(tmp_path: Path) -> None:
    outputs = outputs_of(job("Out", Out="/srv/images"), tmp_path)
    prepare(outputs)
    path = png(outputs[0].scratch / "a.0001.png")
    path.write_bytes(path.read_bytes()[:-5])
    found = verdict_on(outputs, written(outputs), (1,))
    assert found is not None
    assert found.rule == "output:broken"
    assert found.text == "/srv/images/a.0001.png ends before its end mark (IEND)"


# ── getting there ─────────────────────────────────────────────────────────────────────────────────


def pairs_in(folder: Path, count: int = 3, size: int = 3000) -> list[tuple[Path, Path]]:
    (folder / "from").mkdir()
    pairs = []
    for number in range(count):
        file = folder / "from" / f"{number}.bin"
        file.write_bytes(os.urandom(size))
        pairs.append((file, folder / "to" / "deep" / file.name))
    return pairs


def test_files_arrive_whole_with_their_modes_and_nothing_else(tmp_path: Path) -> None:
    pairs = pairs_in(tmp_path, size=2 * copying.PIECE_BYTES + 17)
    pairs[0][0].chmod(0o640)
    copied = copy_files(pairs, tag="t", clock=CLOCK)
    assert copied.files == 3
    assert copied.byte_count == 3 * (2 * copying.PIECE_BYTES + 17)
    assert copied.errors == 0
    for file, place in pairs:
        assert place.read_bytes() == file.read_bytes()
    assert pairs[0][1].stat().st_mode & 0o777 == 0o640
    assert sorted(one.name for one in (tmp_path / "to" / "deep").iterdir()) == [
        "0.bin",
        "1.bin",
        "2.bin",
    ]


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The write fails in the third file, as on a full disk: none of the three is there."""
    pairs = pairs_in(tmp_path)
    real, calls = os.write, []

    def write(descriptor: int, data: bytes) -> int:
        calls.append(len(data))
        if len(calls) > 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(copying, "PAUSES_SECONDS", (0.01,))
    with pytest.raises(CopyError, match="No space left"):
        copy_files(pairs, tag="t", clock=CLOCK)
    assert len(calls) == 4, "it was tried twice"
    assert list((tmp_path / "to" / "deep").iterdir()) == []


def test_a_fault_that_passes_is_survived_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = pairs_in(tmp_path)
    real, calls = os.write, []

    def write(descriptor: int, data: bytes) -> int:
        calls.append(len(data))
        if len(calls) == 2:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(copying, "PAUSES_SECONDS", (0.01,))
    copied = copy_files(pairs, tag="t", clock=CLOCK)
    assert copied.errors == 1
    assert all(place.read_bytes() == file.read_bytes() for file, place in pairs)


def test_every_try_is_noted_for_the_stream_of_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ledger S1-10: latency, bytes, errors and files of the copies are a stream."""
    pairs = pairs_in(tmp_path, count=2, size=4000)
    real, calls = os.write, []

    def write(descriptor: int, data: bytes) -> int:
        calls.append(len(data))
        if len(calls) == 2:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(copying, "PAUSES_SECONDS", (0.01,))
    seen: list[Transfer] = []
    copy_files(pairs, tag="t", clock=CLOCK, note=seen.append, bytes_per_second=80_000)
    assert [(one.place.name, one.byte_count, one.error) for one in seen] == [
        ("0.bin", 4000, False),
        ("1.bin", 0, True),
        ("1.bin", 4000, False),
    ]
    assert seen[0].millis >= 45, "4000 bytes at 80,000 a second"
    told = Transferred(
        action_id="action-7",
        first=20,
        lines=tuple(
            CopyLine(str(one.place), one.at, one.millis, one.byte_count, one.error) for one in seen
        ),
    )
    rows = copy_lines(told, "session-1")
    assert [(row["error"], row["bytes"], row["offset"]) for row in rows] == [
        (False, 4000, 20),
        (True, 0, 21),
        (False, 4000, 22),
    ]
    assert rows[1]["latency_ms"] is None
    assert {(row["stream"], row["kind"], row["product"]) for row in rows} == {
        ("copies", "tx", "bin")
    }
    posted = [{**row, "farm_id": "f", "machine": "m"} for row in rows]
    assert [row_problem(table("log_lines"), row, skipped=frozenset()) for row in posted] == [
        None
    ] * 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may take a file system away")
def test_a_file_system_that_goes_away_in_the_middle_leaves_no_part_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ledger S1-10: as when the network breaks: the place is gone, and comes back as it was."""
    pairs = pairs_in(tmp_path, count=2, size=3 * copying.PIECE_BYTES)
    place = tmp_path / "to"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "grange-test", str(place)], check=False
    )
    if mounted.returncode:
        pytest.skip("this machine mounts nothing")
    monkeypatch.setattr(copying, "PAUSES_SECONDS", (0.01,))
    asked = 0

    def cut() -> bool:
        nonlocal asked
        asked += 1
        if asked == 5:  # the first file is there under its hidden name, the second in part
            assert len(list((place / "deep").iterdir())) == 2
            subprocess.run(["umount", "-l", str(place)], check=True)
        return False

    with pytest.raises(CopyError):
        copy_files(pairs, tag="t", clock=CLOCK, cancelled=cut)
    assert asked >= 5
    assert not any(path.is_file() for path in place.rglob("*"))
    assert all(file.exists() for file, _ in pairs), "what was rendered is still here"
    copy_files(pairs, tag="t", clock=CLOCK)
    assert all(there.read_bytes() == file.read_bytes() for file, there in pairs)


def test_what_is_read_back_must_be_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A medium that turns one bit."""
    pairs = pairs_in(tmp_path, count=1)
    real = os.write

    def write(descriptor: int, data: bytes) -> int:
        turned = bytearray(data)
        turned[100] ^= 1
        return real(descriptor, bytes(turned))

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(copying, "PAUSES_SECONDS", (0.01,))
    with pytest.raises(CopyError, match="not what was written"):
        copy_files(pairs, tag="t", clock=CLOCK)
    assert list((tmp_path / "to" / "deep").iterdir()) == []


def test_a_cancelled_copy_leaves_nothing(tmp_path: Path) -> None:
    pairs = pairs_in(tmp_path)
    asked = iter([False, False, True])
    with pytest.raises(CopyError, match="canceled"):
        copy_files(pairs, tag="t", clock=CLOCK, cancelled=lambda: next(asked))
    assert list((tmp_path / "to" / "deep").iterdir()) == []


def test_a_copy_is_not_faster_than_allowed(tmp_path: Path) -> None:
    pairs = pairs_in(tmp_path, count=2, size=20_000)
    copied = copy_files(pairs, tag="t", clock=CLOCK, bytes_per_second=100_000)
    assert copied.millis >= 390


def test_a_worker_killed_while_it_copies_leaves_no_file_under_its_name(tmp_path: Path) -> None:
    """kill -9 in the middle; the next copy removes what the first one left."""
    pairs = pairs_in(tmp_path, count=1, size=4 * copying.PIECE_BYTES)
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from grange.adapters.host.clock import SystemClock\n"
        "from grange.worker.copying import copy_files\n"
        f"copy_files([(Path({str(pairs[0][0])!r}), Path({str(pairs[0][1])!r}))], tag='first',"
        f" clock=SystemClock(), bytes_per_second={copying.PIECE_BYTES // 10})\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script])
    folder = tmp_path / "to" / "deep"
    deadline = CLOCK.monotonic_seconds() + 100
    while not (folder.is_dir() and any(one.stat().st_size for one in folder.iterdir())):
        assert CLOCK.monotonic_seconds() < deadline
        os.sched_yield()
    process.kill()
    process.wait()
    assert not pairs[0][1].exists()
    assert [one.name for one in folder.iterdir()] == [".0.bin.first.part"]
    copy_files(pairs, tag="second", clock=CLOCK)
    assert [one.name for one in folder.iterdir()] == ["0.bin"]


def test_a_delivery_puts_its_session_away_when_it_closes(tmp_path: Path) -> None:
    place = tmp_path / "srv" / "images"
    delivery = Delivery(job("Out", Out=str(place)), tmp_path / "scratch", CLOCK)
    delivery.begin("Render")
    [output] = delivery.outputs
    png(output.scratch / "a.0003.png")
    delivered = delivery.deliver("t", (3,), [])
    assert delivered.rejected is None
    assert delivered.copied is not None
    assert delivered.copied.files == 1
    assert (place / "a.0003.png").exists()
    delivery.begin("Render")
    assert written(delivery.outputs) == []
    delivery.close()
    assert not (tmp_path / "scratch").exists()


def test_a_step_that_writes_elsewhere_owes_no_output(tmp_path: Path) -> None:
    details = job("Out", Out=str(tmp_path / "srv"))
    delivery = Delivery(details, tmp_path / "scratch", CLOCK)
    delivery.begin("Tell")
    assert delivery.deliver("t", (1,), []).rejected is None
    delivery.begin("Render")
    assert delivery.deliver("t", (1,), []).rejected is not None


def test_a_folder_whose_name_programs_stumble_over_has_a_plain_stand_in(tmp_path: Path) -> None:
    [output] = outputs_of(job("Out", Out="/srv/it's mine"), tmp_path)
    assert output.scratch.name == "output"
    prepare([output])
    (output.scratch / "a.raw").write_text("x")
    assert [str(place) for _, place in written([output])] == ["/srv/it's mine/a.raw"]


def test_two_steps_with_a_parameter_each_for_the_same_place_share_it(tmp_path: Path) -> None:
    details = job("Out", "Early", Out="/srv/images", Early="/srv/images")
    details["grangeOutputs"] = [
        {"name": "Out", "stepName": "Render"},
        {"name": "Early", "stepName": "Preview"},
    ]
    [output] = outputs_of(details, tmp_path)
    assert output.steps == {"Render", "Preview"}


def test_a_place_that_is_out_of_reach_fails_the_task_as_output(tmp_path: Path) -> None:
    (tmp_path / "srv").write_text("a file where a folder should be")
    delivery = Delivery(job("Out", Out=str(tmp_path / "srv" / "images")), tmp_path / "s", CLOCK)
    delivery.begin("Render")
    png(delivery.outputs[0].scratch / "a.png")
    delivered = delivery.deliver("t", (), [])
    assert delivered.rejected is not None
    assert (delivered.rejected.error_class, delivered.rejected.rule) == ("output", "output:copy")
