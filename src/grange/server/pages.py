"""Pages of the documentation that follow from the handlers: what is served, by which route."""

from grange.domain.people import Level
from grange.server.deadline import HANDLERS
from grange.server.rest.app import HANDLERS as HANDLERS_OF_REST
from grange.services.levels import RULES
from grange.services.permissions import WORKER_MAY, Scope
from grange.wire.coverage import operations_table

BEGIN = "<!-- routes: written by tools/operations_served.py -->"
END = "<!-- end of routes -->"

_HEAD = """\
# Operations served

Which operations of AWS Deadline Cloud's API Grange answers. Every other operation answers the fault
`NotServedException` with status 501, which clients do not repeat. This page is written by
`tools/operations_served.py`; a test compares it with the server.

"""


def operations_page() -> str:
    """Return docs/operations-served.md."""
    return _HEAD + operations_table(HANDLERS)


def routes_table() -> str:
    """Return every route of the REST API: what it does, and who may use it."""
    lines = ["| Method | Path under /api/v1 | Does | Level | Workers |", "|---|---|---|---|---|"]
    rows = []
    for handler in HANDLERS_OF_REST:
        level = _level(f"grange:{handler.opt['operation']}")
        scope = WORKER_MAY.get(f"grange:{handler.opt['operation']}", Scope.NEVER)
        own = {Scope.NEVER: "no", Scope.SELF: "its own"}.get(scope, "yes")
        text = (handler.fn.__doc__ or "").splitlines()[0]
        method = ", ".join(sorted(method for method in handler.http_methods if method != "HEAD"))
        paths = [path.replace(":str}", "}").replace(":int}", "}") for path in handler.paths]
        rows += [
            (path, method, f"| {method} | `{path}` | {text} | {level} | {own} |") for path in paths
        ]
    return "\n".join([*lines, *(row for _, _, row in sorted(rows))])


def _level(operation: str) -> str:
    """Return the least level a member needs, in words."""
    rule = RULES.get(operation)
    if rule is None:
        return "server"
    if rule.anywhere and rule.level is Level.VIEWER:
        return "any"
    return f"{rule.level}, own: {rule.own}" if rule.own is not None else rule.level.value


def with_routes(page: str) -> str:
    """Return docs/api.md with its list of routes as it is now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{routes_table()}\n\n{END}{after}"
