"""The parts of `./dev check` and `./dev test`: what runs, in which order, and what came of it."""

import os
import signal
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools import web
from tools.console import DevError, heading, say
from tools.environment import PYTHON, ROOT, VENV
from tools.orphans import children, end_orphans, reading_ended_orphans
from tools.surroundings import without_farm

NOT_RUN = "NOT RUN:"
"""How pytest's reason begins where a service is missing (tests/conftest.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one part."""

    name: str
    seconds: float
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    not_run: int = 0
    reasons: tuple[str, ...] = ()
    broken: bool = False
    """The part itself went wrong, whatever its tests say."""

    @property
    def verdict(self) -> str:
        """PASSED, FAILED or NOT RUN (in part or whole)."""
        if self.failed or self.broken:
            return "FAILED"
        return "NOT RUN" if self.not_run else "PASSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A part that is one command: it passes or fails as a whole."""

    name: str
    command: Callable[[], Sequence[str | Path] | None]
    """Return the command, or None where there is nothing to check."""
    beside: bool = False
    """Takes long: it begins before all others, has what they leave, and is shown at the end."""

    def run(self) -> Outcome:
        """Run it and print what it prints."""
        heading(self.name)
        began = time.monotonic()
        try:
            command = self.command()
            code = 0 if command is None else stream(command)
        except DevError as error:
            say(str(error))
            code = 1
        return self.outcome(code, time.monotonic() - began)

    def outcome(self, code: int, seconds: float) -> Outcome:
        """Return what came of it."""
        return Outcome(
            name=self.name, seconds=seconds, passed=int(code == 0), failed=int(code != 0)
        )


@contextmanager
def checking(chosen: Sequence[Check]) -> Iterator[Callable[[], list[Outcome]]]:
    """Begin those checks that take long, with the lowest priority; yield what waits for them.

    Their seconds are those that were waited for. At the end of the block none is left running.
    """
    with ExitStack() as stack:
        begun = [
            (check, stack.enter_context(_running(command)))
            for check in chosen
            if check.beside and (command := check.command()) is not None
        ]

        def finish() -> list[Outcome]:
            outcomes = []
            for check, finished in begun:
                began = time.monotonic()
                heading(check.name)
                code = finished()
                outcomes.append(check.outcome(code, time.monotonic() - began))
            return outcomes

        yield finish


