"""Machine time accounts and tiles, against a millisecond-by-millisecond reading of the same
facts."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grange.books.accounts import Account, Totals, Witness, WorkerTime, allotted, segments
from grange.books.occupation import (
    ActionSpan,
    SessionSpan,
    by_session,
    cuts,
    occupied,
)
from grange.books.presence import WorkerEvent, existence_ms, presences
from grange.books.tiles import cut_tiles, tiles
from grange.domain.rates import amount_after
from grange.kernel.intervals import Span
from grange.kernel.units import Instant, instant_of

END = 40
times = st.integers(0, END)
spans = st.tuples(times, times).map(sorted)
STATUSES = ["STARTED", "STOPPING", "STOPPED", "NOT_RESPONDING", "DELETED"]
FLEETS = {"w0": "f0", "w1": "f1", "w2": "f0"}


@st.composite
def worker_events(draw, worker_id):
    """A creation and whatever follows, in any order a confused server might write."""
    created = draw(st.integers(0, 10))
    found: list[tuple[str, int, str | None, int | None, int | None]] = [
        ("worker_status", created, "CREATED", draw(st.integers(1, 3)), None)
    ]
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(created, END))
        kind = draw(st.sampled_from(["worker_status", "worker_disabled", "worker_threads"]))
        if kind == "worker_status":
            new = draw(st.sampled_from(STATUSES))
            seen = draw(st.integers(0, at)) if new == "NOT_RESPONDING" else None
            found.append((kind, at, new, draw(st.none() | st.integers(1, 3)), seen))
        elif kind == "worker_disabled":
            found.append((kind, at, draw(st.sampled_from(["true", "false"])), None, None))
        else:
            found.append((kind, at, None, draw(st.integers(1, 3)), None))
    return [
        WorkerEvent(
            worker_id=worker_id,
            fleet_id=FLEETS[worker_id],
            at=Instant(at),
            event_id=f"{number:03}",
            name=name,
            new=new,
            threads=threads,
            last_seen_at=None if seen is None else Instant(seen),
        )
        for number, (name, at, new, threads, seen) in enumerate(found)
    ]  # fmt: skip


@st.composite
def sessions_with_actions(draw, worker_id):
    sessions, actions = [], []
    for number in range(draw(st.integers(0, 4))):
        start, end = draw(spans)
        session_id = f"{worker_id}-s{number}"
        sessions.append(
            SessionSpan(
                session_id=session_id, worker_id=worker_id, thread=draw(st.integers(0, 3)),
                started_at=start, ended_at=end,
            )
        )  # fmt: skip
        for index in range(draw(st.integers(0, 3))):
            begun, done = draw(spans)
            actions.append(
                ActionSpan(
                    action_id=f"{session_id}-a{index}", session_id=session_id, index=index,
                    kind=draw(st.sampled_from(["task_run", "env_enter"])),
                    status=draw(st.sampled_from(["SUCCEEDED", "FAILED", "RUNNING"])),
                    started_at=begun, ended_at=done, copy_ms=draw(st.integers(0, 5)),
                    superseded=draw(st.booleans()),
                )
            )  # fmt: skip
    return sessions, actions


@st.composite
def timelines(draw):
    points = sorted(set(draw(st.lists(times, max_size=5))))
    return [(at, draw(st.sampled_from(["none", "ready", "blocked"]))) for at in points]


@st.composite
def farms(draw):
    workers = draw(st.lists(st.sampled_from(sorted(FLEETS)), unique=True, max_size=3))
    events = [event for worker in workers for event in draw(worker_events(worker))]
    held = {worker: draw(sessions_with_actions(worker)) for worker in workers}
    witnesses = {
        worker: [
            Witness(thread=thread, start=start, end=end, rendering=rendering)
            for thread, (start, end), rendering in draw(
                st.lists(st.tuples(st.integers(0, 2), spans, st.booleans()), max_size=2)
            )
        ]
        for worker in workers
    }
    waiting = {"f0": draw(timelines()), "f1": draw(timelines())}
    return events, held, witnesses, waiting


def worker_times(farm):
    events, held, witnesses, _ = farm
    found = []
    for presence in presences(events):
        sessions, actions = held[presence.worker_id]
        threads = defaultdict(list)
        for session in sessions:
            threads[session.thread].append(session)
        found.append(
            WorkerTime(
                presence=presence,
                occupied={
                    thread: occupied(own, by_session(actions)) for thread, own in threads.items()
                },
                witnesses=witnesses[presence.worker_id],
            )
        )
    return found


def first_holding(things, instant):
    """Return the first of ordered spans that holds the instant."""
    return next((x for x in things if x.started_at <= instant < x.ended_at), None)


def slow_state(events, instant):
    """Return (state, threads) of a worker at an instant, or None if it does not exist."""
    own = sorted(events, key=lambda event: (event.at, event.event_id))
    deleted = [n for n, event in enumerate(own) if event.new == "DELETED"]
    if deleted:
        own = own[: deleted[0] + 1]
    past = [event for event in own if event.at <= instant]
    if not past or (deleted and past[-1].new == "DELETED"):
        return None
    threads = next((e.threads for e in reversed(past) if e.threads is not None), 1)
    disabled = next((e.new == "true" for e in reversed(past) if e.name == "worker_disabled"), False)
    status = next(e.new for e in reversed(past) if e.name == "worker_status")
    silent = any(
        event.new == "NOT_RESPONDING" and event.last_seen_at <= instant < event.at for event in own
    )
    if silent or status == "NOT_RESPONDING":
        return "unknown", threads
    if status in {"CREATED", "STOPPED"}:
        return "off", threads
    return ("disabled" if disabled else "up"), threads


def slow_session_account(session, actions, instant, taken_until):
    own = sorted(
        (a for a in actions if a.session_id == session.session_id),
        key=lambda a: (a.started_at, a.index),
    )
    action = first_holding(own, instant)
    if action is None or action.kind != "task_run":
        return Account.OVERHEAD
    if instant >= action.ended_at - action.copy_ms:
        return Account.OVERHEAD
    failed = action.status not in {"SUCCEEDED", "RUNNING"} or action.superseded
    return Account.RENDERING_WASTED if failed else Account.RENDERING_USEFUL


def slow_accounts(farm, span):
    """Return Counter of (worker, account, threads) in thread milliseconds, one at a time."""
    events, held, witnesses, waiting = farm
    counted: Counter[Any] = Counter()
    for worker in held:
        own = [event for event in events if event.worker_id == worker]
        sessions, actions = held[worker]
        ordered = sorted(sessions, key=lambda s: (s.started_at, s.session_id))
        for instant in range(*span):
            state = slow_state(own, instant)
            if state is None:
                continue
            name, threads = state
            on_thread = {
                thread: first_holding([s for s in ordered if s.thread == thread], instant)
                for thread in range(4)
            }
            if name != "unknown":
                threads = max([threads, *(t + 1 for t, s in on_thread.items() if s is not None)])
            line = [s for at, s in waiting[FLEETS[worker]] if at <= instant]
            idle = Account.IDLE_BLOCKED if line and line[-1] != "none" else Account.IDLE_NO_WORK
            for thread in range(threads):
                if name == "unknown":
                    seen = sorted(
                        (w.start, w.end, w.rendering)
                        for w in witnesses[worker]
                        if w.thread == thread
                    )
                    watched = next((r for a, b, r in seen if a <= instant < b), None)
                    account = {None: Account.UNKNOWN, True: Account.RENDERING_WASTED, False: idle}[
                        watched
                    ]
                elif on_thread.get(thread) is not None:
                    account = slow_session_account(on_thread[thread], actions, instant, None)
                else:
                    account = {"off": Account.OFF, "disabled": Account.DISABLED, "up": idle}[name]
                counted[worker, account, threads] += 1
    return counted


def fast_accounts(farm, span):
    found = segments(Span(*map(Instant, span)), worker_times(farm), farm[3])
    counted: Counter[Any] = Counter()
    for number, totals in enumerate(found.totals(found.worker, len(found.worker_ids))):
        for (account, threads), millis in totals.thread_ms.items():
            counted[found.worker_ids[number], account, threads] += millis
    return counted


@given(farms(), spans)
def test_accounts_are_what_a_slow_reading_finds(farm, span):
    assert fast_accounts(farm, span) == slow_accounts(farm, span)


@given(farms(), spans)
def test_accounts_sum_to_workers_times_time(farm, span):
    """Invariant 3: Σ machine time accounts = workers × time, for every span."""
    workers = worker_times(farm)
    asked = Span(*map(Instant, span))
    total = segments(asked, workers, farm[3]).total()
    expected = existence_ms((worker.presence for worker in workers), asked)
    assert total.all_machine_ms() == expected
    assert sum(total.machine_ms().values()) == expected


@given(farms(), spans, st.lists(times, max_size=4))
def test_any_partition_of_time_and_workers_gives_the_same_accounts(farm, span, points):
    whole = fast_accounts(farm, span)
    edges = sorted({*span, *(point for point in points if span[0] < point < span[1])})
    pieces: Counter[Any] = Counter()
    for start, end in pairwise(edges):
        pieces += fast_accounts(farm, (start, end))
    assert pieces == whole
    found = segments(Span(*map(Instant, span)), worker_times(farm), farm[3])
    cut = found.cut(np.array(edges, dtype=np.int64))
    assert cut.total() == found.total()
    assert (cut.start < cut.end).all()


@given(farms())
def test_segments_of_a_thread_do_not_overlap(farm):
    found = segments(Span(Instant(0), Instant(END)), worker_times(farm), farm[3])
    last: dict[Any, int] = {}
    for worker, thread, start, end in zip(
        found.worker.tolist(), found.thread.tolist(), found.start.tolist(), found.end.tolist(),
        strict=True,
    ):  # fmt: skip
        assert start < end
        assert last.get((worker, thread), 0) <= start
        last[worker, thread] = end


@pytest.mark.parametrize(
    ("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 7, 1), 24)]
)
def test_a_local_day_has_the_hours_it_has(day, hours):
    """Both days on which the clock changes are right."""
    zone = ZoneInfo("Europe/Paris")
    start = datetime(day[0], day[1], day[2], tzinfo=zone)
    end = datetime.combine(start.date() + timedelta(days=1), start.timetz())
    event = WorkerEvent(
        worker_id="w", fleet_id="f", at=Instant(0), event_id="1", name="worker_status",
        new="STARTED", threads=3,
    )  # fmt: skip
    (presence,) = presences([event])
    span = Span(instant_of(start), instant_of(end))
    total = segments(span, [WorkerTime(presence=presence)], {}).total()
    assert total.machine_time()[Account.IDLE_NO_WORK] == hours * 3_600_000
    assert total.thread_time()[Account.IDLE_NO_WORK] == 3 * hours * 3_600_000


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(list(Account)), st.integers(1, 7)), st.integers(0, 10**9)
    )
)
def test_rounding_keeps_the_sum(thread_ms):
    totals = Totals(thread_ms=thread_ms)
    rounded = totals.machine_ms()
    assert sum(rounded.values()) == round(totals.all_machine_ms())
    for account, share in totals.machine_time().items():
        assert abs(rounded[account] - share) < 1


def test_rounding_gives_the_rest_to_the_largest_remainder():
    shares = {Account.OFF: 5, Account.UNKNOWN: 4}
    assert allotted(shares, 3) == {Account.OFF: 2, Account.UNKNOWN: 1}


@given(sessions_with_actions("w0"), st.none() | st.integers(0, 10**13), st.lists(times))
@example(
    (
        [
            SessionSpan(
                session_id="s", worker_id="w", thread=0, started_at=Instant(0), ended_at=Instant(9)
            )
        ],
        [],
    ),
    7_777_777_777,
    [3, 4],
)
def test_tiles_sum_to_their_session_however_it_is_cut(facts, rate, points):
    """Invariant 4: Σ tiles = session runtime and amount, to the millisecond and the billionth."""
    sessions, actions = facts
    own = by_session(actions)
    for session in sessions:
        found = tiles(session, own.get(session.session_id, ()), rate)
        for pieces in (found, cut_tiles(found, session, rate, points)):
            assert sum(piece.millis for piece in pieces) == session.ended_at - session.started_at
            position = session.started_at
            for piece in pieces:
                assert piece.start == position
                assert piece.end > piece.start
                position = piece.end
            if rate is None:
                assert all(piece.amount_billionths is None for piece in pieces)
            else:
                assert sum(piece.amount_billionths or 0 for piece in pieces) == amount_after(
                    rate, session.ended_at - session.started_at
                )


def test_a_gap_is_overhead_of_the_next_action_and_the_last_one_of_the_session():
    session = SessionSpan(
        session_id="s", worker_id="w", thread=0, started_at=Instant(0), ended_at=Instant(100)
    )
    actions = [
        ActionSpan(
            action_id=name,
            session_id="s",
            index=index,
            kind="task_run",
            status="SUCCEEDED",
            started_at=Instant(start),
            ended_at=Instant(end),
        )
        for index, (name, start, end) in enumerate([("a", 10, 20), ("b", 25, 60)])
    ]
    assert [
        (cut.start, cut.end, cut.action and cut.action.action_id, cut.gap)
        for cut in cuts(session, actions)
    ] == [
        (0, 10, "a", True),
        (10, 20, "a", False),
        (20, 25, "b", True),
        (25, 60, "b", False),
        (60, 100, "b", True),
    ]
