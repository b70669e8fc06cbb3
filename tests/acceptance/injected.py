"""Faults injected into real renders on a farm of several workers, and what becomes of them."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.acceptance.farm import RunningFarm, wait_until

SILENCE_SECONDS = 16
"""Neighbours are asked at half of it, and have six seconds: their word must come before it ends."""
STUCK_SECONDS = 20
LIMIT_MIB = 1600  # two Blenders beside each other stay below it
HOG_MIB = 2000
SCENE = """#version 3.7;
global_settings { assumed_gamma 1.0 }
camera { location <0, 0, -4> look_at 0 }
light_source { <2, 3, -4> rgb 1 }
sphere { <clock * 0.1, 0, 0>, 1 pigment { rgb <1, 0.5, 0.2> } }
"""
MITSUBA = """import sys, mitsuba as mi
mi.set_variant("scalar_rgb")
scene = mi.cornell_box()
scene["sensor"]["film"] = {"type": "hdrfilm", "width": 24, "height": 24}
scene["sensor"]["sampler"] = {"type": "independent", "sample_count": 2}
mi.util.write_bitmap(sys.argv[1], mi.render(mi.load_dict(scene)), write_async=False)
"""
BLENDER = """import sys, bpy
scene = bpy.context.scene
render, scene.cycles.samples = scene.render, int(sys.argv[3])
render.resolution_x, render.resolution_y, render.resolution_percentage = 32, 24, 100
render.engine, scene.cycles.device, render.filepath = "CYCLES", "CPU", sys.argv[1]
render.threads_mode, render.threads, render.image_settings.file_format = "FIXED", 1, "PNG"
scene.frame_set(int(sys.argv[2]))
bpy.ops.render.render(write_still=True)
"""
ENDLESS = "100000000"
"""So many samples that Blender is still at them when it is killed."""
LIGHT, HEAVY = "+W64 +H48", "+W4000 +H4000 +A0.0 +R9"


@dataclass(frozen=True)
class Fault:
    """One kind of fault. The script's `$first` is 1 in the first attempt of the job alone."""

    key: str
    title: str
    made: str
    script: str
    frames: int = 2
    group: str = "pair"
    needs: str = ""
    """Marker of what the machine must have."""
    suffix: str = "png"


def povray(options: str = LIGHT) -> str:
    return (
        f'env -u LD_PRELOAD povray +I"$scene" +O"{{{{Param.Out}}}}/frame.$frame.png" +K$frame'
        f" -D +WT1 {options}"
    )


HOLD = f'{povray()}; if [ $first = 1 ]; then while [ ! -e "$go" ]; do sleep 0.2; done; fi'
FIRST_HEAVY = f"if [ $first = 1 ]; then {povray(HEAVY)}; else {povray()}; fi"
FAULTS = (
    Fault("process", "A render is killed", "SIGKILL to POV-Ray", FIRST_HEAVY),
    Fault(
        "blender",
        "Blender is killed",
        "SIGKILL to Blender",
        f"samples=2; if [ $first = 1 ]; then samples={ENDLESS}; fi;"
        ' "$blender" "$bpy" "{{Param.Out}}/frame.$frame.png" $frame $samples',
        needs="bpy",
    ),
    Fault("frozen", "A render is frozen", "SIGSTOP to POV-Ray", FIRST_HEAVY),
    Fault("worker", "A worker is killed", "SIGKILL to the worker", HOLD, group="doomed"),
    Fault(
        "network",
        "The network is cut",
        "the worker's link is down, in a network namespace of its own",
        HOLD,
        group="island",
        needs="netns",
    ),
    Fault(
        "disk", "The disk is full", "frames go to a full tmpfs of 1 MB", povray(), frames=1,
        needs="netns",
    ),
    Fault(
        "clock",
        "A clock jumps",
        "libfaketime sets the worker's clock two hours ahead during a render",
        HOLD,
        group="doomed",
        needs="faketime",
    ),
    Fault(
        "corrupt",
        "A frame is corrupt",
        "Mitsuba's OpenEXR file loses its last 40 bytes",
        'out="{{Param.Out}}/frame.$frame.exr"; "$python" "$mitsuba" "$out";'
        ' if [ $first = 1 ]; then truncate -s -40 "$out"; fi',
        suffix="exr",
        needs="mitsuba",
    ),
    Fault(
        "licence",
        "A licence is missing",
        "the renderer says that it got none, and ends",
        f"{povray()}; if [ $first = 1 ]; then"
        " echo 'License checkout failed: all seats are in use' >&2; exit 1; fi",
        frames=1,
    ),
    Fault(
        "missing",
        "A file is missing",
        "POV-Ray's scene includes a file that is not there",
        "echo '#include \"not-there.inc\"' > broken.pov; scene=$PWD/broken.pov; " + povray(),
        frames=1,
    ),
    Fault(
        "memory",
        "A render takes too much memory",
        f"{HOG_MIB} MiB where {LIMIT_MIB} MiB are allowed",
        f"if [ $first = 1 ]; then \"$python\" -c 'import time; b = bytearray({HOG_MIB} * 2**20);"
        f" time.sleep(60)'; else {povray()}; fi",
        frames=1,
    ),
)  # fmt: skip