@contextmanager
def _running(command: Sequence[str | Path]) -> Iterator[Callable[[], int]]:
    """Begin a program; yield what waits for it, says what it printed and returns its exit code."""
    with (
        tempfile.TemporaryFile("w+") as printed,
        subprocess.Popen(
            ["nice", "-n", "19", *(str(word) for word in command)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
        ) as process,
    ):

        def finished() -> int:
            code = process.wait()
            printed.seek(0)
            if text := printed.read().strip():
                say(text)
            return code

        try:
            yield finished
        finally:
            process.kill()


def run_checks(chosen: Sequence[Check]) -> list[Outcome]:
    """Run checks; those that take long run beside the others and are shown after them."""
    with checking(chosen) as finish:
        return [*run_short(chosen), *finish()]


def run_short(chosen: Sequence[Check]) -> list[Outcome]:
    """Run those checks that do not take long."""
    return [check.run() for check in chosen if not check.beside]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A part that is a run of pytest."""

    name: str
    paths: Sequence[str]
    parallel: bool = False
    processes: int = 2
    """How many at a time, if parallel: more than there are cores where they mostly wait."""
    quick: bool = True
    """Whether --quick runs it (without its slow tests)."""

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], report: Path
    ) -> Outcome:
        """Run the tests of this part and count what came of them."""
        heading(self.name)
        began = time.monotonic()
        here = [path for path in self.paths if _has_tests(ROOT / path)]
        if not here:
            reason = f"there are no tests in {' '.join(self.paths)}"
            say(reason)
            return Outcome(name=self.name, seconds=0.0, not_run=1, reasons=(reason,))
        # A file's tests share farms and databases: they stay in one process. The files that take
        # longest are begun first: tests/longest.py.
        shared = ["-n", str(self.processes), "--dist", "loadfile", "--no-loadscope-reorder"]
        workers = shared if self.parallel else []
        command: list[str | Path] = [
            PYTHON,
            "-m",
            "pytest",
            *here,
            *workers,
            f"--junitxml={report}",
            *arguments,
        ]
        report.unlink(missing_ok=True)
        before = children()
        code = stream(command, environment)
        for orphan in end_orphans(before):
            say(f"ended a process that the tests left behind: {orphan}")
        return count(self.name, code, report, time.monotonic() - began)


def checks() -> list[Check]:
    """Return the checks of the source, in order."""
    programs = VENV / "bin"
    return [
        Check(name="format", command=lambda: [programs / "ruff", "format", "--check", "."]),
        Check(name="lint", command=lambda: [programs / "ruff", "check", "."]),
        Check(
            name="types",
            command=lambda: [programs / "mypy", "--num-workers=auto", *_typed_folders()],
            beside=True,
        ),
        Check(name="import contracts", command=lambda: [programs / "lint-imports"]),
        Check(name="web application", command=_check_web, beside=True),
    ]


def suites() -> list[Suite]:
    """Return the parts of the test suite, in order; no folder of tests/ is left out.

    They are few: while a part finds its tests, and waits for its last, processors idle.
    """
    parts = [
        Suite(
            name="unit",
            paths=[
                "tests/unit",
                "tests/property",
                "tests/wire",
                "tests/docs",
                "tests/test_architecture.py",
            ],
            parallel=True,
        ),
        Suite(
            name="server",
            paths=["tests/server", "tests/conformance", "tests/migration", "tests/datalog"],
            parallel=True,
            quick=False,
        ),
        Suite(name="acceptance", paths=["tests/acceptance"], parallel=True, quick=False),
        # They have little time for much work: nothing runs beside them.
        Suite(name="kills", paths=["tests/kills"], quick=False),
        Suite(name="browser", paths=["tests/browser"], parallel=True, processes=3, quick=False),
    ]
    known = {path for part in parts for path in part.paths} | {"tests/soak"}
    others = sorted(
        f"tests/{path.name}"
        for path in (ROOT / "tests").iterdir()
        if f"tests/{path.name}" not in known and _has_tests(path)
    )
    if others:
        parts.insert(2, Suite(name="others", paths=others, parallel=True, quick=False))
    return parts


def summary(outcomes: Sequence[Outcome]) -> None:
    """Print one line per part, what was not run and why, and the sum as the last line."""
    heading("summary")
    width = max(len(outcome.name) for outcome in outcomes)
    for one in outcomes:
        counts = f"{one.passed} passed, {one.failed} failed, {one.skipped + one.not_run} skipped"
        say(f"{one.verdict:8} {one.name:{width}} {one.seconds:7.1f} s  {counts}")
    reasons = list(dict.fromkeys(reason for one in outcomes for reason in one.reasons))
    if reasons:
        say("\nNOT RUN:")
        for reason in reasons:
            say(f"  {reason}")
    passed = sum(one.passed for one in outcomes)
    failed = sum(one.failed + int(one.broken and not one.failed) for one in outcomes)
    skipped = sum(one.skipped + one.not_run for one in outcomes)
    tail = f", {skipped} skipped" if skipped else ""
    say(f"\n{sum(one.seconds for one in outcomes):.0f} s of checks and tests")
    say(f"{passed} passed, {failed} failed{tail}")


def stream(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> int:
    """Run a program in this terminal and return its exit code; a stop of ours stops it too.

    Of this shell's variables it gets those that say nothing of a farm; `environment` comes on top.
    """
    words = [str(word) for word in command]
    told = {**without_farm(os.environ), **(environment or {})}
    with subprocess.Popen(words, cwd=ROOT, env=told, stdin=subprocess.DEVNULL) as process:
        try:
            with reading_ended_orphans(children() | {process.pid}):
                return process.wait()
        except BaseException:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
            raise


def _check_web() -> Sequence[str | Path] | None:
    return [PYTHON, "-m", "tools.web_types"] if web.exists() else None


def _typed_folders() -> list[str]:
    names = ("src", "tests", "tools", "benchmarks")
    return [name for name in names if any((ROOT / name).rglob("*.py"))]


def _has_tests(path: Path) -> bool:
    if path.is_dir():
        return any(path.rglob("test_*.py"))
    return path.name.startswith("test_") and path.suffix == ".py" and path.exists()


def count(name: str, code: int, report: Path, seconds: float) -> Outcome:
    """Read pytest's own report; exit code 5 means that no test matched, which is no failure."""
    if not report.exists():
        return Outcome(name=name, seconds=seconds, broken=True)
    passed = failed = skipped = not_run = 0
    reasons: dict[str, None] = {}
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 - pytest wrote it just now
        why = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif why is None:
            passed += 1
        elif NOT_RUN in (message := why.get("message", "")):
            not_run += 1
            reasons[message.partition(NOT_RUN)[2].strip()] = None
        else:
            skipped += 1
    return Outcome(
        name=name,
        seconds=seconds,
        passed=passed,
        failed=failed,
        skipped=skipped,
        not_run=not_run,
        reasons=tuple(reasons),
        broken=code not in {0, 5},
    )
