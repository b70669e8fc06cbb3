"""Thumbnails with OpenImageIO in a process of its own, so that a bad image harms nobody.

Images come from renderers and may be damaged, huge or hostile: the process has little memory and
little time, sees one file at a time, and is replaced when it dies and after some hundred images.
What was made is kept by the file's identity: a file that is written again is looked at again.
"""

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from grange.kernel.errors import InvalidRequestError, ThrottledError
from grange.services.reads.previews import file_inside

TIMEOUT_SECONDS = 20.0
MOST_WAITING = 64
IMAGES_PER_PROCESS = 500
MOST_KEPT = 4000
"""So many thumbnails are kept, those last asked for."""
_MOST_PROBLEMS = 1000
_ENDED = "the program that read it ended, as it does with damaged or huge images"
_KINDS = frozenset({".png", ".jpg", ".jpeg", ".exr", ".tif", ".tiff", ".dpx", ".hdr", ".webp"})


class PreviewProcess:
    """A `Previews` with one process, started when it is first needed.

    Args:
        folder: where thumbnails are kept; None: nowhere.
        timeout_seconds: how long one image may take.
    """

    def __init__(
        self, folder: Path | None = None, *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._folder = folder
        self._timeout_seconds = timeout_seconds
        self._process: Process | None = None
        self._one_at_a_time = asyncio.Lock()
        self._waiting = 0
        self._made = 0
        self._kept: OrderedDict[str, None] | None = None
        self._problems: OrderedDict[str, str] = OrderedDict()

    async def thumbnail(self, path: str, roots: Sequence[str], width: int) -> bytes:
        """Return a JPEG of the image file, at most `width` pixels wide."""
        file = await asyncio.to_thread(_allowed, path, roots)
        name = await asyncio.to_thread(_identity, file, width)
        kept = await asyncio.to_thread(self._read, name)
        if kept is not None:
            return kept
        if self._waiting >= MOST_WAITING:
            raise ThrottledError("Too many thumbnails are being made. Try again.")
        self._waiting += 1
        try:
            async with self._one_at_a_time:
                kept = await asyncio.to_thread(self._read, name)  # somebody else asked for it too
                if kept is not None:
                    return kept
                problem = self._problems.get(name)
                if problem is None:
                    picture, problem = await self._make(file, width)
                    if not problem:
                        await asyncio.to_thread(self._keep, name, picture)
                        return picture
                    if problem != _ENDED:  # it may have been ended by somebody else
                        self._problems[name] = problem
                    while len(self._problems) > _MOST_PROBLEMS:
                        self._problems.popitem(last=False)
        finally:
            self._waiting -= 1
        raise InvalidRequestError(f"No preview of {file.name}: {problem}.", reason="OTHER")

    async def _make(self, file: Path, width: int) -> tuple[bytes, str]:
        if self._made >= IMAGES_PER_PROCESS:
            await self.close()
        self._made += 1
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._ask(file, width)
        except TimeoutError:
            await self.close()
            return b"", f"it could not be read within {self._timeout_seconds:g} s"
        except (OSError, asyncio.IncompleteReadError):
            await self.close()
            return b"", _ENDED

    async def _ask(self, file: Path, width: int) -> tuple[bytes, str]:
        """Have the process make a thumbnail: one line to it, two sized answers from it."""
        process = self._process
        if process is None or process.returncode is not None:
            process = self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "grange.adapters.thumbnailer",
                stdin=PIPE,
                stdout=PIPE,
                env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        if process.stdin is None or process.stdout is None:
            raise OSError("The process has no pipes.")
        process.stdin.write(json.dumps([str(file), width]).encode() + b"\n")
        await process.stdin.drain()
        answers = []
        for _ in range(2):
            size = int.from_bytes(await process.stdout.readexactly(8), "big")
            answers.append(await process.stdout.readexactly(size))
        return answers[0], answers[1].decode()

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        self._made = 0
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    # ── what is kept ──────────────────────────────────────────────────────────────────────────────

    def _known(self, folder: Path) -> OrderedDict[str, None]:
        if self._kept is None:
            folder.mkdir(parents=True, exist_ok=True)
            found = sorted(folder.glob("*.jpg"), key=lambda path: path.stat().st_mtime_ns)
            self._kept = OrderedDict((path.stem, None) for path in found)
        return self._kept

    def _read(self, name: str) -> bytes | None:
        if self._folder is None or name not in self._known(self._folder):
            return None
        self._known(self._folder).move_to_end(name)
        try:
            return (self._folder / f"{name}.jpg").read_bytes()
        except FileNotFoundError:
            return None

    def _keep(self, name: str, picture: bytes) -> None:
        if self._folder is None:
            return
        known = self._known(self._folder)
        temporary = self._folder / f".{name}.tmp"
        try:
            temporary.write_bytes(picture)
            temporary.replace(self._folder / f"{name}.jpg")
        except OSError:  # a full disk: it is made again when it is asked for again
            temporary.unlink(missing_ok=True)
            return
        known[name] = None
        while len(known) > MOST_KEPT:
            oldest, _ = known.popitem(last=False)
            (self._folder / f"{oldest}.jpg").unlink(missing_ok=True)


def _identity(file: Path, width: int) -> str:
    about = file.stat()
    known = (str(file), about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, width)
    return sha256(repr(known).encode()).hexdigest()[:40]


def _allowed(path: str, roots: Sequence[str]) -> Path:
    """Return the real path of an image inside one of the folders."""
    return file_inside(path, roots, _KINDS, "preview")
