"""A simulated farm moves into a running server, and is never taken for a real one."""

import shutil
from pathlib import Path

import pytest

from grange.kernel.errors import GrangeError
from grange.kernel.units import MILLIS_PER_DAY
from grange.testing.farm import LocalFarm
from grange.testing.studio import simulated_studio

pytestmark = pytest.mark.slow

REST = "/api/v1"


def test_a_simulated_farm_moves_in_beside_the_real_one(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with LocalFarm(data) as farm:
        past = simulated_studio(data / "showroom", workers=3, days=0.5)
        api = farm.connect()

        def get(path: str, **query: str) -> dict[str, object]:
            return api.call("GET", f"{REST}{path}", query=query, service="grange")

        made = api.call(
            "POST", f"{REST}/farms/simulated", body={"folder": "showroom"}, service="grange"
        )
        assert (made["farm_id"], made["simulated"]) == (past.farm_id, True)
        assert not (data / "showroom").exists()

        farms = get("/farms")["farms"]
        assert isinstance(farms, list)
        assert [(row["farm_id"], row["simulated"]) for row in farms] == [
            (farm.farm_id, False),
            (past.farm_id, True),
        ], "the real farm comes first"

        span = {"start": str(past.start), "end": str(past.start + MILLIS_PER_DAY)}
        own = get(f"/farms/{farm.farm_id}/usage", group_by="user", **span)
        theirs = get(f"/farms/{past.farm_id}/usage", group_by="user", **span)
        assert own["rows"] == []
        assert own.get("simulated") is not True
        assert theirs["rows"]
        assert theirs["simulated"] is True, "every answer of its books is marked"
        for farm_id in (farm.farm_id, past.farm_id):
            found = api.call(
                "POST", f"{REST}/farms/{farm_id}/books/verify", body={}, service="grange"
            )
            assert [check for check in found["checks"] if not check["ok"]] == []
        overview = get(f"/farms/{past.farm_id}/overview")
        assert overview["jobs"]
        assert overview["workers"]

        entries = get("/audit")["entries"]
        assert isinstance(entries, list)
        taken = [one for one in entries if one["operation"].endswith("AdoptFarm")]
        assert [one["subject"] for one in taken if one["kind"] == "farm"] == ["Studio"]
        assert len(taken) < 3, "not one for each job that moved in"

        with pytest.raises(GrangeError):
            api.call(
                "POST", f"{REST}/farms/simulated", body={"folder": "../elsewhere"}, service="grange"
            )
    # After a restart the folder still belongs to the real farm.
    with LocalFarm(data) as again:
        assert again.farm_id == farm.farm_id


def test_a_real_farm_is_never_taken_in(tmp_path: Path) -> None:
    other = tmp_path / "other"
    with LocalFarm(other):
        pass
    data = tmp_path / "data"
    with LocalFarm(data) as farm:
        shutil.copytree(other, data / "other")
        with pytest.raises(GrangeError, match="simulated farm"):
            farm.connect().call(
                "POST", f"{REST}/farms/simulated", body={"folder": "other"}, service="grange"
            )
