"""What a session takes of what is limited: licences, memory, GPUs, the share of who pays for it."""

from collections import deque
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from msgspec.structs import replace

from grange.domain.facts import LicenceUseFact
from grange.domain.farm import Farm
from grange.domain.licences import (
    LicenceHold,
    LicencePool,
    PoolKey,
    region_named,
    region_of_seats,
)
from grange.domain.policy import Reserve, policy_of
from grange.domain.rates import LicenceUnit, RateCard, amount_after, card_at
from grange.domain.shares import Share, ShareKind, counted
from grange.domain.work import UNASSIGNED, Job, Layer, Session, Worker
from grange.kernel.units import Instant, half_even_divide
from grange.scheduling.table import AGING_MS
from grange.services.booking import region_of
from grange.services.draft import Draft

ENOUGH = 8
"""Tasks of a layer after which a quantile of what they took counts, not the most."""
MOST_TAKEN = 64
"""So many of its latest tasks are looked at."""
_SERVED_EVERY_MS = AGING_MS // 4
_MIB = 2**20


def claim(draft: Draft, worker: Worker, job: Job, layer: Layer) -> dict[str, Any]:
    """Return what a session takes that begins with a layer, as members of `Session`."""
    demand = draft.memory.index.demand(layer.layer_id)
    _count_threads(draft, job)
    return {
        "licences": _taken(draft, worker, draft.memory.index.pools_of(layer.layer_id)) or None,
        "memory_mib": demand.memory_mib or None,
        "gpus": demand.gpus or None,
        "cores": demand.cores or None,
    }


def claim_again(draft: Draft, session: Session, layer: Layer) -> Session:
    """Have a session hold what another layer of its job takes; return it."""
    wanted = draft.memory.index.pools_of(layer.layer_id)
    demand = draft.memory.index.demand(layer.layer_id)
    held = {hold.pool: hold for hold in session.licences or ()}
    worker = draft.get(Worker, session.worker_id)
    kept = tuple(hold for pool, hold in held.items() if pool in wanted)
    for pool, hold in held.items():
        if pool not in wanted:
            _give_back(draft, session, hold, draft.now)
    more = _taken(draft, worker, tuple(pool for pool in wanted if pool not in held))
    after = replace(
        session,
        licences=tuple(sorted((*kept, *more), key=lambda hold: hold.pool)) or None,
        memory_mib=demand.memory_mib or None,
        gpus=demand.gpus or None,
        cores=demand.cores or None,
    )
    if after != session:
        draft.put(after)
    return after


def served(draft: Draft, session: Session, at: Instant) -> None:
    """Note that a session's job was served until now: what it waited before is no claim."""
    job = draft.find(Job, session.job_id)
    if job is not None and at - (job.served_at or 0) >= _SERVED_EVERY_MS:
        draft.put(replace(job, served_at=at))


def let_go(draft: Draft, session: Session, at: Instant) -> Session:
    """Give back what a session holds that ends; return it without."""
    for hold in session.licences or ():
        _give_back(draft, session, hold, at)
    job = draft.find(Job, session.job_id)
    if job is not None:
        _count_threads(draft, job)
    return replace(session, licences=None)


