"""The integrity test of a worker's machine (ledger S1-22): everything a render needs, tried once.

Each check is tried by doing what a render does: a request that is signed, a file that is written
and read back, a frame that is drawn. What fails is kept in the worker's folder. A worker whose test
failed takes no work until a test has passed.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from grange.domain.renderers import renderer_named
from grange.kernel.clock import Clock
from grange.kernel.errors import ConfigurationError, GrangeError, UnreachableError
from grange.ports.farm_api import FarmApi
from grange.ports.host import Processes
from grange.worker.copying import copy_files
from grange.worker.guard import cores_of
from grange.worker.identity import known_worker
from grange.worker.limits import FILE as LIMITS_FILE
from grange.worker.limits import read_profile
from grange.worker.pictures import problem_of
from grange.worker.registry import Found, path_with, programs_of, version_of
from grange.worker.settings import WorkerSettings, check_root
from grange.worker.trial_scenes import TRIAL_SCENES, TrialScene
from grange.worker.verdict import Checked, Outcome

ANSWER_SECONDS = 10.0
"""A server that takes longer to answer is not well."""
MOST_SKEW_MS = 5_000
LEAST_SCRATCH_BYTES = 2**30
DRAW_SECONDS = 120.0
UNIT = "grange-worker.service"
UNIT_FOLDERS = (Path("/etc/systemd/system"), Path("/usr/lib/systemd/system"))
_PROBE_BYTES = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What the checks are made with."""

    settings: WorkerSettings
    api: Callable[[], FarmApi]
    """Connects to the server, with the worker's key.

    Raises:
        ConfigurationError: the worker has joined no farm.
    """
    clock: Clock
    processes: Processes
    outputs: tuple[Path, ...] = ()
    """Folders that jobs write to."""
    unit_folders: tuple[Path, ...] = UNIT_FOLDERS
    least_free_bytes: int = LEAST_SCRATCH_BYTES
    """A scratch folder with less room fails."""
    hail: Callable[[], str] | None = None
    """Has this machine answer a hail, and says how; None: there is nothing to ask."""


class CheckError(GrangeError):
    """A check found something that a render would fail for."""


class NothingToTryError(GrangeError):
    """There is nothing a check could try."""


def run_trial(bench: Bench) -> Iterator[Checked]:
    """Yield the checks as they are made: none stops the others."""
    yield _checked("server", lambda: _server(bench))
    yield _checked("clock", lambda: _clock(bench))
    yield _checked("scratch", lambda: _scratch(bench))
    yield _checked("output", lambda: _output(bench))
    found = programs_of(bench.settings)
    if not found:
        text = "no renderer was found; name one with --renderer NAME=PATH"
        yield Checked(name="renderer", outcome=Outcome.SKIPPED, text=text)
    for program in found:
        yield _checked(f"renderer:{program.key}", partial(_draw, bench, program, found))
    yield _checked("limits", lambda: _limits(bench))
    yield _checked("hail", lambda: _hail(bench))
    yield _checked("service", lambda: _service(bench))


def _checked(name: str, check: Callable[[], str]) -> Checked:
    try:
        return Checked(name=name, outcome=Outcome.OK, text=check())
    except NothingToTryError as nothing:
        return Checked(name=name, outcome=Outcome.SKIPPED, text=str(nothing))
    except (GrangeError, OSError, subprocess.SubprocessError) as error:
        return Checked(name=name, outcome=Outcome.FAILED, text=str(error))


# ── the farm ──────────────────────────────────────────────────────────────────────────────────────


def _server(bench: Bench) -> str:
    me = bench.api().call("GET", "/api/v1/me", service="grange", timeout_seconds=ANSWER_SECONDS)
    if me["role"] != "worker":
        raise CheckError(f"The key is {me['name']}'s, who is no worker: join with a worker's key.")
    settings = bench.settings
    worker_id = known_worker(settings.state_dir, settings.farm_id, settings.fleet_id)
    if worker_id is not None:
        path = f"/2023-10-12/farms/{settings.farm_id}/fleets/{settings.fleet_id}"
        bench.api().call(
            "GET", f"{path}/workers/{worker_id}/fleet-roles", timeout_seconds=ANSWER_SECONDS
        )
        return f"it answers, and knows {worker_id}"
    return "it answers, and takes the worker's key"


def _clock(bench: Bench) -> str:
    sent = bench.clock.now()
    me = bench.api().call("GET", "/api/v1/me", service="grange", timeout_seconds=ANSWER_SECONDS)
    heard = bench.clock.now()
    skew = (sent + heard) // 2 - int(me["now"])
    if abs(skew) > MOST_SKEW_MS + (heard - sent):
        side = "ahead of" if skew > 0 else "behind"
        raise CheckError(
            f"This clock is {abs(skew) / 1000:.1f} s {side} the server's. Have it set by NTP."
        )
    return f"{abs(skew) / 1000:.1f} s apart from the server's"


def _hail(bench: Bench) -> str:
    if bench.hail is None:
        raise NothingToTryError("this worker answers no hails")
    return bench.hail()


# ── the machine ───────────────────────────────────────────────────────────────────────────────────


def _scratch_folder(bench: Bench) -> Path:
    """Return the folder that sessions work in; it is made where it is missing."""
    folder = bench.settings.session_root or bench.settings.state_dir / "sessions"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _scratch(bench: Bench) -> str:
    folder = _scratch_folder(bench)
    content = os.urandom(_PROBE_BYTES)
    probe = folder / f".grange-test-{os.getpid()}"
    try:
        with probe.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if probe.read_bytes() != content:
            raise CheckError(f"{folder} gives back other bytes than were written.")
    finally:
        probe.unlink(missing_ok=True)
    free = shutil.disk_usage(folder).free
    if free < bench.least_free_bytes:
        least = bench.least_free_bytes // 2**20
        raise CheckError(f"{folder} has {free // 2**20} MiB free; a render needs {least} MiB.")
    return f"{folder} can be written; {free // 2**30} GiB are free"


