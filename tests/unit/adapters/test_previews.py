"""Thumbnails: of images alone, in allowed folders alone, made by a process that may die."""

import asyncio
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from grange.adapters.previews import PreviewProcess
from grange.kernel.errors import InvalidRequestError, NotFoundError

oiio = pytest.importorskip("OpenImageIO")


def write(path: Path, width: int = 320, height: int = 180, channels: int = 3) -> Path:
    pixels = np.zeros((height, width, channels), dtype=np.float32)
    pixels[:, : width // 2, 0] = 0.5
    output = oiio.ImageOutput.create(str(path))
    output.open(str(path), oiio.ImageSpec(width, height, channels, "float"))
    output.write_image(pixels)
    output.close()
    return path


async def thumbnail(path: Path, root: Path, width: int = 64) -> bytes:
    process = PreviewProcess()
    try:
        return await process.thumbnail(str(path), [str(root)], width)
    finally:
        await process.close()


@pytest.mark.parametrize("name", ["a.png", "a.exr", "a.jpg", "a.tif"])
def test_images_of_renderers_become_small_jpegs(tmp_path: Path, name: str):
    made = asyncio.run(thumbnail(write(tmp_path / name), tmp_path))
    assert made.startswith(b"\xff\xd8")
    (tmp_path / "made.jpg").write_bytes(made)
    spec = oiio.ImageBuf(str(tmp_path / "made.jpg")).spec()
    assert (spec.width, spec.height, spec.nchannels) == (64, 36, 3)


def test_alpha_and_one_channel(tmp_path: Path):
    assert asyncio.run(thumbnail(write(tmp_path / "a.png", channels=4), tmp_path))
    assert asyncio.run(thumbnail(write(tmp_path / "b.exr", channels=1), tmp_path))


def test_a_file_elsewhere_is_not_there(tmp_path: Path):
    """Neither by its name, nor by dots, nor by a link that leads out."""
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    image = write(outside / "a.png")
    (inside / "link.png").symlink_to(image)
    for path in (image, inside / ".." / "out" / "a.png", inside / "link.png"):
        with pytest.raises(NotFoundError):
            asyncio.run(thumbnail(path, inside))


@pytest.mark.parametrize("name", ["passwd", "a.txt", "a.svg", "a.pdf"])
def test_other_files_are_not_there(tmp_path: Path, name: str):
    (tmp_path / name).write_text("secret")
    with pytest.raises(NotFoundError):
        asyncio.run(thumbnail(tmp_path / name, tmp_path))


def test_a_damaged_image_is_an_error_and_the_next_one_works(tmp_path: Path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n" + os.urandom(200))
    good = write(tmp_path / "good.png")

    async def check() -> None:
        process = PreviewProcess()
        with pytest.raises(InvalidRequestError):
            await process.thumbnail(str(bad), [str(tmp_path)], 64)
        assert await process.thumbnail(str(good), [str(tmp_path)], 64)
        await process.close()

    asyncio.run(check())


def test_a_process_that_died_is_replaced(tmp_path: Path):
    good = write(tmp_path / "good.png")

    async def check() -> None:
        process = PreviewProcess()
        assert await process.thumbnail(str(good), [str(tmp_path)], 64)
        assert process._process is not None
        os.kill(process._process.pid, signal.SIGKILL)
        while True:
            try:
                assert await process.thumbnail(str(good), [str(tmp_path)], 64)
            except InvalidRequestError:
                continue  # the first to ask finds it dead
            break
        await process.close()

    asyncio.run(check())


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.exr", "a.tif", "a.dpx"])
def test_an_image_that_is_cut_short_has_no_preview_and_says_so(tmp_path: Path, name: str) -> None:
    whole = write(tmp_path / name, 640, 360)
    if name == "a.exr":
        whole.write_bytes(whole.read_bytes()[:400])
    else:
        whole.write_bytes(whole.read_bytes()[:200])
    with pytest.raises(InvalidRequestError, match=rf"^No preview of {name}: it is damaged"):
        asyncio.run(thumbnail(whole, tmp_path))


def test_a_dpx_becomes_a_small_jpeg(tmp_path: Path) -> None:
    assert asyncio.run(thumbnail(write(tmp_path / "a.dpx"), tmp_path)).startswith(b"\xff\xd8")


def test_an_image_that_was_made_is_kept_until_the_file_changes(tmp_path: Path) -> None:
    """By another process too; a file that is written again is looked at again."""
    image = write(tmp_path / "a.png")

    async def check() -> None:
        first = PreviewProcess(tmp_path / "kept")
        made = await first.thumbnail(str(image), [str(tmp_path)], 64)
        await first.close()
        second = PreviewProcess(tmp_path / "kept")
        assert await second.thumbnail(str(image), [str(tmp_path)], 64) == made
        assert second._process is None
        write(image, 320, 320)
        assert await second.thumbnail(str(image), [str(tmp_path)], 64) != made
        await second.close()

    asyncio.run(check())


def test_of_many_passes_the_colours_are_shown(tmp_path: Path) -> None:
    spec = oiio.ImageSpec(64, 64, 7, "half")
    spec.channelnames = ("Z", "beauty.R", "beauty.G", "beauty.B", "N.X", "N.Y", "N.Z")
    pixels = np.zeros((64, 64, 7), dtype=np.float32)
    pixels[:, :, 2] = 1.0
    output = oiio.ImageOutput.create(str(tmp_path / "passes.exr"))
    output.open(str(tmp_path / "passes.exr"), spec)
    output.write_image(pixels)
    output.close()
    (tmp_path / "made.jpg").write_bytes(asyncio.run(thumbnail(tmp_path / "passes.exr", tmp_path)))
    red, green, blue = oiio.ImageBuf(str(tmp_path / "made.jpg")).getpixel(32, 32)
    assert green > 0.9
    assert max(red, blue) < 0.1


def test_an_image_that_takes_too_long_stops_nothing_else(tmp_path: Path) -> None:
    image = write(tmp_path / "a.png")

    async def check() -> None:
        process = PreviewProcess(timeout_seconds=0.05)
        with pytest.raises(InvalidRequestError, match="could not be read within"):
            await process.thumbnail(str(image), [str(tmp_path)], 64)
        assert process._process is None

    asyncio.run(check())
