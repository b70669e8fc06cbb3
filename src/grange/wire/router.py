"""From method and raw path to an operation: a trie of path segments, built from the model.

Paths are split before they are decoded, because ARNs in `/tags/{resourceArn}` carry `%2F`. Empty,
`.` and `..` segments match nothing. In the model no segment may be both a literal and a label.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from grange.kernel.errors import FieldProblem, InvalidRequestError, UnknownOperationError
from grange.wire.spec import Operation, Service, deadline

_NO_LABEL = frozenset({"", ".", ".."})


class Route(Struct, frozen=True, kw_only=True):
    """The operation a request names, and the labels of its path."""

    operation: Operation
    path_params: Mapping[str, str]
    """Percent-decoded, by the model's label names."""


@dataclass(slots=True)
class _Node:
    literals: dict[str, "_Node"] = field(default_factory=dict)
    label: "_Node | None" = None
    operations: dict[str, tuple[Operation, tuple[str, ...]]] = field(default_factory=dict)
    """By method: the operation and its label names in the order of the path."""


class Router:
    """Finds operations of one service."""

    def __init__(self, service: Service) -> None:
        """Build the trie; ambiguous paths raise ValueError."""
        self._root = _Node()
        for operation in service.operations.values():
            self._add(operation)

    def route(self, method: str, raw_path: str) -> Route:
        """Return the operation for a method and a path as it came, still percent-encoded.

        Raises:
            UnknownOperationError: if no operation has this path, or none this method.
            InvalidRequestError: if a label does not decode to UTF-8 text.
        """
        if not raw_path.startswith("/"):
            raise UnknownOperationError(method, raw_path)
        labels: list[str] = []
        node = self._root
        for segment in raw_path[1:].split("/"):
            child = node.literals.get(segment)
            if child is None:
                child = node.label
                if child is None or segment in _NO_LABEL:
                    raise UnknownOperationError(method, raw_path)
                labels.append(segment)
            node = child
        if not node.operations:
            raise UnknownOperationError(method, raw_path)
        found = node.operations.get(method)
        if found is None:
            raise UnknownOperationError(method, raw_path, allowed=tuple(sorted(node.operations)))
        operation, names = found
        path_params = dict(zip(names, labels, strict=True))
        if "%" in raw_path:
            path_params = {name: _decoded(name, raw) for name, raw in path_params.items()}
        return Route(operation=operation, path_params=path_params)

    def _add(self, operation: Operation) -> None:
        node = self._root
        names: list[str] = []
        for segment in operation.uri.removeprefix("/").split("/"):
            parent = node
            if segment.startswith("{") and segment.endswith("}"):
                names.append(segment[1:-1])
                if node.label is None:
                    node.label = _Node()
                node = node.label
            else:
                node = node.literals.setdefault(segment, _Node())
            if parent.literals and parent.label is not None:
                raise ValueError(f"{operation.uri}: {segment} may be a literal or a label.")
        if operation.method in node.operations:
            raise ValueError(f"{operation.method} {operation.uri} names two operations.")
        node.operations[operation.method] = (operation, tuple(names))


@cache
def deadline_router() -> Router:
    """Return the router of the Deadline Cloud API."""
    return Router(deadline())


def _decoded(name: str, raw: str) -> str:
    try:
        return unquote_to_bytes(raw).decode("utf-8")
    except UnicodeError as error:
        problem = FieldProblem(name, "must be percent-encoded UTF-8 text")
        raise InvalidRequestError(
            f"1 field is not valid: {name} {problem.message}.", fields=[problem]
        ) from error
