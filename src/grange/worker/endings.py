"""How an action ended, put into words and numbers. Imported by the runner only."""

import resource
import signal
import sys

from grange.kernel.units import Instant
from grange.worker.containing import Rejected
from grange.worker.logrules.parser import Verdict
from grange.worker.messages import Cancel, Ended
from grange.worker.plan import Outcome


def halted(halted: Cancel) -> tuple[Outcome, Verdict]:
    """Return the outcome and verdict of an action the worker stopped."""
    outcome = Outcome.FAILED if halted.error_class else Outcome.CANCELED
    rule, text = halted.error_rule, halted.error_text
    return outcome, Verdict(error_class=halted.error_class, rule=rule, text=text)


def rejected(rejected: Rejected) -> Verdict:
    """Return the verdict on an action whose output is not good."""
    return Verdict(error_class=rejected.error_class, rule=rejected.rule, text=rejected.text)


def peak(before: int, after: int) -> int | None:
    """Return the peak of the largest ended process; None if an earlier one was larger.

    A process is born with this one's memory, so nothing below that can be told.
    """
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if after <= max(before, own * 1.1):
        return None
    return after if sys.platform == "darwin" else after * 1024


def signal_name(exit_code: int | None) -> str | None:
    """Return the signal a process died of, told by its code or by a shell's 128 + n."""
    if exit_code is None:
        return None
    number = -exit_code if exit_code < 0 else exit_code - 128
    fatal = {signal.SIGILL, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGKILL}
    fatal |= {signal.SIGSEGV, signal.SIGTERM, signal.SIGINT, signal.SIGXCPU, signal.SIGXFSZ}
    if exit_code >= 0 and number not in fatal:
        return None
    try:
        return signal.Signals(number).name
    except ValueError:
        return None


def failed(action_id: str, now: Instant, message: str) -> Ended:
    """Return the end of an action that could not be started."""
    return Ended(
        action_id=action_id,
        outcome=Outcome.FAILED,
        started_at=now,
        at=now,
        message=message[:4096],
        error_class="setup",
        error_rule="runner:start",
        error_text=message[:1000],
    )


def told(error: Exception) -> str:
    """Return what is said of an error."""
    if isinstance(error, KeyError):
        return f"The job's details lack {error}."
    return str(error) or type(error).__name__
