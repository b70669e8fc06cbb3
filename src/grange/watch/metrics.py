"""What a watch found, in the text format of Prometheus, for a file that an exporter publishes."""

from collections import Counter
from collections.abc import Iterable

from grange.watch.findings import Severity
from grange.watch.run import Look


def exposition(look: Look, machine: str) -> str:
    """Return the metrics of a look.

    Every pair of a check and a severity is there, with 0 where nothing is open: an alert on a line
    that may be absent never fires.
    """
    open_now = Counter((one.check, one.severity) for one in look.open)
    checks = sorted({one.check for one in look.judgements} | {check for check, _ in open_now})
    lines = [
        "# HELP grange_watch_findings Open findings.",
        "# TYPE grange_watch_findings gauge",
        *(
            _line(
                "grange_watch_findings",
                [("check", check), ("severity", severity.value), ("machine", machine)],
                open_now[check, severity],
            )
            for check in checks
            for severity in Severity
        ),
        "# HELP grange_watch_known Whether a check could look (1) or not (0).",
        "# TYPE grange_watch_known gauge",
        *(
            _line(
                "grange_watch_known", [("check", one.check), ("machine", machine)], int(one.known)
            )
            for one in look.judgements
        ),
        "# HELP grange_watch_look_timestamp_seconds When the watch looked last.",
        "# TYPE grange_watch_look_timestamp_seconds gauge",
        _line("grange_watch_look_timestamp_seconds", [("machine", machine)], look.at / 1000),
        "# HELP grange_watch_undelivered_messages Messages that not everybody has taken.",
        "# TYPE grange_watch_undelivered_messages gauge",
        _line("grange_watch_undelivered_messages", [("machine", machine)], len(look.undelivered)),
    ]
    return "\n".join(lines) + "\n"


def _line(name: str, labels: Iterable[tuple[str, str]], value: float) -> str:
    shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
    return f"{name}{{{shown}}} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
