"""How a farm schedules where it has a choice: set by its owner."""

from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from grange.domain.farm import Farm
from grange.domain.policy import SETTING, SchedulingPolicy, policy_of, settings_of
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.ids import FarmId
from grange.services.draft import Draft
from grange.services.owner import Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPolicy:
    """Set how a farm schedules. Answers {}."""

    farm_id: FarmId
    policy: SchedulingPolicy
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put it into the farm's settings and leave the event."""
        farm = draft.get(Farm, self.farm_id)
        if not 1 <= self.policy.margin <= 100:
            raise InvalidRequestError(
                "The margin is a number of points of priority, from 1 to 100.",
                fields=[FieldProblem("margin", "must be from 1 to 100")],
            )
        before = policy_of(farm.settings)
        if before == self.policy:
            return {}
        draft.put(
            replace(
                farm,
                settings={**farm.settings, SETTING: settings_of(self.policy)},
                updated_at=draft.now,
                updated_by=self.by,
            )
        )
        draft.touch_queues(farm.farm_id)
        draft.event(
            "farm",
            farm.farm_id,
            "scheduling_policy",
            farm.farm_id,
            actor=self.by,
            old=_text(before),
            new=_text(self.policy),
        )
        return {}


def _text(policy: SchedulingPolicy) -> str:
    return f"preempt {policy.preempt}, margin {policy.margin}, reserve {policy.reserve}"
