"""Tiles: a session's time and money, cut without rest and tied to its attempts.

A(t) is the cost of a session's first t milliseconds; a tile [a, b) costs A(b) − A(a). So the tiles
of a session sum to A(end) exactly, however it is cut.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from grange.books.occupation import ActionSpan, SessionSpan, cuts
from grange.domain.rates import amount_after
from grange.kernel.units import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A piece of a session."""

    session_id: str
    start: Instant
    end: Instant
    action_id: str | None
    """The action it is part of, or overhead of; None in a session without any."""
    gap: bool
    """True for time between actions."""
    amount_billionths: int | None
    """None without a rate card."""

    @property
    def millis(self) -> int:
        """Its length."""
        return self.end - self.start


def tiles(
    session: SessionSpan, actions: Iterable[ActionSpan], billionths_per_hour: int | None
) -> list[Tile]:
    """Return the tiles of a session, ascending.

    Args:
        session: the session; an open one ends now.
        actions: its attempted actions.
        billionths_per_hour: price of its job thread, fixed when it began.
    """
    return [
        Tile(
            session_id=session.session_id,
            start=cut.start,
            end=cut.end,
            action_id=None if cut.action is None else cut.action.action_id,
            gap=cut.gap,
            amount_billionths=_amount(session, billionths_per_hour, cut.start, cut.end),
        )
        for cut in cuts(session, actions)
    ]


def cut_tiles(
    found: Sequence[Tile],
    session: SessionSpan,
    billionths_per_hour: int | None,
    points: Iterable[Instant],
) -> list[Tile]:
    """Cut tiles of a session further, at any points; their sum stays the same."""
    edges = sorted(set(points))
    parts: list[Tile] = []
    for tile in found:
        inner = [edge for edge in edges if tile.start < edge < tile.end]
        limits = [tile.start, *inner, tile.end]
        parts.extend(
            Tile(
                session_id=tile.session_id,
                start=start,
                end=end,
                action_id=tile.action_id,
                gap=tile.gap,
                amount_billionths=_amount(session, billionths_per_hour, start, end),
            )
            for start, end in pairwise(limits)
        )
    return parts


def _amount(
    session: SessionSpan, billionths_per_hour: int | None, start: Instant, end: Instant
) -> int | None:
    if billionths_per_hour is None:
        return None
    return amount_after(billionths_per_hour, end - session.started_at) - amount_after(
        billionths_per_hour, start - session.started_at
    )
