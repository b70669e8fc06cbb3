"""How long the books keep what."""

from dataclasses import dataclass
from typing import Any

from grange.books.retention import check_days
from grange.domain.farm import Farm
from grange.domain.retention import RetentionPolicy
from grange.kernel.ids import FarmId
from grange.services.draft import Draft
from grange.services.owner import Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRetention:
    """Say how long a farm keeps a table. Answers {"kept_days"}: what the farm set so far."""

    farm_id: FarmId
    table: str
    days: int | None
    """None: for ever."""
    as_declared: bool = False
    """True: back to what the catalog says; `days` is not looked at."""
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the policy.

        Raises:
            InvalidRequestError: the table may not be pruned, or not so early.
        """
        draft.get(Farm, self.farm_id)
        check_days(self.table, self.days)
        known = draft.find(RetentionPolicy, self.farm_id)
        kept = {} if known is None else dict(known.kept_days)
        if self.as_declared:
            kept.pop(self.table, None)
        else:
            kept[self.table] = self.days
        draft.put(
            RetentionPolicy(
                farm_id=self.farm_id, kept_days=kept, updated_at=draft.now, updated_by=self.by
            )
        )
        return {"kept_days": kept}
