"""How the demo goes: folder, farm, server, workers, job, receipt, and a clean end."""

import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from grange.cli.browser import open_browser
from grange.cli.bundle_files import bundled_folder, read_bundle
from grange.cli.children import Child, dismissed, start_child, stop_children
from grange.cli.connection import Connection
from grange.cli.demo_progress import Progress
from grange.cli.demo_showroom import Showroom
from grange.cli.exits import FAILED, INTERRUPTED, OK
from grange.cli.formatting import plural
from grange.cli.jobs import follow
from grange.cli.output import Output
from grange.cli.receipt import print_receipt
from grange.cli.renderer import find_or_install
from grange.cli.submit import create_job
from grange.cli.submit_bundle import BundleRequest, bundle_plan
from grange.cli.waiting import wait_seconds
from grange.config.client import ClientSettings
from grange.config.settings import DEFAULT_PORT, ServerSettings
from grange.domain.rates import RateLine, RateUnit
from grange.kernel.errors import ConfigurationError, UnreachableError
from grange.wiring.farm_plan import FarmPlan
from grange.wiring.init import InitResult, client_env, initialise, write_private

WORKERS = 2
THREADS = 2
"""Job threads of each worker."""
FRAMES_PER_TASK = 4

_PLAN = FarmPlan(
    farm="Demo farm",
    rate_name="EXAMPLE rates",
    example_rates=True,
    rates=(
        RateLine(line_id="example", unit=RateUnit.WORKER_HOUR, billionths_per_hour=600_000_000),
    ),
)
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_START_SECONDS = 60.0
_POLL_SECONDS = 0.2
_MARKER = "demo"
"""Name of the file that says a folder was made by the demo, and so may be deleted by --fresh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What the command line asked for."""

    data_dir: Path
    """Absolute."""
    port: int | None
    open_page: bool
    exit_when_done: bool
    fresh: bool
    fail_frame: int
    """0: none."""
    frames: int
    showroom: bool = True
    """Make up a second farm in the background."""


class _StopDemo(BaseException):
    """Somebody pressed Ctrl-C or asked the demo to end."""


def run_demo(options: DemoOptions, out: Output) -> int:
    """Run the demo; return 0 only if every frame rendered and the books balance."""
    children: list[Child] = []
    beside: list[Child] = []
    """Programs that may end before the demo does."""
    code = INTERRUPTED
    with _stop_signals():
        try:
            for known in _run(options, out, children, beside):
                code = known
                if options.exit_when_done:
                    break
        except _StopDemo:
            out.note("Stopping.")
        finally:
            _ignore_signals()
            stop_children(beside)
            stop_children(children[1:])
            stop_children(children[:1])
    return code


def _run(
    options: DemoOptions, out: Output, children: list[Child], beside: list[Child]
) -> Iterator[int]:
    """Go through the demo; yield its exit code once it is known, then keep the farm up."""
    _prepare_folder(options, out)
    python = find_or_install(options.data_dir / "renderer", out.tell)
    farm = initialise(ServerSettings(data_dir=options.data_dir), _PLAN)
    made = "Made" if farm.created else "Continuing"
    out.tell(f"{made} the demo farm in {_short(options.data_dir)}")
    port = _free_port(options.port, out)
    endpoint = f"http://127.0.0.1:{port}"
    write_private(options.data_dir / "client.env", client_env(farm, endpoint=endpoint))
    connection = _connection(farm, endpoint, out)

    children.append(_start_server(options, port))
    _wait_until(lambda: _answers(connection), children, "The server")
    out.tell(f"Server: {endpoint}")
    children.extend(
        _start_worker(options, farm, endpoint, number) for number in range(1, WORKERS + 1)
    )
    _wait_until(lambda: len(_ready_workers(connection)) >= WORKERS, children, "The workers")
    out.tell(f"{WORKERS} workers with {THREADS} job threads each")

    folder = _output_folder(options.data_dir)
    job_id = _submit(connection, farm, options, python, folder)
    out.tell(f"Submitted {job_id}: {plural(options.frames, 'frame')} into {_short(folder)}")
    _show_page(connection, options, out)
    showroom = Showroom(options.data_dir, _environment(farm, endpoint), out)
    job: dict[str, Any] = {}
    for job in _watch(connection, job_id, out, children):
        if options.showroom:
            showroom.look(connection, job)
            beside[:] = showroom.children
    yield _finish(connection, job, folder, options, out)
    out.tell("")
    out.tell("The farm stays up until Ctrl-C.")
    while True:
        _look_after(children, out)
        showroom.check()
        wait_seconds(1.0)


