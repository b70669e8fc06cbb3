"""The commands of `./dev`."""

import argparse
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tools import environment, ledger, parts, web
from tools.console import DevError, heading, say, step
from tools.environment import PYTHON, ROOT, VENV
from tools.orphans import adopt_orphans
from tools.scratch import in_memory, scratch
from tools.services import MARKERS, QUICK_MARKERS, Services

HELP = """\
Usage: ./dev COMMAND [OPTIONS]

  demo [ARGS]     set up what the demo needs and run `grange demo ARGS`
  setup           set up everything: Python packages in .venv, the web application
  check           format, lint, types, import contracts, the web application's types
  test            everything: the checks, then all tests; installs and starts what they need
    --quick         under 3 minutes: no servers, databases, browser or slow tests
    --all           a test that cannot run here counts as failed
    --part NAME     only this part (may be repeated; see the headings)
    -k EXPRESSION   only tests that match, as in pytest
    PATH ...        only these files or folders, as one run of pytest
  fix             format the source and mend what the linter can mend
  bench [ARGS]    measure Grange; --peers beside other programs
  soak [ARGS]     the long runs that ./dev test has a short form of
  wheel           build the wheel, with the web application in it, into dist/
  lock            pin in constraints/ what pyproject.toml asks for; --upgrade: the newest of it
  ledger          list the rows of the ledger that tests name
  help            this text

Nothing is installed outside this folder but caches, and, by a full `test` as root or with sudo on
Debian, the system packages that are missing of POV-Ray, Chromium and sudo; it names them first.
As root it also makes the user grange-job, to test jobs that run as another user.
"""


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    name, *rest = arguments or ["help"]
    if name in {"--help", "-h"}:
        name = "help"
    if name not in COMMANDS:
        print(f"./dev has no command {name!r}; ./dev help lists them", file=sys.stderr)
        return 2
    try:
        return COMMANDS[name](rest)
    except DevError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone; Python must not try to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def show_help(_arguments: Sequence[str]) -> int:
    """Print the commands."""
    say(HELP)
    return 0


def setup(arguments: Sequence[str]) -> int:
    """Install everything that development needs."""
    _no_more(arguments)
    _set_up("dev")
    return 0


def demo(arguments: Sequence[str]) -> int:
    """Install what the demo needs and become the demo."""
    if not {"--help", "-h"} & set(arguments):
        _say_downloads()
    _set_up("demo")
    sys.stdout.flush()
    grange = VENV / "bin" / "grange"
    os.execv(grange, [str(grange), "demo", *arguments])


def check(arguments: Sequence[str]) -> int:
    """Check the source without running it."""
    _no_more(arguments)
    environment.install("dev")
    outcomes = parts.run_checks(parts.checks())
    parts.summary(outcomes)
    return int(any(one.verdict == "FAILED" for one in outcomes))


def test(arguments: Sequence[str]) -> int:
    """Run the checks and the tests, with what they need started before and stopped after."""
    options, passed_on = _test_options(arguments)
    began = time.monotonic()
    heading("set-up")
    environment.install("dev")
    outcomes: list[parts.Outcome] = []
    if not options.quick:
        outcomes += _build_web_for_tests()
    chosen = [part for part in parts.suites() if _wanted(part, options)]
    whole = not options.k and not options.paths
    source_checks = parts.checks() if whole else []
    if options.part:
        source_checks = [one for one in source_checks if one.name in options.part]
    if options.paths:
        chosen = [parts.Suite(name="chosen tests", paths=options.paths)]
    if not chosen and not source_checks:
        names = [one.name for one in parts.checks()] + [one.name for one in parts.suites()]
        raise DevError(f"there is no such part; the parts are: {', '.join(names)}")
    adopt_orphans()
    # Setting up waits for the network and some tests wait for servers: what takes long of the
    # checks runs meanwhile.
    with (
        parts.checking(source_checks) as finish_checks,
        Services(data=in_memory()) as services,
        tempfile.TemporaryDirectory() as folder,
    ):
        if chosen:
            markers = QUICK_MARKERS if options.quick else MARKERS
            services.prepare(markers, install_on_machine=not options.quick)
            if options.quick:
                services.environment["GRANGE_TEST_PROFILE"] = "quick"
        say(f"  set up in {time.monotonic() - began:.0f} s")
        outcomes += parts.run_short(source_checks)
        for part in chosen:
            report = Path(folder) / "report.xml"
            # Whoever chose tests may want to look at their files afterwards.
            with scratch(wanted=whole) as places:
                outcomes.append(part.run(passed_on, {**services.environment, **places}, report))
        outcomes += finish_checks()
        missing = [f"{marker}: {line}" for marker, line in services.missing.items()]
    if missing:
        heading("not on this machine")
        for line in missing:
            say(f"  {line}")
    parts.summary(outcomes)
    bad = {"FAILED", "NOT RUN"} if options.all else {"FAILED"}
    return int(any(one.verdict in bad for one in outcomes))


