"""Licence pools: set, remove, replace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from grange.domain.farm import Farm
from grange.domain.licences import LicencePool, Region, RegionTerms
from grange.kernel.errors import FieldProblem, InvalidRequestError, NotFoundError
from grange.kernel.ids import FarmId
from grange.services.draft import Draft
from grange.services.owner import Needs

_LONGEST = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolTerms:
    """A pool as somebody wants it."""

    app: str
    plugin: str = ""
    version: str = ""
    regions: Mapping[Region, RegionTerms]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLicences:
    """Set what holds in some regions of a pool, which is made if there is none. Answers {}.

    A region given as None is unset: it has the default's terms again.
    """

    farm_id: FarmId
    app: str
    plugin: str = ""
    version: str = ""
    regions: Mapping[Region, RegionTerms | None]
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the pool."""
        draft.get(Farm, self.farm_id)
        known = draft.find(LicencePool, self.farm_id, self.app, self.plugin, self.version)
        merged = {**({} if known is None else known.regions), **self.regions}
        terms = PoolTerms(
            app=self.app,
            plugin=self.plugin,
            version=self.version,
            regions={region: each for region, each in merged.items() if each is not None},
        )
        _put(draft, self.farm_id, terms, self.by)
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveLicences:
    """Remove a pool: nobody counts these licences any more. Answers {}."""

    farm_id: FarmId
    app: str
    plugin: str = ""
    version: str = ""
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Delete the row."""
        key = (self.app, self.plugin, self.version)
        known = draft.find(LicencePool, self.farm_id, *key)
        if known is None:
            raise NotFoundError("licence pool", " ".join(part for part in key if part))
        _remove(draft, known, self.by)
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceLicences:
    """Make the farm's pools these and no others. Answers {"changed"}: (app, plugin, version)."""

    farm_id: FarmId
    pools: Sequence[PoolTerms]
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put every pool that differs, delete those that are not named."""
        draft.get(Farm, self.farm_id)
        wanted = {(pool.app, pool.plugin, pool.version): pool for pool in self.pools}
        known = {
            (pool.app, pool.plugin, pool.version): pool
            for pool in draft.all(LicencePool)
            if pool.farm_id == self.farm_id
        }
        changed = [
            key
            for key in sorted({*known, *wanted})
            if key not in known
            or key not in wanted
            or dict(known[key].regions) != dict(wanted[key].regions)
        ]
        for key in changed:
            if key in wanted:
                _put(draft, self.farm_id, wanted[key], self.by)
            else:
                _remove(draft, known[key], self.by)
        return {"changed": changed}


def _put(draft: Draft, farm_id: FarmId, terms: PoolTerms, by: str) -> None:
    _check(terms)
    known = draft.find(LicencePool, farm_id, terms.app, terms.plugin, terms.version)
    if known is not None and dict(known.regions) == dict(terms.regions):
        return
    pool = LicencePool(
        farm_id=farm_id,
        app=terms.app,
        plugin=terms.plugin,
        version=terms.version,
        regions=terms.regions,
        updated_at=draft.now,
        updated_by=by,
    )
    draft.put(pool)
    _book(draft, known, pool, by)


def _remove(draft: Draft, known: LicencePool, by: str) -> None:
    draft.delete(LicencePool, known.farm_id, known.app, known.plugin, known.version)
    _book(draft, known, None, by)


def _book(draft: Draft, before: LicencePool | None, after: LicencePool | None, by: str) -> None:
    pool = after or before
    if pool is None:
        return
    draft.touch_queues(pool.farm_id)
    draft.event(
        "licence",
        "/".join((pool.app, pool.plugin, pool.version)).rstrip("/"),
        "licence_pool",
        pool.farm_id,
        actor=by,
        old=_text(before),
        new=_text(after),
    )


def _text(pool: LicencePool | None) -> str | None:
    return None if pool is None else msgspec.json.encode(pool.regions, order="sorted").decode()


def _check(terms: PoolTerms) -> None:
    if not terms.app.strip():
        raise InvalidRequestError(
            "A licence pool needs an application.",
            fields=[FieldProblem("app", "must not be empty")],
        )
    for name in ("app", "plugin", "version"):
        if len(getattr(terms, name)) > _LONGEST:
            raise InvalidRequestError(
                f"{name} is longer than {_LONGEST} characters.",
                fields=[FieldProblem(name, "is too long")],
            )
    for region, each in terms.regions.items():
        if each.count < 0 or each.cost_billionths < 0:
            raise InvalidRequestError(
                f"The count and cost of {region} must not be negative.",
                fields=[FieldProblem(f"regions.{region}", "must not be negative")],
            )
