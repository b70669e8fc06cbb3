"""The page of log streams: the server's graphs, chosen by the address."""

import io
import time

import pyarrow as pa
import pytest
from playwright.sync_api import expect

from grange.books.catalog.registry import TABLES
from grange.books.catalog.schema import arrow_table
from grange.testing.farm import LocalFarm
from tests.browser.conftest import Visitor
from tests.unit.streams.log_facts import busy

pytestmark = pytest.mark.chromium

HOUR_MS = 3_600_000


def test_streams_that_were_heard_are_drawn(own_farm: LocalFarm, visit: Visitor) -> None:
    """Ledger S4-42: any stream's graph, on demand; what is chosen stands in the address."""
    seen = visit(own_farm)
    page = seen.open("/streams")
    expect(page.locator(".empty")).to_contain_text("grange streams collect")
    end = int(time.time() * 1000) // HOUR_MS * HOUR_MS
    rows = busy(end - 6 * HOUR_MS, 6, stream="archive", machine="ada")
    rows += busy(end - 6 * HOUR_MS, 6, stream="feed", kind="rx", machine="bob", seed=4)
    spec = TABLES["log_lines"]
    names = [name for name in spec.column_names if name != "farm_id"]
    table = arrow_table(spec, rows).select(names)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    own_farm.connect().upload(f"/api/v1/farms/{own_farm.farm_id}/streams/lines", sink.getvalue())

    page = seen.open("/streams")
    picture = page.locator(".stream-picture img")
    expect(picture).to_have_attribute("alt", "Graphs of archive, the last 24 h")
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("(img) => img.naturalWidth") > 0
    page.get_by_label("feed").check()
    expect(picture).to_have_attribute("alt", "Graphs of archive, feed, the last 24 h")
    page = seen.open(page.url.removeprefix(seen.origin))
    expect(page.get_by_label("feed")).to_be_checked()
