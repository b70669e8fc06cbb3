"""Programs the demo starts beside itself: which may end, and when."""

import subprocess
import sys
from pathlib import Path

import pytest

from grange.cli.children import Child, ChildEndedError, dismissed


def ended(name: str, code: int, log: Path) -> Child:
    process = subprocess.Popen([sys.executable, "-c", f"raise SystemExit({code})"])
    assert process.wait() == code
    return Child(name, process, log)


def test_a_worker_that_was_told_to_end_takes_nobody_along(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("it said this")
    running = Child("server", subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1), log)
    try:
        children = [running, ended("one", 0, log), running]
        assert [child.name for child in dismissed(children)] == ["one"]
        assert children == [running, running]
        assert dismissed(children) == []
        with pytest.raises(ChildEndedError, match="The two ended with exit code 3: it said this"):
            dismissed([running, ended("two", 3, log)])
        with pytest.raises(ChildEndedError, match="The server ended with exit code 0"):
            dismissed([ended("server", 0, log)])
    finally:
        running.process.kill()
        running.process.communicate()
