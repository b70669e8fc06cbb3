"""Posting lines: freezing a month, moves and credits. Posted lines are never changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grange.domain.farm import Farm
from grange.domain.statements import BooksMonth, Posting, PostingKind, PostingPart
from grange.kernel.errors import ConflictError
from grange.kernel.ids import FarmId
from grange.kernel.units import Instant
from grange.services.draft import Draft
from grange.services.owner import Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """What a frozen month says beside its lines."""

    start_at: Instant
    end_at: Instant
    zone: str
    currency: str
    example: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PostLines:
    """Post lines in a month. Answers {"posting_id", "month", "lines"}."""

    farm_id: FarmId
    kind: PostingKind
    month: str
    corrects: str | None = None
    reason: str = ""
    parts: Sequence[Mapping[str, Any]]
    line_count: int
    amount_billionths: int
    sha256: str
    based_on: int
    """Number of the last posting that was known when the lines were computed."""
    frozen: Frozen | None = None
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the lines, unless something was posted since they were computed."""
        draft.get(Farm, self.farm_id)
        last = max(
            (each.number for each in draft.all(Posting) if each.farm_id == self.farm_id), default=0
        )
        if last != self.based_on:
            raise self._refuse("Something was posted meanwhile; ask again.")
        if draft.find(BooksMonth, self.farm_id, self.month) is not None:
            raise self._refuse(f"{self.month} is frozen; nothing is posted in it any more.")
        posting_id = draft.context.ids.new("posting")
        draft.put(
            Posting(
                farm_id=self.farm_id,
                posting_id=posting_id,
                number=last + 1,
                month=self.month,
                kind=self.kind,
                corrects=self.corrects,
                reason=self.reason,
                line_count=self.line_count,
                part_count=len(self.parts),
                amount_billionths=self.amount_billionths,
                sha256=self.sha256,
                created_at=draft.now,
                created_by=self.by,
            )
        )
        for number, columns in enumerate(self.parts):
            draft.put(
                PostingPart(
                    farm_id=self.farm_id,
                    posting_id=posting_id,
                    number=number,
                    month=self.month,
                    columns=columns,
                )
            )
        if self.frozen is not None:
            draft.put(
                BooksMonth(
                    farm_id=self.farm_id,
                    month=self.month,
                    start_at=self.frozen.start_at,
                    end_at=self.frozen.end_at,
                    zone=self.frozen.zone,
                    currency=self.frozen.currency,
                    posting_id=posting_id,
                    line_count=self.line_count,
                    amount_billionths=self.amount_billionths,
                    example=self.frozen.example,
                    frozen_at=draft.now,
                    frozen_by=self.by,
                )
            )
        return {"posting_id": posting_id, "month": self.month, "lines": self.line_count}

    def _refuse(self, message: str) -> ConflictError:
        return ConflictError(
            message, reason="STATUS_CONFLICT", resource_type="month", resource_id=self.month
        )
