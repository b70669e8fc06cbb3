"""Several rings that are told at the same times count as one wide ring."""

from collections.abc import Sequence

from grange.books.archives.layout import RingSpec


def alike(spec: RingSpec) -> tuple[object, ...]:
    """Return what rings must have in common to be put forward together."""
    return (spec.step_seconds, spec.heartbeat_seconds, spec.archives, spec.extremes)


def wide_spec(specs: Sequence[RingSpec]) -> RingSpec:
    """Return one ring with the sources of several that are alike."""
    first = specs[0]
    return RingSpec(
        step_seconds=first.step_seconds,
        heartbeat_seconds=first.heartbeat_seconds,
        sources=tuple(source for spec in specs for source in spec.sources),
        archives=first.archives,
        extremes=first.extremes,
    )
