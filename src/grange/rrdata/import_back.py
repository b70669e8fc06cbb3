"""Taking changed licences and groups of a folder back to the farm (S0-59).

The server is asked what it has, the difference is shown, and what changed is sent in one step for
each kind. The server books who changed what.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grange.kernel.errors import CorruptDataError
from grange.rrdata.door import Door
from grange.rrdata.files import FileProblem, Kind
from grange.rrdata.gather_settings import REGIONS, groups_file, licenses_file
from grange.rrdata.groups import GroupsFile
from grange.rrdata.licenses import DEFAULT, LicensesFile, RegionCount, _AppLicenses_v8_licItem
from grange.rrdata.loading import load
from grange.rrdata.place import GROUPS, LICENSES


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is another in the folder than on the farm."""

    kind: str
    """group or licence."""
    name: str
    before: str | None
    """None: the farm does not have it."""
    after: str | None
    """None: the folder does not have it; it would be removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the folder holds."""

    groups: GroupsFile
    licenses: LicensesFile


def read_settings(root: Path) -> Settings:
    """Return the folder's groups and licences.

    Raises:
        CorruptDataError: a file is absent or damaged; nothing is to be changed then.
    """
    try:
        return Settings(
            groups=load(root / GROUPS, Kind.GROUPS, GroupsFile),
            licenses=load(root / LICENSES, Kind.LICENSES, LicensesFile),
        )
    except FileProblem as problem:
        raise CorruptDataError(str(root), str(problem)) from problem


def differences(door: Door, settings: Settings) -> list[Difference]:
    """Return what would change on the farm."""
    return [
        *_differences("group", _groups(groups_file(door)), _groups(settings.groups)),
        *_differences("licence", _licences(licenses_file(door)), _licences(settings.licenses)),
    ]


def apply(door: Door, settings: Settings, found: Sequence[Difference]) -> None:
    """Change the farm; each kind changes as a whole or not at all.

    Raises:
        GrangeError: as the server answers, for example if a group names an unknown worker.
    """
    kinds = {one.kind for one in found}
    if "group" in kinds:
        groups = {row.name: row.members for row in settings.groups.groups}
        door.put("/groups", {"groups": groups})
    if "licence" in kinds:
        door.put("/licences", {"pools": [_pool(item) for item in settings.licenses.items]})


def _differences(
    kind: str, before: Mapping[str, str], after: Mapping[str, str]
) -> list[Difference]:
    return [
        Difference(kind=kind, name=name, before=before.get(name), after=after.get(name))
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


def _groups(file: GroupsFile) -> dict[str, str]:
    return {row.name: ", ".join(sorted(row.members)) for row in file.groups}


def _licences(file: LicensesFile) -> dict[str, str]:
    return {
        " ".join(part for part in (item.app, item.plugin, _version(item)) if part): "; ".join(
            f"{name} {_said(item.regions[number])}"
            for name, number in REGIONS.items()
            if _is_set(item, number)
        )
        for item in file.items
    }


def _said(terms: RegionCount) -> str:
    count = "unlimited" if terms.unlimited else str(terms.count)
    return f"{count} at {_cost(terms)}"


def _pool(item: _AppLicenses_v8_licItem) -> dict[str, Any]:
    return {
        "app": item.app,
        "plugin": item.plugin,
        "version": _version(item),
        "regions": {
            name: {
                "count": item.regions[number].count,
                "unlimited": item.regions[number].unlimited,
                "cost": _cost(item.regions[number]),
            }
            for name, number in REGIONS.items()
            if _is_set(item, number)
        },
    }


def _is_set(item: _AppLicenses_v8_licItem, region: int) -> bool:
    """Return whether a region has terms; the default has them if it says anything."""
    terms = item.regions[region]
    if region == DEFAULT:
        return item.default_set or terms != RegionCount(is_set=True, unlimited=True)
    return terms.is_set


def _cost(terms: RegionCount) -> str:
    return f"{terms.cost:.9f}".rstrip("0").rstrip(".") or "0"


def _version(item: _AppLicenses_v8_licItem) -> str:
    return item.version_text or (str(item.version) if item.version else "")
