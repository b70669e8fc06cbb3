"""`grange report`: distributions and comparisons."""

from typing import Any

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.report_options import ReportOptions, by_option, report_options, show_report
from grange.cli.report_schedule import schedule

REPORTS: dict[str, tuple[str, str]] = {
    "frame-times": ("project", "Show how long frames take: quantiles, not only the mean."),
    "frame-ecdf": ("project", "Show which share of the frames took at most so long."),
    "queue-wait": ("queue", "Show how long tasks wait: submitted → eligible → started."),
    "memory": ("project", "Show peaks of memory against what was reserved."),
    "cpu": ("app", "Show how much of the processor time they had attempts used."),
    "errors": ("error", "Show what went wrong, the most wasted hours first."),
    "hosts": ("", "Compare workers by frame times normalised with their speed."),
}
"""Name → how it is grouped by default, and what it shows."""


@click.group()
def command() -> None:
    """Show distributions: frame times, waiting, memory, CPU, errors, hosts; schedule reports."""


def _add(name: str, by: str, help_text: str) -> None:
    def run(connection: Connection, **options: Any) -> None:
        asked: ReportOptions = options["asked"]
        show_report(connection, name, asked)

    run.__doc__ = help_text
    run.__name__ = name.replace("-", "_")
    made = report_options(with_farm(run))
    if by:
        made = by_option(by)(made)
    example = f"Example: grange report {name} --since 7d --where project=film"
    command.command(name, epilog=example)(made)


for _name, (_by, _help) in REPORTS.items():
    _add(_name, _by, _help)

command.add_command(schedule)
