"""A folder for all tests of these classes, and a clock that stands still."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from grange.kernel.clock import VirtualClock
from grange.rrdata.place import HERE
from tests.unit.rrdata.folder import NOW, make_folder


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported folder; tests get copies of it."""
    return make_folder(tmp_path_factory.mktemp("made") / "rr")


@pytest.fixture
def root(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An exported folder that the classes find without being told."""
    folder = tmp_path / "rr"
    shutil.copytree(made, folder)
    HERE.use(root=folder, clock=VirtualClock(NOW))
    monkeypatch.setattr(HERE, "wait", lambda _seconds: None)
    yield folder
    HERE.forget()
