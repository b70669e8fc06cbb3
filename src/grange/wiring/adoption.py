"""Takes the simulated farm of a folder inside the data folder into the running server."""

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec

from grange.adapters.parquet.blocks import TEMPORARY
from grange.adapters.sqlite.store import SqliteStore
from grange.domain.farm import Farm
from grange.kernel.errors import InvalidRequestError
from grange.ports.state import ManifestRow
from grange.server.ports import BooksDoor
from grange.services.adoption import move_in
from grange.services.owner import Owner

_STATE = "state.db"


def adopter(data_dir: Path, owner: Owner, books: BooksDoor) -> Callable[[str], Awaitable[Farm]]:
    """Return what takes in the simulated farm of a folder, named relative to the data folder."""

    async def adopt(name: str) -> Farm:
        folder = await asyncio.to_thread(_folder, data_dir, name)
        source = SqliteStore(folder / _STATE, read_only=True, readers=1)
        await source.open()

        async def publish(farm: Farm, files: Sequence[ManifestRow]) -> None:
            await asyncio.to_thread(_bring, folder, data_dir, files)
            plain = [msgspec.to_builtins(row) for row in files]
            await books.ask("adopt", farm_id=farm.farm_id, files=plain)

        try:
            farm = await move_in(source, owner, publish)
        finally:
            await source.close()
        await asyncio.to_thread(shutil.rmtree, folder)
        return farm

    return adopt


def _folder(data_dir: Path, name: str) -> Path:
    folder = (data_dir / name).resolve()
    inside = folder.is_relative_to(data_dir.resolve()) and folder != data_dir.resolve()
    if not inside or not (folder / _STATE).is_file():
        raise InvalidRequestError(
            f"{name!r} is no folder inside the server's data folder that a simulation has filled."
        )
    return folder


def _bring(folder: Path, data_dir: Path, files: Sequence[ManifestRow]) -> None:
    """Put files where the books look for them, under names that say they are not theirs yet."""
    for row in files:
        target = data_dir / f"{row.path}{TEMPORARY}"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        os.link(folder / row.path, target)
