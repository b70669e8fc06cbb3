"""WCAG 2.2 AA, as far as axe-core can tell, on every page in both themes; pictures of them."""

import io
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor, until_drawn, until_it_fits, until_said, violations
from tests.browser.routes import ROUTES, Route
from tests.browser.showroom import PICTURES, Showroom

pytestmark = pytest.mark.chromium

WRITES = bool(os.environ.get("GRANGE_WRITE_PICTURES"))
MOST_BYTES = 150 * 1024
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 900}
TWICE = {"width": 720, "height": 450}
"""A window of 1440 × 900 at 200 %."""

MARKED = """() => {
  const here = document.activeElement;
  if (here === null || here === document.body) return null;
  const box = here.getBoundingClientRect();
  const seen = (element, part) => {
    const style = getComputedStyle(element, part);
    const width = parseFloat(style.outlineWidth) || 0;
    return (style.outlineStyle !== 'none' && width > 0) || style.boxShadow !== 'none' ||
      (part !== null && style.content !== 'none' && parseFloat(style.borderTopWidth) > 0);
  };
  const marked = seen(here, null) || (here.parentElement !== null &&
    (seen(here.parentElement, '::after') || seen(here.parentElement, null))) ||
    [...here.querySelectorAll('*')].slice(0, 200).some((inner) => seen(inner, null));
  return {
    what: here.outerHTML.slice(0, 120),
    marked,
    shown: box.width > 0 && box.height > 0,
  };
}"""
"""Of what the keyboard is at: whether it is drawn, and whether a mark says so."""
STOPS = 25

WATCHED = """window.moved = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (!entry.hadRecentInput) window.moved.push([entry.value, entry.sources.map(
      ({ node }) => `${node?.nodeName} ${node?.className ?? ''}`)]);
  }
}).observe({ type: 'layout-shift', buffered: true });"""
"""Notes by how much what is on the page moves without anybody's doing, and what it was."""
MOST_MOVED = 0.1
"""Of what "good" means to Web Vitals. A button that moves away is not hit by who reaches for it."""


IMAGES = "[...document.images].every((image) => image.complete)"


def small_png(picture: bytes, path: Path) -> int:
    """Write a picture with at most 256 colours; returns its size."""
    with Image.open(io.BytesIO(picture)) as image:
        drawn = image.convert("RGB")
        for colours in (256, 128, 64, 32):
            drawn.quantize(colours).save(path, optimize=True)
            if path.stat().st_size <= MOST_BYTES:
                break
        else:
            scaled = drawn.resize((drawn.width * 3 // 4, drawn.height * 3 // 4))
            scaled.quantize(64).save(path, optimize=True)
    return path.stat().st_size


def unmarked(page: Page) -> list[str]:
    """Walk with Tab; return what it reached that is not drawn or not marked as being there."""
    reached: dict[str, bool] = {}
    for _ in range(STOPS):
        page.keyboard.press("Tab")
        here = page.evaluate(MARKED)
        if here is None:  # the browser's own bar, behind the last
            break
        reached[here["what"]] = here["marked"] and here["shown"]
    assert reached
    return [what for what, is_right in reached.items() if not is_right]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_axe_finds_nothing_and_the_keyboard_goes_everywhere(
    route: Route, showroom: Showroom, visit: Visitor, tmp_path: Path
) -> None:
    """UX-22: no AA violation, light and wide, dark and narrow; at 200 % nothing runs out of the
    window, and what Tab reaches is drawn and marked. A picture of both is small. What is there
    stays where it is while the rest comes."""
    seen = visit(showroom.farm)
    seen.page.add_init_script(WATCHED)
    path = route.path(showroom)
    page = seen.open(path, farm_id=showroom.studio_id if route.studio else showroom.farm.farm_id)
    expect(page.locator(route.ready).first).to_be_visible()
    folder = PICTURES if WRITES else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    until_drawn(page)
    moved = page.evaluate("window.moved")
    assert sum(value for value, _ in moved) <= MOST_MOVED, moved
    found: list[Any] = []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        if WRITES or route.name == "usage":
            page.set_viewport_size(WIDE)  # type: ignore[arg-type]
            until_drawn(page)
            until_said(page, IMAGES, "An image of the page never came.")
            picture = page.screenshot(full_page=True, clip=_clip(page))
            assert small_png(picture, folder / f"{route.name}-{theme}.png") <= MOST_BYTES
        page.set_viewport_size(WIDE if theme == "light" else NARROW)  # type: ignore[arg-type]
        found += [(theme, *item) for item in violations(page)]
    assert found == []
    page.set_viewport_size(TWICE)  # type: ignore[arg-type]
    until_it_fits(page, route.name)
    assert unmarked(page) == []


def _clip(page: Page) -> Any:
    height = page.evaluate("document.documentElement.scrollHeight")
    return {"x": 0, "y": 0, "width": WIDE["width"], "height": min(height, 1300)}


def test_the_docs_show_every_page_in_both_modes() -> None:
    words = (PICTURES.parents[1] / "page.md").read_text()
    for route in ROUTES:
        for theme in ("light", "dark"):
            name = f"{route.name}-{theme}.png"
            path = PICTURES / name
            if route.pictured:
                assert f"images/pages/{name}" in words, f"docs/page.md does not show {name}"
                assert path.stat().st_size <= MOST_BYTES, "write it with tools.page_pictures"


def test_axe_finds_nothing_on_the_way_in(showroom: Showroom, visit: Visitor) -> None:
    page = visit(showroom.farm, signed_in=False).open("/")
    expect(page.get_by_role("heading")).to_be_visible()
    for theme, size in (("light", WIDE), ("dark", NARROW)):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.set_viewport_size(size)  # type: ignore[arg-type]
        assert violations(page) == [], theme


def test_every_state_has_a_shape_and_a_word(showroom: Showroom, visit: Visitor) -> None:
    """UX-23: nothing is told by colour alone."""
    page = visit(showroom.farm).open(f"/jobs/{showroom.job_id}")
    expect(page.locator(".strip .cell")).to_have_count(24)
    shapes = page.locator(".cell").evaluate_all(
        "cells => cells.map((cell) => [cell.dataset.status, cell.dataset.shape])"
    )
    by_status = dict(shapes)
    assert len(by_status) >= 3
    assert len(set(by_status.values())) == len(by_status)
    for chip in page.locator(".chip").all():
        assert chip.inner_text().strip()
        assert chip.locator("svg").count() == 1


def test_what_axe_is_asked_is_answered(showroom: Showroom, visit: Visitor) -> None:
    """UX-22: else the tests above say nothing."""
    page = visit(showroom.farm).open("/jobs")
    expect(page.get_by_role("grid")).to_be_visible()
    assert violations(page) == []
    page.evaluate(
        """() => {
          const line = document.createElement('p');
          line.style.cssText = 'color: rgb(150 150 150); background: rgb(140 140 140)';
          line.append('Barely there', new Image());
          document.querySelector('main').prepend(line);
        }"""
    )
    assert {rule for rule, *_ in violations(page)} == {"color-contrast", "image-alt"}
