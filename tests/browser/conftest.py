"""Chromium, a real server in a thread of this process, and what a page must never do."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Request,
    Route,
    expect,
    sync_playwright,
)

from grange.testing.farm import LocalFarm

if TYPE_CHECKING:
    from tests.browser.showroom import Showroom

STATIC = Path(__file__).resolve().parents[2] / "src" / "grange" / "server" / "static"
AXE = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WAIT_MS = 60_000
"""Machines that run other tests beside these are slow."""
expect.set_options(timeout=WAIT_MS)
FRAMES = """(count) => new Promise((done) => {
  const next = () => (count-- > 0 ? requestAnimationFrame(next) : done());
  next();
})"""


@dataclass
class Visit:
    """A page, and everything it did that it must not do."""

    page: Page
    """Nowhere until a path is opened."""
    origin: str
    chose: bool = False
    """A farm was chosen once."""
    foreign: list[str] = field(default_factory=list)
    """Requests to other hosts; the browser finds none of them."""
    complaints: list[str] = field(default_factory=list)
    """Exceptions, and what the browser refused because of the content security policy."""

    def open(self, path: str, *, farm_id: str = "") -> Page:
        """Go to a path of the page; `farm_id` chooses another farm than the first."""
        if farm_id or self.chose:
            if not self.chose:  # what is kept is kept for the origin: it must be there
                self.page.goto(f"{self.origin}/icon.svg")
            self.page.evaluate("(id) => sessionStorage.setItem('grange-farm', id)", farm_id)
            self.chose = True
        self.page.goto(f"{self.origin}{path}", wait_until="domcontentloaded")
        return self.page

    def check(self) -> None:
        """Fail if the page asked another host for something or did anything it must not."""
        assert self.foreign == []
        assert self.complaints == []


Visitor = Callable[..., Visit]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if not (STATIC / "index.html").exists():
        pytest.fail("The page is not built. Run ./dev setup.")
    program = os.environ["GRANGE_TEST_CHROMIUM"]
    with sync_playwright() as playwright:
        # To be asked about each request would take this process as long as the page takes for it.
        only_here = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", only_here]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalFarm]:
    with LocalFarm(tmp_path_factory.mktemp("farm")) as running:
        yield running


@pytest.fixture(scope="session")
def showroom(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Showroom]":
    """One server for every test that only looks: see `showroom.furnish`."""
    from grange.services.wrangle.present import Limits
    from tests.browser.showroom import RATE, furnish

    data = tmp_path_factory.mktemp("showroom")
    with LocalFarm(data, rates=(RATE,), silence_seconds=86_400) as running:
        running.api.context.inbox.limits = Limits(waits_ms=0)
        yield furnish(running, data)


@pytest.fixture
def own_farm(tmp_path: Path) -> Iterator[LocalFarm]:
    """A farm for one test alone: its workers get no other test's jobs."""
    with LocalFarm(tmp_path / "farm") as running:
        yield running


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Visitor]:
    """Open pages of a farm, signed in unless told otherwise."""
    contexts = []
    visits: list[Visit] = []

    def make(
        farm: LocalFarm,
        *,
        width: int = 1440,
        theme: Literal["light", "dark"] = "light",
        signed_in: bool = True,
    ) -> Visit:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=theme,
            reduced_motion="reduce",
            timezone_id="Pacific/Auckland",
            locale="en-US",
        )
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        page = context.new_page()
        found = Visit(page=page, origin=farm.endpoint)
        visits.append(found)

        def heard(request: Request) -> None:
            url = urlsplit(request.url)
            if url.netloc and f"{url.scheme}://{url.netloc}" != farm.endpoint:
                found.foreign.append(request.url)

        context.on("request", heard)
        page.on("pageerror", lambda error: found.complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                found.complaints.append(message.text)
                if "Content Security Policy" in message.text
                else None
            ),
        )
        if signed_in:
            sign_in(context, farm)
        return found

    yield make
    for context in contexts:
        context.close()
    for found in visits:
        found.check()


def until_live(page: Page) -> None:
    """Wait until the page hears of everything that happens from now on."""
    expect(page.locator(".link-badge")).to_have_text("live")


def until_drawn(page: Page) -> None:
    """Wait until what changed is laid out, and canvases that follow their size are drawn."""
    page.evaluate(FRAMES, 3)


