"""What was brought from another system: kept and shown, never priced or added to anything."""

from grange.books.catalog.model import TableSpec, instant, number, text

FOREIGN_RECORDS = TableSpec(
    name="foreign_records",
    title="Records of another system",
    meaning=(
        "A studio's past, as its former system told it. No account, cost or rollup reads this "
        "table. A record is one row, or several parts of a long text."
    ),
    produced_by="server",
    apart=True,
    lasting=True,
    key=("source", "kind", "record_id", "part", "brought_at"),
    time_column="brought_at",
    sort=("source", "kind", "record_id", "part"),
    columns=(
        text("farm_id", "The farm."),
        text("source", "The system it came from, as named when it was brought.", ledger="S0-60"),
        text("kind", "job, day, worker_day, layer_time, chunk, log or worker.", ledger="S0-60"),
        text("record_id", "What the other system calls it.", ledger="S0-60"),
        number("part", "", "Place of this part of the record's text, from 0."),
        instant("brought_at", "When it was written out there. The row lies in this hour."),
        text("brought_by", "Who brought it."),
        instant("at", "When it happened, by the farm's zone.", nullable=True, ledger="S0-60"),
        text("project", "Its project, if it has one.", nullable=True, ledger="S0-44"),
        text("user_name", "Its user, if it has one.", nullable=True, ledger="S0-44"),
        text("app", "Its application, if it has one.", nullable=True, ledger="S0-55"),
        text("layer_name", "Its layer, if it has one.", nullable=True, ledger="S0-44"),
        text("record", "The record as JSON, or a part of it.", ledger="S0-60"),
    ),
)
