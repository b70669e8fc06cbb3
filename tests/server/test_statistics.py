"""Statistics and reports through every door: boto3, the command line, Python, REST."""

import csv
import io
import json
import time
from collections.abc import Iterator
from datetime import UTC, timedelta, timezone
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import ANY, Stubber

import grange
from grange.adapters.farm_http import HttpFarmApi
from grange.adapters.host.clock import SystemClock
from grange.adapters.journal.writer import FileJournal
from grange.books.catalog.rows import fact_row
from grange.cli import report as report_command
from grange.cli.main import run
from grange.domain.facts import Fact
from grange.kernel.errors import InvalidRequestError, NotFoundError, ThrottledError
from grange.kernel.units import datetime_of, instant_of, iso8601
from grange.sdk.farm import Farm
from grange.sdk.statistics import FolderRuns, Statistics, UsageQuery, UsageRow, UsageStatus
from grange.services.books.reports import REPORTS
from grange.testing.facts import T0, action_fact, licence_fact, numbered, session_fact
from grange.testing.farm import LocalFarm

USERS = 250
START, END = datetime_of(T0) - timedelta(days=1), datetime_of(T0) + timedelta(days=1)


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalFarm]:
    """A farm with the past of 250 users in its journal."""
    folder: Path = tmp_path_factory.mktemp("statistics")
    with LocalFarm(folder) as first:
        about: dict[str, Any] = {
            "farm_id": first.farm_id, "queue_id": first.queue_id, "fleet_id": first.fleet_id,
        }  # fmt: skip
    journal = FileJournal(folder / "journal", SystemClock())
    for number in range(USERS):
        facts: list[Fact] = [
            session_fact(
                **about, session_id=numbered("session", number), user_name=f"u{number:03}",
                started_at=T0 + number * 1000, billionths_per_hour=1_000_000_007,
            ),
            action_fact(
                **about, session_id=numbered("session", number), user_name=f"u{number:03}",
                started_at=T0 + number * 1000,
            ),
        ]  # fmt: skip
        if number < 3:
            held = {name: about[name] for name in ("farm_id", "fleet_id")}
            facts.append(
                licence_fact(**held, use_id=str(number), session_id=numbered("session", number))
            )
        for fact in facts:
            name, row = fact_row(fact)
            journal.append(about["farm_id"], name, [row])
    journal.sync()
    journal.close()
    with LocalFarm(folder) as running:
        yield running


@pytest.fixture(scope="module")
def client(farm: LocalFarm) -> Any:
    return farm.boto3()


def asked(farm: LocalFarm, **changes: Any) -> dict[str, Any]:
    return {
        "farmId": farm.farm_id,
        "resourceIds": {"queueIds": [farm.queue_id]},
        "startTime": START,
        "endTime": END,
        "groupBy": ["USER_ID"],
        "statistics": ["SUM", "AVG"],
    } | changes


def ended(client: Any, farm: LocalFarm, aggregation_id: str, **more: Any) -> dict[str, Any]:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        page: dict[str, Any] = client.get_sessions_statistics_aggregation(
            farmId=farm.farm_id, aggregationId=aggregation_id, **more
        )
        if page["status"] != "IN_PROGRESS":
            return page
    raise AssertionError("still in progress")


@pytest.fixture(scope="module")
def aggregation(client: Any, farm: LocalFarm) -> str:
    found: str = client.start_sessions_statistics_aggregation(**asked(farm))["aggregationId"]
    ended(client, farm, found)
    return found


def code_of(caught: Any) -> tuple[int, str]:
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


# ── boto3 ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_paginator_of_boto3_meets_every_row_once(client, farm, aggregation):
    """S2-01, S2-02, S2-06, S2-17: an id of 32 hexadecimal digits; 250 rows make three pages, each
    with a token of its own, null at the end."""
    assert len(aggregation) == 32
    assert int(aggregation, 16) >= 0
    pages = list(
        client.get_paginator("get_sessions_statistics_aggregation").paginate(
            farmId=farm.farm_id, aggregationId=aggregation
        )
    )
    assert [len(page["statistics"]) for page in pages] == [100, 100, 50]
    users = [row["userId"] for page in pages for row in page["statistics"]]
    assert users == [f"u{number:03}" for number in range(USERS)]
    tokens = [page.get("nextToken") for page in pages]
    assert tokens[0] != tokens[1]
    assert tokens[2] is None
    assert all(len(token) <= 4096 for token in tokens[:2])


