"""Setting and removing budgets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from grange.domain.budgets import KNOWN_BEFORE, Budget
from grange.domain.farm import Farm
from grange.kernel.errors import FieldProblem, InvalidRequestError, NotFoundError
from grange.kernel.ids import FarmId
from grange.kernel.units import Instant
from grange.services.draft import Draft
from grange.services.owner import Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBudget:
    """Set a budget, or change one. Answers {"budget_id"}."""

    farm_id: FarmId
    budget_id: str | None = None
    """None: a new one."""
    name: str
    scope: Mapping[str, str]
    amount_billionths: int
    sell: bool = False
    start_at: Instant | None = None
    """None: from now on (of one that is changed: as before)."""
    end_at: Instant | None = None
    stops: bool = False
    """Once it is spent, no more work of its scope begins."""
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the budget."""
        draft.get(Farm, self.farm_id)
        old = None if self.budget_id is None else _own(draft, self.farm_id, self.budget_id)
        start = self.start_at
        if start is None:
            start = draft.now if old is None else old.start_at
        budget = Budget(
            farm_id=self.farm_id,
            budget_id=old.budget_id if old else draft.context.ids.new("budget"),
            name=self.name,
            scope=self.scope,
            amount_billionths=self.amount_billionths,
            sell=self.sell,
            start_at=start,
            end_at=self.end_at,
            created_at=old.created_at if old else draft.now,
            created_by=old.created_by if old else self.by,
            updated_at=draft.now if old else None,
            updated_by=self.by if old else None,
            stops=self.stops or None,
            exhausted=old.exhausted
            if old and old.amount_billionths >= self.amount_billionths
            else None,
        )
        if self.stops and set(self.scope) - KNOWN_BEFORE:
            raise InvalidRequestError(
                "Work can be stopped by what is known of it before it begins: "
                f"{', '.join(sorted(KNOWN_BEFORE))}.",
                fields=[FieldProblem("scope", "names what is not known before work begins")],
            )
        draft.put(budget)
        draft.touch_queues(budget.farm_id)
        return {"budget_id": budget.budget_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteBudget:
    """Remove a budget. Answers {}."""

    farm_id: FarmId
    budget_id: str
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Remove the row."""
        _own(draft, self.farm_id, self.budget_id)
        draft.delete(Budget, self.budget_id)
        draft.touch_queues(self.farm_id)
        return {}


def _own(draft: Draft, farm_id: FarmId, budget_id: str) -> Budget:
    budget = draft.get(Budget, budget_id)
    if budget.farm_id != farm_id:
        raise NotFoundError("budget", budget_id)
    return budget
