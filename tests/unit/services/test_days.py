"""A day of the books as one answer (ledger S0-01 to S0-07): users, projects, apps, groups."""

from datetime import date

import pytest

from grange.books.periods import QUARTER_MS
from grange.domain.farm import Farm, Fleet
from grange.kernel.ids import FleetId
from grange.kernel.units import MILLIS_PER_HOUR, Instant
from grange.testing.books import books_bench
from grange.testing.facts import FARM, FLEET, T0, action_fact, event_fact, numbered, session_fact
from grange.testing.story import FLEETS, Storyteller, post, rows_of

DAY = "2026-01-01"


def farm():
    return Farm(farm_id=FARM, name="f", zone="UTC", created_at=T0, created_by="t")


def member(event_id, at, name, group, worker):
    return event_fact(event_id, at, name, subject="group", subject_id=group,
                      worker_id=numbered("worker", worker))  # fmt: skip


def ask(bench, day=DAY):
    return bench.books.call("day", {"farm_id": FARM, "day": day})


@pytest.fixture(scope="module")
def story():
    return Storyteller("a day", hours=6).tell()


@pytest.fixture(scope="module")
def bench(tmp_path_factory, story):
    with books_bench(tmp_path_factory.mktemp("books"), T0) as made:
        made.put(farm())
        for number, fleet_id in enumerate(FLEETS):
            made.put(Fleet(farm_id=FARM, fleet_id=FleetId(fleet_id), name=f"shed {number}",
                           max_worker_count=9, created_at=T0, created_by="t"))  # fmt: skip
        post(made, rows_of(story))
        half = T0 + 2 * MILLIS_PER_HOUR + 450_000
        made.keep(
            member("g1", T0, "group_joined", "gpu", 1),
            member("g2", T0, "group_joined", "gpu", 2),
            member("g3", T0, "group_joined", "everybody", 1),
            member("g4", T0, "group_joined", "everybody", 2),
            member("g5", T0, "group_joined", "everybody", 3),
            member("g6", half, "group_left", "gpu", 1),
        )
        made.travel(story.end + MILLIS_PER_HOUR)
        made.books.seal()
        yield made


def test_every_subject_has_the_same_totals(bench, story):
    """Ledger S0-03: users, projects and apps by name; each chunk once in each list."""
    found = ask(bench)
    totals = [
        sum(sum(v or 0 for v in own["chunks_finished"]) for own in found[subject].values())
        for subject in ("users", "projects", "apps")
    ]
    successes = [a for a in story.attempts() if a.status == "SUCCEEDED"]
    assert totals == [len(successes)] * 3
    assert set(found["users"]) == {a.user_name for a in story.attempts()} | set(found["users"])


def test_it_holds_what_each_list_holds_apart(bench):
    """Ledger S0-01: one answer for the day, the same values as the lists."""
    found = ask(bench)
    for subject in ("user", "project", "app"):
        alone = bench.books.slots(farm_id=FARM, day=DAY, subject=subject)
        assert {row.pop("name"): row for row in alone["rows"]} == found[f"{subject}s"]
        assert alone["valid"] == found["valid"]
    assert found["unix_day"] == (date(2026, 1, 1) - date(1970, 1, 1)).days
    assert len(found["valid"]) == 96
    assert found["written_at"] == bench.clock.now()


def test_a_day_without_anything_is_empty_and_not_valid(bench):
    """Ledger S0-01: an absent day gives an empty record."""
    found = ask(bench, "2025-07-01")
    assert not any(found["valid"])
    assert (found["users"], found["fleets"], found["workers"]) == ({}, {}, None)
    assert found["written_at"] is None


def test_groups_count_the_members_they_had_then(bench, story):
    """Ledger S0-07: overlapping groups, by the members at the end of each quarter."""
    found = ask(bench)
    timeline = bench.books.timeline(farm_id=FARM, start=T0, end=story.end)
    half = T0 + 2 * MILLIS_PER_HOUR + 450_000
    seen = set()
    for slot in range(T0, story.end, QUARTER_MS):
        last = slot + QUARTER_MS - 1
        gpu = {numbered("worker", 2)} | ({numbered("worker", 1)} if last < half else set())
        everybody = {numbered("worker", n) for n in (1, 2, 3)}
        for name, members in (("gpu", gpu), ("everybody", everybody)):
            states: dict[str, set[str]] = {worker: set() for worker in members}
            for row in timeline["rows"]:
                for start, end, account in row["segments"]:
                    if start <= last < end and row["worker_id"] in members:
                        states[row["worker_id"]].add(account)
            rendering = {"rendering_useful", "rendering_wasted", "overhead"}
            busy = sum(bool(own & rendering) for own in states.values())
            own = found["groups"][name]
            index = (slot - (T0 - T0 % 86_400_000)) // QUARTER_MS
            assert own["workers_rendering"][index] == busy
            total = sum(own[f"workers_{s}"][index] or 0
                        for s in ("rendering", "disabled", "idle", "off", "unknown"))  # fmt: skip
            assert total == sum(bool(accounts) for accounts in states.values())
            seen.add((name, busy))
    assert len(seen) > 2
    assert found["groups"]["everybody"] == found["workers"], "the same workers, the same counts"


def test_a_worker_with_several_threads_counts_once_as_rendering(tmp_path):
    """Ledger S0-07: even if only one of its threads renders."""
    with books_bench(tmp_path, T0) as made:
        made.put(farm())
        made.keep(event_fact("w", T0, "worker_status", new="STARTED", number=4))
        made.keep(member("g", T0, "group_joined", "one", 1))
        made.keep(session_fact(started_at=T0, ended_at=T0 + 2 * QUARTER_MS, threads=4, thread=2))
        made.keep(action_fact(started_at=T0, ended_at=T0 + 2 * QUARTER_MS, threads=4, thread=2))
        made.travel(T0 + MILLIS_PER_HOUR)
        found = ask(made)
    for own in (found["groups"]["one"], found["workers"], found["fleets"][FLEET]):
        assert own["workers_rendering"][40] == 1
        assert own["workers_idle"][40] == 0


def test_groups_survive_sealing_and_late_facts(tmp_path):
    """Rule 11.7: a member that joined earlier than was known changes only later quarters."""
    with books_bench(tmp_path, T0) as made:
        made.put(farm())
        made.keep(event_fact("w", T0, "worker_status", new="STARTED", number=1))
        made.keep(event_fact("n", T0 + MILLIS_PER_HOUR, "note", subject="server", subject_id="s"))
        made.travel(T0 + 3 * MILLIS_PER_HOUR)
        made.books.seal()
        assert ask(made)["groups"] == {}
        made.keep(member("late", Instant(T0 + QUARTER_MS), "group_joined", "one", 1))
        made.travel(T0 + 5 * MILLIS_PER_HOUR)
        before = ask(made)["groups"]
        made.books.seal()
        assert ask(made)["groups"] == before
        assert before["one"]["workers_idle"][44] == 1
        assert all(check["ok"] for check in made.books.verify(farm_id=FARM)["checks"])