def test_a_token_is_good_for_the_request_it_was_made_for_alone(client, farm, aggregation):
    """S2-06, S2-18: changed arguments and invented tokens are refused with 400."""
    first = client.get_sessions_statistics_aggregation(
        farmId=farm.farm_id, aggregationId=aggregation, maxResults=7
    )
    again = client.get_sessions_statistics_aggregation(
        farmId=farm.farm_id, aggregationId=aggregation, maxResults=9, nextToken=first["nextToken"]
    )
    assert again["statistics"][0]["userId"] == "u007"
    other = client.start_sessions_statistics_aggregation(**asked(farm))["aggregationId"]
    ended(client, farm, other)
    for changes in (
        {"aggregationId": other, "nextToken": first["nextToken"]},
        {"aggregationId": aggregation, "nextToken": "invented"},
    ):
        with pytest.raises(ClientError) as caught:
            client.get_sessions_statistics_aggregation(farmId=farm.farm_id, **changes)
        assert code_of(caught) == (400, "ValidationException")


@pytest.mark.parametrize(
    "changes",
    [
        {"groupBy": ["USER_ID", "JOB_ID", "QUEUE_ID"]},
        {"groupBy": ["SHOE_SIZE"]},
        {"statistics": ["MEDIAN"]},
        {"period": "FORTNIGHTLY"},
        {"timezone": "UTC+05:45"},
        {"timezone": "UTC+8:00:00"},
        {"resourceIds": {"queueIds": [numbered("queue", n) for n in range(11)]}},
        {"endTime": START},
    ],
)
def test_what_botocore_lets_through_is_refused_by_us(client, farm, changes):
    """S2-01, S2-15: with a reason and the fields."""
    with pytest.raises(ClientError) as caught:
        client.start_sessions_statistics_aggregation(**asked(farm, **changes))
    assert code_of(caught) == (400, "ValidationException")
    said: dict[str, Any] = dict(caught.value.response)
    assert said["reason"] == "FIELD_VALIDATION_FAILED"
    assert said["fieldList"]


@pytest.mark.parametrize("named", [{"farmId": numbered("farm", 9)}, {"aggregationId": "f" * 32}])
def test_what_does_not_exist_is_not_found(client, farm, aggregation, named):
    """S2-15, S2-18."""
    with pytest.raises(ClientError) as caught:
        client.get_sessions_statistics_aggregation(
            **({"farmId": farm.farm_id, "aggregationId": aggregation} | named)
        )
    assert code_of(caught) == (404, "ResourceNotFoundException")


def test_a_second_start_is_answered_with_429_and_when_to_come_back(farm, monkeypatch):
    """S2-04: HTTP 429 and retry-after; our own client raises ThrottledError with it."""
    books = farm.api.context.books

    async def busy(question: str, /, **arguments: Any) -> Any:
        raise ThrottledError("Another one is in progress.", retry_after_seconds=2)

    monkeypatch.setattr(books, "ask", busy, raising=False)
    with pytest.raises(ThrottledError) as ours:
        statistics(farm).start(query(farm))
    assert ours.value.retry_after_seconds == 2
    with pytest.raises(ClientError) as caught:
        farm.boto3().start_sessions_statistics_aggregation(**asked(farm))
    assert code_of(caught) == (429, "ThrottlingException")
    headers = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["retry-after"] == "2"


