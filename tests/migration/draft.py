"""Write the next migration, and keep an old database for the tests.

    python -m tests.migration.draft "Say what changes"

compares the migrations with the entities and writes `NNNN_say_what_changes.py`, to be read and
mended by hand, and `tests/migration/old/NNNN.sql`, a database of that revision with a row in every
table. Until a revision has been released, delete its two files and draft it again; afterwards never
touch it.
"""

# ruff: noqa: T201 - a tool for a developer's shell
import asyncio
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.autogenerate.api import AutogenContext
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from grange.adapters.migrations import FOLDER, revisions
from grange.adapters.migrations.sqlite import migrate
from grange.adapters.schema import BOOLEAN, INTEGER, METADATA, NUMBER, TEXT
from grange.adapters.sqlite import SqliteStore
from grange.domain.facts import EventFact, Fact, SessionActionFact, SessionFact
from grange.ports.state import TABLES, Batch
from grange.testing.conformance.entities import least, parents_of
from grange.testing.conformance.state_store import manifest_row, opened

OLD = Path(__file__).parent / "old"
TYPES = {"TEXT": TEXT, "INTEGER": INTEGER, "NUMBER": NUMBER, "BOOLEAN": BOOLEAN}
HEAD = '''"""{message}."""

import sqlalchemy as sa
from alembic import op

from grange.adapters.migrations.types import BOOLEAN, INTEGER, NUMBER, TEXT

revision = "{revision}"
down_revision = {down}


def upgrade() -> None:
    """Move the database forward."""
    {body}
'''


def draft(message: str) -> Path:
    """Write the migration and return its path."""
    known = revisions()
    revision = f"{int(known[-1]) + 1 if known else 1:04}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        if known:
            migrate(path)
        with create_engine(f"sqlite:///{path}").connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            changes = produce_migrations(context, METADATA).upgrade_ops
    assert changes is not None
    if changes.is_empty():
        raise SystemExit("The migrations already make every table as the entities want it.")
    body = render_python_code(changes, render_item=_type_name)
    body = re.sub(r"^\s*# .*$", "", body, flags=re.MULTILINE)
    down = repr(known[-1]) if known else "None"
    slug = re.sub(r"\W+", "_", message.lower()).strip("_")
    target = FOLDER / "versions" / f"{revision}_{slug}.py"
    target.write_text(HEAD.format(message=message, revision=revision, down=down, body=body.strip()))
    for words in (["check", "--fix", "--silent", "--exit-zero"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *words, str(target)], check=True)
    return target


def _type_name(kind: str, item: Any, _: AutogenContext) -> str | Literal[False]:
    if kind == "type":
        for name, known in TYPES.items():
            if repr(item) == repr(known):
                return name
    return False


def everything() -> Batch:
    """Return the least row of every table."""
    entities = [least(table.entity) for table in TABLES]
    parents = [parent for entity in entities for parent in parents_of(entity)]
    facts: list[Fact] = [least(SessionActionFact), least(SessionFact), least(EventFact)]
    return Batch(puts=[*parents, *entities], outbox=facts)


async def _fill(path: Path) -> None:
    async with opened(lambda: SqliteStore(path)) as store:
        await store.commit(everything())
        await store.publish([manifest_row("blocks/a.parquet")], [], 1)  # type: ignore[arg-type]


def dump() -> Path:
    """Keep a database of the newest revision as SQL text and return its path."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        asyncio.run(_fill(path))
        connection = sqlite3.connect(path)
        lines: Iterable[str] = list(connection.iterdump())
        connection.close()
    target = OLD / f"{revisions()[-1]}.sql"
    target.write_text("\n".join(lines) + "\n")
    return target


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    print("Read and mend:", draft(sys.argv[1]))
    print("Kept for the tests:", dump())
