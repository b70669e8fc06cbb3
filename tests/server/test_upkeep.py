"""What the server does by the clock: render logs are compressed, and kept 30 or 180 days."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from grange.config.settings import ServerSettings
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant
from grange.server.upkeep import Upkeep
from grange.testing.farm import LocalFarm
from tests.server.conftest import add_worker, template

UNKNOWN = "session-" + "9" * 32


@pytest.fixture(scope="module")
def sessions(farm: LocalFarm, client: Any) -> dict[str, str]:
    """Status → a session whose only task ended so."""
    found = {}
    for status in ("SUCCEEDED", "FAILED"):
        job_id = client.create_job(
            farmId=farm.farm_id,
            queueId=farm.queue_id,
            template=template(status, frames="1"),
            templateType="JSON",
            priority=50,
            maxRetriesPerTask=0,
        )["jobId"]
        worker = add_worker(farm, status)
        worker.start()
        answer = worker.schedule()
        own = {"farmId": farm.farm_id, "queueId": farm.queue_id, "jobId": job_id}
        ((found[status], assigned),) = answer["assignedSessions"].items()
        done = {
            one["sessionActionId"]: worker.done(status, 0 if status == "SUCCEEDED" else 1)
            for one in assigned["sessionActions"]
        }
        worker.client.update_worker_schedule(**worker.named, updatedSessionActions=done)
        client.update_job(**own, targetTaskRunStatus="CANCELED")
        worker.stop()
    return found


def folder_of(farm: LocalFarm) -> Path:
    logs: Any = farm.api.context.logs
    return Path(logs._folder)


def sweep_after(farm: LocalFarm, streams: list[str], age_ms: int) -> list[str]:
    """Write logs of that age, let the server sweep, and return the streams that are left."""
    defaults = ServerSettings()
    upkeep = Upkeep(
        farm.api.context,
        log_days_succeeded=defaults.session_log_days_succeeded,
        log_days_failed=defaults.session_log_days_failed,
    )
    folder = folder_of(farm)
    now = farm.api.context.clock.now()
    for stream in streams:
        for old in folder.glob(f"{stream}*"):
            old.unlink()
        path = folder / f"{stream}.log"
        path.write_bytes(b"rendered\n" * 100)
        seconds = (now - age_ms) / 1000
        os.utime(path, (seconds, seconds))
    loop: Any = farm.api.context.owner._task
    asyncio.run_coroutine_threadsafe(upkeep.sweep(Instant(now)), loop.get_loop()).result(60)
    return [stream for stream in streams if list(folder.glob(f"{stream}*"))]


@pytest.mark.parametrize(
    ("days", "left"),
    [
        (1, {"SUCCEEDED", "FAILED"}),
        (29, {"SUCCEEDED", "FAILED"}),
        (31, {"FAILED"}),
        (179, {"FAILED"}),
        (181, set()),
    ],
)
def test_a_render_log_is_kept_30_days_and_180_if_something_failed(
    farm: LocalFarm, sessions: dict[str, str], days: int, left: set[str]
):
    found = sweep_after(farm, list(sessions.values()), days * MILLIS_PER_DAY)
    assert {status for status, stream in sessions.items() if stream in found} == left


def test_the_log_of_a_session_nobody_knows_is_kept_30_days(farm: LocalFarm):
    assert sweep_after(farm, [UNKNOWN], 29 * MILLIS_PER_DAY) == [UNKNOWN]
    assert sweep_after(farm, [UNKNOWN], 31 * MILLIS_PER_DAY) == []


def test_logs_are_compressed_after_an_hour_and_no_younger_for_it(farm: LocalFarm):
    (path,) = [folder_of(farm) / f"{UNKNOWN}.log"]
    assert sweep_after(farm, [UNKNOWN], MILLIS_PER_HOUR // 2) == [UNKNOWN]
    assert path.exists()
    assert sweep_after(farm, [UNKNOWN], 2 * MILLIS_PER_HOUR) == [UNKNOWN]
    assert not path.exists()
    compressed = path.with_name(path.name + ".gz")
    assert compressed.stat().st_size < 100
    age_ms = farm.api.context.clock.now() - compressed.stat().st_mtime_ns // 1_000_000
    assert age_ms > 1.9 * MILLIS_PER_HOUR
