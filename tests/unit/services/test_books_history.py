"""The job history against a recomputation in plain Python from the facts."""

import json
from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from grange.books.history.codes import Actor, JobState, TimeMode, actor_code, actor_text
from grange.books.history.log import LogEntry, capped_errors, capped_log, log_of
from grange.books.history.record import application
from grange.books.history.sequence import FrameRange
from grange.domain.farm import Farm
from grange.domain.rates import RateCard, RateLine, RateUnit
from grange.domain.work import Worker
from grange.kernel.errors import InvalidRequestError, NotFoundError
from grange.kernel.ids import WorkerId
from grange.kernel.units import MILLIS_PER_HOUR, MILLIS_PER_MINUTE, Instant
from grange.sdk.books import Books as SdkBooks
from grange.testing.books import books_bench
from grange.testing.facts import (
    FARM,
    FLEET,
    LAYER,
    T0,
    action_fact,
    event_fact,
    frame_row,
    numbered,
    posted_frame,
    posted_worker_sample,
    sample_row,
    session_fact,
    submission_fact,
)
from grange.testing.story import Storyteller, post, rows_of

HOUR = MILLIS_PER_HOUR


def farm() -> Farm:
    return Farm(farm_id=FARM, name="f", zone="Europe/Paris", created_at=T0, created_by="t")


def worker(number: int, name: str) -> Worker:
    return Worker(
        farm_id=FARM,
        fleet_id=FLEET,
        worker_id=WorkerId(numbered("worker", number)),
        global_index=number - 1,
        host_name=name,
        created_at=T0,
        created_by="t",
    )


