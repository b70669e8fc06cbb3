"""Writing down acts that change nothing in the farm's state, and acts that were refused."""

from dataclasses import dataclass
from typing import Any

from grange.domain.people import Outcome
from grange.services.audit import Act, entry_of
from grange.services.draft import Draft
from grange.services.owner import Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteAct:
    """Write down an act that the farm's state knows nothing of, or one that was refused."""

    act: Act
    outcome: Outcome
    reason: str = ""

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the entry."""
        draft.put(entry_of(self.act, self.outcome, draft, reason=self.reason))
        return {}
