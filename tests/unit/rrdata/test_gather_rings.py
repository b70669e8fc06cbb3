"""Lists are placed by the farm's wall clock, on days when clocks change too."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from grange.books.rings import RINGS, newest_slots, slots_of_day, wall_index
from grange.kernel.clock import VirtualClock
from grange.kernel.units import Instant, instant_of
from grange.rrdata import rings
from grange.rrdata.gather_days import ring_item, rings_file
from grange.rrdata.place import Place, wall_seconds
from tests.unit.rrdata.folder import ZONE

BERLIN = ZoneInfo(ZONE)
_KINDS = ("three_d", "archive", "comp", "execute_frames", "file_export")
MEASURES = (
    "temperature_milli_c", "workers_disabled", "workers_free", "workers_needed", "frame_ms",
    "frames_left", "frames_per_minute", "layers_rendering", "layers_total", "layers_unfinished",
    "machine_cpu_milli", "process_cpu_milli", "scheduler_bytes", "memory_used_bytes",
    "process_memory_bytes", "send_buffer_bytes", "largest_reply_bytes", "receive_buffer_bytes",
    "server_temperature_milli_c", *(f"frame_ms_{kind}" for kind in _KINDS),
    *(f"frames_left_{kind}" for kind in _KINDS), *(f"frames_per_minute_{kind}" for kind in _KINDS),
)  # fmt: skip


class Told:
    """Answers as the books give them; each slot's start in minutes is told as workers rendering."""

    def __init__(self, now: Instant) -> None:
        self.now = now

    def ask(self, question: str, **arguments: Any) -> dict[str, Any]:
        assert question == "ring"
        ring = RINGS[arguments["ring"]]
        if "day" in arguments:
            day = datetime.fromisoformat(arguments["day"]).date()
            passes: list[list[int]] = [[] for _ in range(ring.slots_per_day)]
            for slot in slots_of_day(ring, day, BERLIN):
                passes[wall_index(ring, slot.start, BERLIN)].append(slot.start)
            columns: dict[str, list[Any]] = {
                "index": list(range(ring.slots_per_day)),
                "start_at": [starts[0] if starts else None for starts in passes],
                "valid": [bool(starts) for starts in passes],
                "workers_rendering": [len(starts) * 1000 for starts in passes],
            }
        else:
            slots = newest_slots(ring, self.now, BERLIN)
            columns = {
                "index": [wall_index(ring, slot.start, BERLIN) for slot in slots],
                "start_at": [slot.start for slot in slots],
                "end_at": [slot.end for slot in slots],
                "valid": [True] * len(slots),
                "workers_rendering": [slot.start // 60_000 for slot in slots],
            }
        count = len(columns["index"])
        return {
            "ring": ring.name,
            "columns": columns | {name: [0] * count for name in MEASURES},
        }


def file_at(now: Instant) -> rings.RingsFile:
    place = Place()
    place.use(clock=VirtualClock(now), zone=BERLIN)
    return rings_file(Told(now), place)


def at(*when: int) -> Instant:
    return instant_of(datetime(*when, tzinfo=BERLIN))  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("now", "newest"),
    [
        (at(2026, 3, 10, 18, 15), datetime(2026, 3, 10, 17, 30)),
        (at(2026, 3, 10, 18, 29), datetime(2026, 3, 10, 17, 30)),
        (at(2026, 3, 10, 18, 30), datetime(2026, 3, 10, 18, 0)),
        (at(2026, 3, 29, 12, 0), datetime(2026, 3, 29, 11, 30)),
        (at(2026, 10, 25, 12, 0), datetime(2026, 10, 25, 11, 30)),
    ],
)
def test_the_last_index_is_the_last_completed_half_hour(now: Instant, newest: datetime):
    """Ledger S0-09: also on the days when clocks change."""
    file = file_at(now)
    assert file.saved_month * 60 == wall_seconds(newest) + 1800
    assert file.month[1439].clients_rendering == (
        instant_of(newest.replace(tzinfo=BERLIN)) // 60_000
    )


@pytest.mark.parametrize(
    ("now", "newest"),
    [
        (at(2026, 3, 10, 17, 15), datetime(2026, 3, 10, 6)),
        (at(2026, 3, 10, 18, 0), datetime(2026, 3, 10, 12)),
        (at(2026, 3, 29, 6, 30), datetime(2026, 3, 29, 0)),
    ],
)
def test_the_last_index_is_the_last_completed_quarter_day(now: Instant, newest: datetime):
    """Ledger S0-10: quarters turn at 0, 6, 12 and 18 o'clock of the farm."""
    file = file_at(now)
    assert file.saved_year * 60 == wall_seconds(newest) + 21_600
    assert file.year[1439].clients_rendering == (
        instant_of(newest.replace(tzinfo=BERLIN)) // 60_000
    )
    assert len(file.year) == 1440


def test_the_hour_that_clocks_skip_is_not_valid():
    """Ledger S0-13, S0-15: half hours of the wall clock, one step apart."""
    file = file_at(at(2026, 3, 29, 12, 0))
    newest = file.saved_month * 60 - 1800
    for hour, minute, there in ((1, 30, True), (2, 0, False), (2, 30, False), (3, 0, True)):
        wall = wall_seconds(datetime(2026, 3, 29, hour, minute))
        assert (1439 - (newest - wall) // 1800 in file.month) is there


def test_the_hour_that_clocks_repeat_holds_both_passes():
    """Ledger S0-13."""
    file = file_at(at(2026, 10, 25, 12, 0))
    newest = file.saved_month * 60 - 1800
    for hour, minute, passes in ((1, 30, 1), (2, 0, 2), (2, 30, 2), (3, 0, 1)):
        wall = wall_seconds(datetime(2026, 10, 25, hour, minute))
        item = file.month[1439 - (newest - wall) // 1800]
        assert (item.clients_rendering == 2000) is (passes == 2)


def test_a_minute_of_the_day_is_the_latest_one():
    """Ledger S0-08: an index that is still to come is yesterday's."""
    now = at(2026, 3, 10, 18, 0)
    file = file_at(now)
    today = at(2026, 3, 10, 17, 0) // 60_000
    assert file.day[17 * 60].clients_rendering == today
    assert file.day[19 * 60].clients_rendering == at(2026, 3, 9, 19, 0) // 60_000
    assert file.saved_day == wall_seconds(datetime(2026, 3, 10, 18)) // 60


def test_units_are_those_of_the_documented_members():
    """Ledger S0-16, S0-17, S0-19."""
    columns: dict[str, list[Any]] = {name: [None] for name in (*MEASURES, "workers_rendering")}
    columns |= {
        "frame_ms_comp": [61_400], "frames_per_minute": [2.5], "temperature_milli_c": [41_600],
        "machine_cpu_milli": [1_500], "memory_used_bytes": [5 * 2**30], "workers_needed": [7],
    }  # fmt: skip
    item = ring_item(columns, 0)
    assert (item.frameTime_Comp, item.framesPerMin, item.clients_avTemperature) == (61, 2.5, 42)
    assert (item.serverCoreUsageMachine, item.serverMemUsage_Machine) == (1.5, 5120)
    assert (item.clients_needed, item.frameTime, item.slot_used) == (7.0, 0, True)
