"""Facts of streams: what collectors read in growing logs, what data loggers heard."""

from grange.books.catalog.model import (
    Consolidation,
    TableSpec,
    flag,
    instant,
    number,
    real,
    text,
)

LOG_LINE_DAYS = 21
"""How long lines are kept: rings keep what was made of them for ten years."""

LOG_LINES = TableSpec(
    name="log_lines",
    title="Log lines",
    meaning=(
        "One row for each line of a collected log that tells of a file or of an error. No account, "
        "cost or rollup reads this table."
    ),
    produced_by="collector",
    apart=True,
    kept_days=LOG_LINE_DAYS,
    key=("machine", "file_identity", "offset"),
    time_column="at",
    sort=("stream", "kind", "machine", "at", "file_identity", "offset"),
    columns=(
        text("farm_id", "The farm."),
        text("stream", "The stream: a source, a destination, anything that writes a log.",
             ledger="S4-02"),
        text("kind", "rx (a source), tx (a client) or other.", ledger="S4-05"),
        text("machine", "The machine whose log it is.", ledger="S4-13"),
        instant("at", "When the line says it was. The row lies in this hour.", ledger="S4-04"),
        number("latency_ms", "ms", "How long the file was on its way.", Consolidation.LEVEL,
               nullable=True, ledger="S4-05"),
        number("bytes", "bytes", "Size of the file; 0 for an error.", Consolidation.SUM,
               ledger="S4-05"),
        flag("error", "The line tells of an error.", ledger="S4-09"),
        text("product", "The product type of the file.", nullable=True, ledger="S4-08"),
        text("object_name", "The file the line tells of.", nullable=True, ledger="S4-06"),
        text("log_file", "The log, as it was called when it was read."),
        text("file_identity", "Tells this log from any other, whatever it is called.",
             ledger="S4-03"),
        number("offset", "bytes", "Where the line begins in the log.", ledger="S4-03"),
        text("metrics", "What is collected of the stream, if not everything; commas between.",
             nullable=True, ledger="S4-12"),
    ),
)  # fmt: skip

VALUE_DAYS = 400
"""How long logged values are kept one by one: rings keep what was made of them for ten years."""

STREAM_VALUES = TableSpec(
    name="stream_values",
    title="Logged values",
    meaning=(
        "One row for each value that a data logger took, of one data source of a series. No "
        "account, cost or rollup reads this table."
    ),
    produced_by="data logger",
    apart=True,
    kept_days=VALUE_DAYS,
    key=("series", "source_index", "at"),
    time_column="at",
    sort=("series", "source_index", "at"),
    columns=(
        text("farm_id", "The farm."),
        text("series", "The series, by its name.", ledger="S3-01"),
        number("source_index", "", "Which of the series' data sources, from 0.", maximum=9999,
               ledger="S3-02"),
        instant("at", "When the logger took it; later than the one before it of this source. The "
                "row lies in this hour.", ledger="S3-09"),
        real("value", "", "The value as it came, before its type makes a rate of it.",
             ledger="S3-03"),
        text("logger", "The data logger."),
        number("sequence", "", "Where it stands in the logger's own log.", ledger="S3-13"),
    ),
)  # fmt: skip
