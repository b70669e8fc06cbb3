"""What people set on the farm, gathered from the server: worker groups and licences."""

from grange.rrdata.door import Door
from grange.rrdata.groups import GroupRow, GroupsFile


def groups_file(door: Door) -> GroupsFile:
    """Return the worker groups as they are now.

    Raises:
        GrangeError: as the server answers.
    """
    found = door.get("/groups")
    workers = {row["worker_id"]: row for row in found.get("workers", ())}
    return GroupsFile(
        groups=[
            GroupRow(
                name=row["name"],
                group_id=row.get("group_id", ""),
                members=[
                    workers[worker_id]["name"]
                    for worker_id in row["workers"]
                    if worker_id in workers
                ],
            )
            for row in found["groups"]
        ],
        indices={row["name"]: row["global_index"] for row in workers.values()},
    )
