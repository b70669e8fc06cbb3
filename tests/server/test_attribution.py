"""Attribution on a running farm: applied when a job is created, and tested afterwards."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grange.kernel.errors import InvalidRequestError, NotFoundError
from grange.testing.farm import LocalFarm
from tests.server.conftest import template

RULE = r"""
[[rule]]
name = "job names"
job_name = '^(?P<project>[a-z]+)_(?P<shot>sh\d+)'
"""


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalFarm]:
    with LocalFarm(tmp_path_factory.mktemp("attribution")) as running:
        yield running


def submit(farm: LocalFarm, name: str, **more: Any) -> str:
    made = farm.boto3().create_job(
        farmId=farm.farm_id, queueId=farm.queue_id, priority=50, templateType="JSON",
        template=template(name), **more,
    )  # fmt: skip
    return str(made["jobId"])


def attribution(farm: LocalFarm, job_id: str) -> dict[str, Any]:
    path = f"/api/v1/farms/{farm.farm_id}/jobs/{job_id}/attribution"
    return farm.connect().call("GET", path, service="grange")


def test_rules_decide_at_create_job_and_never_rewrite_history(farm: LocalFarm):
    """Ledger rule 11.9, and rule 11.4: later edits change nothing that was decided."""
    rules: Path = farm._settings.data_dir / "attribution.toml"
    before = submit(farm, "dune_sh010_light")
    rules.write_text(RULE, encoding="utf-8")
    after = submit(farm, "dune_sh020_light", tags={"grange:shot": "by-tag"})

    def rows(job_id: str) -> dict[tuple[str | None, str], dict[str, Any]]:
        return {(r["layer"], r["attribute"]): r for r in attribution(farm, job_id)["rows"]}

    old, new = rows(before), rows(after)
    assert old[None, "project"]["kept"] == "unassigned"
    assert old[None, "project"]["value"] == "dune"
    assert old["render", "project"]["source"] == "rule job names"
    assert new[None, "project"] == {
        "layer": None, "attribute": "project", "value": "dune", "source": "rule job names",
        "kept": "dune",
    }  # fmt: skip
    assert (new["render", "shot"]["kept"], new["render", "shot"]["source"]) == (
        "by-tag",
        "tag grange:shot",
    )
    job = farm.connect().call("GET", f"/api/v1/farms/{farm.farm_id}/jobs/{after}", service="grange")
    assert job["project"] == "dune"
    assert "dune" in json.dumps(job["layers"])
    rules.write_text("[[rule]", encoding="utf-8")
    still = submit(farm, "dune_sh030_light")
    with pytest.raises(InvalidRequestError, match=r"attribution\.toml"):
        attribution(farm, still)
    rules.write_text(RULE, encoding="utf-8")
    assert rows(still)[None, "project"]["kept"] == "dune"


def test_an_unknown_job_has_no_attribution(farm: LocalFarm):
    with pytest.raises(NotFoundError):
        attribution(farm, "job-" + "0" * 32)
