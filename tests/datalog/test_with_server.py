"""Nothing is lost and nothing counts twice, from a publisher in C to the server's books."""

from pathlib import Path
from typing import Any

import pytest

from grange.books.values.payload import Reading
from grange.config.streams_datalog import DatalogSection, DatalogSeries
from grange.datalog.inbox import LocalValues
from grange.kernel.errors import AccessDeniedError
from grange.testing.farm import LocalFarm
from grange.wiring.datalog import configured, declare, running_datalog
from tests.datalog.broker import wait_until
from tests.datalog.load import none_lost_none_doubled


@pytest.mark.mosquitto
def test_none_lost_none_doubled_through_kill_9_and_a_restart_of_the_broker(tmp_path: Path):
    """Ledger S3-13, S3-21; the short form of the minute in tests/soak."""
    run = none_lost_none_doubled(tmp_path, 3000, kill_every=1.0)
    assert run.kills >= 2


def test_series_are_set_up_at_the_server_and_archives_take_their_values(tmp_path: Path):
    """Ledger S3-01, S3-09: the server is told of the series; the logger is heard of, too."""
    series = DatalogSeries(name="rack1", step_seconds=60, sources=("rack1|value|0|GAUGE|Power",))
    section = DatalogSection(
        name="cellar", folder=str(tmp_path / "logger"), http_port=0, series=(series,)
    )
    with LocalFarm(tmp_path / "farm") as farm:
        api = farm.connect()

        def ask(path: str) -> dict[str, Any]:
            path = f"/api/v1/farms/{farm.farm_id}{path}"
            found: dict[str, Any] = api.call("GET", path, service="grange")
            return found

        with running_datalog(section, reread=lambda: section, api=api, farm_id=farm.farm_id) as (
            logger,
            _,
        ):
            taken = [Reading("rack1", "value", 0, 42.5)]
            logger.inbox.bring(LocalValues(taken, farm.api.context.clock.now()))
            wait_until(lambda: logger.forwarder.sent == 1, seconds=100, what="it is sent")
        (row,) = ask("/series")["series"]
        assert (row["name"], row["step_seconds"], row["profile"]) == ("rack1", 60, "janitoo")
        assert row["sources"][0]["label"] == "Power"
        assert [one["machine"] for one in ask("/streams/contacts")["contacts"]] == ["cellar"]
        (source,) = ask("/streams/sources")["series"]
        assert (source["series"], source["count"], source["last"]) == ("rack1", 1, 42.5)
        _, wanted = configured(section)
        assert declare(api, farm.farm_id, wanted[0]) is False, "it was set up already"
        with pytest.raises(AccessDeniedError):
            declare(farm.connect(farm.ids.worker), farm.farm_id, wanted[0])
