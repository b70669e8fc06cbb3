"""The pages about both doors say what the server does."""

from pathlib import Path

from grange.server.pages import operations_page, with_routes

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_of_operations_is_current():
    page = (DOCS / "operations-served.md").read_text(encoding="utf-8")
    assert page == operations_page(), "python -m tools.operations_served"


def test_the_list_of_routes_is_current():
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    assert page == with_routes(page), "python -m tools.operations_served"
