"""`[datalog]` of streams.toml: where values come from, which series they go to, how they are kept.

`cache_ttl_seconds`, `dump_seconds`, `dead_ttl_seconds`, `dirmask`, `filemask` and the series may
change while a data logger runs: it reads them again when the file changes.
"""

from typing import Literal

import msgspec


class DatalogSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One data source of a series, where a text does not say enough."""

    address: str
    """The node that sends it; without one in the message: the topic without its last level."""
    value_id: str
    """Which of its values; without one in the message: the topic's last level."""
    index: int = 0
    type: Literal["GAUGE", "COUNTER", "DERIVE", "ABSOLUTE"] = "GAUGE"
    label: str = ""
    minimum: float | None = None
    maximum: float | None = None


class DatalogSeries(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One series: a table of `[[datalog.series]]`."""

    name: str
    sources: tuple[str | DatalogSource, ...]
    """`ADDRESS|VALUE|INDEX|TYPE|LABEL`, or tables."""
    step_seconds: int = 300
    heartbeat_seconds: int = 0
    """The longest silence that is still known; 0: twice the step."""
    archives: str = "janitoo"
    """janitoo, metpx, home, or texts like RRA:AVERAGE:0.5:1:1440 with blanks between."""


class DatalogSection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[datalog]`."""

    name: str = ""
    """Tells this data logger from all others, for ever; empty: the machine's name."""
    folder: str = ""
    """What it keeps: its log and the files of series; empty: in the platform's data folder."""
    broker: str = ""
    """Host name of the MQTT broker; empty: none, only this machine's own values are logged."""
    port: int = 1883
    topics: tuple[str, ...] = ("/values/user/#", "/values/basic/#")
    """What is subscribed to; the defaults are janitoo's."""
    protocol: Literal["5", "3.1.1"] = "5"
    client_id: str = ""
    """Names our session at the broker; empty: grange- and the logger's name."""
    user_name: str = ""
    password_file: str = ""
    """A file that holds the password and nothing else."""
    ca_file: str = ""
    """Authority of the broker's certificate; empty: no TLS."""
    receive_maximum: int = 1000
    """So many messages may be on their way to us unacknowledged. With MQTT 3.1.1 the broker decides
    that; this must be at least as many."""
    server: bool = True
    """False: values stay here; no server gets them."""
    host_values: bool = False
    """True: this machine's temperature, frequency and voltage are a series, too."""
    host_seconds: int = 60
    http_host: str = "127.0.0.1"
    """Where files, pages and counts are shown; loopback only."""
    http_port: int = 8766
    """0: any free one."""
    cache_ttl_seconds: int = 3600
    dump_seconds: int = 60
    dead_ttl_seconds: int = 86_400
    dirmask: str = ""
    filemask: str = "{series}.ring"
    series: tuple[DatalogSeries, ...] = ()
