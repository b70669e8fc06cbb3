"""How busy GPUs are, from what `nvidia-smi` prints: the program's place is taken by its words."""

from pathlib import Path

import pytest

from grange.adapters.host.nvidia import EVERY_SECONDS, GpuUse, asked, mean_use_milli
from grange.kernel.clock import VirtualClock

SCRIPT = """#!/bin/sh
[ "$1 $2" = "--query-gpu=utilization.gpu --format=csv,noheader,nounits" ] || exit 2
cat "{words}"
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program that prints what stands in `words` for the right question, and fails for others."""
    path = tmp_path / "nvidia-smi"
    path.write_text(SCRIPT.format(words=tmp_path / "words"))
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("words", "milli"),
    [
        ("37\n", 370),
        ("100\n0\n", 500),
        ("33\n33\n34\n", 333),
        ("[N/A]\n80\n", 800),
        ("[Not Supported]\n", None),
        ("No devices were found\n", None),
        ("", None),
    ],
)
def test_the_mean_of_the_gpus_that_tell_is_their_use(words: str, milli: int | None) -> None:
    assert mean_use_milli(words.splitlines()) == milli


def test_the_use_is_asked_for_beside_and_known_until_it_is_old(
    program: Path, tmp_path: Path
) -> None:
    clock = VirtualClock()
    use = GpuUse(clock, str(program))
    (tmp_path / "words").write_text("60\n20\n")
    assert use.read_milli() is None, "nothing is said before it is known"
    use.settle()
    assert use.read_milli() == 400
    (tmp_path / "words").write_text("90\n90\n")
    use.settle()
    assert use.read_milli() == 400, "it is not asked at every reading"
    clock.advance(EVERY_SECONDS)
    use.read_milli()
    use.settle()
    assert use.read_milli() == 900
    program.unlink()
    clock.advance(EVERY_SECONDS)
    use.read_milli()
    use.settle()
    assert use.read_milli() is None, "a program that fails leaves nothing known"


def test_a_machine_without_the_program_knows_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert GpuUse(VirtualClock()).read_milli() is None
    assert asked("memory.total") == []
    assert asked("memory.total", str(program)) == [], "an answer that failed is none"
