"""Budgets that are spent: noticed within a minute, told to hooks, and work is stopped if wanted.

What was spent is what the books say: sessions count once they are booked.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from grange.domain.budgets import Budget
from grange.kernel.clock import Clock
from grange.kernel.errors import GrangeError
from grange.kernel.ids import FarmId
from grange.services.draft import Draft
from grange.services.owner import Needs, Owner

STEP_SECONDS = 60.0
_log = logging.getLogger(__name__)

AskBooks = Callable[..., Awaitable[Any]]
"""(question, farm_id=…) → its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TellBudgets:
    """Take in which budgets of a farm are spent. Returns how many changed."""

    farm_id: FarmId
    spent: Mapping[str, bool]
    """Budget id → whether it is spent."""

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> int:
        """Put what changed, and leave an event when a budget is reached."""
        count = 0
        for budget_id, spent in self.spent.items():
            budget = draft.find(Budget, budget_id)
            if budget is None or budget.farm_id != self.farm_id or bool(budget.exhausted) is spent:
                continue
            count += 1
            draft.put(replace(budget, exhausted=spent or None))
            draft.touch_queues(self.farm_id)
            draft.event(
                "budget",
                budget.budget_id,
                "budget_reached" if spent else "budget_left",
                budget.farm_id,
                new=budget.name,
            )
        return count


@dataclass(frozen=True, slots=True)
class BudgetWatch:
    """Asks the books every minute which budgets are spent."""

    owner: Owner
    clock: Clock
    ask: AskBooks

    async def run(self) -> None:
        """Look for ever; cancel to stop."""
        while True:
            await self.clock.sleep(STEP_SECONDS)
            try:
                await self.step()
            except GrangeError as error:
                _log.warning(
                    "Budgets were not looked at; what was known of them holds.",
                    exc_info=error,
                    extra={"action": "budget_watch_failed"},
                )

    async def step(self) -> None:
        """Look once at every farm that has budgets."""
        farms = {one.farm_id for one in self.owner.memory.tables[Budget].values()}
        for farm_id in sorted(farms):
            answer = await self.ask("budgets", farm_id=farm_id)
            spent = {row["budget_id"]: bool(row["is_spent"]) for row in answer["budgets"]}
            await self.owner.ask(TellBudgets(farm_id=farm_id, spent=spent))
