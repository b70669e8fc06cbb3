"""What the coming days will ask for, and how many workers that needs; with intervals."""

import importlib
import warnings
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from grange.books.demand import (
    LEAST_DAYS,
    SEASONAL_DAYS,
    DayForecast,
    hours_of,
    peak_factor,
    widening,
    workers_for,
)
from grange.books.periods import Period, buckets, local_day
from grange.books.questions.usage import first_start
from grange.books.questions.usage_report import PART, Part, usage_report
from grange.books.sheet import Column, Sheet, Unit, count, page_of, text
from grange.books.where import EVERYTHING
from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.kernel.intervals import Span
from grange.kernel.units import Instant, datetime_of
from grange.services.books.desk import Desk
from grange.services.books.formats import FORMATS
from grange.services.books.reports import file_of, marked
from grange.services.books.shelf import View

MOST_DAYS = 90
LOOK_BACK_DAYS = 400
RECENT_DAYS = 28
"""Days whose hours say how peaked demand is."""
_WEEK = 7
_ALPHA = 0.05


def forecast(
    desk: Desk, *, farm_id: str, days: int = 14, history_days: int = 120
) -> dict[str, Any]:
    """Return demand and workers needed of each of the coming days.

    Args:
        desk: the books.
        farm_id: the farm.
        days: how far to look ahead.
        history_days: how far to look back; demand of a year ago says little.

    Raises:
        InvalidRequestError: there are fewer than 14 days of data.
    """
    _check("days", days, 1, MOST_DAYS)
    _check("history_days", history_days, LEAST_DAYS, LOOK_BACK_DAYS)
    farm = desk.farm(farm_id)
    zone = ZoneInfo(farm.zone)
    with desk.view(farm_id) as view:
        today = datetime_of(view.now).astimezone(zone).date()
        known = [hours_of(one) for one in _daily(view, today, zone, history_days)]
        if len(known) < LEAST_DAYS:
            raise InvalidRequestError(
                f"The books hold {len(known)} whole days of work; a forecast needs {LEAST_DAYS}. "
                "Ask again later.",
                reason="OTHER",
            )
        recent = local_day(today - timedelta(days=min(RECENT_DAYS, len(known))), zone).start
        factor = peak_factor(_hourly(view, Span(recent, local_day(today, zone).start), zone))
    found = ahead(known, days)
    rows = [
        {
            "day": (today + timedelta(days=number)).isoformat(),
            "demand_hours": round(one.demand_hours, 3),
            "demand_low_hours": round(one.low_hours, 3),
            "demand_high_hours": round(one.high_hours, 3),
            "workers": workers_for(one.demand_hours, factor),
            "workers_low": workers_for(one.low_hours, factor),
            "workers_high": workers_for(one.high_hours, factor),
        }
        for number, one in enumerate(found)
    ]
    notes = [f"Of {len(known)} days; with 95 % each figure lies between its low and its high."]
    if len(known) < SEASONAL_DAYS:
        notes.append(
            f"Under {SEASONAL_DAYS} days of data: weekdays are not told from weekends yet."
        )
    sheet = Sheet(columns=_COLUMNS, rows=rows, notes=tuple(notes))
    end = local_day(today + timedelta(days=days - 1), zone).end
    return {
        "report": "forecast",
        "title": "Forecast",
        "by": ["day"],
        "where": "",
        "span": {"start_at": local_day(today, zone).start, "end_at": end},
        "currency": farm.currency,
        "known_days": len(known),
        "known": [
            {
                "day": (today - timedelta(days=len(known) - number)).isoformat(),
                "hours": round(one, 3),
            }
            for number, one in enumerate(known)
        ],
        "peak_factor": round(factor, 3),
        **marked(desk, farm_id, page_of(sheet, limit=None)),
    }


def _hours(name: str, meaning: str) -> Column:
    return Column(name=name, unit=Unit.NUMBER, meaning=meaning)


