"""Groups, licences, contact and layer times: from the server's answers to this package's files."""

from collections.abc import Mapping
from typing import Any

from grange.rrdata.codes import render_type
from grange.rrdata.contacts import (
    _IP,
    MAX_IPS,
    MAX_WAKES,
    ContactsFile,
    SeenAddress,
    _Client_Info_save,
    _Client_WOLInfo,
)
from grange.rrdata.door import Asks
from grange.rrdata.groups import GroupRow, GroupsFile
from grange.rrdata.layer_times import (
    LayerEntry,
    LayerTimesFile,
    _StatsRenderTime_layer,
    _StatsRenderTime_project,
)
from grange.rrdata.licenses import (
    CLOUD,
    DEFAULT,
    FARM,
    WORKSTATION,
    LicensesFile,
    _AppLicenses_v8_licItem,
)
from grange.rrdata.place import Place

REGIONS: Mapping[str, int] = {
    "default": DEFAULT,
    "workstation": WORKSTATION,
    "farm": FARM,
    "cloud": CLOUD,
}
_GIB = 2**30


def groups_file(asks: Asks) -> GroupsFile:
    """Return the worker groups as they are now.

    Raises:
        GrangeError: as the server answers.
    """
    groups = asks.ask("groups")["groups"]
    contacts = asks.ask("contacts")["contacts"]
    return GroupsFile(
        groups=[
            GroupRow(
                name=row["name"],
                members=[member["name"] or member["worker_id"] for member in row["members"]],
                group_id=row["name"],
            )
            for row in groups
        ],
        indices={row["name"] or row["worker_id"]: row["index"] for row in contacts},
    )


def licenses_file(asks: Asks) -> LicensesFile:
    """Return the licence pools as they are now."""
    items = []
    for pool in asks.ask("licence_pools")["pools"]:
        item = _AppLicenses_v8_licItem(
            app=pool["app"],
            plugin=pool["plugin"],
            version=version_number(pool["version"]),
            version_text=pool["version"],
            default_set=pool["regions"]["default"]["is_set"],
        )
        for name, terms in pool["regions"].items():
            region = REGIONS[name]
            item.setIsTypeSet(region, terms["is_set"])
            if terms["is_set"] or region == DEFAULT:
                item.setLicCount(region, terms["count"])
                item.setIsUnlimited(region, terms["unlimited"])
                item.setCost(region, float(terms["cost"]))
        items.append(item)
    return LicensesFile(items=items)


def version_number(text: str) -> int:
    """Return the whole number a version begins with; 0 if it begins with none."""
    head = text.partition(".")[0]
    return int(head) if head.isdecimal() else 0


def contacts_file(asks: Asks, place: Place) -> ContactsFile:
    """Return contact with every worker."""
    found = asks.ask("contacts")
    return ContactsFile(
        written=place.local(found["at"]),
        workers=[_contact(row, place) for row in found["contacts"] if not row["deleted"]],
    )


def _contact(row: Mapping[str, Any], place: Place) -> _Client_Info_save:
    return _Client_Info_save(
        WOLTryCount=row["wake_failed_tries"],
        lastConnect=place.local(row["last_contact_at"]),
        lastWOLTry=place.local(row["last_wake_at"]),
        saveNameCopy=row["name"] or row["worker_id"],
        saveVersionCopy=row["version"] or "",
        addresses=[
            SeenAddress(address=_IP(text=seen["ip_address"]), since=place.local(seen["since"]))
            for seen in row["ip_history"][:MAX_IPS]
        ],
        wakes=[
            _Client_WOLInfo(
                bootTime=round((wake["online_ms"] or 0) / 1000),
                dateTime=place.local(wake["at"]),
                success=bool(wake["success"]),
            )
            for wake in row["wakes"][:MAX_WAKES]
        ],
    )


def layer_times_file(asks: Asks, place: Place) -> LayerTimesFile:
    """Return the last finished layers of each project, render type and name."""
    found = asks.ask("layer_time_lists")
    projects: dict[str, _StatsRenderTime_project] = {}
    last_used: dict[str, int] = {}
    for row in found["lists"]:
        name = row["project"]
        project = projects.setdefault(name, _StatsRenderTime_project(name=name))
        last_used[name] = max(last_used.get(name, 0), row["last_used_at"])
        project.layers.setdefault(render_type(row["render_type"]), []).append(
            _StatsRenderTime_layer(
                name=row["layer"],
                jobsAdded=row["added"],
                entries=[_entry(entry) for entry in row["entries"]],
            )
        )
    for name, at in last_used.items():
        projects[name].lastUsed = place.local(at)
    return LayerTimesFile(saved=place.local(found["saved_at"]), projects=list(projects.values()))


def _entry(entry: Mapping[str, Any]) -> LayerEntry:
    return LayerEntry(
        ps=entry["mean_ps"] or 0.0,
        cores=round(entry["max_cores"] or 0),
        kps_seconds=entry["frame_kps_seconds"] or 0.0,
        seconds=round(entry["frame_seconds"] or 0),
        memory_gib=(entry["max_memory_bytes"] or 0) / _GIB,
        minutes=entry["minutes_to_frames_done"] or 0,
    )
