"""Simulated farms: a made-up past that was filled into a folder moves in."""

import msgspec
from litestar import post
from litestar.params import JSONBody

from grange.server.rest.given import Services
from grange.services.reads.pages import FarmRow, farm_row


class SimulatedFolder(msgspec.Struct, frozen=True, kw_only=True):
    """Where the past was filled in."""

    folder: str
    """Relative to the server's data folder."""


@post("/farms/simulated", operation="AdoptFarm", status_code=201)
async def adopt_farm(data: JSONBody[SimulatedFolder], context: Services) -> FarmRow:
    """Take in a simulated farm from a folder inside the server's data folder."""
    return farm_row(await context.adopt(data.folder))


HANDLERS = [adopt_farm]
"""The routes of this subject."""
