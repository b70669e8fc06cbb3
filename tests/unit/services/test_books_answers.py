"""What the books answer: accounts, usage, frames, samples, receipts; open sessions too."""

from collections import defaultdict
from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from msgspec.structs import replace

from grange.books.occupation import ActionSpan, SessionSpan
from grange.books.tiles import cut_tiles, tiles
from grange.domain.farm import Farm
from grange.domain.rates import RateCard, RateLine, RateUnit, amount_after
from grange.domain.statuses import ActionKind, SessionActionStatus
from grange.domain.work import Job, Layer, Session, SessionAction, Worker
from grange.kernel.errors import InvalidRequestError, NotFoundError
from grange.kernel.units import BILLIONTHS, MILLIS_PER_HOUR, Instant, decimal_of
from grange.services.library import QUESTIONS
from grange.testing.books import books_bench
from grange.testing.facts import (
    FARM,
    FLEET,
    JOB,
    LAYER,
    QUEUE,
    SESSION,
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
    session_fact,
)
from grange.testing.story import Storyteller, post, rows_of

RATE = 3_600_000_000
"""One unit of the currency an hour: 1,000 billionths a millisecond."""
CARD = RateCard(
    farm_id=FARM, card_id="card", name="EXAMPLE", valid_from=Instant(0), example=True,
    lines=(RateLine(line_id="line", unit=RateUnit.THREAD_HOUR, billionths_per_hour=RATE),),
    created_at=T0, created_by="t",
)  # fmt: skip
FARM_ROW = Farm(farm_id=FARM, name="f", currency="EUR", created_at=T0, created_by="t")
JOB_ROW = Job(
    farm_id=FARM, queue_id=QUEUE, job_id=JOB, name="a job", created_at=Instant(T0 + 1_000),
    started_at=Instant(T0 + 2_000), created_by="ann", attributes={"project": "film"},
)  # fmt: skip
LAYER_ROW = Layer(
    farm_id=FARM, queue_id=QUEUE, job_id=JOB, layer_id=LAYER, name="beauty", index=0,
    task_count=2, frame_count=4, created_at=T0, created_by="ann",
    attributes={"project": "film", "app": "mitsuba"},
)  # fmt: skip
WORKER_ROW = Worker(
    farm_id=FARM, fleet_id=FLEET, worker_id=WORKER, global_index=0, host_name="box",
    created_at=T0, created_by="t", threads=2,
)  # fmt: skip


def open_session(**changes):
    values: dict[str, Any] = {
        "farm_id": FARM, "queue_id": QUEUE, "fleet_id": FLEET, "worker_id": WORKER, "job_id": JOB,
        "session_id": SESSION, "thread": 0, "threads": 2, "user_name": "ann", "card_id": "card",
        "rate_line_id": "line", "billionths_per_hour": RATE,
        "started_at": Instant(T0 + 2_000),
    }  # fmt: skip
    return Session(**(values | changes))


def open_action(index=0, **changes):
    values: dict[str, Any] = {
        "farm_id": FARM, "job_id": JOB, "session_id": SESSION, "index": index,
        "kind": ActionKind.TASK_RUN, "status": SessionActionStatus.RUNNING, "layer_id": LAYER,
        "task_index": 0, "attempt": 1, "assigned_at": Instant(T0 + 2_000),
        "started_at": Instant(T0 + 3_000),
    }  # fmt: skip
    return SessionAction(**(values | changes))


@pytest.fixture
def bench(tmp_path):
    with books_bench(tmp_path, T0) as bench:
        bench.put(FARM_ROW, CARD, JOB_ROW, LAYER_ROW, WORKER_ROW)
        bench.keep(
            event_fact("1", T0, "worker_status", old="CREATED", new="CREATED", number=2),
            event_fact("2", T0 + 500, "worker_status", old="CREATED", new="STARTED", number=2),
        )
        yield bench


