"""Whether a file is whole, as its own format tells: end marks, tables of contents, decoded pixels.

Nothing is loaded that the base install lacks. Where OpenImageIO is there, pictures are decoded too.
"""

import importlib.util
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

_EXR_LINES = {0: 1, 1: 1, 2: 1, 3: 16, 4: 32, 5: 16, 6: 32, 7: 32, 8: 32, 9: 256}
"""Compression → lines of one chunk."""
_LONGEST_HEADER = 4 * 2**20
_MOST_CHUNKS = 1_000_000


def problem_of(path: Path, *, decode: bool = True, lenient: bool = False) -> str | None:
    """Return what is wrong with a file, in words; None if nothing is.

    Args:
        path: the file; how it is looked at depends on the end of its name.
        decode: decode pictures too, where OpenImageIO is installed.
        lenient: take a file that is of another kind than its name says for what it is.
    """
    try:
        size = path.stat().st_size
        if size == 0:
            return "is empty"
        check = _CHECKS.get(path.suffix.lower())
        if check is not None:
            with path.open("rb") as file:
                found = check(file, size)
            if found is not None and found.startswith("is no "):
                return None if lenient else found
            if found is not None:
                return found
    except (OSError, struct.error) as error:
        return f"cannot be read: {error}"
    if decode and path.suffix.lower() in _DECODED:
        return _undecodable(path)
    return None


def _png(file: BinaryIO, size: int) -> str | None:
    if file.read(8) != b"\x89PNG\r\n\x1a\n":
        return "is no PNG file"
    at = 8
    while at + 12 <= size:
        file.seek(at)
        length, kind = struct.unpack(">I4s", file.read(8))
        at += 12 + length
        if kind == b"IEND":
            return None
    return "ends before its end mark (IEND)"


def _jpeg(file: BinaryIO, size: int) -> str | None:
    if file.read(3) != b"\xff\xd8\xff":
        return "is no JPEG file"
    file.seek(max(0, size - 4096))
    if not file.read().rstrip(b"\0").endswith(b"\xff\xd9"):
        return "ends before its end mark (EOI)"
    return None


def _tiff(file: BinaryIO, size: int) -> str | None:
    head = file.read(8)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(head[:4])
    if order is None:
        big = head[:4] in {b"II+\0", b"MM\0+"}
        return None if big else "is no TIFF file"
    (at,) = struct.unpack(f"{order}I", head[4:])
    if at + 2 > size:
        return "ends before its directory"
    file.seek(at)
    (count,) = struct.unpack(f"{order}H", file.read(2))
    return None if at + 2 + 12 * count + 4 <= size else "ends within its directory"


def _boxes(file: BinaryIO, size: int) -> str | None:
    """Check MP4 and QuickTime: boxes fill the file, and one of them says what is in it."""
    at, found = 0, False
    while at + 8 <= size:
        file.seek(at)
        length, kind = struct.unpack(">I4s", file.read(8))
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8))
        elif length == 0:
            length = size - at
        if length < 8:
            return "has a broken table of contents"
        found = found or kind == b"moov"
        at += length
    if at > size:
        return "ends within a box"
    return None if found else "ends before its table of contents (moov)"


def _exr(file: BinaryIO, size: int) -> str | None:
    if file.read(4) != b"\x76\x2f\x31\x01":
        return "is no OpenEXR file"
    (version,) = struct.unpack("<I", file.read(4))
    multipart, deep = bool(version & 0x1000), bool(version & 0x800)
    head = file.read(_LONGEST_HEADER)
    parts: list[dict[str, bytes]] = []
    at = 0
    while True:
        attributes, at = _exr_header(head, at)
        if attributes is None:
            return "ends within its header"
        parts.append(attributes)
        if not multipart or head[at : at + 1] == b"\0":
            break
    table_at = 8 + at + (1 if multipart else 0)
    counts = [_exr_chunks(part, tiled=bool(version & 0x200)) for part in parts]
    if None in counts:
        return None  # levels of its own kind: the header is whole, and that is all we can say
    total = sum(count or 0 for count in counts)
    if not 0 < total <= _MOST_CHUNKS or table_at + 8 * total > size:
        return "ends within its table of chunks"
    file.seek(table_at)
    offsets = struct.unpack(f"<{total}Q", file.read(8 * total))
    lost = sum(1 for offset in offsets if offset < table_at)
    if lost:
        return f"lacks {lost} of {total} chunks"
    if deep:
        return None if max(offsets) < size else "ends before its last chunk"
    tiled = bool(version & 0x200) or b"tiledimage" in parts[-1].get("type", b"")
    numbers = (4 if tiled else 1) + (1 if multipart else 0)
    return _exr_last_chunk(file, max(offsets) + 4 * numbers, size)


def _exr_last_chunk(file: BinaryIO, at: int, size: int) -> str | None:
    """Check the chunk that lies last; the length of its data is at `at`."""
    file.seek(at)
    length = file.read(4)
    if len(length) < 4 or at + 4 + int.from_bytes(length, "little") > size:
        return "ends within its last chunk"
    return None


def _exr_header(head: bytes, at: int) -> tuple[dict[str, bytes] | None, int]:
    """Return the attributes that begin at `at`, and where they end."""
    found: dict[str, bytes] = {}
    while at < len(head):
        if head[at] == 0:
            return found, at + 1
        name_end = head.find(b"\0", at)
        type_end = head.find(b"\0", name_end + 1)
        if name_end < 0 or type_end < 0 or type_end + 5 > len(head):
            break
        (length,) = struct.unpack_from("<I", head, type_end + 1)
        found[head[at:name_end].decode("latin-1")] = head[type_end + 5 : type_end + 5 + length]
        at = type_end + 5 + length
    return None, at


def _exr_chunks(part: dict[str, bytes], *, tiled: bool) -> int | None:
    """Return how many chunks a part has; None if it cannot be told."""
    if "chunkCount" in part:
        return int(struct.unpack("<I", part["chunkCount"])[0])
    window: tuple[int, int, int, int] = struct.unpack("<4i", part["dataWindow"])
    width, height = window[2] - window[0] + 1, window[3] - window[1] + 1
    if not tiled:
        lines = _EXR_LINES.get(part["compression"][0])
        return None if lines is None else _over(height, lines)
    tiles: tuple[int, int, int] = struct.unpack("<IIB", part["tiles"])
    tile_width, tile_height, mode = tiles
    if mode & 0xF:
        return None
    return _over(width, tile_width) * _over(height, tile_height)


def _over(length: int, step: int) -> int:
    """Return how many steps a length takes."""
    return (length + step - 1) // step


def _undecodable(path: Path) -> str | None:
    library = _open_image_io()
    if library is None:
        return None
    picture = library.ImageInput.open(str(path))
    if picture is None:
        return f"cannot be decoded: {library.geterror()}"
    try:
        index = 0
        while picture.seek_subimage(index, 0):
            if picture.read_image(index, 0, 0, -1) is None:
                return f"cannot be decoded: {picture.geterror()}"
            index += 1
    finally:
        picture.close()
    return None


def _open_image_io() -> Any:
    if importlib.util.find_spec("OpenImageIO") is None:
        return None
    return importlib.import_module("OpenImageIO")


_CHECKS: dict[str, Callable[[BinaryIO, int], str | None]] = {
    ".png": _png,
    ".jpg": _jpeg,
    ".jpeg": _jpeg,
    ".exr": _exr,
    ".tif": _tiff,
    ".tiff": _tiff,
    ".mp4": _boxes,
    ".mov": _boxes,
}
_DECODED = frozenset({".png", ".jpg", ".jpeg", ".exr", ".tif", ".tiff"})
