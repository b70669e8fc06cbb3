"""Browsers that are open: each reads the farm's events as a page does, and throws them away.

One thread reads for all of them: people's browsers run on machines of their own, and here they
should take as little as they can of the two programs that are measured.
"""

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import urllib3

from grange.adapters.farm_http import HttpFarmApi
from grange.adapters.host.clock import SystemClock
from grange.wire.signature import Credentials

BROWSERS = 50


@contextmanager
def browsers_open(told: dict[str, Any], count: int) -> Iterator[None]:
    """Hold so many streams of events open; `told` is what `farm_server.py` says of the farm."""
    if not count:
        yield
        return
    over = threading.Event()
    with ExitStack() as stack:
        cookie = _cookie(told)
        streams = [stack.enter_context(_stream(told, cookie)) for _ in range(count)]
        reading = threading.Thread(target=_read, args=(streams, over), daemon=True)
        reading.start()
        yield
        over.set()
        reading.join(timeout=15)


def _cookie(told: dict[str, Any]) -> str:
    key, secret = told["owner"]
    credentials = Credentials(access_key_id=key, secret_access_key=secret)
    api = HttpFarmApi(told["endpoint"], credentials, SystemClock())
    link = api.call("POST", "/api/v1/login-links", body={}, service="grange")["url"]
    api.close()
    answer = urllib3.request("GET", link, redirect=False)
    return answer.headers["set-cookie"].partition(";")[0]


@contextmanager
def _stream(told: dict[str, Any], cookie: str) -> Iterator[socket.socket]:
    """Ask for a farm's events; what comes after the first bytes of the answer is unread."""
    place = urlsplit(told["endpoint"])
    lines = [
        f"GET /api/v1/farms/{told['farm']}/events HTTP/1.1",
        f"host: {place.netloc}",
        f"cookie: {cookie}",
    ]
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=30) as stream:
        stream.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        status = stream.recv(4096).split(b"\r\n", 1)[0]
        if b" 200 " not in status + b" ":
            raise RuntimeError(f"The events were not told: {status!r}")
        yield stream


def _read(streams: list[socket.socket], over: threading.Event) -> None:
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            selector.register(stream, selectors.EVENT_READ)
        while not over.is_set():
            for key, _ in selector.select(timeout=0.5):
                if not key.fileobj.recv(65_536):  # type: ignore[union-attr]
                    raise RuntimeError("The server ended a stream of events.")