def accounts(bench, start=T0, end=T0 + MILLIS_PER_HOUR, **options):
    return bench.books.accounts(farm_id=FARM, start=start, end=end, **options)


def nonzero(row):
    return {
        name: value
        for name, value in row.items()
        if name.endswith("_ms") and isinstance(value, int) and value and name != "machine_ms"
    }


# ── open sessions ─────────────────────────────────────────────────────────────────────────────────


def test_open_sessions_and_actions_count_up_to_now(bench):
    bench.put(open_session(), open_action(), open_action(1, started_at=None))
    bench.travel(T0 + 10_000)
    total = accounts(bench)["total"]
    assert {name: ms for name, ms in total["thread_ms"].items() if ms} == {
        "off": 2 * 500,
        "idle_no_work": 1_500 + 9_500,
        "overhead": 1_000,
        "rendering_useful": 7_000,
    }
    assert total["machine_ms"] == 10_000
    (row,) = bench.books.usage(farm_id=FARM, start=T0, end=T0 + MILLIS_PER_HOUR)["rows"]
    assert (row["user"], row["runtime_ms"], row["machine_ms"]) == ("ann", 8_000, 4_000)
    assert row["cost"] == str(decimal_of(8_000 * 1_000))


def test_an_ended_session_is_never_missed_on_its_way_into_the_books(bench):
    """A fact is in the outbox, or in the journal, or in a file; and counts once."""
    fact = session_fact(started_at=T0 + 2_000, ended_at=T0 + 9_000, threads=2)
    done = replace(open_session(), ended_at=Instant(T0 + 9_000), status="ENDED")
    bench.travel(T0 + 20_000)

    def runtime():
        return bench.books.usage(farm_id=FARM, start=T0, end=T0 + 60_000)["runtime_ms"]

    bench.put(open_session())
    assert runtime() == 18_000
    bench.put(done, outbox=[fact])
    assert runtime() == 7_000, "in the outbox"
    bench.keep(fact)
    assert runtime() == 7_000, "in the outbox and in the journal"
    bench.books.seal(force=True)
    assert runtime() == 7_000, "in the outbox and in a file"
    bench.put(open_session())
    assert runtime() == 7_000, "a fact is believed more than the state"


# ── accounts ──────────────────────────────────────────────────────────────────────────────────────


def test_each_account_is_told_apart(bench):
    """Every kind of time of two threads in 100 seconds."""
    bench.keep(
        event_fact("w1", T0 + 500, "fleet_waiting", subject="fleet", subject_id=FLEET, new="none"),
        event_fact("w2", T0 + 60_000, "fleet_waiting", subject="fleet", subject_id=FLEET,
                   new="blocked"),
        event_fact("d1", T0 + 70_000, "worker_disabled", old="false", new="true"),
        event_fact("d2", T0 + 80_000, "worker_disabled", old="true", new="false"),
        event_fact("s1", T0 + 95_000, "worker_status", old="STARTED", new="NOT_RESPONDING",
                   number=2, detail=f'{{"last_seen_at":{T0 + 90_000}}}'),
        session_fact(started_at=T0 + 10_000, ended_at=T0 + 50_000, threads=2),
        action_fact(action_index=0, kind="env_enter", layer_id=None, started_at=T0 + 10_000,
                    ended_at=T0 + 12_000, frame_count=None),
        action_fact(action_index=1, started_at=T0 + 13_000, ended_at=T0 + 23_000,
                    status="FAILED"),
        action_fact(action_index=2, started_at=T0 + 23_000, ended_at=T0 + 43_000, attempt=2,
                    copy_ms=4_000),
    )  # fmt: skip
    bench.travel(T0 + 100_000)
    found = accounts(bench)
    thread = {name: ms for name, ms in found["total"]["thread_ms"].items() if ms}
    assert thread == {
        "off": 2 * 500,
        "overhead": 2_000 + 1_000 + 4_000 + 7_000,
        "rendering_wasted": 10_000,
        "rendering_useful": 16_000,
        "idle_no_work": (10_000 - 500) + (60_000 - 50_000) + (60_000 - 500),
        "idle_blocked": 2 * (10_000 + 10_000),
        "disabled": 2 * 10_000,
        "unknown": 2 * 10_000,
    }
    assert found["machine_ms"] == found["total"]["machine_ms"] == 100_000
    assert sum(nonzero(found["total"]).values()) == 100_000


