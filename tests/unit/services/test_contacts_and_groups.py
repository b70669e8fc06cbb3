"""Layer times, frames, contact, wake-ups, groups and licences, on facts the real commands leave."""

from typing import Any

import pytest

from grange.books.history.codes import RENDER_TYPES
from grange.domain.farm import Farm
from grange.domain.groups import Group
from grange.domain.licences import LicencePool, Region, RegionTerms, pool_for
from grange.domain.statuses import WorkerStatus
from grange.domain.work import Job, Layer, Worker
from grange.kernel.errors import ConflictError, InvalidRequestError, NotFoundError
from grange.kernel.ids import JobId
from grange.kernel.units import MILLIS_PER_HOUR, MILLIS_PER_MINUTE, datetime_of
from grange.sdk.books import Books as SdkBooks
from grange.services.commands.groups import ChangeGroup, RemoveGroup, ReplaceGroups
from grange.services.commands.licences import (
    PoolTerms,
    RemoveLicences,
    ReplaceLicences,
    SetLicences,
)
from grange.services.commands.wake_up import WakeUpWorker
from grange.services.reports import ReportWorker
from grange.testing.books import books_bench
from grange.testing.builders import DecidingFarm
from grange.testing.facts import (
    FARM,
    JOB,
    LAYER,
    QUEUE,
    T0,
    action_fact,
    event_fact,
    frame_row,
    numbered,
    posted_frame,
    submission_fact,
)

MAC = "0123456789ab"


class Door:
    """The SDK's door to books of this process."""

    def __init__(self, books: Any, farm_id: str) -> None:
        self._books = books
        self.farm_id = farm_id

    def ask(self, question: str, path: str, arguments: Any) -> Any:
        return self._books.call(question, {**arguments, "farm_id": self.farm_id})


@pytest.fixture
def farm() -> DecidingFarm:
    return DecidingFarm()


@pytest.fixture
def books(farm, tmp_path):
    """Ask what the farm's facts and rows say; they are brought to the books when asked."""
    with books_bench(tmp_path, farm.clock.now()) as bench:
        kept = 0

        def ask(question: str, **arguments: Any) -> Any:
            nonlocal kept
            bench.put(
                *(row for kind in (Farm, Worker, Group, LicencePool) for row in farm.all(kind))
            )
            bench.keep(*farm.facts[kept:])
            kept = len(farm.facts)
            if farm.clock.now() > bench.clock.now():
                bench.travel(farm.clock.now())
            return bench.books.call(question, {"farm_id": farm.farm_id, **arguments})

        ask.bench = bench  # type: ignore[attr-defined]
        yield ask


def named(farm: DecidingFarm, name: str, addresses=("10.0.0.1",), status=None, **attributes: Any):
    """Register (or report) a worker of this name with addresses and attributes."""
    worker_id = next((w.worker_id for w in farm.all(Worker) if w.host_name == name), None)
    worker_id = worker_id or farm.worker()
    v4 = [one for one in addresses if ":" not in one]
    v6 = [one for one in addresses if ":" in one]
    farm.do(
        ReportWorker(
            farm_id=farm.farm_id,
            fleet_id=farm.fleet_id,
            worker_id=worker_id,
            status=status,
            host_properties={
                "hostName": name,
                "ipAddresses": {"ipV4Addresses": v4, "ipV6Addresses": v6},
            },
            attributes=attributes or None,
        )
    )
    return worker_id


def minutes(farm: DecidingFarm, count: float) -> None:
    farm.clock.advance(count * 60)


# ── contact ───────────────────────────────────────────────────────────────────────────────────────


