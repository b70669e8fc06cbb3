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
        assert process._pool is not None
        for pid in list(process._pool._processes):
            os.kill(pid, signal.SIGKILL)
        while True:
            try:
                assert await process.thumbnail(str(good), [str(tmp_path)], 64)
            except InvalidRequestError:
                continue  # the first to ask finds it dead
            break
        await process.close()

    asyncio.run(check())
