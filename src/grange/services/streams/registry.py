"""Every answer about streams that is a function of the desk and plain arguments."""

from collections.abc import Callable, Mapping
from typing import Any

from grange.services.streams import graphs, rings, rrd, series_graphs, slots, values, watching

ANSWERS: Mapping[str, Callable[..., Any]] = {
    **graphs.ANSWERS,
    **values.ANSWERS,
    **rings.ANSWERS,
    **series_graphs.ANSWERS,
    **rrd.ANSWERS,
    **slots.ANSWERS,
    **watching.ANSWERS,
}
"""Called with the desk and the question's arguments by name; returns plain values."""
