"""Write docs/operations-served.md and the routes of docs/api.md anew from the handlers."""

from grange.server.pages import operations_page, with_routes
from tools.environment import ROOT


def main() -> None:
    """Write both pages."""
    docs = ROOT / "docs"
    (docs / "operations-served.md").write_text(operations_page(), encoding="utf-8")
    api = docs / "api.md"
    api.write_text(with_routes(api.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
