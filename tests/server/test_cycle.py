"""The cycle with Grange's own commands on a real server: steps out of order do no harm."""

from pathlib import Path
from typing import Any

import pytest

from grange.cli.main import run
from grange.kernel.units import MILLIS_PER_HOUR
from grange.testing.farm import LocalFarm
from tests.server.test_restore_streams import Mover, hours

USUAL = ("collect", "archive", "watch")


def settings(mover: Mover, *steps: str) -> None:
    """Add a cycle and a watch to the collector's settings."""
    text = mover.file.read_text().partition("[cycle]")[0]
    folder = mover.file.parent
    names = "".join(f'[[cycle.steps]]\nname = "{name}"\n' for name in steps)
    mover.file.write_text(
        f'{text}[cycle]\nlock = "{folder}/lock"\n{names}'
        f'[watch]\nstate = "{folder}/watch.json"\nschedule = false\n'
    )


def archived(farm: LocalFarm, start: int) -> Any:
    """What the archives hold of the stream."""
    return farm.connect().call(
        "GET", f"/api/v1/farms/{farm.farm_id}/streams/ring-rows", service="grange",
        query={
            "stream": "feedA", "kind": "tx", "since": str(start),
            "until": str(start + 5 * MILLIS_PER_HOUR), "step_seconds": "60",
        },
    )  # fmt: skip


def cycle(*words: str) -> int:
    return run(["streams", "cycle", *words])


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_steps_out_of_order_change_nothing_in_the_end(tmp_path: Path, monkeypatch, capsys):
    """Ledger S4-29, S4-17: reordering fails safe; running again changes nothing."""
    with LocalFarm(tmp_path / "farm") as farm:
        mover = Mover(tmp_path / "logs", monkeypatch, farm.api.context.clock.now())
        mover.use(farm)
        mover.write(1500)
        settings(mover, "archive", "collect")
        assert cycle() != 0
        assert "nothing was run" in capsys.readouterr().err
        assert hours(farm) == []
        # By hand, in an order that makes no sense.
        for step in ("watch", "archive"):
            settings(mover, step)
            cycle()
        mover.collect()
        mover.write(3000)
        settings(mover, *USUAL)
        assert cycle() == 0, capsys.readouterr().err
        found, rows = hours(farm), archived(farm, mover.start)
        assert cycle() == 0
        assert (hours(farm), archived(farm, mover.start)) == (found, rows)
    with LocalFarm(tmp_path / "clean") as farm:
        clean = Mover(tmp_path / "clean-logs", monkeypatch, mover.start + 6 * MILLIS_PER_HOUR)
        clean.use(farm)
        clean.write(3000)
        clean.collect()
        settings(clean, *USUAL)
        assert cycle() == 0
        assert hours(farm) == found
        assert archived(farm, mover.start) == rows
    assert sum(row["lines"] for row in found) == 3000
    totals = {one["label"]: sum(value or 0 for value in one["total"]) for one in rows["sources"]}
    assert totals["errors"] > 10