def test_contact_says_when_a_worker_connected_and_its_version(farm, books):
    """Ledger S0-35: last connect, version, name; the place in the list is its own index."""
    minutes(farm, 1)
    named(farm, "old", status=WorkerStatus.STOPPED)
    attributes = {"grange:attr.worker.version": ("v1-2-3",)}
    named(farm, "node1", **attributes)
    minutes(farm, 5)
    began = farm.clock.now()
    named(farm, "node1", status=WorkerStatus.STARTED, **attributes)
    old, one = books("contacts")["contacts"]
    assert (old["name"], old["index"], one["index"]) == ("old", 0, 1)
    assert (one["name"], one["version"], one["last_connect_at"]) == ("node1", "1.2.3", began)
    assert one["last_contact_at"] == began
    versions = [fact for fact in farm.facts if getattr(fact, "name", "") == "worker_version"]
    assert len(versions) == 1, "a version that stays is told once"
    minutes(farm, 5)
    attributes["grange:attr.worker.version"] = ("v1-3-0",)
    named(farm, "node1", status=WorkerStatus.STOPPED, **attributes)
    _, one = books("contacts")["contacts"]
    assert (one["last_connect_at"], one["version"]) == (began, "1.3.0")
    assert one["last_contact_at"] == farm.clock.now()


def test_an_address_that_stays_has_one_row(farm, books):
    """Ledger S0-36: newest first, appended only on change, IPv6 too; back again is a change."""
    times = []
    for addresses in (("10.0.0.1",), ("10.0.0.1",), ("10.0.0.2", "FD00::1"), ("10.0.0.1",)):
        minutes(farm, 10)
        times.append(farm.clock.now())
        named(farm, "node1", addresses)
    (one,) = books("contacts")["contacts"]
    assert [(row["ip_address"], row["since"]) for row in one["ip_history"]] == [
        ("10.0.0.1", times[3]), ("FD00::1", times[2]), ("10.0.0.2", times[2]),
        ("10.0.0.1", times[0]),
    ]  # fmt: skip
    contacts = SdkBooks(Door(books.bench.books, farm.farm_id), books.bench.clock).contacts
    assert str(contacts["node1"].ip_history[1][0]) == "fd00::1"
    with pytest.raises(KeyError):
        contacts["nobody"]


def test_an_address_that_stays_beside_others_has_one_row(farm, books):
    """Ledger S0-36: one network more, one less: only what is new is added."""
    times = []
    both = ("10.0.0.1", "192.168.7.1")
    for addresses in (("10.0.0.1",), both, ("192.168.7.1",), both):
        minutes(farm, 10)
        times.append(farm.clock.now())
        named(farm, "node1", addresses)
    (one,) = books("contacts")["contacts"]
    assert [(row["ip_address"], row["since"]) for row in one["ip_history"]] == [
        ("10.0.0.1", times[3]), ("192.168.7.1", times[1]), ("10.0.0.1", times[0]),
    ]  # fmt: skip


def test_an_online_event_closes_a_wake_attempt(farm, books):
    """Ledger S0-37: failed tries, last try, history newest first, seconds to online."""
    worker = named(farm, "node1", **{"grange:attr.worker.mac": (f"mac-{MAC}",)})
    wake = WakeUpWorker(farm_id=farm.farm_id, worker="node1", by="ann")
    with pytest.raises(ConflictError, match="online already"):
        farm.do(wake)
    named(farm, "node1", status=WorkerStatus.STOPPED)
    tries = []
    for _ in range(2):
        minutes(farm, 45)
        tries.append(farm.clock.now())
        assert farm.do(wake)["mac_addresses"] == [MAC]
    (one,) = books("contacts")["contacts"]
    assert (one["wake_failed_tries"], one["last_wake_at"]) == (2, tries[1])
    assert [attempt["success"] for attempt in one["wakes"]] == [None, False], "newest first"
    farm.clock.advance(80)
    named(farm, "node1", status=WorkerStatus.STARTED)
    (one,) = books("contacts")["contacts"]
    assert [a["success"] for a in one["wakes"]] == [True, False]
    assert (one["wakes"][0]["online_ms"], one["wakes"][0]["by"]) == (80_000, "ann")
    assert one["wake_failed_tries"] == 0
    assert one["worker_id"] == worker


def test_a_machine_whose_address_nobody_knows_cannot_be_woken(farm):
    """Ledger S0-37: a hardware address is needed, as told or as given."""
    named(farm, "node1", status=WorkerStatus.STOPPED)
    wake = {"farm_id": farm.farm_id, "worker": "node1", "by": "ann"}
    with pytest.raises(InvalidRequestError, match="never told a hardware address"):
        farm.do(WakeUpWorker(**wake))
    with pytest.raises(InvalidRequestError, match="no hardware address"):
        farm.do(WakeUpWorker(**wake, mac_address="01:23"))
    found = farm.do(WakeUpWorker(**wake, mac_address="01:23:45:67:89:AB"))
    assert found["mac_addresses"] == [MAC]
    with pytest.raises(InvalidRequestError, match="is no worker"):
        farm.do(WakeUpWorker(farm_id=farm.farm_id, worker="nobody", by="ann"))


