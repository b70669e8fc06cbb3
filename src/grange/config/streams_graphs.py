"""The section `[graphs]` of `streams.toml`: named groups, tags of machines, how pages are drawn."""

from collections.abc import Mapping

import msgspec


class StreamGroup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Streams that are drawn as one, under a name: a table of `[[graphs.groups]]`."""

    name: str
    streams: tuple[str, ...] = ()
    """Names or patterns; empty: all. A new stream joins where a pattern fits."""
    kind: str | None = None
    """rx, tx or other; left out: all."""
    machines: tuple[str, ...] = ()
    """Names, patterns or tags; empty: all."""
    products: tuple[str, ...] = ()
    """Patterns of product types; empty: all."""

    def __post_init__(self) -> None:
        """Refuse what no graph could have."""
        if not self.name.strip():
            raise ValueError("a group's name must not be empty")
        if self.kind not in {None, "rx", "tx", "other"}:
            raise ValueError(f"group {self.name}: kind must be rx, tx or other")


class GraphsSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything about graphs and pages."""

    workers: int = 2
    """How many pictures of pages are drawn at the same time."""
    latency_limit_seconds: float = 15.0
    """A file that took longer is over the limit."""
    machine_tags: Mapping[str, tuple[str, ...]] = {}
    """One word for several machines."""
    groups: tuple[StreamGroup, ...] = ()
    """Drawn on pages, and by `grange graph --group NAME`."""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        if not 1 <= self.workers <= 64:
            raise ValueError("graphs.workers must be 1 to 64")
        names = [group.name for group in self.groups]
        if len(set(names)) < len(names):
            raise ValueError("graphs.groups: each name may stand for one group only")

    def machines(self, named: tuple[str, ...]) -> tuple[str, ...]:
        """Return machines with tags replaced by what they stand for, each once."""
        found: dict[str, None] = {}
        for name in named:
            found |= dict.fromkeys(self.machine_tags.get(name, (name,)))
        return tuple(found)
