"""What `./dev test` counts and says."""

import json
import os
import sys
import textwrap

import pytest

from tests.longest import LONGEST
from tools.environment import ROOT
from tools.parts import NOT_RUN, Outcome, Suite, count, stream, suites, summary

REPORT = """\
<testsuites><testsuite>
  <testcase name="good"/>
  <testcase name="bad"><failure message="no"/></testcase>
  <testcase name="broken"><error message="fixture"/></testcase>
  <testcase name="other"><skipped message="only on Windows"/></testcase>
  <testcase name="away"><skipped message="NOT RUN: needs POV-Ray"/></testcase>
  <testcase name="away too"><skipped message="NOT RUN: needs POV-Ray"/></testcase>
</testsuite></testsuites>
"""


@pytest.fixture
def report(tmp_path):
    path = tmp_path / "report.xml"
    path.write_text(REPORT)
    return path


def test_tests_without_their_service_are_counted_apart_from_other_skips(report):
    outcome = count("wire", 1, report, 2.0)
    assert (outcome.passed, outcome.failed, outcome.skipped, outcome.not_run) == (1, 2, 1, 2)
    assert outcome.reasons == ("needs POV-Ray",)
    assert outcome.verdict == "FAILED"


def test_a_part_whose_tests_pass_but_whose_run_fails_has_failed(tmp_path):
    path = tmp_path / "report.xml"
    path.write_text("<testsuites><testcase name='good'/></testsuites>")
    assert count("wire", 0, path, 1.0).verdict == "PASSED"
    assert count("wire", 3, path, 1.0).verdict == "FAILED"


def test_a_selection_that_matches_no_test_is_no_failure(tmp_path):
    path = tmp_path / "report.xml"
    path.write_text("<testsuites><testsuite tests='0'/></testsuites>")
    assert count("wire", 5, path, 1.0).verdict == "PASSED"


def test_a_run_that_dies_without_a_report_has_failed(tmp_path):
    assert count("wire", 0, tmp_path / "none.xml", 1.0).verdict == "FAILED"


def test_the_last_line_sums_all_parts(capsys):
    summary(
        [
            Outcome(name="lint", seconds=1.0, passed=1),
            Outcome(name="wire", seconds=2.0, passed=8, failed=2, skipped=1),
            Outcome(name="browser", seconds=0.5, not_run=3, reasons=("needs Chromium",)),
            Outcome(name="docs", seconds=0.1, broken=True),
        ]
    )
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1] == "9 passed, 3 failed, 4 skipped"
    assert "needs Chromium" in printed
    assert "NOT RUN  browser" in printed


def test_no_folder_of_tests_is_left_out():
    covered = {path for part in suites() for path in part.paths}
    assert {"tests/unit", "tests/migration", "tests/acceptance"} <= covered
    assert "tests/soak" not in covered


def test_a_part_without_tests_is_not_run(tmp_path, capsys):
    outcome = Suite(name="nothing", paths=["tests/none-such"]).run([], {}, tmp_path / "report.xml")
    assert outcome.verdict == "NOT RUN"


def test_a_test_whose_service_is_missing_is_skipped_with_the_reason(pytester, monkeypatch):
    monkeypatch.delenv("GRANGE_TEST_POSTGRES_URL", raising=False)
    conftest = pytester.path / "conftest.py"
    conftest.write_text("from tests.conftest import pytest_collection_modifyitems\n")
    source = """
        import pytest

        @pytest.mark.postgres
        def test_it():
            raise AssertionError
        """
    pytester.makepyfile(textwrap.dedent(source))
    result = pytester.runpytest("-rs", "-W", "ignore", "-p", "no:randomly")
    result.assert_outcomes(skipped=1)
    assert f"{NOT_RUN} needs a PostgreSQL server" in result.stdout.str()


def test_every_file_that_is_begun_first_is_there_once():
    assert len(set(LONGEST)) == len(LONGEST)
    assert [path for path in LONGEST if not (ROOT / path).is_file()] == []


def test_a_farm_that_the_shell_speaks_to_is_not_told_to_the_tests(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_DEADLINE", "http://farm:4600")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "theirs")
    monkeypatch.setenv("GRANGE_FARM_ID", "farm-1")
    monkeypatch.setenv("GRANGE_TEST_POVRAY", "/opt/povray")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    told = tmp_path / "told.json"
    script = f"import json, os; json.dump(dict(os.environ), open({str(told)!r}, 'w'))"
    assert stream([sys.executable, "-c", script], {"GRANGE_TEST_PROFILE": "quick"}) == 0
    found = json.loads(told.read_text())
    ours = {"GRANGE_TEST_PROFILE": "quick", "GRANGE_TEST_POVRAY": "/opt/povray"}
    assert {"TZ": "Asia/Tokyo", **ours}.items() <= found.items()
    assert found["PATH"] == os.environ["PATH"]
    said = {name for name in found if name.startswith(("AWS_", "GRANGE_"))}
    assert {name for name in said if not name.startswith("GRANGE_TEST_")} == set()
