"""The rings of the whole farm against the facts, one at a time (ledger S0-08 to S0-20)."""

import json
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from msgspec.structs import replace

from grange.books.rings import RINGS, newest_slots, slots_of_day
from grange.domain.farm import Farm
from grange.kernel.errors import InvalidRequestError
from grange.kernel.intervals import Span
from grange.kernel.units import (
    MILLIS_PER_DAY,
    MILLIS_PER_HOUR,
    MILLIS_PER_MINUTE,
    Instant,
    datetime_of,
    instant_of,
)
from grange.services.books.rolling import rolled
from grange.testing.books import books_bench
from grange.testing.facts import (
    FARM,
    T0,
    action_fact,
    event_fact,
    frame_row,
    numbered,
    posted_frame,
)
from grange.testing.story import Storyteller, post, rows_of

pytestmark = pytest.mark.slow

ZONE = ZoneInfo("Europe/Paris")
HALF = 30 * MILLIS_PER_MINUTE
TYPES = ("three_d", "archive", "comp", "execute_frames", "file_export")


def farm(zone="Europe/Paris"):
    return Farm(farm_id=FARM, name="f", zone=zone, created_at=T0, created_by="t")


def ask(bench, **arguments):
    return bench.books.call("ring", {"farm_id": FARM} | arguments)


def rows(answer):
    names = list(answer["columns"])
    return [
        dict(zip(names, values, strict=True))
        for values in zip(*answer["columns"].values(), strict=True)
    ]


def local(year, month, day, hour=0, minute=0, *, zone=ZONE):
    return instant_of(datetime(year, month, day, hour, minute, tzinfo=zone))


def server_sample(at, **changes):
    return {
        "farm_id": FARM, "server": "s", "at": at, "coverage_ms": 60_000,
        "machine_cpu_milli": 500, "memory_used_bytes": 1 << 30,
    } | changes  # fmt: skip


def kind_of(layer_id):
    return TYPES[int(layer_id[5:], 16) % len(TYPES)]


def typed(fact):
    """Return a fact whose layer has a render type, and whose job may have three workers."""
    if getattr(fact, "layer_id", None) is None:
        return fact
    kind = kind_of(fact.layer_id)
    if hasattr(fact, "render_type"):
        return replace(fact, render_type=kind)
    if fact.name != "layer_status":
        return fact
    detail = json.loads(fact.detail) | {"render_type": kind, "max_workers": 3}
    return replace(fact, detail=json.dumps(detail))


@pytest.fixture(scope="module")
def story():
    told = Storyteller("rings", hours=6).tell()
    told.facts = [typed(fact) for fact in told.facts]
    for sample in told.samples:
        sample["temperature_milli_c"] = 20_000 + sample["at"] // 20_000 % 4_000
    return told


