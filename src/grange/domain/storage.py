"""Storage profiles: under which paths machines of one kind see the file systems of a farm.

Two profiles that name the same file system location say that their paths mean the same files. So a
path of the machine that submits becomes the path of the machine that renders.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from pathlib import PurePath, PurePosixPath, PureWindowsPath
from typing import Any

from msgspec import Struct

from grange.kernel.ids import FarmId
from grange.kernel.units import Instant


class OsFamily(StrEnum):
    """Systems a profile can be for, as the wire spells them."""

    WINDOWS = "WINDOWS"
    LINUX = "LINUX"
    MACOS = "MACOS"


class FileSystemLocation(Struct, frozen=True, kw_only=True):
    """A file system under the path one kind of machine sees it."""

    name: str
    path: str
    type: str
    """SHARED: every machine sees the same files; LOCAL: each has its own."""


class StorageProfile(Struct, frozen=True, kw_only=True):
    """Where machines of one kind see the farm's file systems."""

    farm_id: FarmId
    storage_profile_id: str
    name: str
    os_family: OsFamily
    locations: tuple[FileSystemLocation, ...] = ()
    created_at: Instant
    created_by: str
    updated_at: Instant | None = None
    updated_by: str | None = None


class PathRule(Struct, frozen=True, kw_only=True):
    """One OpenJD path mapping rule."""

    source_format: str
    """`posix` or `windows`: how the source path is written."""
    source_path: str
    destination_path: str


_DRIVE = re.compile(r"[A-Za-z]:\Z")


def profile_of_fleet(settings: Mapping[str, Any]) -> str | None:
    """Return the id of the storage profile that a fleet's machines have; None if it has none."""
    managed = settings.get("configuration", {}).get("customerManaged", {})
    found: str | None = managed.get("storageProfileId")
    return found


def path_rules(
    source: StorageProfile, destination: StorageProfile, names: Collection[str] | None = None
) -> tuple[PathRule, ...]:
    """Return the rules that turn paths of one profile into paths of another, longest source first.

    Args:
        source: where paths were written.
        destination: where they are read.
        names: only locations of these names; None: all.
    """
    there = {one.name: one for one in destination.locations}
    posix = source.os_family is not OsFamily.WINDOWS
    same_system = posix == (destination.os_family is not OsFamily.WINDOWS)
    found = [
        PathRule(
            source_format="posix" if posix else "windows",
            source_path=_rooted(one.path),
            destination_path=_rooted(there[one.name].path),
        )
        for one in source.locations
        if one.name in there and (names is None or one.name in names)
    ]
    kept = [one for one in found if not (same_system and one.source_path == one.destination_path)]
    return tuple(sorted(kept, key=lambda one: (-len(_parts(one).parts), one.source_path)))


def mapped(path: str, rules: Sequence[PathRule]) -> str:
    """Return a path after the first rule that holds it; as it is if none does."""
    for rule in rules:
        source = _parts(rule)
        given = type(source)(path)
        if given.is_relative_to(source):
            rest = given.relative_to(source).parts
            windows = "\\" in rule.destination_path or rule.destination_path[1:2] == ":"
            kind: type[PurePath] = PureWindowsPath if windows else PurePosixPath
            return str(kind(rule.destination_path, *rest))
    return path


def _rooted(path: str) -> str:
    """Return a path; of a bare drive its root, since `Z:` alone means wherever one is on it."""
    return path + "\\" if _DRIVE.match(path) else path


def _parts(rule: PathRule) -> PurePath:
    kind: type[PurePath] = PurePosixPath if rule.source_format == "posix" else PureWindowsPath
    return kind(rule.source_path)