def test_a_success_rendered_again_is_waste(bench):
    bench.keep(
        session_fact(started_at=T0 + 1_000, ended_at=T0 + 60_000, threads=2),
        action_fact(action_index=0, started_at=T0 + 1_000, ended_at=T0 + 11_000),
        action_fact(action_index=1, started_at=T0 + 11_000, ended_at=T0 + 31_000, attempt=2),
    )
    bench.travel(T0 + 100_000)
    thread = accounts(bench)["total"]["thread_ms"]
    assert (thread["rendering_wasted"], thread["rendering_useful"]) == (10_000, 20_000)
    early = accounts(bench, end=T0 + 11_000)["total"]["thread_ms"]
    assert early["rendering_wasted"] == 10_000, "although the question ends before the second"


def test_samples_that_arrive_later_witness_unknown_time(bench):
    """Time nobody heard of a worker is unknown until its spool arrives."""
    bench.keep(
        event_fact("s1", T0 + 100_000, "worker_status", old="STARTED", new="NOT_RESPONDING",
                   number=2, detail=f'{{"last_seen_at":{T0 + 20_000}}}'),
        event_fact("s2", T0 + 120_000, "worker_status", old="NOT_RESPONDING", new="STARTED",
                   number=2),
    )  # fmt: skip
    bench.travel(T0 + 200_000)
    assert accounts(bench)["total"]["thread_ms"]["unknown"] == 2 * 100_000
    bench.post(
        "thread_samples",
        [
            sample_row(posted_thread_sample(T0 + 40_000, 0)),
            sample_row(posted_thread_sample(T0 + 60_000, 0, state="idle", session_id=None)),
            sample_row(posted_thread_sample(T0 + 60_000, 1, coverage_ms=9_000)),
        ],
    )
    thread = accounts(bench)["total"]["thread_ms"]
    assert thread["unknown"] == 2 * 100_000 - 40_000
    assert thread["rendering_wasted"] == 20_000, "what a lost lease renders is waste"


def test_every_partition_has_the_same_sum(tmp_path):
    """Invariant 3, through the files."""
    story = Storyteller("accounts", hours=4).tell()
    with books_bench(tmp_path, T0) as bench:
        post(bench, rows_of(story))
        bench.travel(story.end)
        bench.books.seal()
        span = {"start": T0 + 123_456, "end": story.end - 54_321}
        whole = accounts(bench, **span)["total"]
        for by, step in product(("worker", "fleet", "farm"), (None, "hour", "quarter")):
            found = accounts(bench, **span, by=by, step=step)
            for account, ms in whole["thread_ms"].items():
                assert sum(row["thread_ms"][account] for row in found["rows"]) == ms
            assert sum(row["machine_ms"] for row in found["rows"]) == found["machine_ms"]
            assert whole["machine_ms"] == found["machine_ms"]


def test_the_timeline_says_what_the_accounts_say(bench):
    bench.put(open_session(), open_action())
    bench.travel(T0 + 10_000)
    found = bench.books.timeline(farm_id=FARM, start=T0, end=T0 + 10_000)
    assert [(row["worker_id"], row["thread"]) for row in found["rows"]] == [
        (WORKER, 0),
        (WORKER, 1),
    ]
    assert found["rows"][0]["segments"] == [
        (T0, T0 + 500, "off"),
        (T0 + 500, T0 + 2_000, "idle_no_work"),
        (T0 + 2_000, T0 + 3_000, "overhead"),
        (T0 + 3_000, T0 + 10_000, "rendering_useful"),
    ]


