"""Power policies, and orders to a worker's machine."""

import ipaddress
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from grange.domain.farm import Farm, Fleet
from grange.domain.groups import Group
from grange.domain.hours import parse_hours
from grange.domain.power import FLEET, GROUP, WHOLE_FARM, PowerOrder, PowerPolicy
from grange.domain.statuses import WorkerStatus
from grange.domain.work import Worker
from grange.kernel.errors import (
    ConfigurationError,
    ConflictError,
    FieldProblem,
    InvalidRequestError,
    NotFoundError,
)
from grange.kernel.ids import FarmId
from grange.services.commands.groups import find_worker
from grange.services.draft import Draft
from grange.services.owner import Needs
from grange.services.power import give_order, orders_of, power_of


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPower:
    """Have a worker end, or its machine restarted or turned off. Answers {"worker_id", "name"}.

    What it renders is finished first.
    """

    farm_id: FarmId
    worker: str
    """Id or name."""
    order: PowerOrder
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Give the order.

        Raises:
            ConflictError: the worker is not on, was told something already, or cannot do it.
        """
        worker = find_worker(draft, self.farm_id, self.worker)
        name = worker.host_name or worker.worker_id
        if worker.deleted_at is not None:
            raise NotFoundError("worker", worker.worker_id)
        if worker.status is not WorkerStatus.STARTED:
            raise _conflict(worker, f"{name} is not on, so it hears no orders.")
        if power_of(draft, worker).ordered is not None:
            raise _conflict(
                worker, f"{name} was told to {power_of(draft, worker).ordered} already."
            )
        if self.order not in orders_of(worker):
            raise _conflict(
                worker,
                f"{name} cannot {self.order}: start its worker with --{self.order}-command.",
            )
        give_order(draft, worker, self.order, self.by)
        return {"worker_id": worker.worker_id, "name": worker.host_name}


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPowerPolicy:
    """Set the policy of a fleet, a group or the farm. Answers {}."""

    policy: PowerPolicy

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the policy and leave the event.

        Raises:
            InvalidRequestError: a setting is no good.
            NotFoundError: there is no such fleet or group.
        """
        policy = self.policy
        farm = draft.get(Farm, policy.farm_id)
        _check_scope(draft, policy)
        _check(policy, farm)
        draft.put(policy)
        draft.event(
            "power", policy.scope, "power_policy", policy.farm_id, actor=policy.updated_by,
            new=described(policy),
        )  # fmt: skip
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovePowerPolicy:
    """Remove a policy: its machines are left alone, or follow a wider one. Answers {}."""

    farm_id: FarmId
    scope: str
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Remove the policy and leave the event."""
        known = draft.find(PowerPolicy, self.farm_id, self.scope)
        if known is None:
            raise NotFoundError("power-policy", self.scope)
        draft.delete(PowerPolicy, self.farm_id, self.scope)
        draft.event(
            "power", self.scope, "power_policy", self.farm_id, actor=self.by, old=described(known)
        )
        return {}


def described(policy: PowerPolicy) -> str:
    """Return a policy in words."""
    parts = ["wakes when work waits"] if policy.wake else []
    if policy.shutdown_idle_seconds is not None:
        parts.append(f"shuts down after {policy.shutdown_idle_seconds} s idle")
    if policy.restart_up_seconds is not None:
        parts.append(f"restarts after {policy.restart_up_seconds} s up")
    if policy.keep_on:
        parts.append(f"keeps {policy.keep_on} on")
    if policy.even_logged_in:
        parts.append("even where somebody is logged in")
    if policy.hours != "always":
        parts.append(f"in {policy.hours}")
    return ", ".join(parts) or "does nothing"


def _check_scope(draft: Draft, policy: PowerPolicy) -> None:
    kind, _, name = policy.scope.partition(":")
    if policy.scope == WHOLE_FARM:
        return
    if f"{kind}:" == FLEET:
        fleet = draft.find(Fleet, name)
        if fleet is None or fleet.farm_id != policy.farm_id:
            raise NotFoundError("fleet", name)
    elif f"{kind}:" == GROUP:
        if draft.find(Group, policy.farm_id, name) is None:
            raise NotFoundError("group", name)
    else:
        raise InvalidRequestError(
            f"{policy.scope!r} is no set of machines: write farm, fleet:ID or group:NAME.",
            fields=[FieldProblem("scope", "must be farm, fleet:ID or group:NAME")],
        )


def _check(policy: PowerPolicy, farm: Farm) -> None:
    for name, least in (
        ("wake_most", 1),
        ("wake_tries", 1),
        ("boot_seconds", 10),
        ("shutdown_idle_seconds", 60),
        ("restart_up_seconds", 3600),
        ("keep_on", 0),
        ("port", 1),
    ):
        value = getattr(policy, name)
        if value is not None and value < least:
            raise InvalidRequestError(
                f"{name} must be {least} or more.", fields=[FieldProblem(name, "is too small")]
            )
    try:
        parse_hours(policy.hours, ZoneInfo(farm.zone))
    except ConfigurationError as error:
        raise InvalidRequestError(
            str(error), fields=[FieldProblem("hours", "are no hours")]
        ) from error
    try:
        ipaddress.ip_address(policy.address)
    except ValueError as error:
        raise InvalidRequestError(
            f"{policy.address!r} is no address: write a broadcast address like 10.0.7.255.",
            fields=[FieldProblem("address", "is no IP address")],
        ) from error


def _conflict(worker: Worker, text: str) -> ConflictError:
    return ConflictError(
        text,
        reason="STATUS_CONFLICT",
        resource_type="worker",
        resource_id=worker.worker_id,
        context={"status": worker.status.value},
    )
