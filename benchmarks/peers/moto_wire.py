"""moto's protocol code on the `deadline` model: microseconds per request.

Reads one line: {"decode": {name: {...}}, "encode": {name: {...}}}; then, for each further line
{"kind", "name", "runs"}, answers the time of one run. Routing is left out: what moto would find in
the path is given to it.
"""

import json
import sys
import time
from datetime import UTC, datetime

from botocore.loaders import Loader
from moto.core.model import ServiceModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.serialize import SERIALIZERS, SerializationContext
from werkzeug.datastructures import Headers, MultiDict


def main() -> None:
    model = Loader().load_service_model("deadline", "service-2")
    service = ServiceModel(model, "deadline")
    given = json.loads(sys.stdin.readline())
    runs = {}
    for name, request in given["decode"].items():
        operation = service.operation_model(request["operation"])
        parser = PROTOCOL_PARSERS["rest-json"](operation)
        wanted = {
            "body": request["body"].encode(),
            "headers": Headers(),
            "method": request["method"],
            "url_params": request["labels"],
            "url_path": request["path"],
            "values": MultiDict(request["query"]),
        }
        runs["decode", name] = (parser.parse, wanted)
        print(json.dumps(parser.parse(wanted), default=str), flush=True)
    for name, reply in given["encode"].items():
        operation = service.operation_model(reply["operation"])
        serializer = SERIALIZERS["rest-json"](operation, context=SerializationContext())
        runs["encode", name] = (serializer.serialize, _dated(reply["result"]))
        serialized = serializer.serialize(runs["encode", name][1])
        print(json.dumps(serialized["body"], default=str), flush=True)
    for line in sys.stdin:
        told = json.loads(line)
        run, argument = runs[told["kind"], told["name"]]
        start = time.perf_counter()
        for _ in range(told["runs"]):
            run(argument)
        print(json.dumps((time.perf_counter() - start) / told["runs"] * 1e6), flush=True)


def _dated(value):
    """Return a result with datetimes where it says {"instant": milliseconds}."""
    if isinstance(value, dict):
        if set(value) == {"instant"}:
            return datetime.fromtimestamp(value["instant"] / 1000, tz=UTC)
        return {key: _dated(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_dated(item) for item in value]
    return value


if __name__ == "__main__":
    main()
