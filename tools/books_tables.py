"""Write docs/books-tables.md anew from the catalog of the books."""

from grange.books.catalog.page import tables_page
from tools.environment import ROOT


def main() -> None:
    """Write the page."""
    (ROOT / "docs" / "books-tables.md").write_text(tables_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