def test_a_kind_of_usage_nobody_knows_yet_comes_through_unharmed():
    """S2-08: the current model has PERSISTENT_VOLUME too; kinds are an open set."""
    client = boto3.client(
        "deadline", region_name="us-west-2", aws_access_key_id="a", aws_secret_access_key="b"
    )
    row = {
        "usageType": "MOONLIGHT", "count": 1, "costInUsd": {"sum": 2.0}, "runtimeInSeconds": {},
        "aggregationStartTime": START, "aggregationEndTime": END,
    }  # fmt: skip
    with Stubber(client) as stubber:
        stubber.add_response(
            "get_sessions_statistics_aggregation",
            {"status": "COMPLETED", "statistics": [row]},
            {"farmId": ANY, "aggregationId": ANY},
        )
        page = client.get_sessions_statistics_aggregation(
            farmId=numbered("farm", 1), aggregationId="f" * 32
        )
    assert page["statistics"][0]["usageType"] == "MOONLIGHT"
    ours = UsageRow.of(row | {"aggregationStartTime": iso8601(instant_of(START)),
                              "aggregationEndTime": iso8601(instant_of(END))})  # fmt: skip
    assert (ours.usage_type, ours.cost_usd.sum, ours.cost_usd.avg) == ("MOONLIGHT", 2.0, None)


# ── Python ────────────────────────────────────────────────────────────────────────────────────────


def connected(farm: LocalFarm) -> Any:
    api = farm.connect()
    assert isinstance(api, HttpFarmApi)
    return Farm(api, farm.farm_id, SystemClock())


def statistics(farm: LocalFarm) -> Statistics:
    found: Statistics = connected(farm).books.statistics
    return found


def query(farm: LocalFarm, **changes: Any) -> UsageQuery:
    values: dict[str, Any] = {
        "start_at": START, "end_at": END, "queue_ids": (farm.queue_id,), "group_by": ("USER_ID",),
    }  # fmt: skip
    return UsageQuery(**(values | changes))


def test_python_asks_the_same_over_a_server_and_over_its_folder(farm):
    """S2-16: the same shape over one's own store, and the same figures."""
    over_http = list(statistics(farm).iter_rows(query(farm)))
    folder: Statistics = grange.open(farm._settings.data_dir).books.statistics
    assert isinstance(folder._runs, FolderRuns)
    in_folder = list(folder.iter_rows(query(farm), limit=60))
    assert over_http == in_folder
    assert len(over_http) == USERS
    first = over_http[0]
    assert (first.user_id, first.queue_id, first.count) == ("u000", None, 1)
    assert first.runtime_seconds.sum == first.runtime_seconds.avg == 10.0
    assert (first.start_at, first.end_at) == (START, END)


def test_python_tells_kinds_and_products_apart(farm):
    """S2-07, S2-08, S2-09."""
    rows = list(statistics(farm).iter_rows(query(farm, group_by=("USAGE_TYPE", "LICENSE_PRODUCT"))))
    assert [(row.usage_type, row.licence_product, row.count) for row in rows] == [
        ("COMPUTE", None, USERS),
        ("LICENSE", "nuke", 3),
    ]


def test_buckets_have_aware_times_in_the_zone_that_was_asked_for(farm):
    """S2-12: days of UTC+05:30."""
    rows = list(
        statistics(farm).iter_rows(
            query(farm, group_by=("QUEUE_ID",), period="DAILY", timezone="UTC+05:30")
        )
    )
    zone = timezone(timedelta(hours=5, minutes=30))
    assert [row.start_at.astimezone(zone).hour for row in rows] == [0] * len(rows)
    assert all(row.start_at.tzinfo is UTC for row in rows)
    assert sum(row.runtime_seconds.sum or 0 for row in rows) == USERS * 10


def test_python_names_what_was_wrong(farm):
    """S2-15: one to one."""
    with pytest.raises(InvalidRequestError) as caught:
        statistics(farm).start(query(farm, group_by=("SHOE_SIZE",)))
    assert any(problem.name.startswith("groupBy") for problem in caught.value.fields)
    with pytest.raises(NotFoundError):
        statistics(farm).page("f" * 32)
    found = statistics(farm).start(query(farm))
    assert statistics(farm).wait(found).status is UsageStatus.COMPLETED


