"""An empty data folder becomes a farm; a folder that has one is left as it is."""

import stat
from pathlib import Path

import pytest

from grange.adapters.folder_lock import FolderLock
from grange.adapters.host.master_key import master_key
from grange.adapters.host.zone import local_zone
from grange.config.settings import ServerSettings
from grange.domain.rates import RateLine, RateUnit
from grange.kernel.errors import ConfigurationError, ConflictError, CorruptDataError
from grange.kernel.units import Instant
from grange.wiring.farm_plan import FarmPlan
from grange.wiring.init import client_env, initialise, write_private

RATES = (RateLine(line_id="l1", unit=RateUnit.WORKER_HOUR, billionths_per_hour=10**9),)


def test_an_empty_folder_becomes_a_farm_and_a_second_time_changes_nothing(tmp_path: Path):
    settings = ServerSettings(data_dir=tmp_path / "data")
    plan = FarmPlan(farm="Demo farm", rates=RATES, rate_name="EXAMPLE", example_rates=True)
    first = initialise(settings, plan)
    assert first.created
    assert first.farm_id.startswith("farm-")
    again = initialise(settings, plan)
    assert not again.created
    assert (again.farm_id, again.queue_id, again.fleet_id) == (
        first.farm_id,
        first.queue_id,
        first.fleet_id,
    )
    assert (again.owner, again.worker) == (first.owner, first.worker)
    assert first.owner.secret != first.worker.secret


def test_a_folder_that_a_server_holds_is_refused(tmp_path: Path):
    with (
        FolderLock(tmp_path, started_at=Instant(1)),
        pytest.raises(ConflictError, match="process"),
    ):
        initialise(ServerSettings(data_dir=tmp_path), FarmPlan())


def test_client_env_is_for_its_owner_alone_and_names_everything(tmp_path: Path):
    result = initialise(ServerSettings(data_dir=tmp_path), FarmPlan())
    path = tmp_path / "client.env"
    write_private(path, client_env(result, endpoint="http://127.0.0.1:8765"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lines = dict(
        line.removeprefix("export ").split("=", 1) for line in path.read_text().splitlines()
    )
    assert lines["AWS_ENDPOINT_URL"] == "http://127.0.0.1:8765"
    assert lines["AWS_DISABLE_HOST_PREFIX_INJECTION"] == "true"
    assert lines["DEADLINE_CLOUD_TELEMETRY_OPT_OUT"] == "true"
    assert lines["AWS_SECRET_ACCESS_KEY"] == result.owner.secret
    assert lines["GRANGE_QUEUE_ID"] == result.queue_id
    assert result.owner.secret not in repr(result)


def test_the_master_key_is_kept_private_and_is_checked(tmp_path: Path):
    key = master_key(tmp_path)
    path = tmp_path / "master.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert master_key(tmp_path) == key
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        master_key(tmp_path)
    path.chmod(0o600)
    path.write_bytes(key[:5])
    with pytest.raises(CorruptDataError):
        master_key(tmp_path)


def test_the_local_zone_is_read_from_the_machines_files(tmp_path: Path):
    assert local_zone(tmp_path) == "UTC"
    (tmp_path / "timezone").write_text("Europe/Paris\n")
    assert local_zone(tmp_path) == "Europe/Paris"
    (tmp_path / "timezone").write_text("No/Such\n")
    assert local_zone(tmp_path) == "UTC"
