"""Where the tests of whole parts keep their files."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools import scratch


def test_files_lie_in_memory_and_are_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "MEMORY", tmp_path)
    monkeypatch.setattr(scratch, "_room", lambda: True)
    with scratch.scratch(wanted=True) as places:
        folder = Path(places["PYTEST_DEBUG_TEMPROOT"])
        assert folder.parent == tmp_path
        (folder / "deep").mkdir()
        (folder / "deep" / "file").write_text("x")
    assert list(tmp_path.iterdir()) == []
    with scratch.scratch(wanted=False) as places:
        assert places == {}


@pytest.mark.parametrize(
    ("flags", "gib", "room"),
    [
        (0, (12, 12), True),
        (os.ST_NOEXEC, (12, 12), False),
        (0, (1, 12), False),
        (0, (12, 1), False),
    ],
)
def test_memory_is_used_if_programs_run_there_and_enough_is_free(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flags: int,
    gib: tuple[int, int],
    room: bool,
) -> None:
    free, available = gib
    found = SimpleNamespace(f_flag=flags, f_frsize=4096, f_bavail=free * 1024**3 // 4096)
    memory = tmp_path / "meminfo"
    memory.write_text(f"MemTotal: 1 kB\nMemAvailable: {available * 1024**2} kB\n")
    monkeypatch.setattr(Path, "is_mount", lambda _: True)
    monkeypatch.setattr(os, "statvfs", lambda _: found)
    monkeypatch.setattr(scratch, "TOLD", memory)
    assert scratch.in_memory() == (scratch.MEMORY if room else None)
