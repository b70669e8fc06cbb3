"""The mark on answers about a farm whose past was made up."""

from typing import Any

from grange.domain.farm import SIMULATED


def marked_simulated(answer: Any) -> Any:
    """Return an answer with the mark: an object says it itself, each item of a list does.

    Files (bytes) carry it in what is written in them.
    """
    if isinstance(answer, dict):
        return {**answer, SIMULATED: True}
    if isinstance(answer, list):
        return [{**row, SIMULATED: True} if isinstance(row, dict) else row for row in answer]
    return answer
