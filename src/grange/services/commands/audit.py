"""Writing down acts that change nothing in the farm's state, and acts that were refused."""

from dataclasses import dataclass
from typing import Any

from grange.domain.people import AuditEntry, Outcome
from grange.services.audit import Act
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
        act = self.act
        draft.put(
            AuditEntry(
                audit_id=draft.context.ids.new("audit"),
                at=draft.now,
                actor=act.actor,
                operation=act.operation,
                outcome=self.outcome,
                farm_id=act.farm_id,
                kind=act.kind,
                subject=act.subject,
                reason=self.reason,
                credential=act.credential,
                address=act.address,
                request_id=act.request_id,
            )
        )
        return {}
