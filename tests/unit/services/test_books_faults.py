"""The short form of tests/soak/test_faults.py: each kind of step fails once in each way."""

from pathlib import Path
from typing import Any

import pytest

from tests.soak.faults import KINDS, Faults, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


CHOSEN = {
    "before": "publish",
    "torn": "copy",
    "after": "publish",
    "full": "write sessions",
}


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Faults]:
    """What is there if nothing fails."""
    return run(tmp_path_factory.mktemp("calm") / "folder")


def test_every_kind_of_write_is_a_step(calm: tuple[dict[str, Any], Faults]) -> None:
    found, faults = calm
    kinds = {step.split(" ")[0] for step in faults.steps}
    assert kinds == {"journal", "write", "publish", "copy", "adopt", "remove", "forget"}
    assert len(found["sessions"]) == 13
    assert len(found["worker_samples"]) == 42


@pytest.mark.parametrize("kind", KINDS)
def test_a_torn_write_or_a_full_disk_changes_nothing(
    tmp_path: Path, calm: tuple[dict[str, Any], Faults], kind: str
) -> None:
    """Invariant 1: simulated torn writes, crashes and a full disk, in the middle of two days.

    The soak tries every step.
    """
    expected, faults = calm
    step = CHOSEN[kind]
    places = [n for n, name in enumerate(faults.steps, 1) if name == step]
    at = places[len(places) // 2]
    found, _ = run(tmp_path / "folder", at, kind)
    assert found == expected, f"{kind} at step {at}, {step}"
