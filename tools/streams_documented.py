"""What two older systems could do, and what does it here: the table behind docs/streams-map.md.

Two programs of the last decades did what `grange streams` does: janitoo's data logger, which kept
values of MQTT in RRD files, and the statistics library of MetPX, which kept those of file transfer.
Each of their methods and programs has an entry: the commands (beginning with `grange `) and the
functions (dotted names) that do the same, and the ledger rows whose tests prove it.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """What does here what something did there."""

    here: tuple[str, ...]
    """Commands and functions."""
    rows: tuple[str, ...]
    """Ledger rows whose tests prove it."""
    note: str = ""


def _entry(rows: str, *here: str, note: str = "") -> Entry:
    return Entry(here, tuple(rows.split()), note)


_CACHE = "grange.datalog.cache.SeriesCache"
_LOGGER = "grange.datalog.program.DataLogger"
_DOOR = "grange.datalog.door.Door"
_TIMERS = "grange.datalog.timers.Timers"

JANITOO: Mapping[str, Mapping[str, Entry]] = {
    "bus.RrdBus": {
        "check_heartbeat": _entry("S3-20", "grange streams datalog status", f"{_LOGGER}.health"),
        "get_count_series": _entry("S3-18", f"{_CACHE}.counts", note="The right way round."),
        "get_count_values": _entry("S3-18", f"{_CACHE}.counts"),
        "get_package_name": _entry(
            "S3-17", "grange.datalog.door.DoorServer", note="Pages come out of the program itself."
        ),
        "set_action": _entry("S3-19", "grange streams datalog do", f"{_DOOR}.act"),
        "start": _entry("S3-13", "grange streams datalog run", f"{_LOGGER}.start"),
        "stop": _entry("S3-13", f"{_LOGGER}.stop"),
    },
    "bus.RrdStoreThread": {
        "add_config": _entry("S3-01 S3-02", "grange streams datalog add", f"{_LOGGER}.add_series"),
        "add_rrd_to_list": _entry("S3-16", f"{_CACHE}.index"),
        "config_thread": _entry("S3-22 S3-24", "grange streams datalog set", f"{_LOGGER}.tune"),
        "create_store_index": _entry("S3-26", f"{_CACHE}.cached"),
        "dump": _entry("S3-13", f"{_LOGGER}.dump", note="Values are durable as they come."),
        "flush": _entry("S3-11", "grange streams datalog flush", f"{_CACHE}.flush"),
        "flush_all": _entry("S3-11", "grange streams datalog flush", f"{_CACHE}.flush_all"),
        "get_count_series": _entry("S3-18", f"{_CACHE}.counts"),
        "get_count_values": _entry("S3-18", f"{_CACHE}.counts"),
        "get_list_filename": _entry("S3-16", f"{_DOOR}.read", note="/index.txt"),
        "get_pickle_filename": _entry(
            "S3-13", "grange.adapters.value_log.FileValueLog", note="A log, never a pickle."
        ),
        "get_rrd_directory": _entry("S3-22", "grange.datalog.tuning.Tuning.place"),
        "get_rrd_file": _entry("S3-22", f"{_CACHE}.path"),
        "get_rrd_filename": _entry("S3-22", f"{_CACHE}.path"),
        "get_rrd_httpname": _entry("S3-17", f"{_DOOR}.read", note="/files/…"),
        "get_rrd_label": _entry("S3-23", f"{_CACHE}.label"),
        "get_rrd_public_directory": _entry("S3-17", f"{_DOOR}.read", note="/files/…"),
        "get_values_to_dump": _entry("S3-26", f"{_CACHE}.due"),
        "loop": _entry("S3-10 S3-21", f"{_TIMERS}.tick"),
        "on_value": _entry("S3-08 S3-21", "grange.books.values.payload.readings"),
        "post_loop": _entry("S3-13", f"{_LOGGER}.stop"),
        "pre_loop": _entry("S3-13", f"{_LOGGER}.start"),
        "remove_config": _entry(
            "S3-15", "grange streams datalog remove", f"{_LOGGER}.remove_series"
        ),
        "remove_rrd_from_list": _entry("S3-16", f"{_CACHE}.remove"),
        "restore": _entry("S3-13", "grange.datalog.keeper.Keeper.restore"),
        "rrd_rotate": _entry("S3-10", f"{_CACHE}.rotate"),
        "run": _entry("S3-21", "grange streams datalog run", "grange.datalog.keeper.Keeper.run"),
        "start_timer_dead": _entry("S3-26", "grange streams datalog timer", f"{_TIMERS}.switch"),
        "start_timer_pickle": _entry("S3-26", f"{_TIMERS}.switch"),
        "stop_timer_dead": _entry("S3-26", f"{_TIMERS}.switch"),
        "stop_timer_pickle": _entry("S3-26", f"{_TIMERS}.switch"),
        "timer_add_config": _entry("S3-21", f"{_LOGGER}.add_series"),
        "timer_dead": _entry("S3-14", f"{_CACHE}.retire"),
        "timer_flush": _entry("S3-21", f"{_LOGGER}.flush"),
        "timer_flush_all": _entry("S3-11", f"{_CACHE}.flush_due"),
        "timer_pickle": _entry("S3-13", "grange.datalog.keeper.Keeper.checkpoint"),
        "timer_rrd_rotate": _entry("S3-21", f"{_LOGGER}.rotate"),
        "update_last": _entry("S3-09", f"{_CACHE}.put"),
    },
    "components.RrdDatasource": {
        "check_heartbeat": _entry("S3-20", f"{_CACHE}.missing_files"),
        "get_http_rrd_file": _entry("S3-17", f"{_DOOR}.read"),
        "get_package_name": _entry("S3-17", "grange.datalog.door.DoorServer"),
        "get_rrd_label": _entry("S3-23", f"{_CACHE}.label"),
        "start": _entry("S3-25", f"{_LOGGER}.read_host"),
        "stop": _entry("S3-25", f"{_LOGGER}.stop"),
    },
    "components.RrdResourceComponent": {
        "check_heartbeat": _entry("S3-20", f"{_DOOR}.health"),
        "get_package_name": _entry("S3-17", "grange.datalog.door.DoorServer"),
    },
    "components": {
        "make_datasource": _entry("S3-25", "grange.adapters.host.sensors.HostSensors"),
        "make_http_resource": _entry("S3-17", "grange.datalog.door.DoorServer"),
    },
    "server": {
        "DatalogServer": _entry("S3-08", "grange streams datalog run", _LOGGER),
    },
    "thread": {
        "RrdThread.init_bus": _entry("S3-08", "grange.wiring.datalog.running_datalog"),
        "make_thread": _entry("S3-08", "grange.wiring.datalog.running_datalog"),
    },
}
"""janitoo's data logger: class or module → method → what does it here."""

