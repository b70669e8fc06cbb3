"""Write docs/state-machines.md from the tables of the state machines."""

from pathlib import Path

from grange.domain.diagrams import page

if __name__ == "__main__":
    path = Path(__file__).resolve().parent.parent / "docs" / "state-machines.md"
    path.write_text(page(), encoding="utf-8")
    print(f"wrote {path}")
