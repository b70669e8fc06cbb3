"""Thumbnails with OpenImageIO in a process of its own, so that a bad image harms nobody.

Images come from renderers and may be damaged, huge or hostile: the process has little memory and
little time, sees one file at a time, and is replaced when it dies.
"""

import asyncio
import multiprocessing
import resource
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from pathlib import Path

from grange.kernel.errors import InvalidRequestError, NotFoundError, ThrottledError

TIMEOUT_SECONDS = 20.0
MEMORY_BYTES = 4 * 1024**3
MOST_PIXELS = 64 * 1024 * 1024
MOST_WAITING = 32
_KINDS = frozenset({".png", ".jpg", ".jpeg", ".exr", ".tif", ".tiff", ".dpx", ".hdr", ".webp"})


class PreviewProcess:
    """A `Previews` with one process, started when it is first needed."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._waiting = 0

    async def thumbnail(self, path: str, roots: Sequence[str], width: int) -> bytes:
        """Return a JPEG of the image file, at most `width` pixels wide."""
        file = await asyncio.to_thread(_allowed, path, roots)
        if self._waiting >= MOST_WAITING:
            raise ThrottledError("Too many thumbnails are being made. Try again.")
        self._waiting += 1
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                loop = asyncio.get_running_loop()
                picture, problem = await loop.run_in_executor(
                    self._running(), _thumbnail, str(file), width
                )
        except (TimeoutError, BrokenExecutor) as error:
            await self.close()
            raise InvalidRequestError(
                f"{file.name} cannot be read as an image.", reason="OTHER"
            ) from error
        finally:
            self._waiting -= 1
        if problem:
            raise InvalidRequestError(f"{file.name}: {problem}", reason="OTHER")
        return picture

    async def close(self) -> None:
        """End the process."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        for process in list((pool._processes or {}).values()):  # noqa: SLF001 - no public way
            process.kill()
        await asyncio.to_thread(pool.shutdown, cancel_futures=True)

    def _running(self) -> ProcessPoolExecutor:
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                max_workers=1,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_limit,
            )
        return self._pool


def _allowed(path: str, roots: Sequence[str]) -> Path:
    """Return the real path of an image inside one of the folders."""
    file = Path(path)
    if not file.is_absolute() or file.suffix.lower() not in _KINDS:
        raise NotFoundError("preview", file.name)
    real = file.resolve()
    inside = any(real.is_relative_to(Path(root).resolve()) for root in roots)
    if not inside or not real.is_file():
        raise NotFoundError("preview", file.name)
    return real


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _thumbnail(path: str, width: int) -> tuple[bytes, str]:
    """Return (JPEG, "") or (nothing, what is wrong)."""
    import OpenImageIO as oiio  # noqa: N813, PLC0415 - loaded only in this process

    source = oiio.ImageBuf(path)
    spec = source.spec()
    if source.has_error or spec.width < 1 or spec.height < 1:
        return b"", "it is no image that can be read"
    if spec.width * spec.height > MOST_PIXELS:
        return b"", "it is too large"
    shown_width = min(width, spec.width)
    height = max(1, round(spec.height * shown_width / spec.width))
    channels = 3 if spec.nchannels >= 3 else 1
    picked = oiio.ImageBufAlgo.channels(source, tuple(range(channels)))
    if not path.lower().endswith((".png", ".jpg", ".jpeg", ".webp")):
        picked = oiio.ImageBufAlgo.colorconvert(picked, "lin_srgb", "srgb")
    roi = oiio.ROI(0, shown_width, 0, height, 0, 1, 0, channels)
    small = oiio.ImageBufAlgo.resize(picked, filtername="box", roi=roi)
    if small.has_error:
        return b"", "it cannot be made smaller"
    return _jpeg(oiio, small, channels, shown_width, height)


def _jpeg(oiio: object, small: object, channels: int, width: int, height: int) -> tuple[bytes, str]:
    import tempfile  # noqa: PLC0415 - only this process writes files

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "thumbnail.jpg"
        small.specmod().attribute("Compression", "jpeg:85")  # type: ignore[attr-defined]
        small.set_write_format(oiio.UINT8)  # type: ignore[attr-defined]
        if not small.write(str(target)):  # type: ignore[attr-defined]
            return b"", "it cannot be written as JPEG"
        return target.read_bytes(), ""