METPX: Mapping[str, Entry] = {
    "backwardReader": _entry("S4-38", "grange streams tail", "grange.collect.backwards.last_lines"),
    "ClientGraphicProducer": _entry(
        "S4-23 S4-39", "grange graph", "grange.services.streams.graphs.stream_picture"
    ),
    "ClientStatsPickler": _entry("S4-10 S4-11", "grange.collect.run.Collector.collect"),
    "cpickleWrapper": _entry(
        "S4-10", "grange.adapters.parquet.blocks.ParquetBlocks", note="Parquet, never a pickle."
    ),
    "dailyGraphicsWebPage": _entry(
        "S4-26", "grange streams pages", "grange.services.streams.site_pages.pages_of"
    ),
    "weeklyGraphicsWebPage": _entry(
        "S4-26", "grange streams pages", "grange.services.streams.site_pages.pages_of"
    ),
    "monthlyGraphicsWebPage": _entry(
        "S4-26", "grange streams pages", "grange.services.streams.site_pages.pages_of"
    ),
    "yearlyGraphicsWebPage": _entry(
        "S4-26", "grange streams pages", "grange.services.streams.site_pages.pages_of"
    ),
    "getGraphicsForWebPages": _entry(
        "S4-26", "grange streams pages", "grange.services.streams.site_run.look"
    ),
    "launchGraphCreation": _entry("S4-29", "grange streams cycle", "grange.watch.cycle.run_cycle"),
    "DirectoryFileCollector": _entry("S4-02", "grange.collect.names.find_sources"),
    "FileStatsCollector": _entry(
        "S4-04 S4-06",
        "grange.collect.formats.px.PxFormat",
        "grange.services.streams.slots.stream_slots",
    ),
    "generateGraphics": _entry("S4-23 S4-28", "grange graph"),
    "generateAllGraphsForServer": _entry("S4-28", "grange graph"),
    "generateRRDGraphics": _entry("S4-24", "grange graph", "grange.books.graphs.periods.step_ms"),
    "StatsPlotter": _entry("S4-23", "grange.services.streams.graphs.panels_of"),
    "MyDateLib": _entry("S4-26", "grange.books.graphs.periods.periods"),
    "DateLib": _entry("S4-04", "grange.collect.formats.times.in_zone"),
    "pickleCleaner": _entry("S4-36", "grange streams prune"),
    "pickleMerging": _entry(
        "S4-13 S4-14", "grange streams slots", "grange.services.streams.slots.stream_slots"
    ),
    "pickleSynchroniser": _entry(
        "S4-16 S4-40", "grange streams sync", "grange.collect.syncing.sync"
    ),
    "pickleUpdater": _entry("S4-03 S4-11", "grange streams collect"),
    "pickleViewer": _entry("S4-35", "grange streams block"),
    "pickledTimesViewer": _entry("S4-35", "grange streams cursors"),
    "PickleVersionChecker": _entry(
        "S4-15", "grange streams hours", "grange.services.streams.watching.Days"
    ),
    "restoreRoundRobinDatabases": _entry(
        "S4-32", "grange admin restore", "grange.adapters.restoring.restore"
    ),
    "setTimeOfLastUpdates": _entry("S4-30", "grange streams rewind", "grange.collect.run.rewind"),
    "statsMonitor": _entry("S4-33 S4-34", "grange admin watch", "grange.watch.checks.judge"),
    "transferPickleToRRD": _entry(
        "S4-17 S4-18", "grange streams archive", "grange.services.streams.ring_feed.RingFeeder.feed"
    ),
    "rsync of the log folders": _entry("S4-01", "grange.adapters.rsync.RsyncMirror"),
    "24-hour graph in another web interface": _entry(
        "S4-41", "grange streams publish add", "grange.services.streams.site_run.latest_path"
    ),
    "graphics request page": _entry("S4-42", "grange.server.published.Published"),
    "CSV of statistics": _entry("S4-37", "grange graph", "grange.services.streams.graphs.table_of"),
    "backups of databases": _entry(
        "S4-31", "grange admin backup", "grange.services.backup.Backups"
    ),
    "PXPaths": _entry(
        "S4-02", "grange.config.streams.load_streams", note="Paths stand in streams.toml."
    ),
    "gnuplot library": _entry("S4-23", "grange.plots.stream_graph.stream_graph"),
}
"""MetPX's statistics library: program or class → what does it here."""
