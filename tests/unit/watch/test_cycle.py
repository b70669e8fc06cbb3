"""The hourly cycle: order, failures, overlap, time limits; with real commands."""

import os
import sys
import threading
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

import psutil
import pytest

from grange.adapters.commands import MachineCommands, one_at_a_time
from grange.adapters.host.clock import SystemClock
from grange.cli.main import run
from grange.cli.streams_cycle import options_of
from grange.config.streams_watch import CycleSection, CycleStep
from grange.kernel.clock import VirtualClock
from grange.kernel.errors import ConfigurationError, ConflictError
from grange.kernel.units import MILLIS_PER_HOUR, MILLIS_PER_MINUTE, Instant
from grange.ports.watch import CommandRun
from grange.watch.cycle import NEEDS, ORDER, Step, check_order, next_start, run_cycle
from grange.wiring import cycle_process
from grange.wiring.cycle import steps_of, variables_in


def step(name: str) -> Step:
    return Step(name=name, words=(name,), timeout_seconds=9)


class Script:
    """Commands that fail where they are told to."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.ran: list[str] = []

    def run(self, words: Sequence[str], timeout_seconds: float) -> CommandRun:
        self.ran.append(words[0])
        failed = words[0] in self.failing
        return CommandRun(exit_code=int(failed), seconds=1.0, tail="no server" if failed else "")


def outcomes(*failing: str) -> dict[str, str]:
    done = run_cycle([step(name) for name in ORDER], Script(*failing), VirtualClock())
    return {one.name: one.outcome for one in done.steps}


def test_the_steps_run_in_their_order():
    """Ledger S4-29: collect, sync, archive, graphs, pages, upload, watch."""
    script = Script()
    done = run_cycle([step(name) for name in ORDER], script, VirtualClock())
    assert script.ran == list(ORDER)
    assert done.ok


def test_any_other_order_is_refused_before_anything_runs():
    """Ledger S4-29: reordering fails safe."""
    right = ("collect", "archive", "graphs", "pages")
    for order in permutations(right):
        script = Script()
        if order == right:
            check_order([step(name) for name in order])
            continue
        with pytest.raises(ConfigurationError, match="nothing was run"):
            run_cycle([step(name) for name in order], script, VirtualClock())
        assert script.ran == []


def test_a_step_may_be_missing_or_of_ones_own_but_not_there_twice():
    """Ledger S4-29."""
    check_order([step("collect"), step("my own"), step("pages"), step("watch")])
    with pytest.raises(ConfigurationError, match="twice"):
        check_order([step("collect"), step("collect")])


@pytest.mark.parametrize("bad", ORDER)
def test_after_a_failure_the_rest_runs_except_what_would_publish_half_a_site(bad):
    """Ledger S4-29: the watch always looks; nothing half-made is published."""
    found = outcomes(bad)
    assert found.pop(bad) == "failed"
    for name, outcome in found.items():
        left_out = bad in NEEDS.get(name, ())
        assert outcome == ("left out" if left_out else "ok"), name
    if bad != "watch":
        assert found["watch"] == "ok"


def test_a_cycle_starts_at_minute_eight():
    """Ledger S4-29: at minute 8 of every hour."""
    hour = 1_767_225_600_000
    at = Instant(hour + 8 * MILLIS_PER_MINUTE)
    assert next_start(Instant(hour), 8) == at
    assert next_start(Instant(at - 1), 8) == at
    assert next_start(at, 8) == at + MILLIS_PER_HOUR


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def test_real_commands_tell_how_they_ended(tmp_path: Path):
    """Ledger S4-29."""
    commands = MachineCommands(SystemClock(), dict(os.environ))
    assert commands.run(python("print(1)"), 100).exit_code == 0
    failed = commands.run(python("import sys; print('x' * 9, file=sys.stderr); sys.exit(3)"), 100)
    assert (failed.exit_code, failed.tail) == (3, "x" * 9)
    absent = commands.run((str(tmp_path / "none"),), 100)
    assert absent.exit_code == 127
    assert "cannot be started" in absent.tail


def test_a_step_that_takes_too_long_is_ended_with_what_it_started(tmp_path: Path):
    """Ledger S4-29: a step that hangs does not hold up the cycles to come."""
    mark = tmp_path / "child"
    words = ("sh", "-c", f"sleep 607 & echo $! > '{mark}'; wait")
    ran = MachineCommands(SystemClock(), dict(os.environ)).run(words, 3)
    assert ran.exit_code is None
    assert ran.seconds < 600
    try:
        psutil.Process(int(mark.read_text())).wait(100)  # it is dying, if it is there at all
    except psutil.NoSuchProcess:
        return


def test_two_cycles_never_run_at_once(tmp_path: Path):
    """Ledger S4-29: overlap fails safe; the lock ends with its holder."""
    lock = tmp_path / "deep" / "cycle.lock"
    clock = SystemClock()
    inside, over = threading.Event(), threading.Event()

    def hold() -> None:
        with one_at_a_time(lock, clock):
            inside.set()
            over.wait(100)

    holder = threading.Thread(target=hold)
    holder.start()
    assert inside.wait(100)
    with pytest.raises(ConflictError, match="Another cycle is running"), one_at_a_time(lock, clock):
        pytest.fail("two at once")
    over.set()
    holder.join()
    with one_at_a_time(lock, clock):
        pass


def settings(folder: Path, *steps: str) -> Path:
    file = folder / "streams.toml"
    file.write_text(f'[cycle]\nlock = "{folder}/cycle.lock"\n' + "".join(steps))
    return file


def own(name: str, *words: str) -> str:
    return f"[[cycle.steps]]\nname = {name!r}\nrun = {list(words)!r}\n"


def test_the_command_runs_the_steps_of_the_settings(tmp_path: Path, capsys):
    """Ledger S4-29."""
    file = settings(
        tmp_path, own("collect", "touch", f"{tmp_path}/a"), own("upload", "false"),
        own("watch", "touch", f"{tmp_path}/b"),
    )  # fmt: skip
    assert run(["streams", "cycle", "--config", str(file)]) == 1
    assert (tmp_path / "a").exists()
    assert (tmp_path / "b").exists()
    assert "upload   failed" in capsys.readouterr().out
    assert run(["streams", "cycle", "--config", str(file), "--skip", "upload"]) == 0
    with one_at_a_time(tmp_path / "cycle.lock", SystemClock()):
        assert run(["streams", "cycle", "--config", str(file)]) == 1
    assert "nothing was run" in capsys.readouterr().err


def test_a_dry_run_prints_the_commands_only(tmp_path: Path, capsys):
    """Ledger S4-29."""
    file = settings(tmp_path, '[[collect.streams]]\npath = "x"\nname = "x"\n')
    assert run(["streams", "cycle", "--config", str(file), "--dry-run"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"collect   grange streams collect --config {file}"
    assert "archive   grange streams archive" in said
    assert said[-1] == f"watch     grange admin watch --once --config {file}"
    assert not (tmp_path / "cycle.lock").exists()


def test_the_usual_steps_are_those_that_exist():
    """Ledger S4-29: every step of the usual cycle is a command of Grange, with a farm."""
    steps = steps_of(CycleSection(), options_of=options_of)
    assert [one.name for one in steps] == ["collect", "sync", "archive", "pages", "watch"]
    for one in steps:
        assert "--farm" in options_of(one.words[1:]), one.name
    assert options_of(("streams", "nonsense")) == frozenset()
    idle = steps_of(CycleSection(), options_of=options_of, idle=("collect",))
    assert idle[0].name == "sync"


def test_a_step_of_ones_own_needs_a_command_and_unknown_names_are_refused():
    """Ledger S4-29."""
    section = CycleSection(steps=(CycleStep(name="mine"),))
    with pytest.raises(ConfigurationError, match="needs its command"):
        steps_of(section, options_of=options_of)
    with pytest.raises(ConfigurationError, match="has no step 'mine'"):
        steps_of(CycleSection(), options_of=options_of, only=("mine",))


def test_the_server_runs_a_cycle_every_hour(tmp_path: Path, monkeypatch):
    """Ledger S4-29: inside the server, at its minute, with the owner's key."""
    mark = tmp_path / "mark"
    file = settings(
        tmp_path, own("collect", "sh", "-c", f'echo "$FARM_KEY" >> {mark}')
    )  # fmt: skip
    monkeypatch.setenv("GRANGE_STREAMS", str(file))
    env = tmp_path / "client.env"
    env.write_text("export FARM_KEY=secret\n")
    clock = VirtualClock(Instant(1_767_225_600_000))
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        clock.advance(seconds)
        return len(waits) == 3

    cycle_process.run(env, clock=clock, wait=wait)
    assert waits == [480, 3600, 3600]
    assert mark.read_text() == "secret\n" * 2


def test_a_broken_streams_file_does_not_stop_the_farm(tmp_path: Path, monkeypatch, caplog):
    """Ledger S4-29."""
    file = tmp_path / "streams.toml"
    file.write_text("[cycle]\nserver = maybe\n")
    monkeypatch.setenv("GRANGE_STREAMS", str(file))
    assert not cycle_process.section().server
    assert "runs no cycle" in caplog.text
    file.write_text("[cycle]\nserver = true\n")
    assert cycle_process.section().server


def test_the_server_hands_its_own_key_to_the_steps(tmp_path: Path):
    """Ledger S4-29: inside the server, client.env is their environment."""
    path = tmp_path / "client.env"
    path.write_text("export A=1\nexport B='two words'\n")
    assert variables_in(path) == {"A": "1", "B": "two words"}
