"""Every write of two days fails once, in every way: nothing is lost, nothing is doubled."""

from pathlib import Path

import pytest

from tests.soak.faults import KINDS, run


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_at_every_step_changes_nothing(tmp_path: Path, kind: str):
    """Invariant 1: a crash before, in and after each write, and a full disk at each."""
    expected, calm = run(tmp_path / "calm")
    for at in range(1, len(calm.steps) + 1):
        found, faults = run(tmp_path / f"{at}", at, kind)
        assert found == expected, f"{kind} at step {at}, {faults.steps[at - 1]}"