def until_in_address(page: Page, *words: str) -> None:
    """Wait until the page's address has all of these words, in any order."""
    everywhere = "".join(f"(?=.*{re.escape(word)})" for word in words)
    expect(page).to_have_url(re.compile(everywhere))


def until_held(page: Page, held: list[Route]) -> Route:
    """Wait until a request came to a handler that keeps it; return the latest."""
    for _ in range(WAIT_MS // 20):
        if held:
            return held.pop()
        page.wait_for_timeout(20)  # handlers are called meanwhile
    raise AssertionError("The page sent no such request.")


def until_said(page: Page, script: str, otherwise: str, wait_ms: int = WAIT_MS) -> Any:
    """Wait until what a script says is true, and return it.

    It is asked from outside again and again: the page's own policy lets no text be run, so
    `wait_for_function` fails as soon as it has to ask twice.
    """
    for _ in range(wait_ms // 20):
        if found := page.evaluate(script):
            return found
        page.wait_for_timeout(20)
    raise AssertionError(otherwise)


def violations(page: Page) -> list[Any]:
    """Return what axe-core finds against WCAG 2.2 AA: the rule, what helps, where."""
    # Evaluated by the debugger, not by the page: the page's policy stays as it is.
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE.read_text())
    # Every rule is tried on everything; only what passes is not described one by one.
    found = page.evaluate(
        "(tags) => axe.run(document,"
        " { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] })",
        RULES,
    )
    return [
        (item["id"], item["help"], [node["html"][:160] for node in item["nodes"]])
        for item in found["violations"]
    ]


def until_it_fits(page: Page, about: object = "") -> None:
    """Wait until the page is no wider than its window."""
    script = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    until_said(page, script, f"The page is wider than its window: {about}", WAIT_MS // 4)


def sign_in(context: BrowserContext, farm: LocalFarm) -> None:
    """Follow a link to sign in, up to its cookie: no page is loaded that no test looks at."""
    answer = context.request.get(login_link(farm), max_redirects=0)
    assert answer.status in {302, 303}, answer.text()
    assert context.cookies(farm.endpoint)


def login_link(farm: LocalFarm) -> str:
    """Return what `grange open` opens."""
    answer = farm.connect().call("POST", "/api/v1/login-links", body={}, service="grange")
    return str(answer["url"])


def ask(farm: LocalFarm, path: str, **query: Any) -> Any:
    """Ask the REST API as the owner."""
    words = {name: str(value) for name, value in query.items()}
    return farm.connect().call(
        "GET", f"/api/v1/farms/{farm.farm_id}{path}", query=words, service="grange"
    )


@pytest.fixture
def submit(farm: LocalFarm) -> Callable[..., str]:
    """Submit a job of two layers, the first in chunks of frames; returns its id."""
    return lambda **members: submit_job(farm, **members)


def submit_job(
    farm: LocalFarm,
    *,
    name: str = "harvest",
    frames: str = "1-12",
    chunk: int = 3,
    memory_mib: int = 0,
) -> str:
    """Submit a job of two layers to a farm; `memory_mib` is what its first layer demands."""
    import json

    template: dict[str, Any] = {
        "specificationVersion": "jobtemplate-2023-09",
        "extensions": ["TASK_CHUNKING"],
        "name": name,
        "steps": [
            {
                "name": "render",
                "parameterSpace": {
                    "taskParameterDefinitions": [
                        {
                            "name": "Frame",
                            "type": "CHUNK[INT]",
                            "range": frames,
                            "chunks": {"defaultTaskCount": chunk, "rangeConstraint": "CONTIGUOUS"},
                        }
                    ]
                },
                "script": {
                    "actions": {"onRun": {"command": "echo", "args": ["{{Task.Param.Frame}}"]}}
                },
            },
            {
                "name": "encode",
                "dependencies": [{"dependsOn": "render"}],
                "script": {"actions": {"onRun": {"command": "true"}}},
            },
        ],
    }
    if memory_mib:
        template["steps"][0]["hostRequirements"] = {
            "amounts": [{"name": "amount.worker.memory", "min": memory_mib}]
        }
    answer = farm.boto3().create_job(
        farmId=farm.farm_id,
        queueId=farm.queue_id,
        template=json.dumps(template),
        templateType="JSON",
        priority=50,
    )
    return str(answer["jobId"])
