"""One farm through two doors: over REST, and from its data folder."""

import importlib
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import grange
from grange.adapters.sqlite.store import SqliteStore
from grange.kernel.errors import ConfigurationError
from grange.kernel.units import Instant
from grange.services.books.bridge import StateBridge
from grange.testing.farm import LocalFarm


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("farm")


@pytest.fixture(scope="module")
def farm(folder):
    with LocalFarm(folder) as running:
        yield running


def test_both_doors_know_the_farm(farm, folder, monkeypatch):
    for name, value in farm.environment().items():
        monkeypatch.setenv(name, value)
    over_rest = grange.open(farm.endpoint)
    in_folder = grange.open(folder)
    assert over_rest.books.zone == in_folder.books.zone == ZoneInfo("UTC")
    assert over_rest.books.farm_id == in_folder.books.farm_id == farm.farm_id
    assert over_rest.jobs() == []


def test_a_folder_has_books_only(farm, folder):
    opened = grange.open(str(folder))
    with pytest.raises(ConfigurationError, match="open the server's address"):
        opened.jobs()
    assert opened.farm_id == farm.farm_id


def test_a_folder_that_is_none_of_ours_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"no data folder.*state\.db"):
        grange.open(tmp_path)


def test_without_the_server_extra_the_install_line_is_named(tmp_path, monkeypatch):
    def lacking(name: str) -> object:
        raise ModuleNotFoundError(name, name="duckdb")

    monkeypatch.setattr(importlib, "import_module", lacking)
    with pytest.raises(ConfigurationError, match=r"duckdb: pip install 'grange\[server\]'"):
        grange.open(tmp_path)


@pytest.mark.usefixtures("farm")
def test_a_folder_is_opened_for_reading_only(folder):
    state = StateBridge(SqliteStore(folder / "state.db", read_only=True))
    state.open()
    try:
        with pytest.raises(ConfigurationError, match="reading only"):
            state.publish([], ["no/such"], Instant(0))
    finally:
        state.close()


def test_a_database_of_an_older_version_is_not_migrated_by_a_reader(tmp_path: Path):
    (tmp_path / "state.db").touch()
    with pytest.raises(ConfigurationError, match="older Grange"):
        grange.open(tmp_path)
    assert (tmp_path / "state.db").read_bytes() == b""