# ── groups ────────────────────────────────────────────────────────────────────────────────────────


def change(farm: DecidingFarm, name: str, how: Any, *workers: str) -> Any:
    return farm.do(ChangeGroup(farm_id=farm.farm_id, name=name, how=how, workers=workers, by="ann"))


def test_groups_are_sets_which_may_overlap(farm, books):
    """Ledger S0-39, S0-40: add, remove, clear, indices; a worker in two groups; no doubles."""
    one, two = named(farm, "node1"), named(farm, "node2")
    change(farm, "big", "set", "node1", two)
    change(farm, "big", "add", "node2", "node2")
    change(farm, "gpu", "add", "node1")
    answer = books("groups")
    assert [(g["name"], [m["name"] for m in g["members"]]) for g in answer["groups"]] == [
        ("big", ["node1", "node2"]), ("gpu", ["node1"])
    ]  # fmt: skip
    assert answer["of_workers"] == {one: ["big", "gpu"], two: ["big"]}
    groups = SdkBooks(Door(books.bench.books, farm.farm_id), books.bench.clock).groups
    assert groups.of("node1") == ("big", "gpu")
    assert groups.indices("big") == "0,1"
    change(farm, "big", "remove", "node1")
    change(farm, "gpu", "set")
    assert {g.name: g.workers for g in farm.all(Group)} == {"big": (two,), "gpu": ()}
    for bad in ("", "a,b", " x", "a/b", "x" * 65):
        with pytest.raises(InvalidRequestError, match="cannot name a group"):
            change(farm, bad, "set")


def test_later_edits_of_a_group_do_not_rewrite_its_past(farm, books):
    """Ledger S0-39, rule 11.4: who was in a group is resolved at the time."""
    one = named(farm, "node1")
    minutes(farm, 1)
    joined = farm.clock.now()
    change(farm, "big", "set", "node1")
    minutes(farm, 60)
    left = farm.clock.now()
    farm.do(RemoveGroup(farm_id=farm.farm_id, name="big", by="ann"))
    minutes(farm, 60)
    change(farm, "big", "set", "node1")
    again = farm.clock.now()
    answer = books("groups")
    assert answer["memberships"] == [
        {"group": "big", "worker_id": one, "start_at": joined, "end_at": left},
        {"group": "big", "worker_id": one, "start_at": again, "end_at": None},
    ]
    groups = SdkBooks(Door(books.bench.books, farm.farm_id), books.bench.clock).groups
    assert groups.members_at("big", datetime_of(joined)) == {one}
    assert groups.members_at("big", datetime_of(left)) == frozenset()
    with pytest.raises(NotFoundError):
        farm.do(RemoveGroup(farm_id=farm.farm_id, name="gpu", by="ann"))


def test_a_list_of_groups_is_taken_whole_or_not_at_all(farm):
    """Ledger S0-39: replace; a name that fits no worker refuses the list."""
    one, two = named(farm, "node1"), named(farm, "node2")
    change(farm, "old", "set", "node1")
    replace = {"farm_id": farm.farm_id, "by": "ann"}
    with pytest.raises(InvalidRequestError, match="is no worker"):
        farm.do(ReplaceGroups(**replace, groups={"new": ["node1", "nobody"]}))
    assert [group.name for group in farm.all(Group)] == ["old"]
    wanted = {"new": ["node1", "node2"]}
    assert farm.do(ReplaceGroups(**replace, groups=wanted))["changed"] == ["new", "old"]
    assert {group.name: group.workers for group in farm.all(Group)} == {"new": (one, two)}
    assert farm.do(ReplaceGroups(**replace, groups=wanted))["changed"] == []


# ── licences ──────────────────────────────────────────────────────────────────────────────────────


