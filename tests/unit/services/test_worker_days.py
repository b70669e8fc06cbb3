"""The days of workers against numpy and plain Python (ledger S0-21 to S0-29)."""

from collections import defaultdict
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from grange.domain.farm import Farm
from grange.domain.work import Worker
from grange.kernel.errors import InvalidRequestError, NotFoundError
from grange.kernel.ids import WorkerId
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant, datetime_of
from grange.testing.books import books_bench
from grange.testing.facts import (
    FARM,
    FLEET,
    JOB,
    LAYER,
    T0,
    WORKER,
    action_fact,
    event_fact,
    frame_row,
    numbered,
    posted_frame,
    posted_thread_sample,
    posted_worker_sample,
    sample_row,
)
from grange.testing.story import Storyteller, post, rows_of

pytestmark = pytest.mark.slow

EPOCH = date(1970, 1, 1)


def farm(zone):
    return Farm(farm_id=FARM, name="f", zone=zone, created_at=T0, created_by="t")


Counters = dict[tuple[str, int, int], dict[str, int]]


def worker(number, name):
    return Worker(
        farm_id=FARM, fleet_id=FLEET, worker_id=WorkerId(numbered("worker", number)),
        global_index=number - 1, host_name=name, created_at=T0, created_by="t",
    )  # fmt: skip


def ask(bench, question, **arguments):
    return bench.books.call(question, {"farm_id": FARM} | arguments)


def rows(columns):
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def thread_samples(story, rng):
    """Return samples of both threads of the first worker through the story."""
    found = []
    for at in range(T0 + 20_000, story.end, 20_000):
        for thread in (0, 1):
            posted = posted_thread_sample(
                at, thread, cpu_milli=int(rng.integers(0, 500)),
                memory_bytes=int(rng.integers(1, 1 << 32)),
                state=("idle", "rendering", "overhead")[int(rng.integers(3))],
            )  # fmt: skip
            found.append(sample_row(posted))
    return found


@pytest.fixture(scope="module")
def story():
    return Storyteller("days", hours=6).tell()


@pytest.fixture(scope="module")
def threads(story):
    return thread_samples(story, np.random.default_rng(7))


@pytest.fixture(scope="module", params=["Europe/Paris", "Asia/Kolkata"])
def zone(request):
    return request.param


@pytest.fixture(scope="module")
def bench(tmp_path_factory, story, threads, zone):
    """Return books whose last hours are not sealed yet."""
    with books_bench(tmp_path_factory.mktemp("books"), T0) as made:
        made.put(farm(zone), *(worker(n, f"box{n}") for n in (1, 2, 3)))
        told = rows_of(story) + [(row["at"], "thread_samples", row) for row in threads]
        sealed = T0 + 3 * MILLIS_PER_HOUR
        post(made, [row for row in told if row[0] < sealed])
        made.travel(sealed + 180_000)
        made.books.seal()
        post(made, [row for row in told if row[0] >= sealed])
        made.travel(story.end + 1_000)
        yield made


def in_day(instant, zone, day="2026-01-01"):
    return datetime_of(Instant(instant)).astimezone(ZoneInfo(zone)).date().isoformat() == day


def second_of_day(instant, zone):
    local = datetime_of(Instant(instant)).astimezone(ZoneInfo(zone))
    return local.hour * 3600 + local.minute * 60 + local.second


def test_workers_are_found_by_id_and_by_name(bench):
    """Ledger S0-21: names in the order of registration; an unknown one is refused."""
    listed = ask(bench, "worker_list")["workers"]
    assert [(w["name"], w["global_index"]) for w in listed] == [
        ("box1", 0),
        ("box2", 1),
        ("box3", 2),
    ]
    by_name = ask(bench, "worker_day", worker_id="box1", day="2026-01-01")
    assert by_name == ask(bench, "worker_day", worker_id=WORKER, day="2026-01-01")
    with pytest.raises(NotFoundError, match="box9"):
        ask(bench, "worker_day", worker_id="box9", day="2026-01-01")


