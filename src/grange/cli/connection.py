"""What every command of a client is handed: the farm it talks to, and where its answer goes."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

import rich_click as click

from grange.cli.output import Output
from grange.cli.spans import parse_span, parse_when
from grange.config.client import ClientSettings, load_client
from grange.kernel.clock import Clock
from grange.kernel.errors import ConfigurationError, NotFoundError
from grange.kernel.units import Instant
from grange.ports.farm_api import FarmApi
from grange.wiring.client import connect, system_clock

P = ParamSpec("P")
R = TypeVar("R")

WIRE = "/2023-10-12"
"""Where the Deadline Cloud API lives."""
REST = "/api/v1"
SIMULATED_NOTE = "SIMULATED: nothing of this farm ever happened; its past was made up."
"""Where Grange's own API lives."""


class Connection:
    """One farm on one server, as named by options and settings. Nothing is sent until needed."""

    def __init__(self, *, server: str | None, farm_id: str | None, out: Output) -> None:
        self._given = {"server": server, "farm_id": farm_id}
        self.out = out
        self.simulated = False
        """True once an answer was of a farm whose past was made up."""

    @classmethod
    def of(cls, settings: ClientSettings, out: Output) -> "Connection":
        """Return a connection with settings that are known already."""
        connection = cls(server=None, farm_id=None, out=out)
        connection.__dict__["settings"] = settings
        return connection

    @cached_property
    def settings(self) -> ClientSettings:
        """Where the server is and who we are."""
        return load_client(command_line=self._given)

    @cached_property
    def api(self) -> FarmApi:
        """The signed connection."""
        return connect(self.settings)

    @cached_property
    def clock(self) -> Clock:
        """The machine's clock."""
        return system_clock()

    @cached_property
    def farm_id(self) -> str:
        """The farm: as named, or the only one there is (simulated ones aside).

        Raises:
            ConfigurationError: there is no farm, or more than one and none was named.
        """
        if self.settings.farm_id:
            return self.settings.farm_id
        farms = list(self.pages("/farms", "farms"))
        if len(farms) > 1:
            known = self.server_call("GET", "/farms")["farms"]
            own = {farm["farm_id"] for farm in known if not farm["simulated"]}
            farms = [farm for farm in farms if farm["farmId"] in own] or farms
        if len(farms) == 1:
            return str(farms[0]["farmId"])
        if not farms:
            raise ConfigurationError("The server has no farm yet.")
        raise ConfigurationError(
            "The server has several farms; name one with --farm or GRANGE_FARM_ID: "
            + ", ".join(f"{farm['farmId']} ({farm['displayName']})" for farm in farms)
        )

    @cached_property
    def zone(self) -> ZoneInfo:
        """The farm's: its books begin their days, months and years there."""
        known = {farm["farm_id"]: farm for farm in self.server_call("GET", "/farms")["farms"]}
        farm = known.get(self.farm_id)
        if farm is None:
            raise NotFoundError("farm", self.farm_id)
        return ZoneInfo(farm["zone"])

    def when(self, text: str) -> Instant:
        """Return the instant that somebody means who asks the farm; see `parse_when`."""
        return parse_when(text, self.clock.now(), lambda: self.zone)

    def span(self, start: str | None, end: str | None) -> dict[str, str]:
        """Return the span that somebody means who asks the farm; see `parse_span`."""
        return parse_span(start, end, self.clock.now(), lambda: self.zone)

    def wire(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Call the Deadline Cloud API; `path` begins behind the API's version."""
        return self.api.call(method, WIRE + path, query=query, body=body, service="deadline")

    def pages(
        self, path: str, member: str, *, query: Mapping[str, str] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield the items of a paged list of the Deadline Cloud API."""
        asked = {"maxResults": "100", **(query or {})}
        while True:
            page = self.wire("GET", path, query=asked)
            yield from page.get(member, [])
            token = page.get("nextToken")
            if not token:
                return
            asked["nextToken"] = token

    def rest(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        timeout_seconds: float = 60.0,
    ) -> dict[str, Any]:
        """Call Grange's own API on the farm; `path` begins behind the farm."""
        answer = self.api.call(
            method,
            f"{REST}/farms/{self.farm_id}{path}",
            query=query,
            body=body,
            service="grange",
            timeout_seconds=timeout_seconds,
        )
        self.simulated = self.simulated or answer.get("simulated") is True
        return answer

    def rest_bytes(self, path: str, *, query: Mapping[str, str] | None = None) -> bytes:
        """Fetch raw bytes of Grange's own API on the farm."""
        return self.api.fetch(
            f"{REST}/farms/{self.farm_id}{path}", query=query, timeout_seconds=120.0
        )

    def server_call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Call Grange's own API outside any farm, e.g. `/users`."""
        return self.api.call(method, REST + path, query=query, body=body, service="grange")


def with_farm(
    command: Callable[Concatenate[Connection, P], R],
) -> Callable[P, R]:
    """Give a command the options of a client, and hand it a `Connection` first."""

    @click.option("--server", metavar="URL", help="Address of the server; else AWS_ENDPOINT_URL.")
    @click.option(
        "--farm", metavar="ID", help="Id of the farm; else GRANGE_FARM_ID, or the only one."
    )
    @click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
    @debug_option
    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        server = kwargs.pop("server")
        farm_id = kwargs.pop("farm")
        out = Output(as_json=bool(kwargs.pop("as_json")))
        connection = Connection(
            server=str(server) if server else None,
            farm_id=str(farm_id) if farm_id else None,
            out=out,
        )
        result = command(connection, *args, **kwargs)
        if connection.simulated and not out.as_json:
            connection.out.line(SIMULATED_NOTE)
        return result

    return run


def with_output(command: Callable[Concatenate[Output, P], R]) -> Callable[P, R]:
    """Give a command that talks to no server --json, and hand it an `Output` first."""

    @click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
    @debug_option
    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        return command(Output(as_json=bool(kwargs.pop("as_json"))), *args, **kwargs)

    return run


def debug_option(command: Callable[P, R]) -> Callable[P, R]:
    """Give a command --debug, which `main` reads."""
    return click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=_remember_debug,
        help="Show where an error was raised.",
    )(command)


def _remember_debug(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        context.find_root().meta["grange.debug"] = True