@dataclass
class Observed:
    """What became of one fault."""

    status: str
    job: dict[str, Any]
    attempts: list[dict[str, Any]]
    """As the job's report has them."""
    files: list[Path]
    finding: str = ""
    reason: str = ""
    """Why the job waits."""
    since_at: int = 0
    until_at: int = 0
    """Between when it was submitted and ended, by the server's clock."""

    def of_frame(self, frame: int) -> list[dict[str, Any]]:
        own = [one for one in self.attempts if one["frames"] == str(frame)]
        return sorted(own, key=lambda one: int(one["attempt"]))

    def faulty(self) -> list[dict[str, Any]]:
        """The attempts of the frame that the fault struck."""
        frames = sorted({one["frames"] for one in self.attempts})
        struck = [
            frame
            for frame in frames
            if any(one["status"] != "SUCCEEDED" for one in self.of_frame(int(frame)))
        ]
        return self.of_frame(int((struck or frames)[0]))


class Relay:
    """Carries connections from an address of a network to the server; can be cut."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._to = host, port
        self._open: list[socket.socket] = []
        self._listener = socket.create_server((host, 0))
        self.port = self._listener.getsockname()[1]
        self._carry()

    def _carry(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # it is cut
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self._open += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=(source, sink), daemon=True).start()

    def cut(self) -> None:
        """Drop every connection and take no other."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open.clear()

    def mend(self) -> None:
        """Carry again."""
        self._listener = socket.create_server((self._host, self.port))
        self._carry()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


class Island:
    """A network namespace with one link to this machine."""

    HERE, THERE = "10.213.7.1", "10.213.7.2"

    def __init__(self) -> None:
        self.name = f"grange{os.getpid() % 10000}"
        self.link = f"gr{os.getpid() % 10000}"

    def __enter__(self) -> "Island":
        _ip("netns", "add", self.name)
        _ip("link", "add", self.link, "type", "veth", "peer", "name", "far0", "netns", self.name)
        _ip("addr", "add", f"{self.HERE}/30", "dev", self.link)
        _ip("link", "set", self.link, "up")
        _ip("-n", self.name, "addr", "add", f"{self.THERE}/30", "dev", "far0")
        _ip("-n", self.name, "link", "set", "far0", "up")
        _ip("-n", self.name, "link", "set", "lo", "up")
        return self

    def __exit__(self, *_: object) -> None:
        _ip("link", "del", self.link)
        _ip("netns", "del", self.name)

    def up(self, up: bool) -> None:
        """Raise or cut the link at its far end.

        With the near end down this machine would have no way there but its default route, and a
        gateway may refuse calls in the place of who is gone.
        """
        _ip("-n", self.name, "link", "set", "far0", "up" if up else "down")


