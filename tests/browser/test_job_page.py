"""The page of a job: pictures, movie, times, attempts, events, frames again; and why it waits."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe
from playwright.sync_api import expect

from grange.domain.rates import RateLine, RateUnit
from grange.kernel.errors import UnreachableError
from grange.testing.farm import LocalFarm
from tests.browser.conftest import Visitor, ask, until_in_address, until_live
from tests.browser.handworker import HandWorker
from tests.server.raw import signed

pytestmark = pytest.mark.chromium
RATE = RateLine(line_id="line-1", unit=RateUnit.WORKER_HOUR, billionths_per_hour=10**15)
FRAMES, CHUNK = 12, 3


@dataclass
class Shot:
    """A job whose frames are rendered, with one failed attempt, and its movie."""

    farm: LocalFarm
    job_id: str
    layer_id: str


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("shot")
    with LocalFarm(folder / "farm", rates=(RATE,)) as farm:
        yield render(farm, folder / "images")


def render(farm: LocalFarm, images: Path) -> Shot:
    """Render the job by hand: three frames a task, one of them fails once."""
    images.mkdir()
    job_id = submit(farm, "harvest", images, FRAMES)
    worker = HandWorker(farm, "pic-01", threads=1)
    ((_, first),) = worker.take()[:1]
    worker.finish(first["sessionActionId"], fails_with="exit code 1")
    encodes: set[str] = set()

    def tell(params: dict[str, Any], **_: Any) -> None:
        body = json.loads(params["body"])
        for action_id in encodes & set(body["updatedSessionActions"]):
            usage = {"outputPaths": [str(images / "shot.mp4")]}
            body["updatedSessionActions"][action_id]["grangeUsage"] = usage
        params["body"] = json.dumps(body).encode()

    worker._client.meta.events.register("before-call.deadline.UpdateWorkerSchedule", tell)
    records = []
    while ask(farm, f"/jobs/{job_id}")["ended_at"] is None:
        for session_id, action in worker.take()[:1]:
            run = action["definition"].get("taskRun", {})
            if run.get("parameters"):
                records += frames_of(farm, job_id, session_id, action, images)
            else:
                encodes.add(action["sessionActionId"])
            worker.finish(action["sessionActionId"])
    encode(images / "shot.mp4")
    path = f"/api/v1/farms/{farm.farm_id}/workers/{worker.worker_id}/facts"
    body = json.dumps({"batch": "1", "frames": records}).encode()
    answer = signed(farm, "POST", path, body, service="grange")
    assert answer.json["refused"] == [], answer.json
    return Shot(farm, job_id, ask(farm, f"/jobs/{job_id}")["layers"][0]["layer_id"])


def encode(path: Path) -> None:
    """Make a movie of two seconds, as the encode step of a job does."""
    picture = ["-f", "lavfi", "-i", "testsrc=duration=2:size=160x90:rate=24"]
    coded = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart"]
    command = [get_ffmpeg_exe(), "-v", "error", *picture, *coded, str(path)]
    subprocess.run(command, check=True, timeout=60)


def submit(farm: LocalFarm, name: str, images: Path, frames: int, **host: Any) -> str:
    template = {
        "specificationVersion": "jobtemplate-2023-09",
        "extensions": ["TASK_CHUNKING"],
        "name": name,
        "parameterDefinitions": [
            {"name": "Out", "type": "PATH", "objectType": "DIRECTORY", "default": str(images)}
        ],
        "steps": [
            {
                "name": "beauty",
                **host,
                "parameterSpace": {
                    "taskParameterDefinitions": [
                        {
                            "name": "Frame",
                            "type": "CHUNK[INT]",
                            "range": f"1-{frames}",
                            "chunks": {"defaultTaskCount": CHUNK, "rangeConstraint": "CONTIGUOUS"},
                        }
                    ]
                },
                "script": {"actions": {"onRun": {"command": "true"}}},
            },
            {
                "name": "encode",
                "dependencies": [{"dependsOn": "beauty"}],
                "script": {"actions": {"onRun": {"command": "true"}}},
            },
        ],
    }
    return str(
        farm.boto3().create_job(
            farmId=farm.farm_id,
            queueId=farm.queue_id,
            template=json.dumps(template),
            templateType="JSON",
            priority=50,
        )["jobId"]
    )


def frames_of(
    farm: LocalFarm, job_id: str, session_id: str, action: dict[str, Any], images: Path
) -> list[dict[str, Any]]:
    """Draw the frames of a task, the last one broken, and return their records."""
    oiio = pytest.importorskip("OpenImageIO")

    run = action["definition"]["taskRun"]
    first, _, last = run["parameters"]["Frame"]["chunkInt"].partition("-")
    found = []
    now = farm.api.context.clock.now()
    for frame in range(int(first), int(last or first) + 1):
        kind = ("png", "exr", "dpx", "tif")[frame % 4]
        path = images / f"beauty.{frame:04}.{kind}"
        pixels = np.zeros((90, 160, 3), dtype=np.float32)
        pixels[:, : 160 * frame // FRAMES] = (0.1, 0.4, 0.3)
        output = oiio.ImageOutput.create(str(path))
        output.open(str(path), oiio.ImageSpec(160, 90, 3, "half" if kind == "exr" else "uint8"))
        output.write_image(pixels)
        output.close()
        if frame == FRAMES:
            path.write_bytes(path.read_bytes()[:100])
        found.append(
            {
                "action_id": action["sessionActionId"],
                "session_id": session_id,
                "job_id": job_id,
                "layer_id": "step-" + run["taskId"].split("-")[1],
                "task_index": int(run["taskId"].rpartition("-")[2]),
                "frame": frame,
                "started_at": now,  # not before its job was sent
                "ended_at": now + 40 * frame,
                "render_ms": 40 * frame,
                "averaged_over": 1,
                "first_of_chunk": False,
                "first_after_load": False,
                "user_logged_in": False,
                "log_started_at": now,
                "log_first_frame": None,
                "part_job_cpu": None,
                "part_job_memory_bytes": None,
                "part_other_cpu": None,
                "part_threads": None,
                "peak_memory_bytes": None,
                "cpu_ms": None,
                "output_path": str(path),
                "output_bytes": path.stat().st_size,
            }
        )
    return found


def test_every_frame_of_a_task_has_its_picture_and_a_broken_one_its_reason(
    shot: Shot, visit: Visitor
) -> None:
    """UX-25: EXR, PNG, DPX and TIFF, three frames a task."""
    page = visit(shot.farm).open(f"/jobs/{shot.job_id}")
    grid = page.locator(".preview-grid")
    expect(grid.locator("li")).to_have_count(FRAMES)
    page.locator(".previews").scroll_into_view_if_needed()
    broken = grid.locator("li").last
    expect(broken).to_contain_text("No preview of beauty.0012.png: it is damaged")
    for at in range(FRAMES - 1):
        image = grid.locator("li").nth(at).locator("img")
        expect(image).to_have_js_property("naturalWidth", 160)
    grid.get_by_role("button").first.click()
    large = page.get_by_role("dialog", name="Picture")
    expect(large.get_by_alt_text("beauty 1, large")).to_be_visible()
    large.get_by_role("button", name="Next").click()
    expect(large.get_by_alt_text("beauty 2, large")).to_be_visible()
    large.get_by_role("button", name="Close").click()

    expect(page.locator(".movies video")).to_have_attribute("src", re.compile("/movies/"))
    part = page.evaluate(
        """async () => {
          const url = document.querySelector('.movies video').src;
          const answer = await fetch(url, { headers: { range: 'bytes=10-19' } });
          return [answer.status, (await answer.arrayBuffer()).byteLength];
        }"""
    )
    assert part == [206, 10]
    video = page.locator(".movies video")
    video.evaluate(
        """async (video) => {
          video.muted = true;
          const runs = new Promise((done) =>
            video.addEventListener('timeupdate', () => video.currentTime > 0.3 && done()),
          );
          await video.play();
          await runs;
        }"""
    )
    assert video.evaluate("video => [video.videoWidth, video.videoHeight]") == [160, 90]
    chart = page.locator(".frame-times .levels")
    expect(chart).to_have_attribute("aria-label", re.compile("beauty, median 0.3 s"))
    expect(chart.locator("canvas")).to_be_visible()


def test_attempts_and_events_say_who_did_what(shot: Shot, visit: Visitor) -> None:
    """Ledger S1-04, S1-20: each attempt leads to its own log."""
    page = visit(shot.farm).open(f"/jobs/{shot.job_id}")
    table = page.locator(".attempt-table")
    expect(table.get_by_role("status")).to_have_text("6 of 6")
    table.get_by_label("Show").select_option("FAILED")
    expect(table.get_by_role("status")).to_have_text("1 of 1")
    row = table.locator("tbody tr")
    expect(row).to_contain_text("pic-01")
    expect(row.get_by_role("link", name="Log")).to_have_attribute("href", re.compile("attempt=1$"))
    expect(page.locator(".events li").first).to_be_visible()
    expect(page.locator(".events")).to_contain_text("job status")


def test_what_the_books_know_of_frames_comes_when_they_are_back(
    shot: Shot, visit: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job answers without its books; nothing happens to it any more, and it is asked again."""
    books = shot.farm.api.context.books
    answers, away = books.ask, {"job_frames"}

    async def ask_if_there(question: str, **arguments: Any) -> Any:
        if question in away:
            raise UnreachableError("The books are being restarted. Try again.")
        return await answers(question, **arguments)

    monkeypatch.setattr(books, "ask", ask_if_there)
    told = ask(shot.farm, f"/jobs/{shot.job_id}/frames")
    assert told["books_answered"] is False
    assert not any(told["frames"]["render_ms"])
    assert ask(shot.farm, f"/jobs/{shot.job_id}")["books_answered"] is True

    page = visit(shot.farm).open(f"/jobs/{shot.job_id}")
    expect(page.locator(".strip .cell").first).to_be_visible()
    until_live(page)
    page.wait_for_timeout(2_000)  # what the page asks by itself as it opens was asked while away
    expect(page.locator(".preview-grid li")).to_have_count(0)
    away.clear()
    expect(page.locator(".preview-grid li").first).to_be_visible()
    assert ask(shot.farm, f"/jobs/{shot.job_id}/frames")["books_answered"] is True