# ── usage ─────────────────────────────────────────────────────────────────────────────────────────


def tiled(story, span):
    """Return tiles of a story's sessions, cut to a span, with the action they are for."""
    actions = defaultdict(list)
    facts = {}
    for action in story.actions():
        facts[action.action_id] = action
        actions[action.session_id].append(
            ActionSpan(
                action_id=action.action_id, session_id=action.session_id,
                index=action.action_index, kind=action.kind, status=action.status,
                started_at=action.started_at, ended_at=action.ended_at,
            )
        )  # fmt: skip
    for fact in story.sessions():
        session = SessionSpan(
            session_id=fact.session_id, worker_id=fact.worker_id, thread=fact.thread,
            started_at=fact.started_at, ended_at=fact.ended_at,
        )  # fmt: skip
        found = tiles(session, actions[fact.session_id], fact.billionths_per_hour)
        own = [facts[action.action_id] for action in actions[fact.session_id]]
        for tile in cut_tiles(found, session, fact.billionths_per_hour, span):
            if span[0] <= tile.start < span[1]:
                position = next(i for i, a in enumerate(own) if a.action_id == tile.action_id)
                later = [a for a in own[position:] if a.layer_id] + [
                    a for a in reversed(own[:position]) if a.layer_id
                ]
                yield fact, tile, later[0] if later else None


@pytest.mark.parametrize(
    ("group", "value"),
    [
        ("user", lambda session, action: session.user_name),
        ("project", lambda session, action: action.project if action else session.project),
        ("app", lambda session, action: action.app if action else "unassigned"),
        ("layer", lambda session, action: action.layer_id if action else None),
        ("worker", lambda session, action: session.worker_id),
    ],
)
def test_usage_is_the_sum_of_tiles(tmp_path, group, value):
    """Invariant 4: a gap counts for the next action, an environment for the layer it was for."""
    story = Storyteller(f"usage {group}", hours=4).tell()
    span = (Instant(T0 + 4_000_000), Instant(story.end - 4_000_000))
    with books_bench(tmp_path, T0) as bench:
        bench.put(FARM_ROW)
        post(bench, rows_of(story))
        bench.travel(story.end)
        bench.books.seal()
        found = bench.books.usage(farm_id=FARM, start=span[0], end=span[1], group_by=group)
    expected: dict[Any, tuple[int, Fraction, int | None, frozenset[str]]] = {}
    for session, tile, action in tiled(story, span):
        key = value(session, action)
        times, machine, costs, sessions = expected.get(key, (0, Fraction(0), None, frozenset()))
        cost = tile.amount_billionths
        expected[key] = (
            times + tile.millis,
            machine + Fraction(tile.millis, session.threads),
            costs if cost is None else (costs or 0) + cost,
            sessions | {session.session_id},
        )
    rows = {row.get(f"{group}_id", row[group]): row for row in found["rows"]}
    assert rows.keys() == expected.keys()
    for key, (runtime, machine, cost, sessions) in expected.items():
        assert rows[key]["runtime_ms"] == runtime
        assert rows[key]["machine_ms"] == round(machine)
        assert rows[key]["sessions"] == len(sessions)
        assert rows[key]["cost"] == (None if cost is None else str(decimal_of(cost)))
    whole = sum(
        min(fact.ended_at, span[1]) - max(fact.started_at, span[0])
        for fact in story.sessions()
        if fact.started_at < span[1] and fact.ended_at > span[0]
    )
    assert found["runtime_ms"] == whole


def test_usage_says_what_its_money_is_worth(bench):
    bench.keep(session_fact(started_at=T0, ended_at=T0 + 10_000, billionths_per_hour=RATE))
    bench.travel(T0 + 20_000)
    found = bench.books.usage(farm_id=FARM, start=T0, end=T0 + 60_000, group_by="job,worker")
    assert (found["currency"], found["example"]) == ("EUR", True)
    (row,) = found["rows"]
    assert (row["job"], row["job_id"], row["worker"]) == ("a job", JOB, "box")


