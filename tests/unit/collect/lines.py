"""Logs made up for tests, and a reader of them that goes line by line."""

import random
import re
from datetime import UTC, datetime, timedelta
from typing import Any

T0 = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)

_LINE = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) \[(\w+)\] ")


def px_lines(
    count: int, *, seed: int = 0, kind: str = "tx", start: datetime = T0, seconds: float = 3600
) -> list[str]:
    """Lines as a switchboard writes them, errors, tracebacks and other talk among them."""
    dice = random.Random(seed)
    found = []
    for number in range(count):
        at = start + timedelta(seconds=seconds * number / count, milliseconds=dice.randrange(400))
        got = at - timedelta(seconds=dice.choice([-3, 0, 1, 2, 14, 15, 16, 17, 40]))
        product = f"{dice.choice(['SAXX31', 'FPCN11', 'AWXBX1'])}_{dice.choice(['CWAO', 'KWBC'])}"
        name = f"{product}___{number:05d}:feedA:CWAO:SA:3:Direct:{got:%Y%m%d%H%M%S}"
        head = f"{at:%Y-%m-%d %H:%M:%S},{at.microsecond // 1000:03d}"
        size = dice.randrange(1, 90_000)
        chance = dice.random()
        if chance < 0.05:
            found.append(f"{head} [ERROR] Unable to connect to hostb (user:px)")
        elif chance < 0.08:
            found.append(f"{head} [INFO] ({size} Bytes) 12 files/sec handled")
        elif chance < 0.1:
            found += ["Traceback (most recent call last):", '  File "x.py", line 1, in y']
        elif chance < 0.12:
            found.append(f"{head} [WARNING] ({size} Bytes) File {name} is slow")
        elif kind == "rx":
            found.append(f"{head} [INFO] ({size} Bytes) Ingested in DB as /spool/{at:%Y}/SA/{name}")
        elif chance < 0.5:
            told = f"(lat={dice.random() * 20:.3f},speed={dice.random() * 9e4:.1f})"
            found.append(f"{head} [INFO] ({size} Bytes) Bulletin {name}  delivered {told}")
        else:
            found.append(f"{head} [INFO] ({size} Bytes) File {name} delivered to ftp://u@h/d")
    return found


def as_bytes(lines: list[str]) -> bytes:
    """A whole log."""
    return "".join(f"{line}\n" for line in lines).encode()


def slow_px(data: bytes, kind: str) -> list[dict[str, Any]]:
    """The rows of a log, read line by line with the grammar's own words."""
    rows = []
    offset = 0
    for raw in data.split(b"\n")[:-1]:
        line = raw.decode("utf-8", "replace")
        here, offset = offset, offset + len(raw) + 1
        head = _LINE.match(line)
        if not head:
            continue
        at = datetime.strptime(head[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        millis = int(at.timestamp()) * 1000
        row: dict[str, Any] = {"at": millis + int(head[2]), "offset": here}
        if head[3] == "ERROR":
            rows.append(
                row | {"latency_ms": None, "bytes": 0, "error": True,
                       "product": None, "object_name": None}
            )  # fmt: skip
            continue
        excluded = ("/sec", " Segment ", "SEND TIMEOUT")
        if head[3] != "INFO" or "Bytes" not in line or any(word in line for word in excluded):
            continue
        parts = line.split(" ")
        name = parts[9].rsplit("/", 1)[-1] if parts[5] == "Ingested" else parts[6]
        fields = name.split(":")
        got = datetime.strptime(fields[6], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        late = max(0, millis - int(got.timestamp()) * 1000)
        rows.append(
            row | {"latency_ms": None if kind == "rx" else late, "bytes": int(parts[3][1:]),
                   "error": False, "product": fields[0], "object_name": name}
        )  # fmt: skip
    return rows
