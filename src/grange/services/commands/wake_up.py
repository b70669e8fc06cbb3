"""Waking a machine up. What becomes of it the books see: an online event closes the attempt."""

import re
from dataclasses import dataclass
from typing import Any

from grange.domain.statuses import WorkerStatus
from grange.kernel.errors import ConflictError, FieldProblem, InvalidRequestError, NotFoundError
from grange.kernel.ids import FarmId
from grange.services.commands.groups import find_worker
from grange.services.draft import Draft
from grange.services.machine_facts import mac_addresses_of
from grange.services.owner import Needs
from grange.services.power import note_wake

_MAC = re.compile(r"[0-9a-f]{12}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeUpWorker:
    """Note that a machine is woken up. Answers {"worker_id", "name", "mac_addresses"}.

    The caller then sends the packets.
    """

    farm_id: FarmId
    worker: str
    """Id or name."""
    mac_address: str | None = None
    """Instead of those the worker told."""
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Leave the event of the attempt.

        Raises:
            ConflictError: the worker is online.
            InvalidRequestError: no hardware address of it is known.
        """
        worker = find_worker(draft, self.farm_id, self.worker)
        if worker.deleted_at is not None:
            raise NotFoundError("worker", worker.worker_id)
        if worker.status is WorkerStatus.STARTED:
            raise ConflictError(
                f"{worker.host_name or worker.worker_id} is online already.",
                reason="STATUS_CONFLICT",
                resource_type="worker",
                resource_id=worker.worker_id,
                context={"status": worker.status.value},
            )
        macs = [_plain(self.mac_address)] if self.mac_address else list(mac_addresses_of(worker))
        if not macs:
            raise InvalidRequestError(
                f"{worker.host_name or worker.worker_id} never told a hardware address. Give one "
                "with --mac, or start the worker once by hand.",
                fields=[FieldProblem("mac_address", "is not known")],
            )
        note_wake(draft, worker, macs, self.by)
        return {
            "worker_id": worker.worker_id,
            "name": worker.host_name,
            "mac_addresses": macs,
        }


def _plain(text: str) -> str:
    found = re.sub(r"[:.-]", "", text.strip().lower())
    if not _MAC.match(found):
        raise InvalidRequestError(
            f"{text!r} is no hardware address; write it like 01:23:45:67:89:ab.",
            fields=[FieldProblem("mac_address", "is no hardware address")],
        )
    return found
