"""What was found out about workers that were not heard of, as it is shown."""

import msgspec

from grange.domain.hails import Hail, Verdict
from grange.domain.work import Worker
from grange.ports.state import OneOf, StateStore

_HAILED = {
    Verdict.UNREACHABLE: "The server cannot reach it, but it works: asked {}. Look at the network"
    " between it and the server.",
    Verdict.HUNG: "It hangs: its program takes calls and does not answer. Asked {}.",
    Verdict.GONE: "It is dead: its machine is there, its program is not. Asked {}.",
    Verdict.DEAD: "It is dead, or its machine is cut off: nobody reaches it. Asked {}.",
    Verdict.UNASKED: "Nobody knows whether it is dead: no neighbour could be asked{}.",
}


class WitnessRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one neighbour met when it hailed a worker."""

    worker_id: str
    name: str
    outcome: str
    """answered, silent, refused or unreached."""


class HailRow(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out about a worker that the server had not heard of."""

    verdict: str
    """unreachable: the server cannot reach it, but its neighbours do. hung, gone, dead: it is dead.
    unasked: nobody could be asked."""
    text: str
    seen_at: int
    told_at: int
    witnesses: list[WitnessRow]


async def hail_row(store: StateStore, hail: Hail) -> HailRow:
    """Return what was found out about a worker, in words."""
    asked = tuple(one.worker_id for one in hail.witnesses)
    workers = await store.find(Worker, OneOf("worker_id", asked))
    names = {one.worker_id: one.host_name for one in workers}
    rows = [
        WitnessRow(
            worker_id=one.worker_id,
            name=names.get(one.worker_id) or one.worker_id,
            outcome=one.outcome,
        )
        for one in hail.witnesses
    ]
    return HailRow(
        verdict=hail.verdict,
        text=_HAILED[hail.verdict].format(" and ".join(row.name for row in rows)),
        seen_at=hail.seen_at,
        told_at=hail.told_at,
        witnesses=rows,
    )
