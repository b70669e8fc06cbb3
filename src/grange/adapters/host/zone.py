"""The machine's time zone, by its IANA name."""

from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def local_zone(root: Path = Path("/etc")) -> str:
    """Return the IANA name of the machine's zone; UTC where it cannot be known.

    Args:
        root: the folder of `timezone` and `localtime`.
    """
    for name in _names(root):
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            continue
        return name
    return "UTC"


def _names(root: Path) -> list[str]:
    names: list[str] = []
    link = root / "localtime"
    if link.is_symlink():
        _, found, name = str(link.resolve()).partition("/zoneinfo/")
        if found:
            names.append(name)
    written = root / "timezone"
    if written.is_file():
        names.append(written.read_text(encoding="utf-8").strip())
    return [name for name in names if name]
