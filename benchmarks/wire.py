"""Microseconds to decode and encode a request: Grange's compiled wire, a plain walk, moto."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks import wire_decode as requests_of
from benchmarks.contest import Contestant, Goal, Table, held
from benchmarks.environments import peer
from benchmarks.farms import hear, program, say
from grange.kernel.units import Instant
from grange.wire.encode import encode_response
from grange.wire.router import deadline_router
from grange.wire.spec import deadline

OURS, PLAIN, MOTO = "Grange", "plain model walk", "moto"
RUNS = 200
WORKER_UPDATE = "UpdateWorkerSchedule, 4 actions"


def contests(rounds: int, *, with_peers: bool) -> tuple[list[Table], list[Goal]]:
    """Time every request and reply of `wire_decode` with all contestants in turn."""
    if not with_peers:
        return _contests(rounds, None)
    with program("benchmarks.peers.moto_wire", python=peer("moto")) as moto:
        say(moto, json.dumps(_for_moto()))
        for _ in range(len(requests_of.requests()) + len(requests_of.replies())):
            hear(moto)

        def ask(kind: str, name: str) -> float:
            say(moto, json.dumps({"kind": kind, "name": name, "runs": RUNS}))
            return float(hear(moto))

        return _contests(rounds, ask)


def _contests(
    rounds: int, moto: Callable[[str, str], float] | None
) -> tuple[list[Table], list[Goal]]:
    tables, goals = [], []
    for name, request in requests_of.requests().items():
        table = Table(f"Decode {name}", "µs", higher_is_better=False)
        runs: dict[str, Callable[[], object]] = {
            OURS: partial(requests_of.compiled_decode, request),
            PLAIN: partial(requests_of.plain_decode, request),
        }
        _hold(table, runs, rounds, kind="decode", name=name, moto=moto)
        tables.append(table)
        if name == WORKER_UPDATE:
            ratio = table.median(PLAIN) / table.median(OURS)
            goals.append(Goal("Compiled decoder vs plain walk, worker update", 4.0, ratio))
    for name, (operation, result) in requests_of.replies().items():
        table = Table(f"Encode {name}", "µs", higher_is_better=False)
        runs = {
            OURS: partial(encode_response, deadline().operations[operation], result),
            PLAIN: partial(requests_of.plain_encode, operation, result),
        }
        _hold(table, runs, rounds, kind="encode", name=name, moto=moto)
        tables.append(table)
    if moto:
        tables[0].notes.append(
            "moto checks no constraints and is given what routing finds; Grange and the plain walk "
            "route and check everything the model demands."
        )
    return tables, goals


def _hold(
    table: Table,
    runs: dict[str, Callable[[], object]],
    rounds: int,
    *,
    kind: str,
    name: str,
    moto: Callable[[str, str], float] | None,
) -> None:
    contestants = [
        Contestant(who, partial(requests_of.microseconds, run, RUNS)) for who, run in runs.items()
    ]
    if moto is not None:
        contestants.append(Contestant(MOTO, partial(moto, kind, name)))
    held(table, contestants, rounds)


def _for_moto() -> dict[str, Any]:
    decode: dict[str, Any] = {}
    for name, (method, path, query, body) in requests_of.requests().items():
        route = deadline_router().route(method, path)
        decode[name] = {
            "operation": route.operation.name,
            "method": method,
            "path": path,
            "labels": dict(route.path_params),
            "query": dict(pair.split("=") for pair in query.split("&")) if query else {},
            "body": body.decode(),
        }
    encode = {
        name: {"operation": operation, "result": _marked(operation, result)}
        for name, (operation, result) in requests_of.replies().items()
    }
    return {"decode": decode, "encode": encode}


def _marked(operation: str, result: dict[str, Any]) -> Any:
    """Return the result with its instants marked, which JSON cannot tell from numbers."""

    def mark(value: Any, name: str) -> Any:
        if isinstance(value, dict):
            return {key: mark(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [mark(item, name) for item in value]
        if isinstance(value, int) and name.endswith("At"):
            return {"instant": Instant(value)}
        return value

    return mark(result, operation)