def test_frames_by_number_are_rendered_again(shot: Shot, visit: Visitor) -> None:
    """Ledger S1-17; UX-7: the consequence first."""
    page = visit(shot.farm).open(f"/jobs/{shot.job_id}")
    page.get_by_label("Frames", exact=True).fill("2-4")
    page.get_by_role("button", name="Render again").click()
    dialog = page.get_by_role("dialog", name="Render again")
    expect(dialog).to_contain_text("Renders 6 frames in 2 tasks again.")
    dialog.get_by_role("button", name="Render again").click()
    expect(dialog).to_be_hidden()
    assert ask(shot.farm, f"/jobs/{shot.job_id}")["counts"]["READY"] == 2
    expect(page.locator(".eta")).to_be_visible()
    expect(page.locator(".cost-so-far")).to_contain_text("beauty")


def test_why_shows_the_funnel_and_what_would_be(shot: Shot, visit: Visitor, tmp_path: Path) -> None:
    """UX-10, UX-11: what if a requirement did not count; the address keeps the question."""
    needs = {"amounts": [{"name": "amount.worker.memory", "min": 900_000}]}
    job_id = submit(shot.farm, "huge", tmp_path, 3, hostRequirements=needs)
    page = visit(shot.farm).open(f"/jobs/{job_id}/why")
    expect(page.locator(".verdict-line")).to_contain_text("It waits for memory")
    expect(page.locator(".funnel-bars li.first").first).to_contain_text("0 of 1 pass")
    expect(page.get_by_label("Workers and reasons").first).to_contain_text("pic-01")
    page.get_by_label("memory", exact=True).check()
    expect(page.locator(".then")).to_contain_text("beauty: then it starts")
    until_in_address(page, "drop=memory")
    page.get_by_role("button", name="As it is").click()
    expect(page.locator(".then")).to_have_count(0)
