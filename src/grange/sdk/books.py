"""The books of a farm, as a script sees them.

    farm = grange.open("http://127.0.0.1:8765")        # or grange.open("/path/of/the/data/folder")
    books = farm.books
    books.days["2026-03-01"].users["ann"][40].frames_rendered
    books.farm.month.on("2026-03-01").to_polars()

Answers are the same through both doors. Each subject has a module of its own in `grange.sdk` and a
property here.
"""

import importlib
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from grange.kernel.clock import Clock
from grange.kernel.errors import ConfigurationError
from grange.ports.farm_api import FarmApi
from grange.sdk.contacts import Contacts, Groups, LicencePools
from grange.sdk.costs import Costs, Moment, Statements, costs
from grange.sdk.days import Days
from grange.sdk.frames import Frames, LayerTimes
from grange.sdk.history import History
from grange.sdk.reports import Distributions, Reports
from grange.sdk.rings import FarmRings
from grange.sdk.statistics import FolderRuns, ServerRuns, Statistics
from grange.sdk.workers import Workers

_REST = "/api/v1"
_SLOWEST_SECONDS = 300.0
_NAMED = re.compile(r"\{(\w+)\}")


class Door(Protocol):
    """A way to the books of one farm."""

    @property
    def farm_id(self) -> str:
        """The farm asked about."""
        ...

    def ask(self, question: str, path: str, arguments: Mapping[str, Any]) -> Any:
        """Put a question; see `Books.ask`."""
        ...


class RestDoor:
    """The books over the REST API."""

    def __init__(self, api: FarmApi, farm_id: str) -> None:
        self._api = api
        self._farm_id = farm_id

    @property
    def farm_id(self) -> str:
        """The farm asked about."""
        return self._farm_id

    @property
    def api(self) -> FarmApi:
        """The signed connection."""
        return self._api

    def ask(self, question: str, path: str, arguments: Mapping[str, Any]) -> Any:
        """GET a path below the farm; what the path does not name goes into the query."""
        named = set(_NAMED.findall(path))
        query = {
            name: _as_text(value)
            for name, value in arguments.items()
            if name not in named and value is not None
        }
        return self._api.call(
            "GET",
            f"{_REST}/farms/{self._farm_id}{path.format(**arguments)}",
            query=query,
            service="grange",
            timeout_seconds=_SLOWEST_SECONDS,
        )


class FolderDoor:
    """The books in a data folder, read in this process. Thread-safe."""

    def __init__(self, folder: Path, farm_id: str | None) -> None:
        """Open the folder; nothing in it is changed.

        Args:
            folder: the data folder of a server, which may be running.
            farm_id: which farm; None for the only one.

        Raises:
            ConfigurationError: it is no data folder, or it has several farms, or grange[server]
                is not installed.
        """
        try:
            # The server's parts are an extra: a client over HTTP does without them.
            wiring: Any = importlib.import_module("grange.wiring.folder")
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f"Reading a data folder needs {error.name}: pip install 'grange[server]'. "
                "Or open the server's address."
            ) from error
        self._books = wiring.FolderBooks(folder)
        farms: list[str] = self._books.farms()
        if farm_id is None and len(farms) != 1:
            self.close()
            raise ConfigurationError(f"{folder} has {len(farms)} farms; name one: farm_id=…")
        self._farm_id = farms[0] if farm_id is None else farm_id

    @property
    def farm_id(self) -> str:
        """The farm asked about."""
        return self._farm_id

    def ask(self, question: str, path: str, arguments: Mapping[str, Any]) -> Any:
        """Answer from the files."""
        return self._books.ask(question, {**arguments, "farm_id": self._farm_id})

    def close(self) -> None:
        """Close the files."""
        self._books.close()


class Books:
    """Every statistic of one farm."""

    def __init__(self, door: Door, clock: Clock) -> None:
        self._door = door
        self._clock = clock

    @property
    def farm_id(self) -> str:
        """The farm asked about."""
        return self._door.farm_id

    @property
    def clock(self) -> Clock:
        """What "now" means to this reader."""
        return self._clock

    @cached_property
    def zone(self) -> ZoneInfo:
        """The farm's time zone: all local days are its days."""
        return ZoneInfo(self.ask("books_about", "/books/about")["zone"])

    @cached_property
    def days(self) -> Days:
        """Local days in quarters of an hour: users, projects, apps, fleets, groups."""
        return Days(self)

    @cached_property
    def farm(self) -> FarmRings:
        """The whole farm over the last day, month and year."""
        return FarmRings(self)

    @cached_property
    def workers(self) -> Workers:
        """Records of workers, by name."""
        return Workers(self)

    @cached_property
    def reports(self) -> Reports:
        """Every report, as tables."""
        return Reports(self)

    @property
    def statements(self) -> Statements:
        """The months of the books, and their statements."""
        return Statements(self)

    def costs(self, start: Moment, end: Moment, *, by: str = "project", where: str = "") -> Costs:
        """Return what work cost over [start, end), by one or two attributes; see docs/costs.md."""
        return costs(self, start, end, by=by, where=where)

    @cached_property
    def distributions(self) -> Distributions:
        """How attempts are spread, not only what they are on average."""
        return Distributions(self.reports)

    @cached_property
    def statistics(self) -> Statistics:
        """Deadline Cloud's statistics of sessions."""
        if isinstance(self._door, RestDoor):
            return Statistics(ServerRuns(self._door.api, self.farm_id), self._clock)
        return Statistics(FolderRuns(self.ask), self._clock)

    @property
    def history(self) -> History:
        """The job history, by project."""
        return History(self)

    @property
    def layer_times(self) -> LayerTimes:
        """The last hundred finished layers by project, render type and layer name."""
        return LayerTimes(self)

    @property
    def contacts(self) -> Contacts:
        """Contact with workers, by name, as of now."""
        return Contacts(self)

    @property
    def groups(self) -> Groups:
        """Groups of workers, as of now."""
        return Groups(self)

    @property
    def licences(self) -> LicencePools:
        """Licence pools, as of now."""
        return LicencePools.of(self)

    def frames(self, job_id: str, layer_id: str | None = None) -> Frames:
        """Return the frames of a job, or of one of its layers, with everything known."""
        path = "/jobs/{job_id}/frame-records"
        answer = self.ask("frame_records", path, job_id=job_id, layer_id=layer_id)
        return Frames(self, answer)

    def ask(self, question: str, path: str, **arguments: Any) -> Any:
        """Return an answer of the books in plain values.

        Args:
            question: the name of the answer in `grange.services.books`.
            path: its REST path below the farm, e.g. "/days/{day}"; arguments not named in it are
                query parameters of the same names.
            **arguments: plain values, the same for both doors; None is left out.

        Raises:
            GrangeError: as the books answer.
        """
        given = {name: value for name, value in arguments.items() if value is not None}
        return self._door.ask(question, path, given)


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ",".join(str(item) for item in value)
    return str(value)
