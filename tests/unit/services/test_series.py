"""Series of logged values: set up, changed, refused, removed by the real commands."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from grange.books.archives.profiles import PROFILES, archives_of, emit, parse
from grange.domain.series import DataSource, DsType, Series
from grange.kernel.errors import ConflictError, InvalidRequestError, NotFoundError
from grange.services.commands.series import PutSeries, RemoveSeries
from grange.testing.builders import DecidingFarm


@pytest.fixture
def farm() -> DecidingFarm:
    return DecidingFarm()


def room(farm: DecidingFarm, **given: Any) -> PutSeries:
    """Return a command that sets up a series of two values."""
    command = PutSeries(
        farm_id=farm.farm_id,
        name="room",
        step_seconds=300,
        heartbeat_seconds=600,
        sources=[
            DataSource(index=0, label="Temperature", minimum=-40.0, maximum=60.0),
            DataSource(index=1, label="Power", ds_type=DsType.COUNTER),
        ],
        archives=PROFILES["janitoo"],
        profile="janitoo",
        by="ann",
    )
    return replace(command, **given)


def test_a_series_is_unique_by_name(farm: DecidingFarm) -> None:
    """Ledger S3-01: a duplicate is refused; the same again changes nothing."""
    assert farm.do(room(farm)) == {"name": "room", "changed": True}
    assert farm.do(room(farm)) == {"name": "room", "changed": False}
    with pytest.raises(ConflictError, match="already"):
        farm.do(room(farm, new=True))
    (series,) = farm.all(Series)
    assert series.updated_at is None
    assert series.step_seconds == 300


def test_labels_and_limits_change_and_sources_join_but_files_keep_their_shape(
    farm: DecidingFarm,
) -> None:
    """Ledger S3-23: a renamed label shows; what files are made of stays."""
    farm.do(room(farm))
    sources = [
        *(msgspec.structs.replace(one, label=one.label + "!") for one in room(farm).sources),
        DataSource(index=2, label="Door"),
    ]
    assert farm.do(room(farm, sources=sources, heartbeat_seconds=900))["changed"]
    (series,) = farm.all(Series)
    assert [one.label for one in series.sources] == ["Temperature!", "Power!", "Door"]
    assert series.updated_by == "ann"
    for wrong in (
        {"step_seconds": 60},
        {"archives": PROFILES["metpx"]},
        {"sources": sources[:1]},
        {"sources": [msgspec.structs.replace(sources[0], ds_type=DsType.DERIVE), *sources[1:]]},
    ):
        with pytest.raises(ConflictError):
            farm.do(room(farm, **wrong))


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "../room"},
        {"name": ""},
        {"name": "a" * 101},
        {"step_seconds": 0},
        {"heartbeat_seconds": 0},
        {"sources": []},
        {"sources": [DataSource(index=1, label="a")]},
        {"sources": [DataSource(index=0, label="a|b")]},
        {"sources": [DataSource(index=0, label="a", minimum=1.0, maximum=1.0)]},
        {"archives": []},
    ],
)
def test_what_cannot_be_kept_is_refused(farm: DecidingFarm, wrong: dict[str, Any]) -> None:
    """Ledger S3-22: a name cannot leave its folder."""
    with pytest.raises(InvalidRequestError):
        farm.do(room(farm, **wrong))
    assert not list(farm.all(Series))


def test_a_removed_series_is_gone(farm: DecidingFarm) -> None:
    """Ledger S3-15: removing deletes; what is not there cannot be removed."""
    farm.do(room(farm))
    farm.do(RemoveSeries(farm_id=farm.farm_id, name="room", by="ann"))
    assert not list(farm.all(Series))
    with pytest.raises(NotFoundError):
        farm.do(RemoveSeries(farm_id=farm.farm_id, name="room", by="ann"))


def test_archives_are_read_and_written_as_text() -> None:
    """Ledger S3-07: the example of the documentation, and back."""
    texts = [
        "RRA:AVERAGE:0.5:1:600",
        "RRA:AVERAGE:0.5:6:700",
        "RRA:AVERAGE:0.5:24:775",
        "RRA:AVERAGE:0.5:288:797",
        "RRA:MAX:0.5:1:600",
        "RRA:MAX:0.5:6:700",
        "RRA:MAX:0.5:24:775",
        "RRA:MAX:0.5:444:797",
    ]
    assert archives_of(texts) == PROFILES["home"]
    assert [emit(spec) for spec in PROFILES["home"]] == texts
    for wrong in ("RRA:SUM:0.5:1:1", "RRA:AVERAGE:1:1:1", "RRA:AVERAGE:0.5:1", "AVERAGE", ""):
        with pytest.raises(InvalidRequestError):
            parse(wrong)
    for zero in ("RRA:AVERAGE:0.5:0:1", "RRA:AVERAGE:0.5:1:0"):
        with pytest.raises(InvalidRequestError):
            archives_of([zero])


def test_the_named_profiles_reach_as_far_as_those_of_the_originals() -> None:
    """Ledger S3-06, S4-18: 5, 60, 720 and 1440 days; 5 days, 14 days, 243 days and ten years."""
    days = {
        (spec.cf, spec.steps): spec.steps * spec.rows * 300 / 86_400 for spec in PROFILES["janitoo"]
    }
    assert sorted(set(days.values())) == [5.0, 60.0, 720.0, 1440.0]
    assert len(days) == 12
    spans = {spec.steps * spec.rows * 60 / 86_400 for spec in PROFILES["metpx"]}
    assert sorted(round(span) for span in spans) == [5, 14, 243, 3650]
