"""The machine's clock and ids."""

import time

from grange.adapters.host.clock import SystemClock
from grange.adapters.host.ids import RandomIds
from grange.kernel.clock import VirtualClock


def test_the_clock_counts_utc_milliseconds() -> None:
    before = time.time_ns() // 1_000_000
    told = SystemClock().now()
    assert before <= told <= time.time_ns() // 1_000_000


def test_ids_ascend_within_a_millisecond_and_never_repeat() -> None:
    ids = RandomIds(VirtualClock())
    made = [ids.new("job") for _ in range(10_000)]
    assert made == sorted(set(made))
    assert all(len(one) == 36 and one.startswith("job-") for one in made)


def test_ids_ascend_when_the_clock_runs_backwards() -> None:
    clock = VirtualClock()
    ids = RandomIds(clock)
    first = ids.new("job")
    clock.advance(-10)
    assert ids.new("job") > first
