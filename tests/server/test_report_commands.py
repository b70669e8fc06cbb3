"""`grange usage`, `cost` and `history`, asked from another zone than the farm's."""

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from grange.cli.exits import USAGE
from grange.cli.main import run
from grange.kernel.units import instant_of
from grange.testing.farm import LocalFarm

AUCKLAND = ZoneInfo("Pacific/Auckland")


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalFarm]:
    with LocalFarm(tmp_path_factory.mktemp("far"), zone=AUCKLAND.key) as running:
        yield running


@pytest.fixture(autouse=True)
def in_honolulu(farm: LocalFarm, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in farm.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TZ", "Pacific/Honolulu")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("report", ["usage", "cost"])
def test_a_month_is_the_farms_and_the_table_says_so(report: str, capsys: Any) -> None:
    """The command line, statements and Python begin a month at one moment."""
    assert run([report, "--since", "2026-10", "--until", "2026-11-01"]) == 0
    said = capsys.readouterr().out
    assert "From 2026-10-01 00:00 to 2026-11-01 00:00, Pacific/Auckland." in said
    assert run([report, "--since", "2026-10", "--until", "2026-11-01", "--json"]) == 0
    span = json.loads(capsys.readouterr().out)["span"]
    assert span == {
        "start_at": instant_of(datetime(2026, 10, 1, tzinfo=AUCKLAND)),
        "end_at": instant_of(datetime(2026, 11, 1, tzinfo=AUCKLAND)),
    }


def test_a_budget_begins_at_the_farms_midnight(capsys: Any) -> None:
    assert run(["budget", "set", "film", "5", "--since", "2026-10-01"]) == 0, capsys.readouterr()
    capsys.readouterr()
    assert run(["budget", "ls", "--json"]) == 0
    [budget] = json.loads(capsys.readouterr().out)["budgets"]
    assert budget["start_at"] == instant_of(datetime(2026, 10, 1, tzinfo=AUCKLAND))


def test_the_example_of_rates_can_be_put(tmp_path: Path, capsys: Any) -> None:
    """Its dates are the farm's as well."""
    assert run(["rates", "example"]) == 0
    card = tmp_path / "rates.toml"
    card.write_text(capsys.readouterr().out)
    assert run(["rates", "put", str(card)]) == 0, capsys.readouterr()
    capsys.readouterr()
    assert run(["rates", "ls", "--json"]) == 0
    cards = json.loads(capsys.readouterr().out)["rate_cards"]
    [found] = [one for one in cards if one["name"] == "2026"]
    assert found["valid_from"] == instant_of(datetime(2026, 1, 1, tzinfo=AUCKLAND))


def test_what_lies_ahead_is_not_asked_for(capsys: Any) -> None:
    assert run(["cost", "--since", "2130-01-01"]) == USAGE
    assert "2130-01-01 lies ahead" in capsys.readouterr().err
