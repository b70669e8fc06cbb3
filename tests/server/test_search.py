"""SearchJobs through boto3: every filter and sort of the model."""

from typing import Any

import pytest

from grange.testing.farm import LocalFarm
from tests.server.conftest import template


@pytest.fixture(scope="module")
def queue_id(farm: LocalFarm) -> str:
    client = farm.boto3()
    queue_id: str = client.create_queue(farmId=farm.farm_id, displayName="search")["queueId"]
    for name, priority, speed in (
        ("alpha", 10, "1"),
        ("beta", 20, "2"),
        ("alpha two", 30, "3"),
    ):
        client.create_job(
            farmId=farm.farm_id,
            queueId=queue_id,
            template=template(name),
            templateType="JSON",
            priority=priority,
            parameters={"Speed": {"int": speed}},
        )
    return queue_id


def found(client: Any, farm: LocalFarm, queue_id: str, *filters: Any, **more: Any) -> list[str]:
    if filters:
        more["filterExpressions"] = {"filters": list(filters), "operator": "AND"}
    answer = client.search_jobs(
        farmId=farm.farm_id, queueIds=[queue_id], **{"itemOffset": 0, **more}
    )
    return [job["name"] for job in answer["jobs"]]


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ({"searchTermFilter": {"searchTerm": "ALPHA"}}, {"alpha", "alpha two"}),
        (
            {"searchTermFilter": {"searchTerm": "alpha two", "matchType": "CONTAINS"}},
            {"alpha two"},
        ),
        ({"stringFilter": {"name": "NAME", "operator": "EQUAL", "value": "beta"}}, {"beta"}),
        (
            {"stringFilter": {"name": "name", "operator": "NOT_EQUAL", "value": "beta"}},
            {"alpha", "alpha two"},
        ),
        (
            {"stringFilter": {"name": "PRIORITY", "operator": "GREATER_THAN", "value": "15"}},
            {"beta", "alpha two"},
        ),
        (
            {
                "stringFilter": {
                    "name": "TASK_RUN_STATUS",
                    "operator": "EQUAL",
                    "value": "READY",
                }
            },
            {"alpha", "beta", "alpha two"},
        ),
        (
            {"stringFilter": {"name": "CREATED_BY", "operator": "EQUAL", "value": "nobody"}},
            set(),
        ),
        (
            {
                "stringListFilter": {
                    "name": "NAME",
                    "operator": "ANY_EQUALS",
                    "values": ["alpha", "beta"],
                }
            },
            {"alpha", "beta"},
        ),
        (
            {
                "stringListFilter": {
                    "name": "NAME",
                    "operator": "ALL_NOT_EQUALS",
                    "values": ["alpha", "beta"],
                }
            },
            {"alpha two"},
        ),
        ({"parameterFilter": {"name": "Speed", "operator": "EQUAL", "value": "2"}}, {"beta"}),
        (
            {
                "dateTimeFilter": {
                    "name": "CREATED_AT",
                    "operator": "GREATER_THAN",
                    "dateTime": 0,
                }
            },
            {"alpha", "beta", "alpha two"},
        ),
        (
            {"dateTimeFilter": {"name": "endedAt", "operator": "GREATER_THAN", "dateTime": 0}},
            set(),
        ),
        (
            {
                "groupFilter": {
                    "operator": "OR",
                    "filters": [
                        {
                            "stringFilter": {
                                "name": "NAME",
                                "operator": "EQUAL",
                                "value": "beta",
                            }
                        },
                        {
                            "stringFilter": {
                                "name": "PRIORITY",
                                "operator": "EQUAL",
                                "value": "10",
                            }
                        },
                    ],
                }
            },
            {"alpha", "beta"},
        ),
    ],
)
def test_filters(client: Any, farm: LocalFarm, queue_id: str, condition: Any, names: set[str]):
    assert set(found(client, farm, queue_id, condition)) == names


def test_sorts(client: Any, farm: LocalFarm, queue_id: str):
    def by(**sort: Any) -> list[str]:
        return found(client, farm, queue_id, sortExpressions=[sort])

    assert by(fieldSort={"name": "CREATED_AT", "sortOrder": "DESCENDING"}) == [
        "alpha two",
        "beta",
        "alpha",
    ]
    assert by(fieldSort={"name": "priority", "sortOrder": "ASCENDING"}) == [
        "alpha",
        "beta",
        "alpha two",
    ]
    assert by(parameterSort={"name": "Speed", "sortOrder": "DESCENDING"}) == [
        "alpha two",
        "beta",
        "alpha",
    ]
    assert len(by(userJobsFirst={"userIdentityId": "owner"})) == 3


def test_pages(client: Any, farm: LocalFarm, queue_id: str):
    own = {"farmId": farm.farm_id, "queueIds": [queue_id], "pageSize": 2}
    first = client.search_jobs(**own, itemOffset=0)
    assert (len(first["jobs"]), first["nextItemOffset"], first["totalResults"]) == (2, 2, 3)
    second = client.search_jobs(**own, itemOffset=2)
    assert len(second["jobs"]) == 1
    assert "nextItemOffset" not in second


@pytest.mark.parametrize(
    "condition",
    [
        {"stringFilter": {"name": "COLOUR", "operator": "EQUAL", "value": "red"}},
        {"stringFilter": {"name": "NAME", "operator": "LESS_THAN", "value": "b"}},
        {"stringFilter": {"name": "PRIORITY", "operator": "EQUAL", "value": "high"}},
        {"dateTimeFilter": {"name": "NAME", "operator": "EQUAL", "dateTime": 0}},
        {"stringListFilter": {"name": "NAME", "operator": "EQUAL", "values": ["a"]}},
    ],
)
def test_wrong_filters_name_the_field(client: Any, farm: LocalFarm, queue_id: str, condition: Any):
    with pytest.raises(client.exceptions.ValidationException) as refused:
        found(client, farm, queue_id, condition)
    (problem,) = refused.value.response["fieldList"]
    assert problem["name"].startswith("filterExpressions.filters[0].")
