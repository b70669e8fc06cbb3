"""The 96 quarters of a day, against a recomputation in plain Python (ledger S0-03 to S0-07)."""

import json
from collections import defaultdict
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from grange.books.periods import QUARTER_MS
from grange.domain.farm import Farm, Fleet
from grange.domain.rates import amount_after
from grange.kernel.errors import InvalidRequestError
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant, datetime_of
from grange.testing.books import books_bench
from grange.testing.facts import (
    FARM,
    FLEET,
    T0,
    WORKER,
    action_fact,
    event_fact,
    frame_row,
    posted_frame,
    posted_worker_sample,
    sample_row,
)
from grange.testing.story import APPS, CHUNK, PROJECTS, USERS, Storyteller, post, rows_of

SUBJECTS = {"user": "user_name", "project": "project", "app": "app"}
ZONE = "Europe/Paris"
DAY = "2026-01-01"
OFFSET_QUARTERS = 4
"""Paris in winter is one hour ahead."""


def farm(zone=ZONE):
    return Farm(farm_id=FARM, name="f", zone=zone, created_at=T0, created_by="t")


def index_of(instant):
    local = datetime_of(Instant(instant)).astimezone(ZoneInfo(ZONE))
    assert local.date().isoformat() == DAY
    return local.hour * 4 + local.minute // 15


def quarter(instant):
    return instant - instant % QUARTER_MS


