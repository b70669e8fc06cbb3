"""Rule packs of programs that are not at hand, on lines that others pasted in public."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from grange.worker.logrules.pack import bundled_packs
from grange.worker.logrules.parser import FrameDone, Happening, LogParser
from tests.unit.worker import test_logrules as logs

LOGS = Path(__file__).parent / "logs" / "pasted"
SEEN: dict[str, dict[str, Any]] = {
    one["name"]: one for one in tomllib.loads((LOGS / "seen.toml").read_text("utf-8"))["log"]
}


def follow(name: str, command: str) -> tuple[LogParser, list[Happening]]:
    return logs.follow(f"pasted/{name}.log", SEEN[name].get("frames", ()), command=command)


@pytest.mark.parametrize("name", SEEN)
def test_frames_files_progress_and_warnings_are_read_out_of_real_lines(name: str) -> None:
    expected = SEEN[name]
    parser, seen = follow(name, expected["command"])
    assert expected["pack"] in [pack.name for pack in parser.active]
    assert [[frame, path or ""] for frame, path in logs.frames_in(seen)] == expected.get("done", [])
    assert logs.percents(seen) == expected.get("percents", [])
    assert logs.paths(seen) == expected.get("paths", [])
    assert parser.warnings == expected.get("warnings", 0)


@pytest.mark.parametrize("name", SEEN)
def test_a_failure_is_put_down_to_what_the_thread_says_it_was(name: str) -> None:
    expected = SEEN[name]
    verdict = follow(name, expected["command"])[0].verdict(1, None)
    if "rule" in expected:
        pack = next(one for one in bundled_packs() if one.name == expected["pack"])
        rule = f"{pack.name}/{pack.version}:{expected['rule']}"
        assert (verdict.error_class, verdict.rule) == (expected["class"], rule)
    else:
        assert (verdict.error_class, verdict.rule) == ("failed", "exit:code")


@pytest.mark.parametrize("name", [name for name, one in SEEN.items() if "nameless" not in one])
def test_a_program_is_recognised_by_its_real_output_alone(name: str) -> None:
    parser, _ = follow(name, "")
    assert SEEN[name]["pack"] in [pack.name for pack in parser.active]


def test_every_pasted_log_says_where_it_was_seen() -> None:
    assert sorted(SEEN) == sorted(path.stem for path in LOGS.glob("*.log"))
    assert all(one["where"] for one in SEEN.values())


def test_a_renderer_that_ends_frames_out_of_order_books_each_by_its_number() -> None:
    _, seen = follow("natron", "")
    done = [one for one in seen if isinstance(one, FrameDone)]
    assert [one.frame for one in done][:3] == [1, 3, 2]
    assert all(one.started_at <= one.ended_at for one in done)
