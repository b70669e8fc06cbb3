"""What `./dev` prints: headings, one line per step, and errors that say what to do."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

COLOUR = sys.stdout.isatty()


class DevError(Exception):
    """Something is missing or failed; the message says what to do."""


def heading(text: str) -> None:
    """Print the name of a part of the work."""
    print(f"\n\033[1m== {text}\033[0m" if COLOUR else f"\n== {text}", flush=True)


def say(text: str) -> None:
    """Print one line."""
    print(text, flush=True)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Print one line for one step, and how long it took."""
    print(f"  {text} ", end="", flush=True)
    began = time.monotonic()
    try:
        yield
    except BaseException:
        print("FAILED", flush=True)
        raise
    print(f"({time.monotonic() - began:.1f} s)", flush=True)