def test_a_region_that_sets_nothing_has_the_defaults_terms(farm, books):
    """Ledger S0-38: inheritance truth table; unlimited ignores the count; costs; unset again."""
    default = RegionTerms(count=10, cost_billionths=500_000_000)
    cloud = RegionTerms(count=3, unlimited=True)

    def put(**regions: RegionTerms | None) -> None:
        farm.do(
            SetLicences(farm_id=farm.farm_id, app="nuke", plugin="", version="15", by="ann",
                        regions={Region(name): terms for name, terms in regions.items()})
        )  # fmt: skip

    put(cloud=cloud)
    (pool,) = farm.all(LicencePool)
    assert pool.for_region(Region.FARM).limit is None, "nothing is set: nobody counts"
    put(default=default)
    (told,) = books("licence_pools")["pools"]
    table = {
        name: (t["is_set"], t["count"], t["unlimited"], t["cost"])
        for name, t in told["regions"].items()
    }
    assert table == {
        "default": (True, 10, False, "0.500000000"),
        "workstation": (False, 10, False, "0.500000000"),
        "farm": (False, 10, False, "0.500000000"),
        "cloud": (True, 3, True, "0.000000000"),
    }
    (pool,) = farm.all(LicencePool)
    assert pool.for_region(Region.CLOUD).limit is None
    assert pool.for_region(Region.WORKSTATION).limit == 10
    put(cloud=None)
    (pool,) = farm.all(LicencePool)
    assert pool.for_region(Region.CLOUD) == default
    licences = SdkBooks(Door(books.bench.books, farm.farm_id), books.bench.clock).licences
    assert licences["nuke", "", "15"][Region.CLOUD].limit is None, "as of the last question"


def test_pools_are_by_app_plugin_and_version_and_come_back_whole(farm):
    """Ledger S0-38: per app, plugin, app version; replace is a round trip; remove."""
    terms = {Region.DEFAULT: RegionTerms(count=2)}
    pools = [
        PoolTerms(app="maya", regions=terms),
        PoolTerms(app="maya", plugin="yeti", regions=terms),
        PoolTerms(app="maya", version="2026", regions={}),
    ]
    replace = ReplaceLicences(farm_id=farm.farm_id, pools=pools, by="ann")
    assert len(farm.do(replace)["changed"]) == 3
    assert farm.do(replace)["changed"] == []
    by_key = {(pool.app, pool.plugin, pool.version): pool for pool in farm.all(LicencePool)}
    found = pool_for(by_key, "maya", "", "2026.1")
    assert found is not None
    assert found.version == "2026"
    assert pool_for(by_key, "maya", "", "2025") is by_key["maya", "", ""]
    assert pool_for(by_key, "nuke", "", "") is None
    farm.do(RemoveLicences(farm_id=farm.farm_id, app="maya", plugin="yeti", by="ann"))
    assert ("maya", "yeti", "") not in {
        (pool.app, pool.plugin, pool.version) for pool in farm.all(LicencePool)
    }
    with pytest.raises(NotFoundError):
        farm.do(RemoveLicences(farm_id=farm.farm_id, app="maya", plugin="yeti", by="ann"))
    with pytest.raises(InvalidRequestError, match="must not be negative"):
        farm.do(
            SetLicences(farm_id=farm.farm_id, app="maya", by="ann",
                        regions={Region.FARM: RegionTerms(count=-1)})
        )  # fmt: skip


# ── what was submitted ────────────────────────────────────────────────────────────────────────────


def test_a_submitted_layer_says_what_its_tags_and_parameters_say(farm, books):
    """Ledger S0-44, S0-45, rule 11.9: tags of the layer win over those of the job."""
    farm.job(
        tags={
            "grange:project": "film", "grange:camera": "left", "grange:image_width": "1920",
            "grange:scene": "/a.ma", "grange:scene.render": "/b.ma", "grange:weather": "rain",
        }
    )  # fmt: skip
    records = books("history")["records"]
    assert len(records) == len(farm.all(Layer))
    assert {record["job_id"] for record in records} == {job.job_id for job in farm.all(Job)}
    record = records[0]
    assert (record["project"], record["user"], record["camera"]) == ("film", "ann", "left")
    assert record["image"]["width"] == 1920
    assert record["scene"] == ("/b.ma" if record["layer"] == "render" else "/a.ma")
    assert record["app"]["render_type"] in RENDER_TYPES
    assert record["state"] in ("idle", "waiting")