def test_a_name_that_several_have_had_is_the_newest_workers(tmp_path):
    """Ledger S0-21: a machine that was registered anew goes by the name of the old one."""
    with books_bench(tmp_path, T0) as made:
        made.put(farm("UTC"), *(worker(n, "box1") for n in (1, 2)))
        listed = ask(made, "worker_list")["workers"]
        found = ask(made, "worker_day", worker_id="box1", day="2026-01-01")
        first = ask(made, "worker_day", worker_id=listed[0]["worker_id"], day="2026-01-01")
    assert [one["global_index"] for one in listed] == [0, 1]
    assert found["worker_id"] == listed[1]["worker_id"] != first["worker_id"]


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1), (2,)])
def test_the_day_of_many_workers_is_the_day_of_each(bench, order):
    """Ledger S0-25, S0-26, S0-28: read at once, in any order, by name or id, as read alone."""
    day = "2026-01-01"
    alone = [ask(bench, "worker_day", worker_id=f"box{n}", day=day) for n in order]
    named = ",".join([f"box{order[0]}", *(numbered("worker", n) for n in order[1:])])
    assert ask(bench, "day_of_workers", workers=named, day=day)["workers"] == alone
    assert all(one["valid"] and one["samples"]["index"] for one in alone)


def test_a_day_is_asked_for_of_some_workers_but_not_of_too_many(bench):
    for workers in ("", ",", ",".join(f"box{n}" for n in range(51))):
        with pytest.raises(InvalidRequestError, match="workers must name 1 to 50"):
            ask(bench, "day_of_workers", workers=workers, day="2026-01-01")
    with pytest.raises(NotFoundError, match="box9"):
        ask(bench, "day_of_workers", workers="box1,box9", day="2026-01-01")


def test_every_sample_lies_at_its_twenty_seconds(bench, story, zone):
    """Ledger S0-25: 4320 places by the wall clock; a place without data is absent, never zero."""
    found = ask(bench, "worker_day", worker_id=WORKER, day="2026-01-01")
    expected = {
        second_of_day(sample["at"] - 10_000, zone) // 20: sample
        for sample in story.samples
        if sample["worker_id"] == WORKER and in_day(sample["at"] - 10_000, zone)
    }
    got = rows(found["samples"])
    assert [row["index"] for row in got] == sorted(expected)
    assert 0 < len(got) < 4320
    for row in got:
        sample = expected[row["index"]]
        for name in ("cpu_milli", "gpu_milli", "memory_used_bytes", "net_in_bytes", "net_out_bytes",
                     "net_in_max_bytes_per_s", "user_logged_in", "coverage_ms"):  # fmt: skip
            assert row[name] == sample[name], name


