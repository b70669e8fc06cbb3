"""A whole farm in one process, on a free port: the real server, store, journal and books.

async with LocalFarm(folder) as farm:
    client = farm.boto3("deadline")
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from grange.adapters.farm_http import HttpFarmApi
from grange.adapters.host.clock import SystemClock
from grange.config.settings import ServerSettings
from grange.domain.rates import RateLine
from grange.kernel.clock import Clock
from grange.server.serve import make_server, serving
from grange.testing import boto
from grange.wire.signature import Credentials
from grange.wiring.api import Api, running_api
from grange.wiring.books import LocalBooks
from grange.wiring.farm_plan import FarmPlan
from grange.wiring.init import InitResult, Key, initialise

_RESERVE_BYTES = 1024 * 1024
"""Less than a server's, since many farms run in one test."""
_SILENCE_SECONDS = 3600
"""Much more than a server's: a test moves its workers by hand, at its own pace."""


class LocalFarm:
    """A farm that runs inside the block; the same folder continues the same farm.

    Use it with `async with` in the test's own event loop, or with `with` to run it in a thread of
    its own while the test blocks in clients such as boto3.
    """

    def __init__(
        self,
        folder: Path,
        *,
        state_url: str = "",
        rates: tuple[RateLine, ...] = (),
        clock: Clock | None = None,
        silence_seconds: int = _SILENCE_SECONDS,
        port: int = 0,
        zone: str = "UTC",
        **settings: Any,
    ) -> None:
        """Describe a farm.

        Args:
            folder: its data folder.
            state_url: empty for SQLite, or postgresql://….
            rates: prices; none: hours only.
            clock: default: the machine's.
            silence_seconds: how long a worker may be silent.
            port: 0 for any free one.
            zone: of the farm.
            settings: further members of ServerSettings.
        """
        self._settings = ServerSettings(data_dir=folder, port=port, state_url=state_url, **settings)
        self._plan = FarmPlan(zone=zone, rates=rates, rate_name="test")
        self._clock = clock
        self._silence_seconds = silence_seconds
        self._stack = contextlib.AsyncExitStack()
        self._thread: threading.Thread | None = None
        self._end: Callable[[], object] | None = None
        self.ids: InitResult
        """Farm, queue and fleet ids, and the keys of the owner and of workers."""
        self.api: Api
        """The running API, to look inside."""
        self.endpoint: str
        """`http://127.0.0.1:<port>`, or https."""

    @property
    def farm_id(self) -> str:
        """The farm's id."""
        return self.ids.farm_id

    @property
    def queue_id(self) -> str:
        """The queue's id."""
        return self.ids.queue_id

    @property
    def fleet_id(self) -> str:
        """The fleet's id; it works for the queue."""
        return self.ids.fleet_id

    async def __aenter__(self) -> Self:
        self.ids = await asyncio.to_thread(initialise, self._settings, self._plan)
        listener = socket.create_server((self._settings.host, self._settings.port))
        address = f"{self._settings.host}:{listener.getsockname()[1]}"
        settings = self._settings
        self.endpoint = f"{'https' if settings.tls else 'http'}://{address}"
        stack = await self._stack.__aenter__()
        stack.callback(listener.close)
        books = await stack.enter_async_context(LocalBooks.running(self._settings, self._clock))
        self.api = await stack.enter_async_context(
            running_api(
                self._settings,
                address=address,
                open_books=books.door,
                clock=self._clock,
                silence_seconds=self._silence_seconds,
                reserve_bytes=_RESERVE_BYTES,
            )
        )
        files = settings.tls_files
        server = make_server(
            self.api.app,
            self.api.context.closing,
            tls_certificate=None if files is None else files.certificate,
            tls_key=None if files is None else files.key,
        )
        await stack.enter_async_context(serving(server, listener))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    def __enter__(self) -> Self:
        started = threading.Event()
        problem: list[BaseException] = []

        async def run() -> None:
            loop = asyncio.get_running_loop()
            over = asyncio.Event()
            self._end = lambda: loop.call_soon_threadsafe(over.set)
            async with self:
                started.set()
                await over.wait()

        def thread() -> None:
            try:
                asyncio.run(run())
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                problem.append(error)
            finally:
                started.set()

        self._problem = problem
        self._thread = threading.Thread(target=thread, name="local-farm", daemon=True)
        self._thread.start()
        started.wait()
        if problem:
            raise problem[0]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._end is not None:
            self._end()
        if self._thread is not None:
            self._thread.join()
        if self._problem and error is None:
            raise self._problem[0]

    def boto3(self, service: str = "deadline", *, key: Key | None = None, **config: Any) -> Any:
        """Return an unmodified boto3 client of this farm, signing as its owner by default."""
        key = key or self.ids.owner
        return boto.client(service, self.endpoint, key_id=key.key_id, secret=key.secret, **config)

    def connect(self, key: Key | None = None) -> HttpFarmApi:
        """Return Grange's own connection to this farm, signing as its owner by default."""
        key = key or self.ids.owner
        return HttpFarmApi(
            self.endpoint,
            Credentials(access_key_id=key.key_id, secret_access_key=key.secret),
            SystemClock(),
        )

    def environment(self) -> dict[str, str]:
        """Return the variables that point any client at this farm, as its owner."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ENDPOINT_URL_DEADLINE": self.endpoint,
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            "AWS_DEFAULT_REGION": "us-west-2",
            "AWS_ACCESS_KEY_ID": self.ids.owner.key_id,
            "AWS_SECRET_ACCESS_KEY": self.ids.owner.secret,
            "DEADLINE_CLOUD_TELEMETRY_OPT_OUT": "true",
            "GRANGE_FARM_ID": self.farm_id,
            "GRANGE_QUEUE_ID": self.queue_id,
            "GRANGE_FLEET_ID": self.fleet_id,
        }