_COLUMNS = (
    text("day"),
    _hours("demand_hours", "Worker-hours that work will ask for."),
    _hours("demand_low_hours", "With 95 % at least."),
    _hours("demand_high_hours", "With 95 % at most."),
    count("workers", "Workers needed in the busy hours: busier than 95 of 100."),
    count("workers_low"),
    count("workers_high"),
)


def _daily(view: View, today: date, zone: ZoneInfo, history_days: int) -> list[int]:
    """Return machine time by whole local day, from the first day with work to yesterday."""
    start = local_day(today - timedelta(days=history_days), zone).start
    found = _machine_ms(view, Span(start, local_day(today, zone).start), Period.DAILY, zone)
    worked = [number for number, millis in enumerate(found) if millis]
    return found[worked[0] :] if worked else []


def _hourly(view: View, span: Span, zone: ZoneInfo) -> list[int]:
    return _machine_ms(view, span, Period.HOURLY, zone)


def _machine_ms(view: View, span: Span, period: Period, zone: ZoneInfo) -> list[int]:
    parts = [
        Part(name=str(number), span=part) for number, part in enumerate(buckets(span, period, zone))
    ]
    sums = [0.0] * len(parts)
    (first,) = view.ask(first_start(span)).to_pylist()
    if first["started_at"] is not None:
        asked = usage_report(parts, [PART], EVERYTHING, {}, Instant(first["started_at"]))
        for row in view.ask(asked).to_pylist():
            sums[int(row["part_key"])] += row["runtime_ms"] / row["threads"]
    return [round(millis) for millis in sums]


def ahead(known: Sequence[float], days: int) -> list[DayForecast]:
    """Return what follows on a row of days: exponential smoothing with a season of a week.

    Args:
        known: hours by day, at least 14.
        days: how many to foretell.

    Raises:
        InvalidRequestError: statsmodels is not installed.
    """
    if max(known) == min(known):  # nothing varies: there is nothing to fit
        return [DayForecast.of(known[-1], known[-1], known[-1])] * days
    smoothing = _statsmodels()
    seasonal = len(known) >= SEASONAL_DAYS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fit that ends early is a fit with wider intervals
        fitted = smoothing.ETSModel(
            _series(known),
            error="add",
            trend=None,
            seasonal="add" if seasonal else None,
            seasonal_periods=_WEEK if seasonal else None,
        ).fit(disp=False)
        frame = fitted.get_prediction(start=len(known), end=len(known) + days - 1).summary_frame(
            alpha=_ALPHA
        )
    wider = widening(len(known), _WEEK + 3 if seasonal else 2)
    return [
        DayForecast.of(
            mean := float(row["mean"]),
            mean - (mean - float(row["pi_lower"])) * wider,
            mean + (float(row["pi_upper"]) - mean) * wider,
        )
        for _, row in frame.iterrows()
    ]


def _series(known: Sequence[float]) -> Any:
    return importlib.import_module("pandas").Series([float(one) for one in known])


def _statsmodels() -> Any:
    try:
        return importlib.import_module("statsmodels.tsa.exponential_smoothing.ets")
    except ModuleNotFoundError as error:
        raise InvalidRequestError(
            f"A forecast needs {error.name}: pip install 'grange[forecast]' where the server runs.",
            reason="OTHER",
        ) from error


def forecast_file(desk: Desk, *, format: str, farm_id: str, **asked: Any) -> dict[str, Any]:  # noqa: A002
    """Return a forecast as a file; see `reports.report_file`."""
    if format not in FORMATS:
        raise InvalidRequestError(f"format must be one of {', '.join(FORMATS)}.")
    return file_of(desk, farm_id, forecast(desk, farm_id=farm_id, **asked), format)


def _check(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        message = f"must be {least} to {most}"
        raise InvalidRequestError(f"{name} {message}.", fields=[FieldProblem(name, message)])


ANSWERS: Mapping[str, Any] = {"forecast": forecast, "forecast_file": forecast_file}