# ── the command line ──────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def grange_(farm: LocalFarm, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any) -> Any:
    owner = farm.ids.owner
    monkeypatch.setenv("AWS_ENDPOINT_URL", farm.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", owner.key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", owner.secret)
    monkeypatch.setenv("GRANGE_CLIENT_CONFIG", str(tmp_path / "none.toml"))
    monkeypatch.delenv("GRANGE_FARM_ID", raising=False)
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> str:
        capsys.readouterr()
        code = run(words)
        said = capsys.readouterr()
        assert code == 0, said.err
        return str(said.out)

    return call


def test_the_request_of_the_sdk_gives_the_answer_of_the_sdk(grange_, client, farm, tmp_path):
    """S2-17: JSON in and out; pages piped one after the other are the whole."""
    request = asked(farm) | {"startTime": START.isoformat(), "endTime": END.isoformat()}
    question = tmp_path / "question.json"
    question.write_text(json.dumps(request), encoding="utf-8")
    whole = json.loads(grange_("usage", "--request", str(question)))
    pages, more = [], ["--max-results", "90"]
    while True:
        page = json.loads(grange_("usage", "--request", str(question), *more))
        pages += page["statistics"]
        if not page.get("nextToken"):
            break
        more = ["--max-results", "90", "--aggregation", page["aggregationId"],
                "--starting-token", page["nextToken"]]  # fmt: skip
    assert pages == whole["statistics"]
    found = client.start_sessions_statistics_aggregation(**asked(farm))["aggregationId"]
    ended(client, farm, found)
    paginator = client.get_paginator("get_sessions_statistics_aggregation")
    theirs = [
        row
        for page in paginator.paginate(farmId=farm.farm_id, aggregationId=found)
        for row in page["statistics"]
    ]
    assert [(r["userId"], r["count"], r["costInUsd"], r["runtimeInSeconds"]) for r in pages] == [
        (r["userId"], r["count"], r["costInUsd"], r["runtimeInSeconds"]) for r in theirs
    ]


def test_usage_is_read_filtered_counted_and_written(grange_, farm, tmp_path):
    """Issue item 7: --by, --since, --where, --csv, --xlsx, "N of M"."""
    since = ["--since", "2025-12-31", "--until", "2026-01-03"]
    text = grange_("usage", "--by", "user", *since, "--where", "user=u007", "--limit", "1")
    assert "u007" in text
    assert "1 of 1 row, 0.4 % of the hours." in text
    text = grange_("usage", "--by", "user", *since, "--limit", "2")
    assert "2 of 250 rows." in text
    rows = list(csv.DictReader(io.StringIO(grange_("usage", "--by", "user", *since, "--csv"))))
    assert len(rows) == USERS
    assert sum(int(row["runtime_ms"]) for row in rows) == USERS * 10_000
    grange_("usage", *since, "--xlsx", "-o", str(tmp_path / "u.xlsx"))
    assert (tmp_path / "u.xlsx").read_bytes()[:2] == b"PK"
    grange_("usage", *since, "--parquet")
    assert (tmp_path / "usage.parquet").read_bytes()[:4] == b"PAR1"


@pytest.mark.parametrize("name", report_command.REPORTS)
def test_every_report_can_be_read_on_the_command_line_and_in_python(grange_, farm, name):
    """The command line lists the reports itself, since it has none of the server's parts."""
    printed = json.loads(grange_("report", name, "--since", "2025-12-31", "--json"))
    table = connected(farm).books.reports.get(name, "2025-12-31", "2026-01-03")
    assert [dict(row) for row in table] == printed["rows"]
    assert report_command.REPORTS[name][0] == ",".join(REPORTS[name].by)
    # These three have commands of their own.
    assert set(report_command.REPORTS) | {"usage", "cost", "forecast"} >= set(REPORTS)


def test_dollars_are_told_by_a_dated_rate(farm):
    """The farm of this test has dollars: a rate is refused, and says why."""
    api = farm.connect()
    path = f"/api/v1/farms/{farm.farm_id}/exchange-rates"
    with pytest.raises(InvalidRequestError, match="USD already"):
        api.call("POST", path, body={"rate": "1.1"}, service="grange")
    with pytest.raises(InvalidRequestError, match="larger than 0"):
        api.call("POST", path, body={"rate": "-1"}, service="grange")
    assert api.call("GET", path, service="grange") == {"exchange_rates": []}
