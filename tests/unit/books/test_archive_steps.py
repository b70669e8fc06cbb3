"""Steps that are told whole, with their extremes."""

import numpy as np

from grange.books.archives.arithmetic import Steps, fresh, put_steps
from grange.books.archives.layout import RingSpec, tiers_of
from grange.books.archives.profiles import PROFILES
from grange.domain.series import Consolidation, DataSource

START = 1_700_000_000


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
