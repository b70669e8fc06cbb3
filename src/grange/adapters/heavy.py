"""Leaving out what has not changed of jobs, layers and sessions.

Templates are written once, when a job is submitted, and may be large; counts and open actions
change with every task. Values derived from one another share what did not change, so comparing
identities is enough to tell that only the light columns have to be written.
"""

from collections.abc import Iterable, Mapping
from operator import attrgetter, is_
from typing import Any

from grange.adapters.columns import BY_ENTITY, CHANGING, Kind, columns_of
from grange.adapters.rows import RowCodec
from grange.domain.work import Job, Layer, Session
from grange.ports.state import Key

LIVELY = frozenset({"counts", "updated_by", "open_actions", "entered"})
"""JSON and text that change with tasks."""
MOST_KNOWN = 32_768
"""So many are remembered; those used longest ago are forgotten and once written whole again."""


def _heavy(entity: type[Any]) -> tuple[str, ...]:
    """Return the large columns, and those whose index would be written with them."""
    indexed = {name for names in BY_ENTITY[entity].indexes for name in names} & CHANGING
    return tuple(
        column.name
        for column in columns_of(entity)
        if column.name in indexed
        or ((column.kind is Kind.JSON or column.free_text) and column.name not in LIVELY)
    )


HEAVY: Mapping[type[Any], tuple[str, ...]] = {
    entity: _heavy(entity) for entity in (Job, Layer, Session)
}
"""Entity → its columns that seldom change."""
LIGHT: Mapping[type[Any], RowCodec[Any]] = {
    entity: RowCodec(entity, without=heavy) for entity, heavy in HEAVY.items()
}
"""Entity → a codec of its other columns, the key among them."""
_PARTS = {entity: attrgetter(*names) for entity, names in HEAVY.items()}
_KEYS = {entity: attrgetter(*BY_ENTITY[entity].key) for entity in HEAVY}


class Unchanged:
    """Remembers the heavy columns as they were last committed by this store."""

    def __init__(self) -> None:
        self._committed: dict[tuple[type[Any], Any], tuple[Any, ...]] = {}

    def split(self, entity: type[Any], values: Iterable[Any]) -> tuple[list[Any], list[Any]]:
        """Return which values have to be written whole, and which have only light changes."""
        if entity not in HEAVY:
            return list(values), []
        key_of, parts_of = _KEYS[entity], _PARTS[entity]
        whole: list[Any] = []
        light: list[Any] = []
        for value in {key_of(value): value for value in values}.values():
            known = self._committed.get((entity, key_of(value)))
            same = known is not None and all(map(is_, known, parts_of(value)))
            (light if same else whole).append(value)
        return whole, light

    def deleted(self, deletes: Iterable[tuple[type[Any], Key]]) -> None:
        """Take note of rows about to be deleted; what is put in their place is written whole."""
        for entity, key in deletes:
            if entity in HEAVY:
                self._committed.pop((entity, key[0]), None)

    def committed(self, puts: Iterable[Any]) -> None:
        """Take note of entities that were committed."""
        for value in puts:
            entity = type(value)
            if entity in HEAVY:
                place = (entity, _KEYS[entity](value))
                self._committed.pop(place, None)
                self._committed[place] = _PARTS[entity](value)
        while len(self._committed) > MOST_KNOWN:
            del self._committed[next(iter(self._committed))]

    def forget(self) -> None:
        """Forget everything: what is in the database is not known for sure."""
        self._committed.clear()
