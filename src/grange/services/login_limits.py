"""How often a password may be tried: per name and address, per name, per address."""

from collections import deque

from grange.kernel.clock import Clock
from grange.kernel.errors import ThrottledError
from grange.kernel.units import MILLIS_PER_MINUTE, MILLIS_PER_SECOND, Instant

WINDOW_MS = 15 * MILLIS_PER_MINUTE
MOST_TOGETHER = 5
"""Failures of one name from one address within the window."""
MOST_OF_NAME = 30
MOST_OF_ADDRESS = 50
_MOST_KEYS = 20_000
_Key = tuple[str, str, str]


class LoginLimits:
    """Counts failures of the last quarter of an hour, in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: dict[_Key, deque[Instant]] = {}

    def check(self, name: str, address: str) -> None:
        """Return if another try is allowed now.

        Raises:
            ThrottledError: there were too many; it says when to try again.
        """
        now = self._clock.now()
        free_at = max(
            (self._free_at(key, most, now) for key, most in _keys(name, address)), default=now
        )
        if free_at > now:
            seconds = -(-(free_at - now) // MILLIS_PER_SECOND)
            raise ThrottledError(
                f"Too many wrong passwords. Try again in {_told(seconds)}, or sign in with"
                " `grange open`.",
                retry_after_seconds=seconds,
            )

    def failed(self, name: str, address: str) -> None:
        """Count a try that is begun; `succeeded` takes it back."""
        now = self._clock.now()
        if len(self._failures) >= _MOST_KEYS:
            self._drop_old(now)
        for key, most in _keys(name, address):
            self._failures.setdefault(key, deque(maxlen=most)).append(now)

    def succeeded(self, name: str, address: str) -> None:
        """Forget the failures of a name from an address."""
        keys = [key for key, _ in _keys(name, address)]
        self._failures.pop(keys[0], None)
        for key in keys[1:]:
            if self._failures.get(key):
                self._failures[key].pop()

    def _free_at(self, key: _Key, most: int, now: Instant) -> Instant:
        failures = self._failures.get(key)
        if failures is None:
            return now
        while failures and failures[0] <= now - WINDOW_MS:
            failures.popleft()
        return Instant(failures[0] + WINDOW_MS) if len(failures) >= most else now

    def _drop_old(self, now: Instant) -> None:
        kept = {
            key: failures
            for key, failures in self._failures.items()
            if failures and failures[-1] > now - WINDOW_MS
        }
        self._failures = kept if len(kept) < _MOST_KEYS else {}


def _keys(name: str, address: str) -> tuple[tuple[_Key, int], ...]:
    return (
        (("together", name, address), MOST_TOGETHER),
        (("name", name, ""), MOST_OF_NAME),
        (("address", "", address), MOST_OF_ADDRESS),
    )


def _told(seconds: int) -> str:
    return f"{seconds} s" if seconds < 120 else f"{-(-seconds // 60)} minutes"