def _ip(*words: str) -> None:
    subprocess.run([_program("ip"), *words], check=True, capture_output=True, timeout=20)


def _program(name: str) -> str:
    return shutil.which(name) or f"/usr/sbin/{name}"


@contextlib.contextmanager
def full_tmpfs(folder: Path) -> Iterator[Path]:
    """A file system of 1 MB that one file fills; gives that file."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    subprocess.run(mount, check=True, timeout=20)
    try:
        filler = folder / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
            while True:
                stream.write(b"\0" * 4096)
        yield filler
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, timeout=20)


class FaultFarm:
    """Four workers: a pair, one that will be killed, one on an island.

    Args:
        farm: the farm; not started.
        have: markers of what the machine has.
        mitsuba: a Python that has Mitsuba.
        blender: a Python that has Blender.
    """

    def __init__(
        self, farm: RunningFarm, have: frozenset[str], *, mitsuba: str, blender: str
    ) -> None:
        self.farm = farm
        self.have = have
        self.programs = {"python": mitsuba, "blender": blender}
        self.folder = farm.folder.parent
        self.faults = [one for one in FAULTS if not one.needs or one.needs in have]
        self.jobs: dict[str, str] = {}
        self.verdicts: dict[str, str] = {}
        self.observed: dict[str, Observed] = {}
        self.clock_file = self.folder / "faketime"
        (self.folder / "box.py").write_text(MITSUBA)
        (self.folder / "cube.py").write_text(BLENDER)

    def start(self, island: Island | None) -> None:
        """Start everything and put the workers into groups."""
        farm = self.farm
        farm.start_server(worker_silence_seconds=SILENCE_SECONDS)
        for number in (1, 2):
            folder = farm.folder / "workers" / str(number)
            folder.mkdir(parents=True)
            text = f"[limits]\nmemory_mib = {LIMIT_MIB}\n[stuck]\nafter_seconds = {STUCK_SECONDS}\n"
            (folder / "limits.toml").write_text(text)
        wait_until(lambda: farm.rest("GET", "/overview"), seconds=180, what="the server answers")
        farm.start_worker(1)
        farm.start_worker(2)
        self.relay = Relay("127.0.0.1", farm.port)
        way = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.relay.port}"}
        farm.start_worker(3, *self._faketime_options(), environment={**self._faketime(), **way})
        names = ["worker-1", "worker-2", "worker-3"]
        if island is not None:
            over = Relay(island.HERE, farm.port)
            farm.start_worker(
                4,
                "--allow-root",
                prefix=[_program("ip"), "netns", "exec", island.name],
                environment={"AWS_ENDPOINT_URL": f"http://{island.HERE}:{over.port}"},
            )
            names.append("worker-4")
        wait_until(
            lambda: len(farm.ready_workers()) == len(names), seconds=180, what="workers are ready"
        )
        self.group("pair", "worker-1", "worker-2")
        self.group("doomed", "worker-3")
        if island is not None:
            self.group("island", "worker-4")

    def _faketime(self) -> dict[str, str]:
        if "faketime" not in self.have:
            return {}
        self.clock_file.write_text("+0\n")
        [library, *_] = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self.clock_file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def _faketime_options(self) -> list[str]:
        return [word for name in self._faketime() for word in ("--pass-env", name)]

    def group(self, name: str, *workers: str, how: str = "set") -> None:
        """Put workers into a group."""
        self.farm.rest("PUT", f"/groups/{name}", body={"how": how, "workers": list(workers)})

    def out(self, key: str) -> Path:
        """Where a fault's frames go."""
        return self.folder / "disk" if key == "disk" else self.folder / "out" / key

    def submit(self, fault: Fault) -> None:
        """Submit the job that a fault will strike."""
        scene = self.folder / f"{fault.key}.pov"
        scene.write_text(SCENE)
        text = (
            f"frame={{{{Task.Param.Frame}}}}; first=0; scene={scene}\n"
            f"go={self.folder}/go-{fault.key}; mitsuba={self.folder}/box.py\n"
            f"bpy={self.folder}/cube.py; python={self.programs['python']}\n"
            f"blender={self.programs['blender']}\n"
            f"mkdir {self.folder}/began-{fault.key} 2>/dev/null && first=1\nset -e\n"
            f"{fault.script}\n"
        )
        document = {
            "specificationVersion": "jobtemplate-2023-09",
            "name": fault.key,
            "parameterDefinitions": [
                {
                    "name": "Out",
                    "type": "PATH",
                    "objectType": "DIRECTORY",
                    "dataFlow": "OUT",
                    "default": str(self.out(fault.key)),
                }
            ],
            "steps": [
                {
                    "name": "Render",
                    "parameterSpace": {
                        "taskParameterDefinitions": [
                            {"name": "Frame", "type": "INT", "range": f"1-{fault.frames}"}
                        ]
                    },
                    "script": {
                        "actions": {"onRun": {"command": "bash", "args": ["{{Task.File.Run}}"]}},
                        "embeddedFiles": [{"name": "Run", "type": "TEXT", "data": text}],
                    },
                }
            ],
        }
        body = {
            "template": json.dumps(document),
            "templateType": "JSON",
            "priority": 50,
            "tags": {"grange:group": fault.group},
        }
        path = f"/queues/{self.farm.init.queue_id}/jobs"
        self.jobs[fault.key] = str(self.farm.wire("POST", path, body=body)["jobId"])

    # ── looking ───────────────────────────────────────────────────────────────────────────────────

    def report(self, key: str) -> dict[str, Any]:
        return self.farm.rest("GET", f"/jobs/{self.jobs[key]}/report")

    def attempts(self, key: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.report(key)["attempts"]
        return [one for one in found if one["attempt"] is not None]

    def until(self, key: str, status: str, seconds: float = 180) -> None:
        """Wait until an attempt of a job has a status."""
        wait_until(
            lambda: [one for one in self.attempts(key) if one["status"] == status],
            seconds=seconds,
            what=f"{key}: an attempt is {status}",
        )

    def worker(self, name: str) -> dict[str, Any]:
        workers = self.farm.rest("GET", "/overview")["workers"]
        return next(one for one in workers if one["name"] == name)

    def hailed(self, name: str, *verdicts: str) -> Callable[[], str | None]:
        """Whether neighbours found out about a worker."""

        def look() -> str | None:
            hail: Mapping[str, Any] | None = self.worker(name)["hail"]
            return hail["verdict"] if hail is not None and hail["verdict"] in verdicts else None

        return look

    def renderer(self, key: str) -> psutil.Process | None:
        """The renderer at the frame of a job to be struck: the one that takes long."""
        struck = {f"+I{self.folder / key}.pov", *HEAVY.split()}
        if key == "blender":
            struck = {f"{self.folder}/cube.py", ENDLESS}
        for process in psutil.process_iter(["cmdline"]):
            if struck <= set(process.info["cmdline"] or []):
                return process
        return None

    def send(self, key: str, number: int) -> None:
        """Send a signal to the renderer of a job."""
        process = wait_until(lambda: self.renderer(key), seconds=180, what=f"{key} renders")
        process.send_signal(number)

    # ── injecting ─────────────────────────────────────────────────────────────────────────────────

    def strike(self, island: Island | None) -> None:
        """Inject every fault; several go on at the same time."""
        known = {one.key: one for one in self.faults}
        with contextlib.ExitStack() as stack:
            filler = None
            if "disk" in known:
                filler = stack.enter_context(full_tmpfs(self.folder / "disk"))
            pool = stack.enter_context(ThreadPoolExecutor(4))
            order = "disk frozen process blender network clock corrupt memory missing licence"
            for key in filter(known.__contains__, order.split()):
                self.submit(known[key])
            beside = [pool.submit(self._crashes), pool.submit(self._no_licence, known["licence"])]
            if island is not None:
                beside.append(pool.submit(self._nobody_reaches, island))
            if filler is not None:
                beside.append(pool.submit(self._make_room, filler))
            if "clock" in known:
                self._clock_jumps()
            self._partition()
            for one in beside:
                one.result()
            self._worker_dies(known["worker"])  # last: all its neighbours must be there
            for key in self.jobs:
                if key != "licence":
                    self.ended(key)
            for key in self.jobs:
                if key != "licence":
                    self.observed[key] = self._observe(known[key])

    def _no_licence(self, fault: Fault) -> None:
        """See its job as soon as it has failed: a minute later it is tried again."""
        self.until(fault.key, "FAILED")
        self.observed[fault.key] = self._observe(fault)

    def _crashes(self) -> None:
        self.send("frozen", signal.SIGSTOP)
        self.send("process", signal.SIGKILL)
        if "blender" in self.jobs:
            self.send("blender", signal.SIGKILL)

    def _make_room(self, filler: Path) -> None:
        """Free the disk once a render has failed for it, before the next one has."""
        self.until("disk", "FAILED")
        filler.unlink()

    def _clock_jumps(self) -> None:
        self.until("clock", "RUNNING")
        self.clock_file.write_text("+2h\n")
        wait_until(
            lambda: -(self.worker("worker-3")["clock_behind_ms"] or 0) > 7_100_000,
            seconds=240,
            what="the clock is found wrong",
        )
        self.verdicts["clock"] = "clock_skew"
        (self.folder / "go-clock").touch()
        self.ended("clock")

    def _partition(self) -> None:
        """Cut a worker off from the server alone: its neighbours still reach it."""
        self.relay.cut()
        self.verdicts["partition"] = wait_until(
            self.hailed("worker-3", "unreachable"), seconds=240, what="its neighbours had an answer"
        )
        self.shown = self.farm.grange("worker", "ls").stderr
        self.relay.mend()
        wait_until(
            lambda: self.worker("worker-3")["hail"] is None, seconds=180, what="it is heard again"
        )

    def _worker_dies(self, fault: Fault) -> None:
        self.submit(fault)
        self.until("worker", "RUNNING")
        self.farm.kill("worker-3")
        self.verdicts["worker"] = wait_until(
            self.hailed("worker-3", "gone"), seconds=240, what="the neighbours find it gone"
        )
        self.shown += self.farm.grange("worker", "show", "worker-3").stderr
        self.group("doomed", "worker-1", how="add")

    def _nobody_reaches(self, island: Island) -> None:
        self.until("network", "RUNNING")
        island.up(False)
        self.verdicts["network"] = wait_until(
            self.hailed("worker-4", "dead"), seconds=240, what="nobody reaches the island"
        )
        self.until("network", "INTERRUPTED")
        self.group("island", "worker-2", how="add")
        self.ended("network")
        island.up(True)
        wait_until(
            lambda: self.worker("worker-4")["status"] == "idle",
            seconds=180,
            what="the worker of the island has given up what it did and is heard again",
        )

    def ended(self, key: str) -> None:
        """Wait until a job has ended."""
        wait_until(
            lambda: self.report(key)["status"] in {"DONE", "ERROR"},
            seconds=240,
            what=f"{key} has ended",
        )

    def _observe(self, fault: Fault) -> Observed:
        report = self.report(fault.key)
        out = self.out(fault.key)
        files = sorted(out.iterdir()) if out.is_dir() else []
        kept = self.folder / "kept" / fault.key
        kept.mkdir(parents=True)
        return Observed(
            status=report["status"],
            job=self.farm.rest("GET", f"/jobs/{self.jobs[fault.key]}"),
            attempts=self.attempts(fault.key),
            files=[Path(shutil.copy(file, kept)) for file in files],
            finding=self.verdicts.get(fault.key, ""),
            reason=report["reason"],
            since_at=report["created_at"],
            until_at=report["ended_at"] or 0,
        )
