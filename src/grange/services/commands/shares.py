"""Shares: what a project or user is entitled to, and how many job threads it may have."""

from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from grange.domain.farm import Farm
from grange.domain.shares import Share, ShareKind
from grange.kernel.errors import FieldProblem, InvalidRequestError, NotFoundError
from grange.kernel.ids import FarmId
from grange.services.draft import Draft
from grange.services.owner import Needs

_LONGEST = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class SetShare:
    """Set weight and quota of a project or user. Answers {}.

    What it had of late is kept: setting a share forgives nothing.
    """

    farm_id: FarmId
    kind: ShareKind
    name: str
    weight_milli: int | None = None
    """None: as before, or 1000."""
    max_threads: int | None = None
    """At most so many job threads at a time; None: any number."""
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the share and leave the event."""
        draft.get(Farm, self.farm_id)
        _check(self)
        known = draft.find(Share, self.farm_id, self.kind, self.name)
        before = known or Share(farm_id=self.farm_id, kind=self.kind, name=self.name)
        after = replace(
            before,
            weight_milli=self.weight_milli or before.weight_milli,
            max_threads=self.max_threads,
            updated_at=draft.now,
            updated_by=self.by,
        )
        draft.put(after)
        _book(draft, before, after, self.by)
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsetShare:
    """Give a project or user the weight and quota of everybody again. Answers {}."""

    farm_id: FarmId
    kind: ShareKind
    name: str
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the share without what was set; what it had of late is kept."""
        known = draft.find(Share, self.farm_id, self.kind, self.name)
        if known is None:
            raise NotFoundError("share", f"{self.kind} {self.name}")
        after = replace(
            known, weight_milli=1000, max_threads=None, updated_at=None, updated_by=None
        )
        draft.put(after)
        _book(draft, known, after, self.by)
        return {}


def _check(asked: SetShare) -> None:
    if not asked.name.strip() or len(asked.name) > _LONGEST:
        raise InvalidRequestError(
            f"A share needs the name of a {asked.kind}, of at most {_LONGEST} characters.",
            fields=[FieldProblem("name", "is no name")],
        )
    if asked.weight_milli is not None and asked.weight_milli <= 0:
        raise InvalidRequestError(
            "A weight must be more than zero; 1 is that of everybody.",
            fields=[FieldProblem("weight", "must be more than zero")],
        )
    if asked.max_threads is not None and asked.max_threads < 0:
        raise InvalidRequestError(
            "A quota must not be negative.",
            fields=[FieldProblem("max_threads", "must not be negative")],
        )


def _book(draft: Draft, before: Share, after: Share, by: str) -> None:
    draft.touch_queues(after.farm_id)
    draft.event(
        "share",
        f"{after.kind}/{after.name}",
        "share",
        after.farm_id,
        actor=by,
        old=_text(before),
        new=_text(after),
    )


def _text(share: Share) -> str:
    quota = "" if share.max_threads is None else f", at most {share.max_threads} threads"
    return f"weight {share.weight_milli / 1000:g}{quota}"
