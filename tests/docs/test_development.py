"""`docs/development.md` and `./dev help` say what there is, and nothing that is not."""

import re
import tomllib

import pytest

from tests.conftest import NEEDS
from tools.commands import COMMANDS, HELP
from tools.environment import ROOT
from tools.parts import suites

TEXT = (ROOT / "docs" / "development.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_in_the_help_text(name):
    assert re.search(rf"^  {name}\b", HELP, re.MULTILINE)


def test_every_command_that_the_documents_name_exists():
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        named = set(re.findall(r"\./dev ([a-z]+)", path.read_text(encoding="utf-8")))
        assert named <= set(COMMANDS), path.name


def test_every_marker_of_a_service_is_described_with_its_variable():
    declared = {
        line.partition(":")[0] for line in PROJECT["tool"]["pytest"]["ini_options"]["markers"]
    }
    assert declared == {*NEEDS, "slow"}
    for marker, (variable, _) in NEEDS.items():
        assert f"| `{marker}` | `{variable}` |" in TEXT


def test_every_folder_of_tests_is_described():
    for part in suites():
        for path in part.paths:
            assert path in TEXT


def test_the_test_command_of_ci_is_the_one_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "./dev test --all" in script
    assert "./dev test" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_fragments_of_the_changelog_have_a_kind():
    for path in (ROOT / "changelog.d").iterdir():
        if path.name != "README.md":
            assert re.fullmatch(r"[a-z0-9-]+\.(added|changed|fixed|removed)\.md", path.name)
