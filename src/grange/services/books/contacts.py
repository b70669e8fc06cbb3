"""Contact with workers, groups and licence pools, as the state and the books know them."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from grange.books.contacts import (
    ONLINE,
    Membership,
    addresses,
    failed_tries,
    memberships,
    wakes,
)
from grange.books.questions.contacts import contact_events, group_events, last_samples
from grange.domain.groups import Group, groups_of
from grange.domain.licence_servers import OVERDUE_MS
from grange.domain.licences import LicenceCount, LicencePool, Region
from grange.domain.work import Worker
from grange.kernel.units import Instant, decimal_of
from grange.ports.state import Compare
from grange.services.books.desk import Desk
from grange.services.books.shelf import View


def contacts(desk: Desk, *, farm_id: str, worker_id: str | None = None) -> dict[str, Any]:
    """Return when each worker was last heard of, its version, addresses and wake-ups."""
    desk.farm(farm_id)
    with desk.view(farm_id, live=False) as view:
        events: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in view.ask(contact_events()).to_pylist():
            events[row["worker_id"]].append(row)
        watched = {row["worker_id"]: row["last_at"] for row in view.ask(last_samples()).to_pylist()}
        now = view.now
    found = []
    for worker in sorted(
        desk.state.find(Worker, Compare("farm_id", "=", farm_id)), key=lambda w: w.global_index
    ):
        if worker_id is not None and worker.worker_id != worker_id:
            continue
        mine = events[worker.worker_id]
        tries = wakes(mine, now)
        heard = [
            moment
            for moment in (worker.last_seen_at, watched.get(worker.worker_id))
            if moment is not None
        ]
        found.append(
            {
                "worker_id": worker.worker_id,
                "index": worker.global_index,
                "name": worker.host_name,
                "deleted": worker.deleted_at is not None,
                "last_contact_at": max(heard, default=None),
                "last_connect_at": _last(mine, "worker_status", "at", new=ONLINE),
                "version": _last(mine, "worker_version", "new"),
                "ip_history": addresses(mine),
                "wake_failed_tries": failed_tries(tries),
                "last_wake_at": tries[0].at if tries else None,
                "wakes": [asdict(one) for one in tries],
                "ps": worker.ps_milli / 1000,
                "speed_history": [
                    {"at": event["at"], "ps": (event["number"] or 0) / 1000}
                    for event in reversed(mine)
                    if event["name"] == "worker_speed"
                ],
            }
        )
    return {"contacts": found, "at": now}


def _last(events: list[dict[str, Any]], name: str, column: str, new: str | None = None) -> Any:
    return next(
        (
            event[column]
            for event in reversed(events)
            if event["name"] == name and (new is None or event["new"] == new)
        ),
        None,
    )


def groups(desk: Desk, *, farm_id: str) -> dict[str, Any]:
    """Return the groups with their members, and who was in which group when."""
    desk.farm(farm_id)
    with desk.view(farm_id, live=False) as view:
        past = group_memberships(view)
    listed = sorted(
        desk.state.find(Group, Compare("farm_id", "=", farm_id)), key=lambda group: group.name
    )
    workers = {
        worker.worker_id: worker
        for worker in desk.state.find(Worker, Compare("farm_id", "=", farm_id))
    }
    return {
        "groups": [
            {
                "name": group.name,
                "members": [
                    {
                        "worker_id": worker_id,
                        "name": workers[worker_id].host_name if worker_id in workers else "",
                        "index": workers[worker_id].global_index if worker_id in workers else None,
                    }
                    for worker_id in group.workers
                ],
                "updated_at": group.updated_at or group.created_at,
                "updated_by": group.updated_by or group.created_by,
            }
            for group in listed
        ],
        "of_workers": {
            worker_id: list(groups_of(listed, worker.worker_id))
            for worker_id, worker in workers.items()
            if worker.deleted_at is None
        },
        "memberships": [
            {
                "group": one.group,
                "worker_id": one.worker_id,
                "start_at": one.start,
                "end_at": one.end,
            }
            for one in past
        ],
        "settings_at": max(
            (group.updated_at or group.created_at for group in listed), default=None
        ),
    }


def group_memberships(view: View) -> list[Membership]:
    """Return who was in which group when: group statistics follow this, not today's list."""
    return memberships(view.ask(group_events()).to_pylist())


def licence_pools(desk: Desk, *, farm_id: str) -> dict[str, Any]:
    """Return the licence pools, and for each region what holds there and whether it is set."""
    farm = desk.farm(farm_id)
    pools = sorted(
        desk.state.find(LicencePool, Compare("farm_id", "=", farm_id)),
        key=lambda pool: (pool.app, pool.plugin, pool.version),
    )
    return {
        "pools": [
            {
                "app": pool.app,
                "plugin": pool.plugin,
                "version": pool.version,
                "regions": {
                    region.value: {
                        "is_set": pool.is_set(region),
                        "count": pool.for_region(region).count,
                        "unlimited": pool.for_region(region).unlimited,
                        "cost": f"{decimal_of(pool.for_region(region).cost_billionths):f}",
                    }
                    for region in Region
                },
                "updated_at": pool.updated_at,
                "updated_by": pool.updated_by,
            }
            for pool in pools
        ],
        "servers": [
            {
                "app": told.app,
                "plugin": told.plugin,
                "version": told.version,
                "region": told.region,
                "seats": told.seats,
                "others": told.others,
                "answered_at": told.answered_at,
                "problem": _problem(told, desk.clock.now()),
                "failing_since_at": told.failing_since_at,
            }
            for told in sorted(
                desk.state.find(LicenceCount, Compare("farm_id", "=", farm_id)),
                key=lambda one: (one.pool, one.region),
            )
        ],
        "currency": farm.currency,
    }


def _problem(told: LicenceCount, now: Instant) -> str:
    """Return what is wrong with a licence server; empty: it answers."""
    if told.failing_since_at is not None:
        return told.problem
    if told.answered_at is None or now - told.answered_at > OVERDUE_MS:
        return "it has not been asked for a long time"
    return ""


ANSWERS: Mapping[str, Any] = {
    "contacts": contacts,
    "groups": groups,
    "licence_pools": licence_pools,
}
