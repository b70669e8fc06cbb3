"""Lists of jobs and workers over REST: snapshots, queries, pages, saved views."""

from typing import Any

import pytest

from grange.kernel.errors import AccessDeniedError, InvalidRequestError, NotFoundError
from grange.services.reads import job_pages
from grange.testing.farm import LocalFarm
from grange.testing.unpacking import unpacked
from grange.wiring.init import Key
from tests.server.conftest import add_worker, template
from tests.server.raw import signed


def rest(
    farm: LocalFarm, method: str, path: str, body: Any = None, key: Key | None = None, **query: str
) -> Any:
    return farm.connect(key).call(
        method, f"/api/v1/farms/{farm.farm_id}{path}", body=body, query=query, service="grange"
    )


@pytest.fixture(scope="module")
def farm(steady_farm: LocalFarm) -> LocalFarm:
    return steady_farm


@pytest.fixture(scope="module")
def jobs(farm: LocalFarm, client: Any) -> dict[str, str]:
    made = {}
    for name, priority in (("teapot beauty", 50), ("teapot fx", 80), ("bunny beauty", 50)):
        answer = client.create_job(
            farmId=farm.farm_id,
            queueId=farm.queue_id,
            template=template(name, frames="1-4"),
            templateType="JSON",
            priority=priority,
        )
        made[name] = answer["jobId"]
    return made


def names(found: dict[str, Any]) -> list[str]:
    return [row["name"] for row in found["jobs"]]


def test_a_query_gives_the_same_jobs_of_the_active_ones_and_of_all(farm: LocalFarm, jobs: Any):
    """Ledger S0-42; UX-4, UX-6: filtered before it is limited, and it says how many of how many."""
    for where, expected in (
        ("teapot -fx", ["teapot beauty"]),
        ("priority=80", ["teapot fx"]),
        ("name~beauty frames=4", ["bunny beauty", "teapot beauty"]),
        ("state=ready,pending user=owner", ["bunny beauty", "teapot fx", "teapot beauty"]),
        (f"job_id={jobs['teapot fx']}", ["teapot fx"]),
        ("submitted=today finished=none", ["bunny beauty", "teapot fx", "teapot beauty"]),
        ("shot=none", []),
    ):
        active = rest(farm, "GET", "/jobs", where=where, active="true")
        whole = rest(farm, "GET", "/jobs", where=where)
        assert names(active) == names(whole) == expected, where
        assert active["matched"] == whole["matched"] == len(expected)
        assert active["total"] == whole["total"] == len(jobs)


def test_active_jobs_are_sorted_before_they_are_limited(farm: LocalFarm, jobs: Any):
    for sort, expected in (
        ("name", ["bunny beauty", "teapot beauty", "teapot fx"]),
        ("-priority,-name", ["teapot fx", "teapot beauty", "bunny beauty"]),
        ("started,submitted", ["teapot beauty", "teapot fx", "bunny beauty"]),  # none has started
    ):
        found = rest(farm, "GET", "/jobs", active="true", sort=sort)
        assert names(found) == expected, sort
        first = rest(farm, "GET", "/jobs", active="true", sort=sort, limit="1")
        assert names(first) == expected[:1], sort
        assert first["matched"] == len(jobs)
    for sort, active in (("shot", "false"), ("name,user", "false"), ("colour", "true")):
        with pytest.raises(InvalidRequestError, match="sort"):
            rest(farm, "GET", "/jobs", sort=sort, active=active)


def test_pages_go_on_by_where_the_last_one_ended(farm: LocalFarm, jobs: Any):
    first = rest(farm, "GET", "/jobs", limit="2")
    assert (names(first), first["matched"]) == (["bunny beauty", "teapot fx"], None)
    second = rest(farm, "GET", "/jobs", limit="2", after=first["next"])
    assert (names(second), second["next"]) == (["teapot beauty"], None)
    with pytest.raises(InvalidRequestError, match="next"):
        rest(farm, "GET", "/jobs", after="page two")