class InProcess:
    """The SDK's door to books of this process."""

    farm_id = FARM

    def __init__(self, books: Any) -> None:
        self._books = books

    def ask(self, question: str, path: str, arguments: Any) -> Any:
        return self._books.call(question, {**arguments, "farm_id": FARM})


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A story with everything it says, and books that hold it."""
    story = Storyteller("history", workers=3, jobs=5).tell()
    with books_bench(tmp_path_factory.mktemp("books"), T0) as bench:
        bench.put(farm(), *(worker(number, f"node{number}") for number in (1, 2, 3)))
        post(bench, rows_of(story))
        layers: dict[Any, Any] = {}
        for attempt in story.attempts():
            layers.setdefault(attempt.layer_id, attempt)
        for number, (layer_id, attempt) in enumerate(sorted(layers.items())):
            created = next(
                event.at for event in story.events("layer_status") if event.layer_id == layer_id
            )
            bench.keep(
                submission_fact(
                    layer_id=layer_id, job_id=attempt.job_id, job_name=attempt.job_name,
                    layer_name=attempt.layer_name, user_name=attempt.user_name,
                    project=attempt.project, app=attempt.app, submitted_at=Instant(created),
                    frames="1-16", frame_count=16, layer_index=0,
                    detail=json.dumps({"scene": f"/shots/s{number}.ma", "image_width": "1920"}),
                )
            )  # fmt: skip
        bench.travel(story.end)
        yield story, bench, SdkBooks(InProcess(bench.books), bench.clock)


def test_sums_of_a_record_are_those_of_its_attempts(told):
    """Ledger S0-48: sent, crashed, frames, seconds, PS·s, GHz·h; the wall however many render."""
    story, bench, _ = told
    by_layer = defaultdict(list)
    for attempt in story.attempts():
        by_layer[attempt.layer_id].append(attempt)
    answer = bench.books.call("history", {"farm_id": FARM, "details": True})
    assert answer["matched"] == answer["of"] == len(by_layer)
    for record in answer["records"]:
        attempts = by_layer[record["layer_id"]]
        lifetime = record["lifetime"]
        good = [one for one in attempts if one.status == "SUCCEEDED"]
        assert lifetime["sent"] == record["sent"] == len(attempts)
        assert lifetime["crashed"] == sum(one.status == "FAILED" for one in attempts)
        assert lifetime["frames_returned"] == sum(one.frame_count for one in good)
        length = {one.action_id: one.ended_at - one.started_at for one in attempts}
        assert lifetime["render_ms"] == sum(length.values())
        ps = sum(one.ps_milli * length[one.action_id] // one.threads for one in attempts)
        assert lifetime["ps_seconds"] == ps / 1e6
        ghz = sum(one.ghz_milli * length[one.action_id] // one.threads for one in attempts)
        assert lifetime["ghz_hours"] == pytest.approx(ghz / 1e6 / 3600)
        assert lifetime["watt_seconds"] is None, "nobody said the power: not known, not zero"
        edges = sorted({t for one in attempts for t in (one.started_at, one.ended_at)})
        wall = sum(
            end - start
            for start, end in pairwise(edges)
            if any(one.started_at <= start and end <= one.ended_at for one in attempts)
        )
        assert lifetime["wall_ms"] == wall
        assert record["current"] == lifetime


def test_the_cost_of_records_is_the_cost_of_their_sessions(told):
    """Ledger S0-49: every tile of every session belongs to one record."""
    story, bench, _ = told
    records = bench.books.call("history", {"farm_id": FARM, "details": True})["records"]
    whole = sum(one.amount_billionths or 0 for one in story.sessions())
    rest = sum(  # sessions that never came to a layer's task
        one.amount_billionths or 0
        for one in story.sessions()
        if not any(a.session_id == one.session_id for a in story.attempts())
    )
    found = sum(Decimal(record["cost"] or 0) for record in records)
    assert found == Decimal(whole - rest).scaleb(-9)


def test_each_worker_of_a_record_has_its_share(told):
    """Ledger S0-54: Σ over workers = totals of the record."""
    story, _, books = told
    for record in books.history.all:
        shares = record.workers
        assert sum(one.sent for one in shares.values()) == record.lifetime.sent
        assert sum(one.crashed for one in shares.values()) == record.lifetime.crashed
        assert sum(one.render_seconds for one in shares.values()) == pytest.approx(
            record.lifetime.render_seconds
        )
        mine = [a for a in story.attempts() if a.layer_id == record.id]
        assert {f"node{int(a.worker_id[-2:])}" for a in mine} == set(shares)


def test_a_project_is_a_lazy_sequence_of_records(told):
    """Ledger S0-41: per-project histories: list, load, record by index."""
    story, _, books = told
    projects = {attempt.project for attempt in story.attempts()}
    assert set(books.history) == projects
    for project in projects:
        records = books.history[project]
        assert len(records) == len({a.layer_id for a in story.attempts() if a.project == project})
        assert records[0].submitted_at >= records[-1].submitted_at
        assert {record.project for record in records} == {project}
        with pytest.raises(IndexError):
            records[len(records)]
    with pytest.raises(KeyError):
        books.history["nobody's"]


def test_records_are_filtered_before_they_are_limited(told):
    """Ledger S0-42: words, fields, states, age; N of M whatever the limit."""
    story, bench, books = told
    users = {a.layer_id: a.user_name for a in story.attempts()}
    ann = sum(user == "ann" for user in users.values())
    answer = bench.books.call("history", {"farm_id": FARM, "where": "user=ann", "limit": 1})
    assert (len(answer["records"]), answer["matched"], answer["of"]) == (
        min(1, ann), ann, len(users)
    )  # fmt: skip
    nothing = bench.books.call("history", {"farm_id": FARM, "where": "no-such-word"})
    assert (nothing["records"], nothing["matched"], nothing["of"]) == ([], 0, len(users))
    everything = books.history.all
    assert len(everything.filter(text="SceneFile=s0.ma")) == 1
    assert len(everything.filter(text="layer -job")) == 0
    assert len(everything.filter(text="layer -job", invert=True)) == len(users)
    assert len(everything.filter(user="bob")) == len(users) - ann
    finished = {e.layer_id for e in story.events("layer_status") if e.new == "SUCCEEDED"}
    assert len(everything.filter(states=JobState.FINISHED)) == len(finished & set(users))
    assert len(everything.filter(states=JobState.ALL)) == len(users)
    assert len(everything.filter(age=timedelta(hours=100))) == len(users)
    assert len(everything.filter(age=timedelta(milliseconds=1))) == 0
    with pytest.raises(InvalidRequestError, match="Did you mean user"):
        len(everything.filter(text="usr=ann"))


@pytest.fixture
def bench(tmp_path):
    with books_bench(tmp_path, T0) as bench:
        bench.put(farm(), worker(1, "node1"), worker(2, "node2"))
        yield bench


def layer_event(number: int, at: int, new: str, old: str | None = None, **more: Any) -> Any:
    return event_fact(
        f"e{number:03}-{at}", at, more.pop("name", "layer_status"), subject="layer",
        subject_id=numbered("step", number), layer_id=numbered("step", number),
        job_id=numbered("job", number), worker_id=None, fleet_id=None, new=new, old=old, **more,
    )  # fmt: skip


def test_five_records_by_five_time_modes(bench):
    """Ledger S0-42, S0-43: none, submitted, finished (unfinished dropped), both, last change.

    The range begins with its start and ends before its end; masks choose states.
    """
    times = {  # submitted, finished, last change; the range is hours 10 to 20
        1: (5, 15, 15),
        2: (12, 18, 18),
        3: (12, None, 12),
        4: (12, 25, 25),
        5: (5, None, 15),
        6: (10, 20, 20),
    }
    for number, (submitted, finished, changed) in times.items():
        at = T0 + submitted * HOUR
        bench.keep(
            submission_fact(
                layer_id=numbered("step", number), job_id=numbered("job", number), submitted_at=at
            ),
            layer_event(number, at, "READY"),
        )
        if finished is not None:
            bench.keep(layer_event(number, T0 + finished * HOUR, "SUCCEEDED", "READY"))
        elif changed != submitted:
            bench.keep(layer_event(number, T0 + changed * HOUR, "SUSPENDED", "READY"))
    bench.travel(T0 + 30 * HOUR)
    expected = {
        TimeMode.NONE: {1, 2, 3, 4, 5, 6},
        TimeMode.SUBMITTED: {2, 3, 4, 6},
        TimeMode.FINISHED: {1, 2},
        TimeMode.BOTH: {2},
        TimeMode.CHANGED: {1, 2, 3, 5},
    }
    for mode, numbers in expected.items():
        answer = bench.books.call(
            "history",
            {"farm_id": FARM, "mode": int(mode), "start": T0 + 10 * HOUR, "end": T0 + 20 * HOUR},
        )
        assert {int(record["number"]) for record in answer["records"]} == numbers, mode
    states = {int(r["number"]): r["state"] for r in bench.books.call(
        "history", {"farm_id": FARM})["records"]}  # fmt: skip
    assert states == {1: "finished", 2: "finished", 3: "idle", 4: "finished", 5: "disabled",
                      6: "finished"}  # fmt: skip
    for mask, numbers in {
        JobState.FINISHED: {1, 2, 4, 6},
        JobState.IDLE: {3},
        JobState.DISABLED: {5},
        JobState.IDLE | JobState.DISABLED: {3, 5},
        JobState.WAITING | JobState.RENDERING: set(),
        JobState.ALL: {1, 2, 3, 4, 5, 6},
    }.items():
        answer = bench.books.call("history", {"farm_id": FARM, "states": int(mask)})
        assert {int(record["number"]) for record in answer["records"]} == numbers, mask


def attempt(number: int, start: int, end: int, **more: Any) -> Any:
    return action_fact(
        session_id=numbered("session", 1), action_index=number, task_index=number,
        started_at=T0 + start, ended_at=T0 + end, assigned_at=T0 + start,
        session_started_at=T0, **more,
    )  # fmt: skip


def test_a_reset_keeps_lifetime_and_begins_current_anew(bench):
    """Ledger S0-48: lifetime survives a reset, current is 0 and counts again."""
    bench.keep(
        submission_fact(),
        attempt(0, 1_000, 11_000, attempt=1),
        attempt(1, 12_000, 20_000, attempt=1, status="FAILED"),
        layer_event(1, T0, "READY"),
        layer_event(1, T0 + 30_000, "", name="layer_reset"),
    )
    bench.travel(T0 + 60_000)
    record = bench.books.call("history_record", {"farm_id": FARM, "layer_id": LAYER})
    assert (record["lifetime"]["sent"], record["lifetime"]["crashed"]) == (2, 1)
    assert record["lifetime"]["render_ms"] == 18_000
    assert record["current"]["sent"] == record["current"]["render_ms"] == 0
    assert record["resets"] == 1
    bench.keep(attempt(2, 40_000, 45_000, attempt=2))
    record = bench.books.call("history_record", {"farm_id": FARM, "layer_id": LAYER})
    assert (record["lifetime"]["render_ms"], record["current"]["render_ms"]) == (23_000, 5_000)
    assert record["current"]["sent"] == 1


def test_identity_image_and_app_come_back_as_they_were_said(bench):
    """Ledger S0-44, S0-45, S0-55: a round trip of every field."""
    said = {
        "scene": "/p/a.ma", "scene_database": "/db", "custom_scene": "c", "job_type": "t",
        "camera": "cam", "aov": "diffuse", "scene_state": "s", "scene_take": "k",
        "tracker_id": "77", "color": "3", "scene_os": "windows", "paths_os": "linux",
        "image_dir": "/out", "image_name": "img", "image_name_variables": "<layer>",
        "image_extension": "exr", "image_padding": "4", "image_width": "1920",
        "image_height": "1080", "image_is_data": "true", "image_tiles": "2",
        "image_single_file": "no", "aa_percent": "150", "seq_start": "1", "seq_end": "9",
        "seq_step": "2", "seq_offset": "100", "frame_set": "1,5", "sub_frames": "2",
        "app_version_minor": "0.3", "renderer_version": "5.1", "app_variant": "x64",
        "execute_type": "once",
    }  # fmt: skip
    bench.keep(submission_fact(detail=json.dumps(said), frames="1-9:2", frame_count=5))
    bench.travel(T0 + 60_000)
    books = SdkBooks(InProcess(bench.books), bench.clock)
    record = books.history["demo"][0]
    for name in (
        "scene",
        "scene_database",
        "custom_scene",
        "job_type",
        "camera",
        "aov",
        "scene_state",
        "scene_take",
        "tracker_id",
        "color",
        "scene_os",
        "paths_os",
    ):
        assert getattr(record, name) == said[name], name  # fmt: skip
    assert (record.user, record.submit_machine, record.shot) == ("ann", "desk", "010")
    assert (record.image.width, record.image.height, record.image.padding) == (1920, 1080, 4)
    assert (record.image.is_data, record.image.single_file, record.image.tiles) == (True, False, 2)
    assert record.image.aa_percent == 150
    assert record.app.version_minor == "0.3"
    assert record.app.minor_display(point=False, digits=3) == "003"
    assert (record.app.renderer_version, record.app.execute_type) == ("5.1", "once")
    frames = record.frames
    assert (frames.start, frames.end, frames.step, frames.file_offset) == (1, 9, 2, 100)
    assert (frames.total, frames.total_one_tile, frames.total_frame_set) == (10, 5, 5)
    assert frames.range is not None
    assert frames.range.index_of(105, 1) == 7


def test_ids_of_records_are_short_and_whole(bench):
    """Ledger S0-50: the whole id is unique; short ones may collide and say so by length."""
    one, two = "step-" + "0" * 24 + "deadbeef", "step-" + "1" * 24 + "deadbeef"
    bench.keep(
        submission_fact(layer_id=one), submission_fact(layer_id=two, job_id=numbered("job", 2))
    )
    bench.travel(T0 + 60_000)
    records = bench.books.call("history", {"farm_id": FARM})["records"]
    assert {record["layer_id"] for record in records} == {one, two}
    assert {record["short_id"] for record in records} == {"deadbeef"}
    numbers = {int(record["number"]) for record in records}
    assert numbers == {0xDEADBEEF, int("1" * 24 + "deadbeef", 16)}
    assert msgspec.msgpack.encode(records)  # as the books process sends them
    with pytest.raises(NotFoundError):
        bench.books.call("history_record", {"farm_id": FARM, "layer_id": LAYER})


@pytest.mark.parametrize(
    ("frame", "tile", "index", "raw"),
    [
        (101, 0, 0, 0), (103, 0, 1, 1), (109, 0, 4, 4), (109, 1, 9, 9), (101, 1, 5, 5),
        (100, 0, 0, 0), (98, 0, None, -1), (111, 0, None, 5), (500, 1, None, 9),
        (101, 2, None, 9), (104, 0, 2, 2),
    ],
)  # fmt: skip
def test_the_index_of_a_frame(frame, tile, index, raw):
    """Ledger S0-46: round((file − offset − start)/step) + frames·tile; below −1, above the last."""
    sequence = FrameRange(start=1, end=9, step=2, file_offset=100, tiles=2)
    assert sequence.index_of(frame, tile) == index
    assert sequence.raw_index(frame, tile) == raw


def test_what_was_never_measured_is_not_known(bench):
    """Ledger S0-47: unset minima are None, never 100 or 65535; set ones are those of frames."""
    bench.keep(submission_fact())
    bench.travel(T0 + HOUR)
    usage = bench.books.call("history_record", {"farm_id": FARM, "layer_id": LAYER})["usage"]
    assert set(usage.values()) == {None}
    done = attempt(0, 0, 40_000, ps_milli=1500, frame_count=2, frames="1-2")
    bench.keep(done)
    for frame, job, other, memory in ((1, 600, 100, 5_000), (2, 200, 50, 9_000)):
        begin = T0 + (frame - 1) * 20_000
        bench.post("frames", [frame_row(posted_frame(
            action_id=done.action_id, frame=frame, started_at=begin, ended_at=begin + 20_000,
            render_ms=20_000, part_job_cpu=[job] * 5, part_other_cpu=[other] * 5,
            peak_memory_bytes=memory, cpu_ms=10_000 * frame,
        ))])  # fmt: skip
        bench.post("worker_samples", [sample_row(posted_worker_sample(
            begin + 20_000, net_in_bytes=1_000 * frame, coverage_ms=20_000))])  # fmt: skip
    usage = bench.books.call("history_record", {"farm_id": FARM, "layer_id": LAYER})["usage"]
    assert usage == {
        "mean_workers": 1.0, "mean_ps": 1.5, "mean_frame_ms": 20_000, "max_memory_bytes":
        max(9_000, done.peak_memory_bytes or 0), "max_cores": 1.0, "min_cpu": 0.25,
        "max_cpu": 0.7, "min_traffic_bytes": 1_000, "max_traffic_bytes": 2_000,
    }  # fmt: skip


def test_a_price_change_affects_new_work_only(bench):
    """Ledger S0-49: PS·h × the price in force when the work was done; a reset keeps it."""

    def card(name: str, price: int) -> RateCard:
        line = RateLine(line_id=name, unit=RateUnit.PS_HOUR, billionths_per_hour=price)
        return RateCard(farm_id=FARM, card_id=name, name=name, valid_from=T0, lines=(line,),
                        created_at=T0, created_by="t")  # fmt: skip

    bench.put(card("cheap", 1_000_000_000), card("dear", 3_000_000_000))
    bench.keep(submission_fact(), layer_event(1, T0 + HOUR, "", name="layer_reset"))
    hour = {"started_at": T0, "ended_at": T0 + HOUR, "assigned_at": T0, "ps_milli": 2000}
    for number, name in ((1, "cheap"), (2, "dear")):
        session = numbered("session", number)
        bench.keep(
            action_fact(session_id=session, task_index=number, threads=2, **hour),
            session_fact(session_id=session, started_at=T0, ended_at=T0 + HOUR, card_id=name,
                         threads=2),
        )  # fmt: skip
    bench.travel(T0 + 3 * HOUR)
    record = bench.books.call("history_record", {"farm_id": FARM, "layer_id": LAYER})
    ps_hours = Fraction(2000, 1000) / 2
    assert Fraction(record["ps_cost"]) == ps_hours * 1 + ps_hours * 3
    assert record["current"]["render_ms"] == 0


def test_what_was_canceled_or_broken_off_is_aborted_and_a_failure_is_a_crash(bench):
    """Ledger S0-54: per worker, through either door."""
    bench.keep(submission_fact())
    ends = ("CANCELED", "INTERRUPTED", "INTERRUPTED", "FAILED", "SUCCEEDED")
    for number, status in enumerate(ends):
        bench.keep(attempt(number, number * 1_000, number * 1_000 + 500, status=status))
    bench.travel(T0 + MILLIS_PER_MINUTE)
    (share,) = bench.books.call("history_record", {"farm_id": FARM, "layer_id": LAYER})["workers"]
    assert (share["sent"], share["crashed"], share["aborted"]) == (5, 1, 3)
    paged = SdkBooks(InProcess(bench.books), bench.clock).history.all[0].workers
    assert [(one.sent, one.crashed, one.aborted) for one in paged.values()] == [(5, 1, 3)]


def test_the_store_keeps_the_51st_error_and_the_view_shows_50(bench):
    """Ledger S0-51: capped view, uncapped store, server-made errors counted apart."""
    bench.keep(submission_fact())
    for number in range(51):
        bench.keep(
            attempt(number, number * 1_000, number * 1_000 + 500, status="FAILED",
                    error_class="memory", error_text=f"no memory {number}")
        )  # fmt: skip
    bench.keep(attempt(60, 60_000, 61_000, status="INTERRUPTED", cause="worker_silent"))
    bench.travel(T0 + 2 * MILLIS_PER_MINUTE)
    books = SdkBooks(InProcess(bench.books), bench.clock)
    record = books.history["demo"][0]
    assert (len(record.errors), len(record.all_errors), record.error_count) == (50, 52, 52)
    assert record.server_error_count == 1
    first, last = record.all_errors[0], record.all_errors[-1]
    assert (first.text, first.what, first.machine, first.worker) == ("no memory 0", 16, 0, "node1")
    assert (last.machine, last.who, last.error_class) == (Actor.SERVER, "server", "lost")
    assert record.errors[0].text == "no memory 2"
    assert capped_errors([{"at": 1}]) == [{"at": 1}]


def entry(number: int, what: int = 30, machine: int = 0) -> LogEntry:
    return LogEntry(at=number, what=what, machine=machine, text="", workers_rendering=0,
                    frames_missing=0, status=120)  # fmt: skip


def test_a_full_log_is_halved_and_repeats_are_put_together():
    """Ledger S0-52: cap 750, halved when full; low-priority aborts of one machine collapse."""
    kept = capped_log(entry(number) for number in range(751))
    assert (len(kept), kept[0].at, kept[-1].at) == (376, 375, 750)
    aborts = [entry(1, 33), entry(2, 33), entry(3, 33, machine=1), entry(4, 33), entry(5, 32),
              entry(6, 32)]  # fmt: skip
    assert [(one.at, one.machine, one.times) for one in capped_log(aborts)] == [
        (2, 0, 2), (3, 1, 1), (4, 0, 1), (5, 0, 1), (6, 0, 1)
    ]  # fmt: skip


def test_a_log_says_who_rendered_what_was_missing_and_which_frames(bench):
    """Ledger S0-52: workers rendering, frames missing, status, frames of a worker's entry."""
    other = {"worker_id": numbered("worker", 2), "layer_id": LAYER}
    bench.keep(
        submission_fact(frame_count=6, frames="1-6"),
        layer_event(1, T0, "READY", actor="ann"),
        attempt(0, 1_000, 10_000, frames="1-5:2", frame_count=3),
        attempt(1, 2_000, 20_000, frames="2-4:2", frame_count=2, **other),
        layer_event(1, T0 + 30_000, "", name="layer_reset", actor="bob"),
    )
    bench.travel(T0 + 60_000)
    books = SdkBooks(InProcess(bench.books), bench.clock)
    received, first, second, reset = books.history["demo"][0].log
    assert (received.what.name, received.machine, received.who) == ("RECEIVED", Actor.CLIENT, "ann")
    assert (first.machine, first.who, first.workers_rendering, first.frames_missing) == (
        0, "node1", 1, 3
    )  # fmt: skip
    assert (first.frame_start, first.frame_end, first.frame_step) == (1, 5, 2)
    assert (second.machine, second.who, second.frames_missing) == (1, "node2", 1)
    assert (reset.what.name, reset.frames_missing, reset.who) == ("RESET", 6, "bob")
    assert reset.frame_start is None


