"""Requests of the Deadline Cloud API: path, query, headers and body to checked Python values.

A decoded request is a plain dict keyed by the model's member names. Timestamps are Instants,
document members are plain JSON values, everything else is str, int, float, bool, list or dict.
Absent and null members are missing. Every constraint of the model holds afterwards; every problem
found is reported.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from grange.kernel.errors import FieldProblem, InvalidRequestError
from grange.wire.fast import DoubtError, FastBodies
from grange.wire.router import Route
from grange.wire.spec import Operation, Service, Shape, deadline
from grange.wire.validate import ROOT, Check, Checks, Path, invalid_request, note

_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,20}")
_NUL_MESSAGE = "must not contain the NUL character"
_parse_json = msgspec.json.Decoder().decode


class RequestDecoder:
    """Decodes the requests of one operation."""

    def __init__(
        self, operation: Operation, service: Service, checks: Checks, bodies: FastBodies
    ) -> None:
        """Compile everything the operation's input needs."""
        shape = service.shapes[operation.input]
        self._uri: list[tuple[str, str, Check]] = []
        self._header: list[tuple[str, str, Check]] = []
        self._query: dict[str, tuple[str, Check, str]] = {}
        body: dict[str, str] = {}
        required_elsewhere: list[str] = []
        for name, member in shape.members.items():
            match member.location:
                case "body":
                    body[name] = member.shape
                case "uri":
                    self._uri.append((name, member.wire_name, checks.check(member.shape)))
                case "header":
                    self._header.append((name, member.wire_name, checks.check(member.shape)))
                    required_elsewhere += [name] if name in shape.required else []
                case _:
                    kind = _query_kind(service, service.shapes[member.shape])
                    self._query[member.wire_name] = (name, checks.check(member.shape), kind)
                    required_elsewhere += [name] if name in shape.required else []
        self._loose_labels = [
            name
            for name, member in shape.members.items()
            if member.location == "uri" and service.shapes[member.shape].pattern is None
        ]
        """Labels in which the model would allow NUL."""
        required_body = tuple(name for name in shape.required if name in body)
        self._required = tuple(required_elsewhere)
        self._body = checks.structure(body, required_body) if body else None
        self._fast_body = bodies.decoder(operation.input, body, required_body)

    def __call__(
        self,
        path_params: Mapping[str, str],
        raw_query: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> dict[str, Any]:
        """Return the request's members.

        Args:
            path_params: the labels of the path, decoded, as the router found them.
            raw_query: the query string as it came, without `?`.
            headers: by name in lower case.
            body: the exact body; empty counts as `{}`.

        Raises:
            InvalidRequestError: with reason CANNOT_PARSE if the body is no JSON object, else
                FIELD_VALIDATION_FAILED with every problem found in `fields`.
        """
        problems: list[FieldProblem] = []
        found: dict[str, Any] = {}
        for name, wire_name, check in self._uri:
            found[name] = check(path_params[wire_name], None, name, problems)
        for name in self._loose_labels:
            if "\0" in found[name]:
                note(problems, None, name, _NUL_MESSAGE)
        if raw_query and self._query:
            self._decode_query(raw_query, found, problems)
        for name, wire_name, check in self._header:
            header = headers.get(wire_name)
            if header is not None:
                found[name] = check(header, None, name, problems)
        for name in self._required:
            if name not in found:
                note(problems, None, name, "is required")
        if self._body is not None:
            try:
                found |= self._fast_body(body)
            except (DoubtError, msgspec.MsgspecError, UnicodeError, RecursionError):
                found |= self._decode_body(self._body, body, problems)
        if problems:
            raise invalid_request(problems)
        return found

    def _decode_body(
        self, check: Check, body: bytes, problems: list[FieldProblem]
    ) -> dict[str, Any]:
        value = parse_object(body)
        if b"\\u0000" in body:
            note_nul(value, None, ROOT, problems)
        try:
            members: dict[str, Any] = check(value, None, ROOT, problems)
        except RecursionError as error:
            raise cannot_parse("The body is nested too deeply.") from error
        return members

    def _decode_query(
        self, raw_query: str, found: dict[str, Any], problems: list[FieldProblem]
    ) -> None:
        given: dict[str, list[str]] = {}
        for pair in raw_query.split("&"):
            raw_name, _, raw_value = pair.partition("=")
            wire_name = _text(raw_name)
            if wire_name is None or wire_name not in self._query:
                continue
            value = _text(raw_value)
            if value is None or "\0" in value:
                message = _NUL_MESSAGE if value else "must be percent-encoded UTF-8 text"
                note(problems, None, self._query[wire_name][0], message)
            given.setdefault(wire_name, []).append(value or "")
        for wire_name, texts in given.items():
            name, check, kind = self._query[wire_name]
            if kind == "list":
                found[name] = check(texts, None, name, problems)
                continue
            if len(texts) > 1:
                note(problems, None, name, "must be given only once")
            value_given: str | int = texts[0]
            if kind in {"integer", "long"} and _WHOLE_NUMBER.fullmatch(texts[0]):
                value_given = int(texts[0])
            found[name] = check(value_given, None, name, problems)


@cache
def deadline_decoders() -> Mapping[str, RequestDecoder]:
    """Return the decoders of all operations by name, compiled on the first call."""
    service = deadline()
    checks = Checks(service)
    bodies = FastBodies(service, checks)
    return {
        name: RequestDecoder(operation, service, checks, bodies)
        for name, operation in service.operations.items()
    }


def decode_request(
    route: Route, *, raw_query: str, headers: Mapping[str, str], body: bytes
) -> dict[str, Any]:
    """Return the members of a routed request; see `RequestDecoder`."""
    decoder = deadline_decoders()[route.operation.name]
    return decoder(route.path_params, raw_query, headers, body)


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in `body`; nothing at all counts as an empty one.

    Raises:
        InvalidRequestError: with reason CANNOT_PARSE.
    """
    if not body:
        return {}
    try:
        value = _parse_json(body)
    except RecursionError as error:
        raise cannot_parse("The body is nested too deeply.") from error
    except (ValueError, OverflowError) as error:
        raise cannot_parse("The body is not valid JSON (in UTF-8).") from error
    if type(value) is not dict:
        raise cannot_parse("The body must be a JSON object.")
    return value


def cannot_parse(message: str) -> InvalidRequestError:
    """Return the error for a request that cannot even be read."""
    return InvalidRequestError(message, reason="CANNOT_PARSE")


def note_nul(value: Any, path: Path, key: str | int, problems: list[FieldProblem]) -> None:
    """Note every text in a JSON value that contains NUL, which no database keeps."""
    waiting: list[tuple[Any, Path, str | int]] = [(value, path, key)]
    while waiting:
        item, parent, name = waiting.pop()
        here = None if name == ROOT and parent is None else (parent, name)
        match item:
            case str() if "\0" in item:
                note(problems, parent, name, _NUL_MESSAGE)
            case dict():
                for inner, child in item.items():
                    if "\0" in inner:
                        note(problems, here, inner.replace("\0", "\N{REPLACEMENT CHARACTER}"),
                             _NUL_MESSAGE)  # fmt: skip
                    waiting.append((child, here, inner))
            case list():
                waiting += [(child, here, index) for index, child in enumerate(item)]
            case _:
                continue


def _query_kind(service: Service, shape: Shape) -> str:
    if shape.kind == "list" and service.shapes[shape.element or ""].kind == "string":
        return "list"
    if shape.kind not in {"string", "integer", "long"}:
        raise ValueError(f"The wire cannot carry the {shape.kind} {shape.name} in a query string.")
    return shape.kind


def _text(raw: str) -> str | None:
    """Return percent-decoded text, None if it is not UTF-8; `+` stays what it is."""
    if "%" not in raw:
        return raw
    try:
        return unquote_to_bytes(raw).decode("utf-8")
    except UnicodeError:
        return None
