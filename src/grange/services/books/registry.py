"""Every answer of the books that is a function: name → function of the desk and plain arguments."""

from collections.abc import Callable, Mapping
from typing import Any

from grange.services.books import (
    about,
    aggregation,
    budgets,
    contacts,
    costs,
    history,
    keeping,
    layer_times,
    licence_minutes,
    rings,
    slots,
    statement_files,
    statements,
    worker_days,
)
from grange.services.books.desk import Desk
from grange.services.books.eta import ANSWERS as ETA
from grange.services.books.forecast import ANSWERS as FORECAST
from grange.services.books.foreign import ANSWERS as FOREIGN
from grange.services.books.history_pages import ANSWERS as HISTORY_PAGES
from grange.services.books.job_pages import ANSWERS as JOB_PAGES
from grange.services.books.journey import ANSWERS as JOURNEY
from grange.services.books.reports import ANSWERS as REPORTS
from grange.services.books.worker_attempts import ANSWERS as WORKER_ATTEMPTS

Answer = Callable[..., Any]
"""Called with the desk and the question's arguments by name; returns plain values."""

ANSWERS: Mapping[str, Answer] = {
    **about.ANSWERS,
    **aggregation.ANSWERS,
    **REPORTS,
    **ETA,
    **JOB_PAGES,
    **FORECAST,
    **FOREIGN,
    **HISTORY_PAGES,
    **JOURNEY,
    **contacts.ANSWERS,
    **history.ANSWERS,
    **layer_times.ANSWERS,
    **costs.ANSWERS,
    **statements.ANSWERS,
    **statement_files.ANSWERS,
    **budgets.ANSWERS,
    **licence_minutes.ANSWERS,
    **keeping.ANSWERS,
    **rings.ANSWERS,
    **slots.ANSWERS,
    **worker_days.ANSWERS,
    **WORKER_ATTEMPTS,
}

__all__ = ["ANSWERS", "Answer", "Desk"]