def test_every_sample_of_a_thread_carries_state_and_render_type(bench, threads, zone):
    """Ledger S0-26: state, CPU, memory and the render type of the layer it worked on."""
    found = ask(bench, "worker_day", worker_id=WORKER, day="2026-01-01")
    expected = {
        (second_of_day(sample["at"] - 10_000, zone) // 20, sample["thread"]): sample
        for sample in threads
        if in_day(sample["at"] - 10_000, zone)
    }
    got = rows(found["thread_samples"])
    assert [(row["index"], row["thread"]) for row in got] == sorted(expected)
    for row in got:
        sample = expected[row["index"], row["thread"]]
        for name in ("state", "cpu_milli", "memory_bytes", "job_id"):
            assert row[name] == sample[name]
    assert found["threads"] == 2


def hourly(story, zone):
    """Return {(worker, hour, thread): counters} from the facts, one at a time."""
    found: Counters = defaultdict(lambda: defaultdict(int))
    recorded = defaultdict(list)
    for frame in story.frames:
        recorded[frame["action_id"]].append(frame)
    names = {"SUCCEEDED": "chunks_successful", "FAILED": "chunks_crashed"}

    def place(attempt, instant):
        assert in_day(instant, zone)
        return attempt.worker_id, second_of_day(instant, zone) // 3600, attempt.thread

    for attempt in story.attempts():
        found[place(attempt, attempt.ended_at)][names[attempt.status]] += 1
        if attempt.status == "SUCCEEDED":
            records = recorded[attempt.action_id]
            for frame in records:
                found[place(attempt, frame["ended_at"])]["frames_done"] += 1
            left = attempt.frame_count - len(records)
            found[place(attempt, attempt.ended_at)]["frames_done"] += left
    return found


def test_the_hours_of_a_day_add_up_to_its_events(bench, story, zone):
    """Ledger S0-28: frames done, jobs aborted, crashed and successful, by hour and thread."""
    slow = hourly(story, zone)
    total = 0
    for number in (1, 2, 3):
        found = ask(bench, "worker_day", worker_id=f"box{number}", day="2026-01-01")
        seen = set()
        for row in rows(found["hours"]):
            key = numbered("worker", number), row["hour"], row["thread"]
            seen.add(key)
            for name in ("frames_done", "chunks_aborted", "chunks_crashed", "chunks_successful"):
                assert row[name] == slow[key][name], (key, name)
            total += row["frames_done"]
        assert {key for key in slow if key[0] == numbered("worker", number) and slow[key]} <= seen
    successes = [a for a in story.attempts() if a.status == "SUCCEEDED"]
    assert total == sum(a.frame_count for a in successes)


def test_an_hour_in_which_a_worker_was_off_is_not_there(bench):
    """Ledger S0-28: the valid flag; nobody was there before the story began."""
    found = ask(bench, "worker_day", worker_id="box1", day="2026-01-01")
    assert min(found["hours"]["hour"]) >= second_of_day(T0, found["zone"]) // 3600
    assert all(up > 0 for up in found["hours"]["up_ms"])


def test_the_report_is_that_of_the_samples(bench, story, threads, zone):
    """Ledger S0-29: mean CPU of the machine and of jobs over samples having data, and frames."""
    found = ask(bench, "worker_report", start_day="2025-12-31", end_day="2026-01-03")
    slow = defaultdict(list)
    for sample in story.samples:
        slow[sample["worker_id"]].append(sample["cpu_milli"])
    frames: dict[str, int] = defaultdict(int)
    for (worker_id, _, _), counters in hourly(story, zone).items():
        frames[worker_id] += counters["frames_done"]
    listed = rows(found["columns"])
    assert [(row["day"], row["worker"]) for row in listed] == [
        ("2026-01-01", f"box{n}") for n in (1, 2, 3)
    ]
    for row in listed:
        cpu = slow[row["worker_id"]]
        assert row["cpu_milli"] == pytest.approx(np.mean(cpu))
        assert row["frames_done"] == frames[row["worker_id"]]
    job_cpu = sum(sample["cpu_milli"] for sample in threads) / len(slow[WORKER])
    assert listed[0]["job_cpu_milli"] == pytest.approx(job_cpu)
    assert listed[1]["job_cpu_milli"] is None, "nobody sampled its threads"


def test_the_last_of_400_days_is_the_last_one_written(tmp_path):
    """Ledger S0-23, S0-24: three days off are not valid; the ring ends with the last day known."""
    with books_bench(tmp_path, T0) as made:
        made.put(farm("UTC"), worker(1, "box1"))
        made.keep(event_fact("w", T0, "worker_status", new="STARTED", number=1))
        made.post("worker_samples", [sample_row(posted_worker_sample(T0 + 20_000))])
        off = T0 + MILLIS_PER_HOUR
        made.keep(event_fact("x", off, "worker_status", old="STARTED", new="STOPPED", number=1))
        on = T0 + 4 * MILLIS_PER_DAY
        made.keep(event_fact("y", on, "worker_status", old="STOPPED", new="STARTED", number=1))
        made.keep(
            event_fact("z", on + 60_000, "worker_status", old="STARTED", new="STOPPED", number=1)
        )
        made.travel(on + 2 * MILLIS_PER_DAY)
        made.books.seal()
        columns = ask(made, "worker_days", worker_id="box1")["columns"]
        assert len(columns["day"]) == 400
        assert columns["day"][-1] == "2026-01-05"
        assert columns["unix_day"][-1] == (date(2026, 1, 5) - EPOCH).days
        assert columns["valid"][-6:] == [False, True, False, False, False, True]
        assert columns["samples"][-6:] == [None, 1, None, None, None, 0]
        assert columns["cpu_milli"][-5] == 500
        never = ask(made, "worker_day", worker_id="box1", day="2025-06-01")
        assert (never["valid"], never["samples"]["index"]) == (False, [])


@pytest.mark.parametrize(
    ("day", "first", "count"),
    [("2026-10-25", 1_792_886_400_000, 2), ("2026-03-29", 1_774_742_400_000, 1)],
)
def test_clock_changes_keep_the_wall_clocks_places(tmp_path, day, first, count):
    """Rule 11.11: the repeated hour adds amounts, weighs means, takes the later state."""
    with books_bench(tmp_path, Instant(first - MILLIS_PER_HOUR)) as made:
        made.put(farm("Europe/Paris"), worker(1, "box1"))
        for number in range(2):
            at = first + number * MILLIS_PER_HOUR + 20_000
            made.post(
                "worker_samples",
                [sample_row(posted_worker_sample(
                    at, cpu_milli=(100, 500)[number], coverage_ms=(20_000, 10_000)[number]
                ))],
            )  # fmt: skip
            made.post(
                "thread_samples",
                [sample_row(posted_thread_sample(at, state=("rendering", "idle")[number]))],
            )
            session = numbered("session", number)
            made.keep(action_fact(session_id=session, started_at=at, session_started_at=at,
                                  task_index=number))  # fmt: skip
        made.travel(first + MILLIS_PER_DAY)
        made.books.seal()
        found = ask(made, "worker_day", worker_id="box1", day=day)
    samples, threads = rows(found["samples"]), rows(found["thread_samples"])
    hours = rows(found["hours"])
    if count == 2:
        (sample,), (thread,), (hour,) = samples, threads, hours
        assert (sample["index"], hour["hour"]) == (2 * 180, 2)
        assert sample["coverage_ms"] == 30_000
        assert sample["cpu_milli"] == round((100 * 20 + 500 * 10) / 30)
        assert sample["net_in_bytes"] == 2_000
        assert thread["state"] == "idle"
        assert (hour["frames_done"], hour["chunks_successful"]) == (4, 2)
    else:
        # 01:00 is followed by 03:00
        assert [row["index"] for row in samples] == [180, 3 * 180]
        assert [row["hour"] for row in hours] == [1, 3]


def test_late_facts_change_the_hours_they_belong_to(tmp_path):
    """Rule 11.7: a frame that comes a day late is counted, in its own hour, once."""
    with books_bench(tmp_path, T0) as made:
        made.put(farm("UTC"), worker(1, "box1"))
        made.keep(action_fact(started_at=T0, ended_at=T0 + 2 * MILLIS_PER_HOUR))
        made.travel(T0 + MILLIS_PER_DAY)
        made.books.seal()

        def frames():
            found = ask(made, "worker_day", worker_id="box1", day="2026-01-01")
            return {row["hour"]: row["frames_done"] for row in rows(found["hours"])}

        assert frames() == {12: 2}
        late = frame_row(posted_frame(started_at=T0, ended_at=T0 + 60_000))
        made.post("frames", [late])
        assert frames() == {10: 1, 12: 1}, "before it is sealed"
        made.post("frames", [late])
        made.travel(T0 + MILLIS_PER_DAY + 2 * MILLIS_PER_HOUR)
        made.books.seal()
        assert frames() == {10: 1, 12: 1}
        assert all(check["ok"] for check in made.books.verify(farm_id=FARM)["checks"])


def test_aborted_chunks_are_not_crashes(tmp_path):
    """Ledger S0-28: interrupted and cancelled attempts count as aborted."""
    with books_bench(tmp_path, T0) as made:
        made.put(farm("UTC"), worker(1, "box1"))
        for number, status in enumerate(("INTERRUPTED", "CANCELED", "FAILED", "NEVER_ATTEMPTED")):
            began = None if status == "NEVER_ATTEMPTED" else T0
            made.keep(action_fact(session_id=numbered("session", number), status=status,
                                  started_at=began, task_index=number))  # fmt: skip
        made.travel(T0 + MILLIS_PER_DAY)
        (hour,) = rows(ask(made, "worker_day", worker_id="box1", day="2026-01-01")["hours"])
    assert (hour["chunks_aborted"], hour["chunks_crashed"], hour["chunks_successful"]) == (2, 1, 0)
    assert hour["frames_done"] == 0


def test_the_render_type_is_that_of_the_layer(tmp_path):
    """Ledger S0-26: from the attempts the worker made."""
    with books_bench(tmp_path, T0) as made:
        made.put(farm("UTC"), worker(1, "box1"))
        made.keep(action_fact(render_type="comp"))
        other = numbered("step", 9)
        made.post(
            "thread_samples",
            [sample_row(posted_thread_sample(T0 + 20_000, layer_id=layer))
             | {"thread": n} for n, layer in enumerate((LAYER, other, None))],
        )  # fmt: skip
        made.travel(T0 + MILLIS_PER_HOUR)
        found = ask(made, "worker_day", worker_id=WORKER, day="2026-01-01")["thread_samples"]
    assert found["render_type"] == ["comp", None, None]
    assert found["job_id"] == [JOB] * 3


@pytest.mark.parametrize(
    ("question", "arguments", "field"),
    [
        ("worker_day", {"worker_id": WORKER, "day": "tomorrow"}, "day"),
        ("worker_days", {"worker_id": WORKER, "count": 0}, "count"),
        ("worker_report", {"start_day": "2026-01-02", "end_day": "2026-01-02"}, "end_day"),
    ],
)
def test_wrong_questions_are_refused_with_their_field(bench, question, arguments, field):
    with pytest.raises(InvalidRequestError) as caught:
        ask(bench, question, **arguments)
    assert caught.value.fields[0].name == field