@pytest.mark.parametrize("group", ["", "shoe", "user,project,app", "user,user"])
def test_unknown_groups_are_refused(bench, group):
    with pytest.raises(InvalidRequestError, match="group_by"):
        bench.books.usage(farm_id=FARM, start=T0, end=T0 + 1, group_by=group)


# ── frames, attempts, samples ─────────────────────────────────────────────────────────────────────


def test_the_record_of_the_latest_success_is_the_frames(bench):
    failed = f"sessionaction-{SESSION[8:]}-0"
    good = f"sessionaction-{SESSION[8:]}-1"
    bench.keep(
        action_fact(action_index=0, started_at=T0 + 2_000, status="FAILED"),
        action_fact(action_index=1, started_at=T0 + 20_000, attempt=2),
    )
    bench.post(
        "frames",
        [
            frame_row(posted_frame(action_id=good, started_at=T0 + 20_000, render_ms=4_000)),
            frame_row(posted_frame(action_id=failed, started_at=T0 + 30_000, render_ms=9_000)),
            frame_row(posted_frame(action_id=failed, started_at=T0 + 5_000, frame=2)),
        ],
    )
    bench.travel(T0 + 60_000)
    rows = bench.books.job_frames(farm_id=FARM, job_id=JOB)
    assert [(row["frame"], row["render_ms"], row["status"], row["worker"]) for row in rows] == [
        (1, 4_000, "SUCCEEDED", "box"),
        (2, 5_000, "FAILED", "box"),
    ]
    attempts = bench.books.attempts(farm_id=FARM, job_id=JOB)["rows"]
    assert [(row["attempt"], row["status"]) for row in attempts] == [
        (1, "FAILED"),
        (2, "SUCCEEDED"),
    ]
    (times,) = bench.books.layer_times(farm_id=FARM, job_id=JOB)["rows"]
    assert (times["frames"], times["mean_frame_ms"]) == (1, 4_000)


def test_a_frame_sent_twice_counts_once(bench):
    """Invariant 1: a repeat is known by attempt and frame, also with times rebased anew."""
    row = frame_row(posted_frame(started_at=T0 + 2_000))
    bench.keep(action_fact(started_at=T0 + 2_000))
    bench.post("frames", [row])
    bench.post("frames", [row | {"started_at": T0 + 2_007, "ended_at": T0 + 7_007}])
    bench.books.seal(force=True)
    bench.post("frames", [row | {"started_at": T0 + 1_990, "ended_at": T0 + 6_990}])
    bench.travel(T0 + 60_000)
    (found,) = bench.books.job_frames(farm_id=FARM, job_id=JOB)
    assert found["ended_at"] == T0 + 7_000, "the first copy"
    bench.books.seal(force=True)
    assert (
        sum(row["row_count"] for row in bench.books.files(farm_id=FARM, table="frames")["files"])
        == 1
    )


def test_a_repeat_over_the_border_of_an_hour_counts_once(bench):
    """The clock offset was measured anew between the two: one copy lies in the hour before."""
    row = sample_row(posted_worker_sample(T0 + MILLIS_PER_HOUR - 2))
    bench.post("worker_samples", [row])
    bench.travel(T0 + MILLIS_PER_HOUR + 180_000)
    bench.books.seal()
    bench.post("worker_samples", [row | {"at": T0 + MILLIS_PER_HOUR + 3}])
    found = bench.books.worker_samples(farm_id=FARM, start=T0, end=T0 + 2 * MILLIS_PER_HOUR)
    assert sum(found["columns"]["coverage_ms"]) == 20_000
    bench.travel(T0 + 3 * MILLIS_PER_HOUR)
    bench.books.seal()
    files = bench.books.files(farm_id=FARM, table="worker_samples")["files"]
    assert sum(row["row_count"] for row in files) == 1


