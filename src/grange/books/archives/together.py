"""Several rings that are told at the same times, put forward as if they were one wide ring."""

from collections.abc import Sequence

import numpy as np

from grange.books.archives.arithmetic import (
    Advance,
    Floats,
    Ints,
    RingState,
    TierRows,
    TierState,
    advance,
)
from grange.books.archives.layout import RingSpec


def alike(spec: RingSpec) -> tuple[object, ...]:
    """Return what rings must have in common to be put forward together."""
    return (spec.step_seconds, spec.heartbeat_seconds, spec.archives, spec.extremes)


def advance_together(
    specs: Sequence[RingSpec],
    states: Sequence[RingState],
    times: Ints,
    values: Sequence[Floats],
) -> list[Advance]:
    """Return what a batch changes in each ring; see `advance`.

    Args:
        specs: alike, apart from their sources.
        states: where the rings stand: all at the same last second.
        times: the same for all.
        values: of each ring, by time and source.
    """
    if len(specs) == 1:
        return [advance(specs[0], states[0], times, values[0])]
    first = specs[0]
    wide = RingSpec(
        step_seconds=first.step_seconds,
        heartbeat_seconds=first.heartbeat_seconds,
        sources=tuple(source for spec in specs for source in spec.sources),
        archives=first.archives,
        extremes=first.extremes,
    )
    done = advance(wide, _joined(states), times, np.concatenate(values, axis=1))
    found, begin = [], 0
    for spec in specs:
        part = slice(begin, begin + spec.width)
        begin += spec.width
        found.append(
            Advance(
                state=_part(done.state, part),
                rows=tuple(TierRows(first=one.first, rows=one.rows[:, part]) for one in done.rows),
                cleared=done.cleared,
            )
        )
    return found


def _joined(states: Sequence[RingState]) -> RingState:
    return RingState(
        last=states[0].last,
        raw=np.concatenate([state.raw for state in states]),
        sums=np.concatenate([state.sums for state in states]),
        unknown=np.concatenate([state.unknown for state in states]),
        tiers=tuple(
            TierState(
                values=np.concatenate([one.values for one in tiers]),
                unknown=np.concatenate([one.unknown for one in tiers]),
                totals=np.concatenate([one.totals for one in tiers]),
                known=np.concatenate([one.known for one in tiers]),
            )
            for tiers in zip(*(state.tiers for state in states), strict=True)
        ),
    )


def _part(state: RingState, part: slice) -> RingState:
    return RingState(
        last=state.last,
        raw=state.raw[part],
        sums=state.sums[part],
        unknown=state.unknown[part],
        tiers=tuple(
            TierState(
                values=one.values[part],
                unknown=one.unknown[part],
                totals=one.totals[part],
                known=one.known[part],
            )
            for one in state.tiers
        ),
    )
