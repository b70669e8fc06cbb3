"""Write what all revisions make of an empty SQLite file: new farms begin with it."""

import sqlite3
import tempfile
from pathlib import Path

from sqlalchemy import create_engine

from grange.adapters.migrations import FRESH, upgrade


def fresh_schema() -> str:
    """Return the statements, made by running every revision on an empty file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        engine = create_engine(f"sqlite:///{path}")
        with engine.begin() as connection:
            upgrade(connection)
        engine.dispose()
        made = sqlite3.connect(path)
        lines = [line for line in made.iterdump() if line not in {"BEGIN TRANSACTION;", "COMMIT;"}]
        made.close()
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the file."""
    FRESH.write_text(fresh_schema(), encoding="utf-8")


if __name__ == "__main__":
    main()
