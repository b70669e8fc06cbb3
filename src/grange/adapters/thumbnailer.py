"""The program that makes thumbnails: a line with a path and a width in, a JPEG or a reason out.

It is a process of its own with little memory, since the images may be anything. See `previews`.
"""

import json
import resource
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import OpenImageIO as oiio  # noqa: N813

MEMORY_BYTES = 4 * 1024**3
MOST_PIXELS = 64 * 1024 * 1024
_SHOWN_AS_THEY_ARE = (".png", ".jpg", ".jpeg", ".webp")


def main() -> None:
    """Answer until standard input ends."""
    _limit()
    for line in sys.stdin.buffer:
        path, width = json.loads(line)
        picture, problem = _thumbnail(path, width)
        for answer in (picture, problem.encode()):
            sys.stdout.buffer.write(len(answer).to_bytes(8, "big") + answer)
        sys.stdout.buffer.flush()


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _thumbnail(path: str, width: int) -> tuple[bytes, str]:
    """Return (JPEG, "") or (nothing, what is wrong)."""
    source = oiio.ImageBuf(path)
    spec = source.spec()
    if source.has_error or spec.width < 1 or spec.height < 1:
        return b"", "it is damaged, or no image of its kind"
    if spec.width * spec.height > MOST_PIXELS:
        return b"", f"it is too large, {spec.width} × {spec.height} pixels"
    begin, channels = _shown_channels(list(spec.channelnames))
    # Only what is shown is read: a file may have dozens of passes.
    if not source.read(0, 0, begin, begin + channels, True, oiio.FLOAT) or source.has_error:
        return b"", "it is damaged or cut short"
    if not path.lower().endswith(_SHOWN_AS_THEY_ARE):
        source = oiio.ImageBufAlgo.colorconvert(source, "lin_srgb", "srgb")
    small = oiio.ImageBuf(oiio.ImageSpec(*_size(spec, width), channels, "float"))
    if not oiio.ImageBufAlgo.resize(small, source, filtername="box") or small.has_error:
        return b"", "it cannot be made smaller"
    return _jpeg(small)


def _size(spec: Any, width: int) -> tuple[int, int]:
    shown = min(width, spec.width)
    return shown, max(1, round(spec.height * shown / spec.width))


def _shown_channels(names: Sequence[str]) -> tuple[int, int]:
    """Return the first channel that is shown, and how many: colours if there are any, else one."""
    short = [name.rpartition(".")[2].upper() for name in names]
    for at in range(len(short) - 2):
        if short[at : at + 3] in (["R", "G", "B"], ["RED", "GREEN", "BLUE"]):
            return at, 3
    return 0, 3 if len(names) >= 3 and "R" not in short else 1


def _jpeg(small: Any) -> tuple[bytes, str]:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "thumbnail.jpg"
        small.specmod().attribute("Compression", "jpeg:85")
        small.set_write_format(oiio.UINT8)
        if not small.write(str(target)):
            return b"", "it cannot be written as JPEG"
        return target.read_bytes(), ""


if __name__ == "__main__":
    main()
