"""The fields a query may name."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from grange.kernel.units import BILLIONTHS


class Kind(StrEnum):
    """What a field holds, and so how its values are written."""

    TEXT = "text"
    """`=` means the same text."""
    PATH = "path"
    """`=` means the path ends so."""
    NUMBER = "number"
    DURATION = "duration"
    """Stored in milliseconds; written 90s, 1h30m; a bare number is seconds."""
    BYTES = "bytes"
    """Stored in bytes; written 500MB, 4GiB; a bare number is bytes."""
    MONEY = "money"
    """Stored in billionths; written as an amount."""
    INSTANT = "instant"
    """Stored in milliseconds since 1970; written 2026-07-01, 2026-07-01T14:30, today, -7d."""
    FLAG = "flag"
    """Written yes or no."""


TEXTS = frozenset({Kind.TEXT, Kind.PATH})


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field."""

    name: str
    """How it is written; the key of a Python row too, where `key` is not given."""
    kind: Kind
    meaning: str = ""
    column: str = ""
    """The SQL expression; none: the column called as the key."""
    searched: bool = False
    """True: bare words are looked for in it. Texts only."""
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    """The values there are, if these are few."""
    scale: int = 1
    """Numbers are stored times this."""
    key: str = ""
    """The key of a Python row; none: the name."""

    @property
    def sql(self) -> str:
        """The SQL expression of the field."""
        return self.column or f'"{self.row_key}"'

    @property
    def row_key(self) -> str:
        """The key of a Python row."""
        return self.key or self.name

    @property
    def factor(self) -> int:
        """What a number as written is multiplied with to be what is stored."""
        return BILLIONTHS if self.kind is Kind.MONEY else self.scale


class Fields(Mapping[str, Field]):
    """Fields by name; names are found whatever their case, `-` and `_`."""

    def __init__(self, fields: Iterable[Field]) -> None:
        self._fields = {field.name: field for field in fields}
        self._known = {
            _plain(name): field
            for field in self._fields.values()
            for name in (field.name, *field.aliases)
        }

    def __getitem__(self, name: str) -> Field:
        return self._known[_plain(name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    @property
    def searched(self) -> tuple[Field, ...]:
        """The fields bare words are looked for in."""
        return tuple(field for field in self._fields.values() if field.searched)

    def nearest(self, name: str) -> str | None:
        """Return the name of the field that is spelled most like `name`, or None."""
        close = get_close_matches(_plain(name), list(self._known), n=1)
        return self._known[close[0]].name if close else None


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")
