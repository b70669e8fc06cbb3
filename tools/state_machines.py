"""Write docs/state-machines.md anew from the tables of the state machines."""

from grange.domain.diagrams import page
from tools.environment import ROOT


def main() -> None:
    """Write the page."""
    (ROOT / "docs" / "state-machines.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