def _output(bench: Bench) -> str:
    if not bench.outputs:
        raise NothingToTryError("name folders that jobs write to with --output")
    source = _scratch_folder(bench) / f".grange-test-{os.getpid()}.bin"
    source.write_bytes(os.urandom(_PROBE_BYTES))
    try:
        for folder in bench.outputs:
            if not folder.is_dir():
                raise CheckError(f"{folder} is not there, or is no folder.")
            place = folder / source.name
            copy_files([(source, place)], tag="test", clock=bench.clock)
            place.unlink()
    finally:
        source.unlink(missing_ok=True)
    return ", ".join(f"{folder} takes copies" for folder in bench.outputs)


def _limits(bench: Bench) -> str:
    settings = bench.settings
    profile = read_profile(settings.state_dir / LIMITS_FILE, ZoneInfo(settings.zone))
    if sys.platform != "linux":
        raise NothingToTryError("the file is well; this system holds no limits")
    child = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"],
        stdin=subprocess.PIPE,
        env={},
    )
    try:
        bench.processes.confine(child.pid, cores_of(0, 1, 1), None)
        allowed = os.sched_getaffinity(child.pid)
    finally:
        child.kill()
        child.communicate()
    if len(allowed) != 1:
        raise CheckError(f"A program that may use one core could use {len(allowed)}.")
    memory, cores = profile.normal.memory_bytes, profile.normal.cores
    parts = [
        "no memory limit" if memory is None else f"{memory // 2**20} MiB",
        "all cores" if cores is None else f"{cores} core{'' if cores == 1 else 's'}",
    ]
    return f"limits hold; normally {', '.join(parts)}"


def _service(bench: Bench) -> str:
    found = [folder / UNIT for folder in bench.unit_folders if (folder / UNIT).exists()]
    if not found:
        raise NothingToTryError(
            "it is started by hand; `grange admin service worker` has it start with the machine"
        )
    unit = found[0]
    lines = dict(
        line.split("=", 1)
        for line in unit.read_text(encoding="utf-8").splitlines()
        if "=" in line and not line.startswith("#")
    )
    words = shlex.split(lines.get("ExecStart", ""))
    if not words or not os.access(words[0], os.X_OK):
        raise CheckError(f"{unit} starts {words[0] if words else 'nothing'}, which cannot be run.")
    if str(bench.settings.state_dir) not in words:
        raise CheckError(
            f"{unit} starts a worker of another folder than {bench.settings.state_dir}."
        )
    user = lines.get("User", "root")
    try:
        check_root(bench.settings, 0 if user == "root" else 1)
    except ConfigurationError as error:
        raise CheckError(f"{unit}: {error}") from error
    wanted = unit.parent / "multi-user.target.wants" / UNIT
    if not wanted.exists():
        raise CheckError(
            f"{unit} is not started with the machine: run `systemctl enable --now {UNIT}`."
        )
    return f"{unit} starts it with the machine, as {user}"


# ── renderers ─────────────────────────────────────────────────────────────────────────────────────


def _draw(bench: Bench, program: Found, found: Sequence[Found]) -> str:
    """Have a renderer draw one frame with the command line that jobs use."""
    trial = TRIAL_SCENES.get(program.key)
    if trial is None:
        version = version_of(program)
        if not os.access(program.path, os.X_OK):
            raise CheckError(f"{program.path} cannot be run.")
        raise NothingToTryError(
            f"{program.path}{f' {version}' if version else ''} is there; no scene to try it with"
        )
    folder = _scratch_folder(bench) / f"test-{os.getpid()}-{program.key}"
    output = folder / "out"
    output.mkdir(parents=True, mode=0o700)
    try:
        for name, content in trial.files.items():
            (folder / name).write_bytes(content)
        argv = [program.path, *_words(trial, folder, output)[1:]]
        environment = dict(bench.settings.environment)
        environment["PATH"] = path_with(environment.get("PATH", ""), found)
        began = bench.clock.monotonic_seconds()
        try:
            told = subprocess.run(  # noqa: S603 - a renderer of this machine, as jobs run it
                argv,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=DRAW_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise CheckError(f"{program.path} drew nothing in {DRAW_SECONDS:.0f} s.") from error
        took = bench.clock.monotonic_seconds() - began
        said = (told.stderr or told.stdout).decode("utf-8", "replace").strip().splitlines()
        if told.returncode != 0:
            last = said[-1] if said else "it said nothing"
            raise CheckError(f"{program.path} ended with exit code {told.returncode}: {last}")
        pictures = sorted(output.iterdir())
        if not pictures:
            raise CheckError(f"{program.path} ended well and drew nothing.")
        for picture in pictures:
            problem = problem_of(picture)
            if problem is not None:
                raise CheckError(f"{program.path} wrote {picture.name}, which {problem}.")
        return f"{program.path} drew a frame in {took:.1f} s"
    finally:
        shutil.rmtree(folder)


def _words(trial: TrialScene, folder: Path, output: Path) -> list[str]:
    renderer = renderer_named(trial.renderer)
    if renderer is None:
        raise UnreachableError(f"There is no renderer {trial.renderer}.")
    values = {
        "scene": str(folder / trial.scene),
        "output": str(output),
        "name": "trial",
        "ext": trial.extension,
        "format": renderer.formats.get(trial.extension, trial.extension),
        "first": 1,
        "last": 1,
        "frame": 1,
        "start": 1,
        "end": 1,
        "step": 1,
        "count": 1,
    }
    return [word.format(**values) for word in trial.command or renderer.command]
