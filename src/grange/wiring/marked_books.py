"""A door to the books that marks the answers of farms whose past was made up."""

from typing import Any

from grange.domain.farm import Farm
from grange.kernel.ids import FarmId
from grange.ports.state import StateStore
from grange.server.ports import BooksDoor
from grange.services.books.marks import marked_simulated


class MarkedBooks:
    """A `BooksDoor` in front of another one. No figure of a simulated farm comes without a mark."""

    def __init__(self, books: BooksDoor, store: StateStore) -> None:
        self._books = books
        self._store = store
        self._known: dict[str, bool] = {}

    async def ask(self, question: str, /, **arguments: Any) -> Any:
        """Put a question to the books."""
        answer = await self._books.ask(question, **arguments)
        farm_id = arguments.get("farm_id")
        if farm_id is not None and await self.is_simulated(farm_id):
            return marked_simulated(answer)
        return answer

    async def is_simulated(self, farm_id: str) -> bool:
        """Return whether a farm's past was made up; that never changes."""
        known = self._known.get(farm_id)
        if known is None:
            farm = await self._store.get(Farm, (FarmId(farm_id),))
            if farm is None:
                return False
            known = self._known[farm_id] = farm.simulated
        return known