def learn_use(draft: Draft, layer_id: str, usage: Mapping[str, Any], millis: int) -> None:
    """Reserve for a layer what its tasks have taken, as far as the farm wants that.

    Of few tasks the largest counts, from the first on; of more, what 95 of 100 stayed under. A
    reservation is lowered only when many tasks took clearly less.
    """
    peak = usage.get("peakMemoryBytes")
    if not isinstance(peak, int) or peak <= 0:
        return
    layer = draft.find(Layer, layer_id)
    if layer is None:
        return
    wanted = policy_of(draft.get(Farm, layer.farm_id).settings).reserve
    if wanted is Reserve.DEMANDED:
        return
    cpu = usage.get("cpuMilliseconds")
    cores = cpu / millis if isinstance(cpu, int) and millis > 0 else 0.0
    took = draft.memory.took.setdefault(layer.layer_id, deque(maxlen=MOST_TAKEN))
    took.append((-(-peak // _MIB), cores))
    after = replace(layer, reserve_mib=_reserved(layer.reserve_mib, [mib for mib, _ in took]))
    if wanted is Reserve.ALL:
        known = [ceil(one - 0.1) for _, one in took if one > 0]
        after = replace(after, reserve_cores=_reserved(layer.reserve_cores, known))
    if after != layer:
        draft.put(after)


def _reserved(known: int | None, took: Sequence[int]) -> int | None:
    """Return what is reserved after tasks took so much; small changes are not worth another row."""
    if not took:
        return known
    ordered = sorted(took)
    most = ordered[-1] if len(ordered) < ENOUGH else ordered[int(0.95 * (len(ordered) - 1) + 0.5)]
    if known is None or most > known + known // 20:
        return most
    return most if len(ordered) >= 4 * ENOUGH and most < 0.8 * known else known


def _count_threads(draft: Draft, job: Job) -> None:
    """Count what a job's project and user had, before they have a thread more or less."""
    threads = draft.memory.index.tallies(job.farm_id).threads
    project = job.attributes.get("project", UNASSIGNED)
    for kind, name in ((ShareKind.PROJECT, project), (ShareKind.USER, job.created_by)):
        share = draft.find(Share, job.farm_id, kind, name)
        if share is None:
            share = Share(farm_id=job.farm_id, kind=kind, name=name)
        draft.put(counted(share, threads.get((kind, name), 0), draft.now))


def _taken(draft: Draft, worker: Worker, pools: tuple[PoolKey, ...]) -> tuple[LicenceHold, ...]:
    if not pools:
        return ()
    cards = tuple(card for card in draft.all(RateCard) if card.farm_id == worker.farm_id)
    card = card_at(cards, draft.now)
    return tuple(
        _hold(draft, worker, draft.get(LicencePool, worker.farm_id, *pool), card) for pool in pools
    )


def _hold(draft: Draft, worker: Worker, pool: LicencePool, card: RateCard | None) -> LicenceHold:
    """Return a seat of a pool, at the price of the rate card, or else of the pool."""
    named = region_of(worker)
    region = region_named(named)
    product = f"{pool.app} {pool.plugin}".strip()
    price: int | None = pool.for_region(region).cost_billionths or None
    lines = () if card is None or card.terms is None else card.terms.licences
    for line in lines:
        fits = line.product == product or (not pool.plugin and pool.app in line.apps)
        if fits and line.region in (None, named):
            product, price = line.product, line.billionths_per_hour
            if line.unit is LicenceUnit.WORKER_HOUR:
                price = half_even_divide(price, worker.threads)
            break
    return LicenceHold(
        app=pool.app,
        plugin=pool.plugin,
        version=pool.version,
        region=region_of_seats(pool, region),
        product=product,
        since_at=draft.now,
        card_id=None if card is None or price is None else card.card_id,
        billionths_per_hour=price,
    )


def _give_back(draft: Draft, session: Session, hold: LicenceHold, at: Instant) -> None:
    """Leave the fact of a licence's use; a use is at least as long as nothing."""
    ended = Instant(max(at, hold.since_at))
    price = hold.billionths_per_hour
    draft.fact(
        LicenceUseFact(
            farm_id=session.farm_id,
            use_id=f"use-{session.session_id}-{'/'.join(hold.pool)}-{hold.since_at}",
            session_id=session.session_id,
            fleet_id=session.fleet_id,
            worker_id=session.worker_id,
            job_id=session.job_id,
            product=hold.product,
            region=None if hold.region == "default" else hold.region,
            seats=1,
            started_at=hold.since_at,
            ended_at=ended,
            card_id=hold.card_id,
            rate_line_id=hold.rate_line_id,
            billionths_per_hour=price,
            amount_billionths=None if price is None else amount_after(price, ended - hold.since_at),
        )
    )