def test_all_jobs_are_sorted_page_by_page(
    farm: LocalFarm, jobs: Any, monkeypatch: pytest.MonkeyPatch
):
    """Each page goes on behind the last one: what is alike comes newest first, and none twice."""
    monkeypatch.setattr(job_pages, "AT_A_TIME", 2)
    for sort, expected in (
        ("name", ["bunny beauty", "teapot beauty", "teapot fx"]),
        ("-name", ["teapot fx", "teapot beauty", "bunny beauty"]),
        ("priority", ["bunny beauty", "teapot beauty", "teapot fx"]),
        ("-priority", ["teapot fx", "bunny beauty", "teapot beauty"]),
        ("user", ["bunny beauty", "teapot fx", "teapot beauty"]),
        ("submitted", ["teapot beauty", "teapot fx", "bunny beauty"]),
        ("-started", ["bunny beauty", "teapot fx", "teapot beauty"]),  # none has
    ):
        for limit in (1, 2, 9):
            listed: list[str] = []
            page = rest(farm, "GET", "/jobs", sort=sort, limit=str(limit))
            while page["next"] is not None:
                listed += names(page)
                assert page["looked_back_to"] is None
                after = page["next"]
                page = rest(farm, "GET", "/jobs", sort=sort, limit=str(limit), after=after)
            assert listed + names(page) == expected, (sort, limit)
    found = rest(farm, "GET", "/jobs", sort="-name", where="beauty")
    assert names(found) == ["teapot beauty", "bunny beauty"]
    for place in ("1.job.", "1..null", "1.job.[]", "x.job.null"):
        with pytest.raises(InvalidRequestError, match="next"):
            rest(farm, "GET", "/jobs", sort="name", after=place)


def test_what_cannot_be_read_is_refused_with_its_place(farm: LocalFarm):
    with pytest.raises(InvalidRequestError, match="Did you mean user"):
        rest(farm, "GET", "/jobs", where="usr=ann")
    with pytest.raises(InvalidRequestError, match="= !="):
        rest(farm, "GET", "/workers", where="draining>yes")


def test_a_snapshot_is_compressed_whole_and_tells_what_may_be_asked(farm: LocalFarm, jobs: Any):
    """UX-2."""
    path = f"/api/v1/farms/{farm.farm_id}/snapshots/jobs"
    answer = signed(farm, "GET", path, service="grange")
    assert answer.headers["content-encoding"] == "gzip"
    found, rows = unpacked(answer.body)
    assert {row["name"] for row in rows} == set(jobs)
    assert (found["total"], found["complete"]) == (3, True)
    assert found["zone"] == "UTC"
    assert {"name", "user", "state"} <= {field["name"] for field in found["fields"]}
    later, _ = unpacked(signed(farm, "GET", f"{path}?since={2**52}", service="grange").body)
    assert later["number"] >= found["number"], "an older one is not sent again"


def test_workers_are_found_and_packed_as_well(farm: LocalFarm):
    worker = add_worker(farm, "render01")
    worker.start(threads=2)
    found = rest(farm, "GET", "/workers", where="state=rendering,idle threads=2 render01")
    assert [row["worker_id"] for row in found["workers"]] == [worker.worker_id]
    assert (found["workers"][0]["thread_count"], found["matched"]) == (2, 1)
    assert rest(farm, "GET", "/workers", where="-render01")["matched"] == 0
    path = f"/api/v1/farms/{farm.farm_id}/snapshots/workers"
    _, [row] = unpacked(signed(farm, "GET", path, service="grange").body, "worker_id")
    assert (row["name"], row["thread_count"]) == ("render01", 2)


def test_views_are_kept_for_each_user_alone(farm: LocalFarm):
    """UX-5: what somebody looks at often is there on every machine; others do not see it."""
    rest(farm, "PUT", "/views/jobs/my%20failed", {"query": "where=state%3Dfailed"})
    rest(farm, "PUT", "/views/jobs/my%20failed", {"query": "where=state%3Dfailed&group=shot"})
    rest(farm, "PUT", "/views/workers/idle", {"query": "where=state%3Didle"})
    [first, second] = rest(farm, "GET", "/views")["views"]
    assert (first["name"], first["query"]) == ("my failed", "where=state%3Dfailed&group=shot")
    assert (second["page"], second["name"]) == ("workers", "idle")
    admin = farm.connect()
    admin.call("POST", "/api/v1/users", body={"name": "ben", "role": "owner"}, service="grange")
    made = admin.call("POST", "/api/v1/users/ben/keys", body={}, service="grange")
    ben = Key(user="ben", key_id=made["key_id"], secret=made["secret"])
    assert rest(farm, "GET", "/views", key=ben)["views"] == []
    with pytest.raises(NotFoundError):
        rest(farm, "DELETE", "/views/workers/idle", key=ben)
    rest(farm, "DELETE", "/views/workers/idle")
    assert len(rest(farm, "GET", "/views")["views"]) == 1
    with pytest.raises(InvalidRequestError, match="jobs or workers"):
        rest(farm, "PUT", "/views/kitchen/sink", {"query": ""})


@pytest.mark.parametrize("path", ["/snapshots/jobs", "/snapshots/workers", "/jobs", "/views"])
def test_a_workers_key_reads_none_of_it(farm: LocalFarm, path: str):
    with pytest.raises(AccessDeniedError):
        rest(farm, "GET", path, key=farm.ids.worker)
