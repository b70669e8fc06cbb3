"""The running server, for scripts that ask it instead of the folder (S0-58)."""

from typing import Any

from grange.config.client import load_client
from grange.ports.farm_api import FarmApi
from grange.rrdata.door import Door
from grange.rrdata.gather_settings import groups_file
from grange.rrdata.groups import _ClientGroupList, group_list
from grange.wiring.client import connect

__all__ = ["Connection", "server_connect"]


class Connection:
    """A connection to the farm's server."""

    def __init__(self, api: FarmApi, farm_id: str | None) -> None:
        self._door = Door(api, farm_id)

    def clientGetGroups(self) -> _ClientGroupList:
        """Return the worker groups as they are now."""
        return group_list(groups_file(self._door))


def server_connect(*_arguments: Any, **_options: Any) -> Connection:
    """Return a connection to the server that boto3's variables or client.toml name.

    Host, port, user and password of Royal Render's function are not looked at: the key decides.

    Raises:
        ConfigurationError: no server or no key is known.
    """
    settings = load_client()
    return Connection(connect(settings), settings.farm_id)