def test_samples_are_put_together_by_coverage(bench):
    """S0-25: means weigh by the time watched, sums add, the fastest second is kept."""
    bench.post(
        "worker_samples",
        [
            sample_row(posted_worker_sample(T0 + 20_000, cpu_milli=1_000, gpu_milli=None)),
            sample_row(posted_worker_sample(T0 + 40_000, cpu_milli=0, gpu_milli=600)),
            sample_row(
                posted_worker_sample(T0 + 60_000, cpu_milli=400, coverage_ms=5_000,
                                     net_in_max_bytes_per_s=9_000)
            ),
        ],
    )  # fmt: skip
    found = bench.books.worker_samples(farm_id=FARM, start=T0, end=T0 + 60_000, points=1)
    assert found["step_ms"] == 60_000
    columns = {name: values[0] for name, values in found["columns"].items()}
    assert columns["slot_at"] == T0
    assert columns["coverage_ms"] == 45_000
    assert columns["cpu_milli"] == (1_000 * 20 + 0 * 20 + 400 * 5) // 45
    assert (columns["cpu_milli_min"], columns["cpu_milli_max"]) == (0, 1_000)
    assert columns["gpu_milli"] == 600
    assert columns["net_in_bytes"] == 3_000
    assert columns["net_in_max_bytes_per_s"] == 9_000
    raw = bench.books.worker_samples(farm_id=FARM, start=T0, end=T0 + 60_000, points=500)
    assert raw["columns"]["cpu_milli"] == [1_000, 0, 400]


# ── the receipt ───────────────────────────────────────────────────────────────────────────────────


def finish_job(bench):
    """One job of two tasks on one of two threads: 2 s to 40 s after T0."""
    bench.keep(
        session_fact(started_at=T0 + 2_000, ended_at=T0 + 42_000, threads=2,
                     billionths_per_hour=RATE, amount_billionths=amount_after(RATE, 40_000)),
        action_fact(action_index=0, kind="env_enter", layer_id=None, layer_name=None,
                    task_index=None, frames=None, frame_count=None, attempt=None,
                    started_at=T0 + 2_000, ended_at=T0 + 5_000),
        action_fact(action_index=1, started_at=T0 + 5_000, ended_at=T0 + 15_000, status="FAILED"),
        action_fact(action_index=2, started_at=T0 + 15_000, ended_at=T0 + 25_000, attempt=2),
        action_fact(action_index=3, started_at=T0 + 25_000, ended_at=T0 + 40_000, task_index=1,
                    frames="3-4"),
    )  # fmt: skip
    name = f"sessionaction-{SESSION[8:]}-"
    bench.post(
        "frames",
        [
            frame_row(
                posted_frame(
                    action_id=f"{name}{action}", frame=frame, task_index=action - 2,
                    started_at=at, render_ms=millis, first_of_chunk=frame % 2 == 1,
                    first_after_load=frame == 1, output_path=f"/out/{frame}.exr",
                )
            )
            for action, frame, at, millis in (
                (2, 1, T0 + 15_000, 6_000),
                (2, 2, T0 + 20_000, 4_000),
                (3, 3, T0 + 25_000, 9_000),
                (3, 4, T0 + 34_000, 6_000),
            )
        ],
    )  # fmt: skip
    bench.put(replace(JOB_ROW, ended_at=Instant(T0 + 40_000)))
    bench.travel(T0 + 60_000)


