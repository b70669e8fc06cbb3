"""What an attempt says about its frames."""

from hypothesis import given
from hypothesis import strategies as st

from grange.kernel.intervals import Span
from grange.kernel.units import Instant
from grange.worker.framerecords import Attempt, MeasuredFrame, measured, unmeasured
from grange.worker.plan import Kind, LocalSession, PlannedAction, SessionPhase
from grange.worker.telemetry import ActionSeries, Stretch, ThreadStretch

STEP = "step-" + "a" * 32
START = Instant(1_000_000)


def attempt(*frames: int) -> Attempt:
    return Attempt(
        session=LocalSession(
            session_id="session-1",
            queue_id="q",
            job_id="job-1",
            thread=0,
            phase=SessionPhase.OPEN,
        ),
        action=PlannedAction(
            action_id="sessionaction-1",
            kind=Kind.TASK_RUN,
            step_id=STEP,
            task_id=f"task-{'a' * 32}-7",
        ),
        frames=frames,
        began_at=START,
        user_logged_in=False,
    )


def found(frame: int, start: int, end: int) -> MeasuredFrame:
    return MeasuredFrame(
        frame=frame,
        span=Span(Instant(START + start), Instant(START + end)),
        path=f"f{frame}.png",
        output_bytes=9,
    )


def series(millis: int) -> ActionSeries:
    readings = ActionSeries()
    span = Span(START, Instant(START + millis))
    machine = Stretch(
        span=span,
        cpu_milli=600,
        cpu_total_ms=2 * millis,
        memory_used_bytes=0,
        memory_total_bytes=0,
        net_in_bytes=0,
        net_out_bytes=0,
        disk_free_bytes=None,
        load1_milli=None,
        temperature_milli_c=None,
        user_logged_in=None,
        gpu_milli=None,
    )
    readings.add(
        ThreadStretch(span=span, cpu_milli=500, cpu_ms=millis, memory_bytes=77, processes=1),
        machine,
        2,
    )
    return readings


def test_a_measured_frame_carries_its_own_time_and_parts() -> None:
    """S0-31, S0-32."""
    record = measured(attempt(3, 4), found(4, 1000, 3000), series(4000))
    assert record["frame"] == 4
    assert record["task_index"] == 7
    assert record["layer_id"] == STEP
    assert record["render_ms"] == 2000
    assert record["averaged_over"] == 1
    assert (record["first_of_chunk"], record["first_after_load"]) == (False, False)
    assert (record["log_started_at"], record["log_first_frame"]) == (START, 3)
    assert record["part_job_cpu"] == (500,) * 5
    assert record["part_other_cpu"] == (100,) * 5
    assert record["part_threads"] == (2,) * 5
    assert record["part_job_memory_bytes"] == (77,) * 5
    assert record["cpu_ms"] == 2000
    assert (record["output_path"], record["output_bytes"]) == ("f4.png", 9)


def test_a_chunk_without_a_word_shares_its_time_equally() -> None:
    """S0-31: averaged over N when there are chunk totals only."""
    records = unmeasured(attempt(1, 2, 3), [], Instant(START + 1000), series(1000), 900)
    assert [one["averaged_over"] for one in records] == [3, 3, 3]
    assert sum(one["render_ms"] for one in records) == 1000
    assert [one["cpu_ms"] for one in records] == [300, 300, 300]
    assert [one["first_of_chunk"] for one in records] == [True, False, False]


def test_a_frame_that_has_the_attempt_to_itself_is_as_good_as_measured() -> None:
    (record,) = unmeasured(attempt(5), [], Instant(START + 700), series(700), None)
    assert (record["averaged_over"], record["render_ms"]) == (1, 700)
    assert record["cpu_ms"] is None


@given(
    st.lists(st.integers(0, 400), min_size=1, max_size=6),
    st.integers(0, 5),
    st.integers(0, 2000),
)
def test_the_frames_of_an_attempt_never_take_longer_than_it_did(
    lengths: list[int], silent: int, rest: int
) -> None:
    """S0-31: the frames' seconds add up to their chunk's."""
    spans = []
    at = 0
    for number, length in enumerate(lengths):
        spans.append(found(number, at, at + length))
        at += length
    frames = tuple(range(len(lengths) + silent))
    ended = Instant(START + at + rest)
    records = [measured(attempt(*frames), one, ActionSeries()) for one in spans]
    records += unmeasured(attempt(*frames), spans, ended, ActionSeries(), 10)
    assert sorted(one["frame"] for one in records) == list(frames)
    total = sum(one["render_ms"] for one in records)
    assert total == (at + rest if silent else at)
    assert all(one["part_job_cpu"] is None for one in records)