# ── frames and layer times ────────────────────────────────────────────────────────────────────────


@pytest.fixture
def bench(tmp_path):
    with books_bench(tmp_path, T0) as bench:
        bench.put(Farm(farm_id=FARM, name="f", created_at=T0, created_by="t"))
        yield bench


def test_frames_are_found_by_index_not_by_scene_number(bench):
    """Ledger S0-30, S0-31, S0-32: a step-2 sequence; all fields; five parts, the peak ≥ mean."""
    job = Job(
        farm_id=FARM, queue_id=QUEUE, job_id=JOB, name="j", created_at=T0, created_by="ann"
    )  # fmt: skip
    bench.put(job)
    done = action_fact(frames="1-9:2", frame_count=5)
    bench.keep(submission_fact(frames="1-9:2", frame_count=5), done)
    for place, frame in enumerate((1, 3, 7)):
        begin = T0 + place * 10_000
        bench.post("frames", [frame_row(posted_frame(
            action_id=done.action_id, frame=frame, render_ms=10_000, started_at=begin,
            ended_at=begin + 10_000, averaged_over=3, first_of_chunk=not place,
            log_first_frame=1, part_job_cpu=[100, 200, 300, 400, 500],
            part_job_memory_bytes=[1, 2, 3, 4, 5], part_threads=[1, 1, 2, 2, 2],
        ))])  # fmt: skip
    bench.travel(T0 + MILLIS_PER_HOUR)
    frames = SdkBooks(Door(bench.books, FARM), bench.clock).frames(job.job_id)
    assert (len(frames), frames.total) == (3, 5)
    assert [(one.index, one.frame) for one in frames] == [(0, 1), (1, 3), (3, 7)]
    one = frames[0]
    assert (one.render_seconds, one.averaged_over, one.log_first_frame) == (10.0, 3, 1)
    assert (one.first_of_chunk, frames[1].first_of_chunk) == (True, False)
    assert [part.job_cpu for part in one.parts] == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert [part.threads for part in one.parts] == [1, 1, 2, 2, 2]
    peak = max(part.job_memory_bytes or 0 for part in one.parts)
    assert peak >= sum(part.job_memory_bytes or 0 for part in one.parts) / 5


@pytest.mark.parametrize("submitted", [True, False])
def test_frames_of_many_jobs_at_once_are_each_those_of_the_job_alone(bench, submitted):
    """Ledger S0-30, S0-59: an export asks for many; the best try of a frame counts in each."""
    names = [numbered("job", number) for number in (3, 1, 2)]
    for number, job_id in enumerate(names):
        layer_id = numbered("step", number)
        bench.put(
            Job(
                farm_id=FARM, queue_id=QUEUE, job_id=JobId(job_id), name="j", created_at=T0,
                created_by="ann",
            )
        )  # fmt: skip
        if submitted:
            about = submission_fact(job_id=job_id, layer_id=layer_id, frames="1-9:2")
            bench.keep(about)
        for attempt, status in enumerate(("FAILED", "SUCCEEDED", "FAILED")):
            tried = action_fact(
                action_id=numbered("sessionaction", 10 * number + attempt), job_id=job_id,
                layer_id=layer_id, status=status, attempt=attempt,
            )  # fmt: skip
            bench.keep(tried)
            for frame in (1, 5)[: number + 1]:
                at = T0 + 10_000 * (attempt + 1)
                bench.post("frames", [frame_row(posted_frame(
                    action_id=tried.action_id, job_id=job_id, layer_id=layer_id, frame=frame,
                    render_ms=1000 * number + 100 * attempt + frame, started_at=at - 5_000,
                    ended_at=at,
                ))])  # fmt: skip
    bench.travel(T0 + MILLIS_PER_HOUR)
    asked = ",".join([*names, "job-nobody-knows", names[0]])
    found = bench.books.call("frame_records_of_jobs", {"farm_id": FARM, "jobs": asked})["jobs"]
    assert [one["job_id"] for one in found] == [*names, "job-nobody-knows"]
    alone = [
        bench.books.call("frame_records", {"farm_id": FARM, "job_id": job_id}) for job_id in names
    ]
    assert found == [*alone, {"job_id": "job-nobody-knows", "frames": [], "layers": []}]
    times = [[row["render_ms"] for row in one["frames"]] for one in found]
    assert times == [[101], [1101, 1105], [2101, 2105], []], "the successful try is the best"


