"""What a request says and no route means is refused: nobody gets all for a name mistyped."""

from typing import Any

import pytest

from grange.kernel.errors import InvalidRequestError
from grange.server.rest.app import HANDLERS, rest_app
from grange.testing.farm import LocalFarm


def ask(farm: LocalFarm, path: str, **query: str) -> Any:
    return farm.connect().call(
        "GET", f"/api/v1/farms/{farm.farm_id}{path}", query=query, service="grange"
    )


def test_a_mistyped_parameter_is_refused_and_the_right_one_named(farm: LocalFarm) -> None:
    span = {"start": "1795132800000", "end": "1795305600000"}
    assert ask(farm, "/costs", where="user=ann", **span)["rows"] == []
    with pytest.raises(InvalidRequestError, match=r"'wher' here\. Did you mean where") as refused:
        ask(farm, "/costs", wher="user=ann", **span)
    assert [one.name for one in refused.value.fields] == ["wher"]
    with pytest.raises(InvalidRequestError, match="There are end, group_by, start"):
        ask(farm, "/usage", where="user=ann", **span)


def test_a_parameter_that_cannot_be_read_is_named(farm: LocalFarm) -> None:
    with pytest.raises(InvalidRequestError, match=r"^start: Expected `int`, got `str`"):
        ask(farm, "/costs", start="yesterday", end="1795305600000")


def test_every_route_is_asked_for_its_parameters() -> None:
    """The list is not empty by mistake: most routes have some."""
    known = [
        handler.opt["query"]
        for route in rest_app("x").routes
        for handler in getattr(route, "route_handlers", ())
        if handler.opt.get("operation")
    ]
    assert len(known) >= len(HANDLERS)
    assert sum(bool(names) for names in known) > 60