def slow_slots(story, subject):
    """Return {(name, slot start): {measure: value}} from the facts, one at a time."""
    column = SUBJECTS[subject]
    found: dict[Any, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    recorded = defaultdict(list)
    for frame in story.frames:
        recorded[frame["action_id"]].append(frame)

    def most(cell, measure, value):
        cell[measure] = max(cell.get(measure, 0), value)

    for attempt in story.attempts():
        name = getattr(attempt, column)
        found[name, quarter(attempt.assigned_at)]["chunks_sent"] += 1
        if attempt.status != "SUCCEEDED":
            continue
        cell = found[name, quarter(attempt.ended_at)]
        length = attempt.ended_at - attempt.started_at
        cell["chunks_finished"] += 1
        cell["ps_milli_ms"] += attempt.ps_milli * length // attempt.threads
        cell["ghz_milli_ms"] += attempt.ghz_milli * length // attempt.threads
        if attempt.billionths_per_hour is not None:
            begin = attempt.started_at - attempt.session_started_at
            cell["finished_cost_billionths"] += amount_after(
                attempt.billionths_per_hour, begin + length
            ) - amount_after(attempt.billionths_per_hour, begin)
        frames = recorded[attempt.action_id]
        if len(frames) < attempt.frame_count:
            cell["frames_rendered"] += attempt.frame_count - len(frames)
        for frame in frames:
            cell = found[name, quarter(frame["ended_at"])]
            cell["frames_rendered"] += 1
            cell["memory_bytes_sum"] += frame["peak_memory_bytes"]
            cell["memory_frames"] += 1
            most(cell, "memory_bytes_max", frame["peak_memory_bytes"])
            cell["frame_ms_sum"] += frame["render_ms"]
            cell["frame_ms_frames"] += 1
            most(cell, "frame_ms_max", frame["render_ms"])
    return found


def slow_rendering(story, subject, slot):
    """Return (PS integral, PS maximum) of each name in a quarter, looked at every half second."""
    column = SUBJECTS[subject]
    runs = defaultdict(list)
    for attempt in story.attempts():
        if attempt.started_at < slot + QUARTER_MS and attempt.ended_at > slot:
            runs[getattr(attempt, column)].append(
                (attempt.started_at, attempt.ended_at, attempt.ps_milli // attempt.threads)
            )
    found = {}
    for name, listed in runs.items():
        edges = sorted({slot, slot + QUARTER_MS, *(e for a, b, _ in listed for e in (a, b))})
        edges = [edge for edge in edges if slot <= edge <= slot + QUARTER_MS]
        levels = [
            (sum(ps for a, b, ps in listed if a <= left < b), right - left)
            for left, right in pairwise(edges)
        ]
        found[name] = (sum(ps * ms for ps, ms in levels), max(ps for ps, _ in levels))
    return found


def slow_states(story, subject, slot_end):
    """Replay layers up to a quarter's end (events before it)."""
    layers = {}
    for event in story.events("layer_status"):
        if event.at < slot_end:
            layers[event.layer_id] = event
    return layers


STATE = {"READY": "idle", "RUNNING": "rendering", "SUCCEEDED": "done"}


def slow_counts(story, subject, slot_end):
    """Return {name: {layers_…, frames_left, chunks_unassigned}} at a quarter's end."""
    key = subject
    found: dict[Any, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    resets = story.events("task_status")
    for layer_id, event in slow_states(story, subject, slot_end).items():
        detail = json.loads(event.detail)
        cell = found[detail[key]]
        cell[f"layers_{STATE[event.new]}"] += 1
        if event.new == "SUCCEEDED":
            continue
        done, going = set(), set()
        for attempt in story.attempts():
            if attempt.layer_id != layer_id:
                continue
            task_id = f"task-{layer_id[5:]}-{attempt.task_index}"
            reset = any(
                e.subject_id == task_id and attempt.ended_at <= e.at < slot_end for e in resets
            )
            if attempt.status == "SUCCEEDED" and attempt.ended_at < slot_end and not reset:
                done.add(attempt.task_index)
            if attempt.assigned_at < slot_end <= attempt.ended_at:
                going.add(attempt.task_index)
        cell["frames_left"] += detail["frame_count"] - CHUNK * len(done)
        cell["chunks_unassigned"] += event.number - len(done | going)
    return found


@pytest.fixture(scope="module")
def story():
    return Storyteller("slots", hours=6, jobs=5).tell()


@pytest.fixture(scope="module")
def bench(tmp_path_factory, story):
    with books_bench(tmp_path_factory.mktemp("slots"), T0) as bench:
        bench.put(farm())
        post(bench, rows_of(story))
        bench.travel(story.end + 3 * MILLIS_PER_HOUR)
        bench.books.seal()
        yield bench


def by_name(bench, subject):
    found = bench.books.slots(farm_id=FARM, day=DAY, subject=subject)
    return found, {row["name"]: row for row in found["rows"]}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_every_measure_of_every_quarter_equals_its_recomputation(bench, story, subject):
    """S0-03, S0-05, S0-06; rule 11.1: frames at their own end, the rest whole at the chunk's."""
    found, rows = by_name(bench, subject)
    slow = slow_slots(story, subject)
    assert set(rows) == {"user": set(USERS), "project": set(PROJECTS), "app": set(APPS)}[
        subject
    ] & {name for name, _ in slow} | set(slow_counts(story, subject, story.end))
    for slot in range(T0, story.end, QUARTER_MS):
        index = index_of(slot)
        assert found["starts_at"][index] == [slot]
        assert found["valid"][index], "the story leaves a trace in every quarter"
        rendering = slow_rendering(story, subject, slot)
        counts = slow_counts(story, subject, slot + QUARTER_MS)
        for name, row in rows.items():
            expected = slow[name, slot]
            for measure in (
                "chunks_sent", "chunks_finished", "ps_milli_ms", "ghz_milli_ms",
                "frames_rendered", "memory_bytes_sum", "memory_frames", "frame_ms_sum",
                "frame_ms_frames",
            ):  # fmt: skip
                assert row[measure][index] == expected[measure], (measure, name, index)
            for measure in ("finished_cost_billionths", "memory_bytes_max", "frame_ms_max"):
                assert row[measure][index] == (expected[measure] or None), (measure, name, index)
            integral, peak = rendering.get(name, (0, 0))
            assert row["ps_rendering_milli_ms"][index] == integral
            assert row["ps_rendering_max_milli"][index] == peak
            assert row["mean_ps_milli"][index] == round(integral / QUARTER_MS)
            for measure in (
                "layers_idle", "layers_rendering", "layers_done", "frames_left",
                "chunks_unassigned",
            ):  # fmt: skip
                assert row[measure][index] == counts[name][measure], (measure, name, index)


def test_the_same_chunks_appear_once_in_each_list(bench, story):
    """S0-03: sums over users, projects and apps are equal."""
    sums = []
    for subject in SUBJECTS:
        _, rows = by_name(bench, subject)
        sums.append(
            [
                sum(sum(value or 0 for value in row[measure]) for row in rows.values())
                for measure in ("chunks_sent", "chunks_finished", "frames_rendered", "ps_milli_ms")
            ]
        )
    assert sums[0] == sums[1] == sums[2]
    successes = [a for a in story.attempts() if a.status == "SUCCEEDED"]
    assert sums[0][1] == len(successes)
    assert sums[0][2] == sum(a.frame_count or 0 for a in successes)


def test_workers_are_counted_once_by_precedence(bench, story):
    """S0-07: rendering before disabled before idle before off, at the end of the quarter."""
    found = bench.books.slots(farm_id=FARM, day=DAY, subject="group")
    timeline = bench.books.timeline(farm_id=FARM, start=T0, end=story.end)
    rows = {row["fleet_id"]: row for row in found["rows"]}
    seen = set()
    for slot in range(T0, story.end, QUARTER_MS):
        last = slot + QUARTER_MS - 1
        states = defaultdict(set)
        for row in timeline["rows"]:
            for start, end, account in row["segments"]:
                if start <= last < end:
                    states[row["worker_id"]].add(account)
        counts: dict[str, int] = defaultdict(int)
        for accounts in states.values():
            for state, names in (
                ("rendering", {"rendering_useful", "rendering_wasted", "overhead"}),
                ("disabled", {"disabled"}),
                ("idle", {"idle_no_work", "idle_blocked"}),
                ("off", {"off"}),
                ("unknown", {"unknown"}),
            ):
                if accounts & names:
                    counts[state] += 1
                    seen.add(state)
                    break
        for state in ("rendering", "disabled", "idle", "off", "unknown"):
            assert rows["*"][f"workers_{state}"][index_of(slot)] == counts[state]
            parts = [
                row[f"workers_{state}"][index_of(slot)] for key, row in rows.items() if key != "*"
            ]
            assert sum(parts) == counts[state]
    assert {"rendering", "disabled", "idle", "unknown"} <= seen


def test_groups_carry_the_names_of_their_fleets(bench):
    bench.put(
        Fleet(farm_id=FARM, fleet_id=FLEET, name="the shed", max_worker_count=9, created_at=T0,
              created_by="t")
    )  # fmt: skip
    found = bench.books.slots(farm_id=FARM, day=DAY, subject="group")
    assert {row["name"] for row in found["rows"]} >= {"the shed", "*"}


def test_a_chunk_that_ends_on_the_border_lands_in_the_next_quarter(tmp_path):
    """S0-04: 00:15:00 is slot 1; quarters nobody watched are not valid."""
    with books_bench(tmp_path, T0) as bench:
        bench.put(farm("UTC"))
        midnight = T0 - 10 * MILLIS_PER_HOUR
        border = midnight + QUARTER_MS
        bench.keep(action_fact(started_at=border - 10_000, session_started_at=border - 10_000))
        bench.books.seal()
        found, rows = by_name(bench, "user")
        ann = rows["ann"]
        assert ann["chunks_finished"][:3] == [None, 1, None]
        assert ann["chunks_sent"][:3] == [None, 0, None], "sent in quarter 0, which nobody watched"
        assert found["valid"] == [index == 1 for index in range(96)]


def test_an_attempt_in_a_watched_quarter_is_sent_where_it_was_given_out(tmp_path):
    with books_bench(tmp_path, T0) as bench:
        bench.put(farm("UTC"))
        bench.keep(event_fact("e", T0 - QUARTER_MS, "note"))
        bench.keep(action_fact(started_at=T0 - 5_000, session_started_at=T0 - 5_000))
        found, rows = by_name_of(bench, "ann")
        assert (rows["chunks_sent"][39], rows["chunks_finished"][40]) == (1, 1)
        assert found["valid"][38:42] == [False, True, True, False]


def by_name_of(bench, name, subject="user", day=DAY):
    bench.travel(max(bench.clock.now(), T0 + MILLIS_PER_HOUR))
    found = bench.books.slots(farm_id=FARM, day=day, subject=subject)
    return found, next(row for row in found["rows"] if row["name"] == name)


@pytest.mark.parametrize("sealed", [False, True])
def test_the_repeated_hour_adds_sums_and_takes_the_later_state(tmp_path, sealed):
    """Rule 11.11: the night of 25 October 2026 in Paris; 02:00 to 03:00 happens twice."""
    first = Instant(1_792_886_400_000)  # 02:00 summer time
    second = first + MILLIS_PER_HOUR
    with books_bench(tmp_path, Instant(first - MILLIS_PER_HOUR)) as bench:
        bench.put(farm())
        for number, at in enumerate((first, second)):
            bench.keep(
                action_fact(session_id=f"session-{number:032x}", started_at=at + 60_000,
                            session_started_at=at + 60_000, task_index=number)
            )  # fmt: skip
            bench.keep(
                event_fact(f"s{number}", at + 1, "worker_status", old="CREATED",
                           new=["STARTED", "STOPPED"][number], number=1)
            )  # fmt: skip
        bench.travel(first + MILLIS_PER_DAY)
        if sealed:
            bench.books.seal()
        day = "2026-10-25"
        found = bench.books.slots(farm_id=FARM, day=day, subject="user")
        assert found["span"]["end_at"] - found["span"]["start_at"] == 25 * MILLIS_PER_HOUR
        assert found["starts_at"][8] == [first, second]
        (ann,) = found["rows"]
        assert ann["chunks_finished"][8] == 2
        assert ann["frames_rendered"][8] == 4
        group = bench.books.slots(farm_id=FARM, day=day, subject="group")
        everybody = next(row for row in group["rows"] if row["fleet_id"] == "*")
        assert everybody["workers_idle"][8] == 0
        assert everybody["workers_off"][8] == 1, "the later pass"


def test_the_skipped_hour_is_not_valid(tmp_path):
    """Rule 11.11: 29 March 2026 in Paris; 02:00 to 03:00 does not happen."""
    before = Instant(1_774_741_500_000)  # 00:45 winter time, 23:45 UTC
    with books_bench(tmp_path, before) as bench:
        bench.put(farm())
        rows = [
            sample_row(posted_worker_sample(before + minute * 60_000 + 1)) for minute in range(180)
        ]
        bench.keep(event_fact("w", before, "worker_status", new="STARTED", number=1))
        bench.post("worker_samples", rows)
        bench.travel(before + MILLIS_PER_DAY)
        bench.books.seal()
        found = bench.books.slots(farm_id=FARM, day="2026-03-29", subject="group")
        assert found["valid"][3:8] == [True] * 5
        assert found["valid"][8:12] == [False] * 4
        assert found["valid"][12:16] == [True] * 4
        assert found["starts_at"][8:12] == [[], [], [], []]


def test_frames_of_a_running_attempt_are_not_rendered_yet(tmp_path):
    with books_bench(tmp_path, T0) as bench:
        bench.put(farm("UTC"))
        bench.post("frames", [frame_row(posted_frame())])
        bench.keep(action_fact(status="FAILED"))
        bench.travel(T0 + MILLIS_PER_HOUR)
        _, ann = by_name_of(bench, "ann")
        assert ann["frames_rendered"][40] == 0
        assert ann["chunks_sent"][40] == 1


@pytest.mark.parametrize(
    ("arguments", "field"),
    [({"subject": "shoe"}, "subject"), ({"day": "1st of May"}, "day")],
)
def test_wrong_questions_are_refused_with_their_field(bench, arguments, field):
    with pytest.raises(InvalidRequestError) as caught:
        bench.books.slots(**({"farm_id": FARM, "day": DAY, "subject": "user"} | arguments))
    assert caught.value.fields[0].name == field


def test_a_worker_counts_from_its_first_event(tmp_path):
    with books_bench(tmp_path, T0) as bench:
        bench.put(farm("UTC"))
        bench.keep(event_fact("w", T0 + QUARTER_MS, "worker_status", new="CREATED", number=2))
        bench.keep(event_fact("n", T0 + 1, "note", subject="server", subject_id="s"))
        bench.travel(T0 + MILLIS_PER_HOUR)
        found = bench.books.slots(farm_id=FARM, day=DAY, subject="group")
        everybody = next(row for row in found["rows"] if row["fleet_id"] == "*")
        assert everybody["workers_off"][40:43] == [0, 1, None]
        assert WORKER