@pytest.mark.parametrize("jobs", ["", ",", ",".join(["job-x"] * 101)])
def test_frames_are_asked_for_of_some_jobs_but_not_of_too_many(bench, jobs):
    with pytest.raises(InvalidRequestError, match="jobs must name 1 to 100"):
        bench.books.call("frame_records_of_jobs", {"farm_id": FARM, "jobs": jobs})


def finished(number: int, submitted: int, done: int, *, name: str = "Beauty", **more: Any) -> Any:
    layer, job = numbered("step", number), numbered("job", number)
    about = {"layer_id": layer, "job_id": job}
    return [
        submission_fact(**about, layer_name=name, submitted_at=submitted),
        action_fact(**about, session_id=numbered("session", number), started_at=done - 8_000,
                    ended_at=done, assigned_at=done - 8_000, frame_count=2, **more),
        event_fact(numbered("event", number), done, "layer_status", subject="layer",
                   subject_id=layer, worker_id=None, fleet_id=None, new="SUCCEEDED",
                   old="RUNNING", **about),
    ]  # fmt: skip


def test_layer_times_keep_the_last_hundred_and_count_all(bench):
    """Ledger S0-33: add 300: length 100, added 300 without a wrap, [0] newest."""
    facts = [
        fact for number in range(1, 301) for fact in finished(number, T0, T0 + number * 10_000)
    ]
    bench.keep(*facts, *finished(400, T0, T0 + 5_000, name="Volume"))
    bench.travel(T0 + 300 * 10_000 + MILLIS_PER_MINUTE)
    times = SdkBooks(Door(bench.books, FARM), bench.clock).layer_times
    assert set(times) == {("demo", "three_d", "Beauty"), ("demo", "three_d", "Volume")}
    beauty = times["demo", "three_d", "Beauty"]
    assert (len(beauty), beauty.added) == (100, 300)
    assert beauty[0].job_id == numbered("job", 300)
    assert beauty[99].job_id == numbered("job", 201)
    assert beauty.last_used_at == beauty[0].finished_at
    assert times.render_types("demo") == {"three_d"}
    assert list(times.layers("demo", "three_d")) == ["Beauty", "Volume"]
    with pytest.raises(KeyError):
        times["demo", "comp", "Beauty"]


def test_a_layer_rendered_again_later_leaves_its_layer_time_alone(bench):
    """Ledger S0-34: PS, cores, kPS·s, seconds, memory, minutes to the first time all was done."""
    done = T0 + 10 * MILLIS_PER_MINUTE + 59_000
    bench.keep(*finished(1, T0, done, ps_milli=2500, peak_memory_bytes=3 << 30, cpu_ms=24_000))
    bench.travel(done + MILLIS_PER_HOUR)
    key = ("demo", "three_d", "Beauty")
    books = SdkBooks(Door(bench.books, FARM), bench.clock)
    (before,) = books.layer_times[key]
    assert (before.mean_ps, before.max_cores, before.max_memory_bytes) == (2.5, 3.0, 3 << 30)
    assert before.frame_seconds == 4.0
    assert before.frame_kps_seconds == pytest.approx(4.0 * 2.5 / 1000)
    assert before.minutes_to_frames_done == 10
    later = done + 30 * MILLIS_PER_MINUTE
    again = finished(1, T0, later, ps_milli=9000, peak_memory_bytes=9 << 30)[1:]
    bench.keep(
        action_fact(**{n: getattr(again[0], n) for n in again[0].__struct_fields__}
                    | {"action_id": "sessionaction-again", "action_index": 7}),
        event_fact("again", later, "layer_status", subject="layer", subject_id=LAYER,
                   layer_id=LAYER, new="SUCCEEDED", old="RUNNING"),
    )  # fmt: skip
    (after,) = books.layer_times[key]
    assert after == before
    assert books.layer_times[key].added == 1
