"""Taking in a simulated farm that was made in a folder of its own, row by row as it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from grange.domain.farm import Farm
from grange.kernel.errors import ConflictError
from grange.ports.state import key_of
from grange.services.draft import Draft
from grange.services.owner import Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptRows:
    """Put rows of a simulated farm that this server does not have. Answers how many.

    The farm itself comes last, so that nobody sees half of it. Only a made-up past may come this
    way: what really happened is decided, never copied.
    """

    audited: ClassVar[str] = "farm"
    farm: Farm
    rows: Sequence[Any]

    @property
    def name(self) -> str:
        """What the audit log calls it."""
        return self.farm.name

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> int:
        """Put the rows.

        Raises:
            ConflictError: the farm is not a simulated one, or is there already.
        """
        if not self.farm.simulated or draft.find(Farm, self.farm.farm_id) is not None:
            raise ConflictError(
                f"Only a simulated farm that is not there yet can be taken in, and {self.farm.name}"
                " is none.",
                reason="RESOURCE_ALREADY_EXISTS",
                resource_type="farm",
                resource_id=self.farm.farm_id,
            )
        for row in self.rows:
            if row.farm_id != self.farm.farm_id:
                raise ConflictError(
                    f"{key_of(row)} is of another farm.",
                    reason="STATUS_CONFLICT",
                    resource_type="farm",
                    resource_id=row.farm_id,
                )
            draft.put(row)
        return len(self.rows)
