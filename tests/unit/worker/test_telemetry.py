"""Readings become samples and the parts of frames."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from grange.kernel.intervals import Span
from grange.kernel.units import Instant
from grange.ports.host import MachineReading, TreeReading
from grange.worker.telemetry import (
    ActionSeries,
    Occupation,
    Stretch,
    ThreadFold,
    ThreadStretch,
    WorkerFold,
    WorkerSample,
    stretch_between,
    thread_stretch,
)

MIB = 2**20
READING = MachineReading(
    cpu_busy_ms=0,
    cpu_total_ms=0,
    memory_used_bytes=100 * MIB,
    memory_total_bytes=1000 * MIB,
    net_in_bytes=0,
    net_out_bytes=0,
    disk_free_bytes=10,
    load1_milli=500,
    temperature_milli_c=None,
    user_logged_in=False,
    gpu_milli=None,
)


def machine(start: int, end: int, cpu_milli: int | None = 500, net_in: int = 0) -> Stretch:
    return Stretch(
        span=Span(Instant(start), Instant(end)),
        cpu_milli=cpu_milli,
        cpu_total_ms=2 * (end - start),
        memory_used_bytes=100 * MIB,
        memory_total_bytes=1000 * MIB,
        net_in_bytes=net_in,
        net_out_bytes=0,
        disk_free_bytes=None,
        load1_milli=None,
        temperature_milli_c=None,
        user_logged_in=None,
        gpu_milli=None,
    )


def thread(start: int, end: int, cpu_milli: int | None, memory: int | None = 0) -> ThreadStretch:
    return ThreadStretch(
        span=Span(Instant(start), Instant(end)),
        cpu_milli=cpu_milli,
        cpu_ms=None if cpu_milli is None else 2 * cpu_milli * (end - start) // 1000,
        memory_bytes=memory,
        processes=1,
    )


def test_two_readings_make_a_stretch() -> None:
    later = replace(
        READING, cpu_busy_ms=600, cpu_total_ms=2000, net_in_bytes=5000, net_out_bytes=70
    )
    stretch = stretch_between(READING, Instant(1000), later, Instant(2000))
    assert stretch.cpu_milli == 300
    assert (stretch.net_in_bytes, stretch.net_out_bytes) == (5000, 70)
    tree = TreeReading(cpu_ms=100, memory_bytes=7, processes=2)
    job = thread_stretch(tree, replace(tree, cpu_ms=600), stretch)
    assert (job.cpu_milli, job.memory_bytes, job.processes) == (250, 7, 2)
    assert thread_stretch(None, tree, stretch).cpu_milli is None


def test_a_counter_that_was_reset_adds_nothing() -> None:
    before = replace(READING, net_in_bytes=9000)
    assert stretch_between(before, Instant(0), READING, Instant(1000)).net_in_bytes == 0


def test_a_slot_says_how_much_of_it_was_read() -> None:
    fold = WorkerFold()
    assert fold.add(machine(13_000, 14_000, 200)) == []
    assert fold.add(machine(14_000, 15_000, 400)) == []
    (sample,) = fold.add(machine(41_000, 42_000))
    assert sample.at == 20_000
    assert sample.coverage_ms == 2_000
    assert sample.cpu_milli == 300


def test_a_slot_is_given_out_when_it_is_over() -> None:
    fold = WorkerFold()
    samples = [one for at in range(60) for one in fold.add(machine(at * 1000, at * 1000 + 1000))]
    assert [(one.at, one.coverage_ms) for one in samples] == [
        (20_000, 20_000),
        (40_000, 20_000),
        (60_000, 20_000),
    ]


def test_the_highest_speed_comes_from_single_readings() -> None:
    """S0-25."""
    fold = WorkerFold()
    samples: list[WorkerSample] = []
    for at in range(20):
        received = 1_000_000 if at == 7 else 10
        samples += fold.add(machine(at * 1000, at * 1000 + 1000, net_in=received))
    (sample,) = samples
    assert sample.net_in_max_bytes_per_s == 1_000_000
    assert sample.net_in_bytes == 1_000_190


@given(
    st.lists(
        st.tuples(st.integers(1, 30_000), st.integers(0, 10**9)),
        min_size=1,
        max_size=50,
    )
)
def test_bytes_and_time_are_conserved_over_any_cutting(steps: list[tuple[int, int]]) -> None:
    """S0-25: the network's sum equals the interface counter's difference."""
    fold = WorkerFold()
    at = 7_123
    samples: list[WorkerSample] = []
    for length, received in steps:
        samples += fold.add(machine(at, at + length, net_in=received))
        at += length
    samples += fold.add(machine(at + 10**6, at + 10**6 + 1, net_in=0))
    assert sum(one.net_in_bytes for one in samples) == sum(received for _, received in steps)
    assert sum(one.coverage_ms for one in samples) == sum(length for length, _ in steps)
    assert all(0 < one.coverage_ms <= 20_000 and one.at % 20_000 == 0 for one in samples)
    assert [one.at for one in samples] == sorted({one.at for one in samples})


def test_what_was_not_read_is_unknown() -> None:
    fold = WorkerFold()
    (sample,) = fold.add(machine(0, 20_000, None))
    assert sample.cpu_milli is None
    assert sample.gpu_milli is None
    assert sample.temperature_milli_c is None
    assert sample.user_logged_in is None


def test_a_thread_is_named_by_what_it_did_most() -> None:
    """S0-26."""
    fold = ThreadFold(1)
    rendering = Occupation(state="rendering", session_id="s", job_id="j", layer_id="l")
    fold.add(thread(0, 8_000, 0, 1), Occupation())
    (sample,) = fold.add(thread(8_000, 20_000, 1000, 5), rendering)
    assert (sample.thread, sample.state, sample.session_id) == (1, "rendering", "s")
    assert sample.cpu_milli == 600
    assert sample.memory_bytes == 5
    assert sample.coverage_ms == 20_000


def test_a_ten_minute_frame_has_five_parts_of_two_minutes() -> None:
    """S0-32."""
    series = ActionSeries()
    for second in range(600):
        part = second // 120
        series.add(
            thread(second * 1000, second * 1000 + 1000, part * 100, part * MIB),
            machine(second * 1000, second * 1000 + 1000, 900),
            2 if part < 3 else 1,
        )
    parts = series.parts(Span(Instant(0), Instant(600_000)))
    assert parts.job_cpu == (0, 100, 200, 300, 400)
    assert parts.other_cpu == (900, 800, 700, 600, 500)
    assert parts.job_memory_bytes == (0, MIB, 2 * MIB, 3 * MIB, 4 * MIB)
    assert parts.threads == (2, 2, 2, 1, 1)
    assert parts.peak_memory_bytes == 4 * MIB
    assert parts.cpu_ms == 2 * 200 * 600
    assert series.peak_memory_bytes() == 4 * MIB


@given(
    st.lists(st.integers(0, 1000), min_size=1, max_size=60),
    st.integers(0, 20_000),
    st.integers(5, 40_000),
)
def test_the_peak_part_is_never_below_the_frames_mean(
    rates: list[int], start: int, length: int
) -> None:
    """S0-32."""
    series = ActionSeries()
    for second, rate in enumerate(rates):
        series.add(
            thread(second * 1000, second * 1000 + 1000, rate),
            machine(second * 1000, second * 1000 + 1000, 1000),
            1,
        )
    length -= length % 5
    parts = series.parts(Span(Instant(start), Instant(start + length))).job_cpu
    covered = start + length <= len(rates) * 1000 + 300
    if covered:
        assert parts is not None
        whole = [
            rates[min(len(rates) - 1, moment // 1000)] for moment in range(start, start + length)
        ]
        assert max(parts) >= sum(whole) / length - 1
        assert sum(parts) * length / 5 <= sum(whole) + length


def test_a_frame_shorter_than_a_reading_takes_the_reading_it_lies_in() -> None:
    series = ActionSeries()
    series.add(thread(0, 1000, 400, 9), machine(0, 1000, 500), 1)
    parts = series.parts(Span(Instant(300), Instant(303)))
    assert parts.job_cpu == (400,) * 5
    assert parts.job_memory_bytes == (9,) * 5


def test_a_frame_that_was_not_read_has_no_parts() -> None:
    series = ActionSeries()
    series.add(thread(0, 1000, 400), machine(0, 1000), 1)
    parts = series.parts(Span(Instant(5000), Instant(9000)))
    assert parts.job_cpu is None
    assert parts.threads is None
    assert parts.peak_memory_bytes is None


def test_a_day_long_frame_is_kept_coarser_and_still_right() -> None:
    series = ActionSeries()
    for second in range(20_000):
        series.add(
            thread(second * 1000, second * 1000 + 1000, 100 + second // 4000, second),
            machine(second * 1000, second * 1000 + 1000, 900),
            1,
        )
    assert len(series._pieces) <= 4_096 + 1
    parts = series.parts(Span(Instant(0), Instant(20_000_000)))
    assert parts.job_cpu == (100, 101, 102, 103, 104)
    assert parts.peak_memory_bytes == 19_999


def test_measured_power_is_weighed_by_time_and_unknown_without_a_meter():
    """Energy: watts where the machine measures them, None elsewhere."""
    none = stretch_between(READING, Instant(0), READING, Instant(1_000))
    assert none.watts_milli is None
    start = replace(READING, energy_mj=0)
    first = stretch_between(
        start, Instant(0), replace(READING, energy_mj=1_000_000), Instant(5_000)
    )
    assert first.watts_milli == 200_000
    second = stretch_between(
        replace(READING, energy_mj=1_000_000), Instant(5_000),
        replace(READING, energy_mj=7_000_000), Instant(20_000),
    )  # fmt: skip
    fold = WorkerFold()
    samples = [*fold.add(first), *fold.add(second)]
    assert [sample.watts_milli for sample in samples] == [350_000]