def fix(arguments: Sequence[str]) -> int:
    """Format the source and mend what the linter can."""
    environment.install("dev")
    ruff = VENV / "bin" / "ruff"
    places = list(arguments) or ["."]
    code = parts.stream([str(ruff), "check", "--fix", *places])
    return parts.stream([str(ruff), "format", *places]) or code


def bench(arguments: Sequence[str]) -> int:
    """Run the benchmarks."""
    _set_up("dev")
    with Services() as services:
        services.prepare(["postgres", "chromium"], install_on_machine=False)
        command = [str(PYTHON), "-m", "benchmarks.run", *arguments]
        return parts.stream(command, services.environment)


def soak(arguments: Sequence[str]) -> int:
    """Run the long tests."""
    _set_up("dev")
    with Services() as services:
        services.prepare(MARKERS, install_on_machine=True)
        environment_ = {**services.environment, "GRANGE_TEST_PROFILE": "soak"}
        command = [str(PYTHON), "-m", "pytest", "tests/soak", "--timeout=1800", *arguments]
        return parts.stream(command, environment_)


def wheel(arguments: Sequence[str]) -> int:
    """Build the wheel with the web application in it."""
    _no_more(arguments)
    _set_up("dev")
    with step("wheel in dist/"):
        environment.run([VENV / "bin" / "uv", "build", "--wheel", "--no-build-isolation", "--quiet",
                         "--python", PYTHON])  # fmt: skip
    newest = max((ROOT / "dist").glob("grange-*.whl"), key=lambda path: path.stat().st_mtime)
    say(f"{newest.relative_to(ROOT)} ({newest.stat().st_size / 1e6:.1f} MB)")
    return 0


def lock(arguments: Sequence[str]) -> int:
    """Pin versions."""
    _no_more([word for word in arguments if word != "--upgrade"])
    environment.lock(upgrade="--upgrade" in arguments)
    return 0


def _set_up(profile: str, *, with_web: bool = True) -> None:
    """Install Python packages and build the web application, side by side where possible."""
    if not with_web or web.is_built():
        environment.install(profile)
        return
    environment.prepare()
    failures: list[DevError] = []

    def fetch() -> None:
        try:
            web.prepare_node()
            web.install_packages()
        except DevError as error:
            failures.append(error)

    thread = threading.Thread(target=fetch, daemon=True)
    thread.start()
    environment.install(profile)
    with step("web application"):
        thread.join()
        if failures:
            raise failures[0]
        web.build()


def _build_web_for_tests() -> list[parts.Outcome]:
    """Build the web application; if that fails, say so and let the other tests run."""
    began = time.monotonic()
    try:
        _set_up("dev")
    except DevError as error:
        say(str(error))
        seconds = time.monotonic() - began
        return [parts.Outcome(name="build of the web application", seconds=seconds, failed=1)]
    return []


def _say_downloads() -> None:
    """Say what the demo downloads and where to, before it does."""
    if (VENV / "installed-demo").exists() or (VENV / "installed-dev").exists():
        return
    lines = [
        "245 MB  Python packages of the server, into .venv",
        "135 MB  Mitsuba 3 (the renderer) and ffmpeg, into .venv",
    ]
    if web.exists() and not web.is_built():
        lines.append(" 70 MB  what builds the web page, into web/node_modules")
        if not web.has_node():
            lines.append(" 60 MB  Node.js, into .venvs")
    say(f"This is the first run. It downloads, about, into {ROOT}:")
    for line in lines:
        say(f"  {line}")
    say("The caches of uv and npm keep the downloads; nothing else outside this folder changes.")


def _test_options(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(prog="./dev test", add_help=True)
    parser.add_argument("--quick", action="store_true", help="under 3 minutes")
    parser.add_argument("--all", action="store_true", help="what cannot run here counts as failed")
    parser.add_argument("--part", action="append", default=[], help="only this part")
    parser.add_argument("-k", default="", metavar="EXPRESSION", help="only tests that match")
    parser.add_argument("paths", nargs="*", help="only these files or folders")
    options, passed_on = parser.parse_known_args(arguments)
    if options.k:
        passed_on += ["-k", options.k]
    if options.quick:
        passed_on += ["-m", "not slow"]
    return options, passed_on


def _wanted(part: parts.Suite, options: argparse.Namespace) -> bool:
    if options.part:
        return part.name in options.part
    return part.quick or not options.quick


def _no_more(arguments: Sequence[str]) -> None:
    if arguments:
        raise DevError(f"this command takes no arguments, but was given {' '.join(arguments)}")


def _stop(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


COMMANDS: Mapping[str, Callable[[Sequence[str]], int]] = {
    "bench": bench,
    "check": check,
    "demo": demo,
    "fix": fix,
    "help": show_help,
    "ledger": ledger.main,
    "lock": lock,
    "setup": setup,
    "soak": soak,
    "test": test,
    "wheel": wheel,
}
