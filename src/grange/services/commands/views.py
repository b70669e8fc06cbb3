"""Keeping a user's views, and forgetting them."""

from dataclasses import dataclass
from typing import Any

from grange.domain.farm import Farm
from grange.domain.views import SavedView
from grange.kernel.errors import FieldProblem, InvalidRequestError, NotFoundError
from grange.kernel.ids import FarmId
from grange.services.draft import Draft
from grange.services.owner import Needs

PAGES = ("jobs", "workers")
MOST_VIEWS = 100
"""Of one user."""
LONGEST_NAME = 80
LONGEST_QUERY = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveView:
    """Keep a view under a name; one that is there already is replaced. Answers {}."""

    farm_id: FarmId
    user_name: str
    page: str
    name: str
    query: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Put the view."""
        draft.get(Farm, self.farm_id)
        if self.page not in PAGES:
            raise _bad("page", f"must be {' or '.join(PAGES)}")
        if not self.name.strip() or len(self.name) > LONGEST_NAME:
            raise _bad("name", f"must have 1 to {LONGEST_NAME} characters")
        if len(self.query) > LONGEST_QUERY:
            raise _bad("query", f"must have at most {LONGEST_QUERY} characters")
        old = draft.find(SavedView, self.farm_id, self.user_name, self.page, self.name)
        if old is None:
            own = sum(
                1
                for view in draft.all(SavedView)
                if (view.farm_id, view.user_name) == (self.farm_id, self.user_name)
            )
            if own >= MOST_VIEWS:
                raise _bad(
                    "name", f"would be view {own + 1}, and {MOST_VIEWS} are kept: delete one"
                )
        draft.put(
            SavedView(
                farm_id=self.farm_id,
                user_name=self.user_name,
                page=self.page,
                name=self.name,
                query=self.query,
                created_at=draft.now if old is None else old.created_at,
                updated_at=draft.now,
            )
        )
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveView:
    """Forget a view. Answers {}."""

    farm_id: FarmId
    user_name: str
    page: str
    name: str

    def needs(self) -> Needs:
        """Nothing beside the farm in memory."""
        return Needs()

    def decide(self, draft: Draft) -> dict[str, Any]:
        """Delete the row."""
        key = (self.farm_id, self.user_name, self.page, self.name)
        if draft.find(SavedView, *key) is None:
            raise NotFoundError("view", self.name)
        draft.delete(SavedView, *key)
        return {}


def _bad(field: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{field} {message}.", fields=[FieldProblem(field, message)])
