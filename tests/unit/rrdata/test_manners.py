"""Nothing raises and nothing is None: out of range is an empty record."""

import inspect
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from grange import rrdata
from tests.unit.rrdata.test_members import TABLES
from tools.rrdata_documented import DOCUMENTED

ODD: dict[type, tuple[Any, ...]] = {
    int: (-1, 0, 5, 96, 1440, 10**6, 2**40),
    float: (-1e9, 0.0, 1e12),
    bool: (False, True),
    str: ("", "nobody", "/none/at all"),
    datetime: (datetime(1, 1, 1), datetime(1970, 1, 1), datetime(9999, 12, 31)),
    rrdata._ClientGroup: (rrdata._ClientGroup(),),
    rrdata._AppLicenses_v8_licItem: (rrdata._AppLicenses_v8_licItem(),),
}
NOTHING = {
    "freeMem", "setDelayedLoad_FileAge", "SetRenderAppName", "setCost", "setIsTypeSet",
    "setIsUnlimited", "setLicCount", "setPluginName", "setVersion", "addClient", "clear",
    "removeClient", "removeClientbyID", "setName", "clientGroupSet", "jobSetFilter",
    "jobSetFilter4", "period_setTimeMode", "period_setTimeRange",
}  # fmt: skip
"""Functions that are documented to give nothing back."""


@pytest.mark.parametrize("name", DOCUMENTED)
def test_no_function_raises_or_gives_none(name: str, root: Path, tmp_path: Path, monkeypatch):
    """Ledger S0-57: an index out of range, a name nobody has, a file that is not there."""
    monkeypatch.chdir(tmp_path)
    for subject in (TABLES[name].subject(root), getattr(rrdata, name)()):
        for member in DOCUMENTED[name].functions:
            function = getattr(subject, member)
            kinds = [each.annotation for each in inspect.signature(function).parameters.values()]
            for turn in range(max((len(ODD[kind]) for kind in kinds), default=1)):
                given = [ODD[kind][turn % len(ODD[kind])] for kind in kinds]
                value = function(*given)
                assert (value is None) == (member in NOTHING), member


@pytest.mark.parametrize("name", DOCUMENTED)
def test_an_empty_record_has_values_of_nothing(name: str):
    """Ledger S0-57: 0, empty text, False; 100.0 and 65535 where a minimum was never set."""
    empty = getattr(rrdata, name)()
    for member in DOCUMENTED[name].properties:
        value = getattr(empty, member)
        if member == "infoCpuUsageAverageMin":
            assert value == 100.0
        elif member == "infoFrameTrafficInMin":
            assert value == 0xFFFF
        elif isinstance(value, datetime):
            assert value == datetime(1970, 1, 1)
        elif member == "soft":
            assert value == rrdata._RenderAppBasic_history()
        else:
            assert value in (0, "", False)
