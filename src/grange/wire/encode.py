"""Replies of the Deadline Cloud API: Python values to status, headers and JSON.

A result is a dict keyed by the model's member names, as `decode` makes them: timestamps are
Instants (epoch milliseconds), doubles may be Decimal. Members that are None, or unknown to the
model, are left out. With `check=True`, as in tests, the result is held against the model first, and
an unknown member is an error.
"""

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from http import HTTPStatus
from typing import Any

import msgspec
from msgspec import Struct

from grange.kernel.errors import FieldProblem
from grange.kernel.units import Instant, iso8601
from grange.wire.decode import parse_object
from grange.wire.spec import Operation, Service, deadline
from grange.wire.validate import ROOT, Checks, invalid_request

JSON_HEADERS = (("content-type", "application/json"),)

to_json = msgspec.json.Encoder(decimal_format="number").encode
"""Any plain value to JSON; Decimals become numbers with all their digits."""

Encode = Callable[[Any], Any]


class Reply(Struct, frozen=True, kw_only=True):
    """One HTTP answer; the server adds the date and the request id."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """Names in lower case."""
    body: bytes


class ResponseEncoder:
    """Encodes the replies of one operation."""

    def __init__(self, operation: Operation, service: Service, encoders: "Encoders") -> None:
        """Compile everything the operation's output needs."""
        shape = service.shapes[operation.output]
        elsewhere = [name for name, member in shape.members.items() if member.location != "body"]
        if elsewhere:
            raise ValueError(f"{shape.name}: members outside the body: {', '.join(elsewhere)}.")
        self._operation = operation
        self._service = service
        self._encode = encoders.encoder(operation.output) or _unchanged
        self._empty = operation.status == HTTPStatus.NO_CONTENT

    def __call__(self, result: Mapping[str, Any], *, check: bool = False) -> Reply:
        """Return the reply that carries `result`.

        Args:
            result: the members of the operation's output.
            check: hold the result against the model.

        Raises:
            ValueError: if `check` is set and the result breaks the model.
        """
        if check:
            self._check(result)
        if self._empty:
            return Reply(status=self._operation.status, headers=(), body=b"")
        body = to_json(self._encode(result))
        return Reply(status=self._operation.status, headers=JSON_HEADERS, body=body)

    def _check(self, result: Mapping[str, Any]) -> None:
        encode = Encoders(self._service, keep_unknown=True).encoder(self._operation.output)
        sent = parse_object(to_json((encode or _unchanged)(result)))
        problems: list[FieldProblem] = []
        strict = Checks(self._service, strict=True).check(self._operation.output)
        strict(sent, None, ROOT, problems)
        if problems:
            raise ValueError(f"{self._operation.name}: {invalid_request(problems)}")


class Encoders:
    """The encoders of one service's shapes; None stands for a value that is sent as it is."""

    def __init__(self, service: Service, *, keep_unknown: bool = False) -> None:
        """Prepare to compile; `keep_unknown` leaves in the members the model does not know."""
        self._shapes = service.shapes
        self._keep_unknown = keep_unknown
        self._compiled: dict[str, Encode | None] = {}
        self._compiling: set[str] = set()

    def encoder(self, name: str) -> Encode | None:
        """Return what makes a value of the named shape ready for JSON."""
        if name in self._compiled:
            return self._compiled[name]
        if name in self._compiling:
            return self._later(name)
        self._compiling.add(name)
        self._compiled[name] = found = self._compile(name)
        self._compiling.discard(name)
        return found

    def _later(self, name: str) -> Encode:
        """Return an encoder that looks the real one up when used: shapes may be recursive."""
        compiled = self._compiled

        def encode(value: Any) -> Any:
            return (compiled[name] or _unchanged)(value)

        return encode

    def _compile(self, name: str) -> Encode | None:
        shape = self._shapes[name]
        match shape.kind:
            case "structure":
                members = {key: self.encoder(m.shape) for key, m in shape.members.items()}
                return _structure(members, keep_unknown=self._keep_unknown)
            case "list":
                element = self.encoder(shape.element or "")
                return None if element is None else lambda value: [element(item) for item in value]
            case "map":
                inner = self.encoder(shape.value or "")
                if inner is None:
                    return None
                return lambda value: {key: inner(item) for key, item in value.items()}
            case "timestamp":
                return timestamp
            case _:
                return None


@cache
def deadline_encoders() -> Mapping[str, ResponseEncoder]:
    """Return the encoders of all operations by name, compiled on the first call."""
    service = deadline()
    encoders = Encoders(service)
    return {
        name: ResponseEncoder(operation, service, encoders)
        for name, operation in service.operations.items()
    }


def encode_response(
    operation: Operation, result: Mapping[str, Any], *, check: bool = False
) -> Reply:
    """Return the reply of an operation; see `ResponseEncoder`."""
    return deadline_encoders()[operation.name](result, check=check)


def encode_part(shape: str, value: Mapping[str, Any]) -> msgspec.Raw:
    """Return a structure in JSON, to stand for itself in results: for parts that many repeat."""
    encode = _deadline_parts().encoder(shape) or _unchanged
    return msgspec.Raw(to_json(encode(value)))


@cache
def _deadline_parts() -> Encoders:
    return Encoders(deadline())


def timestamp(instant: int) -> str:
    """Return an Instant as clients read it: `2026-01-31T12:00:00.123Z`."""
    seconds, millis = divmod(instant, 1000)
    return f"{_second(seconds)}.{millis:03d}Z"


@lru_cache(maxsize=65_536)
def _second(seconds: int) -> str:
    return iso8601(Instant(seconds * 1000))[:-5]


def _structure(members: Mapping[str, Encode | None], *, keep_unknown: bool) -> Encode:
    plain = frozenset(name for name, encode in members.items() if encode is None)
    encoders = {name: encode for name, encode in members.items() if encode is not None}

    def encode(value: Mapping[str, Any] | msgspec.Raw) -> dict[str, Any] | msgspec.Raw:
        if isinstance(value, msgspec.Raw):
            return value
        ready = {}
        for name, item in value.items():
            if item is None:
                continue
            if name in plain:
                ready[name] = item
            elif (member := encoders.get(name)) is not None:
                ready[name] = member(item)
            elif keep_unknown:
                ready[name] = item
        return ready

    return encode


def _unchanged(value: Any) -> Any:
    return value
