"""Waiting in a command that has nothing else to do."""

import threading


def wait_seconds(seconds: float) -> None:
    """Wait for some seconds; Ctrl-C ends it at once."""
    threading.Event().wait(seconds)
