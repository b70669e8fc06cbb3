"""The arithmetic of archives: values that arrive at any time become rows of fixed length.

It gives rrdtool's numbers, its manners included:

- A value counts for the time since the one before. If that is longer than the heartbeat, the time
  is unknown. So is a value outside its bounds.
- A step is unknown if more than half of it was, before the value that ends it.
- A row is unknown if more than `xff` of its steps are.

Beside it every row keeps what came in its time and how many seconds are known, so that sums of
counts stay whole where rrdtool's rows lose the known part of unknown steps.

Values are taken in batches, a whole batch at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grange.books.archives.layout import RingSpec, Tier
from grange.domain.series import Consolidation, DataSource, DsType
from grange.kernel.errors import InvalidRequestError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_WRAP_32 = 4294967296.0
_WRAP_64 = 18446744069414584320.0
_MOST_STEPS_AT_ONCE = 1_000_000


class OutOfOrderError(InvalidRequestError):
    """A value is not newer than the last one by a second; rows that are past stay as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TierState:
    """The row of a tier that is not finished yet."""

    values: Floats
    """By source and column: the sum of known steps (AVERAGE), the least, the most, the last."""
    unknown: Ints
    """By source: steps that are unknown."""
    totals: Floats
    """By source: what came so far."""
    known: Floats
    """By source: seconds known so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RingState:
    """Where a ring stands between two values."""

    last: int
    """The second of the last value."""
    raw: Floats
    """By source: the last value as it arrived; NaN: unknown."""
    sums: Floats
    """By source: value × seconds of what is known of the step that is not finished."""
    unknown: Ints
    """By source: unknown seconds of that step."""
    tiers: tuple[TierState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Finished steps that follow each other, by step and source."""

    first: int
    """Number of the first: step n ends at (n + 1) × step seconds."""
    values: Floats
    least: Floats
    most: Floats
    totals: Floats
    known: Floats

    def __len__(self) -> int:
        """Return how many steps there are."""
        return len(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class TierRows:
    """Finished rows of a tier that follow each other: by row, source, and number kept."""

    first: int
    """Number of the first: row n ends at (n + 1) × steps × step seconds."""
    rows: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """What a batch changes."""

    state: RingState
    rows: tuple[TierRows, ...]
    """By tier; at most as many as the tier keeps."""
    cleared: bool = False
    """Everything older is unknown: a silence was longer than the ring."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How values of sources count, for all of them at once."""

    whole: Ints
    """Places of the sources whose values count as they are (ABSOLUTE)."""
    rising: Ints
    """Of those that count by what was added (DERIVE)."""
    wrapping: Ints
    """Of those that also start again at 0 (COUNTER)."""
    least: Floats
    most: Floats
    differing: bool
    """True if any is not a gauge."""
    bounded: bool
    """True if any has a bound."""


@lru_cache(maxsize=128)
def rules_of(sources: tuple[DataSource, ...]) -> Rules:
    """Return how values of sources count."""
    kinds = [source.ds_type for source in sources]

    def places(wanted: DsType) -> Ints:
        return np.array([at for at, kind in enumerate(kinds) if kind is wanted], dtype=np.int64)

    return Rules(
        whole=places(DsType.ABSOLUTE),
        rising=places(DsType.DERIVE),
        wrapping=places(DsType.COUNTER),
        least=np.array([-np.inf if one.minimum is None else one.minimum for one in sources]),
        most=np.array([np.inf if one.maximum is None else one.maximum for one in sources]),
        differing=any(kind is not DsType.GAUGE for kind in kinds),
        bounded=any(one.minimum is not None or one.maximum is not None for one in sources),
    )


@dataclass(slots=True)
class _Collected:
    first: int = 0
    parts: list[Floats] = field(default_factory=list)


def fresh(spec: RingSpec, start: int) -> RingState:
    """Return the state of a ring that begins at a second."""
    width = spec.width
    step = start // spec.step_seconds
    return RingState(
        last=start,
        raw=np.full(width, np.nan),
        sums=np.zeros(width),
        unknown=np.full(width, start % spec.step_seconds, dtype=np.int64),
        tiers=tuple(
            TierState(
                values=np.full((width, len(tier.columns)), np.nan),
                unknown=np.full(width, step % tier.steps, dtype=np.int64),
                totals=np.zeros(width),
                known=np.zeros(width),
            )
            for tier in spec.tiers
        ),
    )


def advance(spec: RingSpec, state: RingState, times: Ints, values: Floats) -> Advance:
    """Take a batch of values.

    Args:
        spec: the ring.
        state: where it stands.
        times: seconds, ascending, each at least a second after the last.
        values: by time and source; NaN is unknown.

    Raises:
        OutOfOrderError: a time is not after the one before.
    """
    times = np.asarray(times, dtype=np.int64)
    values = np.asarray(values, dtype=np.float64).reshape(len(times), spec.width)
    values = np.where(np.isfinite(values), values, np.nan)
    intervals = np.diff(times, prepend=np.int64(state.last))
    if len(times) and intervals.min() < 1:
        late = int(times[int(np.argmax(intervals < 1))])
        raise OutOfOrderError(
            f"A value of second {late} is not newer than the last one; times rise by a second or "
            "more."
        )
    tiers = spec.tiers
    collected = [_Collected() for _ in tiers]
    cleared = False
    keeps = max((tier.steps * (tier.rows + 1) for tier in tiers), default=1)
    for start, end in _parts(times, state.last, spec.step_seconds):
        begin = start
        passed = int(times[begin]) // spec.step_seconds - state.last // spec.step_seconds
        if passed > keeps and intervals[begin] > spec.heartbeat_seconds:
            # Nothing that the ring kept is new enough to stay, and nothing since is known.
            state = replace(fresh(spec, int(times[begin])), raw=values[begin].copy())
            collected, cleared = [_Collected() for _ in tiers], True
            begin += 1
            if begin == end:
                continue
        steps, state = _steps(spec, state, times[begin:end], values[begin:end])
        if len(steps):
            state = _collect(spec, state, steps, tiers, collected)
    return Advance(state=state, rows=_kept(spec, tiers, collected), cleared=cleared)


def put_steps(spec: RingSpec, state: RingState, steps: Steps) -> Advance:
    """Take steps that are finished already, e.g. minutes of a log with their extremes.

    Steps between the ring's last and the first given are unknown.

    Raises:
        OutOfOrderError: the ring is already past the first step.
    """
    next_step = state.last // spec.step_seconds
    if state.last % spec.step_seconds or steps.first < next_step:
        raise OutOfOrderError("These steps are not newer than the ring's last one.")
    tiers = spec.tiers
    collected = [_Collected() for _ in tiers]
    cleared = False
    keeps = max((tier.steps * (tier.rows + 1) for tier in tiers), default=1)
    if steps.first - next_step > keeps:
        state, cleared = fresh(spec, steps.first * spec.step_seconds), True
    elif steps.first > next_step:
        state = _collect(
            spec, state, _silence(spec, next_step, steps.first - next_step), tiers, collected
        )
    if len(steps):
        state = _collect(spec, state, steps, tiers, collected)
    last = (steps.first + len(steps)) * spec.step_seconds
    state = replace(fresh(spec, last), tiers=state.tiers)
    return Advance(state=state, rows=_kept(spec, tiers, collected), cleared=cleared)


def _silence(spec: RingSpec, first: int, count: int) -> Steps:
    nothing = np.full((count, spec.width), np.nan)
    zero = np.zeros((count, spec.width))
    return Steps(first=first, values=nothing, least=nothing, most=nothing, totals=zero, known=zero)


def _parts(times: Ints, last: int, step: int) -> Sequence[tuple[int, int]]:
    """Return stretches of a batch that span not too many steps each."""
    if not len(times):
        return []
    if int(times[-1]) // step - last // step <= _MOST_STEPS_AT_ONCE:
        return [(0, len(times))]
    cuts = [0]
    previous = last
    spanned = 0
    for number, time in enumerate(times.tolist()):
        passed = time // step - previous // step
        if spanned + passed > _MOST_STEPS_AT_ONCE and number > cuts[-1]:
            cuts.append(number)
            spanned = 0
        spanned += passed
        previous = time
    return list(zip(cuts, [*cuts[1:], len(times)], strict=True))


def _increments(spec: RingSpec, state: RingState, intervals: Ints, values: Floats) -> Floats:
    """Return what each value adds (rate × seconds), by time and source; NaN is unknown."""
    rules = rules_of(spec.sources)
    silent = intervals > spec.heartbeat_seconds
    seconds = intervals.astype(np.float64)[:, None]
    found = values * seconds
    if rules.differing:
        before = np.vstack((state.raw, values[:-1]))
        before[silent] = np.nan
        found[:, rules.whole] = values[:, rules.whole]
        found[:, rules.rising] = values[:, rules.rising] - before[:, rules.rising]
        grown = values[:, rules.wrapping] - before[:, rules.wrapping]
        grown = np.where(grown < 0, grown + _WRAP_32, grown)
        found[:, rules.wrapping] = np.where(grown < 0, grown + _WRAP_64, grown)
    if rules.bounded:
        rate = found / seconds
        found[(rate > rules.most) | (rate < rules.least)] = np.nan
    found[silent] = np.nan
    return found


def _steps(
    spec: RingSpec, state: RingState, times: Ints, values: Floats
) -> tuple[Steps, RingState]:
    """Return the steps that values finish, and the state behind them."""
    step = spec.step_seconds
    earlier = np.concatenate((np.array([state.last], dtype=np.int64), times[:-1]))
    intervals = times - earlier
    grown = _increments(spec, state, intervals, values)
    if _is_regular(state, intervals, step):
        return _regular_steps(spec, state, times, values, grown)
    is_known = ~np.isnan(grown)
    amount = np.where(is_known, grown, 0.0)
    missing = np.where(is_known, 0, intervals[:, None])
    numbers = times // step
    passed = numbers - earlier // step
    crossing = np.flatnonzero(passed)
    after = replace(state, last=int(times[-1]), raw=values[-1].copy())
    if not len(crossing):
        return _silence(spec, int(numbers[-1]), 0), replace(
            after,
            sums=state.sums + amount.sum(axis=0),
            unknown=state.unknown + missing.sum(axis=0),
        )
    # A value that ends a step may reach over several: the first gets what lies in it, those
    # between a whole step each, the open one the rest, so that the parts sum to the whole.
    counts = passed[crossing]
    spans = intervals[crossing][:, None]
    behind = (times[crossing] - numbers[crossing] * step)[:, None]
    in_first = spans - behind - ((counts - 1) * step)[:, None]
    whole, ending = amount[crossing], is_known[crossing]
    alone = (behind == 0) & (counts == 1)[:, None]
    first_part = np.where(alone, whole, whole / spans * in_first)
    each = whole / spans * step
    rest = np.where(behind == 0, 0.0, whole - first_part - each * (counts - 1)[:, None])
    rest_unknown = np.where(ending, 0, behind)
    starts = np.concatenate((np.zeros(1, dtype=np.int64), crossing[:-1] + 1))
    until = int(crossing[-1]) + 1
    inner = amount[:until].copy()
    inner[crossing] = first_part
    missing_inner = missing[:until].copy()
    missing_inner[crossing] = 0
    sums = np.vstack((state.sums, rest[:-1])) + np.add.reduceat(inner, starts, axis=0)
    unknown = np.vstack((state.unknown, rest_unknown[:-1]))
    unknown = unknown + np.add.reduceat(missing_inner, starts, axis=0)
    covered = step - unknown - np.where(ending, 0, in_first)
    reach = np.where((counts == 1)[:, None], spans, in_first)
    dumped = (reach > spec.heartbeat_seconds) | (unknown > step / 2.0) | (covered <= 0)
    heads = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(counts)[:-1]))
    found = np.repeat(np.where(ending, whole / spans, np.nan), counts, axis=0)
    totals = np.repeat(each, counts, axis=0)
    known = np.repeat(np.where(ending, float(step), 0.0), counts, axis=0)
    found[heads] = np.where(dumped, np.nan, sums / np.maximum(covered, 1))
    totals[heads] = sums
    known[heads] = covered
    tail = slice(until, None)
    return Steps(
        first=int(earlier[0] // step),
        values=found,
        least=found,
        most=found,
        totals=totals,
        known=known,
    ), replace(
        after,
        sums=rest[-1] + amount[tail].sum(axis=0),
        unknown=rest_unknown[-1] + missing[tail].sum(axis=0),
    )


def _is_regular(state: RingState, intervals: Ints, step: int) -> bool:
    """Return whether each value is for one whole step, as those of a logger are."""
    return bool(
        state.last % step == 0
        and (intervals == step).all()
        and not state.sums.any()
        and not state.unknown.any()
    )


def _regular_steps(
    spec: RingSpec, state: RingState, times: Ints, values: Floats, grown: Floats
) -> tuple[Steps, RingState]:
    """Return the steps of values that are for one step each: `_steps` with nothing to cut."""
    found = grown / spec.step_seconds
    missing = np.isnan(grown)
    return Steps(
        first=state.last // spec.step_seconds,
        values=found,
        least=found,
        most=found,
        totals=np.where(missing, 0.0, grown),
        known=np.where(missing, 0.0, float(spec.step_seconds)),
    ), replace(state, last=int(times[-1]), raw=values[-1].copy())


def _collect(
    spec: RingSpec,
    state: RingState,
    steps: Steps,
    tiers: Sequence[Tier],
    collected: Sequence[_Collected],
) -> RingState:
    states = []
    missing = np.isnan(steps.values)
    known = _Known(missing=missing.astype(np.int64), values=np.where(missing, 0.0, steps.values))
    for tier, tier_state, found in zip(tiers, state.tiers, collected, strict=True):
        rows, after = _consolidate(tier, tier_state, steps, known)
        if len(rows):
            if not found.parts:
                found.first = steps.first // tier.steps
            found.parts.append(rows)
        states.append(after)
    return replace(state, tiers=tuple(states))


def _kept(
    spec: RingSpec, tiers: Sequence[Tier], collected: Sequence[_Collected]
) -> tuple[TierRows, ...]:
    found = []
    for tier, one in zip(tiers, collected, strict=True):
        if not one.parts:
            nothing = np.empty((0, spec.width, tier.width))
            found.append(TierRows(first=0, rows=nothing))
            continue
        rows = one.parts[0] if len(one.parts) == 1 else np.concatenate(one.parts)
        past = max(0, len(rows) - tier.rows)
        found.append(TierRows(first=one.first + past, rows=rows[past:]))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What all tiers ask of steps."""

    missing: Ints
    """1 where a step is unknown."""
    values: Floats
    """0 where a step is unknown."""


def _consolidate(
    tier: Tier, state: TierState, steps: Steps, step_known: _Known
) -> tuple[Floats, TierState]:
    """Return the rows that steps finish, and the state of the one behind them."""
    count, width = steps.values.shape
    size = tier.steps
    done = steps.first % size
    complete = (done + count) // size
    if size == 1:
        rows = np.empty((count, width, tier.width))
        for place, column in enumerate(tier.columns):
            rows[:, :, place] = _chosen(column.cf, steps)
        rows[:, :, tier.total] = steps.totals
        rows[:, :, tier.known] = steps.known
        return rows, state
    rows = np.empty((complete, width, tier.width))
    head = min(size - done, count)
    body = head + max(0, complete - 1) * size if complete else head
    full = max(0, complete - 1)

    def summed(array: Any, start: Any, add: Any) -> tuple[Any, Any]:
        """Return the finished rows and the open one, by one way of putting steps together."""
        opened = add(start, _reduced(add, array[:head]))
        if not complete:
            return np.empty((0, width)), opened
        made = np.empty((complete, width), dtype=np.result_type(array, opened))
        made[0] = opened
        if full:
            made[1:] = add.reduce(array[head:body].reshape(full, size, width), axis=1)
        return made, _reduced(add, array[body:])

    unknown, open_unknown = summed(step_known.missing, state.unknown, np.add)
    totals, open_totals = summed(steps.totals, state.totals, np.add)
    known, open_known = summed(steps.known, state.known, np.add)
    open_values = np.empty_like(state.values)
    for place, column in enumerate(tier.columns):
        array = _chosen(column.cf, steps)
        start = state.values[:, place]
        match column.cf:
            case Consolidation.AVERAGE:
                zero = np.where(np.isnan(start), 0.0, start)
                made, opened = summed(step_known.values, zero, np.add)
                made = made / np.maximum(size - unknown, 1)
            case Consolidation.MIN:
                made, opened = summed(array, start, np.fmin)
            case Consolidation.MAX:
                made, opened = summed(array, start, np.fmax)
            case _:
                made = array[size - done - 1 :: size] if complete else np.empty((0, width))
                opened = array[-1]
        if complete:
            rows[:, :, place] = np.where(unknown > size * column.xff, np.nan, made)
        open_values[:, place] = opened
    rows[:, :, tier.total] = totals
    rows[:, :, tier.known] = known
    return rows, TierState(
        values=open_values, unknown=open_unknown, totals=open_totals, known=open_known
    )


def _reduced(add: Any, array: Any) -> Any:
    """Return rows put together; of none, what changes nothing."""
    if len(array) == 1:
        return array[0]
    if len(array):
        return add.reduce(array, axis=0)
    neutral = 0 if add is np.add else np.nan
    return np.full(array.shape[1], neutral, dtype=array.dtype)


def _chosen(cf: Consolidation, steps: Steps) -> Floats:
    if cf is Consolidation.MIN:
        return steps.least
    return steps.most if cf is Consolidation.MAX else steps.values