def test_the_receipt_of_a_job_balances(bench):
    finish_job(bench)
    found = bench.books.receipt(farm_id=FARM, job_id=JOB)
    assert found["span"] == {"start_at": T0, "end_at": T0 + 40_000}, "from the registration"
    assert (found["machines"], found["seconds_each"], found["machine_seconds"]) == (1, 40.0, 40.0)
    assert found["accounts"] == {
        "rendering_useful_ms": 12_500,
        "rendering_wasted_ms": 5_000,
        "overhead_ms": 1_500,
        "idle_no_work_ms": 20_500,
        "idle_blocked_ms": 0,
        "disabled_ms": 0,
        "off_ms": 500,
        "unknown_ms": 0,
    }
    assert found["unaccounted_ms"] == 0
    assert found["frames"] == {"rendered": 4, "failed_attempts": 1}
    assert found["wall_ms"] == 39_000
    assert found["cost"] == {
        "example": True,
        "currency": "EUR",
        "total": "0.040000000",
        "by_layer": [{"name": "beauty", "cost": "0.040000000", "machine_ms": 20_000}],
        "by_worker": [{"name": "box", "cost": "0.040000000", "machine_ms": 20_000}],
    }
    slowest = found["slowest"]
    assert (slowest["frame"], slowest["layer"], slowest["render_ms"]) == (3, "beauty", 9_000)
    assert slowest["worker"] == "box"
    assert slowest["why"] == "1.5 × the layer's median; first frame of its chunk"
    assert found["outputs"] == [f"/out/{frame}.exr" for frame in (1, 2, 3, 4)]
    assert amount_after(RATE, 40_000) == BILLIONTHS // 25


def test_a_receipt_starts_with_the_job_if_the_farm_is_old(bench):
    finish_job(bench)
    bench.put(replace(JOB_ROW, job_id=numbered("job", 9), created_at=T0, created_by="bob"))
    found = bench.books.receipt(farm_id=FARM, job_id=JOB)
    assert found["span"]["start_at"] == T0 + 1_000, "another job came first"
    assert found["unaccounted_ms"] == 0
    asked = bench.books.receipt(farm_id=FARM, job_id=JOB, start=T0 + 30_000)
    assert asked["machine_seconds"] == 10.0


def test_without_a_rate_card_a_receipt_has_no_money(bench):
    bench.keep(session_fact(started_at=T0 + 2_000, billionths_per_hour=None, card_id=None))
    bench.travel(T0 + 20_000)
    found = bench.books.receipt(farm_id=FARM, job_id=JOB)
    assert found["cost"] is None
    assert found["slowest"] is None
    assert found["span"]["end_at"] == T0 + 20_000, "the job still runs: up to now"


@pytest.mark.parametrize("task", [0, 3, 7])
def test_what_a_worker_was_at_is_found_among_more_actions_than_are_read(bench, monkeypatch, task):
    """A click on a busy day shows the action under it, and those before and after."""
    monkeypatch.setattr("grange.books.questions.worker_attempts.MOST", 3)
    for index in range(8):
        begin = T0 + 1_000 + 10_000 * index
        bench.keep(action_fact(action_index=index, task_index=index, started_at=begin))
    bench.travel(T0 + 100_000)
    asked = {"farm_id": FARM, "worker_id": WORKER, "at": T0 + 5_000 + 10_000 * task, "thread": 0}
    found = bench.books.call("attempt_at", asked)
    assert found["attempt"]["task_index"] == task
    assert found["others"] == []
    near = {name: found[name] and found[name]["task_index"] for name in ("before", "after")}
    assert near == {"before": task - 1 if task else None, "after": task + 1 if task < 7 else None}


@pytest.mark.parametrize("question", ["receipt", "job_frames", "attempts", "layer_times"])
def test_unknown_and_foreign_jobs_do_not_exist(bench, question):
    for farm_id, job_id in ((FARM, "job-none"), ("farm-other", JOB)):
        with pytest.raises(NotFoundError):
            bench.books.call(question, {"farm_id": farm_id, "job_id": job_id})


def test_only_questions_can_be_asked_by_name(bench):
    assert "seal" not in QUESTIONS
    for name in QUESTIONS:
        assert callable(getattr(bench.books, name))
    for name in ("seal", "close", "_job", "shelf"):
        with pytest.raises(InvalidRequestError, match="no question"):
            bench.books.call(name, {})


def test_a_span_must_have_a_length(bench):
    with pytest.raises(InvalidRequestError) as caught:
        accounts(bench, start=T0, end=T0)
    assert caught.value.fields[0].name == "end"
