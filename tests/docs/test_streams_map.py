"""Everything the map of older systems points at exists, and nothing is left out."""

import ast
import importlib
import re

import pytest
import rich_click as click

from grange.cli.main import root
from tools.environment import ROOT
from tools.ledger import rows_in
from tools.streams_documented import JANITOO, METPX, Entry
from tools.streams_map import PAGE, TEST_LINK

ENTRIES = {
    **{f"{group}.{name}": one for group, found in JANITOO.items() for name, one in found.items()},
    **METPX,
}
LINES = {
    line.split("|")[1].strip().strip("`"): line
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| `")
}


def test_every_method_and_every_program_is_on_the_page():
    """All methods and all programs have their place."""
    text = PAGE.read_text(encoding="utf-8")
    assert {group: len(found) for group, found in JANITOO.items()} == {
        "bus.RrdBus": 7,
        "bus.RrdStoreThread": 38,
        "components.RrdDatasource": 6,
        "components.RrdResourceComponent": 2,
        "components": 2,
        "server": 1,
        "thread": 2,
    }
    for entry in (*METPX, *(name for found in JANITOO.values() for name in found)):
        assert f"| `{entry}` |" in text, entry
    for group in JANITOO:
        assert f"### `{group}`" in text


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_what_does_it_here_exists(name: str):
    entry: Entry = ENTRIES[name]
    assert entry.here
    for one in entry.here:
        if one.startswith("grange "):
            command: click.Command | None = root
            for word in one.split()[1:]:
                assert isinstance(command, click.Group), one
                command = command.get_command(click.Context(command), word)
            assert command is not None, one
        else:
            assert _found(one) is not None, one


def _found(dotted: str) -> object:
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        try:
            value: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            value = getattr(value, part)
        return value
    raise AssertionError(dotted)


@pytest.mark.parametrize("name", sorted(LINES))
def test_every_line_of_the_page_names_tests_that_prove_its_rows(name: str):
    cells = LINES[name].split("|")
    rows = set(re.findall(r"S\d-\d\d", cells[3]))
    links = TEST_LINK.findall(cells[4])
    proved: set[str] = set()
    for path, function in links:
        module = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        texts = [
            ast.get_docstring(node) or ""
            for node in ast.walk(module)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == function
        ]
        assert texts, f"{path}::{function} does not exist: python -m tools.streams_map"
        proved |= rows_in(texts[0])
    assert rows <= proved, f"{name}: python -m tools.streams_map"
