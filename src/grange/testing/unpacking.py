"""A snapshot of many rows as the rows it says, read as `packing` describes it."""

import base64
import gzip
import json
from typing import Any

from grange.services.reads.packing import DIGITS


def unpacked(content: bytes, key: str = "job_id") -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a snapshot as it is written, and its rows.

    Args:
        content: as it is sent.
        key: the field that is the rows' id.
    """
    found = json.loads(gzip.decompress(content))
    gone = set(found["gone"])
    rows = {row[key]: row for row in _rows(found, key) if row[key] not in gone}
    rows.update((row[key], row) for row in _rows(found["changed"], key))
    return found, list(rows.values())


def _rows(found: dict[str, Any], key: str) -> list[dict[str, Any]]:
    ids = found["ids"]
    made: list[int] = []
    if "plain" in ids:
        names = ids["plain"]
    else:
        at, names = ids["first"], []
        digits = base64.b64decode(ids["rest"]).hex()
        for number, step in enumerate(ids["steps"]):
            at += step
            made.append(at)
            names.append(f"{ids['prefix']}{at:012x}7{digits[19 * number : 19 * number + 19]}")
    rows: list[dict[str, Any]] = [{key: name} for name in names]
    for name, column in found["columns"].items():
        for row, value in zip(rows, _values(column, made, len(rows)), strict=True):
            row[name] = value
    return rows


def _values(column: dict[str, Any], made: list[int], count: int) -> list[Any]:
    if "plain" in column:
        return list(column["plain"])
    if "after_made" in column:
        return [
            None if after is None else made[number] + after
            for number, after in enumerate(column["after_made"])
        ]
    if "pieces" in column:
        pieces = [_values(one, made, count) for one in column["pieces"]]
        return [
            "_".join(part for part in row if part is not None) for row in zip(*pieces, strict=True)
        ]
    found = []
    for number in range(count):
        place = 0
        for digit in column["at"][number * column["width"] :][: column["width"]]:
            place = place * 64 + DIGITS.index(digit)
        found.append(column["values"][place])
    return found
