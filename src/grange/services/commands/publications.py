"""Publishing graphs of streams, and taking that back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from grange.domain.farm import Farm
from grange.domain.publications import Publication
from grange.kernel.errors import FieldProblem, InvalidRequestError, NotFoundError
from grange.kernel.ids import FarmId
from grange.services.draft import Draft
from grange.services.owner import Needs

MOST_PUBLICATIONS = 1000
MOST_PATTERNS = 100
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """Make a token known. Answers {"publication_id"}."""

    farm_id: FarmId
    name: str
    streams: Sequence[str]
    token_hash: str
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the publication."""
        draft.get(Farm, self.farm_id)
        if not self.name.strip() or len(self.name) > LONGEST_NAME:
            raise _bad("name", f"must have 1 to {LONGEST_NAME} characters")
        if len(self.streams) > MOST_PATTERNS or not all(self.streams):
            raise _bad("streams", f"must be at most {MOST_PATTERNS} names or patterns, none empty")
        publication = Publication(
            farm_id=self.farm_id,
            publication_id=draft.context.ids.new("publication"),
            name=self.name.strip(),
            streams=tuple(self.streams),
            token_hash=self.token_hash,
            created_at=draft.now,
            created_by=self.by,
        )
        draft.put(publication)
        return {"publication_id": publication.publication_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokePublication:
    """Let a token show nothing any more. Answers {}; a second time changes nothing."""

    farm_id: FarmId
    publication_id: str
    by: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Mark the row: who revoked it and when stays known."""
        publication = draft.get(Publication, self.publication_id)
        if publication.farm_id != self.farm_id:
            raise NotFoundError("publication", self.publication_id)
        if publication.revoked_at is None:
            draft.put(replace(publication, revoked_at=draft.now, revoked_by=self.by))
        return {}


def _bad(field: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{field} {message}.", fields=[FieldProblem(field, message)])