@contextmanager
def _stop_signals() -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM into `_StopDemo` inside the block."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        _ignore_signals()
        raise _StopDemo

    before = {number: signal.signal(number, stop) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_signals() -> None:
    """Let a second Ctrl-C, while the demo stops, change nothing."""
    for number in _SIGNALS:
        # Not SIG_IGN: Python complains of a signal that was under way already.
        signal.signal(number, lambda *_: None)


def _prepare_folder(options: DemoOptions, out: Output) -> None:
    folder = options.data_dir
    marker = folder / _MARKER
    filled = folder.is_dir() and any(folder.iterdir())
    if filled and not marker.exists():
        raise ConfigurationError(
            f"{folder} holds something that the demo did not make. Name another folder with --data."
        )
    if options.fresh and filled:
        # Taking and releasing the folder proves that no server holds it.
        initialise(ServerSettings(data_dir=folder), _PLAN)
        shutil.rmtree(folder)
        out.tell(f"Deleted {_short(folder)}")
    folder.mkdir(parents=True, exist_ok=True)
    marker.touch()


def _free_port(wanted: int | None, out: Output) -> int:
    """Return the port to use: the one asked for, else the first free one from the default."""
    first = DEFAULT_PORT if wanted is None else wanted
    for port in [first] if wanted is not None else range(first, first + 50):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port != first:
            out.tell(f"Port {first} is taken; using {port}.")
        return port
    raise ConfigurationError(f"Port {first} is taken. Choose another with --port.")


def _connection(farm: InitResult, endpoint: str, out: Output) -> Connection:
    return Connection.of(
        ClientSettings(
            server=endpoint,
            access_key_id=farm.owner.key_id,
            secret_access_key=farm.owner.secret,
            farm_id=farm.farm_id,
            queue_id=farm.queue_id,
            fleet_id=farm.fleet_id,
        ),
        out,
    )


def _start_server(options: DemoOptions, port: int) -> Child:
    return start_child(
        "server",
        ["server", "--data", str(options.data_dir), "--port", str(port)],
        log=options.data_dir / "server.log",
        environment={},
    )


def _start_worker(options: DemoOptions, farm: InitResult, endpoint: str, number: int) -> Child:
    name = f"demo-worker-{number}"
    folder = options.data_dir / "workers" / str(number)
    return start_child(
        name,
        ["worker", "run", "--name", name, "--threads", str(THREADS), "--data", str(folder)],
        log=options.data_dir / f"worker-{number}.log",
        environment={
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_DEFAULT_REGION": "us-west-2",
            "AWS_ACCESS_KEY_ID": farm.worker.key_id,
            "AWS_SECRET_ACCESS_KEY": farm.worker.secret,
            "GRANGE_FARM_ID": farm.farm_id,
            "GRANGE_FLEET_ID": farm.fleet_id,
        },
    )


def _environment(farm: InitResult, endpoint: str) -> dict[str, str]:
    """Return the variables by which a program of the demo speaks to the server as its owner."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": "us-west-2",
        "AWS_ACCESS_KEY_ID": farm.owner.key_id,
        "AWS_SECRET_ACCESS_KEY": farm.owner.secret,
        "GRANGE_FARM_ID": farm.farm_id,
    }


def _wait_until(done: Callable[[], bool], children: list[Child], what: str) -> None:
    waited = 0.0
    while not done():
        for child in children:
            child.check()
        if waited > _START_SECONDS:
            raise UnreachableError(
                f"{what} did not start within {_START_SECONDS:g} s; see {children[-1].log}"
            )
        wait_seconds(_POLL_SECONDS)
        waited += _POLL_SECONDS


def _look_after(children: list[Child], out: Output) -> None:
    """Return if the programs run that should; a worker somebody told to end may do so."""
    for gone in dismissed(children):
        out.tell(f"{gone.name} has ended, as somebody told it to.")


def _answers(connection: Connection) -> bool:
    try:
        connection.wire("GET", f"/farms/{connection.farm_id}")
    except UnreachableError:
        return False
    return True


def _ready_workers(connection: Connection) -> list[dict[str, Any]]:
    try:
        workers = connection.rest("GET", "/overview")["workers"]
    except UnreachableError:
        return []
    return [worker for worker in workers if worker["status"] in {"idle", "rendering"}]


def _output_folder(data_dir: Path) -> Path:
    """Return the folder of this run's frames, numbered after the runs before it."""
    runs = data_dir / "renders"
    taken = [int(path.name) for path in runs.glob("*") if path.name.isdecimal()]
    folder = runs / f"{max(taken, default=0) + 1:03d}"
    folder.mkdir(parents=True)
    return folder


def _submit(
    connection: Connection, farm: InitResult, options: DemoOptions, python: str, folder: Path
) -> str:
    source = bundled_folder("mitsuba_spin")
    if source is None:
        raise ConfigurationError("The demo's bundle is missing from this installation of Grange.")
    plan = bundle_plan(
        BundleRequest(
            bundle=read_bundle(source),
            given={
                "FrameCount": str(options.frames),
                "FramesPerTask": str(_frames_per_task(options.frames)),
                "FailFrame": str(options.fail_frame),
                "Python": python,
                "OutputDir": str(folder),
            },
            here=folder,
            attributes={
                "project": "harvest",
                "shot": f"demo_{folder.name}",
                "app.Render": "mitsuba",
                "app.Encode": "ffmpeg",
                "render_type.Render": "three_d",
                "render_type.Encode": "comp",
            },
        )
    )
    return create_job(connection, farm.queue_id, plan.request())


def _frames_per_task(frames: int) -> int:
    """Return a chunk size that gives every job thread something to do, at most FRAMES_PER_TASK."""
    return max(1, min(FRAMES_PER_TASK, frames // (WORKERS * THREADS)))


def _show_page(connection: Connection, options: DemoOptions, out: Output) -> None:
    url = str(connection.server_call("POST", "/login-links", body={})["url"])
    out.tell(f"Page: {url}  (signs in once, within a minute; later: {_program()} open)")
    if options.open_page:
        open_browser(url)


def _watch(
    connection: Connection, job_id: str, out: Output, children: list[Child]
) -> Iterator[dict[str, Any]]:
    with Progress(out) as shown:
        for state in follow(connection, job_id, wait=wait_seconds):
            _look_after(children, out)
            job = dict(state)
            since = job["started_at"] or job["created_at"]
            workers = connection.rest("GET", "/overview")["workers"]
            shown.show(job, workers, max(0, connection.clock.now() - since))
            yield job


def _finish(
    connection: Connection, job: dict[str, Any], folder: Path, options: DemoOptions, out: Output
) -> int:
    receipt = connection.rest("GET", f"/jobs/{job['job_id']}/receipt", timeout_seconds=120.0)
    verified = connection.rest("POST", "/books/verify", body={}, timeout_seconds=300.0)
    movie = folder / "harvest.mp4"
    complete = (
        job["status"] == "SUCCEEDED"
        and receipt["frames"]["rendered"] == options.frames
        and movie.exists()
    )
    balanced = verified["ok"] and receipt["unaccounted_ms"] == 0
    if out.as_json:
        out.data({"job": job, "receipt": receipt, "verify": verified, "movie": str(movie)})
        return OK if complete and balanced else FAILED
    out.line()
    print_receipt(out, receipt)
    out.line()
    out.line(f"Job: {job['status'].lower()}")
    for error in job.get("errors", []) if not complete else []:
        out.line(f"  {error['text'] or error['class']}")
    bad = [check for check in verified["checks"] if not check["ok"]]
    out.line("Books: verified" if verified["ok"] else "Books: DIFFERENCES FOUND")
    for check in bad:
        out.line(f"  {check['name']}: {check['detail']}")
    if movie.exists():
        out.line(f"Movie: {_short(movie)}")
    _print_next(connection, options, out)
    return OK if complete and balanced else FAILED


def _print_next(connection: Connection, options: DemoOptions, out: Output) -> None:
    environment = _short(options.data_dir / "client.env")
    if shutil.which("povray"):
        submit = "submit povray_spheres -p OutputDir=spheres --wait"
    else:
        submit = "submit --frames 1-8 --chunk 2 --wait -- echo frames {start} to {end}"
    out.line()
    out.line("Next:")
    out.line(f"  . {environment}")
    out.line(f"  {_program()} {submit}")
    out.line(f"  {_program()} worker join {connection.settings.server} --threads 1")


def _program() -> str:
    """Return what to type for this program: its name, or its path if no shell would find it."""
    if shutil.which("grange"):
        return "grange"
    return _short(Path(sys.executable).with_name("grange"))


def _short(path: Path) -> str:
    """Return a path as short as it reads from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