@pytest.mark.parametrize(
    ("render_type", "execute_type"),
    [
        ("three_d", "none"), ("comp", "none"), ("archive", "none"), ("unassigned", "none"),
        ("execute_once", "once"), ("execute_each", "each_worker"), ("execute_frames", "per_frame"),
    ],
)  # fmt: skip
def test_how_an_app_is_executed_is_as_it_was_said_else_as_its_type_says(render_type, execute_type):
    """Ledger S0-55: not at all, once, once on each worker, for every frame."""
    row = {"app": "x", "app_version": "1", "renderer": None, "render_type": render_type}
    assert application(row, {})["execute_type"] == execute_type
    assert application(row, {"execute_type": "once"})["execute_type"] == "once"


def test_a_log_counts_workers_to_250_and_missing_frames_to_30000():
    """Ledger S0-52: the counts of an entry are clamped; below that they are exact."""
    for workers, frames in ((249, 29_000), (250, 30_000), (251, 30_001), (400, 90_000)):
        attempts = [
            {
                "action_id": f"a{number:03}", "worker_id": f"w{number:03}", "task_index": number,
                "started_at": 0, "ended_at": 10 + number, "status": "FAILED", "cause": "",
                "frames": "", "frame_count": 1, "error_text": "it broke",
            }
            for number in range(workers + 1)
        ]  # fmt: skip
        first = log_of(attempts, [], indices={}, frame_count=frames)[0]
        assert first.workers_rendering == min(workers, 250), "all but the one that ended"
        assert first.frames_missing == min(frames, 30_000)


def test_every_machine_code_makes_the_round_trip():
    """Ledger S0-53: workers from 0, everyone else below."""
    for code in [*range(-8, 0), 0, 1, 250]:
        assert actor_code(actor_text(code)) == code
    assert actor_text(-1) == "server"
    assert actor_text(-3) == "website"
    with pytest.raises(ValueError, match="names neither"):
        actor_code("nobody")