@pytest.fixture(scope="module")
def bench(tmp_path_factory, story):
    """Return books whose last hours are not sealed yet."""
    with books_bench(tmp_path_factory.mktemp("books"), T0) as made:
        made.put(farm())
        told = rows_of(story)
        told += [
            (row["at"], "server_samples", row)
            for at in range(T0 + 60_000, story.end, 60_000)
            if (row := server_sample(at + 3, machine_cpu_milli=at // 60_000 % 4_000))
        ]
        sealed = T0 + 4 * MILLIS_PER_HOUR
        post(made, [row for row in told if row[0] < sealed])
        made.travel(sealed + 3 * MILLIS_PER_MINUTE)
        made.books.seal()
        post(made, [row for row in told if row[0] >= sealed])
        made.travel(story.end + 17 * MILLIS_PER_MINUTE)
        yield made


def booked_frames(story):
    """Return (moment, frames, render type, time) of every frame that counts."""
    recorded = defaultdict(list)
    for frame in story.frames:
        recorded[frame["action_id"]].append(frame)
    for attempt in story.attempts():
        if attempt.status != "SUCCEEDED":
            continue
        records = recorded[attempt.action_id]
        for frame in records:
            yield frame["ended_at"], 1, attempt.render_type, frame["render_ms"]
        if len(records) < attempt.frame_count:
            left = attempt.frame_count - len(records)
            yield attempt.ended_at, left, attempt.render_type, None


def left_at(story, moment):
    """Return {layer: (frames left, chunks without a worker)} just before an instant."""
    found = {}
    resets = [e for e in story.events("task_status") if e.at < moment]
    changes = defaultdict(list)
    for event in story.events("layer_status"):
        if event.at < moment:
            changes[event.layer_id].append(event)
    for layer_id, events in changes.items():
        if events[-1].new in ("SUCCEEDED", "CANCELED"):
            continue
        done, held = {}, set()
        for attempt in story.attempts():
            if attempt.layer_id != layer_id or attempt.assigned_at >= moment:
                continue
            if attempt.ended_at >= moment:
                held.add(attempt.task_index)
            elif attempt.status == "SUCCEEDED":
                task_id = f"task-{layer_id[5:]}-{attempt.task_index}"
                if not any(r.subject_id == task_id and attempt.ended_at <= r.at for r in resets):
                    done[attempt.task_index] = attempt.frame_count
        frames = json.loads(events[-1].detail)["frame_count"]
        found[layer_id] = (
            frames - sum(done.values()),
            events[-1].number - len(held | set(done)),
        )
    return found


@pytest.mark.parametrize("name", ["day", "month", "year"])
def test_every_frame_lies_in_its_slot_and_type(bench, story, name):
    """Ledger S0-17: frames, their mean time and their rate, in total and by render type."""
    answer = ask(bench, ring=name, start=T0 - MILLIS_PER_DAY, end=story.end)
    frames = list(booked_frames(story))
    checked = 0
    for row in rows(answer):
        if not row["valid"]:
            continue
        inside = [f for f in frames if row["start_at"] <= f[0] < row["end_at"]]
        minutes = (row["end_at"] - row["start_at"]) / 60_000
        for kind in (None, *TYPES):
            ending = "" if kind is None else f"_{kind}"
            own = [f for f in inside if kind in (None, f[2])]
            count = sum(f[1] for f in own)
            times = [f[3] for f in own if f[3] is not None]
            assert row[f"frames_rendered{ending}"] == count
            assert row[f"frames_per_minute{ending}"] * minutes == pytest.approx(count)
            expected = round(np.mean(times)) if times else None
            assert (
                row[f"frame_ms{ending}"] == pytest.approx(expected, abs=1)
                if times
                else (row[f"frame_ms{ending}"] is None)
            )
            checked += count
    assert checked, "the story has frames"


def test_what_is_left_is_counted_at_the_end_of_each_slot(bench, story):
    """Ledger S0-16, S0-17: frames left by type; workers needed, no more than a job may have."""
    for row in rows(ask(bench, ring="month")):
        if not row["valid"]:
            continue
        left = left_at(story, row["end_at"])
        assert row["frames_left"] == sum(frames for frames, _ in left.values())
        for kind in TYPES:
            own = [frames for layer, (frames, _) in left.items() if kind_of(layer) == kind]
            assert row[f"frames_left_{kind}"] == sum(own)
        assert row["workers_needed"] == sum(min(3, chunks) for _, chunks in left.values())


def test_jobs_and_workers_are_those_of_the_slots_end(bench, story):
    """Ledger S0-16, S0-18: states at the end of each minute."""
    timeline = bench.books.timeline(farm_id=FARM, start=T0, end=story.end)
    spans = [
        (start, end, account, row["worker_id"])
        for row in timeline["rows"]
        for start, end, account in row["segments"]
    ]
    seen = set()
    for row in rows(ask(bench, ring="day"))[::7]:
        last = row["end_at"] - 1
        if not row["valid"] or not T0 <= last < story.end:
            continue
        states = defaultdict(set)
        for start, end, account, worker in spans:
            if start <= last < end:
                states[worker].add(account)
        rendering = {"rendering_useful", "rendering_wasted", "overhead"}
        counts: dict[str, int] = defaultdict(int)
        for accounts in states.values():
            if accounts & rendering:
                counts["rendering"] += 1
            elif "disabled" in accounts:
                counts["disabled"] += 1
            elif accounts & {"idle_no_work", "idle_blocked"}:
                counts["free"] += 1
        for state in ("rendering", "free", "disabled"):
            assert row[f"workers_{state}"] == counts[state]
            seen |= {state} if counts[state] else set()
        latest = {}
        for event in story.events("layer_status"):
            if event.at <= last:
                latest[event.layer_id] = event.new
        assert row["jobs_total"] == len(latest)
        assert row["jobs_unfinished"] == sum(new != "SUCCEEDED" for new in latest.values())
        assert row["jobs_rendering"] == sum(new == "RUNNING" for new in latest.values())
    assert seen == {"rendering", "free", "disabled"}


def test_temperature_and_server_are_means_of_their_samples(bench, story):
    """Ledger S0-16, S0-19: a mean comes from sum and count, never from means."""
    for row in rows(ask(bench, ring="month")):
        if not row["valid"]:
            continue
        disks = [
            sample["temperature_milli_c"]
            for sample in story.samples
            if row["start_at"] < sample["at"] <= row["end_at"]
        ]
        assert row["temperature_milli_c"] == (round(np.mean(disks)) if disks else None)
        server = [
            at // 60_000 % 4_000
            for at in range(T0 + 60_000, story.end, 60_000)
            if row["start_at"] < at <= row["end_at"]
        ]
        assert row["machine_cpu_milli"] == (round(np.mean(server)) if server else None)
        assert row["process_memory_bytes"] is None, "unknown is not zero"


def test_slots_nobody_watched_are_not_valid_and_hold_nothing(bench, story):
    """Ledger S0-20: a slot before the farm, or while nothing ran, is unknown."""
    found = rows(ask(bench, ring="day"))
    assert len(found) == 1440
    watched = [row for row in found if row["valid"]]
    assert watched
    assert all(T0 - 60_000 < row["start_at"] < story.end + 60_000 for row in watched)
    junk = next(row for row in found if not row["valid"])
    known = {"index", "start_at", "end_at", "valid"}
    assert {value for name, value in junk.items() if name not in known} == {None}


@pytest.mark.parametrize(
    ("clock", "newest"),
    [((18, 15), (17, 30)), ((18, 29), (17, 30)), ((18, 30), (18, 0))],
)
def test_the_month_ends_with_the_last_completed_half_hour(clock, newest):
    """Ledger S0-09: 18:15 → 17:30, 18:29 → 17:30, 18:30 → 18:00."""
    found = newest_slots(RINGS["month"], local(2026, 5, 4, *clock), ZONE)
    assert len(found) == 1440
    assert found[-1].start == local(2026, 5, 4, *newest)
    assert found[-1].end - found[0].start == 30 * MILLIS_PER_DAY


@pytest.mark.parametrize(("clock", "newest"), [((17, 15), 6), ((18, 0), 12)])
def test_the_year_ends_with_the_last_completed_quarter_day(clock, newest):
    """Ledger S0-10: 17:15 → 06:00, 18:00 → 12:00; 360 days."""
    now = local(2026, 5, 4, *clock)
    found = newest_slots(RINGS["year"], now, ZONE)
    assert len(found) == 1440
    assert found[-1].start == local(2026, 5, 4, newest)
    first = datetime_of(found[0].start).astimezone(ZONE)
    last = datetime_of(found[-1].end).astimezone(ZONE)
    assert last.replace(tzinfo=None) - first.replace(tzinfo=None) == timedelta(days=360)


def test_the_minute_an_hour_ahead_is_yesterdays(tmp_path):
    """Ledger S0-08: fill two days; each slot of the day ring carries its own time."""
    start = Instant(T0 - T0 % MILLIS_PER_DAY)
    now = Instant(start + 42 * MILLIS_PER_HOUR)  # 18:00 of the second day
    with books_bench(tmp_path, now) as made:
        made.put(farm("UTC"))
        made.post(
            "server_samples",
            [server_sample(at + 1, machine_cpu_milli=at // MILLIS_PER_DAY % 1000)
             for at in range(start + 60_000, now + 1, 60_000)],
        )  # fmt: skip
        made.books.seal()
        found = {row["index"]: row for row in rows(ask(made, ring="day"))}
    assert len(found) == 1440
    assert all(row["valid"] for row in found.values())
    hour_ago, hour_ahead = found[17 * 60], found[19 * 60]
    assert now - hour_ago["start_at"] == MILLIS_PER_HOUR
    assert now - hour_ahead["start_at"] == 23 * MILLIS_PER_HOUR
    assert hour_ahead["machine_cpu_milli"] == start // MILLIS_PER_DAY % 1000
    assert hour_ago["machine_cpu_milli"] == start // MILLIS_PER_DAY % 1000 + 1


@pytest.mark.parametrize(("into", "begun"), [(0, 600), (1, 601), (59_999, 601), (60_000, 601)])
def test_a_day_holds_the_minutes_that_have_begun(tmp_path, into, begun):
    """Ledger S0-08: the minute that runs is there as far as it has come, none ahead of it is."""
    start = Instant(T0 - T0 % MILLIS_PER_DAY)
    with books_bench(tmp_path, Instant(start + 10 * MILLIS_PER_HOUR + into)) as made:
        made.put(farm("UTC"))
        found = rows(ask(made, ring="day", day=datetime_of(start).date().isoformat()))
    assert [row["start_at"] for row in found] == [
        start + 60_000 * minute if minute < begun else None for minute in range(1440)
    ]


def test_a_server_that_stood_still_leaves_slots_unknown(tmp_path):
    """Ledger S0-11, S0-20: two hours without a writer; the ring says when it was last saved."""
    start = Instant(T0)
    stopped = Instant(start + 3 * MILLIS_PER_HOUR)
    with books_bench(tmp_path, Instant(stopped + 2 * MILLIS_PER_HOUR)) as made:
        made.put(farm("UTC"))
        made.post(
            "server_samples",
            [server_sample(at + 1) for at in range(start + 60_000, stopped + 1, 60_000)],
        )
        answer = ask(made, ring="day")
        assert answer["last_saved_at"] == stopped
        assert ask(made, ring="month")["last_saved_at"] == stopped
        found = rows(answer)
    assert [row["valid"] for row in found[-120:]] == [False] * 120
    assert [row["valid"] for row in found[-300:-120]] == [True] * 180


def test_a_range_holds_the_slots_that_begin_in_it(bench):
    """Ledger S0-13: count = span ÷ half an hour; a day from the middle on is partial."""
    noon = local(2026, 1, 1, 12)
    answer = ask(bench, ring="month", start=noon, end=local(2026, 1, 3))
    assert len(answer["columns"]["start_at"]) == 24 + 48
    assert answer["columns"]["index"][:2] == [24, 25]
    whole = ask(bench, ring="month", day="2026-01-01")["columns"]
    assert whole["index"] == list(range(48))
    assert whole["frames_rendered"][24:] == answer["columns"]["frames_rendered"][:24]
    assert len(ask(bench, ring="year", day="2026-01-01")["columns"]["index"]) == 4


def test_the_automatic_choice_reaches_back_far_enough(bench):
    """Ledger S0-14: ten days are half hours, ninety days are quarters of days."""
    now = bench.clock.now()
    ten = ask(bench, start=now - 10 * MILLIS_PER_DAY, end=now)
    assert (ten["ring"], ten["step_seconds"]) == ("month", 1800)
    ninety = ask(bench, start=now - 90 * MILLIS_PER_DAY, end=now)
    assert (ninety["ring"], ninety["step_seconds"]) == ("year", 21600)
    oldest = ask(bench, ring="month")["columns"]["start_at"][0]
    assert ask(bench, start=oldest, end=now)["ring"] == "month", "it holds just that much"
    assert ask(bench, start=oldest - 1, end=now)["ring"] == "year"


@pytest.mark.parametrize(("name", "step"), [("day", 60), ("month", 1800), ("year", 21600)])
def test_slots_follow_each_other_by_the_step(bench, name, step):
    """Ledger S0-15: the spacing, on a day without a change of clocks."""
    answer = ask(bench, ring=name)
    starts = answer["columns"]["start_at"][-20:]
    assert {b - a for a, b in pairwise(starts)} == {step * 1000}
    assert (answer["step_seconds"], answer["slots_per_day"]) == (step, 86_400 // step)
    walls = [datetime_of(Instant(at)).astimezone(ZONE) for at in starts]
    assert answer["columns"]["index"][-20:] == [
        (wall.hour * 3600 + wall.minute * 60) // step for wall in walls
    ]


@pytest.mark.parametrize(
    ("day", "hours", "halves", "night"),
    [
        (date(2026, 3, 29), 23, 46, 5),
        (date(2026, 10, 25), 25, 50, 7),
        (date(2026, 5, 4), 24, 48, 6),
    ],
)
def test_days_on_which_the_clock_changes_have_all_their_time(day, hours, halves, night):
    """Rule 11.11: 23 and 25 hours; a quarter of the day may last 5 or 7."""
    month = slots_of_day(RINGS["month"], day, ZONE)
    year = slots_of_day(RINGS["year"], day, ZONE)
    assert len(month) == halves
    assert sum(slot.millis for slot in year) == hours * MILLIS_PER_HOUR
    assert year[0].millis == night * MILLIS_PER_HOUR
    assert [datetime_of(slot.start).astimezone(ZONE).hour for slot in year] == [0, 6, 12, 18]


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe"])
def test_zones_of_half_and_quarter_hours_begin_slots_by_their_own_wall(zone):
    """Rule 11.11: half hours and quarter days begin at local 00 and 30 minutes."""
    place = ZoneInfo(zone)
    for day in (date(2026, 4, 5), date(2026, 10, 4), date(2026, 1, 1)):
        for slot in slots_of_day(RINGS["month"], day, place):
            assert datetime_of(slot.start).astimezone(place).minute in (0, 30)
        quarters = slots_of_day(RINGS["year"], day, place)
        assert [datetime_of(s.start).astimezone(place).hour for s in quarters] == [0, 6, 12, 18]


def test_frames_in_a_zone_of_three_quarters_lie_in_its_half_hours(tmp_path):
    """Rule 11.11: 00:15 UTC is 06:00 in Kathmandu; a frame before it belongs to the night."""
    zone = ZoneInfo("Asia/Kathmandu")
    morning = local(2026, 1, 2, 6, zone=zone)
    assert datetime_of(morning).astimezone(UTC).minute == 15
    with books_bench(tmp_path, Instant(morning + MILLIS_PER_HOUR)) as made:
        made.put(farm("Asia/Kathmandu"))
        for number, end in enumerate((morning - 1, morning)):
            session = numbered("session", number)
            made.keep(
                action_fact(session_id=session, started_at=end - 10_000, ended_at=end,
                            session_started_at=end - 10_000, task_index=number)
            )  # fmt: skip
        year = ask(made, ring="year", day="2026-01-02")["columns"]
        month = ask(made, ring="month", day="2026-01-02")["columns"]
    assert year["frames_rendered"][:2] == [2, 2]
    assert (month["frames_rendered"][11], month["frames_rendered"][12]) == (2, 2)


@pytest.mark.parametrize("sealed", [False, True])
def test_the_repeated_hour_adds_frames_and_takes_the_later_state(tmp_path, sealed):
    """Rule 11.11: 25 October 2026 in Paris; the slot of 02:00 happens twice."""
    first = Instant(1_792_886_400_000)
    second = Instant(first + MILLIS_PER_HOUR)
    with books_bench(tmp_path, Instant(first - MILLIS_PER_HOUR)) as made:
        made.put(farm())
        for number, at in enumerate((first, second)):
            made.keep(
                action_fact(session_id=numbered("session", number), started_at=at + 60_000,
                            session_started_at=at + 60_000, task_index=number)
            )  # fmt: skip
            made.keep(
                event_fact(f"s{number}", at + 1, "worker_status", old="CREATED",
                           new=["STARTED", "STOPPED"][number], number=1)
            )  # fmt: skip
        made.travel(first + MILLIS_PER_DAY)
        if sealed:
            made.books.seal()
        found = rows(ask(made, ring="month", day="2026-10-25"))
    assert len(found) == 48
    assert found[4]["frames_rendered"] == 4
    assert found[4]["frames_per_minute"] == 4 / 60, "two passes of half an hour"
    assert (found[4]["workers_free"], found[4]["workers_off"]) == (0, 1)
    assert found[4]["end_at"] - found[4]["start_at"] == MILLIS_PER_HOUR + HALF


def test_the_skipped_hour_is_not_valid(tmp_path):
    """Rule 11.11: 29 March 2026 in Paris; 02:00 to 03:00 does not happen."""
    before = Instant(1_774_741_500_000)  # 00:45, 23:45 UTC
    with books_bench(tmp_path, before) as made:
        made.put(farm())
        made.post(
            "server_samples",
            [server_sample(before + minute * 60_000 + 1) for minute in range(1, 180)],
        )
        made.travel(before + MILLIS_PER_DAY)
        made.books.seal()
        found = rows(ask(made, ring="month", day="2026-03-29"))
        minutes = rows(ask(made, ring="day", day="2026-03-29"))
    assert [row["valid"] for row in found[1:8]] == [True, True, True, False, False, True, True]
    assert found[4]["start_at"] is None
    assert [row["valid"] for row in minutes[119:181]] == [True] + [False] * 60 + [True]


def test_a_late_frame_changes_its_slot_and_no_other(tmp_path):
    """Rule 11.7: late facts roll their hours up again."""
    with books_bench(tmp_path, T0) as made:
        made.put(farm("UTC"))
        made.keep(action_fact(ended_at=T0 + 20_000))
        made.travel(T0 + 3 * MILLIS_PER_HOUR)
        made.books.seal()
        before = ask(made, ring="day")["columns"]
        made.post("frames", [frame_row(posted_frame(render_ms=7_000))])
        made.travel(T0 + 4 * MILLIS_PER_HOUR)
        made.books.seal()
        made.travel(T0 + 4 * MILLIS_PER_HOUR + 1)
        after = ask(made, ring="day", start=T0 - 60_000, end=T0 + 60_000)["columns"]
        assert all(check["ok"] for check in made.books.verify(farm_id=FARM)["checks"])
    place = before["start_at"].index(T0)
    assert (before["frames_rendered"][place], before["frame_ms"][place]) == (2, None)
    assert (after["frames_rendered"], after["frame_ms"][1]) == ([None, 2], 7_000)


def test_a_job_needs_no_more_workers_than_it_may_have(tmp_path):
    """Ledger S0-16: ⌈unassigned frames ÷ chunk size⌉, capped by the job's own limit."""
    with books_bench(tmp_path, T0) as made:
        made.put(farm("UTC"))
        for number, limit in enumerate((-1, 2)):
            detail = {"frame_count": 50, "render_type": "comp", "max_workers": limit}
            made.keep(
                event_fact(f"l{number}", T0, "layer_status", subject="layer", new="READY",
                           job_id=numbered("job", number), layer_id=numbered("step", number),
                           number=5, detail=json.dumps(detail))
            )  # fmt: skip
        made.travel(T0 + MILLIS_PER_HOUR)
        row = rows(ask(made, ring="day", start=T0, end=T0 + 60_000))[0]
    assert row["workers_needed"] == 5 + 2
    assert (row["frames_left"], row["frames_left_comp"], row["frames_left_three_d"]) == (
        100,
        100,
        0,
    )
    assert row["layers_unfinished"] == 2


def test_a_failed_layer_is_left_for_thirty_days_however_many_slots_are_rolled_at_once(tmp_path):
    """Ledger S0-16: a slot's answer depends on facts alone, so it can be computed again."""
    failed_at = T0 + 60_000
    over = Instant(failed_at + 30 * MILLIS_PER_DAY - 60_000)
    detail = json.dumps({"frame_count": 24, "render_type": "comp", "max_workers": -1})
    around = Span(Instant(over - 2 * MILLIS_PER_HOUR), Instant(over + 2 * MILLIS_PER_HOUR))
    with books_bench(tmp_path, T0) as made:
        made.put(farm("UTC"))
        for name, at in (("READY", T0), ("FAILED", failed_at)):
            made.keep(
                event_fact(name, at, "layer_status", subject="layer", new=name,
                           job_id=numbered("job", 1), layer_id=numbered("step", 1),
                           number=24, detail=detail)
            )  # fmt: skip
        made.travel(around.start)
        for at in range(around.start, around.end, HALF // 2):
            made.keep(event_fact(f"e{at}", at + 1, "worker_status", new="IDLE"))
        made.travel(Instant(around.end + MILLIS_PER_HOUR))
        with made.books.shelf.view(FARM) as view:
            together = rolled(view, around, {"farm_quarters", "frame_quarters", "job_slots"})
            alone = [
                rolled(view, Span(Instant(start), Instant(start + MILLIS_PER_HOUR)), set(together))
                for start in range(around.start, around.end, MILLIS_PER_HOUR)
            ]
    for name, found in together.items():
        assert found.to_pylist() == [row for one in alone for row in one[name].to_pylist()]
    left = [
        (row["slot_at"], row["frames_left"], row["chunks_unassigned"])
        for row in together["frame_quarters"].to_pylist()
        if row["frames_left"]
    ]
    assert left == [(at, 24, 24) for at in range(around.start, over, HALF // 2)]


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"ring": "week"}, "ring"),
        ({"ring": "day", "day": "soon"}, "day"),
        ({"ring": "day", "start": T0}, "end"),
        ({"ring": "day", "start": T0, "end": T0 + 1, "day": "2026-01-01"}, "day"),
        ({"ring": "day", "start": 0, "end": T0}, "end"),
    ],
)
def test_wrong_questions_are_refused_with_their_field(bench, arguments, field):
    with pytest.raises(InvalidRequestError) as caught:
        ask(bench, **arguments)
    assert caught.value.fields[0].name == field
