"""Rings that are put forward together stand as if each had been put forward alone."""

import numpy as np
import pytest

from grange.books.archives.arithmetic import Advance, RingState, Steps, advance, fresh, put_steps
from grange.books.archives.layout import RingSpec, tiers_of
from grange.books.archives.profiles import PROFILES
from grange.books.archives.together import advance_together
from grange.domain.series import Consolidation, DataSource, DsType

START = 1_700_000_000


def spec(*kinds: DsType) -> RingSpec:
    """Return a ring with a source of each type."""
    return RingSpec(
        step_seconds=60,
        heartbeat_seconds=150,
        sources=tuple(
            DataSource(index=n, label=f"v{n}", ds_type=kind, maximum=900.0 + n)
            for n, kind in enumerate(kinds)
        ),
        archives=PROFILES["metpx"][:1] + PROFILES["janitoo"][:2] + PROFILES["janitoo"][5:6],
    )


def same(one: Advance, other: Advance) -> None:
    """Compare everything two advances say."""
    for a, b in zip(one.rows, other.rows, strict=True):
        assert a.first == b.first
        assert np.array_equal(a.rows, b.rows, equal_nan=True)
    for a_state, b_state in zip(_arrays(one.state), _arrays(other.state), strict=True):
        assert np.array_equal(a_state, b_state, equal_nan=True)


def _arrays(state: RingState) -> list[np.ndarray]:
    found = [np.array([state.last]), state.raw, state.sums, state.unknown]
    for tier in state.tiers:
        found += [tier.values, tier.unknown, tier.totals, tier.known]
    return found


@pytest.mark.parametrize("seed", range(6))
def test_together_is_the_same_as_alone(seed: int) -> None:
    """Ledger S3-21: many series of one step are fed at once."""
    rng = np.random.default_rng(seed)
    specs = [spec(*DsType), spec(DsType.GAUGE), spec(DsType.DERIVE, DsType.COUNTER)]
    together = [fresh(one, START) for one in specs]
    alone = list(together)
    now = START
    for _ in range(5):
        gaps = rng.choice([1, 30, 60, 61, 150, 151, 4000], size=rng.integers(1, 30))
        times = now + np.cumsum(gaps)
        now = int(times[-1])
        values = [rng.integers(0, 50_000, (len(times), one.width)).astype(float) for one in specs]
        for array in values:
            array[rng.random(array.shape) < 0.1] = np.nan
        found = advance_together(specs, together, times, values)
        for place, one in enumerate(specs):
            expected = advance(one, alone[place], times, values[place])
            same(found[place], expected)
            alone[place] = expected.state
        together = [one.state for one in found]


def test_finished_steps_keep_their_extremes() -> None:
    """Ledger S4-06, S4-21: least and most of a row are those of its steps, not of their means."""
    ring = RingSpec(
        step_seconds=60,
        heartbeat_seconds=120,
        sources=(DataSource(index=0, label="latency"),),
        archives=PROFILES["metpx"],
        extremes=True,
    )
    begin = START // 86_400 * 1440
    count = 1440
    values = np.full((count, 1), 5.0)
    values[100:400] = np.nan
    least, most = values - 1, values + 2
    least[7], most[9] = 0.25, 99.0
    steps = Steps(
        first=begin,
        values=values,
        least=least,
        most=most,
        totals=np.nan_to_num(values) * 3,
        known=np.where(np.isnan(values), 0.0, 60.0),
    )
    done = put_steps(ring, fresh(ring, begin * 60), steps)
    tiers = tiers_of(PROFILES["metpx"], extremes=True)
    day = tiers[-1]
    (row,) = done.rows[-1].rows
    assert row[0, day.column(Consolidation.AVERAGE)] == 5.0
    assert row[0, day.column(Consolidation.MIN)] == 0.25
    assert row[0, day.column(Consolidation.MAX)] == 99.0
    assert row[0, day.total] == 5.0 * 3 * 1140
    assert row[0, day.known] == 1140 * 60
    hours = done.rows[1].rows[:, 0, 0]
    assert np.isnan(hours).tolist() == [2 <= hour <= 6 for hour in range(24)]
