"""Browsers that are open: each reads the farm's events as a page does, and throws them away."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3

from grange.adapters.farm_http import HttpFarmApi
from grange.adapters.host.clock import SystemClock
from grange.wire.signature import Credentials

BROWSERS = 50


@contextmanager
def browsers_open(told: dict[str, Any], count: int) -> Iterator[None]:
    """Hold so many streams of events open; `told` is what `farm_server.py` says of the farm."""
    over = threading.Event()
    cookie = _cookie(told) if count else ""
    threads = [
        threading.Thread(target=_read, args=(told, cookie, over), daemon=True) for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(timeout=15)


def _cookie(told: dict[str, Any]) -> str:
    key, secret = told["owner"]
    credentials = Credentials(access_key_id=key, secret_access_key=secret)
    api = HttpFarmApi(told["endpoint"], credentials, SystemClock())
    link = api.call("POST", "/api/v1/login-links", body={}, service="grange")["url"]
    api.close()
    answer = urllib3.request("GET", link, redirect=False)
    return answer.headers["set-cookie"].partition(";")[0]


def _read(told: dict[str, Any], cookie: str, over: threading.Event) -> None:
    url = f"{told['endpoint']}/api/v1/farms/{told['farm']}/events"
    headers = {"cookie": cookie}
    answer = urllib3.request("GET", url, headers=headers, preload_content=False, timeout=30)
    try:
        while not over.is_set() and answer.read1(65_536):
            continue
    finally:
        answer.close()
